"""An answer: what was asked, what came, and what is wrong with it before anybody looks at its meaning.

`status` is None whenever no whole answer came, so that no check can take half of one for a verdict.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.model.results import Exchange


class Unset:
    """The class of `UNSET`: no body was sent."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


def unchanged(text: str) -> str:
    """The text as it is: what an answer is cleaned with where nobody knows of a secret."""
    return text


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
    clean: Callable[[str], str] = field(default=unchanged, repr=False, compare=False)
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


class Unreadable(Exception):
    """The body is no JSON; the message says why, and quotes nothing."""


def read(content: bytes, media_type: str) -> Any:
    """The body as JSON; raises Unreadable."""
    if not content:
        raise Unreadable("expected JSON, got an empty body")
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise Unreadable(f"expected JSON in UTF-8; byte {error.start} of the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        kind = "" if media_type in ("", "application/json") else f", got {media_type}"
        raise Unreadable(f"expected JSON{kind}: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise Unreadable("expected JSON; the body is nested too deeply to be read") from None
    except ValueError as error:
        raise Unreadable(f"expected JSON; {error}") from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
