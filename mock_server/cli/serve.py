"""`vern-mock serve`: start the mock server with the settings of the command line."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import click

from mock_server.cli import arguments
from mock_server.cli.arguments import end, option, scenario_files
from mock_server.kernel.settings import DEFAULT_PORT, Settings

DEFAULTS = Settings()
FILE_TO_WRITE = click.Path(dir_okay=False, path_type=Path)


def _cleared(context: click.Context, _parameter: click.Parameter, file: Path | None) -> Path | None:
    """Remove, before anything else is done, what an earlier server left, so that nobody takes it for this one's."""
    if file is not None and not context.resilient_parsing:
        try:
            file.unlink(missing_ok=True)
            if not file.parent.is_dir():
                raise NotADirectoryError(f"{file.parent} is no folder")
        except OSError as error:
            end(f"--ready-file {file}: cannot be written ({error.strerror or error})")
    return file


@click.command("serve")
@option("--host", default="127.0.0.1", help="Listen on this address; 0.0.0.0 lets other machines in.")
@option(
    "--port", "-p", type=click.IntRange(0, 65535), default=DEFAULT_PORT, help="Listen on this port; 0 takes a free one."
)
@option("--scenario", default=DEFAULTS.scenario, help="Play this scenario for callers that choose none.")
@scenario_files
@option(
    "--dialect",
    reads=arguments.dialect,
    default=DEFAULTS.dialect,
    help="Answer in another legal way: minimal, extended, random …; `vern-mock dialects` lists them.",
)
@option(
    "--seed",
    type=int,
    default=DEFAULTS.seed,
    help="Make ids, names and dates from this number; the same seed gives the same ones.",
)
@option(
    "--speed",
    reads=arguments.speed,
    default="1",
    help="How many seconds of a session pass in a real one; 0 freezes the clock.",
)
@option(
    "--rate-limit",
    reads=arguments.rate,
    metavar="N/min|off",
    default="100/min",
    help="Answer 429 to more calls than this for one key and operation.",
)
@option(
    "--api-key",
    reads=arguments.key,
    multiple=True,
    help="Accept only this key; repeat the option for several. Without it every key is accepted.",
)
@option(
    "--allowed-host",
    reads=arguments.host_name,
    multiple=True,
    metavar="HOST",
    help="Answer requests for this host name, too; repeat the option for several, * allows any. On a loopback address "
    "the mock answers for localhost, loopback addresses and --host alone, so that no web page can reach it by a name.",
)
@option(
    "--public-url",
    reads=arguments.base_url,
    metavar="URL",
    help="Begin the URLs that the mock makes (of uploads, in the ready line) with this one; for a mock behind a proxy.",
)
@option(
    "--trust-proxy",
    is_flag=True,
    help="Begin them as the headers X-Forwarded-Proto, -Host and -Prefix, or Forwarded, say; for a mock that only a "
    "proxy can reach.",
)
@option(
    "--cors",
    reads=arguments.web_origin,
    multiple=True,
    metavar="ORIGIN",
    help="Let web pages of this origin, such as http://localhost:3000, call the API; repeat the option for several, * "
    "is any. A page shows its API key to everybody, so that this is for a test alone.",
)
@option("--admin-token", help="Refuse admin calls whose header x-admin-token has another value.")
@option("--no-admin", is_flag=True, help="Switch the admin API off.")
@option("--watch", is_flag=True, help="Load the files of --scenarios again whenever they change.")
@option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Write the log, a line for each call, as text or as JSON.",
)
@option(
    "--ready-file",
    type=FILE_TO_WRITE,
    callback=_cleared,
    is_eager=True,
    help="Write the ready line to this file, too, as long as the server is there; a script can wait for it.",
)
@option(
    "--end-with-stdin",
    is_flag=True,
    help="End when standard input ends, too: whoever starts the mock with a pipe there never leaves it behind.",
)
@option(
    "--head-timeout",
    reads=arguments.span,
    default="20s",
    help="Answer 408 and close a connection on which no whole request head came for this long.",
)
@option(
    "--body-timeout", reads=arguments.span, default="60s", help="Answer 408 when nothing of a body came for this long."
)
@option("--max-body", reads=arguments.size, default="10MB", help="Refuse JSON bodies that are larger.")
@option("--max-upload", reads=arguments.size, default="200MB", help="Refuse uploaded files that are larger.")
@option(
    "--max-rows",
    type=click.IntRange(1),
    default=DEFAULTS.max_rows,
    help="Refuse imports of more rows, over all their files; a usual row takes 0.3 KB of memory.",
)
@option("--max-files", type=click.IntRange(1), default=DEFAULTS.max_files, help="Refuse imports of more files.")
@option(
    "--max-uploads",
    type=click.IntRange(1),
    default=DEFAULTS.max_uploads,
    help="Let a session ask for at most this many uploads; more get 413.",
)
@option(
    "--max-upload-bytes",
    reads=arguments.size,
    default="1GB",
    help="Refuse files beyond this size of all those of a session.",
)
@option(
    "--max-memory",
    reads=arguments.size,
    default="1GB",
    help="Close idle sessions while the server occupies more memory than this (Linux only).",
)
@option(
    "--max-sessions",
    type=click.IntRange(1),
    default=DEFAULTS.max_sessions,
    help="Keep at most this many sessions; a new key takes the place of one that is idle, or gets 503.",
)
@option("--session-idle", reads=arguments.span, default="1h", help="Close sessions that were idle for this long.")
@option(
    "--stale-after",
    reads=arguments.span,
    default="1h",
    help="Fail a run whose engine has died when it made no progress for this long.",
)
def command(**given: Any) -> None:
    """Start the mock server; SIGINT, SIGTERM and SIGHUP end it.

    When it accepts connections, it prints one line of JSON with its address (the ready line).

    \b
      vern-mock serve
      vern-mock serve --port 0 --ready-file ready.json
      vern-mock serve --scenario re-park --speed 60
      vern-mock serve --scenarios my-scenarios/ --watch
    """
    gc.disable()  # importing makes nothing but what stays; the server enables it again
    from mock_server.preview.generation import PREVIEW  # noqa: PLC0415 - as above
    from mock_server.server.run import CannotServe, Serving, serve  # noqa: PLC0415 - help and mistakes need none of it

    given |= {"admin": not given["no_admin"], "admin_token": given["admin_token"] or None}
    for name, several in (("api_keys", "api_key"), ("allowed_hosts", "allowed_host"), ("origins", "cors")):
        given[name] = frozenset(given[several])
    given["public_url"] = given["public_url"] and given["public_url"].rstrip("/")
    settings = Settings(**{name: given[name] for name in Settings._fields})
    serving = Serving(**{name: given[name] for name in Serving._fields})
    try:
        serve(settings, serving, PREVIEW)
    except CannotServe as reason:
        end(str(reason))
