"""The client's report card: what an exchange is, what a rule is, and how the card is told.

from conformance.audit import audit
assert not audit(exchanges, clock="frozen")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.audit.card import GATING as GATING
    from conformance.audit.card import RULES as RULES
    from conformance.audit.card import SEVERITIES as SEVERITIES
    from conformance.audit.card import UNJUDGED as UNJUDGED
    from conformance.audit.card import Finding as Finding
    from conformance.audit.card import audit as audit

__all__ = ["GATING", "RULES", "SEVERITIES", "UNJUDGED", "Finding", "audit"]


def __getattr__(name: str) -> Any:
    """The library's names, imported when they are first asked for: the rules stand above this package."""
    if name in __all__:
        from conformance.audit import card  # noqa: PLC0415 - see above

        return getattr(card, name)
    raise AttributeError(f"module 'conformance.audit' has no attribute '{name}'")
