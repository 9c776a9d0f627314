"""Servers that keep the contract in ways of their own: the suite accuses none, alone and in mixtures."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from honest import HONEST
from honesty import Honest, of_all
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from judging import worse_than_passed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.model.results import Results

READINGS: dict[str, list[Honest]] = defaultdict(list)
"""By open point: a server reads each in one way."""
for each in HONEST:
    if each.mixes:
        READINGS[each.open_point].append(each)

mixtures = st.tuples(*(st.sampled_from([None, *readings]) for readings in READINGS.values())).map(
    lambda chosen: [each for each in chosen if each is not None]
)


def told(servers: list[Honest]) -> str:
    """The mixture, for whoever has to find out why it was accused."""
    return "this server " + "; ".join(f"{each.reading} ({each.open_point})" for each in servers)


def accused(results: Results) -> dict[str, str]:
    """What the suite holds against the server, or could not find out."""
    assert results.unreachable is None
    return worse_than_passed(results)


def each_of(servers: Sequence[Honest]) -> pytest.MarkDecorator:
    """A test for each of these."""
    ids = [f"{each.open_point}-{each.reading.replace(' ', '-')}" for each in servers]
    return pytest.mark.parametrize("server", servers, ids=ids)


@each_of([each for each in HONEST if each.clauses != each.concerns or not each.mixes])
def test_no_reading_is_accused(server: Honest) -> None:
    """Of what its open point is about; of a reading of no open point a mixture tells, which is asked for everything."""
    assert accused(server.judged(*server.clauses, isolated=False)) == {}, told([server])


@pytest.mark.whole
@each_of(HONEST)
def test_no_reading_is_accused_where_it_may_be_met(server: Honest) -> None:
    assert accused(server.judged(*server.concerns, isolated=False)) == {}, told([server])


MIXTURES = range(max(map(len, READINGS.values())))
WHOLE = 2
"""How many of them `make test` asks for everything; the others only for what a quick run asks."""


@pytest.mark.parametrize(
    ("number", "depth"),
    [
        *((number, "whole" if number < WHOLE else "quick") for number in MIXTURES),
        *(pytest.param(number, "whole", marks=pytest.mark.whole) for number in MIXTURES[WHOLE:]),
    ],
)
def test_no_mixture_is_accused_in_a_whole_journey(number: int, depth: str) -> None:
    """Every reading is in one of these."""
    servers = [readings[number] for readings in READINGS.values() if number < len(readings)]
    assert accused(of_all(servers, isolated=False, depth=depth)) == {}, told(servers)


@pytest.mark.whole
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(servers=mixtures, isolated=st.booleans())
def test_no_random_mixture_is_accused(servers: list[Honest], *, isolated: bool) -> None:
    assert accused(of_all(servers, isolated=isolated)) == {}, told(servers)
