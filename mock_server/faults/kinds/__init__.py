"""The kinds of faults, one class a verb; a file is a family. `FAULTS` is the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.contract.words import Vocabulary
from mock_server.faults.kinds import content, delivery, refusal, time

if TYPE_CHECKING:
    from mock_server.faults.model import Fault

FAULTS: Vocabulary[Fault] = Vocabulary("fault", *time.KINDS, *content.KINDS, *refusal.KINDS, *delivery.KINDS)
