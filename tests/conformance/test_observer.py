"""Who is shown every answer: what contradicts what was answered before is told, whatever else comes is let be."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from answering import JSON
from calling import COMPANY, RUN
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.http.messages import DEFAULT, UNSET, Answer, Request
from conformance.http.network import Received
from conformance.http.recorder import KnownSecrets, Recorder
from conformance.preview.observed import Witness
from mock_server.contract import document as contract

OPERATIONS = sorted(contract.load().operations)
PATH = f"/api/v1/companies/{COMPANY}/imports/{RUN}"
STARTED = {"run_id": RUN, "status": "queued", "poll_url": PATH}
COMPLETED = {"status": "completed", "report": {"inserted": 0, "perSheet": [], "invalidCellCount": 0}}
PARKED = {
    "status": "needs_attention",
    "report": {"inserted": 1, "invalidCellCount": 1},
    "needs_attention": {"questions": [], "proposed_patch": {"summary": "", "actions": []}},
}
PROVISIONED = {"company": {"id": COMPANY}, "workbook_id": "w", "sheets": [{"id": "s", "template_id": "t"}]}
RUNNING = {"status": "running", "progress_message": "At work"}


def came(operation: str, status: int | None, body: Any, *, alone: bool = True, **members: Any) -> Answer:
    """An answer to a call with the key of the account."""
    ids = {"company_id": COMPANY, "run_id": RUN}
    request = Request(operation, "GET", "http://127.0.0.1/", DEFAULT, ids=ids, **members)
    received = Received(status, JSON, json.dumps(body).encode(), None if status else "broken")
    return Recorder(KnownSecrets(), None).record(request, received, 1, waited_out=False, alone=alone)


def told(*answers: Answer) -> list[str]:
    """The clauses that the answers contradict, one after the other."""
    witness = Witness(count(0, 10).__next__)
    return [each.clause for answer in answers for each in witness(answer)]


def poll(body: Any, status: int = 200, **members: Any) -> Answer:
    """A poll of the run."""
    return came("poll_import", status, body, **members)


def test_an_end_is_final() -> None:
    assert told(poll(COMPLETED), poll(COMPLETED)) == []
    assert told(poll(COMPLETED), poll(RUNNING)) == ["RUN-03", "RUN-02"]
    other = COMPLETED | {"report": {"inserted": 0, "invalidCellCount": 1}}
    assert told(poll(COMPLETED), poll(other)) == ["RUN-04", "RUN-03"]
    assert told(poll(COMPLETED), poll({"error": "gone"}, 404)) == ["POLL-01"]


def test_answers_of_calls_that_overlap_say_nothing() -> None:
    assert told(poll(COMPLETED), poll(RUNNING, alone=False)) == []


def test_a_parked_run_waits_for_a_decision_that_may_have_been_taken() -> None:
    assert told(poll(PARKED), poll(RUNNING)) == ["RUN-07", "RUN-02"]
    approval = {"decision": "approve"}
    assert told(poll(PARKED), came("decide", 200, {}, sent=approval), poll(RUNNING)) == []
    assert told(poll(PARKED), came("decide", None, {}, sent=approval), poll(COMPLETED)) == []
    assert told(poll(PARKED), came("decide", 400, {}, sent=approval), poll(RUNNING)) == ["RUN-07", "RUN-02"]
    assert told(poll(PARKED), poll({"status": "failed", "error": "Import timed out"})) == []  # OP-11


def test_the_look_up_finds_what_is_in_flight_before_and_after() -> None:
    nothing = came("list_imports", 200, {"run": None}, query={"status": "active"})
    assert told(poll(RUNNING), nothing, poll(COMPLETED)) == []
    assert told(poll(RUNNING), nothing, poll(RUNNING)) == ["ACT-01"]
    assert told(poll(PARKED), nothing, poll(PARKED)) == ["ACT-04"]


def test_the_history_has_what_was_started() -> None:
    made, start = came("provision_company", 201, PROVISIONED, sent={}), came("start_import", 201, STARTED, sent={})
    listed = [came("list_imports", 200, {"runs": [{"run_id": each}]}) for each in (RUN, "another")]
    assert told(made, start, listed[0], poll(COMPLETED), listed[0]) == []
    assert told(made, start, listed[1]) == ["HIST-03"]
    assert told(made, start, came("list_imports", 200, {"runs": []})) == ["HIST-03"]


def test_nobody_has_started_what_is_listed_more() -> None:
    made, refused = came("provision_company", 201, PROVISIONED, sent={}), came("start_import", 400, {}, sent={})
    assert told(made, refused, came("list_imports", 200, {"runs": [{"run_id": RUN}]})) == ["IMP-13"]
    lost = came("start_import", None, {}, sent={})
    assert told(made, lost, came("list_imports", 200, {"runs": [{"run_id": RUN}]})) == []


def test_what_one_answer_contradicts_often_is_told() -> None:
    sheets = [{"id": f"s{number}", "template_id": "t"} for number in range(3)]
    made = [came("provision_company", 201, {"company": {"id": each}, "sheets": sheets}) for each in ("one", "other")]
    assert told(*made)[:2] == ["ID-02", "ID-02"]


def test_a_company_in_which_nothing_is_in_flight_is_free() -> None:
    made, start = came("provision_company", 201, PROVISIONED, sent={}), came("start_import", 201, STARTED, sent={})
    refused = came("start_import", 409, {}, sent={"rows": [{}]})
    assert told(made, start, refused) == []
    assert told(made, start, poll(COMPLETED), refused) == ["IMP-11"]


texts = st.sampled_from(["status", "running", "completed", "needs_attention", RUN, COMPANY, "run_id", "runs", "active"])
NAMES = (
    "status run_id runs run report perSheet needs_attention questions target company id sheets templates columns "
    "upload_ref decision idempotency_key inserted poll_url name"
)
names = st.sampled_from(NAMES.split())
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
some_answers = st.lists(
    st.builds(
        came,
        st.sampled_from(OPERATIONS),
        st.sampled_from([200, 201, 404, 409, 500, None]),
        anything,
        sent=anything | st.just(UNSET),
        query=st.dictionaries(st.sampled_from(["status", "sheet_id", "filter", "limit"]), texts, max_size=2),
    ),
    max_size=8,
)


def test_words_that_are_no_texts_say_nothing() -> None:
    nothing: list[Any] = [[], {}, 1, None]
    for strange in nothing:
        start = came("start_import", 201, {"run_id": strange}, sent={"idempotency_key": strange, "rows": strange})
        decision = came("decide", 200, {"run_id": strange, "poll_url": strange}, sent={"decision": strange})
        look = came("list_imports", 200, {"status": strange, "run_id": strange}, query={"status": "active"})
        page = came("list_imports", 200, {"runs": [{"run_id": strange, "status": strange}, strange]})
        export = came("poll_export", 200, {"status": strange})
        assert told(poll(PARKED), start, decision, look, page, poll({"status": strange}), export) == []


@settings(max_examples=25, deadline=None)
@given(answers=some_answers)
def test_no_answer_is_too_strange(answers: list[Answer]) -> None:
    assert set(told(*answers)) <= contract.clause_ids()
