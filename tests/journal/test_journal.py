"""The journal: on disk when acknowledged, kept once, chained, forgettable, shared by threads and processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.events import (
    Event,
    Json,
    Layer,
    Origin,
    Precision,
    Record,
    Series,
    Trust,
    content_id,
    record_from_body,
)
from hearthside.identity.database import open_database
from hearthside.journal import Journal, files
from hearthside.journal.bodies import Body, body_of
from hearthside.journal.keys import year_keys
from tests.journal.vaults import DAY_MS, journal_in, over_years

KEY = b"\1" * 32
NOW_MS = 1_797_000_000_000


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, KEY, lambda: NOW_MS)
    yield opened
    opened.close()


def _event(n: int, kind: str = "note", source: str = "test", **changes: Json) -> Event:
    return Event(source, kind, Layer.TEXT, n, Origin.SELF, Trust.OWN, {"n": n, **changes}, "test", text=f"note {n}")


def _series(n: int) -> Series:
    values = np.array([1.0, np.nan, 3.0])
    return Series("test", "met", Layer.BEHAVIOURAL, n, 60_000, values, "MET", "test", offset_min=60)


def _content(folder: Path) -> dict[str, tuple[bytes, int]]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def _year_file(folder: Path) -> Path:
    return files.year_files(folder / "journal")[-1]


def _open_year_file(folder: Path) -> apsw.Connection:
    """As somebody would who has the keys."""
    return open_database(_year_file(folder), year_keys([KEY])[0])


def test_a_record_is_kept_once(journal: Journal) -> None:
    first, second = _event(1), _event(2)
    assert journal.append([first, second, first]) == [True, True, False]
    assert journal.append([second, _event(3)]) == [False, True]
    assert journal.head().seq == 3
    assert [stored.record.start_ms for stored in journal.read()] == [1, 2, 3]
    assert journal.append([]) == []


def test_records_come_back_as_they_were(journal: Journal) -> None:
    event, series = _event(5, deep={"a": [1, None, "ü"]}), _series(10)
    journal.append([event, series])
    stored = journal.get([event.id, series.id, b"unknown"])
    assert set(stored) == {event.id, series.id}
    assert stored[event.id].record == event
    back = stored[series.id].record
    assert isinstance(back, Series)
    assert back.body() == series.body()
    assert (stored[event.id].seq, stored[event.id].received_ms) == (1, NOW_MS)


def test_reading_by_time_kind_and_source(journal: Journal) -> None:
    journal.append([_event(3, kind="b"), _event(1, kind="a"), _event(2, kind="b", source="other"), _series(4)])
    assert [stored.record.start_ms for stored in journal.read(2, 4)] == [2, 3]
    assert [stored.record.start_ms for stored in journal.read(kinds=["b"], newest_first=True)] == [3, 2]
    assert [stored.record.start_ms for stored in journal.read(sources=["other"])] == [2]
    assert [stored.record.start_ms for stored in journal.read(limit=2)] == [1, 2]
    assert list(journal.read(kinds=[])) == []
    assert [stored.seq for stored in journal.since(2)] == [3, 4]
    assert [stored.seq for stored in journal.since(0, limit=1)] == [1]
    assert journal.offsets() == [(4, 60)]
    assert [source[:2] for source in journal.sources()] == [("other", 1), ("test", 3)]


def test_bodies_are_what_reading_gives_without_records(tmp_path: Path) -> None:
    kept = over_years(tmp_path, years=2)
    with journal_in(tmp_path) as journal:
        journal.append([_series(NOW_MS + 5)])
        for bounds in ((None, None), (NOW_MS + 5, NOW_MS + DAY_MS), (NOW_MS + DAY_MS, None), (None, NOW_MS)):
            for kinds, sources in ((None, None), (None, ["a"]), (["note", "met"], ["b", "test"]), ([], None)):
                read = journal.read(*bounds, kinds=kinds, sources=sources)
                expected = [(stored.id, stored.seq, body_of(stored.record)) for stored in read]
                assert list(journal.bodies(*bounds, kinds=kinds, sources=sources)) == expected
        assert sorted(identity for identity, _, _ in journal.bodies(kinds=["note"])) == sorted(
            event.id for event in kept
        )


def test_bodies_in_order_of_arrival_are_gone_through_in_portions(tmp_path: Path) -> None:
    kept = over_years(tmp_path, years=2)
    with journal_in(tmp_path) as journal:
        found, seq = list[tuple[bytes, int, Body]](), 0
        while portion := journal.bodies_since(seq, 15):
            assert len(portion) == min(15, len(kept) - len(found))  # also over the turn of the year
            found += portion
            seq = portion[-1][1]
        assert found == [(stored.id, stored.seq, body_of(stored.record)) for stored in journal.since(0)]
        assert [identity for identity, _, _ in found] == [event.id for event in kept]
        assert journal.bodies_since(journal.head().seq, 15) == []


def test_what_is_forgotten_while_bodies_are_read_is_left_out(journal: Journal) -> None:
    journal.append([_event(n) for n in range(3000)])
    bodies = journal.bodies()
    first = next(bodies)
    journal.forget([_event(2999).id])
    assert first[2].payload == {"n": 0}
    assert [body.payload["n"] for _, _, body in bodies] == list(range(1, 2999))


def test_the_last_arrivals_come_in_the_order_in_which_they_arrived(tmp_path: Path) -> None:
    kept = [(event.source, event.start_ms) for event in over_years(tmp_path, years=2)]
    with journal_in(tmp_path) as journal:
        for limit in (0, 1, 10, 36, 40, len(kept), 1000):  # 36 of each year are left
            assert journal.arrivals(limit) == kept[max(0, len(kept) - limit) :]


def test_the_next_start_leads_through_everything_that_was_not_forgotten(tmp_path: Path) -> None:
    starts = sorted({event.start_ms for event in over_years(tmp_path, years=2)})
    with journal_in(tmp_path) as journal:
        journal.append([_event(-7), _event(starts[-1] + 1, kind="b")])
        journal.forget([_event(-7).id])
        found, at = list[int](), journal.next_start(-(2**62))
        while at is not None:
            found.append(at)
            at = journal.next_start(at + 1)
        assert found == [*starts, starts[-1] + 1]


def test_an_empty_journal_has_no_overview(journal: Journal) -> None:
    assert (journal.arrivals(5), journal.next_start(0), journal.bodies_since(0, 5)) == ([], None, [])
    assert list(journal.bodies()) == []


def test_another_process_opens_it_with_what_this_one_says(tmp_path: Path) -> None:
    new = b"\2" * 32
    with journal_in(tmp_path) as journal:
        journal.append([_event(1)])
        assert journal.opened_with() == (tmp_path, (KEY,))
        journal.rotate(new)
        folder, keys = journal.opened_with()
        assert (folder, keys[0]) == (tmp_path, new)
        other = Journal(folder, keys[0], lambda: NOW_MS, former_keys=keys[1:])
        assert [stored.record for stored in other.read()] == [_event(1)]
        other.close()


def test_it_is_there_after_opening_again(tmp_path: Path) -> None:
    first = Journal(tmp_path, KEY, lambda: NOW_MS)
    first.append([_event(1)])
    head = first.head()
    first.close()
    first.close()
    again = Journal(tmp_path, KEY, lambda: NOW_MS)
    assert again.head() == head
    assert again.append([_event(1)]) == [False]
    again.close()
    with pytest.raises(RetryLater) as error:
        again.append([_event(2)])
    assert error.value.code == "journal-closed"


def test_a_wrong_key_touches_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, KEY, lambda: NOW_MS)
    journal.append([_event(1)])
    journal.close()
    before = _content(tmp_path)
    with pytest.raises(NeedsPerson) as error:
        Journal(tmp_path, b"\2" * 32, lambda: NOW_MS)
    assert error.value.code == "database-key-wrong"
    assert _content(tmp_path) == before


def test_a_whole_chain_verifies(journal: Journal) -> None:
    journal.append([_event(n) for n in range(2500)])
    told: list[tuple[int, int]] = []
    report = journal.verify(lambda done, total: told.append((done, total)))
    assert (report.records, report.forgotten, report.bad_seq) == (2500, 0, [])
    assert told == [(1000, 2500), (2000, 2500)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE record SET sealed = zeroblob(100) WHERE seq = 3",
        "UPDATE record SET sealed = (SELECT sealed FROM record WHERE seq = 4) WHERE seq = 3",
        "UPDATE record SET kind = 'other' WHERE seq = 3",
        "UPDATE record SET start_ms = 4 WHERE seq = 3",
        "UPDATE record SET key = 77 WHERE seq = 3",
        "UPDATE record SET commitment = zeroblob(32) WHERE seq = 3",
        "UPDATE record SET chain = zeroblob(32) WHERE seq = 5",
        "UPDATE record SET id = zeroblob(16) WHERE seq = 3",
    ],
)
def test_verifying_finds_the_record_that_was_changed(change: str, journal: Journal, tmp_path: Path) -> None:
    journal.append([_event(n) for n in range(1, 6)])
    connection = _open_year_file(tmp_path)
    connection.execute(change)
    connection.close()
    report = journal.verify()
    assert not report.sound
    assert report.bad_seq[0] == (5 if "SET chain" in change else 3)


def test_verifying_finds_a_record_that_was_taken_out(journal: Journal, tmp_path: Path) -> None:
    journal.append([_event(n) for n in range(1, 6)])
    connection = _open_year_file(tmp_path)
    connection.execute("DELETE FROM record WHERE seq = 3")
    connection.close()
    assert journal.verify().bad_seq[0] == 4


def test_a_flipped_bit_on_the_disk_is_noticed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, KEY, lambda: NOW_MS)
    journal.append([_event(n) for n in range(3000)])
    journal.close()
    path = _year_file(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    damaged = Journal(tmp_path, KEY, lambda: NOW_MS)
    assert path.name in {fault.where for fault in damaged.verify().faults}
    with pytest.raises(NeedsPerson) as error:
        list(damaged.read())
    assert error.value.code == "journal-damaged"
    damaged.close()
    assert path.read_bytes() == content


def test_forgetting_removes_content_and_digest_but_the_chain_still_holds(journal: Journal, tmp_path: Path) -> None:
    journal.append([_event(n) for n in range(1, 6)])
    secret = _event(3)
    assert journal.forget([secret.id, b"unknown"]) == 1
    assert journal.forget([secret.id]) == 0
    assert journal.get([secret.id]) == {}
    assert [stored.record.start_ms for stored in journal.read()] == [1, 2, 4, 5]
    report = journal.verify()
    assert (report.records, report.forgotten, report.bad_seq) == (5, 1, [])
    connection = _open_year_file(tmp_path)
    for (row,) in connection.execute("SELECT hex(id) || hex(commitment) || hex(chain) FROM record"):
        assert secret.id.hex().upper() not in row
    connection.close()
    assert journal.append([secret]) == [True]  # what was forgotten may be told again
    assert journal.verify().bad_seq == []


def test_forgetting_what_is_being_read(journal: Journal) -> None:
    journal.append([_event(n, kind="a" if n % 2 else "b") for n in range(2000)])
    assert journal.forget(stored.id for stored in journal.read(kinds=["a"], newest_first=True)) == 1000
    assert {stored.record.kind for stored in journal.read()} == {"b"}


@pytest.mark.parametrize(
    "bad",
    [
        _event(2**63),
        _event(2**70),
        _event(1, value=object()),
        _event(1, value="\ud800"),
        Series("test", "met", Layer.BEHAVIOURAL, 2**63 - 1, 60_000, np.zeros(9), "MET", "test"),
    ],
)
def test_a_record_that_cannot_be_kept_is_refused_and_the_writer_lives_on(bad: Record, journal: Journal) -> None:
    with pytest.raises(Refused) as error:
        journal.append([_event(1), bad])
    assert error.value.code == "journal-record-wrong"
    assert journal.head().seq == 0
    assert journal.append([_event(1)]) == [True]
    assert journal.verify().bad_seq == []


def test_a_bad_record_does_not_take_others_down(journal: Journal) -> None:
    outcomes: list[str] = []

    def append(record: Record) -> None:
        try:
            outcomes.append(str(journal.append([record])))
        except Refused:
            outcomes.append("refused")

    records = [_event(n if n % 5 else 2**63) for n in range(50)]
    threads = [threading.Thread(target=append, args=(record,)) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("[True]") == 40
    assert outcomes.count("refused") == 10
    assert journal.head().seq == 40
    assert journal.verify().bad_seq == []


def test_many_threads_write_at_once_and_every_record_is_kept_once(journal: Journal) -> None:
    new: list[int] = []

    def append(first: int) -> None:
        for n in range(first, first + 60, 3):
            new.append(sum(journal.append([_event(n), _event(n + 1), _event(n + 2)])))

    threads = [threading.Thread(target=append, args=(30 * place,)) for place in range(8)]  # neighbours overlap by half
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = 30 * 7 + 60
    assert sum(new) == journal.head().seq == expected
    assert sorted(stored.record.start_ms for stored in journal.read()) == list(range(expected))
    assert journal.verify().bad_seq == []


def test_closing_while_others_write_leaves_nobody_waiting(tmp_path: Path) -> None:
    journal = Journal(tmp_path, KEY, lambda: NOW_MS)
    acknowledged: list[int] = []

    def append(first: int) -> None:
        for n in range(first, first + 1000):
            try:
                journal.append([_event(n)])
            except RetryLater:
                return
            acknowledged.append(n)

    threads = [threading.Thread(target=append, args=(1000 * place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    journal.close()
    for thread in threads:
        thread.join()
    again = Journal(tmp_path, KEY, lambda: NOW_MS)
    assert {stored.record.start_ms for stored in again.read()} >= set(acknowledged)
    again.close()


_WRITER = """
import sys
from pathlib import Path
from hearthside.events import Event, Layer, Origin, Trust
from hearthside.journal import Journal

journal = Journal(Path(sys.argv[1]), b"\\1" * 32, lambda: 1)
first = int(sys.argv[2])
for n in range(first, first + 100):
    journal.append([Event("test", "note", Layer.TEXT, n, Origin.SELF, Trust.OWN, {"n": n}, "test")])
    print(n, flush=True)
journal.close()
"""


def _writer(folder: Path, first: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, str(folder), str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_write_one_chain(journal: Journal, tmp_path: Path) -> None:
    with _writer(tmp_path, 0) as one, _writer(tmp_path, 50) as two:
        for n in range(1000, 1100):
            journal.append([_event(n)])
        assert one.communicate()[0].split() == [str(n) for n in range(100)]
        assert two.communicate()[0].split() == [str(n) for n in range(50, 150)]
        assert (one.returncode, two.returncode) == (0, 0)
    assert journal.head().seq == 250
    assert journal.verify().bad_seq == []


def test_what_was_acknowledged_survives_a_killed_process(journal: Journal, tmp_path: Path) -> None:
    with _writer(tmp_path, 0) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(20)]
        process.kill()
    kept = {stored.record.start_ms for stored in journal.read()}
    assert kept >= set(acknowledged)
    assert journal.append([_event(5000)]) == [True]
    assert journal.verify().bad_seq == []


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc é", max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
_milliseconds = st.integers(-(2**53), 2**53)


@st.composite
def _events(draw: st.DrawFn) -> Event:
    start = draw(_milliseconds)
    return Event(
        source=draw(st.sampled_from(["a", "b"])),
        kind=draw(st.text("abc_", min_size=1, max_size=5)),
        layer=draw(st.sampled_from(Layer)),
        start_ms=start,
        end_ms=draw(st.none() | st.integers(0, 2**40).map(lambda length: start + length)),
        origin=draw(st.sampled_from(Origin)),
        trust=draw(st.sampled_from(Trust)),
        payload=draw(st.dictionaries(st.text("xyz", max_size=3), _json, max_size=4)),
        clock="test",
        text=draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)),
        offset_min=draw(st.none() | st.integers(-1080, 1080)),
        uncertainty_ms=draw(st.integers(0, 2**40)),
        precision=draw(st.sampled_from(Precision)),
        key=draw(st.text("k1", max_size=4)),
    )


@st.composite
def _any_series(draw: st.DrawFn) -> Series:
    values = draw(st.lists(st.floats(allow_infinity=False), max_size=20))
    return Series(
        source="a",
        measure=draw(st.sampled_from(["met", "hrv"])),
        layer=Layer.BEHAVIOURAL,
        start_ms=draw(_milliseconds),
        step_ms=draw(st.integers(1, 10**7)),
        values=np.array(values, dtype=np.float64),
        unit="1",
        clock="test",
        offset_min=draw(st.none() | st.integers(-1080, 1080)),
    )


@settings(max_examples=150, deadline=None)
@given(record=_events() | _any_series())
def test_any_body_goes_through_json_and_back(record: Record) -> None:
    back = record_from_body(orjson.loads(orjson.dumps(record.body())))
    assert back.body() == record.body()
    assert back.id == record.id == content_id(record.body())
    if isinstance(record, Event):
        assert back == record


@settings(max_examples=40, deadline=None)
@given(records=st.lists(_events() | _any_series(), max_size=6))
def test_any_records_go_through_the_journal_and_back(
    records: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"), KEY, lambda: NOW_MS)
    flags = journal.append(records)
    stored = journal.get(record.id for record in records)
    assert sum(flags) == len(stored) == len({record.id for record in records})
    for record in records:
        assert stored[record.id].record.body() == record.body()
    assert journal.append(records) == [False] * len(records)
    assert journal.verify().bad_seq == []
    journal.close()
