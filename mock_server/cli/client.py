"""Asking a running server on the command line: one request to its admin API, and what went wrong in words.

Every command that talks to a running server takes the same options: where it is, whose session, the admin token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

import click

from mock_server.cli.arguments import end, option
from mock_server.kernel.settings import DEFAULT_PORT
from mock_server.player.transport import Transport

PATIENCE = 70  # seconds; longer than the longest wait that the server offers


def server_options(api_key: str, **attributes: Any) -> Callable[[Any], Any]:
    """The options of a command that asks a running server: `url`, `api_key` with this help, `admin_token`."""

    def add(command: Any) -> Any:
        command = option("--admin-token", help="Send this admin token; required when the server has one.")(command)
        key = click.option("--api-key", envvar="VERN_API_KEY", show_envvar=True, help=api_key, **attributes)
        default = f"http://127.0.0.1:{DEFAULT_PORT}"
        return option("--url", default=default, help="Ask the server at this address.")(key(command))

    return add


def call_admin(given: Mapping[str, Any], method: str, path: str) -> bytes:
    """The body of a successful answer to a command that was given these `server_options`.

    Anything else ends the command with code 2 and the reason.
    """
    url, token = given["url"], given["admin_token"]
    try:
        transport = Transport(
            url, given["api_key"], headers={"x-admin-token": token} if token else {}, timeout=PATIENCE
        )
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from None
    try:
        call = transport.call(method, path)
    except (OSError, HTTPException) as error:
        end(f"{url} does not answer ({error}); start it with `vern-mock serve`, or give --url")
    finally:
        transport.close()
    if call.status >= 400:
        try:
            reason = json.loads(call.received)["error"]
        except (ValueError, KeyError, TypeError):
            reason = call.received[:200].decode("utf-8", "replace")
        end(f"{url} answered {call.status}: {reason}")
    return call.received
