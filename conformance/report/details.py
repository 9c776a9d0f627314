"""What is told of one clause that failed, for a terminal: its findings, each exchange once, how to repeat it.

Of an exchange only what was judged is shown, and nothing twice; the report of `--json` has all of it.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from textwrap import TextWrapper
from typing import TYPE_CHECKING

import click

from conformance.report import summary
from conformance.report.dispute import dispute
from mock_server.contract.escape import cut, escape, line
from mock_server.contract.nearest import counted

if TYPE_CHECKING:
    from conformance.model.results import Exchange, Finding, Result, Results

WIDTH = 80

_COLOURS = {outcome: colour for outcome, (_, _, colour) in summary.SIGNS.items()}
_FINDINGS = 3
_EXCHANGES = 2
_TEXT = 800
_BRIEF = 240
_ALIKE = 60
"""Characters by which a text is known for the body of an answer."""
_JUDGED = ("content-type", "location", "retry-after")
"""Headers that checks look at; others are shown where the finding speaks of them."""
_OF_A_SHAPE = "an answer of the contract's shape"
_SEEN_BY = {"observer": "the rules over all exchanges of a run", "shape": "the contract's schema of each answer"}
_BODY = re.compile(r"[\[{<]")
_WITH_BODY = re.compile(r"(^|: |; )(\d{3}) [\[{<][^;]*")
"""A status and the body that came with it, alone or one of several."""


def fault(results: Results, result: Result) -> Iterator[str]:
    """All that is said of one clause that failed."""
    mark = click.style(result.outcome.word.upper(), fg=_COLOURS[result.outcome], bold=True)
    yield f"{mark}  {click.style(line(result.clause), bold=True)} ({line(result.level)})"
    yield from wrapped(line(result.text))
    found, seen = findings(result), set[int]()
    for finding in found[:_FINDINGS]:
        yield ""
        yield from _finding(result, finding, seen)
    if more := found[_FINDINGS:]:
        yield from ("", f"  and {counted(len(more), 'more finding')}:")
        for finding in more[: 4 * _FINDINGS]:
            yield from wrap(brief(finding), "    ", "      ")
    yield ""
    yield f"  to repeat it: {line(summary.again(results, [result.clause]))}"
    for number, each in enumerate(dispute(result.clause)):
        yield from wrap(each, "    " if number else "  to dispute it: ", "    ")


def findings(result: Result) -> Sequence[Finding]:
    """The findings that speak against a clause; what a schema says of one answer is one of them, and stands once."""
    found: dict[object, Finding] = {}
    told = set[str]()
    for each in summary.evidence(result):
        key: object = len(found)
        if _is_about_a_shape(each):
            if each.got in told:
                continue
            told.add(each.got)
            key = (each.check, *(shown.number for shown in each.exchanges))
        before = found.get(key)
        found[key] = each if before is None else replace(before, got=f"{before.got}; {each.got}")
    return tuple(found.values())


def brief(finding: Finding) -> str:
    """What was required and what came instead, without the bodies of answers."""
    if not finding.got:
        return line(cut(finding.reason or finding.requirement, _BRIEF)) or "no reason was given"
    if _is_about_a_shape(finding):
        return line(cut(finding.got, _BRIEF))
    sides = {"expected": finding.expected, "got": _short(finding.got)}
    told = [f"{side} {cut(text, _BRIEF)}" for side, text in sides.items() if text and not _BODY.match(text)]
    if len(told) == 1 and finding.expected and told[0].startswith("expected"):
        told.append("got something else")
    return line(f"{cut(finding.requirement, _BRIEF).removesuffix('.')}: {'; '.join(told) or 'not so'}")


def exchange(shown: Exchange, about: str = "") -> Iterator[str]:
    """An exchange: the request, unless its command says all of it, and the answer; `about` names headers to show."""
    yield f"  exchange {shown.number}" + (f" ({line(shown.operation)})" if shown.operation else "")
    if not (shown.url in shown.curl and (not shown.request_body or shlex.quote(shown.request_body) in shown.curl)):
        yield from _message(
            ">", f"{shown.method} {shown.url}", _headers(shown.request_headers, about), shown.request_body
        )
    yield f"    {escape(shown.curl)}"
    if shown.status is None:
        yield from _message("<", f"no answer: {shown.problem or 'no reason was given'}", [], "")
    else:
        problem = f" ({shown.problem})" if shown.problem else ""
        yield from _message("<", f"{shown.status}{problem}", _headers(shown.headers, about), shown.body)


def wrap(text: str, first: str, rest: str, *, at_hyphens: bool = False) -> list[str]:
    """A paragraph with these indents; what has hyphens, as ids do, stays in one piece where it can."""
    return TextWrapper(WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=at_hyphens).wrap(text)


def wrapped(text: str, indent: str = "  ") -> list[str]:
    """A paragraph."""
    return wrap(text, indent, indent)


def labelled(label: str, text: str, width: int = 10) -> list[str]:
    """A paragraph beside its label."""
    return wrap(text, f"  {label:<{width}}", " " * (width + 2))


def telling(exchanges: Sequence[Exchange]) -> Sequence[Exchange]:
    """The exchanges that show it best: the one whose status no other has with one beside it, or else the last ones."""
    if len(exchanges) <= _EXCHANGES:
        return exchanges
    number = Counter(each.status for each in exchanges)
    odd = [place for place, each in enumerate(exchanges) if number[each.status] == 1]
    last = odd[0] if len(odd) == 1 and len(number) == _EXCHANGES else len(exchanges) - 1
    return exchanges[:2] if last == 0 else exchanges[last - 1 : last + 1]


def _finding(result: Result, finding: Finding, seen: set[int]) -> Iterator[str]:
    said = summary.texts(finding)
    checked = said.pop("check", "")
    about = line(" ".join(said.values())).lower()
    if finding.exchanges and finding.got:
        last = finding.exchanges[-1]
        is_body = _BODY.match(finding.got) and line(last.body).startswith(line(finding.got)[:_ALIKE])
        said["got"] = f"the answer of exchange {last.number}" if is_body else _short(finding.got)
    if said.get("required") == result.text:
        del said["required"]
    if _is_about_a_shape(finding):
        said.pop("expected", None)
    for label, text in said.items():
        yield from labelled(label, cut(line(text), _TEXT))
    yield from labelled("seen by", _SEEN_BY.get(checked) or f"the check {line(checked)}")
    shown = telling(finding.exchanges)
    for each in shown:
        if each.number in seen:
            yield f"  exchange {each.number}, above"
        else:
            yield from exchange(each, about)
            seen.add(each.number)
    if left := len(finding.exchanges) - len(shown):
        yield f"  and {counted(left, 'more exchange')}, in --json"


def _is_about_a_shape(finding: Finding) -> bool:
    return finding.check == "shape" or finding.expected == _OF_A_SHAPE


def _short(got: str) -> str:
    """What came, each status without the body that came with it."""
    return _WITH_BODY.sub(r"\1\2", got)


def _headers(headers: Mapping[str, str], about: str) -> list[str]:
    told = {*_JUDGED, *re.findall(r"[\w-]+", about)}
    return [f"{name}: {value}" for name, value in headers.items() if name.lower() in told]


def _message(arrow: str, first: str, headers: Sequence[str], body: str | None) -> Iterator[str]:
    text = "\n".join([first, *headers, *([cut(body, _TEXT)] if body else [])])
    for each in escape(text).split("\n"):
        yield from wrap(each, f"    {arrow} ", f"    {arrow}   ", at_hyphens=True)
