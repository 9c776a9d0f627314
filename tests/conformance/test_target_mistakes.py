"""Mistakes in a target file: each is told by code, line and remedy, and no key with it.

`# here` marks the line that the complaint must name.
"""

# ruff: noqa: E501  the tables read by rows

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from calling import COMPANY, RUN
from test_target_file import ENVIRONMENT, HEAD, KEYS, WHOLE, loaded

from conformance.preview.target_file import CODES, load
from mock_server.contract.yaml_file import BadFiles, Complaint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def complaints(text: str, folder: Path, environment: Mapping[str, str] = ENVIRONMENT) -> tuple[Complaint, ...]:
    with pytest.raises(BadFiles) as bad:
        loaded(text, folder, environment)
    return bad.value.complaints


# What is wrong with a bad file


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
    ("T201", HEAD + "destination:\n  reachible: {base_url: http://a} # here", "did you mean 'reachable'?"),
    ("T202", HEAD + "destination:\n  refusing: {auth: {}} # here", "'refusing' lacks the member 'base_url'"),
    ("T203", HEAD + "destination:\n  reachable: http://a # here", "expected members, got text"),
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
    ("T212", completed(f"{ROWS}\n    answers: [] # here"), "'completed' has 'answers', which belong to needs_attention_again and completed_with_flags"),
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
