"""A company's import history, newest first, page by page (HIST-01 to HIST-05, OP-08)."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from mock_server.account import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.account import Company

_DEFAULT, _MOST = 20, 100


def page(company: Company, query: Mapping[str, str], now: int) -> dict[str, Any]:
    """The page that `limit` and `cursor` ask for; a run that starts between two pages moves neither."""
    limit = _limit(query.get("limit"))
    before = _before(query.get("cursor"), len(company.imports))
    runs = company.imports[max(0, before - limit) : before][::-1]
    rest = before - len(runs)
    return {"runs": [run.listed(run.life(now)) for run in runs], "next_cursor": _cursor(rest) if rest > 0 else None}


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= _MOST):
        raise Refusal(400, f"limit must be a whole number from 1 to {_MOST}; got {text!r}")
    return int(text)


def _cursor(before: int) -> str:
    return urlsafe_b64encode(f"before:{before}".encode()).decode()


def _before(cursor: str | None, count: int) -> int:
    """How many of the company's runs are older than the cursor."""
    if cursor is None:
        return count
    try:
        word, _, number = urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").partition(":")
    except (ValueError, binascii.Error):
        word, number = "", ""
    if word != "before" or not number.isdecimal() or not 1 <= int(number) <= count or _cursor(int(number)) != cursor:
        raise Refusal(400, f"cursor must be a next_cursor of this company's history; got {cursor!r}")
    return int(number)
