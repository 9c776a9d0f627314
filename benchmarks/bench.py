"""What the mock costs, measured against bare uvicorn + Starlette in the same run: `make bench`.

Times swing on a shared machine, so what counts is each ratio, and the server's CPU time a request. Linux only, since it
reads /proc.
"""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
HEADERS = {"x-api-key": "bench"}
MOCK = [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--rate-limit", "off"]
BARE = """
import json, socket, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
BODY = b"{" + b'"a":"' + b"x" * 1200 + b'"}'
async def poll(request):
    return Response(BODY, media_type="application/json")
app = Starlette(routes=[Route("/{rest:path}", poll)])
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
print(json.dumps({"url": "http://127.0.0.1:%d" % listening.getsockname()[1]}), flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])
"""
MILLION = """
title: A million generated rows
data:
  - sheet: Contacts
    rows: 1000000
run:
  - work: 1s
  - park:
      - sheet: Contacts
        column: Status
        rows: 1200
        fix: set_value
        value: Open
  - work: 1s
  - complete:
plays:
  - title: it starts
    steps:
      - start:
      - see: running
"""


class Server:
    """A server process, and what it has cost so far."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.host = json.loads(self.process.stdout.readline())["url"].removeprefix("http://")
        self.connection = HTTPConnection(self.host)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> bytes:
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body)
        self.connection.request(method, path, raw, {**HEADERS, **headers})
        return self.connection.getresponse().read()

    def json(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return json.loads(self.send(method, path, body, **headers))

    def cpu(self) -> float:
        """Seconds of CPU time that the server has used."""
        user, system = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / 100

    def peak(self) -> int:
        """The most memory it ever held, in MB."""
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(found[1]) // 1024 if found else 0


@contextmanager
def serving(command: list[str]) -> Iterator[Server]:
    server = Server(command)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait()


def first_answer(command: list[str]) -> float:
    """Seconds from the command to its first answer, the best of seven."""
    best = 60.0
    for _ in range(7):
        begun = time.perf_counter()
        with serving(command) as server:
            server.send("GET", SEEDS)
            best = min(best, time.perf_counter() - begun)
    return best


def a_poll(command: list[str], polls: int = 4_000) -> float:
    """The server's CPU time for one poll, in microseconds."""
    with serving(command) as server:
        for _ in range(200):
            server.send("GET", SEEDS)
        before = server.cpu()
        for _ in range(polls):
            server.send("GET", SEEDS)
        return (server.cpu() - before) / polls * 1e6


def uploaded(rows: int = 100_000) -> tuple[float, float, int]:
    """Seconds from start to needs_attention for an uploaded file, seconds for its decision, peak memory in MB."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Name", "Email", "Phone", "Company", "Status", "Joined"])
    for row in range(rows):
        status = "open" if row % 500 == 0 else "Open"
        writer.writerow(
            [f"Person {row}", f"person.{row}@example.com", "+1-555-123-4567", "Ames, Inc.", status, "2020-01-31"]
        )
    data = text.getvalue().encode()
    with serving(MOCK) as server:
        source = server.json("GET", "/api/v1/sources")["sources"][0]["id"]
        company = server.json("POST", "/api/v1/companies", {"name": "Bench", "source": source})["company"]["id"]
        upload = server.json("POST", f"/api/v1/companies/{company}/uploads", {"name": "contacts.csv"})
        server.send("PUT", upload["upload_url"].partition(server.host)[2], data)
        files = [{"name": "contacts.csv", "upload_ref": upload["upload_ref"]}]
        begun = time.perf_counter()
        run = server.json("POST", f"/api/v1/companies/{company}/imports", {"files": files})
        while server.json("GET", run["poll_url"])["status"] != "needs_attention":
            time.sleep(0.02)
        parked = time.perf_counter() - begun
        begun = time.perf_counter()
        server.send("POST", f"{run['poll_url']}/decisions", {"decision": "approve"})
        return parked, time.perf_counter() - begun, server.peak()


def generated() -> tuple[float, int, int]:
    """Rows a second of a CSV download of a million generated rows; memory in MB before and at the peak."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "million.yaml").write_text(MILLION)
        with serving([*MOCK, "--scenarios", folder]) as server:
            listed = server.json("GET", "/_mock/scenarios")["scenarios"]
            company = next(each["company_id"] for each in listed if each["name"] == "million")
            run = server.json("POST", f"/api/v1/companies/{company}/imports", {"rows": [{"Email": "a@example.com"}]})
            server.json("POST", "/_mock/clock/advance", {"by": "1s"})
            sheet = server.json("GET", run["poll_url"])["report"]["perSheet"][0]["sheetId"]
            before, begun, lines = server.peak(), time.perf_counter(), 0
            path = f"/api/v1/companies/{company}/export.csv?filter=all&sheet_id={sheet}"
            server.connection.request("GET", path, headers=HEADERS)
            answer = server.connection.getresponse()
            while piece := answer.read(1 << 20):
                lines += piece.count(b"\r\n")
            return (lines - 1) / (time.perf_counter() - begun), before, server.peak()


def main() -> None:
    bare = [sys.executable, "-c", BARE]
    say = sys.stdout.write
    ours, its = first_answer(MOCK), first_answer(bare)
    say(f"first answer after the command   {ours:6.2f} s   bare {its:.2f} s   ratio {ours / its:.1f}\n")
    ours, its = a_poll(MOCK), a_poll(bare)
    say(f"CPU of a poll, log included      {ours:6.0f} µs  bare {its:.0f} µs  ratio {ours / its:.1f}\n")
    parked, decided, peak = uploaded()
    say(f"100,000 uploaded rows            {parked:6.2f} s to park, {decided:.2f} s to decide, peak {peak} MB\n")
    rate, before, peak = generated()
    say(f"1,000,000 generated rows         {rate:6,.0f} rows/s of CSV, memory {before} MB before, peak {peak} MB\n")


if __name__ == "__main__":
    main()
