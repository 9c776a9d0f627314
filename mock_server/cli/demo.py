"""`vern-mock demo`: a server of its own, one play against it over HTTP, and each exchange on a timeline.

The server's clock stands still but for the play's waits: each is spread over real time and moved on in even ticks, so
that a play shows the same on a slow machine as on a fast one. The server is ended in every case.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from mock_server.cli.arguments import option, scenario_files, speed
from mock_server.cli.scenarios import find_scenario, load
from mock_server.contract.escape import escape, line
from mock_server.contract.nearest import counted
from mock_server.kernel.clock import duration, in_words
from mock_server.player import timeline
from mock_server.player.process import NotStarted, running
from mock_server.player.transport import Transport
from mock_server.preview.partner import play_through
from mock_server.preview.timeline import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mock_server.scenarios.model import Play, Scenario

KEY = "vern-mock-demo"
WAITS = 6.0  # real seconds that all waits of a play take together
TICK = 0.05  # real seconds between two moves of the clock
BAR = 24  # characters of the progress line


class DemoFailed(Exception):
    """The demo cannot be shown, for the reason that is the message."""


@click.command("demo")
@click.argument("scenario", default="re-park")
@scenario_files
@option("--play", type=click.IntRange(1), default=1, help="Show this one of the scenario's plays; 1 is the first.")
@option(
    "--speed",
    reads=speed,
    metavar="FLOAT",
    help="How many seconds of the session pass in a real one.  [default: the play takes six seconds]",
)
def command(scenario: str, scenarios: tuple[Path, ...], play: int, speed: float | None) -> None:
    """Play SCENARIO against a new server over HTTP, and show each exchange.

    \b
      vern-mock demo
      vern-mock demo engine-dies
      vern-mock demo reject --play 2
    """
    chosen = find_scenario(load(scenarios), scenario)
    if play > len(chosen.plays):
        raise click.BadParameter(f"{scenario} has {counted(len(chosen.plays), 'play')}", param_hint="--play")
    sys.exit(_run(chosen, chosen.plays[play - 1], scenarios, speed))


def _run(scenario: Scenario, play: Play, paths: Sequence[Path], speed: float | None) -> int:
    """Show the play; the exit code is 0 when every step saw what it should, else 1."""
    started = time.monotonic()
    waits = sum(duration(step.value) for step in play.steps if step.verb == "wait")
    pace = max(1.0, waits / 1_000 / WAITS) if speed is None else speed
    try:
        with running("--speed", "0", *(part for path in paths for part in ("--scenarios", str(path)))) as server:
            click.echo(f"{click.style(scenario.name, bold=True)}: {line(scenario.title)}")
            click.echo(f"{click.style(f'{line(play.title)}, at {server.url}/api/v1', dim=True)}\n")
            count = _show(scenario, play, server.url, pace)
    except (NotStarted, DemoFailed) as reason:
        what = "the server did not start: " if isinstance(reason, NotStarted) else ""
        click.secho(escape(f"vern-mock: {what}{reason}"), fg="red", err=True)
        return 1
    real = time.monotonic() - started
    took = f"{in_words(waits)} of the run's time, shown in {real:.1f} s" if waits else "no waiting"
    click.echo()
    click.secho(f"Every step saw what it should: {counted(count, 'exchange')}, {took}.", fg="green", bold=True)
    click.echo("Next: `vern-mock scenarios` lists what else can happen, `vern-mock serve` starts the mock.")
    return 0


def _show(scenario: Scenario, play: Play, url: str, pace: float) -> int:
    """Show each step as it happens; the number of exchanges. DemoFailed at the first difference."""
    transport = Transport(url, KEY)
    count = 0
    try:
        for played in play_through(play, scenario, transport, _waiting(transport, pace)):
            for call in played.calls:
                click.echo("\n".join(timeline.exchange(call, played.offset, describe)))
            count += len(played.calls)
            if played.differences:
                step = played.step
                text = step.verb if step.value is None else f"{step.verb}: {step.value}"
                differences = "\n".join(f"  {each}" for each in played.differences)
                where = f"{scenario.path}:{step.line}"
                raise DemoFailed(f"the step `{text}` ({where}) did not see what it should\n{differences}")
    finally:
        transport.close()
    return count


def _waiting(transport: Transport, pace: float) -> Callable[[int], None]:
    """What lets the session's clock pass in even ticks, `pace` session seconds in a real one, and shows it."""
    live, passed = sys.stdout.isatty(), 0

    def wait(milliseconds: int) -> None:
        nonlocal passed
        ticks = max(1, round(milliseconds / 1_000 / pace / TICK)) if pace else 1
        began = time.monotonic()
        moved = 0
        for tick in range(1, ticks + 1):
            if ticks > 1:
                time.sleep(max(0.0, began + tick * TICK - time.monotonic()))
            part = milliseconds * tick // ticks - moved
            call = transport.call("POST", "/_mock/clock/advance", {"by": f"{part}ms"})
            if call.status != 200:
                raise DemoFailed(f"the clock does not move: {call.status} {call.text}")
            moved += part
            if live:
                full = BAR * moved // max(milliseconds, 1)
                face, bar = timeline.face(passed + moved), "━" * full + "╌" * (BAR - full)
                line = click.style(f"{face:>7}  {bar} {in_words(milliseconds)}", dim=True)
                click.echo(f"\r{line}", nl=False)
        passed += milliseconds
        click.echo(("\r\x1b[K" if live else "") + timeline.pause(milliseconds))

    return wait
