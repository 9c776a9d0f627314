"""HTTP in and out, below every operation: bodies, headers, the `Prefer` header, error answers."""
