"""A run of the caller's session: to step it, or to cancel it."""

from __future__ import annotations

from typing import Any

from mock_server.admin.call import AdminCall, route
from mock_server.kernel.errors import Refusal


def _step(call: AdminCall) -> dict[str, Any]:
    run = call.run()
    if run.pace != "manual":
        raise Refusal(409, f"the run's pace is {run.pace!r}; only a run of pace 'manual' is stepped")
    call.session.account.step(call.now, run.id)
    return _status(call)


def _cancel(call: AdminCall) -> dict[str, Any]:
    call.session.account.cancel(call.now, call.run().id)
    return _status(call)


def _status(call: AdminCall) -> dict[str, Any]:
    return {"run_id": call.run().id, "status": call.run().life(call.now).status}


ROUTES = [route("/runs/{run_id}/step", POST=_step), route("/runs/{run_id}/cancel", POST=_cancel)]
