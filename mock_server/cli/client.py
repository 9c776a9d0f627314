"""Asking a running server on the command line: one request to its admin API, and what went wrong in words.

Every command that talks to a running server takes the same options: where it is, whose session, the admin token.
"""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mock_server.cli.arguments import end, option
from mock_server.kernel.settings import DEFAULT_PORT
from mock_server.player.transport import Transport

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
        option("--admin-token", help="Send this admin token; required when the server has one."),
        click.option(
            "--api-key",
            envvar="VERN_API_KEY",
            show_envvar=True,
            required=True,
            help="Ask about the session of this key.",
        ),
        option(
            "--url",
            default=f"http://127.0.0.1:{DEFAULT_PORT}",
            show_default=True,
            help="Ask the server at this address.",
        ),
    ):
        command = add(command)
    return command


def call_admin(given: Mapping[str, Any], method: str, path: str, body: object = None, *, accept: str = "*/*") -> bytes:
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
        end(str(reason))
    if answered.status >= 400:
        end(f"{url} answered {answered.status}: {_error(answered.body)}")
    return answered.body


def _error(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")
