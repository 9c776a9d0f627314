"""The command line: arguments, progress, reports, exit codes.

The exit codes are the verdict's: 0 passed, 1 failed, 2 bad usage or a bad file, 3 nothing failed but the verdict is
incomplete, 4 the target cannot be reached, 130 interrupted. What a command needs is imported inside it.
"""

# ruff: noqa: PLC0415 - imports inside the commands, see above

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from conformance.cli.grouped import Grouped
from conformance.preview import run_address
from conformance.report import formats
from mock_server.contract.escape import escape
from mock_server.version import VERSION

if TYPE_CHECKING:
    from conformance.engine.plan import Plan
    from conformance.model.results import Results
    from conformance.target.target import Target

BAD_USAGE, INTERRUPTED = 2, 130
_EXTRA = ("h11", "httpx2", "hypothesis", "jinja2", "markupsafe", "schemathesis")
_FILE = click.Path(dir_okay=False, path_type=Path)
_REPORT = click.Path(exists=True, dir_okay=False, path_type=Path)
TELL_EVERY = 10
"""Seconds between two lines about how far a run is, where nobody watches a terminal."""
_AS_GIVEN = (
    *("profile", "depth", "level", "isolated", "rate_checks", "max_time", "max_failures"),
    *("allow_skips", "max_examples", "seed", "poll_every"),
)
"""The options that a plan has under the same name."""


def main() -> None:
    """Run the command line that the process was given."""
    from conformance.model.clauses import UnknownClause
    from mock_server.contract.yaml_file import BadFiles

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character must not end a command
    # What a person can mend is told in a sentence; anything else is ours, and a traceback is right.
    try:
        sys.exit(commands.main(prog_name="vern-conformance", standalone_mode=False))
    except BadFiles as bad:
        _end("\n".join(str(complaint) for complaint in bad.complaints))
    except UnknownClause as unknown:
        _end(f"{unknown.args[0]}\n`vern-conformance list` shows them all")
    except ModuleNotFoundError as missing:
        if missing.name not in _EXTRA:
            raise
        _end(f"{missing.name} is not installed; it comes with: pip install '.[conformance]' in a checkout")
    except (KeyboardInterrupt, click.Abort):
        _end("interrupted before any clause was tried", code=INTERRUPTED)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(BAD_USAGE)
    except OSError as error:
        _end(str(error))  # no clause failed: not 1


def _end(message: str, code: int = BAD_USAGE) -> NoReturn:
    with contextlib.suppress(OSError):
        click.echo(escape(f"vern-conformance: {message}"), err=True)
    sys.exit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, message="vern-conformance %(version)s", help="Print the version.")
def commands() -> None:
    """Test over HTTP whether an API does what the contract of Vern's Preview Migration API says.

    \b
      vern-conformance init                           write a target file to fill in
      vern-conformance run --target target.yaml       judge the API that the file describes
      vern-conformance run --target mock DEC POLL-04  judge our own mock by these clauses
      vern-conformance compare OLD.json NEW.json      say what changed between two reports
      vern-conformance list                           list every clause, and what tries it
      vern-conformance explain DEC-24                 explain one clause: what is sent, what is required
    """


def _report_options(command: Callable[..., None]) -> Callable[..., None]:
    for name, (_, what) in reversed(formats.FORMATS.items()):
        command = click.option(f"--{name}", type=_FILE, help=what)(command)
    return command


@commands.command(cls=Grouped, short_help="Judge a target.")
@click.argument("clauses", metavar="[CLAUSE]...", nargs=-1)
@click.option("--target", metavar="FILE|mock", help="Judge the API that this file describes, or our own mock.")
@click.option("--base-url", metavar="URL", help="Judge the API at this root without a target file.")
@click.option("--api-key", envvar="VERN_API_KEY", metavar="KEY",
              help="Send this key with --base-url.  [env var: VERN_API_KEY]")  # fmt: skip
@click.option("--profile", type=click.Choice(["core", "full"]), default="full", show_default=True,
              help="Judge by these clauses: core are those about polling and decisions, full are all.")  # fmt: skip
@click.option("--depth", type=click.Choice(["quick", "whole"]), default="whole", show_default=True,
              help="quick tries every clause with half of the requests, for each push; "
              "whole finds rare mistakes, too.")  # fmt: skip
@click.option("--level", type=click.Choice(["must", "should"]), default="must", show_default=True,
              help="Let the must clauses alone decide, or the should clauses, too.")  # fmt: skip
@click.option("--require", metavar="CLAUSE,...", default="", help="Fail when one of these clauses is skipped.")
@click.option("--baseline", type=_FILE, help="Expect the failures of this file (lines `CLAUSE: reason`); "
              "one that passes fails the run.")  # fmt: skip
@click.option("--isolated/--journey", default=None,
              help="Make new runs for each check, or share them (faster).  [default: isolated for mock]")  # fmt: skip
@click.option("--rate-checks", is_flag=True,
              help="Try the rate limit, too; it spends a whole minute's calls at the end.")  # fmt: skip
@click.option("--read-only", metavar="RUN", multiple=True,
              help=f"Change nothing; judge this run (its {run_address.FORMS}). Repeat for several.")  # fmt: skip
@click.option("--max-time", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
              help="Stop after this time, and skip the clauses that were not tried.")  # fmt: skip
@click.option("--max-failures", type=click.IntRange(1), metavar="N",
              help="Stop when so many clauses have failed, and skip those that were not tried.")  # fmt: skip
@click.option("--allow-skips", is_flag=True,
              help="Let a run pass that could try less than half of the must clauses.")  # fmt: skip
@click.option("--max-examples", type=click.IntRange(0), metavar="N",
              help="Send so many generated requests to each operation.  [default: 10 for mock, else 0]")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Generate requests from this number; the same seed gives the same ones.")  # fmt: skip
@click.option("--poll-every", type=click.FloatRange(min=0), metavar="SECONDS",
              help="Wait this long between polls.  [default: 2, on this machine 0.3]")  # fmt: skip
@click.option("--format", "shown", type=click.Choice(["text", *formats.FORMATS]), default="text", show_default=True,
              help="Print the report in this form; the text then goes to standard error.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Print the first screen of the report alone; no progress.")
@click.option("--end-with-stdin", is_flag=True, hidden=True)
@_report_options
def run(clauses: tuple[str, ...], target: str | None, **given: Any) -> None:
    """Judge a target by all clauses of the contract, or only by the areas and clauses that you name.

    \b
      vern-conformance run --target mock
      vern-conformance run --target target.yaml --depth quick --quiet
      vern-conformance run --target target.yaml DEC POLL-04
      vern-conformance run --base-url http://127.0.0.1:8376/api/v1 --api-key my-key
      vern-conformance run --target target.yaml --junit out.xml --markdown "$GITHUB_STEP_SUMMARY"

    The FILE - is standard output.

    Exit codes: 0 every clause that was tried passed; 1 a clause failed; 2 an option or a
    file is wrong; 3 no clause failed, but some could not be judged; 4 the target cannot be reached; 130 interrupted.
    """
    from conformance.preview import suite
    from conformance.verdict import judge

    known = _target(target, given["base_url"], given["api_key"])
    plan = _plan(clauses, given, known)
    reports = _reports(given)
    signal.signal(signal.SIGTERM, _ended_once)  # whoever ends a job wants its reports, too
    if given["end_with_stdin"]:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs behind `&` with it ignored
    if not given["quiet"] and not plan.read_only:
        click.echo(suite.outlook(known, plan), err=True)
    try:
        with _progress(quiet=given["quiet"]) as progress:
            results = suite.run(known, plan, progress)
    except suite.UnknownRun as unknown:
        _end(str(unknown))
    _tell(results, reports, quiet=given["quiet"])
    sys.exit(judge(results).code)


def _tell(results: Results, reports: dict[str, Path], *, quiet: bool) -> None:
    """Print the report for a person, and write the others."""
    from conformance.report import terminal

    aside = any(str(path) == "-" for path in reports.values())
    colour = (sys.stderr if aside else sys.stdout).isatty()
    click.echo(terminal.render(results, colour=colour, quiet=quiet), err=aside, nl=False)
    if lost := [told for name, path in reports.items() if (told := _write(path, formats.render(name, results)))]:
        _end("\n".join(lost))


def _ended_once(number: int, _frame: object) -> None:
    """End the run at the first signal; a job's end often comes as several, and the reports are to be written."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_with_stdin() -> None:
    """Wait until whoever started this closes the pipe that they gave it, and end as if they had said so."""
    while os.read(0, 1):  # not by way of sys.stdin, whose lock nobody gets any more at the end of the process
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _reports(given: dict[str, Any]) -> dict[str, Path]:
    """The reports that were asked for; ends before any request when one of them would be lost."""
    reports: dict[str, Path] = {name: given[name] for name in formats.FORMATS if given[name] is not None}
    if (shown := given["shown"]) != "text":
        reports.setdefault(shown, Path("-"))
    if len(set(reports.values())) < len(reports):
        _end("two reports go to the same file; give each its own")
    for path in reports.values():
        if problem := _write(path, "", mode="a"):
            _end(problem)
    return reports


def _target(target: str | None, base_url: str | None, api_key: str | None) -> Target | str:
    from conformance.preview.suite import MOCK
    from conformance.preview.target_file import load
    from conformance.target.target import Target

    if (target is None) == (base_url is None):
        _end("say what to judge: --target FILE, --target mock, or --base-url URL (one of them)")
    if target == MOCK:
        return MOCK
    if target is not None:
        return load(Path(target))
    if api_key is None:
        _end("--base-url needs a key: --api-key KEY, or the variable VERN_API_KEY")
    try:
        return Target.of_url(base_url or "", api_key)
    except ValueError as wrong:
        _end(str(wrong))


def _plan(chosen: tuple[str, ...], given: dict[str, Any], target: Target | str) -> Plan:
    from conformance.engine.plan import Plan
    from conformance.model import clauses
    from conformance.verdict import baseline

    required = tuple(word.strip() for word in given["require"].split(",") if word.strip())
    among = clauses.profile(given["profile"])
    clauses.select(chosen, among)
    clauses.select(required)
    expected = {} if given["baseline"] is None else baseline.load(given["baseline"])
    base_url = None if isinstance(target, str) else target.base_url
    try:
        read_only = tuple(run_address.run_of(text, base_url) for text in given["read_only"])
    except ValueError as wrong:
        _end(f"--read-only: {wrong}")
    members = {name: given[name] for name in _AS_GIVEN}
    return Plan(clauses=chosen, require=required, expected_failures=expected, read_only=read_only, **members)


def _write(path: Path, text: str, mode: str = "w") -> str | None:
    """Write a file, or to standard output; why that cannot be done, or None."""
    if str(path) == "-":
        click.echo(text, nl=False)
        return None
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}"
    return None


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """One line on a terminal that tells how far the run is; in a pipe a line now and then, for a job's log."""
    from conformance.model.clauses import area_of
    from conformance.preview import checks

    alone, told, known = sys.stderr.isatty(), time.monotonic(), checks.load()

    def tell(name: str, number: int, count: int) -> None:
        nonlocal told
        if quiet:
            return
        of = known.get(name)
        area = f"{area_of(of.clauses[0])}: " if of else ""
        said = f"{number}/{count} {area}{name.replace('_', ' ')[:60]}"
        if alone:
            click.echo(f"\r\x1b[K{said}", err=True, nl=False)
        elif time.monotonic() - told >= TELL_EVERY:
            told = time.monotonic()
            click.echo(said, err=True)

    try:
        yield tell
    finally:
        if alone and not quiet:
            click.echo("\r\x1b[K", err=True, nl=False)


@commands.command(short_help="Say what changed between two reports.")
@click.argument("old", type=_REPORT)
@click.argument("new", type=_REPORT)
@click.option("--format", "shown", type=click.Choice(["text", "markdown"]),
              help="Print it in this form.  [default: text, in a pipe markdown]")  # fmt: skip
def compare(old: Path, new: Path, shown: str | None) -> None:
    """Say what changed between two reports that `run --json` wrote, for a comment in CI.

    \b
      vern-conformance compare main.json branch.json
      vern-conformance compare main.json branch.json >> "$GITHUB_STEP_SUMMARY"

    Exit codes: 0 nothing is worse; 1 a clause has failed that had not; 2 a file is no report; 3 none is, but a must
    clause that was tried is not any more.
    """
    from conformance.report import comparison

    compared = comparison.Comparison(_report(old), _report(new))
    words = comparison.text if (shown or ("text" if sys.stdout.isatty() else "markdown")) == "text" else None
    click.echo((words or comparison.markdown)(compared), nl=False)
    sys.exit(compared.code)


def _report(path: Path) -> Results:
    from conformance.report.jsonreport import from_json

    try:
        return from_json(path.read_bytes())
    except (ValueError, RecursionError) as wrong:  # json's own, too
        _end(f"{path}: {wrong}")


@commands.command("list", short_help="List the clauses, and what tries each.")
@click.argument("clauses", metavar="[CLAUSE]...", nargs=-1)
@click.option("--profile", type=click.Choice(["core", "full"]), default="full", show_default=True)
@click.option("--target", metavar="FILE|mock", help="Look through this target file for mistakes, too; nothing is sent.")
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(clauses: tuple[str, ...], profile: str, target: str | None, *, markdown: bool, as_json: bool) -> None:
    """List the clauses that servers have to obey, or only the areas and clauses that you name.

    \b
      vern-conformance list
      vern-conformance list DEC POLL-04
      vern-conformance list --json | jq -r '.clauses[] | select(.not_tested) | .id'
    """
    from conformance.cli import clauses as catalogue
    from conformance.model.clauses import profile as of_profile
    from conformance.model.clauses import select

    if target is not None:
        _target(target, None, None)
    chosen = select(clauses, of_profile(profile))
    render = catalogue.markdown if markdown else catalogue.as_json if as_json else catalogue.table
    click.echo(render(chosen), nl=False)


@commands.command(short_help="Explain what a clause asks, and how it is tried.")
@click.argument("clauses", metavar="CLAUSE...", nargs=-1, required=True)
def explain(clauses: tuple[str, ...]) -> None:
    """Explain each clause: what it asks, where the documentation says so, what is sent, and how to reach the state.

    \b
      vern-conformance explain DEC-24
      vern-conformance explain STALE
    """
    from conformance.cli import clauses as catalogue
    from conformance.model.clauses import load, select

    click.echo(catalogue.pages(select(clauses, load())), nl=False)


@commands.command(short_help="Write a target file to fill in.")
@click.argument("file", default="target.yaml", type=_FILE)
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
def init(file: Path, *, force: bool) -> None:
    """Write a target file with comments to FILE, or else to target.yaml; - is standard output.

    \b
      vern-conformance init
      vern-conformance init - | less
    """
    from conformance.preview.target_file import template

    to_file = str(file) != "-"
    if to_file and file.exists() and not force:
        _end(f"{file} is there already, and stays as it is; --force writes over it, another name goes beside it")
    if problem := _write(file, template()):
        _end(problem)
    if to_file:
        click.echo(f"{file} is written; fill it in, then: vern-conformance run --target {file}")
