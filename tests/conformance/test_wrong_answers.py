"""A wrong answer has exactly the difference that it was made with."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from answering import GONE, JSON, QUESTION, REPLAY, RUNNING, STARTED, answered, bent, clauses, examples
from calling import COMPANY, RUN
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.http.messages import UNSET
from conformance.preview.bodies import STATUSES
from conformance.preview.response_schema import differences
from mock_server.contract import clause_map
from mock_server.contract import document as contract

ACTIVE = {"status": "active"}

PARKED = "needs_attention"
WRONG_RUNS: list[tuple[str, str, Any, str]] = [
    # example of the contract, place, value, clause
    ("queued", "status", "paused", "RUN-01"),
    ("queued", "run_id", "r-17", "ID-01"),
    ("queued", "progress_message", GONE, "POLL-02"),
    ("queued", "report", {}, "POLL-03"),
    ("queued", "needs_attention", {}, "POLL-03"),
    ("queued", "error", "none", "POLL-03"),
    ("running", "progress_message", None, "POLL-02"),
    ("running", "report", {}, "POLL-03"),
    ("running", "needs_attention", {}, "POLL-03"),
    ("running", "error", "none", "POLL-03"),
    (PARKED, "report", GONE, "POLL-04"),
    (PARKED, "report/inserted", GONE, "POLL-06"),
    (PARKED, "report/inserted", -1, "POLL-06"),
    (PARKED, "report/invalidCellCount", None, "POLL-06"),
    (PARKED, "report/invalidCellCount", 0, "POLL-07"),
    (PARKED, "report/invalidCellCount", 15.0, "FMT-03"),
    (PARKED, "report/perSheet", {}, "POLL-06"),
    (PARKED, "report/perSheet/0/rowCount", -1, "POLL-09"),
    (PARKED, "report/perSheet/0/rowCount", "12", "FMT-03"),
    (PARKED, "needs_attention", GONE, "POLL-04"),
    (PARKED, "needs_attention/questions", {}, "POLL-04"),
    (PARKED, "needs_attention/proposed_patch", GONE, "POLL-04"),
    (PARKED, f"{QUESTION}/prompt", GONE, "QUE-01"),
    (PARKED, f"{QUESTION}/target", GONE, "QUE-01"),
    (PARKED, f"{QUESTION}/id", 7, "QUE-01"),
    (PARKED, f"{QUESTION}/allow_custom", GONE, "QUE-01"),
    (PARKED, f"{QUESTION}/target/sheet_id", "s", "QUE-04"),
    (PARKED, f"{QUESTION}/target/column", GONE, "QUE-04"),
    (PARKED, f"{QUESTION}/target/affected_count", GONE, "QUE-04"),
    (PARKED, f"{QUESTION}/target/affected_count", 0, "QUE-06"),
    (PARKED, f"{QUESTION}/target/sample_values", [1], "QUE-04"),
    (PARKED, f"{QUESTION}/target/error", GONE, "QUE-04"),
    (PARKED, f"{QUESTION}/options/0/label", GONE, "QUE-09"),
    (PARKED, "needs_attention/proposed_patch/summary", GONE, "PATCH-01"),
    (PARKED, "needs_attention/proposed_patch/actions", GONE, "PATCH-01"),
    (PARKED, "needs_attention/proposed_patch/actions/0/action", "drop", "PATCH-02"),
    (PARKED, "needs_attention/proposed_patch/actions/0/column", GONE, "PATCH-02"),
    (PARKED, "needs_attention/proposed_patch/actions/0/value", GONE, "PATCH-03"),
    ("needs_attention_all_actions", "needs_attention/proposed_patch/actions/2/key_column", GONE, "PATCH-05"),
    (PARKED, "error", "flagged", "POLL-05"),
    ("completed", "report", GONE, "POLL-08"),
    ("completed", "report/perSheet", GONE, "POLL-08"),
    ("completed", "report/perSheet/0/sheetId", "s", "POLL-09"),
    ("completed", "report/invalidCellCount", -1, "POLL-12"),
    ("completed", "needs_attention", {}, "POLL-13"),
    ("completed", "error", "but", "POLL-13"),
    ("failed", "error", "", "POLL-14"),
    ("failed_rejected", "report/inserted", GONE, "DEC-32"),
    ("canceled", "report", {}, "POLL-16"),
    ("canceled", "error", "gone", "POLL-16"),
    ("canceled", "needs_attention", {}, "POLL-16"),
    ("canceled", "questions", [], "POLL-16"),
    ("running", "status", GONE, "POLL-01"),
    ("running", "status", 3, "POLL-01"),
]
WRONG: list[tuple[str, str, int, str, Any, str, Any]] = [
    # operation, example, status, place, value, clause, what was sent
    ("list_sources", "sources", 200, "sources", {}, "SRC-01", UNSET),
    ("list_sources", "sources", 200, "sources/0/logo_url", GONE, "SRC-02", UNSET),
    ("list_templates", "templates", 200, "templates", GONE, "TPL-01", UNSET),
    ("list_templates", "templates", 200, "templates/0/id", "t", "TPL-02", UNSET),
    ("list_templates", "templates", 200, "templates/0/columns/0/unique", "no", "TPL-03", UNSET),
    ("list_templates", "templates", 200, "templates/0/columns/0/desiredRule", "all", "TPL-03", UNSET),
    ("list_templates", "templates", 200, "templates/0/columns/0/strictRule", "x", "TPL-04", UNSET),
    ("list_templates", "templates", 200, "templates/0/columns/1/strictRule", GONE, "TPL-04", UNSET),
    ("list_templates", "templates", 200, "templates/0/columns/1/strictRule", "((", "TPL-04", UNSET),
    ("list_templates", "templates", 200, "templates/1/columns/0/linkRule", GONE, "TPL-05", UNSET),
    ("list_templates", "templates", 200, "templates/1/columns/0/linkRule/0/columnName", GONE, "TPL-05", UNSET),
    ("list_templates", "templates", 200, "templates/0/columns/0/linkRule", [], "TPL-05", UNSET),
    ("provision_company", "full", 201, "workbook_id", GONE, "PROV-02", UNSET),
    ("provision_company", "full", 201, "company/id", "c", "PROV-03", UNSET),
    ("provision_company", "full", 201, "company/created_at", "yesterday", "PROV-03", UNSET),
    ("provision_company", "full", 201, "company/created_at", 1_767_225_600, "PROV-03", UNSET),
    ("provision_company", "full", 201, "connections/0/creds_configured", GONE, "PROV-18", UNSET),
    ("provision_company", "full", 201, "connections/0/auth", {"token": "t"}, "PROV-18", UNSET),
    ("request_upload", "upload", 201, "upload_url", "/uploads/1", "UPL-01", UNSET),
    ("start_import", "queued", 201, "run_id", GONE, "IMP-01", UNSET),
    ("start_import", "queued", 201, "run_id", GONE, "IMP-02", {"rows": [{}]}),
    ("start_import", "queued", 201, "run_id", "r", "IMP-04", UNSET),
    (
        "start_import",
        "queued",
        201,
        "poll_url",
        f"https://x.example/companies/{COMPANY}/imports/{RUN}",
        "IMP-04",
        UNSET,
    ),
    ("start_import", "queued", 201, "status", "running", "IMP-03", {"rows": [{}]}),
    ("start_import", "queued", 201, "status", "paused", "RUN-01", REPLAY),
    ("decide", "approved", 200, "run_id", "r", "ID-01", {"decision": "approve"}),
    ("decide", "approved", 200, "poll_url", GONE, "DEC-02", {"decision": "approve"}),
    ("decide", "approved", 200, "status", "failed", "DEC-02", {"decision": "approve"}),
    ("decide", "rejected", 200, "status", "queued", "DEC-31", {"decision": "reject"}),
    ("start_export", "queued", 201, "run_id", "r", "ID-01", UNSET),
    ("start_export", "queued", 201, "poll_url", STARTED["poll_url"], "DST-01", UNSET),
    ("poll_export", "queued", 200, "status", GONE, "RUN-01", UNSET),
    ("poll_export", "queued", 200, "status", "needs_attention", "DST-10", UNSET),
    ("poll_export", "completed", 200, "report/total", GONE, "DST-04", UNSET),
    ("poll_export", "completed", 200, "report/results/0/status", GONE, "DST-05", UNSET),
    ("poll_export", "completed", 200, "report/results/0/ok", None, "DST-05", UNSET),
    ("poll_export", "completed", 200, "report/results/1/error", None, "DST-05", UNSET),
    ("poll_export", "completed", 200, "report/results/0/fields_confirmed", GONE, "DST-07", UNSET),
    ("poll_export", "completed", 200, "report/results/0/template_id", "t", "ID-01", UNSET),
]


@pytest.mark.parametrize(("example", "place", "value", "clause"), WRONG_RUNS)
def test_a_wrong_run_breaks_one_clause(example: str, place: str, value: Any, clause: str) -> None:
    body = bent(examples("poll_import")[example], place, value)
    assert clauses("poll_import", 200, body) == [clause]


@pytest.mark.parametrize(
    ("example", "place", "value", "clause"), [case for case in WRONG_RUNS if case[0] in ("queued", "running", PARKED)]
)
def test_the_same_wrong_run_as_the_active_one(example: str, place: str, value: Any, clause: str) -> None:
    body = bent(examples("poll_import")[example], place, value)
    assert clauses("list_imports", 200, body, query=ACTIVE) == [clause.replace("POLL-01", "ACT-01")]


@pytest.mark.parametrize(("operation", "example", "status", "place", "value", "clause", "sent"), WRONG)
def test_a_wrong_body_breaks_one_clause(
    operation: str, example: str, status: int, place: str, value: Any, clause: str, sent: Any
) -> None:
    body = bent(examples(operation, status)[example], place, value)
    assert clauses(operation, status, body, sent=sent) == [clause]


def test_a_question_without_a_way_to_answer_it() -> None:
    body = bent(examples("poll_import")[PARKED], f"{QUESTION}/options", [])
    assert clauses("poll_import", 200, body) == []
    body["needs_attention"]["questions"][0]["allow_custom"] = False
    assert clauses("poll_import", 200, body) == ["QUE-10"]


def test_every_row_of_the_table_is_told_by_one_of_these(monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[tuple[str, clause_map.Row]] = set()
    every = {
        (each, row) for each in contract.load().operations for row in clause_map.answer_rows(contract.load(), each)
    }

    def noted(known: contract.Contract, operation: str, place: clause_map.Place, keyword: str, case: str) -> str:
        row = clause_map.decisive((row for each, row in every if each == operation), place, keyword, case)
        assert row is not None
        used.add((operation, row))
        return row.clause

    monkeypatch.setattr(clause_map, "answer_clause", noted)
    for example, place, value, _ in WRONG_RUNS:
        clauses("poll_import", 200, bent(examples("poll_import")[example], place, value))
    for operation, example, status, place, value, _, sent in WRONG:
        clauses(operation, status, bent(examples(operation, status)[example], place, value), sent=sent)
    test_a_question_without_a_way_to_answer_it()
    # The active look-up has the poll's rows. Rows for a code of success are told by `test_another_code_of_success…`.
    unused = {(each, row) for each, row in every - used if each != "list_imports" and row.keyword != "code"}
    assert unused == set()


def test_every_clause_of_the_table_is_one_of_the_contract() -> None:
    known = contract.load()
    for operation_id in known.operations:
        rows = clause_map.answer_rows(known, operation_id) + clause_map.request_rows(known, operation_id)
        assert {row.clause for row in rows} <= contract.clause_ids()


@pytest.mark.parametrize(
    ("status", "body", "clause"),
    [
        (404, [], "ERR-01"),
        (404, {"message": "no"}, "ERR-01"),
        (404, {"error": ""}, "ERR-01"),
        (404, {"error": {"code": 1}}, "ERR-01"),
        (404, {"error": "no", "code": 1}, "ERR-02"),
        (422, {"error": "no"}, "ERR-06"),
        (503, {"error": "no"}, "ERR-06"),
        (409, {"error": "no"}, "ERR-06"),
        (302, {}, "ERR-06"),
        (202, RUNNING, "POLL-01"),
        (429, {"error": "Slow down"}, "RATE-02"),
    ],
)
def test_a_wrong_error_breaks_one_clause(status: int, body: Any, clause: str) -> None:
    assert clauses("poll_import", status, body) == [clause]


def test_headers_that_are_wrong() -> None:
    throttled = {"error": "Too many requests"}
    assert clauses("decide", 429, throttled, headers=JSON | {"retry-after": "1"}) == ["RATE-03"]
    assert clauses("decide", 429, throttled) == []
    for content_type in ("text/html", "application/problem+json", "application/json; charset=latin-1", ""):
        assert clauses("decide", 404, {"error": "no"}, headers={"content-type": content_type}) == ["FMT-01"]
        assert clauses("poll_import", 200, RUNNING, headers={"content-type": content_type}) == ["FMT-01"]
    assert clauses("poll_import", 200, RUNNING, headers={"content-type": 'Application/JSON; charset="UTF-8"'}) == []


@pytest.mark.parametrize(
    ("operation", "query", "status", "clause"),
    [
        ("list_sources", {}, 201, "SRC-01"),
        ("list_templates", {}, 206, "TPL-01"),
        ("provision_company", {}, 200, "PROV-01"),
        ("start_import", {}, 200, "IMP-01"),
        ("list_imports", {}, 202, "HIST-01"),
        ("list_imports", ACTIVE, 202, "ACT-01"),
        ("decide", {}, 201, "DEC-01"),
        ("poll_export", {}, 202, "ERR-06"),
        ("export_csv", {"sheet_id": "s"}, 202, "CSV-01"),
    ],
)
def test_another_code_of_success(operation: str, query: Any, status: int, clause: str) -> None:
    headers = {"content-type": "text/csv", "content-disposition": "attachment"} if operation == "export_csv" else JSON
    assert clauses(operation, status, {}, query=query, headers=headers, sent={}) == [clause]  # OP-01


def test_a_start_s_code_of_success_is_told_by_what_it_sends() -> None:
    started = examples("start_import", 201)["queued"]
    assert clauses("start_import", 202, started, sent={"files": []}) == ["IMP-01"]
    assert clauses("start_import", 202, started, sent={"rows": [{}]}) == ["IMP-02"]
    assert clauses("start_import", 202, started, sent={"rows": [{}], "idempotency_key": "k"}) == []  # IDEM-07's


def test_downloads() -> None:
    csv = {"content-type": "text/csv; charset=utf-8", "content-disposition": 'attachment; filename="a.csv"'}
    whole = csv | {"content-type": "application/zip"}
    one = {"sheet_id": "s"}
    assert clauses("export_csv", 200, "", headers=csv, query=one) == []
    assert clauses("export_csv", 200, "", headers=whole) == []
    assert clauses("export_csv", 200, "", headers=whole, query=one) == ["CSV-01"]
    assert clauses("export_csv", 200, "", headers=csv | {"content-disposition": "inline"}, query=one) == ["CSV-01"]
    assert clauses("export_csv", 200, "", headers=JSON, query=one) == ["CSV-01"]
    assert clauses("export_csv", 200, "", headers=csv) == ["CSV-02"]
    assert clauses("export_csv", 501, "", query=one) == ["ERR-06"]


@pytest.mark.parametrize(
    ("body", "clause"),
    [
        ([], "ACT-03"),
        (None, "ACT-03"),
        ({"run": RUNNING}, "ACT-01"),
        ({}, "ACT-01"),
        ({"status": "completed"}, "ACT-05"),
    ],
)
def test_the_active_look_up(body: Any, clause: str) -> None:
    assert clauses("list_imports", 200, body, query=ACTIVE) == [clause]
    assert clauses("list_imports", 200, {"run": None}, query=ACTIVE) == []


def test_the_history() -> None:
    assert clauses("list_imports", 200, {"runs": {}}) == ["HIST-01"]
    assert clauses("list_imports", 200, "none") == ["HIST-01"]
    assert clauses("list_imports", 200, [{"run_id": "r"}]) == ["ID-01"]
    assert clauses("list_imports", 200, ["a", None, {"run_id": RUN}]) == []
    assert clauses("list_imports", 200, {"runs": [{"status": "done"}], "other": []}) == ["RUN-01"]


def test_a_member_in_another_spelling() -> None:
    body = examples("poll_import")["completed"]
    body["report"]["invalid_cell_count"] = body["report"].pop("invalidCellCount")
    found = differences("poll_import", answered("poll_import", 200, json.dumps(body).encode()))
    assert [each.clause for each in found] == ["FMT-02"]
    assert found[0].text == "/report/invalidCellCount: expected this member, got invalid_cell_count"


def test_what_all_items_share_is_told_once() -> None:
    body = {"sources": [{"id": RUN, "name": "a"}] * 50}
    found = differences("list_sources", answered("list_sources", 200, json.dumps(body).encode()))
    assert [(each.clause, each.text) for each in found] == [
        ("SRC-02", "/sources/0/logo_url: expected this member, got none")
    ]


def test_what_is_no_json() -> None:
    for content in (b"", b"<html>", b'{"a": NaN}', b'{"error": "caf\xe9"}', b"\xef\xbb\xbf{}", b"[" * 100_000):
        assert [each.clause for each in differences("decide", answered("decide", 200, content))] == ["FMT-01"]
        assert [each.clause for each in differences("decide", answered("decide", 400, content))] == ["ERR-01"]


def test_half_an_answer_and_a_foreign_one_are_not_judged() -> None:
    whole = answered("decide", 500, b"")
    assert differences("decide", replace(whole, status=None)) == []
    assert differences(None, whole) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(STATUSES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["status", "report", "error", "run", "runs", "needs_attention", "questions", "sources", "templates", "columns",
         "strictRule", "actions", "proposed_patch", "x"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(
    operation=st.sampled_from(sorted(contract.load().operations)),
    status=st.sampled_from([200, 201, 204, 302, 400, 404, 429, 500]),
    body=values,
    query=st.sampled_from([{}, ACTIVE, {"sheet_id": "s"}]),
)
def test_nothing_that_can_come_is_a_mistake_of_ours(operation: str, status: int, body: Any, query: Any) -> None:
    assert set(clauses(operation, status, body, query=query)) <= contract.clause_ids()


def test_a_body_nested_too_deeply() -> None:
    for depth, found in ((100, []), (600, ["FMT-01"])):
        content = b'{"status": "running", "progress_message": "Working", "x": ' + b"[" * depth + b"]" * depth + b"}"
        assert [each.clause for each in differences("poll_import", answered("poll_import", 200, content))] == found


def test_half_a_surrogate_pair_is_text() -> None:
    content = b'{"status": "running", "progress_message": "\\ud800"}'
    assert differences("poll_import", answered("poll_import", 200, content)) == []


UPLOAD = {"upload_url": "http://127.0.0.1/_mock/uploads/x", "upload_ref": "upl_x"}
BARE_HISTORY = {"items": [{"id": RUN}]}


@pytest.mark.parametrize(
    ("operation", "status", "body", "clause"),
    [("request_upload", 202, UPLOAD, "UPL-01"), ("list_imports", 200, BARE_HISTORY, "HIST-01")],
)
def test_another_reading_differs_to_the_letter_alone(operation: str, status: int, body: Any, clause: str) -> None:
    answer = answered(operation, status, json.dumps(body).encode(), run_id=None)
    assert differences(operation, answer) == []
    assert {each.clause for each in differences(operation, answer, to_the_letter=True)} == {clause}
