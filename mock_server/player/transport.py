"""One caller's connection to a server: real HTTP over one kept-alive connection, every exchange kept as a value.

It uses the standard library alone and knows nothing of the server behind the URL. A request is sent once: whether a
kept connection still stands is looked at before it is used, so that nothing has to be repeated blindly.
"""

from __future__ import annotations

import json
import select
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection, InvalidURL
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TIMEOUT = 60  # real seconds for one answer; a long CSV streams within it


class Call(NamedTuple):
    """One request and its answer."""

    method: str
    path: str
    """With its query."""
    sent: bytes | None
    status: int
    """0 when no whole answer came; `received` then says why."""
    headers: Mapping[str, str]
    """Names in lower case."""
    received: bytes

    @property
    def media_type(self) -> str:
        """The answer's media type without parameters; empty when it names none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def body(self) -> Any:
        """The answer as JSON; None when it is something else."""
        return _json(self.received) if self.media_type == "application/json" else None

    @property
    def asked(self) -> Any:
        """The request's body as JSON; None when there is none or it is something else."""
        return _json(self.sent) if self.sent else None

    @property
    def text(self) -> str:
        """The answer's body as text."""
        return self.received.decode("utf-8", "replace")


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):  # malformed, or nested too deeply
        return None


class Transport:
    """A caller with one key at one server."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r}: expected an address such as http://127.0.0.1:8376")
        connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        try:
            self._connection = connection(parts.hostname, parts.port, timeout=timeout)
        except InvalidURL as error:
            raise ValueError(str(error)) from None
        self._headers = dict(headers or {})
        if key is not None:
            self._headers["x-api-key"] = key

    def call(self, method: str, path: str, body: object = None) -> Call:
        """Send a request, with `body` as JSON when one is given."""
        if body is None:
            return self.send(method, path, None, self._headers)
        sent = json.dumps(body).encode()
        return self.send(method, path, sent, {**self._headers, "content-type": "application/json"})

    def send(self, method: str, path: str, sent: bytes | None, headers: Mapping[str, str]) -> Call:
        """Send these bytes with exactly these headers; the key is not added."""
        kept = self._connection.sock
        if kept is not None and select.select([kept], [], [], 0)[0]:  # readable though nothing was asked: it was closed
            self._connection.close()
        try:
            self._connection.request(method, path, body=sent, headers=dict(headers))
            response = self._connection.getresponse()
            received = response.read()
        except BaseException:
            self._connection.close()  # half an exchange must not be taken for the next answer
            raise
        answered = {name.lower(): value for name, value in response.getheaders()}
        return Call(method, path, sent, response.status, answered, received)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close()
