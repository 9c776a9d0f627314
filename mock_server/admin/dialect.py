"""The session's dialect: which readings of the open points its answers take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.dialects.dialect import TITLES, UnknownDialect, described
from mock_server.preview.account import Refusal

if TYPE_CHECKING:
    from mock_server.admin.request import Order, Orders


def _get(order: Order) -> dict[str, Any]:
    dialect = order.session.dialect
    return {"name": dialect.name, "readings": described(dialect)}


def _put(order: Order) -> dict[str, Any]:
    members = order.members("name")
    name = members.get("name")
    if not isinstance(name, str):
        got = repr(name) if "name" in members else "nothing"
        raise Refusal(400, f"name: expected {', '.join(TITLES)}, a reading, or several put together by +; got {got}")
    try:
        order.session.dialect = order.session.dialect_named(name)
    except UnknownDialect as unknown:
        raise Refusal(400, f"name: {unknown}") from unknown
    return _get(order)


def _delete(order: Order) -> dict[str, Any]:
    """Back to what the server was started with."""
    order.session.dialect = order.session.dialect_named(order.session.settings.dialect)
    return _get(order)


ORDERS: Orders = {"dialect": {"GET": _get, "PUT": _put, "DELETE": _delete}}
