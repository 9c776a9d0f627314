"""The one exception by which a request is refused; whoever serves it makes the error body of it."""

from __future__ import annotations

from collections.abc import Mapping

LONGEST = 4_000
"""Characters of a refusal's text; a longer one tells what the caller sent, and is cut in its middle."""
_END = 400


class Refusal(Exception):
    """A request that the contract refuses: its status and the text of its one-member error body (ERR-01, ERR-02).

    `clause` is the rule that was broken, for whoever asks why; the caller does not get it (ERR-02). `headers` go with
    the answer, such as `Allow`.
    """

    def __init__(
        self, status: int, text: str, clause: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.text = text if len(text) <= LONGEST else f"{text[: LONGEST - _END]}…{text[-_END:]}"
        super().__init__(self.text)
        self.status = status
        self.clause = clause
        self.headers = headers
