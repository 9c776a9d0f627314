"""The suite of the toy generation: two clauses of its own, a check of each, and all that the engine asks for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from toy_generation import CONTRACT

from conformance.engine.context import Context
from conformance.engine.plan import Check, Generation
from conformance.model.clauses import Clause

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.http.client import Answer


def _clause(number: str, text: str) -> Clause:
    return Clause(number, "server", "must", text, (), ("track_parcel",), (), None)


CLAUSES = {
    each.id: each
    for each in (
        _clause("PAR-01", "Tracking a parcel shows a documented status."),
        _clause("PAR-02", "A parcel that was never sent is answered with 404."),
    )
}


def a_sent_parcel_is_tracked(ctx: Context) -> None:
    """Send a parcel and track it."""
    sent = ctx.client.call("send_parcel", body={"to": "Ada"})
    tracked = ctx.client.call("track_parcel", run_id=sent.json["run_id"])
    documented = CONTRACT.run_statuses.every
    ctx.require("PAR-01", tracked.json["status"] in documented, "the status is documented", tracked, got=tracked.json)


def an_unknown_parcel_is_not_found(ctx: Context) -> None:
    """Track a parcel that was never sent."""
    ctx.status("PAR-02", ctx.client.call("track_parcel", run_id="nowhere"), 404, "an unknown parcel is not found")


def _check(clause: str, function: Callable[[Any], None]) -> Check:
    return Check(function.__name__, (clause,), str(function.__doc__), function)


def _differences(operation: str | None, answer: Answer, *, to_the_letter: bool) -> list[Any]:
    if operation is None or answer.status is None:
        return []
    found = CONTRACT.complaints(operation, answer.status, answer.media_type, answer.json)
    return [SimpleNamespace(clause="PAR-01", text=text) for text in found]


SUITE = Generation(
    contract=CONTRACT,
    clauses=CLAUSES,
    checks=lambda: {
        each.name: each
        for each in (_check("PAR-01", a_sent_parcel_is_tracked), _check("PAR-02", an_unknown_parcel_is_not_found))
    },
    generated=lambda _: _check("PAR-01", lambda _: None),
    context=Context,
    differences=_differences,
    observer=lambda _: lambda _: (),
    cut_off=lambda _: "PAR-01",
    probes=(),
    spends="RATE",
    reading=lambda target, _: target,
    states=lambda *_: {},
)
