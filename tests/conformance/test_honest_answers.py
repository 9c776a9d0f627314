"""An honest answer has no differences in any reading."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from answering import GONE, QUESTION, REPLAY, RUNNING, STARTED, answered, bent, clauses, examples
from calling import COMPANY, RUN

from conformance.http.messages import UNSET
from conformance.preview.response_schema import differences
from mock_server.contract import document as contract
from mock_server.faults.transport import FAULT
from mock_server.player.transport import Call, Transport
from mock_server.preview.language import load_world
from mock_server.preview.partner import play_through

EXPORTED = STARTED | {"poll_url": STARTED["poll_url"].replace("imports", "exports")}

SCENARIOS = load_world().scenarios
PLAYS = [
    pytest.param(scenario, play, id=f"{scenario.name}::{play.title}")
    for scenario in SCENARIOS.values()
    for play in scenario.plays
]


@pytest.mark.parametrize(("scenario", "play"), PLAYS)
def test_no_answer_of_the_mock_differs(server: str, key: str, scenario: Any, play: Any) -> None:
    found: list[str] = []

    def judge(call: Call) -> None:
        parts = urlsplit(call.path)
        match = contract.load().match(call.method, parts.path)
        # What a fault has bent, or lost, is no answer of its own.
        if call.status and match.operation is not None and FAULT not in call.headers:
            answer = answered(
                match.operation.id, call.status, call.received, call.headers,
                sent=UNSET if call.asked is None else call.asked, query=dict(parse_qsl(parts.query)),
                company_id=match.parameters.get("company_id"), run_id=match.parameters.get("run_id"),
            )  # fmt: skip
            found.extend(f"{call.method} {call.path}: {each}" for each in differences(match.operation.id, answer))

    transport = Transport(server, key)

    def wait(milliseconds: int) -> None:
        transport.call("POST", "/_mock/clock/advance", {"by": f"{milliseconds}ms"})

    for moment in play_through(play, scenario, transport, wait):
        assert not moment.differences
        for call in moment.calls:
            judge(call)
    transport.close()
    assert not found


@pytest.mark.parametrize(
    ("operation", "status"),
    [(operation, int(status)) for operation, each in {
        "list_sources": ("200",), "list_templates": ("200",), "provision_company": ("201", "400", "404", "409"),
        "request_upload": ("201", "400"), "start_import": ("201", "400", "409"), "poll_import": ("200",),
        "decide": ("200", "400", "409"), "start_export": ("201", "400", "409"), "poll_export": ("200",),
    }.items() for status in each],
)  # fmt: skip
def test_the_examples_of_the_contract_do_not_differ(operation: str, status: int) -> None:
    for name, body in examples(operation, status).items():
        assert clauses(operation, status, body) == [], name
        if isinstance(body, dict) and status < 300:
            assert clauses(operation, status, body | {"unheard_of": {"error": 1.5}}) == [], name


def a_body(operation: str, name: str, status: int = 200, **changes: Any) -> Any:
    body = examples(operation, status)[name]
    for place, value in changes.items():
        bent(body, place.replace("__", "/"), value)
    return body


@pytest.mark.parametrize(
    ("operation", "status", "body", "given"),
    [
        pytest.param("request_upload", 200, a_body("request_upload", "upload", 201), {}, id="OP-04 any 2xx"),
        pytest.param("poll_import", 200, RUNNING, {}, id="OP-05 no run_id"),
        pytest.param("start_import", 201, STARTED | {"status": "completed"}, {"sent": REPLAY}, id="OP-06 201"),
        pytest.param("start_import", 200, STARTED | {"status": "failed"}, {"sent": REPLAY}, id="OP-06 200"),
        pytest.param("list_imports", 200, [], {}, id="OP-08 bare"),
        pytest.param("list_imports", 200, {"data": [{"id": 1}], "total": 1}, {}, id="OP-08 another envelope"),
        pytest.param(
            "list_imports", 200, {"links": [{"status": "up"}], "data": [{"run_id": RUN}]}, {}, id="OP-08 another list"
        ),
        pytest.param("list_imports", 200, 3, {"query": {"status": "done"}}, id="OP-10 not judged"),
        pytest.param("list_imports", 422, 3, {"query": {"status": "done"}}, id="OP-10 not judged either"),
        pytest.param("decide", 200, {"status": "running"}, {"sent": {"decision": "reject"}}, id="OP-14 running"),
        pytest.param("decide", 200, {"status": "failed"}, {"sent": {"decision": "reject"}}, id="OP-14 failed"),
        pytest.param("poll_import", 200, {"status": "failed", "error": "No"}, {}, id="OP-17 no report"),
        pytest.param("start_export", 422, {"error": "no"}, {}, id="OP-18 any 4xx"),
        pytest.param("poll_export", 200, {"status": "running"}, {}, id="OP-18 no progress"),
        pytest.param("poll_export", 200, {"status": "canceled"}, {}, id="OP-16 an export too"),
        pytest.param("poll_import", 400, {"error": "no"}, {"run_id": "nonsense"}, id="OP-23 400"),
        pytest.param("decide", 404, {"error": "no"}, {"company_id": "nonsense"}, id="OP-23 404"),
        pytest.param("start_export", 200, EXPORTED, {}, id="OP-40 any 2xx"),
        pytest.param("poll_import", 405, "nothing", {}, id="OP-35 405"),
        pytest.param("decide", 413, "nothing", {}, id="OP-35 413"),
        pytest.param("request_upload", 403, "nothing", {}, id="OP-35 403"),
        pytest.param("decide", 415, "nothing", {"request_headers": {}}, id="OP-26 no content type"),
        pytest.param("export_csv", 501, "not yet", {}, id="CSV-02 not built yet"),
        pytest.param("poll_import", 429, {"oops": 1}, {"repeated": True}, id="a 429 that was waited out"),
        pytest.param("poll_import", 200, RUNNING | {"report": None}, {}, id="null is absent"),
        pytest.param("provision_company", 201, a_body("provision_company", "short", 201, company__external_id=GONE,
                     connections=GONE), {}, id="OP-02 absent"),
        pytest.param("start_import", 201, STARTED | {"poll_url": f"/vern/v1/companies/{COMPANY}/imports/{RUN}"}, {},
                     id="an API that lies deeper"),
    ],
)  # fmt: skip
def test_every_accepted_reading_is_no_difference(operation: str, status: int, body: Any, given: Any) -> None:
    assert clauses(operation, status, body, **given) == []


@pytest.mark.parametrize(
    "place",
    ["prompt", "context", "relevant_columns", "options", "target/column", "target/sample_values", "target/error",
     "target/sample_values/0", "options/0/label"],
)  # fmt: skip
def test_null_inside_a_question_is_tolerated(place: str) -> None:
    body = bent(examples("poll_import")["needs_attention"], f"{QUESTION}/{place}", None)
    assert clauses("poll_import", 200, body) == []  # OP-28


def test_rules_without_their_expression_may_be_null_and_of_any_dialect() -> None:
    body = examples("list_templates")["templates"]
    body["templates"][0]["columns"][0]["strictRule"] = None
    body["templates"][0]["columns"][1]["strictRule"] = "(?i)^x$"
    assert clauses("list_templates", 200, body) == []
