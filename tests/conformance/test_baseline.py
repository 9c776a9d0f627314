"""The baseline: a list of expected failures that is held in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.verdict import baseline
from mock_server.contract.yaml_file import BadFiles

if TYPE_CHECKING:
    from pathlib import Path


def load(tmp_path: Path, text: str) -> dict[str, str]:
    file = tmp_path / "known.yaml"
    file.write_text(text, "utf-8")
    return baseline.load(file)


def complaints(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(BadFiles) as caught:
        load(tmp_path, text)
    return [str(each).partition("known.yaml:")[2] for each in caught.value.complaints]


def test_a_file_is_clause_and_reason(tmp_path: Path) -> None:
    assert load(tmp_path, "# ours\nDEC-04: ticket 118\nPOLL-04: 'never: agreed'\n") == {
        "DEC-04": "ticket 118",
        "POLL-04": "never: agreed",
    }


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing left\n", "\ufeff# nothing\n", "{}\n"])
def test_a_file_from_which_the_last_entry_was_taken_is_an_empty_one(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == {}


def test_an_unknown_clause_is_told_with_line_and_nearest(tmp_path: Path) -> None:
    assert complaints(tmp_path, "DEC-04: x\nDEK-04: y\nQQQQ: z\n") == [
        "2:1: E601 no server clause 'DEK-04'; did you mean 'DEC-04'?",
        "3:1: E601 no server clause 'QQQQ'; `vern-conformance list` shows them all",
    ]


@pytest.mark.parametrize("value", ["~", "7", "[a]", "''", "true"])
def test_an_entry_needs_a_reason(tmp_path: Path, value: str) -> None:
    said = "1:9: E602 expected the reason why DEC-04 may fail, as a line of text"
    assert complaints(tmp_path, f"DEC-04: {value}\n") == [said]


def test_a_file_that_cannot_be_read_or_names_a_clause_twice_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match="E101 cannot be read"):
        baseline.load(tmp_path / "missing.yaml")
    assert complaints(tmp_path, "DEC-04: a\nDEC-04: b\n") == [
        "2:1: E103 'DEC-04' is given twice; the first one is in line 1"
    ]


def test_both_directions_are_compared_and_said() -> None:
    expected = {"DEC-01": "a", "DEC-02": "b", "DEC-03": "c"}
    assert baseline.mismatches(["DEC-01", "DEC-09"], ["DEC-02"], expected) == [
        "DEC-09 failed, and the baseline does not expect it",
        "DEC-02 passed, but the baseline expects it to fail (b); take the entry out",
    ]
