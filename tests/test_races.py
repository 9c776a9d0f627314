"""Sixteen callers at the same moment, over sixteen connections: one of them wins, and the others are told so.

Each sends its request but for the last byte; when all have, the last bytes follow, so that every request is under way
before any of them is whole.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from threading import Barrier
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from conftest import obeys_the_contract

from mock_server.player.transport import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from conftest import Client

CALLERS = 16
ROUNDS = 30
SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
SHEET = "6f3a9c05-2e7d-4b81-94f6-d0c81e5b7a29"  # Contacts of the ready company of `live`
STRAIGHT_THROUGH = "/api/v1/companies/51dbefc3-1d9b-4207-9e9c-8b5de85832c8"
RUN = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
ROWS = [{"Email": f"person{number}@example.com", "Status": "Open"} for number in range(500)]


class Crowd:
    """Sixteen callers of one session, each with a connection and a thread of its own."""

    def __init__(self, url: str, key: str) -> None:
        address = urlsplit(url)
        self._headers = {"x-api-key": key, "content-type": "application/json"}
        self._connections = [HTTPConnection(address.netloc, timeout=60) for _ in range(CALLERS)]
        self._threads = ThreadPoolExecutor(CALLERS)
        self._ready = Barrier(CALLERS, timeout=60)

    def together(self, method: str, path: str, bodies: Sequence[bytes]) -> list[Call]:
        """The answers to sixteen requests of these bodies that are finished at the same moment."""
        return list(
            self._threads.map(lambda of: self._one(method, path, *of), zip(self._connections, bodies, strict=True))
        )

    def all_post(self, path: str, body: object) -> list[Call]:
        """The answers to the same request, sixteen times."""
        return self.together("POST", path, [json.dumps(body).encode()] * CALLERS)

    def _one(self, method: str, path: str, connection: HTTPConnection, body: bytes) -> Call:
        connection.putrequest(method, path)
        for name, value in (self._headers | {"content-length": str(len(body))}).items():
            connection.putheader(name, value)
        connection.endheaders(body[:-1])
        self._ready.wait()
        connection.send(body[-1:])
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        call = Call(method, path, body, response.status, headers, response.read())
        obeys_the_contract(call)
        return call

    def leave(self) -> None:
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()


@pytest.fixture
def crowd(server: str, key: str) -> Iterator[Crowd]:
    made = Crowd(server, key)
    yield made
    made.leave()


def statuses(calls: Sequence[Call]) -> list[int]:
    return sorted(call.status for call in calls)


def the_one(calls: Sequence[Call], status: int) -> Any:
    (found,) = [call for call in calls if call.status == status]
    return found.body


def anew(client: Client) -> None:
    assert client.delete("/_mock/session").status == 200


def test_of_simultaneous_decisions_exactly_one_is_taken(client: Client, crowd: Crowd) -> None:
    """DEC-24, DEC-25."""
    for _ in range(ROUNDS):
        anew(client)
        answers = crowd.all_post(f"{RUN}/decisions", {"decision": "approve"})
        assert statuses(answers) == [200] + [409] * 15
        assert the_one(answers, 200)["run_id"] == RUN.rpartition("/")[2]
        client.wait(4_000)
        assert client.get(RUN).body["report"]["inserted"] == 1450


def test_of_simultaneous_approvals_and_rejections_one_wins_and_the_run_ends_its_way(
    client: Client, crowd: Crowd
) -> None:
    words = [json.dumps({"decision": "approve" if number % 2 else "reject"}).encode() for number in range(CALLERS)]
    for _ in range(5):
        anew(client)
        answers = crowd.together("POST", f"{RUN}/decisions", words)
        assert statuses(answers) == [200] + [409] * 15
        client.wait(4_000)
        end = {"running": "completed", "failed": "failed"}[the_one(answers, 200)["status"]]
        assert client.get(RUN).body["status"] == end


def an_uploaded_file(client: Client) -> dict[str, Any]:
    asked = client.post(f"{LIVE}/uploads", {"name": "contacts.csv"}).body
    lines = "Email,Status\n" + "".join(f"{row['Email']},{row['Status']}\n" for row in ROWS)
    put = client.send("PUT", urlsplit(asked["upload_url"]).path, lines.encode(), {})
    assert put.status == 200
    return {"files": [{"name": "contacts.csv", "upload_ref": asked["upload_ref"]}]}


STARTS: list[tuple[str, str, Callable[[Client], dict[str, Any]]]] = [
    ("generated rows", STRAIGHT_THROUGH, lambda _: {"rows": [{"Email": "ada@example.com"}]}),
    ("rows of one's own", LIVE, lambda _: {"rows": ROWS}),
    ("an uploaded file", LIVE, an_uploaded_file),
]


@pytest.mark.parametrize(("company", "payload"), [each[1:] for each in STARTS], ids=[each[0] for each in STARTS])
class TestStarts:
    def test_with_one_idempotency_key_make_one_run(
        self, client: Client, crowd: Crowd, company: str, payload: Callable[[Client], dict[str, Any]]
    ) -> None:
        """IDEM-08."""
        for number in range(5):
            anew(client)
            body = payload(client) | {"idempotency_key": f"key-{number}"}
            answers = crowd.all_post(f"{company}/imports", body)
            assert statuses(answers) == [200] * 15 + [201]
            assert len({call.body["run_id"] for call in answers}) == 1
            history = client.get(f"{company}/imports").body["runs"]
            assert [run["run_id"] for run in history] == [the_one(answers, 201)["run_id"]]

    def test_without_a_key_make_one_run_and_refuse_the_others(
        self, client: Client, crowd: Crowd, company: str, payload: Callable[[Client], dict[str, Any]]
    ) -> None:
        """IMP-09, IMP-13."""
        for _ in range(5):
            anew(client)
            answers = crowd.all_post(f"{company}/imports", payload(client))
            assert statuses(answers) == [201] + [409] * 15
            history = client.get(f"{company}/imports").body["runs"]
            assert [run["run_id"] for run in history] == [the_one(answers, 201)["run_id"]]


def test_of_simultaneous_starts_with_one_key_and_two_payloads_one_payload_wins(client: Client, crowd: Crowd) -> None:
    """IDEM-05: those with the winner's payload get its run, the others 409."""
    bodies = [
        json.dumps({"rows": [{"Email": f"ada{number % 2}@example.com"}], "idempotency_key": "one"}).encode()
        for number in range(CALLERS)
    ]
    answers = crowd.together("POST", f"{LIVE}/imports", bodies)
    assert statuses(answers) == [200] * 7 + [201] + [409] * 8
    assert len({call.body["run_id"] for call in answers if call.status < 300}) == 1


@pytest.mark.parametrize(("body", "others"), [({"idempotency_key": "one"}, 200), ({"mode": "canary"}, 409)])
def test_simultaneous_exports_make_one_run(client: Client, crowd: Crowd, body: dict[str, str], others: int) -> None:
    """DST-09, OP-18."""
    for _ in range(5):
        anew(client)
        answers = crowd.all_post(f"{STRAIGHT_THROUGH}/exports", body)
        assert statuses(answers) == sorted([201] + [others] * 15)
        assert len({call.body["run_id"] for call in answers if call.status < 300}) == 1


def test_of_simultaneous_puts_to_one_upload_url_one_file_is_kept(client: Client, crowd: Crowd) -> None:
    """UPL-03."""
    for _ in range(5):
        anew(client)
        asked = client.post(f"{LIVE}/uploads", {"name": "contacts.csv"}).body
        files = [f"Email\nperson{number}@example.com\n".encode() for number in range(CALLERS)]
        answers = crowd.together("PUT", urlsplit(asked["upload_url"]).path, files)
        assert statuses(answers) == [200] + [403] * 15
        (kept,) = [call.sent for call in answers if call.status == 200]
        client.post(f"{LIVE}/imports", {"files": [{"name": "contacts.csv", "upload_ref": asked["upload_ref"]}]})
        client.wait(2_000)
        assert (kept or b"").split()[1].decode() in client.get(f"{LIVE}/export.csv?sheet_id={SHEET}").text


@pytest.mark.parametrize(("varied", "others"), [("name", 409), ("external_id", 400)])
def test_of_simultaneous_companies_with_one_unique_member_one_is_made(
    client: Client, crowd: Crowd, varied: str, others: int
) -> None:
    """PROV-14, PROV-16."""
    wanted = {"name": "Acme", "external_id": "acme", "source": SOURCE}
    bodies = [json.dumps(wanted | {varied: f"acme-{number}"}).encode() for number in range(CALLERS)]
    answers = crowd.together("POST", "/api/v1/companies", bodies)
    assert statuses(answers) == sorted([201] + [others] * 15)
    assert len(client.get("/_mock/session").body["companies"]) == 1


def test_a_budget_is_not_overdrawn_by_simultaneous_calls(client: Client, crowd: Crowd) -> None:
    """RATE-01: of 112 polls a hundred pass."""
    calls = [call for _ in range(7) for call in crowd.together("GET", RUN, [b"x"] * CALLERS)]
    assert statuses(calls) == [200] * 100 + [429] * 12


OUTLIVING = {
    "provision": ("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE}),
    "request an upload": ("POST", f"{LIVE}/uploads", {"name": "contacts.csv"}),
    "put a file": ("PUT", "/uploads/{token}", "Email"),
    "import": ("POST", f"{LIVE}/imports", {"rows": ROWS[:1]}),
    "approve": ("POST", f"{RUN}/decisions", {"decision": "approve"}),
    "reject": ("POST", f"{RUN}/decisions", {"decision": "reject"}),
    "export": ("POST", "/api/v1/companies/ce7f9110-e36e-46ae-a820-04f68730c57b/exports", {}),
}


@pytest.mark.parametrize("call", OUTLIVING)
def test_a_call_that_outlives_its_session_is_refused(client: Client, call: str) -> None:
    method, path, body = OUTLIVING[call]
    token = client.post(f"{LIVE}/uploads", {"name": "contacts.csv"}).body["upload_url"].rpartition("/")[2]
    sent = json.dumps(body).encode()
    with closing(HTTPConnection(urlsplit(client.url).netloc, timeout=60)) as connection:
        connection.putrequest(method, path.format(token=token))
        connection.putheader("x-api-key", client.key or "")
        connection.putheader("content-length", str(len(sent)))
        connection.endheaders(sent[:-1])
        while len(client.get("/_mock/requests").body["requests"]) < 2:
            pass
        assert client.transport.call("DELETE", "/_mock/session").status == 200
        connection.send(sent[-1:])
        response = connection.getresponse()
        refusal = response.status, json.load(response)["error"]
    assert refusal == (404, "the session ended while the call was under way")
    assert client.get("/_mock/session").body["both_sides"]["companies"]["created"] == 0
