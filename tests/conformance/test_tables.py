"""The tables in the docs are about what is there: `make tables` writes them anew."""

from __future__ import annotations

import re

import tables
from honest import HONEST
from liars import LIARS


def test_the_list_of_clauses_is_what_the_checks_try() -> None:
    assert tables.clauses() == tables.CLAUSES.read_text(), "make tables"


def test_every_liar_and_every_honest_server_is_in_its_table() -> None:
    text = tables.LIES.read_text()
    liars, _, honest = text.partition("\n## Honest servers\n")
    for each in LIARS:
        assert f"\n| {each.clause} | {tables.cell(each.lie)} | " in liars, "make tables"
    for other in HONEST:
        assert f"\n| {other.open_point} | {tables.cell(other.reading)} | nothing |" in honest, "make tables"
    assert re.search(rf"Liars caught: {len(LIARS)} of {len(LIARS)}\.", text)
    assert f"Honest servers accused: 0 of {len(HONEST)}." in text
