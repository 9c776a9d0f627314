"""The dialects over the wire: how a session, a call and a server are given one, and what is answered in it then."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Client
from starlette.responses import Response, StreamingResponse
from test_dialect_readings import COMPANY

from mock_server.dialects import apply as application
from mock_server.dialects.dialect import TITLES
from mock_server.player.process import running
from mock_server.player.transport import Transport
from mock_server.preview.readings import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

LIVE = "4619b4f3-e1db-4d20-80b1-898d906683c2"
RE_PARK = "re-park"
IMPORTS = f"/api/v1/companies/{LIVE}/imports"
SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
CLEAN = {"rows": [{"Email": "ada@example.com", "Status": "Open"}]}
FLAGGED = {"rows": [*CLEAN["rows"], {"Email": "gus@example.com", "Status": "unsure"}]}
JSON = {"content-type": "application/json"}


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
    assert [each["name"] for each in told["readings"]] == list(DIALECTS.by_name)


# streams


def streamed(pieces: list[bytes], name: str) -> Response:
    async def come() -> Any:
        for piece in pieces:
            yield piece

    async def drained() -> Response:
        scope = {"path": f"/api/v1/companies/{COMPANY}/exports/{COMPANY}", "query_string": b"", "headers": []}
        made = await application.apply(
            DIALECTS.find(name), StreamingResponse(come(), media_type="application/json"), scope, "poll_export", None
        )
        if isinstance(made, StreamingResponse):
            body = b"".join([bytes(piece) async for piece in made.body_iterator])  # type: ignore[arg-type]  # never str
            return Response(body, made.status_code, dict(made.headers))
        return made

    return asyncio.run(drained())


def test_a_streamed_report_is_changed_as_well() -> None:
    got = streamed([b'{"status":"completed",', b'"report":{"results":[]}}'], "unknown-members")
    assert json.loads(bytes(got.body))["report"] == {"results": []} | _unknown()
    assert got.headers["content-length"] == str(len(got.body))


def test_a_report_too_large_to_be_held_passes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "LARGEST", 10)
    pieces = [b'{"status":', b'"completed"', b"}"]
    got = streamed(pieces, "extended")
    assert got.body == b"".join(pieces)
    assert "x-request-id" in got.headers
