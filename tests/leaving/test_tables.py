"""The tables say exactly what the journal's lines say, for made-up, invented and real lives."""

from __future__ import annotations

import gzip
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet
import pytest

from hearthside.events import DAY_MS, MINUTE_MS, Json, Precision
from hearthside.intake import Importer
from hearthside.leaving import export_everything, read_manifest
from hearthside.leaving.minutes import survey
from hearthside.leaving.tables import EVENTS, OCCURRENCES, SERIES
from hearthside.sample_life import DEFAULT_SEED, generate
from hearthside.sources.reading import Reading
from tests.leaving.houses import BERLIN, NOW_MS, START_MS, House, house_in, lines_of, live_a_little, pulse
from tests.shared_data import shared_data

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times have no zone
_MS = timedelta(milliseconds=1)


def _read(folder: Path, name: str, rows: int | None = None) -> dict[str, list[Any]]:
    """The columns of a file, or of its first rows; times as milliseconds."""
    return _columns(pyarrow.parquet.read_table(folder / name).slice(0, rows))


def _columns(table: Any) -> dict[str, list[Any]]:
    found = {}
    for field in table.schema:
        column = table[field.name]
        if pyarrow.types.is_timestamp(field.type):
            column = column.cast(pyarrow.int64())
        found[field.name] = column.to_pylist()
    return found


def _events_agree(folder: Path, lines: list[dict[str, Json]]) -> None:
    told = [line for line in lines if "body" in line and line["body"]["type"] == "event"]
    read = _read(folder, "events.parquet")
    assert list(read) == [column.name for column in EVENTS]
    assert read["seq"] == [line["seq"] for line in told]
    assert read["id"] == [line["id"] for line in told]
    assert read["received"] == [line["received_ms"] for line in told]
    names = {"start": "start_ms", "end": "end_ms"}
    for name in set(read) - {"seq", "id", "received", "local_start", "payload"}:
        assert read[name] == [line["body"][names.get(name, name)] for line in told], name
    assert [orjson.loads(text) for text in read["payload"]] == [line["body"]["payload"] for line in told]
    for local, line in zip(read["local_start"], told, strict=True):
        if line["body"]["precision"] == Precision.DAY:
            assert local == line["body"]["start_ms"]
        elif line["body"]["offset_min"] is not None:
            assert local == line["body"]["start_ms"] + line["body"]["offset_min"] * MINUTE_MS


def _series_agree(folder: Path, lines: list[dict[str, Json]]) -> None:
    """Every sample of some hundred series, and that nothing else is there."""
    table = pyarrow.parquet.read_table(folder / "series.parquet")
    assert table.schema.names == [column.name for column in SERIES]
    told = [line for line in lines if line.get("body", {}).get("type") == "series"]
    at = 0
    for number, line in enumerate(told):
        count = len(line["body"]["values"])
        if number % (len(told) // 200 + 1) == 0:
            _one_series_agrees(_columns(table.slice(at, count)), line)
        at += count
    assert at == len(table)


def _one_series_agrees(read: dict[str, list[Any]], line: dict[str, Json]) -> None:
    body = line["body"]
    count, start, step = len(body["values"]), body["start_ms"], body["step_ms"]
    assert read["value"] == body["values"]
    assert read["sample"] == list(range(count))
    assert read["start"] == [start + step * n for n in range(count)]
    assert read["end"] == [start + step * (n + 1) for n in range(count)]
    fixed = {"seq": line["seq"], "id": line["id"], "received": line["received_ms"], "kind": body["measure"]}
    names = ("source", "layer", "unit", "offset_min", "uncertainty_ms", "clock", "key")
    for name, value in (fixed | {name: body[name] for name in names}).items():
        assert read[name] == [value] * count, name
    if body["offset_min"] is not None and count:
        assert read["local_start"][0] == start + body["offset_min"] * MINUTE_MS


def _occurrences_agree(house: House, folder: Path, lines: list[dict[str, Json]]) -> None:
    read = _read(folder, "occurrences.parquet")
    assert list(read) == [column.name for column in OCCURRENCES]
    known = {o.id.hex(): o for o in house.stream.occurrences()}
    assert sorted(read["id"]) == sorted(known)
    assert read["local_day"] == sorted(read["local_day"])
    bodies = {line["id"]: line["body"] for line in lines if "body" in line}
    for n, identity in enumerate(read["id"]):
        o, body = known[identity], bodies[identity]
        assert (read["start"][n], read["end"][n], read["text"][n]) == (o.start_ms, o.end_ms, body["text"])
        assert o.raw_ms == body["start_ms"]  # corrected where the export knew no zone and the person was elsewhere
        assert (read["source"][n], read["kind"][n], read["layer"][n]) == (body["source"], body["kind"], body["layer"])
        assert (read["local_day"][n], read["offset_min"][n], read["note"][n]) == (o.local_day, o.offset_min, o.note)
        assert read["amount"][n] == o.amount


def _minutes_agree(house: House, folder: Path, days: int = 40) -> None:
    """Of the first days every minute of every lane."""
    read = _read(folder, "life_stream.parquet", 1440 * days)
    assert list(read) == [column.name for column in survey(house.stream).columns()]
    blocks = list(house.stream.blocks())
    assert pyarrow.parquet.read_metadata(folder / "life_stream.parquet").num_rows == 1440 * len(blocks)
    for number, block in enumerate(blocks[:days]):
        part = slice(number * 1440, (number + 1) * 1440)
        minutes = [block.day * DAY_MS + n * MINUTE_MS for n in range(1440)]
        assert read["minute"][part] == minutes
        offsets = block.offset_min.tolist()
        assert read["offset_min"][part] == offsets
        assert read["offset_known"][part] == block.offset_known.tolist()
        assert read["local_minute"][part] == [m + o * MINUTE_MS for m, o in zip(minutes, offsets, strict=True)]
        assert read["text_coverage"][part] == [["unknown", "silent", "covered"][c] for c in block.coverage[0].tolist()]
        for one in block.streams:
            title = f"{one.layer.value}.{one.source}.{one.kind}"
            assert read[f"{title}.count"][part] == one.count.tolist()
            ids = [None if index < 0 else one.ids[index].hex() for index in one.last.tolist()]
            assert read[f"{title}.last_id"][part] == ids
            assert [text is None for text in read[f"{title}.last"][part]] == [identity is None for identity in ids]
        for sample in block.samples:
            told = read[f"{sample.layer.value}.{sample.source}.{sample.measure}"][part]
            assert np.array_equal(np.array(told, dtype=np.float64), sample.values, equal_nan=True)


def _all_agree(house: House, out: Path) -> None:
    report = export_everything(house.belongings(), out, lambda: NOW_MS)
    lines = lines_of(out)
    assert len(lines) == house.journal.head().seq == read_manifest(out).head.seq and not report.problems
    _events_agree(out, lines)
    _series_agree(out, lines)
    _occurrences_agree(house, out, lines)
    _minutes_agree(house, out)


def test_they_agree_for_a_small_life(tmp_path: Path) -> None:
    with house_in(tmp_path / "vault") as house:
        live_a_little(house)
        _all_agree(house, tmp_path / "out")
        read = _read(tmp_path / "out", "life_stream.parquet")
        at = read["minute"].index(START_MS + 10 * 7 * MINUTE_MS)
        assert read["text.whatsapp.message.last"][at] == "Größe 10 😀\u2028"
        assert read["behavioural.ring.heart_rate"][read["minute"].index(START_MS)] == 60.5
        assert read["behavioural.ring.heart_rate"][read["minute"].index(START_MS + MINUTE_MS)] is None
        events = _read(tmp_path / "out", "events.parquet")
        local = events["local_start"][events["kind"].index("message")]
        assert _EPOCH + local * _MS == datetime(2026, 3, 1, 9)  # noqa: DTZ001 - 8:00 UTC on a clock in Berlin


def test_they_agree_for_the_sample_life(tmp_path: Path) -> None:
    files = tmp_path / "files"
    life = generate(files, seed=DEFAULT_SEED, last_day=date(2026, 11, 18))
    with house_in(tmp_path / "vault") as house:
        names = frozenset(name.casefold() for name in life.self_names)
        now = round(life.now.timestamp() * 1000)
        Importer(house.journal, lambda: now, Reading(BERLIN, names), lambda p: None, lambda: False).import_paths(
            [files]
        )
        _all_agree(house, tmp_path / "out")


_ROWS = 250  # of each of the files below; whole they are a thousand days, which is for `make soak`
_SOME = ("oura-sleep", "oura-weight", "google-fit-sleep", "google-fit-running", "rescuetime-time-tracking")


def _beginning(path: Path, folder: Path) -> Path:
    """The first rows of a file, under its name."""
    with gzip.open(path) as rows:
        (folder / path.name).write_bytes(gzip.compress(b"".join(islice(rows, _ROWS))))
    return folder / path.name


@pytest.mark.parametrize("names", [_SOME, pytest.param((), marks=pytest.mark.soak)], ids=["some", "all"])
def test_they_agree_for_a_real_life(tmp_path: Path, names: tuple[str, ...]) -> None:
    data = shared_data("life_person_A")
    paths = [_beginning(data / f"{name}.jsonl.gz", tmp_path) for name in names] or [data]
    with house_in(tmp_path / "vault") as house:
        importer = Importer(house.journal, lambda: NOW_MS, Reading(BERLIN), lambda p: None, lambda: False)
        assert importer.import_paths(paths).new > 500
        _all_agree(house, tmp_path / "out")


@pytest.mark.parametrize("columns", [EVENTS, SERIES, OCCURRENCES])
def test_the_files_explain_themselves(tmp_path: Path, columns: Any) -> None:
    with house_in(tmp_path / "vault") as house:
        live_a_little(house)
        export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
    name = {EVENTS: "events", SERIES: "series", OCCURRENCES: "occurrences"}[columns]
    schema = pyarrow.parquet.read_schema(tmp_path / "out" / f"{name}.parquet")
    for column in columns:
        field = schema.field(column.name)
        assert field.metadata[b"meaning"].decode() == column.meaning
        assert field.nullable != column.always
    assert schema.field("start").type == pyarrow.timestamp("ms", tz="UTC")


def test_a_record_at_the_end_of_time_does_not_stop_it(tmp_path: Path) -> None:
    with house_in(tmp_path / "vault") as house:
        house.journal.append([pulse(2**63 - 1 - 20 * DAY_MS, [1.0, 2.0]), pulse(-(2**63) + 20 * DAY_MS, [1.0])])
        _all_agree(house, tmp_path / "out")
