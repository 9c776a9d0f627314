"""A strict reader of YAML files: plain data in, every complaint with its file, line and column.

The rule that it keeps: a file means what YAML 1.2's core schema says and nothing more. `true` and `false` are the only
booleans; `on`, `yes`, dates and `1:30` are text. Duplicate members, anchors, aliases, tags and a second document are
refused. Values are built from the parser's events, so that the place of every member stays known.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from mock_server.contract.yaml_file import TOP, BadFiles, Complaint, Document, Place, Position, kind

if TYPE_CHECKING:
    from pathlib import Path

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 40

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("-+.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_JSON_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def read(path: Path) -> Document:
    """The one mapping that a YAML file holds; raises BadFiles with everything that its form gets wrong."""
    file = str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadFiles([Complaint(file, *TOP, "E101", f"cannot be read: {error.strerror or error}")]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        found = f"is not UTF-8 (byte 0x{error.object[error.start]:02x}); save it as UTF-8"
        raise BadFiles([Complaint(file, line, 1, "E102", found)]) from None
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    """As `read`, for text that is at hand; `file` is the name for messages."""
    return _Builder(text, file).document()


class _Builder:
    """Builds plain values from one parser's events and remembers where each of them stands."""

    def __init__(self, text: str, file: str) -> None:
        self.file, self.text = file, text
        self.complaints: list[Complaint] = []
        self.members: dict[Place, Position] = {}
        self.values: dict[Place, Position] = {}
        try:
            self.parser = _LOADER(text)
        except yaml.YAMLError as error:
            self.stop(error)

    def document(self) -> Document:
        value: Any = None
        begun = False
        try:
            while not isinstance(event := self.parser.get_event(), yaml.StreamEndEvent):
                if isinstance(event, yaml.DocumentStartEvent):
                    if begun:
                        self.complain("E105", _where(event), "a second document begins here; write one file for each")
                        break
                    value, begun = self.build(self.parser.get_event(), ()), True
        except yaml.YAMLError as error:
            self.stop(error)
        finally:
            self.parser.dispose()
        if not isinstance(value, dict) and not self.complaints:
            found = "is empty" if value is None else f"holds {kind(value)}"
            self.complain("E104", self.values.get((), TOP), f"expected members (`name: value`), but the file {found}")
        if self.complaints:
            raise BadFiles(self.complaints)
        return Document(self.file, value, self.members, self.values)

    def build(self, event: Any, place: Place) -> Any:
        self.values[place] = where = _where(event)
        if len(place) > _DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"nested more than {_DEEPEST} deep", problem_mark=event.start_mark)
        if event.anchor is not None:  # an alias has its target's name here
            self.complain("E106", where, f"anchors and aliases are not used here (`{event.anchor}`); write it out")
        if isinstance(event, yaml.AliasEvent):
            return None
        if event.tag is not None:
            self.complain("E107", where, f"tags are not used here (`{event.tag}`); quote what should be text")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, where)
        return self.mapping(place) if isinstance(event, yaml.MappingStartEvent) else self.sequence(place)

    def mapping(self, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := self.parser.get_event(), yaml.MappingEndEvent):
            where = _where(event)
            name = self.build(event, ("",))  # at a place of its own, which nobody asks about
            self.values.pop(("",), None)
            if not isinstance(name, str):
                self.complain("E108", where, f"a member's name is text, not {kind(name)}; put it in quotes")
                name = str(name)
            if name in result:
                line = self.members[*place, name][0]
                self.complain("E103", where, f"'{name}' is given twice; the first one is in line {line}")
                name = f"{name} (again)"
            self.members[*place, name] = where
            result[name] = self.build(self.parser.get_event(), (*place, name))
        return result

    def sequence(self, place: Place) -> list[Any]:
        result: list[Any] = []
        while not isinstance(event := self.parser.get_event(), yaml.SequenceEndEvent):
            here = (*place, len(result))
            self.members[here] = _where(event)
            result.append(self.build(event, here))
        return result

    def scalar(self, event: Any, where: Position) -> Any:
        text: str = event.value
        if event.style not in {None, ""}:
            return text
        try:
            return _plain(text)
        except ValueError:
            shown = text if len(text) <= 20 else f"{text[:20]}…"
            self.complain("E109", where, f"{shown} is not a number that JSON can carry; quote it if it is text")
            return 0

    def complain(self, code: str, where: Position, message: str) -> None:
        self.complaints.append(Complaint(self.file, *where, code, message))

    def stop(self, error: yaml.YAMLError) -> NoReturn:
        """The parser cannot go on: its own complaint comes on top of those so far."""
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = TOP if mark is None else (mark.line + 1, mark.column + 1)
        if mark is None and (found := yaml.SafeLoader.NON_PRINTABLE.search(self.text)) is not None:
            before = self.text[: found.start()]
            where = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "the text cannot be read"
        context = getattr(error, "context", None)
        self.complain("E100", where, f"not YAML: {problem}" + (f" ({context})" if context else ""))
        raise BadFiles(self.complaints) from None


def _where(event: Any) -> Position:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _plain(text: str) -> Any:
    """An unquoted scalar by YAML 1.2's core schema; ValueError for a number that JSON has no form for."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    is_float = _FLOAT.fullmatch(text) is not None
    if is_float and math.isfinite(number := float(text)):
        return number
    if is_float or _NO_JSON_NUMBER.fullmatch(text):
        raise ValueError
    return text
