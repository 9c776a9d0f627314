"""Two companies side by side that are alike in all but their rows: none is shown what is the other's (SEC-02)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from conformance.engine.context import block_if, must_come, skip_if
from conformance.preview.account import fetch, file_of, read, sources_of, templates_of
from conformance.preview.bodies import at, documented
from conformance.preview.checks import Answer, Company, Run, StateDriver, check
from conformance.preview.driver import company_of, new_name
from conformance.preview.made_rows import pattern_for
from conformance.preview.submitted_rows import sheet_of

AT_ONCE, ROWS = 3, 3


class Own(NamedTuple):
    """What a company was sent, and the run that imported it."""

    run: Run
    sheet: str
    column: str
    """The column whose texts are this company's alone."""
    texts: list[str]

    def asks(self, ctx: StateDriver) -> dict[str, Callable[[], Answer]]:
        """The calls that show what is the company's."""
        company = self.run.company
        return {
            "the poll": partial(ctx.client.call, "poll_import", company_id=company.id, run_id=self.run.id),
            "the CSV": partial(fetch, ctx, company.id, self.sheet, "all"),
            "the history": partial(ctx.history, company),
        }

    def is_kept(self, what: str, answer: Answer, other: Own) -> bool:
        """Whether the answer is about this company, and not about the other."""
        if what == "the poll":
            return bool(documented(answer.json) == documented(self.run.state))
        if what == "the CSV":
            return sorted(row.get(self.column, "") for row in read(answer).records) == self.texts
        return other.run.id not in answer.text


@check("SEC-02", needs=("completed",), whole=True)
def companies_that_are_alike_keep_their_own(ctx: StateDriver) -> None:
    """Import as many other rows, in files of one name and with one key, into two companies of one name at once."""
    ctx.must_provision()
    sent = [_sent(ctx, company, letter) for company, letter in zip(_namesakes(ctx), "ab", strict=True)]
    key = {"idempotency_key": new_name()}
    owns = [own._replace(run=ctx.begin(own.run.company, own.run.body | key)) for own in sent]
    for own in owns:
        ended = ctx.until(own.run)
        skip_if(at(ended, "status") != "completed", "a file of right rows does not complete")
        skip_if(sheet_of(ended) != own.sheet, "a file of a template's name goes to another sheet (OP-22)")
    for what in owns[0].asks(ctx):
        in_turn = [own.asks(ctx)[what]() for own in owns]
        at_once = ctx.client.concurrently([own.asks(ctx)[what] for own in owns * AT_ONCE])
        for number, answer in enumerate((*in_turn, *at_once)):
            own, other = owns[number % 2], owns[1 - number % 2]
            must_come(answer)
            requirement = f"{what} of one company shows nothing of another that is like it"
            block_if(not answer.ok, f"{what} is not answered", answer)
            ctx.require("SEC-02", own.is_kept(what, answer, other), requirement, answer, got=answer.text)


def _namesakes(ctx: StateDriver) -> tuple[Company, Company]:
    """Two companies of one name, where the account has two sources (PROV-17); else of two names."""
    name, source = new_name(), ctx.source()
    first = ctx.provision(name=name, source=source)
    second = ctx.provision(name=name, source=next((each for each in sources_of(ctx) if each != source), None) or source)
    made = company_of(first), company_of(second if second.ok else ctx.provision())
    block_if(None in made, "a company could not be provisioned", first, second)
    return made  # type: ignore[return-value]  # none is None


def _sent(ctx: StateDriver, company: Company, letter: str) -> Own:
    """Right rows of the company's own, as a file of its template's name that is there to be imported."""
    pattern = pattern_for(ctx, company)
    rows, column = pattern.rows(ROWS), pattern.text_column
    for number, row in enumerate(rows):
        row[column] = f"conformance {letter}{number}"
    names = {str(at(each, "id")): str(at(each, "name")) for each in templates_of(ctx)}
    body = file_of(ctx, company, rows, name=f"{names.get(company.sheets[pattern.sheet_id])}.csv")
    nothing = ctx.history(company)
    return Own(Run(company, "", nothing, body), pattern.sheet_id, column, [str(row[column]) for row in rows])
