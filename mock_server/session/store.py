"""The store of a session's changes, and the one door: each is a numbered entry, applied by one function.

A method that changes a session's state is marked with `change`. Calling it goes through `Log.apply`, which notes what
was called, when and with what; what a change calls in its turn belongs to it. The arguments are values, never parts of
the session, so that the entries, applied in order to a new session, make the same session again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar, cast

from mock_server.kernel.errors import Refusal

P = ParamSpec("P")
R = TypeVar("R")


class Owner(Protocol):
    """What has changes: a session, or its account."""

    @property
    def log(self) -> Log:
        """Where its changes are noted."""


O = TypeVar("O", bound=Owner)  # noqa: E741 - the letter of the owner


class Change(NamedTuple):
    """One entry: its number, the session's time, the method that was called, and with what."""

    number: int
    at: int
    name: str
    """The method's qualified name, such as `Session.advance`."""
    given: tuple[Any, ...]
    named: Mapping[str, Any]


@dataclass(slots=True)
class _Open:
    """The change that is being applied, and the run that it turned out to be about."""

    about: str | None = None


class Log:
    """The entries of one session, in the order in which they were applied."""

    def __init__(self) -> None:
        self._entries: dict[int, Change] = {}
        self._about: dict[str, list[int]] = {}
        """The numbers of the entries about a run, by its id."""
        self.latest = 0
        """The number of the latest entry."""
        self.closed = False
        """Whether the session has ended: nobody could find what a call would make that outlived it."""
        self._open: _Open | None = None

    def __iter__(self) -> Iterator[Change]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def apply(
        self, method: Callable[..., R], owner: Any, at: int, given: tuple[Any, ...], named: Mapping[str, Any]
    ) -> R:
        """Apply a change and note it; one that is refused raises, has no effect, and is not noted."""
        if self._open is not None:  # a part of the change that calls it
            return method(owner, at, *given, **named)
        if self.closed:
            raise Refusal(404, "the session ended while the call was under way")
        self._open = _Open()
        try:
            result = method(owner, at, *given, **named)
        finally:
            about, self._open = self._open.about, None
        self.latest += 1
        self._entries[self.latest] = Change(self.latest, at, method.__qualname__, given, named)
        if about is not None:
            self._about.setdefault(about, []).append(self.latest)
        return result

    def clear(self) -> None:
        """Forget all entries: their session has ended."""
        self._entries.clear()
        self._about.clear()

    def about(self, run_id: str) -> None:
        """Say that the change that is being applied is about this run."""
        if self._open is not None:
            self._open.about = run_id

    def replace(self, run_id: str, name: str, *given: Any) -> None:
        """Let one entry, in the place of the first, stand for all that are about a run which nothing can change."""
        numbers = self._about.pop(run_id, None)
        if not numbers:
            return
        first = self._entries[numbers[0]]
        for number in numbers[1:]:
            del self._entries[number]
        self._entries[first.number] = Change(first.number, first.at, name, given, {})
        self._about[run_id] = numbers[:1]


def change(method: Callable[Concatenate[O, int, P], R]) -> Callable[Concatenate[O, int, P], R]:
    """Mark a method as a change: its first argument is the session's time, and it is applied through the log alone."""

    @wraps(method)
    def applied(owner: O, at: int, *given: P.args, **named: P.kwargs) -> R:
        return owner.log.apply(method, owner, at, given, named)

    return cast("Callable[Concatenate[O, int, P], R]", applied)


def repeat(entries: Sequence[Change], owners: Mapping[str, Any]) -> None:
    """Apply the entries in order; `owners` are the new session's parts, by the name of their class."""
    for entry in entries:
        owner, _, method = entry.name.partition(".")
        getattr(owners[owner], method)(entry.at, *entry.given, **entry.named)
