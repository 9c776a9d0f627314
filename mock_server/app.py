"""The ASGI app: from a request to its handler, in the order of OP-24 (401, 429, 404, 400, 409), and back.

Composition only: what a path means says the contract, who may call says `sessions`, what happens says `api`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from mock_server import uploads
from mock_server.account import Refusal
from mock_server.admin import ADMIN, HEALTH, Admin
from mock_server.api import HANDLERS, MAGIC_LINKS
from mock_server.clock import real_time
from mock_server.contract import API
from mock_server.http import Body, Call, arriving, busy, error, header
from mock_server.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope, Send

    from mock_server.settings import Settings
    from mock_server.world import World

logger = logging.getLogger("vern-mock")
TOO_MANY = "Too many requests"  # RATE-02
NO_IMPORT_PAGE = (
    "At Vern this link opens the import page of the company. The mock has none; PROV-21 lets you ignore it.\n"
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One finished request, for the log."""

    method: str
    path: str
    status: int
    """0 when the client hung up before it could be answered."""
    milliseconds: float
    operation: str | None
    note: str | None
    """What helps whoever reads the log: the nearest operation, or the text of a refusal."""


@dataclass(slots=True)
class _Trace:
    operation: str | None = None
    note: str | None = None


class App:
    """The mock as an ASGI application. Assigning `world` swaps the scenarios of runs that start afterwards."""

    def __init__(self, settings: Settings, world: World, log: Callable[[Exchange], None] | None = None) -> None:
        self.settings = settings
        self.sessions = Sessions(settings, world)
        self.log = log
        self._admin = Admin(self.sessions)

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
        begun, trace, status = perf_counter(), _Trace(), 0
        body = Body(receive, arriving(scope))

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            response = await self._answered(scope, body.receive, trace)
            await body.drained(self.settings.max_upload)
            await response(scope, receive, sent)
        except ClientDisconnect:
            trace.note = "the client hung up"
        finally:
            if self.log is not None:
                elapsed = (perf_counter() - begun) * 1_000
                path = uploads.without_token(scope["path"])
                exchange = Exchange(scope["method"], path, status, elapsed, trace.operation, trace.note)
                self.log(exchange)

    async def _answered(self, scope: Scope, receive: Receive, trace: _Trace) -> Response:
        try:
            return await self._routed(scope, receive, trace)
        except Refusal as refusal:
            trace.note = trace.note or refusal.text
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
        if path == HEALTH or (self.settings.admin and (path == ADMIN or path.startswith(f"{ADMIN}/"))):
            return await self._admin.answer(scope, receive)
        if path.startswith(uploads.PREFIX):
            return await uploads.put(self.sessions, scope, receive)
        if path.startswith(MAGIC_LINKS):
            return Response(NO_IMPORT_PAGE, media_type="text/plain")
        return self._astray(scope, (), trace)

    async def _operation(self, scope: Scope, receive: Receive, trace: _Trace) -> Response:
        key = self.sessions.accepted(header(scope, b"x-api-key"))  # AUTH-02, AUTH-03
        match = self.world.contract.match(scope["method"], scope["path"])
        if match.operation is None:
            return self._astray(scope, match.allowed, trace)
        operation_id = trace.operation = match.operation.id
        real = real_time()
        session = self.sessions.session(key, real)
        now = session.clock.at(real)
        if not session.admit(operation_id, match.parameters.get("company_id"), now):
            return error(429, TOO_MANY)
        call = Call(scope, receive, self.world.contract, session, operation_id, match.parameters, now)
        with busy(session):
            return await HANDLERS[operation_id](call)

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


def create_app(settings: Settings, world: World, log: Callable[[Exchange], None] | None = None) -> App:
    """The mock with these settings; `log` is called with each finished exchange."""
    world.scenario(settings.scenario)
    return App(settings, world, log)
