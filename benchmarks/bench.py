"""What the mock costs, as ratios to bare uvicorn that sends the same bytes in the same run: `make bench`.

A case is called over 16 keep-alive connections, warm, in rounds that alternate between the servers; what counts is the
median of the rounds' ratios of CPU time (user and system, of the serving process). Times swing on a shared machine.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.request import Request, urlopen

from load import KEY, Case, Server, call, free_port, serving, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
COMPANY = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
SCENARIOS = str(Path(__file__).parent / "scenarios")
READY = f"{COMPANY}/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
PATIENCE = 300
"""So many seconds may the runs and calls of a case's history take; what is not there by then is left out."""
BARE = """
import sys
body = open(sys.argv[2], "rb").read()
head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": int(sys.argv[1]), "headers": head})
        await send({"type": "http.response.body", "body": body})
"""
STARLETTE = """
import sys
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
body = open(sys.argv[2], "rb").read()
async def poll(request):
    return Response(body, int(sys.argv[1]), media_type="application/json")
app = Starlette(routes=[Route("/{rest:path}", poll)])
"""
SERVED = """
import json, socket, uvicorn
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
print(json.dumps({"url": "http://127.0.0.1:%d" % listening.getsockname()[1]}), flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")).run(sockets=[listening])
"""


class Row(NamedTuple):
    """One line of the table: a figure of the mock, the same of bare uvicorn, and how many times that it is."""

    what: str
    ours: float
    unit: str
    bare: float | None = None
    ratio: float | None = None

    def __str__(self) -> str:
        text = f"{self.what:<62}{self.ours:>12,.{0 if self.ours > 20 else 2}f} {self.unit:<6}"
        if self.bare is not None:
            text += f" bare {self.bare:.{0 if self.bare > 20 else 2}f}"
        return text if self.ratio is None else f"{text}, ratio {self.ratio:.2f}"


def mock(*options: str) -> list[str]:
    """The command for a mock on a free port, without a rate limit."""
    return [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--rate-limit", "off", *options]


def bare(app: str, status: int, body: bytes, folder: str) -> list[str]:
    """The command for a server of this app, which answers whatever it is asked with these bytes."""
    file = Path(folder, f"{status}-{len(body)}-{time.monotonic_ns()}")
    file.write_bytes(body)
    return [sys.executable, "-c", app + SERVED, str(status), str(file)]


class Bench:
    """One run of the bench: which checkout, how long, beside whom; and what it has found."""

    def __init__(self, root: Path, calls: int, rounds: int, wiremock: Path | None = None, prism: Path | None = None):
        self.root, self.calls, self.rounds = root, calls, rounds
        self.wiremock, self.prism = wiremock, prism
        self.rows: list[Row] = []

    def add(self, *row: Any) -> None:
        self.rows.append(Row(*row))
        print(self.rows[-1], flush=True)

    def compare(self, what: str, server: Server, case: Case, *, others: bool = False) -> None:
        """Measure a case on a server and, between its rounds, on bare uvicorn and on other mocks."""
        head, _, raw = case.request.partition(b"\r\n\r\n")
        method, path = head.decode().split()[:2]
        status, body = server.send(method, path, raw or None)
        assert status == case.status, body
        with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
            plain = running.enter_context(serving(bare(BARE, status, body, folder)))
            asked = {what: (server, case), "": (plain, case)}
            for name, command, port, its in self._others(folder, body, case) if others else ():
                other = running.enter_context(serving(command, port=port))
                wait(other)
                other.load(its, 20_000)  # a JIT wants more warming
                asked[name] = other, its
            for each, its in asked.values():
                each.load(its, self.calls // 2)
            costs = [
                {name: each.measured(its, self.calls) for name, (each, its) in asked.items()}
                for _ in range(self.rounds)
            ]
        for name in filter(None, asked):
            ours, plainly = (statistics.median(each[which] for each in costs) for which in (name, ""))
            self.add(name, ours, "µs", plainly, statistics.median(each[name] / each[""] for each in costs))

    def _others(self, folder: str, body: bytes, case: Case) -> Iterator[tuple[str, list[str], int, Case]]:
        """The mocks beside ours: name, command, port, and the case as each is asked for it."""
        if self.wiremock is not None:
            mapping = {"request": {"method": "ANY", "urlPattern": ".*"}, "response": {"body": body.decode()}}
            Path(folder, "mappings").mkdir()
            Path(folder, "mappings/any.json").write_text(json.dumps(mapping))
            port = free_port()
            command = ["java", "-jar", str(self.wiremock), "--port", str(port), "--root-dir", folder]
            yield "  WireMock, the same bytes", command, port, case
        if self.prism is not None:
            port, program = free_port(), self.prism / "node_modules/.bin/prism"
            command = [str(program), "mock", "-p", str(port), str(ROOT / "openapi/migration-api.yaml")]
            plain = Case(case.request.replace(b" /api/v1/", b" /", 1), case.status)  # it knows no prefix
            yield "  Prism, the contract's example", command, port, plain

    def first_answer(self, pairs: int = 7) -> None:
        """Seconds from the command to the first answer, against uvicorn with a Starlette application of one route."""
        with tempfile.TemporaryDirectory() as folder:
            plain = bare(STARLETTE, 200, b"{}", folder)
            found = [(_first(mock(), self.root), _first(plain, ROOT)) for _ in range(pairs)]
        ours, its = (statistics.median(each) for each in zip(*found, strict=True))
        self.add("first answer after the command", ours, "s", its, statistics.median(one / two for one, two in found))

    def history(self, runs: int, *, others: bool = False) -> None:
        """A poll of a parked run and a decision that meets 409, with so many finished runs in the company."""
        with serving(mock(), self.root) as server:
            company = provision(server, "Bench")
            made = self.finish(server, [company], runs)
            ended, parked = start(server, company, "straight-through", "instant"), start(server, company, "park")
            assert server.json("GET", parked)["status"] == "needs_attention"
            poll = Case(call("GET", parked), 200)
            decision = Case(call("POST", f"{ended}/decisions", {"decision": "approve"}), 409)
            self.compare(f"poll of a parked run, {made:,} finished in the company", server, poll, others=others)
            self.compare(f"decision that meets 409, {made:,} finished in the company", server, decision)

    def throttled(self, calls: int) -> None:
        """A call that is throttled after many such calls, and a poll in the same session."""
        with serving(mock("--scenarios", SCENARIOS), self.root) as server:
            company = provision(server, "Throttled", external_id="throttled--bench")
            server.json("GET", f"{company}/imports")
            refused = Case(call("GET", f"{company}/imports"), 429)
            server.load(refused, calls)
            self.compare(f"throttled call after {calls:,} of them", server, refused)
            self.compare(f"poll after {calls:,} throttled calls", server, Case(call("GET", READY), 200))

    def growth(self, runs: int) -> None:
        """A poll with so many runs in the session, a thousand in a company, and what the last ones cost to start."""
        with serving(mock(), self.root) as server:
            companies = [provision(server, f"Bench {n}") for n in range(-(-runs // 1000))]
            made = self.finish(server, companies, runs)
            self.compare(f"poll, {made:,} runs in the session", server, Case(call("GET", READY), 200))
            self.add(f"memory at the most, {made:,} runs", server.peak(), "MB")

    def finish(self, server: Server, companies: list[str], runs: int) -> int:
        """Start so many imports that end at once, and note what the first and the last of many cost."""
        server.json("PUT", "/_mock/scenario", {"name": "straight-through", "pace": "instant"})
        until, made, costs, share = time.monotonic() + PATIENCE, 0, [0.0], runs // len(companies)
        for company in companies:
            begun = Case(call("POST", f"{company}/imports", {"rows": [{"Name": "A"}]}), 201)
            for at in range(0, share, 160):
                if time.monotonic() < until:
                    before = server.cost()
                    made += (calls := server.load(begun, min(160, share - at)))
                    costs.append((server.cost() - before) / calls * 1e6)
        if made > 1000:
            self.add(f"start of an import, the first of {made:,}", statistics.median(costs[1:6]), "µs")
            self.add(f"start of an import, the last of {made:,}", statistics.median(costs[-5:]), "µs")
        return made

    def sessions(self, sessions: int) -> None:
        """A poll with so many sessions open."""
        with serving(mock("--max-sessions", "2000"), self.root) as server:
            for number in range(sessions - 1):
                server.send("GET", READY, key=f"another-{number}")
            self.compare(f"poll, {sessions:,} sessions", server, Case(call("GET", READY), 200))
            self.add(f"memory at the most, {sessions:,} sessions", server.peak(), "MB")

    def uploaded(self, rows: int = 100_000) -> None:
        """Seconds from start to needs_attention for an uploaded file, and seconds for its decision."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["Name", "Email", "Phone", "Company", "Status", "Joined"])
        for row in range(rows):
            cells = [f"person.{row}@example.com", "+1-555-123-4567", "Ames, Inc.", "Open" if row % 500 else "open"]
            writer.writerow([f"Person {row}", *cells, "2020-01-31"])
        with serving(mock(), self.root) as server:
            company = provision(server, "Bench")
            upload = server.json("POST", f"{company}/uploads", {"name": "contacts.csv"})
            server.send("PUT", upload["upload_url"].partition(server.host)[2], text.getvalue().encode())
            files = [{"name": "contacts.csv", "upload_ref": upload["upload_ref"]}]
            begun = time.perf_counter()
            run = server.json("POST", f"{company}/imports", {"files": files})["poll_url"]
            while server.json("GET", run)["status"] != "needs_attention":
                time.sleep(0.02)
            self.add(f"{rows:,} uploaded rows, until the run has parked", time.perf_counter() - begun, "s")
            begun = time.perf_counter()
            server.json("POST", f"{run}/decisions", {"decision": "approve"})
            self.add(f"{rows:,} uploaded rows, until the decision is answered", time.perf_counter() - begun, "s")
            self.add(f"{rows:,} uploaded rows, memory at the most", server.peak(), "MB")

    def generated(self) -> None:
        """Rows a second of a CSV download of a million generated rows, and memory before and at the peak."""
        with serving(mock("--scenarios", SCENARIOS), self.root) as server:
            company = provision(server, "Million", external_id="million--bench")
            run = server.json("POST", f"{company}/imports", {"rows": [{"Email": "a@example.com"}]})["poll_url"]
            server.json("POST", "/_mock/clock/advance", {"by": "1s"})
            sheet = server.json("GET", run)["report"]["perSheet"][0]["sheetId"]
            before, begun, lines = server.peak(), time.perf_counter(), 0
            path = f"{company}/export.csv?filter=all&sheet_id={sheet}"
            with urlopen(Request(f"http://{server.host}{path}", headers={"x-api-key": KEY})) as answer:
                while piece := answer.read(1 << 20):
                    lines += piece.count(b"\r\n")
            self.add("1,000,000 generated rows, CSV", (lines - 1) / (time.perf_counter() - begun), "rows/s")
            self.add("1,000,000 generated rows, memory before", before, "MB")
            self.add("1,000,000 generated rows, memory at the most", server.peak(), "MB")


def provision(server: Server, name: str, **more: str) -> str:
    """The path of a new company."""
    source = server.json("GET", "/api/v1/sources")["sources"][0]["id"]
    made = server.json("POST", "/api/v1/companies", {"name": name, "source": source, **more})
    return f"/api/v1/companies/{made['company']['id']}"


def start(server: Server, company: str, scenario: str, pace: str | None = None) -> str:
    """The path of a new run of the scenario, half a minute after its start."""
    server.json("PUT", "/_mock/scenario", {"name": scenario, "pace": pace})
    run = server.json("POST", f"{company}/imports", {"rows": [{"Name": "A"}]})
    server.json("POST", "/_mock/clock/advance", {"by": "30s"})
    return str(run["poll_url"])


def _first(command: list[str], root: Path) -> float:
    begun = time.perf_counter()
    with serving(command, root) as server:
        server.send("GET", READY)
        return time.perf_counter() - begun


def ratios(root: Path) -> dict[str, int | str]:
    """The three ratios that `figures.py --time` prints, measured shortly."""
    bench = Bench(root, calls=3_200, rounds=3)
    with redirect_stdout(sys.stderr):
        bench.history(1)
        bench.first_answer(3)
    return {f"{row.what}, ratio": f"{row.ratio or 0:.2f}" for row in bench.rows}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--root", type=Path, default=ROOT, help="the checkout to measure")
    options.add_argument("--quick", action="store_true", help="a poll, a decision and the first answer alone")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the table as JSON, too")
    options.add_argument("--wiremock", type=Path, metavar="JAR", help="measure WireMock beside it")
    options.add_argument(
        "--prism", type=Path, metavar="DIR", help="measure Prism, which npm installed there, beside it"
    )
    given = options.parse_args()
    calls, rounds = (3_200, 3) if given.quick else (8_000, 5)
    bench = Bench(given.root.resolve(), calls, rounds, given.wiremock, given.prism)
    if not Path("/proc/self/stat").exists():
        print("There is no /proc here: costs are the time of day, in which the load itself is counted, too.")
    bench.history(1, others=True)
    bench.first_answer()
    if not given.quick:
        bench.history(1_600)
        bench.throttled(45_000)
        for runs in (1_000, 100_000):
            bench.growth(runs)
        bench.sessions(1_000)
        bench.uploaded()
        bench.generated()
    for name, option in (("WireMock", given.wiremock), ("Prism", given.prism)):
        if option is None:
            print(f"{name} was left out: --{name.lower()} names where it is.")
    if given.json is not None:
        given.json.write_text(json.dumps([row._asdict() for row in bench.rows], indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
