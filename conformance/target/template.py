"""The target file that `vern-conformance init` writes: in order as it stands, and with all else there is in comments.

The rule that it keeps: `# Words`, behind one space, are for people; any other `#` is removed to put members to use.
As it stands the file fits `vern-mock serve` on its usual port.
"""

from __future__ import annotations

_TEMPLATE = """\
# What the conformance suite has to know of an implementation of the Preview Migration API.
# Run it with: vern-conformance run --target target.yaml
# To use a member that is commented out, remove its # and no space.
# ${NAME} in any text is replaced by that environment variable; $$ stands for one dollar.

# The root of the API. A poll_url is resolved against its origin.
base_url: http://127.0.0.1:8376/api/v1

# Keys are never printed or written; keep them out of this file all the same.
api_key: ${VERN_API_KEY}
# A key of another account: to see that accounts are kept apart.
#other_api_key: ${VERN_OTHER_API_KEY}
# A key that has been revoked: to see that it is refused.
#revoked_api_key: ${VERN_REVOKED_API_KEY}

# What the suite may send to one endpoint in a minute; 0 is no limit.
requests_per_minute: 90

# The companies that the suite works in, one of the two.
# provision: it makes its own, and they stay. What is left out is taken from what /sources and /templates list.
# existing: it borrows these, and their rows may change.
company:
  provision:
    #source: 5d0c8e1a-3b7f-4c26-9a41-6e2f0b9d7c11
    #template_ids:
    #  - 1f6b2c9e-0a35-4e78-9d41-b8c7e5f2a310
  #existing:
  #  - c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d
  #  - d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8

# How a run is brought into each state, one way for each:
# body, the JSON body of POST imports, with rows that your templates take or flag;
# run, a run that is in this state already;
# command, a program that brings one there, prints {"company": "...", "run": "..."} and exits with 0. It is
# started without a shell, in the folder of this file.
# Leave out what cannot be done: its clauses are skipped, and the report says so.
# A way that does not lead where it should makes its clauses inconclusive.
states:
  # Clean rows: the run ends completed, with nothing flagged.
  completed:
    body:
      rows:
        - {Name: Ada Example, Email: ada@example.com, Status: Open}
        - {Name: Grace Example, Email: grace@example.com, Status: Closed}
  # Rows that break a template's rule: the run parks and asks.
  needs_attention:
    body:
      rows:
        - {Name: Ada Example, Email: ada@example.com, Status: Open}
        - {Name: Grace Example, Email: grace@example.com, Status: Perhaps}
  # Rows that park once more after the first parking was approved; answers is what it is approved with,
  # and left out, the proposed patch is approved as it is.
  #needs_attention_again:
  #  body:
  #    rows:
  #      - {Name: Ada Example, Email: ada@example.com, Status: Perhaps}
  #  answers:
  #    - question_id: fq0
  #      custom: Maybe
  # A run that fails without a decision.
  #failed:
  #  body:
  #    rows:
  #      - {Name: Ada Example, Email: ada@example.com, Unexpected: column}
  # A run that was canceled.
  #canceled:
  #  run:
  #    company: c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d
  #    run: d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8
  # A run whose engine has died, which is read as failed with `Import timed out`.
  #stale:
  #  command: [./make-stale.sh]
  # A run that stays queued or running long enough to be looked at.
  #running:
  #  body:
  #    rows:
  #      - {Name: Ada Example, Email: ada@example.com, Status: Open}

# How to let the target's time pass, where that can be done; {seconds} becomes a whole number.
#clock:
#  advance:
#    command: [./advance.sh, "{seconds}"]

# How long to wait, in seconds: for a run to come to rest, and for an answer.
timeouts:
  run: 120
  request: 10
"""


def template() -> str:
    """The text of a new target file."""
    return _TEMPLATE
