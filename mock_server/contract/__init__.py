"""The contract as values: operations, validators, clauses, and how a wrong body is told in a sentence."""
