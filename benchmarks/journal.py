"""What the journal's guarantees cost, against what one would use without them, in the same run.

Run: ``.venv/bin/python benchmarks/journal.py [--smoke] [--data DIR]``. Everything is generated; ``--data`` is accepted
for uniformity. Four parts:

- *api*: durable events a second through the HTTP API of a real station (`hearthside up`, guard and pages included), one
  event a request, against a real ActivityWatch server, from the same load generator. ActivityWatch closes the
  connection after every answer, so ours is also measured with a connection for each request.
- *group commit*: one event a call, 64 threads against one.
- *append*: batches of 1, 10, 100 and 1,000 against plain APSW with synchronous=FULL, the same table and indexes and no
  encryption: it too makes the body's JSON and an id of it, and nothing else.
- *import*: a JSON-lines file through recognition, reading, checks and journal.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw
import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.activitywatch_server import activitywatch, activitywatch_python
from benchmarks.load import LoadResult, measure
from hearthside.events import Event, Layer, Origin, Trust
from hearthside.identity.database import open_database
from hearthside.intake import Importer
from hearthside.journal import Journal, files
from hearthside.journal.keys import year_keys
from hearthside.sources.reading import Reading

NOW_MS = 1_797_000_000_000
KEY = b"\1" * 32
BATCHES = (1, 10, 100, 1000)
CONNECTIONS = 16
_URL = re.compile(r"http://127\.0\.0\.1:(\d+)/\S*")


def event(n: int) -> Event:
    """A position as a phone sends it, a second after the one before."""
    payload = {"lat": 52.1 + n * 1e-6, "lon": 4.3, "accuracy_m": 12, "battery": 80}
    return Event(
        "phone", "position", Layer.ENVIRONMENTAL, NOW_MS - 10**9 + n * 1000, Origin.DEVICE, Trust.OWN, payload,
        "device:phone", offset_min=60,
    )  # fmt: skip


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder on the disk the repository lies on, not in memory: a sync must reach a disk."""
    base = Path(__file__).resolve().parents[1] / ".cache"
    base.mkdir(exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=base, prefix="journal-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


# -- append --------------------------------------------------------------------------------------------------------


def ours(batch: int, total: int) -> tuple[float, float]:
    """Events a second, and bytes on the disk an event."""
    with folder() as path:
        journal = Journal(path, KEY, lambda: NOW_MS)
        journal.append([event(-1)])  # the day's key is made once a day
        time.sleep(0 if total < 1000 else 3)  # a journal just opened looks at its folder more often for a moment
        events = [event(n) for n in range(total)]
        began = time.perf_counter()
        for start in range(0, total, batch):
            journal.append(events[start : start + batch])
        seconds = time.perf_counter() - began
        journal.close()
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return total / seconds, size / total


def same_table(path: Path) -> list[str]:
    """The statements that make the journal's table and its indexes, as a real year file has them."""
    journal = Journal(path, KEY, lambda: NOW_MS)
    journal.append([event(-1)])
    journal.close()
    [file] = files.year_files(path / "journal")
    connection = open_database(file, year_keys([KEY])[0])
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'record' AND sql IS NOT NULL")
    statements = [str(row[0]) for row in rows]
    connection.close()
    return statements


def plain(batch: int, total: int) -> float:
    """Events a second into the same table by APSW alone: FULL, no encryption, no chain."""
    with folder() as path:
        statements = same_table(path)
        connection = apsw.Connection(str(path / "plain.db"))
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        for statement in statements:
            connection.execute(statement)
        events = [event(n) for n in range(total)]
        seq = 0
        began = time.perf_counter()
        for start in range(0, total, batch):
            with connection:
                for one in events[start : start + batch]:
                    seq += 1
                    raw = orjson.dumps(one.body())
                    identity = hashlib.blake2b(raw, digest_size=16).digest()
                    connection.execute(
                        "INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                        (
                            seq, identity, one.source, one.kind, one.start_ms, one.end_ms, one.offset_min, 1, raw,
                            b"", None,
                        ),
                    )  # fmt: skip
        seconds = time.perf_counter() - began
        connection.close()
    return total / seconds


def append_ratios(smoke: bool) -> tuple[dict[int, float], float]:
    """By batch the median ratio of three pairs, measured in turn; and bytes an event."""
    ratios, size = {}, 0.0
    for batch in BATCHES:
        total = (40 * batch if batch < 100 else 2 * batch) if smoke else {1: 3000, 10: 20_000}.get(batch, 100_000)
        pairs = [(ours(batch, total), plain(batch, total)) for _ in range(1 if smoke else 3)]
        ratios[batch] = statistics.median(one[0] / other for one, other in pairs)
        size = pairs[0][0][1]
        mine, theirs = (statistics.median(values) for values in zip(*((a[0], b) for a, b in pairs), strict=True))
        print(f"append, batches of {batch:>5,}: {mine:>9,.0f}/s, plain {theirs:>9,.0f}/s, ratio {ratios[batch]:.2f}")
    return ratios, size


# -- group commit --------------------------------------------------------------------------------------------------


def threaded(threads: int, total: int) -> float:
    """Events a second, one event a call from each thread."""

    def send(first: int) -> None:
        for n in range(first, first + total // threads):
            journal.append([event(n)])

    with folder() as path:
        journal = Journal(path, KEY, lambda: NOW_MS)
        journal.append([event(-1)])
        workers = [threading.Thread(target=send, args=(place * total,)) for place in range(threads)]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        seconds = time.perf_counter() - began
        journal.close()
    return total / seconds


def group_commit_gain(smoke: bool) -> float:
    """64 threads against one."""
    pairs = [(threaded(1, 100 if smoke else 3000), threaded(64, 640 if smoke else 25_600)) for _ in range(3)]
    one, many = (statistics.median(values) for values in zip(*pairs, strict=True))
    print(f"group commit: one thread {one:,.0f}/s, 64 threads {many:,.0f}/s, gain {many / one:.2f}")
    return statistics.median(many / one for one, many in pairs)


# -- import --------------------------------------------------------------------------------------------------------


def import_rate(lines: int) -> float:
    """Records a second: a file of songs played, through the whole of the intake."""
    with folder() as path:
        file = path / "plays.jsonl"
        with file.open("wb") as out:
            for n in range(lines):
                play = {"uts": 1_500_000_000 + n * 61, "artist": f"Artist {n % 997}", "track": f"Song {n % 7919}",
                        "album": f"Album {n % 499}"}  # fmt: skip
                out.write(orjson.dumps(play) + b"\n")
        journal = Journal(path / "vault", KEY, lambda: NOW_MS)
        importer = Importer(journal, lambda: NOW_MS, Reading(), lambda progress: None, lambda: False)
        began = time.perf_counter()
        report = importer.import_paths([file])
        seconds = time.perf_counter() - began
        journal.close()
    assert (report.new, report.rejected) == (lines, 0)
    print(f"import: {lines:,} lines in {seconds:.1f} s, {lines / seconds:,.0f}/s")
    return lines / seconds


# -- api -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def station(path: Path) -> Iterator[tuple[int, str]]:
    """A real station on a free port, and a token that may capture."""
    paths = {"VAULT": "vault", "KEY_FILE": "key", "HEADS_FOLDER": "heads"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEARTHSIDE_")}
    environment |= {f"HEARTHSIDE_{name}": str(path / place) for name, place in paths.items()}
    command = [sys.executable, "-m", "hearthside.cli"]
    made = subprocess.run(
        [*command, "token", "add", "load"], env=environment, capture_output=True, text=True, check=True
    )
    process = subprocess.Popen(
        [*command, "up", "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        found = next(match for line in process.stdout if (match := _URL.search(line)) is not None)
        time.sleep(5)  # the language model loads meanwhile and takes a core
        yield int(found[1]), made.stdout.split()[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def capture_request(port: int, token: str, salt: int, keep_alive: bool, n: int) -> bytes:
    """One event, as a phone sends it."""
    body = orjson.dumps(
        {
            "source": "phone", "kind": "position", "layer": "environmental",
            "start_ms": time.time_ns() // 1_000_000 - 1000, "offset_min": 60, "key": f"{salt}-{n}",
            "payload": {"lat": 52.1 + n * 1e-6, "lon": 4.3, "accuracy_m": 12, "battery": 80},
        }
    )  # fmt: skip
    head = (
        f"POST /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
    )
    return head.encode() + body


def api_rates(seconds: float, connections: int, rounds: int) -> tuple[list[tuple[LoadResult, ...]], float | None]:
    """For each round ours kept alive, ours with a connection for each request, and ActivityWatch."""
    python = activitywatch_python(os.environ)
    if python is None:
        raise SystemExit("No ActivityWatch here; `make prepare` sets it up.")
    found = list[tuple[LoadResult, ...]]()
    with folder() as path, station(path) as (port, token), activitywatch(python) as peer:
        for number in range(rounds):
            alive, closing = (
                measure(
                    "127.0.0.1", port, functools.partial(capture_request, port, token, 2 * number + keep, bool(keep)),
                    connections, seconds,
                )
                for keep in (1, 0)
            )  # fmt: skip
            theirs = measure("127.0.0.1", peer.port, peer.requests(), connections, seconds)
            assert alive.errors + closing.errors + theirs.errors == 0
            found.append((alive, closing, theirs))
        syncs = peer.syncs_per_event()
    return found, syncs


def api_ratios(smoke: bool) -> tuple[float, float]:
    """Ours against ActivityWatch: with connections left open where the server leaves them open, and without."""
    rounds, syncs = api_rates(0.5 if smoke else 4.0, 4 if smoke else CONNECTIONS, 1 if smoke else 3)
    alive, closing, theirs = (statistics.median(r.events_per_s for r in column) for column in zip(*rounds, strict=True))
    print(
        f"api: ours {alive:,.0f}/s kept alive, {closing:,.0f}/s a connection each; ActivityWatch {theirs:,.0f}/s"
        f" ({'it closes each connection' if not rounds[0][2].kept_alive else 'kept alive'}; syncs an event: {syncs})"
    )
    return _median_ratio(rounds, 0), _median_ratio(rounds, 1)


def _median_ratio(rounds: Sequence[tuple[LoadResult, ...]], which: int) -> float:
    return statistics.median(row[which].events_per_s / row[2].events_per_s for row in rounds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--smoke", action="store_true", help="a quick look whether everything runs")
    parser.add_argument("--data", help="not needed; accepted for uniformity")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the import")
    options = parser.parse_args(arguments)
    ratios, size = append_ratios(options.smoke)
    alive, closing = api_ratios(options.smoke)
    figures = {
        "import_records_per_s": import_rate(2000 if options.smoke else options.lines),
        "api_ratio_activitywatch": alive,
        "api_ratio_activitywatch_no_keep_alive": closing,
        "group_commit_gain": group_commit_gain(options.smoke),
        "append_ratio_plain": min(ratios.values()),
        "bytes_per_event": size,
    }
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
