"""The faults of the caller's session that its operator sets at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.admin.call import route
from mock_server.contract.yaml_file import BadFiles
from mock_server.faults.rules import told
from mock_server.kernel.errors import Refusal
from mock_server.scenarios.loader import load_faults

if TYPE_CHECKING:
    from mock_server.admin.call import AdminCall
    from mock_server.faults.rules import Armed
    from mock_server.scenarios.model import Fault

MOST = 100
"""Faults that a session may have of its operator."""


def _read(call: AdminCall) -> dict[str, Any]:
    return {"faults": [_armed(each, call.now) for each in call.session.faults]}


def _replace(call: AdminCall) -> dict[str, Any]:
    if "faults" not in call.members("faults"):
        raise Refusal(400, 'expected {"faults": [...]}, with a list that may be empty')
    found = _checked(call.body, 0)
    call.session.set_faults(call.now, found)
    return _read(call)


def _add(call: AdminCall) -> dict[str, Any]:
    call.session.add_faults(call.now, _checked({"faults": [call.body]}, len(call.session.faults.own)))
    return _read(call)


def _clear(call: AdminCall) -> dict[str, Any]:
    call.session.set_faults(call.now, ())
    return _read(call)


def _checked(value: dict[str, Any], there: int) -> tuple[Fault, ...]:
    """The faults of a body, beside those that are there; Refusal 400 with all that is wrong, by the way to each."""
    if isinstance(value["faults"], list) and (count := there + len(value["faults"])) > MOST:
        raise Refusal(400, f"faults: expected at most {MOST} of them at a time, got {count}")
    try:
        return load_faults(value)
    except BadFiles as bad:
        raise Refusal(400, "; ".join(f"{each.file}: {each.message}" for each in bad.complaints)) from bad


def _armed(armed: Armed, now: int) -> dict[str, Any]:
    return {
        **_form(armed.fault),
        "says": told(armed.fault),
        "scenario": armed.owner,
        "company_id": armed.company_id,
        "seen": armed.seen,
        "struck": armed.struck,
        "over": armed.over(now),
    }


def _form(fault: Fault) -> dict[str, Any]:
    """The fault as it is asked for."""
    lasting = fault.what in {"delay", "dribble"}
    form = {
        "up_to": _span(fault.up_to),
        "operation": fault.operation,
        "while": fault.status,
        "call": fault.call,
        "every": fault.every,
        "chance": fault.chance,
        "times": fault.times,
        "for": _span(fault.lasts),
    }
    how = f"{fault.how}ms" if lasting else fault.how
    return {fault.what: how, **{name: value for name, value in form.items() if value is not None}}


def _span(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds}ms"


ROUTES = [route("/faults", GET=_read, PUT=_replace, POST=_add, DELETE=_clear)]
