"""Time as a value: a session's clock is a frozen line from real time to session time.

Instants are whole milliseconds. `real_time` is the one place in the package that reads a clock; everything below the
edge is told what time it is.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import NamedTuple

from mock_server.contract.nearest import shown

EPOCH = 1_781_514_000_000
"""2026-06-15T09:00:00.000Z: when every session begins, so that two runs of the same calls carry the same dates."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
LAST = 4_102_444_800_000
"""2100-01-01T00:00:00.000Z: no session clock passes this instant."""

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR}
_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h)")


def real_time() -> int:
    """Milliseconds of the machine's monotonic clock."""
    return time.monotonic_ns() // 1_000_000


def duration(text: str) -> int:
    """Milliseconds of a duration such as `500ms`, `21s`, `5m` or `1h`.

    Raises ValueError, with what was expected, for any other text.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a duration such as 500ms, 21s, 5m or 1h; got {shown(text)}")
    return int(found[1]) * _UNITS[found[2]]


def in_words(milliseconds: int) -> str:
    """A duration as a person says it: `1 h 30 s`, `1.5 s`, `500 ms`."""
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest / 1_000, "s"))
    return " ".join(f"{number:.3g} {unit}" for number, unit in parts if number)


def iso(instant: int) -> str:
    """The instant as ISO-8601 in UTC with milliseconds (PROV-03), and no later than the last one."""
    instant = min(LAST, instant)
    moment = datetime.fromtimestamp(instant // 1_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant % 1_000:03d}Z"


def instant(text: str) -> int:
    """Milliseconds since 1970 of an ISO-8601 date with a time zone.

    Raises ValueError, with what was expected, for any other text.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"expected an ISO-8601 date with a time zone, such as {iso(EPOCH)}; got {shown(text)}")
    return round(moment.timestamp() * 1_000)


class Clock(NamedTuple):
    """A session's clock: at real time `since` it showed `shows`, and it runs `speed` times as fast as real time."""

    since: int
    shows: int = EPOCH
    speed: float = 1.0

    @property
    def mode(self) -> str:
        """`real`, `scaled` or `frozen`, by speed."""
        return {0.0: "frozen", 1.0: "real"}.get(self.speed, "scaled")

    def at(self, real: int) -> int:
        """The session's time at this real time; it never runs back."""
        since, shows, speed = self
        passed = real - since
        if passed <= 0:
            return shows
        now = shows + (passed if speed == 1.0 else int(passed * speed))
        return now if now < LAST else LAST

    def moved(self, real: int, to: int) -> Clock:
        """The same clock, put to `to` at this real time."""
        return Clock(real, min(LAST, to), self.speed)

    def paced(self, real: int, speed: float) -> Clock:
        """The same time now, running at another speed from here on."""
        return Clock(since=real, shows=self.at(real), speed=speed)
