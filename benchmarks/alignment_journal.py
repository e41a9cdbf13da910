"""The life stream from an encrypted journal: making it anew, taking in late records, showing a year.

Part of `alignment.py`; alone: ``.venv/bin/python benchmarks/alignment_journal.py [--smoke] [--days 60]``. The generated
streams (`streams.py`) become records as their devices would send them: the sensor as hourly series of a sample every
ten seconds, all else as events.

- *rebuild*: some days, whole, against a loop that only selects, decrypts and decodes the same rows, by turns. Ten years
  are not measured but 3,650 days at the seconds a day measured.
- *late*: a journal of ten years of which every thirtieth day is whole and the others hold every fortieth event. From
  the whole days an hour is missing. It comes in late, a device at a time: append (on the disk) and `LifeStream.update`,
  which puts the sealed day back. Nothing may change version but what the hour touches.
- *year*: the view of a year, for several measures, and its drawing, on the same ten years; the slowest counts.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

import numpy as np
import orjson

from benchmarks.streams import START_MS, Table, generate
from hearthside.alignment import workers
from hearthside.alignment.kinds import rule_of
from hearthside.alignment.show import show_year
from hearthside.alignment.store import ChunkFacts
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Layer, Origin, Record, Series, Trust
from hearthside.journal import Journal, files
from hearthside.journal.keys import year_keys
from hearthside.web.drawing_year import maps
from hearthside.web.zoom import Moment

KEY = b"\1" * 32
FIRST_DAY = START_MS // DAY_MS + 1  # the first whole UTC day of the streams
TEN_YEARS = 3650
WHOLE_EVERY, THIN = 30, 40
LATE_HOUR = 10
_STEP_MS = 10_000
_MEASURES = ("", "events", "covered-environmental", "conversation", "computer")
_WORDS = "the rain came late and we walked home along the canal talking about the garden and her new job".split()
_PEOPLE = ("Mina", "Tom", "Dr Okafor", "Lena", "the neighbour")
_APPS = ("Firefox", "Terminal", "Mail", "Writer", "Maps")
_TONES = ("calm", "glad", "tired", "tense")


# -- records -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day of the generated streams, to be told as records of any other day.

    Attributes:
        tables: rows of that day; the sensor's too.
        start_ms: its midnight.
    """

    tables: dict[str, Table]
    start_ms: int


def days(count: int) -> list[Day]:
    """So many days of the generated streams."""
    tables = generate((count + 1) * 1440)
    found = []
    for n in range(count):
        start = (FIRST_DAY + n) * DAY_MS
        rows = {}
        for name, table in tables.items():
            times = table["s" if name == "app" else "t"]
            low, high = times.searchsorted((start, start + DAY_MS)).tolist()
            rows[name] = {column: values[low:high] for column, values in table.items()}
        found.append(Day(rows, start))
    return found


def records(day: Day, number: int, thin: int = 1) -> list[Record]:
    """The records of a day as if it were the UTC day `number`, every `thin`-th of each stream, in order of time."""
    moved = number * DAY_MS - day.start_ms
    found: list[Record] = []
    for name, table in day.tables.items():
        if name == "sensor":
            found += _series(table, number, thin)
            continue
        columns = {column: values[::thin].tolist() for column, values in table.items()}
        times = columns.pop("s" if name == "app" else "t")
        for row, start in enumerate(times):
            found.append(_TELL[name](start + moved, {column: values[row] for column, values in columns.items()}, moved))
    return sorted(found, key=lambda record: record.start_ms)


def _series(table: Table, number: int, thin: int) -> Iterator[Record]:
    """An hour at a time; a thin day keeps its first."""
    values = np.round(table["v"], 2)
    an_hour = HOUR_MS // _STEP_MS
    for hour in range(24 if thin == 1 else 1):
        part = values[hour * an_hour : (hour + 1) * an_hour].astype(np.float64)
        start = number * DAY_MS + hour * HOUR_MS
        yield Series("station", "temperature", Layer.RESIDENTIAL, start, _STEP_MS, part, "°C", "device:station")


Row = dict[str, int | float]


def _position(start: int, row: Row, _: int) -> Event:
    place = {"lat": round(row["lat"], 6), "lon": round(row["lon"], 6), "accuracy_m": 12, "battery": 80}
    return Event(
        "phone", "position", Layer.ENVIRONMENTAL, start, Origin.DEVICE, Trust.OWN, place, "device:phone", offset_min=60
    )


def _app_use(start: int, row: Row, moved: int) -> Event:
    app, title = _APPS[int(row["id"]) % len(_APPS)], _said(int(row["id"]), 5)
    return Event(
        "desktop", "app_use", Layer.BEHAVIOURAL, start, Origin.SELF, Trust.OWN, {"app": app, "title": title},
        "device:desktop", end_ms=int(row["e"]) + moved, text=f"{app} {title}",
    )  # fmt: skip


def _caption(start: int, row: Row, _: int) -> Event:
    words = _said(int(row["id"]), 9)
    payload = {"text": words, "objects": words.split()[:3], "people": [_person(row)], "place": "the canal"}
    return Event(
        "glasses", "caption", Layer.VISUAL, start, Origin.DEVICE, Trust.OWN, payload, "device:glasses", text=words
    )


def _utterance(start: int, row: Row, _: int) -> Event:
    number, words = int(row["id"]), _said(int(row["id"]), 12)
    own = number % 3 == 0
    payload = {
        "speaker": "me" if own else _person(row), "is_self": own, "tone": _TONES[number % len(_TONES)],
        "conversation": f"talk {number // 20}", "text": words,
    }  # fmt: skip
    return Event(
        "voice", "utterance", Layer.AUDITORY, start, Origin.SELF if own else Origin.PERSON, Trust.OWN, payload,
        "device:glasses", end_ms=start + 1000 + number % 5000, text=words,
    )  # fmt: skip


def _message(start: int, row: Row, _: int) -> Event:
    words, sender = _said(int(row["id"]), 8), _person(row)
    return Event(
        "chat", "message", Layer.TEXT, start, Origin.PERSON, Trust.KNOWN,
        {"conversation": sender, "sender": sender, "text": words}, "device:phone", text=words,
    )  # fmt: skip


def _said(number: int, count: int) -> str:
    return " ".join(_WORDS[(number * 7 + n * 3) % len(_WORDS)] for n in range(count))


def _person(row: Row) -> str:
    return _PEOPLE[int(row["id"]) % len(_PEOPLE)]


_TELL: dict[str, Callable[[int, Row, int], Event]] = {
    "gps": _position, "app": _app_use, "caption": _caption, "utterance": _utterance, "message": _message,
}  # fmt: skip


# -- the vault -----------------------------------------------------------------------------------------------------


class Vault:
    """A journal and its life stream in a folder; records arrive at the end of the day they are of."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = START_MS
        self.journal = Journal(folder, KEY, lambda: self.now_ms)
        self.stream = LifeStream(folder, KEY, self.journal, lambda: UTC)
        self.count = 0

    def take(self, number: int, found: Sequence[Record]) -> None:
        """The records of a UTC day."""
        self.now_ms = max(self.now_ms, (number + 1) * DAY_MS)
        self.journal.append(found)
        self.count += len(found)

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()


@contextmanager
def vault() -> Iterator[Vault]:
    """A vault on the disk the repository lies on, not in memory: a sync must reach a disk."""
    base = Path(__file__).resolve().parents[1] / ".cache"
    base.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=base, prefix="alignment-"))
    try:
        with closing(Vault(folder)) as found:
            yield found
    finally:
        shutil.rmtree(folder)


# -- making it anew ------------------------------------------------------------------------------------------------


def decode(journal: Journal) -> int:
    """The bare loop: every row of the journal's files selected, decrypted and decoded; how many there were."""
    ciphers, count = {}, 0
    _, keys = journal.opened_with()
    for path in files.year_files(journal.folder):
        with closing(files.open_with_any(path, year_keys(keys), None)) as connection:
            for seq, key, sealed in connection.execute("SELECT seq, key, sealed FROM record ORDER BY seq"):
                if key not in ciphers:
                    ciphers[key] = journal.keyring.by_id(key).cipher
                # nonce (12), then salt (16), arrival (8), body
                orjson.loads(ciphers[key].decrypt(sealed[:12], sealed[12:], seq.to_bytes(8, "big"))[24:])
                count += 1
    return count


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def rebuild(count: int, rounds: int) -> dict[str, float]:
    """Days made anew against the bare loop, by turns; in one process too, for comparison."""
    with vault() as found:
        for n, day in enumerate(days(count)):
            found.take(FIRST_DAY + n, records(day, FIRST_DAY + n))
        found.stream.update()
        before = found.stream.fingerprint()
        turns = [(timed(lambda: decode(found.journal)), timed(found.stream.rebuild)) for _ in range(rounds)]
        if found.stream.fingerprint() != before:
            raise SystemExit("made anew, the life stream is another one")
        if decode(found.journal) != found.count:
            raise SystemExit("the bare loop did not read the same rows")
        reading = timed(lambda: sum(1 for _ in found.journal.read()))
        alone = timed(lambda: decode(found.journal)), _alone(found)
    bare, anew = (statistics.median(column) for column in zip(*turns, strict=True))
    print(f"rebuild: {count} days, {found.count:,} records, median of {rounds}")
    print(f"  bare loop {bare:.2f} s ({found.count / bare:,.0f}/s), rebuild {anew:.2f} s ({found.count / anew:,.0f}/s)")
    print(
        f"  rebuild in one process {alone[1]:.2f} s, {alone[0] / alone[1]:.2f} of the speed of the bare loop beside it"
    )
    print(f"  reading the journal into records, for comparison: {reading:.2f} s")
    print(f"  ten years, extrapolated from these {count} days: {anew / count * TEN_YEARS:.0f} s")
    return {
        "rebuild_over_decode": statistics.median(decoded / made for decoded, made in turns),
        "rebuild_10y_s": anew / count * TEN_YEARS,
    }


def _alone(found: Vault) -> float:
    """Seconds of a rebuild that shares its work with no other process."""
    most, workers.WORKERS = workers.WORKERS, 1
    try:
        return timed(found.stream.rebuild)
    finally:
        workers.WORKERS = most


# -- late records and years ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Late:
    """What a device recorded in an hour of a day, still to come."""

    number: int
    device: str
    records: list[Record]


def ten_years(found: Vault, count: int) -> list[Late]:
    """Fill a vault with so many days; the hours that are missing."""
    shapes = days(-(-count // WHOLE_EVERY))
    late = []
    for n in range(count):
        number, whole = FIRST_DAY + n, n % WHOLE_EVERY == 0
        told = records(shapes[n // WHOLE_EVERY], number, 1 if whole else THIN)
        if whole:
            begin = number * DAY_MS + LATE_HOUR * HOUR_MS
            missing = [record for record in told if begin <= record.start_ms < begin + HOUR_MS]
            told = [record for record in told if not begin <= record.start_ms < begin + HOUR_MS]
            for device in sorted({record.clock for record in missing}):
                late.append(Late(number, device, [record for record in missing if record.clock == device]))
        found.take(number, told)
    return late


def take_late(found: Vault, late: Sequence[Late]) -> dict[str, list[float]]:
    """By device the milliseconds that each of its late hours takes; see `check_changes`."""

    def take(batch: Late) -> None:
        found.take(batch.number, batch.records)
        found.stream.update()

    took: dict[str, list[float]] = {}
    for batch in late:
        version = found.stream.version()
        took.setdefault(batch.device, []).append(timed(partial(take, batch)) * 1000)
        check_changes(found.stream, batch, found.stream.changed_since(version))
    return took


def check_changes(stream: LifeStream, batch: Late, changed: Iterable[ChunkFacts]) -> None:
    """That exactly the streams of a late hour changed, and no further than its events reach.

    Raises:
        SystemExit: it is not so.
    """
    reach, names, seen = _reach(batch), stream.streams(), set()
    for fact in changed:
        kind = names[fact.stream].kind
        seen.add(kind)
        first, last = reach.get(kind, (0, -1))
        since = (fact.day - batch.number) * 1440  # what an event reaches may lie on the day after
        if not first <= since + fact.first_minute <= since + fact.last_minute <= last:
            raise SystemExit(f"a late hour of day {batch.number} changed {kind} where it should not: {fact}")
    if seen != set(reach):
        raise SystemExit(f"late records of {', '.join(sorted(set(reach) - seen))} changed nothing")


def _reach(batch: Late) -> dict[str, tuple[int, int]]:
    """By kind the first and last minute, counted from the day's first, for which the records of an hour matter."""
    reach: dict[str, tuple[int, int]] = {}
    for record in batch.records:
        end = max(record.end_ms or 0, record.start_ms + 1)
        first, final = ((ms - batch.number * DAY_MS) // MINUTE_MS for ms in (record.start_ms, end - 1))
        rule = rule_of(record.kind)
        holds = 0 if isinstance(record, Series) else max(rule.tolerance_min, rule.cadence_min - 1)
        low, high = reach.get(record.kind, (first, final))
        reach[record.kind] = (min(low, first), max(high, final + holds))
    return reach


def year_views(stream: LifeStream) -> float:
    """Seconds that the slowest view of a year takes to work out and draw."""
    bounds = stream.bounds()
    if bounds is None:
        raise SystemExit("the life stream is empty")
    took = {}
    for year in range(int(bounds[0][:4]), int(bounds[1][:4]) + 1):
        for measure in _MEASURES:
            took[year, measure] = timed(partial(_draw_year, stream, year, measure))
    slowest = max(took, key=lambda one: took[one])
    print(
        f"year: {len(took)} views, median {statistics.median(took.values()) * 1000:.0f} ms,"
        f" slowest {took[slowest] * 1000:.0f} ms ({slowest[0]}, {slowest[1] or 'layers'})"
    )
    return took[slowest]


def _draw_year(stream: LifeStream, year: int, measure: str) -> None:
    maps(show_year(stream, year, measure), Moment(f"{year:04d}-07-01"))


def long_life(count: int) -> dict[str, float]:
    """Late records and years, on so many days."""
    with vault() as found:
        late = ten_years(found, count)
        filled = timed(found.stream.update)
        print(f"late: {count:,} days, {found.count:,} records, aligned in {filled:.0f} s; an hour comes in late")
        took = take_late(found, late)
        for device, each in took.items():
            size = statistics.mean(len(batch.records) for batch in late if batch.device == device)
            print(f"  {device:<16}{len(each):>4} batches of about {size:>3.0f} records: {_spread(each)}")
        every = [one for each in took.values() for one in each]
        print(f"  {'all':<16}{len(every):>4} batches: {_spread(every)}; nothing changed but what they touch")
        return {"late_day_ms_p99": p99(every), "year_view_s": year_views(found.stream)}


def p99(values: Sequence[float]) -> float:
    """The smallest value that 99 of 100 do not exceed."""
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def _spread(values: Sequence[float]) -> str:
    return f"p50 {statistics.median(values):.1f} ms, p99 {p99(values):.1f} ms, most {max(values):.1f} ms"


def journal_figures(smoke: bool, count: int = 60) -> dict[str, float]:
    """All keys of this part."""
    return rebuild(6 if smoke else count, 1 if smoke else 3) | long_life(61 if smoke else TEN_YEARS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--smoke", action="store_true", help="a few days, to see that everything runs")
    parser.add_argument("--data", help="not needed; accepted for uniformity")
    parser.add_argument("--days", type=int, default=60, help="days to make anew")
    options = parser.parse_args(arguments)
    found = journal_figures(options.smoke, options.days)
    print(json.dumps({key: round(value, 3) for key, value in found.items()}))


if __name__ == "__main__":
    main()
