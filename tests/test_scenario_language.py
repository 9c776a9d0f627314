"""The scenario language: the built-in files are in order, and a file means what it says."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any, get_args

import pytest
import yaml
from jsonschema import Draft7Validator

from mock_server.contract import document as contract
from mock_server.contract import yaml_reader
from mock_server.contract.yaml_file import BadFiles
from mock_server.contract.yaml_reader import parse, read
from mock_server.data.book import Action, Data, Flagged
from mock_server.data.rules import Check, fault
from mock_server.data.templates import Catalogue, Column, Rule
from mock_server.faults.kinds import FAULTS
from mock_server.preview.beats import BEATS, Complete, Die, Fail, Park, Queue, Review, Work
from mock_server.preview.language import LOADER
from mock_server.preview.scenario_lint import script
from mock_server.preview.steps import STEPS
from mock_server.scenarios import loader as loading
from mock_server.scenarios.model import Pace, Scenario

if TYPE_CHECKING:
    from pathlib import Path

BUILT_IN = contract.data("scenarios")
NAMES = sorted(path.stem for path in BUILT_IN.glob("*.yaml") if path.name != loading.ACCOUNT)

PROMISED = """
straight-through park re-park reject reject-after-re-park answers-override-patch destructive-patch dedup
keep-completes-flagged completed-with-flags column-drift-fails engine-dies canceled conflict lost-run-id rate-limit
export-partly-fails docs-example live
"""

# A beginning and an end that are in order, around the part that a test is about.
RUN = "run:\n  - work: 1s\n  - complete:\n"
PLAYS = "plays:\n  - title: it ends\n    steps:\n      - start:\n      - see: completed\n"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return loading.load_catalogue(BUILT_IN / loading.ACCOUNT)


@pytest.fixture(scope="module")
def scenarios(catalogue: Catalogue) -> dict[str, Scenario]:
    return LOADER.load_paths([BUILT_IN], catalogue, contract.clause_ids())


# The built-in files


def test_built_in_files_have_nothing_to_complain_about(catalogue: Catalogue) -> None:
    assert [str(each) for each in LOADER.complaints([BUILT_IN], catalogue, contract.clause_ids())] == []


def test_the_promised_scenarios_are_there_in_the_order_of_their_names(scenarios: dict[str, Scenario]) -> None:
    assert list(scenarios) == NAMES
    assert set(PROMISED.split()) <= set(scenarios)


@pytest.mark.parametrize("name", NAMES)
def test_every_cited_clause_exists(name: str, scenarios: dict[str, Scenario]) -> None:
    assert scenarios[name].clauses
    assert set(scenarios[name].clauses) <= contract.clause_ids()


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_names_its_schema_for_editors(path: Path) -> None:
    schema = "account" if path.name == loading.ACCOUNT else "scenario"
    first = path.read_text("utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../openapi/{schema}.schema.json"


def test_loading_in_order_files_imports_neither_jsonschema_nor_faker() -> None:
    code = (
        "import sys; from mock_server.contract import document as contract; from mock_server.preview import language\n"
        "from mock_server.scenarios.loader import load_catalogue\n"
        "catalogue = load_catalogue(contract.data('scenarios', 'account.yaml'))\n"
        "language.LOADER.load_paths([contract.data('scenarios')], catalogue, contract.clause_ids())\n"
        "sys.exit(bool({'jsonschema', 'faker', 'difflib', 'starlette'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_documentation_example_carries_the_documented_ids_and_figures(scenarios: dict[str, Scenario]) -> None:
    scenario = scenarios["docs-example"]
    assert scenario.ready.id == "c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
    assert scenario.ready.sheets == {"Contacts": "7a1c2b3d-4e5f-4061-8a9b-0c1d2e3f4a5b"}
    assert scenario.ready.run == "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
    assert scenario.data == (Data("Contacts", 1453),)
    status, email = loading.groups(scenario.run)
    assert (status.rows, status.values, status.value) == (12, ("open", "in progress", "DONE"), "Open")
    assert (status.options, status.allow_custom) == (("set_value", "delete_invalid_rows"), True)
    assert (email.rows, email.fails, email.fix, email.ask) == (3, "required", "delete_invalid_rows", False)


def test_ready_companies_are_distinct_and_derived_from_the_name(scenarios: dict[str, Scenario]) -> None:
    assert len({scenario.ready.id for scenario in scenarios.values()}) == len(scenarios)
    assert scenarios["park"].ready.id == "247cf3d6-4311-4910-9aae-05e226ec205a"
    assert scenarios["park"].ready.name == "Ready company: park"


def test_contacts_comes_first_and_needs_only_an_address(catalogue: Catalogue) -> None:
    contacts = catalogue.templates[0]
    assert contacts.name == "Contacts"
    assert [column.name for column in contacts.columns] == ["Name", "Email", "Phone", "Company", "Status", "Joined"]
    row = {"Email": "a@example.com"}
    assert [fault(column, row.get(column.name, "")) for column in contacts.columns] == [None] * 6
    deals = catalogue.template("Deals")
    assert deals is not None
    assert [(link.template_id, link.column) for link in deals.columns[1].links] == [(contacts.id, "Email")]


# From file to values


def load(folder: Path, text: str, catalogue: Catalogue) -> Scenario:
    path = folder / "mine.yaml"
    path.write_text(textwrap.dedent(text), "utf-8")
    return LOADER.load_paths([path], catalogue, contract.clause_ids())[path.stem]


def test_a_scenario_becomes_values(tmp_path: Path, catalogue: Catalogue) -> None:
    scenario = load(
        tmp_path,
        """
        title: Everything at once
        pace: manual
        rate_limit: 5/min
        data:
          - sheet: Contacts
            rows: 100
        run:
          - queue: 1m
          - work: 500ms
            say: Looking
          - park:
              - sheet: Contacts
                column: Status
                rows: 2
                fix: set_value
                value: Open
            on_answer:
              - work: 2s
            on_reject:
              - fail: "No"
          - work: 1h
          - die:
        export:
          - work: 1s
          - complete:
            refused: 1
            hollow: 2
        plays:
          - title: it fails
            steps:
              - start:
                key: k
              - see: failed
                times: 2
        """,
        catalogue,
    )
    group = Flagged("Contacts", "Status", 2, "strict", "set_value", "Open")
    assert scenario.run == (
        Queue(60_000),
        Work(500, "Looking"),
        Park((group,), on_answer=(Work(2_000),), on_reject=(Fail("No"),)),
        Work(3_600_000),
        Die(),
    )
    assert scenario.export == (Work(1_000), Complete(refused=1, hollow=2))
    assert (scenario.pace, scenario.rate_limit, scenario.data) == ("manual", 5, (Data("Contacts", 100),))
    start, see = scenario.plays[0].steps
    assert (start.verb, start.value, start.modifiers) == ("start", None, {"key": "k"})
    assert (see.verb, see.value, see.modifiers, see.line) == ("see", "failed", {"times": 2}, start.line + 2)


def test_what_a_file_leaves_out_is_filled_in(tmp_path: Path, catalogue: Catalogue) -> None:
    scenario = load(tmp_path, "title: Short\n" + RUN + PLAYS, catalogue)
    assert scenario.data == (Data("Contacts", 1453),)
    assert (scenario.pace, scenario.rate_limit, scenario.clauses, scenario.ready.run) == ("time", None, (), None)
    assert [type(beat) for beat in scenario.export] == [Queue, Work, Complete]
    assert [beat.lasts for beat in scenario.export if isinstance(beat, Queue | Work)] == [500, 1_500]


def test_own_rows_have_no_generated_data(scenarios: dict[str, Scenario]) -> None:
    assert scenarios["live"].own_rows
    assert scenarios["live"].data == ()
    assert Review() in scenarios["live"].run


@pytest.mark.parametrize(
    ("sheet", "column", "more", "fails"),
    [
        ("Contacts", "Status", {}, "strict"),
        ("Contacts", "Email", {}, "strict"),
        ("Contacts", "Email", {"fix": "dedup_keep_first"}, "unique"),
        ("Contacts", "Email", {"fails": "required"}, "required"),
        ("Companies", "Name", {}, "unique"),
        ("Deals", "Contact Email", {}, "link"),
        ("Deals", "Title", {}, "required"),
    ],
)
def test_the_check_that_a_group_means(
    sheet: str, column: str, more: dict[str, str], fails: str, tmp_path: Path, catalogue: Catalogue
) -> None:
    group = {"sheet": sheet, "column": column, "rows": 1, "fix": "delete_invalid_rows", **more}
    run = [{"work": "1s"}, {"park": [group]}, {"work": "1s"}, {"complete": None}]
    data = [{"sheet": name, "rows": 10} for name in ("Contacts", "Companies", "Deals")]
    play = {"title": "it ends", "steps": [{"start": None}, {"see": "completed"}]}
    text = json.dumps({"title": "One group", "data": data, "run": run, "plays": [play]})
    assert [each.fails for each in loading.groups(load(tmp_path, text, catalogue).run)] == [fails]


def test_several_sheets_and_a_link_are_generated_together(tmp_path: Path, catalogue: Catalogue) -> None:
    text = "title: Two\ndata:\n  - sheet: Contacts\n    rows: 10\n  - sheet: Deals\n    rows: 20\n" + RUN + PLAYS
    assert load(tmp_path, text, catalogue).data == (Data("Contacts", 10), Data("Deals", 20))


def test_folders_and_files_may_overlap(tmp_path: Path, catalogue: Catalogue) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(f"title: {name}\n" + RUN + PLAYS)
    (tmp_path / loading.ACCOUNT).write_text("not: looked at")
    (tmp_path / "notes.txt").write_text("not looked at")
    assert list(LOADER.load_paths([tmp_path, tmp_path / "a.yaml"], catalogue)) == ["a", "b"]


ACCOUNT_FILE = """
sources:
  - id: 5d0c8e1a-3b7f-4c26-9a41-6e2f0b9d7c11
    name: A source
templates:
  - id: 1f6b2c9e-0a35-4e78-9d41-b8c7e5f2a310
    name: People
    columns:
      - name: Email
        required: true
      - name: Age
"""


def test_an_account_file_in_order_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / loading.ACCOUNT
    path.write_text(ACCOUNT_FILE, "utf-8")
    people = loading.load_catalogue(path).templates[0]
    assert people.columns == (Column("Email", required=True), Column("Age"))


# YAML 1.2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, word) for word in ("on", "off", "yes", "no", "y", "1:30", "2026-06-15", "0b1", "1_000", "=", "<<")),
        *(("true", True), ("False", False), ("null", None), ("~", None), ("", None)),
        *(("12", 12), ("-3", -3), ("010", 10), ("0o17", 15), ("0x1F", 31), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5)),
        *(("'true'", "true"), ('"12"', "12"), ("- x", ["x"]), ("[a, 1]", ["a", 1]), ("{a: on}", {"a": "on"})),
        ("|\n    two\n    lines", "two\nlines\n"),
    ],
)
def test_plain_values_are_those_of_the_core_schema(text: str, value: object) -> None:
    found = parse(f"a:\n  {text}\n", "x.yaml").value["a"]
    assert (found, type(found)) == (value, type(value))


def test_every_value_has_a_place() -> None:
    document = parse("run:\n  - queue: 1s\n  - park:\n      - sheet: X\n", "x.yaml")
    assert document.at(("run", 0, "queue"), key=True) == (2, 5)
    assert document.at(("run", 0, "queue")) == (2, 12)
    assert document.at(("run", 1)) == (3, 5)
    assert document.at(("run", 1, "park", 0, "sheet")) == (4, 16)
    assert document.at(("run", 1, "park", 0, "column")) == (4, 9)  # not there: what is around it
    assert document.at(("plays",)) == (1, 1)


def test_without_the_c_parser_a_file_means_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [read(path) for path in sorted(BUILT_IN.glob("*.yaml"))]
    monkeypatch.setattr(yaml_reader, "_LOADER", yaml.SafeLoader)
    assert [read(path) for path in sorted(BUILT_IN.glob("*.yaml"))] == documents
    assert codes("a: &x 1\nb: *x") == ["E106", "E106"]
    assert codes("a: \x07") == ["E100"]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert parse("\ufeffa: 1", "x.yaml").value == {"a": 1}


def codes(text: str) -> list[str]:
    with pytest.raises(BadFiles) as bad:
        parse(text, "x.yaml")
    return [complaint.code for complaint in bad.value.complaints]


@pytest.mark.parametrize("text", ["a: " + "[" * 5_000, "a: " + "{b: " * 5_000, "- " * 5_000])
def test_deep_nesting_is_a_complaint(text: str) -> None:
    assert codes(text) == ["E100"]


# The schemas

SCHEMAS = {
    name: json.loads(contract.data("openapi", f"{name}.schema.json").read_text()) for name in ("scenario", "account")
}


def parts(schema: Any) -> list[dict[str, Any]]:
    """Every mapping in a schema."""
    if isinstance(schema, list):
        return [part for each in schema for part in parts(each)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(part for key, each in schema.items() if key != "defaultSnippets" for part in parts(each))]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_draft_07_and_documents_every_member(name: str) -> None:
    schema = SCHEMAS[name]
    Draft7Validator.check_schema(schema)
    assert "title" not in schema
    for part in parts(schema):
        assert not {"oneOf", "anyOf", "allOf"} & part.keys()
        if part.get("type") == "object" and "properties" in part:
            assert part["additionalProperties"] is False
        for member, described in part.get("properties", {}).items():
            assert isinstance(described, dict), member
            assert described.get("description"), member
            assert "pattern" not in described or "patternErrorMessage" in described or member == "pattern", member


def test_the_schema_has_the_words_of_the_program() -> None:
    beat, step, group_, answer = (SCHEMAS["scenario"]["definitions"][n] for n in ("beat", "step", "group", "answer"))
    assert set(beat["properties"]) == {*BEATS.words, *BEATS.members}
    assert set(step["properties"]) == {*STEPS.words, *STEPS.members}
    fault = SCHEMAS["scenario"]["definitions"]["fault"]
    assert set(fault["properties"]) == {*FAULTS.words, *FAULTS.members}
    for words in (BEATS, STEPS, FAULTS):
        assert (
            f"exactly one of {', '.join(words.words)}" in SCHEMAS["scenario"]["definitions"][words.noun]["description"]
        )
    exports = {verb for verb, word in BEATS.words.items() if word.exports}
    assert exports == set(script.EXPORT_BEATS.replace(" and ", ", ").split(", "))
    told = SCHEMAS["scenario"]["properties"]["export"]["description"].rpartition("Only ")[2].rstrip(".")
    assert exports == set(told.split(", "))
    assert tuple(group_["properties"]["fix"]["enum"]) == get_args(Action)
    assert tuple(answer["properties"]["option"]["enum"]) == get_args(Action)
    assert tuple(group_["properties"]["fails"]["enum"]) == get_args(Check)
    assert tuple(SCHEMAS["scenario"]["properties"]["pace"]["enum"]) == get_args(Pace)
    column = SCHEMAS["account"]["definitions"]["column"]
    assert tuple(column["properties"]["rule"]["enum"]) == get_args(Rule)


def test_the_built_in_files_are_read_by_name() -> None:
    assert read(BUILT_IN / "park.yaml").file == str(BUILT_IN / "park.yaml")
