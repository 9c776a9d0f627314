"""Destination exports without a server: which rows are written, and a report whose figures agree."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.contract import document as contract
from mock_server.data.uploaded import book_of_rows
from mock_server.kernel.clock import EPOCH
from mock_server.preview.beats import Complete, Fail, Queue, Work
from mock_server.preview.exports import ExportRun, Selection
from mock_server.preview.language import load_world
from mock_server.preview.lifecycle import Started

if TYPE_CHECKING:
    from mock_server.data.book import Sheet
    from mock_server.scenarios.model import Beat

law = settings(deadline=None, max_examples=50)

WORLD = load_world()
SHEETS = WORLD.workbook("a company", [template.id for template in WORLD.catalogue.templates], {})
CONTACTS, COMPANIES, DEALS = SHEETS


def export(*script: Beat, mode: str = "full", writes: tuple[tuple[Sheet, int], ...] = ()) -> ExportRun:
    return ExportRun(
        id="d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8",
        company_id="c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d",
        scenario="live",
        script=script,
        pace="time",
        started=Started(EPOCH),
        stale_after=3_600_000,
        mode=mode,
        writes=writes,
    )


def completed(run: ExportRun, end: Complete) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(b"".join(run.pieces(end)))
    return body


# Reports

ends = st.builds(Complete, refused=st.integers(0, 40), hollow=st.integers(0, 40))
counts = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))


@law
@given(counts, ends)
def test_a_report_agrees_with_its_results(counts: tuple[int, int, int], end: Complete) -> None:
    run = export(end, writes=tuple(zip(SHEETS, counts, strict=True)))
    report = completed(run, end)["report"]
    results = report["results"]
    assert report["total"] == sum(counts) == len(results) == report["succeeded"] + report["failed"]  # DST-04
    assert sum(not result["ok"] for result in results) == report["failed"] == min(end.refused, sum(counts))
    hollow = [result for result in results if result["fields_confirmed"] is False]
    assert len(hollow) == min(end.hollow, report["succeeded"])
    assert Counter(result["template_id"] for result in results) == Counter(
        {sheet.template.id: count for sheet, count in zip(SHEETS, counts, strict=True)}
    )
    assert len({result["path"] for result in results}) == len(results)


@law
@given(counts, ends)
def test_every_completed_report_obeys_the_contract(counts: tuple[int, int, int], end: Complete) -> None:
    body = completed(export(end, writes=tuple(zip(SHEETS, counts, strict=True))), end)
    assert contract.load().complaints("poll_export", 200, "application/json", body) == []


@law
@given(counts, ends)
def test_each_result_is_a_success_a_refusal_or_a_hollow_write(counts: tuple[int, int, int], end: Complete) -> None:
    for result in completed(export(end, writes=tuple(zip(SHEETS, counts, strict=True))), end)["report"]["results"]:
        if result["ok"]:
            assert 200 <= result["status"] < 300
            assert "error" not in result
            assert result["fields_confirmed"] in {True, False}  # DST-07
        else:
            assert (result["status"], result["error"]) == (end.status, end.error)  # DST-05
            assert result["fields_confirmed"] is None


def test_troubles_are_spread_and_not_heaped_up() -> None:
    end = Complete(refused=5, hollow=5)
    results = completed(export(end, writes=((CONTACTS, 100),)), end)["report"]["results"]
    troubled = [number for number, result in enumerate(results) if result["fields_confirmed"] is not True]
    assert all(5 <= second - first <= 15 for first, second in pairwise(troubled))
    assert {result["fields_confirmed"] for result in results[:50]} == {True, False, None}


def test_a_large_report_comes_in_pieces() -> None:
    pieces = list(export(Complete(), writes=((CONTACTS, 3_000),)).pieces(Complete()))
    assert len(pieces) > 5
    assert max(len(piece) for piece in pieces) < 200_000
    assert len(json.loads(b"".join(pieces))["report"]["results"]) == 3_000


def test_an_export_of_nothing_completes_with_nothing() -> None:
    report = completed(export(Complete(), mode="canary"), Complete(refused=3))["report"]
    assert report == {"mode": "canary", "total": 0, "succeeded": 0, "failed": 0, "results": []}


@pytest.mark.parametrize(
    ("after", "members"),
    [
        (0, {"status": "queued", "progress_message": "In line"}),
        (5, {"status": "running", "progress_message": "Writing"}),
        (10, {"status": "failed", "error": "Destination is down"}),
    ],
)
def test_an_export_on_its_way_has_exactly_its_members(after: int, members: dict[str, str]) -> None:
    run = export(Queue(5, "In line"), Work(5, "Writing"), Fail("Destination is down"))
    body = run.described(run.life(EPOCH + after))  # DST-06
    assert {name: value for name, value in body.items() if name != "run_id"} == members  # OP-05
    assert contract.load().complaints("poll_export", 200, "application/json", body) == []
    assert run.poll_url == f"/api/v1/companies/{run.company_id}/exports/{run.id}"


# Selections

BOOK = book_of_rows(
    [
        {"Email": "a@example.com", "Status": "Open"},
        {"Email": "b@example.com", "Status": "Closed"},
        {"Email": "c@example.com", "Status": "Open"},
        {"Email": "d@example.com", "Status": "someday"},
        {"Email": "", "Status": "Open"},
    ],
    SHEETS,
    {},
)


def count(
    templates: list[str] | None = None,
    rows: dict[str, str] | None = None,
    sheet: Sheet = CONTACTS,
    *,
    first: bool = False,
) -> int:
    return Selection(None if templates is None else frozenset(templates), rows or {}, first).count(sheet, BOOK)


def test_only_validated_rows_are_written() -> None:
    assert count() == 3  # DST-08


def test_templates_and_row_filters_narrow_what_is_written() -> None:
    assert count([CONTACTS.template.id]) == 3
    assert count([DEALS.template.id]) == count([]) == 0
    assert count(rows={"Status": "Open"}) == 2
    assert count(rows={"Status": "Open", "Email": "c@example.com"}) == 1
    assert count(rows={"Status": "someday"}) == 0
    assert count(rows={"No such column": ""}) == 0


def test_a_canary_writes_the_first_selected_row_if_there_is_one() -> None:
    assert count(first=True) == 1  # DST-03
    assert count(rows={"Status": "Closed"}, first=True) == 1
    assert count(rows={"Status": "Pending"}, first=True) == 0
