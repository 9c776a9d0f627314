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


PLAIN = "straight-through"
"""The scenario in which a fault that has to be asked for is all that is strange."""
ABOUT = {
    **dict.fromkeys(("queued", "running", "completed"), (PLAIN,)),
    "needs_attention": ("park",),
    "needs_attention -> running": ("park",),
    "needs_attention -> failed": ("reject",),
    "failed": ("column-drift-fails", "export-fails"),
    "canceled": ("canceled",),
    "400": ("park",),
    "409": ("conflict",),
    "429": ("rate-limit", "rate-limit-storm"),
    "set_value": ("park",),
    "delete_invalid_rows": ("park",),
    "dedup_keep_first": ("dedup",),
    "keep": ("keep-completes-flagged",),
    preview.OPTIONS: ("dedup",),
    preview.BOTH: ("park",),
    preview.ONE: ("dedup",),
    preview.SEVERAL: ("park",),
    preview.APPROVE: ("park",),
    preview.BY_OPTION: ("park", "answers-override-patch"),
    preview.BY_TEXT: ("answers-override-patch",),
    preview.REJECT: ("reject",),
}
"""The scenarios that are about an item, by its name or the last word of it; where none is, any will do."""


def work_out(scenarios: Mapping[str, Scenario], items: Iterable[Item]) -> dict[Item, Way]:
    """A way to everything that is known: the shortest play that is about it; what has to be asked for comes last."""
    plays = [(each, play) for each in scenarios.values() for play in each.plays]
    found: dict[Item, Way] = {}
    best: dict[Item, tuple[Any, ...]] = {}
    for scenario, play in plays:
        for item, step in shown(scenario, play).items():
            key = (
                not is_about(scenario, item),
                is_refused(play, item),
                *strange(scenario),
                len(play.steps),
                step,
                _beats(scenario),
            )
            if item not in best or key < best[item]:
                best[item], found[item] = key, Way(scenario.name, play.title)
    plain = sorted(plays, key=lambda pair: (pair[0].name != PLAIN, *strange(pair[0]), len(pair[1].steps)))
    asked = {Item("faults", fault.name): _by_fault(fault, plain) for fault in every_fault()}
    asked |= {item: _by_code(*item.name.split()) for item in items if item.group == "error_codes"}
    both = found.get(Item("questions", preview.BOTH), Way())
    asked[Item("questions", preview.CUSTOM)] = replace(both, dialect="no-options")  # OP-28
    return asked | found


def is_about(scenario: Scenario, item: Item) -> bool:
    """Whether the scenario is about this item."""
    return scenario.name in ABOUT.get(item.name, ABOUT.get(item.name.split()[-1], ()))


def is_refused(play: Play, item: Item) -> bool:
    """Whether something is refused in the play that a client can do without: the report card may call it a mistake."""
    return item.group != "error_codes" and any("refused" in step.modifiers for step in play.steps)


def strange(scenario: Scenario) -> tuple[Any, ...]:
    """What a client of the scenario meets beside the item."""
    return len(scenario.faults), scenario.rate_limit is not None, scenario.pace != "time", scenario.own_rows


def _beats(scenario: Scenario) -> int:
    return len(scenario.run) + sum(len(beat.groups) for beat in scenario.run)


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


def shown(scenario: Scenario, play: Play) -> dict[Item, int]:
    """What a client that goes through the play is bound to meet, and after how many steps."""
    walk, found = Walk(scenario), dict[Item, int]()
    for number, step in enumerate(play.steps, 1):
        walk.take(step)
        struck = {Item("faults", _general(fault).name) for fault in walk.struck(scenario.faults)}
        found |= dict.fromkeys((walk.found | struck) - found.keys(), number)
    return found


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
