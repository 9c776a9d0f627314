"""Text of any origin in a document: nothing in it is markup, and what would steer a terminal is shown as its code."""

from __future__ import annotations

import html
import re

from mock_server.contract.escape import cut, escape, line

_MARKUP = re.compile(r"[\\`*_\[\]#|~$]|^[-+=]")
"""What begins markup, anywhere or at the start of a line; `&`, `<` and `>` are escaped as HTML."""
_NUMBERED = re.compile(r"^(\d+)([.)])")


def as_html(text: str) -> str:
    """As `escape`, for HTML and XML."""
    return html.escape(escape(text))


def as_markdown(text: str, characters: int) -> str:
    """The beginning of a text, for a line or table cell of Markdown in which it means nothing but itself."""
    marked = _MARKUP.sub(r"\\\g<0>", html.escape(cut(line(text), characters), quote=False))
    return _NUMBERED.sub(r"\1\\\2", marked)
