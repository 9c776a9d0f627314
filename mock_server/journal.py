"""What was asked of a session and what it answered: every exchange from its arrival on, bounded, without secrets.

The rule that it keeps: a key, the credentials of a connection and the token of a signed URL are gone before anything is
kept. Instants are milliseconds: `real` of the process's clock, `at` of the session's.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mock_server.lifecycle import Life

ENTRIES = 1_000
"""Exchanges that a session keeps; the oldest go first."""
BODY = 65_536
"""Bytes that are kept of a body."""
HIDDEN = "…"
"""What stands in the place of a secret."""

_SECRET_HEADERS = {b"x-api-key", b"authorization", b"cookie", b"set-cookie", b"x-admin-token"}
_SECRET_WORDS = re.compile(r"(?i)([\w.-]*(?:key|token|secret|password)[\w.-]*=)[^&]*")
_SIGNED = re.compile(r"(/uploads/)[^/?\"\s]+")
_UNREADABLE = b'"(not kept: it may hold credentials)"'


@dataclass(slots=True)
class Part:
    """A request or an answer as it went over the wire: its headers, and the beginning of its body."""

    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    size: int = 0
    """Bytes of the whole body, kept or not."""


@dataclass(slots=True)
class Entry:
    """One exchange. What is not known yet, while it is under way, is None."""

    number: int
    """Counts the session's exchanges from 1; it is the answer's `x-mock-request-id`."""
    real: int
    """When it arrived."""
    at: int
    """The session's time when it arrived."""
    method: str
    path: str
    query: str
    request: Part
    operation: str | None = None
    """The operationId; `put_upload` for a signed URL; None for a path or method that the contract lacks."""
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

    @property
    def refused(self) -> bool:
        """Whether the answer was an error of the contract's."""
        return self.status is not None and self.status >= 400


class Journal:
    """The exchanges of one session, in the order of their arrival."""

    def __init__(self, limit: int = ENTRIES, body: int = BODY) -> None:
        self.body = body
        """Bytes that are kept of a body."""
        self.dropped = 0
        """How many exchanges were forgotten to stay within the limit, or by `clear`."""
        self._number = 0
        self._entries: deque[Entry] = deque(maxlen=limit)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def arrived(self, scope: Mapping[str, Any], key: str | None, real: int, at: int) -> Entry:
        """A new exchange, noted at its arrival."""
        self._number += 1
        if len(self._entries) == self._entries.maxlen:
            self.dropped += 1
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        shown = _without(query, key)
        entry = Entry(
            number=self._number,
            real=real,
            at=at,
            method=scope["method"],
            path=_SIGNED.sub(rf"\1{HIDDEN}", _masked(path, key)),
            query=shown,
            request=Part(_headers(scope["headers"], key)),
            key_in_url=shown != query or _masked(path, key) != path,
        )
        self._entries.append(entry)
        return entry

    def find(self, number: int) -> Entry | None:
        """The exchange of that number, or None when there never was one, or it has been forgotten."""
        return next((entry for entry in self._entries if entry.number == number), None)

    def clear(self) -> int:
        """Forget every exchange; how many there were. The numbers count on."""
        count = len(self._entries)
        self.dropped += count
        self._entries.clear()
        return count


def bare_request(operation: str | None, body: bytes, size: int) -> bytes:
    """A request's body without credentials."""
    if operation != "provision_company" or not body:
        return body
    try:
        value = orjson.loads(body)
    except ValueError:  # malformed, or longer than what is kept
        return body if b"auth" not in body and size == len(body) else _UNREADABLE
    return orjson.dumps(_without_auth(value)) if b"auth" in body else body


def bare_answer(operation: str | None, body: bytes) -> bytes:
    """An answer's body without the token of a signed URL."""
    if operation != "request_upload":
        return body
    return _SIGNED.sub(rf"\1{HIDDEN}", body.decode("utf-8", "replace")).encode()


def created(entry: Entry) -> str | None:
    """The run that the exchange created or gave back, by what it was answered."""
    if entry.operation not in {"start_import", "start_export"} or entry.status is None or entry.status >= 300:
        return None
    try:
        return str(orjson.loads(entry.answer.body)["run_id"])
    except (ValueError, KeyError, TypeError):  # bent by a fault
        return None


def headers(pairs: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    """An answer's headers as text."""
    return _headers(pairs, None)


def _headers(pairs: Iterable[tuple[bytes, bytes]], key: str | None) -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            name.decode("latin-1").lower(),
            HIDDEN if name.lower() in _SECRET_HEADERS else _masked(value.decode("latin-1"), key),
        )
        for name, value in pairs
    )


def _without(query: str, key: str | None) -> str:
    return _masked(_SECRET_WORDS.sub(rf"\1{HIDDEN}", query), key) if query else query


def _masked(text: str, key: str | None) -> str:
    return text.replace(key, HIDDEN) if key and key in text else text


def _without_auth(value: Any) -> Any:
    match value:
        case dict():
            return {name: HIDDEN if name == "auth" else _without_auth(each) for name, each in value.items()}
        case list():
            return [_without_auth(each) for each in value]
    return value
