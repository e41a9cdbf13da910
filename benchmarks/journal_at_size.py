"""Whether a journal of ten years is as quick as an empty one: appending and looking up, against each other in one run.

Run: ``.venv/bin/python benchmarks/journal_at_size.py [--records 5000000] [--smoke] [--data DIR]``. A vault is generated
whose records came in over ten years from fifteen sources; ``--data`` is accepted for uniformity. The other vault holds
its last days only, because a look-up in nothing would be compared with nothing. Rounds alternate between the two and
the median counts; the aim is a ratio of at most 1.5.

The last line is one JSON object: records, generated per second, seconds to open and to name the sources, and for each
operation milliseconds in the small vault, in the big one, and the ratio.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hearthside.events import DAY_MS, Event, Layer, Origin, Precision, Trust
from hearthside.journal import Journal

NOW_MS = 1_797_000_000_000
KEY = b"\1" * 32
YEARS, DAYS_A_YEAR = 10, 365
_BATCH = 5_000
_SMALL_DAYS = 3
_SOURCES = (  # name, kind, layer, share of all records
    ("owntracks", "position", Layer.ENVIRONMENTAL, 40), ("home_assistant", "state", Layer.RESIDENTIAL, 25),
    ("activitywatch", "app_use", Layer.BEHAVIOURAL, 12), ("whatsapp", "message", Layer.TEXT, 6),
    ("glasses", "caption", Layer.VISUAL, 4), ("signal", "message", Layer.TEXT, 3),
    ("browser", "page_visit", Layer.TEXT, 3), ("voice", "utterance", Layer.AUDITORY, 2),
    ("last_fm", "listen", Layer.AUDITORY, 1), ("google_search", "search", Layer.TEXT, 1),
    ("youtube", "watch", Layer.TEXT, 1), ("weather", "weather", Layer.ENVIRONMENTAL, 1),
    ("oura_sleep", "sleep", Layer.BEHAVIOURAL, 0.3), ("garmin", "workout", Layer.BEHAVIOURAL, 0.4),
    ("scale", "weight_day", Layer.BEHAVIOURAL, 0.3),
)  # fmt: skip
_WORDS = "the rain came late and we walked home along the canal talking about the garden and her new job".split()
_Operation = Callable[[Journal, "Clock", random.Random], object]


class Clock:
    """The time at which records arrive."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass(frozen=True, slots=True)
class Compared:
    """An operation in both vaults, median milliseconds."""

    small_ms: float
    big_ms: float

    @property
    def ratio(self) -> float:
        """How many times slower the big vault is."""
        return self.big_ms / self.small_ms


def life(records: int, rnd: random.Random) -> Iterator[tuple[int, list[Event]]]:
    """Days of a life, oldest first: the day's number before now, and what came in on it, in order of time."""
    days = YEARS * DAYS_A_YEAR
    for day in range(days):
        count = records * (day + 1) // days - records * day // days
        start = NOW_MS - (days - day) * DAY_MS
        chosen = rnd.choices(_SOURCES, [source[3] for source in _SOURCES], k=count)
        yield days - day, [event(source, start + n * (DAY_MS // max(count, 1)), rnd) for n, source in enumerate(chosen)]


def event(source: tuple[str, str, Layer, float], start_ms: int, rnd: random.Random) -> Event:
    """One record of a source."""
    name, kind, layer, _ = source
    text, payload = "", {"lat": 52.1 + rnd.random() / 10, "lon": 4.3, "accuracy_m": 12, "battery": 80}
    if layer is Layer.TEXT:
        text = " ".join(rnd.choices(_WORDS, k=12))
        payload = {"conversation": "Anna", "sender": "Anna", "text": text}  # type: ignore[dict-item]
    end_ms = start_ms + 60_000 if kind in ("app_use", "utterance", "sleep", "workout") else None
    return Event(
        name, kind, layer, start_ms, Origin.DEVICE, Trust.OWN, payload, clock=f"device:{name}", end_ms=end_ms,
        text=text, offset_min=60 if kind == "position" else None, precision=Precision.INSTANT,
        key=f"{rnd.getrandbits(48):x}",
    )  # fmt: skip


def generate(folder: Path, records: int, small: Path | None = None) -> float:
    """A vault of ten years; its last days also in a small one. Returns records a second."""
    clock, rnd = Clock(), random.Random(5)
    began, waiting, last = time.perf_counter(), list[Event](), list[Event]()
    with closing(Journal(folder, KEY, clock)) as journal:
        for left, events in life(records, rnd):
            waiting += events
            last += events if left <= _SMALL_DAYS else ()
            if len(waiting) >= _BATCH or left == 1:
                clock.now_ms = NOW_MS - (left - 1) * DAY_MS
                journal.append(waiting)
                waiting = []
    seconds = time.perf_counter() - began
    if small is not None:
        with closing(Journal(small, KEY, Clock())) as journal:
            journal.append(last)
    return records / seconds


def _append(size: int) -> _Operation:
    def operation(journal: Journal, clock: Clock, rnd: random.Random) -> object:
        clock.now_ms += 1000
        events = [event(_SOURCES[n % 4], clock.now_ms + n, rnd) for n in range(size)]
        began = time.perf_counter()
        assert all(journal.append(events))
        return time.perf_counter() - began

    return operation


def _get(journal: Journal, clock: Clock, rnd: random.Random) -> object:
    seq = rnd.randrange(journal.head().seq)
    (known,) = journal.since(seq, limit=1)
    began = time.perf_counter()
    assert len(journal.get([known.id])) == 1
    return time.perf_counter() - began


def _one_day(journal: Journal, clock: Clock, rnd: random.Random) -> object:
    found = list(journal.read(NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS))
    assert found
    return None


def _newest(*kinds: str) -> _Operation:
    def operation(journal: Journal, clock: Clock, rnd: random.Random) -> object:
        found = list(journal.read(kinds=kinds, newest_first=True, limit=10))
        assert len(found) == 10
        return None

    return operation


OPERATIONS: dict[str, tuple[_Operation, int]] = {
    "append 1": (_append(1), 300),
    "append 100": (_append(100), 60),
    "append 1000": (_append(1000), 15),
    "get by id": (_get, 400),
    "read one day": (_one_day, 30),
    "newest of a kind": (_newest("position"), 100),
    "newest of three kinds": (_newest("message", "caption", "page_visit"), 100),
}
"""What is compared, and how often."""


def compare(small: Path, big: Path, share: float = 1.0) -> dict[str, Compared]:
    """Every operation, in turns in one vault and the other."""
    clock, rnd = Clock(), random.Random(6)
    found = {}
    with closing(Journal(small, KEY, clock)) as one, closing(Journal(big, KEY, clock)) as other:
        for name, (operation, times) in OPERATIONS.items():
            taken: tuple[list[float], list[float]] = ([], [])
            for turn in range(max(3, round(times * share)) + 3):
                for journal, kept in zip((one, other), taken, strict=True):
                    began = time.perf_counter()
                    own = operation(journal, clock, rnd)
                    spent = own if isinstance(own, float) else time.perf_counter() - began
                    if turn >= 3:  # the first ones warm the caches
                        kept.append(spent * 1000)
            found[name] = Compared(statistics.median(taken[0]), statistics.median(taken[1]))
    return found


def opening(folder: Path) -> tuple[float, float]:
    """Seconds to open a vault and to name its sources."""
    began = time.perf_counter()
    with closing(Journal(folder, KEY, Clock())) as journal:
        opened = time.perf_counter()
        assert journal.sources()
        return opened - began, time.perf_counter() - opened


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument("--smoke", action="store_true", help="20,000 records: does it run at all")
    parser.add_argument("--data", help="accepted for uniformity; everything is generated")
    chosen = parser.parse_args(arguments)
    records = 20_000 if chosen.smoke else chosen.records
    folder = Path(tempfile.mkdtemp(prefix="journal-at-size-"))
    try:
        rate = generate(folder / "big", records, folder / "small")
        print(f"{records:,} records generated, {rate:,.0f} a second")
        open_s, sources_s = opening(folder / "big")
        found = compare(folder / "small", folder / "big", 0.05 if chosen.smoke else 1.0)
    finally:
        shutil.rmtree(folder)
    for name, one in found.items():
        print(f"{name:24} {one.small_ms:9.3f} ms   {one.big_ms:9.3f} ms   {one.ratio:5.2f}")
    figures = {
        name.replace(" ", "_"): {"small_ms": round(one.small_ms, 3), "big_ms": round(one.big_ms, 3),
                                 "ratio": round(one.ratio, 2)}
        for name, one in found.items()
    }  # fmt: skip
    print(
        json.dumps(
            {
                "records": records, "generated_per_s": round(rate), "open_s": round(open_s, 3),
                "sources_s": round(sources_s, 3), "worst_ratio": round(max(one.ratio for one in found.values()), 2),
                **figures,
            }
        )
    )  # fmt: skip
    sys.stdout.flush()


if __name__ == "__main__":
    main()
