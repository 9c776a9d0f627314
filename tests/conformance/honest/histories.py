"""Honest servers whose history has another envelope, other items or other pages (OP-08)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from honesty import Honest
from places import handled

from mock_server.http.messages import answer
from mock_server.kernel.errors import Refusal
from mock_server.preview.account import account_of

if TYPE_CHECKING:
    from collections.abc import Callable

CONCERNS = ("HIST", "ACT", "IMP", "IDEM", "RUN-08", "CSV-12", "AUTH-07")


def _history(page: Callable[[list[Any], dict[str, str], str], Any]) -> Any:
    """List imports in another way: `page` is given all items, newest first, the query and the path."""

    def changed(honest: Any) -> Any:
        async def list_imports(call: Any) -> Any:
            if "status" in call.query:
                return await honest(call)
            company = account_of(call.session).company(call.parameters["company_id"])
            account_of(call.session).settle(call.now, company)
            items = [run.listed(run.life(call.now)) for run in reversed(company.imports)]
            return answer(page(items, call.query, call.scope["path"]))

        return list_imports

    return handled("list_imports", changed)


def _numbered(items: list[Any], query: dict[str, str], _: str) -> Any:
    page = int(query["page"]) if query.get("page", "").isdecimal() else 1
    return {"imports": items[page - 1 : page], "page": page, "pages": len(items)}


def _linked(items: list[Any], query: dict[str, str], path: str) -> Any:
    start = int(query.get("start", "0"))
    after = f"{path}?start={start + 2}" if len(items) > start + 2 else None
    return {"count": len(items), "next": after, "previous": None, "results": items[start : start + 2]}


def _edges(items: list[Any], query: dict[str, str], _: str) -> Any:
    first = next((at + 1 for at, each in enumerate(items) if each["run_id"] == query.get("after")), 0)
    shown = items[first : first + 1]
    info = {"hasNextPage": len(items) > first + 1, "endCursor": shown[-1]["run_id"] if shown else None}
    return {"edges": [{"cursor": each["run_id"], "node": each} for each in shown], "pageInfo": info}


def _offset(items: list[Any], query: dict[str, str], _: str) -> Any:
    start, many = (int(query.get(name, usual)) for name, usual in (("offset", "0"), ("limit", "2")))
    return {"data": items[start : start + many], "total": len(items), "offset": start, "limit": many}


def _known_parameters(items: list[Any], query: dict[str, str], _: str) -> Any:
    if strange := set(query) - {"before"}:
        raise Refusal(400, f"unknown query parameter {strange.pop()}")
    return {"runs": items, "has_more": False}


def _renamed(items: list[Any]) -> list[Any]:
    return [{"id": each["run_id"], "state": each["status"], "startedAt": each["created_at"]} for each in items]


HISTORIES = (
    Honest("OP-08", "lists all runs in a bare array", _history(lambda items, *_: items), CONCERNS),
    Honest(
        "OP-08",
        "has other arrays beside that of the runs",
        _history(lambda items, *_: {"imports": items, "tags": [], "errors": ["none"], "links": []}),
        CONCERNS,
    ),
    Honest("OP-08", "pages by number, one run each", _history(_numbered), CONCERNS),
    Honest("OP-08", "gives the address of the next page", _history(_linked), CONCERNS),
    Honest("OP-08", "lists edges with cursors", _history(_edges), CONCERNS),
    Honest("OP-08", "pages by offset", _history(_offset), CONCERNS),
    Honest("OP-08", "lists the ten newest runs alone", _history(lambda items, *_: {"recent": items[:10]}), CONCERNS),
    Honest("OP-08", "refuses unknown query parameters", _history(_known_parameters), CONCERNS),
    Honest("OP-08", "names the members of its items otherwise", _history(lambda items, *_: _renamed(items)), CONCERNS),
    Honest(
        "OP-08",
        "says nothing of a run but its status",
        _history(lambda items, *_: {"items": [{"status": each["status"]} for each in items]}),
        CONCERNS,
    ),
    Honest(
        "OP-08", "lists ids alone", _history(lambda items, *_: {"ids": [each["run_id"] for each in items]}), CONCERNS
    ),
    Honest(
        "OP-08",
        "wraps each run of the history",
        _history(lambda items, *_: {"items": [{"kind": "import", "run": each} for each in items], "next": None}),
        CONCERNS,
    ),
)
