"""Servers that lie, one file a part of the contract: for every server clause that is checked, at least one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liars.access import LIARS as ACCESS
from liars.again import LIARS as AGAIN
from liars.alike import LIARS as ALIKE
from liars.catalogue import LIARS as CATALOGUE
from liars.companies import LIARS as COMPANIES
from liars.contradictions import LIARS as CONTRADICTIONS
from liars.decisions import LIARS as DECISIONS
from liars.downloads import LIARS as DOWNLOADS
from liars.each_kind import LIARS as EACH_KIND
from liars.each_one import LIARS as EACH_ONE
from liars.effects import LIARS as EFFECTS
from liars.errors import LIARS as ERRORS
from liars.exports import LIARS as EXPORTS
from liars.half_begun import LIARS as HALF_BEGUN
from liars.half_done import LIARS as HALF_DONE
from liars.imports import LIARS as IMPORTS
from liars.keys import LIARS as KEYS
from liars.later import LIARS as LATER
from liars.lives import LIARS as LIVES
from liars.many import LIARS as MANY
from liars.odd import LIARS as ODD
from liars.patches import LIARS as PATCHES
from liars.polls import LIARS as POLLS
from liars.provisions import LIARS as PROVISIONS
from liars.questions import LIARS as QUESTIONS
from liars.rates import LIARS as RATES
from liars.recovery import LIARS as RECOVERY
from liars.refusals import LIARS as REFUSALS
from liars.rejections import LIARS as REJECTIONS
from liars.remembered import LIARS as REMEMBERED
from liars.reparkings import LIARS as REPARKINGS
from liars.rows import LIARS as ROWS
from liars.second import LIARS as SECOND
from liars.second_parking import LIARS as SECOND_PARKING
from liars.secrecy import LIARS as SECRECY
from liars.seldom import LIARS as SELDOM
from liars.stale import LIARS as STALE
from liars.together import LIARS as TOGETHER
from liars.unread import LIARS as UNREAD
from liars.untold import UNTOLD
from liars.uploads import LIARS as UPLOADS

if TYPE_CHECKING:
    from lies import Liar

_BY_AREA: tuple[Liar, ...] = (
    *ACCESS,
    *CATALOGUE,
    *COMPANIES,
    *PROVISIONS,
    *ERRORS,
    *RATES,
    *SECRECY,
    *UPLOADS,
    *IMPORTS,
    *KEYS,
    *LIVES,
    *CONTRADICTIONS,
    *POLLS,
    *RECOVERY,
    *QUESTIONS,
    *PATCHES,
    *DECISIONS,
    *EFFECTS,
    *REPARKINGS,
    *REFUSALS,
    *REJECTIONS,
    *DOWNLOADS,
    *EXPORTS,
)

_BY_KIND: tuple[tuple[Liar, ...], ...] = (
    *(LATER, AGAIN, ALIKE, SECOND, SECOND_PARKING, MANY, EACH_ONE, EACH_KIND),
    *(ODD, TOGETHER, (*REMEMBERED, *UNREAD), ROWS, HALF_DONE, HALF_BEGUN, SELDOM, STALE),
)
"""Written from the contract alone, before the checks that tell them; kinds of lies, through all clauses."""
SAMPLE = 4
"""How many of a kind `make test` judges; `make test-all` judges all."""

FRESH: tuple[Liar, ...] = tuple(each for kind in _BY_KIND for each in kind if (each.clause, each.lie) in UNTOLD)
"""Those that no check tells."""
_TOLD = [[each for each in kind if each not in FRESH] for kind in _BY_KIND]
SOON: tuple[Liar, ...] = (*_BY_AREA, *(each for kind in _TOLD for each in kind[:SAMPLE]))
REST: tuple[Liar, ...] = tuple(each for kind in _TOLD for each in kind[SAMPLE:])
LIARS: tuple[Liar, ...] = (*SOON, *REST)
