"""Ids of nothing, unknown paths, wrong methods and wrong queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from refusals import (
    API,
    DEALS,
    DOCS,
    LIVE,
    NOBODY,
    RUN,
    SHEET,
    SOURCE,
    refused,
    state,
)

from mock_server.contract import document as contract

if TYPE_CHECKING:
    from conftest import Client

    from mock_server.player.process import Process


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
        assert set(call.headers["allow"].split(", ")) == allowed | ({"HEAD"} if "GET" in allowed else set())
    head = client.transport.call("HEAD", path)
    assert (head.status, head.received) == (404 if "/exports/" in path else 200 if "GET" in allowed else 405, b"")
    assert state(client) == before


GETS = [
    "/api/v1/sources",
    f"{DOCS}/imports",
    f"{DOCS}/imports?status=active",
    RUN,
    f"{DOCS}/export.csv?sheet_id={SHEET}",
]
GETS += [
    "/api/v1/sources?",
    f"{DOCS}/export.csv",
    f"{RUN}x",
    f"{DOCS}/imports?limit=0",
    "/_mock/health",
    "/_mock/clock",
]
GETS += [
    "/_mock/scenarios",
    "/_mock/openapi.yaml",
    "/_mock/session",
    "/_mock/why/1",
    "/_mock/nothing",
    "/magic-links/x",
]


@pytest.mark.parametrize("path", GETS)
def test_a_head_is_answered_as_the_get_is_without_its_body(client: Client, path: str) -> None:
    """RFC 9110, 9.3.2; what is counted and journalled is a HEAD of the operation."""
    client.get("/api/v1/sources")
    get, head = client.get(path), client.transport.call("HEAD", path)
    varies = {"x-mock-request-id", "date", "transfer-encoding"}
    if path == "/_mock/session":  # which tells of one call more
        varies.add("content-length")
    assert (head.status, head.received) == (get.status, b"")
    assert {(*each,) for each in head.headers.items() if each[0] not in varies} == {
        (*each,) for each in get.headers.items() if each[0] not in varies
    }
    if path.startswith(API):
        told = client.get("/_mock/requests").body["requests"]
        assert [each["method"] for each in told] == ["GET", "GET", "HEAD"]
        assert (told[2]["operation"], told[2]["answer"]["size"]) == (told[1]["operation"], 0)
        assert client.get("/_mock/audit").status == client.get("/_mock/coverage").status == 200
        assert client.get(f"/_mock/why/{told[2]['id']}").body["status"] == get.status
    elif path != "/_mock/nothing":
        assert client.get("/_mock/bundle").body["steered"] == []


ENCODED = [
    ("GET", f"{DOCS}%2Fimports"),
    ("GET", RUN.replace("/imports/", "%2fimports%2f")),
    ("GET", "/api%2Fv1%2Fsources"),
    ("GET", "/api/v1%2Fsources"),
    ("POST", f"{RUN}%2Fdecisions"),
    ("POST", f"{RUN}%5Cdecisions"),
    ("POST", f"{RUN}%00/decisions"),
    ("GET", f"{RUN}%252F"),
    ("GET", "/_mock%2Fhealth"),
    ("GET", "/_mock/clock%2Fadvance"),
    ("POST", "/_mock/clock%2Fadvance"),
    ("POST", f"/_mock/runs/{RUN.rpartition('/')[2]}%2Fcancel"),
    ("GET", "/magic-links%2Fx"),
]


@pytest.mark.parametrize(("method", "path"), ENCODED, ids=[path for _, path in ENCODED])
def test_an_encoded_separator_separates_nothing(client: Client, method: str, path: str) -> None:
    before = state(client)
    refused(client.transport.call(method, path, {"decision": "approve"} if method == "POST" else None), 404)
    assert state(client) == before


def test_an_encoded_separator_leads_to_no_upload_and_its_token_is_not_shown(client: Client, server: str) -> None:
    url = client.post(f"{DOCS}/uploads", {"name": "a.csv"}).body["upload_url"].removeprefix(server)
    token = url.rpartition("/")[2]
    for path in (url.replace("/uploads/", "/uploads%2F"), f"{url}%2F", f"{url}%00", f"/uploads/%2F{token}"):
        refused(client.send("PUT", path, b"Email\n", {"x-api-key": client.key or ""}), 404)
    assert token not in client.get("/_mock/requests").text
    assert client.send("PUT", url.replace("uploads", "%75ploads"), b"Email\n", {}).status == 200


def test_ids_are_read_in_any_case_and_written_in_the_canonical_one(client: Client) -> None:
    """RFC 9562, 4: in paths, queries, bodies and the admin API."""
    body = {"name": "Acme", "source": SOURCE.upper(), "template_ids": [DEALS.upper()], "external_id": "manual"}
    company = client.post(f"{API}/companies", body).body
    assert [each["template_id"] for each in company["sheets"]] == [DEALS]
    own = f"{API}/companies/{company['company']['id'].upper()}"
    client.put("/_mock/scenario", {"name": "live", "pace": "manual"})
    run = client.post(f"{own}/imports", {"rows": [{"Name": "a"}]}).body
    assert (run["run_id"], run["poll_url"]) == (run["run_id"].lower(), run["poll_url"].lower())
    poll = f"{own}/imports/{run['run_id'].upper()}"
    assert client.get(poll).body == client.get(run["poll_url"]).body
    stepped = client.post(f"/_mock/runs/{run['run_id'].upper()}/step")
    assert (stepped.status, stepped.body["run_id"]) == (200, run["run_id"])
    polls = client.get(f"/_mock/requests?operation=poll_import&run={run['run_id'].upper()}").body["requests"]
    assert [(each["run_id"], each["company_id"]) for each in polls] == [(run["run_id"], company["company"]["id"])] * 2
    assert client.get(f"{DOCS}/export.csv?sheet_id={SHEET.upper()}").received.startswith(b"Name,")
    assert client.post(f"{DOCS}/exports", {"selection": {"template_ids": [SHEET.upper()]}}).status == 400


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
    ["&&&===&", "?", "limit", "odd=1", "%00=%00", "a=1&" * 5_000, "x" * 30_000, "limit=5&limit=6", "%ff=%fe", ";;"],
)
def test_an_absurd_query_is_read_for_what_is_in_it(client: Client, query: str) -> None:
    call = client.get(f"{DOCS}/imports?{query}")
    if query == "limit":
        refused(call, 400, "limit", "''")
    else:
        assert [run["run_id"] for run in call.body["runs"]] == [RUN.rpartition("/")[2]]
