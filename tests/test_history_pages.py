"""A company's history page by page: newest first, nothing twice, nothing left out, an end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.data.templates import Source
from mock_server.kernel.clock import EPOCH
from mock_server.kernel.errors import Refusal
from mock_server.preview.beats import Fail
from mock_server.preview.companies import Company
from mock_server.preview.history import asked, page
from mock_server.preview.lifecycle import Started
from mock_server.preview.runs import ImportRun

law = settings(deadline=None, max_examples=60)


def run(number: int) -> ImportRun:
    return ImportRun(
        id=f"run {number}",
        company_id="company",
        scenario="live",
        script=(Fail("No sheet fits"),),
        pace="time",
        started=Started(EPOCH + number),
        stale_after=3_600_000,
    )


def company(runs: int) -> Company:
    made = Company("company", "Acme", None, Source("source", "CRM", None), EPOCH, "workbook", ())
    made.imports.extend(run(number) for number in range(runs))
    return made


def read(of: Company, **query: str) -> dict[str, Any]:
    return page(of, *asked(of, query), EPOCH + 10_000)


def ids(body: dict[str, Any]) -> list[str]:
    return [each["run_id"] for each in body["runs"]]


@law
@given(st.integers(0, 60), st.integers(1, 30), st.integers(0, 3))
def test_following_the_cursors_shows_every_run_once_newest_first(runs: int, limit: int, started: int) -> None:
    of = company(runs)
    body = read(of, limit=str(limit))
    seen = ids(body)
    while body["next_cursor"] is not None:
        of.imports.extend(run(1_000 + number) for number in range(started))  # runs that start meanwhile move nothing
        body = read(of, limit=str(limit), cursor=body["next_cursor"])
        assert 1 <= len(body["runs"]) <= limit
        seen += ids(body)
    assert seen == [f"run {number}" for number in reversed(range(runs))]  # HIST-01, HIST-02


def test_twenty_are_shown_unless_asked_otherwise() -> None:
    assert [len(read(company(250), **query)["runs"]) for query in ({}, {"limit": "100"}, {"limit": "1"})] == [
        20,
        100,
        1,
    ]
    assert read(company(0)) == {"runs": [], "next_cursor": None}  # HIST-05


@pytest.mark.parametrize("limit", ["0", "101", "-1", "", "ten", "1.5", " 5", "٣", "9" * 5_000])
def test_a_limit_out_of_bounds_is_refused(limit: str) -> None:
    with pytest.raises(Refusal, match="limit must be a whole number from 1 to 100; got") as refused:
        read(company(3), limit=limit)
    assert refused.value.status == 400  # OP-08


@pytest.mark.parametrize(
    "cursor", ["", "x", "YmVmb3JlOjk5", "YmVmb3JlOjA=", "YmVmb3JlOi0x", "é", "YmVmb3JlOjI=\n", "=" * 9]
)
def test_a_cursor_that_no_page_gave_is_refused(cursor: str) -> None:
    with pytest.raises(Refusal, match="cursor must be a next_cursor of this company's history; got") as refused:
        read(company(3), cursor=cursor)
    assert refused.value.status == 400


@law
@given(st.text(max_size=20))
def test_any_text_is_a_cursor_or_is_refused(cursor: str) -> None:
    try:
        body = read(company(30), cursor=cursor)
    except Refusal:
        return
    assert body["runs"]
