"""From findings to results, and from results to one exit code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model.clauses import load, select
from conformance.model.results import Exchange, Finding, Outcome, Result, Results
from conformance.verdict import NOT_REACHED, collect, headline, judge

N, S, P, I, F, E = Outcome  # noqa: E741 - the ladder, in a table of them
RUN: dict[str, Any] = {
    "target": "mock",
    "contract": "1.0",
    "profile": "full",
    "seed": 1,
    "started": "2026-06-11T09:00:00Z",
    "seconds": 1.5,
    "requests": 83,
}


def result(clause: str, outcome: Outcome, level: str = "must", *findings: Outcome) -> Result:
    found = tuple(Finding(clause, each, "check") for each in findings or (outcome,))
    return Result(clause, level, "It holds.", outcome, found)


def run(*outcomes: Outcome, should: tuple[Outcome, ...] = (), **members: Any) -> Results:
    musts = [result(f"DEC-{number:02}", outcome) for number, outcome in enumerate(outcomes, 1)]
    shoulds = [result(f"RATE-{number:02}", outcome, "should") for number, outcome in enumerate(should, 1)]
    return Results(**RUN | members, results=(*musts, *shoulds))


def exit_code(results: Results, level: str = "must", required: Any = (), expected: Any = ()) -> int:
    settings = {"level": level, "require": required, "expected_failures": dict(expected)}
    return judge(replace(results, settings={**results.settings, **settings})).code


LADDERS: list[tuple[tuple[Outcome, ...], int]] = [
    ((), 3),
    ((N,), 3),
    ((S,), 3),
    ((N, S), 3),
    ((P,), 0),
    ((N, S, P), 0),
    ((P, P, I), 3),
    ((I,), 3),
    ((P, F), 1),
    ((F,), 1),
    ((P, I, F), 1),
    ((P, E), 3),
    ((E,), 3),
    ((P, E, F), 1),
    ((P, E, I, F, S, N), 1),
]


@pytest.mark.parametrize(("outcomes", "code"), LADDERS)
def test_the_exit_code_of_a_ladder_of_must_clauses(outcomes: tuple[Outcome, ...], code: int) -> None:
    assert exit_code(run(*outcomes)) == code


@pytest.mark.parametrize(
    ("should", "must_level", "should_level"),
    [((F,), 0, 1), ((I,), 0, 3), ((S,), 0, 0), ((P,), 0, 0), ((E,), 3, 3), ((N,), 0, 0)],
)
def test_should_clauses_decide_only_where_they_are_asked_to(
    should: tuple[Outcome, ...], must_level: int, should_level: int
) -> None:
    results = run(P, should=should)
    assert exit_code(results) == must_level
    assert exit_code(results, level="should") == should_level


def test_a_should_clause_that_is_required_decides_at_any_level() -> None:
    assert exit_code(run(P, should=(F,)), required={"RATE-01"}) == 1
    assert exit_code(run(P, should=(I,)), required={"RATE-01"}) == 3


@pytest.mark.parametrize(("outcome", "code"), [(N, 1), (S, 1), (P, 0), (I, 3), (F, 1), (E, 3)])
def test_a_required_clause_may_not_be_left_out(outcome: Outcome, code: int) -> None:
    assert exit_code(run(P, outcome), required={"DEC-02"}) == code


def test_a_required_clause_that_was_not_chosen_was_left_out() -> None:
    assert exit_code(run(P), required={"POLL-04"}) == 1
    assert judge(run(P, settings={"require": ["POLL-04"]})).remarks == ("POLL-04 is required and was not tried",)


@pytest.mark.parametrize(
    ("outcomes", "settings", "code"),
    [
        ((P, S, S), {"asked_for_less": False}, 3),
        ((P, P, S, S), {"asked_for_less": False}, 0),
        ((P, N, N, N), {"asked_for_less": False}, 0),
        ((F, S, S), {"asked_for_less": False}, 1),
        ((P, S, S), {"asked_for_less": True}, 0),
        ((P, S, S), {}, 0),
    ],
)
def test_a_run_that_tried_less_than_half_is_incomplete_unless_it_was_asked_for(
    outcomes: tuple[Outcome, ...], settings: dict[str, Any], code: int
) -> None:
    verdict = judge(run(*outcomes, settings=settings))
    assert verdict.code == code
    few = any("only 1 of the 3 must clauses" in each for each in verdict.remarks)
    assert few is (settings == {"asked_for_less": False} and S in outcomes and P not in outcomes[1:])


def test_a_clause_that_failed_and_broke_us_has_failed() -> None:
    both = Results(**RUN, results=(result("DEC-01", P), result("DEC-02", E, "must", F, E)))
    assert exit_code(both) == 1


def test_unreachable_and_interrupted_come_before_all_else() -> None:
    assert exit_code(run(P, F, unreachable="no answer")) == 4
    assert exit_code(run(unreachable="no answer", interrupted=True)) == 130
    assert exit_code(run(P, F, interrupted=True)) == 130


@pytest.mark.parametrize(
    ("outcomes", "expected", "code"),
    [
        ((P, F), {"DEC-02": "known"}, 0),
        ((P, F, F), {"DEC-02": "known"}, 1),
        ((P, P), {"DEC-02": "known"}, 1),
        ((P, S), {"DEC-02": "known"}, 0),
        ((P, I), {"DEC-02": "known"}, 3),
        ((F,), {"DEC-01": "known"}, 3),
        ((P, E), {"DEC-02": "known"}, 3),
        ((P,), {"POLL-04": "known"}, 0),
    ],
)
def test_the_baseline_is_held_in_both_directions(
    outcomes: tuple[Outcome, ...], expected: dict[str, str], code: int
) -> None:
    assert exit_code(run(*outcomes), expected=expected) == code


def test_the_verdict_says_what_the_baseline_found() -> None:
    verdict = judge(run(P, F, F, settings={"expected_failures": {"DEC-01": "ticket 1", "DEC-02": "ticket 2"}}))
    assert (verdict.code, verdict.word) == (1, "failed")
    assert verdict.remarks == (
        "DEC-03 failed, and the baseline does not expect it",
        "DEC-01 passed, but the baseline expects it to fail (ticket 1); take the entry out",
        "DEC-02 failed, as the baseline expects: ticket 2",
    )


def test_the_verdict_says_what_decided_nothing_and_what_is_ours() -> None:
    said = judge(run(E, should=(F,))).remarks
    assert said[0] == "RATE-01 failed, but does not count for the verdict: it is a should clause"
    assert said[1].startswith("the suite itself failed on 1 clause; that is not the target's fault")
    assert said[2] == "no clause passed, so the run says nothing in favour of the target"
    assert judge(run(unreachable="refused")).remarks[0] == "the target cannot be judged: refused"


def test_the_verdict_follows_the_settings_of_the_run() -> None:
    assert judge(run(P, should=(F,))).code == 0
    assert judge(run(P, should=(F,), settings={"level": "should"})).code == 1


def test_the_headline_has_every_figure_with_its_denominator() -> None:
    untested = tuple(Result(f"X-{n}", "must", "", N, (Finding(f"X-{n}", N, "", reason="r"),)) for n in range(4))
    whole = run(*[P] * 51, F, F, I, *[S] * 6)
    whole = Results(**RUN, results=whole.results + untested)
    assert headline(whole) == "51 of 54 must clauses passed, 2 failed, 1 inconclusive; 6 skipped; 4 not applicable"
    assert headline(run(P, N, should=(P, F, E))) == (
        "1 of 1 must clauses passed; 1 of 3 should clauses passed, 1 failed, 1 error; 1 not applicable"
    )
    assert headline(run(S)) == "0 of 0 must clauses passed; 1 skipped"
    assert headline(run()) == "no clause was chosen"


def test_a_clause_has_the_highest_outcome_of_its_findings() -> None:
    chosen = select(["DEC-01", "DEC-02", "DEC-03"])
    findings = [
        Finding("DEC-01", S, "a"),
        Finding("DEC-01", P, "b"),
        Finding("DEC-02", F, "a"),
        Finding("DEC-02", P, "b"),
    ]
    first, second, third = collect(findings, chosen)
    assert (first.outcome, second.outcome, third.outcome) == (P, F, S)
    assert [finding.check for finding in second.findings] == ["a", "b"]
    assert third.findings == (Finding("DEC-03", S, "", reason=NOT_REACHED),)


def test_what_is_said_twice_of_one_exchange_is_told_once() -> None:
    shown = {number: Exchange(number, None, "GET", "/", {}, None, 200, {}, "", None, 1, "") for number in (1, 2)}

    def failed(by: str, got: str, *numbers: int) -> Finding:
        return Finding("SRC-01", Outcome.FAILED, by, got=got, exchanges=tuple(shown[each] for each in numbers))

    one, more, other = failed("observer", "no", 1), failed("a_check", "no", 2, 1), failed("a_check", "no", 2)
    mute = [failed("a_check", "", 1), failed("another", "", 1)]  # which say nothing but what they require
    (only,) = collect([one, more, failed("observer", "no", 1), other, *mute], select(["SRC-01"]))
    assert only.findings == (more, other, *mute)


def test_a_clause_without_a_test_is_not_applicable_and_says_why() -> None:
    clause = next(iter(select(["DEC-01"]).values()))
    untested = type(clause)("DEC-01", "server", "must", "x", (), (), (), not_tested="it takes a year")
    (only,) = collect([], {"DEC-01": untested})
    assert (only.outcome, only.findings[0].reason) == (N, "it takes a year")
    assert headline(Results(**RUN, results=(only,))).endswith("1 not applicable")


def test_findings_about_other_clauses_are_left_out_and_about_none_are_our_mistake() -> None:
    assert [each.clause for each in collect([Finding("POLL-04", F, "a")], select(["DEC-01"]))] == ["DEC-01"]
    with pytest.raises(ValueError, match="do not exist: DEC-99"):
        collect([Finding("DEC-99", P, "a")], load())


OUTCOMES = st.lists(st.sampled_from(Outcome), max_size=6)


@given(OUTCOMES, st.integers(0, 5), st.sampled_from(["must", "should"]))
def test_a_worse_outcome_never_gives_a_better_code(outcomes: list[Outcome], place: int, level: str) -> None:
    # From passed on: 0, then 3, then 1. An error beside no failure is 3, for it says nothing about the target.
    severity = {0: 0, 3: 1, 1: 2}.__getitem__
    rising = [P, I, F]
    codes = [severity(exit_code(run(P, *outcomes[:place], each, *outcomes[place:]), level=level)) for each in rising]
    assert codes == sorted(codes)


@given(OUTCOMES, OUTCOMES, st.randoms(use_true_random=False))
def test_the_order_of_results_does_not_matter(musts: list[Outcome], shoulds: list[Outcome], random: Any) -> None:
    whole = run(*musts, should=tuple(shoulds))
    mixed = list(whole.results)
    random.shuffle(mixed)
    other = Results(**RUN, results=tuple(mixed))
    assert exit_code(whole) == exit_code(other)
    assert headline(whole) == headline(other)
