"""An explanation as a person reads it: what was asked, what it met, why it was refused, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mock_server.contract.escape import lines
from mock_server.kernel.clock import in_words


def text(why: dict[str, Any]) -> str:
    """The explanation in lines; nothing of what a client has sent breaks one, or steers a terminal."""
    if not why["found"]:
        return lines([f"{why['id']}: {why['said']}"])
    return lines([_head(why), *(f"  {line}" for line in _lines(why))])


def _head(why: dict[str, Any]) -> str:
    answered = "under way" if why["under_way"] else "no answer" if why["status"] is None else str(why["status"])
    if why["lost"] and why["status"] is not None:
        answered += ", lost on its way"
    name = f" ({why['operation']})" if why["operation"] else ""
    when = f" at {_time(why['at'])}" if why["at"] else ""
    return f"{why['id']}  {why['call']}{name} -> {answered}{when}"


def _lines(why: dict[str, Any]) -> Iterator[str]:
    if why["nearest"]:
        near = why["nearest"]
        yield f"the contract has no such call; did you mean {near['method']} {near['path']} ({near['operation']})?"
    if why["fault"]:
        yield f"a fault bent it: {why['fault']}"
    if why["example"]:
        yield f"Prefer asked for the contract's example {why['example']}: nothing was done"
    if why["dialect"] != "documented":
        yield f"said in the dialect {why['dialect']}"
    if why["run"]:
        yield from _run(why["run"], why["after"])
    yield from (f"{name}: {missing}" for name, missing in why["kept"].items() if missing)
    yield from _refusal(why)
    if why["known"]:
        yield why["known"]
    if why["next"]:
        yield f"next change: {_next(why['next'])}"
    elif why["run"]:
        yield "next change: none; the run has ended"
    if why["legal"]:
        yield "legal then:"
        yield from (f"  {each['method']} {each['path']}: {each['remark']}" for each in why["legal"])


def _refusal(why: dict[str, Any]) -> Iterator[str]:
    if why["refusal"]:
        clause = why["clause"]
        yield f"refused: {why['refusal']}" + (f" [{clause['id']}]" if clause else "")
        if clause:
            yield f"{clause['id']}: {clause['text']}"
        elif why["clauses"]:
            yield f"the contract names for it: {', '.join(why['clauses'])}"
    for each in why["differences"]:
        where = "" if each["text"].startswith(each["path"]) else f"{each['path']}: "
        yield f"wrong: {where}{each['text']}" + (f" [{each['clause']}]" if each["clause"] else "")


def _run(run: dict[str, Any], after: str | None) -> Iterator[str]:
    """E.g. `run d4c3… was running since 12:03:10 (approved 4 s before, by request 17); beat 3 of 5 (work) of …`."""
    because, beat = run["because"], run["beat"]
    since = f" since {_time(run['since'])}" if run["for"] is not None else ""
    how = ""
    if because is not None:
        before = "" if because["before"] is None else f" {in_words(because['before'])} before"
        by = "an exchange that is forgotten" if because["by"] is None else f"request {because['by']}"
        how = f" ({because['what']}{before}, by {by})"
    place = "" if beat is None else f"beat {beat['number']} of {beat['of']} ({beat['is']}) "
    if beat is not None and beat["within"]:
        place += f"in {beat['within']} "
    pace = "" if run["pace"] == "time" else f", pace {run['pace']}"
    yield f"{run['kind']} {run['run_id']} was {run['status']}{since}{how}; {place}of scenario {run['scenario']}{pace}"
    if after not in {None, run["status"]}:
        yield f"when the answer was ready, it was {after}"


def _next(coming: dict[str, Any]) -> str:
    to = f": {coming['status']}" if coming["status"] else ""
    if coming["in"] is not None and coming["by"] == "itself":
        return f"in {in_words(coming['in'])}{to}"
    if coming["in"] is not None:
        return f"in {in_words(coming['in'])} the call is admitted again"
    return f"by {coming['by']}{to}"


def _time(iso: str) -> str:
    """The time of day of a date, to the second, or the millisecond where there are some."""
    return iso[11:23].removesuffix(".000") if not iso.endswith(".000Z") else iso[11:19]
