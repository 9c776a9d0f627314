"""Readings, and the dialects that a name makes of them: parts put together by `+`, each a dialect or a single reading.

A reading is one thing that a server does otherwise than the mock usually does, and that the documentation allows: pure
functions that change an answer before it is sent, or a body before it is checked.

Of two readings that are ways of the same thing the last one counts. `random` is drawn from words, never from chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from mock_server.contract.nearest import shown, unknown

DOCUMENTED, MINIMAL, EXTENDED, RANDOM = "documented", "minimal", "extended", "random"
TITLES = {
    DOCUMENTED: "what the documentation shows, and where it is silent the readings of docs/open-points.md",
    MINIMAL: "only documented members; what the contract marks as optional is left out, what may be null is null",
    EXTENDED: "unknown members and headers, and the other reading of each open point that an answer can show",
    RANDOM: "some of the readings, drawn by the session's seed and key; random:7 draws the same ones in every session",
}
"""Each dialect's name, and what it is."""
F = TypeVar("F", bound=Callable[..., Any])
_DRAWS = 1_000_000
_PARTS = 100
"""Parts of a name; what is beyond them is taken for one part, which nobody knows."""
HEADERS = {
    "x-request-id": "req_8f14e45fceea",
    "x-ratelimit-remaining": "57",
    "cache-control": "no-store",
    "etag": '"7"',
    "set-cookie": "visit=1; Path=/",
    "via": "1.1 gateway",
}
"""What a gateway in front of an API adds; never `Retry-After` (RATE-03)."""


class UnknownDialect(LookupError):
    """No dialect or reading of that name; the text lists the names and the nearest one."""


@dataclass(slots=True)
class Answer:
    """An answer on its way out; what a reading changes here is what the caller gets."""

    operation: str | None
    """The operationId, `put_upload` for a signed URL, None for a path or method that the contract lacks."""
    path: str
    """The request's path."""
    query: Mapping[str, str]
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    """The JSON value; None where the answer is a download or has no JSON."""
    indented: bool = False
    """Whether the JSON takes many lines."""

    @property
    def ok(self) -> bool:
        """Whether it is 2xx."""
        return 200 <= self.status < 300

    @property
    def has_json(self) -> bool:
        """Whether it is an answer of 2xx in JSON."""
        return self.ok and self.body is not None


class RequestBody(NamedTuple):
    """A request's body on its way in."""

    operation: str
    content_type: str | None
    value: Any
    """The JSON value."""


class Reading(NamedTuple):
    """One reading. It may change answers, change a request's body, or refuse one."""

    name: str
    point: str
    """The open point that it reads, or the clause that allows it."""
    does: str
    """The end of the sentence "This server …"."""
    change_answer: Callable[[Answer], None] | None = None
    """Changes an answer in place."""
    change_body: Callable[[RequestBody], Any] | None = None
    """The JSON value that is taken for the one that was sent."""
    refuse: Callable[[RequestBody], tuple[int, str] | None] | None = None
    """Status and text with which a body is refused that the mock would take."""
    rivals: str | None = None
    """The topic that it shares with its rivals; a dialect has only one of them. None: it has no rival."""
    minimal: bool = False
    """Whether the minimal dialect has it."""
    extended: bool = True
    """Whether the extended dialect has it."""

    @property
    def topic(self) -> str:
        """What it is a way of."""
        return self.rivals or self.name

    def as_json(self) -> dict[str, str]:
        """The reading as the admin API and the command line show it."""
        return {"name": self.name, "point": self.point, "does": self.does}


class Readings(list[Reading]):
    """Readings in the order in which they change an answer; a function joins them by its decorator."""

    def add(self, name: str, point: str, does: str, *, by: str = "change_answer", **more: Any) -> Callable[[F], F]:
        """Make a reading of a function: `by` is the field of `Reading` that it is for, `more` has further fields."""

        def join(function: F) -> F:
            self.append(Reading(name, point, does, **{by: function, **more}))
            return function

        return join


@dataclass(frozen=True, slots=True)
class Dialect:
    """A name, and the readings that it stands for, in the order in which they change an answer."""

    name: str
    readings: tuple[Reading, ...] = ()

    def has(self, name: str) -> bool:
        """Whether the reading of that name is among its readings."""
        return any(reading.name == name for reading in self.readings)

    def change_answer(self, answer: Answer) -> None:
        """Change an answer in place."""
        for reading in self.readings:
            if reading.change_answer is not None:
                reading.change_answer(answer)

    def change_body(self, body: RequestBody) -> Any:
        """The JSON value that is taken for the one that was sent."""
        for reading in self.readings:
            if reading.change_body is not None:
                body = body._replace(value=reading.change_body(body))
        return body.value

    def refuse(self, body: RequestBody) -> tuple[int, str] | None:
        """Status and text with which it refuses a body that the mock would take, or None."""
        refusals = (reading.refuse(body) for reading in self.readings if reading.refuse is not None)
        return next(filter(None, refusals), None)

    def as_json(self) -> list[dict[str, str]]:
        """Its readings, each with its open point and what it does."""
        return [reading.as_json() for reading in self.readings]


class Dialects:
    """The dialects that can be made of a generation's readings.

    The readings come in the order in which they change an answer: its content first, how it is written last.
    """

    def __init__(self, *readings: Reading) -> None:
        self.readings = readings
        self.by_name = {reading.name: reading for reading in readings}
        self._parts: dict[str, Iterable[Reading]] = {name: (reading,) for name, reading in self.by_name.items()} | {
            DOCUMENTED: (),
            MINIMAL: [reading for reading in readings if reading.minimal],
            EXTENDED: [reading for reading in readings if reading.extended],
        }

    def find(self, name: str, *words: object) -> Dialect:
        """The dialect of that name, `random` drawn from the words; raises UnknownDialect."""
        names: list[str] = []
        by_topic: dict[str, Reading] = {}
        for part in name.split("+", _PARTS):
            canonical, readings = self._part(part.strip().lower(), words)
            names.append(canonical)
            by_topic |= {reading.topic: reading for reading in readings}
        chosen = set(by_topic.values())
        return Dialect("+".join(dict.fromkeys(names)), tuple(each for each in self.readings if each in chosen))

    def as_json(self) -> list[dict[str, Any]]:
        """Every dialect as the admin API and the command line list it."""
        return [
            {"name": name, "title": title, "readings": None if name == RANDOM else self.find(name).as_json()}
            for name, title in TITLES.items()
        ]

    def _part(self, name: str, words: Iterable[object]) -> tuple[str, Iterable[Reading]]:
        """The readings of a part, and its name so that it gives the same ones in every session."""
        if name in self._parts:
            return name, self._parts[name]
        word, colon, number = name.partition(":")
        if word == RANDOM and (not colon or (number.isascii() and number.isdecimal() and len(number) <= 9)):
            seed = int(number) if colon else _hash(*words) % _DRAWS
            return f"{RANDOM}:{seed}", tuple(self._draw(seed))
        if word == RANDOM:
            text = f"random takes a whole number of at most 9 digits, such as random:7; got {shown(name)}"
            raise UnknownDialect(text)
        raise UnknownDialect(unknown("dialect or reading", name, (*TITLES, *self.by_name)))

    def _draw(self, seed: int) -> Iterator[Reading]:
        """About half of what can be read otherwise, in one way each."""
        topics: dict[str, list[Reading]] = {}
        for reading in self.readings:
            topics.setdefault(reading.topic, []).append(reading)
        for topic, readings in topics.items():
            lot, odd = divmod(_hash(seed, topic), 2)
            if odd:
                yield readings[lot % len(readings)]


def _hash(*words: object) -> int:
    return int.from_bytes(sha256("\x1f".join(map(str, words)).encode("utf-8", "surrogatepass")).digest()[:6])


READINGS = Readings()
"""Of how any answer is written, in whatever generation: more headers, and the JSON's order and form."""


@READINGS.add("extra-headers", "ERR-03", "sends headers that a gateway would add")
def _add_headers(answer: Answer) -> None:
    answer.headers.update(HEADERS)


def _reverse(value: Any) -> Any:
    if isinstance(value, list):
        return [_reverse(each) for each in value]
    if isinstance(value, dict):
        return {name: _reverse(value[name]) for name in reversed(value)}
    return value


@READINGS.add("other-json", "FMT-04", "writes members in another order, over many lines, and names the charset")
def _reformat_json(answer: Answer) -> None:
    if answer.body is not None:
        answer.body, answer.indented = _reverse(answer.body), True
        answer.headers["content-type"] = "application/json; charset=utf-8"
