"""Asking a server whether it is ready, in one short exchange."""

from __future__ import annotations

from http.client import HTTPException

from mock_server.player.transport import Transport

PATIENCE = 3  # seconds; a probe that waits longer is no probe


def look(url: str) -> tuple[bool, str]:
    """Whether the server at the URL is ready, and one line about it. ValueError when the URL is none."""
    transport = Transport(url, None, timeout=PATIENCE)
    try:
        call = transport.call("GET", "/_mock/health")
    except (OSError, HTTPException) as error:
        return False, f"not ready: {url} does not answer ({error or type(error).__name__})"
    finally:
        transport.close()
    body = call.body if isinstance(call.body, dict) else {}
    if call.status != 200 or body.get("status") != "ready":
        return False, f"not ready: {url} answered {call.status} {call.text[:200]}".rstrip()
    return True, f"ready: vern-mock {body.get('version')} at {url} with {body.get('scenarios')} scenarios"
