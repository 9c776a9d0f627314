"""Lies and readings of a server that owes the mock nothing, judged as its owner would: for `make test-all`."""

from __future__ import annotations

import pytest
from foreign import judged
from independent_honest import HONEST
from independent_lies import LIES
from independent_process import JOURNEY, independent
from judging import worse_than_passed

from conformance import run

NOT_TOLD = frozenset({"unprocessable-mode", "replaced-bytes"})
"""What an honest server may do after all: other codes for exports (OP-18), marks for bytes that are no UTF-8."""


@pytest.mark.whole
@pytest.mark.parametrize("name", [each.name for each in LIES if each.name not in NOT_TOLD])
def test_a_foreign_lie_is_told(name: str) -> None:
    assert not judged(next(each for each in LIES if each.name == name)).startswith("missed")


@pytest.mark.whole
@pytest.mark.parametrize("name", [each.name for each in HONEST])
def test_a_foreign_reading_is_accused_of_nothing(name: str) -> None:
    with independent(name) as target:
        assert worse_than_passed(run(target, JOURNEY)) == {}


def test_each_lie_is_there_once() -> None:
    names = [each.name for each in (*LIES, *HONEST)]
    assert len(set(names)) == len(names)
    assert set(names) >= NOT_TOLD
