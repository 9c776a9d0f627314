"""The generated layer: calls that Schemathesis draws from the contract, each sent in the state in which it is judged.

    coverage   every rule of each request kept and broken
    fuzzing    right and wrong requests by chance, as many as asked for
    walks      the contract's links followed, call after call, on one company

What is drawn depends on the seed alone, and is sent by our own client, one call at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.engine.stage import Blocked
from conformance.fuzzing.driver import Ground
from conformance.fuzzing.runner import Trier
from conformance.fuzzing.stateful import CLAUSES as WALKED
from conformance.fuzzing.stateful import Walker, ways_to_walk
from conformance.http.client import OVER
from conformance.model.results import Finding, Outcome, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.engine.stage import Stage
    from conformance.model.clauses import Clause

__all__ = ["CLAUSES", "NAME", "NEEDS", "STIMULUS", "generate"]

NAME = "generated"
NEEDS = ("completed", "needs_attention")
STIMULUS = "Send generated calls, right, wrong and astray, each in the state in which it is judged."

ALL = ("ERR-06", "AUTH-02", "AUTH-03")
BY_OPERATION: dict[str, tuple[str, ...]] = {
    "list_sources": ("SRC-01",),
    "list_templates": ("TPL-01",),
    "provision_company": (
        *("PROV-01", "PROV-08", "PROV-09", "PROV-10", "PROV-11", "PROV-12", "PROV-13", "PROV-15"),
        "ERR-11",
    ),
    "request_upload": ("UPL-01", "UPL-07", "ERR-11"),
    "start_import": ("IMP-01", "IMP-02", "IMP-06", "IMP-07", "IMP-08", "IMP-13", "ERR-11", "AUTH-07"),
    "decide": (
        *("DEC-01", "DEC-11", "DEC-12", "DEC-13", "DEC-14", "DEC-15", "DEC-16", "DEC-17", "DEC-18", "DEC-19"),
        *("DEC-20", "DEC-22", "DEC-26", "DEC-31", "AUTH-07"),
    ),
    "list_imports": ("HIST-01", "ACT-03", "ACT-08"),
    "poll_import": ("POLL-01", "POLL-17"),
    "export_csv": ("CSV-01", "CSV-10", "CSV-11"),
    "start_export": ("DST-02", "AUTH-06", "ERR-11"),
    "poll_export": ("AUTH-06",),
}
"""The clauses that the cases of each operation speak of, beside those that are about all of them."""
CLAUSES = tuple(dict.fromkeys((*ALL, *(clause for each in BY_OPERATION.values() for clause in each), *WALKED)))
"""Every clause that something is said of here; what is wrong with an answer's shape may break any other."""
MOST_WALKS = 20


def generate(
    stage: Stage,
    clauses: Mapping[str, Clause],
    *,
    seed: int,
    max_examples: int,
    over: Callable[[], bool],
    progress: Callable[[str, int, int], None] | None = None,
) -> None:
    """Draw and try the cases of every operation that `clauses` name, then walk; findings go to the stage.

    `over` says when there is no time left; what was not tried by then is skipped. One seed draws the same cases again.
    """
    if stage.client.read_only:
        raise Skipped("--read-only: what is generated creates companies and runs")
    _Layer(stage, clauses, seed, max_examples, over, progress).play()


class _Layer:
    """One run of the layer."""

    def __init__(
        self,
        stage: Stage,
        clauses: Mapping[str, Clause],
        seed: int,
        max_examples: int,
        over: Callable[[], bool],
        progress: Callable[[str, int, int], None] | None,
    ) -> None:
        self._stage, self._clauses, self._over, self._progress = stage, clauses, over, progress
        self._seed, self._examples = seed, max_examples
        self._ground = Ground(stage)
        self._trier = Trier(stage, self._ground, clauses, max_examples, over)

    def play(self) -> None:
        from conformance.fuzzing.strategies import Drawer  # noqa: PLC0415 - it imports Schemathesis

        drawer = Drawer(self._ground.columns, self._seed, self._examples)
        wanted = [each for each in BY_OPERATION if set(self._clauses) & {*ALL, *BY_OPERATION[each]}]
        parts: list[tuple[str, tuple[str, ...], Callable[[], None]]] = [
            (each, (*BY_OPERATION[each], *ALL), lambda each=each: self._trier.all_of(drawer.cases(each)))  # type: ignore[misc]
            for each in wanted
        ]
        if set(self._clauses) & set(WALKED):
            parts.append(("walks", WALKED, self._walks))
        try:
            for number, (name, spoken, part) in enumerate(parts, 1):
                if self._progress is not None:
                    self._progress(f"{NAME}: {name}", number, len(parts))
                self._part(name, spoken, part)
        finally:
            self._trier.tell()

    def _part(self, name: str, clauses: tuple[str, ...], part: Callable[[], None]) -> None:
        """Play one part; what keeps it from being played concerns the clauses of which nothing was said yet."""
        try:
            if not self._over():
                part()
            if self._over():
                raise Skipped(OVER)
        except Skipped as skipped:
            self._say(clauses, Outcome.SKIPPED, f"{name}: {skipped}")
        except Blocked as blocked:
            self._say(clauses, Outcome.INCONCLUSIVE, f"{name}: {blocked}", blocked)

    def _say(self, clauses: tuple[str, ...], outcome: Outcome, reason: str, blocked: Blocked | None = None) -> None:
        shown = tuple(answer.exchange for answer in blocked.answers) if blocked is not None else ()
        spoken = self._trier.spoken()
        self._stage.findings += [
            Finding(clause, outcome, self._stage.check.name, reason=reason, exchanges=shown)
            for clause in dict.fromkeys(clauses)
            if clause not in spoken
        ]

    def _walks(self) -> None:
        from conformance.fuzzing.walks import plans  # noqa: PLC0415 - it needs Hypothesis

        ways_to_walk(self._stage)
        walker = Walker(self._stage, self._ground, self._trier, self._clauses, self._over)
        for plan in plans(self._seed, min(self._examples, MOST_WALKS)):
            if self._over():
                return
            walker.walk(plan)
