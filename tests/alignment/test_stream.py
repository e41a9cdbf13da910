"""The life stream: the same journal gives the same bytes, whatever came first and whatever was in between."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Precision, Record, day_number
from hearthside.identity.database import open_database
from tests.alignment.lives import DAY, KEY, START, Vault, at, event, many_records, open_vault, series

PROCESS = """
import sys
from datetime import UTC
from pathlib import Path
from hearthside.alignment.stream import LifeStream
from hearthside.journal import Journal
from tests.alignment.lives import KEY, START, many_records
folder = Path(sys.argv[1])
journal = Journal(folder, KEY, lambda: START)
stream = LifeStream(folder, KEY, journal, lambda: UTC)
records = many_records(int(sys.argv[2]))
for at in range(0, len(records), 6):
    journal.append(records[at : at + 6])
    stream.update()
journal.close()
"""


def _in_order(folder: Path, records: list[Record], rng: random.Random) -> str:
    """The fingerprint after taking records in a random order, in random batches, rebuilt at the end to compare."""
    vault = open_vault(folder)
    shuffled = rng.sample(records, len(records))
    while shuffled:
        size = rng.choice([1, 5, 30])
        vault.take(*shuffled[:size])
        del shuffled[:size]
    fingerprint = vault.rebuilt()
    vault.journal.close()
    return fingerprint


def _orders(tmp_path: Path, life: int, orders: int) -> None:
    records = many_records(life)
    seen = {_in_order(tmp_path / f"{life}-{n}", records, random.Random(n)) for n in range(orders)}
    assert len(seen) == 1


def test_the_order_of_arrival_leaves_no_trace(tmp_path: Path) -> None:
    _orders(tmp_path, life=1, orders=10)
    _orders(tmp_path, life=2, orders=10)


@pytest.mark.soak
def test_the_order_of_arrival_leaves_no_trace_in_many_lives(tmp_path: Path) -> None:
    for life in range(10, 30):
        _orders(tmp_path, life, orders=20)


def test_another_life_has_another_fingerprint(vault: Vault) -> None:
    vault.take(*many_records(1))
    before = vault.stream.fingerprint()
    vault.take(event("message", START, text="one more"))
    assert vault.stream.fingerprint() != before


def test_what_is_already_aligned_is_not_aligned_again(vault: Vault) -> None:
    vault.take(*many_records(1))
    assert vault.stream.update() == 0
    assert not vault.stream.pending()
    vault.journal.append([event("message", START, text="hello")])
    assert vault.stream.pending()
    assert vault.stream.update() == 0 and not vault.stream.pending()  # it was added to the chunk of its stream and day
    assert [o.text for o in vault.stream.occurrences(kinds=["message"]) if o.text == "hello"] == ["hello"]


def test_a_revision_replaces_what_came_before(vault: Vault) -> None:
    vault.take(event("sleep", START, START + HOUR_MS, key="n", total=1), event("sleep", START + 1, key="other"))
    vault.take(event("sleep", START, START + HOUR_MS, key="n", total=2))
    assert [o.amount for o in vault.stream.occurrences(kinds=["sleep"])] == [2.0, None]
    block = vault.stream.block(START // DAY_MS)
    assert block is not None and int(block.streams[0].count[30]) == 1
    vault.rebuilt()


@pytest.mark.parametrize("moved_days", [-9, -2, -1, 1, 2, 9])
def test_a_revision_may_move_to_another_day(vault: Vault, moved_days: int) -> None:
    vault.take(event("sleep", START, START + HOUR_MS, key="n"), series(START, [1.0] * 60, key="s"))
    moved = START + moved_days * DAY_MS
    vault.take(event("sleep", moved, moved + HOUR_MS, key="n"), series(moved, [2.0] * 60, key="s"))
    assert [o.start_ms for o in vault.stream.occurrences()] == [moved]
    blocks = list(vault.stream.blocks())
    assert [block.day for block in blocks] == [moved // DAY_MS]
    assert blocks[0].samples[0].values[0] == 2.0
    vault.rebuilt()


def test_revisions_in_any_batches_leave_the_last_one(tmp_path: Path) -> None:
    """Same order of arrival, other batches; and the records around them in any order."""
    rng = random.Random(5)
    revisions: list[Record] = [
        event("sleep", START + n * 7 * HOUR_MS, START + (n + 1) * 7 * HOUR_MS, key="n", total=n) for n in range(12)
    ]
    seen = set()
    for n, size in enumerate([1, 3, 5, 12]):
        vault = open_vault(tmp_path / str(n))
        for first in range(0, len(revisions), size):
            vault.take(*revisions[first : first + size])
        around = many_records(3)
        vault.take(*rng.sample(around, len(around)))
        assert [o.amount for o in vault.stream.occurrences(kinds=["sleep"]) if o.amount in range(12)] == [11.0]
        seen.add(vault.rebuilt())
        vault.journal.close()
    assert len(seen) == 1


def test_forgetting_the_last_revision_brings_the_one_before_back_as_a_rebuild_would(vault: Vault) -> None:
    old = event("sleep", START, START + HOUR_MS, key="n")
    new = event("sleep", START + 5 * DAY_MS, START + 5 * DAY_MS + HOUR_MS, key="n")
    vault.take(old)
    vault.take(new)
    vault.journal.forget([new.id])
    vault.stream.mark_days_dirty([START // DAY_MS + 5])
    vault.stream.update()
    assert [o.id for o in vault.stream.occurrences()] == [old.id]
    vault.rebuilt()
    vault.journal.forget([old.id])
    vault.stream.mark_days_dirty([START // DAY_MS])
    vault.stream.update()
    assert vault.stream.occurrences() == [] and list(vault.stream.blocks()) == []
    vault.rebuilt()


def test_what_is_forgotten_leaves_every_day_it_reached(vault: Vault) -> None:
    records = many_records(4)
    vault.take(*records)
    whole = vault.stream.fingerprint()
    extra = event("workout", START + 2 * DAY_MS, START + 5 * DAY_MS, text="secret walk", offset_min=330)
    vault.take(extra)
    assert vault.stream.fingerprint() != whole
    vault.journal.forget([extra.id])
    first = START // DAY_MS
    vault.stream.mark_days_dirty(range(first, first + 9))
    vault.stream.update()
    assert vault.stream.fingerprint() == whole == vault.rebuilt()
    assert vault.stream.get(extra.id) is None


def test_forgetting_during_an_alignment_leaves_nothing_behind(tmp_path: Path) -> None:
    """Another thread forgets between two commits of a rebuild that has already read the record."""
    vault = open_vault(tmp_path)
    records: list[Record] = [event("message", START + n * DAY_MS, text=f"day {n}") for n in range(70)]
    vault.take(*records)
    gone, told = records[60:65], list[tuple[int, int]]()

    def forget_after_first_commit(done: int, total: int) -> None:
        if not told:
            told.append((done, total))
            vault.journal.forget(record.id for record in gone)
            days = range(START // DAY_MS + 60, START // DAY_MS + 65)
            thread = threading.Thread(target=vault.stream.mark_days_dirty, args=(days,))
            thread.start()
            thread.join()

    vault.stream.rebuild(forget_after_first_commit)
    vault.stream.update()
    assert told and vault.stream.get(gone[0].id) is None
    assert len(vault.stream.occurrences()) == 65
    vault.rebuilt()
    vault.journal.close()


def test_stopped_in_the_middle_it_goes_on_where_it_was(vault: Vault) -> None:
    vault.journal.append([event("message", START + n * DAY_MS, text=f"day {n}") for n in range(150)])
    answers = iter([False, True, True])
    assert 0 < vault.stream.update(stop=lambda: next(answers)) < 150
    assert vault.stream.pending()
    newest = vault.stream.bounds()
    assert newest is not None and newest[1] == "2026-09-30"  # the newest days come first
    found = len(vault.stream.occurrences())
    assert 0 < found < 150
    seen: list[tuple[int, int]] = []
    again = LifeStream(vault.folder, KEY, vault.journal, lambda: vault.zones[-1])
    again.update(lambda done, total: seen.append((done, total)))
    assert seen[0][0] > found
    assert len(again.occurrences()) == 150 and not again.pending()
    vault.rebuilt()


def test_a_home_zone_decided_later_moves_local_days(vault: Vault) -> None:
    vault.take(event("message", at("2026-05-04 22:30"), text="late"), event("listen", at("2026-05-05 12:00")))
    assert [o.local_day for o in vault.stream.occurrences()] == ["2026-05-04", "2026-05-05"]
    vault.zones.append(ZoneInfo("Europe/Berlin"))
    vault.stream.update()
    assert [(o.local_day, o.offset_min) for o in vault.stream.occurrences()] == [("2026-05-05", 120)] * 2
    vault.rebuilt()
    assert vault.stream.update() == 0


def test_an_offset_that_a_source_carries_speaks_for_its_neighbours(vault: Vault) -> None:
    home = ZoneInfo("Europe/Berlin")
    vault.zones.append(home)
    evening = at("2026-05-04 22:30")
    vault.take(event("message", evening, text="where am I"))
    assert vault.stream.occurrences()[0].offset_min == 120
    vault.take(event("sleep", at("2026-05-05 15:00"), at("2026-05-05 22:00"), offset_min=540))  # a night in Tokyo
    assert [(o.local_day, o.offset_min) for o in vault.stream.occurrences(kinds=["message"])] == [("2026-05-05", 540)]
    vault.take(event("sleep", at("2026-05-04 20:00"), at("2026-05-04 22:00"), offset_min=-420))
    assert vault.stream.occurrences(kinds=["message"])[0].offset_min == -420  # the one before wins
    far = event("message", at("2026-05-08 12:00"), text="home again")
    vault.take(far)
    assert vault.stream.occurrences(local_days=("2026-05-08", "2026-05-08"))[0].offset_min == 120
    vault.rebuilt()


def test_the_offset_of_a_system_record_counts_at_once(vault: Vault) -> None:
    vault.take(event("message", START, text="hello"))
    vault.take(event("offer", START + HOUR_MS, offset_min=-600))
    assert vault.stream.occurrences()[0].offset_min == -600
    assert vault.stream.counts() == {("test", "message"): 1}
    vault.rebuilt()


def test_two_threads_at_once(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    other = LifeStream(tmp_path, KEY, vault.journal, lambda: vault.zones[-1])  # its own lock, as in another process
    parts = [many_records(7), many_records(8)]

    def take(stream: LifeStream, records: list[Record]) -> None:
        for first in range(0, len(records), 6):
            vault.journal.append(records[first : first + 6])
            stream.update()

    threads = [threading.Thread(target=take, args=pair) for pair in zip((vault.stream, other), parts, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    vault.stream.update()
    assert not vault.stream.pending()
    assert vault.rebuilt()
    vault.journal.close()


def test_two_processes_at_once(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    root = Path(__file__).resolve().parents[2]
    others = [subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path), str(life)], cwd=root) for life in (7, 8)]
    assert [process.wait(120) for process in others] == [0, 0]
    vault.stream.update()
    fingerprint = vault.rebuilt()
    vault.journal.close()
    alone = open_vault(tmp_path / "alone")
    alone.take(*many_records(7), *many_records(8))
    assert alone.stream.fingerprint() == fingerprint
    alone.journal.close()


def test_another_version_of_the_format_is_made_anew(vault: Vault) -> None:
    vault.take(*many_records(1))
    before = vault.stream.fingerprint()
    raw = open_database(vault.folder / "stream.db", KEY)
    raw.execute("UPDATE meta SET value = 'older' WHERE name = 'version'; DROP TABLE chunk; CREATE TABLE chunk (other)")
    raw.close()
    again = LifeStream(vault.folder, KEY, vault.journal, lambda: vault.zones[-1])
    assert again.pending()
    again.update()
    assert again.fingerprint() == before


def test_a_night_belongs_to_the_morning(vault: Vault) -> None:
    vault.zones.append(ZoneInfo("America/New_York"))
    night = event("sleep", at("2026-05-05 03:00"), at("2026-05-05 11:00"))  # 23:00 to 07:00 there
    walk = event("workout", at("2026-05-05 03:30"), at("2026-05-05 04:30"))  # from 23:30
    vault.take(night, walk)
    assert {o.kind: o.local_day for o in vault.stream.occurrences()} == {"sleep": "2026-05-05", "workout": "2026-05-04"}


def test_a_day_without_a_time_is_the_day_the_source_gave(vault: Vault) -> None:
    vault.zones.append(ZoneInfo("Pacific/Auckland"))
    vault.take(event("activity_day", START, precision=Precision.DAY, steps=8000))
    [only] = vault.stream.occurrences()
    assert (only.local_day, only.amount, only.precision) == (DAY, 8000.0, Precision.DAY)
    assert list(vault.stream.blocks()) == []  # no minute of it is known


def test_occurrences_meet_every_condition(vault: Vault) -> None:
    vault.take(
        event("listen", START, START + MINUTE_MS, text="Ärzte – Zu spät", source="a"),
        event("listen", START + HOUR_MS, START + HOUR_MS, text="100% of_it", source="b"),
        event("message", START + 2 * HOUR_MS, text="ciao", conversation="Łódź trip", sender="Ann"),
        event("region_enter", START + 3 * HOUR_MS, text="Kyiv market"),
    )
    find = vault.stream.occurrences
    assert [o.text for o in find(words=["ärzte"])] == ["Ärzte – Zu spät"]
    assert [o.text for o in find(words=["ÄRZTE", "spät"])] == ["Ärzte – Zu spät"]
    assert [o.text for o in find(words=["ZU"])] == ["Ärzte – Zu spät"]
    assert [o.text for o in find(words=["łódź"])] == ["ciao"]
    assert [o.text for o in find(words=["zu", "spa\u0308t"])] == ["Ärzte – Zu spät"]
    assert [o.text for o in find(words=["0% of_"])] == ["100% of_it"]
    assert find(words=["%"], sources=["a"]) == [] and find(words=["_"], sources=["a"]) == []
    assert [o.text for o in find(about=["ann"])] == ["ciao"]
    assert [o.text for o in find(about=["kyiv"])] == ["Kyiv market"]
    assert find(about=["ciao"]) == []
    assert [o.source for o in find(kinds=["listen"], newest_first=True, limit=1)] == ["b"]
    assert find(kinds=[]) == []
    assert len(find(start_ms=START + MINUTE_MS, end_ms=START + 2 * HOUR_MS)) == 1
    assert len(find(start_ms=START + HOUR_MS, end_ms=START + HOUR_MS + 1)) == 1  # no length, but it happened then
    assert find(end_ms=START) == []
    assert vault.stream.offset_on("9999-12-31") == 0
    assert vault.stream.block(day_number("2001-01-01")) is None
