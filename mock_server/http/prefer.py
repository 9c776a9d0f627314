"""The `Prefer` header (RFC 7240): what a caller may state for one call, by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

_QUOTED = r'"(?:[^"\\]|\\.)*"?'
_LONGEST = 8_000
"""Characters of the header that are looked at, many times what anybody can state."""
_PREFERENCE = re.compile(rf'(?:{_QUOTED}|[^",])+')
_BEFORE_PARAMETERS = re.compile(rf'(?:{_QUOTED}|[^";])*')


def preferences(scope: Scope) -> dict[str, str]:
    """Every preference by name, of a repeated one the first; the name's case and the value's quotes do not matter.

    Commas and semicolons within quotes part nothing.
    """
    found: dict[str, str] = {}
    stated = b",".join(raw for header, raw in scope["headers"] if header == b"prefer")
    for preference in _PREFERENCE.findall(stated[:_LONGEST].decode("latin-1")):
        before = _BEFORE_PARAMETERS.match(preference)
        name, _, value = (before[0] if before else "").partition("=")
        found.setdefault(name.strip().lower(), str(value.strip().strip('"')))
    return found
