"""The suite on our own mock: it passes, in a journey and isolated."""

from __future__ import annotations

import pytest

from conformance.results import Outcome
from judging import judged, with_outcome, worse_than_passed


@pytest.mark.parametrize("isolated", [False, True], ids=["journey", "isolated"])
def test_the_honest_mock_is_accused_of_nothing(*, isolated: bool) -> None:
    results = judged(isolated=isolated)
    assert results.unreachable is None
    assert worse_than_passed(results) == {}
    assert len(with_outcome(results, Outcome.PASSED)) >= 190
