"""The rules of `life`, told as dialogues with one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from strategies import STALE, decide

from mock_server.data.book import Flagged
from mock_server.kernel.clock import EPOCH, HOUR, duration
from mock_server.kernel.errors import Refusal
from mock_server.preview.beats import Cancel, Complete, Die, Fail, Park, Queue, Review, Work
from mock_server.preview.lifecycle import (
    REJECTED,
    TERMINAL,
    TIMED_OUT,
    TRANSITIONS,
    Canceled,
    Started,
    life,
)

if TYPE_CHECKING:
    from mock_server.preview.lifecycle import Event, Life
    from mock_server.scenarios.model import Beat

STATUS = Flagged("Contacts", "Status", 12, "strict", "set_value", "Open")


class Dialogue:
    """A run, and somebody who waits, looks and decides."""

    def __init__(self, *script: Beat, flagged: bool = False, drift: str | None = None) -> None:
        self.script = script
        self.started = Started(EPOCH, flagged, drift)
        self.events: list[Event] = []
        self.now = EPOCH

    @property
    def state(self) -> Life:
        return life(self.script, self.started, self.events, self.now, STALE)

    @property
    def sees(self) -> str:
        return self.state.status

    @property
    def says(self) -> str:
        return self.state.says

    def wait(self, time: str) -> None:
        self.now += duration(time)

    def approve(self, *, answered: bool = False, unresolved: bool = False) -> None:
        self.events.append(decide(self.state, self.now, approve=True, answered=answered, unresolved=unresolved))

    def reject(self) -> None:
        self.events.append(decide(self.state, self.now, approve=False))

    def cancel(self) -> None:
        self.events.append(Canceled(self.now))


def ms(time: str) -> int:
    return duration(time)


def test_an_import_is_queued_then_runs_then_completes() -> None:
    run = Dialogue(Queue(ms("1s"), "In line"), Work(ms("20s"), "Reading"), Complete())
    assert (run.sees, run.says) == ("queued", "In line")
    run.wait("999ms")
    assert run.sees == "queued"
    run.wait("1ms")
    assert (run.sees, run.says) == ("running", "Reading")
    run.wait("20s")
    assert (run.sees, run.says) == ("completed", "")
    run.wait("500h")
    assert run.sees == "completed"


def test_an_import_that_parks_twice_takes_one_decision_each_time() -> None:
    first, second = Park((STATUS,)), Park((STATUS._replace(column="Phone"),))
    run = Dialogue(Queue(ms("1s")), Work(ms("20s")), first, Work(ms("5s")), second, Work(ms("5s")), Complete())
    with pytest.raises(Refusal, match="the run is queued"):
        run.approve()
    run.wait("21s")
    assert run.sees == "needs_attention"
    run.wait("30h")
    assert run.sees == "needs_attention"
    run.approve()
    assert run.sees == "running"
    with pytest.raises(Refusal, match="the run is running"):
        run.approve()
    run.wait("5s")
    assert run.sees == "needs_attention"
    assert [parking.beat for parking in run.state.parkings] == [first, second]
    assert not run.state.parkings[-1].again
    run.approve()
    run.wait("5s")
    assert run.sees == "completed"
    with pytest.raises(Refusal, match="the run is completed"):
        run.reject()


def test_an_approval_that_leaves_rows_wrong_re_runs_and_parks_again() -> None:
    run = Dialogue(Work(ms("20s")), Park((STATUS,)), Work(ms("5s")), Complete())
    run.wait("20s")
    for _ in range(3):  # DEC-28, DEC-29
        run.approve(unresolved=True)
        assert run.sees == "running"
        run.wait("5s")
        assert run.sees == "needs_attention"
        assert run.state.parkings[-1].again
    run.approve()
    run.wait("5s")
    assert run.sees == "completed"
    assert len(run.state.parkings) == 4


def test_an_approval_with_answers_takes_the_branch_of_its_own() -> None:
    other = Park((STATUS._replace(column="Phone"),))
    script = (Work(10), Park((STATUS,), on_answer=(Work(7, "Your way"), other)), Work(5, "Our way"), Complete())
    ours, yours = Dialogue(*script), Dialogue(*script)
    for run in (ours, yours):
        run.wait("10ms")
    ours.approve()
    assert ours.says == "Our way"
    ours.wait("5ms")
    assert ours.sees == "completed"
    yours.approve(answered=True)
    assert yours.says == "Your way"
    yours.wait("7ms")
    assert (yours.sees, yours.state.parkings[-1].beat) == ("needs_attention", other)
    yours.approve()
    assert yours.says == "Our way"
    yours.wait("5ms")
    assert yours.sees == "completed"


def test_answers_that_mend_nothing_re_run_the_main_line_and_ask_again() -> None:
    run = Dialogue(Work(10), Park((STATUS,), on_answer=(Work(7, "Your way"),)), Work(5, "Our way"), Complete())
    run.wait("10ms")
    run.approve(answered=True, unresolved=True)
    assert run.says == "Our way"
    run.wait("5ms")
    assert run.sees == "needs_attention"
    run.approve(answered=True)
    assert run.says == "Your way"


def test_a_rejected_run_fails_at_once_and_for_good() -> None:
    run = Dialogue(Work(10), Park((STATUS,)), Work(5), Complete())
    run.wait("10ms")
    run.reject()
    assert (run.sees, run.says, run.state.rejected) == ("failed", REJECTED, True)  # DEC-31
    with pytest.raises(Refusal, match="the run is failed"):  # DEC-35
        run.approve()


def test_a_rejection_may_take_its_own_way_to_the_end() -> None:
    wrap_up = (Work(3, "Wrapping up"), Fail("Nobody wanted the rows"))
    run = Dialogue(Work(10), Park((STATUS,), on_reject=wrap_up), Work(5), Complete())
    run.wait("10ms")
    run.reject()
    assert (run.sees, run.says) == ("running", "Wrapping up")
    with pytest.raises(Refusal, match="the run is running"):
        run.approve()
    run.wait("3ms")
    assert (run.sees, run.says, run.state.rejected) == ("failed", "Nobody wanted the rows", True)


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ((Queue(2 * HOUR), Work(1), Complete()), "queued"),
        ((Work(2 * HOUR), Complete()), "running"),
        ((Die(),), "running"),
    ],
    ids=["queued", "working", "dead"],
)
def test_a_run_without_progress_for_an_hour_has_timed_out(script: tuple[Beat, ...], status: str) -> None:
    run = Dialogue(*script)
    run.wait("3599999ms")
    assert run.sees == status
    run.wait("1ms")
    assert (run.sees, run.says) == ("failed", "Import timed out")  # STALE-01, OP-36
    run.wait("10h")
    assert (run.sees, run.says) == ("failed", "Import timed out")  # STALE-04


def test_an_engine_that_dies_in_a_re_run_times_out_an_hour_after_the_approval() -> None:
    run = Dialogue(Work(10), Park((STATUS,)), Work(5), Die())
    run.wait("3h")
    run.approve()
    run.wait("1h")
    assert run.sees == "running"
    run.wait("5ms")
    assert (run.sees, run.says, run.state.rejected) == ("failed", TIMED_OUT, False)


def test_an_engine_that_dies_on_the_way_of_a_rejection_times_out() -> None:
    run = Dialogue(Work(10), Park((STATUS,), on_reject=(Work(2 * HOUR), Fail("never said"))), Work(5), Complete())
    run.wait("10ms")
    run.reject()
    run.wait("1h")
    assert (run.sees, run.says) == ("failed", TIMED_OUT)


def test_a_healthy_run_may_take_longer_than_an_hour_step_by_step() -> None:
    run = Dialogue(Queue(HOUR), Work(HOUR), Work(HOUR), Complete())
    for expected in ("queued", "running", "running", "completed"):  # STALE-05
        assert run.sees == expected
        run.wait("1h")
    assert run.sees == "completed"


def test_the_limit_counts_from_the_last_progress_and_is_a_setting() -> None:
    script, started = (Work(10), Work(11), Complete()), Started(0)
    assert life(script, started, (), 20, stale_after=10).says == TIMED_OUT
    assert life(script, started, (), 19, stale_after=10).status == "running"
    assert life(script, started, (), 21, stale_after=11).status == "completed"


@pytest.mark.parametrize("wait", ["0ms", "1s", "21s", "100h"])
def test_a_run_can_be_canceled_while_queued_running_or_parked(wait: str) -> None:
    run = Dialogue(Queue(ms("1s")), Work(ms("20s")), Park((STATUS,)), Work(ms("5s")), Complete())
    run.wait(wait)
    run.cancel()
    assert (run.sees, run.says) == ("canceled", "")
    with pytest.raises(Refusal, match="the run is canceled"):
        run.approve()


def test_a_script_may_say_that_somebody_cancels_or_that_the_plan_cannot_run() -> None:
    canceled, failed = Dialogue(Work(5), Cancel()), Dialogue(Queue(5), Fail("No sheet fits"))
    assert (canceled.sees, failed.sees) == ("running", "queued")
    for run in (canceled, failed):
        run.wait("5ms")
    assert (canceled.sees, failed.sees, failed.says) == ("canceled", "failed", "No sheet fits")
    assert not failed.state.rejected


def test_rows_of_the_callers_own_are_reviewed_only_when_some_are_flagged() -> None:
    script = (Queue(1), Work(2), Review(), Work(3), Complete())
    clean, flagged = Dialogue(*script), Dialogue(*script, flagged=True)
    for run in (clean, flagged):
        run.wait("3ms")
    assert (clean.sees, flagged.sees) == ("completed", "needs_attention")
    flagged.approve(unresolved=True)
    flagged.wait("3ms")
    assert flagged.sees == "needs_attention"
    flagged.approve()
    assert flagged.sees == "running"
    flagged.wait("3ms")
    assert flagged.sees == "completed"


def test_an_engine_that_dies_after_a_review_times_out_whether_or_not_rows_are_flagged() -> None:
    script = (Work(2), Review(), Work(3), Die())
    clean, flagged = Dialogue(*script), Dialogue(*script, flagged=True)
    for run in (clean, flagged):
        run.wait("2ms")
    flagged.approve()
    for run in (clean, flagged):
        run.wait("2h")
        assert (run.sees, run.says) == ("failed", TIMED_OUT)


def test_rows_that_cannot_be_read_fail_the_run_with_the_reason() -> None:
    run = Dialogue(Queue(1), Work(2), Review(), Work(3), Complete(), drift="'a.csv' is empty")
    assert run.sees == "queued"
    run.wait("3ms")
    assert (run.sees, run.says) == ("failed", "'a.csv' is empty")


def test_beats_that_take_no_time_are_passed_over() -> None:
    run = Dialogue(Queue(0), Work(0), Park((STATUS,)), Work(0), Complete())
    assert run.sees == "needs_attention"
    run.approve()
    assert run.sees == "completed"


def test_the_table_of_transitions_is_the_contracts() -> None:
    assert {status for status, after in TRANSITIONS.items() if not after} == TERMINAL
    assert [status for status, after in TRANSITIONS.items() if "needs_attention" in after] == ["running"]  # RUN-06
    assert not any("queued" in after for after in TRANSITIONS.values())  # RUN-05
