"""What must not hurt a server, or betray a secret: huge bodies, sleeping readers, full disks, bad moments to end."""

# ruff: noqa: S105 - the processes are our own, and so are the secrets

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from commanding import PATIENCE, TRUE_PLAY, command, environment, run, run_alone, scenario_file, serving

from mock_server.contract import document as contract
from mock_server.contract import messages as words
from mock_server.kernel.clock import LAST, iso
from mock_server.server.app import Finished
from mock_server.server.log import WAITING, Format, Log, Notices, Writer

CONTRACT = contract.load()
SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
SECRET = "hunter2-is-the-token"


# Bodies


class Counting:
    """A validator that counts how often all its faults are collected."""

    def __init__(self, validator: Any) -> None:
        self._validator = validator
        self.collected = 0

    def validate(self, body: Any) -> None:
        self._validator.validate(body)

    def is_valid(self, body: Any) -> bool:
        return bool(self._validator.is_valid(body))

    def iter_errors(self, body: Any) -> Any:
        self.collected += 1
        assert len(body["rows"]) < 10_000, "collecting these would take gigabytes"
        return self._validator.iter_errors(body)


@pytest.fixture
def counting() -> Counting:
    return Counting(CONTRACT._request_check("start_import"))  # noqa: SLF001 - to stand in for it


@pytest.mark.parametrize("rows", [[1] * 2_000_000, [{"a": []}] * 500_000], ids=["no objects", "wrong cells"])
def test_of_a_huge_wrong_body_the_faults_of_an_extract_are_found_and_no_more_collected(
    counting: Counting, rows: list[Any]
) -> None:
    says = words.complaint(counting, {"rows": rows}, CONTRACT.document)
    assert str(says).startswith("rows[0]")
    assert counting.collected <= 1


def test_of_a_small_wrong_body_the_outermost_fault_is_found(counting: Counting) -> None:
    says = words.complaint(counting, {"rows": [1, 2], "idempotency_key": 5}, CONTRACT.document)
    assert says == "idempotency_key must be a string; got 5"
    assert counting.collected == 1


def destination(base_url: Any, auth: Any) -> dict[str, Any]:
    return {"destination": {"base_url": base_url, "auth": auth}}


WRONG_CONNECTIONS = [
    SECRET,
    [SECRET],
    {"destination": SECRET},
    {"destination": [SECRET]},
    {"destination": {"auth": SECRET}},
    {"destination": {"base_url": SECRET}},
    destination("https://a.example", SECRET),
    destination("https://a.example", [SECRET]),
    destination(f"https://user:{SECRET}@a example", {}),
    destination(f"//user:{SECRET}@a.example", {"token": SECRET}),
    destination([SECRET], {"token": SECRET}),
    destination({"token": SECRET}, SECRET),
    destination(5, {"token": SECRET}),
]


@pytest.mark.parametrize("connections", WRONG_CONNECTIONS, ids=json.dumps)
@pytest.mark.parametrize("many", [0, 2_000])
def test_a_complaint_never_shows_what_is_in_connections(connections: Any, many: int) -> None:
    """SEC-01, PROV-18."""
    body = {"name": "Acme", "source": SOURCE, "connections": connections, "odd": [0] * many}
    says = CONTRACT.request_differences("provision_company", body)[0].text
    assert says.startswith("connections")
    assert SECRET not in says


@pytest.mark.parametrize(("auth", "got"), [(5_417, "a number"), (True, "a boolean"), (None, "null"), ("x", "a string")])
def test_a_complaint_about_a_secret_names_its_type(auth: Any, got: str) -> None:
    body = {"name": "Acme", "source": SOURCE, "connections": destination("https://a.example", auth)}
    says = CONTRACT.request_differences("provision_company", body)[0].text
    assert says == f"connections.destination.auth must be an object; got {got}"


def test_a_body_that_was_encoded_twice_is_not_shown() -> None:
    body = json.dumps({"connections": destination("https://a.example", {"t": SECRET})})[:59]
    assert CONTRACT.request_differences("provision_company", body)[0].text == "the body must be an object; got a string"


# The log


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    with serving() as server:
        connection = HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=PATIENCE)
        for _ in range(3_000):
            connection.request("GET", "/_mock/health")
            assert connection.getresponse().read()
        connection.close()
        assert server.end() == 0


def test_lines_that_find_no_room_are_dropped_and_counted() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        lines = Writer(stream)
        for number in range(WAITING + 500):
            lines.write([f"{number} {'x' * 1_000}"])
        seen = ""
        ends = time.monotonic() + PATIENCE
        while "dropped" not in seen and time.monotonic() < ends:
            lines.write(["again"])
            seen += os.read(reader, 1 << 20).decode()
        assert "lines dropped" in seen
        assert seen.startswith("0 x")
        with contextlib.suppress(OSError):
            os.set_blocking(reader, False)
            while os.read(reader, 1 << 20):
                lines.flush()
    os.close(reader)


TOKEN = "tok3n-of-an-upload"
ODD_PATHS = [
    f"/uploads%2F{TOKEN}",
    "/a\n12:00:00 GET /forged 200",
    "/a\x1b[2J",
    f"/uploads/{TOKEN}",
    f"/x/uploads/{TOKEN}\nforged",
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("path", [*ODD_PATHS, "/" + "x" * 60_000], ids=lambda path: repr(path[:30]))
def test_a_path_neither_splits_a_line_nor_betrays_a_token(
    form: Format, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    log = Log(form)
    log(Finished("PUT", path, 404, 1.0, None, f"no operation PUT {path}; did you mean"))
    Notices(log).emit(logging.LogRecord("vern-mock", logging.ERROR, "", 0, "%s %s failed", ("PUT", path), None))
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 2
    assert TOKEN not in said
    assert "\x1b" not in said
    assert len(said) < 10_000


def test_the_token_of_an_upload_is_in_no_log_of_a_server() -> None:
    with serving() as server:
        server.get(f"/uploads/{TOKEN}")
        server.get("/_mock/health")
        log = server.until_logged("/_mock/health")
    assert "GET /uploads/… 404" in log
    assert TOKEN not in log


# The server's beginning and end


def test_a_ready_file_that_cannot_be_written_is_one_line_and_2(tmp_path: Path) -> None:
    done = run_alone(
        "serve", "--port", "0", "--ready-file", tmp_path / ("r" * 250)
    )  # its temporary neighbour is too long
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "--ready-file" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_watch_keeps_the_scenario_that_the_server_needs(tmp_path: Path) -> None:
    mine, _ = scenario_file(tmp_path, TRUE_PLAY), scenario_file(tmp_path, TRUE_PLAY, "another")
    with serving("--scenarios", tmp_path, "--watch", "--scenario", "mine") as server:
        server.until_logged("watching")
        mine.unlink()
        assert "scenarios kept as they were" in server.until_logged("'mine'")
        assert server.get("/_mock/scenario", "a-new-session").status == 200
        assert server.end() == 0


BUSY = """
import sys, time
from mock_server.cli.main import main
from mock_server.preview import operations
from starlette.concurrency import run_in_threadpool

async def busy(call):
    sys.stdout.write("busy\\n")
    sys.stdout.flush()
    {wait}

operations.HANDLERS["list_sources"] = busy
sys.argv = ["vern-mock", "serve", "--port", "0", "--ready-file", {file!r}]
main()
"""


@pytest.mark.parametrize("wait", ["await run_in_threadpool(time.sleep, 600)", "while True: time.sleep(0.05)"])
def test_a_signal_ends_it_with_0_though_it_works_on_something_large(wait: str, tmp_path: Path) -> None:
    """And its ready file goes with it."""
    code = BUSY.format(wait=wait, file=str(tmp_path / "ready.json"))
    process = subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    try:
        url = json.loads(process.stdout.readline())["url"]
        connection = HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE)
        connection.request("GET", "/api/v1/sources", headers={"x-api-key": "test"})
        assert process.stdout.readline() == "busy\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0  # after a second and a half, and what a busy machine adds
        assert list(tmp_path.iterdir()) == []
        connection.close()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


# The command line


@pytest.mark.parametrize("key", ["real key of somebody", "abc", "revoked-but-real", f"live_{'k' * 200}"])
def test_a_key_that_is_no_key_is_not_shown(key: str) -> None:
    done = run("serve", "--port", "0", "--api-key", key)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--api-key" in done.stderr
    assert key not in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--stale-after", "0s", "1s to 1000h"),
        ("--stale-after", "999ms", "1s to 1000h"),
        ("--stale-after", "1001h", "1s to 1000h"),
        ("--session-idle", "0ms", "1s to 1000h"),
        ("--session-idle", "999999999999h", "1s to 1000h"),
        ("--max-body", "0", "at least 1"),
        ("--max-upload", "0MB", "at least 1"),
    ],
)
def test_limits_that_no_server_could_live_with_are_bad_usage(option: str, value: str, said: str) -> None:
    done = run("serve", "--port", "0", option, value)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.replace("\n", " ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the machine has no device that is always full")
@pytest.mark.parametrize("arguments", [["scenarios"], ["scenarios", "--json"], ["--version"], ["--help"]])
def test_a_full_disk_is_one_line_and_1(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*arguments), stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment()
        )
    assert done.returncode == 1
    assert done.stderr.startswith("vern-mock: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("instant", [LAST, LAST + 1, 10**18, 10**30])
def test_an_instant_beyond_the_last_is_told_as_the_last(instant: int) -> None:
    assert iso(instant) == "2100-01-01T00:00:00.000Z"
