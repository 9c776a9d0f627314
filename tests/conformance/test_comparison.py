"""What changed between two reports: by kind, as exit code, in a terminal and as a comment; older reports, too."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from commanding import ran
from test_verdict import RUN, E, F, I, N, P, S, result

from conformance.cli import main as cli
from conformance.model.results import Outcome, Results
from conformance.report import jsonreport
from conformance.report.comparison import Comparison, markdown, text

if TYPE_CHECKING:
    from pathlib import Path


def run(*outcomes: Outcome, **members: Any) -> Results:
    found = tuple(result(f"DEC-{number:02}", outcome) for number, outcome in enumerate(outcomes, 1))
    return Results(**RUN | {"results": found, "suite": {"version": "1", "checks": "a"}, **members})


@pytest.mark.parametrize(
    ("before", "after", "kind", "code"),
    [
        (P, P, None, 0),
        (P, F, "broken now", 1),
        (S, F, "failed, not judged before", 1),
        (I, F, "failed, not judged before", 1),
        (F, F, "broken as before", 0),
        (F, P, "mended", 0),
        (S, P, "judged now", 0),
        (I, P, "judged now", 0),
        (P, S, "not judged any more", 3),
        (F, I, "not judged any more", 3),
        (P, E, "not judged any more", 3),
        (S, I, None, 0),
        (N, S, None, 0),
    ],
)
def test_a_change_has_a_kind_and_a_code(before: Outcome, after: Outcome, kind: str | None, code: int) -> None:
    compared = Comparison(run(before, P), run(after, P))
    assert list(compared.changes) == ([kind] if kind else [])
    assert compared.code == code


def test_what_does_not_count_for_the_verdict_makes_nothing_worse() -> None:
    expected = run(F, settings={"expected_failures": {"DEC-01": "ticket 7"}})
    assert Comparison(run(P), expected).code == 0
    should = replace(run(), results=(result("DEC-01", F, "should"),))
    assert Comparison(run(P), should).code == 0
    assert Comparison(run(P), run(P, unreachable="no answer")).code == 3


def test_both_forms_tell_each_change_and_what_else_differs() -> None:
    new = run(F, P, target="http://h|x", readings={"OP-06": "201"}, suite={"version": "1", "checks": "b"})
    compared = Comparison(run(P, F), new)
    for told in (text(compared), markdown(compared)):
        for said in ("1 clause mended; 1 clause broken now", "passed → failed", "failed → passed", "OP-06 is read"):
            assert said in told.replace("\\", "")
        assert "the suites differ (checks)" in told
    assert "http://h\\|x" in markdown(compared)
    assert text(Comparison(new, new)).startswith("1 clause broken as before\n\nbefore: failed")
    assert "###" not in markdown(Comparison(new, new))
    assert text(Comparison(run(P), run(P))).startswith("no clause has another outcome\n")


def test_the_command_compares_files_and_refuses_what_is_no_report(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    document = json.loads(jsonreport.render(run(P)))
    for member in ("suite", "answers"):
        del document[member]
    del document["verdict"]["tried"], document["verdict"]["untried"], document["results"][0]["told"]
    old.write_text(json.dumps(document))  # as earlier versions wrote it
    new.write_text(jsonreport.render(run(F)))
    done = ran(cli.main, "compare", old, new)
    assert done.returncode == 1
    assert done.stdout.startswith("## ❌")  # a pipe
    assert "the old report does not say which suite made it" in done.stdout
    assert ran(cli.main, "compare", new, old, "--format", "text").stdout.startswith("1 clause mended\n")
    old.write_text('{"format": 2}')
    done = ran(cli.main, "compare", old, new)
    assert done.returncode == 2
    assert "no report of vern-conformance" in done.stderr


def test_a_report_says_what_judged_and_of_what_answers() -> None:
    from judging import judged  # noqa: PLC0415 - a mock runs for this one alone

    first, second = judged("SRC-01"), judged("SRC-01")
    assert first.suite == second.suite
    assert len(first.suite["clauses"]) == len(first.suite["checks"]) == len(first.answers) == 64
    tried = json.loads(jsonreport.render(run(P, F, S, N)))["verdict"]
    assert (tried["tried"]["must"], tried["untried"]["must"]) == (2, 1)
