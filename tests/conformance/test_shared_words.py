"""The judge shares words with the judged, never reasoning: what `conformance` may import of the mock."""

from __future__ import annotations

import ast
from pathlib import Path

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


def test_the_suite_knows_of_the_mock_only_the_words() -> None:
    strange = {
        str(path.relative_to(PACKAGE)): found
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / HOST
        and (found := {each for each in imported(path) if not any(f"{each}.".startswith(f"{word}.") for word in WORDS)})
    }
    assert not strange


def test_hosting_the_mock_judges_nothing() -> None:
    judging = {"conformance.preview.checks", "conformance.verdict", "conformance.preview.response_schema"}
    text = (PACKAGE / HOST).read_text()
    assert not any(name in text for name in judging)
