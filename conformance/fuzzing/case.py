"""A generated request before it is sent: what differs from a right call, with words for what only the target can give.

A word in braces stands for a thing of the target's, and the generation puts it in: so the same seed draws the same
cases for every target.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.http.answer import UNSET
from conformance.http.client import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.http.client import Key

PLACEHOLDER = re.compile(r"\{[a-z]+(?: [0-9])?\}")
"""A word that stands for something of the target's."""


@dataclass(frozen=True, slots=True)
class Case:
    """One call of an operation; what is not said is as it should be."""

    operation: str
    body: Any = UNSET
    raw: bytes | None = None
    """Bytes in the place of JSON."""
    query: Mapping[str, Any] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    """Ids in the path that there are not, by parameter; the others are those of the state."""
    content_type: str | None = None
    """What is said of the body's type; None: what is right."""
    key: Key | str = DEFAULT

    @property
    def identity(self) -> str:
        """The same for two cases that send the same."""
        body = "" if self.body is UNSET else json.dumps(self.body)
        head = f"{self.operation}\n{json.dumps(dict(self.ids))}\n{self.content_type}\n{self.key}"
        return f"{head}\n{body}\n{self.raw!r}\n{json.dumps(dict(self.query))}"

    @property
    def astray(self) -> bool:
        """Whether it asks for something that there is not."""
        return bool(self.ids)
