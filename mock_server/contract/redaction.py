"""What may not be kept or shown: keys, credentials of connections, tokens of signed URLs. Here they are taken out.

`Secrets` redacts an exchange whose secrets are known; a value that it hides keeps its JSON type, so that a body says
the same to the contract with and without its secrets. Which headers and members are secret is said here alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, NamedTuple

import orjson

HIDDEN = "…"
"""What stands in the place of a secret."""
UNREADABLE = b'"(not kept: it may hold credentials)"'
"""What stands in the place of a body in which a secret cannot be found for certain."""

_MARK = HIDDEN.encode()
SECRET_HEADERS = frozenset(
    ("x-api-key", "authorization", "proxy-authorization", "cookie", "set-cookie", "x-admin-token")
)
"""The headers, in lower case, whose value is a secret."""
_NAMED = re.compile(r"(?i)key|token|secret|password|auth")
_KEY_NAMED = re.compile(r"(?i)(?:^|&)(?:x[-_])?(?:api[-_]?)?key=")
_SIGNED = re.compile(rb"(/uploads\\?/)[^/?\"'\s\\]+")
_TOKEN = re.compile(rb"(?:(?<![0-9A-Za-z_])|(?<=%[0-9A-Fa-f]{2}))[0-9a-f]{32}(?![0-9A-Za-z])")
_TOKENS = 32
"""Characters of a token."""
_ESCAPED = re.compile(rb"\\u00[2-7]")
"""An ASCII character that is written as an escape, which nobody does but to hide a word."""
_CREDENTIALS = re.compile(rb"(?<![a-z])auth(?![a-z])|connections")
_LONGEST = 128
"""Bytes of the longest secret: what a body that was cut may end with is a part of one."""
_SUBSTITUTE = "https://hidden.invalid"


class Secrets(NamedTuple):
    """The secrets of one exchange: the key that it carried, and the tokens of its session's signed URLs."""

    key: str | None = None
    tokens: Container[str] = ()

    def text(self, text: str) -> str:
        """The text without key and tokens."""
        # A quick look that finds every secret, and sometimes something else.
        long = bool(self.tokens) and len(text) >= _TOKENS
        if text.isascii() and not (long or "uploads" in text or (self.key and self.key in text)):
            return text
        return self.bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")

    def query(self, text: str) -> str:
        """A query without what its names call a secret, and without key and tokens."""
        return self.text("&".join(map(_parameter, text.split("&")))) if text else text

    def in_url(self, path: str, query: str) -> bool:
        """Whether the URL holds a key: this one, or a parameter that is called so."""
        url, key = f"{path}?{query}", self.key
        if key and key in url and _word(key.encode()).search(url.encode()):
            return True
        return _KEY_NAMED.search(query) is not None

    def headers(self, pairs: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
        """Headers as text, with names in lower case; the value of a secret one is hidden."""
        named = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in pairs)
        return tuple((self.text(name), HIDDEN if name in SECRET_HEADERS else self.text(value)) for name, value in named)

    def request(self, body: bytes, size: int) -> bytes:
        """The beginning of a request's JSON body, which has `size` bytes, without credentials, key and tokens."""
        plain = body.lower()
        named = (b"auth" in plain or b"connections" in plain) and _CREDENTIALS.search(plain)
        if named or (b"\\u00" in body and _ESCAPED.search(body)):
            body, size = (_bare(body) if size == len(body) else UNREADABLE), 0
        return self.content(body, size)

    def content(self, body: bytes, size: int) -> bytes:
        """The beginning of another body, of a file or an answer, without key and tokens."""
        shown = self.bytes(body)
        return shown[:-_LONGEST] if size > len(body) else shown

    def bytes(self, text: bytes) -> bytes:
        """The bytes without key and tokens."""
        if b"uploads" in text:
            text = _SIGNED.sub(rb"\1" + _MARK, text)
        if self.tokens:
            text = _TOKEN.sub(lambda found: _MARK if found[0].decode() in self.tokens else found[0], text)
        key = (self.key or "").encode()
        return _word(key).sub(_MARK, text) if key and key in text else text


def _parameter(text: str) -> str:
    """A parameter of a query, without its value where its name calls that a secret."""
    name, _, value = text.partition("=")
    return f"{name}={HIDDEN}" if value and _NAMED.search(name) else text


def _word(key: bytes) -> re.Pattern[bytes]:
    """The key as a whole word: a short one may be a part of innocent words."""
    return re.compile(rb"(?<![\w.-])" + re.escape(key) + rb"(?![\w.-])" if len(key) < 12 else re.escape(key))


def _bare(body: bytes) -> bytes:
    """A whole JSON body without credentials, written anew so that nothing is left between its lines."""
    try:
        return orjson.dumps(hide_members(orjson.loads(body), {"auth": _hidden, "connections": _guarded}))
    except (ValueError, TypeError, RecursionError):  # malformed, or nested too deeply
        return UNREADABLE


def hide_members(value: Any, hide: Mapping[str, Callable[[Any], Any]]) -> Any:
    """The JSON value with what members of these names (in lower case) hold replaced by what `hide` makes of it."""
    match value:
        case dict():
            return {
                name: (hide[name.casefold()](each) if name.casefold() in hide else hide_members(each, hide))
                for name, each in value.items()
            }
        case list():
            return [hide_members(each, hide) for each in value]
    return value


def _guarded(value: Any) -> Any:
    """What `connections` holds without credentials, and without the names that the contract does not know."""
    if isinstance(value, list):
        return [_guarded(each) for each in value]
    if not isinstance(value, dict):
        return _hidden(value)
    bare: dict[str, Any] = {}
    for name, each in value.items():
        if name == "destination":
            bare[name] = _guarded(each)
        elif name == "base_url" and isinstance(each, str):
            bare[name] = _SUBSTITUTE if "@" in each or "?" in each else each
        else:
            bare[name if name.casefold() == "auth" else HIDDEN] = _hidden(each)
    return bare


def _hidden(value: Any) -> Any:
    """A value of the same JSON type that tells nothing."""
    blank = {int: 0, float: 0, str: HIDDEN, dict: {HIDDEN: HIDDEN}, list: [HIDDEN]}
    return blank.get(type(value), value) if value or isinstance(value, float) else value
