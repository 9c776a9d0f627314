"""The HTTP side of the API: keys, the rate limit, routes, and what an answer looks like on the wire.

Checked in this order: key, rate, path and body, existence, state (OP-24).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from independent import catalogue, companies, imports, outgoing
from independent.model import Refused, uuid

if TYPE_CHECKING:
    from collections.abc import Callable

    from independent.model import Account, Company, World

WINDOW = 60


class Server(ThreadingHTTPServer):
    """A server that many may call at once."""

    daemon_threads = True
    request_queue_size = 128


class Call(NamedTuple):
    """What a handler is told; `company` is None for a route without one."""

    world: World
    owner: Account
    company: Any
    ids: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Route:
    """An operation: where it is, the status of its success, and what does it."""

    method: str
    path: str
    status: int
    handler: Callable[[Call], Any]

    def match(self, path: str) -> dict[str, str] | None:
        """The ids in the path, if it is this route's."""
        ours, theirs = (imports.API + self.path).split("/"), path.split("/")
        pairs = list(zip(ours, theirs, strict=False))
        if len(ours) != len(theirs) or any(mine not in ("{company}", "{run}", each) for mine, each in pairs):
            return None
        return {mine.strip("{}"): unquote(each) for mine, each in pairs if "{" in mine}


ROUTES = (
    Route("GET", "/sources", 200, lambda c: catalogue.sources(c.owner)),
    Route("GET", "/templates", 200, lambda c: catalogue.templates(c.owner)),
    Route("POST", "/companies", 201, lambda c: companies.provision(c.world, c.owner, c.body)),
    Route("POST", "/companies/{company}/uploads", 200, lambda c: companies.announce(c.world, c.company, c.body)),
    Route("POST", "/companies/{company}/imports", 201, lambda c: imports.start(c.world, c.company, c.body, c.digest)),
    Route("GET", "/companies/{company}/imports", 200, lambda c: imports.look_up(c.world, c.company, c.query)),
    Route(
        "GET",
        "/companies/{company}/imports/{run}",
        200,
        lambda c: imports.shown(imports.find(c.world, c.company, c.ids["run"])),
    ),
    Route(
        "POST",
        "/companies/{company}/imports/{run}/decisions",
        200,
        lambda c: imports.decide(c.world, c.company, c.ids["run"], c.body),
    ),
    Route("GET", "/companies/{company}/export.csv", 200, lambda c: outgoing.download(c.world, c.company, c.query)),
    Route("POST", "/companies/{company}/exports", 202, lambda c: outgoing.start(c.world, c.company, c.body, c.digest)),
    Route("GET", "/companies/{company}/exports/{run}", 200, lambda c: outgoing.poll(c.world, c.company, c.ids["run"])),
)


@dataclass(slots=True)
class Limit:
    """So many calls of a route with a key in a minute that begins with the first of them (OP-25); 0: any number."""

    calls: int
    spent: dict[tuple[str, int], tuple[float, int]] = field(default_factory=dict)

    def spend(self, key: str, route: int, now: float) -> None:
        """Count the call or refuse it."""
        begun, count = self.spent.get((key, route), (now, 0))
        if now - begun >= WINDOW:
            begun, count = now, 0
        if self.calls and count >= self.calls:
            raise Refused(429, "Too many requests")  # RATE-02
        self.spent[key, route] = begun, count + 1


class Handler(BaseHTTPRequestHandler):
    """One connection. Every request is read whole, and answered at once."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    world: World
    limit: Limit

    def log_message(self, *_: Any) -> None:
        """Say nothing: lines could hold what is nobody's business."""

    def content(self) -> bytes:
        """The request's body."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, status: int, content: bytes, **headers: str) -> None:
        """Answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _serve(self) -> None:
        raw = self.content()
        try:
            status, answer = self._answer(raw)
        except Refused as refused:
            status, answer = refused.status, {"error": refused.text}
        except Exception:  # a mistake of ours, answered as any framework does
            status, answer = 500, {"error": "Something went wrong here"}
        if isinstance(answer, tuple):
            kind, name, content = answer
            self.send(status, content, Content_Type=kind, Content_Disposition=f"attachment; filename={quote(name)}")
        else:
            content = json.dumps(answer, ensure_ascii=False).encode()
            self.send(status, content, Content_Type="application/json; charset=utf-8")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - as http.server wants them

    def _answer(self, raw: bytes) -> tuple[int, Any]:
        parts = urlsplit(self.path)
        with self.world.lock:
            owner = self.world.accounts.get(self.headers.get("x-api-key", ""))
            if owner is None:
                raise Refused(401, "x-api-key: missing, unknown or revoked")  # AUTH-02, AUTH-03, AUTH-04
            for number, route in enumerate(ROUTES):
                found = route.match(parts.path)
                if found is not None and route.method == self.command:
                    self.limit.spend(self.headers["x-api-key"], number, self.world.now())
                    return route.status, route.handler(self._call(owner, found, raw))
        raise Refused(404, "there is no such operation")

    def _call(self, owner: Account, ids: dict[str, str], raw: bytes) -> Call:
        for what, text in ids.items():
            uuid(text, what)
        body = _body(raw) if self.command == "POST" else {}
        company: Company | None = owner.company(ids["company"]) if "company" in ids else None
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        return Call(self.world, owner, company, ids, query, body, hashlib.sha256(raw).hexdigest())


def _body(raw: bytes) -> dict[str, Any]:
    """The object that was sent; nothing at all is an empty one."""
    try:
        body = json.loads(raw or b"{}")
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON in Unicode") from None  # ERR-11
    if not isinstance(body, dict):
        raise Refused(400, "the body is not an object")
    return body
