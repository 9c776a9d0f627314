"""The command line: arguments, composition, exit codes.

0 is well, 1 is findings (a play that differs, a file with complaints, a server that is not ready), 2 is bad usage or a
bad file. What a command needs is imported inside it, so that the others start at once.
"""

# ruff: noqa: PLC0415 - imports inside the commands, see above

from __future__ import annotations

import contextlib
import gc
import io
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mock_server.cli.arguments import dialect, key, option, rate, size, span, speed
from mock_server.cli.audit import audit
from mock_server.cli.client import replay, why
from mock_server.cli.coverage import coverage
from mock_server.cli.dialects import dialects
from mock_server.kernel.settings import DEFAULT_PORT, Settings

if TYPE_CHECKING:
    from mock_server.scenarios.catalog import World
    from mock_server.scenarios.model import Scenario

DEFAULTS = Settings()
FILES = click.Path(exists=True, readable=True, path_type=Path)


def main() -> None:
    """Run the command line that the process was given."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character must not end a command
    try:
        commands(prog_name="vern-mock")
    except OSError as error:
        _discard(sys.stdout)
        with contextlib.suppress(OSError):
            click.echo(f"vern-mock: {error}", err=True)
        sys.exit(1)


def _discard(stream: Any) -> None:
    """Let go what could not be written, or the interpreter fails at it once more when it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click's
    if asked:
        from mock_server.version import version

        click.echo(f"vern-mock {version()}")
        context.exit()


def _end(message: str, code: int = 2) -> NoReturn:
    click.echo(f"vern-mock: {message}", err=True)
    sys.exit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say the version.")
def commands() -> None:
    """A mock of Vern's Preview Migration API that you script with scenarios.

    \b
      vern-mock demo                 see a whole import happen
      vern-mock serve                start the mock
      vern-mock scenarios            what can happen, and how to pick it
      vern-mock scenarios re-park    one scenario, beat by beat
      vern-mock lint my-scenarios/   check scenario files of your own

    Every option can also be given as an environment variable; --help of a command names it.
    """


@commands.command(short_help="Start the mock server.")
@option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@option("--port", "-p", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: a free one.")
@option("--scenario", default=DEFAULTS.scenario, show_default=True, help="For callers that choose none.")
@option("--scenarios", type=FILES, multiple=True, help="Scenario file or folder of your own; repeatable.")
@option(
    "--dialect",
    reads=dialect,
    metavar="NAME",
    default=DEFAULTS.dialect,
    show_default=True,
    help="minimal, extended or random answers; `vern-mock dialects` lists them.",
)
@option("--seed", type=int, default=DEFAULTS.seed, show_default=True, help="Same seed, same ids, names and dates.")
@option("--speed", reads=speed, default="1", show_default=True, help="Session seconds in a real one; 0: frozen.")
@option(
    "--rate-limit",
    reads=rate,
    metavar="N/min|off",
    default="100/min",
    show_default=True,
    help="Calls per key and operation.",
)
@option("--api-key", reads=key, multiple=True, help="Accept this key and no other; repeatable.")
@option("--admin-token", help="Admin calls need the header x-admin-token with this value.")
@option("--no-admin", is_flag=True, help="No admin API at all.")
@option("--watch", is_flag=True, help="Load the files of --scenarios again when they change.")
@option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="One line a call.")
@option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Gets the ready line when it is ready.")
@option("--max-body", reads=size, metavar="SIZE", default="10MB", show_default=True, help="Largest JSON body.")
@option("--max-upload", reads=size, metavar="SIZE", default="200MB", show_default=True, help="Largest uploaded file.")
@option(
    "--max-sessions", type=click.IntRange(1), default=DEFAULTS.max_sessions, show_default=True, help="Then one goes."
)
@option(
    "--session-idle",
    reads=span,
    metavar="DURATION",
    default="1h",
    show_default=True,
    help="Unused so long, it goes.",
)
@option("--stale-after", reads=span, metavar="DURATION", default="1h", show_default=True, help="Then a dead run fails.")
def serve(**given: Any) -> None:
    """Start the mock server; SIGINT and SIGTERM end it.

    It prints one line of JSON with its real address when it accepts connections.

    \b
      vern-mock serve
      vern-mock serve --port 0 --ready-file ready.json
      vern-mock serve --scenario re-park --speed 60
      vern-mock serve --scenarios my-scenarios/ --watch
    """
    gc.disable()  # importing makes nothing but what stays; `serve` enables it again
    from mock_server.server.run import CannotServe, Serving, serve

    settings = Settings(
        scenario=given["scenario"],
        dialect=given["dialect"],
        seed=given["seed"],
        speed=given["speed"],
        rate_limit=given["rate_limit"],
        api_keys=frozenset(given["api_key"]),
        admin=not given["no_admin"],
        admin_token=given["admin_token"] or None,
        max_sessions=given["max_sessions"],
        session_idle=given["session_idle"],
        max_body=given["max_body"],
        max_upload=given["max_upload"],
        stale_after=given["stale_after"],
    )
    serving = Serving(**{name: given[name] for name in Serving.__dataclass_fields__})
    try:
        serve(settings, serving)
    except CannotServe as reason:
        _end(str(reason))


@commands.command(short_help="See a scenario happen.")
@click.argument("scenario", default="re-park")
@option("--scenarios", type=FILES, multiple=True, help="Scenario file or folder of your own; repeatable.")
@option("--play", type=click.IntRange(1), default=1, show_default=True, help="Which of the scenario's plays.")
@option("--speed", reads=speed, metavar="FLOAT", help="Session seconds in a real one.  [default: six seconds in all]")
def demo(scenario: str, scenarios: tuple[Path, ...], play: int, speed: float | None) -> None:
    """Start a server of its own, play SCENARIO against it over HTTP, and show each exchange.

    \b
      vern-mock demo
      vern-mock demo engine-dies
      vern-mock demo reject --play 2
    """
    from mock_server.cli.demo import run

    chosen = _scenario(_world(scenarios), scenario)
    if play > len(chosen.plays):
        raise click.BadParameter(f"{scenario} has {len(chosen.plays)} plays", param_hint="--play")
    sys.exit(run(chosen, chosen.plays[play - 1], scenarios, speed))


@commands.command(short_help="List the scenarios, or describe one.")
@click.argument("name", required=False)
@option("--scenarios", type=FILES, multiple=True, help="Scenario file or folder of your own; repeatable.")
@option("--json", "as_json", is_flag=True, help="As JSON.")
def scenarios(name: str | None, scenarios: tuple[Path, ...], *, as_json: bool) -> None:
    """List the scenarios with their ready companies, or tell what happens in the one called NAME.

    \b
      vern-mock scenarios
      vern-mock scenarios re-park
      vern-mock scenarios --json | jq -r '.scenarios[].name'
    """
    from mock_server.cli import scenarios as listing

    world = _world(scenarios)
    if as_json:
        chosen = world.scenarios if name is None else {name: _scenario(world, name)}
        click.echo(listing.as_json(chosen))
    elif name is not None:
        click.echo(listing.page(_scenario(world, name)))
    elif sys.stdout.isatty():
        click.echo(listing.table(world.scenarios, shutil.get_terminal_size().columns))
    else:
        click.echo(listing.tabbed(world.scenarios))


@commands.command(short_help="Check scenario files.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=FILES)
def lint(paths: tuple[Path, ...]) -> None:
    """Check scenario files, or all files of folders, and say what is wrong where.

    The exit code is 1 when a file cannot be used; a warning (W4xx) alone leaves it at 0.

    \b
      vern-mock lint my-scenario.yaml
      vern-mock lint my-scenarios/ more-scenarios/
    """
    from mock_server.contract import document as contract
    from mock_server.scenarios.loader import complaints, load_catalogue
    from mock_server.server.watch import snapshot

    catalogue = load_catalogue(contract.data("scenarios", "account.yaml"))
    found = complaints(paths, catalogue, contract.clause_ids())
    for complaint in found:
        click.echo(complaint)
    warnings = sum(complaint.is_warning for complaint in found)
    errors = len(found) - warnings
    files = _counted(len({file for file, *_ in snapshot(paths)}), "file")
    click.echo(f"{files}: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}" if found else f"{files}: fine")
    sys.exit(1 if errors else 0)


@commands.command(short_help="Is the server ready?")
@option("--url", help="The server.  [default: http://127.0.0.1 and the port of VERN_MOCK_PORT]")
@option("--port", "-p", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True)
def healthcheck(url: str | None, port: int) -> None:
    """Ask a running server whether it is ready: exit code 0 when it is, 1 when not.

    \b
      vern-mock healthcheck
      vern-mock healthcheck --url http://mock:8376
    """
    from mock_server.cli.healthcheck import look

    try:
        ready, told = look(url or f"http://127.0.0.1:{port}")
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from None
    click.echo(told, err=not ready)
    sys.exit(0 if ready else 1)


for command in (why, replay, audit, coverage):
    commands.add_command(command)
commands.add_command(dialects)


def _world(paths: tuple[Path, ...]) -> World:
    from mock_server.contract.yaml_file import BadFiles
    from mock_server.scenarios.catalog import load_world

    try:
        return load_world(paths)
    except BadFiles as bad:
        _end(f"these scenario files need mending:\n{bad}")


def _scenario(world: World, name: str) -> Scenario:
    from mock_server.scenarios.catalog import UnknownScenario

    try:
        return world.scenario(name)
    except UnknownScenario as wrong:
        _end(str(wrong))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
