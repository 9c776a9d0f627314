"""A run of the caller's session: to step it, or to cancel it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.admin.call import AdminCall, route
from mock_server.contract.document import canonical_id
from mock_server.contract.nearest import shown
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from mock_server.session.generation import Run


def _step(call: AdminCall) -> dict[str, Any]:
    run = _run(call)
    if run.pace != "manual":
        raise Refusal(409, f"the run's pace is {run.pace!r}; only a run of pace 'manual' is stepped")
    call.session.account.step(call.now, run.id)
    return _status(call)


def _cancel(call: AdminCall) -> dict[str, Any]:
    call.session.account.cancel(call.now, _run(call).id)
    return _status(call)


def _status(call: AdminCall) -> dict[str, Any]:
    return {"run_id": _run(call).id, "status": _run(call).life(call.now).status}


def _run(call: AdminCall) -> Run:
    run_id = canonical_id(call.request.path_params["run_id"])
    run = call.session.account.runs.get(run_id)
    if run is None:
        raise Refusal(404, f"no run {shown(run_id)} in this session")
    return run


ROUTES = [route("/runs/{run_id}/step", POST=_step), route("/runs/{run_id}/cancel", POST=_cancel)]
