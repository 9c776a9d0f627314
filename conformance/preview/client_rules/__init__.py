"""The rules of the client's report card, by what a client does: each looks at the exchanges and names what it broke."""

from __future__ import annotations

from conformance.preview.client_rules import access, decisions, imports, parkings, paths, polling, throttling, uploads

RULES = {
    rule.code: rule
    for module in (access, paths, polling, throttling, imports, uploads, parkings, decisions)
    for rule in module.RULES
}
"""Every rule by its code, in the order of an integration."""
