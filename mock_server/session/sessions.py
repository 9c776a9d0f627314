"""All sessions by API key: opened on first use, capped, and closed when idle, the oldest idle one first."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from mock_server.kernel.errors import Refusal
from mock_server.kernel.settings import KEY, Settings
from mock_server.recording.journal import Journal
from mock_server.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.scenarios.catalog import World
    from mock_server.session.exchange import Exchange
    from mock_server.session.generation import Generation, SignedUrl


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
        self.strays = Journal(ids=generation.ids, stray=True)
        """Calls without an accepted key, which belong to no session."""
        self.receiving: dict[Exchange, int] = {}
        """The calls that wait for more of their body, and since which real time."""
        self.ending = False
        """True once the server ends: nobody is to wait for anything any longer."""
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
        if known is None:
            return self.session(self.accepted(given), real)
        stale = real - self._idle
        if known.world is not self.world or next(iter(self._open.values())).used <= stale:
            return self.session(known.key, real)
        self._open.move_to_end(known.key)
        known.use(real)
        return known

    def session(self, key: str, real: int) -> Session:
        """The session of an accepted key, opened when there is none, or none that was used lately."""
        if self._open and next(iter(self._open.values())).used <= real - self._idle:
            self._close_idle(real)
        session = self._open.get(key)
        if session is None:
            if len(self._open) >= self.settings.max_sessions:
                self._close_oldest()
            session = self._open[key] = Session(key, self.settings, self.world, self.generation, real)
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

    def _close_idle(self, real: int) -> None:
        idle = real - self._idle
        while self._open and (oldest := next(iter(self._open.values()))).used <= idle and not oldest.busy:
            self._close_oldest()

    def _close_oldest(self) -> None:
        """Close the session that was unused longest; one with calls under way is spared."""
        for key, session in self._open.items():
            if not session.busy:
                del self._open[key]
                session.close()
                return
