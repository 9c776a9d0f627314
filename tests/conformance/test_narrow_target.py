"""A target file that names one kind of wrong cell: the suite makes the other kinds of what the templates publish."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judging import failed, on
from liars import LIARS

from conformance.preview.suite import mock
from conformance.target.target import Body

DROPS = next(each for each in LIARS if (each.clause, each.lie) == ("DEC-07", "drops every flagged row"))
RIGHT = {"Name": "Ada Ames", "Email": "ada@example.com", "Status": "Open"}
NARROW = Body({"rows": [RIGHT, RIGHT | {"Email": "gus@example.com", "Status": "open"}]})


@pytest.mark.parametrize(("lies", "told"), [(False, []), (True, ["DEC-07"])], ids=["honest", "liar"])
def test_rules_that_no_row_of_the_file_breaks_are_broken_by_rows_of_our_own(*, lies: bool, told: list[str]) -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        mock(bend=lambda app: DROPS.make(app, patch) if lies else app) as server,
    ):
        target = server.target()
        target = replace(target, states={**target.states, "needs_attention": NARROW})
        assert failed(on(server, "DEC-07", target=target, isolated=True)) == told
