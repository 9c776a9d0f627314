"""What an operator chooses once, when the mock starts; the defaults are the documented ones."""

from __future__ import annotations

import re
from typing import NamedTuple

DEFAULT_PORT = 8376  # V-E-R-N on a telephone's keys; no peer's default
HOUR = 3_600_000
KEY = re.compile(r"[A-Za-z0-9_.-]{4,128}")
"""What an API key looks like, to whoever configures one and to whoever is asked for one (AUTH-04)."""


class Settings(NamedTuple):
    """One server's settings. Times are whole milliseconds, sizes are bytes."""

    scenario: str = "live"
    """The scenario of a session that has not chosen one."""
    dialect: str = "documented"
    """The dialect of a session that has not chosen one; `dialects` knows the names."""
    seed: int = 0
    speed: float = 1.0
    """Session seconds in a real second; 0 freezes every session's clock."""
    rate_limit: int | None = 100
    """Calls a minute, key and operation; None switches the limit off (RATE-01)."""
    api_keys: frozenset[str] = frozenset()
    """The only keys that are accepted; empty: every well-formed key."""
    admin: bool = True
    admin_token: str | None = None
    allowed_hosts: frozenset[str] = frozenset()
    """Names by which it may be asked for beside its own; `*`: any."""
    public_url: str | None = None
    """The URL under which callers reach it; None: the one by which each asks."""
    trust_proxy: bool = False
    """Whether the headers of a proxy say that URL."""
    origins: frozenset[str] = frozenset()
    """Origins whose pages may call the API in a browser (CORS); `*`: any."""
    max_sessions: int = 10_000
    session_idle: int = HOUR
    head_timeout: int = 20_000
    """How long a client may take for the whole head of a request."""
    body_timeout: int = 60_000
    """How long nothing of a body may come."""
    max_body: int = 10_000_000
    max_upload: int = 200_000_000
    max_uploads: int = 1_000
    """Uploads that one session may ask for."""
    max_upload_bytes: int = 1_000_000_000
    """What all files of one session may have together."""
    max_memory: int = 1_000_000_000
    """Above this, the process closes sessions that nobody works with."""
    max_rows: int = 100_000
    """Rows of an import, over all its files; they are held in memory."""
    max_files: int = 100
    """Files of an import."""
    stale_after: int = HOUR
    """Without progress for so long, a run counts as dead (STALE-01, OP-11)."""
