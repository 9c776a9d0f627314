"""The examples of docs/testing.md are run as they stand: the pytest one by pytest, the other by Node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytest_plugins = "pytester"

PAGE = Path(__file__).parent.parent / "docs/testing.md"


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_examples_for_pytest(pytester: pytest.Pytester, server: str) -> None:
    alone, in_class = examples("python")
    pytester.makepyfile(test_alone=alone, test_in_class=in_class)
    options = ("-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:cov", "-W", "error", "--vern-mock-url", server)
    pytester.runpytest_inprocess(*options).assert_outcomes(passed=2)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine")
def test_the_example_for_node(server: str, tmp_path: Path) -> None:
    (tmp_path / "mock.test.mjs").write_text("".join(examples("js")))
    node = shutil.which("node")
    assert node is not None
    ran = subprocess.run(
        [node, "--test"],
        cwd=tmp_path,
        env={**os.environ, "VERN_MOCK_URL": server},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"# pass 1\b", ran.stdout), ran.stdout
