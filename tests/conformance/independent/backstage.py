"""A second port, for what is not the API: the storage that signed URLs lead to, and what a target file's commands do.

It speaks as such storage does: errors are XML, no key is wanted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from independent import companies, imports
from independent.web import Handler

if TYPE_CHECKING:
    from independent.model import Account


class Backstage(Handler):
    """PUT a file; POST /clock {"seconds": n}; POST /runs {"state": "stale" or "canceled"}.

    It is a destination for exports, too: POST /sink/NUMBER takes a record, POST /picky/NUMBER every other one.
    """

    def do_PUT(self) -> None:  # noqa: N802 - as http.server wants it
        """Take a file."""
        content = self.content()
        _, _, company_id, ref, *_ = [*urlsplit(self.path).path.split("/"), "", "", ""]
        with self.world.lock:
            wrong = companies.receive(self.world, company_id, ref, self.headers.get("Content-Type", ""), content)
        if wrong is None:
            self.send(204, b"")
        else:
            self.send(410, f"<Error><Code>{wrong}</Code></Error>".encode(), Content_Type="application/xml")

    def do_POST(self) -> None:  # noqa: N802 - as http.server wants it
        """Do what a command asks for."""
        asked = json.loads(self.content())
        _, place, number, *_ = [*self.path.split("/"), ""]
        if place in ("sink", "picky"):  # without the lock: whoever posts here holds it
            self.send(422 if place == "picky" and int(number) % 2 else 202, b"")
            return
        with self.world.lock:
            if self.path == "/clock":
                self.world.ahead += float(asked["seconds"])
                answer: dict[str, Any] = {}
            else:
                answer = self._run(next(iter(self.world.accounts.values())), str(asked["state"]))
        self.send(200, json.dumps(answer).encode(), Content_Type="application/json")

    def _run(self, owner: Account, state: str) -> dict[str, str]:
        """A company with a run that was canceled, or whose engine was last heard of long ago."""
        number = len(owner.companies)
        made = companies.provision(self.world, owner, {"name": f"Backstage {number}", "source": owner.sources[1].id})
        company = owner.company(made["company"]["id"])
        rows = [{"Code": "acme", "Title": "Acme"}]
        run_id = imports.start(self.world, company, {"rows": rows}, "")["run_id"]
        run = company.runs[-1]
        if state == "canceled":
            run.status = "canceled"
        else:
            run.dead, run.since = True, self.world.now() - 2 * imports.STALE
        return {"company": company.id, "run": run_id}
