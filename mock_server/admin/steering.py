"""Scenario, clock, session and runs: what an operator changes so that something happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from mock_server.admin.faults import both_sides
from mock_server.kernel.clock import LAST, duration, instant, iso
from mock_server.preview.account import Refusal
from mock_server.scenarios.catalog import UnknownScenario
from mock_server.scenarios.model import Pace

if TYPE_CHECKING:
    from mock_server.admin.request import Order, Orders
    from mock_server.preview.runs import Run
    from mock_server.preview.session import Change

_FASTEST = 1_000_000


def _get_scenario(order: Order) -> dict[str, Any]:
    session = order.session
    there = session.scenario in session.world.scenarios  # a reload may have taken it away
    return {"name": session.scenario if there else session.settings.scenario, "pace": session.pace}


def _put_scenario(order: Order) -> dict[str, Any]:
    members = order.members("name", "pace")
    if not members:
        raise Refusal(400, "expected name, pace or both; got neither")
    name, pace = members.get("name", order.session.scenario), members.get("pace")
    try:
        order.session.world.scenario(str(name))
    except UnknownScenario as unknown:
        raise Refusal(400, str(unknown)) from unknown
    if pace is not None and pace not in get_args(Pace):
        raise Refusal(400, f"pace must be {', '.join(get_args(Pace))} or null; got {pace!r}")
    order.session.scenario, order.session.pace = str(name), pace
    return _get_scenario(order)


def _get_clock(order: Order) -> dict[str, Any]:
    clock = order.session.clock
    coming = order.session.next_change(order.now)
    return {
        "mode": clock.mode,
        "speed": clock.speed,
        "now": iso(order.now),
        "next": None if coming is None else iso(coming),
    }


def _put_clock(order: Order) -> dict[str, Any]:
    members = order.members("mode", "speed", "now")
    speed = _speed(members.get("mode"), members.get("speed"), order.session.clock.speed)
    to = _instant("now", members["now"], order.now) if "now" in members else order.now
    changed = order.session.advance(order.real, to)
    order.session.clock = order.session.clock.paced(order.real, speed)
    return _get_clock(order) | {"changed": [_change(change) for change in changed]}


def _speed(mode: Any, speed: Any, known: float) -> float:
    """The speed that mode and speed together ask for; Refusal 400 when they contradict each other."""
    if speed is not None and (isinstance(speed, bool) or not isinstance(speed, (int, float))):
        raise Refusal(400, f"speed must be a number; got {speed!r}")
    if speed is not None and not 0 <= speed <= _FASTEST:
        raise Refusal(400, f"speed must be from 0 (frozen) to {_FASTEST}; got {speed}")
    match mode:
        case None:
            return known if speed is None else float(speed)
        case "frozen" if not speed:
            return 0.0
        case "real" if speed in {None, 1}:
            return 1.0
        case "scaled" if speed:
            return float(speed)
        case "real" | "scaled" | "frozen":
            wanted = {"real": "no speed, or 1", "scaled": "a speed above 0", "frozen": "no speed, or 0"}[mode]
            raise Refusal(400, f"mode {mode!r} goes with {wanted}; got {'none' if speed is None else speed}")
        case _:
            raise Refusal(400, f"mode must be 'real', 'scaled' or 'frozen'; got {mode!r}")


def _advance(order: Order) -> dict[str, Any]:
    members = order.members("by", "to")
    if len(members) != 1:
        raise Refusal(400, 'expected either {"by": "1h"}, {"to": "next"} or {"to": "<ISO date>"}')
    if "by" in members:
        try:
            to = order.now + duration(str(members["by"]))
        except ValueError as error:
            raise Refusal(400, f"by: {error}") from error
    elif members["to"] == "next":
        to = order.session.next_change(order.now) or order.now
    else:
        to = _instant("to", members["to"], order.now)
    changed = order.session.advance(order.real, _within(to))
    clock = _get_clock(order)
    return {"now": clock["now"], "changed": [_change(change) for change in changed], "next": clock["next"]}


def _instant(name: str, text: Any, now: int) -> int:
    try:
        to = instant(str(text))
    except ValueError as error:
        raise Refusal(400, f"{name}: {error}") from error
    if to < now:
        raise Refusal(400, f"{name}: time only moves forward; it is {iso(now)} now, and {text} is before that")
    return _within(to)


def _within(to: int) -> int:
    if to > LAST:
        raise Refusal(400, f"the clock goes no further than {iso(LAST)}")
    return to


def _change(change: Change) -> dict[str, Any]:
    return {
        "at": iso(change.at),
        "run_id": change.run.id,
        "kind": change.run.kind,
        "from": change.before,
        "to": change.after,
    }


def _get_session(order: Order) -> dict[str, Any]:
    session, now = order.session, order.now
    companies = [
        {
            "id": company.id,
            "name": company.name,
            "external_id": company.external_id,
            "scenario": session.scenario_of(company).name,
            "runs": [_run(run, now) for run in (*company.imports, *company.exports)],
        }
        for company in session.companies.values()
    ]
    return {
        "scenario": session.scenario,
        "dialect": session.dialect.name,
        "seed": session.settings.seed,
        "now": iso(now),
        "companies": companies,
        "both_sides": both_sides(session),
    }


def _run(run: Run, now: int) -> dict[str, Any]:
    state = run.life(now)
    return {
        "run_id": run.id,
        "kind": run.kind,
        "scenario": run.scenario,
        "pace": run.pace,
        "status": state.status,
        "since": iso(state.since),
        "until": None if state.until is None else iso(state.until),
    }


def _delete_session(order: Order) -> dict[str, Any]:
    order.session = order.sessions.reset(order.session.key, order.real)
    return _get_session(order)


def _step(order: Order) -> dict[str, Any]:
    run = order.run
    if run.pace != "manual":
        raise Refusal(409, f"the run's pace is {run.pace!r}; only a run of pace 'manual' is stepped")
    run.stepped()
    return {"run_id": run.id, "status": run.life(order.now).status}


def _cancel(order: Order) -> dict[str, Any]:
    order.session.cancel(order.run, order.now)
    return {"run_id": order.run.id, "status": order.run.life(order.now).status}


ORDERS: Orders = {
    "scenario": {"GET": _get_scenario, "PUT": _put_scenario},
    "clock": {"GET": _get_clock, "PUT": _put_clock},
    "clock/advance": {"POST": _advance},
    "session": {"GET": _get_session, "DELETE": _delete_session},
    "runs/*/step": {"POST": _step},
    "runs/*/cancel": {"POST": _cancel},
}
