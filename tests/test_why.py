"""Why an exchange went as it did: told of any id, as it was at that moment, without changing anything."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from click.testing import CliRunner
from conftest import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.cli.main import commands
from mock_server.contract.clause_map import request_clause
from mock_server.contract.document import clause_ids, load
from mock_server.contract.messages import Difference
from mock_server.preview.lifecycle import TRANSITIONS

if TYPE_CHECKING:
    from mock_server.player.transport import Call

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
DOCS = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
DOCS_RUN = "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
DECISIONS = f"{DOCS}/imports/{DOCS_RUN}/decisions"
ROWS = {"rows": [{"Email": "ada@example.com"}]}


def why(client: Client, call: Call | str = "last") -> dict[str, Any]:
    name = call if isinstance(call, str) else call.headers["x-mock-request-id"]
    told = client.get(f"/_mock/why/{name}")
    assert told.status == 200, told.text
    found: dict[str, Any] = told.body
    return found


def text(client: Client, call: Call | str = "last") -> str:
    name = call if isinstance(call, str) else call.headers["x-mock-request-id"]
    return client.get(f"/_mock/why/{name}?format=text").text


def operations(told: dict[str, Any]) -> list[str]:
    return [each["operation"] for each in told["legal"]]


# -- bodies


def test_every_difference_of_a_body_is_named_with_its_path(client: Client) -> None:
    body = {"source": "x", "external_id": "ä" * 256, "template_ids": [1, SOURCE, "y"]}
    told = why(client, client.post("/api/v1/companies", body))
    assert {each["path"]: each["clause"] for each in told["differences"]} == {
        "name": "PROV-08",
        "source": "PROV-10",
        "external_id": "PROV-12",
        "template_ids[0]": "PROV-15",
        "template_ids[2]": "PROV-15",
    }
    assert told["clause"]["id"] == "PROV-08"
    said = text(client)
    assert all(f"wrong: {each['text']} [{each['clause']}]" in said for each in told["differences"])


def test_every_answer_that_does_not_fit_is_named(client: Client) -> None:
    question = client.get(f"{DOCS}/imports/{DOCS_RUN}").body["needs_attention"]["questions"][0]["id"]
    answers = [
        {"question_id": question, "option_id": "none"},
        {"question_id": "unknown", "custom": "x"},
        {"question_id": question, "option_id": "again"},
    ]
    refused = client.post(DECISIONS, {"decision": "approve", "answers": answers})
    client.post(DECISIONS, {"decision": "approve"})
    client.advance(by="1h")
    told = why(client, refused)
    assert [each["path"] for each in told["differences"]] == [
        "answers[0].option_id",
        "answers[1].question_id",
        "answers[2].question_id",
    ]
    assert [each["clause"] for each in told["differences"][:2]] == ["DEC-19", "DEC-14"]


def test_a_body_that_is_no_json_says_where(client: Client) -> None:
    headers = {"x-api-key": client.key or "", "content-type": "application/json"}
    told = why(client, client.send("POST", f"{LIVE}/imports", b'{"rows": [', headers))
    (only,) = told["differences"]
    assert (only["path"], only["clause"]) == ("the body", "ERR-11")
    assert "line 1" in only["text"]


def test_a_body_that_is_not_kept_whole_says_so(client: Client) -> None:
    told = why(client, client.post(f"{LIVE}/imports", {"rows": [], "files": "x" * 70_000}))
    assert told["status"] == 400
    assert "the first 65408 are kept" in told["differences"][0]["text"]


# -- paths, keys, rates


@pytest.mark.parametrize(
    ("method", "path", "meant"),
    [
        ("GET", "/api/v1/company/1/imports", ("GET", "/api/v1/companies/{company_id}/imports", "list_imports")),
        ("GET", "/sources", ("GET", "/api/v1/sources", "list_sources")),
        ("POST", "/api/v1/sources", ("GET", "/api/v1/sources", "list_sources")),
        ("PUT", DECISIONS, ("POST", load().operations["decide"].route, "decide")),
    ],
)
def test_whoever_went_astray_is_told_the_nearest_operation(
    client: Client, method: str, path: str, meant: tuple[str, str, str]
) -> None:
    told = why(client, client.transport.call(method, path))
    assert told["operation"] is None
    assert tuple(told["nearest"][name] for name in ("method", "path", "operation")) == meant
    assert f"did you mean {meant[0]} {meant[1]}" in text(client)


def test_an_unknown_run_and_company_are_set_against_those_that_there_are(client: Client) -> None:
    client.get(f"{DOCS}/imports")
    told = why(client, client.get(f"{DOCS}/imports/{DOCS_RUN[:-1]}9"))
    assert (told["clause"]["id"], told["run"]) == ("POLL-17", None)
    assert DOCS_RUN in told["known"]
    told = why(client, client.get(f"{DOCS[:-1]}e/imports"))
    assert told["clause"]["id"] == "AUTH-06"
    assert DOCS.rsplit("/", 1)[1] in told["known"]
    assert operations(told) == ["provision_company"]


def test_of_another_session_nothing_is_told(client: Client, server: str) -> None:
    wanted = {"name": "Acme", "source": SOURCE}
    company = client.post("/api/v1/companies", wanted).body["company"]["id"]
    with closing(Client(server, f"test-{uuid4()}")) as other:
        told = why(other, other.get(f"/api/v1/companies/{company}/imports"))
        assert told["known"] == "companies of this session: none"
        assert "1" in why(other, "2")["said"]
        assert why(other, "2")["found"] is False


@pytest.mark.parametrize(("wrong", "clause"), [(None, "AUTH-02"), ("bad key", "AUTH-03"), ("revoked-1", "AUTH-04")])
def test_a_call_without_an_accepted_key_is_explained(
    client: Client, server: str, wrong: str | None, clause: str
) -> None:
    with closing(Client(server, wrong)) as stranger:
        call = stranger.get("/api/v1/sources")
    told = why(client, call)
    assert (told["status"], told["clause"]["id"], told["at"], told["run"]) == (401, clause, None, None)
    assert told["legal"][0]["remark"].startswith("with an accepted key")
    assert clause in text(client, call)


def test_a_throttled_call_says_when_the_next_is_admitted(client: Client) -> None:
    for _ in range(100):
        client.get("/api/v1/sources")
    client.advance(by="20s")
    throttled = client.get("/api/v1/sources")
    told = why(client, throttled)
    assert (told["status"], told["clause"]["id"]) == (429, "RATE-01")
    assert told["next"] == {"status": None, "at": "2026-06-15T09:01:00.000Z", "in": 40_000, "by": "the rate limit"}
    assert operations(told) == ["list_sources"]
    client.advance(by="39999ms")
    assert client.get("/api/v1/sources").status == 429
    client.advance(by="1ms")
    assert client.get("/api/v1/sources").status == 200


def test_an_upload_is_explained(client: Client) -> None:
    url = client.post(f"{LIVE}/uploads", {"name": "a.csv", "content_type": "text/csv"}).body["upload_url"]
    path = url.removeprefix(client.url)
    told = why(client, client.send("PUT", path, b"Email\n", {"content-type": "text/plain"}))
    assert (told["operation"], told["status"], told["clause"]["id"]) == ("put_upload", 400, "UPL-02")
    client.send("PUT", path, b"Email\n", {"content-type": "text/csv"})
    told = why(client, client.send("PUT", path, b"Email\n", {"content-type": "text/csv"}))
    assert (told["status"], told["clause"]["id"]) == (403, "UPL-03")
    assert "request_upload" in operations(told)


def test_a_fault_is_named_with_what_it_hid(client: Client) -> None:
    client.put("/_mock/faults", {"faults": [{"lose": 502, "operation": "start_import"}]})
    lost = client.post(f"{LIVE}/imports", ROWS)
    told = why(client, lost)
    assert (lost.status, told["status"], told["lost"], told["after"]) == (502, 502, True, "queued")
    assert told["fault"] in text(client, lost)
    client.put("/_mock/faults", {"faults": [{"error": 429, "operation": "list_sources"}]})
    told = why(client, client.get("/api/v1/sources"))
    assert (told["status"], told["next"]) == (429, None)
    assert told["fault"]


# -- forms and ids


@pytest.mark.parametrize(
    "name", ["0", "99", "abc", "stray-", "stray-0", "-1", "1.5", "%00", "1%20", "9" * 40, "ünï", "last"]
)
def test_an_id_without_an_exchange_is_explained_too(client: Client, name: str) -> None:
    told = why(client, quote(name, safe="%"))
    assert told["found"] is False
    assert told["said"]
    assert told["said"] in text(client, quote(name, safe="%"))


def test_a_forgotten_exchange_says_that_it_is(client: Client) -> None:
    call = client.get("/api/v1/sources")
    client.delete("/_mock/requests")
    assert "forgotten" in why(client, call)["said"]


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("", "*/*", "application/json"),
        ("", "text/plain", "text/plain; charset=utf-8"),
        ("", "text/plain;q=0.9, */*", "text/plain; charset=utf-8"),
        ("", "application/json, text/plain", "application/json"),
        ("?format=text", "application/json", "text/plain; charset=utf-8"),
        ("?format=json", "text/plain", "application/json"),
    ],
)
def test_the_form_is_the_askers_choice(client: Client, query: str, accept: str, kind: str) -> None:
    client.get("/api/v1/sources")
    headers = {"x-api-key": client.key or "", "accept": accept}
    assert client.send("GET", f"/_mock/why/1{query}", None, headers).headers["content-type"] == kind


@pytest.mark.parametrize(("query", "words"), [("format=txt", "did you mean 'text'"), ("formats=text", "'format'")])
def test_a_wrong_form_is_refused(client: Client, query: str, words: str) -> None:
    refused = client.get(f"/_mock/why/1?{query}")
    assert (refused.status, words in refused.body["error"]) == (400, True)


calls: st.SearchStrategy[list[tuple[str, str, Any]]] = st.lists(
    st.sampled_from(
        [
            ("GET", f"{DOCS}/imports/{DOCS_RUN}", None),
            ("POST", DECISIONS, {"decision": "approve"}),
            ("POST", DECISIONS, {"decision": "reject"}),
            ("POST", DECISIONS, {"decision": "approve", "answers": [{"question_id": "fq0", "custom": "x"}]}),
            ("POST", DECISIONS, {"decision": "approve", "answers": [{}, 3]}),
            ("POST", DECISIONS, [3]),
            ("POST", f"{DOCS}/imports", ROWS),
            ("POST", f"{DOCS}/imports", {"rows": {}}),
            ("GET", f"{DOCS}/imports?status=active", None),
            ("POST", f"{DOCS}/exports", {}),
            ("GET", f"{DOCS}/exports/{DOCS_RUN}", None),
            ("GET", f"{DOCS}/export.csv", None),
            ("POST", f"{DOCS}/uploads", {"name": 3}),
            ("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE}),
            ("PATCH", "/api/v1/companies", None),
            ("GET", "/uploads/x", None),
            ("GET", "/magic-links/x", None),
            ("POST", "/_mock/clock/advance", {"to": "next"}),
            ("POST", "/_mock/clock/advance", {"by": "1h"}),
            ("PUT", "/_mock/scenario", {"name": "re-park", "pace": "polls"}),
            ("PUT", "/_mock/scenario", {"name": "live", "pace": "instant"}),
            ("POST", f"/_mock/runs/{DOCS_RUN}/cancel", None),
        ]
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(calls)
def test_every_exchange_is_explained_and_nothing_is_changed_by_it(
    small: Any, story: list[tuple[str, str, Any]]
) -> None:
    with closing(Client(small.url, f"test-{uuid4()}")) as client:
        for method, path, body in story:
            client.transport.call(method, path, body)
        before = [client.get(f"/_mock/{what}").received for what in ("session", "requests", "clock")]
        for number in range(len(story) + 2):
            told = why(client, str(number))
            assert text(client, str(number))
            assert told == why(client, str(number))
        assert before == [client.get(f"/_mock/{what}").received for what in ("session", "requests", "clock")]


# -- the tables


def test_advice_knows_every_status_and_the_contracts_operations() -> None:
    legal = load().document["components"]["schemas"]["RunStatus"]["x-legal"]
    known = {run: [each for row in legal if row["about"] == run for each in row["in"]] for run in ("import", "export")}
    assert sorted(known["import"]) == sorted(TRANSITIONS)
    assert sorted(known["export"]) == sorted(
        load().document["components"]["schemas"]["ExportRun"]["discriminator"]["mapping"]
    )
    assert {operation for row in legal for operation in row["calls"]} <= set(load().operations)


def test_every_clause_that_a_body_can_break_exists() -> None:
    wrong: dict[str, Any] = {
        "provision_company": {"source": 1, "name": 2, "external_id": 3, "template_ids": 4},
        "decide": {"decision": 1, "answers": [1]},
        "start_import": {"files": [1]},
        "start_export": {"mode": 1, "selection": 2},
    }
    named = {
        request_clause(load(), name, each)
        for name, body in wrong.items()
        for each in load().request_differences(name, body)
    }
    assert named - {None} <= clause_ids()
    assert {"PROV-10", "DEC-16", "DEC-17", "IMP-07", "DST-02"} <= named
    assert request_clause(load(), "list_sources", Difference("x", "type", "")) is None


# -- the command


def test_the_command_says_it_to_a_person_and_to_a_program(client: Client, server: str) -> None:
    client.post(DECISIONS, {"decision": "later"})
    options = ("--url", server, "--api-key", client.key or "")
    run = CliRunner().invoke(commands, ["why", "1", *options])
    assert (run.exit_code, run.output) == (0, text(client, "1"))
    run = CliRunner().invoke(commands, ["why", "last", "--format", "json", *options])
    assert json.loads(run.output) == why(client, "1")
    run = CliRunner().invoke(commands, ["why", "7", *options])
    assert (run.exit_code, "no such exchange" in run.output) == (1, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--url", "http://127.0.0.1:9"), "does not answer"),
        (("--url", "nowhere"), "expected an address"),
        (("--api-key", "revoked-key"), "401"),
    ],
)
def test_the_command_says_what_is_wrong(server: str, options: tuple[str, ...], words: str) -> None:
    run = CliRunner().invoke(commands, ["why", "1", "--url", server, "--api-key", "some-key", *options])
    assert (run.exit_code, words in run.output) == (2, True), run.output
