"""The commands of a target file: each ends in time with all that it started, and nothing that it prints is repeated."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from commanding import environment

from conformance.target.commands import CommandFailed, bring, let_pass

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are shell scripts")

NAMES = ("company", "run")


def test_company_and_run_are_read(tmp_path: Path) -> None:
    assert bring(NAMES, ("sh", "-c", """echo '{"company": "c", "run": "r"}'"""), tmp_path, 10) == ("c", "r")


def test_what_a_script_has_started_ends_with_it(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(CommandFailed, match=r"did not end within 0\.5 s"):
        let_pass(("sh", "-c", "echo $$ > pid; sleep 600; true {seconds}"), 1, tmp_path, 0.5)
    assert time.monotonic() - begun < 600
    group = int((tmp_path / "pid").read_text())
    with suppress(ProcessLookupError):  # the dead are reaped a little later
        for _ in range(1_000):
            os.killpg(group, 0)
            time.sleep(0.05)
        pytest.fail("the script's own child goes on")


def test_a_judge_that_is_killed_leaves_no_command_behind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    script = "exec 3>alive; echo it runs >&3; sleep 600 & sleep 600"
    call = f"let_pass(('sh', '-c', {script!r}), 1, {str(tmp_path)!r}, 600)"
    judge = f"from conformance.target.commands import let_pass; {call}"
    with (
        subprocess.Popen([sys.executable, "-c", judge], env=environment()) as judging,
        (tmp_path / "alive").open() as alive,
    ):
        assert alive.readline() == "it runs\n"
        judging.kill()
        assert alive.read() == ""  # it ends when nobody has it open: neither script nor child


@pytest.mark.parametrize("printed", ["no json, but s3cret", "[]", '{"company": "c"}', r"\377s3cret"])
def test_what_is_printed_is_never_repeated(printed: str, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="on standard output") as failed:
        bring(NAMES, ("printf", "%b", printed), tmp_path, 10)
    assert "s3cret" not in str(failed.value)


@pytest.mark.parametrize(("script", "says"), [("exit 3", "ended with 3"), ("kill -9 $$", "ended with -9")])
def test_an_exit_code_is_told(script: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=says):
        bring(NAMES, ("sh", "-c", script), tmp_path, 10)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="could not be run"):
        bring(NAMES, ("./no-such-program",), tmp_path, 10)
