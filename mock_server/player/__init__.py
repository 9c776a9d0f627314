"""The player: goes through a play's steps as a partner would, over HTTP, and holds each answer against its step.

It knows the documented API and the scenario's values, and imports nothing of how the mock obeys.
"""
