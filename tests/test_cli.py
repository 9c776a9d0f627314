"""The command line as a user meets it, but for `serve`: the output of its commands and their exit codes."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from commanding import BROKEN, FALSE_PLAY, PATIENCE, ROOT, TRUE_PLAY, command, environment, run, scenario_file, serving

if TYPE_CHECKING:
    from pathlib import Path


# healthcheck, lint, scenarios


def test_healthcheck_is_0_when_the_server_is_ready_and_1_when_not() -> None:
    with serving() as server:
        done = run("healthcheck", "--url", server.url)
        assert done.returncode == 0
        assert re.fullmatch(r"ready: vern-mock \S+ at \S+ with \d+ scenarios\n", done.stdout)
        port = server.url.rpartition(":")[2]
        assert run("healthcheck", VERN_MOCK_PORT=port).returncode == 0
    done = run("healthcheck", VERN_MOCK_PORT=port)
    assert done.returncode == 1
    assert done.stderr.startswith(f"not ready: http://127.0.0.1:{port} does not answer")
    assert len(done.stderr.splitlines()) == 1


def test_healthcheck_of_no_address_is_bad_usage() -> None:
    assert run("healthcheck", "--url", "nowhere").returncode == 2


def test_lint_is_0_for_good_files_1_for_bad_ones_2_for_none(tmp_path: Path) -> None:
    good = scenario_file(tmp_path, TRUE_PLAY, "good")
    done = run("lint", good)
    assert (done.returncode, done.stdout) == (0, "1 file: fine\n")
    bad = scenario_file(tmp_path, BROKEN, "bad")
    done = run("lint", tmp_path)
    assert done.returncode == 1
    assert re.match(rf"{re.escape(str(bad))}:4:\d+: E\d\d\d .*work", done.stdout)
    assert done.stdout.splitlines()[-1].startswith("2 files: ")
    done = run("lint", tmp_path / "none.yaml")
    assert done.returncode == 2
    assert "does not exist" in done.stderr


def test_the_project_s_own_scenarios_are_fine() -> None:
    assert run("lint", ROOT / "scenarios").stdout.endswith(": fine\n")


def test_scenarios_lists_name_title_and_company_in_a_pipe() -> None:
    lines = [line.split("\t") for line in run("scenarios").stdout.splitlines()]
    assert {len(line) for line in lines} == {3}
    listed = json.loads(run("scenarios", "--json").stdout)["scenarios"]
    assert [[each["name"], each["title"], each["company_id"]] for each in listed] == lines
    assert {"live", "re-park"} <= {name for name, _, _ in lines}


def test_scenarios_tells_one_beat_by_beat() -> None:
    told = run("scenarios", "re-park").stdout
    for part in (
        "1. waits in `queued` for 1 s",
        "12 rows flagged: Contacts.Status",
        "approved twice",
        "Prefer:",
        "curl",
    ):
        assert part in told
    for each in json.loads(run("scenarios", "--json").stdout)["scenarios"][:4]:
        assert each["company_id"] in run("scenarios", each["name"]).stdout


def test_an_unknown_name_is_2_with_the_nearest() -> None:
    done = run("scenarios", "re-prak")
    assert done.returncode == 2
    assert "re-park" in done.stderr
    done = run("healthchek")
    assert done.returncode == 2
    assert "healthcheck" in done.stderr


def test_help_and_version_start_light() -> None:
    watched = "import sys, runpy; sys.argv = ['vern-mock', '--help']\n"
    watched += "try: runpy.run_module('mock_server', run_name='__main__')\n"
    watched += "finally: print(sorted({'uvicorn', 'yaml', 'jsonschema', 'jsonschema_rs', 'faker'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", watched], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "demo" in done.stdout
    assert re.fullmatch(r"vern-mock \S+\n", run("--version").stdout)


# demo


def test_the_demo_shows_a_whole_import_and_ends_with_0() -> None:
    done = run("demo", "--speed", "1000")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    shown = ("queued", "running", "needs_attention", "fq0", "Proposed patch", "DESTRUCTIVE", "completed", "1450 rows")
    for part in shown:
        assert part in done.stdout
    assert done.stdout.count("/decisions") == 2


def test_a_demo_whose_play_is_false_ends_with_1_and_the_reason(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, FALSE_PLAY)
    done = run("demo", "mine", "--scenarios", path, "--speed", "0")
    assert done.returncode == 1
    assert "inserted: expected 7, got 1453" in done.stderr
    assert f"{path}:11" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_demo_that_is_stopped_leaves_no_server_behind(number: int) -> None:
    with subprocess.Popen(
        command("demo", "--speed", "1"), stdout=subprocess.PIPE, text=True, env=environment()
    ) as demo:
        assert demo.stdout is not None
        port = next(found[1] for line in demo.stdout if (found := re.search(r"http://127\.0\.0\.1:(\d+)", line)))
        with socket.create_connection(("127.0.0.1", int(port)), timeout=PATIENCE) as connection:
            demo.send_signal(number)
            assert demo.wait(PATIENCE) != 0
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""  # nobody holds the other end any longer


def test_a_demo_of_nothing_is_bad_usage() -> None:
    assert run("demo", "re-prak").returncode == 2
    assert run("demo", "live", "--play", "99").returncode == 2
