"""Schemathesis, with every check and phase on, against the contract that the mock serves.

`schemathesis.toml` names what it may see: the documented 400s that depend on data, each with its clause; the check in
`schemathesis_hooks.py` holds their texts against the reasons that these clauses give.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from schemathesis_hooks import REASONS

from mock_server.player.process import running

ROOT = Path(__file__).parent.parent
KEY = "schemathesis"
COMMAND = Path(sys.executable).with_name("schemathesis")


@pytest.fixture(scope="module")
def report() -> tuple[int, str, str]:
    """Exit code and output of one run, and the log of the server that it met."""
    with running("--rate-limit", "off", "--api-key", KEY) as server:
        arguments = ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--seed", "1"]
        bounds = ["--max-examples", "5", "--continue-on-failure", "--generation-database", "none"]
        ran = subprocess.run(
            [COMMAND, "run", f"{server.url}/_mock/openapi.json", "-H", f"x-api-key: {KEY}", *arguments, *bounds],
            cwd=ROOT,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(Path(__file__).parent)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return ran.returncode, ran.stdout + ran.stderr, server.log()


def test_nothing_is_reported_but_what_the_configuration_names(report: tuple[int, str, str]) -> None:
    code, output, _ = report
    assert code == 0, output[-5000:]
    assert re.search(r"Tested: 11\b", output), output[-2000:]


def test_it_really_tried(report: tuple[int, str, str]) -> None:
    _, output, _ = report
    found = re.search(r"(\d+) generated, (\d+) passed", output)
    assert found is not None, output[-2000:]
    assert int(found[1]) > 500
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert re.search(rf"✅ +{phase}", output), f"{phase} did not pass\n{output[-2000:]}"


def test_no_answer_was_a_failure_of_ours(report: tuple[int, str, str]) -> None:
    assert "Traceback" not in report[2]


def test_every_exception_that_the_configuration_makes_cites_a_clause() -> None:
    text = (ROOT / "schemathesis.toml").read_text()
    sections = text.split("[[operations]]")[1:]
    assert sections
    for section in sections:
        operation = re.search(r'include-operation-id = "(.+)"', section)
        assert operation is not None
        cited = set(re.findall(r"\b(?:PROV|DEC|DST|OP)-\d\d", section))
        assert {clause for clause, _ in REASONS[operation[1]]} <= cited, section
    assert len(sections) == len(REASONS)
