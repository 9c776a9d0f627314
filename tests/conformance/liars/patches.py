"""Servers that lie about what they propose for a parked run, and about its rows while it waits (PATCH)."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

from bending import before
from deciding import described
from lies import Liar, Lie, polls, rule
from places import all_of

from mock_server.data import book, uploaded
from mock_server.data.book import Book, Fix
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.preview.lifecycle import Life

Actions = list[dict[str, Any]]
_looks = count(1)
_polled: Counter[str] = Counter()
_proposed = book.proposed_fix
_seen = ImportRun.visible_book


def proposes(change: Callable[[dict[str, Any]], object]) -> Lie:
    """A lie that changes the proposed patch in place."""

    def bend(_run: ImportRun, state: Life, body: dict[str, Any]) -> None:
        if state.status == "needs_attention":
            change(body["needs_attention"]["proposed_patch"])

    return described(bend)


def acts(change: Callable[[dict[str, Any]], object], *kinds: str) -> Lie:
    """A lie that changes the actions of these kinds in place; without kinds all of them."""

    def bend(patch: dict[str, Any]) -> None:
        for each in patch["actions"]:
            if not kinds or each["action"] in kinds:
                change(each)

    return proposes(bend)


def _only(keep: Callable[[dict[str, Any]], bool]) -> Lie:
    """A lie that shows some of the actions alone."""
    return proposes(lambda patch: patch.update(actions=[each for each in patch["actions"] if keep(each)]))


def _by_column(patch: dict[str, Any]) -> None:
    patch["actions"] = {each["column"]: each["action"] for each in patch["actions"]}


def _by_row(patch: dict[str, Any]) -> None:
    """There is an action for each wrong cell; three of FLAGGED's rows have a wrong Status."""
    patch["actions"] = [each for each in patch["actions"] for _ in range(3 if each["column"] == "Status" else 1)]


def _healthy_too(patch: dict[str, Any]) -> None:
    patch["actions"].append({**patch["actions"][0], "column": "Name", "action": "keep"})


def _empties(column: Any, fails: Any) -> Fix:
    return Fix("set_value", "") if column.required and fails == "required" else _proposed(column, fails)


def _grows(body: Any) -> None:
    """The rows that are in the sheets by now are counted, and they come in one by one."""
    if body.get("status") == "needs_attention":
        del body["report"]["perSheet"]
        body["report"]["inserted"] = next(_looks)


def _mends_meanwhile(self: ImportRun, state: Life) -> Book | None:
    """The patch is carried out bit by bit while the run waits."""
    found = _seen(self, state)
    if found is None or state.status != "needs_attention":
        return found
    done = _polled[self.id] % (len(found.groups) + 1)
    return found.apply_fixes([group.fix if number < done else None for number, group in enumerate(found.groups)])


def _other_patch(body: Any) -> None:
    for each in body.get("needs_attention", {}).get("proposed_patch", {}).get("actions", ()):
        if each["action"] == "set_value" and each["value"]:
            each["value"] = ("Open", "Closed", "Pending")[next(_looks) % 3]


def _counted(lie: Any) -> Lie:
    """The lie about what a parked run's sheet holds, with its polls counted."""
    tally = before((ImportRun, ImportRun.body_of), lambda run, *_: _polled.update([run.id]))
    return all_of(tally, rule(ImportRun.visible_book, lie))


LIARS = (
    Liar("PATCH-01", "proposes a patch without actions", proposes(lambda patch: patch.pop("actions"))),
    Liar("PATCH-01", "proposes a patch without a summary", proposes(lambda patch: patch.pop("summary"))),
    Liar("PATCH-01", "proposes actions by column", proposes(_by_column)),
    Liar(
        "PATCH-02", "proposes an action of its own", acts(lambda act: act.update(action="drop"), "delete_invalid_rows")
    ),
    Liar(
        "PATCH-02",
        "proposes actions without a column",
        acts(lambda act: act.pop("column"), "delete_invalid_rows"),
        ("PATCH-06",),
    ),
    Liar("PATCH-02", "proposes actions without a sheet", acts(lambda act: act.pop("sheet_id")), ("PATCH-06",)),
    Liar("PATCH-03", "proposes to set cells, and not to what", acts(lambda act: act.pop("value"), "set_value")),
    Liar(
        "PATCH-03", "leaves out a value that is empty", acts(lambda act: act["value"] or act.pop("value"), "set_value")
    ),
    Liar(
        "PATCH-03",
        "proposes null where cells are cleared",
        acts(lambda act: act.update(value=act["value"] or None), "set_value"),
    ),
    Liar("PATCH-04", "proposes to empty a required column", rule((uploaded, book.proposed_fix), _empties)),
    Liar("PATCH-05", "names no key column", acts(lambda act: act.pop("key_column"), "dedup_keep_first")),
    Liar(
        "PATCH-05",
        "gives the key column as a list",
        acts(lambda act: act.update(key_column=[act["key_column"]]), "dedup_keep_first"),
    ),
    Liar("PATCH-06", "proposes nothing for one of the groups", _only(lambda act: act["column"] != "Joined")),
    Liar("PATCH-06", "proposes nothing for missing values", _only(lambda act: act["action"] != "delete_invalid_rows")),
    Liar("PATCH-06", "proposes an action for each row", proposes(_by_row)),
    Liar("PATCH-06", "proposes an action for a column without a wrong cell", proposes(_healthy_too)),
    Liar(
        "PATCH-02",
        "aims its actions at the template",
        acts(lambda act: act.update(sheet_id="1f6b2c9e-0a35-4e78-9d41-b8c7e5f2a310")),
    ),
    Liar("PATCH-10", "counts rows that come in while the run is parked", polls(_grows)),
    Liar("PATCH-10", "carries the patch out while the run is parked", _counted(_mends_meanwhile)),
    Liar("PATCH-10", "proposes another patch at each poll", polls(_other_patch)),
)
