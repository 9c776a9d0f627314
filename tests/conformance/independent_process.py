"""The independent implementation, as it is or bent, in a process of its own: what its owner would give the suite."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from conformance import Plan
from conformance.preview import target_file as targetfile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.target.target import Target

HERE = Path(__file__).parent
KEYS = "key-of-ours,key-of-theirs,key-of-the-past"
JOURNEY = Plan(poll_every=0.01)
"""The implementation's runs last some 60 ms of real time."""


@contextmanager
def independent(
    bent: str | None = None, options: Sequence[str] = (), *, program: Sequence[str] = ("-m", "independent")
) -> Iterator[Target]:
    """The implementation, bent as the name says or served by another program, as its target file describes it."""
    served = program if bent is None else ("independent_lies.py", bent)
    argv = [sys.executable, *served, "--port", "0", "--keys", KEYS, *options]
    with subprocess.Popen(argv, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url, backstage = process.stdout.readline().strip(), process.stdout.readline().strip()
            ours, theirs, past = KEYS.split(",")
            environment = {
                "INDEPENDENT_URL": url,
                "INDEPENDENT_BACKSTAGE": backstage,
                "INDEPENDENT_KEY": ours,
                "INDEPENDENT_OTHER_KEY": theirs,
                "INDEPENDENT_REVOKED_KEY": past,
                "PYTHON": sys.executable,
            }
            yield targetfile.load(HERE / "independent" / "target.yaml", environment)
        finally:
            process.terminate()
