"""The judge shares words with the judged, never reasoning: what `conformance` may import of the mock."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "conformance"
WORDS = {"mock_server.version", "mock_server.contract"}
HOST = "target/mock.py"
"""The one module that hosts the mock; it judges nothing."""


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in names if name.startswith("mock_server.")}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_suite_knows_of_the_mock_only_the_words(path: Path) -> None:
    if path != PACKAGE / HOST:
        strange = {
            name for name in imported(path) if not any(name == word or name.startswith(f"{word}.") for word in WORDS)
        }
        assert not strange, f"{path.name} imports {sorted(strange)}"


def test_hosting_the_mock_judges_nothing() -> None:
    judging = {"conformance.preview.checks", "conformance.verdict", "conformance.preview.response_schema"}
    text = (PACKAGE / HOST).read_text()
    assert not any(name in text for name in judging)
