"""Answers without a server: as the client would make them, after the examples of the contract, one member bent."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from calling import COMPANY, RUN

from conformance.http.messages import UNSET, Answer, Request
from conformance.http.network import Received
from conformance.http.recorder import KnownSecrets, Recorder
from conformance.preview.response_schema import differences
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from collections.abc import Mapping

GONE = object()
JSON = {"content-type": "application/json"}
RUNNING = {"status": "running", "progress_message": "Working"}
QUESTION = "needs_attention/questions/0"
STARTED = {"run_id": RUN, "status": "queued", "poll_url": f"/api/v1/companies/{COMPANY}/imports/{RUN}"}
REPLAY = {"rows": [{}], "idempotency_key": "k"}


def answered(
    operation: str | None,
    status: int,
    content: bytes,
    headers: Mapping[str, str] = JSON,
    *,
    sent: Any = UNSET,
    query: Mapping[str, Any] | None = None,
    company_id: str | None = COMPANY,
    run_id: str | None = RUN,
    request_headers: Mapping[str, str] = JSON,
    repeated: bool = False,
) -> Answer:
    """An answer as the client would make it."""
    request = Request(
        operation, "GET", "http://127.0.0.1/", headers=request_headers, sent=sent, query=query or {},
        ids={"company_id": company_id, "run_id": run_id},
        download=operation is not None and operation not in contract.load().json_operations,
        gives_upload_url=operation == "request_upload",
    )  # fmt: skip
    return Recorder(KnownSecrets(), None).record(request, Received(status, headers, content), 1, waited_out=repeated)


def clauses(operation: str, status: int, body: Any, **given: Any) -> list[str]:
    """The clauses that an answer with this JSON body breaks."""
    found = differences(operation, answered(operation, status, json.dumps(body).encode(), **given))
    assert all(each.text for each in found)
    return [each.clause for each in found]


def examples(operation: str, status: int = 200) -> dict[str, Any]:
    """The contract's own examples of an answer."""
    described = contract.load().operations[operation]
    path = contract.load().document["paths"][described.route.removeprefix(contract.API)]
    content = path[described.method.lower()]["responses"][str(status)]["content"]["application/json"]
    return {name: deepcopy(example["value"]) for name, example in content["examples"].items()}


def bent(body: Any, place: str, value: Any) -> Any:
    """The body with one member replaced, added, or taken away."""
    *way, last = [int(part) if part.isdigit() else part for part in place.split("/")]
    at = body
    for part in way:
        at = at[part]
    if value is GONE:
        del at[last]
    else:
        at[last] = value
    return body
