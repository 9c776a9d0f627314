"""One request on its way to its answer: what was sent, who asks, what it is about, and what was found out so far.

The steps of `server.pipeline` fill it in; a handler reads it.
"""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

from mock_server.contract.clause_map import refusal_clause
from mock_server.contract.document import canonical_id
from mock_server.contract.nearest import counted
from mock_server.contract.redaction import Secrets
from mock_server.dialects.dialect import Dialect, RequestBody
from mock_server.http.direct import receive_directly
from mock_server.http.messages import LARGE, Answer, error, parsed, pieces, read
from mock_server.http.origin import origin
from mock_server.http.prefer import preferences
from mock_server.http.turn import in_thread
from mock_server.kernel.clock import SECOND, real_time
from mock_server.kernel.errors import Refusal
from mock_server.recording.journal import BODY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from starlette.types import Message, Receive, Scope, Send

    from mock_server.contract.document import Contract
    from mock_server.faults.model import Hit
    from mock_server.recording.journal import Entry, Journal
    from mock_server.session.generation import SignedUrl, Subject
    from mock_server.session.session import Session
    from mock_server.session.sessions import Sessions


T = TypeVar("T")
_SELDOM = frozenset((b"transfer-encoding", b"content-encoding", b"prefer", b"origin"))
"""The headers that say what is to be done, beside those of nearly every call."""
DRIPS = 10
"""Times the patience with a silent body, after which one that comes drop by drop must have brought a byte a second."""


class Exchange:
    """One request, and what became of it so far."""

    session: Session
    dialect: Dialect
    """The dialect in which it is answered."""
    speaks = False
    """Whether the dialect changes the answer."""
    now: int
    """The session's time when it arrived."""
    operation_id = ""
    journal: Journal
    arrived = False
    """Whether a journal knows of it."""
    entry: Entry
    """The journal's entry, from its arrival on."""
    known: Session | None = None
    """The session, or None for a call without an accepted key."""
    parameters: Mapping[str, str] = MappingProxyType({})
    """The ids in its path."""
    subject: Subject
    """What it is about."""
    signed: SignedUrl | None = None
    """The kind of signed URL that it is for."""
    hit: Hit | None = None
    """The fault that hits it."""
    note: str | None = None
    """What helps whoever reads the log: the nearest operation, or the text of a refusal."""
    given: str | None = None
    """The key that it carries."""
    prefers: Mapping[str, str] | None = None
    """What its Prefer header states, by name; None without one."""
    host: bytes | None = None
    """The name by which it asks for the server."""
    page: bytes | None = None
    """The origin of the page that a browser sends it for."""
    cors: Sequence[tuple[bytes, bytes]] = ()
    """The headers that let that page read the answer."""
    coming = False
    """Whether it has a body that may still be on its way."""
    encoded = False
    """Whether the body is said to be encoded."""
    size = 0
    """Bytes of the body that have come so far."""
    asked = 0
    """The real time at which the body was first waited for."""
    late = False
    """Whether too little of the body came for too long."""
    kept = b""
    """The beginning of the body, for the journal."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, sessions: Sessions) -> None:
        self.scope = scope
        self.send = send
        self.sessions = sessions
        self.real = real_time()
        self._receive = receive
        headers = dict(reversed(scope["headers"]))  # of those of one name the first
        key = headers.get(b"x-api-key")
        if key is not None:
            self.given = key.decode("latin-1")
        self.host = headers.get(b"host")
        if headers.get(b"content-length", b"0") != b"0":
            self.coming = True
        if not _SELDOM.isdisjoint(headers):
            self._heed(headers)

    def _heed(self, headers: Mapping[bytes, bytes]) -> None:
        """Take note of what few calls carry."""
        self.prefers = preferences(self.scope) if b"prefer" in headers else None
        self.encoded = b"content-encoding" in headers
        self.page = headers.get(b"origin")
        self.coming = self.coming or b"transfer-encoding" in headers

    @property
    def contract(self) -> Contract:
        """The contract by which it is served."""
        return self.sessions.contract

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, ids in their canonical_id form; of a repeated one the last counts."""
        given = parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return {name: canonical_id(value) for name, value in given}

    @property
    def origin(self) -> str:
        """What a URL that leads back here begins with, whoever stands in between."""
        settings = self.sessions.settings
        host = None if self.host is None else self.host.decode("latin-1")
        return settings.public_url or origin(self.scope, host, trusted=settings.trust_proxy)

    def header(self, name: bytes) -> str | None:
        """The first header of that (lower-case) name."""
        return next((value.decode("latin-1") for known, value in self.scope["headers"] if known == name), None)

    def preferred(self, name: str) -> str | None:
        """The value of the first preference of that name, or None."""
        return None if self.prefers is None else self.prefers.get(name)

    def later(self) -> int:
        """The session's time now, when the call itself has taken a while."""
        now = self.session.clock.at(real_time())
        self.entry.acted = now
        return now

    def told(self) -> tuple[str, str | None, str | None]:
        """For the log: path, operation, and what helps whoever reads it; without keys and tokens.

        There are none in what leads somewhere: its words are those of the contract, and its ids those of the session.
        """
        path: str = self.scope["path"] if self.signed is None else f"{self.signed.prefix}…"
        if not self.arrived:
            secrets = Secrets(self.given, guess=True)
            return secrets.text(path), None, self.note and secrets.text(self.note)
        entry, operation = self.entry, self.entry.operation
        if operation is not None and entry.status not in {400, 401, 404, 429}:
            return path, operation, self.note or entry.fault
        return entry.path if self.signed is None else path, operation, entry.note or entry.fault

    def arrive(self, journal: Journal, key: str | None, now: int) -> Entry:
        """Note in that journal that it has arrived, at this time of the session's."""
        self.journal, self.now, self.arrived = journal, now, True
        self.entry = journal.arrived(self.scope, key, self.real, now)
        return self.entry

    async def json(self, *, optional: bool = False) -> Any:
        """The body, checked against the contract; Refusal 400 with what is wrong (ERR-11)."""
        raw = self._take()
        if raw is None:
            raw = await self.read()
        if self.size > LARGE:
            return await in_thread(lambda: self._checked(raw, optional=optional))
        return self._checked(raw, optional=optional)

    def _checked(self, raw: bytes, *, optional: bool) -> Any:
        body = {} if optional and not raw else parsed(raw)
        if self.dialect.readings:
            body = self._understood(body)
        if wrong := self.contract.request_differences(self.operation_id, body):
            raise Refusal(400, wrong[0].text, refusal_clause(self.contract, self.operation_id, wrong))
        return body

    def refused(self, refusal: Refusal) -> Answer:
        """The answer to a call that is refused; the journal and the log are told why."""
        self.note = self.note or refusal.text
        self.entry.clause = refusal.clause
        return error(refusal.status, refusal.text, refusal.headers)

    async def aside(self, work: Callable[[], T]) -> T:
        """What comes of the work, which is done in a thread where the body is large, so that nobody else waits."""
        return await in_thread(work) if self.size > LARGE else work()

    def _understood(self, body: Any) -> Any:
        """The body as the call's dialect takes it; Refusal where that takes less than the mock usually does."""
        sent = RequestBody(self.operation_id, self.header(b"content-type"), body)
        if (refusal := self.dialect.refuse(sent)) is not None:
            raise Refusal(*refusal)
        return self.dialect.change_body(sent)

    async def read(self) -> bytes:
        """The whole body; Refusal 413 for one that is too long, ClientDisconnect when it breaks off."""
        raw = self._take()
        return await read(self.scope, self.receive, self.sessions.settings.max_body) if raw is None else raw

    def _take(self) -> bytes | None:
        """The whole body where it has come; None, and nothing is done, where it is to be awaited or refused."""
        if not self.coming or self.encoded:
            return None
        raw = receive_directly(self._receive, self.sessions.settings.max_body)
        if raw is not None:
            self.size, self.kept, self.coming = len(raw), raw[:BODY], False
        return raw

    def repeat_body(self, raw: bytes) -> None:
        """Let the body be read again, any number of times."""

        async def receive() -> Message:
            return {"type": "http.request", "body": raw, "more_body": False}

        self._receive = receive

    def pieces(self, limit: int) -> AsyncIterator[bytes]:
        """The body as it comes; Refusal 413 above `limit` bytes, ClientDisconnect when it breaks off."""
        return pieces(self.scope, self.receive, limit)

    async def receive(self) -> Message:
        """The next message of the body; Refusal 408 when it lets the server wait too long."""
        if not self.coming:
            return await self._receive()
        waiting = self.sessions.receiving
        waiting[self] = now = real_time()
        self.asked = self.asked or now
        try:
            message = await self._receive()
        finally:
            waiting.pop(self, None)
        if piece := message.get("body"):
            self.size += len(piece)
            if self.arrived and (room := BODY - len(self.kept)) > 0:
                self.kept += piece[:room]
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self.coming = False
        elif self.late:
            self.coming = False
            seconds = self.sessions.settings.body_timeout // SECOND
            text = f"the body stopped after {counted(self.size, 'byte')}; send it without pauses of {seconds}s or more"
            raise Refusal(408, f"{text}, and at least a byte a second", headers={"Connection": "close"})
        return message

    def is_late(self, since: int, now: int) -> bool:
        """Whether nothing of the body came since then for too long, or next to nothing for much longer."""
        patience = self.sessions.settings.body_timeout
        slow = now - self.asked >= DRIPS * patience and self.size * SECOND < now - self.asked
        return slow or since <= now - patience

    def give_up(self) -> None:
        """Let the call wait no longer for its body: it refuses, and its connection ends."""
        self.late = True
        cycle: Any = getattr(self._receive, "__self__", None)  # uvicorn's, of either protocol
        if cycle is not None:
            cycle.keep_alive = False
            cycle.message_event.set()

    async def drain(self, limit: int) -> None:
        """Take in what nobody read, up to `limit` bytes.

        A server that answers while the caller still sends, and closes, resets the connection: the caller sees a broken
        pipe, and never the 413 or 401 that explains it.
        """
        size = 0
        with contextlib.suppress(Refusal):  # the answer that is there says more
            while self.coming and size <= limit:
                size += len((await self.receive()).get("body", b""))
