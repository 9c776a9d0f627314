"""Asking a running server on the command line: one request to its admin API, and what went wrong in words.

Every command that talks to a running server takes the same options: where it is, whose session, the admin token.
"""

# ruff: noqa: PLC0415 - what a command needs is imported inside it, so that the others start at once

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from mock_server.cli.arguments import option
from mock_server.kernel.settings import DEFAULT_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATIENCE = 70  # seconds; longer than the longest wait that the server offers


class Unreachable(Exception):
    """Nobody answers at the URL; the text says what was tried and what to do."""


class Answered(NamedTuple):
    """A server's answer."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


def ask(
    url: str, key: str | None, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
) -> Answered:
    """One request to the server at the URL; raises Unreachable when nobody answers, ValueError when the URL is none."""
    from http.client import HTTPException

    from mock_server.player.transport import Transport

    transport = Transport(url, key, headers=headers, timeout=PATIENCE)
    try:
        call = transport.call(method, path, body)
    except (OSError, HTTPException) as error:
        raise Unreachable(
            f"{url} does not answer ({error or type(error).__name__}); start it with `vern-mock serve`, or give --url"
        ) from None
    finally:
        transport.close()
    return Answered(call.status, call.headers, call.received)


def of_a_session(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command about one session of a running server: `url`, `api_key` and `admin_token`."""
    for add in (
        option("--admin-token", help="The server's admin token, when it has one."),
        click.option("--api-key", envvar="VERN_API_KEY", show_envvar=True, required=True, help="Whose session."),
        option("--url", default=f"http://127.0.0.1:{DEFAULT_PORT}", show_default=True, help="The running server."),
    ):
        command = add(command)
    return command


def asked(given: Mapping[str, Any], method: str, path: str, body: object = None, *, accept: str = "*/*") -> bytes:
    """The body of a successful answer to a command given these options of `of_a_session`.

    Anything else ends the command with code 2 and the reason.
    """
    url, token = given["url"], given["admin_token"]
    headers = {"accept": accept} | ({"x-admin-token": token} if token else {})
    try:
        answered = ask(url, given["api_key"], method, path, body, headers=headers)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from None
    except Unreachable as reason:
        ended(str(reason))
    if answered.status >= 400:
        ended(f"{url} answered {answered.status}: {_error(answered.body)}")
    return answered.body


def ended(message: str, code: int = 2) -> NoReturn:
    """End the command with the message and the exit code."""
    click.echo(f"vern-mock: {message}", err=True)
    sys.exit(code)


def _error(body: bytes) -> str:
    import json

    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")


@click.command(short_help="Say why an exchange went as it did.")
@click.argument("exchange", metavar="ID")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@of_a_session
def why(exchange: str, form: str, **given: Any) -> None:
    """Explain the exchange whose answer carried `x-mock-request-id: ID`; ID may be `last`.

    The exit code is 1 when there is no such exchange, or it is forgotten.

    \b
      vern-mock why 17 --api-key my-key
      vern-mock why last --api-key my-key --format json
      vern-mock why stray-3 --api-key my-key     a call without an accepted key
    """
    import json
    from urllib.parse import quote

    path = f"/_mock/why/{quote(exchange, safe='')}"
    told = json.loads(asked(given, "GET", path))
    if form == "json":
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        from mock_server.explain.text import text

        click.echo(text(told), nl=False)
    sys.exit(0 if told["found"] else 1)


@click.command(short_help="Re-enact a session from its bundle.")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
def replay(bundle: Path) -> None:
    """Start a server of its own, send it the calls of BUNDLE once more, and compare answer by answer.

    BUNDLE is what `GET /_mock/bundle` gave. The exit code is 0 when all answers are the same, 1 when one differs,
    2 when the bundle cannot be re-enacted.

    \b
      curl -H "x-api-key: my-key" http://127.0.0.1:8376/_mock/bundle > bundle.json
      vern-mock replay bundle.json
    """
    from mock_server.cli.replay import replay as reenacted
    from mock_server.cli.replay import summary
    from mock_server.contract import document as contract
    from mock_server.recording.bundle import BadBundle, opened

    try:
        outcomes = reenacted(opened(bundle.read_bytes(), contract.load().version))
    except BadBundle as bad:
        ended(f"{bundle} cannot be re-enacted: {bad}")
    for line in summary(outcomes):
        click.echo(line)
    sys.exit(1 if any(outcome.differences for outcome in outcomes) else 0)
