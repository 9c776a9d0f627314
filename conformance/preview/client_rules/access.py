"""The key: on every call, in its header, and nowhere else (AUTH)."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from conformance.audit.rule import Found, counted
from conformance.preview.client_rules.history import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.preview.client_rules.history import History

API = "/api/v1/"
REPEATED = 3


@RULES.add(
    "AUTH-01",
    looks_at="Calls under `/api/v1/`, but for OPTIONS, without the header `x-api-key`.",
    expected="the header x-api-key on every call",
    mend="Set x-api-key where the HTTP client is made, so that no single call can forget it.",
)
def _no_key(history: History) -> Iterator[Found]:
    calls = [each for each in history.exchanges if each.path.startswith(API) and each.method != "OPTIONS"]
    if found := [each for each in calls if "x-api-key" not in each.headers]:
        bearer = any("authorization" in each.headers for each in found)
        instead = "; an Authorization header was there instead" if bearer else ""
        yield Found(found, f"{counted(len(found), 'call')} carried no x-api-key header{instead}")


@RULES.add(
    "AUTH-08",
    looks_at="Calls whose path or query holds the key, or a parameter that is called so.",
    expected="the key in the header x-api-key, and nowhere else",
    mend="Take the key out of the URL: proxies and logs keep URLs. A key that was sent so should be replaced.",
)
def _key_in_url(history: History) -> Iterator[Found]:
    if found := [each for each in history.exchanges if each.key_in_url]:
        yield Found(found, f"{counted(len(found), 'call')} had an API key in their URL")


@RULES.add(
    "AUTH-10",
    looks_at=f"One call, with a key, that is answered with 401 {REPEATED} times or more.",
    expected="a 401 ends the attempt: the same key gets the same answer",
    mend="Do not retry a 401; tell somebody that the key is wrong or revoked.",
)
def _repeats_after_401(history: History) -> Iterator[Found]:
    refused = sorted(
        (each for each in history.exchanges if each.path.startswith(API)), key=lambda each: (each.method, each.path)
    )
    for (method, path, is_401), calls in groupby(
        refused, key=lambda each: (each.method, each.path, each.status == 401 and "x-api-key" in each.headers)
    ):
        if is_401 and len(found := list(calls)) >= REPEATED:
            yield Found(found, f"{method} {path} was sent {len(found)} times, and each time answered with 401")
