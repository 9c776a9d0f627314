"""Turns the plain data of well-formed files into the frozen values of `scenario` and `catalogue`.

It checks nothing: `shape` has seen to it that each member is known, of the right type, and that each beat and step
has exactly one verb. What a file leaves out is filled in here, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

from mock_server.data.templates import Catalogue, Column, Link, Source, Template
from mock_server.kernel.clock import duration
from mock_server.kernel.ids import made_uuid
from mock_server.scenarios.model import (
    Cancel,
    Complete,
    Data,
    Die,
    Fail,
    Fault,
    Flagged,
    Park,
    Play,
    Queue,
    Ready,
    Review,
    Scenario,
    What,
    Work,
)
from mock_server.scenarios.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mock_server.contract.yaml_file import Document
    from mock_server.data.templates import Check
    from mock_server.scenarios.model import Beat

BEAT_VERBS = ("queue", "work", "die", "park", "review", "complete", "fail", "cancel")
FAULT_VERBS: tuple[What, ...] = get_args(What)
GENERATED_ROWS = 1453
"""How many rows a sheet gets when the file does not say: the figure of the documented example."""

_EXPORT: tuple[Beat, ...] = (Queue(500), Work(1500, "Writing to the destination"), Complete())


def scenario(document: Document, name: str, catalogue: Catalogue) -> Scenario:
    """The scenario that a well-formed document describes."""
    value = document.value
    run = _beats(value["run"], catalogue)
    limit = value.get("rate_limit")
    return Scenario(
        name=name,
        title=value["title"],
        clauses=tuple(value.get("clauses", ())),
        pace=value.get("pace", "time"),
        run=run,
        export=_beats(value["export"], catalogue) if "export" in value else _EXPORT,
        data=_data(value.get("data"), run),
        rate_limit=int(limit.split("/")[0]) if limit else None,
        ready=_ready(value.get("ready", {}), name),
        plays=tuple(_play(play, document, index) for index, play in enumerate(value["plays"])),
        path=document.file,
        faults=faults(value.get("faults", ())),
    )


def faults(values: Iterable[dict[str, Any]]) -> tuple[Fault, ...]:
    """The faults that a well-formed list describes."""
    return tuple(_fault(value) for value in values)


def _fault(value: dict[str, Any]) -> Fault:
    what = next(verb for verb in FAULT_VERBS if verb in value)
    how = value[what]
    return Fault(
        what=what,
        how=duration(how) if what in {"delay", "dribble"} else int(how) if isinstance(how, float) else how,
        up_to=duration(value["up_to"]) if "up_to" in value else None,
        operation=value.get("operation"),
        status=value.get("while"),
        call=value.get("call"),
        every=value.get("every"),
        chance=value.get("chance"),
        times=value.get("times", 1 if "call" in value else None),
        lasts=duration(value["for"]) if "for" in value else None,
    )


def groups(beats: Iterable[Beat]) -> Iterator[Flagged]:
    """Every declared group of wrong cells, wherever in the script it stands."""
    for beat in beats:
        match beat:
            case Park(flagged, on_answer, on_reject):
                yield from flagged
                yield from groups((*on_answer, *on_reject))
            case Complete(flagged):
                yield from flagged


def _beats(values: Sequence[dict[str, Any]], catalogue: Catalogue) -> tuple[Beat, ...]:
    return tuple(_beat(value, catalogue) for value in values)


def _beat(value: dict[str, Any], catalogue: Catalogue) -> Beat:
    verb = next(verb for verb in BEAT_VERBS if verb in value)
    say = {"say": value["say"]} if "say" in value else {}
    match verb:
        case "queue":
            return Queue(duration(value["queue"]), **say)
        case "work":
            return Work(duration(value["work"]), **say)
        case "die":
            return Die(**say)
        case "park":
            return Park(
                tuple(_flagged(group, catalogue) for group in value["park"]),
                _beats(value.get("on_answer", ()), catalogue),
                _beats(value.get("on_reject", ()), catalogue),
            )
        case "review":
            return Review()
        case "complete":
            faults = {name: value[name] for name in ("refused", "status", "error", "hollow") if name in value}
            return Complete(tuple(_flagged(group, catalogue) for group in value["complete"] or ()), **faults)
        case "fail":
            return Fail(value["fail"])
        case _:
            return Cancel()


def _flagged(value: dict[str, Any], catalogue: Catalogue) -> Flagged:
    fix = value.get("fix", "keep")
    return Flagged(
        sheet=value["sheet"],
        column=value["column"],
        rows=value["rows"],
        fails=value.get("fails") or _likely(value, fix, catalogue),
        fix=fix,
        value=value.get("value"),
        values=tuple(value.get("values", ())),
        ask=value.get("ask", True),
        options=tuple(value.get("options", ())),
        allow_custom=value.get("allow_custom"),
    )


def _likely(value: dict[str, Any], fix: str, catalogue: Catalogue) -> Check:
    """The check that a group means when it names none: the first that its column can fail."""
    template = catalogue.template(value["sheet"])
    column = next((each for each in template.columns if each.name == value["column"]), None) if template else None
    if fix == "dedup_keep_first":
        return "unique"
    if column is not None and column.rule in {"strict", "link"}:
        return cast("Check", column.rule)
    return "unique" if column is not None and column.unique else "required"


def _data(values: Sequence[dict[str, Any]] | None, run: tuple[Beat, ...]) -> tuple[Data, ...]:
    if values is not None:
        return tuple(Data(value["sheet"], value["rows"]) for value in values)
    if any(isinstance(beat, Review) for beat in run):
        return ()
    sheets = dict.fromkeys(group.sheet for group in groups(run)) or {"Contacts": None}
    return tuple(Data(sheet, GENERATED_ROWS) for sheet in sheets)


def _ready(value: dict[str, Any], name: str) -> Ready:
    return Ready(
        company=value.get("company") or made_uuid(f"vern-mock ready company {name}"),
        name=value.get("name", f"Ready company: {name}"),
        sheets=value.get("sheets", {}),
        run=value.get("run"),
    )


def _play(value: dict[str, Any], document: Document, index: int) -> Play:
    steps = []
    for position, step in enumerate(value["steps"]):
        line, _ = document.at(("plays", index, "steps", position))
        steps.append(STEPS.parse_entry(step, line))
    return Play(value["title"], tuple(steps))


def catalogue(document: Document) -> Catalogue:
    """The catalogue that a well-formed account file describes; links name templates by name there, by id here."""
    value = document.value
    ids = {template["name"]: template["id"] for template in value["templates"]}
    return Catalogue(
        sources=tuple(Source(each["id"], each["name"], each.get("logo_url")) for each in value["sources"]),
        templates=tuple(_template(each, ids) for each in value["templates"]),
    )


def _template(value: dict[str, Any], ids: dict[str, str]) -> Template:
    columns = tuple(_column(each, ids) for each in value["columns"])
    return Template(value["id"], value["name"], value.get("description"), columns)


def _column(value: dict[str, Any], ids: dict[str, str]) -> Column:
    return Column(
        name=value["name"],
        description=value.get("description", ""),
        required=value.get("required", False),
        unique=value.get("unique", False),
        rule=value.get("rule", "none"),
        pattern=value.get("pattern"),
        links=tuple(Link(ids[each["template"]], each["column"]) for each in value.get("links", ())),
        pool=value.get("pool", "word"),
    )
