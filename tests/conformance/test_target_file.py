"""Target files: what a good one means, and every mistake in a bad one, by code, line and remedy; keys are never told.

`# here` marks the line that the complaint must name.
"""
# ruff: noqa: E501  the tables read by rows

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from conformance.preview.target_file import CODES, STATES, load, mistakes, schema, template
from conformance.target.target import Body, Command, Existing, ExistingRun, Provision, Target
from mock_server.contract.yaml_file import BadFiles, Complaint
from mock_server.contract.yaml_reader import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HEAD = "base_url: http://127.0.0.1:9000/api/v1\napi_key: ${KEY}\n"
COMPANY = "c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
RUN = "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
ENVIRONMENT = {
    "KEY": "sk-example-0001",
    "OTHER": "sk-example-0002",
    "EMPTY": "",
    "LINES": "sk-example\n",
    "BYTES": "\udcff",
    "LOGIN": "https://someone:hunter22@api.example.com/v1",
}

# The target file of the documentation, with its gaps filled in.
WHOLE = """\
base_url: http://127.0.0.1:9000/api/v1/
api_key: ${VERN_API_KEY}
other_api_key: ${OTHER_KEY}
revoked_api_key: ${REVOKED_KEY}
requests_per_minute: 0
company:
  existing: ["c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d", "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"]
states:
  completed:            {body: {rows: [{"Email": "a@example.com"}]}}
  needs_attention:      {body: {rows: [{"Email": "${OTHER_KEY}"}]}}
  needs_attention_again: {body: {rows: [{"Email": "$$1"}]}, answers: [{question_id: fq0, custom: x}]}
  failed:               {body: {files: [{name: a.csv, upload_ref: u1}]}}
  canceled:             {run: {company: "c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d", run: "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"}}
  stale:                {command: ["./make-stale.sh", "--key=${OTHER_KEY}"]}
  running:              {body: {rows: [{}]}}
clock:
  advance: {command: ["./advance.sh", "{seconds}"]}
timeouts: {run: 0.5, request: 30}
"""
KEYS = {"VERN_API_KEY": "first-secret", "OTHER_KEY": "second-secret", "REVOKED_KEY": "third-secret"}


def loaded(text: str, folder: Path, environment: Mapping[str, str] = ENVIRONMENT) -> Target:
    path = folder / "target.yaml"
    path.write_text(text, "utf-8")
    return load(path, environment)


def complaints(text: str, folder: Path, environment: Mapping[str, str] = ENVIRONMENT) -> tuple[Complaint, ...]:
    with pytest.raises(BadFiles) as bad:
        loaded(text, folder, environment)
    return bad.value.complaints


# What a good file means


def test_every_member_has_its_value(tmp_path: Path) -> None:
    target = loaded(WHOLE, tmp_path, KEYS)
    assert target == Target(
        base_url="http://127.0.0.1:9000/api/v1",
        api_key="first-secret",
        other_api_key="second-secret",
        revoked_api_key="third-secret",
        requests_per_minute=0,
        tenant=Existing((COMPANY, RUN)),
        states={
            "completed": Body({"rows": [{"Email": "a@example.com"}]}),
            "needs_attention": Body({"rows": [{"Email": "second-secret"}]}),
            "needs_attention_again": Body({"rows": [{"Email": "$1"}]}, ({"question_id": "fq0", "custom": "x"},)),
            "failed": Body({"files": [{"name": "a.csv", "upload_ref": "u1"}]}),
            "canceled": ExistingRun(COMPANY, RUN),
            "stale": Command(("./make-stale.sh", "--key=second-secret")),
            "running": Body({"rows": [{}]}),
        },
        advance=("./advance.sh", "{seconds}"),
        run_timeout=0.5,
        request_timeout=30,
        path=tmp_path / "target.yaml",
    )
    keys = (target.api_key, target.other_api_key, target.revoked_api_key)
    assert keys == ("first-secret", "second-secret", "third-secret")


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    target = loaded(HEAD, tmp_path)
    assert (target.requests_per_minute, target.run_timeout, target.request_timeout) == (90, 120, 10)
    assert target.tenant == Provision(None, None)
    assert (target.other_api_key, target.revoked_api_key, target.advance) == (None, None, None)
    assert target.states == {}
    assert target.api_key == "sk-example-0001"


def test_sections_whose_members_are_commented_out_count_as_left_out(tmp_path: Path) -> None:
    empty = loaded(HEAD + "company:\nstates:\nclock:\ntimeouts:\n", tmp_path)
    assert empty == loaded(HEAD, tmp_path)
    assert loaded(HEAD + "company:\n  provision:\n", tmp_path).tenant == Provision()


def test_a_company_is_provisioned_from_what_is_given(tmp_path: Path) -> None:
    given_both = f"company:\n  provision:\n    source: {COMPANY}\n    template_ids: [{RUN}]\n"
    assert loaded(HEAD + given_both, tmp_path).tenant == Provision(COMPANY, (RUN,))
    given_one = f"company:\n  provision: {{template_ids: [{RUN}, {COMPANY.upper()}]}}\n"
    assert loaded(HEAD + given_one, tmp_path).tenant == Provision(None, (RUN, COMPANY.upper()))


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("${A}", "one"),
        ("${A}-${_b2}", "one-two"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$one"),
        ("$A $ 5$ {A} }", "$A $ 5$ {A} }"),
        ("${TRAP}", "x\nstates: {} ${A} $$"),
    ],
)
def test_variables_are_filled_in_once_and_stay_text(written: str, means: str, tmp_path: Path) -> None:
    text = HEAD + f"states:\n  completed:\n    body:\n      rows:\n        - {{Name: ['{written}'], '{written}': 1}}\n"
    environment = {"KEY": "k", "A": "one", "_b2": "two", "TRAP": "x\nstates: {} ${A} $$"}
    assert loaded(text, tmp_path, environment).states == {"completed": Body({"rows": [{"Name": [means], written: 1}]})}


def test_the_process_gives_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "from-the-process")
    (tmp_path / "target.yaml").write_text(HEAD)
    assert load(tmp_path / "target.yaml").api_key == "from-the-process"


def test_a_target_may_be_known_by_url_and_key_alone() -> None:
    assert Target.of_url("https://api.example.com/v1/", "k") == Target("https://api.example.com/v1", "k")
    with pytest.raises(ValueError, match=r"^base_url has to begin with http:// or https://") as bad:
        Target.of_url("sk-secret-as-url", "k")
    assert "sk-secret" not in str(bad.value)
    with pytest.raises(ValueError, match=r"^api_key has a space at an end, a line break") as bad:
        Target.of_url("https://api.example.com/v1", "sk-secret\n")
    assert "sk-secret" not in str(bad.value)


# What is wrong with a bad one


def completed(way: str) -> str:
    return f"{HEAD}states:\n  completed:\n    {way}\n"


def again(more: str) -> str:
    return f"{HEAD}states:\n  needs_attention_again:\n    {more}\n"


ROWS = "body: {rows: [{}]}"
FOUND = f"{{company: {COMPANY}, run: {RUN}}}"


def advance(command: str) -> str:
    return f"{HEAD}clock:\n  advance:\n    command: {command}\n"


# fmt: off
BAD: list[tuple[str, str, str]] = [
    ("T100", HEAD + "states: [x\nclock: y: z # here", "not YAML"),
    ("T103", HEAD + "api_key: again # here", "'api_key' is given twice; the first one is in line 2"),
    ("T103", HEAD + "states:\n  failed: {}\n  failed: {} # here", "'failed' is given twice"),
    ("T104", "", "expected members"),
    ("T104", "sk-only-a-key # here", "expected members"),
    ("T105", HEAD + "--- # here\na: 1\n", "a second document"),
    ("T106", HEAD + "other_api_key: *sk-secret # here", "in quotes"),
    ("T106", HEAD + "other_api_key: &sk-secret x # here", "in quotes"),
    ("T107", HEAD + "other_api_key: !sk-secret x # here", "in quotes"),
    ("T108", HEAD + "[a]: x # here", "not a list"),
    ("T109", HEAD + "other_api_key: 9e9999 # here", "in quotes"),
    ("T111", HEAD.replace("KEY}", "KEYS} # here"), "no variable 'KEYS'; set it"),
    ("T111", completed("body: {rows: [{Email: ok}, {Email: '${NOBODY}'}]} # here"), "no variable 'NOBODY'"),
    ("T111", advance('[./advance.sh, "${seconds}"] # here'), "written {seconds}, without $"),
    ("T112", HEAD + "other_api_key: ${my-key} # here", "a literal one is written `$${`"),
    ("T112", HEAD + "other_api_key: a${ # here", "a variable's name"),
    ("T113", HEAD + "other_api_key: ${BYTES} # here", "'BYTES' is not UTF-8"),
    ("T201", HEAD + "base_uri: x # here", "unknown member 'base_uri'; did you mean 'base_url'? Allowed here: base_url, api_key,"),
    ("T201", HEAD + "timeouts:\n  runs: 5 # here", "did you mean 'run'? Allowed here: run, request"),
    ("T201", HEAD + "company:\n  provision:\n    templates: [] # here", "did you mean 'template_ids'?"),
    ("T201", HEAD + "company:\n  exists: [] # here", "did you mean 'existing'?"),
    ("T201", completed("bodys: {rows: [{}]} # here"), "did you mean 'body'?"),
    ("T201", completed(f"{ROWS}\n    until: 5 # here"), "unknown member 'until'. Allowed here: body, run, command"),
    ("T201", again(f"{ROWS}\n    answers:\n      - question_id: a\n        option: b # here"), "did you mean 'option_id'?"),
    ("T201", "{base_url: 'http://a/', api_key: k, other_api_key:sk-secret } # here", "'other_api_key'; did you mean 'other_api_key'?"),
    ("T202", "api_key: k # here", "the file lacks the member 'base_url'"),
    ("T202", "base_url: http://a/ # here", "the file lacks the member 'api_key'"),
    ("T202", HEAD + "clock: {} # here", "'clock' lacks the member 'advance'"),
    ("T202", HEAD + "clock:\n  advance: {} # here", "'advance' lacks the member 'command'"),
    ("T202", completed(f"run: # here\n      company: {COMPANY}"), "'run' lacks the member 'run'"),
    ("T202", again(f"{ROWS}\n    answers:\n      - option_id: b # here"), "'answers' lacks the member 'question_id'"),
    ("T203", HEAD + "other_api_key: 123456 # here", "'other_api_key': expected text (in quotes if it looks like a number), got a whole number"),
    ("T203", HEAD + "other_api_key: # here", "got nothing; leave the member out"),
    ("T203", HEAD + "requests_per_minute: ${KEY} # here", "expected a whole number, got text"),
    ("T203", HEAD + "requests_per_minute: true # here", "got true"),
    ("T203", HEAD + "requests_per_minute: 1.5 # here", "expected a whole number, got a number"),
    ("T203", HEAD + "timeouts:\n  run: 30s # here", "expected a number, got text"),
    ("T203", HEAD + "states: [completed] # here", "'states': expected members, got a list"),
    ("T203", HEAD + "states:\n  failed: # here", "'failed': expected members, got nothing; leave"),
    ("T203", HEAD + f"company:\n  existing: {COMPANY} # here", "expected a list, got text"),
    ("T203", completed("body: [{Email: x}] # here"), "'body': expected members, got a list"),
    ("T203", completed("command: ./make.sh --now # here"), "each argument as an entry of their own"),
    ("T203", completed("command:\n      - sleep\n      - 5 # here"), "'command': expected text"),
    ("T203", again(f"{ROWS}\n    answers: {{a: b}} # here"), "'answers': expected a list, got members"),
    ("T204", HEAD + "requests_per_minute: -1 # here", "'requests_per_minute': expected at least 0, got -1"),
    ("T204", HEAD + "requests_per_minute: 1000001 # here", "expected at most 1000000"),
    ("T204", HEAD + "timeouts:\n  run: 0 # here", "'run': expected more than 0, got 0"),
    ("T204", HEAD + "timeouts:\n  request: -2.5 # here", "expected more than 0, got -2.5"),
    ("T204", HEAD + "timeouts:\n  request: 86401 # here", "expected at most 86400"),
    ("T205", HEAD + "company:\n  existing: [] # here", "'existing': expected at least one entry, got none"),
    ("T205", HEAD + f"company:\n  existing:\n    - {COMPANY}\n    - {COMPANY.upper()} # here", "no entry twice"),
    ("T205", HEAD + "company:\n  provision:\n    template_ids: [] # here", "'template_ids': expected at least one"),
    ("T205", completed("command: [] # here"), "'command': expected at least one entry"),
    ("T205", again(f"{ROWS}\n    answers:\n      - question_id: '' # here\n        custom: x"), "text that is not empty"),
    ("T206", HEAD + "company:\n  existing:\n    - c0a8012e # here", "'existing': expected a UUID"),
    ("T206", HEAD + "company:\n  provision:\n    source: ${KEY} # here", "'source': expected a UUID"),
    ("T206", HEAD + f"company:\n  provision:\n    template_ids: ['{RUN} '] # here", "'template_ids': expected a UUID"),
    ("T206", HEAD + f"company:\n  provision:\n    source: \"{RUN}\\n\" # here", "'source': expected a UUID"),
    ("T206", completed(f"run:\n      company: {COMPANY}\n      run: 12-34 # here"), "'run': expected a UUID"),
    ("T207", HEAD + f"states:\n  cancelled: {{run: {FOUND}}} # here", "no state 'cancelled'; did you mean 'canceled'?"),
    ("T207", HEAD + "states:\n  queued: {} # here", "There are: completed, needs_attention,"),
    ("T211", completed(f"{ROWS}\n    command: [x] # here"), "'completed' has 'body' and also 'command'; there is one way"),
    ("T211", completed(f"run: {FOUND}\n    {ROWS} # here\n    command: [x]"), "has 'run' and also 'body' and 'command'"),
    ("T211", HEAD + "states:\n  stale: {} # here", "'stale' has no way to it; give one of: body, run, command"),
    ("T212", completed(f"{ROWS}\n    answers: [] # here"), "'completed' has 'answers', which belong to needs_attention_again"),
    ("T212", again(f"run: {FOUND}\n    answers: [] # here"), "beside 'run'"),
    ("T212", again("command: [x]\n    answers: [] # here"), "they belong to 'body'"),
    ("T213", completed("body: {} # here"), "neither 'rows' nor 'files'"),
    ("T213", completed("body: {row: []} # here"), "did you mean 'rows'?"),
    ("T214", again(f"{ROWS}\n    answers:\n      - question_id: a # here"), "neither 'option_id' nor 'custom'"),
    ("T214", again(f"{ROWS}\n    answers:\n      - {{question_id: a, option_id: b, custom: c}} # here"), "'option_id' and also 'custom'"),
    ("T215", completed("command: [' '] # here"), "its first entry is the program"),
    ("T215", completed('command: ["a\\0b"] # here'), "a zero character"),
    ("T215", advance('["", "{seconds}"] # here'), "its first entry is the program"),
    ("T216", advance("[./advance.sh] # here"), "has no entry with {seconds}"),
    ("T221", HEAD.replace("http://127.0.0.1:9000/api/v1", "127.0.0.1:9000 # here"), "'base_url' has to begin with http:// or https://"),
    ("T221", HEAD.replace("http://", "ftp://").replace("/v1", "/v1 # here"), "has to begin with http://"),
    ("T221", HEAD.replace("127.0.0.1:9000/api/v1", "/api/v1 # here"), "and a host"),
    ("T221", HEAD.replace("9000/api/v1", "99999/api/v1 # here"), "a host or a port that is not valid"),
    ("T221", HEAD.replace("http://127.0.0.1:9000/api/v1", "'http://[::1/v1' # here"), "a host or a port that is not valid"),
    ("T221", HEAD.replace("/v1", "/v1?key=sk-secret # here"), "has a query or a fragment"),
    ("T221", HEAD.replace("/v1", "/v1? # here"), "has a query"),
    ("T221", HEAD.replace("/v1", "/v1#top # here"), "or a fragment"),
    ("T221", HEAD.replace("http://127.0.0.1:9000/api/v1", "${LOGIN} # here"), "a user name or a password"),
    ("T221", HEAD.replace("http://127.0.0.1:9000/api/v1", "'' # here"), "is empty"),
    ("T221", HEAD.replace("http://127.0.0.1:9000/api/v1", '"http://a/\\n" # here'), "has spaces"),
    ("T222", HEAD + "other_api_key: '' # here", "'other_api_key' is empty"),
    ("T222", HEAD + "other_api_key: ${EMPTY} # here", "set the variable that it names"),
    ("T222", HEAD + "other_api_key: ${LINES} # here", "a line break"),
    ("T222", HEAD + "revoked_api_key: sk-sécret # here", "outside ASCII"),
    ("T223", HEAD + "other_api_key: ${KEY} # here", "the same key as api_key and as other_api_key"),
    ("T223", HEAD + "other_api_key: ${OTHER}\nrevoked_api_key: sk-example-0002 # here", "as other_api_key and as revoked_api_key"),
    ("T224", HEAD + f"company:\n  provision: {{}}\n  existing: [{RUN}] # here", "'provision' and also 'existing'"),
    ("T224", HEAD + "company: {} # here", "neither 'provision' nor 'existing'"),
]
# fmt: on


def label(case: Any) -> str | None:
    return case if isinstance(case, str) and case in CODES else ""


def expected_line(text: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if "# here" in line), 1)


@pytest.mark.parametrize(("code", "text", "says"), BAD, ids=label)
def test_a_mistake_is_told_with_code_line_and_remedy(code: str, text: str, says: str, tmp_path: Path) -> None:
    found = complaints(text, tmp_path)
    assert [(each.code, each.line) for each in found] == [(code, expected_line(text))], [str(each) for each in found]
    assert says in found[0].message
    path = tmp_path / "target.yaml"
    assert str(found[0]).startswith(f"{path}:{found[0].line}:{found[0].column}: {code} ")
    assert not re.search(r"sk-|hunter22|123456", found[0].message)


def test_a_mistake_is_told_with_its_column(tmp_path: Path) -> None:
    (found,) = complaints(HEAD + "timeouts: {run: 120, request: -1}", tmp_path)
    assert (found.line, found.column) == (3, 31)
    (found,) = complaints(HEAD + "timeouts: {run: 120, requset: 1}", tmp_path)
    assert (found.line, found.column) == (3, 22)
    (found,) = complaints(HEAD.replace("http://", "ftp://"), tmp_path)
    assert (found.line, found.column) == (1, 11)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match=r"missing\.yaml:1:1: T101 cannot be read"):
        load(tmp_path / "missing.yaml", {})
    (tmp_path / "latin.yaml").write_bytes(b"base_url: x\napi_key: \xe9\n")
    with pytest.raises(BadFiles, match=r"latin\.yaml:2:1: T102 is not UTF-8"):
        load(tmp_path / "latin.yaml", {})


def test_all_mistakes_come_at_once_in_their_order(tmp_path: Path) -> None:
    text = """\
base_url: ftp://a/
api_key: ${NOBODY}
other_api_key: ${NOBODY} ${NOBODY}
requests_per_minute: -5
company:
  provision: {source: x, sourc: y}
states:
  stail: {}
  stale: {command: []}
  failed: {answers: []}
clock: {advance: {command: ["${NOBODY}"]}}
timeouts: 5
"""
    found = [(each.line, each.code) for each in complaints(text, tmp_path)]
    assert found == [
        (1, "T221"),
        (2, "T111"),
        (3, "T111"),
        (4, "T204"),
        (6, "T206"),
        (6, "T201"),
        (8, "T207"),
        (9, "T205"),
        (10, "T211"),
        (10, "T212"),
        (11, "T111"),
        (12, "T203"),
    ]


def test_every_code_is_explained_and_produced() -> None:
    elsewhere = {"T101", "T102"}
    assert {code for code, _, _ in BAD} | elsewhere == set(CODES)
    assert all(text.endswith(".") for text in CODES.values())


# Keys stay unknown


def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    shown = repr(loaded(WHOLE, tmp_path, KEYS))
    assert "http://127.0.0.1:9000/api/v1" in shown
    assert not [secret for secret in KEYS.values() if secret in shown]


PRIVATE = "q7Zx-secret-9Kw"
PLACES = [
    "{}",
    "'{}'",
    "- {}",
    "api_key: [{}]",
    "api_key: {{{}: 1}}",
    "{{api_key:{}}}",
    "{{api_key:{}, api_key:{}}}",
    "api_key:{}\nbase_url: x",
    "api_key: *{}",
    "api_key: &{} x",
    "api_key: !{} x",
    "api_key: !{}!a x",
    "api_key: @{}",
    "api_key: '{}",
    'api_key: "{}\\q"',
    "api_key: {}: x",
    "base_url: {}",
    "base_url: http://{}:x@a/",
    "base_url: http://a/?{}",
    "requests_per_minute: {}",
    "timeouts: {{run: {}}}",
    "company: {}",
    "company: {{existing: [{}]}}",
    "states: {{failed: {}}}",
    "states: {{failed: {{body: {}}}}}",
    "states: {{failed: {{command: ./x {}}}}}",
    "clock: {{advance: {{command: [x, {}]}}}}",
    "clock: {{advance: {{command: x {}}}}}",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("written", [PRIVATE, "${SECRET}"])
def test_no_complaint_tells_a_secret_wherever_it_was_put(place: str, written: str, tmp_path: Path) -> None:
    told = "\n".join(map(str, complaints(place.format(written, written), tmp_path, {"SECRET": PRIVATE})))
    assert PRIVATE not in told
    assert re.search(r": T[12]\d\d ", told)


# The schema


def _objects(form: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "properties" in form:
        yield form
    for part in (*form.get("properties", {}).values(), *form.get("definitions", {}).values()):
        yield from _objects(part)
    if "items" in form:
        yield from _objects(form["items"])


def test_the_schema_explains_every_member_and_knows_no_other() -> None:
    Draft7Validator.check_schema(schema())
    assert "title" not in schema()
    definitions = schema()["definitions"]
    for form in _objects(schema()):
        assert form["additionalProperties"] is False
        for name, member in form["properties"].items():
            told = member if "$ref" not in member else definitions[member["$ref"].removeprefix("#/definitions/")]
            assert told["description"].endswith("."), name


def test_the_schema_has_the_states_and_defaults_of_the_values() -> None:
    members = schema()["properties"]
    assert tuple(members["states"]["properties"]) == STATES
    target, timeouts = Target("http://a", "k"), members["timeouts"]["properties"]
    assert members["requests_per_minute"]["default"] == target.requests_per_minute
    assert (timeouts["run"]["default"], timeouts["request"]["default"]) == (target.run_timeout, target.request_timeout)


def test_an_editor_takes_what_the_loader_takes() -> None:
    validator = Draft7Validator(schema())
    assert not list(validator.iter_errors(parse(WHOLE, "x").value))
    for text in (template(), _uncommented(template(), "existing"), _uncommented(template(), "provision")):
        assert not list(validator.iter_errors(parse(text, "x").value))


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 2.0, "", "x", COMPANY, "{seconds}"])
)
NAMES = st.sampled_from(
    sorted(
        set(schema()["properties"])
        | set(schema()["properties"]["company"]["properties"])
        | set(schema()["properties"]["states"]["properties"]["needs_attention_again"]["properties"])
        | {"source", "template_ids", "advance", "completed", "needs_attention_again", "request", "question_id"}
        | {"option_id", "custom", "rows", "other"}
    )
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=12
)
FILES = st.dictionaries(NAMES, ANYTHING, max_size=5).map(lambda more: {"base_url": "http://a", "api_key": "k"} | more)


@given(FILES)
def test_the_loader_finds_whatever_the_schema_forbids_and_nothing_breaks_it(value: dict[str, Any]) -> None:
    document = parse(json.dumps(value), "target.yaml")
    forbidden = any(Draft7Validator(schema()).iter_errors(value))
    found = list(mistakes(document, document.value))
    assert found or not forbidden
    assert {each.code for each in found} <= set(CODES)


# What `init` writes


def _uncommented(text: str, *but: str) -> str:
    """The template with every member put to use, save those named `but` and what is in them."""
    lines = [re.sub(r"^( *)#(?! \S)", r"\1", line) for line in text.splitlines()]
    kept: list[str] = []
    dropped: int | None = None
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if dropped is not None and line.strip() and depth <= dropped:
            dropped = None
        if any(line.strip().startswith(f"{name}:") for name in but):
            dropped = depth
        if dropped is None:
            kept.append(line)
    return "\n".join(kept)


def test_the_template_is_in_order_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERN_API_KEY", "k")
    path = tmp_path / "target.yaml"
    path.write_text(template(), "utf-8")
    target = load(path)
    assert target == Target(target.base_url, "k", states=target.states, path=path)
    assert set(target.states) == {"completed", "needs_attention"}


def test_the_template_shows_every_member_there_is(tmp_path: Path) -> None:
    environment = {"VERN_API_KEY": "a", "VERN_OTHER_API_KEY": "b", "VERN_REVOKED_API_KEY": "c"}
    provisioned = loaded(_uncommented(template(), "existing"), tmp_path, environment)
    lent = loaded(_uncommented(template(), "provision"), tmp_path, environment)
    assert isinstance(provisioned.tenant, Provision)
    assert provisioned.tenant.source is not None
    assert provisioned.tenant.template_ids
    assert isinstance(lent.tenant, Existing)
    assert set(provisioned.states) == set(STATES)
    assert {type(way) for way in provisioned.states.values()} == {Body, ExistingRun, Command}
    assert provisioned.advance == ("./advance.sh", "{seconds}")
    assert (provisioned.api_key, provisioned.other_api_key, provisioned.revoked_api_key) == ("a", "b", "c")
    assert set(parse(_uncommented(template()), "x").value) == set(schema()["properties"])
