"""Why an exchange went as it did, as JSON, or as text for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from mock_server.contract.nearest import meant
from mock_server.explain.text import text
from mock_server.explain.why import why
from mock_server.preview.account import Refusal

if TYPE_CHECKING:
    from mock_server.admin.request import Order, Orders, Said

_FORMS = ("json", "text")


def _get_why(order: Order) -> Said:
    asked = order.asked("format").get("format")
    if asked is not None and asked not in _FORMS:
        raise Refusal(400, f"format: {asked!r} is none{meant(asked, _FORMS)}")
    told = why(order.session, order.sessions.strays, order.arguments[0])
    as_text = asked == "text" or (asked is None and order.accept.startswith("text/plain"))
    return PlainTextResponse(text(told)) if as_text else told


ORDERS: Orders = {"why/*": {"GET": _get_why}}
