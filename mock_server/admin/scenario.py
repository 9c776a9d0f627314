"""The scenario and pace of runs that the caller's session starts from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from mock_server.admin.call import route
from mock_server.kernel.errors import Refusal
from mock_server.scenarios.catalog import UnknownScenario
from mock_server.scenarios.model import Pace

if TYPE_CHECKING:
    from mock_server.admin.call import AdminCall


def _read(call: AdminCall) -> dict[str, Any]:
    session = call.session
    there = session.scenario in session.world.scenarios  # a reload may have taken it away
    return {"name": session.scenario if there else session.settings.scenario, "pace": session.pace}


def _write(call: AdminCall) -> dict[str, Any]:
    members = call.members("name", "pace")
    if not members:
        raise Refusal(400, "expected name, pace or both; got neither")
    name, pace = members.get("name", call.session.scenario), members.get("pace")
    try:
        call.session.world.scenario(str(name))
    except UnknownScenario as unknown:
        raise Refusal(400, str(unknown)) from unknown
    if pace is not None and pace not in get_args(Pace):
        raise Refusal(400, f"pace must be {', '.join(get_args(Pace))} or null; got {pace!r}")
    call.session.choose_scenario(call.now, str(name), pace)
    return _read(call)


ROUTES = [route("/scenario", GET=_read, PUT=_write)]
