"""Session clocks never run back, moving and pacing them loses no time; durations and dates are read exactly."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.kernel.clock import EPOCH, LAST, Clock, duration, instant, iso

law = settings(deadline=None, max_examples=100)

reals = st.integers(0, 10**9)
speeds = st.sampled_from([0.0, 0.1, 1.0, 2.0, 60.0, 3_600.0])
clocks = st.builds(Clock, since=reals, shows=st.integers(EPOCH, EPOCH + 10**9), speed=speeds)


@law
@given(clocks, st.lists(reals, min_size=2, max_size=6).map(sorted))
def test_a_clock_never_runs_back(clock: Clock, reals: list[int]) -> None:
    shown = [clock.at(real) for real in reals]
    assert all(before <= after for before, after in pairwise(shown))
    assert shown[0] >= clock.shows


@law
@given(clocks, reals, speeds)
def test_another_speed_changes_only_what_comes(clock: Clock, real: int, speed: float) -> None:
    paced = clock.paced(real, speed)
    assert paced.at(real) == clock.at(real)
    assert paced.at(real + 1_000) == min(LAST, clock.at(real) + int(1_000 * speed))


@law
@given(clocks, reals, st.integers(EPOCH, LAST - 1_000))
def test_a_moved_clock_shows_what_it_was_put_to_and_goes_on(clock: Clock, real: int, to: int) -> None:
    moved = clock.moved(real, to)
    assert moved.at(real) == to
    assert moved.speed == clock.speed


@law
@given(st.integers(0, 10**6), reals)
def test_a_clock_goes_no_further_than_the_last_instant(beyond: int, real: int) -> None:
    assert Clock(0, LAST - 5, 1_000.0).at(10 + beyond) == LAST
    assert Clock(0).moved(real, LAST + beyond).at(real) == LAST


def test_a_frozen_clock_stands_and_a_scaled_one_hurries() -> None:
    assert [Clock(100, 5_000, speed).at(1_100) for speed in (0.0, 1.0, 60.0)] == [5_000, 6_000, 65_000]


@pytest.mark.parametrize(("speed", "mode"), [(0.0, "frozen"), (1.0, "real"), (60.0, "scaled"), (0.5, "scaled")])
def test_the_mode_is_told_by_the_speed(speed: float, mode: str) -> None:
    assert Clock(0, speed=speed).mode == mode


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("0ms", 0), ("500ms", 500), ("21s", 21_000), ("5m", 300_000), ("1h", 3_600_000), ("007s", 7_000)],
)
def test_durations_are_read(text: str, milliseconds: int) -> None:
    assert duration(text) == milliseconds


@pytest.mark.parametrize(
    "text", ["", "5", "s", "1:30", "-5s", "1.5s", "5 s", "5S", "1h30m", "5s\n", "٣s", "9999999999999s"]
)
def test_anything_else_is_no_duration_and_the_text_says_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape("such as 500ms, 21s, 5m or 1h; got")):
        duration(text)


@law
@given(st.integers(0, LAST))
def test_an_instant_reads_back(at: int) -> None:
    assert instant(iso(at)) == at
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", iso(at))  # PROV-03


def test_the_epoch_is_a_plain_date() -> None:
    assert iso(EPOCH) == "2026-06-15T09:00:00.000Z"
    assert iso(EPOCH + 1) == "2026-06-15T09:00:00.001Z"
    assert iso(LAST) == "2100-01-01T00:00:00.000Z"


def test_a_date_of_another_zone_is_the_same_instant() -> None:
    assert instant("2026-06-15T11:00:00+02:00") == EPOCH
    assert instant("2026-06-15T09:00:00Z") == EPOCH


@pytest.mark.parametrize(
    "text", ["", "now", "2026-06-15", "2026-06-15T09:00:00", "1781514000000", "2026-13-01T00:00:00Z"]
)
def test_a_date_without_a_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected an ISO-8601 date with a time zone, such as 2026-06-15T09:00"):
        instant(text)
