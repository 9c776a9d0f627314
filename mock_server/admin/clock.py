"""The clock of the caller's session: how fast it runs, and letting its time pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.admin.call import AdminCall, route
from mock_server.contract.nearest import cut, shown
from mock_server.kernel.clock import LAST, duration, instant, iso
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from mock_server.session.session import Transition

_FASTEST = 1_000_000


def _read(call: AdminCall) -> dict[str, Any]:
    clock = call.session.clock
    coming = call.session.next_transition(call.now)
    then = None if coming is None else iso(coming)
    return {"mode": clock.mode, "speed": clock.speed, "now": iso(call.now), "next": then}


def _write(call: AdminCall) -> dict[str, Any]:
    members = call.members("mode", "speed", "now")
    speed = _speed(members.get("mode"), members.get("speed"), call.session.clock.speed)
    to = _instant("now", members["now"], call.now) if "now" in members else call.now
    changed = call.session.advance(call.now, call.real, to)
    call.session.set_speed(call.now, call.real, speed)
    return _read(call) | {"changed": [_as_json(each) for each in changed]}


def _speed(mode: Any, speed: Any, known: float) -> float:
    """The speed that mode and speed together ask for; Refusal 400 when they contradict each other."""
    if speed is not None and (isinstance(speed, bool) or not isinstance(speed, (int, float))):
        raise Refusal(400, f"speed must be a number; got {shown(speed)}")
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
            raise Refusal(400, f"mode must be 'real', 'scaled' or 'frozen'; got {shown(mode)}")


def _advance(call: AdminCall) -> dict[str, Any]:
    members = call.members("by", "to")
    if len(members) != 1:
        raise Refusal(400, 'expected either {"by": "1h"}, {"to": "next"} or {"to": "<ISO date>"}')
    if "by" in members:
        try:
            to = call.now + duration(str(members["by"]))
        except ValueError as error:
            raise Refusal(400, f"by: {error}") from error
    elif members["to"] == "next":
        to = call.session.next_transition(call.now) or call.now
    else:
        to = _instant("to", members["to"], call.now)
    changed = call.session.advance(call.now, call.real, _within(to))
    clock = _read(call)
    return {"now": clock["now"], "changed": [_as_json(each) for each in changed], "next": clock["next"]}


def _instant(name: str, text: Any, now: int) -> int:
    try:
        to = instant(str(text))
    except ValueError as error:
        raise Refusal(400, f"{name}: {error}") from error
    if to < now:
        raise Refusal(400, f"{name}: time only moves forward; it is {iso(now)} now, and {cut(str(text))} is before")
    return _within(to)


def _within(to: int) -> int:
    if to > LAST:
        raise Refusal(400, f"the clock goes no further than {iso(LAST)}")
    return to


def _as_json(each: Transition) -> dict[str, Any]:
    return {"at": iso(each.at), "run_id": each.run.id, "kind": each.run.kind, "from": each.before, "to": each.after}


ROUTES = [route("/clock", GET=_read, PUT=_write), route("/clock/advance", POST=_advance)]
