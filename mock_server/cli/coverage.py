"""`vern-mock coverage`: what clients have met, over several sessions and files, as text or JSON, held to a minimum."""

# ruff: noqa: PLC0415 - what a command needs is imported inside it, so that the others start at once

from __future__ import annotations

import json
import re
import textwrap
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mock_server.cli.arguments import FILE, end, option, tell
from mock_server.cli.client import call_admin, server_options
from mock_server.contract.nearest import counted
from mock_server.coverage.journals import STRAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_WIDTH = 110
_KEPT = "\u00a0"  # a space at which no line is broken
_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")


def percent(text: str) -> Fraction:
    """A percentage from 0 to 100; ValueError for any other text."""
    if not _PERCENT.fullmatch(text) or Fraction(text) > 100:
        raise ValueError(f"expected a number from 0 to 100, such as 80 or 62.5; got {text!r}")
    return Fraction(text)


@click.command("coverage")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=FILE)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@option(
    "--fail-under",
    reads=percent,
    metavar="PERCENT",
    help="Exit with code 1 when the client has met fewer items than this.",
)
@server_options(
    "Ask about the session of this key; repeat the option for several. With a FILE the variable is ignored.",
    multiple=True,
)
def command(files: tuple[Path, ...], form: str, fail_under: Fraction | None, **given: Any) -> None:
    """Print which statuses, transitions, errors, patches, questions, decisions and faults a client has met in its
    session, and how to meet those that it has not.

    Several sessions and files are taken together. A FILE is the answer of GET /_mock/bundle, GET /_mock/requests or
    GET /_mock/coverage, or the output of this command with --format json.

    \b
      vern-mock coverage --api-key my-key
      vern-mock coverage --api-key test-1 --api-key test-2 --fail-under 60
      vern-mock coverage bundle-1.json bundle-2.json --format json
    """
    keys = given.pop("api_key")
    if files and click.get_current_context().get_parameter_source("api_key") is ParameterSource.ENVIRONMENT:
        keys = ()
    if not keys and not files:
        raise click.UsageError("give --api-key (or VERN_API_KEY), whose session is looked at; or a FILE")
    keys = tuple(dict.fromkeys(keys))
    read = ((path.read_bytes(), str(path)) for path in files)
    looked = ((call_admin({**given, "api_key": key}, "GET", "/_mock/coverage"), given["url"]) for key in keys)
    merged = {"sessions": len(keys), "files": len(files)} | _merge(chain(read, looked))
    tell(json.dumps(merged, indent=2) if form == "json" else "\n".join(_lines(merged)))
    if fail_under is not None and merged["met"] * 100 < fail_under * merged["of"]:
        end(f"{_share(merged)} is less than the {float(fail_under):g} % of --fail-under", 1)


def _merge(sources: Iterable[tuple[bytes, str]]) -> dict[str, Any]:
    """What files and answers hold, taken together; one that cannot be used ends the command with the reason."""
    from mock_server.coverage.items import BadFile, read
    from mock_server.coverage.journals import counts, together
    from mock_server.preview.coverage_items import coverage

    contents = []
    for raw, source in sources:
        try:
            contents.append(read(raw, coverage()))
        except BadFile as bad:
            end(f"{source} cannot be used: {bad}")
    met = frozenset().union(*(each["met"] for each in contents))
    journals = together(journal for each in contents for journal in each["journals"])
    return {**counts(journals), "journals": journals, **coverage().describe(met)}


def _lines(coverage: Mapping[str, Any]) -> Iterator[str]:
    """The coverage for a person: how much of each group was met, and what shows the rest."""
    exchanges = counted(coverage["exchanges"], "exchange")
    sessions = counted(sum(not each["session"].startswith(STRAY) for each in coverage["journals"]), "session")
    files = f" (from {counted(coverage['files'], 'file')})" if coverage["files"] else ""
    yield f"Journey coverage: {_share(coverage)}, in {exchanges} of {sessions}{files}"
    if coverage["forgotten"]:
        forgotten = counted(coverage["forgotten"], "earlier exchange")
        yield f"{forgotten} had been forgotten; what only they showed is not counted"
    for group in coverage["groups"]:
        yield f"\n{group['title']}: {_share(group)}"
        yield from _never_met(group["items"])
    if coverage["met"] < coverage["of"]:
        yield ""
        yield "Behind each that was never met stands what shows it: a scenario and its play, or what to ask for first."


def _share(counted: Mapping[str, Any]) -> str:
    return f"{counted['met']} of {counted['of']} ({counted['percent']} %)"


def _never_met(items: list[Mapping[str, Any]]) -> Iterator[str]:
    hints: dict[str, list[str]] = {}
    for each in items:
        if not each["met"]:
            hints.setdefault(_hint(each["shown_by"]), []).append(each["item"])
    for hint, names in hints.items():
        whole = ", ".join(name.replace(" ", _KEPT) for name in _together(names))
        lines = textwrap.wrap(whole, _WIDTH, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False)
        yield from (line.replace(_KEPT, " ") for line in lines)
        yield f"      {hint}"


def _together(names: list[str]) -> Iterator[str]:
    """The names; of error codes each operation once, with all its codes."""
    codes: dict[str, list[str]] = {}
    for name in names:
        operation, _, code = name.rpartition(" ")
        if code.isdecimal():
            codes.setdefault(operation, []).append(code)
        else:
            yield name
    yield from (f"{operation} {'/'.join(each)}" for operation, each in codes.items())


def _hint(way: Mapping[str, Any]) -> str:
    """How to come to an item; alike for all error codes that are asked for in the same way."""
    play = f"{way['scenario']}: {way['play']}" if "play" in way else ""
    if "prefer" in way:
        return "any call of the operation with the header `Prefer: code=CODE`"
    if "dialect" in way:
        return f"PUT /_mock/dialect {json.dumps({'name': way['dialect']})}, then {way['scenario']}"
    if "fault" in way and not play:
        return 'POST /_mock/faults {"error": CODE, "operation": OPERATION, "times": 1}, then the call'
    if "fault" in way:
        return f"POST /_mock/faults {json.dumps(way['fault'])}, then {way['scenario']}"
    return play
