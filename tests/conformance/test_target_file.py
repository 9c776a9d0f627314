"""Target files: what a good one means, what an editor is told of them, and the one that `init` writes."""

# ruff: noqa: E501  the file reads by rows

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
  completed_with_flags: {body: {rows: [{}]}, answers: [{question_id: fq0, option_id: c}]}
  failed:               {body: {files: [{name: a.csv, upload_ref: u1}]}}
  canceled:             {run: {company: "c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d", run: "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"}}
  stale:                {command: ["./make-stale.sh", "--key=${OTHER_KEY}"]}
  running:              {body: {rows: [{}]}}
destination:
  reachable: {base_url: "http://127.0.0.1:9001", auth: {token: "${OTHER_KEY}"}}
  unreachable: {base_url: "http://127.0.0.1:1"}
clock:
  advance: {command: ["./advance.sh", "{seconds}"]}
timeouts: {run: 0.5, request: 30}
"""
KEYS = {"VERN_API_KEY": "first-secret", "OTHER_KEY": "second-secret", "REVOKED_KEY": "third-secret"}


def loaded(text: str, folder: Path, environment: Mapping[str, str] = ENVIRONMENT) -> Target:
    path = folder / "target.yaml"
    path.write_text(text, "utf-8")
    return load(path, environment)


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
            "completed_with_flags": Body({"rows": [{}]}, ({"question_id": "fq0", "option_id": "c"},)),
            "failed": Body({"files": [{"name": "a.csv", "upload_ref": "u1"}]}),
            "canceled": ExistingRun(COMPANY, RUN),
            "stale": Command(("./make-stale.sh", "--key=second-secret")),
            "running": Body({"rows": [{}]}),
        },
        destinations={
            "reachable": {"base_url": "http://127.0.0.1:9001", "auth": {"token": "second-secret"}},
            "unreachable": {"base_url": "http://127.0.0.1:1"},
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
    empty = loaded(HEAD + "company:\nstates:\ndestination:\nclock:\ntimeouts:\n", tmp_path)
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
    names = ("VERN_API_KEY", "VERN_OTHER_API_KEY", "VERN_REVOKED_API_KEY", "VERN_DESTINATION_TOKEN")
    environment = dict(zip(names, "abcd", strict=True))
    provisioned = loaded(_uncommented(template(), "existing"), tmp_path, environment)
    lent = loaded(_uncommented(template(), "provision"), tmp_path, environment)
    assert isinstance(provisioned.tenant, Provision)
    assert provisioned.tenant.source is not None
    assert provisioned.tenant.template_ids
    assert isinstance(lent.tenant, Existing)
    assert set(provisioned.states) == set(STATES)
    assert {type(way) for way in provisioned.states.values()} == {Body, ExistingRun, Command}
    assert provisioned.advance == ("./advance.sh", "{seconds}")
    assert provisioned.destinations["reachable"]["auth"] == {"type": "bearer", "token": "d"}
    assert set(provisioned.destinations) == set(schema()["properties"]["destination"]["properties"])
    assert (provisioned.api_key, provisioned.other_api_key, provisioned.revoked_api_key) == ("a", "b", "c")
    assert set(parse(_uncommented(template()), "x").value) == set(schema()["properties"])
