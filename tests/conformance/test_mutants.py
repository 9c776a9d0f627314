"""What the mutants name is there: the modules and functions that they are made of."""

from __future__ import annotations

import runpy
from fnmatch import fnmatchcase

from source_tree import ROOT

MUTANTS = runpy.run_path(str(ROOT / "tests/conformance/mutants.py"))


def test_mutants_are_made_of_modules_and_functions_that_are_there() -> None:
    there = {
        f"{module}:{name}"
        for module in MUTANTS["MODULES"]
        for name in MUTANTS["functions"](ROOT / "mock_server" / f"{module.replace('.', '/')}.py")
    }
    reviewed = {":".join(pattern.split(":")[:2]) for pattern in MUTANTS["invisible"]()}
    named = {*MUTANTS["OPERATORS"], *reviewed}
    assert not {each for each in named if not any(fnmatchcase(name, each) for name in there)}
