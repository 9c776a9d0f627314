"""Runs the checks against a target."""
