"""Servers that are right about the first parking of a run, and wrong about the second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deciding import answered, approve_now, current, taken, tolerant
from lies import Liar, Lie
from places import around
from rereading import body_of, first, reread, run_of, state_of, told
from runlies import busy, company_of

from mock_server.data.book import Fix
from mock_server.http.messages import answer
from mock_server.kernel.clock import real_time
from mock_server.kernel.errors import Refusal
from mock_server.preview import decisions
from mock_server.preview import questions as asking
from mock_server.preview.companies import Ledger
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.responses import Response

    from mock_server.data.book import Book
    from mock_server.preview.companies import Company
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import Run
    from mock_server.session.exchange import Exchange as Call


def _again(state: Life) -> bool:
    """Whether a run has parked more than once."""
    return len(state.parkings) > 1


def _parked_again(state: Life) -> bool:
    return _again(state) and state.status == "needs_attention"


def _at_second(change: Callable[[Any, ImportRun, Life], object]) -> Lie:
    """A lie about the poll of a run that is parked again."""

    def changed(call: Call, body: Any) -> None:
        if _parked_again(state_of(call)):
            change(body, run_of(call), state_of(call))

    return told("poll_import", changed)


def _looked_up_at_second(change: Callable[[Any, ImportRun, Life], object]) -> Lie:
    """A lie about the look-up of a run that is parked again."""

    def changed(call: Call, body: Any) -> None:
        active = company_of(call).active(call.now)
        if "needs_attention" in body and active is not None and _again(active[1]):
            change(body, *active)

    return told("list_imports", changed)


def _first_book(run: ImportRun, state: Life) -> Book:
    assert run.book is not None, "it parks"
    return run.book.reveal(state.parkings[0].beat)


def _first_questions(body: Any, run: ImportRun, state: Life) -> None:
    groups = _first_book(run, state).groups
    body["needs_attention"] = asking.needs_attention(groups, asking.questions(groups, 0))


def _first_counts(body: Any, run: ImportRun, state: Life) -> None:
    flagged = sum(count.flagged for count in _first_book(run, state).counts)
    for question in body["needs_attention"]["questions"]:
        question["target"]["affected_count"] = max(flagged, question["target"]["affected_count"])


def _replays(change: Callable[[Company, ImportRun, int], Run | None]) -> Lie:
    """A lie about the import that a key is known to have started."""

    def bend(honest: Callable[..., Run | None]) -> Callable[..., Run | None]:
        def replayed(self: Ledger, company: Company, kind: str, key: str | None, digest: bytes) -> Run | None:
            run = honest(self, company, kind, key, digest)
            now = self.session.clock.at(real_time())
            return change(company, run, now) if isinstance(run, ImportRun) else run

        return replayed

    return around(Ledger.replayed, bend)


async def _no_more_answers(call: Call) -> None:
    body = await body_of(call)
    if isinstance(call.subject.run, ImportRun) and _parked_again(state_of(call)) and body.get("answers"):
        raise Refusal(400, "answers were given before; only the proposed patch can be approved now")


def _checked(change: Callable[[ImportRun, Life, Sequence[Any]], Sequence[Any]]) -> Lie:
    """A lie that checks all answers, and acts on those that `change` leaves."""

    def fixes(run: ImportRun, state: Life, answers: Sequence[Any]) -> list[Fix | None]:
        decisions.fixes(run, state, answers)
        return decisions.fixes(run, state, change(run, state, answers))

    return answered(fixes)


def _kept_at_second(run: ImportRun, state: Life, answers: Sequence[Any]) -> list[Fix | None]:
    fixes = decisions.fixes(run, state, answers)
    return [Fix("keep") for _ in fixes] if _again(state) and not answers else fixes


async def _completes_rejected(call: Call) -> Response | None:
    body, run = await body_of(call), call.subject.run
    if not isinstance(run, ImportRun) or body != {"decision": "reject"} or not _parked_again(run.life(call.now)):
        return None
    state = run.life(call.now)
    approve_now(run, state, [Fix("keep") for _ in run.parked_book(state).groups])
    return answer(run.accepted("running"))


def _unreported(call: Call, body: Any) -> None:
    if state_of(call).rejected and _again(state_of(call)):
        body.pop("report", None)


def _turned(call: Call, body: Any, times: int) -> None:
    if _parked_again(state_of(call)) and times % 2 == 0:
        for question in body["needs_attention"]["questions"]:
            question["options"].reverse()


def _of_before(run: ImportRun, state: Life, given: Any) -> Any:
    """The answer, or None where it is for a question of an earlier parking."""
    known = [int(each.id.removeprefix("fq")) for each in run.questions(state)]
    number = given["question_id"].removeprefix("fq")
    return None if known and number.isdecimal() and int(number) < min(known) else given


def _rejected_again(company: Company, now: int) -> bool:
    state = company.imports[-1].life(now) if company.imports else None
    return state is not None and (not state.terminal or (state.rejected and _again(state)))


LIARS: tuple[Liar, ...] = (
    Liar("ACT-04", "leaves `needs_attention` out when a run that is parked again is looked up",
         _looked_up_at_second(lambda body, _, __: body.pop("needs_attention")), ("ACT-06", "ACT-01")),
    Liar("ACT-06", "looks a run that is parked again up with the questions of the first parking",
         _looked_up_at_second(_first_questions), ("ACT-04",)),
    Liar("QUE-06", "counts in the questions of the second parking what was flagged at the first",
         _at_second(_first_counts)),
    Liar("DEC-28", "polls with the questions of the first parking when a run is parked again",
         _at_second(_first_questions), ("ACT-06", "DEC-29", "DEC-30")),
    Liar("POLL-04", "has no report when a run is parked again", _at_second(lambda body, _, __: body.pop("report")),
         ("ACT-06",)),
    Liar("PATCH-06", "proposes one action alone when a run is parked again",
         _at_second(lambda body, _, __: body["needs_attention"]["proposed_patch"].update(
             actions=body["needs_attention"]["proposed_patch"]["actions"][:1])), ("ACT-06",)),
    Liar("QUE-03", "turns the options round at every other poll of the second parking",
         reread("poll_import", _turned), ("ACT-06",)),
    Liar("IDEM-04", "does not know the key of a run that is parked again",
         _replays(lambda _, run, now: None if _parked_again(run.life(now)) else run)),
    Liar("DEC-29", "takes no answers when a run is parked again", first("decide", _no_more_answers),
         ("DEC-11", "DEC-10", "DEC-12")),
    Liar("DEC-10", "applies the patch, whatever is answered, when a run is parked again",
         _checked(lambda _, state, answers: () if _again(state) else answers), ("DEC-29",)),
    Liar("DEC-10", "acts on the first answer of a decision alone", _checked(lambda _, __, answers: answers[:1]),
         ("DEC-12", "DEC-11")),
    Liar("DEC-14", "passes over unknown questions when a run is parked again",
         tolerant(lambda run, state, given: current(run, state, given) if _again(state) else given), ("DEC-30",)),
    Liar("DEC-30", "passes over an answer to a question of the parking before", tolerant(_of_before), ("DEC-14",)),
    Liar("DEC-24", "takes a second decision on the second parking",
         taken("running", when=lambda _, state: _again(state)), ("DEC-23",)),
    Liar("DEC-05", "keeps the rows flagged when the second patch is approved", answered(_kept_at_second),
         ("DEC-27", "DEC-07", "DEC-06")),
    Liar("DEC-31", "completes a run that is rejected when it is parked again", first("decide", _completes_rejected),
         ("DEC-32", "DEC-34")),
    Liar("DEC-32", "has no report when the second parking was rejected", told("poll_import", _unreported)),
    Liar("DEC-34", "takes no import after the second parking of a run was rejected", busy(_rejected_again),
         ("IMP-11",)),
)  # fmt: skip
