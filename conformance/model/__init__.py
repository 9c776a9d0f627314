"""What the suite speaks of: clauses, open points, results."""
