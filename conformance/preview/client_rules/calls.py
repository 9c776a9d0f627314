"""The key in its header, ids and the `poll_url` as they were given (AUTH, PROV-20, IMP-14, DEC-43)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from conformance.audit.card import Found, counted
from conformance.preview.client_rules.history import RULES, History, Known, PreviewCall

API = "/api/v1/"
REPEATED = 3
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
