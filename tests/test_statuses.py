"""Every status that the contract documents for an operation is really answered, with the documented body.

The contract gives the list, so a status that is documented tomorrow fails here until a request below produces it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

import httpx2
import pytest
from conftest import Client, obeys_the_contract

from mock_server.contract import document as contract
from mock_server.kernel.settings import Settings
from mock_server.player.transport import Call
from mock_server.preview.generation import create_app
from mock_server.preview.language import load_world
from mock_server.preview.operations import HANDLERS

if TYPE_CHECKING:
    from collections.abc import Callable

CONTRACT = contract.load()
WORLD = load_world()
DOCUMENTED = [
    (operation.id, int(status))
    for operation in CONTRACT.operations.values()
    for status in CONTRACT.document["paths"][operation.route.removeprefix(contract.API)][operation.method.lower()][
        "responses"
    ]
]

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
NOBODY = "00000000-0000-4000-8000-000000000000"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"  # the ready company of `live`
PARKED = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"  # that of the documentation, with its parked run
RUN = f"{PARKED}/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
UNKNOWN = f"/api/v1/companies/{NOBODY}"

APPROVE = {"decision": "approve"}
ROWS = {"rows": [{"Email": "ada@example.com"}]}
KEYED = ROWS | {"idempotency_key": "once"}


class Request(NamedTuple):
    """A request that gets the status, and the requests that have to be made first."""

    method: str
    path: str
    body: object = None
    before: tuple[tuple[str, str, object], ...] = ()


SERVED: dict[tuple[str, int], Request] = {
    ("list_sources", 200): Request("GET", "/api/v1/sources"),
    ("list_templates", 200): Request("GET", "/api/v1/templates"),
    ("provision_company", 201): Request("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE}),
    ("provision_company", 400): Request("POST", "/api/v1/companies", {"name": "Acme"}),
    ("provision_company", 404): Request("POST", "/api/v1/companies", {"name": "Acme", "source": NOBODY}),
    ("provision_company", 409): Request(
        "POST",
        "/api/v1/companies",
        {"name": "Another", "source": SOURCE, "external_id": "acme"},
        (("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE, "external_id": "acme"}),),
    ),
    ("request_upload", 201): Request("POST", f"{LIVE}/uploads", {"name": "contacts.csv"}),
    ("request_upload", 400): Request("POST", f"{LIVE}/uploads", {}),
    ("request_upload", 404): Request("POST", f"{UNKNOWN}/uploads", {"name": "contacts.csv"}),
    ("start_import", 200): Request("POST", f"{LIVE}/imports", KEYED, (("POST", f"{LIVE}/imports", KEYED),)),
    ("start_import", 201): Request("POST", f"{LIVE}/imports", ROWS),
    ("start_import", 400): Request("POST", f"{LIVE}/imports", {}),
    ("start_import", 404): Request("POST", f"{UNKNOWN}/imports", ROWS),
    ("start_import", 409): Request("POST", f"{PARKED}/imports", ROWS),
    ("list_imports", 200): Request("GET", f"{PARKED}/imports?status=active"),
    ("list_imports", 400): Request("GET", f"{PARKED}/imports?status=parked"),
    ("list_imports", 404): Request("GET", f"{UNKNOWN}/imports"),
    ("poll_import", 200): Request("GET", RUN),
    ("poll_import", 404): Request("GET", f"{PARKED}/imports/{NOBODY}"),
    ("decide", 200): Request("POST", f"{RUN}/decisions", APPROVE),
    ("decide", 400): Request("POST", f"{RUN}/decisions", {"decision": "maybe"}),
    ("decide", 404): Request("POST", f"{PARKED}/imports/{NOBODY}/decisions", APPROVE),
    ("decide", 409): Request(
        "POST", f"{RUN}/decisions", APPROVE, (("POST", f"{RUN}/decisions", {"decision": "reject"}),)
    ),
    ("export_csv", 200): Request("GET", f"{PARKED}/export.csv"),
    ("export_csv", 400): Request("GET", f"{PARKED}/export.csv?filter=clean"),
    ("export_csv", 404): Request("GET", f"{PARKED}/export.csv?sheet_id={NOBODY}"),
    ("start_export", 200): Request(
        "POST",
        f"{LIVE}/exports",
        {"idempotency_key": "once"},
        (("POST", f"{LIVE}/exports", {"idempotency_key": "once"}),),
    ),
    ("start_export", 201): Request("POST", f"{LIVE}/exports"),
    ("start_export", 400): Request("POST", f"{LIVE}/exports", {"mode": "partial"}),
    ("start_export", 404): Request("POST", f"{UNKNOWN}/exports"),
    ("start_export", 409): Request("POST", f"{LIVE}/exports", {"mode": "canary"}, (("POST", f"{LIVE}/exports", None),)),
    ("poll_export", 404): Request("GET", f"{LIVE}/exports/{NOBODY}"),
}


def an_export(client: Client) -> Call:
    return client.get(client.post(f"{LIVE}/exports").body["poll_url"])


def without_a_key(client: Client, operation_id: str) -> Call:
    operation = CONTRACT.operations[operation_id]
    return client.send(operation.method, filled(operation.route), None, {})


def once_too_often(client: Client, operation_id: str) -> Call:
    operation = CONTRACT.operations[operation_id]
    method, path = operation.method, filled(operation.route)
    passed = [client.transport.call(method, path).status for _ in range(100)]
    assert 429 not in passed
    return client.transport.call(method, path)


def filled(route: str) -> str:
    return route.replace("{company_id}", NOBODY).replace("{run_id}", NOBODY)


EVERYWHERE: dict[int, Callable[[Client, str], Call]] = {401: without_a_key, 429: once_too_often}
IN_PROCESS = 500


def produced(client: Client, operation_id: str, status: int) -> Call:
    """The answer of the request that is said to get this status."""
    if status in EVERYWHERE:
        return EVERYWHERE[status](client, operation_id)
    if (operation_id, status) == ("poll_export", 200):
        return an_export(client)
    request = SERVED.get((operation_id, status))
    assert request is not None, f"{operation_id} {status} is documented, and no request of this test produces it"
    for earlier in request.before:
        assert client.transport.call(*earlier).status < 300
    return client.transport.call(*request[:3])


@pytest.mark.parametrize(
    ("operation_id", "status"), [documented for documented in DOCUMENTED if documented[1] != IN_PROCESS]
)
def test_a_documented_status_is_answered_with_its_documented_body(
    client: Client, operation_id: str, status: int
) -> None:
    call = produced(client, operation_id, status)
    matched = CONTRACT.match(call.method, call.path.partition("?")[0]).operation
    assert matched is not None
    assert (matched.id, call.status) == (operation_id, status), call.text[:500]
    obeys_the_contract(call)
    if status >= 400:  # ERR-01, ERR-02
        assert list(call.body) == ["error"]
        assert call.media_type == "application/json"


def test_no_request_here_is_for_a_status_that_the_contract_does_not_have() -> None:
    assert set(SERVED) <= set(DOCUMENTED)
    assert len(DOCUMENTED) >= 11 * 4


@pytest.mark.parametrize("operation_id", [each for each, status in DOCUMENTED if status == IN_PROCESS])
def test_a_handler_that_fails_gives_500_and_its_traceback_goes_to_the_log_alone(
    operation_id: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_: object) -> None:
        raise ArithmeticError("the secret of this handler")

    monkeypatch.setitem(HANDLERS, operation_id, fails)
    monkeypatch.setattr(logging.getLogger("vern-mock"), "propagate", True)
    operation = CONTRACT.operations[operation_id]
    path = filled(operation.route)
    answered = asyncio.run(asked_in_process(operation.method, path))
    call = Call(operation.method, path, None, answered.status_code, answered.headers, answered.content)
    assert call.status == 500
    obeys_the_contract(call)
    assert list(call.body) == ["error"]
    assert "secret" not in call.text
    assert "Traceback" not in call.text
    (record,) = caplog.records
    assert f"{operation.method} {path}" in record.getMessage()
    assert "Traceback" in caplog.text
    assert "ArithmeticError: the secret of this handler" in caplog.text


async def asked_in_process(method: str, path: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(create_app(Settings(), WORLD))
    async with httpx2.AsyncClient(transport=transport, base_url="http://mock.test") as asking:
        return await asking.request(method, path, headers={"x-api-key": "in-process"})
