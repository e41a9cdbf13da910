"""The part of the alignment benchmark that works on a journal measures what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import alignment_journal as benchmark
from benchmarks.alignment_journal import FIRST_DAY, Vault, check_changes, days, decode, records, ten_years
from hearthside.events import DAY_MS, HOUR_MS, Event, Series


def test_a_day_becomes_records_of_all_six_layers() -> None:
    [day] = days(1)
    found = records(day, FIRST_DAY)
    assert [record.start_ms for record in found] == sorted(record.start_ms for record in found)
    assert {record.start_ms // DAY_MS for record in found} == {FIRST_DAY}
    assert len({record.layer for record in found}) == 6
    samples = [record for record in found if isinstance(record, Series)]
    assert [len(one.values) for one in samples] == [360] * 24 and samples[1].start_ms - samples[0].start_ms == HOUR_MS
    events = [record for record in found if isinstance(record, Event)]
    assert len(events) == sum(len(table["id" if "id" in table else "t"]) for table in day.tables.values()) - 8640
    assert all(record.end_ms is None or record.end_ms > record.start_ms for record in events)


def test_a_day_can_be_told_again_as_another_one_and_thinner() -> None:
    [day] = days(1)
    later = records(day, FIRST_DAY + 500, 40)
    assert {record.start_ms // DAY_MS for record in later} == {FIRST_DAY + 500}
    assert len(later) < len(records(day, FIRST_DAY)) / 30
    assert not {record.id for record in later} & {record.id for record in records(day, FIRST_DAY)}


def test_late_hours_are_missing_until_they_come(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    late = ten_years(vault, 31)
    assert {batch.device for batch in late} == {"device:desktop", "device:glasses", "device:phone", "device:station"}
    assert {batch.number for batch in late} == {FIRST_DAY, FIRST_DAY + 30} and len(late) == 8
    assert all(record.start_ms % DAY_MS // HOUR_MS == benchmark.LATE_HOUR for batch in late for record in batch.records)
    assert decode(vault.journal) == vault.count
    vault.stream.update()
    whole = vault.count + sum(len(batch.records) for batch in late)
    took = benchmark.take_late(vault, late)
    assert sum(map(len, took.values())) == len(late) and vault.count == whole == decode(vault.journal)
    vault.close()


def test_a_change_that_nothing_explains_ends_the_run(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    late = {batch.device: batch for batch in ten_years(vault, 1)}
    vault.stream.update()
    version = vault.stream.version()
    phone = late["device:phone"]
    vault.take(phone.number, phone.records)
    vault.stream.update()
    changed = vault.stream.changed_since(version)
    check_changes(vault.stream, phone, changed)
    with pytest.raises(SystemExit, match="where it should not"):
        check_changes(vault.stream, late["device:desktop"], changed)
    with pytest.raises(SystemExit, match="changed nothing"):
        check_changes(vault.stream, phone, changed[:1])
    with pytest.raises(SystemExit, match="where it should not"):
        check_changes(vault.stream, phone, [replace(changed[0], first_minute=0), *changed[1:]])
    with pytest.raises(SystemExit, match="where it should not"):
        check_changes(vault.stream, phone, [replace(changed[0], day=changed[0].day + 1), *changed[1:]])
    vault.close()


def test_ninety_nine_of_a_hundred() -> None:
    assert benchmark.p99([float(n) for n in range(1, 101)]) == 99
    assert benchmark.p99([3.0]) == 3
