"""The conformance suite: it holds any implementation of the Preview Migration API to its contract, over HTTP alone.

It shares words with the mock (contract, clauses, the YAML reader) and never its reasoning.

    from conformance import Plan, run
    results = run("target.yaml", Plan(clauses=("DEC", "POLL-04")))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.preview import client_rules as _client_rules  # noqa: F401 - whoever audits a client finds its rules

if TYPE_CHECKING:
    from conformance.engine.plan import Plan as Plan
    from conformance.preview.suite import run as run

__all__ = ["Plan", "run"]


def __getattr__(name: str) -> Any:
    """The library's names, imported when they are first asked for, since an HTTP client comes with them."""
    if name in __all__:
        from conformance.preview import suite  # noqa: PLC0415 - see above

        return getattr(suite, name)
    raise AttributeError(f"module 'conformance' has no attribute '{name}'")
