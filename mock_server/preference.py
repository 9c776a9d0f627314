"""The `Prefer` header (RFC 7240): the one preference that a caller may state, by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope


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
