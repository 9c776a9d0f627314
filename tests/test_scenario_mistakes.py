"""Mistakes in scenario and account files: every code of the schema has a bad file here, and each is told with its remedy.

`# here` marks the line that the complaint must name.
"""
# ruff: noqa: E501  the tables read by rows

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mock_server.contract import document as contract
from mock_server.contract.yaml_file import BadFiles, Complaint
from mock_server.contract.yaml_schema import load_schema
from mock_server.preview.language import LOADER
from mock_server.scenarios import loader as loading

if TYPE_CHECKING:
    from mock_server.data.templates import Catalogue

BUILT_IN = contract.data("scenarios")

# A beginning and an end that are in order, around the part that a test is about.
RUN = "run:\n  - work: 1s\n  - complete:\n"
PLAYS = "plays:\n  - title: it ends\n    steps:\n      - start:\n      - see: completed\n"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return loading.load_catalogue(BUILT_IN / loading.ACCOUNT)


GROUP = """
run:
  - work: 1s
  - park:
      - sheet: Contacts
        column: Status
        rows: 12
        {}
  - work: 1s
  - complete:
"""
OPEN = "fix: set_value\n        value: Open\n"


def group(*lines: str) -> str:
    return "title: T\n" + GROUP.format("\n        ".join(lines)) + PLAYS


def email(*lines: str) -> str:
    return group(*lines).replace("column: Status", "column: Email")


def run(*beats: str) -> str:
    return "title: T\nrun:\n" + "".join(f"  - {beat}\n" for beat in beats) + PLAYS


def play(*steps: str, more: str = "") -> str:
    return f"title: T\n{more}{RUN}plays:\n  - title: it ends\n    steps:\n" + "".join(f"      - {s}\n" for s in steps)


def parked(*steps: str) -> str:
    return "title: T\n" + GROUP.format(OPEN) + play(*steps).partition(RUN)[2]


def faults(text: str) -> str:
    return f"title: T\nfaults:\n  - {text}\n" + RUN + PLAYS


LOSES = "faults:\n  - lose: reset\n"
PARK = "park:\n      - sheet: Contacts\n        column: Status\n        rows: 1\n        fix: keep\n"

INNER_PARK = "      - " + PARK.replace("\n", "\n    ").rstrip(" ")
ON_ANSWER = "    on_answer:\n      - work: 2s\n" + INNER_PARK

# fmt: off
BAD: list[tuple[str, str, str]] = [
    ("E100", "title: [T\nrun: x: y # here", "not YAML"),
    ("E100", "title: T\nrun: \x07 # here", "control characters"),
    ("E103", "title: T\n" + RUN + PLAYS + "title: U # here", "'title' is given twice; the first one is in line 1"),
    ("E104", "", "the file is empty"),
    ("E104", "- title # here", "holds a list"),
    ("E105", "title: T\n" + RUN + PLAYS + "--- # here\na: 1\n", "a second document"),
    ("E106", "title: &t T # here\n" + RUN + PLAYS, "`t`"),
    ("E106", "title: *t # here\n" + RUN + PLAYS, "`t`"),
    ("E107", "title: !!str 5 # here\n" + RUN + PLAYS, "tags are not used"),
    ("E108", "title: T\n" + RUN + PLAYS + "[a]: x # here", "not a list"),
    ("E108", "title: T\n" + RUN + PLAYS + "12: x # here", "not the number 12"),
    ("E109", "title: T\n" + RUN + PLAYS + "pace: .inf # here", ".inf is not a number"),
    ("E109", "title: T\n" + RUN + PLAYS + "pace: " + "9" * 5_000 + " # here", "quote it"),
    ("E201", "title: T\npacce: time # here\n" + RUN + PLAYS, "unknown member 'pacce'; did you mean 'pace'?"),
    ("E201", group("colum: Email # here", OPEN), "did you mean 'column'? Allowed here: sheet, column, rows"),
    ("E201", run("wrok: 1s # here", "complete:"), "did you mean 'work'?"),
    ("E201", play("start:", "see: completed\n        inserrted: 3 # here"), "did you mean 'inserted'?"),
    ("E202", "title: T # here\n" + RUN, "the file lacks the member 'plays'"),
    ("E202", group(OPEN).replace("sheet: Contacts\n        column: Status", "column: Status # here"), "'park' lacks the member 'sheet'"),
    ("E202", group("").replace("- sheet: Contacts", "- sheet: Contacts # here"), "lacks the member 'fix'"),
    ("E203", "title: 5 # here\n" + RUN + PLAYS, "'title': expected one line of text. Got the number 5"),
    ("E203", run("work: 5 # here", "complete:"), "'work': expected a duration such as 500ms, 21s, 5m or 1h. Got the"),
    ("E203", run("work: 1s", "complete: on # here"), "expected a list or nothing, got the text 'on'"),
    ("E203", group(OPEN, "ask: 1 # here"), "expected true or false, got the number 1"),
    ("E203", play("start:\n        rows: 3 # here", "see: completed"), "expected the rows to send"),
    ("E203", play("start:", "see: completed", "download: Contacts\n        rows: [{Email: x}] # here"), "how many"),
    ("E204", run("work: 1 s # here", "complete:"), "'work': expected a duration"),
    ("E204", "title: T\npace: polling # here\n" + RUN + PLAYS, "did you mean 'polls'? Allowed here: time, polls, manual"),
    ("E204", group(OPEN).replace("rows: 12", "rows: 0 # here"), "'rows': expected at least 1, got the number 0"),
    ("E204", play("start:", "see: complete # here"), "did you mean 'completed'?"),
    ("E204", play("start:", "see: # here", "see: completed"), "expected a status, or `refused`"),
    ("E204", "title: T\nrate_limit: 0/min # here\n" + RUN + PLAYS, "expected calls a minute, such as 5/min"),
    ("E204", "title: T\nrun: [] # here\n" + PLAYS, "'run': expected at least 1 entry, got none"),
    ("E205", run("work: 1s\n    queue: 1s # here", "complete:"), "this one has 'work' and also 'queue'"),
    ("E205", run("say: Hello # here", "complete:"), "a beat needs a verb, one of: queue, work"),
    ("E205", play("key: k # here", "see: completed"), "a step needs a verb, one of: start, see"),
    ("E206", run("work: 1s", "complete:\n    say: Done # here"), "it may have: refused, status, error, hollow"),
    ("E206", play("start:", "wait: 1s\n        refused: 409 # here", "see: completed"), "it has no further members"),
    ("E301", run("work: 1s", "queue: 1s # here", "complete:"), "only at the beginning"),
    ("E302", run("queue: 1s", "complete: # here"), "expected 'work' before 'complete'"),
    ("E302", run("work: 1s", PARK, "complete: # here"), "expected 'work' after a parking"),
    ("E302", run("work: 1s", PARK + "    on_answer:\n      - " + PARK.replace("\n", " # here\n", 1).replace("\n  ", "\n      "), "work: 1s", "complete:"), "on_answer: expected 'work' before 'park'"),
    ("E302", run("work: 1s", PARK, "work: 0s # here", "complete:"), "longer than 0s after a parking: two decisions"),
    ("E302", run("work: 1s", PARK, "work: 0s # here", "work: 0ms", PARK, "work: 1s", "complete:"), "(DEC-25)"),
    ("E302", run("work: 1s", "review:", "work: 0s # here", "complete:"), "(DEC-25)"),
    ("E302", run("work: 1s", PARK + ON_ANSWER.replace("work: 2s", "work: 0s # here"), "work: 1s", "complete:"), "on_answer: expected 'work' longer than 0s"),
    ("E302", run("work: 1s", PARK + ON_ANSWER + "      - work: 0s # here\n" + INNER_PARK, "work: 1s", "complete:"), "on_answer: expected 'work' longer than 0s"),
    ("E303", run("work: 1s", "complete:", "work: 1s # here"), "nothing follows 'complete'"),
    ("E304", run("work: 1s", PARK, "work: 2s # here").replace("completed", "failed"), "expected an end after this: complete, fail, cancel or die"),
    ("E305", run("work: 1s", PARK + "    on_answer:\n      - work: 1s\n      - complete: # here", "work: 1s", "complete:"), "expected 'work' or 'park'"),
    ("E305", run("work: 1s", PARK + "    on_reject:\n      - work: 1s # here", "work: 1s", "complete:"), "'fail' as the last beat"),
    ("E305", run("work: 1s", PARK + "    on_reject:\n      - fail: x # here\n      - fail: y", "work: 1s", "complete:"), "expected 'work'"),
    ("E305", run("work: 1s", "review:", "work: 1s", PARK.replace("\n", " # here\n", 1), "work: 1s", "complete:"), "exclude each other"),
    ("E305", run("work: 1s", "review:", "work: 1s", "review: # here", "work: 1s", "complete:"), "one 'review' is enough"),
    ("E305", run("work: 1s", "review:", "work: 1s", PARK.replace("park:", "complete:").replace("- sheet", "- sheet", 1).replace("Contacts", "Contacts # here", 1)), "names no groups"),
    ("E305", run("work: 1s", "complete:\n    refused: 2 # here"), "belongs to the 'complete' of an export"),
    ("E305", "title: T\n" + RUN + "export:\n  - work: 1s\n  - cancel: # here\n" + PLAYS, "an export has only"),
    ("E305", "title: T\n" + RUN + "export:\n  - work: 1s\n  - " + PARK.replace("park:", "complete:").replace("Contacts", "Contacts # here") + PLAYS, "flags no rows"),
    ("E306", "title: T\nready:\n  run: d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8 # here\n" + RUN + PLAYS, "within 10m"),
    ("E307", "title: T\ndata: # here\n  - sheet: Contacts\n    rows: 5\n" + run("work: 1s", "review:", "work: 1s", "complete:")[9:], "beside 'review'"),
    ("E307", "title: T\nready:\n  sheets: # here\n    Deals: d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8\n" + RUN + PLAYS, "fills Contacts"),
    ("E307", "title: T\ndata:\n  - sheet: Contacts\n    rows: 5\n  - sheet: Contacts # here\n    rows: 6\n" + RUN + PLAYS, "named twice"),
    ("E307", "title: T\ndata:\n  - sheet: Deals # here\n    rows: 5\n" + RUN + PLAYS, "Deals links to Contacts, which has no rows"),
    ("E307", "title: T\ndata:\n  - sheet: Companies\n    rows: 90\n" + group(OPEN)[9:].replace("- sheet: Contacts", "- sheet: Contacts # here"), "Contacts has no rows"),
    ("E351", faults("error: 500\n    call: 2\n    every: 3 # here"), "'call' and 'every' say two things"),
    ("E351", faults("delay: 2s\n    up_to: 1s # here"), "shorter than 'delay'"),
    ("E351", faults("dribble: 1h # here"), "expected at most 10m"),
    ("E352", faults("stale:\n    operation: decide # here"), "'stale' cannot bend decide; it can: poll_import"),
    ("E352", faults("error: 500\n    operation: list_sources\n    while: running # here"), "list_sources names none"),
    ("E353", play("start:\n        lost: true # here", "start:", "see: completed"), "no fault of this scenario loses an answer"),
    ("E353", play("start:", "see:\n        refused: 500 # here", "see: completed"), "no fault of this scenario answers 500"),
    ("E333", play("start:\n        lost: true\n        refused: 409 # here", "start:", "see: completed", more=LOSES), "take 'refused' away"),
    ("E333", play("start:", "see: running # here\n        lost: true", "see: completed", more=LOSES), "take 'see' away"),
    ("E331", play("start:\n        lost: true", "see: completed # here", more=LOSES), "the client knows of none"),
    ("E201", faults("lose: reset\n    opertion: decide # here"), "unknown member 'opertion'; did you mean 'operation'?"),
    ("E203", faults("garble: true # here"), "expected nothing, got true"),
    ("E204", faults("page: 500 # here"), "Allowed here: 502, 503, 504"),
    ("E204", "title: T\nfaults: [] # here\n" + RUN + PLAYS, "at least 1 entry"),
    ("E205", faults("times: 1 # here"), "a fault needs a verb, one of: delay"),
    ("E206", faults("error: 500\n    up_to: 2s # here"), "'up_to' does not belong to 'error'"),
    ("E311", group(OPEN).replace("sheet: Contacts", "sheet: Contcts # here"), "no sheet 'Contcts'; did you mean 'Contacts'?"),
    ("E311", "title: T\ndata:\n  - sheet: contacts # here\n    rows: 5\n" + RUN + PLAYS, "did you mean 'Contacts'?"),
    ("E311", "title: T\nready:\n  sheets:\n    People: d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8 # here\n" + RUN + PLAYS, "no sheet 'People'"),
    ("E311", play("start:", "see: completed", "download: Contact # here"), "did you mean 'Contacts'?"),
    ("E312", group(OPEN).replace("column: Status", "column: Stats # here"), "Contacts has no column 'Stats'; did you mean 'Status'?"),
    ("E312", parked("start:", "see: needs_attention\n        asks: [Mail] # here", "see: completed"), "did you mean 'Email'?"),
    ("E312", play("start:", "see: completed", "download: Contacts\n        column: Mail # here\n        values: [x]"), "Contacts has no column 'Mail'"),
    ("E313", group(OPEN, "fails: required # here"), "Status cannot fail 'required'; it can fail: strict"),
    ("E313", group("fix: keep", "fails: strict # here").replace("column: Status", "column: Name"), "it takes anything"),
    ("E314", group(OPEN, "values: [open, Pending] # here"), "'Pending' is fine in Status"),
    ("E314", email("fix: keep", "fails: required", "values: [x] # here"), "'x' does not fail 'required' in Email"),
    ("E314", email("fix: keep", "fails: unique", "values: [no address] # here"), "does not fail 'unique'"),
    ("E315", group("fix: set_value # here")  , "needs a 'value'"),
    ("E315", group("fix: set_value", "value: Opn # here"), "no value of Status 'Opn'; did you mean 'Open'?"),
    ("E315", group("fix: set_value", "value: x # here").replace("column: Status", "column: Phone"), "'x' is no valid Phone"),
    ("E315", email("fix: set_value", "value: '' # here"), "required and cannot be cleared"),
    ("E315", email("fix: set_value", "value: a@example.com # here"), "one value for several rows makes duplicates"),
    ("E315", "title: T\ndata:\n  - sheet: Contacts\n    rows: 90\n  - sheet: Deals\n    rows: 90\n" + group("fix: set_value", "value: a@example.com # here")[9:].replace("sheet: Contacts\n        column: Status", "sheet: Deals\n        column: Contact Email"), "is a link"),
    ("E315", group("fix: keep", "value: Open # here"), "'value' belongs to fix set_value"),
    ("E315", email("fix: dedup_keep_first # here", "fails: strict"), "only rows that fail 'unique'"),
    ("E315", group("fix: keep", "options: [dedup_keep_first] # here"), "no answer for rows that fail 'strict'"),
    ("E315", email("fix: keep", "options: [set_value] # here"), "no value of Email could be suggested"),
    ("E315", email("fix: dedup_keep_first", "allow_custom: true # here"), "no free text makes rows unique"),
    ("E315", run("work: 1s", PARK.replace("park:", "complete:").replace("keep", "set_value # here")), "stay flagged"),
    ("E315", run("work: 1s", PARK.replace("park:", "complete:").replace("sheet: Contacts", "sheet: Contacts # here") + "        ask: false\n"), "nobody is asked"),
    ("E316", group(OPEN).replace("rows: 12", "rows: 727 # here"), "at most 726 may be wrong; by here they are 727"),
    ("E317", run("work: 1s", PARK + "      - sheet: Contacts # here\n        column: Status\n        rows: 2\n        fix: keep\n", "work: 1s", "complete:"), "declared twice"),
    ("E321", "title: T\nclauses: [DEC-01, DEK-02] # here\n" + RUN + PLAYS, "no clause 'DEK-02'; did you mean DEC-02?"),
    ("E321", "title: T\nclauses: [DEC-9] # here\n" + RUN + PLAYS, "no clause 'DEC-9'; did you mean DEC-09?"),
    ("E331", play("see: completed # here", "see: completed"), "the client knows of none"),
    ("E331", play("start:", "lose:", "approve: # here", "see: completed"), "the client knows of none"),
    ("E331", play("start:\n        refused: 409", "see: completed # here"), "the client knows of none"),
    ("E331", play("start:", "see: completed", "see_export: completed # here"), "needs an 'export'"),
    ("E332", play("start:", "see: canceled # here", "see: completed"), "canceled does not occur in this script; it has: completed"),
    ("E332", play("start:", "wait: 2h", "see: failed # here", more="pace: manual\n"), "failed does not occur"),
    ("E332", play("start:", "wait: 2h", "see: failed # here", more="pace: polls\n"), "failed does not occur"),
    ("E332", play("start:", "active: needs_attention # here", "see: completed"), "needs_attention does not occur"),
    ("E333", play("start:", "see: running\n        inserted: 4 # here", "see: completed"), "not shown while running"),
    ("E333", play("start:\n        rows:\n          - Email: x\n        file: Email # here", "see: completed"), "not both"),
    ("E333", play("start:\n        name: x.csv # here", "see: completed"), "the name of a 'file'"),
    ("E333", play("start:", "start:\n        key: k\n        replayed: true # here", "see: completed"), "an earlier 'start'"),
    ("E333", play("start:\n        key: k", "start:\n        key: k\n        replayed: true # here\n        refused: 409", "see: completed"), "either"),
    ("E333", play("start:", "see: completed", "download: Contacts # here\n        column: Email"), "go together"),
    ("E333", parked("start:", "approve:\n        answers:\n          - question: Status # here\n            option_id: a", "see: completed"), "or give their ids"),
    ("E334", parked("start:", "approve:\n        answers:\n          - question: Email # here\n            option: keep", "see: completed"), "no question about 'Email'. There are: Status"),
    ("E334", parked("start:", "approve:\n        answers:\n          - question: Status # here", "see: completed"), "either an option or a 'custom'"),
    ("E335", play("start:", "step: # here", "see: completed"), "needs pace manual; this scenario's pace is time"),
    ("E336", "title: T\n" + RUN + PLAYS + PLAYS.partition("\n")[2].replace("it ends", "it ends # here"), "another play"),
    ("W401", play("start:", "see: running").replace("it ends", "it ends # here"), "the play sees no end"),
    ("W402", run("work: 61m # here", "complete:"), "goes stale"),
]
# fmt: on

ACCOUNT_FILE = """
sources:
  - id: 5d0c8e1a-3b7f-4c26-9a41-6e2f0b9d7c11
    name: A source
templates:
  - id: 1f6b2c9e-0a35-4e78-9d41-b8c7e5f2a310
    name: People
    columns:
      - name: Email
        {}
      - name: Age
  - id: 8c2d7e40-5b19-4a6f-8e03-2f9a1c6d4b57
    name: Orders
    columns:
      - name: Buyer
        rule: link
        pool: link
        links:
          - template: People
            column: Email
"""
# fmt: off
BAD_ACCOUNTS: list[tuple[str, str, str]] = [
    ("E103", ACCOUNT_FILE.format("name: Mail # here"), "'name' is given twice"),
    ("E201", ACCOUNT_FILE.format("requird: true # here"), "did you mean 'required'?"),
    ("E204", ACCOUNT_FILE.format("").replace("name: A source", "name: A\n    logo_url: ftp://x # here"), "an https URL"),
    ("E323", ACCOUNT_FILE.format("").replace("- id: 8c2d7e40-5b19-4a6f-8e03-2f9a1c6d4b57", "- id: 1f6b2c9e-0a35-4e78-9d41-b8c7e5f2a310 # here"), "belongs to People already"),
    ("E341", ACCOUNT_FILE.format("").replace("name: Orders", "name: people # here"), "another template is called 'people' too"),
    ("E341", ACCOUNT_FILE.format("").replace("name: Age", "name: E mail # here"), "another column of People"),
    ("E341", ACCOUNT_FILE.format("").replace("name: Age", "name: E-mail # here"), "(letters and digits alone count)"),
    ("E342", ACCOUNT_FILE.format("").replace("- name: Age", "- name: Age # here\n        rule: strict"), "'pattern' is missing"),
    ("E342", ACCOUNT_FILE.format("").replace("- name: Age", "- name: Age # here\n        pattern: x"), "'pattern' is given"),
    ("E342", ACCOUNT_FILE.format("rule: strict\n        pattern: '(' # here"), "no regular expression"),
    ("E342", ACCOUNT_FILE.format("rule: strict\n        pattern: x+\n        pool: choice # here"), "to choose from"),
    ("E342", ACCOUNT_FILE.format("pool: link # here"), "go together"),
    ("E343", ACCOUNT_FILE.format("").replace("template: People", "template: Peple # here"), "did you mean 'People'?"),
    ("E343", ACCOUNT_FILE.format("").replace("column: Email", "column: Mail # here"), "People has no column 'Mail'; did you mean 'Email'?"),
]
# fmt: on


CODES = load_schema("scenario")["x-complaints"]


def label(case: Any) -> str | None:
    return case if isinstance(case, str) and case in CODES else ""


def expected_line(text: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if "# here" in line), 1)


@pytest.mark.parametrize(("code", "text", "says"), BAD, ids=label)
def test_a_mistake_is_told_with_code_line_and_remedy(
    code: str, text: str, says: str, tmp_path: Path, catalogue: Catalogue
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    found = LOADER.complaints([path], catalogue, contract.clause_ids())
    assert [(each.code, each.line) for each in found] == [(code, expected_line(text))], [str(each) for each in found]
    assert says in found[0].message
    assert str(found[0]).startswith(f"{path}:{found[0].line}:{found[0].column}: {code} ")
    if not found[0].is_warning:
        with pytest.raises(BadFiles, match=code):
            LOADER.load_paths([path], catalogue, contract.clause_ids())


@pytest.mark.parametrize(
    "text",
    [
        run("work: 0s", PARK, "work: 0s", "work: 1ms", "complete:"),
        run("work: 1s", PARK + ON_ANSWER + "      - work: 0s\n", "work: 1s", "complete:"),
        run("work: 1s", PARK + "    on_answer:\n      - work: 0s\n", "work: 1s", "complete:"),
    ],
    ids=["a later beat takes time", "the main line's work follows", "a branch without a parking"],
)
def test_work_without_time_is_fine_where_other_work_takes_some(text: str, tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    assert not LOADER.complaints([path], catalogue, contract.clause_ids())


@pytest.mark.parametrize(("code", "text", "says"), BAD_ACCOUNTS, ids=label)
def test_a_mistake_in_an_account_file_is_told(
    code: str, text: str, says: str, tmp_path: Path, catalogue: Catalogue
) -> None:
    path = tmp_path / loading.ACCOUNT
    path.write_text(text, "utf-8")
    found = LOADER.complaints([path], catalogue)
    assert [(each.code, each.line) for each in found] == [(code, expected_line(text))], [str(each) for each in found]
    assert says in found[0].message
    with pytest.raises(BadFiles, match=code):
        loading.load_catalogue(path)


def test_files_that_cannot_be_read_are_told(tmp_path: Path, catalogue: Catalogue) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"title: T\nrun: \xe9\n")
    missing, empty = tmp_path / "missing.yaml", tmp_path / "empty"
    empty.mkdir()
    found = LOADER.complaints([latin, missing, empty], catalogue)
    assert {(Path(each.file).name, each.line, each.code) for each in found} == {
        ("latin.yaml", 2, "E102"),
        ("missing.yaml", 1, "E101"),
        ("empty", 1, "E101"),
    }


def test_a_file_name_is_a_scenario_name(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "My_Import.yaml"
    path.write_text("title: T\n" + RUN + PLAYS)
    found = LOADER.complaints([path], catalogue)
    assert [each.code for each in found] == ["E110"]


def test_two_files_of_one_name_are_refused_and_both_are_named(tmp_path: Path, catalogue: Catalogue) -> None:
    mine = tmp_path / "park.yaml"
    mine.write_text("title: T\n" + RUN + PLAYS)
    with pytest.raises(BadFiles) as bad:
        LOADER.load_paths([BUILT_IN, tmp_path], catalogue)
    assert [each.code for each in bad.value.complaints] == ["E322"]
    assert bad.value.complaints[0].file == str(mine)
    assert str(BUILT_IN / "park.yaml") in bad.value.complaints[0].message


def test_two_ready_companies_of_one_id_are_refused(tmp_path: Path, catalogue: Catalogue) -> None:
    ready = "title: T\nready:\n  company: c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d\n"
    (tmp_path / "mine.yaml").write_text(ready + RUN + PLAYS)
    with pytest.raises(BadFiles, match=r"E323 .*docs-example\.yaml"):
        LOADER.load_paths([BUILT_IN, tmp_path], catalogue)


def test_all_complaints_of_all_files_come_at_once(tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "a.yaml").write_text("title: T\ntitel: U\npace: fast\n" + RUN + PLAYS)
    (tmp_path / "b.yaml").write_text(play("see: completed", "see: canceled"))
    with pytest.raises(BadFiles) as bad:
        LOADER.load_paths([tmp_path], catalogue)
    found = [(Path(each.file).name, each.line, each.code) for each in bad.value.complaints]
    assert found == [("a.yaml", 2, "E201"), ("a.yaml", 3, "E204"), ("b.yaml", 8, "E331"), ("b.yaml", 9, "E332")]


def test_every_code_is_explained_and_produced() -> None:
    elsewhere = {"E101", "E102", "E110", "E322"}
    assert {code for code, _, _ in BAD + BAD_ACCOUNTS} | elsewhere == set(CODES)
    assert all(text.endswith(".") for text in CODES.values())


def test_complaints_sort_by_file_and_line() -> None:
    first, second = Complaint("a", 2, 1, "E100", "x"), Complaint("a", 10, 1, "E100", "x")
    assert BadFiles([second, first]).complaints == (first, second)
