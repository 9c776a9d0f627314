"""What was asked of a session and what it answered: every exchange from its arrival on, bounded.

No reader gets a key, the credentials of a connection or the token of a signed URL: an entry gives nothing away but
through `Secrets`. Instants are milliseconds: `real` of the process's clock, `at` of the session's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from mock_server.contract.nearest import counted
from mock_server.contract.redaction import UNREADABLE, Secrets
from mock_server.recording.waiting import Waiting

ENTRIES = 1_000
"""Exchanges that a session keeps; the oldest go first."""
BODY = 65_536
"""Bytes that are kept of a body."""
BYTES = 24_000_000
"""Bytes of all bodies that a session keeps, with what many headers take; the oldest exchanges go first."""
STEERED = 4_000_000
"""Bytes that it keeps of what was asked of the admin API."""
_HEADER = 160
"""Bytes of memory that a header takes, however short it is."""
_LIGHT = 8_000
"""Bytes of exchanges of which there may be any number."""


class State(Protocol):
    """What a run was at some instant."""

    @property
    def status(self) -> str:
        """The word for it."""


@dataclass(slots=True)
class Part:
    """A request or an answer as it went over the wire: its headers, and the beginning of its body."""

    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    size: int = 0
    """Bytes of the whole body, kept or not."""
    cut: bool = False
    """True when `body` is not all that went over the wire, apart from its secrets."""

    @property
    def missing(self) -> str | None:
        """What is not kept of the body, in words; None where all of it is."""
        if self.body == UNREADABLE:
            return f"of the body's {counted(self.size, 'byte')} none is kept, since they may hold credentials"
        return f"of the body's {counted(self.size, 'byte')} the first {len(self.body)} are kept" if self.cut else None

    def header(self, name: str) -> str | None:
        """The first header of that (lower-case) name."""
        return next((value for known, value in self.headers if known == name), None)


class Steered(NamedTuple):
    """A change that somebody made through the admin API: when, and what was asked."""

    after: int
    """The turn of the latest exchange that had its effect before it."""
    at: int
    method: str
    path: str
    """Below `/_mock/`."""
    body: bytes


Headers = Sequence[tuple[bytes, bytes]]


class Entry:
    """One exchange. What is not known yet, while it is under way, is None.

    It keeps what went over the wire; what a reader sees is worked out, without secrets, when somebody reads it.
    """

    ended: int | None = None
    """The real time of its end: the answer was sent, or lost, or the client hung up."""
    status: int | None = None
    operation: str | None = None
    """The operationId, or that of a signed URL; None for a path or method that the contract lacks."""
    ids: Mapping[str, str] = MappingProxyType({})
    """The ids in its path, and that of the run or company which it created."""
    had_effect = False
    """True when it made something, or took a decision, whatever its client was told of it."""
    before: State | None = None
    """The run as it was when the call arrived."""
    after: State | None = None
    """The run as it was when the answer was ready."""
    flight: tuple[str, State] | None = None
    """For a call that names no run: the one in flight that it met when it arrived, and what that was."""
    dialect = "documented"
    """The dialect that the answer was given in."""
    example: str | None = None
    """The contract's example that it was answered with, since its Prefer header asked for it; nothing was done."""
    fault: str | None = None
    """The fault that bent it, in words."""
    lost = False
    """True when the client got no whole answer, by a fault or because it hung up."""
    clause: str | None = None
    """The clause by which it was refused."""
    text: str | None = None
    """The text of a refusal, the nearest operation; `note` is the same without secrets."""
    signed = False
    """True for a call of a signed URL, whose body is a file."""
    turn: int | None = None
    """The place of its effect among those of the session's exchanges: simultaneous ones may overtake each other."""
    acted: int | None = None
    """The session's time for which the answer was worked out, when that is not `at`."""
    sent: tuple[bytes, int] = (b"", 0)
    """The beginning of the request's body as it came, and the size of the whole; for `request` alone to show."""
    weight = 0
    """The bytes that it keeps, where they are so many that they count."""
    answered: tuple[Headers, bytes, int] = ((), b"", 0)
    """Headers, the beginning of the body and its size as they went out; for `answer` alone to show."""

    def __init__(self, journal: Journal, scope: Mapping[str, Any], key: str | None, real: int, at: int) -> None:
        self.number = journal.latest
        """Counts the session's exchanges from 1."""
        self.real = real
        """When it arrived."""
        self.at = at
        """The session's time when it arrived."""
        self._journal = journal
        self._key = key
        self._head: tuple[str, str, bytes, Headers] = (
            scope["method"],
            scope["path"],
            scope["query_string"],
            scope["headers"],
        )

    @property
    def stray(self) -> bool:
        """True for a call without an accepted key, which belongs to no session."""
        return self._journal.stray

    @property
    def run_id(self) -> str | None:
        """The run of the path, or the one that the call created."""
        return self.id_of("run_id")

    @property
    def id(self) -> str:
        """What the answer's `x-mock-request-id` says."""
        return self.name.decode()

    @property
    def name(self) -> bytes:
        """The id as a header has it."""
        return b"stray-%d" % self.number if self._journal.stray else b"%d" % self.number

    @property
    def refused(self) -> bool:
        """Whether the answer was an error of the contract's."""
        return self.status is not None and self.status >= 400

    @property
    def secrets(self) -> Secrets:
        """What of it may not be shown."""
        journal, strange = self._journal, self.operation is None or self.status in {401, 404}
        return Secrets(self._key, journal.tokens, journal.keys, guess=journal.stray or strange)

    @property
    def method(self) -> str:
        """The request's method."""
        return self.secrets.text(self._head[0])

    @property
    def path(self) -> str:
        """The request's path."""
        return self.secrets.text(self._head[1])

    @property
    def query(self) -> str:
        """The request's query."""
        return self.secrets.query(self._head[2].decode("latin-1"))

    @property
    def key_in_url(self) -> bool:
        """True when the URL held a key, which is hidden here."""
        return self.secrets.in_url(self._head[1], self._head[2].decode("latin-1"))

    @property
    def note(self) -> str | None:
        """What helps whoever reads it."""
        return self.text and self.secrets.text(self.text)

    @property
    def request(self) -> Part:
        """What was sent."""
        sent, size = self.sent
        body = (self.secrets.content if self.signed else self.secrets.request)(sent, size)
        return Part(self.secrets.headers(self._head[3]), body, size, size > len(sent) or body == UNREADABLE)

    @property
    def answer(self) -> Part:
        """What was answered."""
        headers, body, size = self.answered
        return Part(self.secrets.headers(headers), self.secrets.content(body, size), size, size > len(body))

    def came_of_it(self, *, new: bool = True, **ids: str) -> None:
        """Note the id of what the call made, or gave back, and whether it is new; a call may be delivered again."""
        self.had_effect = self.had_effect or new
        if ids:
            self.ids = {**self.ids, **ids}

    def id_of(self, name: str) -> str | None:
        """The id of that name, in its path or of what it created."""
        value = self.ids.get(name)
        return value and self.secrets.text(value)

    def all_ids(self) -> dict[str, str | None]:
        """Every id that a call of this API can be about, None where it is about none."""
        return {name: self.id_of(name) for name in self._journal.ids}


class Journal:
    """The exchanges of one session, in the order of their arrival."""

    dropped = 0
    """How many exchanges were forgotten to stay within the limit, or by `clear`."""
    latest = 0
    """The number of the latest exchange."""
    steered_dropped = 0
    """How many changes through the admin API were forgotten."""
    _turn = _weight = _steered_weight = 0

    def __init__(
        self,
        tokens: Container[str] = (),
        ids: Sequence[str] = ("run_id",),
        *,
        stray: bool = False,
        keys: Container[str] = (),
        limit: int = ENTRIES,
    ) -> None:
        self.tokens = tokens
        """The secrets of signed URLs, which no reader gets."""
        self.keys = keys
        """The keys of all sessions."""
        self.ids = ids
        """The names of the ids that calls are about."""
        self.stray = stray
        """Whether it holds the calls that belong to no session."""
        self.steered: deque[Steered] = deque()
        self._entries: deque[Entry] = deque()
        self._limit = limit
        self.waiting = Waiting()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def arrived(self, scope: Mapping[str, Any], key: str | None, real: int, at: int) -> Entry:
        """A new exchange, noted at its arrival."""
        self.latest += 1
        if len(self._entries) == self._limit:
            self._drop_oldest()
        entry = Entry(self, scope, key, real, at)
        self._entries.append(entry)
        return entry

    def take_turn(self, entry: Entry) -> None:
        """The exchange has had its effect; its answer may still be on the way."""
        self._turn += 1
        entry.turn = self._turn

    def finish(self, entry: Entry, sent: tuple[bytes, int], answered: tuple[Headers, bytes, int]) -> None:
        """The exchange is over; keep what went over the wire, and tell those who wait for it."""
        entry.sent, entry.answered = sent, answered
        self.waiting.tell(entry)
        weight = len(sent[0]) + len(answered[1]) + _HEADER * len(entry._head[3])  # noqa: SLF001 - as it is kept
        if weight > _LIGHT and entry.number > self.latest - len(self._entries):
            entry.weight = weight
            self._weight += weight
            while self._weight > BYTES:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        self.dropped += 1
        self._weight -= self._entries.popleft().weight

    def was_steered(self, at: int, method: str, path: str, body: bytes) -> None:
        """Somebody changed the session through the admin API."""
        self.steered.append(Steered(self._turn, at, method, path, body))
        self._steered_weight += len(body)
        while len(self.steered) > self._limit or self._steered_weight > STEERED:
            self.steered_dropped += 1
            self._steered_weight -= len(self.steered.popleft().body)

    def find(self, number: int) -> Entry | None:
        """The exchange of that number, or None when there never was one, or it has been forgotten."""
        return next((entry for entry in self._entries if entry.number == number), None)

    def clear(self) -> int:
        """Forget every exchange; how many there were. The numbers count on."""
        count = len(self._entries)
        self.dropped += count
        self._weight = 0
        self._entries.clear()
        return count
