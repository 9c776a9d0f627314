"""Any value in plain words: what a finding says is read by people whose server is in any language."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from typing import Any


def plain(value: object) -> str:
    """A text as it is, several values one after the other, all else as JSON has it."""
    match value:
        case str():
            return value
        case list() | tuple() | Set():
            entries = sorted(value, key=repr) if isinstance(value, Set) else value
            return "; ".join(map(_entry, entries)) or "nothing"
        case None:
            return "nothing"
    return _entry(_jsonlike(value))


def _entry(value: object) -> str:
    made = _jsonlike(value)
    return made if isinstance(made, str) and made.strip() else json.dumps(made, ensure_ascii=False)


def _jsonlike(value: object) -> Any:
    """The value of what JSON has; what that has not is said in words."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case Mapping():
            return {plain(name): _jsonlike(member) for name, member in value.items()}
        case list() | tuple():
            return [_jsonlike(entry) for entry in value]
        case Set():
            return [_jsonlike(entry) for entry in sorted(value, key=repr)]
        case type():
            return value.__name__
    return str(value)
