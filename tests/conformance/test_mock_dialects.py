"""The suite on our own mock in each dialect: it keeps the contract in all of them, and the suite accuses none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from honesty import Honest
from judging import judged, with_outcome, worse_than_passed
from lies import Liar, rule

from conformance.model.results import Outcome
from mock_server.preview import account, history, preconditions, uploads

if TYPE_CHECKING:
    from conformance.model.results import Results

RIVALS = "bare-history+nulls-in-catalogue+silent+no-options+lenient-answers+export-200+status-unknown+history-renamed"
"""The readings that `extended` leaves to others."""

NAMED = "minimal", "extended", RIVALS
RANDOM = [f"random:{number}" for number in range(1, 6)]


def speaking(name: str) -> Any:
    """What makes the mock speak the dialect in every session."""

    def bend(app: Any) -> Any:
        app.sessions.settings = app.sessions.settings._replace(dialect=name)
        return app

    return bend


def not_accused(name: str, **plan: Any) -> Results:
    results = judged(bend=speaking(name), strict=False, **plan)
    assert results.unreachable is None
    assert worse_than_passed(results) == {}
    return results


@pytest.mark.parametrize("name", NAMED)
def test_no_dialect_is_accused(name: str) -> None:
    assert len(with_outcome(not_accused(name, depth="quick"), Outcome.PASSED)) >= 165


@pytest.mark.whole
@pytest.mark.parametrize("isolated", [False, True], ids=["journey", "isolated"])
@pytest.mark.parametrize("name", [*NAMED, "extended+history-array", *RANDOM])
def test_no_dialect_is_accused_of_anything(name: str, *, isolated: bool) -> None:
    assert len(with_outcome(not_accused(name, isolated=isolated), Outcome.PASSED)) >= 185


READINGS = [
    ("status-empty", "ACT-01"),
    ("status-unknown", "ACT-01"),
    ("lenient-answers", "DEC-17"),
    ("upload-codes", "UPL-01"),
    ("history-renamed", "HIST-01"),
]


@pytest.mark.parametrize(("name", "clause"), READINGS, ids=[name for name, _ in READINGS])
def test_another_reading_is_held_against_nobody_but_a_mock_that_should_read_as_the_contract(
    name: str, clause: str
) -> None:
    assert worse_than_passed(judged(clause, bend=speaking(name), strict=False)) == {}
    assert clause in worse_than_passed(judged(clause, bend=speaking(name)))


LENIENT = [
    Liar("HIST-02", "takes any limit", rule(history._limit, lambda text: 1 if text == "1" else 20)),
    Liar(
        "UPL-03",
        "takes a file of another type",
        rule(uploads._refuse_other_type, lambda *_: None),
    ),
    Liar("DST-01", "exports several at once", rule((account, preconditions.refuse_exporting), lambda *_: None)),
]


@pytest.mark.parametrize("server", LENIENT, ids=[each.lie.replace(" ", "-") for each in LENIENT])
def test_a_lenient_server_is_no_liar_unless_it_is_our_own_mock(server: Liar) -> None:
    theirs = Honest("OP", server.lie, server.make, (server.clause,))
    assert worse_than_passed(theirs.judged(*theirs.concerns)) == {}
    assert list(worse_than_passed(server.judged())) == [server.clause]
