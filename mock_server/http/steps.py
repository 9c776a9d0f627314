"""A large JSON text, read in steps so short that in a thread it keeps nobody waiting.

A step reads as many whole members of an array or object as stand in a window of the text, cut at a comma: at the last
one that makes sense, for what is read without a mistake was cut between two members. A member that is longer than the
window is read by steps itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from mock_server.kernel.errors import Refusal

STEP = 100_000
"""Bytes that one step looks at."""
MOST = 500_000
"""Objects and arrays of one text."""
WIDEST = 50_000
"""Members of one object: they are sorted to be compared, which is one step."""
LONGEST = 100_000
"""Bytes of a number."""
_MARKS = (b"},", b"],", b",")
_TRIES = 2
_SPACE = re.compile(rb"[ \t\n\r]*")
_TOKEN = re.compile(rb'"(?:[^"\\]+|\\.)*"?|[\[\]{},]', re.DOTALL)
_WORD = re.compile(rb"[^\]},\s]+")
_CLOSING = {ord("["): b"]", ord("{"): b"}"}

Read = Callable[[bytes, int], Any]
"""Reads a short text, around which there are so many arrays and objects; ValueError for what is no JSON."""


def read_in_steps(raw: bytes, read: Read) -> Any:
    """The value of a text; what `read` raises, ValueError, and Refusal 413 for an object of too many members."""
    if raw.count(b"{") + raw.count(b"[") > MOST:
        raise Refusal(413, f"the body holds too much; at most {MOST} objects and arrays are taken")
    at = _skip(raw, 0)
    value, at = _Steps(raw, read).value(at, 0)
    if (at := _skip(raw, at)) < len(raw):
        raise ValueError(f"unexpected content after document: byte {at + 1}")
    return value


class _Steps:
    """The steps through one text; `at` is a place in it, `depth` how many arrays and objects are around that place."""

    def __init__(self, raw: bytes, read: Read) -> None:
        self._raw = raw
        self._read = read
        self._cuts: dict[int, int | None] = {}

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        """The value that begins there, and where it ends."""
        if self._raw[at : at + 1] in (b"[", b"{"):
            return self._many(at, depth + 1)
        if self._raw[at : at + 1] == b'"':
            return self._string(at)
        found = _WORD.match(self._raw, at)
        end = min(found.end(), at + LONGEST) if found else at + 1
        return self._told(at, self._read, self._raw[at:end], depth), end

    def _string(self, at: int) -> tuple[str, int]:
        """The string that begins there, and where it ends."""
        end = at + 1
        while end < len(self._raw):
            part = self._raw[end : end + STEP].replace(b"\\\\", b"..").replace(b'\\"', b"..")
            if (quote := part.find(b'"')) >= 0:
                end += quote + 1
                break
            end += max(1, len(part) - part.endswith(b"\\"))
        return self._told(at, orjson.loads, self._raw[at:end]), end

    def _many(self, at: int, depth: int) -> tuple[Any, int]:
        """What the array or object holds that begins there, and where it ends."""
        opening, closing = self._raw[at : at + 1], _CLOSING[self._raw[at]]
        held: Any = {} if closing == b"}" else []

        def take(begin: int, end: int) -> None:
            part = self._raw[begin:end]
            if not part.strip() and (begin > start or not self._raw.startswith(closing, end)):
                raise ValueError(f"unexpected character: byte {end + 1}")
            found = self._read(opening + part + closing, depth - 1)
            held.update(found) if closing == b"}" else held.extend(found)
            if closing == b"}" and len(held) > WIDEST:
                raise Refusal(413, f"an object of the body has too many members; at most {WIDEST} are taken")

        start = at = at + 1
        while True:
            if (after := self._jump(at, take)) is not None:
                at = after
                continue
            cut, end = self._cut(at)
            if end is not None:
                self._told(at, take, at, self._expect(closing, end))
                return held, end + 1
            if cut is None:
                cut = self._long(at, depth, held)
                if self._raw.startswith(closing, cut):
                    return held, cut + 1
            else:
                self._told(at, take, at, cut)
            at = self._expect(b",", cut) + 1

    def _jump(self, at: int, take: Callable[[int, int], None]) -> int | None:
        """Behind the last comma of the window that proves to be between two members; None when a few tries do not."""
        if at + STEP > len(self._raw):
            return None
        for mark in _MARKS:
            end = at + STEP
            for _ in range(_TRIES):
                end = self._raw.rfind(mark, at, end)
                if end < 0:
                    break
                try:
                    take(at, end + len(mark) - 1)
                except ValueError:
                    continue
                return end + len(mark)
        return None

    def _cut(self, at: int) -> tuple[int | None, int | None]:
        """Where the last comma between two members stands in the window, and where they all end.

        The same is kept of whatever is open at the window's end: no byte is looked at again for each level around it.
        """
        if at in self._cuts:
            return self._cuts.pop(at), None
        around: list[tuple[int, int | None]] = [(at, None)]  # where the members of each begin, and its last comma
        for token in _TOKEN.finditer(self._raw, at, at + STEP):
            begin = token.start()
            first = self._raw[begin]
            if first in _CLOSING:
                around.append((begin + 1, None))
            elif first == ord(","):
                around[-1] = around[-1][0], begin
            elif first != ord('"') and len(around) == 1:
                return around[0][1], begin
            elif first != ord('"'):
                around.pop()
        self._cuts = {each: last for each, last in around[1:] if _skip(self._raw, each) < at + STEP}
        return around[0][1], None

    def _long(self, at: int, depth: int, held: Any) -> int:
        """Read one member that is longer than the window; where what follows it stands."""
        if isinstance(held, list):
            value, at = self.value(_skip(self._raw, at), depth)
            held.append(value)
        else:
            at = self._expect(b'"', _skip(self._raw, at))
            name, at = self._string(at)
            at = self._expect(b":", _skip(self._raw, at))
            held[name], at = self.value(_skip(self._raw, at + 1), depth)
        return _skip(self._raw, at)

    def _expect(self, mark: bytes, at: int) -> int:
        if not self._raw.startswith(mark, at):
            what = "unexpected character" if at < len(self._raw) else "unexpected end of data"
            raise ValueError(f"{what}, {mark.decode()!r} expected: byte {at + 1}")
        return at

    def _told(self, at: int, read: Callable[..., Any], *given: Any) -> Any:
        """What is read; ValueError with the place in the whole text."""
        try:
            return read(*given)
        except orjson.JSONDecodeError as error:
            place = at + max(0, error.pos - 1)
            what = "unexpected end of data" if place + 1 >= len(self._raw) else error.msg
            raise ValueError(f"{what}: byte {place + 1}") from error


def _skip(raw: bytes, at: int) -> int:
    """The next place that holds something."""
    found = _SPACE.match(raw, at)
    return found.end() if found else at
