"""Faults: what breaks on the wire really breaks, and never more than that; the mock knows both sides.

Nothing sleeps: what has to happen first is asked for until it has.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from conftest import Client

from mock_server import contract, faults, tally
from mock_server.language import building, lint_plays
from mock_server.process import running
from mock_server.scenario import BENDS, CHANGES, Fault
from mock_server.world import load_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


ROOT = Path(__file__).parent.parent
WORLD = load_world()
PARK = f"/api/v1/companies/{WORLD.scenarios['park'].ready.company}"
LOST_CREATE = f"/api/v1/companies/{WORLD.scenarios['lost-create'].ready.company}"
ROWS = {"rows": [{"Email": "ada@example.com"}]}
H11 = "import sys; sys.modules['httptools'] = sys.modules['uvloop'] = None; from mock_server.cli import main; main()"


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
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Traceback" not in errors, errors
    assert "ASGI" not in errors, errors


@pytest.fixture
def at_wired(wired: str, key: str) -> Iterator[Client]:
    made = Client(wired, key)
    yield made
    made.close()


def break_with(client: Client, *asked: dict[str, Any]) -> None:
    done = client.put("/_mock/faults", {"faults": list(asked)})
    assert done.status == 200, done.text


def sides(client: Client) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = client.get("/_mock/session").body["both_sides"]
    return found


def raw(client: Client, method: str, path: str, body: object = None) -> tuple[bytes, bytes, str]:
    """Head and body as they came over a connection of its own, and how it ended."""
    sent = b"" if body is None else json.dumps(body).encode()
    where = urlsplit(client.url)
    head = f"{method} {path} HTTP/1.1\r\nhost: mock\r\nx-api-key: {client.key}\r\ncontent-length: {len(sent)}\r\n"
    got, end = b"", "closed"
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
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


def gone(call: Callable[[], Any]) -> None:
    with pytest.raises((OSError, HTTPException)):
        call()


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
    path = f"/api/v1/companies/{WORLD.scenarios['rate-limit'].ready.company}/imports"
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


# Where, and until when


def statuses(client: Client, count: int, path: str = "/api/v1/sources") -> list[int]:
    return [client.get(path).status for _ in range(count)]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({}, [500] * 6),
        ({"times": 2}, [500, 500, 200, 200, 200, 200]),
        ({"call": 3}, [200, 200, 500, 200, 200, 200]),
        ({"call": 3, "times": 2}, [200, 200, 500, 500, 200, 200]),
        ({"every": 3}, [200, 200, 500, 200, 200, 500]),
        ({"every": 2, "times": 2}, [200, 500, 200, 500, 200, 200]),
        ({"chance": 0}, [200] * 6),
        ({"chance": 1}, [500] * 6),
        ({"operation": "list_templates"}, [200] * 6),
    ],
)
def test_which_calls_are_struck(client: Client, which: dict[str, Any], expected: list[int]) -> None:
    break_with(client, {"error": 500, **which})
    assert statuses(client, 6) == expected


def test_chance_is_drawn_from_the_seed_alike_in_every_session(server: str) -> None:
    seen = []
    for number in range(2):
        client = Client(server, f"chance-{number}")
        client.delete("/_mock/session")
        break_with(client, {"error": 500, "chance": 0.5}, {"error": 429, "chance": 0.5})
        seen.append(statuses(client, 40))
        client.close()
    assert seen[0] == seen[1]
    assert {500, 429, 200} == set(seen[0])


def test_a_fault_is_over_when_its_time_on_the_session_s_clock_is(client: Client) -> None:
    break_with(client, {"error": 500, "for": "10s"})
    assert statuses(client, 1) == [500]
    client.advance(by="9999ms")
    assert statuses(client, 1) == [500]
    client.advance(by="1ms")
    assert statuses(client, 1) == [200]
    assert client.get("/_mock/faults").body["faults"][0]["over"] is True


def test_a_fault_may_be_about_runs_of_one_status(client: Client) -> None:
    run = client.post(f"{PARK}/imports", ROWS).body["poll_url"]
    break_with(client, {"error": 500, "while": "needs_attention"})
    assert statuses(client, 2, run) == [200, 200]
    client.advance(by="1m")
    assert statuses(client, 2, run) == [500, 500]
    assert client.get("/api/v1/sources").status == 200


def test_of_several_faults_the_first_strikes_and_each_counts_for_itself(client: Client) -> None:
    break_with(client, {"error": 429, "call": 2}, {"error": 500, "every": 2})
    assert statuses(client, 5) == [200, 429, 200, 500, 200]


def test_a_call_that_does_not_arrive_uses_up_no_budget(client: Client) -> None:
    path = f"/api/v1/companies/{WORLD.scenarios['rate-limit'].ready.company}/imports"
    break_with(client, {"error": 429, "times": 3})
    assert statuses(client, 9, path) == [429] * 3 + [200] * 5 + [429]


def test_each_company_of_a_scenario_has_its_faults_for_itself(client: Client) -> None:
    gone(lambda: client.post(f"{LOST_CREATE}/imports", ROWS))
    source = client.get("/api/v1/sources").body["sources"][0]["id"]
    asked = {"name": "B", "source": source, "external_id": "lost-create--b"}
    company = client.post("/api/v1/companies", asked).body["company"]["id"]
    gone(lambda: client.post(f"/api/v1/companies/{company}/imports", ROWS))
    assert client.post(f"/api/v1/companies/{company}/imports", ROWS).status == 409
    told = client.get("/_mock/faults").body["faults"]
    assert [(each["scenario"], each["struck"], each["over"]) for each in told] == [("lost-create", 1, True)] * 2
    assert [each["company_id"] for each in told] == [LOST_CREATE.rpartition("/")[2], company]


def test_a_start_that_prefers_a_scenario_meets_its_faults(client: Client) -> None:
    headers = {"x-api-key": str(client.key), "prefer": "scenario=lost-create"}
    gone(lambda: client.send("POST", f"{PARK}/imports", json.dumps(ROWS).encode(), headers))
    assert client.get(f"{PARK}/imports?status=active").body["status"] == "queued"


def test_an_account_s_scenario_has_its_faults_where_there_is_no_company(client: Client) -> None:
    client.put("/_mock/scenario", {"name": "slow"})
    assert client.get("/api/v1/sources").headers["x-mock-fault"] == "delay=100"


# At run time


def test_faults_are_asked_for_added_told_and_taken_away(client: Client) -> None:
    assert client.get("/_mock/faults").body == {"faults": []}
    break_with(client, {"lose": "reset", "operation": "decide", "times": 2, "for": "1m"})
    added = client.post("/_mock/faults", {"delay": "1s", "up_to": "2s", "while": "running", "chance": 0.5})
    assert added.body["faults"] == [
        {
            "lose": "reset",
            "operation": "decide",
            "times": 2,
            "for": "60000ms",
            "says": "lose: the call is carried out, and its answer is lost: the connection is reset",
            "scenario": None,
            "company_id": None,
            "seen": 0,
            "struck": 0,
            "over": False,
        },
        {
            "delay": "1000ms",
            "up_to": "2000ms",
            "while": "running",
            "chance": 0.5,
            "says": "delay: the answer is held back for 1000 to 2000 ms",
            "scenario": None,
            "company_id": None,
            "seen": 0,
            "struck": 0,
            "over": False,
        },
    ]
    asked = [{name: value for name, value in each.items() if name in shown} for each in added.body["faults"]]
    assert client.put("/_mock/faults", {"faults": asked}).body == added.body
    assert client.delete("/_mock/faults").body == {"faults": []}
    break_with(client)
    break_with(client, {"error": 500})
    client.delete("/_mock/session")
    assert client.get("/_mock/faults").body == {"faults": []}


shown = {"lose", "delay", "up_to", "operation", "while", "call", "every", "chance", "times", "for"}

BAD: list[tuple[dict[str, Any], str]] = [
    ({"looose": "reset"}, "faults[0].looose: unknown member 'looose'; did you mean 'lose'?"),
    ({"lose": "rest"}, "'lose': expected one of these words, got the text 'rest'; did you mean 'reset'?"),
    ({"error": 418}, "got the number 418. Allowed here: 429, 500"),
    ({"error": 500, "operation": "start_imports"}, "faults[0].operation: 'operation': expected one of these words"),
    ({"error": 500, "operation": "start_imports"}, "did you mean 'start_import'?"),
    ({"error": 500, "page": 502}, "a fault has one verb; this one has 'error' and also 'page': each takes"),
    ({"operation": "decide"}, "faults[0]: a fault needs a verb, one of: delay, dribble"),
    ({}, "faults[0]: a fault needs a verb"),
    ({"error": 500, "up_to": "2s"}, "faults[0].up_to: 'up_to' does not belong to 'error'; it may have: operation"),
    ({"error": 500, "times": 0}, "faults[0].times: 'times': expected at least 1, got the number 0"),
    ({"error": 500, "times": "2"}, "expected a whole number, got the text '2'"),
    ({"error": 500, "chance": 2}, "faults[0].chance: 'chance': expected at most 1, got the number 2"),
    ({"error": 500, "every": 2, "chance": 0.5}, "'every' and 'chance' say two things about which calls"),
    ({"delay": 5}, "faults[0].delay: 'delay': expected a duration such as 500ms, 21s, 5m or 1h. Got the number 5"),
    ({"delay": "11m"}, "faults[0].delay: 'delay': expected at most 10m, got 660000 ms"),
    ({"delay": "1s", "up_to": "1h"}, "faults[0].up_to: 'up_to': expected at most 10m"),
    ({"delay": "2s", "up_to": "1s"}, "faults[0].up_to: 'up_to' is the longest delay, and shorter"),
    ({"stale": None, "operation": "decide"}, "'stale' cannot bend decide; it can: poll_import, poll_export"),
    ({"garble": None, "operation": "export_csv"}, "'garble' cannot bend export_csv"),
    ({"error": 500, "operation": "list_sources", "while": "running"}, "list_sources names none; these do: poll_import"),
    ({"error": 500, "while": "parked"}, "Allowed here: queued, running, needs_attention"),
    ({"content_type": "html"}, "expected a media type such as text/html. Got the text 'html'"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "says"), BAD)
def test_a_mistaken_fault_is_refused_with_its_way_and_nothing_is_changed(
    client: Client, fault: dict[str, Any], says: str
) -> None:
    break_with(client, {"error": 500})
    before = client.get("/_mock/faults").body
    refused = client.put("/_mock/faults", {"faults": [fault]})
    assert refused.status == 400
    assert says in refused.body["error"]
    assert client.post("/_mock/faults", fault).status == 400
    assert client.get("/_mock/faults").body == before


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "the body must be an object with faults"),
        ({}, 'expected {"faults": [...]}'),
        ({"fault": []}, "'fault' is not known here; known: faults"),
        ({"faults": {}}, "faults: 'faults': expected a list, got members"),
        ({"faults": [5]}, "faults[0]: 'faults': expected members, got the number 5"),
        ({"faults": [{"error": 500}] * 101}, "faults: expected at most 100 of them at a time, got 101"),
    ],
)
def test_a_body_of_another_shape_is_refused(client: Client, body: Any, says: str) -> None:
    refused = client.put("/_mock/faults", body)
    assert refused.status == 400
    assert says in refused.body["error"]


def test_there_is_an_end_to_adding_faults(client: Client) -> None:
    break_with(client, *[{"stale": None}] * 100)
    refused = client.post("/_mock/faults", {"stale": None})
    assert (refused.status, refused.body["error"][-7:]) == (400, "got 101")
    assert len(client.get("/_mock/faults").body["faults"]) == 100


def test_numbers_may_be_written_as_json_likes(client: Client) -> None:
    raw_body = b'{"faults": [{"page": 502.0, "times": 1.0}]}'
    headers = {"x-api-key": str(client.key)}
    assert client.send("PUT", "/_mock/faults", raw_body, headers).status == 200
    assert statuses(client, 2) == [502, 200]


def test_other_sessions_meet_no_faults(client: Client, server: str) -> None:
    break_with(client, {"error": 500})
    other = Client(server, f"{client.key}-other")
    assert statuses(other, 1) == [200]
    assert other.get("/_mock/faults").body == {"faults": []}
    assert client.get("/_mock/session").status == 200  # the operator's own calls are left alone
    other.close()


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


# Both sides


def test_a_blind_repetition_is_told_from_a_second_intention(client: Client) -> None:
    break_with(client, {"lose": "reset", "operation": "start_import", "times": 1})
    gone(lambda: client.post(f"{PARK}/imports", ROWS))
    run = client.get(f"{PARK}/imports?status=active").body["run_id"]
    client.post(f"/_mock/runs/{run}/cancel")
    assert client.post(f"{PARK}/imports", ROWS).status == 201
    assert sides(client)["imports"] == {"calls": 2, "meant": 1, "created": 2, "lost": 1}


def test_who_has_looked_at_the_run_means_what_it_asks_for_next(client: Client) -> None:
    path = f"/api/v1/companies/{WORLD.scenarios['re-park'].ready.company}/imports"
    run = client.post(path, ROWS).body["poll_url"]
    client.advance(by="21s")
    break_with(client, {"lose": "reset", "operation": "decide", "times": 1})
    gone(lambda: client.post(f"{run}/decisions", {"decision": "approve"}))
    assert client.get(run).body["status"] == "running"
    client.advance(by="5s")
    assert client.post(f"{run}/decisions", {"decision": "approve"}).status == 200
    assert sides(client)["decisions"] == {"calls": 2, "meant": 2, "taken": 2, "lost": 1}


def test_a_replay_means_nothing_new_whatever_the_order_of_its_members(client: Client) -> None:
    break_with(client, {"lose": 504, "operation": "start_import", "times": 1})
    client.post(f"{PARK}/imports", {"rows": [{"Email": "a", "Name": "b"}], "idempotency_key": "k"})
    client.post(f"{PARK}/imports", {"idempotency_key": "k", "rows": [{"Name": "b", "Email": "a"}]})
    client.post(f"{PARK}/imports", {"idempotency_key": "k", "rows": [{"Name": "b", "Email": "a"}]})
    assert sides(client)["imports"] == {"calls": 3, "meant": 1, "created": 1, "lost": 1}


def test_a_company_of_the_world_is_not_one_that_the_client_made(client: Client) -> None:
    client.get(f"{PARK}/imports")
    assert sides(client)["companies"] == {"calls": 0, "meant": 0, "created": 0, "lost": 0}
    client.get(f"/api/v1/companies/{WORLD.scenarios['docs-example'].ready.company}/imports")
    assert sides(client)["imports"]["created"] == 0


@pytest.mark.parametrize("body", [b"{", b"[1", b"x" * 10, b'{"a": 1e999}'])
def test_an_odd_body_is_repeated_like_any_other(body: bytes) -> None:
    counted = tally.Tally()
    for lost in (True, True, False):
        counted.note(("start_import", "/p", body), None, 201, lost=lost)
    assert (counted.calls["start_import"], counted.meant["start_import"], counted.lost["start_import"]) == (3, 1, 2)


def test_the_journal_tells_what_the_client_does_not_know(client: Client) -> None:
    break_with(client, {"lose": "reset", "operation": "start_import"}, {"stale": None}, {"truncate": "right_length"})
    gone(lambda: client.post(f"{PARK}/imports", ROWS))
    client.get("/api/v1/sources")
    client.advance(by="1m")
    lost, cut = client.get("/_mock/requests").body["requests"]
    run = client.get("/_mock/session").body["companies"][0]["runs"][0]["run_id"]
    assert (lost["status"], lost["lost"], lost["run_id"]) == (None, True, run)
    assert lost["fault"] == "lose: the call is carried out, and its answer is lost: the connection is reset"
    assert (cut["status"], cut["lost"]) == (200, True)
    assert cut["fault"] == "truncate: the answer's body is cut off, under a Content-Length that fits"
    client.get(f"{PARK}/imports/{run}")
    stale = client.get("/_mock/requests").body["requests"][-1]
    assert stale["fault"].endswith("; it shows running, and the run is needs_attention")
    assert (stale["lost"], stale["status"]) == (False, 200)


# Words


def test_every_operation_of_the_language_is_the_contract_s() -> None:
    schema = json.loads(contract.data("openapi", "scenario.schema.json").read_text())
    named = schema["definitions"]["fault"]["properties"]["operation"]["enum"]
    operations = contract.load().operations
    assert named == [*operations, "put_upload"]
    assert set(CHANGES) == {name for name, each in operations.items() if each.method == "POST"}
    assert all(set(bends) <= set(named) for bends in BENDS.values())


def test_every_fault_is_told_in_words() -> None:
    schema = json.loads(contract.data("openapi", "scenario.schema.json").read_text())
    for what in building.FAULT_VERBS:
        for how in schema["definitions"]["fault"]["properties"][what].get("enum", [1]):
            told = faults.told(Fault(what, how))
            assert told.startswith(f"{what}: ")
            assert "_" not in told.partition(": ")[2]


def test_what_loses_an_answer_is_among_the_faults() -> None:
    assert set(lint_plays.LOSES) < set(building.FAULT_VERBS)
