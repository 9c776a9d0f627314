"""The clauses as a person reads them: what each asks, who says so, which check tries it and what that needs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import TYPE_CHECKING

from conformance.model.clauses import Clause, area_names, open_points
from conformance.preview import checks

if TYPE_CHECKING:
    from conformance.engine.plan import Check

WIDTH = 100


def checks_of(clause: Clause) -> tuple[Check, ...]:
    """The checks that try the clause."""
    return tuple(each for each in checks.load().values() if clause.id in each.clauses)


def table(chosen: Mapping[str, Clause]) -> str:
    """A line for each clause: its id, level and text, and why no check can try it where none does."""
    lines = []
    for clause in chosen.values():
        untested = f" [not tested: {clause.not_tested}]" if clause.not_tested else ""
        text = f"{clause.text}{untested}"
        lines += wrap(text, WIDTH, initial_indent=f"{clause.id:<9}{clause.level:<8}", subsequent_indent=" " * 17)
    return "\n".join(lines) + "\n"


def as_json(chosen: Mapping[str, Clause]) -> str:
    """Everything that is known of the clauses."""
    members = [
        {
            "id": clause.id,
            "level": clause.level,
            "text": clause.text,
            "pages": clause.page,
            "operations": clause.operations,
            "open_points": clause.open_points,
            "not_tested": clause.not_tested,
            "checks": [
                {"name": each.name, "stimulus": each.stimulus, "needs": each.needs} for each in checks_of(clause)
            ],
        }
        for clause in chosen.values()
    ]
    return json.dumps({"clauses": members}, indent=2) + "\n"


def markdown(chosen: Mapping[str, Clause]) -> str:
    """A table for a document: clause, level, text, and the checks or the reason why there are none."""
    lines = ["| clause | level | what it asks | tried by |", "|---|---|---|---|"]
    for clause in chosen.values():
        tried = ", ".join(f"`{each.name}`" for each in checks_of(clause))
        cells = (
            clause.id,
            clause.level,
            clause.text,
            f"not tested: {clause.not_tested}" if clause.not_tested else tried,
        )
        row = " | ".join(cell.replace("|", r"\|") for cell in cells)
        lines.append(f"| {row} |")
    return "\n".join(lines) + "\n"


def pages(chosen: Mapping[str, Clause]) -> str:
    """A page for each clause: what it asks, where that is said, what is sent, how to reach the state, how to run it."""
    return "\n".join("\n".join(_page(clause)) + "\n" for clause in chosen.values())


def _page(clause: Clause) -> Iterator[str]:
    yield f"{clause.id}  ({area_names()[clause.area]}; {clause.level}; binds {_BOUND[clause.actor]})"
    yield from _paragraph("required", clause.text)
    yield from _paragraph("source", ", ".join(clause.page) or "follows from several pages of the documentation")
    if clause.operations:
        yield from _paragraph("about", ", ".join(clause.operations))
    for point in clause.open_points:
        yield from _paragraph("open point", f"{point}: {open_points().get(point, '')}. Every reading of it passes.")
    if not clause.binds_servers:
        yield from _paragraph("tried", "never: it binds clients, so no server can be held to it")
        return
    if clause.not_tested:
        yield from _paragraph("tried", f"never: {clause.not_tested}")
        return
    for each in checks_of(clause):
        yield from _paragraph("what is sent", each.stimulus)
        needs = ", ".join(f"states.{state}" for state in each.needs)
        yield from _paragraph("state", f"brought about by {needs} of the target file" if needs else "any")
    yield from _paragraph("besides", "the shape of every answer is compared with the contract")
    rates = " --rate-checks" if clause.area == "RATE" else ""
    yield from _paragraph("to run it", f"vern-conformance run {clause.id} --target target.yaml{rates}")


_BOUND = {"server": "servers", "client": "clients", "both": "servers and clients"}


def _paragraph(name: str, text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=f"  {name:<14}", subsequent_indent=" " * 16)
