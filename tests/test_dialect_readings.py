"""The readings of the dialects: what each says and takes, and that none says what the contract forbids."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from conformance.preview import tolerant_schema as relaxed
from mock_server.contract import document as contract
from mock_server.dialects.dialect import Answer, RequestBody
from mock_server.preview.readings import DIALECTS, is_page, is_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.contract.document import Example

READINGS, BY_NAME, dialect = DIALECTS.readings, DIALECTS.by_name, DIALECTS.find
CONTRACT = contract.load()

EXAMPLES = [(name, each) for name in CONTRACT.operations for each in CONTRACT.examples(name)]
COMPANY = CONTRACT.examples("provision_company")[0].value["company"]["id"]


def said(operation: str | None, code: int, body: Any, *ids: str, **query: str) -> Answer:
    headers = {"content-type": "application/json", "content-length": "1"}
    path = "/api/v1/companies/{}/imports/{}".format(*ids, *(COMPANY, COMPANY)[len(ids) :])
    return Answer(operation, path, query, code, headers, deepcopy(body))


def of(operation: str, example: Example) -> Answer:
    """The example as the mock would have answered it."""
    made = said(operation, example.status, example.value, COMPANY)
    if example.media_type != "application/json":
        made.body, made.headers = None, {"content-type": example.media_type}
    if operation == "list_imports" and example.name in {"active", "none_active"}:
        made.query = {"status": "active"}
    return made


BESIDE = [  # what the contract has no example of
    said(None, 405, {"error": "no"}),
    said("put_upload", 200, {"upload_ref": "upl_1", "size": 1}),
    said("put_upload", 403, {"error": "used"}),
    said("poll_import", 404, {"error": "no"}, COMPANY, "no-uuid"),
    said("list_imports", 400, {"error": "no"}, COMPANY, status="parked"),
    Answer("export_csv", f"/api/v1/companies/{COMPANY}/export.csv", {}, 200, {"content-type": "application/zip"}, None),
]


def in_short(each: Answer) -> Any:
    return each.status, dict(each.headers), json.dumps(each.body), each.indented


# what a reading does


@pytest.mark.parametrize("reading", [each for each in READINGS if each.change_answer], ids=lambda each: each.name)
def test_every_reading_of_answers_changes_one_and_says_the_same_again(reading: Any) -> None:
    changed = 0
    for each in (*(of(*example) for example in EXAMPLES), *map(deepcopy, BESIDE)):
        once, again = deepcopy(each), deepcopy(each)
        reading.change_answer(once)
        reading.change_answer(again)
        assert in_short(once) == in_short(again)  # QUE-03
        changed += in_short(once) != in_short(each)
    assert changed


@pytest.mark.parametrize(
    ("name", "operation", "body", "refused"),
    [
        ("known-members", "start_import", {"rows": [], "mode": "fast"}, 400),
        ("known-members", "start_import", {"rows": []}, None),
        ("known-members", "decide", ["no object"], None),
        ("no-empty-answers", "decide", {"decision": "approve", "answers": []}, 400),
        ("no-empty-answers", "decide", {"decision": "approve"}, None),
        ("only-json", "decide", {"decision": "approve"}, None),
    ],
)
def test_what_a_reading_refuses(name: str, operation: str, body: Any, refused: int | None) -> None:
    got = dialect(name).refuse(RequestBody(operation, "Application/JSON; charset=utf-8", body))
    assert (got and got[0]) == refused


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_bodies_of_another_type_can_be_refused(content_type: str | None) -> None:
    got = dialect("only-json").refuse(RequestBody("decide", content_type, {}))
    assert got == (415, "the body must be application/json")


def test_what_a_reading_takes_for_what_was_sent() -> None:
    lenient, every = dialect("lenient-answers"), dialect("all-templates")
    answers = [{"question_id": "fq0", "option_id": "a"}, {"question_id": "fq0", "custom": "b"}]
    assert lenient.change_body(RequestBody("decide", None, {"decision": "reject", "answers": answers})) == {
        "decision": "reject"
    }
    sent = {"decision": "approve", "answers": answers}
    assert lenient.change_body(RequestBody("decide", None, sent)) == {"decision": "approve", "answers": answers[1:]}
    odd = {"decision": "approve", "answers": [3, {"question_id": []}]}
    assert lenient.change_body(RequestBody("decide", None, odd)) == odd
    assert every.change_body(RequestBody("provision_company", None, {"name": "A", "template_ids": []})) == {"name": "A"}
    assert every.change_body(RequestBody("provision_company", None, [])) == []


def test_the_members_that_are_known_are_the_contract_s() -> None:
    schemas = CONTRACT.document["components"]["schemas"]
    names = {
        "provision_company": "ProvisionRequest",
        "request_upload": "UploadRequest",
        "start_import": "ImportRequest",
        "decide": "DecisionRequest",
        "start_export": "ExportRequest",
    }
    members = {each: frozenset(schemas[name]["properties"]) for each, name in names.items()}
    assert members == {each: CONTRACT.request_members(each) for each in names}


# that it is legal


def answered_by(name: str) -> Iterator[tuple[str, Answer, Answer]]:
    """Each example of the contract as it is, and as a dialect says it."""
    spoken = dialect(name)
    for operation, example in EXAMPLES:
        made = of(operation, example)
        spoken.change_answer(made)
        yield operation, of(operation, example), made


@pytest.mark.parametrize("name", ["documented", "minimal"])
def test_what_is_documented_and_what_is_minimal_is_the_contract_s(name: str) -> None:
    for operation, _, made in answered_by(name):
        assert CONTRACT.complaints(operation, made.status, made.headers["content-type"], made.body) == []


LEFT_OUT = {
    ("ProvisionedCompany", "connections"),
    ("Company", "external_id"),
    ("ImportHistoryItem", "report"),
    ("ParkedReport", "perSheet"),
    *(
        (f"Run{status}", "run_id")
        for status in ("Queued", "Running", "NeedsAttention", "Completed", "Failed", "Canceled")
    ),
}
NOT_LEFT_OUT = {
    ("RunFailed", "report"),  # DEC-32: after a rejection it is there
    ("Column", "strictRule"),  # TPL-04, TPL-05: a rule's member is there with the rule
    ("Column", "linkRule"),
    ("WriteResult", "error"),  # DST-05: a write that failed says why, and no other has it
}


def test_minimal_leaves_out_whatever_the_contract_marks_as_optional() -> None:
    schemas = CONTRACT.document["components"]["schemas"]
    asked = {name for name in schemas if name.endswith("Request") or name in {"Answer", "ImportRow", "ImportFile"}}
    asked |= {"ExportSelection", "TooManyRequestsError"}
    optional = {
        (name, member)
        for name, schema in schemas.items()
        for member in set(schema.get("properties", ())) - set(schema.get("required", ()))
        if name not in asked
    }
    assert optional == LEFT_OUT | NOT_LEFT_OUT
    for _, before, after in answered_by("minimal"):
        if is_run(after):
            assert "run_id" not in after.body
            parked = after.body["status"] in {"needs_attention", "failed"}
            assert not parked or "perSheet" not in after.body.get("report", {})
        if is_page(after):
            assert not any("report" in run for run in after.body["runs"])
        if after.operation == "provision_company" and after.ok:
            assert ("connections" in after.body) == bool(before.body["connections"])
            assert ("external_id" in after.body["company"]) == bool(before.body["company"]["external_id"])


@pytest.mark.parametrize("name", ["extended", *BY_NAME, *(f"random:{number}" for number in range(30))])
def test_no_reading_says_what_the_contract_forbids(name: str) -> None:
    """Apart from the envelope of the history (OP-08), the codes that are open, and members that nobody knows."""
    for operation, before, made in answered_by(name):
        responses = CONTRACT.described(operation)["responses"]
        status = made.status if str(made.status) in responses else before.status
        response = CONTRACT.resolved(responses[str(status)])
        schema = response["content"].get("application/json", {}).get("schema", {}).get("$ref", "")
        if made.body is None or (is_page(before) and not is_page(made)):
            continue
        if made.status == 501:
            assert (operation, before.body) == ("export_csv", None)
            continue
        wanted = schema.rpartition("/")[2]
        if wanted == "ImportLookup":
            wanted = "ImportHistory" if is_page(made) else "Run" if is_run(made) else "NoActiveRun"
        errors = [error.message for error in relaxed.validator(wanted).iter_errors(made.body)]
        assert not errors, (operation, before, made)


@pytest.mark.parametrize("name", ["extended", *BY_NAME])
def test_errors_and_the_missing_active_run_are_exactly_what_they_are(name: str) -> None:
    for _, before, made in answered_by(name):
        if made.status >= 400:
            assert list(made.body) == ["error"]  # ERR-02
        if before.status == 429:
            assert made.body == {"error": "Too many requests"}  # RATE-02
            assert "retry-after" not in made.headers  # RATE-03
        if before.body == {"run": None}:
            assert made.body == {"run": None}  # ACT-02


def test_extended_has_unknown_members_in_every_object_and_unknown_headers() -> None:
    def objects(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict) and "self" not in value:
            yield value
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from objects(each)

    for _, before, made in answered_by("extended"):
        assert "x-request-id" in made.headers
        if made.has_json and before.body != {"run": None}:
            assert all("object" in each for each in objects(made.body)), made.body


def test_extended_reads_in_every_way_but_those_that_have_a_rival() -> None:
    ways = {reading.topic for reading in READINGS}
    kept = {"bare-history", "nulls-in-catalogue", "no-options"}  # of minimal, or of what another one shows
    assert {reading.topic for reading in dialect("extended").readings} == ways - kept
