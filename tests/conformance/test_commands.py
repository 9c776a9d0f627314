"""The commands of a target file: each ends in time with all that it started, and nothing that it prints is repeated."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING, BinaryIO

import pytest
from commanding import environment

from conformance.target.commands import CommandFailed, bring, let_pass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are shell scripts")

NAMES = ("company", "run")


def test_company_and_run_are_read(tmp_path: Path) -> None:
    assert bring(NAMES, ("sh", "-c", """echo '{"company": "c", "run": "r"}'"""), tmp_path, 10) == ("c", "r")


ALIVE = "exec 3>alive; echo it runs >&3; sleep 600 & sleep 600; true {seconds}"
"""A script with a child; `alive` has been read to its end when neither goes on."""


@pytest.fixture
def alive(tmp_path: Path) -> Iterator[BinaryIO]:
    os.mkfifo(tmp_path / "alive")
    with os.fdopen(os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        yield reader


def test_what_a_script_has_started_ends_with_it(tmp_path: Path, alive: BinaryIO) -> None:
    with pytest.raises(CommandFailed, match=r"did not end within 0\.5 s"):
        let_pass(("sh", "-c", ALIVE), 1, tmp_path, 0.5)
    os.set_blocking(alive.fileno(), True)
    assert alive.read() in {b"it runs\n", b""}


def test_a_judge_that_is_killed_leaves_no_command_behind(tmp_path: Path, alive: BinaryIO) -> None:
    call = f"let_pass(('sh', '-c', {ALIVE!r}), 1, {str(tmp_path)!r}, 600)"
    line = [sys.executable, "-c", f"from conformance.target.commands import let_pass; {call}"]
    with subprocess.Popen(line, env=environment()) as judging:
        os.set_blocking(alive.fileno(), True)
        assert select.select([alive], [], [], 60)[0]
        judging.kill()
    assert alive.read() == b"it runs\n"


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
