"""The journal: every exchange of a session, to read, to wait for, to clear and to take away, and no secret in it."""

from __future__ import annotations

import base64
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from conftest import Client
from hypothesis import given, settings
from test_secrecy import CREDENTIAL, bodies

from mock_server.contract.redaction import UNREADABLE
from mock_server.recording.exchange import exchange
from mock_server.recording.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.player.transport import Call

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
DOCS = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
DOCS_RUN = "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
FIRST = {"question_id": "fq0", "option_id": "keep"}
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


# -- what is told


def test_an_exchange_is_told_with_both_clocks_its_run_and_what_became_of_it(client: Client) -> None:
    started = client.post(f"{LIVE}/imports", ROWS)
    client.advance(by="2s")
    client.get(started.body["poll_url"])
    first, second = requests(client)
    assert first["id"] == "1" == started.headers["x-mock-request-id"]
    assert (first["method"], first["path"], first["operation"]) == ("POST", f"{LIVE}/imports", "start_import")
    assert (first["run_id"], first["before"], first["after"]) == (started.body["run_id"], None, "queued")
    assert (first["status"], first["lost"], first["fault"], first["clause"]) == (201, False, None, None)
    assert (first["at"], second["at"]) == (STARTED, "2026-06-15T09:00:02.000Z")
    assert first["real"] <= first["ended"] <= second["real"]
    assert json.loads(first["request"]["body"]) == ROWS
    assert json.loads(first["answer"]["body"]) == started.body
    assert ["content-type", "application/json"] in first["answer"]["headers"]
    assert (second["operation"], second["before"], second["after"]) == ("poll_import", "completed", "completed")


def test_a_decision_is_told_with_the_status_before_and_after(client: Client) -> None:
    client.post(f"{DOCS}/imports/{DOCS_RUN}/decisions", {"decision": "approve"})
    client.post(f"{DOCS}/imports/{DOCS_RUN}/decisions", {"decision": "approve"})
    first, second = requests(client)
    assert (first["before"], first["after"], first["status"]) == ("needs_attention", "running", 200)
    assert (second["before"], second["after"], second["status"]) == ("running", "running", 409)
    assert second["clause"] == "DEC-24"


def test_a_start_that_is_refused_names_the_run_in_flight(client: Client) -> None:
    client.post(f"{DOCS}/imports", ROWS)
    (only,) = requests(client)
    assert (only["status"], only["clause"]) == (409, "IMP-10")
    assert only["in_flight"] == {"run_id": DOCS_RUN, "status": "needs_attention"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "clause"),
    [
        ("POST", "/api/v1/companies", {"source": SOURCE}, 400, "PROV-08"),
        ("POST", "/api/v1/companies", {"name": "Acme"}, 400, "PROV-09"),
        ("POST", "/api/v1/companies", {"name": "Acme", "source": "x"}, 400, "PROV-10"),
        ("POST", "/api/v1/companies", {"name": "Acme", "source": DOCS_RUN}, 404, "PROV-11"),
        ("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE, "external_id": "ä"}, 400, "PROV-12"),
        ("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE, "external_id": "a" * 256}, 400, "PROV-13"),
        ("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE, "template_ids": [DOCS_RUN]}, 400, "PROV-15"),
        ("POST", f"{LIVE}/imports", {}, 400, "IMP-06"),
        ("POST", f"{LIVE}/imports", {"files": [{"name": "a.csv"}]}, 400, "IMP-07"),
        ("POST", f"{DOCS}/imports/{DOCS_RUN}/decisions", {}, 400, "DEC-15"),
        ("POST", f"{DOCS}/imports/{DOCS_RUN}/decisions", {"decision": "later"}, 400, "DEC-16"),
        (
            "POST",
            f"{DOCS}/imports/{DOCS_RUN}/decisions",
            {"decision": "reject", "answers": [FIRST]},
            400,
            "DEC-21",
        ),
        ("POST", f"{LIVE}/imports/{DOCS_RUN}/decisions", {"decision": "approve"}, 404, "DEC-26"),
        ("GET", f"{LIVE}/imports/{DOCS_RUN}", None, 404, "POLL-17"),
        ("GET", f"/api/v1/companies/{DOCS_RUN}/imports", None, 404, "AUTH-06"),
        ("GET", f"{LIVE}/export.csv?filter=some", None, 400, "CSV-10"),
        ("GET", f"{LIVE}/export.csv?sheet_id=none", None, 404, "CSV-11"),
        ("POST", f"{LIVE}/exports", {"mode": "half"}, 400, "DST-02"),
    ],
)
def test_a_refusal_names_its_clause(
    client: Client, method: str, path: str, body: object, status: int, clause: str
) -> None:
    assert client.transport.call(method, path, body).status == status
    (only,) = requests(client)
    assert (only["status"], only["clause"]) == (status, clause)


def test_what_is_outside_the_contract_is_told_too(client: Client) -> None:
    astray = client.get("/companies")
    assert (astray.status, astray.headers["x-mock-request-id"]) == (404, "1")
    client.delete("/api/v1/sources")
    first, second = requests(client)
    assert (first["path"], first["operation"], first["status"]) == ("/companies", None, 404)
    assert "did you mean POST /api/v1/companies?" in first["note"]
    assert (second["operation"], second["status"]) == (None, 405)


def test_an_exchange_is_there_from_its_arrival_on(client: Client, server: str) -> None:
    address = urlsplit(server)
    head = f"POST {LIVE}/imports HTTP/1.1\r\nhost: x\r\nx-api-key: {client.key}\r\ncontent-length: 100\r\n\r\n"
    with socket.create_connection((address.hostname, address.port)) as caller:
        caller.sendall(head.encode() + b'{"rows": [')
        while not (told := requests(client)):
            pass
        (only,) = told
        assert (only["operation"], only["status"], only["ended"], only["lost"]) == ("start_import", None, None, False)
        why = client.get("/_mock/why/1").body
        assert (why["under_way"], why["status"], why["run"]) == (True, None, None)
        assert "-> under way" in client.get("/_mock/why/1?format=text").text
        assert client.get("/_mock/requests/wait?timeout=0").body["count"] == 0
    (only,) = client.get("/_mock/requests/wait").body["requests"]
    assert (only["status"], only["lost"], only["note"]) == (None, True, "the client hung up")
    assert (only["request"]["body"], only["request"]["size"]) == ('{"rows": [', 10)
    assert "-> no answer" in client.get("/_mock/why/1?format=text").text
    assert client.get(f"{LIVE}/imports?status=active").body == {"run": None}


def test_an_answer_that_is_no_text_is_told_in_base64_and_such_a_body_is_not_kept(client: Client) -> None:
    client.send("POST", f"{LIVE}/imports", b"\xff\xfe", {"x-api-key": client.key or "", "content-type": "text/x"})
    client.get(f"{LIVE}/export.csv")
    refusal, download = requests(client)
    assert (refusal["request"]["cut"], refusal["request"]["body"].encode()) == (True, UNREADABLE)
    assert base64.b64decode(download["answer"]["body"]).startswith(b"PK")


def test_of_a_long_body_the_beginning_is_kept(client: Client) -> None:
    rows = {"rows": [{"Email": f"é{number:060}@example.com"} for number in range(900)]}
    text = json.dumps(rows, ensure_ascii=False).encode()
    headers = {"x-api-key": client.key or "", "content-type": "application/json"}
    client.send("POST", f"{LIVE}/imports", text, headers)
    (only,) = requests(client)
    sent = only["request"]
    assert (sent["size"], sent["cut"], sent["encoding"]) == (len(text), True, "utf-8")
    assert 65_000 < len(sent["body"].encode()) < 65_536
    assert text.decode().startswith(sent["body"])


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


# -- strays


@pytest.mark.parametrize("wrong", [None, "revoked-key", "not a key"])
def test_calls_without_an_accepted_key_are_shown_on_request(client: Client, server: str, wrong: str | None) -> None:
    before = client.get("/_mock/requests?strays=true").body["next"]
    with closing(Client(server, wrong)) as stranger:
        answered = stranger.get(f"/api/v1/sources?mine={client.key}")
        stranger.get("/nowhere")
        stranger.send("PUT", f"/uploads/{'0' * 32}", b"x", {})
    assert requests(client) == []
    first, second, third = requests(client, f"?strays=true&since={before}")
    assert first["id"] == answered.headers["x-mock-request-id"] == f"stray-{before + 1}"
    assert (first["at"], first["status"], first["operation"]) == (None, 401, None)
    assert (second["status"], second["path"]) == (404, "/nowhere")
    assert (third["operation"], third["path"]) == ("put_upload", "/uploads/…")


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


# -- secrets


def everything(client: Client) -> str:
    """All that the admin API shows of the exchanges."""
    ids = [each["id"] for each in requests(client)]
    paths = ("requests", "requests.har", "bundle", "requests/wait", "session", *(f"why/{each}" for each in ids))
    texts = (f"why/{each}?format=text" for each in ids)
    return "\n".join(client.get(f"/_mock/{path}").text for path in (*paths, *texts))


@settings(max_examples=15, deadline=None)
@given(bodies())
def test_no_credential_is_shown_whatever_the_body(small: Any, body: Any) -> None:
    with closing(Client(small.url, f"test-{uuid4()}")) as client:
        for path in ("/api/v1/companies", f"{LIVE}/imports", f"{DOCS}/imports/{DOCS_RUN}/decisions", "/elsewhere"):
            client.post(path, body)
        wanted = {"name": "Acme", "source": SOURCE, "connections": {"destination": {"base_url": "https://x.example"}}}
        client.post("/api/v1/companies", wanted | {"mine": body})
        assert CREDENTIAL not in everything(client)


@pytest.fixture
def strange(client: Client) -> Iterator[Client]:
    """A session whose client puts its key, its credentials and its tokens where they do not belong."""
    key = client.key or ""
    headers = {"x-api-key": key, "content-type": "application/json"}
    asked = client.post(f"{LIVE}/uploads", {"name": "contacts.csv"})
    url = asked.body["upload_url"]
    token = url.rsplit("/", 1)[1]
    client.get(f"/api/v1/sources?api_key={key}")
    client.get(f"/api/v1/companies/{key}/imports/{token}")
    client.get(f"/api/v1/{key}?token=hunter2-hunter2")
    client.send("GET", "/api/v1/sources", None, headers | {"authorization": f"Bearer {key}", "referer": url})
    client.post(f"{LIVE}/imports", {"files": [{"name": key, "upload_ref": url}]})
    client.post(f"{LIVE}/imports", {"files": [{"name": "a.csv", "upload_ref": token}]})
    client.post(f"{LIVE}/imports", {"rows": [{key: token}], "idempotency_key": key})
    client.post(f"{DOCS}/imports/{DOCS_RUN}/decisions", {"decision": key, "answers": token})
    client.post("/api/v1/companies", {"name": key, "source": token, "external_id": f"{key}ä"})
    client.send("PUT", urlsplit(url).path, f"Email\n{key}\n".encode(), {"content-type": "text/csv"})
    client.send("GET", urlsplit(url).path, None, {})
    client.send("POST", f"/api/v1{urlsplit(url).path}", f'{{"a": "{url}"'.encode(), headers)
    client.post("/_mock/clock/advance", {"by": "1s"})
    yield client
    shown = everything(client)
    assert key not in shown
    assert token not in shown
    assert "hunter2" not in shown


def test_no_key_and_no_token_is_shown_wherever_the_client_puts_it(strange: Client) -> None:
    told = requests(strange)
    assert len(told) == 13
    assert [each["key_in_url"] for each in told[:4]] == [False, True, True, True]


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
