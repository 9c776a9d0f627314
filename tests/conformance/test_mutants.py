"""What the mutants name is there: the modules and functions that they are made of."""

from __future__ import annotations

from fnmatch import fnmatchcase

from mutants import invisible
from mutating import SERVERS


def test_mutants_are_made_of_modules_and_functions_that_are_there() -> None:
    there = {name for each in SERVERS for name in each.functions()}
    reviewed = {":".join(pattern.split(":")[:2]) for pattern in invisible()}
    named = {*reviewed, *(pattern for each in SERVERS for pattern in each.left_out)}
    assert not {each for each in named if not any(fnmatchcase(name, each) for name in there)}
