"""The `Prefer` header (RFC 7240): what a caller may state for one call, by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mock_server.dialects.dialect import UnknownDialect
from mock_server.preview.account import Refusal

if TYPE_CHECKING:
    from starlette.types import Scope

    from mock_server.dialects.dialect import Dialect
    from mock_server.preview.session import Session

_QUOTED = r'"(?:[^"\\]|\\.)*"?'
_PREFERENCE = re.compile(rf'(?:{_QUOTED}|[^",])+')
_BEFORE_PARAMETERS = re.compile(rf'(?:{_QUOTED}|[^";])*')


def preferred(scope: Scope, name: str) -> str | None:
    """The value of the first preference of that name; its name's case and the value's quotes do not matter.

    Commas and semicolons within quotes part nothing.
    """
    for header, raw in scope["headers"]:
        if header == b"prefer":
            for preference in _PREFERENCE.findall(raw.decode("latin-1")):
                stated = _BEFORE_PARAMETERS.match(preference)
                key, _, value = (stated[0] if stated else "").partition("=")
                if key.strip().lower() == name:
                    return str(value.strip().strip('"'))
    return None


def dialect_of(scope: Scope, session: Session) -> Dialect:
    """The dialect of this call: what the caller prefers, else the session's; Refusal 400 for an unknown one."""
    name = preferred(scope, "dialect")
    if name is None:
        return session.dialect
    try:
        return session.dialect_named(name)
    except UnknownDialect as unknown:
        raise Refusal(400, f"Prefer: {unknown}") from unknown
