"""A liar for every clause that is checked: the suite fails on each, and names the clause that it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from judging import FIRST, failed
from liars import LIARS

from conformance.model.clauses import server_clauses
from conformance.preview import checks

if TYPE_CHECKING:
    from lies import Liar


@pytest.mark.parametrize("liar", LIARS, ids=[f"{each.clause}-{each.lie.replace(' ', '-')}" for each in LIARS])
def test_a_liar_is_told_by_the_clause_that_it_breaks(liar: Liar) -> None:
    told: set[str] = set()
    for depth in (FIRST, "quick", "whole"):  # what is told at once needs no long look
        if not told:
            told = {liar.clause, *liar.implied}.intersection(failed(liar.judged(depth=depth)))
    assert told, f"this server {liar.lie}, and nothing failed"


def test_every_clause_that_is_checked_has_its_liar() -> None:
    checked = {clause for each in checks.load().values() for clause in each.clauses}
    tested = {each.id for each in server_clauses().values() if each.not_tested is None}
    assert tested <= checked, "server clauses without a check and without a reason"
    assert checked <= {each.clause for each in LIARS}, "clauses whose check nobody has seen fail"
