"""The `Prefer` header (RFC 7240): the one preference that a caller may state, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope


def preferred(scope: Scope, name: str) -> str | None:
    """The value of the first preference of that name; its name's case and the value's quotes do not matter."""
    for header, raw in scope["headers"]:
        if header == b"prefer":
            for preference in raw.decode("latin-1").split(","):
                key, _, value = preference.partition(";")[0].partition("=")
                if key.strip().lower() == name:
                    return str(value.strip().strip('"'))
    return None
