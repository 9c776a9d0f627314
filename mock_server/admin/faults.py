"""The faults of the caller's session that its operator sets at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.admin.call import AdminCall, route
from mock_server.contract.yaml_file import BadFiles
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from mock_server.faults.model import Fault

MOST = 100
"""Faults that a session may have of its operator."""


def _read(call: AdminCall) -> dict[str, Any]:
    owner = call.session.generation.ids[0]
    faults = []
    for each in call.session.faults:
        origin = {"says": str(each.fault), "scenario": each.scenario, owner: each.owner}
        counts = {"seen": each.seen, "struck": each.hits, "over": each.over(call.now)}
        faults.append({**each.fault.entry(), **origin, **counts})
    return {"faults": faults}


def _replace(call: AdminCall) -> dict[str, Any]:
    if "faults" not in call.members("faults"):
        raise Refusal(400, 'expected {"faults": [...]}, with a list that may be empty')
    call.session.set_faults(call.now, _parse(call, call.body, 0))
    return _read(call)


def _add(call: AdminCall) -> dict[str, Any]:
    call.session.add_faults(call.now, _parse(call, {"faults": [call.body]}, len(call.session.faults.own)))
    return _read(call)


def _clear(call: AdminCall) -> dict[str, Any]:
    call.session.set_faults(call.now, ())
    return _read(call)


def _parse(call: AdminCall, value: dict[str, Any], there: int) -> tuple[Fault, ...]:
    """The faults of a body, beside those that are there; Refusal 400 with all that is wrong, by the way to each."""
    if isinstance(value["faults"], list) and (count := there + len(value["faults"])) > MOST:
        raise Refusal(400, f"faults: expected at most {MOST} of them at a time, got {count}")
    try:
        return call.session.world.loader.load_faults(value)
    except BadFiles as bad:
        raise Refusal(400, "; ".join(f"{each.file}: {each.message}" for each in bad.complaints)) from bad


ROUTES = [route("/faults", GET=_read, PUT=_replace, POST=_add, DELETE=_clear)]
