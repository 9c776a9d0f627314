"""What is kept of an exchange: the answer for the checks, the redacted exchange for the reports.

Keys, whatever an `auth` member holds, and the tokens of signed upload URLs are secrets. They are learned as they are
used, and taken out of every text before it is kept, in whatever way it may quote them.
"""

from __future__ import annotations

import json
import re
import shlex
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus

from conformance.http import values
from conformance.http.messages import WRONG_KEY, Answer, Key, Request
from conformance.model.results import Exchange
from mock_server.contract.redaction import MEMBER, hide_members, is_secret, names_credentials

if TYPE_CHECKING:
    from conformance.http.network import Received


BOUND = 4_096  # characters of a body that are kept
SHORT = 4  # characters; anything shorter is in every text by chance
AUTH = "(credentials)"
TOKEN = "(upload token)"  # noqa: S105 - what stands for one
_SIGNED = re.compile(r"""https?:(?:\\?/){2}[^\s"'<>]+""", re.IGNORECASE)
_UPLOAD_URL = re.compile(r'("upload_url"\s*:\s*")((?:[^"\\]|\\.)*)')


class KnownSecrets:
    """Every secret that is known so far, and the name that stands for it. Threads may share it."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # the longest secret first
        self._lock = threading.Lock()

    def learn(self, secret: str, name: str) -> None:
        """From now on `name` stands for this secret; one that is too short to be told from other text is left."""
        if len(secret) < SHORT or secret in self._names:
            return
        with self._lock:
            names = self._names | {form: self._names.get(form, name) for form in _forms(secret)}
            self._names = {form: names[form] for form in sorted(names, key=len, reverse=True)}

    def learn_credentials(self, body: Any) -> None:
        """Learn the texts under each member that holds credentials."""
        hide_members(body, self._learn_texts)

    def _learn_texts(self, value: Any) -> None:
        match value:
            case str():
                self.learn(value, AUTH)
            case dict() | list():
                for each in value.values() if isinstance(value, dict) else value:
                    self._learn_texts(each)

    def learn_upload(self, url: str) -> None:
        """Learn a signed URL: what follows the last `/` of its path, and its query."""
        self.learn(url, upload_place(url))
        path, _, query = url.partition("?")
        for token in (path.rpartition("/")[2], query, *(value for _, value in parse_qsl(query))):
            if len(token) >= 2 * SHORT:
                self.learn(token, TOKEN)

    def resembles(self, text: str) -> bool:
        """Whether the text has a piece of a secret in it, and so should not be shown."""
        pieces = {text[start : start + SHORT] for start in range(max(1, len(text) - SHORT + 1))}
        return any(piece and piece in secret for piece in pieces for secret in self._names)

    def clean(self, text: str) -> str:
        """The text with a name in the place of each secret."""
        names = self._names
        there = [form for form in names if form in text]  # a pattern of all that are known takes long to make
        return re.sub("|".join(map(re.escape, there)), lambda found: names[found.group()], text) if there else text

    def shown(self, content: bytes, *, gives_upload_url: bool = False) -> str:
        """A body as it may be kept: without secrets, and cut."""
        longest = max(map(len, self._names), default=0)
        # Names may be shorter than secrets, so more than the bound is read: no half secret reaches the kept part.
        text = self.bare(content[: BOUND * (longest // SHORT + 2)], gives_upload_url=gives_upload_url)
        return text if len(text) <= BOUND else f"{text[:BOUND]}… ({len(content):,} bytes in all)"

    def bare(self, content: bytes, *, gives_upload_url: bool = False) -> str:
        """A body without secrets."""
        text = self.clean(content.decode("utf-8", "replace"))
        if gives_upload_url:
            text = _SIGNED.sub(lambda url: upload_place(url.group()), text)
            text = _UPLOAD_URL.sub(lambda found: found.group(1) + upload_place(found.group(2)), text)
        return without_credentials(text)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers as they may be kept."""
        return {
            name: "(hidden)" if is_secret(name) and not value.startswith("$") else self.clean(value)
            for name, value in headers.items()
        }


def upload_place(url: str) -> str:
    """A signed URL up to its token."""
    return url.partition("?")[0].rpartition("/")[0] + "/…"


def without_credentials(text: str) -> str:
    """JSON text with a name in the place of what is held by credentials; what cannot be read is cut before `auth`."""
    if not names_credentials(text.lower().encode()):
        return text
    try:
        body = json.loads(text)
        hidden = hide_members(body, lambda _: AUTH)
    except (ValueError, RecursionError):
        found = MEMBER.search(text)
        return f"{text[: found.end()]} {AUTH}…" if found else text
    return text if hidden == body else json.dumps(hidden)


def _forms(secret: str) -> set[str]:
    """The ways in which a text may quote a secret: as it is, as JSON, in a URL, in Python's words."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
        repr(secret)[1:-1],
    }


class Recorder:
    """Numbers the exchanges and shows each answer to `on_exchange`, one at a time."""

    def __init__(self, secrets: KnownSecrets, on_exchange: Callable[[Answer], None] | None) -> None:
        self._secrets = secrets
        self._on_exchange = on_exchange
        self._number = 0
        self._lock = threading.RLock()

    def record(
        self, request: Request, received: Received, milliseconds: int, *, waited_out: bool, alone: bool = True
    ) -> Answer:
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
                alone=alone,
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
            curl=_curl(request.method, url, headers, None if content is None else self._for_paste(content)),
        )

    def _for_paste(self, content: bytes) -> str:
        """The body as a command line may hold it; of one that is too long the report says how it begins."""
        return "@body" if len(content) > BOUND or len(text := self._secrets.bare(content)) > BOUND else text

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
    if body is not None:
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
        if received.content:
            return values.load(received.content.decode("utf-8")), True, None
        problem = ", got an empty body"
    except UnicodeDecodeError as error:
        problem = f" in UTF-8; byte {error.start} of the body is not UTF-8"
    except json.JSONDecodeError as error:
        kind = received.headers.get("content-type", "")
        got = "" if kind in ("", "application/json") else f", got {kind}"
        problem = f"{got}: {error.msg} at line {error.lineno} column {error.colno}"
    except RecursionError:
        problem = "; the body is nested too deeply to be read"
    except ValueError as error:
        problem = f"; {error}"
    return None, False, f"expected JSON{problem}"
