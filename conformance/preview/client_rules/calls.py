"""The key in its header, refusals, ids and `poll_url` as they were given (AUTH, ERR-04, PROV-20, IMP-14, DEC-43)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from conformance.audit.card import Found, counted
from conformance.preview.client_rules.history import RULES, History, Known, PreviewCall, fate

API = "/api/v1/"
REPEATED = 3
MALFORMED = (400, 405, 415)
"""What is said of a request that is wrong in itself, whenever it comes."""
BROWSER = {"origin", "sec-fetch-site", "sec-fetch-dest"}
"""The headers that a browser adds, and no script in it can leave out; `Sec-Fetch-Mode` alone comes from Node, too."""
BETWEEN = {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"}
"""The headers of a server that passes a browser's request on; the key may be its own."""
PREFLIGHT = "access-control-request-headers"
_COMPANY = re.compile(rf"{API}companies/([^/]+)/")
_POLL_URL = re.compile(rf"{API}companies/[^/]+/(?:im|ex)ports/[^/]+/?")


@RULES.add()
def _no_key(history: History) -> Iterator[Found]:
    calls = [each for each in history.exchanges if each.path.startswith(API) and each.method != "OPTIONS"]
    if found := [each for each in calls if "x-api-key" not in each.headers]:
        bearer = any("authorization" in each.headers for each in found)
        instead = "; an Authorization header was there instead" if bearer else ""
        yield Found(found, f"{counted(len(found), 'call')} carried no x-api-key header{instead}")


@RULES.add()
def _key_in_url(history: History) -> Iterator[Found]:
    if found := [each for each in history.exchanges if each.key_in_url]:
        yield Found(found, f"{counted(len(found), 'call')} had an API key in their URL")


@RULES.add()
def _key_in_browser(history: History) -> Iterator[Found]:
    found = [each for each in history.exchanges if not BETWEEN & each.headers.keys() and _from_browser(each)]
    if found:
        told = ", ".join(sorted(BROWSER & {name for each in found for name in each.headers}))
        yield Found(found, f"{counted(len(found), 'call')} with the API key had the headers of a browser: {told}")


def _from_browser(call: PreviewCall) -> bool:
    """Whether a browser sent the key, or asked whether it may."""
    asks = call.method == "OPTIONS" and "x-api-key" in call.headers.get(PREFLIGHT, "").lower()
    return bool(BROWSER & call.headers.keys()) and (asks or "x-api-key" in call.headers)


@RULES.add(repeated=REPEATED)
def _repeats_after_401(history: History) -> Iterator[Found]:
    refused = sorted(
        (each for each in history.exchanges if each.path.startswith(API)), key=lambda each: (each.method, each.path)
    )
    for (method, path, is_401), calls in groupby(
        refused, key=lambda each: (each.method, each.path, each.status == 401 and "x-api-key" in each.headers)
    ):
        if is_401 and len(found := list(calls)) >= REPEATED:
            yield Found(found, f"{method} {path} was sent {len(found)} times, and each time answered with 401")


@RULES.add(repeated=REPEATED)
def _loops_on_400(history: History) -> Iterator[Found]:
    streaks: dict[tuple[str | None, ...], list[PreviewCall]] = {}
    told: dict[tuple[str | None, ...], Found] = {}
    for each in history.exchanges:
        if each.ok and each.method != "GET":  # what was wrong with a request before may be right now
            streaks = {asked: streak for asked, streak in streaks.items() if streak[-1].company_id != each.company_id}
        if not each.whole or each.status not in MALFORMED or each.raw is None:
            continue
        kind = each.headers.get("content-type")
        asked = (each.method, each.path, each.query, each.upload_ref, kind, each.payload or each.raw)
        streak = streaks.setdefault(asked, [])
        streak.append(each)
        if len(streak) >= REPEATED:
            happened = f"{each.method} {each.path} got {each.status}, and was sent again as it was"
            told[asked] = Found(streak, f"{happened}, {len(streak)} times in all")
    yield from told.values()


@RULES.add()
def _lost_provision_not_recovered(history: History) -> Iterator[Found]:
    calls = history.calls("provision_company")
    for lost in calls:
        alike = [each for each in calls if _is_same_company(lost, each)]
        later = [each for each in alike if each.order > lost.order]
        if not lost.unclear or any(each.unclear or each.ok for each in later):
            continue
        made = {each.company_id for each in alike} - {None}
        after = history.after(lost)
        if any((each.company_id in made and each.whole) or _asks_for_companies(each) for each in after):
            continue
        other = next((each for each in calls if each.order > lost.order and each.ok), None)
        again = f", and {later[-1].status} when it was sent again" if later else ""
        rest = f"exchange {other.id} made another one" if other else "nobody found out what became of it"
        found = [lost, *later, *([other] if other else [])]
        yield Found(found, f"the request for a company {fate(lost)}{again}; {rest}")


def _is_same_company(one: PreviewCall, other: PreviewCall) -> bool:
    """Whether both mean one company: by the id that the client gave it, or by its name and source."""
    given = one.member("external_id")
    named = one.member("name"), one.member("source")
    return (
        other is one
        or (given is not None and other.member("external_id") == given)
        or (None not in named and (other.member("name"), other.member("source")) == named)
    )


def _asks_for_companies(call: PreviewCall) -> bool:
    """Whether it asks which companies there are, as Vern's sample calls do (OP-03)."""
    return call.method == "GET" and call.path.rstrip("/") == f"{API}companies"


@RULES.add()
def _company_id_changed(history: History) -> Iterator[Found]:
    ids, names = _companies(history)
    for call in history.exchanges:
        place = _COMPANY.match(call.path)
        if place is None or call.status not in {400, 404} or (given := place[1]) in ids:
            continue
        meant = names.get(given) or next((each for each in ids if _hexadecimal(each) == _hexadecimal(given)), None)
        if meant is not None:
            yield Found([call], f"the path names the company {given!r}; its id is {meant!r}")


def _companies(history: History) -> tuple[set[str], dict[str, str]]:
    """The ids of the companies that exist, and the other names of each that could be taken for its id."""
    ids = {each.company_id for each in history.exchanges if each.company_id is not None and (each.status or 500) < 400}
    names: dict[str, str] = {}
    for call in history.calls("provision_company"):
        told = call.received if call.ok and isinstance(call.received, dict) else {}
        company = told.get("company")
        if isinstance(company, dict) and isinstance(company.get("id"), str):
            ids.add(company["id"])
            others = (company.get("external_id"), company.get("name"), told.get("workbook_id"))
            names |= {each: company["id"] for each in others if isinstance(each, str)}
    return ids, names


def _hexadecimal(text: str) -> str:
    """The digits of a UUID, however it is written: in upper case, without its hyphens, behind a prefix."""
    return re.sub(r"[^0-9a-z]", "", text.lower())[-32:]


@RULES.add()
def _poll_url_misresolved(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        found = [each for each in history.exchanges if _is_lost_poll(each, known)]
        if found and known.accepted is not None:
            right = known.poll_url or "its poll_url"
            yield Found(found, f"GET {found[0].path} leads nowhere; the run's poll_url is {right}")


def _is_lost_poll(call: PreviewCall, known: Known) -> bool:
    leads_nowhere = call.operation is None and call.status in {404, 405}
    return call.method == "GET" and leads_nowhere and known.id in call.path and call.path != known.poll_url


@RULES.add()
def _poll_url_unused(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        accepted = known.accepted
        if accepted is None or accepted.operation not in {"start_import", "start_export"} or known.polls:
            continue
        if any(_is_lost_poll(each, known) for each in history.exchanges):
            continue  # poll-url-misresolved
        looked = sum(each.is_look_up for each in history.after(accepted) if each.company_id == known.company_id)
        instead = f"; the company's list was read {counted(looked, 'time')} instead" if looked else ""
        yield Found([accepted], f"the run was accepted, and its poll_url was never read{instead}")


@RULES.add()
def _answers_at_poll_url(history: History) -> Iterator[Found]:
    sending = {"POST", "PUT", "PATCH"}
    if found := [each for each in history.exchanges if each.method in sending and _POLL_URL.fullmatch(each.path)]:
        yield Found(found, f"{found[0].method} was sent to the poll URL {found[0].path}")
