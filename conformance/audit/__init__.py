"""The client's report card: what an exchange is, what a rule is, and how the card is told.

from conformance.audit import audit
assert not audit(exchanges, clock="frozen")
"""

from __future__ import annotations

from conformance.audit.card import GATING, RULES, SEVERITIES, Finding, audit

__all__ = ["GATING", "RULES", "SEVERITIES", "Finding", "audit"]
