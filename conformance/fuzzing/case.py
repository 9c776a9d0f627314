"""A generated request before it is sent: what differs from a right call, with words for what only the target can give.

A word in braces stands for a thing of the target's, and `fillings` puts it in: so the same seed draws the same cases
for every target.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.http.answer import UNSET
from conformance.http.client import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.http.client import Key

UNKNOWN = "{unknown}"
SOURCE, FILE, UPLOAD = "{source}", "{file}", "{upload}"
TEMPLATES = ("{template 0}", "{template 1}")
SHEETS = ("{sheet 0}", "{sheet 1}")
QUESTIONS = ("{question 0}", "{question 1}")
OPTIONS = ("{option 0}", "{option 1}")
WORDS = frozenset((UNKNOWN, SOURCE, FILE, UPLOAD, *TEMPLATES, *SHEETS, *QUESTIONS, *OPTIONS))
"""Every word that stands for something else."""

DESTINATION = "https://destination.invalid/api"
"""The only destination that a generated company may have: nobody is called there."""


@dataclass(frozen=True, slots=True)
class Case:
    """One call of an operation; what is not said is as it should be."""

    operation: str
    body: Any = UNSET
    raw: bytes | None = None
    """Bytes in the place of JSON."""
    query: Mapping[str, Any] = field(default_factory=dict)
    company: str = ""
    """An id in the place of the company's; empty: the company that the state is in."""
    run: str = ""
    """An id in the place of the run's; empty: the run that is in the state."""
    content_type: str | None = None
    """What is said of the body's type; None: what is right."""
    key: Key | str = DEFAULT

    @property
    def identity(self) -> str:
        """The same for two cases that send the same."""
        body = "" if self.body is UNSET else json.dumps(self.body)
        ids = f"{self.company}\n{self.run}\n{self.content_type}\n{self.key}"
        return f"{self.operation}\n{ids}\n{body}\n{self.raw!r}\n{json.dumps(dict(self.query))}"

    @property
    def astray(self) -> bool:
        """Whether it asks for a company or run that there is not."""
        return bool(self.company or self.run)
