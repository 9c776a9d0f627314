"""`python -m conformance`: the command line."""

from conformance.cli.main import main

main()
