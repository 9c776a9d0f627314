"""A request that is to be sent, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import httpx2

if TYPE_CHECKING:
    from conformance.model.results import Exchange


class Unset:
    """The class of `UNSET`: no body was sent."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


@dataclass(frozen=True, slots=True)
class Answer:
    """One exchange as the checks see it; what came is here as it came, and only `text` and `exchange` may be shown."""

    operation: str | None
    """The operationId; None for a URL that is no operation's, such as a signed upload URL."""
    status: int | None
    """None when no whole answer came; `problem` says why."""
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    content: bytes = field(repr=False)
    json: Any = field(repr=False)
    """The body read as JSON; None also when it is no JSON, which `readable` tells."""
    readable: bool
    """Whether the body is JSON in UTF-8."""
    problem: str | None
    """What kept the answer from being read, in a sentence."""
    exchange: Exchange
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    ids: Mapping[str, Any] = field(default_factory=dict)
    """The ids in the path that was asked for, by name."""
    sent: Any = field(default=UNSET, repr=False)
    """The JSON body that was sent; UNSET when there was none."""
    repeated: bool = False
    """A 429 that the client answered by waiting and asking again; it is nobody's verdict."""
    alone: bool = True
    """Whether no other call was under way meanwhile, so that it is known what came before and what after."""
    clean: Callable[[str], str] = field(default=str, repr=False, compare=False)
    """Takes the secrets out of a text that quotes the answer."""

    @property
    def ok(self) -> bool:
        """Whether it is a whole answer of 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The whole body as text, without secrets."""
        return self.clean(self.content.decode("utf-8", "replace"))

    @property
    def media_type(self) -> str:
        """The media type without parameters; empty when none is named."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


JSON_LIMIT = 20_000_000  # bytes of a JSON body


class Key(Enum):
    """Which of the target's keys a call is made with; the value is what stands for it in commands."""

    DEFAULT = "$VERN_API_KEY"
    OTHER = "$OTHER_KEY"
    REVOKED = "$REVOKED_KEY"
    NO_KEY = ""


DEFAULT, OTHER, REVOKED, NO_KEY = Key.DEFAULT, Key.OTHER, Key.REVOKED, Key.NO_KEY
WRONG_KEY = "$WRONG_KEY"  # what stands for a key that a check made up out of a real one


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent, with its secrets, save the key's value."""

    operation: str | None
    """The operationId; None for a URL that is no operation's."""
    method: str
    url: str
    key: Key | str = NO_KEY
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    sent: Any = field(default=UNSET, repr=False)
    query: Mapping[str, Any] = field(default_factory=dict)
    ids: Mapping[str, str | None] = field(default_factory=dict)
    """The ids in the operation's path by name."""
    limit: int = JSON_LIMIT
    download: bool = False
    """Whether its operation succeeds with something else than JSON."""
    gives_upload_url: bool = False
    """Whether the answer of its operation holds a signed URL, which is a secret."""
    signed: bool = False
    """Whether the URL itself is the permission, and a secret."""


def origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port: where the key may go."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def base(url: str) -> httpx2.URL:
    """The base URL of a target; raises ValueError with what is wrong with it."""
    try:
        parsed = httpx2.URL(url.rstrip("/"))
    except httpx2.InvalidURL as error:
        raise ValueError(f"base_url: expected an address such as https://api.example.com/api/v1; {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo or parsed.query or parsed.fragment:
        raise ValueError(
            "base_url: expected http:// or https://, a host and a path, without user, query and fragment, "
            f"such as https://api.example.com/api/v1; got {parsed.scheme or 'no scheme'}://{parsed.host or '(no host)'}"
        )
    return parsed
