"""What the target file's commands run: `ask.py BACKSTAGE PATH BODY` posts the body there and prints the answer."""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit


def main() -> None:
    """Ask, and end with 1 when that is refused."""
    address, path, body = sys.argv[1:]
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request("POST", path, body)
    answer = connection.getresponse()
    sys.stdout.write(answer.read().decode())
    connection.close()
    sys.exit(answer.status != 200)


if __name__ == "__main__":
    main()
