"""What the terminal shows of a run: what to mend first, what failed, and what was not judged."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from reported import exchange, finding, mixed, results

from conformance.model.clauses import server_clauses
from conformance.model.results import Outcome
from conformance.report import details, html, junit, markdown, summary, terminal
from conformance.verdict import aside, headline
from mock_server.contract.document import data

SCHEMA: dict[str, Any] = json.loads(data("openapi", "results.schema.json").read_text("utf-8"))


def test_a_failure_shows_all_that_is_needed_to_mend_it() -> None:
    text = terminal.render(results(finding("DEC-04", Outcome.FAILED)))
    lines = text.splitlines()
    assert lines[0].startswith("failed: 0 of 1 must clauses passed, 1 failed; ")
    (named,) = [place for place, each in enumerate(lines) if each == "Failed"]
    assert lines[named + 1] == "  DEC-04    A second decision is refused: expected 409; got 200 running"
    for said in ("  required  A second decision is refused.", "  expected  409", "  got       200 running"):
        assert said in lines[lines.index("FAILED  DEC-04 (must)") :]
    assert "    > POST http://127.0.0.1:9000/api/v1/companies/c/imports/r/decision" in lines
    assert lines[lines.index("    < 200") + 1 :][:2] == [
        "    < content-type: application/json",
        '    < {"run_id": "r", "status": "running"}',
    ]
    assert f"    {exchange().curl}" in lines
    assert "  to repeat it: vern-conformance run DEC-04 --target target.yaml --seed 7" in lines
    (disputed,) = [each for each in lines if each.startswith("  to dispute it: ")]
    assert disputed.startswith("  to dispute it: `vern-conformance explain DEC-04`")
    assert lines[-1].startswith("failed: 0 of 1 must clauses passed, 1 failed; ")


def test_of_an_exchange_only_what_was_judged_is_shown_and_once() -> None:
    body = '{"run_id": "r"}'
    headers = {"content-type": "text/plain", "server": "s", "date": "d", "x-page": "2", "retry-after": "1"}
    one = exchange(
        9, headers=headers, body=body, curl=f"curl {exchange().url} --data-binary '{exchange().request_body}'"
    )
    twice = [finding("DEC-04", Outcome.FAILED, got=f"200 {body}", expected=each, exchanges=(one,)) for each in "ab"]
    text = terminal.render(results(replace(twice[0], note="x-page is odd"), twice[1]))
    assert (text.count(body), text.count("exchange 9 (decide)"), text.count("exchange 9, above")) == (1, 1, 1)
    assert "> POST" not in text, "the command says it"
    assert all(f"    < {name}: {headers[name]}\n" in text for name in ("content-type", "x-page", "retry-after"))
    assert "server:" not in text
    assert "date:" not in text


def test_what_a_schema_says_of_one_answer_is_one_finding() -> None:
    shapes = [finding("DEC-04", Outcome.FAILED, check="shape", got=f"/{name}: none") for name in "abc"]
    again = finding("DEC-04", Outcome.FAILED, got="/a: none", expected="an answer of the contract's shape")
    run = results(*shapes, again, finding("DEC-04", Outcome.FAILED))
    assert [each.got for each in details.findings(summary.faults(run)[0])] == [
        "/a: none; /b: none; /c: none",
        "200 running",
    ]


def test_of_many_exchanges_the_odd_one_is_shown() -> None:
    shown = [exchange(number, status=409 if number == 4 else 200) for number in range(9)]
    assert [each.number for each in details.telling(shown)] == [3, 4]
    assert [each.number for each in details.telling(shown[5:])] == [7, 8]


def test_a_whole_area_is_told_by_its_name() -> None:
    run = mixed()
    ids = ["AUTH-02", *(each.clause for each in run.results if each.clause.startswith(("SRC", "FMT"))), "ID-01"]
    assert summary.named(ids, run) == "all of SRC, FMT; AUTH-02, ID-01"
    assert summary.named(["ID-01", "AUTH-02"], run) == "ID-01, AUTH-02"


def test_what_most_clauses_wait_for_is_to_be_mended_first() -> None:
    call = exchange(operation="provision_company", status=201)
    waiting = finding("DEC-05", Outcome.INCONCLUSIVE, reason="no company", exchanges=(call,))
    run = results(
        finding("PROV-02", Outcome.FAILED, check="shape", exchanges=(call,)),
        finding("DEC-24", Outcome.FAILED),
        finding("DEC-07", Outcome.INCONCLUSIVE, reason="blocked by DEC-24: it was rejected afterwards"),
        *(finding(f"IDEM-0{number}", Outcome.INCONCLUSIVE, reason="no clock") for number in range(1, 6)),
        waiting,
        replace(waiting, clause="DEC-06"),
    )
    assert summary.causes(run) == (
        summary.Cause("PROV-02", {"no company": ("DEC-05", "DEC-06")}),
        summary.Cause("DEC-24", {"blocked by DEC-24: it was rejected afterwards": ("DEC-07",)}),
        summary.Cause("", {"no clock": tuple(f"IDEM-0{number}" for number in range(1, 6))}),
    )
    first = terminal.render(run, quiet=True).partition("Mend first\n")[2].splitlines()
    assert first[:2] == [
        "  PROV-02   2 clauses wait for it: no company (DEC-05, DEC-06)",
        "  DEC-24    1 clause waits for it: it was rejected afterwards (DEC-07)",
    ]
    rest = terminal.render(run).partition("Not judged\n")[2]
    assert "inconclusive: no company (see PROV-02)\n" in rest
    assert "exchange" not in rest, "PROV-02 has shown it"
    assert "| PROV-02 | 2 | no company |" in markdown.render(run)


def test_only_lines_to_paste_are_wider_than_the_terminal() -> None:
    wide = [each for each in terminal.render(mixed()).splitlines() if len(each) > details.WIDTH]
    assert {each.split()[0] for each in wide} <= {"curl", "to"}, "to repeat it:"


def test_colour_is_added_to_the_same_text() -> None:
    run = mixed()
    coloured = terminal.render(run, colour=True)
    assert "\x1b[31m" in coloured
    assert "\x1b" not in terminal.render(run)
    assert re.sub(r"\x1b\[\d*m", "", coloured) == terminal.render(run)


def test_faults_come_first_must_before_should_and_our_own_last() -> None:
    shoulds = [clause.id for clause in server_clauses().values() if clause.level == "should"]
    run = results(
        finding("AUTH-02", Outcome.ERROR), finding(shoulds[0], Outcome.FAILED), finding("SEC-01", Outcome.FAILED)
    )
    assert [fault.clause for fault in summary.faults(run)] == ["SEC-01", shoulds[0], "AUTH-02"]


def test_many_findings_are_told_by_number() -> None:
    shown = tuple(map(exchange, range(5)))
    many = [finding("DEC-04", Outcome.FAILED, exchanges=shown, got=f"200, number {number}") for number in range(8)]
    assert "more finding" not in terminal.render(results(*many[:1] * 5)), "they say the same"
    text = terminal.render(results(*many[:5]))
    assert re.search(r"and 2 more findings:\n    .*expected 409; got 200, number 3\n    .*number 4", text)
    assert "and 3 more exchanges" in text
    assert "and 3 more findings about this clause" in markdown.render(results(*many))


@pytest.mark.parametrize(
    ("target", "clause", "command"),
    [
        ("mock", "DEC-04", "vern-conformance run DEC-04 --target mock --seed 7"),
        ("my target.yaml", "DEC-04", "vern-conformance run DEC-04 --target 'my target.yaml' --seed 7"),
        (
            "http://h/api/v1",
            "RATE-01",
            'vern-conformance run RATE-01 --base-url http://h/api/v1 --seed 7 --api-key "$VERN_API_KEY" --rate-checks',
        ),
    ],
)
def test_the_command_to_repeat_can_be_pasted(target: str, clause: str, command: str) -> None:
    assert summary.again(results(target=target), [clause]) == command
    by_settings = results(target="http://mock/api/v1", settings={"target": target})
    assert summary.again(by_settings, [clause]) == command


def test_what_was_not_verified_is_grouped_by_reason_and_shows_what_was_seen() -> None:
    run = results(
        finding("DEC-04", Outcome.INCONCLUSIVE, reason="blocked by DEC-01", exchanges=(exchange(41), exchange(42))),
        finding("DEC-05", Outcome.INCONCLUSIVE, reason="blocked by DEC-01"),
        finding("DEC-06", Outcome.SKIPPED, reason="no way to stale"),
    )
    first, *rest = summary.unverified(run)
    assert first == summary.Unverified(Outcome.INCONCLUSIVE, "blocked by DEC-01", ("DEC-04", "DEC-05"), exchange(42))
    assert summary.Unverified(Outcome.SKIPPED, "no way to stale", ("DEC-06",), None) in rest
    assert "exchange 42" in terminal.render(run)
    assert all("xchange 42" in report.render(run) for report in (html, junit, markdown))


def test_open_points_say_how_the_target_reads_them() -> None:
    found = {each.open_point: each for each in summary.readings(results())}
    assert found["OP-06"].reading == "200 and the run's status of now"
    assert found["OP-06"].clauses
    assert found["OP-25"].reading == summary.NOT_SEEN
    assert found["OP-100"].question == ""
    noted = results(
        finding("DEC-04", Outcome.PASSED, note="sends 422"), finding("DEC-04", Outcome.PASSED, note="sends 422")
    )
    assert summary.notes(noted) == (("DEC-04", "sends 422"),)
    for text in (terminal.render(noted), html.render(noted), markdown.render(noted)):
        assert "sends 422" in text


# The files


def test_quiet_is_the_first_screen() -> None:
    run = mixed()
    first = terminal.render(run, quiet=True)
    assert terminal.render(run).startswith(first)
    assert " ".join(first.split()).startswith(f"failed: {headline(run)} ")
    named = re.findall(r"^  ([A-Z]+-\d+)", first.partition("\nFailed\n")[2], re.MULTILINE)
    assert named == [each.clause for each in summary.faults(run)]
    assert first.count("does not count for the verdict") == len(aside(run))


def test_an_unreachable_target_is_told_in_one_line() -> None:
    told = terminal.render(results(unreachable="no answer from http://h: refused\n\x1b[31m"))
    assert told == "not judged: no answer from http://h: refused \\x1b[31m\n"
