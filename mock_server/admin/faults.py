"""The faults of a session, asked for and taken away at run time; and what both sides know after an answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.contract.yaml_file import BadFiles
from mock_server.faults.rules import told
from mock_server.preview.account import Refusal
from mock_server.preview.lifecycle import Canceled
from mock_server.scenarios.loader import load_faults

if TYPE_CHECKING:
    from mock_server.admin.request import Order, Orders
    from mock_server.faults.rules import Armed
    from mock_server.preview.session import Session
    from mock_server.scenarios.model import Fault

MOST = 100
"""Faults that a session may have of its operator."""


def _get(order: Order) -> dict[str, Any]:
    return {"faults": [_armed(each, order.now) for each in order.session.faults]}


def _put(order: Order) -> dict[str, Any]:
    if "faults" not in order.members("faults"):
        raise Refusal(400, 'expected {"faults": [...]}, with a list that may be empty')
    found = _checked(order.body, 0)
    order.session.faults.own.clear()
    order.session.faults.arm(found, order.now)
    return _get(order)


def _post(order: Order) -> dict[str, Any]:
    order.session.faults.arm(_checked({"faults": [order.body]}, len(order.session.faults.own)), order.now)
    return _get(order)


def _delete(order: Order) -> dict[str, Any]:
    order.session.faults.own.clear()
    return _get(order)


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


def both_sides(session: Session) -> dict[str, dict[str, int]]:
    """What the client called for and meant, what really came of it, and how many answers never reached it."""
    ready = {scenario.ready.run for scenario in session.world.scenarios.values()}
    companies = session.companies.values()
    imports = [run for company in companies for run in company.imports]
    there = {
        "companies": sum(company.id not in session.world.ready for company in companies),
        "imports": sum(run.id not in ready for run in imports),
        "exports": sum(len(company.exports) for company in companies),
    }
    decisions = sum(not isinstance(event, Canceled) for run in imports for event in run.events)
    return {name: _side(session, _OPERATIONS[name], "created", count) for name, count in there.items()} | {
        "decisions": _side(session, "decide", "taken", decisions)
    }


_OPERATIONS = {"companies": "provision_company", "imports": "start_import", "exports": "start_export"}


def _side(session: Session, operation: str, did: str, count: int) -> dict[str, int]:
    tally = session.faults.tally
    return {
        "calls": tally.calls[operation],
        "meant": tally.meant[operation],
        did: count,
        "lost": tally.lost[operation],
    }


ORDERS: Orders = {"faults": {"GET": _get, "PUT": _put, "POST": _post, "DELETE": _delete}}
