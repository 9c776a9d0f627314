"""Words for a person: the nearest right one to a wrong one, which there are, and how many of a thing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

LONGEST = 200
"""Characters of a word or path that are compared with others; looking at a longer one costs its square."""
_COMPARED = 1_000
"""Words that one is compared with: a session may have any number of runs."""
_SHOWN = 60


def nearest(name: str, *known: Iterable[str]) -> str | None:
    """The most similar of the known words, sought in the first group that has a similar one; None: none is."""
    if len(name) > LONGEST:
        return None
    from difflib import get_close_matches  # noqa: PLC0415 - needed only when something is wrong

    for words in known:
        candidates = {word.casefold(): word for word in islice(words, _COMPARED)}
        if near := get_close_matches(name.casefold(), candidates, n=1):
            return candidates[near[0]]
    return None


def suggest(name: str, allowed: Iterable[str], known: Iterable[str] = ()) -> str:
    """The end of a complaint about a wrong word: `; did you mean \'column\'? Allowed here: …`."""
    words = list(allowed)
    near = nearest(name, words, known)
    return (f"; did you mean '{near}'?" if near else ".") + f" Allowed here: {', '.join(words) or 'nothing'}"


def shown(value: Any) -> str:
    """A JSON value as a caller would recognise it, cut short."""
    match value:
        case dict():
            return "an object"
        case list():
            return f"an array of {counted(len(value), 'entry', 'entries')}"
        case None | bool():
            return json.dumps(value)
        case str():
            return repr(cut(value))
        case _:
            return cut(str(value))


def cut(text: str, most: int = _SHOWN) -> str:
    """The text, and of a long one the beginning."""
    return text if len(text) <= most else f"{text[:most]}…"


def counted(number: int, noun: str, many: str | None = None) -> str:
    """The number with its noun, as in `1 file` and `2 files`."""
    return f"{number} {noun if number == 1 else many or f'{noun}s'}"


def unknown(kind: str, name: str, known: Iterable[str], owner: str | None = None) -> str:
    """One line about a name that is not among the known ones, those of the owner if there is one."""
    words = list(known)
    near = nearest(name, words)
    hint = f"; did you mean '{near}'?" if near else "."
    what = f"{owner} has no {kind}" if owner else f"no {kind}"
    return f"{what} '{cut(name)}'{hint} There are: {', '.join(words) or 'none'}"
