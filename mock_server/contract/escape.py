"""Text of any origin as something to look at: what would steer a terminal, or break a document, is shown as its code.

A server's answer, a client's request, a file of somebody's: each may hold escape sequences, nulls, half characters and
marks that turn the direction of writing. Whatever is printed for a person goes through here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mock_server.contract.nearest import counted

_STEERING = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""What steers is listed: of all that does not, `re` would make a table, and take 7 ms of each start for it."""


def escape(text: str) -> str:
    """The text with its line breaks and tabs, and any other control character written as `\\x1b`."""
    return _STEERING.sub(
        lambda found: f"\\x{ord(found[0]):02x}" if found[0] < "\u0100" else f"\\u{ord(found[0]):04x}",
        text.replace("\r\n", "\n"),
    )


def line(text: str) -> str:
    """As `escape`, on one line."""
    return " ".join(escape(text).split())


def lines(texts: Iterable[str]) -> str:
    """As `escape`, each text on a line of its own."""
    return "".join(f"{escape(each).replace(chr(10), ' ')}\n" for each in texts)


def cut(text: str, characters: int) -> str:
    """The beginning of a text, and how much more there is."""
    left = len(text) - characters
    return text if left <= 0 else f"{text[:characters]}… ({counted(left, 'more character')})"
