"""A generation of the API as one value: all that the engine needs to serve, script, record, bend and explain it.

`server`, `admin`, `explain`, `coverage` and `player` are given one and know none. `preview/` makes the first; another
stands beside it without a change here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mock_server.dialects.dialect import READINGS, Dialects

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from mock_server.contract.document import Contract
    from mock_server.recording.journal import Entry
    from mock_server.scenarios.catalog import World
    from mock_server.scenarios.model import Beat, Pace, Scenario
    from mock_server.session.session import Session

    Handler = Callable[[Any], Awaitable[Response]]
    """Answers a call of one operation; it is given the call's `Exchange`, and tells its entry what came of it."""

OF_ANY_API = Dialects(*READINGS)
"""The dialects of the readings that fit any API."""


class State(Protocol):
    """What a run is from `since` until `until` (None: until somebody acts, or for ever)."""

    @property
    def status(self) -> str: ...
    @property
    def since(self) -> int: ...
    @property
    def until(self) -> int | None: ...
    @property
    def terminal(self) -> bool: ...
    @property
    def beat(self) -> Beat | None: ...


class Run(Protocol):
    """Something that was started and takes its time."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def scenario(self) -> str: ...
    @property
    def script(self) -> Sequence[Beat]: ...
    @property
    def pace(self) -> Pace: ...
    def time(self, now: int, /) -> int: ...
    def life(self, now: int, /) -> State: ...
    def transitions(self, after: int, until: int, /) -> Iterator[tuple[int, str, str]]: ...


class Subject(NamedTuple):
    """What a call is about, as it is when the call arrives."""

    run: Run | None
    """The run of its path."""
    state: State | None
    """What that run is."""
    flight: tuple[str, State] | None
    """For a call that names no run: the id and state of the one in flight that it would meet."""
    scenario: Scenario | None
    """The scenario by whose faults it may be hit."""
    budget: tuple[str, int] | None
    """A further rate budget that it spends: whose, and its limit a minute."""


class Account(Protocol):
    """What a generation keeps for one key."""

    @property
    def tokens(self) -> Container[str]:
        """The secrets of its signed URLs."""

    @property
    def runs(self) -> Mapping[str, Run]:
        """Everything that was started, by its id."""

    def running(self, now: int) -> Iterable[Run]:
        """The runs that have not ended at `now`, in the order of their start."""

    def subject(self, operation: str, ids: Mapping[str, str], preferred: str | None, now: int) -> Subject:
        """What a call is about whose path has these ids; `preferred` is the scenario that it asks for."""

    def observe(self, entry: Entry, path: str, body: bytes, now: int) -> None:
        """A call is over: its entry, its path, and the beginning of its body; note what its run has become."""

    def unread(self, entry: Entry, path: str, body: bytes) -> None:
        """A call that was observed turns out to be one whose client did not read the answer."""

    def scenarios(self) -> set[str]:
        """The names of the scenarios that it has used."""

    def earlier(self, exchange: Any) -> tuple[bytes, str] | None:
        """For a stale read: the body before the present one, and what it shows, in words; None when there is none."""

    def step(self, now: int, run_id: str) -> None:
        """Let the run's own time pass to its next change."""

    def cancel(self, now: int, run_id: str) -> None:
        """Stop the run as somebody at the vendor would; raises Refusal 409 when it cannot be."""

    def close(self) -> None:
        """Give back what is held outside memory."""


class SignedUrl(NamedTuple):
    """A kind of URL that is its own credential: under which path, what is put there, and who it belongs to."""

    prefix: str
    operation: str
    id: str
    """The name of the id that a call of it is about, here and in the answer that gives the URL."""
    member: str
    """The member of that answer that holds the URL."""
    find: Callable[[Any, str], Mapping[str, str] | None]
    """What the URL of this token is about in an account: its ids; None when the account does not have it."""
    put: Handler


class Explainer(NamedTuple):
    """What a generation knows of an exchange, beside what its contract says."""

    legal_calls: Callable[[Session, Entry, Run | None, State | None], list[dict[str, str]]] = lambda *_: []
    """The calls that were legal then: for the run that the exchange was about in this state, or without one."""
    known_ids: Callable[[Session, Entry], str | None] = lambda *_: None
    """For something that is not there, which are, in words."""
    wrong_members: Callable[[Session, Entry, Any], list[dict[str, Any]]] = lambda *_: []
    """What of a refused body the contract takes and the run does not: path, text and clause of each."""
    cause: Callable[[State], str | None] = lambda _: None
    """What somebody did that made a run so, as a past participle; None when it became so by itself."""
    has_caused: Callable[[Session, Entry, str], bool] = lambda *_: False
    """Whether an exchange did that to its run."""
    next_status: Callable[[Run, State], str] = lambda run, state: run.life(state.until or 0).status
    """What a run becomes when this state ends by itself."""


class Generation(NamedTuple):
    """One generation of the API."""

    name: str
    title: str
    """What it answers as."""
    first_read: str
    """The path of a read that needs nothing but a key, for whoever tries it first."""
    contract: Contract
    handlers: Mapping[str, Handler]
    """By operationId; `tests/test_architecture.py` holds them to the contract's."""
    load_world: Callable[[Sequence[Path]], World]
    """The built-in scenarios and those of files and folders; raises BadFiles."""
    open_account: Callable[[Session], Account]
    signed: tuple[SignedUrl, ...] = ()
    pages: tuple[BaseRoute, ...] = ()
    """What the answers link to beside the API."""
    ids: tuple[str, ...] = ("run_id",)
    """The names of the ids that a call can be about, in the order in which the journal shows them."""
    dialects: Dialects = OF_ANY_API
    """The dialects in which it can answer."""
    explainer: Explainer = Explainer()
    show: Callable[[Session, int], dict[str, Any]] = lambda *_: {}
    """What `GET /_mock/session` shows of an account."""
    is_named: Callable[[Session, str], bool] = lambda *_: False
    """Whether a path names something that this session alone has."""
    coverage: Callable[[], Any] | None = None
    """Makes the `Coverage` of what a client can meet; None: error codes and faults alone."""
