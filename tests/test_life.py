"""The laws of `life`, for random scripts and histories."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import STALE, History, decide, histories

from mock_server.kernel.errors import Refusal
from mock_server.preview.lifecycle import (
    TERMINAL,
    TIMED_OUT,
    TRANSITIONS,
    Approved,
    Canceled,
    Rejected,
    states,
)

if TYPE_CHECKING:
    from mock_server.preview.lifecycle import Event, Life

law = settings(deadline=None, max_examples=60)


def course(history: History) -> list[Life]:
    """Every state of the run, knowing all that happened to it."""
    return list(states(history.script, history.started, history.events, STALE))


@law
@given(histories())
def test_only_the_contracts_transitions_appear(history: History) -> None:
    for before, after in pairwise(course(history)):  # RUN-02, RUN-05, RUN-06
        assert before.status == after.status or after.status in TRANSITIONS[before.status], (before, after)


@law
@given(histories())
def test_a_life_has_no_gaps_and_begins_with_the_start(history: History) -> None:
    passed = course(history)
    assert passed[0].since == history.started.at
    assert all(before.until == after.since for before, after in pairwise(passed))
    assert passed[-1].until is None


@law
@given(histories())
def test_a_state_that_lasts_for_ever_is_an_end_or_waits_for_a_decision(history: History) -> None:
    last = course(history)[-1]
    assert last.terminal or last.status == "needs_attention"
    assert all(state.until is not None and not state.terminal for state in course(history)[:-1])


@law
@given(histories(), st.integers(0, 2 * STALE), st.sampled_from([Approved, Rejected, Canceled]))
def test_an_end_is_final_whatever_happens_later(history: History, wait: int, kind: type[Event]) -> None:
    end = course(history)[-1]
    if end.terminal:
        for at in (end.since + 1, end.since + 1 + wait):
            assert history.at(end.since + 1 + wait, kind(at)) == end  # RUN-03, RUN-04, STALE-04, DEC-35


@law
@given(histories(), st.integers(1, 10 * STALE))
def test_moving_start_and_events_moves_the_whole_life(history: History, by: int) -> None:
    moved = History(
        history.script,
        history.started._replace(at=history.started.at + by),
        tuple(event._replace(at=event.at + by) for event in history.events),
        history.now + by,
    )
    for here, there in zip(course(history), course(moved), strict=True):
        until = None if here.until is None else here.until + by
        assert there == replace(here, since=here.since + by, until=until)
    assert moved.state.status == history.state.status


@law
@given(histories(), st.data())
def test_the_past_does_not_depend_on_what_happens_later(history: History, data: st.DataObject) -> None:
    for state in course(history):
        last = max(history.now, state.since) if state.until is None else state.until - 1
        if state.since <= last:
            then = history.at(data.draw(st.integers(state.since, last)))
            assert replace(then, until=None) == replace(state, until=None)


@law
@given(histories(), st.data())
def test_answers_without_a_change_in_between_are_equal(history: History, data: st.DataObject) -> None:
    state = history.state
    last = history.now + STALE if state.until is None else state.until - 1
    assert history.at(data.draw(st.integers(state.since, last))) == state
    if state.until is not None:
        assert history.at(state.until).since == state.until


@law
@given(histories())
def test_replaying_what_happened_gives_the_same_run(history: History) -> None:
    again = History(
        history.script, history.started._replace(), tuple(event._replace() for event in history.events), history.now
    )
    assert again.state == history.state
    assert course(again) == course(history)


@law
@given(histories())
def test_no_spell_of_work_outlasts_the_limit(history: History) -> None:
    for state, after in pairwise(course(history)):
        if state.status in {"queued", "running"} and state.until is not None:
            assert state.until - state.since <= STALE  # STALE-01, OP-36
        if (after.status, after.says) == ("failed", TIMED_OUT):
            assert after.since - state.since == STALE
            assert state.status in {"queued", "running"}


@law
@given(histories(), st.integers(0, 1_000 * STALE))
def test_a_parked_run_never_expires(history: History, wait: int) -> None:
    for state in course(history):
        if state.status == "needs_attention":
            undecided = replace(history, events=history.events[: len(state.parkings) - 1])
            assert undecided.at(state.since + wait) == replace(state, until=None)  # OP-11, RUN-07


@law
@given(histories(), st.floats(0, 1, exclude_max=True))
def test_a_run_that_has_not_ended_can_be_canceled_at_any_moment(history: History, share: float) -> None:
    for state in course(history):
        until = state.since + STALE if state.until is None else state.until
        if not state.terminal and state.since < until:
            at = state.since + int((until - state.since) * share)
            before = replace(history, events=tuple(event for event in history.events if event.at <= at))
            canceled = before.at(at, Canceled(at))
            assert (canceled.status, canceled.since, canceled.until) == ("canceled", at, None)  # OP-16
            assert before.at(at + 3 * STALE, Canceled(at)) == canceled


@law
@given(histories(), st.booleans())
def test_a_decision_is_taken_exactly_while_the_run_is_parked(history: History, approve: bool) -> None:
    state = history.state
    if state.status != "needs_attention":
        with pytest.raises(Refusal, match=f"the run is {state.status}"):  # DEC-23
            decide(state, history.now, approve=approve)
        return
    event = decide(state, history.now, approve=approve)
    after = history.at(history.now, event)
    assert after.since == history.now or len(after.parkings) > len(state.parkings)
    assert after.status in TERMINAL | {"running", "needs_attention"}
    if after.parkings == state.parkings:
        assert after.status != "needs_attention"  # DEC-24: the second decision meets another status


@law
@given(histories())
def test_a_parking_counts_once_and_is_never_forgotten(history: History) -> None:
    for before, after in pairwise(course(history)):
        new = after.parkings[len(before.parkings) :]
        assert after.parkings == (*before.parkings, *new)
        assert len(new) == (after.status == "needs_attention") or after.status == "canceled"
