"""What a client has met, out of all that there is, and where the rest is shown."""
