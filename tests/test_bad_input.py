"""What a client gets wrong: the documented code, one sentence that names member, expectation and value, no change.

Every case is sent to a server whose log is looked at in the end: no traceback, whatever came.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from conftest import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mock_server import contract
from mock_server.player.transport import Call
from mock_server.process import Process, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
DEALS = "e90b4f73-2c68-4d5e-a17b-6d8f3e0a9c24"
NOBODY = "00000000-0000-4000-8000-000000000000"
API = "/api/v1"
LIVE = f"{API}/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
DOCS = f"{API}/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
SHEET = "7a1c2b3d-4e5f-4061-8a9b-0c1d2e3f4a5b"
RUN = f"{DOCS}/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
DEDUP = f"{API}/companies/d4cd7c3d-ecd4-4ea8-a9c3-687875edc93c"
RE_PARK = f"{API}/companies/39b5bb3e-35ba-47d5-91be-cc435addce86"
POSTS = {
    "provision_company": f"{API}/companies",
    "request_upload": f"{LIVE}/uploads",
    "start_import": f"{LIVE}/imports",
    "decide": f"{RUN}/decisions",
    "start_export": f"{DOCS}/exports",
}
LIMIT = 4_000
MILLION = "61d0a4c8-3b57-4f2e-8c19-5e7a2b90d6f3"
A_MILLION_ROWS = f"""
title: More rows than any buffer between server and client holds
ready:
  company: {MILLION}
data:
  - sheet: Contacts
    rows: 1000000
run:
  - work: 1s
  - complete:
plays:
  - title: it completes
    steps:
      - start:
      - wait: 1s
      - see: completed
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server that takes small bodies only, and any number of calls."""
    scenario: Path = tmp_path_factory.mktemp("scenarios") / "a-million-rows.yaml"
    scenario.write_text(A_MILLION_ROWS)
    arguments = ("--speed", "0", "--rate-limit", "off", "--max-body", f"{LIMIT}B", "--scenarios", str(scenario))
    with running(*arguments) as process:
        yield process
        assert process.stop() == 0
        log = process.log()
        assert "Traceback" not in log, log[log.find("Traceback") - 300 :][:3_000]


@pytest.fixture
def at_small(small: Process, key: str) -> Iterator[Client]:
    made = Client(small.url, key)
    yield made
    made.close()


def state(client: Client) -> tuple[object, ...]:
    """All that a caller can see of the session, as it is now."""
    seen = (RUN, f"{DOCS}/imports", f"{LIVE}/imports", "/_mock/session")
    return tuple((call.status, call.received) for call in map(client.get, seen))


def post(client: Client, path: str, raw: bytes) -> Call:
    return client.send("POST", path, raw, {"x-api-key": client.key or "", "content-type": "application/json"})


def refused(call: Call, status: int, *words: str) -> None:
    """It was refused with this status, in a body of one member whose text has these words."""
    assert call.status == status, call.text[:500]
    assert call.media_type == "application/json"
    assert list(call.body) == ["error"]
    for word in words:
        assert word in call.body["error"], call.body["error"][:500]


# -- bodies that are no JSON object, for every operation that takes one

NO_OBJECTS = {
    "a half": (b'{"decision":', "not valid JSON"),
    "words": (b"approve, please", "not valid JSON"),
    "single quotes": (b"{'decision': 'approve'}", "not valid JSON"),
    "a trailing comma": (b'{"decision": "approve",}', "not valid JSON"),
    "two values": (b"{} {}", "not valid JSON"),
    "NaN": (b'{"x": NaN}', "not valid JSON"),
    "infinity": (b'{"x": -Infinity}', "not valid JSON"),
    "1e999": (b'{"x": 1e999}', "not valid JSON"),
    "an integer of 5,000 digits": (b'{"x": ' + b"9" * 5_000 + b"}", "not valid JSON"),
    "a raw NUL": (b'{"name": "\x00"}', "not valid JSON"),
    "a NUL alone": (b"\x00", "not valid JSON"),
    "a lone high surrogate": (b'{"name": "\\ud800"}', "not valid JSON"),
    "a lone low surrogate": (b'{"\\udc00": 1}', "not valid JSON"),
    "an encoded surrogate": (b'{"name": "\xed\xa0\x80"}', "not valid JSON"),
    "Latin-1": ('{"name": "Zoë"}'.encode("latin-1"), "not valid JSON"),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), "not valid JSON"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "not valid JSON"),
    "1,000 brackets": (b"[" * 1_000, "not valid JSON"),
    "1,000 closed brackets": (b"[" * 1_000 + b"]" * 1_000, ""),
    "100,000 brackets": (b"[" * 100_000, "not valid JSON"),
    "100,000 objects": (b'{"a":' * 100_000, "not valid JSON"),
    "an array": (b"[]", "the body must be an object; got an array"),
    "null": (b"null", "the body must be an object; got null"),
    "a text": (b'"approve"', "the body must be an object; got 'approve'"),
    "a number": (b"17", "the body must be an object; got 17"),
}


@pytest.mark.parametrize("operation_id", POSTS)
def test_a_body_that_is_no_json_object_is_refused(client: Client, operation_id: str) -> None:
    """ERR-11, DEC-22."""
    before = state(client)
    for what, (raw, words) in NO_OBJECTS.items():
        refused(post(client, POSTS[operation_id], raw), 400, words)
        assert state(client) == before, what


@pytest.mark.parametrize("operation_id", [each for each in POSTS if each != "start_export"])
def test_a_missing_body_is_refused(client: Client, operation_id: str) -> None:
    refused(client.post(POSTS[operation_id]), 400, "the body is empty; expected a JSON object")


@pytest.mark.parametrize("operation_id", POSTS)
def test_unknown_members_are_ignored_however_deep_and_large(client: Client, operation_id: str) -> None:
    """OP-26; what is too deep to be looked at is refused instead."""
    valid = {"provision_company": b'"name": "A", "source": "%s"' % SOURCE.encode(), "request_upload": b'"name": "a"'}
    valid |= {"start_import": b'"rows": [{"Email": "a@example.com"}]', "decide": b'"decision": "approve"'}
    valid |= {"start_export": b'"mode": "full"'}
    for number, odd in enumerate((b"[" * 200 + b"]" * 200, b"9" * 300, b'"\\u0000"', b"[" * 1_000 + b"]" * 1_000)):
        client.delete("/_mock/session")
        call = post(client, POSTS[operation_id], b'{%s, "odd": %s}' % (valid[operation_id], odd))
        assert call.status in ((200, 201) if number < 3 else (200, 201, 400)), call.text


# -- one wrong member


class Wrong(NamedTuple):
    """A body with one mistake, and words of the sentence that must name it."""

    operation_id: str
    body: object
    words: tuple[str, ...]
    status: int = 400


def company(**members: object) -> dict[str, object]:
    return {"name": "Acme", "source": SOURCE} | members


WRONG = [
    Wrong("provision_company", {"source": SOURCE}, ("name is required and missing",)),  # PROV-08
    Wrong("provision_company", {"name": "Acme"}, ("source is required and missing",)),  # PROV-09
    Wrong("provision_company", company(name=""), ("name", "at least 1 character", "''")),
    Wrong("provision_company", company(name=7), ("name must be a string", "got 7")),
    Wrong("provision_company", company(name=None), ("name must be a string", "got null")),
    Wrong("provision_company", company(source="crm"), ("source must be a UUID", "got 'crm'")),  # PROV-10
    Wrong("provision_company", company(source=["x"]), ("source must be a string", "got an array")),
    Wrong("provision_company", company(source=NOBODY), ("no source", NOBODY), 404),  # PROV-11
    Wrong("provision_company", company(external_id="a b"), ("external_id", "A-Za-z0-9_-", "'a b'")),  # PROV-12
    Wrong("provision_company", company(external_id="a\0"), ("external_id", "A-Za-z0-9_-")),
    Wrong("provision_company", company(external_id="abc\n"), ("external_id", "A-Za-z0-9_-")),
    Wrong("provision_company", company(external_id=""), ("external_id",)),
    Wrong("provision_company", company(external_id="x" * 256), ("external_id", "at most 255")),  # PROV-13
    Wrong("provision_company", company(external_id=5), ("external_id must be a string", "got 5")),
    Wrong("provision_company", company(template_ids="x"), ("template_ids must be an array", "'x'")),  # PROV-15
    Wrong("provision_company", company(template_ids=[]), ("template_ids", "at least 1", "0 entries")),  # OP-37
    Wrong("provision_company", company(template_ids=["x"]), ("template_ids[0] must be a UUID", "'x'")),
    Wrong("provision_company", company(template_ids=[DEALS, NOBODY]), ("template_ids", NOBODY)),
    Wrong("provision_company", company(connections=[]), ("connections must be an object",)),
    Wrong("provision_company", company(connections={"destination": {}}), ("connections.destination.base_url",)),
    Wrong(
        "provision_company",
        company(connections={"destination": {"base_url": "nowhere", "auth": {}}}),
        ("connections.destination.base_url must be an absolute URL", "'nowhere'"),
    ),
    Wrong(
        "provision_company",
        company(connections={"destination": {"base_url": "https://a.example", "auth": 5}}),
        ("connections.destination.auth must be an object", "got 5"),
    ),
    Wrong("request_upload", {}, ("name is required and missing",)),
    Wrong("request_upload", {"name": 5}, ("name must be a string", "got 5")),
    Wrong("request_upload", {"name": "a", "size": -1}, ("size must be at least 0", "got -1")),
    Wrong("request_upload", {"name": "a", "size": "9"}, ("size must be an integer", "got '9'")),
    Wrong("request_upload", {"name": "a", "size": 0.5}, ("size must be an integer", "got 0.5")),
    Wrong("request_upload", {"name": "a", "size": True}, ("size must be an integer", "got true")),
    Wrong("request_upload", {"name": "a", "content_type": {}}, ("content_type must be a string", "an object")),
    Wrong("start_import", {}, ("files", "rows", "neither")),  # IMP-06
    Wrong("start_import", {"idempotency_key": "k"}, ("files", "rows", "neither")),
    Wrong("start_import", {"files": [{"name": "a", "upload_ref": "u"}], "rows": [{}]}, ("rows is not allowed",)),
    Wrong("start_import", {"rows": []}, ("rows", "at least 1", "0 entries")),  # OP-22
    Wrong("start_import", {"rows": {}}, ("rows must be an array", "an object")),
    Wrong("start_import", {"rows": [{}, 3]}, ("rows[1] must be an object", "got 3")),
    Wrong("start_import", {"rows": [{"Email": ["a"]}]}, ("rows[0].Email must be", "an array")),
    Wrong("start_import", {"rows": [{"Email": {}}]}, ("rows[0].Email must be", "an object")),
    Wrong("start_import", {"rows": [{}], "idempotency_key": 5}, ("idempotency_key must be a string", "got 5")),
    Wrong("start_import", {"rows": [{}], "idempotency_key": ""}, ("idempotency_key", "at least 1")),
    Wrong("start_import", {"files": []}, ("files", "at least 1", "0 entries")),
    Wrong("start_import", {"files": "a.csv"}, ("files must be an array", "'a.csv'")),  # IMP-07
    Wrong("start_import", {"files": ["a.csv"]}, ("files[0] must be an object", "'a.csv'")),
    Wrong("start_import", {"files": [{"name": "a.csv"}]}, ("files[0].upload_ref is required and missing",)),
    Wrong("start_import", {"files": [{"upload_ref": "u"}]}, ("files[0].name is required and missing",)),
    Wrong("start_import", {"files": [{"name": "a", "upload_ref": "upl_0"}]}, ("files[0].upload_ref", "'upl_0'")),
    Wrong("start_import", {"files": [{"name": "a", "upload_ref": "\0"}]}, ("files[0].upload_ref",)),
    Wrong("start_export", {"mode": "partial"}, ("mode must be 'full' or 'canary'", "'partial'")),  # DST-02
    Wrong("start_export", {"mode": None}, ("mode", "got null")),
    Wrong("start_export", {"selection": []}, ("selection must be an object", "an array")),
    Wrong("start_export", {"selection": {"template_ids": ["x"]}}, ("selection.template_ids[0] must be a UUID", "'x'")),
    Wrong("start_export", {"selection": {"template_ids": [NOBODY]}}, ("selection.template_ids", NOBODY)),
    Wrong("start_export", {"selection": {"row_filter": {"Hat": "x"}}}, ("selection.row_filter", "'Hat'")),
    Wrong("start_export", {"selection": {"row_filter": 5}}, ("selection.row_filter must be an object", "got 5")),
    Wrong("start_export", {"idempotency_key": 5}, ("idempotency_key must be a string", "got 5")),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{each.operation_id}-{json.dumps(each.body)[:60]}" for each in WRONG])
def test_a_wrong_member_is_named_and_nothing_changes(client: Client, wrong: Wrong) -> None:
    """IMP-13, PROV-14 and what is beside each case."""
    before = state(client)
    refused(client.post(POSTS[wrong.operation_id], wrong.body), wrong.status, *wrong.words)
    assert state(client) == before


def test_a_refused_start_does_not_consume_its_key(client: Client) -> None:
    """IMP-13, IDEM-05."""
    refused(client.post(f"{LIVE}/imports", {"rows": [], "idempotency_key": "k"}), 400)
    made = client.post(f"{LIVE}/imports", {"rows": [{"Email": "ada@example.com"}], "idempotency_key": "k"})
    assert made.status == 201
    refused(client.post(f"{LIVE}/imports", {"rows": [{"Email": "b@example.com"}], "idempotency_key": "k"}), 409, "'k'")
    refused(client.post(f"{LIVE}/imports", {"rows": [{"Email": "b@example.com"}], "idempotency_key": "l"}), 409)
    client.wait(2_000)
    assert client.post(f"{LIVE}/imports", {"rows": [{"Email": "b@x.org"}], "idempotency_key": "l"}).status == 201


def test_a_name_or_external_id_that_is_taken_is_refused(client: Client) -> None:
    """PROV-14, PROV-16, OP-37."""
    assert client.post(POSTS["provision_company"], company(external_id="acme")).status == 201
    before = state(client)
    refused(client.post(POSTS["provision_company"], company()), 400, "'Acme'")
    refused(client.post(POSTS["provision_company"], company(name="Other", external_id="acme")), 409, "'acme'")
    refused(client.post(POSTS["provision_company"], company(external_id="acme")), 400, "'Acme'")
    assert state(client) == before


def test_an_export_needs_a_destination(client: Client) -> None:
    """OP-18."""
    made = client.post(POSTS["provision_company"], company()).body["company"]["id"]
    before = state(client)
    refused(client.post(f"{API}/companies/{made}/exports"), 400, "no destination", "connections.destination")
    assert state(client) == before


def test_secrets_are_in_no_answer(client: Client) -> None:
    """PROV-18, SEC-01: neither in the answer nor in a complaint about what is beside them."""
    right = {"destination": {"base_url": "https://a.example", "auth": {"token": "hunter2"}}}
    assert "hunter2" not in client.post(POSTS["provision_company"], company(connections=right)).text
    assert "hunter2" not in client.get("/_mock/session").text
    wrong = {"destination": {"base_url": 5, "auth": {"token": "hunter2"}}}
    assert "hunter2" not in client.post(POSTS["provision_company"], company(connections=wrong)).text


# -- decisions

ANSWER = {"question_id": "fq0", "option_id": "a"}


def approve(*answers: object) -> dict[str, object]:
    return {"decision": "approve", "answers": list(answers)}


REFUSED_DECISIONS: list[tuple[str, object, tuple[str, ...]]] = [
    ("DEC-14", approve({"question_id": "fq9", "option_id": "a"}), ("answers[0].question_id", "'fq9'", "fq0")),
    ("DEC-14", approve(ANSWER, {"question_id": "fq1", "option_id": "a"}), ("answers[1].question_id", "'fq1'", "fq0")),
    ("DEC-14", approve({"question_id": "FQ0", "option_id": "a"}), ("answers[0].question_id", "'FQ0'")),
    ("DEC-14", approve({"question_id": "fq0\0", "option_id": "a"}), ("answers[0].question_id",)),
    ("DEC-15", {}, ("decision is required and missing",)),
    ("DEC-15", {"answers": []}, ("decision is required and missing",)),
    ("DEC-16", {"decision": "accept"}, ("decision must be 'approve' or 'reject'", "'accept'")),
    ("DEC-16", {"decision": "Approve"}, ("decision must be", "'Approve'")),
    ("DEC-16", {"decision": True}, ("decision must be", "got true")),
    ("DEC-16", {"decision": None}, ("decision must be", "got null")),
    ("DEC-17", {"decision": "approve", "answers": {}}, ("answers must be an array", "an object")),
    ("DEC-17", {"decision": "approve", "answers": None}, ("answers must be an array", "null")),
    ("DEC-17", approve("fq0"), ("answers[0] must be an object", "'fq0'")),
    ("DEC-17", approve({"option_id": "a"}), ("answers[0].question_id is required and missing",)),
    ("DEC-17", approve({"question_id": 0, "option_id": "a"}), ("answers[0].question_id must be a string", "got 0")),
    ("DEC-18", approve({"question_id": "fq0"}), ("answers[0]", "option_id", "custom", "neither")),
    ("DEC-18", approve(ANSWER | {"custom": "Open"}), ("answers[0].custom is not allowed", "'Open'")),
    ("DEC-19", approve({"question_id": "fq0", "option_id": "z"}), ("answers[0].option_id", "'z'", "a, b")),
    ("DEC-19", approve({"question_id": "fq0", "option_id": ""}), ("answers[0].option_id", "''")),
    ("DEC-19", approve({"question_id": "fq0", "option_id": None}), ("answers[0].option_id must be a string", "null")),
    ("DEC-21", {"decision": "reject", "answers": [ANSWER]}, ("answers[0]", "not allowed")),
    ("OP-19", approve(ANSWER, ANSWER), ("answers[1].question_id", "'fq0'", "twice")),
    ("OP-19", approve({"question_id": "fq0", "custom": ""}), ("answers[0].custom", "at least 1")),
    ("OP-19", approve({"question_id": "fq0", "custom": 5}), ("answers[0].custom must be a string", "got 5")),
]


@pytest.mark.parametrize(
    ("body", "words"),
    [each[1:] for each in REFUSED_DECISIONS],
    ids=[f"{clause}-{json.dumps(body)[:60]}" for clause, body, _ in REFUSED_DECISIONS],
)
def test_a_refused_decision_names_the_answer_and_leaves_the_run_parked(
    client: Client, body: object, words: tuple[str, ...]
) -> None:
    before = state(client)
    refused(client.post(f"{RUN}/decisions", body), 400, *words)
    assert state(client) == before
    assert client.get(RUN).body["status"] == "needs_attention"
    assert client.post(f"{RUN}/decisions", {"decision": "approve", "answers": []}).status == 200  # OP-19


def parked(client: Client, company_path: str) -> str:
    run = client.post(f"{company_path}/imports", {"rows": [{"Email": "ada@example.com"}]}).body["poll_url"]
    client.advance(to="next")
    client.advance(to="next")
    assert client.get(run).body["status"] == "needs_attention"
    return str(run)


def test_a_free_text_where_none_is_allowed_is_refused(client: Client) -> None:
    """DEC-20."""
    run = parked(client, DEDUP)
    before = client.get(run).received
    answer = {"question_id": "fq0", "custom": "someone@example.com"}
    refused(client.post(f"{run}/decisions", approve(answer)), 400, "answers[0].custom", "not allowed", "fq0")
    assert client.get(run).received == before


def test_an_answer_to_a_question_of_the_parking_before_is_refused(client: Client) -> None:
    """DEC-30, OP-20."""
    run = parked(client, RE_PARK)
    assert client.post(f"{run}/decisions", approve(ANSWER)).status == 200
    client.advance(to="next")
    before = client.get(run).received
    assert [question["id"] for question in client.get(run).body["needs_attention"]["questions"]] == ["fq1"]
    refused(client.post(f"{run}/decisions", approve(ANSWER)), 400, "answers[0].question_id", "'fq0'", "fq1")
    assert client.get(run).received == before


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_decision_on_a_run_that_is_not_parked_is_refused(client: Client, decision: str) -> None:
    """DEC-23, DEC-24, DEC-35."""
    run = client.post(f"{RE_PARK}/imports", {"rows": [{"Email": "ada@example.com"}]}).body["poll_url"]
    for status in ("queued", "running"):
        before = client.get(run).received
        refused(client.post(f"{run}/decisions", {"decision": decision}), 409, status, "needs_attention")
        assert client.get(run).received == before
        client.advance(to="next")
    assert client.post(f"{run}/decisions", {"decision": "reject"}).status == 200
    before = client.get(run).received
    refused(client.post(f"{run}/decisions", {"decision": decision}), 409, "failed")
    assert client.get(run).received == before


# -- paths, methods, queries

ODD_IDS = [
    "nobody",
    NOBODY,
    "%00",
    "%0A",
    "%FF%FE",
    "%ED%A0%80",
    "{}",
    "{company_id}",
    "..",
    "*",
    "a" * 5_000,
    "%F0%9F%A6%95",
]
WITH_IDS = [
    ("POST", "companies/{}/uploads", {"name": "a.csv"}),
    ("POST", "companies/{}/imports", {"rows": [{"Email": "ada@example.com"}]}),
    ("GET", "companies/{}/imports", None),
    ("GET", "companies/{}/imports?status=active", None),
    ("GET", f"companies/{{}}/imports/{RUN.rpartition('/')[2]}", None),
    ("GET", f"{DOCS.removeprefix(API + '/')}/imports/{{}}", None),
    ("POST", f"{DOCS.removeprefix(API + '/')}/imports/{{}}/decisions", {"decision": "approve"}),
    ("GET", "companies/{}/export.csv", None),
    ("GET", f"{DOCS.removeprefix(API + '/')}/export.csv?sheet_id={{}}", None),
    ("POST", "companies/{}/exports", None),
    ("GET", f"companies/{{}}/exports/{NOBODY}", None),
    ("GET", f"{DOCS.removeprefix(API + '/')}/exports/{{}}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WITH_IDS, ids=[f"{method}-{path}" for method, path, _ in WITH_IDS])
def test_an_id_of_nothing_gets_404(client: Client, method: str, path: str, body: object) -> None:
    """AUTH-06, OP-23: whether or not it looks like an id."""
    before = state(client)
    for odd in ODD_IDS:
        refused(client.transport.call(method, f"{API}/{path.replace('{}', odd, 1)}", body), 404)
    assert state(client) == before


def test_a_run_is_found_under_its_own_company_and_kind_alone(client: Client) -> None:
    """POLL-18, DEC-26."""
    run = RUN.rpartition("/")[2]
    refused(client.get(f"{LIVE}/imports/{run}"), 404, run)
    refused(client.post(f"{LIVE}/imports/{run}/decisions", {"decision": "approve"}), 404, run)
    refused(client.get(f"{DOCS}/exports/{run}"), 404, run)
    export = client.post(f"{DOCS}/exports").body["run_id"]
    refused(client.get(f"{DOCS}/imports/{export}"), 404, export)
    refused(client.post(f"{DOCS}/imports/{export}/decisions", {"decision": "approve"}), 404, export)
    refused(client.get(f"{LIVE}/export.csv?sheet_id={SHEET}"), 404, SHEET)
    assert client.get(RUN).body["status"] == "needs_attention"


NO_PATHS = [
    "/",
    "/api",
    "/api/v1",
    "/api/v1/",
    "/api/v2/sources",
    "/api/v1/source",
    "/api/v1/sources/",
    "/api/v1//sources",
]
NO_PATHS += [
    "//api/v1/sources",
    "/API/v1/sources",
    "/api/v1/sources%00",
    "/api/v1/sources%2F",
    "/api/v1/companies//imports",
]
NO_PATHS += [
    f"{RUN}/",
    f"{RUN}/decisions/",
    f"{RUN}//decisions",
    f"{RUN}/decide",
    f"{DOCS}",
    f"{DOCS}/",
    f"{DOCS}/export",
]
NO_PATHS += [
    f"{DOCS}/imports/%2F",
    f"{DOCS}/imports/",
    "/api/v1/company/x/imports",
    "/uploads",
    "/uploads/",
    "/uploads/x/y",
]


@pytest.mark.parametrize("path", NO_PATHS)
def test_an_unknown_path_gets_404(client: Client, path: str) -> None:
    refused(client.get(path), 404)
    refused(client.post(path, {}), 404)


def test_the_log_and_not_the_body_names_the_nearest_operation(small: Process, at_small: Client) -> None:
    call = at_small.get("/api/v1/company/c0a8012e/imports")
    refused(call, 404)
    assert "did you mean" not in call.text
    at_small.get("/_mock/health")  # once this is answered, the line before it has been written
    line = next(line for line in small.log().splitlines() if "/api/v1/company/c0a8012e/imports" in line)
    assert "did you mean GET /api/v1/companies/{company_id}/imports?" in line


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.mark.parametrize("route", sorted({operation.route for operation in contract.load().operations.values()}))
def test_a_wrong_method_gets_405_and_the_methods_that_are_allowed(client: Client, route: str) -> None:
    """OP-26."""
    allowed = {operation.method for operation in contract.load().operations.values() if operation.route == route}
    path = route.replace("{company_id}", DOCS.rpartition("/")[2]).replace("{run_id}", RUN.rpartition("/")[2])
    before = state(client)
    for method in set(METHODS) - allowed:
        call = client.transport.call(method, path)
        refused(call, 405, method, *allowed)
        assert set(call.headers["allow"].split(", ")) == allowed
    head = client.transport.call("HEAD", path)
    assert (head.status, head.received, head.headers["allow"]) == (405, b"", call.headers["allow"])
    assert state(client) == before


QUERIES = [
    ("imports?status=parked", ("status", "'active'", "'parked'")),  # OP-10
    ("imports?status=", ("status", "''")),
    ("imports?status=active&status=parked", ("status", "'parked'")),
    ("imports?limit=0", ("limit", "1 to 100", "'0'")),  # OP-08
    ("imports?limit=101", ("limit", "1 to 100", "'101'")),
    ("imports?limit=-1", ("limit", "'-1'")),
    ("imports?limit=ten", ("limit", "'ten'")),
    ("imports?limit=1.0", ("limit", "'1.0'")),
    ("imports?limit=", ("limit", "''")),
    ("imports?limit=%00", ("limit",)),
    ("imports?limit=%D9%A3", ("limit",)),  # an Arabic three
    ("imports?limit=1e1", ("limit",)),
    (f"imports?limit={'9' * 10_000}", ("limit",)),
    ("imports?cursor=nope", ("cursor", "'nope'")),
    ("imports?cursor=", ("cursor", "''")),
    ("imports?cursor=%ff%fe", ("cursor",)),
    ("imports?cursor=YmVmb3JlOjk5", ("cursor",)),  # before:99
    ("imports?cursor=YmVmb3JlOjA=", ("cursor",)),  # before:0
    ("export.csv?filter=clean", ("filter", "'valid' or 'all'", "'clean'")),  # CSV-10
    ("export.csv?filter=", ("filter", "''")),
    ("export.csv?filter=VALID", ("filter", "'VALID'")),
    (f"export.csv?sheet_id={SHEET}&filter=all%00", ("filter",)),
]


@pytest.mark.parametrize(("query", "words"), QUERIES, ids=[query[:40] for query, _ in QUERIES])
def test_a_wrong_query_is_refused(client: Client, query: str, words: tuple[str, ...]) -> None:
    before = state(client)
    refused(client.get(f"{DOCS}/{query}"), 400, *words)
    assert state(client) == before


@pytest.mark.parametrize(
    "query",
    ["&&&===&", "?", "limit", "odd=1", "%00=%00", "a=1&" * 5_000, "x" * 50_000, "limit=5&limit=6", "%ff=%fe", ";;"],
)
def test_an_absurd_query_is_read_for_what_is_in_it(client: Client, query: str) -> None:
    call = client.get(f"{DOCS}/imports?{query}")
    if query == "limit":
        refused(call, 400, "limit", "''")
    else:
        assert [run["run_id"] for run in call.body["runs"]] == [RUN.rpartition("/")[2]]


# -- sizes


def test_a_body_over_the_limit_gets_413_whether_or_not_it_says_its_size(at_small: Client) -> None:
    before = state(at_small)
    head = {"x-api-key": at_small.key or ""}
    for path in (f"{RUN}/decisions", POSTS["provision_company"], f"{LIVE}/imports", "/_mock/clock/advance"):
        raw = b'{"decision": "approve", "x": "%s"}' % (b"x" * LIMIT)
        refused(at_small.send("POST", path, raw, head), 413, str(len(raw)), str(LIMIT))
        chunks = [b"%x\r\n%s\r\n" % (len(raw), raw), b"0\r\n\r\n"]
        refused(at_small.send("POST", path, b"".join(chunks), head | {"transfer-encoding": "chunked"}), 413, str(LIMIT))
    assert state(at_small) == before


def test_a_body_of_exactly_the_limit_is_read(at_small: Client) -> None:
    raw = b'{"decision": "approve", "x": "%s"}'
    exact = raw % (b"x" * (LIMIT - len(raw) + 2))
    assert len(exact) == LIMIT
    assert post(at_small, f"{RUN}/decisions", exact).status == 200


def test_the_default_limit_is_ten_megabytes(client: Client) -> None:
    before = state(client)
    refused(post(client, f"{RUN}/decisions", b" " * 10_000_001), 413, "10000001", "10000000")
    refused(post(client, f"{RUN}/decisions", b" " * 10_000_000), 400, "not valid JSON")
    assert state(client) == before


# -- bytes on a socket


def raw_answer(url: str, sent: bytes, *, hang_up: bool = False) -> Call | None:
    """The answer to these bytes; None when the server closes the connection without one."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connected:
        connected.sendall(sent)
        if hang_up:
            connected.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(connected)
        try:
            response.begin()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return None
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Call("RAW", "", sent, response.status, headers, response.read())


def request(key: str, line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    lines = [line + b" HTTP/1.1", b"host: mock.test", b"connection: close", b"x-api-key: " + key.encode(), *headers]
    return b"\r\n".join([*lines, b"", body])


DECIDE = f"POST {RUN}/decisions".encode()
APPROVE = b'{"decision": "approve"}'
CUT_OFF = {
    "before its end": ([b"content-length: 500"], APPROVE),
    "before its beginning": ([b"content-length: 23"], b""),
    "a byte before its end": ([b"content-length: 24"], APPROVE),
    "in a chunk": ([b"transfer-encoding: chunked"], b'17\r\n{"decision": "app'),
    "between chunks": ([b"transfer-encoding: chunked"], b"17\r\n" + APPROVE + b"\r\n"),
    "in the headers": ([b"content-length: 23\r\nx-half"], b""),
}


@pytest.mark.parametrize("where", CUT_OFF)
def test_a_body_that_is_cut_off_changes_nothing(client: Client, where: str) -> None:
    """Not even when what came is a whole decision."""
    before = state(client)
    headers, body = CUT_OFF[where]
    sent = request(client.key or "", DECIDE, *headers, body=body)
    answered = raw_answer(client.url, sent.rstrip() if where == "in the headers" else sent, hang_up=True)
    assert answered is None or answered.status == 400
    assert state(client) == before
    assert client.post(f"{RUN}/decisions", {"decision": "approve"}).status == 200


def test_a_client_that_hangs_up_while_a_csv_streams_hurts_nobody(small: Process, at_small: Client) -> None:
    path = f"{API}/companies/{MILLION}"
    at_small.post(f"{path}/imports", {"rows": [{}]})
    at_small.wait(1_000)
    sheet = at_small.get(f"{path}/imports").body["runs"][0]["report"]["perSheet"][0]["sheetId"]
    address = urlsplit(small.url)
    for _ in range(3):
        with socket.create_connection((address.hostname, address.port), timeout=60) as connected:
            connected.sendall(request(at_small.key or "", f"GET {path}/export.csv?sheet_id={sheet}".encode()))
            assert connected.recv(2_000).startswith(b"HTTP/1.1 200")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
        assert at_small.get(f"{path}/imports").body["runs"][0]["status"] == "completed"
    assert at_small.get("/_mock/health").status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([b"x-odd: \xff\xfe"], 200),
        ([b"x-odd: 1", b"x-odd: 2", b"accept: */*", b"accept: */*"], 200),
        ([b"x-%d: 1" % number for number in range(500)], 200),
        ([b"prefer: \xff"], 200),
        ([b"content-type: text/plain"], 200),
        ([b"content-encoding: gzip"], 200),
        ([b"x-api-key: another-key"], 200),  # of a repeated key the first counts
    ],
    ids=lambda value: None if isinstance(value, int) else repr(value[0]),
)
def test_odd_headers_are_no_reason_to_refuse(client: Client, headers: list[bytes], status: int) -> None:
    call = raw_answer(client.url, request(client.key or "", f"GET {RUN}".encode(), *headers))
    assert call is not None
    assert call.status == status
    assert call.body == client.get(RUN).body


def test_of_a_repeated_key_the_first_counts(client: Client) -> None:
    line = b"x-api-key: " + (client.key or "").encode()
    call = raw_answer(client.url, request("invalid-key", f"GET {RUN}".encode(), line))
    assert call is not None
    refused(call, 401)


def test_a_body_is_read_as_json_whatever_its_content_type_says(client: Client) -> None:
    """OP-26."""
    call = client.send(
        "POST", f"{RUN}/decisions", APPROVE, {"x-api-key": client.key or "", "content-type": "text/plain"}
    )
    assert call.status == 200


NO_HTTP = {
    "a raw NUL in the path": request("test", b"GET /api/v1/sour\x00ces"),
    "raw bytes in the path": request("test", b"GET /api/v1/sour\xff\xfeces"),
    "a raw NUL in a header": request("test", b"GET /api/v1/sources", b"x-odd: a\x00b"),
    "a length that is no number": request("test", DECIDE, b"content-length: some", body=APPROVE),
    "a negative length": request("test", DECIDE, b"content-length: -1", body=APPROVE),
    "two lengths": request("test", DECIDE, b"content-length: 23", b"content-length: 22", body=APPROVE),
    "a length and chunks": request(
        "test", DECIDE, b"content-length: 5", b"transfer-encoding: chunked", body=b"0\r\n\r\n"
    ),
    "a chunk without a size": request("test", DECIDE, b"transfer-encoding: chunked", body=b"zz\r\n{}"),
    "an unknown method": request("test", b"DECIDE /api/v1/sources"),
    "a path of 70,000 characters": request("test", b"GET /api/v1/" + b"x" * 70_000),
    "no request at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
}


@pytest.mark.parametrize("what", NO_HTTP)
def test_what_is_no_http_request_gets_400_and_changes_nothing(client: Client, what: str) -> None:
    before = state(client)
    call = raw_answer(
        client.url, NO_HTTP[what].replace(b"x-api-key: test", b"x-api-key: " + (client.key or "").encode())
    )
    assert call is not None
    assert call.status == 400
    assert state(client) == before


@pytest.mark.parametrize("what", NO_HTTP)
def test_what_is_no_http_request_gets_the_error_body_too(client: Client, what: str) -> None:
    """ERR-01."""
    call = raw_answer(client.url, NO_HTTP[what])
    assert call is not None
    refused(call, 400)


# -- whatever JSON there is

WORDS = st.sampled_from(
    ["", "approve", "reject", "fq0", "a", "full", "canary", "Email", "acme", SOURCE, DEALS, "\0", "\ud800"]
)
NUMBERS = st.one_of(st.integers(), st.integers(min_value=10**18, max_value=10**40), st.floats(allow_nan=False))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=20))
MEMBERS = {"name", "source", "external_id", "template_ids", "connections", "destination", "content_type", "size"}
MEMBERS |= {"files", "rows", "idempotency_key", "upload_ref", "decision", "answers", "question_id", "option_id"}
MEMBERS |= {"custom", "mode", "selection", "row_filter", "Email", "Status"}
NAMES = st.sampled_from(sorted(MEMBERS))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=8,
)
ANSWERS = st.fixed_dictionaries(
    {}, optional={"question_id": WORDS, "option_id": WORDS, "custom": st.text(max_size=5), "Email": SCALARS}
)
NEARLY: dict[str, st.SearchStrategy[Any]] = {
    "provision_company": st.fixed_dictionaries(
        {"name": WORDS, "source": st.just(SOURCE)},
        optional={"external_id": WORDS, "template_ids": st.lists(WORDS, max_size=2), "connections": VALUES},
    ),
    "request_upload": st.fixed_dictionaries({"name": WORDS}, optional={"size": NUMBERS, "content_type": SCALARS}),
    "start_import": st.fixed_dictionaries(
        {"rows": st.lists(st.dictionaries(st.one_of(NAMES, WORDS), SCALARS, max_size=3), max_size=3)},
        optional={"idempotency_key": WORDS, "files": VALUES},
    ),
    "decide": st.fixed_dictionaries({"decision": WORDS}, optional={"answers": st.lists(ANSWERS, max_size=3)}),
    "start_export": st.fixed_dictionaries(
        {}, optional={"mode": WORDS, "selection": st.dictionaries(NAMES, VALUES, max_size=2), "idempotency_key": WORDS}
    ),
}


@pytest.mark.parametrize("operation_id", POSTS)
def test_no_json_body_gets_an_undocumented_answer_or_changes_what_it_may_not(small: Process, operation_id: str) -> None:
    client = Client(small.url, f"fuzz-{uuid4()}")

    @settings(max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(body=st.one_of(NEARLY[operation_id], VALUES))
    def answers(body: object) -> None:
        client.delete("/_mock/session")
        before = state(client)
        call = post(client, POSTS[operation_id], json.dumps(body).encode())
        assert call.status < 500
        if call.status >= 400:
            refused(call, call.status)
            assert state(client) == before

    answers()
    client.close()
