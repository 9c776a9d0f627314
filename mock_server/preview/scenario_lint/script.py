"""What a script means: only the contract's transitions may come of its order of beats (RUN-02).

Each group of wrong cells that it declares can be wrong, and can be mended, by the catalogue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, cast

from mock_server.contract.nearest import unknown
from mock_server.data.rules import alternatives, fault
from mock_server.kernel.clock import HOUR, MINUTE
from mock_server.preview.beats import Complete, Fail, Park, Passing, Queue, Review, RunBeat, Work
from mock_server.scenarios.model import Beat, Scenario, every_beat

if TYPE_CHECKING:
    from mock_server.contract.yaml_file import Complaint, Document, Place
    from mock_server.data.book import Flagged
    from mock_server.data.templates import Catalogue, Column

# DEC-25: a second decision finds another state than the first.
_AT_ONCE = "expected 'work' longer than 0s after a parking: two decisions cannot be taken at one instant (DEC-25)"
STARTED_BEFORE = 10 * MINUTE
"""So long before a session opens its ready run was started."""


EXPORT_BEATS = "queue, work, complete, fail and die"
"""The beats with `exports`, in the order of a script."""


def every_run_beat(beats: tuple[Beat, ...], name: str) -> Iterator[tuple[Place, RunBeat]]:
    """All beats of a script with their places, those of branches included, in the order of the file."""
    return cast("Iterator[tuple[Place, RunBeat]]", every_beat(beats, (name,)))


def lint_script(scenario: Scenario, document: Document) -> Iterator[Complaint]:
    """What is wrong with the scripts of import and export."""
    for name, beats in (("run", scenario.run), ("export", scenario.export)):
        if name in document.value:
            yield from _order(document, (name,), cast("tuple[RunBeat, ...]", beats))
            yield from _check_places(document, name, scenario)
    yield from _ready(scenario, document)
    for place, beat in every_run_beat(scenario.run, "run"):
        if isinstance(beat, Passing) and beat.lasts > HOUR:  # STALE-01
            text = "more than an hour without progress: the run goes stale and fails before this beat is over"
            yield document.complain("W402", place, text)


def _order(document: Document, place: Place, beats: Sequence[RunBeat]) -> Iterator[Complaint]:
    """The main line of a script: queue first, work around every parking, one end."""
    worked = parked = False
    for index, beat in enumerate(beats):
        here = (*place, index)
        if index and beats[index - 1].ends:
            yield document.complain("E303", here, f"nothing follows '{beats[index - 1].verb}': the run has ended there")
            return
        if isinstance(beat, Queue) and not all(isinstance(each, Queue) for each in beats[:index]):
            yield document.complain("E301", here, f"'{beat.verb}' comes only at the beginning (RUN-05)")
        elif parked and not isinstance(beat, Work):
            text = f"expected 'work' after a parking (an approved run is running first), got '{beat.verb}'"
            yield document.complain("E302", here, text)
        elif beat.after_work and not worked:
            yield document.complain("E302", here, f"expected 'work' before '{beat.verb}' (RUN-06)")
        elif parked and not _passes(beats[index:]):
            yield document.complain("E302", here, _AT_ONCE)
        worked = worked or isinstance(beat, Work)
        parked = isinstance(beat, Park | Review)
        yield from _branches(document, here, beat)
    if beats and not beats[-1].ends:
        last = (*place, len(beats) - 1)
        yield document.complain("E304", last, "expected an end after this: complete, fail, cancel or die")


def _branches(document: Document, place: Place, beat: RunBeat) -> Iterator[Complaint]:
    if not isinstance(beat, Park):
        return
    yield from _on_answer(document, (*place, "on_answer"), beat.on_answer)
    here = (*place, "on_reject")
    for index, each in enumerate(beat.on_reject):
        last = index == len(beat.on_reject) - 1
        if not isinstance(each, Fail if last else Work):  # RUN-02
            expected = "'fail' as the last beat" if last else "'work'"
            yield document.complain("E305", (*here, index), f"on_reject: expected {expected}, got '{each.verb}'")


def _on_answer(document: Document, place: Place, beats: Sequence[RunBeat]) -> Iterator[Complaint]:
    """A branch without an end: it begins with work, and the main line goes on with work after it."""
    for index, beat in enumerate(beats):
        here = (*place, index)
        if not isinstance(beat, Work | Park):
            yield document.complain("E305", here, f"on_answer: expected 'work' or 'park', got '{beat.verb}'")
        elif isinstance(beat, Park) and (index == 0 or isinstance(beats[index - 1], Park)):
            yield document.complain("E302", here, "on_answer: expected 'work' before 'park' (RUN-06)")
        # Work at the branch's end needs no time of its own: the main line's follows it.
        elif (
            (index == 0 or isinstance(beats[index - 1], Park))
            and any(isinstance(each, Park) for each in beats[index:])
            and not _passes(beats[index:])
        ):
            yield document.complain("E302", here, f"on_answer: {_AT_ONCE}")
        yield from _branches(document, here, beat)


def _passes(beats: Sequence[RunBeat]) -> bool:
    """Whether the work that these beats begin with takes time at all."""
    return any(beat.lasts for beat in takewhile(lambda each: isinstance(each, Work), beats) if isinstance(beat, Work))


def _check_places(document: Document, name: str, scenario: Scenario) -> Iterator[Complaint]:
    """Beats that the place or the caller's own rows leave no meaning for."""
    export, reviews = name == "export", 0
    for place, beat in every_run_beat(scenario.export if export else scenario.run, name):
        own, named = scenario.own_rows and not export, isinstance(beat, Complete) and beat.groups
        reviews += isinstance(beat, Review)
        for is_wrong, members, text in (
            (export and not beat.exports, (), f"an export has only {EXPORT_BEATS}; got '{beat.verb}'"),  # DST-10
            (export and named, ("complete",), "an export flags no rows; expected nothing after 'complete:'"),
            (own and isinstance(beat, Park), (), "'park' and 'review' exclude each other; 'review' alone asks here"),
            (own and named, ("complete",), "'complete' names no groups beside 'review': the caller's own rows decide"),
            (
                not export and isinstance(beat, Review) and reviews > 1,
                (),
                "one 'review' is enough: it asks until nothing is left to ask",
            ),
        ):
            if is_wrong:
                yield document.complain("E305", (*place, *members), text)
        for member in Complete.members if isinstance(beat, Complete) and not export else ():
            if (*place, member) in document.members:
                text = f"'{member}' belongs to the 'complete' of an export; an import writes to no destination"
                yield document.complain("E305", (*place, member), text, key=True)


def _ready(scenario: Scenario, document: Document) -> Iterator[Complaint]:
    """A run that waits from the beginning must have come to its parking in ten minutes."""
    if scenario.ready.run is None:
        return
    before = [*takewhile(lambda beat: isinstance(beat, Passing), scenario.run)]
    spent = sum(beat.lasts for beat in before if isinstance(beat, Passing))
    if spent <= STARTED_BEFORE and any(isinstance(beat, Park) for beat in scenario.run[len(before) :][:1]):
        return
    text = "the ready run must reach a 'park' within 10m of its start; its script does not"
    yield document.complain("E306", ("ready", "run"), text)


def lint_groups(scenario: Scenario, document: Document, catalogue: Catalogue) -> Iterator[Complaint]:
    """What is wrong with the declared groups, and with the data that they are cut from."""
    known: list[tuple[Place, Flagged]] = []
    seen: set[tuple[Place, str, str, str]] = set()
    for place, group, parked in _groups(scenario):
        key = (place[:-1], group.sheet, group.column, group.fails)
        if key in seen:  # PATCH-06
            text = f"{group.column} of {group.sheet} failing '{group.fails}' is declared twice here; make it one group"
            yield document.complain("E317", place, text)
        seen.add(key)
        template = catalogue.template(group.sheet)
        if template is None:
            yield document.complain(
                "E311", (*place, "sheet"), unknown("sheet", group.sheet, [each.name for each in catalogue.templates])
            )
            continue
        column = next((each for each in template.columns if each.name == group.column), None)
        if column is None:
            names = [each.name for each in template.columns]
            text = unknown("column", group.column, names, template.name)
            yield document.complain("E312", (*place, "column"), text)
            continue
        known.append((place, group))
        yield from _check_group(document, place, group, column)
        yield from _fix(document, place, group, column) if parked else _left(document, place, group)
    yield from _data(scenario, document, catalogue)
    yield from _amounts(scenario, document, known)


def _groups(scenario: Scenario) -> Iterator[tuple[Place, Flagged, bool]]:
    """Each group with its place, and whether it is parked with."""
    for place, beat in every_run_beat(scenario.run, "run"):
        for index, group in enumerate(beat.groups):
            yield (*place, beat.verb, index), group, isinstance(beat, Park)


def _check_group(document: Document, place: Place, group: Flagged, column: Column) -> Iterator[Complaint]:
    checks = {"required": column.required, "strict": column.rule == "strict", "link": column.rule == "link"}
    possible = [check for check, can_fail in {**checks, "unique": column.unique}.items() if can_fail]
    if group.fails not in possible:
        can = f"it can fail: {', '.join(possible)}" if possible else "it takes anything"
        text = f"{column.name} cannot fail '{group.fails}'; {can}"
        yield document.complain("E313", (*place, "fails"), text)
        return
    for index, value in enumerate(group.values):
        found = fault(column, value)
        blank = not value.strip()
        if found != group.fails if group.fails in {"required", "strict"} else found is not None or blank:
            what = "is fine in" if found is None and not blank else f"does not fail '{group.fails}' in"
            yield document.complain("E314", (*place, "values", index), f"{value!r} {what} {column.name}")


def _fix(document: Document, place: Place, group: Flagged, column: Column) -> Iterator[Complaint]:
    """The fix of a group that is parked with: one is given, and it can be carried out (PATCH-03 to PATCH-05)."""
    if (*place, "fix") not in document.members:
        yield document.complain("E202", place, "a parked group lacks the member 'fix'")
    if group.fix == "set_value":
        if (wrong := _wrong_value(group, column)) is not None:
            yield document.complain("E315", (*place, "fix" if group.value is None else "value"), wrong)
    elif group.value is not None:
        text = f"'value' belongs to fix set_value; '{group.fix}' sets none"
        yield document.complain("E315", (*place, "value"), text, key=True)
    if group.fix == "dedup_keep_first" and group.fails != "unique":
        text = f"dedup_keep_first mends only rows that fail 'unique'; these fail '{group.fails}'"
        yield document.complain("E315", (*place, "fix"), text)
    for index, option in enumerate(group.options):
        if (wrong := _wrong_option(option, group, column)) is not None:
            yield document.complain("E315", (*place, "options", index), wrong)
    if group.ask and group.allow_custom and group.fails == "unique":
        text = "no free text makes rows unique; leave allow_custom out"
        yield document.complain("E315", (*place, "allow_custom"), text)


def _wrong_value(group: Flagged, column: Column) -> str | None:
    """Why the value of a set_value cannot be set; None when it can."""
    value = group.value
    if value is None:
        return "fix set_value needs a 'value'"
    if not value.strip():
        return f"{column.name} is required and cannot be cleared (PATCH-04)" if column.required else None
    if column.unique:
        return f"{column.name} is unique: one value for several rows makes duplicates"
    if column.rule == "link":
        return f'{column.name} is a link: which values can be found is not known here; "" clears an optional one'
    if fault(column, value) is not None:
        words = alternatives(column.pattern or "")
        return unknown(f"value of {column.name}", value, words) if words else f"{value!r} is no valid {column.name}"
    return None


def _wrong_option(option: str, group: Flagged, column: Column) -> str | None:
    if option == "dedup_keep_first" and group.fails != "unique":
        return f"dedup_keep_first is no answer for rows that fail '{group.fails}'"
    if option != "set_value" or group.fix == "set_value":
        return None
    words = column.pattern is not None and alternatives(column.pattern) and not column.unique
    if (column.required and not words) or group.fails == "unique":
        return f"set_value: no value of {column.name} could be suggested; give fix set_value with a 'value'"
    return None


def _left(document: Document, place: Place, group: Flagged) -> Iterator[Complaint]:
    """A group of `complete` is left as it is: nobody is asked about it."""
    if group.fix != "keep":
        text = f"rows of 'complete' stay flagged: expected fix keep or none, got {group.fix}"
        yield document.complain("E315", (*place, "fix"), text)
    if group.value is not None or group.options or group.allow_custom is not None or not group.ask:
        text = "rows of 'complete' stay flagged, nobody is asked: leave out value, ask, options and allow_custom"
        yield document.complain("E315", place, text)


def _data(scenario: Scenario, document: Document, catalogue: Catalogue) -> Iterator[Complaint]:
    """The generated sheets: named once, known, and with the sheets that their links need."""
    if scenario.own_rows and "data" in document.value:
        yield document.complain(
            "E307", ("data",), "'data' has no meaning beside 'review': the rows are the caller's", key=True
        )
        return
    yield from _ready_sheets(scenario, document, catalogue)
    sheets = [entry.sheet for entry in scenario.data]
    for index, name in enumerate(sheets):
        template = catalogue.template(name)
        place: Place = ("data", index, "sheet")
        if template is None:
            if "data" in document.value:
                yield document.complain(
                    "E311", place, unknown("sheet", name, [each.name for each in catalogue.templates])
                )
            continue
        if name in sheets[:index]:
            yield document.complain("E307", place, f"{name} is named twice")
        for column in template.columns:
            wanted = [
                each.name for each in catalogue.templates if each.id in {link.template_id for link in column.links}
            ]
            broken = any(group.column == column.name and group.fails == "link" for _, group, _ in _groups(scenario))
            if wanted and not set(wanted) & set(sheets) and (column.required or broken):
                text = f"{name} links to {' or '.join(wanted)}, which has no rows; name it under 'data' too"
                yield document.complain("E307", place, text)


def _ready_sheets(scenario: Scenario, document: Document, catalogue: Catalogue) -> Iterator[Complaint]:
    """The ready company's sheets: known, and all that the script fills."""
    named = scenario.ready.sheets
    strange = [name for name in named if catalogue.template(name) is None]
    for name in strange:
        text = unknown("sheet", name, [each.name for each in catalogue.templates])
        yield document.complain("E311", ("ready", "sheets", name), text, key=True)
    left_out = [each.sheet for each in scenario.data if each.sheet not in named]
    if named and left_out and not strange:
        text = f"the script fills {left_out[0]}, which the ready company would not have; name it here, too"
        yield document.complain("E307", ("ready", "sheets"), text, key=True)


def _amounts(scenario: Scenario, document: Document, groups: list[tuple[Place, Flagged]]) -> Iterator[Complaint]:
    """All groups of a sheet together leave at least half of its rows clean."""
    rows = {entry.sheet: entry.rows for entry in scenario.data}
    taken: Counter[str] = Counter()
    for place, group in groups:
        if group.sheet not in rows:
            if not scenario.own_rows:
                yield document.complain("E307", (*place, "sheet"), f"{group.sheet} has no rows; name it under 'data'")
            continue
        before, taken[group.sheet] = taken[group.sheet], taken[group.sheet] + group.rows
        half = rows[group.sheet] // 2
        if before <= half < taken[group.sheet]:
            text = f"of {rows[group.sheet]} rows of {group.sheet} at most {half} may be wrong; by here they are"
            yield document.complain("E316", (*place, "rows"), f"{text} {taken[group.sheet]}")
