"""Servers that lie when they refuse: the answer says no, and a part of what was asked for is done all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deciding import approve_now
from lies import App, Liar, Lie
from places import all_of, around
from runlies import run_bodies
from twisting import anew, asks, import_of, refused

from mock_server.data.book import Fix
from mock_server.kernel.errors import Refusal
from mock_server.preview import decisions
from mock_server.preview import operations as api
from mock_server.preview.account import account_of
from mock_server.preview.companies import Company
from mock_server.preview.lifecycle import life
from mock_server.preview.runs import Approval, ImportRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest
    from starlette.responses import Response
    from twisting import Answers, Bend

    from mock_server.data.book import Book, Group, Sheet
    from mock_server.preview.lifecycle import Life
    from mock_server.session.exchange import Exchange as Call

_fixes = decisions.fixes
_asked = ImportRun.questions


def _fitting(run: ImportRun, state: Life, answers: Any) -> list[Any]:
    """Those of the answers that the run would take by themselves."""
    fit = []
    for each in answers if isinstance(answers, list) else ():
        try:
            _fixes(run, state, [each])
        except (Refusal, KeyError, TypeError, AttributeError):
            continue
        fit.append(each)
    return fit


# -- refused decisions


def _remembers(wanted: Callable[[Any, Refusal], bool], pick: Callable[[ImportRun, Life, Any], list[Any]]) -> Lie:
    """Answers of a refused decision are carried out with the next approval that has none."""

    def new() -> Bend:
        left: dict[str, list[Any]] = {}

        async def bend(call: Call, body: Any, answer: Answers) -> Response:
            found = import_of(call)
            kept = left.get(found[0].id) if found is not None else None
            if kept and body.get("decision") == "approve" and not body.get("answers"):
                body = {**body, "answers": kept}
            try:
                return await answer(body)
            except Refusal as refusal:
                if found is not None and found[1].status == "needs_attention" and wanted(body, refusal):
                    left[found[0].id] = pick(*found, body.get("answers"))
                raise

        return bend

    return asks("decide", new)


def _unknown_question(_: Any, refusal: Refusal) -> bool:
    return "is no current question" in refusal.text


def _without_question(body: Any, refusal: Refusal) -> bool:
    return refusal.status == 400 and "question_id" in refusal.text and "answers" in body


def _rejects(body: Any, _: Refusal) -> bool:
    return body.get("decision") == "reject" and "answers" in body


def _decides_nothing(body: Any, _: Refusal) -> bool:
    return "decision" not in body and "answers" in body


def _answered_ones_vanish() -> Lie:
    gone: set[tuple[str, str]] = set()

    def done(call: Call, body: Any, refusal: Refusal) -> None:
        found = import_of(call)
        if found is not None and found[1].status == "needs_attention" and refusal.status == 400:
            fit = _fitting(*found, body.get("answers"))
            gone.update((found[0].id, each["question_id"]) for each in fit)
            found[0].kept = None

    def shown(run: ImportRun, _: Life, body: dict[str, Any]) -> None:
        if "needs_attention" in body:
            block = body["needs_attention"]
            block["questions"] = [each for each in block["questions"] if (run.id, each["id"]) not in gone]

    return all_of(refused("decide", done), run_bodies(shown))


def _rows_change(wanted: str, fix_of: Callable[[Group], Fix]) -> Lie:
    """A decision that is refused for such a reason is carried out on the rows; the run stays parked."""

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        shown: dict[str, Book] = {}

        def done(call: Call, _: Any, refusal: Refusal) -> None:
            found = import_of(call)
            if found is not None and found[1].status == "needs_attention" and wanted in refusal.text:
                book = found[0].parked_book(found[1])
                shown[found[0].id] = book.apply_fixes([fix_of(group) for group in book.groups])

        def bend(honest: Any) -> Any:
            def visible_book(self: ImportRun, state: Life) -> Book | None:
                mine = shown.get(self.id) if state.status == "needs_attention" else None
                found: Book | None = mine or honest(self, state)
                return found

            return visible_book

        return all_of(refused("decide", done), around(ImportRun.visible_book, bend))(app, patch)

    return make


def _new_ids() -> Lie:
    """Each refused decision gives the questions other ids."""
    more: dict[str, int] = {}

    def done(call: Call, _: Any, refusal: Refusal) -> None:
        found = import_of(call)
        if found is not None and found[1].status == "needs_attention" and refusal.status == 400:
            more[found[0].id] = more.get(found[0].id, 0) + 10
            found[0].kept = None

    def questions(self: ImportRun, state: Life) -> Any:
        added = more.get(self.id, 0)
        return tuple(each._replace(id=f"fq{int(each.id[2:]) + added}") for each in _asked(self, state))

    return all_of(refused("decide", done), around(ImportRun.questions, lambda _: questions))


# -- decisions that come too early or too late


def _early_ones(app: App, patch: pytest.MonkeyPatch) -> App:
    early: set[str] = set()
    poll = api.HANDLERS["poll_import"]

    def done(call: Call, body: Any, refusal: Refusal) -> None:
        found = import_of(call)
        if found is not None and refusal.status == 409 and not found[1].parkings and not found[1].terminal:
            early.add(found[0].id)

    async def lying(call: Call) -> Response:
        found = import_of(call)
        if found is not None and found[0].id in early and found[1].status == "needs_attention":
            early.discard(found[0].id)
            run, state = found
            approve_now(run, state, [group.fix for group in run.parked_book(state).groups])
            call.subject = account_of(call.session).subject("poll_import", call.parameters, None, call.now)
        return await poll(call)

    patch.setitem(api.HANDLERS, "poll_import", lying)
    return refused("decide", done)(app, patch)


def _last_answers_count(call: Call, body: Any, refusal: Refusal) -> None:
    """The second of two approvals is refused, and what it says is done."""
    found = import_of(call)
    if found is None or refusal.status != 409 or found[1].status != "running" or not found[0].approvals:
        return
    run = found[0]
    parked = life(run.script, run.started, run.events[:-1], run.time(call.now), run.stale_after)
    if parked.status != "needs_attention":
        return
    if body.get("decision") == "reject":
        fixes: Sequence[Fix | None] = [group.options[-1] for group in run.parked_book(parked).groups]
    else:
        fixes = _fixes(run, parked, _fitting(run, parked, body.get("answers")))
    run.approvals[-1] = Approval(run.parked_book(parked).apply_fixes(fixes), run.approvals[-1].asked)


def _emptied_by_late_decisions(app: App, patch: pytest.MonkeyPatch) -> App:
    emptied: set[str] = set()

    def done(call: Call, _: Any, refusal: Refusal) -> None:
        found = import_of(call)
        if found is not None and refusal.status == 409 and found[1].status == "completed":
            emptied.add(found[0].id)

    def bend(honest: Any) -> Any:
        def book(self: Company, sheet: Sheet, now: int) -> Book | None:
            found: Book | None = None if self.imports and self.imports[-1].id in emptied else honest(self, sheet, now)
            return found

        return book

    return all_of(refused("decide", done), around(Company.book, bend))(app, patch)


def _mended_after_reject(app: App, patch: pytest.MonkeyPatch) -> App:
    mended: dict[str, Book] = {}

    def done(call: Call, body: Any, refusal: Refusal) -> None:
        found = import_of(call)
        late = refusal.status == 409 and body.get("decision") == "approve"
        if found is not None and late and found[1].rejected and found[0].book is not None:
            book = found[0].parked_book(found[1])
            mended[found[0].id] = book.apply_fixes([group.fix for group in book.groups])

    def bend(honest: Any) -> Any:
        def visible_book(self: ImportRun, state: Life) -> Book | None:
            found: Book | None = mended.get(self.id) or honest(self, state)
            return found

        return visible_book

    return all_of(refused("decide", done), around(ImportRun.visible_book, bend))(app, patch)


def _under_another_company(call: Call, body: Any, refusal: Refusal) -> None:
    """The run is found by its id and decided before somebody looks whose it is."""
    found = import_of(call)
    if found is None or refusal.status != 404 or found[1].status != "needs_attention":
        return
    run, state = found
    if body.get("decision") == "approve":
        approve_now(run, state, [group.fix for group in run.parked_book(state).groups])


LIARS = (
    Liar("DEC-14", "carries out the right answers of a refused decision with the next approval",
         _remembers(_unknown_question, _fitting), ("DEC-05",)),
    Liar("DEC-14", "asks no more what a refused decision answered well", anew(_answered_ones_vanish), ("QUE-03",)),
    Liar("QUE-03", "gives the questions other ids when it refuses a decision", anew(_new_ids),
         ("DEC-14", "DEC-16", "DEC-17", "DEC-22", "DEC-15", "DEC-19")),
    Liar("DEC-19", "mends the rows when it refuses an unknown option",
         _rows_change("is no option of", lambda group: group.fix), ("PATCH-10",)),
    Liar("DEC-20", "takes the last option where it refuses a free text",
         _rows_change("custom is not allowed", lambda _: Fix("delete_invalid_rows")), ("PATCH-10",)),
    Liar("DEC-17", "keeps the well-formed answers beside one without a question",
         _remembers(_without_question, _fitting), ("DEC-05",)),
    Liar("DEC-21", "keeps the answers of a refused rejection for the next approval", _remembers(_rejects, _fitting),
         ("DEC-05",)),
    Liar("DEC-15", "keeps the answers that came without a decision", _remembers(_decides_nothing, _fitting),
         ("DEC-05",)),
    Liar("DEC-23", "carries out a decision that it refused as too early", _early_ones, ("RUN-07",)),
    Liar("DEC-23", "empties the sheets of a completed run with a decision that it refuses",
         _emptied_by_late_decisions),
    Liar("DEC-24", "does what the second decision says, which it refuses", refused("decide", _last_answers_count),
         ("DEC-25", "DEC-05", "DEC-10")),
    Liar("DEC-35", "mends the rows of a rejected run with an approval that it refuses", _mended_after_reject,
         ("DEC-33",)),
    Liar("DEC-26", "decides a run that it does not find under another company",
         refused("decide", _under_another_company), ("POLL-18",)),
)  # fmt: skip
