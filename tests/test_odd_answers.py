"""Commands that ask a server, or read a file, where it answers oddly: a reason and the right exit code, no traceback.

And nothing that anybody has put into an answer, a request or a scenario reaches the terminal as a control character.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from conformance.audit import card
from mock_server.cli.main import commands
from mock_server.contract.escape import escape, line, lines
from mock_server.contract.yaml_schema import load_schema
from mock_server.player.timeline import exchange
from mock_server.player.transport import Call
from mock_server.preview.timeline import describe
from mock_server.session.bundle import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Client

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
EVIL = "\x1b[31m\x9b2J\u202e\rred\nSECOND"
HEAD = b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
FOUND = {
    "id": "1", "found": True, "call": "GET /", "operation": None, "nearest": None, "at": None, "status": 200,
    "under_way": False, "lost": False, "fault": None, "dialect": "documented", "example": None, "refusal": None,
    "clause": None, "clauses": [], "differences": [], "run": None, "after": None, "known": None, "legal": [],
    "next": None, "kept": {},
}  # fmt: skip
CARD = card.card([], clock="real", dialect="documented")


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of a server that says these bytes, whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def told(*arguments: str) -> Result:
    """What a command does at a terminal that shows colours; a traceback, or a text that steers it, is a failure."""
    found = CliRunner().invoke(commands, arguments, color=True)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    assert not STEERING.search(found.output), repr(found.output)
    assert not re.search("^SECOND", found.output, re.MULTILINE), found.output
    return found


ASKING = {
    "healthcheck": (("healthcheck",), 1),
    "why": (("why", "last", "--api-key", "my-key"), 2),
    "why as JSON": (("why", "last", "--api-key", "my-key", "--format", "json"), 2),
    "audit": (("audit", "--api-key", "my-key"), 2),
    "coverage": (("coverage", "--api-key", "my-key"), 2),
}
OTHER_TYPES = FOUND | CARD | {"run": 7, "findings": [1], "status": EVIL, "version": EVIL}
WRONG = {
    "no JSON": EVIL.encode(),
    "nothing": b"",
    "a list": b"[]",
    "null": b"null",
    "an object": b"{}",
    "no text": b'{"a": "\xff"}',
    "endless": b"[" * 100_000,
    "rather deep": b'{"found":' * 300 + b"1" + b"}" * 300,
    "a long number": b"9" * 6_000,
    "members of other types": json.dumps(OTHER_TYPES).encode(),
}
NO_HTTP = [
    f"{EVIL}\r\n\r\n".encode(),
    b"",
    HEAD % (200, 99) + b"{",
    b"HTTP/1.1 200\r\n" + b"a: b\r\n" * 200,
]


@pytest.mark.parametrize("command", ASKING)
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("status", [200, 500])
def test_an_odd_answer_is_told_with_a_reason(command: str, wrong: str, status: int) -> None:
    arguments, code = ASKING[command]
    with answering(HEAD % (status, len(WRONG[wrong])) + WRONG[wrong]) as url:
        found = told(*arguments, "--url", url)
    assert (found.exit_code, found.stdout) == (code, "")
    assert url in found.stderr


@pytest.mark.parametrize("command", ASKING)
@pytest.mark.parametrize("raw", NO_HTTP)
def test_what_is_no_http_is_no_answer(command: str, raw: bytes) -> None:
    arguments, code = ASKING[command]
    with answering(raw) as url:
        assert told(*arguments, "--url", url).exit_code == code


@pytest.mark.parametrize("command", ASKING)
@pytest.mark.parametrize("url", [f"http://{'a' * 70}.example", "http://..", "http://a b", "http://[::1", "http://x:y"])
def test_an_address_that_cannot_be_is_told(command: str, url: str) -> None:
    assert told(*ASKING[command][0], "--url", url).exit_code in {1, 2}


@pytest.mark.parametrize("key", ["ключ", "two\nlines"])
def test_a_key_that_cannot_be_sent_is_told_and_not_shown(key: str) -> None:
    found = told("why", "last", "--api-key", key, "--url", "http://127.0.0.1:1")
    assert found.exit_code == 2
    assert key.splitlines()[0] not in found.output


EVERYWHERE: dict[str, Any] = {
    **dict.fromkeys(
        ("id", "call", "operation", "at", "fault", "dialect", "example", "refusal", "after", "known"), EVIL
    ),
    "clause": {"id": EVIL, "text": EVIL},
    "kept": {EVIL: EVIL},
    "differences": [{"path": EVIL, "text": EVIL, "clause": EVIL}],
    "legal": [{"operation": EVIL, "method": EVIL, "path": EVIL, "remark": EVIL}],
}


@pytest.mark.parametrize("answer", [FOUND | EVERYWHERE, {"id": EVIL, "found": False, "said": EVIL}])
def test_why_shows_what_a_client_sent_and_does_not_obey_it(answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    with answering(HEAD % (200, len(body)) + body) as url:
        shown = told("why", "last", "--api-key", "my-key", "--url", url)
        assert json.loads(told("why", "last", "--api-key", "my-key", "--url", url, "--format", "json").stdout) == answer
    assert shown.exit_code == (0 if answer["found"] else 1)
    assert "\\x1b[31m\\x9b2J\\u202e\\x0dred SECOND" in shown.stdout


def test_what_the_commands_need_is_what_the_server_says(client: Client) -> None:
    client.get("/api/v1/nothing")
    for schema, path in (("why", "why/last"), ("card", "audit")):
        needed = load_schema(schema)
        assert {*needed["required"], *needed.get("else", {}).get("required", ())} <= set(
            client.get(f"/_mock/{path}").body
        )
    assert set(client.get("/_mock/why/last").body) == set(FOUND)


def test_the_servers_own_text_is_harmless_too(client: Client, key: str) -> None:
    client.send("POST", f"/api/v1/companies/{'%1B[31m%0ASECOND'}/imports", b"{}", {"x-api-key": key})
    said = client.get("/_mock/why/last?format=text").text
    assert not STEERING.search(said)
    assert "\nSECOND" not in said


def test_a_server_that_is_ready_may_be_called_anything() -> None:
    body = json.dumps({"status": "ready", "version": EVIL, "scenarios": EVIL}).encode()
    with answering(HEAD % (200, len(body)) + body) as url:
        found = told("healthcheck", "--url", url)
    assert (found.exit_code, found.stdout.count("\n")) == (0, 1)


@pytest.fixture
def bundle(client: Client) -> dict[str, Any]:
    client.get("/api/v1/sources")
    taken: dict[str, Any] = client.get("/_mock/bundle").body
    return taken


def _answer(body: str, encoding: str = "utf-8") -> Callable[[dict[str, Any]], object]:
    return lambda exchange: exchange["answer"].update(body=body, encoding=encoding)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (_answer("[]"), {"audit": 0, "coverage": 0, "replay": 1}),
        (_answer("[" * 900 + "]" * 900), {"audit": 0, "coverage": 0, "replay": 1}),
        (_answer(json.dumps({"sources": EVIL})), {"audit": 0, "coverage": 0, "replay": 1}),
        (_answer("!", "base64"), {"audit": 2, "coverage": 2, "replay": 2}),
        (lambda exchange: exchange.update(id=EVIL, path=f"/{EVIL}"), {"audit": 0, "coverage": 0, "replay": 1}),
        (lambda exchange: exchange.update(method="GET\r\nX: y"), {"audit": 2, "coverage": 2, "replay": 2}),
        (lambda exchange: exchange.update(in_flight="r"), {"audit": 2, "coverage": 2, "replay": 2}),
        (lambda exchange: exchange.pop("real"), {"audit": 2, "coverage": 0, "replay": 0}),
        (
            lambda exchange: exchange["request"]["headers"].append(["accept", "…"]),
            {"audit": 0, "coverage": 0, "replay": 1},
        ),
    ],
)
def test_a_bundle_that_was_made_up_ends_no_command_with_a_traceback(
    bundle: dict[str, Any], tmp_path: Path, change: Callable[[dict[str, Any]], object], codes: dict[str, int]
) -> None:
    change(bundle["exchanges"][0])
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle | {"digest": digest(bundle)}))
    found = {
        "audit": told("audit", "--bundle", str(path)),
        "coverage": told("coverage", str(path)),
        "replay": told("replay", str(path)),
    }
    assert {name: each.exit_code for name, each in found.items()} == codes, [each.output for each in found.values()]


@pytest.mark.parametrize("raw", [b"[]", b"[" * 100_000, b'{"bundle":' * 300 + b"1" + b"}" * 300, EVIL.encode(), b""])
def test_a_file_that_is_no_bundle_is_told(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(raw)
    for arguments in (("audit", "--bundle"), ("coverage",), ("replay",)):
        assert told(*arguments, str(path)).exit_code == 2


def test_a_scenario_s_words_do_not_steer(tmp_path: Path) -> None:
    text = r"\e[31m\x9b2J\u202ered"
    path = tmp_path / "evil.yaml"
    path.write_text(
        f'title: "{text}"\nrun:\n  - queue: 1s\n  - work: 1s\n  - complete:\nplays:\n  - title: "{text}"\n'
        "    steps:\n      - start:\n      - wait: 2s\n      - see: completed\n"
    )
    for arguments in (
        ("scenarios", "evil", "--scenarios", str(path)),
        ("scenarios", "--scenarios", str(path)),
        ("lint", str(path)),
    ):
        assert told(*arguments).exit_code == 0
    path.write_text(f'title: x\nrun:\n  - "{text}": 1s\n')
    assert told("lint", str(path)).exit_code == 1


def test_a_timeline_shows_any_answer_without_obeying_it() -> None:
    evil = {"run_id": EVIL, "status": EVIL, "error": EVIL, "decision": EVIL}
    for media_type, body in (
        ("application/json", json.dumps(evil).encode()),
        ("text/csv", EVIL.encode()),
        (EVIL, EVIL.encode()),
    ):
        for status in (0, 200, 400):
            call = Call(
                "POST", f"/api/v1/{EVIL}", json.dumps(evil).encode(), status, {"content-type": media_type}, body
            )
            shown = "".join(exchange(call, 0, describe))
            assert not STEERING.search(re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\n", "")), shown
            assert "\x1b[31m" not in shown


def test_there_is_one_escape() -> None:
    assert escape(EVIL) == "\\x1b[31m\\x9b2J\\u202e\\x0dred\nSECOND"
    assert line(f"  {EVIL}\t") == "\\x1b[31m\\x9b2J\\u202e\\x0dred SECOND"
    assert lines([f"  {EVIL}", "b"]) == "  \\x1b[31m\\x9b2J\\u202e\\x0dred SECOND\nb\n"
    assert escape("Zoë “Best” 東京 😀") == "Zoë “Best” 東京 😀"
