"""A session in one file: whole, without secrets, replayed to the byte, and refused when it is not what it says."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import pytest
from click.testing import CliRunner
from conftest import Client
from hypothesis import given
from hypothesis import strategies as st

from mock_server.cli.main import commands
from mock_server.cli.replay import differences, replay, summary
from mock_server.contract import document as contract
from mock_server.kernel.ids import made_uuid, stand_in
from mock_server.kernel.settings import Settings
from mock_server.player.process import running
from mock_server.player.transport import Transport
from mock_server.preview.language import load_world
from mock_server.recording.exchange import RecordedExchange
from mock_server.session.bundle import MADE_ELSEWHERE, BadBundle, digest, opened, refuse_other_scenarios

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
DOCS = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
DOCS_RUN = "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
KEY = "sk_live_of_the_bundles_tests"
ROWS = {"rows": [{"Email": "ada@example.com", "Status": "someday"}]}
MINE = """title: A scenario of my own
run:
  - queue: 1s
  - work: 2s
  - complete:
data:
  - sheet: Contacts
    rows: 7
plays:
  - title: it completes
    steps:
      - start:
      - wait: 3s
      - see: completed
        inserted: 7
"""


def story(client: Client) -> None:
    """An integration with everything in it that a replay has to get right."""
    destination = {"base_url": "https://ada:hunter2@x.example", "auth": {"token": "hunter2"}}
    wanted = {"name": "Acme", "source": SOURCE, "connections": {"destination": destination}}
    company = f"/api/v1/companies/{client.post('/api/v1/companies', wanted).body['company']['id']}"
    asked = client.post(f"{company}/uploads", {"name": "a.csv", "content_type": "text/csv"})
    path = urlsplit(asked.body["upload_url"]).path
    for _ in range(2):
        client.send("PUT", path, b"Email,Status\nada@example.com,someday\n", {"content-type": "text/csv"})
    files = {"files": [{"name": "a.csv", "upload_ref": asked.body["upload_ref"]}], "idempotency_key": KEY}
    poll_url = client.post(f"{company}/imports", files).body["poll_url"]
    for by in ("499ms", "1ms", "1500ms"):
        client.advance(by=by)
        client.get(poll_url)
    client.post(f"{poll_url}/decisions", {"decision": "approve", "answers": [{"question_id": "fq0", "custom": "Open"}]})
    client.advance(by="1h")
    client.get(f"{company}/export.csv?filter=all")
    client.put("/_mock/scenario", {"name": "mine", "pace": "polls"})
    own = client.post(f"{LIVE}/imports", ROWS).body["poll_url"]
    client.put(
        "/_mock/faults", {"faults": [{"lose": "reset", "operation": "start_export"}, {"error": 500, "times": 2}]}
    )
    for _ in range(4):
        client.get(own)
    with suppress(OSError, HTTPException):
        client.post(f"{company}/exports", {"mode": "canary"})
    client.delete("/_mock/faults")
    client.put("/_mock/dialect", {"name": "random"})
    client.get(f"{DOCS}/imports/{DOCS_RUN}")
    client.get(f"/api/v1/companies/{KEY}/imports?api_key={KEY}")
    client.send("POST", f"{company}/imports", b'{"rows": \xc3\xbc', {"x-api-key": KEY, "content-type": "text/plain"})
    client.post(f"/_mock/runs/{DOCS_RUN}/cancel")
    client.get(f"{DOCS}/imports")
    client.get("/nowhere/%C3%BC%2F%25?x=%20y")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bundle of the story, from a server with a scenario of its own, and options of its own."""
    scenario = tmp_path_factory.mktemp("scenarios") / "mine.yaml"
    scenario.write_text(MINE)
    options = ("--seed", "42", "--rate-limit", "12/min", "--speed", "0", "--scenarios", str(scenario))
    with running(*options) as server, closing(Client(server.url, KEY)) as client:
        client.transport = Transport(server.url, KEY)  # faults and dialects bend answers; nobody checks these
        story(client)
        got = client.get("/_mock/bundle")
        assert got.status == 200, got.text
        return got.received


@pytest.fixture
def content(bundle: bytes) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(bundle)
    return found


def sealed(content: dict[str, Any]) -> bytes:
    """The bundle of somebody who knows how to make its digest."""
    return orjson.dumps(content | {"digest": digest(content)})


# -- what is in it


def test_it_says_what_was_served(content: dict[str, Any]) -> None:
    assert (content["bundle"], content["contract"], content["seed"]) == (1, contract.load().version, 42)
    assert content["settings"]["rate_limit"] == 12
    assert content["scenario"] == "mine"
    assert content["clock"]["mode"] == "frozen"
    texts = {each["name"]: each["text"] for each in content["scenarios"]}
    assert texts == {"docs-example": None, "live": None, "mine": MINE}
    assert [each["path"] for each in content["steered"]] == [
        "scenario",
        "faults",
        "faults",
        "dialect",
        f"runs/{DOCS_RUN}/cancel",
    ]


def test_it_holds_no_secret(bundle: bytes, content: dict[str, Any]) -> None:
    assert KEY.encode() not in bundle
    assert b"hunter2" not in bundle
    for kind in range(1, 5):
        for word in (KEY, stand_in(KEY)):
            assert made_uuid(42, word, "token", kind).replace("-", "").encode() not in bundle
    assert content["key"] == stand_in(KEY)


def test_every_setting_is_in_it_or_makes_no_difference(content: dict[str, Any]) -> None:
    assert set(Settings._fields) == {*content["settings"], *MADE_ELSEWHERE}


# -- the replay


def run(path: Path) -> tuple[int, str]:
    ran = CliRunner().invoke(commands, ["replay", str(path)])
    return ran.exit_code, ran.output


def test_a_replay_gives_every_answer_once_more(bundle: bytes, content: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(bundle)
    code, output = run(path)
    assert (code, output) == (0, f"{len(content['exchanges'])} exchanges replayed: all answers are the same\n")


def test_who_stops_a_replay_finds_no_folder_of_it(content: dict[str, Any], monkeypatch: Any, tmp_path: Path) -> None:
    """Once the server has read the scenarios, nothing of them is left to remove."""
    send = Transport.send
    left: list[Path] = []

    def watched(*given: Any) -> Any:
        left.extend(tmp_path.iterdir())
        return send(*given)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(Transport, "send", watched)
    assert any(outcome.differences == () for outcome in replay(content))
    assert left == []


def test_a_replay_says_which_answer_differs_and_where(content: dict[str, Any], tmp_path: Path) -> None:
    first, poll = content["exchanges"][0], next(e for e in content["exchanges"] if e["operation"] == "poll_import")
    told = json.loads(first["answer"]["body"])
    told["company"]["name"] = "Another"
    first["answer"]["body"] = json.dumps(told, separators=(",", ":"))
    poll["status"] = 404
    path = tmp_path / "bundle.json"
    path.write_bytes(sealed(content))
    code, output = run(path)
    assert code == 1
    assert 'company.name: "Another" then, "Acme" now' in output
    assert f"{poll['id']}  GET {poll['path']} -> 404\n  status: 404 then, 200 now" in output
    assert "2 of them differ" in output


def test_a_session_on_a_running_clock_is_re_enacted_too() -> None:
    """Each call is sent at the very instant for which its answer was worked out."""
    with (
        running("--speed", "5000", "--seed", "3", "--rate-limit", "off") as server,
        closing(Client(server.url, "fast-key")) as client,
    ):
        started = client.post(f"{LIVE}/imports", ROWS)
        for _ in range(30):
            polled = client.get(started.body["poll_url"])
            if polled.body["status"] == "needs_attention":
                client.post(f"{started.body['poll_url']}/decisions", {"decision": "approve"})
        taken = opened(client.get("/_mock/bundle").received, contract.load().version)
    outcomes = replay(taken)
    assert not [outcome for outcome in outcomes if outcome.differences], list(summary(outcomes))
    assert {each["after"] for each in taken["exchanges"]} >= {"completed"}


def test_simultaneous_calls_are_re_enacted_in_the_order_of_their_effects() -> None:
    with running("--speed", "0") as server:

        def create(number: int) -> None:
            with closing(Client(server.url, "crowd-key")) as client:
                client.post("/api/v1/companies", {"name": f"Acme {number % 4}", "source": SOURCE})

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(create, range(16)))
        with closing(Client(server.url, "crowd-key")) as client:
            taken = opened(client.get("/_mock/bundle").received, contract.load().version)
    assert sorted(each["status"] for each in taken["exchanges"]) == [201] * 4 + [400] * 12
    assert not [outcome for outcome in replay(taken) if outcome.differences]


# -- bad bundles


def refused(raw: bytes, *words: str) -> None:
    with pytest.raises(BadBundle) as bad:
        opened(raw, contract.load().version)
    assert all(word in str(bad.value) for word in words), str(bad.value)


@given(st.data())
def test_a_truncated_bundle_is_refused(bundle: bytes, data: st.DataObject) -> None:
    refused(bundle[: data.draw(st.integers(0, len(bundle) - 1))], "truncated")


@given(st.data())
def test_a_bundle_in_which_anything_was_edited_is_refused(bundle: bytes, data: st.DataObject) -> None:
    content = orjson.loads(bundle)
    place: Any = content
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from([each for each in keys if each not in ("bundle", "digest")]))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    other: Any = data.draw(st.sampled_from([0, "", None, True, "edited", [], {}]).filter(lambda new: new != place[key]))
    place[key] = other
    refused(orjson.dumps(content), "edited")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bundle": 2}, ("format 2", "reads format 1")),
        ({"contract": "0.0.1"}, ("contract 0.0.1", "here is contract")),
        ({"dropped": 3}, ("first 3 exchanges", "dropped")),
        ({"seed": "seven"}, ("form", "seed must be an integer", "'seven'")),
        ({"exchanges": [{}]}, ("form", "exchanges[0]")),
        ({"mine": 1}, ("form",)),
        ({"key": "a-key"}, ("form", "key")),
        ({"scenarios": [{"name": "../x", "digest": "", "text": ""}]}, ("form", "scenarios[0].name")),
    ],
)
def test_a_bundle_of_another_form_is_refused(content: dict[str, Any], change: Any, words: tuple[str, ...]) -> None:
    refused(sealed(content | change), *words)


@pytest.mark.parametrize("raw", [b"", b"[]", b"3", b"{}", b'{"bundle": "1"}', b"\xff\xfe", b"[" * 5_000])
def test_what_is_no_bundle_is_refused(raw: bytes) -> None:
    refused(raw)


def test_a_call_that_cannot_be_sent_again_is_a_reason_when_it_had_an_effect(content: dict[str, Any]) -> None:
    taken = next(each for each in content["exchanges"] if each["operation"] == "start_import")
    taken["request"]["cut"] = True
    refused(sealed(content), f"exchange {taken['id']}", "cannot be sent again")
    taken["status"] = 413
    assert opened(sealed(content), contract.load().version)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "live", "digest": "other", "text": None}, ("'live'", "is not the one")),
        ({"name": "nowhere", "digest": "", "text": None}, ("'nowhere'", "is not here")),
    ],
)
def test_other_scenarios_are_a_reason(content: dict[str, Any], change: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(BadBundle) as bad:
        refuse_other_scenarios(content | {"scenarios": [change]}, load_world())
    assert all(word in str(bad.value) for word in words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scenarios": [{"name": "mine", "digest": "", "text": "title: 3"}]}, "cannot be used here"),
        ({"settings": {"colour": "red"}, "scenarios": []}, "'colour' is not known"),
        ({"settings": {"scenario": "nowhere"}, "scenarios": []}, "nowhere"),
        ({"settings": {"rate_limit": "many"}, "scenarios": []}, "many"),
    ],
)
def test_what_no_server_starts_with_is_a_reason(content: dict[str, Any], change: Any, words: str) -> None:
    with pytest.raises(BadBundle, match=words):
        replay(content | change)


def test_the_command_ends_with_2_and_the_reason(bundle: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(bundle[:-10])
    code, output = run(path)
    assert code == 2
    assert f"{path} cannot be replayed: it is no whole JSON, perhaps truncated" in output
    assert run(tmp_path / "missing.json")[0] == 2


def test_the_call_takes_no_parameter(client: Client) -> None:
    got = client.get("/_mock/bundle?since=1")
    assert (got.status, "'since'" in got.body["error"]) == (400, True)


# -- stand-ins, differences


@given(st.from_regex(r"[A-Za-z0-9_.-]{4,128}", fullmatch=True))
def test_a_stand_in_does_not_tell_its_key_and_stands_for_itself(key: str) -> None:
    found = stand_in(key)
    assert key not in found or key in "stand-in-" or len(key) == 4
    assert stand_in(found) == found


def test_a_key_and_its_stand_in_get_the_same_ids_and_other_tokens(server: str, key: str) -> None:
    made: list[Any] = []
    for each in (key, stand_in(key)):
        with closing(Client(server, each)) as client:
            made.append(client.post(f"{LIVE}/uploads", {"name": "a.csv"}).body)
    assert made[0]["upload_ref"] == made[1]["upload_ref"]
    assert made[0]["upload_url"] != made[1]["upload_url"]


def exchange(body: bytes = b"", **members: Any) -> RecordedExchange:
    part = {"headers": [["x", "1"]], "body": body.decode(), "encoding": "utf-8", "size": len(body), "cut": False}
    call = {"method": "GET", "path": "/", "operation": None, "turn": 1, "request": part}
    return RecordedExchange.parse(call | {"status": 200, "lost": False, "fault": None, "answer": part} | members)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (exchange(), exchange(), []),
        (exchange(), exchange(status=404), ["status: 200 then, 404 now"]),
        (exchange(), exchange(lost=True), ["lost: False then, True now"]),
        (exchange(lost=True), exchange(), []),
        (exchange(b'{"a": {"b": [1, 2]}}'), exchange(b'{"a": {"b": [1, 3]}}'), ["a.b[1]: 2 then, 3 now"]),
        (exchange(b'{"a": 1}'), exchange(b'{"b": 1}'), ["a: there then, missing now", "b: missing then, there now"]),
        (exchange(b"abc"), exchange(b"abd"), ["the body: 3 bytes then, 3 bytes now, and not the same ones"]),
        (exchange(b'{"a":1}'), exchange(b'{"a": 1}'), ["the body: 7 bytes then, 8 bytes now, and not the same ones"]),
        (exchange(b"[1]"), exchange(b"[1,2]"), ["the body: [1] then, [1,2] now"]),
    ],
)
def test_differences_are_said_with_their_path(old: RecordedExchange, new: RecordedExchange, found: list[str]) -> None:
    assert list(differences(old, new)) == found
