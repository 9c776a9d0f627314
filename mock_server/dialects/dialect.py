"""The dialects by name, and what a name stands for: parts put together by `+`, each a dialect or a single reading.

Of two readings that are ways of the same thing the last one counts. `random` is drawn from words, never from chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mock_server.contract.nearest import unknown
from mock_server.dialects import headers as manners
from mock_server.preview.readings import bodies, codes, requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mock_server.dialects.reading import Heard, Reading, Said

READINGS: tuple[Reading, ...] = (
    bodies.BARE_COMPANY,
    bodies.NO_RUN_ID,
    bodies.NO_PARKED_SUMS,
    bodies.BARE_HISTORY,
    bodies.NULLS_IN_CATALOGUE,
    bodies.NOTHING_INSERTED,
    bodies.BARE_EXPORTS,
    bodies.TALKATIVE,
    bodies.SILENT,
    bodies.NULL_TEXTS,
    bodies.NO_OPTIONS,
    bodies.NULL_MEMBERS,
    requests.IDS_AGAIN,
    requests.NO_EMPTY_ANSWERS,
    requests.LENIENT_ANSWERS,
    requests.KNOWN_MEMBERS,
    requests.ONLY_JSON,
    requests.ALL_TEMPLATES,
    codes.UPLOAD_CODES,
    codes.SIGNED_QUERY,
    codes.REPLAY_AS_FIRST,
    codes.EXPORT_200,
    codes.EXPORT_202,
    codes.REJECTS_LATER,
    codes.MALFORMED_IDS,
    codes.WRONG_METHOD,
    codes.SAME_TEXT,
    codes.NO_ZIP,
    codes.STATUS_IGNORED,
    codes.STATUS_UNKNOWN,
    codes.HISTORY_DATA,
    codes.HISTORY_RENAMED,
    codes.HISTORY_ARRAY,
    bodies.UNKNOWN_MEMBERS,
    manners.CSV_CHARSET,
    manners.EXTRA_HEADERS,
    manners.OTHER_JSON,
)
"""Every reading, in the order in which they change an answer: what is said first, how it is written last."""
BY_NAME = {reading.name: reading for reading in READINGS}
DOCUMENTED, MINIMAL, EXTENDED, RANDOM = "documented", "minimal", "extended", "random"
TITLES = {
    DOCUMENTED: "what the documentation shows, and where it is silent the readings of docs/open-points.md",
    MINIMAL: "only documented members; what the contract marks as optional is left out, what may be null is null",
    EXTENDED: "unknown members and headers, and the other reading of each open point that an answer can show",
    RANDOM: "some of the readings, drawn by the session's seed and key; random:7 draws the same ones in every session",
}
"""Each dialect's name, and what it is."""
FEWEST = (
    bodies.BARE_COMPANY,
    bodies.NO_RUN_ID,
    bodies.NO_PARKED_SUMS,
    bodies.BARE_HISTORY,
    bodies.NULLS_IN_CATALOGUE,
)
RIVALS = (  # of each two ways the extended dialect has the other one
    bodies.BARE_HISTORY,
    bodies.NULLS_IN_CATALOGUE,
    bodies.SILENT,
    bodies.NO_OPTIONS,
    requests.LENIENT_ANSWERS,
    codes.EXPORT_200,
    codes.STATUS_UNKNOWN,
    codes.HISTORY_RENAMED,
    codes.HISTORY_ARRAY,
)
_DRAWS = 1_000_000


class UnknownDialect(LookupError):
    """No dialect or reading of that name; the text lists the names and the nearest one."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A name, and the readings that it stands for, in the order in which they change an answer."""

    name: str
    readings: tuple[Reading, ...] = ()

    def has(self, reading: Reading) -> bool:
        """Whether it reads things in that way."""
        return reading in self.readings

    def say(self, said: Said) -> None:
        """Change an answer in place."""
        for reading in self.readings:
            if reading.says is not None:
                reading.says(said)

    def hear(self, heard: Heard) -> Any:
        """The body that is taken for the one that was sent."""
        for reading in self.readings:
            if reading.hears is not None:
                heard = heard._replace(body=reading.hears(heard))
        return heard.body

    def refusal(self, heard: Heard) -> tuple[int, str] | None:
        """Status and text with which it refuses a body that the mock would take, or None."""
        for reading in self.readings:
            if reading.refuses is not None and (refused := reading.refuses(heard)) is not None:
                return refused
        return None


PLAIN = Dialect(DOCUMENTED)


def dialect(name: str, *words: object) -> Dialect:
    """The dialect of that name, `random` drawn from the words; raises UnknownDialect."""
    names: list[str] = []
    spoken: dict[str, Reading] = {}
    for part in name.split("+"):
        named, readings = _part(part.strip().lower(), words)
        names.append(named)
        spoken |= {reading.about: reading for reading in readings}
    chosen = set(spoken.values())
    return Dialect("+".join(dict.fromkeys(names)), tuple(reading for reading in READINGS if reading in chosen))


def _part(name: str, words: Iterable[object]) -> tuple[str, Iterable[Reading]]:
    """The name of a part, told so that it gives the same readings in every session, and its readings."""
    if name in BY_NAME:
        return name, (BY_NAME[name],)
    word, colon, number = name.partition(":")
    if word == RANDOM and (not colon or (number.isascii() and number.isdecimal() and len(number) <= 9)):
        drawn = int(number) if colon else _hashed(*words) % _DRAWS
        return f"{RANDOM}:{drawn}", tuple(_drawn(drawn))
    match name:
        case "documented":
            return name, ()
        case "minimal":
            return name, FEWEST
        case "extended":
            return name, [reading for reading in READINGS if reading not in RIVALS]
    if word == RANDOM:
        raise UnknownDialect(f"random takes a whole number of at most 9 digits, such as random:7; got {name!r}")
    raise UnknownDialect(unknown("dialect or reading", name, (*TITLES, *BY_NAME)))


def _drawn(number: int) -> Iterator[Reading]:
    """About half of what can be read otherwise, in one way each."""
    ways: dict[str, list[Reading]] = {}
    for reading in READINGS:
        ways.setdefault(reading.about, []).append(reading)
    for about, readings in ways.items():
        lot, odd = divmod(_hashed(number, about), 2)
        if odd:
            yield readings[lot % len(readings)]


def _hashed(*words: object) -> int:
    return int.from_bytes(sha256("\x1f".join(map(str, words)).encode("utf-8", "surrogatepass")).digest()[:6])


def entries() -> list[dict[str, Any]]:
    """Every dialect as the admin API and the command line list it."""
    return [
        {"name": name, "title": title, "readings": None if name == RANDOM else described(dialect(name))}
        for name, title in TITLES.items()
    ]


def described(spoken: Dialect) -> list[dict[str, str]]:
    """The readings of a dialect, each with its open point and what it does."""
    return [told(reading) for reading in spoken.readings]


def told(reading: Reading) -> dict[str, str]:
    """A reading as the admin API and the command line tell it."""
    return {"name": reading.name, "point": reading.point, "does": reading.does}
