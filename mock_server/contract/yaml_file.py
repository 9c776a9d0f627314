"""What a YAML file holds, with the place of each part, and what is wrong with it: values, which `yaml_reader` makes."""

from __future__ import annotations

from typing import Any, NamedTuple

Place = tuple[str | int, ...]
"""The way to a value: member names and list positions, from the top of the file."""
Position = tuple[int, int]
"""Line and column, both counted from 1."""
TOP: Position = (1, 1)


class Complaint(NamedTuple):
    """One thing that is wrong with a file, and where; printed as `park.yaml:12:9: E201 unknown member …`."""

    file: str
    line: int
    column: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.code} {self.message}"

    @property
    def is_warning(self) -> bool:
        """True when the file is usable all the same."""
        return self.code.startswith("W")


class BadFiles(ValueError):
    """One or more files cannot be used; `complaints` says all that is wrong with them, in order of file and line."""

    def __init__(self, complaints: list[Complaint]) -> None:
        self.complaints = tuple(sorted(complaints))
        super().__init__("\n".join(map(str, self.complaints)))


class Document(NamedTuple):
    """What a file holds, and where each part of it stands."""

    file: str
    value: dict[str, Any]
    members: dict[Place, Position]
    """Where a member's name or a list's entry begins."""
    values: dict[Place, Position]
    """Where a value begins."""

    def at(self, place: Place, *, key: bool = False) -> Position:
        """Line and column of the value at `place` (or of its name); of the nearest part around it if there is none."""
        known = self.members if key else self.values
        while place and place not in known:
            place = place[:-1]
        return known.get(place, TOP)

    def complain(self, code: str, place: Place, message: str, *, key: bool = False) -> Complaint:
        """A complaint about the value at `place`, or about its name."""
        return Complaint(self.file, *self.at(place, key=key), code, message)


class Sent(Document):
    """Members that came in a request; a complaint has the way to the value in the place of a file."""

    def complain(self, code: str, place: Place, message: str, *, key: bool = False) -> Complaint:  # noqa: ARG002 - a way has no places
        """A complaint about the value at `place`."""
        way = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
        return Complaint(way.removeprefix("."), 0, 0, code, message)


def kind(value: Any) -> str:
    """What a value is, in words for a message."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text '{value}'" if len(value) <= 40 else f"the text '{value[:40]}…'"
        case dict():
            return "members"
        case _:
            return "a list"
