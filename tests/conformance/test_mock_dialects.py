"""The suite on our own mock in each dialect: it keeps the contract in all of them, and the suite accuses none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judging import judged, with_outcome, worse_than_passed

from conformance.results import Outcome

RIVALS = "bare-history+nulls-in-catalogue+silent+no-options+lenient-answers+export-200+status-unknown+history-renamed"
"""The readings that `extended` leaves to others."""


def speaking(name: str) -> Any:
    """What makes the mock speak the dialect in every session."""

    def bend(app: Any) -> Any:
        app.sessions.settings = replace(app.sessions.settings, dialect=name)
        return app

    return bend


@pytest.mark.parametrize(
    ("name", "isolated"),
    [
        ("minimal", True),
        ("extended", True),
        ("extended", False),
        (RIVALS, True),
        ("extended+history-array", False),
        *((f"random:{number}", True) for number in range(1, 6)),
    ],
)
def test_no_dialect_is_accused(name: str, *, isolated: bool) -> None:
    results = judged(isolated=isolated, bend=speaking(name), vouched=name == "minimal")
    assert results.unreachable is None
    assert worse_than_passed(results) == {}
    assert len(with_outcome(results, Outcome.PASSED)) >= 185
