"""What the generated layer draws, what it expects of an answer, and how it makes a case small."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import configuration, settings
from schemathesis.hooks import hook, unregister

from conformance.fuzzing.case import Case, minimize
from conformance.fuzzing.strategies import Drawer
from conformance.preview.cases.document import UPLOAD, Facts, fill
from conformance.preview.cases.expected import expected
from conformance.preview.cases.layer import LAYER
from conformance.preview.cases.walks import plans
from conformance.preview.driver import Company, Run
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from pathlib import Path

BARE: Any = SimpleNamespace(target=SimpleNamespace(states={}), client=SimpleNamespace(contract=contract.load()))


def test_one_seed_draws_the_same_cases_and_walks() -> None:
    drawn = [[case.identity for case in Drawer(LAYER, BARE, seed, 3).cases("decide")] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert plans(1, 4) == plans(1, 4)


ASKED = [
    {"id": "q1", "options": [{"id": "a"}], "allow_custom": False},
    {"id": "q2", "options": [], "allow_custom": True},
]

PARKED: Any = SimpleNamespace(json={"status": "needs_attention", "needs_attention": {"questions": ASKED}})
FACTS = Facts(
    company=Company("c"),
    run=Run(Company("c"), "r", PARKED),
    sources=("c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933",),
    templates=("1f6b2c9e-0a35-4e78-9d41-b8c7e5f2a310",),
    columns=frozenset({"Email"}),
    uploads=frozenset({"u1"}),
    upload=lambda _: "u1",
    destination=True,
)
OPEN = "ERR-06"


@pytest.mark.parametrize(
    ("operation", "body", "clause"),
    [
        ("decide", {"decision": "approve"}, "DEC-01"),
        ("decide", {"decision": "reject"}, "DEC-31"),
        ("decide", {"decision": "reject", "answers": []}, OPEN),
        ("decide", {"decision": "approve", "answers": []}, OPEN),
        ("decide", {"decision": "approve", "note": 1}, OPEN),
        ("decide", {"decision": "approve", "answers": [{"question_id": "q1", "option_id": "a"}]}, "DEC-13"),
        ("decide", {"decision": "approve", "answers": [{"question_id": "q1", "option_id": "b"}]}, "DEC-19"),
        ("decide", {"decision": "approve", "answers": [{"question_id": "q1", "custom": "x"}]}, "DEC-20"),
        ("decide", {"decision": "approve", "answers": [{"question_id": "q2", "custom": ""}]}, OPEN),
        ("decide", {"decision": "approve", "answers": [{"question_id": "q3", "custom": "x"}, 1]}, "DEC-17"),
        ("start_import", {"rows": [{"Email": "a"}]}, "IMP-02"),
        ("start_import", {"rows": [{"Email": "a"}], "files": None}, OPEN),
        ("start_import", {"rows": [{"Email": "a"}], "files": 1}, OPEN),
        ("start_import", {"rows": [{"E": "a"}]}, OPEN),
        ("start_import", {"rows": [{"Email": ["a"]}]}, OPEN),
        ("start_import", {"rows": ["a"]}, "IMP-06"),
        ("start_import", {"rows": []}, OPEN),
        ("start_import", {"rows": None, "files": None}, "IMP-06"),
        ("start_import", {"files": [{"name": "a.csv", "upload_ref": "u1"}]}, "IMP-01"),
        ("start_import", {"files": [{"name": "a.csv", "upload_ref": "u2"}]}, OPEN),
        ("start_import", {"files": [{"name": "a.csv"}]}, "IMP-07"),
        ("provision_company", {"name": "a", "source": FACTS.sources[0]}, "PROV-01"),
        ("provision_company", {"name": "a", "source": FACTS.sources[0], "template_ids": []}, OPEN),
        ("provision_company", {"name": "a", "source": FACTS.templates[0]}, "PROV-11"),
        ("provision_company", {"name": "", "source": FACTS.sources[0]}, OPEN),
        ("provision_company", {"name": 1, "source": FACTS.sources[0]}, OPEN),
        ("provision_company", {"name": [1], "source": FACTS.sources[0]}, "PROV-08"),
        ("provision_company", {"name": "a", "source": FACTS.sources[0], "external_id": "é"}, "PROV-12"),
        ("start_export", {"mode": "partial"}, "DST-02"),
        ("start_export", {"mode": None}, OPEN),
        ("request_upload", {}, OPEN),
    ],
)
def test_an_open_point_leaves_the_answer_open(operation: str, body: Any, clause: str) -> None:
    assert expected(Case(operation, body), FACTS).clause == clause


def test_what_must_be_new_is_made_new() -> None:
    case = Case("provision_company", {"name": "Acme", "external_id": "x" * 256})
    made = [fill(case, FACTS).body for _ in range(2)]
    assert [len(each["external_id"]) for each in made] == [256, 256]
    assert made[0] != made[1]
    key = fill(Case("start_import", {"files": [{"upload_ref": UPLOAD}], "idempotency_key": "k"}), FACTS).body
    assert key["idempotency_key"].startswith("conformance-")
    assert key["files"] == [{"upload_ref": "u1"}]


def test_a_case_is_shrunk_to_what_fails() -> None:
    case = Case("start_import", {"rows": [{"a": 1}, {"b": [None, 5], "c": "long"}], "x": True})
    small = minimize(case, lambda each: "[" in json.dumps(each.body).partition("b")[2])
    assert small.body == {"rows": [{"b": []}]}


def test_nothing_that_other_tools_are_told_has_a_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, variables, a profile and a hook of the caller's; and their folder stays as it is."""

    def drawn() -> Any:
        return [case.identity for case in Drawer(LAYER, BARE, 7, 3).cases("decide")], plans(7, 3)

    def disturb(context: Any, strategy: Any) -> Any:
        raise AssertionError("the caller's hook was run")

    at_first = drawn()
    (tmp_path / "schemathesis.toml").write_text('hooks = "hooks.py"\n[tool.x]\ny = 1\n')
    (tmp_path / "hooks.py").write_text('raise SystemExit("they were run")\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(configuration, "__hypothesis_home_directory_default", tmp_path / ".hypothesis")
    for name in ("SCHEMATHESIS_HOOKS", "HYPOTHESIS_DATABASE_FILE"):
        monkeypatch.setenv(name, "hooks")
    usual = settings.get_profile("default")
    settings.register_profile("theirs", derandomize=True, max_examples=1, phases=[])
    settings.load_profile("theirs")
    hook("before_generate_case")(disturb)
    try:
        assert drawn() == at_first
    finally:
        unregister(disturb)
        settings.register_profile("default", usual)
        settings.load_profile("default")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["hooks.py", "schemathesis.toml"]
