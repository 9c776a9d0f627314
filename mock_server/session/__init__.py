"""The tenant: one API key's session, the one door through which it changes, and the generation that it speaks."""
