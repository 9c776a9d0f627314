"""The server behind the fixture `vern_mock`: whose it is, that it starts, dies and ends, and is told of."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from test_pytest_plugin import ONE

from mock_server.player.process import running

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = "pytester"
pytestmark = pytest.mark.usefixtures("at_home")


def test_a_server_that_runs_already_is_used(pytester: pytest.Pytester, server: str) -> None:
    pytester.makepyfile(f"def test_it(vern_mock): assert vern_mock.origin == {server!r}")
    pytester.runpytest_inprocess(*ONE, "--vern-mock-url", f"{server}/api/v1").assert_outcomes(passed=1)


def test_a_guarded_mock_is_told_the_token(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile("def test_it(vern_mock): assert vern_mock.session")
    with running("--admin-token", "s3cret") as guarded:
        at = (*ONE, "--vern-mock-url", guarded.url)
        refused = pytester.runpytest_inprocess(*at)
        refused.assert_outcomes(errors=1)
        refused.stdout.fnmatch_lines(["*x-admin-token*--vern-mock-admin-token*"])
        pytester.runpytest_inprocess(*at, "--vern-mock-admin-token", "s3cret").assert_outcomes(passed=1)
        monkeypatch.setenv("VERN_MOCK_ADMIN_TOKEN", "s3cret")
        pytester.runpytest_inprocess(*at).assert_outcomes(passed=1)


def test_a_server_that_does_not_start_is_told_once(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile("def test_it(vern_mock): pass\ndef test_another(vern_mock): pass")
    monkeypatch.setattr(sys, "executable", "false")
    ran = pytester.runpytest_inprocess(*ONE)
    ran.assert_outcomes(errors=2)
    ran.stdout.fnmatch_lines(["it ended with 1 before it was ready*", "the mock did not start (told in full before)"])


def test_a_server_that_died_is_told_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
def test_first(vern_mock): pass
def test_in_which_it_dies(vern_mock): vern_mock._server._process._process.kill()
def test_after(vern_mock): pass
def test_long_after(vern_mock): pass
"""
    )
    ran = pytester.runpytest_inprocess(*ONE)
    ran.assert_outcomes(passed=1, failed=1, errors=2)
    assert ran.stdout.str().count("it said:") == 1
    assert ran.stdout.str().count("the mock has ended: its exit code is -9 (told in full before)") == 2


@pytest.mark.parametrize("url", ["127.0.0.1:8376", "localhost", "ftp://127.0.0.1", "http://"])
def test_what_is_no_url_is_bad_usage(pytester: pytest.Pytester, url: str) -> None:
    ran = pytester.runpytest_inprocess(*ONE, "--vern-mock-url", url)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines([f"ERROR: --vern-mock-url: expected a URL such as *; got '{url}'"])


def is_gone(port: int) -> bool:
    """Whether nobody listens there any longer; a server that is about to end closes the connection when it does."""
    for _ in range(100):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.recv(1)
        except OSError:
            return True
    return False


def test_the_server_ends_with_the_run_and_leaves_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Settings of another server, and a module of the project's own with our name, make no difference."""
    for name in ("ADMIN_TOKEN", "API_KEY", "HOST", "SCENARIO", "END_WITH_STDIN"):
        monkeypatch.setenv(f"VERN_MOCK_{name}", "else")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    pytester.makepyfile("def test_it(vern_mock): print('served at', vern_mock.origin)", mock_server="1 / 0")
    ran = pytester.runpytest_subprocess(*ONE, "-s")
    (line,) = [line for line in ran.outlines if line.startswith("served at") or " served at" in line]
    port = int(line.rpartition(":")[2].rstrip("."))
    assert is_gone(port)
    assert list(tmp_path.iterdir()) == []


def test_the_server_ends_with_a_run_that_is_killed_and_leaves_nothing(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """Also when a child of the tests' lives on."""
    for name in ("origin", "go"):
        os.mkfifo(pytester.path / name)
    path = pytester.makepyfile(
        """
import os, pathlib, signal

def test_it(vern_mock):
    if os.fork() == 0:
        pathlib.Path("go").read_text()
        os._exit(0)
    pathlib.Path("origin").write_text(vern_mock.origin)
    signal.pause()
"""
    )
    line = [sys.executable, "-m", "pytest", *ONE, str(path)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)}) as killed:
        port = urlsplit((pytester.path / "origin").read_text()).port
        killed.kill()
    assert port is not None
    assert is_gone(port)
    (pytester.path / "go").write_text("")
    assert list(tmp_path.iterdir()) == []
