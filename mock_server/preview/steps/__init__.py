"""The steps of a play, one class a verb: what a partner does and sees."""

from __future__ import annotations

from mock_server.contract.words import Vocabulary
from mock_server.preview.steps.decisions import Approve, Reject
from mock_server.preview.steps.downloads import Download
from mock_server.preview.steps.exports import Export, SeeExport
from mock_server.preview.steps.imports import Active, History, Lose, See, Start
from mock_server.preview.steps.operator import Cancel, NextBeat, Wait

STEPS = Vocabulary(
    "step", *(Start, See, Wait, Approve, Reject, Cancel, NextBeat, Active, Lose, History, Download, Export, SeeExport)
)
