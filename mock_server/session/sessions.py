"""All sessions by API key: opened on first use, capped, and closed when idle.

A key that is in use keeps its session, whoever else comes: see `docs/decisions/0017-whose-session-ends.md`.
"""

from __future__ import annotations

from collections import ChainMap, OrderedDict
from itertools import islice, takewhile
from math import ceil
from typing import TYPE_CHECKING, Any

from mock_server.kernel.clock import SECOND
from mock_server.kernel.errors import Refusal
from mock_server.kernel.settings import KEY, Settings
from mock_server.recording.journal import Journal
from mock_server.session.session import IN_HAND, Session

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from mock_server.scenarios.catalog import World
    from mock_server.session.exchange import Exchange
    from mock_server.session.generation import Generation, SignedUrl

LOOKS = 500
"""Sessions with a run in flight that are looked at for one without, where one of them would do."""


class Sessions:
    """The sessions of one server."""

    def __init__(self, settings: Settings, world: World, generation: Generation) -> None:
        self.settings = settings
        self.world = world
        self.generation = generation
        self.contract = generation.contract
        self._idle = settings.session_idle
        self._open: OrderedDict[str, Session] = OrderedDict()
        """Least recently used first."""
        self._keys: Container[str] = ChainMap[str, Any](self._open, dict.fromkeys(settings.api_keys))
        self.strays = Journal(ids=generation.ids, stray=True, keys=self._keys)
        """Calls without an accepted key, which belong to no session."""
        self.receiving: dict[Exchange, int] = {}
        """The calls that wait for more of their body, and since which real time."""
        self.ending = False
        """True once the server ends: nobody is to wait for anything any longer."""
        self.memory: int | None = None
        """Bytes that the process occupied when somebody looked last; None where nobody can."""
        self._full = 0
        """Until then nobody looks again whether a session may be closed for another."""
        self.refused = 0
        """How many calls found no room for their key."""
        self.opened = 0
        """How many keys have opened a session so far; one that is reset counts once."""

    def __len__(self) -> int:
        return len(self._open)

    def accepted(self, key: str | None) -> str:
        """The key itself; Refusal 401 for one that is missing, malformed, unknown or revoked (AUTH-02 to AUTH-04)."""
        if not key:
            raise Refusal(401, "the x-api-key header is missing", "AUTH-02")
        if KEY.fullmatch(key) is None:
            text = "the API key is malformed; expected 4 to 128 characters of A-Z, a-z, 0-9, _, . and -"
            raise Refusal(401, text, "AUTH-03")
        if key.startswith("invalid"):
            raise Refusal(401, "the API key is invalid", "AUTH-03")
        if key.startswith("revoked"):
            raise Refusal(401, "the API key has been revoked", "AUTH-04")
        if self.settings.api_keys and key not in self.settings.api_keys:
            raise Refusal(401, "the API key is unknown", "AUTH-03")
        return key

    def enter(self, given: str | None, real: int) -> Session:
        """The session of the key that a call carries; Refusal 401 unless the key is accepted."""
        known = None if given is None else self._open.get(given)
        if known is None or known.world is not self.world or known.used <= real - self._idle:
            return self.session(self.accepted(given), real)
        self._open.move_to_end(known.key)
        known.use(real)
        return known

    def session(self, key: str, real: int) -> Session:
        """The session of an accepted key, opened when there is none, or none that was used lately.

        Refusal 503 when there is no room for another.
        """
        session = self._open.get(key)
        if session is not None and self._is_over(session, real):
            self._close(session)
            session = None
        if session is None:
            self.close_idle(real)
            if len(self._open) >= self.settings.max_sessions:
                self._make_room(real)
            session = self._open[key] = Session(key, self.settings, self.world, self.generation, real, self._keys)
            self.opened += 1
        else:
            self._open.move_to_end(key)
            if session.world is not self.world:
                session.see(session.clock.at(real), self.world)
        session.use(real)
        return session

    def reset(self, key: str, real: int) -> Session:
        """The key's session as if it had just been opened."""
        if key in self._open:
            self._open.pop(key).close()
            self.opened -= 1
        return self.session(key, real)

    def find_signed(self, url: SignedUrl, token: str) -> tuple[Session, Mapping[str, str]] | None:
        """The session of a signed URL, and what it is about; the URL itself is the credential (AUTH-09)."""
        for session in self._open.values():
            if (ids := url.find(session.account, token)) is not None:
                return session, ids
        return None

    def let_go(self) -> None:
        """The server ends; whoever waits for an exchange is told what there is."""
        self.ending = True
        for journal in (self.strays, *(session.journal for session in self._open.values())):
            journal.waiting.wake()

    def close(self) -> None:
        """End every session."""
        while self._open:
            self._open.popitem()[1].close()

    def close_idle(self, real: int) -> None:
        """Close the sessions that nobody has used for as long as the settings say."""
        for session in list(takewhile(lambda each: each.used <= real - self._idle, self._open.values())):
            if self._is_over(session, real):
                self._close(session)

    def relieve(self, real: int, share: float) -> int:
        """Close this share of the sessions, of those alone that nobody works with; how many it were."""
        least = list(islice(self._dispensable(real), ceil(len(self._open) * share)))
        for session in least:
            self._close(session)
        return len(least)

    def _is_over(self, session: Session, real: int) -> bool:
        return session.used <= real - self._idle and not session.busy and not session.in_hand(real)

    def _make_room(self, real: int) -> None:
        """Close the session that will be missed least; Refusal 503 when each is in use."""
        if real >= self._full:
            if (least := next(self._dispensable(real), None)) is not None:
                self._close(least)
                return
            self._full = real + SECOND
        first = next((each.used + IN_HAND - real for each in self._open.values() if not each.busy), IN_HAND)
        self.refused += 1
        text = (
            f"there is no room for another key: all {len(self._open)} sessions are in use; try again later, end one "
            "(DELETE /_mock/session), or start the mock with a larger --max-sessions"
        )
        raise Refusal(503, text, headers={"Retry-After": str(max(1, -(-first // SECOND)))})

    def _dispensable(self, real: int) -> Iterator[Session]:
        """The sessions that may be closed, the one that will be missed least first; none with calls under way.

        First those without a run in flight, then those whose runs nobody asked about for a minute, each by its age.
        """
        idle: list[Session] = []
        looked = 0
        for session in self._open.values():
            if session.busy:
                continue
            if looked == LOOKS and idle:
                break
            if not session.in_flight(real):
                yield session
                continue
            looked += 1
            if not session.in_hand(real):
                idle.append(session)
        yield from idle

    def _close(self, session: Session) -> None:
        del self._open[session.key]
        session.close()
