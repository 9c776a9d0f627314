"""`vern-mock dialects`: the dialects and the readings that they are made of, as tables, as JSON, and one by one."""

from __future__ import annotations

import json
import shutil
import sys

import click

from mock_server.cli.arguments import align, end
from mock_server.dialects.dialect import EXTENDED, MINIMAL, TITLES, UnknownDialect
from mock_server.preview.readings import DIALECTS


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
        whole = {"name": dialect.name, "readings": dialect.as_json()}
        rows = [(each.name, each.point, each.does) for each in dialect.readings]
        table = align([("READING", "POINT", "THIS SERVER …"), *rows], shutil.get_terminal_size().columns)
        page = f"{dialect.name}\n\n{table}" if rows else f"{dialect.name}: no reading differs from docs/open-points.md"
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False) if as_json else page)
    elif as_json:
        readings = [reading.as_json() for reading in DIALECTS.readings]
        click.echo(json.dumps({"dialects": DIALECTS.as_json(), "readings": readings}, indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        click.echo(_tables(shutil.get_terminal_size().columns))
    else:
        lines = [f"dialect\t{name}\t{title}" for name, title in TITLES.items()]
        lines += [f"reading\t{each.name}\t{each.point}\t{each.does}" for each in DIALECTS.readings]
        click.echo("\n".join(lines))


def _tables(width: int) -> str:
    minimal, extended = DIALECTS.find(MINIMAL), DIALECTS.find(EXTENDED)
    readings: list[tuple[str, ...]] = [("READING", "POINT", "MINIMAL", "EXTENDED", "THIS SERVER …")]
    for each in DIALECTS.readings:
        marks = ["x" if dialect.has(each.name) else "-" for dialect in (minimal, extended)]
        readings.append((each.name, each.point, *marks, each.does))
    return "\n\n".join(
        (
            align([("DIALECT", "WHAT IT IS"), *TITLES.items()], width),
            align(readings, width),
            "Choose one: vern-mock serve --dialect NAME, or PUT /_mock/dialect, or the header Prefer: dialect=NAME.",
        )
    )
