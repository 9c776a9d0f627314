"""The API key is the session: which keys open one, what two of them share (nothing), and when one ends."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from conftest import Client

from mock_server.contract import document as contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.player.transport import Call

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
DOCS = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
RUN = f"{DOCS}/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
NEW = {"name": "Acme", "source": SOURCE, "external_id": "acme"}
ROWS = {"rows": [{"Email": "ada@example.com"}]}
OPERATIONS = contract.load().operations.values()


@pytest.fixture
def other(server: str, key: str) -> Iterator[Client]:
    """A caller in another session."""
    made = Client(server, f"{key}-other")
    yield made
    made.close()


def called(url: str, key: str | None, method: str, path: str, body: object = None) -> Call:
    with closing(Client(url, key)) as client:
        return client.transport.call(method, path, body)


def sessions_of(url: str) -> int:
    return int(called(url, None, "GET", "/_mock/health").body["sessions"])


# -- keys

GOOD_KEYS = ["abcd", "x" * 128, "A-Z_a.z-09", "----", "....", "vern_live_0123456789", "Invalid-by-name", "not-revoked"]
BAD_KEYS = [
    None,
    "",
    "abc",
    "x" * 129,
    "with space",
    "slash/es",
    "col:on",
    "tab\there",
    "ümlaut",
    "a+b=c",
    "key;drop",
    "k\xa0ey",
]
DEAD_KEYS = ["invalid", "invalid-1", "invalidated", "revoked", "revoked-key", "revoked.2"]


@pytest.mark.parametrize("good", GOOD_KEYS)
def test_a_well_formed_key_opens_a_session(server: str, good: str) -> None:
    assert called(server, good, "GET", "/api/v1/sources").status == 200
    assert called(server, good, "DELETE", "/_mock/session").status == 200


@pytest.mark.parametrize("bad", [*BAD_KEYS, *DEAD_KEYS])
def test_another_key_gets_401_on_every_operation_and_opens_no_session(server: str, bad: str | None) -> None:
    """AUTH-02, AUTH-03, AUTH-04, OP-24: before anything else is looked at."""
    before = sessions_of(server)
    with closing(Client(server, bad)) as client:
        for operation in OPERATIONS:
            path = operation.route.replace("{company_id}", "nobody").replace("{run_id}", "nothing")
            call = client.transport.call(operation.method, path)
            assert call.status == 401
            assert list(call.body) == ["error"]
            assert bad is None or len(bad) < 10 or bad not in call.text
        for method, path in (("GET", "/_mock/session"), ("PUT", "/_mock/clock"), ("POST", "/_mock/clock/advance")):
            assert client.transport.call(method, path).status == 401
    assert sessions_of(server) == before


def test_a_call_without_a_good_key_has_no_effect(client: Client, server: str) -> None:
    """AUTH-07."""
    before = client.get(RUN).received
    for bad in (None, "revoked-key", "key with spaces"):
        assert called(server, bad, "POST", f"{RUN}/decisions", {"decision": "approve"}).status == 401
        assert called(server, bad, "POST", f"{LIVE}/imports", ROWS).status == 401
        assert called(server, bad, "POST", "/api/v1/companies", NEW).status == 401
    assert client.get(RUN).received == before
    assert client.get(f"{LIVE}/imports").body["runs"] == []
    assert client.post("/api/v1/companies", NEW).status == 201


# -- two sessions


def test_another_key_finds_neither_company_nor_run(client: Client, other: Client) -> None:
    """AUTH-06, POLL-19, SEC-02, OP-34."""
    company = client.post("/api/v1/companies", NEW).body["company"]["id"]
    run = client.post(f"/api/v1/companies/{company}/imports", ROWS).body["run_id"]
    export = client.post(f"{LIVE}/exports").body["run_id"]
    foreign, unknown = f"/api/v1/companies/{company}", "/api/v1/companies/00000000-0000-4000-8000-000000000000"
    calls: list[tuple[str, str, object]] = [
        ("GET", "/imports", None),
        ("GET", "/imports?status=active", None),
        ("POST", "/imports", ROWS),
        ("GET", f"/imports/{run}", None),
        ("POST", f"/imports/{run}/decisions", {"decision": "approve"}),
        ("POST", "/uploads", {"name": "a.csv"}),
        ("GET", "/export.csv", None),
        ("POST", "/exports", None),
        ("GET", f"/exports/{export}", None),
    ]
    for method, path, body in calls:
        refused, absent = (other.transport.call(method, at + path, body) for at in (foreign, unknown))
        assert (refused.status, absent.status) == (404, 404)
        assert refused.text.replace(foreign.rpartition("/")[2], "") == absent.text.replace(
            unknown.rpartition("/")[2], ""
        )
    assert other.get(f"{LIVE}/imports/{run}").status == 404
    assert other.get(f"{LIVE}/exports/{export}").status == 404
    for what in ("step", "cancel"):
        assert other.post(f"/_mock/runs/{run}/{what}").status == 404
    assert client.get(f"{foreign}/imports/{run}").status == 200


def test_the_ids_of_two_sessions_differ(client: Client, other: Client) -> None:
    """ID-02."""
    made = [each.post("/api/v1/companies", NEW).body for each in (client, other)]
    assert made[0]["company"]["id"] != made[1]["company"]["id"]
    assert made[0]["workbook_id"] != made[1]["workbook_id"]
    assert not {sheet["id"] for sheet in made[0]["sheets"]} & {sheet["id"] for sheet in made[1]["sheets"]}
    started = [each.post(f"{LIVE}/imports", ROWS).body["run_id"] for each in (client, other)]
    assert started[0] != started[1]
    uploads = [each.post(f"{LIVE}/uploads", {"name": "a.csv"}).body for each in (client, other)]
    assert uploads[0]["upload_ref"] != uploads[1]["upload_ref"]
    assert uploads[0]["upload_url"] != uploads[1]["upload_url"]


def test_names_and_external_ids_are_taken_in_their_own_session_alone(client: Client, other: Client) -> None:
    assert client.post("/api/v1/companies", NEW).status == 201
    assert other.post("/api/v1/companies", NEW).status == 201
    assert client.post("/api/v1/companies", NEW | {"name": "Other"}).status == 409


def test_a_ready_company_is_each_session_s_own(client: Client, other: Client) -> None:
    assert client.post(f"{RUN}/decisions", {"decision": "reject"}).status == 200
    assert client.get(RUN).body["status"] == "failed"
    assert other.get(RUN).body["status"] == "needs_attention"
    client.post(f"{DOCS}/imports", ROWS)
    assert len(other.get(f"{DOCS}/imports").body["runs"]) == 1


def test_an_upload_is_no_file_of_another_session(client: Client, other: Client) -> None:
    asked = client.post(f"{LIVE}/uploads", {"name": "a.csv"}).body
    assert client.send("PUT", urlsplit(asked["upload_url"]).path, b"Email\na@example.com\n", {}).status == 200
    started = {"files": [{"name": "a.csv", "upload_ref": asked["upload_ref"]}]}
    assert other.post(f"{LIVE}/imports", started).status == 400
    assert client.post(f"{LIVE}/imports", started).status == 201


def test_clock_scenario_and_budget_are_each_session_s_own(client: Client, other: Client) -> None:
    """RATE-06."""
    client.advance(by="3h")
    client.put("/_mock/scenario", {"name": "park", "pace": "manual"})
    for _ in range(101):
        last = client.get("/api/v1/sources")
    assert last.status == 429
    assert other.get("/_mock/clock").body["now"] == "2026-06-15T09:00:00.000Z"
    assert other.get("/_mock/scenario").body == {"name": "live", "pace": None}
    assert other.get("/api/v1/sources").status == 200


def test_a_key_reaches_every_company_of_its_session_over_every_connection(
    client: Client, server: str, key: str
) -> None:
    """AUTH-05."""
    companies = [client.post("/api/v1/companies", NEW | {"name": f"A{n}", "external_id": f"a{n}"}).body for n in (1, 2)]
    for made in companies:
        assert called(server, key, "GET", f"/api/v1/companies/{made['company']['id']}/imports").status == 200


# -- the end of a session


def everything(client: Client) -> list[Any]:
    """A few calls of all kinds, and what they answered."""
    company = client.post("/api/v1/companies", NEW)
    upload = client.post(f"{LIVE}/uploads", {"name": "a.csv"})
    started = client.post(f"{LIVE}/imports", ROWS | {"idempotency_key": "k"})
    client.post(f"{RUN}/decisions", {"decision": "approve"})
    return [company.body, upload.body, started.body, client.get("/_mock/session").body]


def test_a_reset_takes_effect_before_it_answers(client: Client) -> None:
    first = everything(client)
    client.put("/_mock/scenario", {"name": "park", "pace": "instant"})
    client.advance(by="2h")
    while client.get("/api/v1/sources").status != 429:
        pass
    assert client.delete("/_mock/session").body["companies"] == []
    assert client.get("/_mock/scenario").body == {"name": "live", "pace": None}
    assert client.get("/_mock/clock").body["now"] == "2026-06-15T09:00:00.000Z"
    assert client.get("/api/v1/sources").status == 200
    assert client.get(f"{LIVE}/imports/{first[2]['run_id']}").status == 404
    assert client.get(f"/api/v1/companies/{first[0]['company']['id']}/imports").status == 404
    assert client.send("PUT", urlsplit(first[1]["upload_url"]).path, b"Email\n", {}).status == 404
    assert client.get(RUN).body["status"] == "needs_attention"
    client.delete("/_mock/session")
    assert everything(client) == first


def test_a_reset_leaves_other_sessions_alone(client: Client, other: Client) -> None:
    before = everything(other)[-1]
    client.delete("/_mock/session")
    assert other.get("/_mock/session").body == before
