"""A call to the admin API: whose it is, when it came and what it says; and the routes that lead to its handler.

Every mistake in a call is a refusal with status 400. A module of this package that offers calls lists them as `ROUTES`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mock_server.contract.nearest import shown, suggest
from mock_server.http.messages import answer, parsed, read
from mock_server.kernel.clock import real_time
from mock_server.kernel.errors import Refusal
from mock_server.session.bundle import NOT_REENACTED

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from mock_server.recording.journal import Entry
    from mock_server.session.session import Session
    from mock_server.session.sessions import Sessions

LONGEST = 100_000
"""Bytes of an admin call's body: many times what the longest list of faults has."""


@dataclass(slots=True)
class AdminCall:
    """One call to the admin API with an accepted key."""

    request: Request
    sessions: Sessions
    session: Session
    real: int
    """The real time at which the whole body was there."""
    body: Any
    """The JSON value of the body; an empty object for a call without one."""

    @property
    def now(self) -> int:
        """The session's time."""
        return self.session.clock.at(self.real)

    def members(self, *known: str) -> Mapping[str, Any]:
        """The body's members; Refusal 400 when it is no object of these members."""
        if not isinstance(self.body, dict):
            raise Refusal(400, f"the body must be an object with {', '.join(known)}")
        strange = next((name for name in self.body if name not in known), None)
        if strange is not None:
            raise Refusal(400, f"{shown(strange)} is not known here; known: {', '.join(known)}")
        return self.body

    def query(self, *known: str) -> Mapping[str, str]:
        """The query's parameters, of a repeated one the last; Refusal 400 for one that is not known."""
        parameters = self.request.query_params
        strange = next((name for name in parameters if name not in known), None)
        if strange is not None:
            raise Refusal(400, f"the query's {shown(strange)} is not known here{suggest(strange, known)}")
        return parameters

    def flag(self, name: str) -> bool:
        """Whether this parameter of the query is `true`; Refusal 400 for one that is neither true nor false."""
        text = self.request.query_params.get(name, "false")
        if text not in {"true", "false"}:
            raise Refusal(400, f"{name} must be true or false; got {shown(text)}")
        return text == "true"

    def exchanges(self) -> list[Entry]:
        """The session's exchanges, and those of the calls without an accepted key that are its own.

        Such a call is its own when it names something that this session alone has, or when there is no other session.
        """
        alone, session = self.sessions.opened == 1, self.session
        is_named = session.generation.is_named
        strays = [each for each in self.sessions.strays if alone or is_named(session, each.path)]
        return [*strays, *session.journal]


Answer = dict[str, Any] | list[Any] | Response
"""What a handler returns: a JSON value, or a response of another form."""
Handler = Callable[[AdminCall], Answer | Awaitable[Answer]]


def route(path: str, **methods: Handler) -> Route:
    """The route of a resource of the caller's session, with a handler for each method, as in `GET=read`."""
    return Route(path, _Resource(methods))


def public(path: str, handler: Callable[[Sessions], Response]) -> Route:
    """The route of what anybody may read, without a key."""
    return Route(path, _Public({"GET": handler}))


class _Public:
    """An endpoint that is the same for every caller."""

    def __init__(self, methods: dict[str, Callable[[Any], Any]]) -> None:
        self.methods = methods | ({"HEAD": methods["GET"]} if "GET" in methods else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in self.methods:
            allowed = ", ".join(self.methods)
            raise HTTPException(405, f"{scope['method']} is not allowed here; allowed: {allowed}", {"Allow": allowed})
        response = await self._respond(Request(scope, receive), scope["app"].state.sessions)
        await response(scope, receive, send)

    async def _respond(self, request: Request, sessions: Sessions) -> Response:
        response: Response = self.methods[request.method](sessions)
        return response


class _Resource(_Public):
    """An endpoint that reads or changes the caller's own session."""

    async def _respond(self, request: Request, sessions: Sessions) -> Response:
        key = sessions.accepted(request.headers.get("x-api-key"))
        raw = await read(request.scope, request.receive, min(LONGEST, sessions.settings.max_body))
        real = real_time()
        session = sessions.session(key, real)
        call = AdminCall(request, sessions, session, real, parsed(raw) if raw else {})
        with session.in_use():
            result = self.methods[request.method](call)
            if isawaitable(result):
                result = await result
        path = admin_path(request.scope)
        if request.method not in {"GET", "HEAD"} and path.partition("/")[0] not in NOT_REENACTED:
            session.journal.was_steered(call.now, request.method, path, raw)
        return result if isinstance(result, Response) else answer(result)


def admin_path(scope: Scope) -> str:
    """The path of a call as the admin API names it, without the prefix under which it is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")).removeprefix("/")
