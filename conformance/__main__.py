"""`python -m conformance`: the command line."""

from vern_programs import conformance

conformance()
