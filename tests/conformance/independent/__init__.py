"""The Preview Migration API a second time, on the standard library alone: what the suite is tried against.

Written from the contract without a look at the mock. Where the documentation is silent it mostly reads otherwise, so
that a suite which takes the mock's habits for the contract accuses it. Everything is in memory and under one lock.
"""
