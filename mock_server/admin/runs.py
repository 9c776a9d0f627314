"""A run of the caller's session: to step it, or to cancel it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.admin.call import route
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from mock_server.admin.call import AdminCall


def _step(call: AdminCall) -> dict[str, Any]:
    run = call.run()
    if run.pace != "manual":
        raise Refusal(409, f"the run's pace is {run.pace!r}; only a run of pace 'manual' is stepped")
    call.session.account.step(call.now, run.id)
    return {"run_id": run.id, "status": run.life(call.now).status}


def _cancel(call: AdminCall) -> dict[str, Any]:
    call.session.account.cancel(call.now, call.run().id)
    return {"run_id": call.run().id, "status": call.run().life(call.now).status}


ROUTES = [route("/runs/{run_id}/step", POST=_step), route("/runs/{run_id}/cancel", POST=_cancel)]
