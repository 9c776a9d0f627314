"""The admin API under `/_mock/`: health, scenario, clock, session and runs, always of the caller's own session.

Matched by whole segment, so that no other path is mistaken for it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from starlette.responses import Response

from mock_server.about import version
from mock_server.account import Refusal
from mock_server.clock import LAST, duration, instant, iso, real_time
from mock_server.contract import data
from mock_server.http import answer, error, header, parsed, read
from mock_server.scenario import Pace
from mock_server.summary import entries
from mock_server.world import UnknownScenario

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Receive, Scope

    from mock_server.runs import Run
    from mock_server.sessions import Sessions
    from mock_server.store import Change, Session

ADMIN = "/_mock"
HEALTH = f"{ADMIN}/health"
"""Served even where the rest is switched off: whoever starts a server must be able to ask whether it is there."""
_FASTEST = 1_000_000


@dataclass(slots=True)
class Order:
    """One request to the admin API, of an accepted key: its session, the real time, and the body it came with."""

    session: Session
    sessions: Sessions
    real: int
    run_id: str
    body: Any

    @property
    def now(self) -> int:
        """The session's time."""
        return self.session.clock.at(self.real)

    def members(self, *known: str) -> Mapping[str, Any]:
        """The body's members; Refusal 400 when it is no object of these members."""
        if not isinstance(self.body, dict):
            raise Refusal(400, f"the body must be an object with {', '.join(known)}")
        if strange := [name for name in self.body if name not in known]:
            raise Refusal(400, f"{strange[0]!r} is not known here; known: {', '.join(known)}")
        return self.body

    @property
    def run(self) -> Run:
        """The run of the path; Refusal 404 when this session has none of that id."""
        run = self.session.runs.get(self.run_id)
        if run is None:
            raise Refusal(404, f"no run {self.run_id!r} in this session")
        return run


class Admin:
    """The admin API of one server."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    async def answer(self, scope: Scope, receive: Receive) -> Response:
        """Answer one request; what needs no session is served without a key."""
        method, segments = scope["method"], scope["path"].split("/")[2:]
        self._refuse_stranger(scope, segments)
        if (public := _PUBLIC.get("/".join(segments))) is not None:
            return public(self.sessions) if method == "GET" else _not_allowed(method, ("GET",))
        run_id = segments[1] if len(segments) == 3 and segments[0] == "runs" else ""
        route = f"runs/*/{segments[2]}" if run_id else "/".join(segments)
        methods = _ORDERS.get(route)
        if methods is None:
            raise Refusal(404, f"no admin call {route!r}; there are: {', '.join((*_PUBLIC, *_ORDERS))}")
        if method not in methods:
            return _not_allowed(method, tuple(methods))
        key = self.sessions.accepted(header(scope, b"x-api-key"))
        raw = await read(scope, receive, self.sessions.settings.max_body)
        real = real_time()
        order = Order(self.sessions.session(key, real), self.sessions, real, run_id, parsed(raw) if raw else {})
        return answer(methods[method](order))

    def _refuse_stranger(self, scope: Scope, segments: list[str]) -> None:
        """Refusal 401 without the admin token, where one is set; health is for everyone."""
        token = self.sessions.settings.admin_token
        given = (header(scope, b"x-admin-token") or "").encode("latin-1")
        if token is not None and segments != ["health"] and not secrets.compare_digest(given, token.encode()):
            raise Refusal(401, "the x-admin-token header is missing or wrong")


def _not_allowed(method: str, allowed: tuple[str, ...]) -> Response:
    text = f"{method} is not allowed here; allowed: {', '.join(allowed)}"
    return error(405, text, {"Allow": ", ".join(allowed)})


def _health(sessions: Sessions) -> Response:
    world = sessions.world
    return answer(
        {
            "status": "ready",
            "version": version(),
            "contract": world.contract.version,
            "scenarios": len(world.scenarios),
            "sessions": len(sessions),
        }
    )


def _scenarios(sessions: Sessions) -> Response:
    return answer({"scenarios": entries(sessions.world.scenarios)})


def _contract_yaml(_: Sessions) -> Response:
    return Response(data("openapi", "migration-api.yaml").read_bytes(), media_type="application/yaml")


def _contract_json(sessions: Sessions) -> Response:
    return answer(sessions.world.contract.as_json)


_PUBLIC: dict[str, Callable[[Sessions], Response]] = {
    "health": _health,
    "scenarios": _scenarios,
    "openapi.yaml": _contract_yaml,
    "openapi.json": _contract_json,
}


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
    return {"scenario": session.scenario, "seed": session.settings.seed, "now": iso(now), "companies": companies}


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
    return {"run_id": order.run_id, "status": order.run.life(order.now).status}


_ORDERS: dict[str, dict[str, Callable[[Order], dict[str, Any]]]] = {
    "scenario": {"GET": _get_scenario, "PUT": _put_scenario},
    "clock": {"GET": _get_clock, "PUT": _put_clock},
    "clock/advance": {"POST": _advance},
    "session": {"GET": _get_session, "DELETE": _delete_session},
    "runs/*/step": {"POST": _step},
    "runs/*/cancel": {"POST": _cancel},
}
