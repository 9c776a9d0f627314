"""What all beats of an import or export have in common: where they may stand, and what they let a run become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mock_server.data.declared import Flagged
from mock_server.scenarios.model import Beat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from mock_server.data.templates import Catalogue, Check
    from mock_server.preview.lifecycle import Fold, Life, Status
    from mock_server.scenarios.model import BeatContext


class RunBeat(Beat):
    """One thing that happens to an import or an export."""

    __slots__ = ()

    becomes: ClassVar[Status]
    """What a run is during it."""
    may_fail: ClassVar[bool] = False
    """Whether a run may fail of it, too."""
    first: ClassVar[bool] = False
    """Whether it stands only at the beginning of a script."""
    runs: ClassVar[bool] = False
    """Whether the run is `running` during it."""
    after_work: ClassVar[bool] = False
    """Whether `work` must come before it (RUN-06)."""
    parks: ClassVar[bool] = False
    ends: ClassVar[bool] = False
    exports: ClassVar[bool] = True
    """Whether it has a meaning in an export (DST-10)."""

    story: ClassVar[str]
    """What happens, for a person; `{0}` is the beat."""

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: BeatContext) -> Self:  # noqa: ARG003 - most beats have values
        """The beat of a well-formed entry."""
        return cls()

    def apply(self, fold: Fold) -> Iterator[Life]:
        """The states that the beat brings the run to; the run is over, unless the beat says otherwise."""
        yield fold.end(self, self.becomes)

    def describe(self) -> Iterator[str]:
        """What happens, in one line or more."""
        yield self.story.format(self)


def parse_group(value: Mapping[str, Any], catalogue: Catalogue) -> Flagged:
    """The group of wrong cells that a well-formed entry declares."""
    fix = value.get("fix", "keep")
    return Flagged(
        sheet=value["sheet"],
        column=value["column"],
        rows=value["rows"],
        fails=value.get("fails") or _likely_check(value, fix, catalogue),
        fix=fix,
        value=value.get("value"),
        values=tuple(value.get("values", ())),
        ask=value.get("ask", True),
        options=tuple(value.get("options", ())),
        allow_custom=value.get("allow_custom"),
    )


def _likely_check(value: Mapping[str, Any], fix: str, catalogue: Catalogue) -> Check:
    """The check that a group means when it names none: the first that its column can fail."""
    template = catalogue.template(value["sheet"])
    column = next((each for each in template.columns if each.name == value["column"]), None) if template else None
    if fix == "dedup_keep_first":
        return "unique"
    if column is not None and column.rule in {"strict", "link"}:
        return "strict" if column.rule == "strict" else "link"
    return "unique" if column is not None and column.unique else "required"
