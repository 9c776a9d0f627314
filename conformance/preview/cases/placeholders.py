"""What the target has is put in where a case has words for it, and what must be new each time is made new.

Everything that is created begins with `conformance-`, so that it can be found; an `idempotency_key` is nobody's yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conformance.http.answer import UNSET
from conformance.preview.poll_body import at, questions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from conformance.fuzzing.case import Case
    from conformance.preview.driver import Company, Run

UNKNOWN = "{unknown}"
SOURCE, FILE, UPLOAD = "{source}", "{file}", "{upload}"
TEMPLATES = ("{template 0}", "{template 1}")
SHEETS = ("{sheet 0}", "{sheet 1}")
QUESTIONS = ("{question 0}", "{question 1}")
OPTIONS = ("{option 0}", "{option 1}")
WORDS = frozenset((UNKNOWN, SOURCE, FILE, UPLOAD, *TEMPLATES, *SHEETS, *QUESTIONS, *OPTIONS))
"""Every word that stands for something else."""
DESTINATION = "https://destination.invalid/api"
"""The only destination that a generated company may have: nobody is called there."""
EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to be named in a call, in the state in which the call is judged."""

    company: Company | None = None
    run: Run | None = None
    """An import for the operations of imports, an export's ids for those of exports."""
    sources: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    columns: frozenset[str] = frozenset()
    uploads: frozenset[str] = frozenset()
    upload: Callable[[Collection[str]], str] | None = None
    """Gives the reference of a file that was put there for no import yet, other than the given ones."""
    destination: bool = False
    """Whether the company is known to have a destination and rows to write."""

    @property
    def parked(self) -> Any:
        """What the run showed last."""
        return self.run.state if self.run is not None else None


def fill(case: Case, facts: Facts) -> Case:
    """The case as it is sent."""
    fresh, filler = f"conformance-{uuid4().hex[:12]}", _Filler(facts)
    body = _at_once(case.operation, filler.worded(case.body), fresh)
    return replace(case, body=body, query={name: filler.worded(value) for name, value in case.query.items()})


class _Filler:
    """Replaces the words of one case by what they stand for; no two files of a case are one upload."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._named: set[str] = set()

    def worded(self, value: Any) -> Any:
        """The value with every word replaced."""
        match value:
            case dict() if "question_id" in value:
                question = self._question(value["question_id"])
                return {name: self._answer(name, each, question) for name, each in value.items()}
            case dict():
                return {name: self.worded(each) for name, each in value.items()}
            case list():
                return [self.worded(each) for each in value]
            case str() if value in WORDS:
                return self._thing(value)
        return value

    def _thing(self, word: str) -> str:
        facts = self._facts
        if word == FILE:
            return "conformance.csv"
        if word == SOURCE and facts.sources:
            return facts.sources[0]
        if word == UPLOAD and facts.upload is not None:
            self._named.add(ref := facts.upload(self._named))
            return ref
        for words, things in ((TEMPLATES, facts.templates), (SHEETS, facts.sheets)):
            if word in words and things:
                return things[words.index(word) % len(things)]
        return str(uuid4())

    def _question(self, word: Any) -> Any:
        """The parked run's question that the word stands for; None when it is none of its questions."""
        asked = questions(self._facts.parked)
        number = QUESTIONS.index(word) if isinstance(word, str) and word in QUESTIONS else len(asked)
        return asked[number] if number < len(asked) else None

    def _answer(self, name: str, value: Any, question: Any) -> Any:
        if name == "question_id" and question is not None:
            return question.get("id")
        if name == "option_id" and isinstance(value, str) and value in OPTIONS:
            option = at(question, "options", OPTIONS.index(value), "id")
            return option if option is not None else at(question, "options", 0, "id") or str(uuid4())
        return self.worded(value)


def _at_once(operation: str, body: Any, fresh: str) -> Any:
    """The body with what may be there only once made new."""
    if not isinstance(body, dict) or body is UNSET:
        return body
    made = dict(body)
    if operation == "provision_company":
        if isinstance(name := body.get("name"), str) and name:
            made["name"] = f"{fresh} {name}"
        if isinstance(given := body.get("external_id"), str) and given:
            made["external_id"] = _external_id(given, fresh)
    elif isinstance(key := body.get("idempotency_key"), str) and key:
        made["idempotency_key"] = fresh
    return made


def _external_id(given: str, fresh: str) -> str:
    """A new one, as long as the given one, and right or wrong as it was."""
    rest = given[len(fresh) :]
    if EXTERNAL_ID.fullmatch(given):
        return fresh + rest
    return fresh + (rest if rest and not EXTERNAL_ID.fullmatch(rest) else given)
