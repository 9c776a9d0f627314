"""`vern-mock serve` as a process: how it starts and ends, its options, its log, and what must not kill it."""

# ruff: noqa: S104 - the processes are our own, and an address open to all is what is refused

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
from commanding import BROKEN, PATIENCE, TRUE_PLAY, command, environment, run, scenario_file, serving

from mock_server.player.transport import Transport
from mock_server.server.log import Format, Log, listen

if TYPE_CHECKING:
    from pathlib import Path


# How it starts


def test_the_ready_line_is_the_ready_file_and_tells_where_the_server_is(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    ready_file.write_text("left by an earlier server", encoding="utf-8")
    with serving("--ready-file", ready_file, "--seed", "7", "--scenario", "park") as server:
        assert server.get("/_mock/health", None).body["status"] == "ready"
        assert json.loads(ready_file.read_text(encoding="utf-8")) == server.ready
        assert server.ready["event"] == "ready"
        assert server.ready["api"] == f"{server.url}/api/v1"
        assert server.ready["pid"] == server.process.pid
        assert (server.ready["seed"], server.ready["scenario"]) == (7, "park")
        assert server.ready["version"]
        assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]
        assert server.end(signal.SIGHUP) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_ends_leaves_the_ready_file_of_another_one_alone(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    with serving("--ready-file", ready_file) as server:
        ready_file.write_text("of another one", encoding="utf-8")
        assert server.end(signal.SIGINT) == 0
    assert ready_file.read_text(encoding="utf-8") == "of another one"


@pytest.mark.parametrize("wrong", [("--speed", "fast"), ("--scenario", "none")])
def test_the_ready_file_of_an_earlier_server_goes_before_all_else(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    """Whatever then keeps this one from starting; help alone removes nothing."""
    ready_file = tmp_path / "ready.json"
    ready_file.write_text("left by a server that was killed", encoding="utf-8")
    assert run("serve", "--help", "--ready-file", ready_file).returncode == 0
    assert ready_file.exists()
    assert run("serve", "--port", "0", *wrong, "--ready-file", ready_file).returncode == 2
    assert not ready_file.exists()


def test_the_ready_file_goes_before_the_server_is_imported(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    code = (
        "import sys\nfrom pathlib import Path\nfrom mock_server.cli.main import main\n"
        f"file = Path({str(ready_file)!r})\nfile.write_text('left')\nsys.modules['uvicorn'] = None\n"
        f"sys.argv = ['vern-mock', 'serve', '--ready-file', str(file)]\ntry:\n    main()\nexcept ImportError:\n"
        "    assert not file.exists()\n    print('gone')"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False, env=environment()
    )
    assert done.stdout == "gone\n", done.stderr


def test_what_serves_imports_nothing_heavy_before_it_is_needed() -> None:
    """What start-up costs is told by `make bench`; here it is held that nobody makes it dearer by an import."""
    code = (
        "import sys; from mock_server.cli import serve; from mock_server.kernel.settings import Settings; "
        "from mock_server.preview.language import load_world; from mock_server.server import run; "
        "from mock_server.preview.generation import create_app; "
        "create_app(Settings(), load_world()); "
        "print(sorted({'faker', 'jsonschema', 'difflib', 'httpx2', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_0_though_connections_are_open(number: int) -> None:
    with serving() as server:
        kept = HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]))
        kept.request("GET", "/_mock/health")
        kept.getresponse().read()
        half = socket.create_connection(("127.0.0.1", kept.port))
        half.sendall(b"POST /api/v1/companies HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        assert server.end(number) == 0
        half.close()
        kept.close()


def test_the_end_of_standard_input_ends_it_with_0_where_it_shall() -> None:
    line = command("serve", "--port", "0", "--end-with-stdin")
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"whatever is written there does not matter\n")
        process.stdin.flush()
        assert b"ready" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def test_a_port_in_use_is_one_line_and_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"vern-mock: cannot listen on 127\.0\.0\.1 port \d+: Address already in use.*\n", done.stderr)


def test_a_broken_file_is_told_with_its_line_and_nothing_is_served(tmp_path: Path) -> None:
    first, second = scenario_file(tmp_path, BROKEN, "first"), scenario_file(tmp_path, BROKEN, "second")
    done = run("serve", "--port", "0", "--scenarios", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{first}:4:" in done.stderr
    assert f"{second}:4:" in done.stderr
    assert "work" in done.stderr


def test_an_unknown_scenario_is_told_with_the_nearest() -> None:
    done = run("serve", "--port", "0", "--scenario", "re-prak")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 're-park'" in done.stderr
    assert "straight-through" in done.stderr


def test_other_addresses_need_a_guard() -> None:
    done = run("serve", "--port", "0", "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "--admin-token" in done.stderr
    assert "--no-admin" in done.stderr


def test_a_guard_opens_other_addresses() -> None:
    with serving("--host", "0.0.0.0", "--admin-token", "secret") as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.get("/_mock/clock").status in (401, 403)
        assert server.get("/_mock/clock", **{"x-admin-token": "secret"}).status == 200
    with serving("--host", "0.0.0.0", "--no-admin") as server:
        assert server.get("/_mock/clock").status == 404


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--speed", "-1"], "--speed"),
        (["--speed", "nan"], "--speed"),
        (["--rate-limit", "fast"], "100/min, or off"),
        (["--max-body", "10 apples"], "10MB"),
        (["--stale-after", "3600"], "1h"),
        (["--api-key", "abc"], "4 to 128"),
        (["--host", "no such host"], "no such address"),
        (["--ready-file", "/no/such/folder/ready"], "--ready-file"),
        (["--scenarios", "/no/such/file.yaml"], "does not exist"),
        (["--prot", "1"], "--port"),
    ],
)
def test_bad_usage_is_2_and_says_what_was_expected(arguments: list[str], said: str) -> None:
    done = run("serve", *arguments, VERN_MOCK_PORT="0")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


# Options and variables


def test_every_option_has_a_variable_and_the_option_wins(tmp_path: Path) -> None:
    variables = {
        "VERN_MOCK_SCENARIO": "reject",
        "VERN_MOCK_SEED": "5",
        "VERN_MOCK_SPEED": "0",
        "VERN_MOCK_API_KEY": "first-key second-key",
        "VERN_MOCK_SCENARIOS": str(scenario_file(tmp_path, TRUE_PLAY)),
        "VERN_MOCK_LOG_FORMAT": "json",
    }
    with serving("--seed", "6", **variables) as server:
        assert (server.ready["scenario"], server.ready["seed"]) == ("reject", 6)
        assert server.get("/api/v1/sources").status == 401
        assert server.get("/api/v1/sources", "second-key").status == 200
        assert server.get("/_mock/clock", "first-key").body["mode"] == "frozen"
        assert "mine" in [each["name"] for each in server.get("/_mock/scenarios", None).body["scenarios"]]
        line = server.until_logged("/_mock/clock").splitlines()[0]
        assert json.loads(line)["path"] == "/api/v1/sources"


def test_help_names_the_variable_of_every_option() -> None:
    for name in ("serve", "demo", "scenarios", "healthcheck"):
        told = re.sub(r"\s+", " ", run(name, "--help").stdout)
        options = set(re.findall(r"--[a-z][a-z-]+", told)) - {"--help"}
        assert options
        for option in options - {"--admin", "--play"}:
            assert f"VERN_MOCK_{option[2:].upper().replace('-', '_')}" in told, (name, option)


def test_the_log_has_one_line_an_exchange_and_the_near_miss() -> None:
    with serving() as server:
        server.get("/api/v1/sources")
        server.get("/api/v1/company")
        log = server.until_logged("/api/v1/company")
    assert re.search(r"^\d\d:\d\d:\d\d GET /api/v1/sources 200 \d+\.\dms ", log, re.MULTILINE)
    assert re.search(r"GET /api/v1/company 404 .*/api/v1/companies", log)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_failed_handler_is_logged_with_its_traceback(
    form: Format, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("vern-mock", "uvicorn.error", "asyncio"):  # afterwards they are as they were
        log = logging.getLogger(name)
        monkeypatch.setattr(log, "handlers", log.handlers)
        monkeypatch.setattr(log, "propagate", log.propagate)
        monkeypatch.setattr(log, "level", log.level)
    listen(Log(form))
    try:
        raise RuntimeError("broken on purpose")
    except RuntimeError:
        logging.getLogger("vern-mock").exception("%s %s failed", "GET", "/api/v1/sources")
    said = capfd.readouterr().err
    for part in ("GET /api/v1/sources failed", "Traceback", "broken on purpose"):
        assert part in said
    if form == "json":
        assert json.loads(said)["level"] == "error"


# What must not kill it


def test_a_closed_stdout_and_stderr_do_not_kill_it(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    reader, writer = os.pipe()
    os.close(reader)  # nobody reads, from the first line on
    process = subprocess.Popen(
        command("serve", "--port", "0", "--ready-file", ready_file), stdout=writer, stderr=writer, env=environment()
    )
    os.close(writer)
    try:
        answers_until_ended(process, ready_file)
    finally:
        process.kill()
        process.wait()


def test_it_runs_without_stdout_and_stderr_at_all(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    line = " ".join(command("serve", "--port", "0", "--ready-file", ready_file))
    process = subprocess.Popen(["/bin/sh", "-c", f"exec {line} >&- 2>&-"], env=environment())
    try:
        answers_until_ended(process, ready_file)
    finally:
        process.kill()
        process.wait()


def answers_until_ended(process: subprocess.Popen[bytes], ready_file: Path) -> None:
    """The server of that process gets ready, answers, and ends with 0."""
    ends = time.monotonic() + PATIENCE
    while not ready_file.exists():
        assert process.poll() is None
        assert time.monotonic() < ends, "it does not get ready"
        os.sched_yield()
    url = json.loads(ready_file.read_text(encoding="utf-8"))["url"]
    for _ in range(3):
        transport = Transport(url, "test")
        assert transport.call("GET", "/api/v1/sources").status == 200
        transport.close()
    process.terminate()
    assert process.wait(PATIENCE) == 0


# --watch


def test_watch_takes_over_what_is_good_and_keeps_the_old_when_it_is_broken(tmp_path: Path) -> None:
    scenario_file(tmp_path, TRUE_PLAY)
    with serving("--scenarios", tmp_path, "--watch") as server:
        count = server.get("/_mock/health", None).body["scenarios"]
        server.until_logged("watching")
        (tmp_path / ".#another.yaml").symlink_to("user@host.1234")  # as an editor locks a file
        (tmp_path / "._mine.yaml").write_bytes(b"\0\5\x16\7")  # as a Mac keeps what belongs to one
        scenario_file(tmp_path, TRUE_PLAY, "another")
        server.until_logged("reloaded: added another")
        assert server.get("/_mock/health", None).body["scenarios"] == count + 1
        scenario_file(tmp_path, TRUE_PLAY.replace("short", "very short"))
        server.until_logged("reloaded: changed mine")
        broken = scenario_file(tmp_path, BROKEN)
        assert "kept" in server.until_logged(f"{broken}:4:")
        assert server.get("/_mock/health", None).body["scenarios"] == count + 1
        broken.unlink()
        server.until_logged("reloaded: removed mine")
        assert server.get("/_mock/health", None).body["scenarios"] == count
        assert server.end() == 0
