"""The player: goes through a play as a partner would, and imports nothing of how the mock obeys."""
