"""`vern-mock why`: explain one exchange of a running server."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import quote

import click

from mock_server.cli.client import call_admin, server_options
from mock_server.explain.text import text


@click.command("why")
@click.argument("exchange", metavar="ID")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@server_options("Ask about the session of this key.", required=True)
def command(exchange: str, form: str, **given: Any) -> None:
    """Explain why an exchange was answered as it was. ID is the x-mock-request-id of its answer, or `last`.

    The exit code is 1 when the server has no exchange with that ID, or has forgotten it.

    \b
      vern-mock why 17 --api-key my-key
      vern-mock why last --api-key my-key --format json
      vern-mock why stray-3 --api-key my-key     # a call without an accepted key
    """
    path = f"/_mock/why/{quote(exchange, safe='')}"
    explanation = json.loads(call_admin(given, "GET", path))
    if form == "json":
        click.echo(json.dumps(explanation, indent=2, ensure_ascii=False))
    else:
        click.echo(text(explanation), nl=False)
    sys.exit(0 if explanation["found"] else 1)
