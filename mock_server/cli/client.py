"""Asking a running server on the command line: one request to its admin API, and what went wrong in words.

Every command that talks to a running server takes the same options: where it is, whose session, the admin token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

import click
import jsonschema_rs

from mock_server.cli.arguments import end, option
from mock_server.contract.escape import line
from mock_server.contract.messages import complaint
from mock_server.contract.yaml_schema import load_schema
from mock_server.kernel.settings import DEFAULT_PORT
from mock_server.player.transport import Transport

PATIENCE = 70  # seconds; longer than the longest wait that the server offers
LONGEST = 1_000  # characters of a reason


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
    except ValueError:  # which may show the key
        end(f"{url} cannot be asked: the address, the key or the token holds characters that HTTP does not take")
    except (OSError, HTTPException) as error:
        end(f"{url} does not answer ({line(str(error))}); start it with `vern-mock serve`, or give --url")
    finally:
        transport.close()
    if call.status >= 400:
        told = call.body.get("error") if isinstance(call.body, dict) else None
        end(f"{url} answered {call.status}: {line(told if isinstance(told, str) else call.text)[:LONGEST]}")
    return call.received


def ask(given: Mapping[str, Any], path: str, schema: str) -> Any:
    """The JSON of such an answer; one that the schema of that name does not take ends the command with code 2."""
    raw, shape = call_admin(given, "GET", path), load_schema(schema)
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError) as error:
        end(f"{given['url']} answered with no JSON ({line(str(error))}); is it another server, or a proxy?")
    if (wrong := complaint(jsonschema_rs.Draft202012Validator(shape), answer, shape)) is not None:
        end(f"{given['url']} answered with something else than this vern-mock does: {line(wrong)}")
    return answer
