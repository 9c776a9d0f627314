"""Words of a file's language: one class a verb, and the vocabulary of one kind of entry (beat, step, fault).

An entry of a list in a file has exactly one verb, and beside it only members that belong to that verb. A class has
both, makes its value from an entry whose form is in order, and tells a person what it does; how it acts is for the room
that has the class. To add a word, write its class, name it in its vocabulary, and describe it in the file's schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar


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

    @classmethod
    def misfits(cls, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:  # noqa: ARG003 - few words look
        """What the schema allows in an entry, and this verb does not: member, code and text of the complaint."""
        yield from ()

    def describe(self) -> Iterator[str]:
        """What happens, in lines for a person; a line that begins with spaces belongs to the one before."""
        raise NotImplementedError


W_co = TypeVar("W_co", bound=Word, covariant=True)


class Misfit(ValueError):
    """An entry has no verb or several, or members of another verb; `Vocabulary.misfits` says which."""


class Vocabulary(Generic[W_co]):
    """The words that one kind of entry may have."""

    def __init__(self, noun: str, *words: type[W_co]) -> None:
        self.noun = noun
        """What an entry is called in messages, and in the schema."""
        self.words: Mapping[str, type[W_co]] = {word.verb: word for word in words}
        """The classes by their verbs, in the order in which messages list them."""
        self.members = frozenset(name for word in words for name in word.members)
        """Every member that belongs to some verb."""

    def parse(self, entries: Iterable[Mapping[str, Any]], context: Any = None) -> tuple[W_co, ...]:
        """The values of entries that have the form of the schema, in order; raises Misfit."""
        return tuple(self.parse_entry(entry, context) for entry in entries)

    def parse_entry(self, entry: Mapping[str, Any], context: Any = None) -> W_co:
        """The value of one entry that has the form of the schema; raises Misfit."""
        if next(self.misfits(entry), None) is not None:
            raise Misfit
        return next(self.words[name] for name in entry if name in self.words).parse(entry, context)

    def may_have(self, entry: Mapping[str, Any]) -> tuple[str, ...]:
        """What an entry may still have beside its verb, or the verbs when it has none."""
        given = [verb for verb in self.words if verb in entry]
        return self.words[given[0]].members or (given[0],) if given else tuple(self.words)

    def misfits(self, entry: Mapping[str, Any]) -> Iterator[tuple[str | None, str, str]]:
        """What is wrong with the words of an entry: member (None: the entry itself), code and text of the complaint."""
        given = [name for name in entry if name in self.words]
        known = [name for name in entry if name in self.words or name in self.members]
        if len(given) > 1:
            others = " and ".join(f"'{name}'" for name in given[1:])
            text = f"a {self.noun} has one verb; this one has '{given[0]}' and also {others}"
            yield given[1], "E205", f"{text}: each takes an entry of its own"
        elif given:
            word = self.words[given[0]]
            may = f"it may have: {', '.join(word.members)}" if word.members else "it has no further members"
            for name in known:
                if name != word.verb and name not in word.members:
                    yield name, "E206", f"'{name}' does not belong to '{word.verb}'; {may}"
            yield from word.misfits(entry)
        elif len(known) == len(entry):
            yield None, "E205", f"a {self.noun} needs a verb, one of: {', '.join(self.words)}"
