"""Decisions that are refused: the run stays parked with the same questions (DEC-14 to DEC-24, DEC-30, OP-19)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from refusals import (
    DEDUP,
    RE_PARK,
    RUN,
    refused,
    state,
)

if TYPE_CHECKING:
    from conftest import Client


ANSWER = {"question_id": "fq0", "option_id": "a"}


def approve(*answers: object) -> dict[str, object]:
    return {"decision": "approve", "answers": list(answers)}


REFUSED_DECISIONS: list[tuple[str, object, tuple[str, ...]]] = [
    ("DEC-14", approve({"question_id": "fq9", "option_id": "a"}), ("answers[0].question_id", "'fq9'", "fq0")),
    ("DEC-14", approve(ANSWER, {"question_id": "fq1", "option_id": "a"}), ("answers[1].question_id", "'fq1'", "fq0")),
    ("DEC-14", approve({"question_id": "FQ0", "option_id": "a"}), ("answers[0].question_id", "'FQ0'")),
    ("DEC-14", approve({"question_id": "fq0\0", "option_id": "a"}), ("answers[0].question_id",)),
    ("DEC-15", {}, ("decision is required and missing",)),
    ("DEC-15", {"answers": []}, ("decision is required and missing",)),
    ("DEC-16", {"decision": "accept"}, ("decision must be 'approve' or 'reject'", "'accept'")),
    ("DEC-16", {"decision": "Approve"}, ("decision must be", "'Approve'")),
    ("DEC-16", {"decision": True}, ("decision must be", "got true")),
    ("DEC-16", {"decision": None}, ("decision must be", "got null")),
    ("DEC-17", {"decision": "approve", "answers": {}}, ("answers must be an array", "an object")),
    ("DEC-17", {"decision": "approve", "answers": None}, ("answers must be an array", "null")),
    ("DEC-17", approve("fq0"), ("answers[0] must be an object", "'fq0'")),
    ("DEC-17", approve({"option_id": "a"}), ("answers[0].question_id is required and missing",)),
    ("DEC-17", approve({"question_id": 0, "option_id": "a"}), ("answers[0].question_id must be a string", "got 0")),
    ("DEC-18", approve({"question_id": "fq0"}), ("answers[0]", "option_id", "custom", "neither")),
    ("DEC-18", approve(ANSWER | {"custom": "Open"}), ("answers[0].custom is not allowed", "'Open'")),
    ("DEC-19", approve({"question_id": "fq0", "option_id": "z"}), ("answers[0].option_id", "'z'", "a, b")),
    ("DEC-19", approve({"question_id": "fq0", "option_id": ""}), ("answers[0].option_id", "''")),
    ("DEC-19", approve({"question_id": "fq0", "option_id": None}), ("answers[0].option_id must be a string", "null")),
    ("DEC-21", {"decision": "reject", "answers": [ANSWER]}, ("answers[0]", "not allowed")),
    ("OP-19", approve(ANSWER, ANSWER), ("answers[1].question_id", "'fq0'", "twice")),
    ("OP-19", approve({"question_id": "fq0", "custom": ""}), ("answers[0].custom", "at least 1")),
    ("OP-19", approve({"question_id": "fq0", "custom": 5}), ("answers[0].custom must be a string", "got 5")),
]


@pytest.mark.parametrize(
    ("body", "words"),
    [each[1:] for each in REFUSED_DECISIONS],
    ids=[f"{clause}-{json.dumps(body)[:60]}" for clause, body, _ in REFUSED_DECISIONS],
)
def test_a_refused_decision_names_the_answer_and_leaves_the_run_parked(
    client: Client, body: object, words: tuple[str, ...]
) -> None:
    before = state(client)
    refused(client.post(f"{RUN}/decisions", body), 400, *words)
    assert state(client) == before
    assert client.get(RUN).body["status"] == "needs_attention"
    assert client.post(f"{RUN}/decisions", {"decision": "approve", "answers": []}).status == 200  # OP-19


def parked(client: Client, company_path: str) -> str:
    run = client.post(f"{company_path}/imports", {"rows": [{"Email": "ada@example.com"}]}).body["poll_url"]
    client.advance(to="next")
    client.advance(to="next")
    assert client.get(run).body["status"] == "needs_attention"
    return str(run)


def test_a_free_text_where_none_is_allowed_is_refused(client: Client) -> None:
    """DEC-20."""
    run = parked(client, DEDUP)
    before = client.get(run).received
    answer = {"question_id": "fq0", "custom": "someone@example.com"}
    refused(client.post(f"{run}/decisions", approve(answer)), 400, "answers[0].custom", "not allowed", "fq0")
    assert client.get(run).received == before


def test_an_answer_to_a_question_of_the_parking_before_is_refused(client: Client) -> None:
    """DEC-30, OP-20."""
    run = parked(client, RE_PARK)
    assert client.post(f"{run}/decisions", approve(ANSWER)).status == 200
    client.advance(to="next")
    before = client.get(run).received
    assert [question["id"] for question in client.get(run).body["needs_attention"]["questions"]] == ["fq1"]
    refused(client.post(f"{run}/decisions", approve(ANSWER)), 400, "answers[0].question_id", "'fq0'", "fq1")
    assert client.get(run).received == before


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_decision_on_a_run_that_is_not_parked_is_refused(client: Client, decision: str) -> None:
    """DEC-23, DEC-24, DEC-35."""
    run = client.post(f"{RE_PARK}/imports", {"rows": [{"Email": "ada@example.com"}]}).body["poll_url"]
    for status in ("queued", "running"):
        before = client.get(run).received
        refused(client.post(f"{run}/decisions", {"decision": decision}), 409, status, "needs_attention")
        assert client.get(run).received == before
        client.advance(to="next")
    assert client.post(f"{run}/decisions", {"decision": "reject"}).status == 200
    before = client.get(run).received
    refused(client.post(f"{run}/decisions", {"decision": decision}), 409, "failed")
    assert client.get(run).received == before
