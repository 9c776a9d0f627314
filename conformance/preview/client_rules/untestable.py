"""The client clauses that no exchange can show, each with the reason; the report card says nothing about them."""

from __future__ import annotations

_SHOWN = "What a client shows to a person does not reach the server."
_READ = "How a client reads an answer happens inside it; only what it sends next can be seen."

UNJUDGED = {
    "ERR-03": "No answer of Vern's has a request id; whether a client would use one cannot be seen.",
    "ERR-04": _READ,
    "ERR-05": "What a client logs or shows does not reach the server.",
    "ERR-10": "Whether the run's `error` was read cannot be seen; that it ends the polls, polls-after-end judges.",
    "SRC-03": _READ,
    "PROV-21": "It allows something and demands nothing.",
    "IDEM-07": f"{_READ} A client that does not take a 200 never reads the run: poll-url-unused, run-given-up-early.",
    "POLL-20": _READ,
    "POLL-24": "What a client does on its own side when it reads an end twice cannot be seen.",
    "POLL-25": _SHOWN,
    "POLL-26": _SHOWN,
    "POLL-27": "No status outside the contract is ever served; a client that stops at any status is told so by "
    "run-given-up-early.",
    "ACT-09": _READ,
    "HIST-06": _READ,
    "QUE-12": _SHOWN,
    "QUE-13": _SHOWN,
    "PATCH-07": _READ,
    "PATCH-08": "Whether every action was looked at, and shown before somebody approved, cannot be seen.",
    "PATCH-09": _SHOWN,
    "CSV-13": "How much of a download a client holds in memory cannot be seen.",
    "DST-11": "An alarm is raised elsewhere.",
    "ID-01": f"{_READ} An id that comes back changed is judged: company-id-changed, id-not-echoed.",
    "FMT-04": _READ,
    "VER-01": "How a client is built cannot be seen.",
}
