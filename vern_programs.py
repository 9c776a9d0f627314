"""The two programs, with nothing of the caller's in their way.

Whoever calls them may have a `mock_server.py`, a folder `conformance` or a `yaml.py` on Python's path. So they begin
here, under a name that nobody else has, and import nothing before the caller's folders have gone behind all others:

    python -m vern_programs mock serve
    python -m vern_programs conformance run --target mock
"""

import os
import sys
import warnings


def mock() -> None:
    """`vern-mock`, with the arguments that the process was given."""
    _go_first()
    from mock_server.cli.main import main  # noqa: PLC0415 - only now it is sure to be ours

    main()


def conformance() -> None:
    """`vern-conformance`, with the arguments that the process was given."""
    _go_first()
    from conformance.cli.main import main  # noqa: PLC0415 - as above

    main()


def _go_first() -> None:
    """Look for modules in the standard library, then beside this one, then where others are installed.

    The folders that a caller has put before those (PYTHONPATH, the script's, the current one) come last: what is
    installed nowhere else is still found there. And warnings that a caller wants to be errors are of their own code.
    """
    library, ours = os.path.dirname(os.__file__), os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    begin = sys.path.index(library) if library in sys.path else 0
    standard = [each for each in sys.path[begin:] if each.startswith(library) and "site-packages" not in each]
    others = [each for each in sys.path[begin:] if each not in {*standard, ours}]
    theirs = [each for each in sys.path[:begin] if each not in {*standard, *others, ours}]
    sys.path[:] = [*standard, ours, *others, *theirs]
    if os.environ.get("PYTHONWARNINGS"):
        warnings.simplefilter("ignore")
    os.environ.pop("PYTHONINSPECT", None)  # which would have the process wait for a person when it is done


def main() -> None:
    """The program that the first argument names."""
    programs = {"mock": mock, "conformance": conformance}
    if (program := programs.get("".join(sys.argv[1:2]))) is None:
        sys.exit(f"usage: python -m vern_programs {{{'|'.join(programs)}}} [ARGUMENT]...")
    del sys.argv[1]
    program()


if __name__ == "__main__":
    main()
