"""The beats of a run, one class a verb; a file is a family. `BEATS` is the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.contract.words import Vocabulary
from mock_server.preview.beats import ending, parking, passing

if TYPE_CHECKING:
    from mock_server.preview.beats.model import RunBeat

BEATS: Vocabulary[RunBeat] = Vocabulary("beat", *passing.BEATS, *parking.BEATS, *ending.BEATS)
