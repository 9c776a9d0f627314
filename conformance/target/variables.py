"""Environment variables in the text of a target file: `${NAME}` is the variable, `$$` one dollar, all else itself.

The rule that it keeps: text is filled in after the YAML was read, so a variable's value can never add a member.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mock_server.contract.yaml_file import Complaint, Document, Place

_DOLLAR = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<open>\{))")
_SURROGATE = re.compile("[\ud800-\udfff]")  # what stands for bytes that are no UTF-8
_REMEDY = "set it, or remove what needs it"


class Unset(str):
    """A text that could not be filled in. That was told already; what it would have to be is not asked any more."""

    __slots__ = ()


def fill_in(document: Document, environment: Mapping[str, str], found: list[Complaint]) -> dict[str, Any]:
    """The members of a file with their variables filled in; `found` gets a complaint for each that cannot be."""

    def fill(place: Place, value: Any) -> Any:
        match value:
            case str() if wrong := dict.fromkeys(_mistakes(value, environment)):  # each but once
                found.extend(document.complain(code, place, text) for code, text in wrong)
                return Unset(value)
            case str():
                return _DOLLAR.sub(lambda each: "$" if each["dollar"] else environment[each["name"]], value)
            case dict():
                return {name: fill((*place, name), member) for name, member in value.items()}
            case list():
                return [fill((*place, index), entry) for index, entry in enumerate(value)]
        return value

    return {name: fill((name,), member) for name, member in document.value.items()}


def _mistakes(text: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Code and message for each `${` that cannot be filled in."""
    for found in _DOLLAR.finditer(text):
        name = found["name"]
        if found["open"]:
            yield "T112", "a `${` has to be followed by a variable's name and `}`; a literal one is written `$${`"
        elif name is not None and name not in environment:
            remedy = "the clock's placeholder is written {seconds}, without $" if name == "seconds" else _REMEDY
            yield "T111", f"the environment has no variable '{name}'; {remedy}"
        elif name is not None and _SURROGATE.search(environment[name]):
            yield "T113", f"the environment's variable '{name}' is not UTF-8; set it to text"
