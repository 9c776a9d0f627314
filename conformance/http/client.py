"""The suite's one way to the target: every request goes through here, is spaced, recorded and kept free of secrets.

A call never raises for what the target does: whatever comes is an `Answer`, and what is wrong with it one sentence. A
429 is waited out and asked again, so it never becomes a verdict, except while the rate limit itself is looked at.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx2

from conformance.http.messages import DEFAULT, NO_KEY, OTHER, REVOKED, UNSET, Answer, Key, Request, base, origin
from conformance.http.network import Network, Received
from conformance.http.recorder import KnownSecrets, Recorder, headers_with_key
from conformance.model.results import Blocked, Skipped
from mock_server.contract.document import canonical_id

if TYPE_CHECKING:
    from mock_server.contract.document import Contract

WINDOW = 60.0


class Budget:
    """The calls of the last minute, by operation and key; `per_minute` 0 means no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._spent: dict[tuple[str, str | None], deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def spend(self, operation: str, key: str | None, *, unasked: bool = False) -> float:
        """Spend a call and return 0, or return the seconds until one can be; `unasked` spends in any case."""
        if not self._per_minute:
            return 0.0
        with self._lock:
            now = self._clock()
            spent = self._spent[operation, key]
            while spent and spent[0] <= now - WINDOW:
                spent.popleft()
            if len(spent) < self._per_minute or unasked:
                spent.append(now)
                return 0.0
            # After a burst of unasked calls several must come back before one more is free.
            return spent[len(spent) - self._per_minute] + WINDOW - now


__all__ = ["DEFAULT", "NO_KEY", "OTHER", "REVOKED", "UNSET", "Answer", "Client", "Key"]

BACK_OFF = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds before a call that met 429 is repeated (RATE-04): more than a minute in all, in which any limit of so many
calls a minute lets one pass (OP-25)."""
SHORT = 3
"""How many of these pauses an operation gets that was refused after all of them once."""
OVER = "the time of the whole run (--max-time) was over"
DOWNLOAD_PATIENCE = 10  # a download may take this many times as long as another answer
DOWNLOAD_LIMIT = 200_000_000  # bytes of a CSV or ZIP
_PARAMETER = re.compile(r"\{(\w+)\}")


class Client:
    """A target behind its base URL. Threads may share it.

    `deadline()` says how many seconds the run still has. When they are over, and where `read_only` keeps a call from
    being made, `Skipped` is raised: what is not asked says nothing about the target.
    """

    def __init__(  # noqa: PLR0913 - what a run is given, once
        self,
        base_url: str,
        api_key: str,
        *,
        contract: Contract,
        other_key: str | None = None,
        revoked_key: str | None = None,
        requests_per_minute: int = 90,
        request_timeout: float = 10.0,
        deadline: Callable[[], float] | None = None,
        read_only: bool = False,
        on_exchange: Callable[[Answer], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = base(base_url)
        self.contract = contract
        """The contract whose operations are called."""
        self._keys = {DEFAULT: api_key, OTHER: other_key, REVOKED: revoked_key, NO_KEY: None}
        self._timeout = request_timeout
        self._deadline = deadline or (lambda: math.inf)
        self.read_only = read_only
        """Whether nothing but GET is sent."""
        self._clock, self._sleep = clock, sleep
        self._budget = Budget(requests_per_minute, clock)
        self._network = Network()
        self._lock = threading.Lock()
        self._rate_checks = 0
        self._under_way, self._begun = 0, 0
        """How many calls are under way, and how many were begun."""
        self._closed: set[tuple[str | None, str | None]] = set()
        """Operation and key that were refused for longer than a minute."""
        self._secrets = KnownSecrets()
        for name, value in self._keys.items():
            self._secrets.learn(value or "", name.value)
        self._recorder = Recorder(self._secrets, on_exchange)
        self.requests = 0
        """How many requests were sent."""
        self.throttled = 0
        """How many of them met a 429 and were waited out."""

    @property
    def base_url(self) -> str:
        """The target's base URL, without a slash at its end."""
        return str(self._base)

    def patience(self, seconds: float) -> float:
        """So many seconds, or what the run still has of them; Skipped when that is nothing."""
        left = self._deadline()
        if left <= 0:
            raise Skipped(OVER)
        return min(seconds, left)

    def has(self, key: Key) -> bool:
        """Whether there is such a key to call with."""
        return key is NO_KEY or self._keys[key] is not None

    def clean(self, text: str) -> str:
        """The text without any secret that was used so far."""
        return self._secrets.clean(text)

    def call(
        self,
        operation_id: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = UNSET,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        key: Key | str = DEFAULT,
        limit: int | None = None,
        **ids: str | None,
    ) -> Answer:
        """Call an operation of the contract, with the ids in its path by name.

        `raw` are bytes to send in the place of JSON. A header with an empty value is left out. A `key` that is a
        string is sent as it is. At most `limit` bytes of the answer are read.
        """
        route = self.contract.operations[operation_id].route.removeprefix(self.contract.prefix)
        lacking = [name for name in _PARAMETER.findall(route) if not isinstance(ids.get(name), str)]
        lacking += [name for name, value in (query or {}).items() if value is None]
        if lacking:  # an answer lacked it: that is told, and nothing asked
            raise Blocked(f"no {lacking[0]} was given to call {operation_id} with")
        path = _PARAMETER.sub(lambda found: _segment(ids.get(found[1])), route)
        url = f"{self._base}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        content = raw if raw is not None or body is UNSET else json.dumps(body).encode()
        given = {} if content is None else {"content-type": "application/json"}
        given |= {name.lower(): value for name, value in (headers or {}).items()}
        sent = {name: value for name, value in given.items() if value}
        request = self._request(operation_id, url, key, headers=sent, content=content, query=dict(query or {}), ids=ids)
        request = replace(request, sent=UNSET if raw is not None else body, limit=limit or request.limit)
        self._secrets.learn_credentials(body)
        return self._politely(request)

    def _request(self, operation_id: str, url: str, key: Key | str, **members: Any) -> Request:
        known = self.contract
        made = Request(operation_id, known.operations[operation_id].method, url, key, **members)
        if operation_id not in known.json_operations:
            return replace(made, download=True, limit=DOWNLOAD_LIMIT)
        media = (each["content"].get("application/json", {}) for each in known.successes(operation_id))
        gives = any("upload_url" in known.resolved(each.get("schema", {})).get("properties", ()) for each in media)
        return replace(made, gives_upload_url=gives)

    def get(self, path_or_url: Any, *, key: Key | str = DEFAULT) -> Answer:
        """Read what the target itself gave out, such as a `poll_url`; another origin is not asked, nor told the key."""
        url = self._resolve(path_or_url)
        if url is None:
            return self._refuse(Request(None, "GET", str(path_or_url)), "not sent: this is no URL")
        if origin(url) != origin(self._base):
            problem = f"not sent: this leads away from {self._base.scheme}://{self._base.netloc.decode()}"
            return self._refuse(Request(None, "GET", str(url)), problem)
        for prefix in (self._base.path.rstrip("/"), self.contract.prefix):
            match = self.contract.match("GET", self.contract.prefix + url.path.removeprefix(prefix))
            if match.operation is not None:
                given = {canonical_id(each): each for each in url.path.split("/")}
                query, ids = dict(url.params), {name: given.get(each, each) for name, each in match.parameters.items()}
                return self._politely(self._request(match.operation.id, str(url), key, query=query, ids=ids))
        return self._politely(Request(None, "GET", str(url), key))

    def put_upload(self, url: Any, data: bytes, content_type: str) -> Answer:
        """Put a file at a signed URL, without the key (AUTH-09)."""
        self._secrets.learn_upload(str(url))
        resolved = self._resolve(url)
        if resolved is None:
            return self._refuse(Request(None, "PUT", str(url), signed=True), "not sent: upload_url is no URL")
        headers = {"content-type": content_type}
        return self._politely(Request(None, "PUT", str(resolved), headers=headers, content=data, signed=True))

    @contextmanager
    def unthrottled(self) -> Iterator[None]:
        """Within this block nothing is spaced, and a 429 is an answer as any other: for the rate checks."""
        with self._lock:
            self._rate_checks += 1
        try:
            yield
        finally:
            with self._lock:
                self._rate_checks -= 1

    def concurrently(self, calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
        """Make all the calls at one moment, each in a thread of its own; the answers in the order of the calls."""
        barrier = threading.Barrier(max(1, len(calls)))
        came: list[Future[Answer]] = [Future() for _ in calls]

        def make(call: Callable[[], Answer], answer: Future[Answer]) -> None:
            barrier.wait()
            try:
                answer.set_result(call())
            except BaseException as error:
                answer.set_exception(error)  # a mistake of the check's own; raised where it can be seen

        for pair in zip(calls, came, strict=True):
            threading.Thread(target=make, args=pair, daemon=True).start()
        wait(came)
        return [each.result() for each in came]

    def close(self) -> None:
        """Close every connection."""
        self._network.close()

    def _resolve(self, url: Any) -> httpx2.URL | None:
        try:
            return self._base.join(url) if url and isinstance(url, str) else None
        except (httpx2.InvalidURL, ValueError):
            return None

    def _politely(self, request: Request) -> Answer:
        key = request.key if isinstance(request.key, str) else self._keys[request.key]
        if key is None and request.key is not NO_KEY:
            raise LookupError(f"{request.operation}: there is no key {request.key}; ask has() before")
        if self.read_only and request.method != "GET":
            raise Skipped(f"--read-only: this needs a {request.method}")
        place = request.operation, key
        pauses = BACK_OFF[:SHORT] if place in self._closed else BACK_OFF
        for pause in (*pauses, None):
            if not self._has_turn(request, key):
                raise Skipped(OVER)
            answer = self._once(request, key)
            if answer.status is None and self._deadline() <= 0:  # it was cut short by us
                raise Skipped(OVER)
            if not answer.repeated:
                return answer
            with self._lock:
                self.throttled += 1
            if pause is not None:
                self._rest(pause)
        self._closed.add(place)
        problem = f"throttled: still 429 after waiting {sum(pauses):g} s in all"
        return replace(answer, status=None, problem=problem, exchange=replace(answer.exchange, problem=problem))

    def _has_turn(self, request: Request, key: str | None) -> bool:
        """Wait until the budget has a call left; False when the run's time is over before."""
        while self._deadline() > 0:
            if request.operation is None:  # no endpoint of the API, so none of its limits
                return True
            pause = self._budget.spend(request.operation, key, unasked=self._rate_checks > 0)
            if not pause:
                return True
            self._rest(pause)
        return False

    def _rest(self, seconds: float) -> None:
        self._sleep(max(0.0, min(seconds, self._deadline())))

    def _once(self, request: Request, key: str | None) -> Answer:
        with self._lock:
            self._under_way += 1
            self._begun += 1
            number, first = self._begun, self._under_way == 1
        try:
            return self._send(request, key, lambda: first and self._begun == number)
        finally:
            with self._lock:
                self._under_way -= 1

    def _send(self, request: Request, key: str | None, alone: Callable[[], bool]) -> Answer:
        started = self._clock()
        waits_out = not self._rate_checks
        patience = self._timeout * (DOWNLOAD_PATIENCE if request.download else 1)
        for _ in range(2 if request.method == "GET" else 1):
            with self._lock:
                self.requests += 1
            seconds = max(0.001, min(patience, self._deadline()))
            received = self._network.send(request, headers_with_key(request.headers, key), seconds)
            if not received.broken:
                break  # a GET whose connection broke is sent once more, since it has no effects (RUN-08)
        milliseconds = int((self._clock() - started) * 1_000)
        throttled = waits_out and received.problem is None and received.status == 429
        return self._recorder.record(request, received, milliseconds, waited_out=throttled, alone=alone())

    def _refuse(self, request: Request, problem: str) -> Answer:
        return self._recorder.record(request, Received(problem=problem), 0, waited_out=False)


def _segment(value: str | None) -> str:
    """An id as one segment of a path, dots included, which would otherwise lead elsewhere."""
    quoted = quote(value or "", safe="")
    return quoted.replace(".", "%2E") if quoted in (".", "..") else quoted
