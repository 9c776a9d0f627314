"""Lies about runs: what an import is said to be, how its life goes on, what look-ups and histories make of it.

Each keeps the honest rule at hand: a lie is mostly the truth, and wrong in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from places import all_of, around, handled

from mock_server.http import messages as http
from mock_server.kernel.errors import Refusal
from mock_server.preview import account, history, lifecycle, preconditions, runs
from mock_server.preview import operations as api
from mock_server.preview.account import account_of
from mock_server.preview.beats import Review
from mock_server.preview.runs import ImportRun, Run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from lies import App, Lie
    from starlette.responses import Response

    from mock_server.preview.companies import Company
    from mock_server.preview.lifecycle import Life
    from mock_server.scenarios.model import Beat
    from mock_server.session.exchange import Exchange as Call
    from mock_server.session.session import Session

    Handler = Callable[[Call], Awaitable[Response]]


def company_of(call: Call) -> Company:
    """The company of the path."""
    return account_of(call.session).company(call.parameters["company_id"])


def keyed(call: Call, body: dict[str, Any]) -> bool:
    """Whether the start repeats a key of the company's."""
    return ("import", body.get("idempotency_key")) in company_of(call).keys


def run_bodies(change: Callable[[ImportRun, Life, dict[str, Any]], None]) -> Lie:
    """A lie that changes what an import is said to be, wherever its body is shown."""

    def bend(honest: Callable[[ImportRun, Life], dict[str, Any]]) -> Callable[[ImportRun, Life], dict[str, Any]]:
        def described(run: ImportRun, state: Life) -> dict[str, Any]:
            body = honest(run, state)
            change(run, state, body)
            return body

        return described

    return around(ImportRun.described, bend)


def lives(change: Callable[[Life], Iterable[Life]]) -> Lie:
    """A lie about how the life of an import goes on: what each of its states becomes, in order and without a gap."""

    def bend(honest: Callable[..., Iterator[Life]]) -> Callable[..., Iterator[Life]]:
        def states(script: Sequence[Beat], *arguments: Any) -> Iterator[Life]:
            for state in honest(script, *arguments):
                yield from change(state) if any(isinstance(beat, Review) for beat in script) else (state,)

        return states

    return all_of(*(around((module, lifecycle.states), bend) for module in (lifecycle, runs)))


def every_read(change: Callable[[ImportRun, dict[str, Any], int], dict[str, Any] | None]) -> Lie:
    """A lie about an import's body that is told anew at each read; None: the truth. It knows how many came before."""

    def bend(honest: Callable[[Any, Life], bytes]) -> Callable[[Any, Life], bytes]:
        reads: dict[tuple[str, str], int] = {}

        def body_of(run: Any, state: Life) -> bytes:
            told = honest(run, state)
            if not isinstance(run, ImportRun):
                return told
            shown = orjson.loads(told)
            key = run.id, shown["status"]
            reads[key] = reads.get(key, -1) + 1
            changed = change(run, shown, reads[key])
            return told if changed is None else orjson.dumps(changed)

        return body_of

    return around(Run.body_of, bend)


def looked_up(change: Callable[[Any], Any]) -> Lie:
    """A lie of the active look-up alone: what it says in place of a body."""

    def bend(honest: Handler) -> Handler:
        async def list_imports(call: Call) -> Response:
            answer = await honest(call)
            if call.query.get("status") != "active":
                return answer
            return http.answer(change(orjson.loads(answer.body)))

        return list_imports

    return handled("list_imports", bend)


def histories(change: Callable[[list[Any]], list[Any]]) -> Lie:
    """A lie of the history alone: which items a page has in place of its own."""

    def bend(honest: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def page(*arguments: Any) -> dict[str, Any]:
            found = honest(*arguments)
            return found | {"runs": change(found["runs"])}

        return page

    return around((api, history.page), bend)


def busy(blocks: Callable[[Company, int], bool], status: int = 409) -> Lie:
    """A lie about which companies may not start another import."""

    def refuse_busy(company: Company, now: int) -> None:
        if blocks(company, now):
            raise Refusal(status, "an import of this company is in flight")

    modules = (api, account)
    return all_of(*(around((module, preconditions.refuse_busy), lambda _: refuse_busy) for module in modules))


def everywhere(app: App) -> Iterator[Session]:
    """Every session of the server, for a lie that does not keep accounts apart."""
    yield from app.sessions._open.values()
