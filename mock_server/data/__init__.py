"""Data that agrees with itself: rows against rules, flagged groups, questions, patch, and what a decision does.

Pure. Report, questions, samples, patch and CSV are all computed from the same rows, so they cannot contradict each
other.
"""
