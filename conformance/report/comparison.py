"""What changed between two reports of `--json`, as text and as Markdown for a comment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from conformance.model.results import Outcome
from conformance.report.details import labelled, wrapped
from conformance.report.escape import as_markdown
from conformance.verdict import FAILED, INCOMPLETE, PASSED, aside, has_failed, judge
from mock_server.contract.escape import line
from mock_server.contract.nearest import counted

if TYPE_CHECKING:
    from conformance.model.results import Result, Results

MOST = 50
"""Clauses of a kind that are named one by one."""
_CELL = 300


class Change(NamedTuple):
    """A clause that is otherwise than before; an outcome that a report does not have is None."""

    clause: str
    level: str
    text: str
    before: Outcome | None
    after: Outcome | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes by kind, and what else differs between the runs."""

    old: Results
    new: Results

    @property
    def changes(self) -> Mapping[str, Sequence[Change]]:
        """The clauses under the title of their kind; a kind without any is left out."""
        before, after = _by_clause(self.old), _by_clause(self.new)
        found: dict[str, list[Change]] = {title: [] for title in _KINDS}
        for clause in {**after, **before}:
            old, new = before.get(clause), after.get(clause)
            if title := _kind(old, new):
                known = next(each for each in (new, old) if each is not None)
                outcomes = (None if each is None else each.outcome for each in (old, new))
                found[title].append(Change(clause, known.level, known.text, *outcomes))
        return {title: changes for title, changes in found.items() if changes}

    @property
    def code(self) -> int:
        """1: a clause that counts has failed that had not; 3: one that was tried is not any more; else 0."""
        changes, excused = self.changes, aside(self.new)
        if any(each.clause not in excused for kind in (BROKEN, UNSEEN) for each in changes.get(kind, ())):
            return FAILED
        lost = any(each.level == "must" for each in changes.get(LOST, ()))
        unjudged = self.new.unreachable is not None or self.new.interrupted
        return INCOMPLETE if lost or unjudged else PASSED

    @property
    def headline(self) -> str:
        """All changes in one sentence."""
        told = [f"{counted(len(changes), 'clause')} {title}" for title, changes in self.changes.items()]
        return "; ".join(told) or "no clause has another outcome"

    def remarks(self) -> Iterator[str]:
        """What else is to be known before a change is put down to the target; a sentence each."""
        old, new = judge(self.old), judge(self.new)
        yield f"before: {old.word}, {old.headline}"
        yield f"now: {new.word}, {new.headline}"
        if self.new.unreachable is not None:
            yield f"the new run could not judge the target: {self.new.unreachable}"
        for name in ("target", "contract", "profile", "seed"):
            if (was := getattr(self.old, name)) != (now := getattr(self.new, name)):
                yield f"{name}: {was} before, {now} now"
        for name in ("execution", "depth", "level", "max_examples", "rate_checks"):
            if (was := self.old.settings.get(name)) != (now := self.new.settings.get(name)) and None not in (was, now):
                yield f"{name}: {_word(was)} before, {_word(now)} now"
        yield from self._suites()
        points = {**self.old.readings, **self.new.readings}
        for point in sorted(points):
            if (was := self.old.readings.get(point)) != (now := self.new.readings.get(point)):
                yield f"{point} is read otherwise: {was or 'not seen'} before, {now or 'not seen'} now"

    def _suites(self) -> Iterator[str]:
        if not (self.old.suite and self.new.suite):
            which = " and ".join(name for name in ("old", "new") if not getattr(self, name).suite)
            yield f"the {which} report does not say which suite made it, so a change may be the suite's doing"
            return
        names = [name for name in self.new.suite if self.old.suite.get(name) != self.new.suite[name]]
        if names:
            yield f"the suites differ ({', '.join(names)}), so a change may be the suite's doing"


BROKEN, UNSEEN, LOST = "broken now", "failed, not judged before", "not judged any more"
OLD = "broken as before"
_KINDS = ("mended", BROKEN, UNSEEN, LOST, "judged now", "of one report alone", OLD)
"""The kinds of change, in the order in which they are told; of what is as before only the number."""


def _by_clause(results: Results) -> dict[str, Result]:
    return {each.clause: each for each in results.results}


def _kind(old: Result | None, new: Result | None) -> str | None:
    if old is None or new is None:
        return UNSEEN if new is not None and has_failed(new) else "of one report alone"
    before, after = old.outcome is Outcome.PASSED or has_failed(old), new.outcome is Outcome.PASSED
    if has_failed(new):
        return OLD if has_failed(old) else BROKEN if before else UNSEEN
    if before and not after:
        return LOST
    if has_failed(old):
        return "mended"
    return "judged now" if after and not before else None


def _word(value: object) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else str(value)


def text(compared: Comparison) -> str:
    """The comparison for a terminal."""
    lines = wrapped(line(compared.headline), indent="")
    for title, changes in _told(compared):
        lines += ["", title]
        for each in changes[:MOST]:
            lines += labelled(line(each.clause), f"{_step(each)}: {line(each.text)}")
        lines += [f"  and {len(changes) - MOST} more"] if len(changes) > MOST else []
    lines.append("")
    for remark in compared.remarks():
        lines += wrapped(line(remark), indent="")
    return "\n".join(lines) + "\n"


def markdown(compared: Comparison) -> str:
    """The comparison for a comment."""
    sign = {PASSED: "✅", FAILED: "❌"}.get(compared.code, "⚠️")
    lines = [f"## {sign} Preview API conformance: {as_markdown(compared.headline, _CELL)}", ""]
    for title, changes in _told(compared):
        lines += [f"### {title}", "", "| clause | change | what it asks |", "|---|---|---|"]
        for each in changes[:MOST]:
            cells = (f"{each.clause} ({each.level})", _step(each), each.text)
            lines.append(f"| {' | '.join(as_markdown(cell, _CELL) for cell in cells)} |")
        lines += ["", f"and {len(changes) - MOST} more"] if len(changes) > MOST else []
        lines.append("")
    return "\n".join([*lines, *(f"- {as_markdown(each, _CELL)}" for each in compared.remarks())]) + "\n"


def _told(compared: Comparison) -> Iterator[tuple[str, Sequence[Change]]]:
    """The changes that are named one by one."""
    return ((title, changes) for title, changes in compared.changes.items() if title != OLD)


def _step(change: Change) -> str:
    before, after = (each.word if each is not None else "not in it" for each in (change.before, change.after))
    return f"{before} → {after}"
