"""Start the implementation: `python -m independent --port 0 --keys MINE,OTHER,REVOKED`.

It prints the API's base URL and the address of its backstage, a line each, and serves until it is stopped.
"""

from __future__ import annotations

import argparse
import sys
import threading

from independent import catalogue
from independent.backstage import Backstage
from independent.model import World
from independent.web import Handler, Limit, Server


def main() -> None:
    """Read the arguments and serve."""
    options = argparse.ArgumentParser(prog="independent")
    options.add_argument("--port", type=int, default=0, help="0: any that is free")
    options.add_argument("--keys", default="mine,other,revoked", help="two accounts' keys, then revoked ones")
    options.add_argument("--rate-limit", type=int, default=0, help="calls a minute, route and key; 0: any number")
    given = options.parse_args()
    mine, other, *_ = given.keys.split(",")  # a revoked key is one that opens nothing
    world = World({mine: catalogue.account(), other: catalogue.account()})
    parts = {"world": world, "limit": Limit(given.rate_limit)}
    api = Server(("127.0.0.1", given.port), type("Api", (Handler,), parts))
    storage = Server(("127.0.0.1", 0), type("Storage", (Backstage,), parts))
    world.storage = f"http://127.0.0.1:{storage.server_port}"
    threading.Thread(target=storage.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{api.server_port}/api/v1\n{world.storage}\n")
    sys.stdout.flush()
    api.serve_forever()


if __name__ == "__main__":
    main()
