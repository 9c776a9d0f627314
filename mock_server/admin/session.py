"""The caller's session: what is in it, its scenario and dialect, its new beginning, and all of it in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from mock_server.admin.call import AdminCall, Answer, route
from mock_server.contract.document import data
from mock_server.contract.nearest import shown
from mock_server.dialects.dialect import TITLES, UnknownDialect
from mock_server.http.streamed import streamed
from mock_server.kernel.clock import iso
from mock_server.kernel.errors import Refusal
from mock_server.scenarios.catalog import UnknownScenario
from mock_server.scenarios.model import Pace, Scenario
from mock_server.session.bundle import bundled


def _read(call: AdminCall) -> dict[str, Any]:
    session, now = call.session, call.now
    chosen = {"scenario": session.scenario, "dialect": session.dialect.name, "seed": session.settings.seed}
    return {**chosen, "now": iso(now), **session.generation.show(session, now)}


def _reset(call: AdminCall) -> dict[str, Any]:
    call.session = call.sessions.reset(call.session.key, call.real)
    return _read(call)


def _bundle(call: AdminCall) -> Answer:
    call.query()
    return streamed(bundled(call.session, call.now, _text))


def _text(scenario: Scenario) -> str | None:
    """The file of a scenario of the user's own; None for a built-in one, and for a file that is gone."""
    path = Path(scenario.path)
    if path.parent == data("scenarios"):
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _read_scenario(call: AdminCall) -> dict[str, Any]:
    session = call.session
    there = session.scenario in session.world.scenarios  # a reload may have taken it away
    return {"name": session.scenario if there else session.settings.scenario, "pace": session.pace}


def _choose_scenario(call: AdminCall) -> dict[str, Any]:
    members = call.members("name", "pace")
    if not members:
        raise Refusal(400, "expected name, pace or both; got neither")
    name, pace = members.get("name", call.session.scenario), members.get("pace")
    try:
        call.session.world.scenario(str(name))
    except UnknownScenario as unknown:
        raise Refusal(400, str(unknown)) from unknown
    if pace is not None and pace not in get_args(Pace):
        raise Refusal(400, f"pace must be {', '.join(get_args(Pace))} or null; got {shown(pace)}")
    call.session.choose_scenario(call.now, str(name), pace)
    return _read_scenario(call)


def _read_dialect(call: AdminCall) -> dict[str, Any]:
    dialect = call.session.dialect
    return {"name": dialect.name, "readings": dialect.as_json()}


def _choose_dialect(call: AdminCall) -> dict[str, Any]:
    members = call.members("name")
    name = members.get("name")
    if not isinstance(name, str):
        got = shown(name) if "name" in members else "nothing"
        raise Refusal(400, f"name: expected {', '.join(TITLES)}, a reading, or several put together by +; got {got}")
    try:
        call.session.choose_dialect(call.now, call.session.dialect_named(name))
    except UnknownDialect as unknown:
        raise Refusal(400, f"name: {unknown}") from unknown
    return _read_dialect(call)


def _reset_dialect(call: AdminCall) -> dict[str, Any]:
    call.session.choose_dialect(call.now, call.session.dialect_named(call.session.settings.dialect))
    return _read_dialect(call)


ROUTES = [
    route("/session", GET=_read, DELETE=_reset),
    route("/bundle", GET=_bundle),
    route("/scenario", GET=_read_scenario, PUT=_choose_scenario),
    route("/dialect", GET=_read_dialect, PUT=_choose_dialect, DELETE=_reset_dialect),
]
