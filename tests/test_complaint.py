"""What is said about a wrong JSON body: which member, what was expected, what came. Read the tables aloud."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.contract import document as contract

CONTRACT = contract.load()
SOURCE = "5d0c8e1a-3b7f-4c26-9a41-6e2f0b9d7c11"


def company(**members: Any) -> dict[str, Any]:
    return {"name": "Acme", "source": SOURCE, **members}


def destination(**members: Any) -> dict[str, Any]:
    return company(connections={"destination": members})


def start(*rows: Any, **members: Any) -> dict[str, Any]:
    return {"rows": list(rows), **members}


def files(*entries: Any) -> dict[str, Any]:
    return {"files": list(entries)}


def approve(*answers: Any) -> dict[str, Any]:
    return {"decision": "approve", "answers": list(answers)}


PROVISION: list[tuple[Any, str]] = [
    (None, "the body must be an object; got null"),
    ([], "the body must be an object; got an array of 0 entries"),
    ("Acme", "the body must be an object; got a string"),
    (5, "the body must be an object; got 5"),
    (True, "the body must be an object; got true"),
    ({"source": SOURCE}, "name is required and missing"),  # PROV-08
    ({"name": "Acme"}, "source is required and missing"),  # PROV-09
    (company(name=5), "name must be a string; got 5"),
    (company(name=None), "name must be a string; got null"),
    (company(name=""), "name must be at least 1 character long; got ''"),
    (company(source="nope"), "source must be a UUID; got 'nope'"),  # PROV-10
    (company(source={}), "source must be a string; got an object"),
    (company(external_id="a b"), "external_id must be of the pattern ^[A-Za-z0-9_-]+$; got 'a b'"),  # PROV-12
    (company(external_id="a" * 256), f"external_id must be at most 255 characters long; got '{'a' * 60}…'"),  # PROV-13
    (company(template_ids="x"), "template_ids must be an array; got 'x'"),  # PROV-15
    (company(template_ids=[]), "template_ids must be an array of at least 1 entry; got an array of 0 entries"),  # OP-37
    (company(template_ids=[SOURCE, "x"]), "template_ids[1] must be a UUID; got 'x'"),
    (company(template_ids=[SOURCE, 5]), "template_ids[1] must be a string; got 5"),
    (company(connections=[]), "connections must be an object; got an array of 0 entries"),
    (destination(auth={}), "connections.destination.base_url is required and missing"),
    (
        destination(base_url="here", auth={}),
        "connections.destination.base_url must be an absolute URL; got a string",
    ),
    (
        destination(base_url="https://x.example", auth="secret"),
        "connections.destination.auth must be an object; got a string",
    ),
]

UPLOAD: list[tuple[Any, str]] = [
    ({}, "name is required and missing"),
    ({"name": ["a"]}, "name must be a string; got an array of 1 entry"),
    ({"name": "a.csv", "size": -1}, "size must be at least 0; got -1"),
    ({"name": "a.csv", "size": 1.5}, "size must be an integer; got 1.5"),
    ({"name": "a.csv", "size": True}, "size must be an integer; got true"),
    ({"name": "a.csv", "content_type": 5}, "content_type must be a string; got 5"),
]

IMPORT: list[tuple[Any, str]] = [
    ({}, "the body must have exactly one of files and rows; got neither"),  # IMP-06
    ({"idempotency_key": "k"}, "the body must have exactly one of files and rows; got neither"),
    (start(), "rows must be an array of at least 1 entry; got an array of 0 entries"),
    ({"rows": {}}, "rows must be an array; got an object"),
    (start({"a": 1}, 5), "rows[1] must be an object; got 5"),
    (start({"a": [1, 2]}), "rows[0].a must be a string, a number, a boolean or null; got an array of 2 entries"),
    (files(), "files must be an array of at least 1 entry; got an array of 0 entries"),
    ({"files": "a.csv"}, "files must be an array; got 'a.csv'"),  # IMP-07
    (files("a.csv"), "files[0] must be an object; got 'a.csv'"),
    (files({"name": "a.csv"}), "files[0].upload_ref is required and missing"),
    (files({"name": "a.csv", "upload_ref": 5}), "files[0].upload_ref must be a string; got 5"),
    (start({"a": 1}, idempotency_key=5), "idempotency_key must be a string; got 5"),
    (start({"a": 1}, idempotency_key=""), "idempotency_key must be at least 1 character long; got ''"),
    (
        start({"a": 1}, files=[{"name": "a.csv", "upload_ref": "r"}]),
        "rows is not allowed together with files; got an array of 1 entry",
    ),
]

DECISION: list[tuple[Any, str]] = [
    ({}, "decision is required and missing"),  # DEC-15
    ({"decision": "maybe"}, "decision must be 'approve' or 'reject'; got 'maybe'"),  # DEC-16
    ({"decision": "x" * 100}, f"decision must be 'approve' or 'reject'; got '{'x' * 60}…'"),
    ({"decision": None}, "decision must be a string; got null"),
    ({"decision": "approve", "answers": {}}, "answers must be an array; got an object"),  # DEC-17
    (approve("a"), "answers[0] must be an object; got 'a'"),
    (approve({"option_id": "a"}), "answers[0].question_id is required and missing"),
    (approve({"question_id": 5, "option_id": "a"}), "answers[0].question_id must be a string; got 5"),
    (
        approve({"question_id": "fq0"}),
        "answers[0] must have exactly one of option_id and custom; got neither",  # DEC-18
    ),
    (
        approve({"question_id": "fq0", "option_id": "a"}, {"question_id": "fq1", "option_id": "a", "custom": "x"}),
        "answers[1].custom is not allowed together with option_id; got 'x'",
    ),
    (approve({"question_id": "fq0", "custom": ""}), "answers[0].custom must be at least 1 character long; got ''"),
    (
        {"decision": "reject", "answers": [{"question_id": "fq0", "option_id": "a"}]},
        "answers[0] is not allowed together with decision 'reject'; got an object",  # DEC-21
    ),
]

EXPORT: list[tuple[Any, str]] = [
    ({"mode": "part"}, "mode must be 'full' or 'canary'; got 'part'"),  # DST-02
    ({"selection": []}, "selection must be an object; got an array of 0 entries"),
    ({"selection": {"template_ids": ["x"]}}, "selection.template_ids[0] must be a UUID; got 'x'"),
    ({"selection": {"row_filter": 5}}, "selection.row_filter must be an object; got 5"),
]

TABLES = {
    "provision_company": PROVISION,
    "request_upload": UPLOAD,
    "start_import": IMPORT,
    "decide": DECISION,
    "start_export": EXPORT,
}

FINE: list[tuple[str, Any]] = [
    ("provision_company", company(external_id="a-b_9", template_ids=[SOURCE], unknown={"is": "ignored"})),
    ("provision_company", destination(base_url="https://x.example", auth={"token": "t"})),
    ("request_upload", {"name": "a.csv", "content_type": "text/csv", "size": 0}),
    ("start_import", start({"a": "x", "b": 1, "c": 1.5, "d": True, "e": None}, idempotency_key="k")),
    ("start_import", files({"name": "a.csv", "upload_ref": "r"})),
    ("decide", approve({"question_id": "fq0", "custom": "Open"}, {"question_id": "fq1", "option_id": "a"})),
    ("decide", {"decision": "approve"}),
    ("decide", {"decision": "reject", "answers": []}),  # OP-19
    ("start_export", {}),
    ("start_export", {"mode": "canary", "selection": {"template_ids": [], "row_filter": {"Status": "Open"}}}),
]


def complaint(operation: str, body: Any) -> str | None:
    """What a caller is told first of a wrong body."""
    return next((each.text for each in CONTRACT.request_differences(operation, body)), None)


@pytest.mark.parametrize(
    ("operation", "body", "says"),
    [
        pytest.param(operation, body, says, id=f"{operation}: {says}")
        for operation, table in TABLES.items()
        for body, says in table
    ],
)
def test_a_wrong_body_is_told_in_one_sentence(operation: str, body: Any, says: str) -> None:
    assert complaint(operation, body) == says


@pytest.mark.parametrize(("operation", "body"), FINE)
def test_a_body_that_is_in_order_is_not_complained_about(operation: str, body: Any) -> None:
    assert complaint(operation, body) is None


def test_of_several_faults_the_outermost_is_told() -> None:
    body = {"decision": "maybe", "answers": [{"question_id": 5}]}
    assert str(complaint("decide", body)).startswith("decision must be")


@pytest.mark.parametrize("operation", TABLES)
def test_a_body_nested_too_deeply_is_told_so(operation: str) -> None:
    deep: Any = 5
    for _ in range(2_000):
        deep = [deep]
    body = {"name": deep, "source": SOURCE, "rows": [{"a": deep}], "decision": deep, "mode": deep}
    says = complaint(operation, body)
    assert says == "the body is nested too deeply"


json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["name", "source", "rows", "files", "decision", "answers", "option_id", "custom", "mode", "size"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(list(TABLES)), json)
def test_whatever_comes_there_is_one_sentence_or_none(operation: str, body: Any) -> None:
    says = complaint(operation, body)
    if says is not None:
        assert says
        assert "\n" not in says
        assert len(says) < 300
        assert "None" not in says
        assert "(" not in says.partition("; got")[0]  # no fault is left without words of its own
