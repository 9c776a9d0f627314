"""The dialects: what each says and takes, how one is chosen, and that none says what the contract forbids."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from contextlib import closing
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Client
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response, StreamingResponse
from test_docs import POINTS, ROOT, between

from conformance import relaxed
from mock_server import contract, speech
from mock_server.dialects import chosen
from mock_server.dialects.chosen import BY_NAME, READINGS, TITLES, Dialect, UnknownDialect, dialect
from mock_server.dialects.reading import Heard, Said
from mock_server.dialects.requests import MEMBERS
from mock_server.player.transport import Transport
from mock_server.process import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.contract import Example

CONTRACT = contract.load()
LIVE = "4619b4f3-e1db-4d20-80b1-898d906683c2"
RE_PARK = "re-park"
IMPORTS = f"/api/v1/companies/{LIVE}/imports"
SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
CLEAN = {"rows": [{"Email": "ada@example.com", "Status": "Open"}]}
FLAGGED = {"rows": [*CLEAN["rows"], {"Email": "gus@example.com", "Status": "unsure"}]}
JSON = {"content-type": "application/json"}
PAGE = ROOT / "docs/dialects.md"

EXAMPLES = [(name, each) for name in CONTRACT.operations for each in CONTRACT.examples(name)]
COMPANY = CONTRACT.examples("provision_company")[0].value["company"]["id"]


def said(operation: str | None, code: int, body: Any, *ids: str, **query: str) -> Said:
    headers = {"content-type": "application/json", "content-length": "1"}
    return Said(operation, query, ids, code, headers, deepcopy(body))


def of(operation: str, example: Example) -> Said:
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
    Said("export_csv", {}, (COMPANY,), 200, {"content-type": "application/zip"}, None),
]


def in_short(each: Said) -> Any:
    return each.status, dict(each.headers), json.dumps(each.body), each.indented


# what a reading does


@pytest.mark.parametrize("reading", [each for each in READINGS if each.says], ids=lambda each: each.name)
def test_every_reading_of_answers_changes_one_and_says_the_same_again(reading: Any) -> None:
    changed = 0
    for each in (*(of(*example) for example in EXAMPLES), *map(deepcopy, BESIDE)):
        once, again = deepcopy(each), deepcopy(each)
        reading.says(once)
        reading.says(again)
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
    got = dialect(name).refusal(Heard(operation, "Application/JSON; charset=utf-8", body))
    assert (got and got[0]) == refused


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_bodies_of_another_type_can_be_refused(content_type: str | None) -> None:
    got = dialect("only-json").refusal(Heard("decide", content_type, {}))
    assert got == (415, "the body must be application/json")


def test_what_a_reading_takes_for_what_was_sent() -> None:
    lenient, every = dialect("lenient-answers"), dialect("all-templates")
    answers = [{"question_id": "fq0", "option_id": "a"}, {"question_id": "fq0", "custom": "b"}]
    assert lenient.hear(Heard("decide", None, {"decision": "reject", "answers": answers})) == {"decision": "reject"}
    sent = {"decision": "approve", "answers": answers}
    assert lenient.hear(Heard("decide", None, sent)) == {"decision": "approve", "answers": answers[1:]}
    odd = {"decision": "approve", "answers": [3, {"question_id": []}]}
    assert lenient.hear(Heard("decide", None, odd)) == odd
    assert every.hear(Heard("provision_company", None, {"name": "A", "template_ids": []})) == {"name": "A"}
    assert every.hear(Heard("provision_company", None, [])) == []


def test_the_members_that_are_known_are_the_contract_s() -> None:
    schemas = CONTRACT.document["components"]["schemas"]
    names = {
        "provision_company": "ProvisionRequest",
        "request_upload": "UploadRequest",
        "start_import": "ImportRequest",
        "decide": "DecisionRequest",
        "start_export": "ExportRequest",
    }
    assert {each: frozenset(schemas[name]["properties"]) for each, name in names.items()} == MEMBERS


# that it is legal


def answered_by(name: str) -> Iterator[tuple[str, Said, Said]]:
    """Each example of the contract as it is, and as a dialect says it."""
    spoken = dialect(name)
    for operation, example in EXAMPLES:
        made = of(operation, example)
        spoken.say(made)
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
        if after.of_import:
            assert "run_id" not in after.body
            parked = after.body["status"] in {"needs_attention", "failed"}
            assert not parked or "perSheet" not in after.body.get("report", {})
        if after.is_page:
            assert not any("report" in run for run in after.body["runs"])
        if after.operation == "provision_company" and after.ok:
            assert ("connections" in after.body) == bool(before.body["connections"])
            assert ("external_id" in after.body["company"]) == bool(before.body["company"]["external_id"])


@pytest.mark.parametrize("name", ["extended", *BY_NAME, *(f"random:{number}" for number in range(30))])
def test_no_reading_says_what_the_contract_forbids(name: str) -> None:
    """Apart from the envelope of the history (OP-08), the codes that are open, and members that nobody knows."""
    for operation, before, made in answered_by(name):
        responses = CONTRACT._described(operation)["responses"]  # noqa: SLF001 - what the contract says of it
        status = made.status if str(made.status) in responses else before.status
        response = CONTRACT._resolved(responses[str(status)])  # noqa: SLF001 - as above
        schema = response["content"].get("application/json", {}).get("schema", {}).get("$ref", "")
        if made.body is None or (before.is_page and not made.is_page):
            continue
        if made.status == 501:
            assert (operation, before.body) == ("export_csv", None)
            continue
        wanted = schema.rpartition("/")[2]
        if wanted == "ImportLookup":
            wanted = "ImportHistory" if made.is_page else "Run" if made.of_import else "NoActiveRun"
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
        if made.told and before.body != {"run": None}:
            assert all("object" in each for each in objects(made.body)), made.body


def test_extended_reads_in_every_way_but_those_that_have_a_rival() -> None:
    ways = {reading.about for reading in READINGS}
    kept = {"bare-history", "nulls-in-catalogue", "no-options"}  # of minimal, or of what another one shows
    assert {reading.about for reading in dialect("extended").readings} == ways - kept


# names


@given(st.integers(0, 999_999_999))
def test_random_is_the_same_for_the_same_number_and_one_way_each(number: int) -> None:
    drawn = dialect(f"random:{number}")
    assert drawn == dialect(f" RANDOM:{number} ", "other", "words")
    assert len({reading.about for reading in drawn.readings}) == len(drawn.readings)


def test_random_differs_from_session_to_session_and_can_be_repeated() -> None:
    names = {dialect("random", 0, f"key-{number}").name for number in range(50)}
    assert len(names) == 50
    for name in names:
        assert dialect(name).name == name
    met = {reading for name in names for reading in dialect(name).readings}
    assert met == set(READINGS)


def test_names_are_put_together_and_the_last_way_counts() -> None:
    own = dialect("minimal + silent+talkative")
    assert own.name == "minimal+silent+talkative"
    assert [each.name for each in own.readings] == [
        "bare-company",
        "no-run-id",
        "no-parked-sums",
        "bare-history",
        "nulls-in-catalogue",
        "talkative",
    ]
    assert dialect("documented") == Dialect("documented")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("minmal", "did you mean 'minimal'?"),
        ("minimal+no-runid", "did you mean 'no-run-id'?"),
        ("", "There are: documented, minimal, extended, random, "),
        ("minimal+", "There are: "),
        ("random:", "random:7"),
        ("random:-1", "random:7"),
        ("random:²", "random:7"),
        ("random:1234567890", "at most 9 digits"),
        ("minimal:7", "did you mean 'minimal'?"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_one(name: str, near: str) -> None:
    with pytest.raises(UnknownDialect) as wrong:
        dialect(name)
    assert near in str(wrong.value)


# over the wire


@pytest.fixture
def loose(server: str, key: str) -> Iterator[Transport]:
    """A caller in the same session whose answers are not held against the contract's letter."""
    made = Transport(server, key)
    yield made
    made.close()


def speaks(client: Client, name: str) -> Any:
    got = client.put("/_mock/dialect", {"name": name})
    assert got.status == 200, got.text
    return got.body


def parked(client: Client, path: str = IMPORTS, by: Transport | None = None) -> str:
    """The path of a run that has just parked."""
    started = (by or client.transport).call("POST", path, FLAGGED)
    assert started.status == 201, started.text
    client.advance(to="next")
    client.advance(to="next")
    return str(started.body["poll_url"])


def test_without_a_choice_it_is_what_is_documented(client: Client) -> None:
    assert client.get("/_mock/dialect").body == {"name": "documented", "readings": []}
    assert client.get("/_mock/session").body["dialect"] == "documented"


def test_a_session_speaks_the_dialect_that_it_is_given_and_no_other_does(client: Client, server: str) -> None:
    told = speaks(client, "minimal")
    assert told["name"] == "minimal"
    assert {"name": "no-run-id", "point": "OP-05"}.items() <= told["readings"][1].items()
    assert client.get("/_mock/session").body["dialect"] == "minimal"
    with closing(Client(server, "somebody-else-1")) as other:
        assert other.get("/_mock/dialect").body["name"] == "documented"
    run = parked(client)
    assert client.get(run).body.keys() == {"status", "report", "needs_attention"}
    assert client.get(f"{IMPORTS}?status=active").body == client.get(run).body  # ACT-06
    assert client.get(run).body["report"] == {"inserted": 1, "invalidCellCount": 1}
    assert [set(each) for each in client.get(IMPORTS).body["runs"]] == [{"run_id", "status", "created_at", "poll_url"}]
    made = client.post("/api/v1/companies", {"name": "Acme", "source": SOURCE}).body
    assert "connections" not in made
    assert "external_id" not in made["company"]


def test_a_whole_journey_in_minimal_keeps_the_contract(client: Client) -> None:
    """The client holds every answer against the contract's letter."""
    speaks(client, "minimal")
    for path in ("/api/v1/sources", "/api/v1/templates", f"{IMPORTS}?status=active", IMPORTS):
        assert client.get(path).status == 200
    run = parked(client)
    assert client.post(f"{run}/decisions", {"decision": "reject"}).body["status"] == "failed"
    failed = client.get(run).body
    assert failed["report"] == {"inserted": 1, "invalidCellCount": 1}  # DEC-32
    run = parked(client)
    assert client.post(f"{run}/decisions", {"decision": "approve"}).status == 200
    client.advance(to="next")
    assert client.get(run).body["report"]["perSheet"]
    assert client.get(IMPORTS).body["runs"][0]["status"] == "completed"


def test_extended_says_the_same_otherwise(client: Client, loose: Transport) -> None:
    speaks(client, "extended")
    run = parked(client, by=loose)
    got = loose.call("GET", run)
    assert got.headers["content-type"] == "application/json; charset=utf-8"
    assert got.headers["set-cookie"] == "visit=1; Path=/"
    assert got.text.startswith("{\n")
    assert got.body["report"] == {"invalidCellCount": 1, "inserted": 0} | _unknown()
    assert got.body["error"] is None
    assert "run_id" not in got.body
    assert got.body["needs_attention"]["questions"][0]["context"] is None
    history = loose.call("GET", IMPORTS).body
    assert (history["data"][0]["status"], history["has_more"]) == ("needs_attention", False)
    rejected = loose.call("POST", f"{run}/decisions", {"decision": "reject"}).body
    assert rejected["status"] == "running"
    assert loose.call("GET", run).body["status"] == "failed"
    assert loose.call("GET", f"{IMPORTS}?status=active").body == {"run": None}


def _unknown() -> dict[str, Any]:
    return {"object": "preview", "_rev": 7, "_links": {"self": None}}


def test_extended_codes(client: Client, loose: Transport) -> None:
    speaks(client, "extended")
    wanted = loose.call("POST", f"/api/v1/companies/{LIVE}/uploads", {"name": "a.csv"})
    assert wanted.status == 200
    path = wanted.body["upload_url"].partition("/uploads/")[2]
    put = loose.send("PUT", f"/uploads/{path}", b"Email\nada@example.com\n", {})
    assert (put.status, put.received) == (204, b"")
    assert loose.send("PUT", f"/uploads/{path}", b"Email\n", {}).status == 410
    keyed = CLEAN | {"idempotency_key": "k1"}
    first = loose.call("POST", IMPORTS, keyed)
    client.advance(to="next")
    again = loose.call("POST", IMPORTS, keyed)
    assert (again.status, again.body["run_id"], again.body["status"]) == (201, first.body["run_id"], "queued")
    assert loose.call("GET", f"{IMPORTS}/no-uuid").status == 400
    assert loose.call("DELETE", IMPORTS).status == 404
    assert loose.call("GET", f"{IMPORTS}?status=parked").body["data"] == []
    assert loose.call("GET", f"/api/v1/companies/{LIVE}/export.csv").status == 501
    assert loose.call("POST", IMPORTS, CLEAN).body == {"error": "Conflict"}


def test_extended_takes_less(client: Client, loose: Transport) -> None:
    speaks(client, "extended")
    assert loose.call("POST", IMPORTS, CLEAN | {"mode": "fast"}).status == 400
    raw = json.dumps(CLEAN).encode()
    key = {"x-api-key": client.key or ""}
    assert loose.send("POST", IMPORTS, raw, key | {"content-type": "text/plain"}).status == 415
    assert loose.send("POST", IMPORTS, raw, key | JSON).status == 201


def test_question_ids_begin_anew_in_runs_that_start_while_that_is_spoken(client: Client) -> None:
    """OP-20: the second parking asks `fq0` again; a run that was there before counts on."""
    ready = next(each for each in client.get("/_mock/scenarios").body["scenarios"] if each["name"] == RE_PARK)
    path = f"/api/v1/companies/{ready['company_id']}/imports"
    for name, ids in (("ids-again", ["fq0"]), ("documented", ["fq1"])):
        speaks(client, name)
        run = parked(client, path)
        speaks(client, "documented")
        assert client.post(f"{run}/decisions", {"decision": "approve"}).status == 200
        while client.get(run).body["status"] == "running":
            client.advance(to="next")
        asked = client.get(run).body["needs_attention"]["questions"]
        assert [each["id"] for each in asked] == ids
        answer = {"question_id": ids[0], "option_id": asked[0]["options"][0]["id"]}
        assert client.post(f"{run}/decisions", {"decision": "approve", "answers": [answer]}).status == 200
        while client.get(run).body["status"] == "running":
            client.advance(to="next")


def test_one_call_can_be_answered_in_another_dialect(client: Client, server: str) -> None:
    run = parked(client)
    with closing(Client(server, client.key, {"prefer": "wait=1, dialect=minimal"})) as asking:
        got = asking.get(run)
        assert "run_id" not in got.body
        assert got.headers["preference-applied"] == "dialect=minimal"
        refused = asking.get(f"{IMPORTS}/no-run")
        assert (refused.status, refused.headers["preference-applied"]) == (404, "dialect=minimal")
    assert "run_id" in client.get(run).body
    speaks(client, "minimal")
    with closing(Client(server, client.key, {"prefer": "dialect=documented"})) as asking:
        got = asking.get(run)
        assert ("run_id" in got.body, got.headers["preference-applied"]) == (True, "dialect=documented")


def test_a_preferred_dialect_goes_together_with_a_preferred_scenario(client: Client, server: str) -> None:
    with closing(Client(server, client.key, {"prefer": "scenario=reject, dialect=minimal"})) as asking:
        got = asking.post(IMPORTS, CLEAN)
    assert (got.status, got.headers["preference-applied"]) == (201, "scenario=reject, dialect=minimal")


def test_a_preferred_dialect_that_is_none_is_refused_and_nothing_is_done(client: Client, server: str) -> None:
    with closing(Client(server, client.key, {"prefer": "dialect=minmal"})) as asking:
        got = asking.post(IMPORTS, CLEAN)
    assert got.status == 400
    assert got.body["error"].startswith("Prefer: no dialect or reading 'minmal'; did you mean 'minimal'? There are: ")
    assert client.get(f"{IMPORTS}?status=active").body == {"run": None}


def test_random_is_named_so_that_it_can_be_repeated(client: Client, server: str) -> None:
    told = speaks(client, "random")
    assert told["name"].startswith("random:")
    with closing(Client(server, "somebody-else-2")) as other:
        assert speaks(other, "random")["name"] != told["name"]
        assert speaks(other, told["name"]) == told
    assert client.delete("/_mock/dialect").body["name"] == "documented"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {},
            "name: expected documented, minimal, extended, random, a reading, or several put together by +; got noth",
        ),
        ({"name": 3}, "got 3"),
        ({"name": "minmal"}, "name: no dialect or reading 'minmal'; did you mean 'minimal'?"),
        ({"dialect": "minimal"}, "'dialect' is not known here; known: name"),
        ([], "the body must be an object with name"),
        ({"name": "random:x"}, "name: random takes a whole number"),
    ],
)
def test_a_choice_with_a_mistake_is_refused_and_changes_nothing(client: Client, body: Any, text: str) -> None:
    speaks(client, "minimal")
    got = client.put("/_mock/dialect", body)
    assert got.status == 400
    assert text in got.body["error"]
    assert client.get("/_mock/dialect").body["name"] == "minimal"


def test_the_journal_names_the_dialect_of_each_exchange(client: Client, loose: Transport) -> None:
    client.get(IMPORTS)
    speaks(client, "minimal+silent")
    client.get(IMPORTS)
    loose.call("DELETE", IMPORTS)
    told = [each["dialect"] for each in client.get("/_mock/requests").body["requests"]]
    assert told == ["documented", "minimal+silent", "minimal+silent"]


def test_ending_the_session_gives_the_server_s_dialect_back(client: Client) -> None:
    speaks(client, "minimal")
    assert client.delete("/_mock/session").body["dialect"] == "documented"


def test_a_server_can_be_started_with_a_dialect() -> None:
    with (
        running("--speed", "0", "--dialect", "minimal+silent") as process,
        closing(Client(process.url, "some-key")) as at,
    ):
        assert at.get("/_mock/dialect").body["name"] == "minimal+silent"
        run = at.post(IMPORTS, CLEAN).body["poll_url"]
        assert at.get(run).body == {"status": "queued", "progress_message": ""}
        speaks(at, "documented")
        assert at.delete("/_mock/dialect").body["name"] == "minimal+silent"


def test_everybody_may_ask_which_there_are(server: str) -> None:
    with closing(Client(server, None)) as nobody:
        told = nobody.get("/_mock/dialects").body
    assert [each["name"] for each in told["dialects"]] == list(TITLES)
    assert [each["name"] for each in told["readings"]] == list(BY_NAME)


# streams


def streamed(pieces: list[bytes], name: str) -> Response:
    async def come() -> Any:
        for piece in pieces:
            yield piece

    async def drained() -> Response:
        scope = {"path": f"/api/v1/companies/{COMPANY}/exports/{COMPANY}", "query_string": b"", "headers": []}
        made = await speech.spoken(
            dialect(name), StreamingResponse(come(), media_type="application/json"), scope, "poll_export"
        )
        if isinstance(made, StreamingResponse):
            body = b"".join([bytes(piece) async for piece in made.body_iterator])  # type: ignore[arg-type]
            return Response(body, made.status_code, dict(made.headers))
        return made

    return asyncio.run(drained())


def test_a_streamed_report_is_changed_as_well() -> None:
    got = streamed([b'{"status":"completed",', b'"report":{"results":[]}}'], "unknown-members")
    assert json.loads(bytes(got.body))["report"] == {"results": []} | _unknown()
    assert got.headers["content-length"] == str(len(got.body))


def test_a_report_too_large_to_be_held_passes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "LARGEST", 10)
    pieces = [b'{"status":', b'"completed"', b"}"]
    got = streamed(pieces, "extended")
    assert got.body == b"".join(pieces)
    assert "x-request-id" in got.headers


# the command line


def listed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "mock_server", "dialects", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_lists_dialects_and_readings() -> None:
    lines = [line.split("\t") for line in listed().stdout.splitlines()]
    assert [line[1] for line in lines if line[0] == "dialect"] == list(TITLES)
    assert [line[1:] for line in lines if line[0] == "reading"] == [[e.name, e.point, e.does] for e in READINGS]
    told = json.loads(listed("--json").stdout)
    assert told["dialects"] == chosen.entries()


def test_the_command_describes_one() -> None:
    assert json.loads(listed("random:7", "--json").stdout)["readings"] == chosen.described(dialect("random:7"))
    page = listed("minimal").stdout
    assert page.startswith("minimal\n\nREADING")
    assert "no-run-id" in page
    assert "ids-again" not in page
    assert "no reading differs" in listed("documented").stdout


def test_the_command_refuses_an_unknown_name() -> None:
    got = listed("minmal")
    assert (got.returncode, got.stdout) == (2, "")
    assert "did you mean 'minimal'?" in got.stderr


# docs/dialects.md


def test_the_table_of_readings_is_what_there_is() -> None:
    minimal, extended = dialect("minimal"), dialect("extended")
    rows = "".join(
        f"| `{each.name}` | {each.point} | {'x' * minimal.has(each)} | {'x' * extended.has(each)} | {each.does} |\n"
        for each in READINGS
    )
    head = "| reading | point | minimal | extended | a server that has it |\n|---|---|---|---|---|\n"
    assert between(PAGE, "readings") == head + rows


def test_every_open_point_is_read_in_two_ways_or_it_is_said_why_not() -> None:
    points = set(re.findall(r"^\| (OP-\d\d) \|", POINTS.read_text(), re.MULTILINE))
    unchanged = re.findall(r"^\| (OP-\d\d) \|", between(PAGE, "unchanged"), re.MULTILINE)
    assert set(unchanged) == points - {each.point for each in READINGS}
    assert unchanged == sorted(unchanged)


def test_every_dialect_is_told() -> None:
    told = PAGE.read_text().partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE) == list(TITLES)
