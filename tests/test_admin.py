"""The admin API: what it shows, what it does to the caller's own session, and who may use it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import yaml
from conftest import Client

from mock_server.contract import document as contract
from mock_server.player.process import Process, running
from mock_server.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.player.transport import Call

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
RE_PARK = "/api/v1/companies/39b5bb3e-35ba-47d5-91be-cc435addce86"
DOCS_RUN = "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
DOCS = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
ROWS = {"rows": [{"Email": "ada@example.com"}]}
PUBLIC = ("health", "scenarios", "openapi.yaml", "openapi.json")
OF_A_SESSION = [
    ("GET", "scenario"),
    ("PUT", "scenario"),
    ("GET", "clock"),
    ("PUT", "clock"),
    ("POST", "clock/advance"),
    ("GET", "session"),
    ("DELETE", "session"),
    ("POST", f"runs/{DOCS_RUN}/step"),
    ("POST", f"runs/{DOCS_RUN}/cancel"),
]


def refused(call: Call, status: int, *words: str) -> None:
    assert call.status == status, call.text
    assert list(call.body) == ["error"]
    assert all(word in call.body["error"] for word in words), call.body["error"]


# -- what needs no session


@pytest.fixture
def nobody(server: str) -> Iterator[Client]:
    """A caller without a key."""
    made = Client(server, None)
    yield made
    made.close()


def test_health_says_that_everything_is_loaded(nobody: Client) -> None:
    body = nobody.get("/_mock/health").body
    assert body["status"] == "ready"
    assert body["version"] == VERSION
    assert body["contract"] == contract.load().version
    assert body["scenarios"] == len(nobody.get("/_mock/scenarios").body["scenarios"])


def test_the_scenarios_are_listed_with_their_companies(nobody: Client) -> None:
    scenarios = nobody.get("/_mock/scenarios").body["scenarios"]
    names = [each["name"] for each in scenarios]
    assert names == sorted(names)
    wanted = {"straight-through", "park", "re-park", "reject", "reject-after-re-park", "answers-override-patch"}
    wanted |= {"destructive-patch", "dedup", "keep-completes-flagged", "completed-with-flags", "column-drift-fails"}
    wanted |= {"engine-dies", "canceled", "conflict", "lost-run-id", "rate-limit", "export-partly-fails", "live"}
    assert wanted <= set(names)
    for each in scenarios:
        assert list(each) == ["name", "title", "pace", "company_id", "company_name", "clauses"]
        assert each["title"]
        assert set(each["clauses"]) <= contract.clause_ids()
    assert len({each["company_id"] for each in scenarios}) == len(scenarios)


def test_the_contract_is_served_in_both_forms(nobody: Client) -> None:
    text, parsed = nobody.get("/_mock/openapi.yaml"), nobody.get("/_mock/openapi.json")
    assert text.received == contract.data("openapi", "migration-api.yaml").read_bytes()
    assert text.media_type == "application/yaml"
    assert parsed.body == yaml.safe_load(text.received) == contract.load().document
    assert parsed.body["openapi"].startswith("3.1")


@pytest.mark.parametrize(("method", "path"), OF_A_SESSION)
def test_the_rest_needs_a_key(nobody: Client, method: str, path: str) -> None:
    refused(nobody.transport.call(method, f"/_mock/{path}"), 401, "x-api-key")


# -- paths and methods


NO_CALLS = ["/_mock", "/_mock/", "/_mock/healthy", "/_mock/health/", "/_mock//health", "/_mock/runs", "/_mock/runs/x"]
NO_CALLS += ["/_mock/runs//step", "/_mock/runs/x/y/step", "/_mock/runs/x/pause", "/_mock/runs/*/step/", "/_mock/%00"]
NO_CALLS += ["/_mock/scenario/park", "/_mock/clock/", "/_mock/clock/advance/now"]


@pytest.mark.parametrize("path", NO_CALLS)
def test_an_unknown_admin_call_names_the_known_ones(client: Client, path: str) -> None:
    refused(client.get(path), 404, "health", "clock/advance", "runs/*/step")
    refused(client.post(path), 404)


@pytest.mark.parametrize("path", ["/_mockery", "/_mock-health", "/_mocks/health", "/_MOCK/health", "/x/_mock/health"])
def test_the_prefix_is_a_whole_segment(client: Client, path: str) -> None:
    call = client.get(path)
    refused(call, 404, path)
    assert "clock/advance" not in call.text


@pytest.mark.parametrize("path", [*PUBLIC, *dict.fromkeys(path for _, path in OF_A_SESSION)])
def test_a_wrong_method_gets_405_with_the_right_ones(client: Client, path: str) -> None:
    allowed = {method for method, known in OF_A_SESSION if known == path} or {"GET"}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
        call = client.transport.call(method, f"/_mock/{path}")
        refused(call, 405, method)
        assert set(call.headers["allow"].split(", ")) == allowed | ({"HEAD"} if "GET" in allowed else set())


@pytest.mark.parametrize(("method", "path"), [("PUT", "scenario"), ("PUT", "clock"), ("POST", "clock/advance")])
def test_a_body_that_is_no_json_object_is_refused(client: Client, method: str, path: str) -> None:
    before = [client.get(f"/_mock/{each}").body for each in ("scenario", "clock", "session")]
    for raw, word in (
        (b"{", "JSON"),
        (b"[" * 100_000, "deeply"),
        (b"\x00", "JSON"),
        (b"[]", "object"),
        (b"null", "object"),
    ):
        refused(client.send(method, f"/_mock/{path}", raw, {"x-api-key": client.key or ""}), 400, word)
    assert [client.get(f"/_mock/{each}").body for each in ("scenario", "clock", "session")] == before


MEMBERS = {
    "PUT clock": ("mode", "speed", "now"),
    "POST clock/advance": ("by", "to"),
    "PUT scenario": ("name", "pace"),
    "PUT dialect": ("name",),
    "PUT faults": ("faults",),
    "POST faults": ("lose", "delay", "up_to", "operation", "status", "times", "for", "odd"),
}


@pytest.mark.parametrize("call", MEMBERS)
@pytest.mark.parametrize("levels", [252, 1_000])
def test_a_deep_value_is_refused_whatever_member_it_is_of(client: Client, call: str, levels: int) -> None:
    method, path = call.split()
    for name in MEMBERS[call]:
        for value in (b"[" * levels + b"]" * levels, b'{"a":' * levels + b"1" + b"}" * levels):
            body = b'{"%s": %s}' % (name.encode(), value)
            refused(client.send(method, f"/_mock/{path}", body, {"x-api-key": client.key or ""}), 400)


# -- the session


NOTHING = {"calls": 0, "meant": 0, "created": 0, "lost": 0}
SIDES = {
    **dict.fromkeys(("companies", "imports", "exports"), NOTHING),
    "decisions": {"calls": 0, "meant": 0, "taken": 0, "lost": 0},
}


def test_the_session_is_shown_as_it_is(client: Client) -> None:
    fresh = {"scenario": "live", "dialect": "documented", "seed": 0, "now": "2026-06-15T09:00:00.000Z"}
    empty = fresh | {"companies": [], "uploads": {"count": 0, "bytes": 0}, "both_sides": SIDES}
    assert client.get("/_mock/session").body == empty
    company = client.post("/api/v1/companies", {"name": "Acme", "source": SOURCE, "external_id": "re-park--acme"}).body[
        "company"
    ]
    run = client.post(f"/api/v1/companies/{company['id']}/imports", ROWS).body
    client.advance(by="1s")
    shown = client.get("/_mock/session").body
    one = {"calls": 1, "meant": 1, "created": 1, "lost": 0}
    assert shown == empty | {
        "both_sides": SIDES | {"companies": one, "imports": one},
        "now": "2026-06-15T09:00:01.000Z",
        "companies": [
            {
                "id": company["id"],
                "name": "Acme",
                "external_id": "re-park--acme",
                "scenario": "re-park",
                "runs": [
                    {
                        "run_id": run["run_id"],
                        "kind": "import",
                        "scenario": "re-park",
                        "pace": "time",
                        "status": "running",
                        "since": "2026-06-15T09:00:01.000Z",
                        "until": "2026-06-15T09:00:21.000Z",
                    }
                ],
            }
        ],
    }


def test_a_reset_answers_with_the_session_as_it_is_then(client: Client) -> None:
    client.post(f"{LIVE}/imports", ROWS)
    client.advance(by="1h")
    assert client.delete("/_mock/session").body == {
        "scenario": "live",
        "dialect": "documented",
        "seed": 0,
        "now": "2026-06-15T09:00:00.000Z",
        "companies": [],
        "uploads": {"count": 0, "bytes": 0},
        "both_sides": SIDES,
    }


# -- runs


def test_an_operator_cancels_a_run(client: Client) -> None:
    """OP-16, POLL-16, RUN-03."""
    run = client.post(f"{RE_PARK}/imports", ROWS).body
    stopped = client.post(f"/_mock/runs/{run['run_id']}/cancel")
    assert stopped.body == {"run_id": run["run_id"], "status": "canceled"}
    assert client.get(run["poll_url"]).body == {"run_id": run["run_id"], "status": "canceled"}
    refused(client.post(f"/_mock/runs/{run['run_id']}/cancel"), 409, "canceled")
    assert client.get(f"{RE_PARK}/imports?status=active").body == {"run": None}
    assert client.advance(by="1h")["changed"] == []
    assert client.post(f"{RE_PARK}/imports", ROWS).status == 201


def test_a_parked_run_is_canceled_too(client: Client) -> None:
    path = f"{DOCS}/imports/{DOCS_RUN}"
    assert client.get(path).body["status"] == "needs_attention"
    assert client.post(f"/_mock/runs/{DOCS_RUN}/cancel").status == 200
    assert client.get(path).body["status"] == "canceled"
    assert client.post(f"{path}/decisions", {"decision": "approve"}).status == 409


def test_only_a_run_of_manual_pace_is_stepped(client: Client) -> None:
    run = client.post(f"{RE_PARK}/imports", ROWS).body
    refused(client.post(f"/_mock/runs/{run['run_id']}/step"), 409, "'time'", "'manual'")
    client.put("/_mock/scenario", {"pace": "manual"})
    stepped = client.post(f"{LIVE}/imports", ROWS).body
    assert client.post(f"/_mock/runs/{stepped['run_id']}/step").body == {
        "run_id": stepped["run_id"],
        "status": "running",
    }


@pytest.mark.parametrize("what", ["step", "cancel"])
@pytest.mark.parametrize("run_id", ["nothing", "00000000-0000-4000-8000-000000000000", "%00", "{run_id}"])
def test_a_run_that_is_not_there_is_not_found(client: Client, run_id: str, what: str) -> None:
    refused(client.post(f"/_mock/runs/{run_id}/{what}"), 404, "no run")


# -- guards


@pytest.fixture(scope="module")
def guarded() -> Iterator[Process]:
    with running("--speed", "0", "--admin-token", "open-sesame") as process:
        yield process
        assert "open-sesame" not in process.log()


def asked(url: str, method: str, path: str, **headers: str) -> Call:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(Client(url, None)) as client:
        return client.send(method, path, None, given)


@pytest.mark.parametrize("token", [None, "", "open", "open-sesame2", "OPEN-SESAME", "öpen-sesame"])
def test_with_an_admin_token_nobody_gets_in_without_it(guarded: Process, token: str | None) -> None:
    given = {} if token is None else {"x_admin_token": token}
    for method, path in [*OF_A_SESSION, *(("GET", path) for path in PUBLIC if path != "health"), ("GET", "nothing")]:
        call = asked(guarded.url, method, f"/_mock/{path}", x_api_key="test-key", **given)
        refused(call, 401, "x-admin-token")
        assert "sesame" not in call.text


def test_with_the_admin_token_everything_is_as_without_a_guard(guarded: Process) -> None:
    for method, path in (("GET", "session"), ("GET", "openapi.json"), ("GET", "scenarios"), ("DELETE", "session")):
        call = asked(guarded.url, method, f"/_mock/{path}", x_api_key="test-key", x_admin_token="open-sesame")
        assert call.status == 200
    call = asked(guarded.url, "GET", "/_mock/session", x_admin_token="open-sesame")
    refused(call, 401, "x-api-key")


def test_health_and_the_api_need_no_admin_token(guarded: Process) -> None:
    assert asked(guarded.url, "GET", "/_mock/health").status == 200
    assert asked(guarded.url, "GET", "/api/v1/sources", x_api_key="test-key").status == 200


def test_without_the_admin_api_its_paths_are_nothing_but_health_is_told() -> None:
    with running("--speed", "0", "--no-admin") as process:
        assert asked(process.url, "GET", "/_mock/health").body["status"] == "ready"
        for path in ("/_mock/session", "/_mock/openapi.json", "/_mock"):
            refused(asked(process.url, "GET", path, x_api_key="test-key"), 404, path)
        assert asked(process.url, "GET", "/api/v1/sources", x_api_key="test-key").status == 200


def test_the_admin_api_says_nothing_of_other_sessions(client: Client, server: str, key: str) -> None:
    with closing(Client(server, f"{key}-other")) as other:
        other.post("/api/v1/companies", {"name": "A secret customer", "source": SOURCE})
        for method, path in (("GET", "health"), ("GET", "scenarios"), ("GET", "session"), ("GET", "clock")):
            assert "secret customer" not in client.transport.call(method, f"/_mock/{path}").text
        assert "secret customer" in json.dumps(other.get("/_mock/session").body)
