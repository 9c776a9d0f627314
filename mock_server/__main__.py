"""`python -m mock_server`: the command line, for callers that want no script on their path."""

from mock_server.cli.main import main

if __name__ == "__main__":
    main()
