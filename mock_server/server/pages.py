"""What stands beside the operations: the admin API, and the pages that answers link to; ordinary Starlette routes."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Router

from mock_server.http.messages import NOTE
from mock_server.http.turn import be_in_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Message

    from mock_server.session.exchange import Exchange
    from mock_server.session.sessions import Sessions

logger = logging.getLogger("vern-mock")
ADMIN = "/_mock"


class Pages:
    """The admin API and the generation's pages."""

    def __init__(self, sessions: Sessions, pages: Sequence[BaseRoute]) -> None:
        self._sessions = sessions
        self._whole = sessions.settings.admin
        self._pages = Router(pages, redirect_slashes=False)
        self._prefixes = tuple(str(getattr(each, "path", "")).partition("{")[0] for each in pages)

    @cached_property
    def _admin(self) -> Starlette:
        """Made for its first call, so that the server is there before all that it could be asked."""
        from mock_server.admin.application import application  # noqa: PLC0415 - see above

        return application(self._sessions)

    def has(self, path: str) -> bool:
        """Whether the path is one of theirs."""
        if path.startswith(ADMIN) and path[len(ADMIN) : len(ADMIN) + 1] in {"", "/"}:
            return self._whole or path == f"{ADMIN}/health"
        return bool(self._prefixes) and path.startswith(self._prefixes)

    async def respond(self, x: Exchange) -> int:
        """Answer the exchange; the status that was sent, 0 for none.

        What is left of the body is read before the answer goes out, so that the caller sees it.
        """
        status, scope = 0, x.scope

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                await x.drain(x.sessions.settings.max_upload)
            await x.send(message)

        await be_in_task()
        app: ASGIApp = self._pages
        if scope["path"].startswith(ADMIN):
            app, scope["root_path"] = self._admin, ADMIN
        try:
            await app(scope, x.receive, send)
        except Exception:
            logger.exception("%s %s failed", scope["method"], repr(scope["path"])[1:-1])
        x.note = scope.get(NOTE)
        return status
