"""The report as one HTML page that needs no script, no network and no wide screen.

It is XML as well, so that one parser can hold every page to it; colours never say what no word says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

from conformance.model.results import Exchange, Finding, Outcome, Result, Results
from conformance.report import summary
from conformance.report.escape import as_html, line
from conformance.verdict import judge

_CODE = re.compile("`([^`]+)`")
_SIGNS = {outcome: sign for outcome, (sign, _, _) in summary.SIGNS.items()}


def render(results: Results) -> str:
    """The whole page."""
    body = "\n".join(
        part
        for section in (_verdict, _faults, _matrix, _readings, _unverified, _left_behind, _clauses)
        for part in section(results)
    )
    title = f"Conformance of {_line(results.target)}: {judge(results).word}"
    return f"""<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
<meta name="color-scheme" content="light dark" />
<title>{title}</title>
<style>{_style()}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


@lru_cache(maxsize=1)
def _style() -> str:
    return files("conformance.report").joinpath("style.css").read_text("utf-8")


def _verdict(results: Results) -> Iterator[str]:
    verdict = judge(results)
    yield f'<header class="verdict code-{verdict.code}">'
    yield f"<h1>Preview API conformance: {verdict.word}</h1>"
    yield f'<p class="headline">{_line(verdict.headline)}</p>'
    yield "</header>"
    if verdict.remarks:
        yield "<ul>" + "".join(f"<li>{_line(remark)}</li>" for remark in verdict.remarks) + "</ul>"
    facts = "".join(f"<div><dt>{name}</dt><dd>{_line(value)}</dd></div>" for name, value in summary.facts(results))
    yield f'<dl class="facts">{facts}</dl>'


def _faults(results: Results) -> Iterator[str]:
    found = summary.faults(results)
    if not found:
        return
    yield f"<h2>Faults ({len(found)})</h2>"
    for result in found:
        yield f'<article class="fault {_class(result.outcome)}">'
        yield f"<h3>{_name(result)}</h3><p>{_prose(result.text)}</p>"
        for finding in summary.evidence(result):
            yield from _finding(finding)
        yield f"<p>To repeat it:</p><pre>{as_html(summary.again(results, [result.clause]))}</pre></article>"


def _finding(finding: Finding) -> Iterator[str]:
    said = summary.texts(finding).items()
    rows = "".join(f"<div><dt>{label}</dt><dd>{_line(text)}</dd></div>" for label, text in said)
    yield f'<dl class="finding">{rows}</dl>'
    for exchange in finding.exchanges:
        yield from _exchange(exchange)


def _exchange(exchange: Exchange) -> Iterator[str]:
    asked, got = summary.dialogue(exchange)
    answer = "no answer" if exchange.status is None else str(exchange.status)
    yield f"<details><summary>Exchange {exchange.number}: {_line(exchange.method)} "
    yield f"{_line(exchange.operation or exchange.url)} → {answer}</summary>"
    yield f"<p>Request</p><pre>{as_html(asked)}</pre><p>Answer</p><pre>{as_html(got)}</pre>"
    yield f"<p>As a command</p><pre>{as_html(exchange.curl)}</pre></details>"


def _matrix(results: Results) -> Iterator[str]:
    if not results.results:
        return
    present = {result.outcome for result in results.results}
    yield "<h2>Clauses by area</h2>"
    legend = (f"<span>{sign}&#160;{outcome.word}</span>" for outcome, sign in _SIGNS.items() if outcome in present)
    yield f'<p class="legend">{" ".join(legend)}</p>'
    yield '<div class="areas">'
    for area in summary.areas(results):
        heading = f"<h3>{_line(area.title)} <small>{_line(area.id)}</small></h3>"
        cells = "".join(_cell(result) for result in area.results)
        yield f'<section class="area">{heading}<p>{area.tally}</p><p class="cells">{cells}</p></section>'
    yield "</div>"


def _cell(result: Result) -> str:
    clause, outcome = _line(result.clause), result.outcome
    loud = outcome in summary.FAULTS or outcome is Outcome.INCONCLUSIVE
    inside = f"{clause} {outcome.word}" if loud else clause.partition("-")[2] or clause
    title = f"{outcome.word}: {_line(result.text)}"
    return f'<a class="cell {_class(outcome)}" href="#{clause}" title="{title}">{_SIGNS[outcome]} {inside}</a> '


def _readings(results: Results) -> Iterator[str]:
    found, noted = summary.readings(results), summary.notes(results)
    if not found and not noted:
        return
    yield "<h2>Open points: how this implementation reads them</h2>"
    yield "<table><thead><tr><th>Point</th><th>What is left open</th><th>Reading</th></tr></thead><tbody>"
    for each in found:
        links = ", ".join(f'<a href="#{_line(clause)}">{_line(clause)}</a>' for clause in each.clauses)
        cells = f"<td>{_prose(each.question)} <small>{links}</small></td><td>{_prose(each.reading)}</td>"
        yield f"<tr><th>{_line(each.open_point)}</th>{cells}</tr>"
    for clause, note in noted:
        yield f"<tr><th>{_line(clause)}</th><td>noted</td><td>{_line(note)}</td></tr>"
    yield "</tbody></table>"


def _unverified(results: Results) -> Iterator[str]:
    found = summary.unverified(results)
    if not found:
        return
    yield "<h2>Not verified</h2><ul>"
    for each in found:
        clauses = _line(", ".join(each.clauses))
        yield f"<li><b>{each.outcome.word}</b>: {_line(each.reason)} <small>{clauses}</small>"
        if each.exchange is not None:
            yield from _exchange(each.exchange)
        yield "</li>"
    yield "</ul>"


def _left_behind(results: Results) -> Iterator[str]:
    if results.left_behind:
        things = "".join(f"<li>{_line(thing)}</li>" for thing in results.left_behind)
        yield "<h2>Left behind</h2><p>This run created it, and nothing in the contract removes it.</p>"
        yield f"<ul>{things}</ul>"


def _clauses(results: Results) -> Iterator[str]:
    if not results.results:
        return
    yield "<h2>Every clause</h2>"
    for area in summary.areas(results):
        yield f"<details><summary>{_line(area.id)} {_line(area.title)}: {area.tally}</summary>"
        for result in area.results:
            why = "" if result.outcome in {Outcome.PASSED, *summary.FAULTS} else f": {_line(summary.reason(result))}"
            yield f'<div class="clause" id="{_line(result.clause)}"><h4>{_name(result)}{why}</h4>'
            # What was seen of a clause that could not be judged; faults have their own section.
            evidence = summary.evidence(result) if result.outcome is Outcome.INCONCLUSIVE else ()
            seen = "".join(part for finding in evidence for each in finding.exchanges for part in _exchange(each))
            yield f"<p>{_prose(result.text)}</p>{seen}</div>"
        yield "</details>"


def _name(result: Result) -> str:
    word = f'<span class="word {_class(result.outcome)}">{result.outcome.word}</span>'
    return f"{_line(result.clause)} {word} <small>{_line(result.level)}</small>"


def _class(outcome: Outcome) -> str:
    return outcome.word.replace(" ", "-")


def _line(text: str) -> str:
    return as_html(line(text))


def _prose(text: str) -> str:
    """A sentence of ours, in which backticks set off what is code."""
    return _CODE.sub(r"<code>\1</code>", _line(text))
