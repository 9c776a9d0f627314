"""`vern-mock audit`: what it prints, in every format, what it takes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from clients import sloppy
from clients.desk import Desk
from clients.exemplary import Exemplary

from conformance.audit import RULES
from mock_server.cli.audit import command as audit

if TYPE_CHECKING:
    from conftest import Client

PAGE = Path(__file__).parent.parent / "docs/report-card.md"


def told(*arguments: str, **variables: str) -> Result:
    """What the command does, in this process; a traceback in it is a failure."""
    found = CliRunner().invoke(audit, arguments, env={"VERN_API_KEY": "", **variables})
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


@pytest.fixture
def session(client: Client, key: str) -> tuple[str, ...]:
    """The options that name a session in which a request was repeated with another key."""
    with Exemplary(client.url, key, lambda seconds: client.wait(round(seconds * 1_000))) as partner:
        made = partner.provision("Acme", "lost-create--acme")
        sloppy.new_key_for_retry(Desk(partner, key, "lost-create--acme", made["company"]["id"], lambda *_: None))
    return "--url", client.url, "--api-key", key


def test_a_clean_card_ends_with_0(client: Client, key: str) -> None:
    client.get("/api/v1/sources")
    found = told("--url", client.url, VERN_API_KEY=key)
    assert found.exit_code == 0
    assert found.output == "report card: no finding in 1 exchange (clock frozen, dialect documented)\n"


def test_a_finding_ends_it_with_1_and_the_page_shows_how_one_looks(session: tuple[str, ...]) -> None:
    found = told(*session)
    assert found.exit_code == 1
    assert found.output.startswith("report card: 1 error in ")
    shown = PAGE.read_text().partition("```text\n")[2].partition("```")[0]
    first, *rest = shown.splitlines()
    assert first.partition(", run ")[0] in found.output
    assert "\n".join(rest) in found.output


def test_json_is_the_card_and_what_its_reader_says(session: tuple[str, ...]) -> None:
    card = json.loads(told(*session, "--format", "json").output)
    assert [each["code"] for each in card["findings"]] == ["new-key-for-retry"]
    assert card["counts"] == {"error": 1, "warning": 0, "note": 0}
    assert (card["failed"], card["clean"], card["clock"], card["dialect"]) == (True, False, "frozen", "documented")


def test_junit_has_a_case_for_each_rule(session: tuple[str, ...]) -> None:
    found = told(*session, "--format", "junit", "--disable", "no-key=another team's")
    suite = ElementTree.fromstring(found.output.encode())[0]
    cases = suite.findall("testcase")
    assert [case.get("name", "").partition(":")[0] for case in cases] == list(RULES)
    assert [case.get("classname") for case in cases if case.find("failure") is not None] == ["IDEM-09"]
    assert [case.get("classname") for case in cases if case.find("skipped") is not None] == ["AUTH-01"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == (str(len(RULES)), "1", "1")


def test_markdown_has_a_row_for_each_finding(session: tuple[str, ...]) -> None:
    lines = told(*session, "--format", "markdown").output.splitlines()
    assert lines[0].startswith("## ❌")
    assert [line for line in lines if line.startswith("| error | new-key-for-retry | IDEM-09 |")]


def test_a_rule_can_be_left_out_with_a_reason(session: tuple[str, ...]) -> None:
    found = told(*session, "--disable", "new-key-for-retry=no retries before May")
    assert found.exit_code == 0
    assert "new-key-for-retry is left out: no retries before May" in found.output


@pytest.mark.parametrize(
    ("disable", "said"),
    [
        ("new-key-for-retri=x", "no rule 'new-key-for-retri'; did you mean 'new-key-for-retry'?"),
        ("qqqq=x", "no rule 'qqqq'; docs/report-card.md lists them"),
        ("new-key-for-retry", "expected new-key-for-retry=REASON; got no reason"),
        ("new-key-for-retry= ", "expected new-key-for-retry=REASON; got no reason"),
    ],
)
def test_a_mistake_in_disable_is_bad_usage(disable: str, said: str) -> None:
    found = told("--api-key", "my-key", "--disable", disable)
    assert found.exit_code == 2
    assert said in found.output


def test_a_baseline_expects_findings_and_may_not_grow_stale(session: tuple[str, ...], tmp_path: Path) -> None:
    baseline = tmp_path / "expected.yaml"
    baseline.write_text("new-key-for-retry: ticket 118\n")
    found = told(*session, "--baseline", str(baseline))
    assert found.exit_code == 0
    assert "new-key-for-retry is expected: ticket 118" in found.output

    baseline.write_text("new-key-for-retry: ticket 118\npolls-after-end: ticket 119\nno-key: ticket 120\n")
    found = told(*session, "--baseline", str(baseline), "--disable", "no-key=not ours", "--format", "markdown")
    assert found.exit_code == 1
    assert "polls-after-end was not found, but the baseline expects it (ticket 119); take the entry out" in found.output
    assert "no-key was not found" not in found.output
    suite = ElementTree.fromstring(told(*session, "--baseline", str(baseline), "--format", "junit").output.encode())
    assert [case.get("name") for case in suite[0].findall("testcase[@classname='baseline']")] == [
        "polls-after-end",
        "no-key",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("polls-to-fast: why\n", "E601 no rule of the report card 'polls-to-fast'; did you mean 'polls-too-fast'?"),
        ("qqqq: why\n", "E601 no rule of the report card 'qqqq'; docs/report-card.md shows them all"),
        ("no-key:\n", "E602 expected the reason why no-key may fail"),
        ("- no-key\n", "1:1"),
    ],
)
def test_a_mistake_in_a_baseline_names_its_place(tmp_path: Path, text: str, said: str) -> None:
    baseline = tmp_path / "expected.yaml"
    baseline.write_text(text)
    found = told("--api-key", "my-key", "--baseline", str(baseline))
    assert found.exit_code == 2
    assert said in found.output


def test_a_bundle_is_judged_without_a_server(client: Client, session: tuple[str, ...], tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(client.get("/_mock/bundle").received)
    found = told("--bundle", str(bundle))
    assert found.exit_code == 1
    assert found.output == told(*session).output

    bundle.write_bytes(bundle.read_bytes()[:-9])
    found = told("--bundle", str(bundle))
    assert found.exit_code == 2
    assert "cannot be judged: it is no whole JSON" in found.output


def test_without_session_or_server_it_is_bad_usage() -> None:
    assert "give --api-key (or VERN_API_KEY), whose session is judged" in told().output
    assert told().exit_code == 2
    found = told("--api-key", "my-key", "--url", "http://127.0.0.1:1")
    assert found.exit_code == 2
    assert "http://127.0.0.1:1 does not answer" in found.output


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("without=no-ky", "without: no rule 'no-ky'; did you mean 'no-key'?"),
        ("ongoing=yes", "ongoing must be true or false; got 'yes'"),
        ("ongoin=true", "the query's 'ongoin' is not known here; did you mean 'ongoing'?"),
    ],
)
def test_a_mistake_in_the_query_is_a_400(client: Client, query: str, said: str) -> None:
    answer: Any = client.get(f"/_mock/audit?{query}")
    assert answer.status == 400
    assert said in answer.body["error"]


def test_the_page_has_every_rule_and_every_clause_that_is_not_judged() -> None:
    found = told("--rules")
    assert found.exit_code == 0
    rules, untestable = found.output.split("\n\n")
    text = PAGE.read_text()
    assert text.partition("<!-- rules -->\n")[2].partition("<!-- /rules -->")[0] == f"{rules}\n"
    assert text.partition("<!-- untestable -->\n")[2].partition("<!-- /untestable -->")[0] == untestable
