"""What is kept of an exchange: the answer for the checks, the redacted exchange for the reports.

No secret gets past here.
"""

from __future__ import annotations

import shlex
import threading
from typing import TYPE_CHECKING, Any

from conformance.http.answer import Answer, Unreadable, read
from conformance.http.known_secrets import BOUND, KnownSecrets, upload_place
from conformance.http.request import WRONG_KEY, Key
from conformance.model.results import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.http.network import Received
    from conformance.http.request import Request


class Recorder:
    """Numbers the exchanges and shows each answer to `on_exchange`, one at a time."""

    def __init__(self, secrets: KnownSecrets, on_exchange: Callable[[Answer], None] | None) -> None:
        self._secrets = secrets
        self._on_exchange = on_exchange
        self._number = 0
        self._lock = threading.RLock()

    def record(self, request: Request, received: Received, milliseconds: int, *, waited_out: bool) -> Answer:
        """The answer of an exchange; `waited_out` when the request is repeated because of a 429."""
        status = None if received.problem else received.status
        body, readable, problem = _read(request, received)
        # A URL that the target just gave out becomes a secret before anything is kept.
        if request.gives_upload_url and isinstance(body, dict):
            self._secrets.learn_upload(str(body.get("upload_url", "")))
        problem = self._secrets.clean(problem) if problem else None
        with self._lock:
            self._number += 1
            answer = Answer(
                operation=request.operation,
                status=status,
                headers=received.headers,
                content=received.content,
                json=body,
                readable=readable,
                problem=problem,
                exchange=self._exchange(request, received, milliseconds, problem),
                query=request.query,
                ids=request.ids,
                sent=request.sent,
                repeated=waited_out,
                clean=self._secrets.clean,
            )
            if self._on_exchange is not None:
                self._on_exchange(answer)
        return answer

    def _exchange(self, request: Request, received: Received, milliseconds: int, problem: str | None) -> Exchange:
        url = self._secrets.clean(upload_place(request.url) if request.signed else request.url)
        headers = self._secrets.headers(request.headers)
        if request.key is not Key.NO_KEY:
            headers["x-api-key"] = self._stand_in(request.key)
        content = request.content
        return Exchange(
            number=self._number,
            operation=request.operation,
            method=request.method,
            url=url,
            request_headers=headers,
            request_body=None if content is None else self._secrets.shown(content),
            status=received.status,
            headers=self._secrets.headers(received.headers),
            body=self._secrets.shown(received.content, gives_upload_url=request.gives_upload_url),
            problem=problem,
            milliseconds=milliseconds,
            curl=_curl(request.method, url, headers, self._for_paste(content)),
        )

    def _for_paste(self, content: bytes | None) -> str | None:
        """The body as a command line may hold it; longer than the bound when it is too long for one."""
        if content is None:
            return None
        return "." * (BOUND + 1) if len(content) > BOUND else self._secrets.bare(content)

    def _stand_in(self, key: Key | str) -> str:
        """What stands for a key: a variable, or a made-up key itself where it gives nothing away."""
        if isinstance(key, Key):
            return key.value
        return WRONG_KEY if self._secrets.resembles(key) else key


def _curl(method: str, url: str, headers: Mapping[str, str], body: str | None) -> str:
    """The request as a command to paste; what it is given holds no secret any more."""
    words = ["curl -sS -i", *([] if method == "GET" else [f"-X {method}"]), shlex.quote(url)]
    for name, value in headers.items():
        pair = f"{name}: {value}"
        words.append(f'-H "{pair}"' if value.startswith("$") else f"-H {shlex.quote(pair)}")
    if body is not None and len(body) > BOUND:
        words.append("--data-binary @body")  # too long for a line; the report says how it begins
    elif body is not None:
        words.append(f"--data-binary {shlex.quote(body)}")
    return " ".join(words)


def headers_with_key(headers: Mapping[str, str], key: str | None) -> list[tuple[bytes, bytes]]:
    """The headers as they are sent."""
    sent = {"user-agent": "vern-conformance", "accept": "*/*", "accept-encoding": "identity", **headers}
    if key is not None:
        sent["x-api-key"] = key
    return [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in sent.items()]


def _read(request: Request, received: Received) -> tuple[Any, bool, str | None]:
    """The JSON of an answer, whether there is any, and what keeps it from being read."""
    if received.problem or received.status is None:
        return None, False, received.problem
    if 300 <= received.status < 400:
        return None, False, f"redirected to {received.headers.get('location', 'nowhere')}; not followed"
    if request.operation is None or (request.download and 200 <= received.status < 300):
        return None, False, None
    try:
        return read(received.content, received.headers.get("content-type", "")), True, None
    except Unreadable as error:
        return None, False, str(error)
