"""One clock a session: read, set, scaled, frozen, moved to the next change; everything that has a time follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from conftest import Client

EPOCH = "2026-06-15T09:00:00.000Z"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
RE_PARK = "/api/v1/companies/39b5bb3e-35ba-47d5-91be-cc435addce86"
STRAIGHT_THROUGH = "/api/v1/companies/51dbefc3-1d9b-4207-9e9c-8b5de85832c8"
ENGINE_DIES = "/api/v1/companies/6669f362-9225-4d62-bbe3-93153bc9a65b"
DRIFTS = "/api/v1/companies/630ab39f-bfd8-4694-8c76-4b0cdca58271"
PARKED = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
ROWS = {"rows": [{"Email": "ada@example.com"}]}
LAST = "2100-01-01T00:00:00.000Z"


def started(client: Client, company: str) -> tuple[str, str]:
    """The id and the path of a new run."""
    body = client.post(f"{company}/imports", ROWS).body
    return body["run_id"], body["poll_url"]


def told(changed: list[dict[str, str]]) -> list[tuple[str, str, str, str]]:
    """Each change: minute and second, run, from, to."""
    return [(each["at"][14:23], each["run_id"], each["from"], each["to"]) for each in changed]


def clock(client: Client) -> Any:
    return client.get("/_mock/clock").body


# -- reading and setting


def test_every_session_begins_at_the_same_instant(client: Client) -> None:
    assert clock(client) == {"mode": "frozen", "speed": 0.0, "now": EPOCH, "next": None}


@pytest.mark.parametrize(
    ("asked", "mode", "speed"),
    [
        ({"mode": "real"}, "real", 1),
        ({"mode": "real", "speed": 1}, "real", 1),
        ({"mode": "scaled", "speed": 60}, "scaled", 60),
        ({"mode": "scaled", "speed": 0.5}, "scaled", 0.5),
        ({"speed": 60}, "scaled", 60),
        ({"speed": 1}, "real", 1),
        ({"speed": 0}, "frozen", 0),
        ({"mode": "frozen"}, "frozen", 0),
        ({"mode": "frozen", "speed": 0}, "frozen", 0),
        ({}, "frozen", 0),
    ],
)
def test_mode_and_speed_are_set_together(client: Client, asked: dict[str, Any], mode: str, speed: float) -> None:
    put = client.put("/_mock/clock", asked)
    assert put.status == 200
    assert (put.body["mode"], put.body["speed"]) == (mode, speed)
    assert (clock(client)["mode"], clock(client)["speed"]) == (mode, speed)


def test_a_running_clock_moves_and_a_frozen_one_stands(client: Client) -> None:
    client.put("/_mock/clock", {"mode": "scaled", "speed": 1_000_000})
    while clock(client)["now"] == EPOCH:
        pass
    stood = client.put("/_mock/clock", {"mode": "frozen"}).body["now"]
    assert stood > EPOCH
    assert [clock(client)["now"] for _ in range(3)] == [stood] * 3


def test_a_running_clock_brings_a_run_to_its_end(client: Client) -> None:
    _, run = started(client, STRAIGHT_THROUGH)
    assert client.put("/_mock/clock", {"speed": 1_000}).body["next"] is not None
    while clock(client)["next"] is not None:
        pass
    assert client.get(run).body["status"] == "completed"


def test_the_time_is_set_to_an_absolute_instant(client: Client) -> None:
    run_id, run = started(client, STRAIGHT_THROUGH)
    put = client.put("/_mock/clock", {"now": "2026-06-15T11:00:02.5+02:00"})
    assert put.body["now"] == "2026-06-15T09:00:02.500Z"
    assert told(put.body["changed"]) == [("00:01.000", run_id, "queued", "running")]
    assert put.body["next"] == "2026-06-15T09:00:04.000Z"
    assert client.get(run).body["status"] == "running"
    assert (
        client.put("/_mock/clock", {"now": "2031-01-01T00:00:00Z", "speed": 0}).body["now"]
        == "2031-01-01T00:00:00.000Z"
    )
    assert client.get(run).body["status"] == "completed"


# -- moving


@pytest.mark.parametrize(
    ("by", "now"),
    [
        ("1ms", "2026-06-15T09:00:00.001Z"),
        ("21s", "2026-06-15T09:00:21.000Z"),
        ("5m", "2026-06-15T09:05:00.000Z"),
        ("1h", "2026-06-15T10:00:00.000Z"),
        ("48h", "2026-06-17T09:00:00.000Z"),
        ("0s", EPOCH),
    ],
)
def test_the_clock_is_moved_by_a_duration(client: Client, by: str, now: str) -> None:
    assert client.advance(by=by) == {"now": now, "changed": [], "next": None}
    assert clock(client)["now"] == now


def test_the_clock_is_moved_to_an_instant(client: Client) -> None:
    assert client.advance(to="2026-06-16T09:00:00Z")["now"] == "2026-06-16T09:00:00.000Z"
    assert client.advance(to="2026-06-16T09:00:00Z")["now"] == "2026-06-16T09:00:00.000Z"  # no move is no step back


def test_what_changed_is_told_in_order_of_time(client: Client) -> None:
    parking, _ = started(client, RE_PARK)
    client.advance(by="500ms")
    through, _ = started(client, STRAIGHT_THROUGH)
    moved = client.advance(by="1h")
    assert told(moved["changed"]) == [
        ("00:01.000", parking, "queued", "running"),
        ("00:01.500", through, "queued", "running"),
        ("00:04.500", through, "running", "completed"),
        ("00:21.000", parking, "running", "needs_attention"),
    ]
    assert {change["kind"] for change in moved["changed"]} == {"import"}
    assert moved["next"] is None


def test_the_next_change_is_of_whichever_run_changes_first(client: Client) -> None:
    parking, run = started(client, RE_PARK)
    through, _ = started(client, STRAIGHT_THROUGH)
    assert clock(client)["next"] == "2026-06-15T09:00:01.000Z"
    seen = []
    while (moved := client.advance(to="next"))["changed"]:
        seen.append((moved["now"], [change["run_id"] for change in moved["changed"]], moved["next"]))
    assert seen == [
        ("2026-06-15T09:00:01.000Z", [parking, through], "2026-06-15T09:00:04.000Z"),
        ("2026-06-15T09:00:04.000Z", [through], "2026-06-15T09:00:21.000Z"),
        ("2026-06-15T09:00:21.000Z", [parking], None),
    ]
    assert moved == {"now": "2026-06-15T09:00:21.000Z", "changed": [], "next": None}  # a parked run does not expire
    client.post(f"{run}/decisions", {"decision": "approve"})
    assert clock(client)["next"] == "2026-06-15T09:00:26.000Z"


@pytest.mark.parametrize("company", [ENGINE_DIES, DRIFTS])
def test_a_move_to_the_next_change_tells_of_one(client: Client, company: str) -> None:
    """What is no change to whoever reads the run is none to the clock, and the other way round."""
    _, run = started(client, company)
    while clock(client)["next"] is not None:
        before = client.get(run).received
        changed = client.advance(to="next")["changed"]
        assert client.get(run).received != before
        assert changed


def test_what_falls_due_is_in_effect_when_the_call_answers(client: Client) -> None:
    run_id, run = started(client, RE_PARK)
    client.advance(by="20999ms")
    assert client.get(run).body["status"] == "running"
    assert told(client.advance(by="1ms")["changed"]) == [("00:21.000", run_id, "running", "needs_attention")]
    assert client.get(run).body["status"] == "needs_attention"


def test_exports_are_among_what_changes(client: Client) -> None:
    run = client.post(f"{LIVE}/exports").body
    (change,) = client.advance(to="next")["changed"]
    assert change == {
        "at": "2026-06-15T09:00:00.500Z",
        "run_id": run["run_id"],
        "kind": "export",
        "from": "queued",
        "to": "running",
    }
    assert [each["to"] for each in client.advance(to="next")["changed"]] == ["completed"]
    assert client.get(run["poll_url"]).body["status"] == "completed"


# -- what is refused

REFUSED_MOVES: list[tuple[object, tuple[str, ...]]] = [
    ({}, ("by", "to")),
    ({"by": "1h", "to": "next"}, ("either",)),
    ({"byy": "1h"}, ("'byy'", "by, to")),
    ({"by": "1h", "speed": 1}, ("'speed'", "by, to")),
    ({"by": 60}, ("by", "1h", "'60'")),
    ({"by": "60"}, ("by", "21s", "'60'")),
    ({"by": "1:30"}, ("'1:30'",)),
    ({"by": "1h30m"}, ("'1h30m'",)),
    ({"by": "-1h"}, ("'-1h'",)),
    ({"by": "1d"}, ("'1d'",)),
    ({"by": None}, ("by",)),
    ({"by": ["1h"]}, ("by",)),
    ({"by": "9" * 40 + "h"}, ("by",)),
    ({"by": "999999999999h"}, ("2100-01-01",)),
    ({"to": "nxt"}, ("to", "'nxt'", "ISO-8601")),
    ({"to": "2026-06-16"}, ("to", "time zone", "'2026-06-16'")),
    ({"to": "2026-06-16T09:00:00"}, ("to", "time zone")),
    ({"to": 1781514000000}, ("to", "ISO-8601")),
    ({"to": None}, ("to",)),
    ({"to": "2026-06-15T08:59:59.999Z"}, ("only moves forward", EPOCH)),
    ({"to": "1970-01-01T00:00:00Z"}, ("only moves forward",)),
    ({"to": "0001-01-01T00:00:00+14:00"}, ("only moves forward",)),
    ({"to": "2100-01-01T00:00:00.001Z"}, (LAST,)),
    ({"to": "9999-12-31T23:59:59-14:00"}, (LAST,)),
    ([], ("object", "by, to")),
    ("1h", ("object", "by, to")),
    (5, ("object", "by, to")),
]


@pytest.mark.parametrize(("body", "words"), REFUSED_MOVES, ids=[repr(body)[:50] for body, _ in REFUSED_MOVES])
def test_a_wrong_move_is_refused_and_moves_nothing(client: Client, body: object, words: tuple[str, ...]) -> None:
    call = client.post("/_mock/clock/advance", body)
    assert call.status == 400
    assert list(call.body) == ["error"]
    assert all(word in call.body["error"] for word in words), call.body["error"]
    assert clock(client)["now"] == EPOCH


REFUSED_SETTINGS: list[tuple[object, tuple[str, ...]]] = [
    ({"mode": "fast"}, ("mode must be", "'real', 'scaled' or 'frozen'", "'fast'")),
    ({"mode": 1}, ("mode must be", "1")),
    ({"mode": []}, ("mode must be",)),
    ({"mode": "scaled"}, ("'scaled'", "speed")),
    ({"mode": "scaled", "speed": 0}, ("'scaled'", "speed above 0")),
    ({"mode": "real", "speed": 60}, ("'real'", "60")),
    ({"mode": "frozen", "speed": 60}, ("'frozen'", "60")),
    ({"speed": -1}, ("speed", "-1")),
    ({"speed": 1_000_001}, ("speed", "1000000")),
    ({"speed": 10**30}, ("speed", "1000000")),
    ({"speed": "60"}, ("speed must be a number", "'60'")),
    ({"speed": True}, ("speed must be a number", "true")),
    ({"sped": 60}, ("'sped'", "speed")),
    ({"now": "yesterday"}, ("now", "ISO-8601", "'yesterday'")),
    ({"now": "2026-06-15T08:00:00Z"}, ("now", "only moves forward", EPOCH)),
    ({"now": "2026-06-15T08:00:00Z", "speed": 60}, ("only moves forward",)),
    ({"now": "2026-06-15T10:00:00Z", "speed": "x"}, ("speed must be a number",)),
    ({"now": None}, ("now",)),
    ({"now": "2200-01-01T00:00:00Z"}, (LAST,)),
    ([], ("object", "mode, speed, now")),
]


@pytest.mark.parametrize(("body", "words"), REFUSED_SETTINGS, ids=[repr(body)[:50] for body, _ in REFUSED_SETTINGS])
def test_a_wrong_setting_is_refused_and_sets_nothing(client: Client, body: object, words: tuple[str, ...]) -> None:
    call = client.put("/_mock/clock", body)
    assert call.status == 400, call.text
    assert list(call.body) == ["error"]
    assert all(word in call.body["error"] for word in words), call.body["error"]
    assert clock(client) == {"mode": "frozen", "speed": 0.0, "now": EPOCH, "next": None}


# -- what follows the clock


def test_a_run_whose_engine_died_is_failed_an_hour_later(client: Client) -> None:
    """STALE-01 to STALE-05."""
    run_id, run = started(client, ENGINE_DIES)
    client.advance(by="31s")  # it works so long, and then no more
    client.advance(by="3599999ms")
    assert client.get(run).body["status"] == "running"
    assert client.get(f"{ENGINE_DIES}/imports?status=active").body["run_id"] == run_id
    assert told(client.advance(by="1ms")["changed"]) == [("00:31.000", run_id, "running", "failed")]
    assert client.get(run).body["error"] == "Import timed out"
    assert client.get(f"{ENGINE_DIES}/imports?status=active").body == {"run": None}
    after = client.get(run).received
    assert client.advance(by="1000h")["changed"] == []
    assert client.get(run).received == after
    assert client.post(f"{ENGINE_DIES}/imports", ROWS).status == 201


def test_a_parked_run_does_not_expire(client: Client) -> None:
    """OP-11."""
    before = client.get(PARKED).received
    assert client.advance(by="100000h")["changed"] == []
    assert client.get(PARKED).received == before


def test_rate_windows_follow_the_clock(client: Client) -> None:
    """RATE-08."""
    while client.get("/api/v1/sources").status != 429:
        pass
    client.advance(by="59999ms")
    assert client.get("/api/v1/sources").status == 429
    client.advance(by="1ms")
    assert client.get("/api/v1/sources").status == 200


def test_upload_urls_follow_the_clock(client: Client) -> None:
    """UPL-04."""
    paths = [urlsplit(client.post(f"{LIVE}/uploads", {"name": "a.csv"}).body["upload_url"]).path for _ in range(2)]
    client.advance(by="3599999ms")
    assert client.send("PUT", paths[0], b"Email\n", {}).status == 200
    client.advance(by="1ms")
    assert client.send("PUT", paths[1], b"Email\n", {}).status == 403


def test_dates_follow_the_clock(client: Client) -> None:
    client.advance(to="2027-02-28T23:59:59.999Z")
    source = client.get("/api/v1/sources").body["sources"][0]["id"]
    made = client.post("/api/v1/companies", {"name": "Acme", "source": source}).body["company"]
    assert made["created_at"].startswith("2027-02-28T23:59:59.")
    started(client, LIVE)
    assert client.get(f"{LIVE}/imports").body["runs"][0]["created_at"].startswith("2027-02-28T23:59:59.")


def test_the_clock_stands_at_the_last_instant_whatever_its_speed(client: Client) -> None:
    client.advance(to=LAST)
    put = client.put("/_mock/clock", {"mode": "scaled", "speed": 1_000_000})
    assert put.status == 200
    assert [clock(client)["now"] for _ in range(3)] == [LAST] * 3
    _, run = started(client, STRAIGHT_THROUGH)
    assert client.get(run).body["status"] == "queued"
