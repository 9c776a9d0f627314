"""The suite on our own mock: it passes, in a journey and isolated."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from judging import judged, with_outcome, worse_than_passed

from conformance.model.results import Outcome
from conformance.preview import checks
from conformance.preview.driver import StateDriver


@pytest.mark.parametrize("isolated", [False, True], ids=["journey", "isolated"])
def test_the_honest_mock_is_accused_of_nothing(*, isolated: bool) -> None:
    results = judged(isolated=isolated)
    assert results.unreachable is None
    assert worse_than_passed(results) == {}
    assert len(with_outcome(results, Outcome.PASSED)) >= 190


def test_a_check_names_the_states_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """`explain` tells them; what a check brings runs into without saying so would leave its reader without a way."""
    used: defaultdict[str, set[str]] = defaultdict(set)

    def spy(name: str) -> None:
        honest = getattr(StateDriver, name)

        def noted(self: StateDriver, state: str, *rest: Any, **named: Any) -> Any:
            used[self.check.name].add(state)
            return honest(self, state, *rest, **named)

        monkeypatch.setattr(StateDriver, name, noted)

    for name in ("run", "begin_run", "body"):
        spy(name)
    judged("DEC", "RUN", "STALE", "CSV", isolated=True)
    assert used
    assert not {name: more for name, states in used.items() if (more := states - set(checks.load()[name].needs))}
