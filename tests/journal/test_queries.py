"""Merging what several year files give: in order, and no file is asked before its turn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.events import Json
from hearthside.journal.queries import in_order
from tests.journal.vaults import DAY_MS, NOW_MS, Clock, journal_in, note, over_years, starts

_rows = st.lists(st.tuples(st.integers(-50, 50), st.binary(min_size=1, max_size=2)), max_size=8)


@given(files=st.lists(_rows, max_size=5), newest_first=st.booleans(), known=st.booleans())
def test_rows_of_many_files_come_in_order(files: list[list[Json]], newest_first: bool, known: bool) -> None:
    sign = -1 if newest_first else 1

    def order(row: Json) -> tuple[int, bytes]:
        return sign * row[0], row[1]

    streams = [
        ((sign * min(sign * row[0] for row in rows)) if known and rows else None, iter(sorted(rows, key=order)))
        for rows in files
    ]
    found = list(in_order(streams, newest_first))
    assert found == sorted((row for rows in files for row in rows), key=order)


def test_a_file_whose_turn_has_not_come_is_not_asked() -> None:
    asked = list[str]()

    def rows(name: str, *starts: int) -> Iterator[Json]:
        asked.append(name)
        yield from ((start, b"") for start in starts)

    streams = [(10, rows("old", 10, 5)), (None, rows("new", 30, 20)), (15, rows("middle", 15))]
    found = in_order(streams, newest_first=True)
    assert [row[0] for row in islice(found, 2)] == [30, 20]
    assert asked == ["new"]
    assert [row[0] for row in found] == [15, 10, 5]
    assert asked == ["new", "middle", "old"]


@pytest.mark.parametrize("limit", [None, 3, 500])
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("kinds", [None, ["a"], ["b", "a", "b"], ["a", "c", "nothing"], []])
def test_reading_over_years_gives_what_sorting_would(
    kinds: list[str] | None, newest_first: bool, limit: int | None, tmp_path: Path
) -> None:
    clock = Clock()
    records = [note(n, "xy"[n % 2], kind="abc"[n % 3], day=(7 * n) % 30) for n in range(90)]
    with journal_in(tmp_path, clock) as journal:
        for first in range(0, 90, 30):
            journal.append(records[first : first + 30])
            clock.now_ms += 366 * DAY_MS
        for bounds in ((None, None), (NOW_MS + 3 * DAY_MS, NOW_MS + 20 * DAY_MS), (NOW_MS + 29 * DAY_MS, None)):
            for sources in (None, ["x"]):
                expected = [
                    record
                    for record in sorted(records, key=lambda r: (-r.start_ms if newest_first else r.start_ms, r.id))
                    if (kinds is None or record.kind in kinds)
                    and (sources is None or record.source in sources)
                    and (bounds[0] is None or record.start_ms >= bounds[0])
                    and (bounds[1] is None or record.start_ms < bounds[1])
                ][:limit]
                read = journal.read(*bounds, kinds=kinds, sources=sources, newest_first=newest_first, limit=limit)
                assert [item.record for item in read] == expected


def test_offsets_name_every_change(tmp_path: Path) -> None:
    clock = Clock()
    heard = [(n, 60 if n < 20 else 120 if n < 22 else 60) for n in range(40)]
    with journal_in(tmp_path, clock) as journal:
        for n, offset in heard:
            if n == 21:
                clock.now_ms += 366 * DAY_MS
            record = note(n)
            object.__setattr__(record, "offset_min", offset)
            journal.append([record])
        found = [(start - NOW_MS, offset) for start, offset in journal.offsets()]
        assert found == [(0, 60), (19, 60), (20, 120), (21, 120), (22, 60), (39, 60)]
        journal.forget([next(item.id for item in journal.read(kinds=["note"], limit=1))])
        assert journal.offsets()[0] == (NOW_MS + 1, 60)
        assert len(starts(journal)) == 39


def test_years_that_cannot_have_anything_are_not_read(tmp_path: Path) -> None:
    over_years(tmp_path)
    with journal_in(tmp_path) as journal:
        assert list(journal.read(NOW_MS + 100 * DAY_MS)) == []
        assert list(journal.read(None, NOW_MS - 1)) == []
