"""Writes what shows each thing that a client can meet: the scenario and the play, or what to ask for.

    make tables

It is worked out from the plays and beats alone, without playing them, and never promises what a play does not show:
the tests play every one. What no play shows comes of a fault, of a dialect, or as the contract's example.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mock_server.coverage.items import Item, every_fault
from mock_server.faults.model import ActiveFault, find_hit
from mock_server.preview import coverage_items as preview
from mock_server.preview.beats import Park
from mock_server.preview.language import fault_targets, load_world
from mock_server.preview.lifecycle import TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mock_server.data.book import Flagged
    from mock_server.faults.model import Fault
    from mock_server.preview.lifecycle import Status
    from mock_server.scenarios.model import Beat, Play, Scenario, Step

_OPERATIONS = {
    "start": "start_import",
    "see": "poll_import",
    "approve": "decide",
    "reject": "decide",
    "active": "list_imports",
    "history": "list_imports",
    "download": "export_csv",
    "export": "start_export",
    "see_export": "poll_export",
}


@dataclass(frozen=True, slots=True)
class Way:
    """How a client comes to meet something: a play of a scenario, and what else to ask for; unused members are None."""

    scenario: str | None = None
    play: str | None = None
    fault: Mapping[str, Any] | None = None
    """For `POST /_mock/faults`."""
    dialect: str | None = None
    prefer: str | None = None
    """The value of a `Prefer` header of the call."""

    def as_json(self) -> dict[str, Any]:
        """The members that it has."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def work_out(scenarios: Mapping[str, Scenario], items: Iterable[Item]) -> dict[Item, Way]:
    """A way to everything that is known: the plainest play that shows it, before anything that has to be asked for."""
    plays = sorted(((each, play) for each in scenarios.values() for play in each.plays), key=_plainness)
    found: dict[Item, Way] = {}
    for scenario, play in plays:
        for item in shown(scenario, play):
            found.setdefault(item, Way(scenario.name, play.title))
    asked = {Item("faults", fault.name): _by_fault(fault, plays) for fault in every_fault()}
    asked |= {item: _by_code(*item.name.split()) for item in items if item.group == "error_codes"}
    both = found.get(Item("questions", preview.BOTH), Way())
    asked[Item("questions", preview.CUSTOM)] = replace(both, dialect="no-options")  # OP-28
    return asked | found


def _plainness(pair: tuple[Scenario, Play]) -> tuple[Any, ...]:
    scenario, play = pair
    strange = (len(scenario.faults), scenario.rate_limit is not None, scenario.pace != "time", scenario.own_rows)
    groups = sum(len(beat.groups) for beat in scenario.run)
    return *strange, len(scenario.run) + groups, len(play.steps), scenario.name


def _by_code(operation: str, code: str) -> Way:
    """A fault where one can do it, since the client needs no change for it; else the contract's example."""
    if code in {"429", "500"}:
        return Way(fault={"error": int(code), "operation": operation, "times": 1})
    return Way(prefer=f"code={code}")


def _by_fault(fault: Fault, plays: Iterable[tuple[Scenario, Play]]) -> Way:
    """The fault, asked for once, and the plainest play whose calls it strikes."""
    value = fault.example if fault.value is None else fault.value
    fault = replace(fault, bends=fault.bendable(fault_targets()))
    for scenario, play in plays:
        walk = walked(scenario, play)
        if walk.struck((fault,)):
            return Way(scenario.name, play.title, fault={fault.verb: value, "times": 1})
    raise AssertionError(f"no play makes a call that {fault.name} can bend")  # pragma: no cover


def shown(scenario: Scenario, play: Play) -> set[Item]:
    """What a client that goes through the play is bound to meet."""
    walk = walked(scenario, play)
    return walk.found | {Item("faults", _general(fault).name) for fault in walk.struck(scenario.faults)}


def _general(fault: Fault) -> Fault:
    """The fault of `every_fault` that it is one of."""
    return next(each for each in every_fault() if each.verb == fault.verb and each.value in {None, fault.value})


def walked(scenario: Scenario, play: Play) -> Walk:
    """The whole play, gone through on paper."""
    walk = Walk(scenario)
    for step in play.steps:
        walk.take(step)
    return walk


@dataclass(slots=True)
class Walk:
    """A play gone through on paper: what was met so far, and the calls that were made."""

    scenario: Scenario
    found: set[Item] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    last: Status | None = None
    """The status of the run as it was shown last; None: it may be any."""

    def take(self, step: Step) -> None:
        """One more step."""
        given = step.modifiers
        operation = _OPERATIONS.get(step.verb)
        if operation is None:
            return
        if "file" in given:
            self.calls += ["request_upload", "put_upload"]
        self.calls += [operation] * given.get("times", 1)
        if "refused" in given:
            self._meet("error_codes", f"{operation} {given['refused']}")
        elif step.verb in {"approve", "reject"}:
            self._decide(step)
        elif not given.get("lost"):
            self._read(step)

    def struck(self, faults: Sequence[Fault]) -> list[Fault]:
        """The faults that strike these calls for certain."""
        active = [ActiveFault(fault, 0, place, 0) for place, fault in enumerate(faults) if _is_certain(fault)]
        for operation in self.calls:
            find_hit(active, operation, None, 0)
        return [each.fault for each in active if each.hits]

    def _read(self, step: Step) -> None:
        match step.verb:
            case "start" if not step.modifiers.get("replayed"):
                self.last = None
                self._see("queued")
            case "see":
                self._see(step.value)
                self._parked(step)
            case "active" if step.value != "none":
                self._see(step.value)
            case "export":
                self._meet("export_statuses", "queued")
            case "see_export":
                self._meet("export_statuses", step.value)
            case "start" | "history" | "download":  # each may show the run in a status that the play does not say
                self.last = None

    def _see(self, status: Status) -> None:
        self._meet("import_statuses", status)
        if self.last is not None and status in TRANSITIONS[self.last]:  # RUN-02; else something lay between
            self._meet("transitions", f"{self.last} -> {status}")
        self.last = status

    def _decide(self, step: Step) -> None:
        answers = step.modifiers.get("answers", ())
        for answer in answers:
            by_option = "option" in answer or "option_id" in answer
            self._meet("decisions", preview.BY_OPTION if by_option else preview.BY_TEXT)
        if not answers:
            self._meet("decisions", preview.APPROVE if step.verb == "approve" else preview.REJECT)
        if step.modifiers.get("lost"):
            return
        self.last = "needs_attention"
        if step.verb == "approve":
            self._see("running")
        elif any(park.on_reject for park in _parks(self.scenario.run)):
            self.last = None  # the branch may take its time
        else:
            self._see("failed")

    def _parked(self, step: Step) -> None:
        for action in step.modifiers.get("actions", ()):
            self._meet("patch_actions", action)
        asks = step.modifiers.get("asks")
        count = step.modifiers.get("questions", len(asks or ()))
        if count:
            self._meet("questions", preview.ONE if count == 1 else preview.SEVERAL)
        for group in (group for park in _parks(self.scenario.run) for group in park.groups):
            if asks is not None and group.ask and group.column in asks:
                self._ask(group)

    def _ask(self, group: Flagged) -> None:
        custom = group.allow_custom
        if custom is None and group.fails == "unique":
            custom = False  # no text cures it
        if custom is not None:
            self._meet("questions", preview.BOTH if custom else preview.OPTIONS)
        elif group.fails == "strict" and group.fix == "set_value" and group.value:
            self._meet("questions", preview.BOTH)

    def _meet(self, group: str, name: str) -> None:
        self.found.add(Item(group, name))


def _is_certain(fault: Fault) -> bool:
    return fault.chance is None and fault.status is None and fault.lasts is None


def _parks(beats: Iterable[Beat]) -> Iterator[Park]:
    for beat in beats:
        if isinstance(beat, Park):
            yield beat
            yield from _parks(beat.on_answer)


def text() -> str:
    """The file as it should be."""
    coverage = preview.coverage()
    sources = work_out(load_world().scenarios, coverage.items)
    groups = {
        group: {item.name: sources[item].as_json() for item in coverage.items if item.group == group}
        for group in coverage.titles
    }
    return json.dumps(groups, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    preview.SOURCES.write_text(text(), encoding="utf-8")
    print(f"wrote {preview.SOURCES.name}")
