"""What may not be kept or shown: keys, credentials of connections, tokens of signed URLs. Here they are taken out.

`Secrets` redacts an exchange whose secrets are known; a value that it hides keeps its JSON type, so that a body says
the same to the contract with and without its secrets. Which headers and members are secret is said here alone.
"""

from __future__ import annotations

import re
from base64 import b64decode
from codecs import getincrementaldecoder
from collections.abc import Callable, Container, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson

HIDDEN = "…"
"""What stands in the place of a secret."""
UNREADABLE = b'"(not kept: it may hold credentials)"'
"""What stands in the place of a body in which a secret cannot be found for certain."""

_MARK = HIDDEN.encode()
_OF_WHAT = ("api", "access", "private", "signing", "client", "ssh", "x")
_KEYS = [f"{of}{sign}key" for of in _OF_WHAT for sign in ("", "_", "-", " ")]
_WORDS = ["passw", "passphrase", "passcode", "pwd", "secret", "token", "credential", "bearer", "cookie", "jwt"]
_AUTH = "auth(?!or(?!i[sz])|entic(?!at))"
_NAMES = "|".join([*_WORDS, *_KEYS, _AUTH])
_PLAIN_WORDS = [word.encode() for word in (*_WORDS, "connections")]
_PLAIN_KEYS = [word.encode() for word in (*_KEYS, '"key"')]
_PLAIN_AUTH = re.compile(_AUTH.encode())
_CREDENTIAL = re.compile(f"{_NAMES}|^key$", re.IGNORECASE)
"""What the name of a member says that holds a credential, whether the contract knows it or not."""
MEMBER = re.compile(f'"[^"]{{0,60}}(?:{_NAMES})[^"]{{0,60}}"\\s*:', re.IGNORECASE)
"""The name of such a member in a text of JSON."""
_SECRET = re.compile(f"{_NAMES}|key|cred|session|signature|sig$", re.IGNORECASE)
"""What the name of a header or of a query's parameter says whose value is a secret."""
_NO_SECRETS = frozenset(("idempotency-key", "idempotency_key", "sec-websocket-key"))
_KEY_NAMED = re.compile(r"(?i)(?:^|&)(?:x[-_])?(?:api[-_]?)?key=")
_SIGNED = re.compile(rb"(/uploads(?:\\?/)+)[^/?\"'\s\\]+")
_TOKEN = re.compile(rb"(?<![0-9A-Za-z_])[0-9a-f]{32}(?![0-9A-Za-z])")
_TOKENS = 32
"""Characters of a token."""
_ESCAPED = re.compile(rb"(?i)\\u00[2-7]|%(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])")
"""A letter that is written as an escape, which nobody does but to hide a word."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\s-]{8,}=*\s*")
_HINTS = r"eyJ|[spr]k[_-]|whsec_|gh[ops]_|github_pat_|glpat-|xox|AKIA|ASIA|AIza|ya29\.|earer "
_HINT, _HINT_IN_BYTES = re.compile(_HINTS), re.compile(_HINTS.encode())
_SHAPED = re.compile(
    r"(?<![A-Za-z0-9])(?:eyJ[\w-]{10,}(?:\.[\w-]*){0,2}|(?:[spr]k[_-]|whsec_|gh[ops]_|github_pat_|glpat-|xox[a-z]-)"
    r"(?=[\w-]*[0-9])[\w-]{12,}|(?:AKIA|ASIA|AIza|ya29\.)[\w-]{12,}|(?i:bearer) [\w.~+/=-]{12,})",
    re.ASCII,
)
"""What looks like a token of a well-known make, wherever it stands."""
_WORD = re.compile(r"[\w.-]{6,}", re.ASCII)
_RANDOM = re.compile(r"(?<!\w)(?=\w*[0-9])(?:(?=\w*[a-z])(?=\w*[A-Z])\w{16}|(?=\w*[A-Za-z])[^\W_]{32})", re.ASCII)
"""A word, or a part of one between signs, that nobody made up: what may be a key of any make."""
_OPEN = re.compile(r"^(?:accept|content-|host$|date$|prefer)|trace|request-id|correlation")
"""The headers whose value is no secret, however random."""
_LONGEST = 128
"""Bytes of the longest secret: what a body that was cut may end with is a part of one."""
_SUBSTITUTE = "https://hidden.invalid"
_URL = re.compile(r"[A-Za-z][\w+.-]*:\S*$")
_ADDRESS = re.compile(r"https?://[\w.-]+(?::[0-9]+)?(?:/[\w./~-]*)?", re.ASCII)
"""A URL without a place for credentials."""


def is_secret(name: str) -> bool:
    """Whether the value of a header or a query's parameter of this name is a secret, a key under another name say."""
    return name.lower() not in _NO_SECRETS and _SECRET.search(name) is not None


class Secrets(NamedTuple):
    """The secrets of one exchange: the key that it carried, and the tokens of its session's signed URLs."""

    key: str | None = None
    tokens: Container[str] = ()
    keys: Container[str] = ()
    """The keys of everybody."""
    guess: bool = False
    """Whether what may be a key is to be taken for one, as where the words are not those of the contract."""

    def text(self, text: str) -> str:
        """The text without key and tokens."""
        # A quick look that finds every secret, and sometimes something else.
        long = bool(self.tokens) and len(text) >= _TOKENS
        if not text.isascii() or long or "uploads" in text or (self.key and self.key in text):
            text = self.bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
        return self._without_shapes(text)

    def _without_shapes(self, text: str) -> str:
        if _HINT.search(text):
            text = _SHAPED.sub(HIDDEN, text)
        return _WORD.sub(self._guessed, text) if self.guess else text

    def _guessed(self, found: re.Match[str]) -> str:
        return HIDDEN if found[0] in self.keys or _RANDOM.search(found[0]) else found[0]

    def query(self, text: str) -> str:
        """A query without what its names call a secret, without key and tokens, and without what looks like one."""
        strict = self._replace(guess=True)
        return "&".join(map(strict.parameter, text.split("&"))) if text else text

    def parameter(self, text: str) -> str:
        """One parameter of a query; a cursor is no secret, however random."""
        name, _, value = text.partition("=")
        if value and is_secret(name):
            return f"{self.text(name)}={HIDDEN}"
        if name == "cursor":
            return self._replace(guess=False).text(text)
        plain = unquote(value) if "%" in value else value
        return self.text(text) if plain == value or self.text(plain) == plain else f"{self.text(name)}={HIDDEN}"

    def in_url(self, path: str, query: str) -> bool:
        """Whether the URL holds a key: this one, or a parameter that is called so."""
        url, key = f"{path}?{query}", self.key
        if key and key in url and _word(key.encode()).search(url.encode()):
            return True
        return _KEY_NAMED.search(query) is not None

    def headers(self, pairs: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
        """Headers as text, with names in lower case; the value of a secret one is hidden."""
        named = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in pairs)
        strict, plain = self._replace(guess=True), self._replace(guess=False)
        return tuple(
            (strict.text(name), HIDDEN if is_secret(name) else (plain if _OPEN.search(name) else strict).text(value))
            for name, value in named
        )

    def request(self, body: bytes, size: int) -> bytes:
        """The beginning of a request's JSON body, which has `size` bytes, without credentials, key and tokens.

        Of what is no JSON, or cannot be read, nothing is kept that may hold a credential.
        """
        whole = size == len(body)
        if not _is_text(body, whole=whole) or (whole and _BASE64.fullmatch(body) and _hides_text(body)):
            return UNREADABLE
        if names_credentials(body.lower()) or ((b"\\" in body or b"%" in body) and _ESCAPED.search(body)):
            body, size = (_bare(body) if whole else UNREADABLE), 0
        return self.content(body, size)

    def content(self, body: bytes, size: int) -> bytes:
        """The beginning of another body, of a file or an answer, without key and tokens."""
        shown = self.bytes(body)
        if self.guess or _HINT_IN_BYTES.search(shown):
            text = shown.decode("utf-8", "surrogateescape")
            shown = self._without_shapes(text).encode("utf-8", "surrogateescape")
        return shown[:-_LONGEST] if size > len(body) else shown

    def bytes(self, text: bytes) -> bytes:
        """The bytes without key and tokens."""
        if b"uploads" in text:
            text = _SIGNED.sub(rb"\1" + _MARK, text)
        if self.tokens:
            text = _TOKEN.sub(lambda found: _MARK if found[0].decode() in self.tokens else found[0], text)
        key = (self.key or "").encode()
        return _word(key).sub(_MARK, text) if key and key in text else text


def _word(key: bytes) -> re.Pattern[bytes]:
    """The key as a whole word: a short one may be a part of innocent words."""
    return re.compile(rb"(?<![\w.-])" + re.escape(key) + rb"(?![\w.-])" if len(key) < 12 else re.escape(key))


def _is_text(body: bytes, *, whole: bool) -> bool:
    """Whether the body, or the beginning of one, can be read as it stands: nothing compressed, and no UTF-16."""
    try:
        getincrementaldecoder("utf-8")().decode(body, final=whole)
    except UnicodeDecodeError:
        return False
    return b"\0" not in body


def _hides_text(body: bytes) -> bool:
    """Whether what looks like base64 is some, of a text or of what was compressed."""
    try:
        read = b64decode(body.translate(bytes.maketrans(b"-_", b"+/"), b" \r\n\t=") + b"==")
    except ValueError:
        return False
    return _is_text(read, whole=True) or read[:2] in {b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff"} or b"\0" in read


def names_credentials(plain: bytes) -> bool:
    """Whether the text, in lower case, has a word in it by which a member that holds credentials may be called."""
    if any(word in plain for word in _PLAIN_WORDS) or (b"auth" in plain and _PLAIN_AUTH.search(plain)):
        return True
    return b"key" in plain and any(word in plain for word in _PLAIN_KEYS)


def _bare(body: bytes) -> bytes:
    """A whole JSON body without credentials, written anew where it has some, so that nothing is left between lines."""
    found: list[Any] = []

    def hide(value: Any) -> Any:
        found.append(value)
        return _hidden(value)

    def guard(value: Any) -> Any:
        found.append(value)
        return _guarded(value)

    try:
        bare = hide_members(orjson.loads(body), hide, guard)
        return orjson.dumps(bare) if found else body
    except (ValueError, TypeError, RecursionError):  # malformed, or nested too deeply
        return UNREADABLE


def hide_members(value: Any, hide: Callable[[Any], Any], guard: Callable[[Any], Any] | None = None) -> Any:
    """The JSON value with what members hold whose name says credentials replaced by what `hide` makes of it.

    `guard` does so for what `connections` hold, where it is given.
    """

    def shown(name: str, each: Any) -> Any:
        if guard is not None and name.casefold() == "connections":
            return guard(each)
        return hide(each) if _CREDENTIAL.search(name) else hide_members(each, hide, guard)

    match value:
        case dict():
            return {name: shown(name, each) for name, each in value.items()}
        case list():
            return [hide_members(each, hide, guard) for each in value]
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
            bare[name] = each if _ADDRESS.fullmatch(each) else _SUBSTITUTE if _URL.match(each) else HIDDEN
        else:
            bare[name if name.casefold() == "auth" else HIDDEN] = _hidden(each)
    return bare


def _hidden(value: Any) -> Any:
    """A value of the same JSON type that tells nothing."""
    blank = {int: 0, float: 0, str: HIDDEN, dict: {HIDDEN: HIDDEN}, list: [HIDDEN]}
    return blank.get(type(value), value) if value or isinstance(value, float) else value
