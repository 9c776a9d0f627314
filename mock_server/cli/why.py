"""`vern-mock why`: explain one exchange of a running server."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import quote

import click

from mock_server.cli.arguments import tell
from mock_server.cli.client import ask, server_options
from mock_server.explain.text import text


@click.command("why")
@click.argument("exchange", metavar="ID")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@server_options("Ask about the session of this key.", required=True)
def command(exchange: str, form: str, **given: Any) -> None:
    """Explain why an exchange was answered as it was. ID is the x-mock-request-id of its answer, or `last`.

    The exit code is 1 when the server has no exchange with that ID, or has forgotten it, and 2 when an option is wrong
    or no server answers as this vern-mock does.

    \b
      vern-mock why 17 --api-key my-key
      vern-mock why last --api-key my-key --format json
      vern-mock why stray-3 --api-key my-key     # a call without an accepted key
    """
    path = f"/_mock/why/{quote(exchange, safe='')}"
    explanation = ask(given, path, "why")
    tell(json.dumps(explanation, indent=2) if form == "json" else text(explanation).rstrip("\n"))
    sys.exit(0 if explanation["found"] else 1)
