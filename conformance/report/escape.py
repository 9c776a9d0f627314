"""Text of any origin as something to look at: what would steer a terminal, or break a document, is shown as its code.

An answer is the target's to write: it may hold escape sequences, nulls, half characters and marks that turn the
direction of writing.
"""

from __future__ import annotations

import html
import re

from mock_server.contract.nearest import counted

_STEERING = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u200d\u2010-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_MARKUP = re.compile(r"[\\`*_\[\]#|~$]|^[-+=]")
"""What begins markup, anywhere or at the start of a line; `&`, `<` and `>` are escaped as HTML."""
_NUMBERED = re.compile(r"^(\d+)([.)])")


def escape(text: str) -> str:
    """The text with its line breaks and tabs, and any other control character written as `\\x1b`."""
    return _STEERING.sub(
        lambda found: f"\\x{ord(found[0]):02x}" if found[0] < "\u0100" else f"\\u{ord(found[0]):04x}",
        text.replace("\r\n", "\n"),
    )


def line(text: str) -> str:
    """As `escape`, on one line."""
    return " ".join(escape(text).split())


def cut(text: str, characters: int) -> str:
    """The beginning of a text, and how much more there is."""
    left = len(text) - characters
    return text if left <= 0 else f"{text[:characters]}… ({counted(left, 'more character')})"


def as_html(text: str) -> str:
    """As `escape`, for HTML and XML."""
    return html.escape(escape(text))


def as_markdown(text: str, characters: int) -> str:
    """The beginning of a text, for a line or table cell of Markdown in which it means nothing but itself."""
    marked = _MARKUP.sub(r"\\\g<0>", html.escape(cut(line(text), characters), quote=False))
    return _NUMBERED.sub(r"\1\\\2", marked)
