"""The journal: every exchange of a session, in one order, to search, to wait for, to clear and to take away."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from conftest import Client

from mock_server.recording.exchange import exchange
from mock_server.recording.journal import Journal

if TYPE_CHECKING:
    from mock_server.player.transport import Call

LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
DOCS_RUN = "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
ROWS = {"rows": [{"Email": "ada@example.com"}]}
STARTED = "2026-06-15T09:00:00.000Z"


def requests(client: Client, query: str = "") -> list[dict[str, Any]]:
    answered = client.get(f"/_mock/requests{query}")
    assert answered.status == 200, answered.text
    found: list[dict[str, Any]] = answered.body["requests"]
    return found


def refused(call: Call, *words: str) -> None:
    assert call.status == 400, call.text
    assert all(word in call.body["error"] for word in words), call.body["error"]


# -- searching


@pytest.fixture
def busy(client: Client) -> Client:
    """A session of seven exchanges."""
    started = client.post(f"{LIVE}/imports", ROWS)
    for _ in range(3):
        client.get(started.body["poll_url"])
    client.post(f"{LIVE}/imports", ROWS)
    client.get("/api/v1/sources")
    client.get(f"{LIVE}/imports/{DOCS_RUN}")
    return client


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7]),
        ("?since=0", [1, 2, 3, 4, 5, 6, 7]),
        ("?since=5", [6, 7]),
        ("?since=7", []),
        ("?operation=start_import", [1, 5]),
        ("?operation=put_upload", []),
        ("?status=409", [5]),
        ("?status=4xx", [5, 7]),
        ("?status=2xx&operation=poll_import", [2, 3, 4]),
        (f"?run={DOCS_RUN}", [7]),
        (f"?run={DOCS_RUN}&status=200", []),
        ("?strays=false&since=6", [7]),
    ],
)
def test_filters_choose(busy: Client, query: str, numbers: list[int]) -> None:
    assert [each["number"] for each in requests(busy, query)] == numbers


def test_a_run_is_found_by_its_id(busy: Client) -> None:
    run_id = requests(busy)[0]["run_id"]
    assert [each["number"] for each in requests(busy, f"?run={run_id}")] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?since=x", ("since", "'x'")),
        ("?since=-1", ("since", "'-1'")),
        ("?since=8", ("since", "at most 7", "8")),
        ("?since=99999999999999999999", ("since",)),
        ("?operation=poll_imports", ("operation", "'poll_imports'", "did you mean 'poll_import'")),
        ("?status=abc", ("status", "409", "'abc'")),
        ("?status=600", ("status", "'600'")),
        ("?run=mine", ("run", "'mine'")),
        ("?strays=yes", ("strays", "'yes'")),
        ("?sinse=1", ("'sinse'", "did you mean 'since'")),
    ],
)
@pytest.mark.parametrize("path", ["requests", "requests/wait", "requests.har"])
def test_a_filter_with_a_mistake_is_refused(busy: Client, path: str, query: str, words: tuple[str, ...]) -> None:
    refused(busy.get(f"/_mock/{path}{query}"), *words)


def test_looking_and_steering_are_no_exchanges(client: Client) -> None:
    client.get("/_mock/requests")
    client.put("/_mock/scenario", {"name": "re-park"})
    assert requests(client) == []


def test_a_session_sees_its_own_exchanges_alone(busy: Client, server: str) -> None:
    with closing(Client(server, f"test-{uuid4()}")) as other:
        assert requests(other) == []
        assert other.delete("/_mock/requests").body == {"cleared": 0}
    assert len(requests(busy)) == 7


# -- what is forgotten


def test_clearing_forgets_and_the_numbers_count_on(busy: Client) -> None:
    assert busy.delete("/_mock/requests").body == {"cleared": 7}
    assert busy.get("/api/v1/sources").headers["x-mock-request-id"] == "8"
    told = busy.get("/_mock/requests?since=2").body
    assert [each["number"] for each in told["requests"]] == [8]
    assert (told["next"], told["kept"], told["dropped"], told["missed"]) == (8, 1, 7, 5)
    assert busy.get("/_mock/requests?since=8").body["missed"] == 0


def test_a_session_that_is_reset_has_an_empty_journal(busy: Client) -> None:
    busy.delete("/_mock/session")
    listed = busy.get("/_mock/requests").body
    assert listed.pop("session")
    assert listed == {"requests": [], "next": 0, "kept": 0, "dropped": 0, "missed": 0}


def test_the_journal_is_bounded_and_says_what_it_dropped() -> None:
    journal = Journal(limit=3)
    for _ in range(5):
        journal.arrived({"path": "/", "query_string": b"", "method": "GET", "headers": []}, None, 0, 0)
    assert [entry.number for entry in journal] == [3, 4, 5]
    assert (journal.dropped, journal.latest) == (2, 5)
    assert journal.find(2) is None
    assert exchange(next(iter(journal)))["status"] is None


# -- waiting


def test_a_wait_for_what_is_there_is_over_at_once(busy: Client) -> None:
    told = busy.get("/_mock/requests/wait?count=3&operation=poll_import").body
    assert (told["met"], told["count"]) == (True, 4)
    assert [each["number"] for each in told["requests"]] == [2, 3, 4, 7]


def test_a_wait_ends_with_the_last_exchange_that_it_wants(client: Client, server: str, key: str) -> None:
    with ThreadPoolExecutor(1) as threads, closing(Client(server, key)) as watcher:
        waiting = threads.submit(watcher.get, "/_mock/requests/wait?count=2&operation=list_sources&timeout=60s")
        client.get("/api/v1/sources")
        client.get("/api/v1/templates")
        assert not waiting.done()
        client.get("/api/v1/sources")
        told = waiting.result(60).body
    assert (told["met"], [each["number"] for each in told["requests"]]) == (True, [1, 3])
    assert all(each["ended"] is not None for each in told["requests"])


@pytest.mark.parametrize("timeout", ["0", "0s", "0.01", "10ms"])
def test_a_wait_that_is_in_vain_says_how_many_there_were(busy: Client, timeout: str) -> None:
    told = busy.get(f"/_mock/requests/wait?count=5&operation=poll_import&timeout={timeout}").body
    assert (told["met"], told["count"]) == (False, 4)


def test_a_wait_ends_with_the_session(client: Client, server: str, key: str) -> None:
    with ThreadPoolExecutor(1) as threads, closing(Client(server, key)) as watcher:
        client.get("/_mock/session")
        waiting = threads.submit(watcher.get, "/_mock/requests/wait?timeout=60")
        while not waiting.done():  # the wait may arrive after a reset, and is then about the session that follows
            client.delete("/_mock/session")
        assert waiting.result().body["met"] is False


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("count=0", ("count", "1 to 1000", "'0'")),
        ("count=1001", ("count", "'1001'")),
        ("count=many", ("count", "'many'")),
        ("timeout=61s", ("timeout", "60s", "61s")),
        ("timeout=61", ("timeout", "60s")),
        ("timeout=2m", ("timeout", "60s")),
        ("timeout=soon", ("timeout", "'soon'")),
        ("timeout=-1", ("timeout", "'-1'")),
        ("counts=1", ("'counts'", "did you mean 'count'")),
    ],
)
def test_a_wait_with_a_mistake_is_refused(client: Client, query: str, words: tuple[str, ...]) -> None:
    refused(client.get(f"/_mock/requests/wait?{query}"), *words)


# -- HAR


def test_the_journal_is_taken_away_as_har(busy: Client) -> None:
    busy.get("/api/v1/sources?limit=1&x=%20")
    log = busy.get("/_mock/requests.har").body["log"]
    assert (log["version"], log["creator"]["name"], len(log["entries"])) == ("1.2", "vern-mock", 8)
    first, last = log["entries"][0], log["entries"][-1]
    assert (first["_id"], first["startedDateTime"]) == ("1", STARTED)
    assert first["request"]["url"] == f"{busy.url}{LIVE}/imports"
    assert json.loads(first["request"]["postData"]["text"]) == ROWS
    assert (first["response"]["status"], first["response"]["content"]["mimeType"]) == (201, "application/json")
    assert last["request"]["queryString"] == [{"name": "limit", "value": "1"}, {"name": "x", "value": "%20"}]
    assert all(each["time"] == sum(each["timings"].values()) >= 0 for each in log["entries"])


def test_har_takes_the_same_filters(busy: Client) -> None:
    entries = busy.get("/_mock/requests.har?status=409").body["log"]["entries"]
    assert [each["_id"] for each in entries] == ["5"]


# -- many at once


def test_simultaneous_calls_are_all_there_in_one_order(small: Any, key: str) -> None:
    calls, callers = 25, 8
    address = urlsplit(small.url)

    def one(_: int) -> list[int]:
        connection = HTTPConnection(address.netloc, timeout=60)
        numbers = []
        for _ in range(calls):
            connection.request("GET", "/api/v1/sources", headers={"x-api-key": key})
            response = connection.getresponse()
            response.read()
            numbers.append(int(response.headers["x-mock-request-id"]))
        connection.close()
        return numbers

    with ThreadPoolExecutor(callers) as threads, closing(Client(small.url, key)) as watcher:
        waiting = threads.submit(watcher.get, f"/_mock/requests/wait?count={calls * callers}&timeout=60")
        answered = list(threads.map(one, range(callers - 1)))
        answered.append(one(0))
        told = waiting.result(60).body
    assert all(numbers == sorted(numbers) for numbers in answered)
    everyone = sorted(number for numbers in answered for number in numbers)
    assert everyone == [each["number"] for each in told["requests"]] == list(range(1, calls * callers + 1))
    assert sorted(each["turn"] for each in told["requests"]) == everyone
    assert told["met"] is True
