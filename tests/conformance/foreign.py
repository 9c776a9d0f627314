"""A foreign server that lies, judged as a user judges it: over HTTP, with its target file, in journey mode.

python foreign.py                      every lie, one after the other
python foreign.py --part 1/2           every second one, from the first on (another process does 2/2)
python foreign.py --kind later NAME…   some of them
python foreign.py --honest             the honest readings, and the implementation as it is: none may be accused
python foreign.py --list               what there is
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from independent_honest import HONEST
from independent_lies import LIES
from independent_process import JOURNEY, independent
from judging import failed, worse_than_passed

from conformance import run

if TYPE_CHECKING:
    from independent_bending import Bent


def judged(server: Bent) -> str:
    """Whether the suite caught a lie, and by which clause."""
    with independent(server.name) as target:
        results = run(target, JOURNEY)
    told = failed(results)
    if results.unreachable is not None:
        return f"missed, unreachable: {results.unreachable}"
    if server.clause in told:
        more = [clause for clause in told if clause != server.clause]
        return f"caught, also {' '.join(more)}" if more else "caught"
    if told:
        return f"other {' '.join(told)}"
    unsure = " ".join(f"{clause} {text.partition(':')[0]}" for clause, text in worse_than_passed(results).items())
    return f"missed {unsure}".strip()


def of_lies(chosen: list[Bent]) -> bool:
    """Judge lies, print what became of each, and the totals by kind."""
    totals: Counter[tuple[str, str]] = Counter()
    for server in chosen:
        begun = time.monotonic()
        said = judged(server)
        totals[server.kind, said.split()[0].strip(",")] += 1
        print(
            f"{server.kind:10} {server.clause:8} {server.name}: {said} ({time.monotonic() - begun:.0f} s)", flush=True
        )
    print(f"\n{'kind':10} caught other missed")
    for kind in dict.fromkeys(each.kind for each in chosen):
        print(f"{kind:10} {totals[kind, 'caught']:6} {totals[kind, 'other']:5} {totals[kind, 'missed']:6}")
    outcomes = {
        word: sum(n for (_, said), n in totals.items() if said == word) for word in ("caught", "other", "missed")
    }
    print(f"{'all':10} {outcomes['caught']:6} {outcomes['other']:5} {outcomes['missed']:6}")
    return not outcomes["missed"]


def of_honest(names: list[str | None]) -> bool:
    """Judge honest servers, and print what each is accused of."""
    good = True
    for name in names:
        begun = time.monotonic()
        with independent(name) as target:
            results = run(target, JOURNEY)
        told = worse_than_passed(results)
        good = good and not told and results.unreachable is None
        print(
            f"{name or 'as it is'}: {told or results.unreachable or 'passed'} ({time.monotonic() - begun:.0f} s)",
            flush=True,
        )
    return good


def main() -> None:
    """Read the arguments and judge."""
    options = argparse.ArgumentParser(prog="foreign", description="Judge the independent implementation, bent.")
    options.add_argument("names", nargs="*", metavar="NAME", help="of these alone")
    options.add_argument("--kind", action="append", default=[], help="the lies of these kinds")
    options.add_argument("--part", default="1/1", help="M/N: the M-th of N parts")
    options.add_argument("--honest", action="store_true", help="the honest ones instead")
    options.add_argument("--list", action="store_true", help="only list them")
    given = options.parse_args()
    part, parts = (int(each) for each in given.part.split("/"))
    there = list(HONEST if given.honest else LIES)
    chosen = [
        each for each in there if each.name in (given.names or [each.name]) and each.kind in (given.kind or [each.kind])
    ][part - 1 :: parts]
    if given.list:
        print("\n".join(f"{each.kind:12} {each.clause:8} {each.name}: {each.does}" for each in chosen))
        return
    plain: list[str | None] = [None] if given.honest and part == 1 and not given.names else []
    sys.exit(not (of_honest([*plain, *(each.name for each in chosen)]) if given.honest else of_lies(chosen)))


if __name__ == "__main__":
    main()
