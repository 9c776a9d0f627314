"""The report as Markdown, for the summary page of a CI job: short first, faults folded, never more than 200 kB.

Every text is escaped for a table cell, and everything that went over a wire stands in `<pre>` as HTML text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from conformance.report import summary
from conformance.report.details import brief, findings
from conformance.report.dispute import dispute
from conformance.report.escape import as_html, as_markdown
from conformance.verdict import PASSED, judge
from mock_server.contract.escape import cut, line
from mock_server.contract.nearest import counted

if TYPE_CHECKING:
    from conformance.model.results import Exchange, Result, Results

MOST_BYTES = 200_000
"""CI services cut or refuse longer summaries."""

_CELL = 400
_BODY = 2_000
_FINDINGS = 5


def render(results: Results) -> str:
    """The whole report; what does not fit is left out block by block, and the last line says so."""
    blocks = list(_blocks(results))
    # The last line needs room of its own, whatever comes before it.
    room = MOST_BYTES - 200
    kept: list[str] = []
    for block in blocks:
        if (size := len(block.encode()) + 1) <= room:
            room -= size
            kept.append(block)
    if left_out := len(blocks) - len(kept):
        parts = counted(left_out, "part")
        kept.append(f"*This report is cut short by {parts}; `--html` and `--json` have everything.*\n")
    return "\n".join(kept)


def _blocks(results: Results) -> Iterator[str]:
    verdict = judge(results)
    sign = "✅" if verdict.code == PASSED else "❌"
    yield f"## {sign} Preview API conformance: {verdict.word}\n\n**{_text(verdict.headline)}**\n"
    if areas := summary.areas(results):
        head = ["area", *(outcome.word for outcome in summary.COLUMNS)]
        rows = [[f"{a.id} {a.title}", *(str(a.counts[outcome] or "") for outcome in summary.COLUMNS)] for a in areas]
        yield _table(head, rows)
    for remark in verdict.remarks:
        yield f"- {_text(remark)}\n"
    yield from _to_mend(results)
    for result in summary.faults(results):
        yield _fault(results, result)
    if seen := [each for each in summary.readings(results) if each.reading != summary.NOT_SEEN]:
        rows = [[each.open_point, each.question, ", ".join(each.clauses), each.reading] for each in seen]
        yield "### Open points: how this implementation reads them\n"
        yield _table(["point", "what is left open", "clauses", "reading"], rows)
    if noted := summary.notes(results):
        yield _table(["clause", "note"], noted)
    if unverified := summary.unverified(results):
        yield "### Not judged\n"
        rows = [[each.outcome.word, each.reason, ", ".join(each.clauses)] for each in unverified]
        yield _table(["outcome", "reason", "clauses"], rows)
        for each in unverified:
            if each.exchange is not None:
                said = _html(line(f"{each.outcome.word}: {each.reason}"))
                yield f"<details><summary>{said}</summary>\n\n{_exchange(each.exchange)}\n</details>\n"
    yield _text("; ".join(f"{name} {value}" for name, value in summary.facts(results))) + "\n"


def _to_mend(results: Results) -> Iterator[str]:
    """What others wait for, and all that failed."""
    if causes := summary.causes(results):
        yield "### Mend first\n"
        rows = [[cause.clause, str(len(ids)), why] for cause in causes for why, ids in cause.reasons.items()]
        yield _table(["failed clause", "others that wait", "why they could not be judged"], rows)
    if found := summary.faults(results):
        yield "### To be mended\n"
        rows = [[f.outcome.word, f"{f.clause} ({f.level})", [*map(brief, findings(f)), f.text][0]] for f in found]
        yield _table(["", "clause", "what came"], rows)


def _fault(results: Results, result: Result) -> str:
    said = f"<b>{result.outcome.word} {_html(result.clause)}</b> ({_html(result.level)}): {_html(line(result.text))}"
    found = summary.evidence(result)
    parts = []
    for finding in found[:_FINDINGS]:
        parts += [_table(["", ""], summary.texts(finding).items()), *map(_exchange, finding.exchanges[:2])]
    if len(found) > _FINDINGS:
        parts.append(f"and {counted(len(found) - _FINDINGS, 'more finding')} about this clause\n")
    parts.append(f"To repeat it:\n{_pre(summary.again(results, [result.clause]))}")
    if disputed := dispute(result.clause):
        parts.append("To dispute it:\n\n" + "".join(f"- {_text(each)}\n" for each in disputed))
    return f"<details><summary>{said}</summary>\n\n" + "\n".join(parts) + "\n</details>\n"


def _exchange(exchange: Exchange) -> str:
    asked, got = summary.dialogue(exchange)
    return f"Exchange {exchange.number}:\n{_pre(asked)}{_pre(got)}{_pre(exchange.curl)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_text(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _text(text: str) -> str:
    return as_markdown(text, _CELL)


def _html(text: str) -> str:
    return as_html(cut(line(text), _CELL))


def _pre(text: str) -> str:
    # A blank line would be harmless in <pre>, and a line of its own keeps the Markdown around it alive.
    return f"\n<pre>{as_html(cut(text, _BODY))}</pre>\n\n"
