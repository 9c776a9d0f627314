"""The scenario language of the Preview API: its words, what its faults can bend, and what its files mean."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from mock_server.contract.document import load
from mock_server.preview.beats import BEATS, Complete, Queue, Work
from mock_server.preview.scenario_lint.plays import lint
from mock_server.preview.steps import STEPS
from mock_server.scenarios import catalog
from mock_server.scenarios.loader import Loader
from mock_server.scenarios.model import Language

if TYPE_CHECKING:
    from pathlib import Path

    from mock_server.faults.model import Targets
    from mock_server.scenarios.catalog import World

UPLOAD = "put_upload"
"""The PUT to a signed URL, which is no operation of the contract."""


@lru_cache(maxsize=1)
def fault_targets() -> Targets:
    """What of the API faults can bend."""
    contract = load()
    about_runs = contract.naming("run_id")
    return {
        "changing": contract.changing,
        "json": (*contract.changing, *(name for name in contract.json_operations if name not in contract.changing)),
        "run_reads": tuple(sorted(contract.run_reads, key=lambda name: name not in about_runs)),
        "about_runs": about_runs,
        "uploads": (UPLOAD,),
    }


LANGUAGE = Language(
    beats=BEATS,
    steps=STEPS,
    subject="company",
    export=(Queue(500), Work(1500, "Writing to the destination"), Complete()),
    contract=load,
    targets=fault_targets,
    lint=lint,
)
LOADER = Loader(LANGUAGE)


def load_world(paths: Sequence[Path] = ()) -> World:
    """The built-in world, and the scenarios of these files and folders; raises BadFiles."""
    return catalog.load_world(LOADER, paths)
