"""The rules of the client's report card, by what a client does: each looks at the exchanges and names what it broke."""

from __future__ import annotations

# The modules register their rules as they are imported, and the report card has them in the order of an integration.
# isort: off
from conformance.preview.client_rules import calls as calls
from conformance.preview.client_rules import polling as polling
from conformance.preview.client_rules import imports as imports
from conformance.preview.client_rules import decisions as decisions
from conformance.preview.client_rules.history import RULES as RULES
