"""What must never be stored or shown, and what stands in its place.

Keys, whatever an `auth` member holds, and the tokens of signed upload URLs are secrets. They are learned as they are
used, and taken out of every text before it is kept, in whatever way it may quote them.
"""

from __future__ import annotations

import json
import re
import shlex
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BOUND = 4_096  # characters of a body that are kept
SHORT = 4  # characters; anything shorter is in every text by chance
AUTH = "(credentials)"
TOKEN = "(upload token)"  # noqa: S105 - what stands for one
_HEADERS = {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"}
_SIGNED = re.compile(r"""https?:(?:\\?/){2}[^\s"'<>]+""", re.IGNORECASE)
_UPLOAD_URL = re.compile(r'("upload_url"\s*:\s*")((?:[^"\\]|\\.)*)')


class Secrets:
    """Every secret that is known so far, and the name that stands for it. Threads may share it."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def learn(self, secret: str, name: str) -> None:
        """From now on `name` stands for this secret; one that is too short to be told from other text is left."""
        if len(secret) < SHORT or secret in self._names:
            return
        with self._lock:
            names = self._names | {form: self._names.get(form, name) for form in _forms(secret)}
            longest_first = sorted(names, key=len, reverse=True)
            self._names = names  # first, for whoever cleans meanwhile: every match of a pattern must have a name
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def learn_credentials(self, body: Any) -> None:
        """Learn the texts under each `auth` member."""
        for text in _credentials(body, inside=False):
            self.learn(text, AUTH)

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
        pattern, names = self._pattern, self._names
        return pattern.sub(lambda found: names[found.group()], text) if pattern else text

    def shown(self, content: bytes, operation: str | None = None) -> str:
        """A body as it may be kept: without secrets, and cut."""
        longest = max(map(len, self._names), default=0)
        # Names may be shorter than secrets, so more than the bound is read: no half secret reaches the kept part.
        text = self.bare(content[: BOUND * (longest // SHORT + 2)], operation)
        return text if len(text) <= BOUND else f"{text[:BOUND]}… ({len(content):,} bytes in all)"

    def bare(self, content: bytes, operation: str | None = None) -> str:
        """A body without secrets."""
        text = self.clean(content.decode("utf-8", "replace"))
        if operation == "request_upload":
            text = _SIGNED.sub(lambda url: upload_place(url.group()), text)
            text = _UPLOAD_URL.sub(lambda found: found.group(1) + upload_place(found.group(2)), text)
        return without_credentials(text)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers as they may be kept."""
        return {
            name: "(hidden)" if name.lower() in _HEADERS and not value.startswith("$") else self.clean(value)
            for name, value in headers.items()
        }


def upload_place(url: str) -> str:
    """A signed URL up to its token."""
    return url.partition("?")[0].rpartition("/")[0] + "/…"


def without_credentials(text: str) -> str:
    """JSON text with a name in the place of what each `auth` member holds; what cannot be read is cut before one."""
    if "auth" not in text:
        return text
    try:
        body = json.loads(text)
        hidden = _hidden(body)
    except (ValueError, RecursionError):
        head, found, _ = text.partition('"auth"')
        return f'{head}"auth": {AUTH}…' if found else text
    return text if hidden == body else json.dumps(hidden)


def curl(method: str, url: str, headers: Mapping[str, str], body: str | None) -> str:
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


def _credentials(value: Any, *, inside: bool) -> Iterator[str]:
    match value:
        case str() if inside:
            yield value
        case dict():
            for name, each in value.items():
                yield from _credentials(each, inside=inside or name == "auth")
        case list():
            for each in value:
                yield from _credentials(each, inside=inside)


def _hidden(value: Any) -> Any:
    match value:
        case dict():
            return {name: AUTH if name == "auth" else _hidden(each) for name, each in value.items()}
        case list():
            return [_hidden(each) for each in value]
    return value
