"""Faults on the wire: what breaks really breaks, and never more than that, on both of uvicorn's protocols.

Nothing sleeps: what has to happen first is asked for until it has.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from http.client import IncompleteRead
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from breakages import PARK, ROWS, WORLD, break_with, gone, sides
from conftest import Client

from mock_server.contract import document as contract
from mock_server.faults.model import Faults, Hit
from mock_server.faults.transport import Wire
from mock_server.http.messages import answer
from mock_server.player.process import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


ROOT = Path(__file__).parent.parent
H11 = (
    "import sys; sys.modules['httptools'] = sys.modules['uvloop'] = None; from mock_server.cli.main import main; main()"
)


@pytest.fixture(scope="module", params=["httptools", "h11"])
def wired(request: pytest.FixtureRequest, server: str) -> Iterator[str]:
    """A server on each of uvicorn's two protocols, h11 on asyncio's own loop."""
    if request.param == "httptools":
        yield server
        return
    command = [sys.executable, "-P", "-c", H11, "serve", "--port", "0", "--speed", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in errors, errors
    assert "ASGI" not in errors, errors


@pytest.fixture
def at_wired(wired: str, key: str) -> Iterator[Client]:
    made = Client(wired, key)
    yield made
    made.close()


def raw(client: Client, method: str, path: str, body: object = None) -> tuple[bytes, bytes, str]:
    """Head and body as they came over a connection of its own, and how it ended."""
    sent = b"" if body is None else json.dumps(body).encode()
    where = urlsplit(client.url)
    head = f"{method} {path} HTTP/1.1\r\nhost: mock\r\nx-api-key: {client.key}\r\ncontent-length: {len(sent)}\r\n"
    got, end = b"", "closed"
    with socket.create_connection((where.hostname, where.port), timeout=120) as connection:
        connection.sendall(f"{head}connection: close\r\n\r\n".encode() + sent)
        try:
            while piece := connection.recv(65_536):
                got += piece
        except ConnectionResetError:
            end = "reset"
    head_came, _, body_came = got.partition(b"\r\n\r\n")
    return head_came, body_came, end


def length(head: bytes) -> int:
    return next(
        int(line.partition(b":")[2]) for line in head.splitlines() if line.lower().startswith(b"content-length")
    )


def until(true: Callable[[], bool]) -> None:
    """Ask again until it is so: another connection's call is on its way."""
    assert any(true() for _ in range(2_000))


# What


def test_a_reset_before_the_headers_sends_nothing_and_nothing_was_done(at_wired: Client) -> None:
    break_with(at_wired, {"reset": "before_headers", "operation": "start_import"})
    assert raw(at_wired, "POST", f"{PARK}/imports", ROWS) == (b"", b"", "reset")
    assert sides(at_wired)["imports"] == {"calls": 1, "meant": 1, "created": 0, "lost": 1}


def test_a_lost_answer_is_a_reset_too_and_the_run_is_there(at_wired: Client) -> None:
    break_with(at_wired, {"lose": "reset", "operation": "start_import"})
    assert raw(at_wired, "POST", f"{PARK}/imports", ROWS) == (b"", b"", "reset")
    assert sides(at_wired)["imports"] == {"calls": 1, "meant": 1, "created": 1, "lost": 1}


@pytest.mark.parametrize("fault", [{"lose": "reset"}, {"lose": "close"}, {"reset": "before_headers"}])
def test_a_client_that_broke_the_connection_first_has_nothing_to_be_broken(fault: dict[str, Any], key: str) -> None:
    """Its socket is closed then, and its number may be another one's."""

    class Cycle:
        class transport:  # noqa: N801 - what uvicorn calls it
            is_closing = staticmethod(lambda: True)

        async def send(self, _: Any) -> None:
            raise AssertionError("nothing is sent")

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def lose() -> None:
        cycle = Cycle()
        wire, armed = Wire({"type": "http"}, receive, cycle.send, cycle.send), Faults(0)
        armed.arm(WORLD.loader.load_faults({"faults": [fault]}), 0)
        await wire.send(Hit(armed.own[0]), answer({"for": key}), armed)
        await wire.over()

    asyncio.run(lose())


def test_a_lost_answer_may_be_an_orderly_end_of_the_connection(at_wired: Client) -> None:
    break_with(at_wired, {"lose": "close"})
    assert raw(at_wired, "POST", f"{PARK}/imports", ROWS) == (b"", b"", "closed")
    assert sides(at_wired)["imports"]["created"] == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_lost_answer_may_be_another_answer(at_wired: Client, status: int) -> None:
    break_with(at_wired, {"lose": status})
    lost = at_wired.post(f"{PARK}/imports", ROWS)
    assert (lost.status, lost.headers["x-mock-fault"]) == (status, f"lose={status}")
    assert lost.media_type == ("application/json" if status == 500 else "text/html")
    assert sides(at_wired)["imports"] == {"calls": 1, "meant": 1, "created": 1, "lost": 1}


def test_a_reset_in_the_body_comes_after_headers_and_a_part(at_wired: Client) -> None:
    break_with(at_wired, {"reset": "in_body", "operation": "list_templates"})
    head, body, end = raw(at_wired, "GET", "/api/v1/templates")
    assert head.startswith(b"HTTP/1.1 200")
    assert end == "reset"
    assert 0 < len(body) < length(head)


def test_a_body_ends_short_of_its_length_and_the_connection_is_closed(at_wired: Client) -> None:
    break_with(at_wired, {"truncate": "wrong_length", "operation": "list_templates"})
    head, body, end = raw(at_wired, "GET", "/api/v1/templates")
    assert end == "closed"
    assert 0 < len(body) < length(head)
    with pytest.raises(IncompleteRead):
        at_wired.get("/api/v1/templates")


def test_a_body_is_cut_off_under_a_length_that_fits(at_wired: Client) -> None:
    whole = at_wired.get("/api/v1/templates").received
    break_with(at_wired, {"truncate": "right_length", "operation": "list_templates"})
    head, body, _ = raw(at_wired, "GET", "/api/v1/templates")
    assert whole.startswith(body)
    assert 0 < len(body) == length(head) < len(whole)
    assert at_wired.get("/api/v1/templates").body is None


def test_json_is_malformed_and_nothing_else_is(at_wired: Client) -> None:
    whole = at_wired.get("/api/v1/templates").received
    break_with(at_wired, {"garble": None})
    call = at_wired.get("/api/v1/templates")
    assert (call.status, len(call.received), call.media_type) == (200, len(whole), "application/json")
    assert call.body is None
    assert call.headers["x-mock-fault"] == "garble"


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_s_page_comes_and_the_call_never_arrives(at_wired: Client, status: int) -> None:
    break_with(at_wired, {"page": status})
    call = at_wired.post(f"{PARK}/imports", ROWS)
    assert (call.status, call.media_type) == (status, "text/html")
    assert f"<h1>{status} " in call.text
    assert sides(at_wired)["imports"] == {"calls": 1, "meant": 1, "created": 0, "lost": 0}


def test_the_content_type_is_wrong_and_the_body_is_not(at_wired: Client) -> None:
    whole = at_wired.get("/api/v1/templates").received
    break_with(at_wired, {"content_type": "text/html"})
    call = at_wired.get("/api/v1/templates")
    assert (call.media_type, call.received) == ("text/html", whole)


@pytest.mark.parametrize(("status", "says"), [(429, "Too many requests"), (500, None)])
def test_a_burst_of_errors_has_the_contract_s_body_and_no_effect(client: Client, status: int, says: str | None) -> None:
    break_with(client, {"error": status, "operation": "start_import", "times": 2})
    burst = [client.post(f"{PARK}/imports", ROWS) for _ in range(2)]
    assert [call.status for call in burst] == [status, status]
    for call in burst:
        assert list(call.body) == ["error"]
        assert says is None or call.body == {"error": says}  # RATE-02
        assert "retry-after" not in call.headers  # RATE-03
        assert not contract.load().complaints("start_import", status, call.headers["content-type"], call.body)
    assert client.post(f"{PARK}/imports", ROWS).status == 201
    assert sides(client)["imports"] == {"calls": 3, "meant": 1, "created": 1, "lost": 0}


def test_a_delay_and_a_slow_body_change_nothing_but_when_it_comes(at_wired: Client) -> None:
    whole = at_wired.get("/api/v1/templates").received
    break_with(at_wired, {"delay": "1ms", "up_to": "20ms", "times": 1}, {"dribble": "20ms", "times": 1})
    assert [at_wired.get("/api/v1/templates").received for _ in range(3)] == [whole] * 3
    assert [each["struck"] for each in at_wired.get("/_mock/faults").body["faults"]] == [1, 1]


def test_a_streamed_download_is_bent_like_any_other_answer(at_wired: Client) -> None:
    at_wired.put("/_mock/scenario", {"name": "park", "pace": "instant"})
    run = at_wired.post(f"{PARK}/imports", ROWS).body["poll_url"]
    at_wired.post(f"{run}/decisions", {"decision": "approve"})
    csv = at_wired.get(f"{PARK}/imports").body["runs"][0]["report"]["perSheet"][0]["sheetId"]
    path = f"{PARK}/export.csv?sheet_id={csv}"
    whole = at_wired.get(path).received
    break_with(
        at_wired,
        {"truncate": "right_length", "call": 1},
        {"dribble": "10ms", "call": 2},
        {"truncate": "wrong_length", "call": 3},
        {"reset": "in_body", "call": 4},
    )
    part = at_wired.get(path)
    assert part.status == 200
    assert whole.startswith(part.received)
    assert 0 < len(part.received) < len(whole)
    assert at_wired.get(path).received == whole
    gone(lambda: at_wired.get(path))
    gone(lambda: at_wired.get(path))
    assert at_wired.get(path).received == whole


def test_a_stale_read_shows_the_state_before_once_more(client: Client) -> None:
    run = client.post(f"{PARK}/imports", ROWS).body["poll_url"]
    break_with(client, {"stale": None, "operation": "poll_import", "times": 3})
    assert client.get(run).body["status"] == "queued"  # there is no state before
    client.advance(to="next")
    assert [client.get(run).body["status"] for _ in range(1)] == ["queued"]
    client.advance(to="next")
    parked = client.get(run)
    assert (parked.body["status"], parked.headers.get("x-mock-fault")) == ("running", "stale")
    assert client.post(f"{run}/decisions", {"decision": "approve"}).status == 200
    stale = client.get(run)
    assert stale.body["status"] == "needs_attention"  # at the very instant of the decision
    assert client.get(run).body["status"] == "running"


def test_a_stale_look_up_does_not_find_the_new_run_and_still_finds_the_old_one(client: Client) -> None:
    break_with(client, {"stale": None, "operation": "list_imports"})
    assert client.get(f"{PARK}/imports?status=active").body == {"run": None}
    run = client.post(f"{PARK}/imports", ROWS).body["poll_url"]
    assert client.get(f"{PARK}/imports?status=active").body == {"run": None}
    assert len(client.get(f"{PARK}/imports").body["runs"]) == 1  # a history is not stale
    client.advance(by="1h")
    client.post(f"{run}/decisions", {"decision": "reject"})
    assert client.get(f"{PARK}/imports?status=active").body["status"] == "needs_attention"
    client.delete("/_mock/faults")
    assert client.get(f"{PARK}/imports?status=active").body == {"run": None}


def test_an_export_and_a_hidden_run_can_be_read_stale(client: Client) -> None:
    client.put("/_mock/scenario", {"name": "park", "pace": "instant"})
    for _ in range(3):
        run = client.post(f"{PARK}/imports", ROWS).body["poll_url"]
        client.post(f"{run}/decisions", {"decision": "approve"})
    first = client.get(f"{PARK}/imports").body["runs"][2]["poll_url"]
    source = client.get("/api/v1/sources").body["sources"][0]["id"]
    connections = {"destination": {"base_url": "https://destination.example", "auth": {"token": "t"}}}
    made = client.post("/api/v1/companies", {"name": "A", "source": source, "connections": connections}).body
    export = client.post(f"/api/v1/companies/{made['company']['id']}/exports", {}).body["poll_url"]
    break_with(client, {"stale": None})
    assert client.get(export).body["status"] == "running"
    assert client.get(first).body["status"] == "completed"  # its rows are given back
    assert client.get(run).body["status"] == "running"


@pytest.mark.parametrize(("which", "status"), [("first", 200), ("second", 409)])
def test_a_decision_that_is_delivered_twice_is_taken_once(client: Client, which: str, status: int) -> None:
    run = client.post(f"{PARK}/imports", ROWS).body["poll_url"]
    client.advance(by="1m")
    break_with(client, {"twice": which, "operation": "decide"})
    assert client.post(f"{run}/decisions", {"decision": "approve"}).status == status
    assert sides(client)["decisions"]["taken"] == 1
    assert client.get(run).body["status"] == "running"


@pytest.mark.parametrize(("more", "status"), [({}, 409), ({"idempotency_key": "k"}, 200)])
def test_a_start_that_is_delivered_twice_creates_one_run(client: Client, more: dict[str, str], status: int) -> None:
    break_with(client, {"twice": "second", "operation": "start_import"})
    assert client.post(f"{PARK}/imports", ROWS | more).status == status
    assert sides(client)["imports"]["created"] == 1


def test_a_second_delivery_counts_against_the_rate(client: Client) -> None:
    path = f"/api/v1/companies/{WORLD.scenarios['rate-limit'].ready.id}/imports"
    break_with(client, {"twice": "second", "operation": "start_import"})
    assert [client.post(path, ROWS | {"idempotency_key": "k"}).status for _ in range(4)] == [200, 200, 429, 429]


def test_what_a_fault_cannot_bend_is_spared_and_does_not_count(client: Client) -> None:
    break_with(client, {"lose": "reset", "operation": "decide", "times": 1}, {"stale": None, "times": 1})
    run = client.post(f"{PARK}/imports", ROWS).body["poll_url"]
    assert client.post(f"{run}/decisions", {"decision": "approve"}).status == 409
    assert client.get(run).body["status"] == "queued"
    assert [each["struck"] for each in client.get("/_mock/faults").body["faults"]] == [0, 0]
    client.advance(by="1m")
    gone(lambda: client.post(f"{run}/decisions", {"decision": "approve"}))
    assert sides(client)["decisions"] == {"calls": 2, "meant": 1, "taken": 1, "lost": 1}


def test_an_upload_can_be_lost_and_is_there(client: Client) -> None:
    break_with(
        client, {"lose": "reset", "operation": "put_upload"}, {"page": 502, "operation": "request_upload", "call": 1}
    )
    asked = {"name": "a.csv", "content_type": "text/csv", "size": 3}
    assert client.post(f"{PARK}/uploads", asked).status == 502
    signed = client.post(f"{PARK}/uploads", asked).body
    path = urlsplit(signed["upload_url"]).path
    gone(lambda: client.send("PUT", path, b"a,b", {"content-type": "text/csv"}))
    assert client.send("PUT", path, b"a,b", {"content-type": "text/csv"}).status == 403
    break_with(client, {"page": 503, "operation": "put_upload"})
    assert client.send("PUT", path, b"a,b", {"content-type": "text/csv"}).status == 503


# Held back


def held_back(client: Client, path: str, body: object) -> tuple[threading.Thread, list[str]]:
    """A call in a thread of its own, and how it ends."""
    ended: list[str] = []

    def call() -> None:
        ended.append(raw(client, "POST", path, body)[2])

    thread = threading.Thread(target=call)
    thread.start()
    return thread, ended


def test_ending_the_session_lets_go_what_is_held_back(at_wired: Client) -> None:
    break_with(at_wired, {"delay": "10m", "operation": "start_import"})
    thread, ended = held_back(at_wired, f"{PARK}/imports", ROWS)
    until(lambda: sides(at_wired)["imports"]["created"] == 1)  # done at once, although no byte of the answer has come
    assert not ended
    at_wired.delete("/_mock/session")
    thread.join(20)
    assert ended == ["reset"]
    assert sides(at_wired)["imports"] == {"calls": 0, "meant": 0, "created": 0, "lost": 0}


def test_a_client_that_hangs_up_is_not_waited_for(at_wired: Client) -> None:
    break_with(at_wired, {"delay": "10m", "operation": "start_import"})
    where = urlsplit(at_wired.url)
    sent = json.dumps(ROWS).encode()
    head = (
        f"POST {PARK}/imports HTTP/1.1\r\nhost: m\r\nx-api-key: {at_wired.key}\r\ncontent-length: {len(sent)}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port)) as connection:
        connection.sendall(head.encode() + sent)
        until(lambda: sides(at_wired)["imports"]["created"] == 1)
        assert sides(at_wired)["imports"]["lost"] == 0
    until(lambda: sides(at_wired)["imports"]["lost"] == 1)


def test_a_server_ends_in_order_although_an_answer_is_held_back() -> None:
    with running("--speed", "0") as process:
        client = Client(process.url, "held-back")
        break_with(client, {"delay": "10m", "operation": "start_import"})
        thread, _ = held_back(client, f"{PARK}/imports", ROWS)
        until(lambda: sides(client)["imports"]["created"] == 1)
        assert process.stop() == 0
        assert "Traceback" not in process.log()
        thread.join(20)
        client.close()
