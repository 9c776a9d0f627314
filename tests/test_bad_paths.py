"""Ids of nothing, unknown paths, wrong methods and wrong queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from refusals import (
    API,
    DOCS,
    LIVE,
    NOBODY,
    RUN,
    SHEET,
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
