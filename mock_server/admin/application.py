"""The admin API as a Starlette application: who may call it, its routes, and the form of its errors.

Its routes are the `ROUTES` of the modules of this package: a call is added by a line there. What it tells anybody,
without a key, stands here: health, the scenarios, the dialects, the contract.
"""

from __future__ import annotations

import re
import secrets
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

import mock_server.admin as package
from mock_server.admin.call import admin_path, public
from mock_server.contract.document import data
from mock_server.contract.nearest import shown
from mock_server.http.hang_up import HUNG_UP
from mock_server.http.messages import NOTE, answer, error, failure
from mock_server.kernel.errors import Refusal
from mock_server.version import VERSION

if TYPE_CHECKING:
    from starlette.routing import Route
    from starlette.types import ASGIApp, Receive, Scope, Send

    from mock_server.session.sessions import Sessions


def application(sessions: Sessions) -> Starlette:
    """The admin API of one server, to be mounted under `/_mock`; health alone where the settings switch it off."""
    app = Starlette(
        routes=[each for each in routes() if sessions.settings.admin or each.path == "/health"],
        middleware=[Middleware(_guarded, token=sessions.settings.admin_token)],
        exception_handlers=_HANDLERS,
    )
    app.router.redirect_slashes = False
    app.state.sessions = sessions
    return app


def routes() -> list[Route]:
    """Every route of the admin API; those that need no key come first."""
    modules = [import_module(f"{package.__name__}.{each.name}") for each in iter_modules(package.__path__)]
    return [*_PUBLIC, *(route for module in modules for route in getattr(module, "ROUTES", ()))]


def _health(sessions: Sessions) -> Response:
    ready = {"status": "ready", "version": VERSION, "contract": sessions.world.contract.version}
    settings, count = sessions.settings, {"scenarios": len(sessions.world.scenarios), "sessions": len(sessions)}
    room = {"max_sessions": settings.max_sessions, "memory": sessions.memory, "max_memory": settings.max_memory}
    return answer(ready | count | room)


def _scenarios(sessions: Sessions) -> Response:
    return answer({"scenarios": [each.summary() for each in sessions.world.scenarios.values()]})


def _dialects(sessions: Sessions) -> Response:
    dialects = sessions.generation.dialects
    return answer({"dialects": dialects.as_json(), "readings": [each.as_json() for each in dialects.readings]})


_PUBLIC = [
    public("/health", _health),
    public("/scenarios", _scenarios),
    public("/dialects", _dialects),
    public(
        "/openapi.yaml",
        lambda _: Response(data("openapi", "migration-api.yaml").read_bytes(), media_type="application/yaml"),
    ),
    public("/openapi.json", lambda sessions: answer(sessions.world.contract.as_json)),
]


def calls() -> list[tuple[str, str]]:
    """Method and path of every admin call."""
    endpoints: list[tuple[Route, Any]] = [(route, route.endpoint) for route in routes()]
    return [
        (method, pattern(route)) for route, endpoint in endpoints for method in endpoint.methods if method != "HEAD"
    ]


def pattern(route: Route) -> str:
    """The path of a route as messages show it, with `*` for a segment of the caller's."""
    return re.sub(r"\{[^}]+\}", "*", route.path).removeprefix("/")


def _guarded(app: ASGIApp, token: str | None) -> ASGIApp:
    """Middleware that refuses every call but health without the admin token, where one is set."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        given = next((value for name, value in scope["headers"] if name == b"x-admin-token"), b"")
        if token is None or admin_path(scope) == "health" or secrets.compare_digest(given, token.encode()):
            await app(scope, receive, send)
        else:
            scope[NOTE] = text = "the x-admin-token header is missing or wrong"
            await error(401, text)(scope, receive, send)

    return guarded


async def _show_refusal(request: Request, refusal: Refusal) -> Response:
    request.scope[NOTE] = refusal.text
    return error(refusal.status, refusal.text, refusal.headers)


async def _show_not_found(request: Request, _: HTTPException) -> Response:
    there = ", ".join(pattern(route) for route in request.app.routes)
    request.scope[NOTE] = text = f"no admin call {shown(admin_path(request.scope))}; there are: {there}"
    return error(404, text)


async def _show_not_allowed(_: Request, wrong: HTTPException) -> Response:
    return error(wrong.status_code, wrong.detail, wrong.headers)


async def _note_hang_up(request: Request, _: ClientDisconnect) -> None:
    request.scope[NOTE] = HUNG_UP


async def _show_failure(*_: object) -> Response:
    return failure()


_HANDLERS: dict[Any, Any] = {  # Starlette types a handler as one that takes any exception
    Refusal: _show_refusal,
    404: _show_not_found,
    HTTPException: _show_not_allowed,
    ClientDisconnect: _note_hang_up,
    Exception: _show_failure,
}
