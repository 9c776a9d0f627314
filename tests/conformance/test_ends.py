"""How a run ends early: no time left, an interruption, read-only; it is told so, whatever the suite was doing then."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from commanding import ran

from conformance import Plan
from conformance.cli import main as cli
from conformance.engine.plan import Check
from conformance.http.client import Client
from conformance.model.results import Outcome, Results
from conformance.preview import suite
from conformance.preview.driver import StateDriver
from conformance.preview.suite import mock
from conformance.target.target import Command
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from pathlib import Path


LONG = 600
"""Seconds of a pause or a command that nobody waits for to the end."""


def _reasons(results: Results) -> set[str]:
    return {finding.reason for each in results.results for finding in each.findings if finding.reason}


def test_a_long_pause_between_polls_does_not_outlive_the_run() -> None:
    with mock() as server:
        begun = time.monotonic()
        plan = Plan(clauses=("POLL-08",), max_time=1.5, poll_every=LONG)
        results = suite.run(server.target(), plan)  # nobody moves the clock of this mock, so the run stays queued
    assert time.monotonic() - begun < LONG
    assert [each.outcome for each in results.results] == [Outcome.SKIPPED]
    assert any("--max-time" in reason for reason in _reasons(results))


@pytest.mark.skipif(sys.platform == "win32", reason="the command is a shell script")
def test_a_command_does_not_outlive_the_run(tmp_path: Path) -> None:
    with mock() as server:
        target = replace(server.target(), states={"completed": Command(("sh", "-c", f"sleep {LONG}; true"))})
        begun = time.monotonic()
        suite.run(replace(target, path=tmp_path / "target.yaml"), Plan(clauses=("POLL-08",), max_time=1.5))
    assert time.monotonic() - begun < LONG


@pytest.mark.skipif(sys.platform == "win32", reason="the command is a shell script")
def test_commands_that_may_write_are_not_run_where_only_reads_are_allowed(tmp_path: Path) -> None:
    write = ("sh", "-c", "touch written; echo {seconds}")
    with mock() as server:
        target = replace(server.target(), states={"stale": Command(write)}, advance=write, path=tmp_path / "t.yaml")
        company = server.ways()["canceled"]()
        suite.run(target, Plan(clauses=("STALE", "RUN"), read_only=(company,)))
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize(
    ("end", "code", "says"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(28, "No space left on device"), 2, "No space left"),  # a full disk
    ],
    ids=["interrupted", "a full disk"],
)
def test_an_end_outside_of_the_checks_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, end: BaseException, code: int, says: str
) -> None:
    def ends(*_: Any) -> Results:
        raise end

    monkeypatch.setattr(suite, "run", ends)
    done = ran(cli.main, "run", "--target", "mock")
    assert done.returncode == code
    assert says in done.stderr


def test_what_is_cut_holds_no_half_of_a_key() -> None:
    with mock() as server:
        target = server.target()
    ctx = StateDriver(
        client=Client(target.base_url, target.api_key, contract=contract.load()),
        target=target,
        check=Check("test", ("RUN-01",), "", lambda _: None),
        wait=lambda: 0.0,
        now=time.monotonic,
        advance=lambda _: False,
        ways={},
        shared=None,
    )
    for got, end in ((["x" * 490, target.api_key], "x;…"), ("x" * 495 + "/" + target.api_key, "x/$VER…")):
        ctx.require("RUN-01", holds=False, requirement="none", got=got)
        assert ctx.findings[-1].got.endswith(end)
        assert target.api_key[:4] not in ctx.findings[-1].got
