"""The secrets that the suite has used so far, and the names that stand for them in what it keeps.

Keys, whatever an `auth` member holds, and the tokens of signed upload URLs are secrets. They are learned as they are
used, and taken out of every text before it is kept, in whatever way it may quote them.
"""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus

from mock_server.contract.redaction import SECRET_HEADERS, hide_members

if TYPE_CHECKING:
    from collections.abc import Mapping

BOUND = 4_096  # characters of a body that are kept
SHORT = 4  # characters; anything shorter is in every text by chance
AUTH = "(credentials)"
TOKEN = "(upload token)"  # noqa: S105 - what stands for one
_SIGNED = re.compile(r"""https?:(?:\\?/){2}[^\s"'<>]+""", re.IGNORECASE)
_UPLOAD_URL = re.compile(r'("upload_url"\s*:\s*")((?:[^"\\]|\\.)*)')


class KnownSecrets:
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
        hide_members(body, {"auth": self._learn_texts})

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
        pattern, names = self._pattern, self._names
        return pattern.sub(lambda found: names[found.group()], text) if pattern else text

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
            name: "(hidden)" if name.lower() in SECRET_HEADERS and not value.startswith("$") else self.clean(value)
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
        hidden = hide_members(body, {"auth": lambda _: AUTH})
    except (ValueError, RecursionError):
        head, found, _ = text.partition('"auth"')
        return f'{head}"auth": {AUTH}…' if found else text
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
