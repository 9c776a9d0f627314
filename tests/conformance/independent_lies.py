"""The independent implementation as a liar: its lies, each about one clause, none seen by the judge before.

`foreign.py` serves them and judges them; `python independent_lies.py NAME --keys …` serves one, or an honest one that
reads the contract its own way.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from independent.__main__ import main
from independent_honest import HONEST
from independent_lies_calls import CALLS
from independent_lies_effects import EFFECTS
from independent_lies_rows import ROWS
from independent_lies_time import TIME

if TYPE_CHECKING:
    from independent_bending import Bent

LIES: tuple[Bent, ...] = (*TIME, *ROWS, *CALLS, *EFFECTS)


def bent(name: str) -> Bent:
    """The lie or the reading of that name."""
    return next(each for each in (*LIES, *HONEST) if each.name == name)


if __name__ == "__main__":
    bent(sys.argv.pop(1)).make()
    main()
