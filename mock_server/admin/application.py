"""The admin API as a Starlette application: who may call it, its routes, and the form of its errors.

Its routes are the `ROUTES` of the modules of this package: a call is added by a line there.
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

import mock_server.admin as package
from mock_server.admin.call import admin_path
from mock_server.http.messages import NOTE, error
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import ASGIApp, Receive, Scope, Send

    from mock_server.session.sessions import Sessions

_PARAMETER = re.compile(r"\{[^}]+\}")


def application(sessions: Sessions) -> Starlette:
    """The admin API of one server, to be mounted under `/_mock`; health alone where the settings switch it off."""
    app = Starlette(
        routes=[each for each in routes() if sessions.settings.admin or each.path == "/health"],
        middleware=[Middleware(_AdminToken, token=sessions.settings.admin_token)],
        exception_handlers=_HANDLERS,
    )
    app.router.redirect_slashes = False
    app.state.sessions = sessions
    return app


def routes() -> list[Route]:
    """Every route of the admin API; those that need no key come first."""
    modules = [import_module(f"{package.__name__}.{each.name}") for each in iter_modules(package.__path__)]
    offering = [module for module in modules if hasattr(module, "ROUTES")]
    offering.sort(key=lambda module: not module.__name__.endswith(".public"))
    return [route for module in offering for route in module.ROUTES]


def calls() -> list[tuple[str, str]]:
    """Method and path of every admin call."""
    endpoints: list[tuple[Route, Any]] = [(route, route.endpoint) for route in routes()]
    return [(method, pattern(route)) for route, endpoint in endpoints for method in endpoint.methods]


def pattern(route: Route) -> str:
    """The path of a route as messages show it, with `*` for a segment of the caller's."""
    return _PARAMETER.sub("*", route.path).removeprefix("/")


class _AdminToken:
    """Middleware that refuses every call but health without the admin token, where one is set."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = next((value for name, value in scope["headers"] if name == b"x-admin-token"), b"")
        is_open = self._token is None or admin_path(scope) == "health"
        if is_open or secrets.compare_digest(given, str(self._token).encode()):
            await self._app(scope, receive, send)
        else:
            scope[NOTE] = text = "the x-admin-token header is missing or wrong"
            await error(401, text)(scope, receive, send)


async def _show_refusal(request: Request, refusal: Refusal) -> Response:
    request.scope[NOTE] = refusal.text
    return error(refusal.status, refusal.text)


async def _show_not_found(request: Request, _: HTTPException) -> Response:
    there = ", ".join(pattern(route) for route in request.app.routes)
    request.scope[NOTE] = text = f"no admin call {admin_path(request.scope)!r}; there are: {there}"
    return error(404, text)


async def _show_not_allowed(_: Request, wrong: HTTPException) -> Response:
    return error(wrong.status_code, wrong.detail, wrong.headers)


async def _note_hang_up(request: Request, _: ClientDisconnect) -> None:
    request.scope[NOTE] = "the client hung up"


async def _show_failure(*_: object) -> Response:
    return error(500, "the mock failed to answer; its log has the details")


_HANDLERS: dict[Any, Any] = {  # Starlette types a handler as one that takes any exception
    Refusal: _show_refusal,
    404: _show_not_found,
    HTTPException: _show_not_allowed,
    ClientDisconnect: _note_hang_up,
    Exception: _show_failure,
}
