"""The rate limit: so many calls in any sixty seconds, and a refused call leaves no trace."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.kernel.rate_limit import WINDOW, admit

law = settings(deadline=None, max_examples=70)

instants = st.lists(
    st.one_of(st.integers(0, 3 * WINDOW), st.sampled_from([0, WINDOW - 1, WINDOW, WINDOW + 1])), max_size=60
)
limits = st.integers(0, 8)


def passed(instants: list[int], limit: int) -> list[int]:
    """The instants at which a call passed."""
    budget: deque[int] = deque()
    return [now for now in instants if admit([(budget, limit)], now)]


@law
@given(instants.map(sorted), limits)
def test_no_window_of_sixty_seconds_sees_more_calls_than_the_limit(instants: list[int], limit: int) -> None:
    calls = passed(instants, limit)
    for now in calls:
        assert sum(now - WINDOW < call <= now for call in calls) <= limit  # RATE-01


@law
@given(instants.map(sorted), limits)
def test_a_call_is_refused_only_when_the_budget_is_spent(instants: list[int], limit: int) -> None:
    budget: deque[int] = deque()
    calls: list[int] = []
    for now in instants:
        spent = sum(now - WINDOW < call for call in calls)
        assert admit([(budget, limit)], now) == (spent < limit)  # RATE-08
        if spent < limit:
            calls.append(now)


@law
@given(instants.map(sorted), limits, st.integers(1, 5))
def test_refused_calls_are_not_counted(instants: list[int], limit: int, times: int) -> None:
    insistent = [now for now in instants for _ in range(times)]
    budget: deque[int] = deque()
    for now in insistent:
        before = list(budget)
        if not admit([(budget, limit)], now):
            assert [call for call in before if call > now - WINDOW] == list(budget)  # RATE-07


@law
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, WINDOW // 4)), max_size=40), limits)
def test_budgets_do_not_touch_one_another(calls: list[tuple[int, int]], limit: int) -> None:
    budgets: list[deque[int]] = [deque(), deque(), deque()]
    alone: list[list[int]] = [[], [], []]
    now = 0
    together: list[list[int]] = [[], [], []]
    for which, later in calls:
        now += later
        alone[which].append(now)
        if admit([(budgets[which], limit)], now):
            together[which].append(now)
    assert together == [passed(instants, limit) for instants in alone]  # RATE-05, RATE-06


def test_of_two_budgets_the_tighter_one_decides_and_a_refusal_counts_in_neither() -> None:
    wide: deque[int] = deque()
    tight: deque[int] = deque()
    answers = [admit([(wide, 3), (tight, 1)], now) for now in (0, 1, 2)]
    assert answers == [True, False, False]
    assert (list(wide), list(tight)) == ([0], [0])
    assert admit([(wide, 3)], 3)


def test_the_hundred_and_first_call_waits_for_the_first_to_be_a_minute_old() -> None:
    budget: deque[int] = deque()
    assert all(admit([(budget, 100)], at) for at in range(100))
    assert not admit([(budget, 100)], 59_999)
    assert admit([(budget, 100)], 60_000)
    assert not admit([(budget, 100)], 60_000)
