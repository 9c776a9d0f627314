"""Words for a person: the nearest right one to a wrong one, which there are, and how many of a thing."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, *known: Iterable[str]) -> str | None:
    """The most similar of the known words, sought in the first group that has a similar one; None: none is."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed only when something is wrong

    for words in known:
        candidates = {word.casefold(): word for word in words}
        if near := get_close_matches(name.casefold(), candidates, n=1):
            return candidates[near[0]]
    return None


def suggest(name: str, allowed: Iterable[str], known: Iterable[str] = ()) -> str:
    """The end of a complaint about a wrong word: `; did you mean \'column\'? Allowed here: …`."""
    words = list(allowed)
    near = nearest(name, words, known)
    return (f"; did you mean '{near}'?" if near else ".") + f" Allowed here: {', '.join(words) or 'nothing'}"


def counted(number: int, noun: str) -> str:
    """The number with its noun, as in `1 file` and `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def unknown(kind: str, name: str, known: Iterable[str], owner: str | None = None) -> str:
    """One line about a name that is not among the known ones, those of the owner if there is one."""
    words = list(known)
    near = nearest(name, words)
    hint = f"; did you mean '{near}'?" if near else "."
    what = f"{owner} has no {kind}" if owner else f"no {kind}"
    return f"{what} '{name}'{hint} There are: {', '.join(words) or 'none'}"
