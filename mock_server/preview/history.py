"""A company's import history, newest first, page by page (HIST-01 to HIST-05, OP-08)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from mock_server.contract.nearest import shown
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.preview.companies import Company

_DEFAULT, _MOST = 20, 100


def asked(company: Company, query: Mapping[str, str]) -> tuple[int, int]:
    """How many runs a query asks for, and how many of the company's are older than its cursor; Refusal 400 (OP-08)."""
    limit, cursor, before = _limit(query.get("limit")), query.get("cursor"), len(company.imports)
    if cursor is not None:
        try:
            number = int(urlsafe_b64decode(cursor).removeprefix(b"before:"))
        except ValueError:
            number = 0
        if not 1 <= number <= before or _cursor(number) != cursor:
            raise Refusal(400, f"cursor must be a next_cursor of this company's history; got {shown(cursor)}")
        before = number
    return limit, before


def page(company: Company, limit: int, before: int, now: int) -> dict[str, Any]:
    """One page; a run that starts between two pages moves neither."""
    runs = company.imports[max(0, before - limit) : before][::-1]
    rest = before - len(runs)
    return {"runs": [run.listed(run.life(now)) for run in runs], "next_cursor": _cursor(rest) if rest > 0 else None}


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= _MOST):
        raise Refusal(400, f"limit must be a whole number from 1 to {_MOST}; got {shown(text)}")
    return int(text)


def _cursor(before: int) -> str:
    return urlsafe_b64encode(f"before:{before}".encode()).decode()
