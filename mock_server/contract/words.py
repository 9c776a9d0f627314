"""Words of a file's language: one class a verb, and the vocabulary of one kind of entry (beat, step, fault).

An entry of a list in a file has exactly one verb, and beside it only members that belong to that verb. A class has
both, makes its value from an entry whose form is in order, and tells a person what it does; how it acts is for the room
that has the class. To add a word, write its class, name it in its vocabulary, and describe it in the file's schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self


class Word:
    """One verb of a language. Subclasses are frozen dataclasses with slots."""

    __slots__ = ()

    verb: ClassVar[str]
    members: ClassVar[tuple[str, ...]] = ()
    """The members that may stand beside the verb."""

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: Any) -> Self:
        """The value of a well-formed entry; `context` is what the vocabulary's owner hands in."""
        raise NotImplementedError

    def describe(self) -> Iterator[str]:
        """What happens, in lines for a person; a line that begins with spaces belongs to the one before."""
        raise NotImplementedError


W = TypeVar("W", bound=Word)


class Vocabulary(Generic[W]):
    """The words that one kind of entry may have."""

    def __init__(self, noun: str, *words: type[W]) -> None:
        self.noun = noun
        """What an entry is called in messages."""
        self.words: Mapping[str, type[W]] = {word.verb: word for word in words}
        """The classes by their verbs, in the order in which messages list them."""
        self.members = frozenset(name for word in words for name in word.members)
        """Every member that belongs to some verb."""

    @property
    def verbs(self) -> tuple[str, ...]:
        """All verbs, in order."""
        return tuple(self.words)

    def parse(self, entries: Iterable[Mapping[str, Any]], context: Any = None) -> tuple[W, ...]:
        """The values of well-formed entries, in order."""
        return tuple(self.parse_entry(entry, context) for entry in entries)

    def parse_entry(self, entry: Mapping[str, Any], context: Any = None) -> W:
        """The value of one well-formed entry."""
        return next(self.words[name] for name in entry if name in self.words).parse(entry, context)
