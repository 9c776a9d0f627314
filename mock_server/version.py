"""Which version this is: the one place that says so; the build reads it here."""

VERSION = "0.1.0"
