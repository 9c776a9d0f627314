"""What a parked run asks and proposes, in the contract's words, and what answers to it mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mock_server.contract import document as contract
from mock_server.data.book import Fix, has_open_groups
from mock_server.data.uploaded import book_of_rows
from mock_server.kernel.clock import EPOCH
from mock_server.kernel.errors import Refusal
from mock_server.preview.beats import Complete, Review, Work
from mock_server.preview.decisions import fixes
from mock_server.preview.language import load_world
from mock_server.preview.lifecycle import Approved, Started
from mock_server.preview.questions import needs_attention, questions
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from mock_server.data.uploaded import UploadedBook

WORLD = load_world()
SHEETS = WORLD.workbook("a company", [template.id for template in WORLD.catalogue.templates], {})
LEGAL = {"set_value", "delete_invalid_rows", "dedup_keep_first", "keep"}

ROWS = [
    {"Email": "a@example.com", "Status": "open"},
    {"Email": "b@example.com", "Status": "DONE"},
    {"Email": "", "Name": "Nobody"},
    {"Email": "a@example.com", "Name": "Twin"},
    {"Email": "c@example.com", "Phone": "call me"},
]


def book_of(*rows: dict[str, Any]) -> UploadedBook:
    return book_of_rows(rows, SHEETS, {})


def parked(*rows: dict[str, Any]) -> ImportRun:
    """A run that is parked with these rows from its first millisecond."""
    book = book_of(*rows)
    script = (Work(0), Review(), Work(1), Complete())
    return ImportRun(
        id="d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8",
        company_id="c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d",
        scenario="live",
        script=script,
        pace="time",
        started=Started(EPOCH, has_open_groups(book)),
        stale_after=3_600_000,
        book=book,
    )


def asked(run: ImportRun, now: int = EPOCH) -> dict[str, Any]:
    described: dict[str, Any] = run.described(run.life(now))["needs_attention"]
    return described


def approved(run: ImportRun, now: int, *answers: dict[str, Any]) -> None:
    """Approve as the store does."""
    state = run.life(now)
    approval = run.approved(state, fixes(run, state, answers))
    run.events.append(Approved(now, bool(answers), has_open_groups(approval.book)))
    run.approvals.append(approval)


# Questions


def test_every_group_is_asked_about_in_template_order_with_ids_in_a_row() -> None:
    shown = asked(parked(*ROWS))["questions"]
    assert [question["id"] for question in shown] == ["fq0", "fq1", "fq2", "fq3"]  # QUE-02
    assert [question["target"]["column"] for question in shown] == ["Email", "Email", "Phone", "Status"]
    assert [question["target"]["affected_count"] for question in shown] == [1, 1, 1, 2]


def test_a_question_has_the_contracts_members_and_can_be_answered() -> None:
    for question in asked(parked(*ROWS))["questions"]:
        assert list(question) == [
            *("id", "prompt", "context", "target", "relevant_columns", "options", "allow_custom")
        ]  # QUE-01
        assert list(question["target"]) == ["sheet_id", "column", "affected_count", "sample_values", "error"]  # QUE-04
        assert question["target"]["column"] in question["relevant_columns"]  # QUE-08
        ids = [option["id"] for option in question["options"]]
        assert len(ids) == len(set(ids))  # QUE-09
        assert ids or question["allow_custom"]  # QUE-10
        assert all(option["label"] for option in question["options"])


def test_the_status_question_of_the_documentation_comes_out_in_its_form() -> None:
    (question,) = asked(parked(*ROWS[:2]))["questions"]
    assert question["prompt"].startswith("Some Status values")
    assert question["context"] == "2 rows in Contacts have a Status outside Open / Closed / Pending."
    assert question["target"] == {
        "sheet_id": SHEETS[0].id,
        "column": "Status",
        "affected_count": 2,
        "sample_values": ["open", "DONE"],
        "error": "Does not match allowed values: Open, Closed, Pending",
    }
    assert question["options"][0] == {"id": "a", "label": "Map all to 'Open'"}
    assert question["allow_custom"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"Email": ""}, "1 row in Contacts has no Email."),
        ({"Email": "a@example.com"}, "1 row in Contacts repeats the Email of an earlier row."),
        ({"Email": "nowhere"}, "1 row in Contacts has an Email that is not in the expected form."),
        ({"Email": "b@example.com", "Status": "?"}, "1 row in Contacts has a Status outside Open / Closed / Pending."),
    ],
)
def test_a_single_row_is_spoken_of_in_the_singular(row: dict[str, str], says: str) -> None:
    (question,) = asked(parked({"Email": "a@example.com"}, row))["questions"]
    assert question["context"] == says


def test_duplicates_take_no_free_text() -> None:
    shown = asked(parked(*ROWS))["questions"]
    assert [question["allow_custom"] for question in shown] == [True, False, True, True]


def test_parked_bodies_obey_the_contract() -> None:
    run = parked(*ROWS)
    body = run.described(run.life(EPOCH))
    assert contract.load().complaints("poll_import", 200, "application/json", body) == []


# Patch


def test_the_patch_has_one_action_for_each_group_and_says_all_of_them() -> None:
    patch = asked(parked(*ROWS))["proposed_patch"]
    assert [action["action"] for action in patch["actions"]] == [
        *("delete_invalid_rows", "dedup_keep_first", "set_value", "set_value")
    ]
    assert [set(action) - {"sheet_id", "column", "action"} for action in patch["actions"]] == [
        *(set(), {"key_column"}, {"value"}, {"value"})
    ]
    assert patch["summary"] == (
        "Drop the row missing Email; keep the first row of each repeated Email and drop 1 row; "
        "clear 1 wrong Phone value; map 2 out-of-range Status values to 'Open'."
    )


def test_rows_kept_earlier_stay_in_the_patch_and_out_of_the_questions() -> None:
    book = book_of(*ROWS[:3]).apply_fixes([None, Fix("keep")])
    block = needs_attention(book.groups, questions(book.groups, 5))
    assert [(each["id"], each["target"]["column"]) for each in block["questions"]] == [("fq5", "Email")]
    assert [(each["column"], each["action"]) for each in block["proposed_patch"]["actions"]] == [
        ("Email", "delete_invalid_rows"),
        ("Status", "keep"),
    ]


# Answers


def option(run: ImportRun, question_id: str, label: str) -> dict[str, str]:
    question = next(each for each in asked(run)["questions"] if each["id"] == question_id)
    return {
        "question_id": question_id,
        "option_id": next(each["id"] for each in question["options"] if label in each["label"]),
    }


def meant(run: ImportRun, *answers: dict[str, Any]) -> list[Fix | None]:
    return fixes(run, run.life(EPOCH), answers)


def test_without_answers_the_proposed_patch_is_meant() -> None:
    assert meant(parked(*ROWS)) == [
        Fix("delete_invalid_rows"),
        Fix("dedup_keep_first"),
        Fix("set_value", ""),
        Fix("set_value", "Open"),
    ]  # DEC-05


def test_an_answer_wins_over_the_patch_which_fills_in_the_rest() -> None:
    run = parked(*ROWS)
    answers = [option(run, "fq3", "Remove"), option(run, "fq0", "flagged")]
    assert meant(run, *answers) == [
        Fix("keep"),
        Fix("dedup_keep_first"),
        Fix("set_value", ""),
        Fix("delete_invalid_rows"),
    ]  # DEC-10, DEC-13, OP-13


def test_a_free_text_is_set_when_it_is_valid_and_mends_nothing_when_it_is_not() -> None:
    run = parked(*ROWS)
    assert meant(run, {"question_id": "fq3", "custom": "Closed"})[3] == Fix("set_value", "Closed")  # DEC-12
    assert meant(run, {"question_id": "fq3", "custom": "closed"})[3] is None  # DEC-28


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (
            [{"question_id": "fq9", "option_id": "a"}],
            "answers[0].question_id 'fq9' is no current question; current ones: fq0, fq1, fq2, fq3",
        ),
        (
            [{"question_id": "fq0", "option_id": "a"}, {"question_id": "fq0", "option_id": "a"}],
            "answers[1].question_id 'fq0' is answered twice",
        ),
        (
            [{"question_id": "fq3", "option_id": "a"}, {"question_id": "fq1", "option_id": "z"}],
            "answers[1].option_id 'z' is no option of fq1; options: a, b, c",
        ),
        (
            [{"question_id": "fq1", "custom": "new@example.com"}],
            "answers[0].custom is not allowed: fq1 takes one of its options",
        ),
    ],
    ids=["DEC-14", "OP-19", "DEC-19", "DEC-20"],
)
def test_an_answer_that_fits_no_question_is_refused_by_name(answers: list[dict[str, str]], says: str) -> None:
    run = parked(*ROWS)
    before = run.described(run.life(EPOCH))
    with pytest.raises(Refusal) as refused:
        meant(run, *answers)
    assert (refused.value.status, refused.value.text) == (400, says)
    assert run.described(run.life(EPOCH)) == before


# Parkings in a row


def test_a_second_parking_asks_only_what_is_left_and_with_ids_never_used_before() -> None:
    run = parked(*ROWS)
    approved(run, EPOCH, {"question_id": "fq3", "custom": "paused"}, option(run, "fq0", "flagged"))
    assert run.life(EPOCH).status == "running"
    now = EPOCH + 1
    assert run.life(now).status == "needs_attention"
    block = asked(run, now)
    assert [(each["id"], each["target"]["column"]) for each in block["questions"]] == [("fq4", "Status")]  # OP-20
    with pytest.raises(Refusal, match="current ones: fq4"):  # DEC-30
        fixes(run, run.life(now), [{"question_id": "fq3", "option_id": "a"}])
    approved(run, now)
    body = run.described(run.life(now + 1))
    assert (body["status"], body["report"]["inserted"], body["report"]["invalidCellCount"]) == ("completed", 4, 1)


def test_polls_of_one_parking_are_equal_and_the_book_stays_as_it_is() -> None:
    run = parked(*ROWS)
    first = run.body(EPOCH)
    meant(run)
    run.approved(run.life(EPOCH), meant(run))
    assert run.body(EPOCH + 10**9) == first  # QUE-03, PATCH-10
