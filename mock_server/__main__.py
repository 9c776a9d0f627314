"""`python -m mock_server`: the command line, for callers that want no script on their path."""

from vern_programs import mock

if __name__ == "__main__":
    mock()
