"""The command line as its users meet it: exit codes, reports, and what it says to bad input."""

from __future__ import annotations

import contextlib
import json
import math
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import bad_targets
import click
import pytest
from bad_targets import serving
from commanding import Ran, ran

from conformance.cli import main as cli
from conformance.cli.grouped import GROUPS, REST
from conformance.preview.suite import KEY, OTHER, mock

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from bad_targets import Behaviour

KEYS = {"VERN_API_KEY": KEY, "OTHER_KEY": OTHER}
TARGET = """\
base_url: {url}/api/v1
api_key: ${{VERN_API_KEY}}
other_api_key: ${{OTHER_KEY}}
requests_per_minute: 0
states:
  completed: {{body: {{rows: [{{Email: ada@example.com, Name: Ada}}]}}}}
  needs_attention: {{body: {{rows: [{{Email: ada@example.com, Name: Ada, Status: Perhaps}}]}}}}
"""


def command(*arguments: str | Path, folder: Path | None = None) -> Ran:
    return ran(cli.main, *arguments, folder=folder, variables=KEYS)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A mock whose runs come to rest within a few milliseconds."""
    with mock(speed=600) as server:
        yield server.url


@pytest.fixture
def target(url: str, tmp_path: Path) -> Path:
    path = tmp_path / "target.yaml"
    path.write_text(TARGET.format(url=url))
    return path


def test_the_mock_passes_and_every_report_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "TELL_EVERY", math.inf)  # however slow this machine is
    files = {kind: tmp_path / f"report.{kind}" for kind in ("junit", "json", "html", "markdown", "badge")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", path)]
    done = command("run", "--target", "mock", "AUTH", "DEC-24", "--max-examples", "4", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed: 7 of 7 must clauses passed" in done.stdout.replace("\n", " ")
    assert re.fullmatch(r"whole depth, some \d+ requests, and generated ones: about \d+ s\n", done.stderr)
    assert len(ElementTree.parse(files["junit"]).getroot().findall(".//testcase")) == 7
    document = json.loads(files["json"].read_text())
    assert {each["clause"] for each in document["results"]} >= {"AUTH-02", "DEC-24"}
    assert "<html" in files["html"].read_text()
    assert "DEC" in files["markdown"].read_text()
    assert json.loads(files["badge"].read_text())["schemaVersion"] == 1


def test_a_long_run_tells_a_pipe_now_and_then_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "TELL_EVERY", 0)
    _, *told = command("run", "--target", "mock", "SRC", "--max-examples", "0").stderr.splitlines()
    count = len(told)
    assert count > 1
    assert [line.partition(" ")[0] for line in told] == [f"{number}/{count}" for number in range(1, count + 1)]


def test_a_report_to_standard_output_is_alone_there() -> None:
    done = command("run", "--target", "mock", "SRC", "--json", "-")
    assert json.loads(done.stdout)["results"]
    assert "passed:" in done.stderr


def test_a_format_takes_the_place_of_the_text() -> None:
    done = command("run", "--target", "mock", "SRC-01", "--max-examples", "0", "--format", "sarif", "--quiet")
    assert json.loads(done.stdout)["version"] == "2.1.0"
    assert done.stderr.splitlines() == [
        "passed: 1 of 1 must clauses passed",
        "",
        "Clauses",
        "  SRC     .                         1 passed",
        "",
        "  . passed",
    ]


def test_so_many_failures_are_enough_and_a_run_that_tried_too_little_says_so() -> None:
    with serving(bad_targets.says(bad_targets.answer(b'{"sources": [{"id": 1}]}'))) as bad:
        asked = ("run", "--base-url", bad.url, "--api-key", "a-key", "--max-failures", "1", "--json", "-")
        document = json.loads(command(*asked).stdout)
    assert document["verdict"]["exit_code"] == 1
    reasons = {found["reason"] for each in document["results"] for found in each["findings"]}
    assert any(each.startswith("--max-failures 1") for each in reasons)
    assert any("less than half" in each for each in document["verdict"]["remarks"])


def test_the_help_shows_each_option_once_in_a_group() -> None:
    groups = command("run", "--help").stdout.split("\n\n")
    titles = [each.partition(":\n")[0] for each in groups[-4:]]
    assert titles == [*GROUPS, REST]
    told = [re.findall(r"^  (?:-h, )?(--[a-z-]+)", each, re.MULTILINE) for each in groups[-4:]]
    shown = [param.opts[-1] for param in cli.run.params if isinstance(param, click.Option) and not param.hidden]
    assert "CLAUSE]..." not in groups[-1]
    assert sorted(name for names in told for name in names) == sorted([*shown, "--help"])
    assert {name for names in GROUPS.values() for name in names} <= {param.name for param in cli.run.params}


def test_no_key_is_ever_written(target: Path, tmp_path: Path) -> None:
    files = [word for kind in ("junit", "json", "html", "markdown") for word in (f"--{kind}", tmp_path / f"r.{kind}")]
    done = command("run", "--target", target, "AUTH", "ERR", "SRC", "ACT", *files)
    written = done.stdout + done.stderr + "".join(path.read_text() for path in tmp_path.glob("r.*"))
    assert KEY not in written
    assert OTHER not in written


def test_a_clause_that_is_required_may_not_be_skipped(target: Path) -> None:
    assert command("run", "--target", target, "AUTH").returncode == 0
    done = command("run", "--target", target, "AUTH", "--require", "AUTH-04")
    assert done.returncode == 1
    assert "AUTH-04 is required and was not tried" in done.stdout


def test_a_baseline_holds_in_both_directions(tmp_path: Path) -> None:
    baseline = tmp_path / "known.yaml"
    baseline.write_text("SRC-01: our ticket 118\n")
    done = command("run", "--target", "mock", "SRC", "--baseline", baseline)
    assert done.returncode == 1
    assert "take the entry out" in done.stdout.replace("\n", " ")


def test_existing_runs_are_judged_by_reads_alone(tmp_path: Path) -> None:
    with mock() as server:
        company, run = server.ways()["canceled"]()
        (tmp_path / "target.yaml").write_text(TARGET.format(url=server.url))
        arguments = ["run", "--target", str(tmp_path / "target.yaml"), "--read-only", f"{company}/{run}"]
        done = command(*arguments, "--json", "-")
        listed = server.admin("GET", "/_mock/session")
    results = {each["clause"]: each["outcome"] for each in json.loads(done.stdout)["results"]}
    assert done.returncode == 0, done.stderr
    assert results["POLL-16"] == results["SRC-01"] == results["AUTH-03"] == "passed"
    assert results["DEC-01"] == results["PROV-01"] == "skipped"
    assert json.dumps(listed).count("conformance-") == 0


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (bad_targets.hangs, 4),
        (bad_targets.resets, 4),
        (bad_targets.says(bad_targets.answer(status="401 Unauthorized")), 4),
        (bad_targets.says(bad_targets.answer(b"<html>", content_type="text/html")), 1),
        (bad_targets.says(bad_targets.answer('{"sources": "ä"}'.encode("latin-1"))), 1),
    ],
    ids=["hangs", "resets", "refuses the key", "answers HTML", "answers in Latin-1"],
)
def test_a_bad_target_has_a_clear_outcome(behave: Behaviour, code: int, tmp_path: Path) -> None:
    with serving(behave) as bad:
        patience = 0.3 if behave is bad_targets.hangs else 60
        text = f"base_url: {bad.url}\napi_key: a-key-of-mine\ntimeouts: {{request: {patience}}}\n"
        (tmp_path / "target.yaml").write_text(text)
        done = command("run", "--target", tmp_path / "target.yaml", "SRC", "TPL")
    assert done.returncode == code, done.stdout
    assert "Traceback" not in done.stderr


def test_what_has_no_time_left_is_skipped(target: Path) -> None:
    done = command("run", "--target", target, "--max-time", "0.3", "--poll-every", "0.2", "--json", "-")
    reasons = {found["reason"] for each in json.loads(done.stdout)["results"] for found in each["findings"]}
    assert any("--max-time" in (reason or "") for reason in reasons)


def test_an_interruption_writes_the_reports(tmp_path: Path) -> None:
    """It comes while the second request hangs, so that something was done, and to a job behind a shell's `&`."""
    said = bad_targets.answer(b'{"sources": []}')

    def hangs_later(connection: socket.socket, target: bad_targets.Target) -> None:
        if len(target.heads) == 1:
            connection.sendall(said)
            return
        asked.set()
        target.over.wait(300)

    asked, report = threading.Event(), tmp_path / "report.json"
    with serving(hangs_later) as target:
        (tmp_path / "target.yaml").write_text(f"base_url: {target.url}\napi_key: a-key-of-mine\n")
        line = [sys.executable, "-m", "conformance", "run"]
        line += ["--target", str(tmp_path / "target.yaml"), "--json", str(report)]
        with started_deaf(line) as process:
            assert asked.wait(120)
            process.send_signal(signal.SIGINT)
            told, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert json.loads(report.read_text())["interrupted"] is True
    assert "interrupted" in told


@contextlib.contextmanager
def started_deaf(line: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that SIGINT does not reach at first, as in the background of a script; it is gone after the block."""
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, ours)
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run"], "--target FILE, --target mock, or --base-url URL"),
        (["run", "--target", "mock", "--base-url", "http://x/api"], "one of them"),
        (["run", "--target", "no-such.yaml"], "no-such.yaml"),
        (["run", "--target", "mock", "DEK-24"], "did you mean 'DEC-24'?"),
        (["run", "--target", "mock", "AUTH-01"], "binds clients"),
        (["run", "--target", "mock", "--profile", "core", "CSV"], "CSV"),
        (["run", "--target", "mock", "--require", "DEC-99"], "no clause or area 'DEC-99'"),
        (["run", "--base-url", "not a url", "--api-key", "abcd"], "base_url"),
        (["run", "--target", "mock", "--json", "no/such/folder/x.json"], "cannot be written"),
        (["run", "--target", "mock", "--read-only", "x"], "expected a poll_url, or COMPANY/RUN"),
        (
            [
                "run",
                "--base-url",
                "http://x/api",
                "--api-key",
                "abcd",
                "--read-only",
                "https://x/api/companies/c/imports/r",
            ],
            "expected a run of the target, http://x/api; got one of https://x",
        ),
        (["run", "--target", "mock", "--max-time", "0"], "--max-time"),
        (["explain", "NOPE"], "no clause or area 'NOPE'"),
    ],
)
def test_bad_usage_is_told_in_a_sentence(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = command(*arguments, folder=tmp_path)
    assert done.returncode == 2, done.stdout
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_target_file_that_is_wrong_is_told_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "target.yaml").write_text("base_url: http://127.0.0.1:1/api/v1\napi_kye: x\n")
    done = command("run", "--target", tmp_path / "target.yaml")
    assert done.returncode == 2
    assert "target.yaml:2:1" in done.stderr


def test_the_file_that_init_writes_is_in_order_and_never_overwritten(tmp_path: Path) -> None:
    assert command("init", folder=tmp_path).returncode == 0
    again = command("init", tmp_path / "target.yaml")
    assert again.returncode == 2
    assert "stays as it is" in again.stderr


def test_a_clause_is_explained() -> None:
    said = command("explain", "DEC-24").stdout
    for words in ("DEC-24", "resolve-flagged-rows", "what is sent", "states.needs_attention", "vern-conformance run"):
        assert words in said
    assert "binds clients" in command("explain", "AUTH-01").stdout


def test_every_server_clause_is_listed() -> None:
    listed = json.loads(command("list", "--json").stdout)["clauses"]
    assert len(listed) == 202
    assert all(each["checks"] or each["not_tested"] for each in listed)
    assert "| DEC-24 | must |" in command("list", "DEC", "--markdown").stdout


def test_a_run_to_read_that_is_not_there_is_told(target: Path) -> None:
    nowhere = "11111111-1111-4111-8111-111111111111"
    done = command("run", "--target", target, "--read-only", f"{nowhere}/{nowhere}")
    assert done.returncode == 2
    assert f"there is no run {nowhere}/{nowhere}" in done.stderr


def test_two_reports_need_two_files(tmp_path: Path) -> None:
    done = command("run", "--target", "mock", "SRC", "--json", tmp_path / "x", "--html", tmp_path / "x")
    assert done.returncode == 2
    assert "same file" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk on this machine")
def test_a_report_that_cannot_be_written_loses_no_verdict() -> None:
    done = command("run", "--target", "mock", "SRC", "--json", "/dev/full")
    assert done.returncode == 2
    assert "passed:" in done.stdout
    assert "/dev/full cannot be written" in done.stderr
