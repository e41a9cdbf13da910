"""Backs up to S3 while every connection, look-up, datagram and opened file of the process is written down.

`python -m tests.journal.backup.guarded_process SPEC FILE` prints them as JSON. The environment it is started with
points to other servers, proxies and credentials.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.journal.backup.places import VAULT, open_target

_seen: dict[str, list[object]] = {"connect": [], "look_up": [], "datagram": [], "opened": [], "rows": []}


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        _seen["connect"].append(arguments[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        _seen["look_up"].append(arguments[0])
    elif event in ("socket.sendto", "socket.sendmsg"):
        _seen["datagram"].append(str(arguments[1]))
    elif event == "open":
        _seen["opened"].append(str(arguments[0]))


def main() -> None:
    """One whole backup."""
    sys.addaudithook(_watch)
    spec = json.loads(sys.argv[1])
    target = open_target(spec, lambda *row: _seen["rows"].append(row))
    target.prepare(VAULT)
    target.put("a", b"x")
    target.put_file("large", Path(sys.argv[2]))
    names = [stored.name for stored in target.list()]
    content = target.get("a")
    target.delete("a")
    target.close()
    sys.stdout.write(json.dumps(_seen | {"names": names, "content": content.decode()}))


if __name__ == "__main__":
    main()
