"""Clients of the API as partners write them: one that is exemplary, and small sloppy ones, each in one way."""
