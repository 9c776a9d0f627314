"""Why an exchange went as it did, as JSON, or as text for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from mock_server.admin.call import route
from mock_server.contract.nearest import suggest
from mock_server.explain.text import text
from mock_server.explain.why import why
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from mock_server.admin.call import AdminCall, Answer

_FORMS = ("json", "text")


def _read(call: AdminCall) -> Answer:
    form = call.query("format").get("format")
    if form is not None and form not in _FORMS:
        raise Refusal(400, f"format: no format {form!r}{suggest(form, _FORMS)}")
    explanation = why(call.session, call.sessions.strays, call.request.path_params["id"])
    as_text = form == "text" or (form is None and call.accept.startswith("text/plain"))
    return PlainTextResponse(text(explanation)) if as_text else explanation


ROUTES = [route("/why/{id}", GET=_read)]
