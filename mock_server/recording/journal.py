"""What was asked of a session and what it answered: every exchange from its arrival on, bounded, without secrets.

The rule that it keeps: a key, the credentials of a connection and the token of a signed URL are gone before anything is
kept. Instants are milliseconds: `real` of the process's clock, `at` of the session's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from mock_server.contract.redaction import UNREADABLE, Secrets

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from mock_server.preview.lifecycle import Life

ENTRIES = 1_000
"""Exchanges that a session keeps; the oldest go first."""
BODY = 65_536
"""Bytes that are kept of a body."""
UPLOAD = "put_upload"
"""The operation of a signed URL, which the contract describes and does not list."""


@dataclass(slots=True)
class Part:
    """A request or an answer as it went over the wire: its headers, and the beginning of its body."""

    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    size: int = 0
    """Bytes of the whole body, kept or not."""
    cut: bool = False
    """True when `body` is not all that went over the wire, apart from its secrets."""

    def header(self, name: str) -> str | None:
        """The first header of that (lower-case) name."""
        return next((value for known, value in self.headers if known == name), None)


class Flight(NamedTuple):
    """A run of the company that was in flight, and what it was."""

    run_id: str
    state: Life


class Steered(NamedTuple):
    """A change that somebody made through the admin API: when, and what was asked."""

    after: int
    """The turn of the latest exchange that had its effect before it."""
    at: int
    method: str
    path: str
    """Below `/_mock/`."""
    body: bytes


@dataclass(slots=True)
class Entry:
    """One exchange. What is not known yet, while it is under way, is None."""

    number: int
    """Counts the session's exchanges from 1."""
    real: int
    """When it arrived."""
    at: int
    """The session's time when it arrived."""
    method: str
    path: str
    query: str
    request: Part
    operation: str | None = None
    """The operationId; `UPLOAD` for a signed URL; None for a path or method that the contract lacks."""
    company_id: str | None = None
    run_id: str | None = None
    """The run of the path, or the one that the call created."""
    before: Life | None = None
    """The run as it was when the call arrived."""
    after: Life | None = None
    """The run as it was when the answer was ready."""
    answer: Part = field(default_factory=Part)
    status: int | None = None
    ended: int | None = None
    """The real time of its end: the answer was sent, or lost, or the client hung up."""
    dialect: str = "documented"
    """The dialect that the answer was given in."""
    example: str | None = None
    """The contract's example that it was answered with, since its Prefer header asked for it; nothing was done."""
    fault: str | None = None
    """The fault that bent it, in words."""
    lost: bool = False
    """True when the client got no whole answer, by a fault or because it hung up."""
    clause: str | None = None
    """The clause by which it was refused."""
    note: str | None = None
    """What helps whoever reads it: the text of a refusal, the nearest operation."""
    key_in_url: bool = False
    """True when the URL held a key, which is hidden here."""
    stray: bool = False
    """True for a call without an accepted key, which belongs to no session."""
    upload_ref: str | None = None
    """The upload of the signed URL to which the bytes were put."""
    flight: Flight | None = None
    """The import (for an export call: the export) of the path's company that was in flight when the call arrived."""
    turn: int | None = None
    """The place of its effect among those of the session's exchanges: simultaneous ones may overtake each other."""
    acted: int | None = None
    """The session's time for which the answer was worked out, when that is not `at`."""

    @property
    def id(self) -> str:
        """What the answer's `x-mock-request-id` says."""
        return f"stray-{self.number}" if self.stray else str(self.number)

    @property
    def refused(self) -> bool:
        """Whether the answer was an error of the contract's."""
        return self.status is not None and self.status >= 400


class Journal:
    """The exchanges of one session, in the order of their arrival."""

    def __init__(
        self, tokens: Container[str] = (), *, stray: bool = False, limit: int = ENTRIES, body: int = BODY
    ) -> None:
        self.body = body
        """Bytes that are kept of a body."""
        self.dropped = 0
        """How many exchanges were forgotten to stay within the limit, or by `clear`."""
        self.latest = 0
        """The number of the latest exchange."""
        self.steered: deque[Steered] = deque(maxlen=limit)
        self._tokens = tokens
        self._stray = stray
        self._turn = 0
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._news = asyncio.Event()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def secrets(self, key: str | None) -> Secrets:
        """What of an exchange with this key may not be kept."""
        return Secrets(key, self._tokens)

    def arrived(self, scope: Mapping[str, Any], key: str | None, real: int, at: int) -> Entry:
        """A new exchange, noted at its arrival."""
        self.latest += 1
        if len(self._entries) == self._entries.maxlen:
            self.dropped += 1
        secrets, path, query = self.secrets(key), scope["path"], scope["query_string"].decode("latin-1")
        entry = Entry(
            number=self.latest,
            real=real,
            at=at,
            method=secrets.text(scope["method"]),
            path=secrets.text(path),
            query=secrets.query(query),
            request=Part(secrets.headers(scope["headers"])),
            key_in_url=secrets.in_url(path, query),
            stray=self._stray,
        )
        self._entries.append(entry)
        return entry

    def answered(self, entry: Entry) -> None:
        """The exchange has had its effect; its answer may still be on the way."""
        self._turn += 1
        entry.turn = self._turn

    def finished(self, entry: Entry, secrets: Secrets, sent: Part, answer: Part) -> None:
        """The exchange is over: what was sent and answered, as it went over the wire."""
        bare = secrets.content if entry.operation == UPLOAD else secrets.request
        entry.request.body, entry.request.size = bare(sent.body, sent.size), sent.size
        entry.request.cut = sent.size > len(sent.body) or entry.request.body == UNREADABLE
        body = secrets.content(answer.body, answer.size)
        entry.answer = Part(answer.headers, body, answer.size, cut=answer.size > len(answer.body))
        entry.note = entry.note and secrets.text(entry.note)
        self.wake()

    def was_steered(self, at: int, method: str, path: str, body: bytes) -> None:
        """Somebody changed the session through the admin API."""
        self.steered.append(Steered(self._turn, at, method, path, body))

    def wake(self) -> None:
        """Let everybody who waits for news look again."""
        self._news.set()
        self._news = asyncio.Event()

    async def news(self) -> None:
        """Return when the next exchange is over, or the session."""
        await self._news.wait()

    def find(self, number: int) -> Entry | None:
        """The exchange of that number, or None when there never was one, or it has been forgotten."""
        return next((entry for entry in self._entries if entry.number == number), None)

    def clear(self) -> int:
        """Forget every exchange; how many there were. The numbers count on."""
        count = len(self._entries)
        self.dropped += count
        self._entries.clear()
        return count


def created(operation: str | None, status: int, answer: bytes) -> str | None:
    """The run that a call created or gave back, by what it was answered."""
    if operation not in {"start_import", "start_export"} or not 200 <= status < 300:
        return None
    try:
        return str(orjson.loads(answer)["run_id"])
    except (ValueError, KeyError, TypeError):  # bent by a fault
        return None
