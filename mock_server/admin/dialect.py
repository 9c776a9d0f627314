"""The session's dialect: which readings of the open points its answers take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.admin.call import route
from mock_server.dialects.dialect import TITLES, UnknownDialect
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from mock_server.admin.call import AdminCall


def _read(call: AdminCall) -> dict[str, Any]:
    dialect = call.session.dialect
    return {"name": dialect.name, "readings": dialect.as_json()}


def _choose(call: AdminCall) -> dict[str, Any]:
    members = call.members("name")
    name = members.get("name")
    if not isinstance(name, str):
        got = repr(name) if "name" in members else "nothing"
        raise Refusal(400, f"name: expected {', '.join(TITLES)}, a reading, or several put together by +; got {got}")
    try:
        call.session.choose_dialect(call.now, call.session.dialect_named(name))
    except UnknownDialect as unknown:
        raise Refusal(400, f"name: {unknown}") from unknown
    return _read(call)


def _reset(call: AdminCall) -> dict[str, Any]:
    """Back to what the server was started with."""
    call.session.choose_dialect(call.now, call.session.dialect_named(call.session.settings.dialect))
    return _read(call)


ROUTES = [route("/dialect", GET=_read, PUT=_choose, DELETE=_reset)]
