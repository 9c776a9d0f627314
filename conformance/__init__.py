"""The conformance suite: it holds any implementation of the Preview Migration API to its contract, over HTTP alone.

It shares words with the mock (contract, clauses, the YAML reader) and never its reasoning.
"""
