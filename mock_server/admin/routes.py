"""From a path under `/_mock/` to its handler, matched by whole segment, so that no other path is mistaken for it."""

from __future__ import annotations

import secrets
from inspect import isawaitable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.responses import Response

from mock_server.admin import audit, bundle, coverage, dialect, faults, requests, steering, why
from mock_server.admin.public import PUBLIC
from mock_server.admin.request import Order
from mock_server.http.messages import answer, busy, error, header, parsed, read
from mock_server.kernel.clock import real_time
from mock_server.preview.account import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope

    from mock_server.admin.request import Handler, Orders
    from mock_server.server.sessions import Sessions

ADMIN = "/_mock"
HEALTH = f"{ADMIN}/health"
"""Served even where the rest is switched off: whoever starts a server must be able to ask whether it is there."""
ORDERS: Orders = {
    **steering.ORDERS,
    **audit.ORDERS,
    **bundle.ORDERS,
    **coverage.ORDERS,
    **dialect.ORDERS,
    **faults.ORDERS,
    **requests.ORDERS,
    **why.ORDERS,
}
"""Every call that is about the caller's session."""


class Admin:
    """The admin API of one server."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    async def answer(self, scope: Scope, receive: Receive) -> Response:
        """Answer one request; what needs no session is served without a key."""
        method, segments = scope["method"], scope["path"].split("/")[2:]
        self._refuse_stranger(scope, segments)
        if (public := PUBLIC.get("/".join(segments))) is not None:
            return public(self.sessions) if method == "GET" else _not_allowed(method, ("GET",))
        methods, arguments = _found(segments)
        if method not in methods:
            return _not_allowed(method, tuple(methods))
        key = self.sessions.accepted(header(scope, b"x-api-key"))
        raw = await read(scope, receive, self.sessions.settings.max_body)
        real = real_time()
        session = self.sessions.session(key, real)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        accept = (header(scope, b"accept") or "").lower()
        order = Order(session, self.sessions, real, arguments, query, parsed(raw) if raw else {}, accept)
        with busy(session):
            said = methods[method](order)
            if isawaitable(said):
                said = await said
        if method != "GET":
            session.journal.was_steered(order.now, method, "/".join(segments), raw)
        return said if isinstance(said, Response) else answer(said)

    def _refuse_stranger(self, scope: Scope, segments: list[str]) -> None:
        """Refusal 401 without the admin token, where one is set; health is for everyone."""
        token = self.sessions.settings.admin_token
        given = (header(scope, b"x-admin-token") or "").encode("latin-1")
        if token is not None and segments != ["health"] and not secrets.compare_digest(given, token.encode()):
            raise Refusal(401, "the x-admin-token header is missing or wrong")


def _found(segments: list[str]) -> tuple[Mapping[str, Handler], tuple[str, ...]]:
    """The methods of the route that fits, and the segments that stand for its `*`; Refusal 404 when none fits."""
    for route, methods in ORDERS.items():
        parts = route.split("/")
        if len(parts) == len(segments) and all(
            part == segment or (part == "*" and segment) for part, segment in zip(parts, segments, strict=True)
        ):
            return methods, tuple(segment for part, segment in zip(parts, segments, strict=True) if part == "*")
    raise Refusal(404, f"no admin call {'/'.join(segments)!r}; there are: {', '.join((*PUBLIC, *ORDERS))}")


def _not_allowed(method: str, allowed: tuple[str, ...]) -> Response:
    text = f"{method} is not allowed here; allowed: {', '.join(allowed)}"
    return error(405, text, {"Allow": ", ".join(allowed)})
