"""Servers that keep the contract in ways of their own, one file a part: the suite must accuse none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honest.bodies import BODIES
from honest.calls import CALLS
from honest.engines import ENGINES, LIMITS
from honest.exports import EXPORTS
from honest.histories import HISTORIES
from honest.manners import MANNERS
from honest.resolving import RESOLVING
from honest.rows import ROWS

if TYPE_CHECKING:
    from honesty import Honest

HONEST: tuple[Honest, ...] = (
    *BODIES, *HISTORIES, *CALLS, *RESOLVING, *ROWS, *ENGINES, *EXPORTS, *MANNERS, *LIMITS,
)  # fmt: skip
