"""What every generation of the API stands on: clock, ids, errors, settings, the rate limit, the session."""
