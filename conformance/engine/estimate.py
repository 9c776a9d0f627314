"""How long a run is going to take, said before it begins: the calls that an endpoint takes a minute make it wait."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from conformance.http.client import WINDOW

if TYPE_CHECKING:
    from conformance.engine.plan import Plan
    from conformance.target.target import Target

OWN, OTHERS = 0.003, 0.05
"""Seconds for a request to our own mock in this process, and to anybody's server."""
LAYER = 6.0
"""Seconds for drawing generated requests, and for sending them to our own mock."""
ISOLATED = 1.4
"""How many times the requests of a journey it takes when each check makes all that it needs."""


class Costs(NamedTuple):
    """What a journey through all checks costs, about."""

    requests: int
    busiest: int
    """How many of them go to the endpoint that gets most."""


def expected(target: Target | None, plan: Plan, costs: Costs) -> str:
    """One sentence; the target is None for our own mock."""
    own = target is None
    requests, busiest = (round(each * (ISOLATED if plan.is_isolated(own=own) else 1)) for each in costs)
    limit = 0 if target is None else target.requests_per_minute
    windows = math.ceil(busiest / limit) - 1 if limit and busiest else 0
    drawn = plan.examples(own=own) > 0
    asking = requests * (OWN if own else OTHERS)
    waiting = windows * WINDOW + asking / (windows + 1)  # the rest is asked while the busiest endpoint is waited for
    seconds = max(waiting, asking) + (LAYER if drawn else 0.0)
    if plan.max_time is not None:
        seconds = min(seconds, plan.max_time)
    what = f"some {requests} requests{', and generated ones' if drawn else ''}"
    why = f" at {limit} requests a minute to one endpoint (requests_per_minute)" if windows else ""
    return f"{plan.depth} depth, {what}: about {_words(seconds)}{why}"


def _words(seconds: float) -> str:
    return f"{max(1, math.ceil(seconds))} s" if seconds < 60 else f"{math.ceil(seconds / 30) / 2:g} min"
