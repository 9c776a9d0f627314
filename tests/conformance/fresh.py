"""Whether the suite, in a whole journey and isolated, tells liars that nobody has written a check for yet.

    python tests/conformance/fresh.py                 all in liars.FRESH
    python tests/conformance/fresh.py PROV-07 later   those of this clause or file, or with these words, fresh or not
    python tests/conformance/fresh.py --mode journey  in one mode: journey, isolated, or by the own clauses alone

A line for each liar says by which clauses it was caught: by its own, by others alone, or not at all.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from judging import failed
from liars import FRESH, LIARS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lies import Liar

OWN, OTHER, MISSED = "caught by the named clause", "caught by another clause", "missed"
MODES = ("journey", "isolated", "alone")
"""The whole suite in a journey, the whole of it isolated, and the checks alone of the clauses that the liar breaks."""


class Found(NamedTuple):
    """What the suite said of one liar in one mode."""

    at: int
    mode: str
    clauses: tuple[str, ...]
    broke: str = ""
    """Why it could not be judged."""


def known() -> tuple[Liar, ...]:
    """Every liar there is, the fresh ones first."""
    return (*FRESH, *LIARS)


def home(liar: Liar) -> str:
    """The file in which a liar stands, where its lie tells it."""
    for name, module in sys.modules.items():
        if name.startswith("liars.") and any(each is liar for each in getattr(module, "LIARS", ())):
            return name.removeprefix("liars.")
    return "?"


def judged(given: tuple[int, str]) -> Found:
    """What the whole suite says of a liar."""
    logging.disable(logging.ERROR)
    at, mode = given
    try:
        found = known()[at].judged(whole=mode != "alone", isolated=mode != "journey")
    except Exception as error:
        return Found(at, mode, (), f"{type(error).__name__}: {error}")
    return Found(at, mode, tuple(failed(found)))


def fate(liar: Liar, clauses: tuple[str, ...]) -> str:
    """What became of a liar of which these clauses are said to be broken."""
    return OWN if liar.clause in clauses else OTHER if clauses else MISSED


def main() -> int:
    """Judge the chosen liars, say what became of each, and how many were caught."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="a clause, a file, or several words of a lie; none: all fresh ones")
    parser.add_argument("--mode", choices=MODES, action="append", help="the first two, unless one is named")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    chosen = [at for at in range(len(known())) if _is_meant(at, given.names)]
    totals = {mode: Counter[str]() for mode in given.mode or MODES[:2]}
    with ProcessPoolExecutor(given.workers) as pool:
        for found in pool.map(judged, [(at, mode) for at in chosen for mode in totals]):
            liar = known()[found.at]
            totals[found.mode][fate(liar, found.clauses)] += 1
            sys.stdout.write("\n".join(_told(liar, found)) + "\n")
            sys.stdout.flush()
    for mode, counts in totals.items():
        sums = ", ".join(f"{counts[each]} {each}" for each in (OWN, OTHER, MISSED))
        sys.stdout.write(f"{mode}: {len(chosen)} liars, {sums}\n")
    return 0


def _is_meant(at: int, names: list[str]) -> bool:
    if not names:
        return at < len(FRESH)
    liar = known()[at]
    return any(name in liar.lie if " " in name else name in (liar.clause, home(liar)) for name in names)


def _told(liar: Liar, found: Found) -> Iterator[str]:
    others = ", ".join(each for each in found.clauses if each != liar.clause)
    yield f"{found.mode:9} {fate(liar, found.clauses)}: {liar.clause} ({home(liar)}) This server {liar.lie}"
    if others:
        yield f"{'':9} it is said to break {others}" + (" as well" if liar.clause in found.clauses else "")
    if found.broke:
        yield f"{'':9} it could not be judged: {found.broke}"


if __name__ == "__main__":
    sys.exit(main())
