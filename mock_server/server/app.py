"""The ASGI app: from a request to its handler, in the order of OP-24 (401, 429, 404, 400, 409), and back.

Composition only: what a path means says the contract, who may call says `sessions`, what happens says `api`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from mock_server.admin.application import NOTE, application
from mock_server.contract.document import API
from mock_server.contract.redaction import Secrets
from mock_server.dialects.apply import spoken
from mock_server.faults.injection import TOO_MANY, carried_out, struck, withheld
from mock_server.faults.transport import Wire
from mock_server.http.examples import preferred_example, shown
from mock_server.http.messages import Body, Call, arriving, busy, error, header
from mock_server.http.prefer import dialect_of
from mock_server.kernel.clock import real_time
from mock_server.preview import uploads
from mock_server.preview.account import Refusal
from mock_server.preview.operations import HANDLERS, MAGIC_LINKS
from mock_server.recording.context import noticed
from mock_server.recording.journal import BODY, UPLOAD, Part, created
from mock_server.server.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope, Send

    from mock_server.dialects.dialect import Dialect
    from mock_server.faults.rules import Strike
    from mock_server.kernel.settings import Settings
    from mock_server.preview.session import Session
    from mock_server.recording.journal import Entry, Journal
    from mock_server.scenarios.catalog import World

logger = logging.getLogger("vern-mock")
ADMIN = "/_mock"
REQUEST_ID = b"x-mock-request-id"
"""The header that names an exchange in the session's journal."""
NO_IMPORT_PAGE = (
    "At Vern this link opens the import page of the company. The mock has none; PROV-21 lets you ignore it.\n"
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One finished request, for the log."""

    method: str
    path: str
    status: int
    """0 when the client got no answer: it hung up, or a fault took the answer away."""
    milliseconds: float
    operation: str | None
    note: str | None
    """What helps whoever reads the log: the nearest operation, or the text of a refusal."""


@dataclass(slots=True)
class _Trace:
    """What is found out about a request while it is answered, for the log and for the session's journal."""

    operation: str | None = None
    note: str | None = None
    session: Session | None = None
    entry: Entry | None = None
    journal: Journal | None = None
    secrets: Secrets = field(default_factory=Secrets)
    strike: Strike | None = None
    dialect: Dialect | None = None
    """None where the answer stays as it is."""


class App:
    """The mock as an ASGI application. Assigning `world` swaps the scenarios of runs that start afterwards."""

    def __init__(self, settings: Settings, world: World, log: Callable[[Exchange], None] | None = None) -> None:
        self.settings = settings
        self.sessions = Sessions(settings, world)
        self.log = log
        self._admin = application(self.sessions)

    @property
    def world(self) -> World:
        """Contract, catalogue and scenarios."""
        return self.sessions.world

    @world.setter
    def world(self, world: World) -> None:
        self.sessions.world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; every failure becomes the contract's error body."""
        if scope["type"] != "http":
            return
        if self._is_admin(scope["path"]):
            await self._administer(scope, receive, send)
            return
        begun, trace = perf_counter(), _Trace()
        body = Body(receive, arriving(scope), BODY)
        answer = _Answer(send, trace, body)
        wire: Wire | None = None
        try:
            response = await self._answered(scope, body.receive, trace)
            if trace.dialect is not None and trace.entry is not None:
                response = await spoken(trace.dialect, response, scope, trace.entry.operation)
            if trace.journal is not None and trace.entry is not None:
                trace.journal.answered(trace.entry)
            await body.drained(self.settings.max_upload)
            if trace.strike is None or trace.entry is None or trace.session is None:
                await response(scope, receive, answer.send)
            else:
                wire = Wire(scope, receive, answer.send, send)
                await wire.answer(trace.strike, response, trace.entry, trace.session)
        except ClientDisconnect:
            trace.note = "the client hung up"
        finally:
            answer.finish()
            if self.log is not None:
                elapsed = (perf_counter() - begun) * 1_000
                path = uploads.without_token(scope["path"])
                note = trace.note or (trace.entry.fault if trace.entry is not None else None)
                self.log(Exchange(scope["method"], path, answer.status, elapsed, trace.operation, note))
        if wire is not None:
            await wire.over()

    def _is_admin(self, path: str) -> bool:
        if self.settings.admin:
            return path == ADMIN or path.startswith(f"{ADMIN}/")
        return path == f"{ADMIN}/health"

    async def _administer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the call to the admin application; read what it left of the body before its answer goes out."""
        begun, status = perf_counter(), 0
        body = Body(receive, arriving(scope), 0)

        async def send_drained(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                await body.drained(self.settings.max_upload)
            await send(message)

        try:
            scope["root_path"] = ADMIN
            await self._admin(scope, body.receive, send_drained)
        except Exception:
            logger.exception("%s %s failed", scope["method"], repr(scope["path"])[1:-1])
        if self.log is not None:
            elapsed = (perf_counter() - begun) * 1_000
            self.log(Exchange(scope["method"], scope["path"], status, elapsed, None, scope.get(NOTE)))

    async def _answered(self, scope: Scope, receive: Receive, trace: _Trace) -> Response:
        try:
            return await self._routed(scope, receive, trace)
        except Refusal as refusal:
            trace.note = trace.note or refusal.text
            if trace.entry is not None:
                trace.entry.clause = refusal.clause
            return error(refusal.status, refusal.text)
        except ClientDisconnect:
            raise
        except Exception:
            path = repr(uploads.without_token(scope["path"]))[1:-1]  # on one line, whatever was sent
            logger.exception("%s %s failed", scope["method"], path)
            return error(500, "the mock failed to answer; its log has the details")

    async def _routed(self, scope: Scope, receive: Receive, trace: _Trace) -> Response:
        path = scope["path"]
        if path.startswith(f"{API}/"):
            return await self._operation(scope, receive, trace)
        if path.startswith(uploads.PREFIX):
            return await self._upload(scope, receive, trace)
        if path.startswith(MAGIC_LINKS):
            return Response(NO_IMPORT_PAGE, media_type="text/plain")
        return self._elsewhere(scope, trace)

    async def _operation(self, scope: Scope, receive: Receive, trace: _Trace) -> Response:
        given, real = header(scope, b"x-api-key"), real_time()
        try:
            key = self.sessions.accepted(given)  # AUTH-02, AUTH-03
        except Refusal:
            _note(trace, self.sessions.strays, scope, given, real, real)
            raise
        match = self.world.contract.match(scope["method"], scope["path"])
        session = trace.session = self.sessions.session(key, real)
        now = session.clock.at(real)
        entry = _note(trace, session.journal, scope, key, real, now)
        _choose_dialect(trace, scope, session, entry)
        if match.operation is None:
            return self._astray(scope, match.allowed, trace)
        operation_id = trace.operation = entry.operation = match.operation.id
        if (example := preferred_example(scope, self.world.contract, operation_id)) is not None:
            trace.dialect, entry.example = None, f"{example.status} {example.name}"
            return shown(example)
        company_id = match.parameters.get("company_id")
        strike = trace.strike = struck(session, operation_id, scope, match.parameters, now)
        admitted = (strike is not None and strike.withheld) or session.admit(operation_id, company_id, now)
        noticed(entry, session, trace.secrets, match.parameters, now)
        if strike is not None and strike.withheld:
            return withheld(strike)
        if not admitted:
            raise Refusal(429, TOO_MANY, "RATE-01")
        call = Call(scope, receive, self.world.contract, session, operation_id, match.parameters, now, entry)
        with busy(session):
            return await carried_out(strike, call, HANDLERS[operation_id])

    async def _upload(self, scope: Scope, receive: Receive, trace: _Trace) -> Response:
        found, real = self.sessions.upload(scope["path"].removeprefix(uploads.PREFIX)), real_time()
        if found is None:
            entry = _note(trace, self.sessions.strays, scope, header(scope, b"x-api-key"), real, real)
            entry.operation = UPLOAD
            raise Refusal(404, "no such upload URL")
        session, upload = found
        trace.session, now = session, session.clock.at(real)
        entry = _note(trace, session.journal, scope, session.key, real, now)
        entry.operation, entry.company_id, entry.upload_ref = UPLOAD, upload.company_id, upload.ref
        _choose_dialect(trace, scope, session, entry)
        strike = trace.strike = struck(session, UPLOAD, scope, {"company_id": upload.company_id}, now)
        if strike is not None and strike.withheld:
            return withheld(strike)
        return await uploads.put(session, upload, scope, receive)

    def _elsewhere(self, scope: Scope, trace: _Trace) -> Response:
        """The answer to a path outside the API; it goes to the journal of the session whose key it carries."""
        given, real = header(scope, b"x-api-key"), real_time()
        try:
            session = trace.session = self.sessions.session(self.sessions.accepted(given), real)
        except Refusal:
            _note(trace, self.sessions.strays, scope, given, real, real)
        else:
            _note(trace, session.journal, scope, given, real, session.clock.at(real))
        return self._astray(scope, (), trace)

    def _astray(self, scope: Scope, allowed: tuple[str, ...], trace: _Trace) -> Response:
        """The answer to a method or path that the contract does not have; the nearest one goes to the log alone."""
        method, path = scope["method"], scope["path"]
        if allowed:
            text = f"{method} is not allowed here; allowed: {', '.join(allowed)}"
            return error(405, text, {"Allow": ", ".join(allowed)})
        near = self.world.contract.nearest(method, path)
        trace.note = f"no operation {method} {path}; did you mean {near.method} {near.route}?"
        hint = "" if path.startswith(f"{API}/") else f"; the API is under {API}"
        return error(404, f"nothing is at {path}{hint}")


class _Answer:
    """An answer on its way out: its status, and the beginning of what was sent, for the journal."""

    def __init__(self, send: Send, trace: _Trace, body: Body) -> None:
        self._send = send
        self._trace = trace
        self._body = body
        self.status = 0
        """0 until the answer begins."""
        self.whole = False
        """Whether all of it was handed over."""
        self.part = Part()

    async def send(self, message: Message) -> None:
        entry, journal = self._trace.entry, self._trace.journal
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if entry is not None:
                pairs = [*message["headers"], (REQUEST_ID, entry.id.encode())]
                self.part.headers = self._trace.secrets.headers(pairs)
                message = {**message, "headers": pairs}
        elif message["type"] == "http.response.body":
            piece = message.get("body", b"")
            self.part.size += len(piece)
            if journal is not None and len(self.part.body) < journal.body:
                self.part.body += piece[: journal.body - len(self.part.body)]
            self.whole = not message.get("more_body", False)
            if self.whole:
                self.finish()  # before the caller has all of it, and may ask for the journal
        await self._send(message)

    def finish(self) -> None:
        """Complete the journal's entry, unless that was done."""
        if self._trace.entry is not None and self._trace.entry.ended is None:
            _finish(self._trace, self._body, self)


def _note(trace: _Trace, journal: Journal, scope: Scope, key: str | None, real: int, at: int) -> Entry:
    trace.journal, trace.secrets = journal, journal.secrets(key)
    entry = trace.entry = journal.arrived(scope, key, real, at)
    return entry


def _choose_dialect(trace: _Trace, scope: Scope, session: Session, entry: Entry) -> None:
    dialect = dialect_of(scope, session)
    entry.dialect = dialect.name
    if dialect.readings or dialect is not session.dialect:
        trace.dialect = dialect


def _finish(trace: _Trace, body: Body, answer: _Answer) -> None:
    """Complete the journal's entry, now that its exchange is over."""
    entry, session, journal = trace.entry, trace.session, trace.journal
    assert entry is not None  # noqa: S101 - the caller has looked
    assert journal is not None  # noqa: S101 - as above
    entry.ended = real_time()
    entry.status = answer.status or None
    entry.lost = entry.lost or not answer.whole
    entry.note = entry.note or trace.note
    if session is not None:
        entry.run_id = entry.run_id or created(entry.operation, answer.status, answer.part.body)
        entry.after = session.life(entry.run_id, session.clock.at(entry.ended))
        if entry.operation is not None:
            call = (entry.operation, entry.path, bytes(body.kept))
            session.faults.tally.note(call, entry.run_id, entry.status, lost=entry.lost)
    journal.finished(entry, trace.secrets, Part(body=bytes(body.kept), size=body.size), answer.part)


def create_app(settings: Settings, world: World, log: Callable[[Exchange], None] | None = None) -> App:
    """The mock with these settings; `log` is called with each finished exchange."""
    world.scenario(settings.scenario)
    return App(settings, world, log)
