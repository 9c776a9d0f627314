"""The reports: each renders one Results value, and none of them decides anything.

Whatever a target answered may stand in them, so every text is escaped for the form that it is put into.
"""
