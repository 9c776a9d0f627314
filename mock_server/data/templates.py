"""The account's catalogue: sources, templates, columns and their rules, as frozen values.

Every session starts with the same catalogue (`scenarios/account.yaml`). Names are the contract's: a column's
`desiredRule` is `rule` here, its `strictRule` is `pattern`, its `linkRule` is `links`. `rules` holds cells to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Rule = Literal["none", "ai", "strict", "link"]


class Link(NamedTuple):
    """The column of another template in which a linked value must be found."""

    template_id: str
    column: str


class Column(NamedTuple):
    """One column of a template and the rule that its cells must obey (TPL-03 to TPL-05)."""

    name: str
    description: str = ""
    required: bool = False
    unique: bool = False
    rule: Rule = "none"
    pattern: str | None = None
    links: tuple[Link, ...] = ()
    pool: str = "word"
    """What generated cells look like; a case of `values.maker`."""


@dataclass(frozen=True, slots=True)
class Template:
    """A target shape; its name becomes the sheet's name (PROV-06), its column order the CSV's (TPL-06)."""

    id: str
    name: str
    description: str | None
    columns: tuple[Column, ...]

    def index(self, column: str) -> int:
        """The position of the named column; ValueError when the template has none of that name."""
        return [each.name for each in self.columns].index(column)


class Source(NamedTuple):
    """A system that data comes from."""

    id: str
    name: str
    logo_url: str | None


class Catalogue(NamedTuple):
    """All sources and templates of an account, in the order in which they are listed."""

    sources: tuple[Source, ...]
    templates: tuple[Template, ...]

    def template(self, name: str) -> Template | None:
        """The template of that name, or None."""
        return next((each for each in self.templates if each.name == name), None)
