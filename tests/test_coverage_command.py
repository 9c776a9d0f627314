"""`GET /_mock/coverage` and `vern-mock coverage`: told with denominators, merged, held to a minimum."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from conftest import Client

from mock_server.cli.main import commands
from mock_server.preview.language import load_world
from mock_server.preview.partner import play_through

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
DOCS = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
DOCS_RUN = f"{DOCS}/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
ALL = 108
PAGE = Path(__file__).parent.parent / "docs/journey-coverage.md"


@pytest.fixture
def other(server: str) -> Iterator[Client]:
    """Another session's caller."""
    made = Client(server, f"other-{uuid4()}")
    yield made
    made.close()


def coverage(*arguments: object, **variables: str) -> Result:
    return CliRunner().invoke(commands, ["coverage", *map(str, arguments)], env=variables)


def as_json(*arguments: object) -> Any:
    done = coverage(*arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def met_in(told: Any) -> set[str]:
    return {each["item"] for group in told["groups"] for each in group["items"] if each["met"]}


def saved(folder: Path, client: Client, call: str, name: str = "saved.json") -> Path:
    path = folder / name
    path.write_bytes(client.get(f"/_mock/{call}").received)
    return path


# -- the admin call


def test_nothing_done_is_nothing_of_all(client: Client) -> None:
    told = client.get("/_mock/coverage").body
    assert (told["met"], told["of"], told["percent"]) == (0, ALL, 0.0)
    assert (told["exchanges"], told["forgotten"]) == (0, 0)
    assert sum(group["of"] for group in told["groups"]) == ALL
    assert all("shown_by" in each for group in told["groups"] for each in group["items"])


def test_a_poll_of_the_parked_run_is_told_and_what_was_not_met_says_what_shows_it(client: Client) -> None:
    client.get(DOCS_RUN)
    told = client.get("/_mock/coverage").body
    assert met_in(told) == {
        "needs_attention",
        "set_value",
        "delete_invalid_rows",
        "with options and free text",
        "one at a time",
    }
    statuses = {each["item"]: each for each in told["groups"][0]["items"]}
    assert statuses["needs_attention"] == {"item": "needs_attention", "met": True}
    assert statuses["canceled"]["shown_by"]["scenario"] == "canceled"
    assert (told["groups"][0]["met"], told["groups"][0]["of"], told["groups"][0]["percent"]) == (1, 6, 16.6)


def test_another_session_has_met_nothing_of_it(client: Client, other: Client) -> None:
    client.get(DOCS_RUN)
    assert other.get("/_mock/coverage").body["met"] == 0


def test_a_call_without_a_key_counts_for_the_company_that_it_names(client: Client) -> None:
    made = provisioned(client)
    with closing(Client(client.url, None)) as stranger:
        stranger.get(f"/api/v1/companies/{made}/imports")
    assert "list_imports 401" in met_in(client.get("/_mock/coverage").body)


def provisioned(client: Client) -> str:
    source = client.get("/api/v1/sources").body["sources"][0]["id"]
    return str(client.post("/api/v1/companies", {"name": "Acme", "source": source}).body["company"]["id"])


def test_looking_changes_nothing_and_is_no_exchange(client: Client) -> None:
    client.get(DOCS_RUN)
    assert client.get("/_mock/coverage").body == client.get("/_mock/coverage").body
    assert client.get("/_mock/requests").body["kept"] == 1


def test_a_query_is_refused_with_the_word(client: Client) -> None:
    refused = client.get("/_mock/coverage?fail_under=3")
    assert refused.status == 400
    assert "fail_under" in refused.body["error"]


# -- the command


def test_the_text_has_a_denominator_at_every_percentage(client: Client) -> None:
    client.get(DOCS_RUN)
    done = coverage("--url", client.url, "--api-key", client.key)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"Journey coverage: 5 of {ALL} (4.6 %), in 1 exchange of 1 session\n")
    assert "\nstatuses of an import: 1 of 6 (16.6 %)\n  - queued, completed\n      straight-through: " in done.stdout
    assert "\n  - canceled\n      canceled: " in done.stdout
    assert 'POST /_mock/faults {"twice": "first", "times": 1}, then ' in done.stdout
    percentages = [line for line in done.stdout.splitlines() if "%" in line]
    assert len(percentages) == 9
    assert all(" of " in line for line in percentages)


def test_sessions_and_files_are_put_together(client: Client, other: Client, tmp_path: Path) -> None:
    client.get(DOCS_RUN)
    other.post(f"{LIVE}/imports", {"rows": []})
    journal = saved(tmp_path, other, "requests")
    bundle = saved(tmp_path, client, "bundle", "bundle.json")
    one, two = as_json(bundle), as_json(journal)
    assert (one["exchanges"], two["exchanges"]) == (1, 1)
    both = met_in(one) | met_in(two)
    assert met_in(two) == {"start_import 400"}
    assert met_in(as_json(bundle, journal)) == both
    assert met_in(as_json("--url", client.url, "--api-key", client.key, "--api-key", other.key)) == both
    merged = as_json("--url", client.url, "--api-key", client.key, journal)
    assert met_in(merged) == both
    assert (merged["met"], merged["of"], merged["exchanges"]) == (6, ALL, 2)
    assert (merged["sessions"], merged["files"]) == (1, 1)


def test_a_session_counts_once_however_it_is_given(client: Client, other: Client, tmp_path: Path) -> None:
    with closing(Client(client.url, None)) as stranger:
        stranger.get(f"/api/v1/companies/{provisioned(client)}/imports")
    journal = saved(tmp_path, client, "requests", "journal.json")
    client.get(DOCS_RUN)
    part = saved(tmp_path, client, "requests?operation=poll_import", "part.json")
    bundle, told = saved(tmp_path, client, "bundle", "bundle.json"), saved(tmp_path, client, "coverage", "told.json")
    key = ("--url", client.url, "--api-key", client.key)
    own = tmp_path / "own.json"
    own.write_text(json.dumps(as_json(journal, bundle, *key)))
    alone = as_json(*key)
    assert as_json(journal, part, bundle)["exchanges"] == 3  # calls without a key are in no file of a session
    for sources in ((bundle, bundle), (told, journal), (own, told, journal)):
        merged = as_json(*sources, *key)
        assert (merged["exchanges"], merged["met"]) == (4, alone["met"])
    other.get(DOCS_RUN)
    other.delete("/_mock/requests")
    other.get(DOCS_RUN)
    both = as_json(own, *key, "--api-key", other.key)
    assert (both["exchanges"], both["forgotten"]) == (5, 1)
    assert ", in 5 exchanges of 2 sessions (from 1 file)\n" in coverage(own, *key, "--api-key", other.key).stdout


def test_what_one_file_has_forgotten_another_may_know(client: Client, tmp_path: Path) -> None:
    client.get(DOCS_RUN)
    before = saved(tmp_path, client, "bundle", "before.json")
    client.get(DOCS_RUN)
    client.delete("/_mock/requests")
    client.get(DOCS_RUN)
    after = saved(tmp_path, client, "bundle", "after.json")
    told = as_json(before, after)
    assert (told["exchanges"], told["forgotten"]) == (2, 1)


def test_a_file_of_an_earlier_version_names_no_session(client: Client, tmp_path: Path) -> None:
    client.get(DOCS_RUN)
    for call, member in (("requests", "session"), ("coverage", "journals")):
        path = saved(tmp_path, client, call, f"{call}.json")
        told = json.loads(path.read_text())
        del told[member]
        path.write_text(json.dumps(told))
        assert as_json(path, path)["exchanges"] == 1


def test_its_own_json_and_the_servers_can_be_merged_again(client: Client, tmp_path: Path) -> None:
    client.get(DOCS_RUN)
    server = saved(tmp_path, client, "coverage")
    assert as_json(server)["groups"] == json.loads(server.read_text())["groups"]
    own = tmp_path / "own.json"
    own.write_text(json.dumps(as_json(server)))
    assert as_json(own, server)["groups"] == as_json(server)["groups"]


def test_a_key_that_is_given_twice_counts_once(client: Client) -> None:
    client.get(DOCS_RUN)
    assert as_json("--url", client.url, "--api-key", client.key, "--api-key", client.key)["exchanges"] == 1


@pytest.mark.parametrize(("minimum", "code"), [("0", 0), ("4.6", 0), ("4.63", 1), ("100", 1)])
def test_fail_under_compares_exactly(client: Client, tmp_path: Path, minimum: str, code: int) -> None:
    client.get(DOCS_RUN)  # 5 of 108 are 4.6296... %
    done = coverage(saved(tmp_path, client, "requests"), "--fail-under", minimum)
    assert done.exit_code == code, done.output
    if code:
        assert f"5 of {ALL} (4.6 %) is less than the {float(minimum):g} % of --fail-under" in done.stderr


def test_forgotten_exchanges_are_told(client: Client, tmp_path: Path) -> None:
    client.get(DOCS_RUN)
    client.delete("/_mock/requests")
    for call in ("requests", "bundle", "coverage"):
        done = coverage(saved(tmp_path, client, call))
        assert done.exit_code == 0, done.output
        assert "1 earlier exchange had been forgotten" in done.stdout


def test_the_variables_key_is_not_used_where_a_file_is_given(client: Client, tmp_path: Path) -> None:
    nobody = {"VERN_API_KEY": "some-key", "VERN_MOCK_URL": "http://127.0.0.1:9"}
    assert coverage(saved(tmp_path, client, "requests"), **nobody).exit_code == 0
    assert "does not answer" in coverage(**nobody).stderr


def test_nothing_to_look_at_is_bad_usage() -> None:
    done = coverage()
    assert done.exit_code == 2
    assert "--api-key" in done.stderr


@pytest.mark.parametrize("text", ["101", "-1", "nan", "half", "80%"])
def test_a_minimum_that_is_no_percentage_is_bad_usage(text: str) -> None:
    done = coverage("--fail-under", text, "--api-key", "some-key")
    assert done.exit_code == 2
    assert "expected a number from 0 to 100" in done.stderr


def test_a_key_that_the_server_refuses_is_told(client: Client) -> None:
    done = coverage("--url", client.url, "--api-key", "revoked-1")
    assert done.exit_code == 2
    assert "answered 401" in done.stderr


# -- docs/journey-coverage.md


def test_the_excerpt_is_what_the_command_says(client: Client) -> None:
    scenarios = load_world().scenarios
    for name in ("re-park", "lost-create"):
        scenario = scenarios[name]
        assert not [
            text
            for each in play_through(scenario.plays[0], scenario, client.transport, client.wait)
            for text in each.differences
        ]
    done = coverage("--url", client.url, "--api-key", client.key)
    (excerpt,) = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    shown = iter(done.stdout.splitlines())
    for line in excerpt.splitlines():
        assert line in shown, f"the command does not say (here): {line}\n{done.stdout}"


def test_the_table_has_every_group_with_its_number(client: Client) -> None:
    groups = client.get("/_mock/coverage").body["groups"]
    table = re.findall(r"^\| ([a-z ]+) \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert table == [(group["title"], str(group["of"])) for group in groups]


# -- files that cannot be used


def refused(path: Path, *words: str) -> None:
    done = coverage(path)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert str(path) in done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    refused(tmp_path / "absent.json", "does not exist")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["no whole JSON"]),
        ('{"requests": [', ["no whole JSON", "truncated"]),
        ("[]", ["no bundle, journal or coverage", "GET /_mock/bundle"]),
        ('{"log": {"entries": []}}', ["no bundle, journal or coverage"]),
        ('{"requests": {}}', ["requests must be an array"]),
        ('{"requests": [1]}', ["requests[0] must be an object"]),
        ('{"requests": [{}]}', ["requests[0].", "is required and missing"]),
        ('{"bundle": 99}', ["format 99"]),
        ('{"groups": []}', ["is required and missing"]),
        ('{"groups": [], "exchanges": 0, "forgotten": 0}', ["another version", "known only here"]),
        ('{"groups": [{"group": "x", "items": [{"item": "y", "met": 1}]}]}', ["required and missing"]),
    ],
)
def test_a_file_of_another_kind_is_told_with_the_reason(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    refused(path, "cannot be used", *words)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(b"\xff\xfe{}")
    refused(path, "no whole JSON")


def test_a_bundle_that_was_edited_is_told(client: Client, tmp_path: Path) -> None:
    client.get(DOCS_RUN)
    path = saved(tmp_path, client, "bundle")
    path.write_text(path.read_text().replace('"status":200', '"status":429'))
    refused(path, "digest")


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("status", "200", ["requests[0].status must be an integer or null", "'200'"]),
        ("fault", 7, ["requests[0].fault must be a string or null"]),
        ("in_flight", "r", ["requests[0].in_flight must be an object or null"]),
        ("answer", None, ["requests[0].answer must be an object"]),
    ],
)
def test_a_journal_that_was_edited_is_told_with_the_place(
    client: Client, tmp_path: Path, member: str, value: object, words: list[str]
) -> None:
    client.get(DOCS_RUN)
    journal = json.loads(saved(tmp_path, client, "requests").read_text())
    journal["requests"][0][member] = value
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(journal))
    refused(path, *words)


def test_one_bad_file_among_good_ones_leaves_nothing_half_told(client: Client, tmp_path: Path) -> None:
    good, bad = saved(tmp_path, client, "requests"), tmp_path / "bad.json"
    bad.write_text("{")
    done = coverage(good, bad)
    assert (done.exit_code, done.stdout) == (2, "")
    assert str(bad) in done.stderr
