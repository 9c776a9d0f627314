"""The caller's session: what is in it, and how it begins anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.admin.call import route
from mock_server.kernel.clock import iso

if TYPE_CHECKING:
    from mock_server.admin.call import AdminCall


def _read(call: AdminCall) -> dict[str, Any]:
    session, now = call.session, call.now
    return {
        "scenario": session.scenario,
        "dialect": session.dialect.name,
        "seed": session.settings.seed,
        "now": iso(now),
        **session.generation.show(session, now),
    }


def _reset(call: AdminCall) -> dict[str, Any]:
    call.session = call.sessions.reset(call.session.key, call.real)
    return _read(call)


ROUTES = [route("/session", GET=_read, DELETE=_reset)]
