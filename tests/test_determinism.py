"""The same seed, key and calls give the same bytes from another server; another seed gives others."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from conftest import Client

from mock_server.player.process import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.player.transport import Call

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
HOST = {"host": "mock.localhost"}  # the signed URLs carry it; the ports of two servers differ
KEY = "the-same-key"


class Servers(NamedTuple):
    """Two servers of one seed, and one of another."""

    first: str
    second: str
    other: str


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(*(stack.enter_context(running("--speed", "0", "--seed", seed)).url for seed in ("7", "7", "8")))


def story(url: str, key: str = KEY) -> list[Call]:
    """A whole integration: three companies, an upload, decisions, downloads, an export, refusals among them."""
    with closing(Client(url, key, HOST)) as client:
        client.delete("/_mock/session")
        calls = [client.get("/api/v1/sources"), client.get("/api/v1/templates")]
        for name in ("re-park--a", "live--b", "export-partly-fails--c", "re-park--a"):
            wanted = {"name": f"Acme {len(calls)}", "source": SOURCE, "external_id": name}
            calls.append(client.post("/api/v1/companies", wanted | {"connections": {"destination": DESTINATION}}))
        parking, live, exporting = (f"/api/v1/companies/{call.body['company']['id']}" for call in calls[2:5])
        asked = client.post(f"{live}/uploads", {"name": "contacts.csv"})
        put = client.send("PUT", urlsplit(asked.body["upload_url"]).path, FILE, HOST)
        given = {"files": [{"name": "contacts.csv", "upload_ref": asked.body["upload_ref"]}], "idempotency_key": "k"}
        runs = [client.post(f"{parking}/imports", {"rows": [{}]}), client.post(f"{live}/imports", given)]
        runs += [client.post(f"{exporting}/imports", {"rows": [{}]}), client.post(f"{live}/imports", given)]
        calls += [asked, put, *runs]
        for _ in range(12):
            calls.append(client.post("/_mock/clock/advance", {"to": "next"}))
            calls += [client.get(run.body["poll_url"]) for run in runs]
            calls += [client.post(f"{run.body['poll_url']}/decisions", {"decision": "approve"}) for run in runs[:2]]
        export = client.post(f"{exporting}/exports")
        client.advance(by="5s")
        calls += [export, client.get(export.body["poll_url"])]
        for company in (parking, live, exporting):
            calls += [client.get(f"{company}/{what}") for what in ("imports", "export.csv", "export.csv?filter=all")]
        return [*calls, client.get("/_mock/session")]


FILE = b"Email,Status\nada@example.com,Open\ngrace@example.com,unknown\nada@example.com,Closed\n"
DESTINATION = {"base_url": "https://destination.example", "auth": {"token": "secret"}}


def told(calls: list[Call]) -> list[tuple[str, str, int, bytes]]:
    return [(call.method, call.path, call.status, call.received) for call in calls]


def test_two_servers_of_one_seed_answer_alike_to_the_byte(servers: Servers) -> None:
    first, second = story(servers.first), story(servers.second)
    assert told(first) == told(second)
    assert {call.status for call in first} == {200, 201, 409}
    assert [call.headers.get("content-disposition") for call in first] == [
        call.headers.get("content-disposition") for call in second
    ]


def test_a_session_that_is_reset_answers_as_the_first_time(servers: Servers) -> None:
    assert told(story(servers.first)) == told(story(servers.first))


def test_another_seed_gives_other_ids_and_rows_and_the_same_figures(servers: Servers) -> None:
    first, other = story(servers.first), story(servers.other)
    assert [call.status for call in first] == [call.status for call in other]
    for mine, its in zip(first, other, strict=True):
        body, another = mine.body or {}, its.body or {}
        if mine.status == 201 or "run_id" in body:
            assert body != another
        assert body.get("status") == another.get("status")
        assert figures(body) == figures(another)
    downloads = [[call.received for call in calls if "export.csv" in call.path] for calls in (first, other)]
    assert downloads[0][0] != downloads[1][0]


def figures(body: dict[str, Any]) -> tuple[Any, ...]:
    report = body.get("report") or {}
    return tuple(report.get(name) for name in ("inserted", "invalidCellCount", "total", "succeeded", "failed"))


def test_another_key_gives_other_ids_and_the_same_rows(servers: Servers) -> None:
    """The rows of a scripted scenario are the seed's, whoever asks."""
    first, other = story(servers.first), story(servers.first, "another-key")
    assert first[2].body["company"]["id"] != other[2].body["company"]["id"]
    rows = [[call.received for call in calls if "export.csv" in call.path] for calls in (first, other)]
    assert rows[0] == rows[1]


def test_the_ready_runs_of_another_seed_have_their_own_rows_and_the_documented_figures(servers: Servers) -> None:
    path = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
    seen = []
    for url in (servers.first, servers.other):
        with closing(Client(url, "a-third-key")) as client:
            seen.append([client.get(f"{path}/imports?status=active"), client.get(f"{path}/export.csv?filter=all")])
    assert seen[0][0].received == seen[1][0].received
    assert seen[0][1].received != seen[1][1].received
