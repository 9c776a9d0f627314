"""Liars that were written from the contract alone and that the suite does not tell: `fresh.py` tries them again.

Where the reason says so, an honest server may do the same.
"""

from __future__ import annotations

YET = "no check tells it yet"
UNTOLD: dict[tuple[str, str], str] = {
    ("UPL-04", "lets the hour of a URL begin anew when the company asks for another"): YET,
    ("RUN-09", "shows the rows of a timed out run an hour later"): YET,
    ("DEC-14", "takes a question id that begins with a right one"): YET,
    ("TPL-06", "sorts the columns by name when the templates are listed a third time"): YET,
    ("POLL-11", "gives the count of flagged rows of another import with as many rows"): YET,
    ("FMT-03", "writes counts of a thousand and more with a fraction"): YET,
    ("IMP-11", "takes a start with the same rows within a minute for the one that has ended"): YET,
    ("DEC-09", "keeps fifty rows at most flagged as they are"): YET,
    ("CSV-05", "takes rows that are the same in each column for one"): YET,
    ("RATE-01", "counts the calls of each URL, not of each endpoint"): "how calls are counted is open (OP-25)",
    (
        "CSV-06",
        "counts in a report the flagged rows of all imports of the company",
    ): "what becomes of the rows that were there is open (OP-29)",
    ("DEC-05", "carries out two actions of a patch on each sheet"): YET,
    ("RATE-01", "does not count decisions"): "how calls are counted is open (OP-25)",
    (
        "DEC-36",
        "proposes to every company what one has answered for the same column",
    ): "where a proposal comes from is open (OP-15)",
    ("UPL-04", "lets the second URL of a company live for a day"): YET,
    ("CSV-04", "checks every rule of a column but links"): YET,
    ("PROV-10", "takes a source in braces"): "nothing forbids to read more than is written",
    ("IDEM-01", "does not regard blanks around a key"): "nothing forbids to read more than is written",
    ("DEC-14", "knows a question by its id in capitals"): "nothing forbids to read more than is written",
    ("ERR-11", "mends JSON that is no UTF-8"): "nothing forbids to read more than is written",
    ("POLL-11", "tells in the second parking the report of the first"): YET,
    ("ERR-11", "takes NaN for JSON"): "nothing forbids to read more than is written",
    ("IMP-11", "learns that a run has ended when somebody reads it"): YET,
    ("DEC-08", "drops rows without a key beside the duplicates"): YET,
    ("DEC-07", "drops invalid rows with one of the sampled values alone"): YET,
    ("DEC-09", "keeps one of several equal rows"): YET,
    ("POLL-16", "leaves a run that was canceled while parked its report"): YET,
    ("UPL-04", "lets a company's second URL last for a day"): YET,
    ("STALE-02", "looks up a stale run within `run`"): YET,
    ("STALE-03", "is busy with a stale run until somebody reads it"): YET,
    ("STALE-04", "lets a stale run work again when its key comes again"): YET,
    ("IDEM-03", "starts anew with the key of a stale run"): "how long a key counts is open (OP-06)",
    ("RUN-09", "leaves the rows of a stale run in its sheets"): YET,
    ("POLL-15", "reports the rows of a stale run"): YET,
    ("CSV-05", "leaves out rows that are wholly equal to another"): YET,
    ("RUN-04", "tells how long a run has been stale"): YET,
}
