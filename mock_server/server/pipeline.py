"""From a request to its answer: the steps in the order of OP-24 (401, 429, 404, 400, 409), and the way out.

A step looks at the exchange and fills something in; it returns an answer where that ends the matter, or raises the
Refusal that says why not. What comes of the last step goes out in the session's dialect, bent by the fault that hits
the call, and is recorded before the caller has all of it.
"""

from __future__ import annotations

import contextlib
import logging
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from mock_server.dialects.apply import apply
from mock_server.dialects.dialect import UnknownDialect
from mock_server.faults.transport import Delivery, Wire, response_of
from mock_server.http.direct import send_directly
from mock_server.http.examples import preferred_example, shown
from mock_server.http.hang_up import HUNG_UP, UNREAD, deliver
from mock_server.http.messages import Answer, error, failure, head_of
from mock_server.http.turn import be_in_task
from mock_server.kernel.clock import real_time
from mock_server.kernel.errors import Refusal
from mock_server.recording.journal import BODY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.responses import Response
    from starlette.types import Message

    from mock_server.faults.model import Hit
    from mock_server.recording.journal import Entry
    from mock_server.session.exchange import Exchange
    from mock_server.session.generation import Handler
    from mock_server.session.session import Session

    Step = Callable[[Exchange], Response | None]

logger = logging.getLogger("vern-mock")
REQUEST_ID = b"x-mock-request-id"
"""The header that names an exchange in the session's journal."""
TOO_MANY = "Too many requests"  # RATE-02
MOMENT = 1
"""Milliseconds in which nobody hangs up for want of an answer; most calls take a tenth of one."""


# -- the steps of a call to an operation


def open_session(x: Exchange) -> None:
    """Whose call it is: the session of its key; Refusal 401 without an accepted one (AUTH-02, AUTH-03)."""
    try:
        x.session = x.known = x.sessions.enter(x.given, x.real)
    except Refusal:
        x.arrive(x.sessions.strays, x.given, x.real)
        raise
    x.arrive(x.session.journal, x.given, x.session.clock.at(x.real))


def choose_dialect(x: Exchange) -> None:
    """In which dialect it is answered: the preferred one, else the session's; Refusal 400 for an unknown one."""
    x.dialect = x.session.dialect
    if x.prefers is not None and (name := x.prefers.get("dialect")) is not None:
        try:
            x.dialect = x.session.dialect_named(name)
        except UnknownDialect as unknown:
            raise Refusal(400, f"Prefer: {unknown}") from unknown
    x.speaks = bool(x.dialect.readings) or x.dialect is not x.session.dialect
    x.entry.dialect = x.dialect.name


def find_operation(x: Exchange) -> Response | None:
    """Which operation of the contract it is for; 404 or 405 for none. A HEAD is for that of the GET."""
    method = x.scope["method"]
    operation, x.parameters, allowed = x.contract.match("GET" if method == "HEAD" else method, x.scope["path"])
    if operation is None:
        return nothing_there(x, allowed)
    x.operation_id = x.entry.operation = operation.id
    return None


def prefer_example(x: Exchange) -> Response | None:
    """The contract's example, for a caller that prefers one; nothing is done then."""
    if x.prefers is None or (example := preferred_example(x.prefers, x.contract, x.operation_id)) is None:
        return None
    x.speaks, x.entry.example = False, f"{example.status} {example.name}"
    return shown(example)


def find_subject(x: Exchange) -> None:
    """What it is about, as it is now."""
    preferred = None if x.prefers is None else x.prefers.get("scenario")
    x.subject = subject = x.session.account.subject(x.operation_id, x.parameters, preferred, x.now)
    entry = x.entry
    entry.ids, entry.before, entry.flight = x.parameters, subject.state, subject.flight


def meet_faults(x: Exchange) -> None:
    """Which fault hits it, if any does."""
    scenario, state = x.subject.scenario, x.subject.state
    if x.session.faults.own or (scenario is not None and scenario.faults):
        where = next(iter(x.parameters.values()), None)
        x.hit = x.session.meet_faults(x.now, scenario, (x.operation_id, None if state is None else state.status, where))


def withhold(x: Exchange) -> Response | None:
    """The answer to a call that a fault keeps from the service; it spends nothing of any budget."""
    reply = None if x.hit is None else x.hit.fault.withhold()
    return None if reply is None else response_of(reply)


def limit_rate(x: Exchange) -> None:
    """Refusal 429 for a call beyond its budget (RATE-01)."""
    if not x.session.admit(x.now, x.operation_id, x.subject.budget):
        raise Refusal(429, TOO_MANY, "RATE-01")


CALL: Sequence[Step] = (
    open_session,
    choose_dialect,
    find_operation,
    prefer_example,
    find_subject,
    meet_faults,
    withhold,
    limit_rate,
)


# -- the steps of a signed URL, and of a path where there is nothing


def find_signed_url(x: Exchange) -> None:
    """Whose signed URL it is; the URL is the credential (AUTH-09). Refusal 404 for one that nobody was given."""
    signed = x.signed
    assert signed is not None  # noqa: S101 - the application has looked
    found = x.sessions.find_signed(signed, x.scope["path"].removeprefix(signed.prefix))
    if found is None:
        entry = x.arrive(x.sessions.strays, x.given, x.real)
    else:
        x.session, x.parameters = found
        x.known = x.session
        entry = x.arrive(x.session.journal, x.session.key, x.session.clock.at(x.real))
    entry.operation = x.operation_id = signed.operation
    entry.signed = True
    if found is None:
        raise Refusal(404, "no such upload URL")


SIGNED: Sequence[Step] = (find_signed_url, choose_dialect, find_subject, meet_faults, withhold)


def look_elsewhere(x: Exchange) -> Response:
    """Nothing is there; the call goes to the journal of the session whose key it carries."""
    with contextlib.suppress(Refusal):
        open_session(x)
    return nothing_there(x, ())


ELSEWHERE: Sequence[Step] = (look_elsewhere,)


def nothing_there(x: Exchange, allowed: tuple[str, ...]) -> Response:
    """The answer to a method or path that the contract does not have; the nearest one goes to the log alone."""
    method, path = x.scope["method"], x.scope["path"]
    if allowed:
        allowed += ("HEAD",) if "GET" in allowed else ()
        text = f"{method} is not allowed here; allowed: {', '.join(allowed)}"
        return error(405, text, {"Allow": ", ".join(allowed)})
    near = x.contract.nearest(method, path)
    x.note = f"no operation {method} {path}; did you mean {near.method} {near.route}?"
    prefix = x.contract.prefix
    hint = "" if path.startswith(f"{prefix}/") else f"; the API is under {prefix}"
    return error(404, f"nothing is at {path}{hint}")


# -- the way out


async def respond(x: Exchange, steps: Sequence[Step]) -> int:
    """Answer the exchange; the status that was sent, 0 for none."""
    out, wire = Outgoing(x), None
    try:
        response = await _answered(x, steps)
        if x.speaks:
            response = await apply(x.dialect, response, x.scope, x.entry.operation, x.preferred("dialect"))
        if x.scope["method"] == "HEAD":
            response = head_of(response)
        x.journal.take_turn(x.entry)
        if x.coming:
            await x.drain(x.sessions.settings.max_upload)
        if x.hit is not None:
            await be_in_task()
            wire = Wire(x.scope, x.receive, out.send, x.send)
            await _send_bent(x, x.hit, wire, response)
        elif type(response) is Answer:
            await out.send_whole(response)
        else:
            await be_in_task()
            with contextlib.nullcontext() if x.known is None else x.known.in_use():  # a download may take its time
                await response(x.scope, x.receive, out.send)
    except ClientDisconnect:
        x.note = HUNG_UP
    finally:
        if not out.recorded:
            out.record(whole=False)
    if wire is not None:
        await wire.over()
    return out.status


async def _send_bent(x: Exchange, hit: Hit, wire: Wire, response: Response) -> None:
    """Send the answer as the fault leaves it, and note what the client will not know."""
    hit.spared = hit.spared or not hit.fault.can_bend(response)
    if hit.spared and not x.session.closed:
        x.session.spare(x.now, hit.active.key)
    elif not hit.spared:
        x.entry.fault, x.entry.lost = str(hit), hit.fault.loses and hit.fault.withhold() is None
    with x.session.in_use():
        await wire.send(hit, response, x.session.faults)


async def _answered(x: Exchange, steps: Sequence[Step]) -> Response:
    try:
        for step in steps:
            if (response := step(x)) is not None:
                return response
        session = x.session
        handler = session.generation.handlers[x.operation_id] if x.signed is None else x.signed.put
        session.enter()
        try:
            return await (handler(x) if x.hit is None else x.hit.fault.carry_out(x.hit, _delivery(x, handler)))
        finally:
            session.leave()
    except Refusal as refusal:
        return x.refused(refusal)
    except ClientDisconnect:
        raise
    except Exception:
        path = repr(x.told()[0])[1:-1]  # on one line, whatever was sent
        logger.exception("%s %s failed", x.scope["method"], path)
        return failure()


def _delivery(x: Exchange, handler: Handler) -> Delivery:
    async def keep_body() -> None:
        x.repeat_body(await x.read())

    return Delivery(
        deliver=lambda: handler(x),
        keep_body=keep_body,
        admit=lambda: x.session.admit(x.now, x.operation_id, x.subject.budget),
        earlier=lambda: x.session.account.earlier(x),
    )


class Outgoing:
    """An answer on its way out: its status, and the beginning of what was sent, for the journal."""

    status = 0
    """0 until the answer begins."""
    recorded = False
    """Whether the journal's entry is complete."""
    headers: Sequence[tuple[bytes, bytes]] = ()
    body = b""
    size = 0

    def __init__(self, x: Exchange) -> None:
        self.x = x

    async def send_whole(self, response: Answer) -> None:
        """Send an answer that is there as bytes."""
        x, body, headers, now = self.x, bytes(response.body), response.raw_headers, real_time()
        headers.append((REQUEST_ID, x.entry.name))
        if x.cors:
            headers += x.cors
        self.headers, self.status, self.size = headers, response.status_code, len(body)
        self.body = body if self.size <= BODY else body[:BODY]
        reads = x.scope["method"] == "GET"
        if now - x.real > MOMENT or not (reads or self.status >= 400):
            await self._finish(lambda: self._write(body))
            return
        self.record(now)  # nobody waited, and nothing came of it
        if not reads:
            self._await_reader()
        if not send_directly(x.send, self.status, headers, body):
            await self._write_parts(body)

    async def _write(self, body: bytes) -> None:
        if not send_directly(self.x.send, self.status, self.headers, body):
            await self._write_parts(body)

    async def _write_parts(self, body: bytes) -> None:
        await self.x.send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await self.x.send({"type": "http.response.body", "body": body})

    async def send(self, message: Message) -> None:
        """Send the next message of an answer that comes in several."""
        entry = self.x.entry
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [*message["headers"], (REQUEST_ID, entry.name), *self.x.cors]
            message = {**message, "headers": self.headers}
        elif message["type"] == "http.response.body":
            piece = message.get("body", b"")
            self.size += len(piece)
            if (room := BODY - len(self.body)) > 0:
                self.body += piece[:room]
            if not message.get("more_body", False):
                await self._finish(lambda: self.x.send(message))
                return
        await self.x.send(message)

    async def _finish(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write the last of it, recorded before the caller has all of it, and may ask for the journal.

        Whether a caller got it who seems to have hung up is known only when it was written.
        """
        got = await deliver(self.x.send, write)
        if got is False:
            self.x.note = self.x.note or HUNG_UP
        self.record(whole=got is not False)
        if not self.x.entry.lost:
            self._await_reader()
        if got is None:
            await write()

    def _await_reader(self) -> None:
        """Let the connection say so when the client closes and has not read the answer.

        What it keeps for that leads back to no call, so that nothing is left for the collector.
        """
        x = self.x
        x.scope[UNREAD] = partial(_note_unread, x.entry, x.known, x.scope["path"], x.kept)

    def record(self, now: int | None = None, *, whole: bool = True) -> None:
        """Complete the journal's entry; an answer that was not handed over as a `whole` is lost."""
        x, entry = self.x, self.x.entry
        self.recorded = True
        entry.ended, entry.status = real_time() if now is None else now, self.status or None
        if not whole:
            entry.lost = True
        if x.note is not None:
            entry.text = x.note
        if x.known is not None and entry.operation is not None:
            now = x.now if entry.ended == x.real else x.known.clock.at(entry.ended)
            x.known.account.observe(entry, x.scope["path"], x.kept, now)
        x.journal.finish(entry, (x.kept, x.size), (self.headers, self.body, self.size))


def _note_unread(entry: Entry, known: Session | None, path: str, kept: bytes) -> None:
    entry.lost, entry.text = True, entry.text or HUNG_UP
    if known is not None and entry.operation is not None:
        known.account.unread(entry, path, kept)
