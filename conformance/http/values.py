"""JSON whose every value can be looked up by and counted, so that a list where a text is due breaks no check."""

from __future__ import annotations

import json
from typing import Any


class Members(dict[str, Any]):
    """A JSON object."""

    def __hash__(self) -> int:  # type: ignore[override]
        return len(self)


class Items(list[Any]):
    """A JSON array."""

    def __hash__(self) -> int:  # type: ignore[override]
        return len(self)


def load(text: str) -> Any:
    """The value of a JSON text; raises ValueError where it is none."""
    return _items(json.loads(text, parse_constant=_no_number, object_hook=_members))


def _members(found: dict[str, Any]) -> Members:
    return Members((name, _items(value)) for name, value in found.items())


def _items(value: Any) -> Any:
    return Items(map(_items, value)) if isinstance(value, list) else value


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")
