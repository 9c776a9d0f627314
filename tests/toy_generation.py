"""A generation of another API, small enough to be seen at once: a parcel is sent, travels, and arrives.

It has a contract of two operations, a beat of its own, and an account; everything else is the engine's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mock_server.contract.document import Contract
from mock_server.contract.words import Vocabulary
from mock_server.data.templates import Catalogue
from mock_server.http.messages import answer
from mock_server.kernel.clock import duration
from mock_server.kernel.errors import Refusal
from mock_server.scenarios.catalog import World
from mock_server.scenarios.loader import Loader
from mock_server.scenarios.model import Beat, Language
from mock_server.session.generation import Explainer, Generation, Subject
from mock_server.session.store import change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.responses import Response

    from mock_server.faults.model import Targets
    from mock_server.recording.journal import Entry
    from mock_server.scenarios.model import Pace
    from mock_server.session.exchange import Exchange
    from mock_server.session.generation import Run, State
    from mock_server.session.session import Session
    from mock_server.session.store import Log

FOREVER = 1 << 62
HERE = Path(__file__).parent / "toy"


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": "JSON.", "content": {"application/json": {"schema": schema}}}


ERROR = _json({"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}})
PARCEL = _json({"$ref": "#/components/schemas/Parcel"})
CONTRACT = Contract(
    {
        "openapi": "3.1.0",
        "info": {"title": "Parcels", "version": "toy-1"},
        "servers": [{"url": "/post/v7"}],
        "paths": {
            "/parcels": {
                "post": {
                    "operationId": "send_parcel",
                    "x-run": "parcel",
                    "requestBody": {"content": {"application/json": {"schema": {
                        "type": "object", "required": ["to"], "properties": {"to": {"type": "string"}},
                    }}}},
                    "responses": {"201": PARCEL, "400": ERROR, "429": ERROR, "500": ERROR},
                }
            },
            "/parcels/{run_id}": {
                "get": {
                    "operationId": "track_parcel",
                    "x-run": "parcel",
                    "responses": {"200": PARCEL, "404": ERROR, "429": ERROR, "500": ERROR},
                }
            },
        },
        "components": {"schemas": {
            "Status": {"enum": ["travelling", "delivered"], "x-terminal": ["delivered"], "x-waiting": []},
            "Parcel": {
                "type": "object",
                "required": ["run_id", "status"],
                "properties": {"run_id": {"type": "string"}, "status": {"$ref": "#/components/schemas/Status"}},
            },
        }},
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Where:
    """What a parcel is, and until when."""

    status: str
    since: int
    until: int | None
    beat: Beat | None

    @property
    def terminal(self) -> bool:
        """Whether it has arrived."""
        return self.status == "delivered"


@dataclass(frozen=True, slots=True)
class Travel(Beat):
    """The parcel is on the road for so long; then it is delivered."""

    lasts: int

    verb = "travel"

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: object) -> Travel:
        """The beat of a well-formed entry."""
        return cls(duration(entry["travel"]))

    def apply(self, fold: int) -> Iterator[Where]:
        """`fold` is the time at which it sets out."""
        yield Where("travelling", fold, fold + self.lasts, self)
        yield Where("delivered", fold + self.lasts, None, None)

    def describe(self) -> Iterator[str]:
        """What happens, in one line."""
        yield f"`travelling` for {self.lasts} ms"


BEATS: Vocabulary[Beat] = Vocabulary("beat", Travel)


@dataclass(slots=True)
class Parcel:
    """A parcel on its way."""

    id: str
    to: str
    sent: int
    scenario: str
    script: Sequence[Beat]
    pace: Pace = "time"
    kind = "parcel"

    def time(self, now: int) -> int:
        """Parcels travel by the clock."""
        return now

    def life(self, now: int) -> Where:
        """Where it is."""
        states: list[Where] = [state for beat in self.script for state in beat.apply(self.sent)]
        return next(state for state in states if now < (FOREVER if state.until is None else state.until))

    def transitions(self, after: int, until: int) -> Iterator[tuple[int, str, str]]:
        """It arrives once."""
        arrival = self.life(self.sent).until
        if arrival is not None and after < arrival <= until:
            yield arrival, "travelling", "delivered"


class Parcels:
    """The account of one key."""

    tokens = frozenset[str]()

    def __init__(self, session: Session) -> None:
        self.session = session
        self.runs: dict[str, Parcel] = {}

    @property
    def log(self) -> Log:
        """The session's log."""
        return self.session.log

    @change
    def send(self, now: int, to: str) -> Parcel:
        """Send a parcel."""
        scenario = self.session.world.scenario(self.session.scenario)
        parcel = Parcel(self.session.made_id("parcel"), to, now, scenario.name, scenario.run)
        self.runs[parcel.id] = parcel
        return parcel

    def running(self, now: int) -> list[Parcel]:
        """Those that have not arrived."""
        return [parcel for parcel in self.runs.values() if not parcel.life(now).terminal]

    def subject(self, _operation: str, ids: Mapping[str, str], _preferred: str | None, now: int) -> Subject:
        """The parcel of the path."""
        parcel, scenario = self.runs.get(ids.get("run_id", "")), self.session.world.scenario(self.session.scenario)
        return Subject(parcel, parcel.life(now) if parcel else None, None, scenario, None)

    def observe(self, entry: Entry, _path: str, _body: bytes, now: int) -> None:
        """Note where the parcel is now."""
        if (parcel := self.runs.get(entry.ids.get("run_id", ""))) is not None:
            entry.after = parcel.life(now)

    def unread(self, *_: object) -> None:
        """A client that closed too early is nothing to this post."""

    def scenarios(self) -> set[str]:
        """Those of the parcels."""
        return {parcel.scenario for parcel in self.runs.values()}

    def earlier(self, _exchange: Exchange) -> None:
        """A parcel has no past."""

    def step(self, now: int, run_id: str) -> None:
        """Parcels go by the clock alone."""
        raise NotImplementedError(now, run_id)

    def cancel(self, now: int, run_id: str) -> None:
        """A parcel on the road cannot be called back."""
        raise Refusal(409, f"parcel {run_id} is on its way")

    def close(self) -> None:
        """Nothing is held."""


async def send_parcel(call: Exchange) -> Response:
    """Send one."""
    body = await call.json()
    account: Any = call.session.account
    parcel = account.send(call.later(), body["to"])
    call.entry.came_of_it(run_id=parcel.id)
    return answer({"run_id": parcel.id, "status": "travelling"}, 201)


async def track_parcel(call: Exchange) -> Response:
    """Where it is."""
    run_id = call.parameters["run_id"]
    if call.subject.state is None:
        raise Refusal(404, f"no parcel {run_id!r}")
    return answer({"run_id": run_id, "status": call.subject.state.status})


def _legal_calls(_s: Session, _e: Entry, run: Run | None, state: State | None) -> list[dict[str, str]]:
    operation = "send_parcel" if run is None or state is None else "track_parcel"
    return [{"operation": operation, "method": "", "path": "", "remark": "any time"}]


def _targets() -> Targets:
    return {
        "changing": CONTRACT.changing,
        "json": CONTRACT.json_operations,
        "run_reads": CONTRACT.run_reads,
        "about_runs": CONTRACT.naming("run_id"),
    }


LANGUAGE = Language(
    beats=BEATS,
    steps=Vocabulary("step"),
    subject="sender",
    export=(),
    contract=lambda: CONTRACT,
    targets=_targets,
    lint=lambda *_: iter(()),
    schema=str(HERE / "toy"),
)
LOADER = Loader(LANGUAGE)
CATALOGUE = Catalogue((), ())
SCENARIO = LOADER.load_paths([HERE / "by-road.yaml"], CATALOGUE)["by-road"]
WORLD = World(LOADER, CONTRACT, CATALOGUE, {SCENARIO.name: SCENARIO}, {})
PARCELS = Generation(
    name="parcels",
    title="the post office",
    first_read="/parcels/lost",
    contract=CONTRACT,
    handlers={"send_parcel": send_parcel, "track_parcel": track_parcel},
    load_world=lambda _: WORLD,
    open_account=Parcels,
    explainer=Explainer(
        legal_calls=_legal_calls,
        cause=lambda state: "sent" if state.status == "travelling" else None,
        has_caused=lambda _, entry, what: entry.operation == f"{what[:3]}d_parcel",
        next_status=lambda *_: "delivered",
    ),
    show=lambda session, now: {"parcels": [run.life(now).status for run in session.account.runs.values()]},
)
