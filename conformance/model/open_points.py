"""What the documentation leaves open: the questions, in the words of `docs/open-points.md`.

A test holds the two together. Every reading that an open point allows passes; a report says which of them the target
takes.
"""

from __future__ import annotations

QUESTIONS = {
    "OP-01": "The success code of a poll, the active look-up and the history",
    "OP-02": "`connections` and `external_id` of a company that was given none",
    "OP-03": "`GET /api/v1/companies`, which appears as a sample call alone",
    "OP-04": "The answers of an upload request and of its signed URL, and which members are required",
    "OP-05": "How the active look-up gives back a lost run id",
    "OP-06": "A repeated idempotency key: status code, `status`, how long it counts",
    "OP-07": "When a payload counts as different",
    "OP-08": "The history's form and its pages",
    "OP-09": "Whether `perSheet` is there while a run is parked",
    "OP-10": "`?status=` with anything but `active`",
    "OP-11": "When a run goes stale, and whether a parked one can",
    "OP-12": "When flagged rows park a run, and when it completes with them",
    "OP-13": "Questions that no answer covers, actions that no question covers",
    "OP-14": "The answer to a rejection",
    "OP-15": "Whether an approval changes later imports of others",
    "OP-16": "How a run becomes `canceled`",
    "OP-17": "The body of a run that failed by rejection",
    "OP-18": "The destination export: writer, several at once, errors, bodies on the way",
    "OP-19": (
        "Answers that make no sense: any with `reject`, two for one question, an unknown `option_id`, "
        "`custom` where none is allowed or empty, both or neither of `option_id` and `custom`"
    ),
    "OP-20": "Question ids when a run parks again",
    "OP-21": "What `inserted` counts",
    "OP-22": "Where `rows` go; `files` beside `rows`, or neither; empty lists; an unknown `upload_ref`",
    "OP-23": "Ids in a path that are no UUID",
    "OP-24": "What is checked first",
    "OP-25": "What the rate limit counts, and in which window",
    "OP-26": "Unknown members, a missing `Content-Type`, a wrong method",
    "OP-27": "Whether `progress_message` can be null or missing",
    "OP-28": "Nulls within a question, and a question without options",
    "OP-29": "An import into a company that has rows",
    "OP-30": "A trial of a destructive approval, or a way back",
    "OP-31": "Flagged rows in the CSV while a run is parked, or was rejected",
    "OP-32": "What a group of flagged rows is",
    "OP-33": "How large `affected_count` can be",
    "OP-34": "The error text for things of another account",
    "OP-35": "Statuses beside the documented ones",
    "OP-36": "Staleness of a run that is still queued, or running again after a decision",
    "OP-37": '`"template_ids": []`; `name` and `external_id` both taken',
    "OP-38": "Which rows of a repeated value are flagged in a unique column",
    "OP-39": "What moves when the clock is moved",
    "OP-40": "The success code of starting a destination export",
}
"""What each open point asks."""
