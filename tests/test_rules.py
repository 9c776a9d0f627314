"""The check of one cell, and the words that a pattern admits."""

from __future__ import annotations

import pytest

from mock_server.data.rules import alternatives, fault
from mock_server.data.templates import Column


@pytest.mark.parametrize(
    ("column", "text", "found"),
    [
        (Column("C", required=True), "", "required"),
        (Column("C", required=True), " \t", "required"),
        (Column("C", required=True, rule="strict", pattern="x"), "", "required"),
        (Column("C", rule="strict", pattern="x"), "", None),
        (Column("C", rule="strict", pattern="^(Open|Closed)$"), "Open", None),
        (Column("C", rule="strict", pattern="^(Open|Closed)$"), "Open\n", "strict"),
        (Column("C", rule="strict", pattern="^Open|Closed$"), "Opening", "strict"),
        (Column("C", rule="ai"), "anything", None),
        (Column("C", unique=True), "anything", None),
        (Column("C", rule="link"), "anything", None),
    ],
)
def test_one_cell(column: Column, text: str, found: str | None) -> None:
    assert fault(column, text) == found


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("^(Open|Closed|Pending)$", ("Open", "Closed", "Pending")),
        ("^(?:In progress|Done)$", ("In progress", "Done")),
        (r"(A\.B|C)", ("A.B", "C")),
        ("^(a|b*)$", ()),
        (r"^(\d|b)$", ()),
        ("^(a|)$", ()),
        ("^a|b$", ()),
        ("^[a-z]+$", ()),
    ],
)
def test_the_words_of_an_alternation(pattern: str, words: tuple[str, ...]) -> None:
    assert alternatives(pattern) == words
