"""What every source must hold: it knows its own files only, never raises, loses no record and imports once."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.events import Item, Json, Rejected, Series, record_from_body
from hearthside.intake import Importer
from hearthside.journal import Journal
from hearthside.sources import load_source, recognise, source_names
from hearthside.sources.reading import Opened, Reading, read_sample
from tests.contracts.source_files import JSON_LINES, SOURCE_FILES
from tests.shared_data import shared_data

NOW_MS = 1_797_000_000_000  # 2026-12-11
VALUES: list[Json] = [
    None,
    True,
    -1,
    0,
    1.5,
    1e300,
    2**63,
    "",
    "x",
    "2024-13-45",
    [],
    [1],
    {},
    {"a": 1},
    [[]],
    "9" * 40,
]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    opened = Journal(tmp_path_factory.mktemp("journal"), b"\1" * 32, lambda: NOW_MS)
    yield opened
    opened.close()


def _importer(journal: Journal) -> Importer:
    return Importer(journal, lambda: NOW_MS, Reading(), lambda progress: None, lambda: False)


def _read(name: str, content: bytes, folder: Path) -> list[Item]:
    path = folder / "export"
    path.write_bytes(content)
    return list(load_source(name).read(Opened(path, name)))


def test_every_source_has_an_invented_export() -> None:
    assert set(source_names()) == set(SOURCE_FILES)


@pytest.mark.parametrize("name", source_names())
def test_names(name: str) -> None:
    source = load_source(name)
    assert name == source.NAME
    assert source.TITLE


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", source_names())
def test_only_the_source_itself_recognises_its_export(name: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "export.bin"
    path.write_bytes(gzip.compress(SOURCE_FILES[name]) if packed else SOURCE_FILES[name])
    sample = read_sample(path)
    scores = {other: load_source(other).recognise(sample) for other in source_names()}
    own = scores.pop(name)
    assert 0 < own <= 1
    assert max(scores.values()) < own
    found = recognise(sample)
    assert found is not None
    assert name == found.NAME


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"{}", b"[]", b"\xff\xfe\0", b"Dear diary,\n", b"a,b\n1,2\n", b"%PDF-1.7\n"]
)
def test_no_source_recognises_what_is_none_of_theirs(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(content)
    assert recognise(read_sample(path)) is None


@pytest.mark.parametrize("name", source_names())
def test_every_record_of_the_export_is_taken(name: str, tmp_path: Path) -> None:
    items = _read(name, SOURCE_FILES[name], tmp_path)
    assert items
    assert not [item for item in items if isinstance(item, Rejected)]
    assert all(item.record >= 1 and item.source == name for item in items)
    if name in JSON_LINES:
        assert {item.record for item in items} == {1, 2}


@pytest.mark.parametrize("name", source_names())
def test_records_survive_the_journal(name: str, tmp_path: Path) -> None:
    _assert_round_trip(_read(name, SOURCE_FILES[name], tmp_path))


def _assert_round_trip(items: list[Item]) -> None:
    for item in items:
        if isinstance(item, Rejected):
            assert item.reason
            continue
        back = record_from_body(orjson.loads(orjson.dumps(item.body())))
        assert back.id == item.id
        if isinstance(item, Series):
            assert isinstance(back, Series)
            np.testing.assert_array_equal(back.values, item.values)


@st.composite
def _mutated(draw: st.DrawFn, name: str) -> bytes:
    """An export with fields taken out or replaced, or with bytes changed."""
    content = SOURCE_FILES[name]
    if name in JSON_LINES and draw(st.booleans()):
        rows = [orjson.loads(line) for line in content.splitlines()]
        row = rows[draw(st.integers(0, len(rows) - 1))]
        for field in draw(st.lists(st.sampled_from(sorted(row)), min_size=1, max_size=3, unique=True)):
            value = draw(st.sampled_from(["remove", *VALUES]))
            if value == "remove":
                del row[field]
            else:
                row[field] = value
        return b"\n".join(orjson.dumps(row) for row in rows)
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(changed) - 1))
        changed[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
        if not changed:
            changed += b"x"
    return bytes(changed)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", source_names())
def test_a_damaged_export_never_raises_and_loses_no_line(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _assert_nothing_lost(name, data.draw(_mutated(name)), tmp_path_factory.getbasetemp())


@pytest.mark.soak
@settings(max_examples=3000, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", source_names())
def test_many_damaged_exports(name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    _assert_nothing_lost(name, data.draw(_mutated(name)), tmp_path_factory.getbasetemp())


def _assert_nothing_lost(name: str, content: bytes, folder: Path) -> None:
    """Reading never raises, and each line of a line format is either taken or refused once."""
    items = _read(name, content, folder)
    _assert_round_trip(items)
    if name not in JSON_LINES:
        return
    if content.startswith(b"\x1f\x8b"):  # by chance the mark of gzip: a packed file that breaks off at once
        assert [type(item) for item in items] == [Rejected]
        return
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert {item.record for item in items} == {number for number, line in enumerate(lines, start=1) if line.strip()}
    refused = [item.record for item in items if isinstance(item, Rejected)]
    assert len(refused) == len(set(refused))
    assert not set(refused) & {item.record for item in items if not isinstance(item, Rejected)}


@settings(max_examples=12, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", source_names())
def test_importing_a_damaged_export_twice_adds_nothing(
    name: str, data: st.DataObject, journal: Journal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("export") / f"{name}.export"
    path.write_bytes(data.draw(_mutated(name)))
    first = _importer(journal).import_paths([path])
    head = journal.head()
    second = _importer(journal).import_paths([path])
    assert journal.head() == head
    assert (second.read, second.new, second.rejected) == (first.read, 0, first.rejected)
    for report in (first, second):
        for file in report.files:
            assert file.read == file.new + file.duplicate + file.rejected
            assert sum(file.reasons.values()) == file.rejected


def test_real_files_are_recognised_by_one_source_each() -> None:
    folder = shared_data("life_person_A")
    for path in sorted(folder.glob("*.gz")):
        sample = read_sample(path)
        scores = {name: load_source(name).recognise(sample) for name in source_names()}
        assert [name for name, score in scores.items() if score > 0] == [_expected(path.name)], path.name


def _expected(file: str) -> str:
    """The source of a file of life_person_A, from its name."""
    names = {"rescuetime": "rescuetime", "wakatime": "wakatime", "pocket": "pocket_casts", "google": "google_fit"}
    names |= {"last": "last_fm"}
    first = file.split("-")[0]
    return names.get(first) or file.split(".")[0].replace("-", "_")
