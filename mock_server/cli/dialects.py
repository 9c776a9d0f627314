"""`vern-mock dialects`: the dialects and the readings that they are made of, as tables, as JSON, and one by one."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from mock_server.cli.arguments import end
from mock_server.dialects.dialect import EXTENDED, MINIMAL, TITLES, UnknownDialect
from mock_server.preview.readings import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mock_server.dialects.reading import Reading

NARROWEST = 30  # columns that a sentence needs beside the others


@click.command("dialects")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, *, as_json: bool) -> None:
    """List the dialects of the mock and the readings that they combine, or describe the dialect NAME.

    Join names with + to make a dialect of your own. Where two readings exclude each other, the last one counts.

    \b
      vern-mock dialects
      vern-mock dialects extended
      vern-mock dialects random:7
      vern-mock serve --dialect minimal+ids-again
    """
    if name is not None:
        try:
            dialect = DIALECTS.find(name)
        except UnknownDialect as wrong:
            end(str(wrong))
        whole = {"name": dialect.name, "readings": dialect.described()}
        click.echo(
            json.dumps(whole, indent=2, ensure_ascii=False) if as_json else _page(dialect.name, dialect.readings)
        )
    elif as_json:
        readings = [reading.described() for reading in DIALECTS.readings]
        click.echo(json.dumps({"dialects": DIALECTS.described(), "readings": readings}, indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        click.echo(_tables(shutil.get_terminal_size().columns))
    else:
        lines = [f"dialect\t{name}\t{title}" for name, title in TITLES.items()]
        lines += [f"reading\t{each.name}\t{each.point}\t{each.does}" for each in DIALECTS.readings]
        click.echo("\n".join(lines))


def _page(name: str, readings: Iterable[Reading]) -> str:
    rows: list[tuple[str, ...]] = [("READING", "POINT", "THIS SERVER …")]
    rows += [(each.name, each.point, each.does) for each in readings]
    if len(rows) == 1:
        return f"{name}: no reading differs from docs/open-points.md"
    return f"{name}\n\n" + _aligned(rows, shutil.get_terminal_size().columns)


def _tables(width: int) -> str:
    minimal, extended = DIALECTS.find(MINIMAL), DIALECTS.find(EXTENDED)
    readings: list[tuple[str, ...]] = [("READING", "POINT", "MINIMAL", "EXTENDED", "THIS SERVER …")]
    for each in DIALECTS.readings:
        marks = ["x" if dialect.has(each.name) else "-" for dialect in (minimal, extended)]
        readings.append((each.name, each.point, *marks, each.does))
    return "\n\n".join(
        (
            _aligned([("DIALECT", "WHAT IT IS"), *TITLES.items()], width),
            _aligned(readings, width),
            "Choose one: vern-mock serve --dialect NAME, or PUT /_mock/dialect, or the header Prefer: dialect=NAME.",
        )
    )


def _aligned(rows: list[tuple[str, ...]], width: int) -> str:
    """Columns of equal width; the last one is wrapped."""
    sizes = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    margin = sum(sizes) + 2 * len(sizes)
    lines = []
    for *cells, sentence in rows:
        first, *rest = textwrap.wrap(sentence, max(NARROWEST, width - margin)) or [""]
        lines.append("".join(f"{cell:{size}}  " for cell, size in zip(cells, sizes, strict=True)) + first)
        lines += [" " * margin + part for part in rest]
    return "\n".join(lines)
