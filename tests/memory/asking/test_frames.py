"""Rows and groups as Arrow tables, and as files."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from hearthside.errors import ConfigError, NeedsPerson, Refused
from hearthside.events import DAY_MS
from hearthside.memory.asking import frame, from_json, parse, vocabulary_of
from hearthside.memory.asking.frames import Table, save, to_pandas, to_polars
from tests.memory.asking.lives import NOW, START, Happened, SmallLife, Steps, hours, night, play


@pytest.fixture
def life() -> SmallLife:
    """Some plays, one of them by a nasty artist, a day figure and a night; the person is two hours east."""
    return SmallLife(
        [
            play(0, 23, "Björk", note="Post"),
            play(1, 9, "=cmd"),
            Happened("activity_day", START, amount=7.0, by_day=True),
        ],
        [night(0, 22, 30)],
        steps=Steps(((0, 120),)),
    )


def _table(life: SmallLife, text: str) -> Table:
    return frame(life, parse(text, vocabulary_of(life), NOW, 0), NOW)


def test_rows(life: SmallLife) -> None:
    table = _table(life, "listen or activity_day")
    first, second, third = table.to_pylist()
    assert (first["kind"], first["amount"], first["only_day"]) == ("activity_day", 7.0, True)
    assert first["local_start"] == datetime(2023, 3, 20)  # noqa: DTZ001 (the person's own clock has no zone)
    assert second == {
        "start": datetime(2023, 3, 20, 23, tzinfo=UTC), "end": None,
        "local_start": datetime(2023, 3, 21, 1), "local_day": date(2023, 3, 21), "offset_min": 120,  # noqa: DTZ001
        "only_day": False, "layer": "auditory", "source": "last_fm", "kind": "listen", "text": "Björk – T",
        "note": "Post", "amount": None, "duration_s": None, "id": life.happened[0].id.hex(),
    }  # fmt: skip
    assert third["text"] == "=cmd – T"
    assert from_json(table.schema.metadata[b"query"]).select.what.names == ("listen", "activity_day")
    assert table.schema.metadata[b"sentence"] == b"count of records of listen or activity_day"


def test_episodes_and_clock_times(life: SmallLife) -> None:
    [row] = _table(life, "mean end of sleep").to_pylist()
    assert (row["text"], row["duration_s"], row["end_clock_min"], row["id"]) == ("asleep", 8 * 3600, 480, None)


def test_groups(life: SmallLife) -> None:
    table = _table(life, "count listen by artist and weekday")
    assert table.column_names == ["artist", "weekday", "value", "unit", "at", "count", "days", "heard"]
    assert table.to_pylist()[0] == {
        "artist": "=cmd", "weekday": "Tuesday", "value": 1.0, "unit": "times", "at": None, "count": 1,
        "days": 1, "heard": 1,
    }  # fmt: skip


def test_all_rows_are_given_whatever_the_limit() -> None:
    life = SmallLife([play(day, 9, "A") for day in range(9)])
    assert _table(life, "list of listen limit 2").num_rows == 9
    assert _table(life, "count listen where artist = 'B'").num_rows == 0


def test_files(life: SmallLife, tmp_path: Path) -> None:
    table = _table(life, "listen")
    save(table, tmp_path / "plays.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "plays.parquet").equals(table)
    save(table, tmp_path / "plays.csv")
    texts = pyarrow.csv.read_csv(tmp_path / "plays.csv")["text"].to_pylist()
    assert texts == ["Björk – T", "'=cmd – T"]  # a spreadsheet must not run what strangers wrote
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plays.csv", "plays.parquet"]


def test_a_file_that_is_there_is_left_as_it_is(life: SmallLife, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("mine")
    with pytest.raises(Refused) as caught:
        save(_table(life, "listen"), tmp_path / "mine.csv")
    assert (caught.value.code, (tmp_path / "mine.csv").read_text()) == ("file-exists", "mine")
    with pytest.raises(NeedsPerson) as away:
        save(_table(life, "listen"), tmp_path / "nowhere" / "plays.csv")
    assert away.value.code == "file-not-written"


def test_other_libraries_are_asked_for_only_when_used(life: SmallLife, monkeypatch: pytest.MonkeyPatch) -> None:
    table = _table(life, "listen")
    for name in [name for name in sys.modules if name.partition(".")[0] in {"pandas", "polars"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Absent(), *sys.meta_path])
    for convert in (to_pandas, to_polars):
        with pytest.raises(ConfigError) as caught:
            convert(table)
        assert caught.value.code == "library-absent"


class _Absent:
    """An importer that has neither library."""

    def find_spec(self, name: str, *_: object) -> None:
        """Refuses the two."""
        if name.partition(".")[0] in {"pandas", "polars"}:
            raise ImportError(name)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_libraries_take_the_table(life: SmallLife, library: str) -> None:
    pytest.importorskip(library)
    data = (to_pandas if library == "pandas" else to_polars)(_table(life, "listen"))
    assert list(data["text"]) == ["Björk – T", "=cmd – T"]


def test_a_period_of_days_is_that_of_the_person(life: SmallLife) -> None:
    assert _table(life, "listen on 2023-03-20").num_rows == 0
    assert _table(life, "listen on 2023-03-21").num_rows == 2
    assert hours(0, 23) // DAY_MS == START // DAY_MS
