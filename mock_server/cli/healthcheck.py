"""`vern-mock healthcheck`: ask a server whether it is ready, in one short exchange."""

from __future__ import annotations

import sys
from http.client import HTTPException

import click

from mock_server.cli.arguments import option, tell
from mock_server.contract.escape import line
from mock_server.contract.nearest import counted
from mock_server.kernel.settings import DEFAULT_PORT
from mock_server.player.transport import Transport

PATIENCE = 3  # seconds; a probe that waits longer is no probe


@click.command("healthcheck")
@option("--url", help="Ask the server at this address.  [default: http://127.0.0.1 and the port]")
@option("--port", "-p", type=click.IntRange(1, 65535), default=DEFAULT_PORT, help="Ask the server at this port.")
def command(url: str | None, port: int) -> None:
    """Ask a server whether it is ready. The exit code is 0 when it is, else 1.

    \b
      vern-mock healthcheck
      vern-mock healthcheck --url http://mock:8376
    """
    url = url or f"http://127.0.0.1:{port}"
    try:
        transport = Transport(url, None, timeout=PATIENCE)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from None
    ready = False
    try:
        call = transport.call("GET", "/_mock/health")
    except (OSError, HTTPException, ValueError) as error:
        text = f"not ready: {url} does not answer ({error})"
    else:
        body = call.body if isinstance(call.body, dict) else {}
        ready = call.status == 200 and body.get("status") == "ready"
        there = f"vern-mock {body.get('version')} at {url} with {counted(body.get('scenarios', 0), 'scenario')}"
        text = f"ready: {there}" if ready else f"not ready: {url} answered {call.status} {call.text[:200]}".rstrip()
    finally:
        transport.close()
    tell(line(text), err=not ready)
    sys.exit(0 if ready else 1)
