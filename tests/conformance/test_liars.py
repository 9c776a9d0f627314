"""A liar for every clause that is checked: the suite fails on each, and names the clause that it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from judging import failed
from liars import FRESH, LIARS, REST, SOON
from liars.untold import UNTOLD

from conformance.model.clauses import server_clauses
from conformance.preview import checks

if TYPE_CHECKING:
    from lies import Liar


def _named(liar: Liar, **given: Any) -> Any:
    return pytest.param(liar, id=f"{liar.clause}-{liar.lie.replace(' ', '-')}", **given)


ALL = [*map(_named, SOON), *(_named(each, marks=pytest.mark.whole) for each in REST)]


@pytest.mark.parametrize("liar", ALL)
def test_a_liar_is_told_by_the_clause_that_it_breaks(liar: Liar) -> None:
    assert {liar.clause, *liar.implied}.intersection(liar.told(max_failures=1)), (
        f"this server {liar.lie}, and nothing failed"
    )


@pytest.mark.whole
@pytest.mark.parametrize("liar", [_named(each) for each in LIARS if each.rate_limit is None])
def test_a_liar_is_told_in_a_whole_journey(liar: Liar) -> None:
    assert failed(liar.judged(whole=True, isolated=False)), f"this server {liar.lie}, and nothing failed"


def test_a_liar_that_is_not_told_is_there() -> None:
    assert len(FRESH) == len(UNTOLD), "liars.untold names some that are gone"


def test_every_clause_that_is_checked_has_its_liar() -> None:
    checked = {clause for each in checks.load().values() for clause in each.clauses}
    tested = {each.id for each in server_clauses().values() if each.not_tested is None}
    assert tested <= checked, "server clauses without a check and without a reason"
    assert checked <= {each.clause for each in LIARS}, "clauses whose check nobody has seen fail"
