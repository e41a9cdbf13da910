"""Clocks of exports set by what they recorded: wrong ones are found out, right ones stay where they are."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pytest

from hearthside.alignment.clocks.content import Estimate
from hearthside.app.clock_estimates import estimate_clocks, told
from hearthside.app.house import House
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Json, Layer, Origin, Precision, Record, Series, Trust
from hearthside.events import local_datetime as at_offset
from tests.alignment.clocked_lives import decided, steady
from tests.alignment.clocks.test_content import BEGIN_MS, nights, songs
from tests.alignment.lives import Vault, open_vault
from tests.app.helpers import NOW_MS, house_in
from tests.shared_data import shared_data

Ints = npt.NDArray[np.int64]
SONGS, RING = "export:last_fm", "device:oura"


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    opened = open_vault(tmp_path)
    yield opened
    opened.journal.close()


def a_person(seed: int = 1, days: int = 100) -> tuple[Ints, Ints]:
    """(n, 2) nights and (m,) songs."""
    rng = np.random.default_rng(seed)
    slept = nights(rng, days)
    return slept, songs(rng, slept)


def night(start_ms: int, end_ms: int, source: str = "oura_sleep", clock: str = RING) -> Event:
    return Event(
        source, "sleep", Layer.BEHAVIOURAL, start_ms, Origin.DEVICE, Trust.OWN, {}, clock, end_ms=end_ms
    )  # fmt: skip


def done(ms: int, kind: str = "listen", clock: str = SONGS, end_ms: int | None = None, origin: Origin = Origin.SELF,
         precision: Precision = Precision.INSTANT) -> Event:  # fmt: skip
    source = clock.partition(":")[2].partition("@")[0]
    return Event(
        source, kind, Layer.TEXT, ms, origin, Trust.OWN, {}, clock, end_ms=end_ms, text=f"{kind} {ms}",
        precision=precision,
    )  # fmt: skip


def slept(found: Ints) -> list[Record]:
    return [night(a, b) for a, b in found.tolist()]


def estimates(vault: Vault) -> list[dict[str, Json]]:
    """What is found now, and set."""
    found = estimate_clocks(vault.journal, vault.stream, lambda: NOW_MS)
    vault.stream.update()
    return [dict(event.payload) for event in found]


# -- through an import -------------------------------------------------------------------------------------------------


def _exports(folder: Path, found: Ints, played: Ints) -> Path:
    """Files as Last.fm and Oura write them."""
    folder.mkdir()
    plays = [{"uts": ms // 1000, "artist": "Ärzte", "track": f"Song {n}"} for n, ms in enumerate(played.tolist())]
    rows: list[dict[str, Json]] = [
        {
            "bedtime_start": at_offset(a // 1000 * 1000, 120).isoformat(), "hypnogram_5min": "",
            "bedtime_end": at_offset(b // 1000 * 1000, 120).isoformat(), "summary_date": str(a), "period_id": 0,
        }
        for a, b in found.tolist()
    ]  # fmt: skip
    for name, lines in (("plays", plays), ("nights", rows)):
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(b"\n".join(orjson.dumps(line) for line in lines)))
    return folder


def _import(house: House, folder: Path) -> list[str]:
    job = house.wait(house.start_import([folder]))
    assert job.state == "done", job.message
    return job.details


def _bodies(house: House) -> dict[bytes, Json]:
    """Every record of the journal but for estimates."""
    return {identity: body for identity, _, body in house.rooms.journal.bodies() if body.kind != "clock_estimate"}


def test_a_wrong_clock_is_set_by_an_import(tmp_path: Path) -> None:
    found, played = a_person()
    folder = _exports(tmp_path / "files", found, played + 3 * HOUR_MS)
    with house_in(tmp_path) as house:
        details = _import(house, folder)
        assert any("Last.fm: its clock was 3 h fast" in line and "Oura sleep" in line for line in details)
        heard = house.rooms.stream.occurrences(kinds=["listen"])
        assert len(heard) == len(played)
        assert {o.start_ms - o.raw_ms for o in heard} == {-3 * HOUR_MS}
        assert [o.raw_ms // 1000 for o in heard] == [(ms + 3 * HOUR_MS) // 1000 for ms in played.tolist()]
        [row] = [row for row in house.clocks().clocks if row.title == "Last.fm"]
        assert row.sentence.startswith("3 h fast")
        before, kept = house.rooms.stream.fingerprint(), _bodies(house)
        assert len(kept) == house.rooms.journal.head().seq - 1  # nothing was journalled but one estimate
        assert _import(house, folder)[-1].endswith("0 refused")
        assert _bodies(house) == kept and house.rooms.journal.head().seq == len(kept) + 1
        house.rooms.stream.rebuild()
        assert house.rooms.stream.fingerprint() == before


def test_a_right_clock_stays_where_it_is_and_is_told_to_be_right(tmp_path: Path) -> None:
    found, played = a_person(2)
    with house_in(tmp_path) as house:
        details = _import(house, _exports(tmp_path / "files", found, played))
        assert not any("clock" in line for line in details)
        assert all(o.start_ms == o.raw_ms for o in house.rooms.stream.occurrences())
        [row] = [row for row in house.clocks().clocks if row.title == "Last.fm"]
        assert row.sentence.startswith("Right to")


def test_what_is_right_does_not_change_by_a_byte(vault: Vault) -> None:
    found, played = a_person(3)
    vault.take(*slept(found), *map(done, (played + 40 * MINUTE_MS).tolist()))  # within the hour it may be right
    before = vault.stream.fingerprint(), vault.stream.version()
    [one] = estimates(vault)
    assert one["shift_ms"] == 0 and one["clock"] == SONGS and one["against"] == "oura_sleep"
    assert (vault.stream.fingerprint(), vault.stream.version()) == before
    vault.rebuilt()


def test_a_wrong_clock_is_set_at_night(tmp_path: Path) -> None:
    """The nights that show it came by live capture, after the songs."""
    found, played = a_person(13)
    with house_in(tmp_path) as house:
        house.rooms.journal.append([*slept(found), *map(done, (played + 3 * HOUR_MS).tolist())])
        house.wait(house.start_night())
        assert {o.start_ms - o.raw_ms for o in house.rooms.stream.occurrences(kinds=["listen"])} == {-3 * HOUR_MS}
        assert house.rooms.index.sizes()["documents"] >= len(played)


# -- when it is made ---------------------------------------------------------------------------------------------------


def test_it_is_made_of_raw_times_and_not_again_of_nothing_new(vault: Vault) -> None:
    found, played = a_person(4)
    vault.take(*slept(found), *map(done, (played - 5 * HOUR_MS).tolist()))
    [first] = estimates(vault)
    assert first["shift_ms"] == 5 * HOUR_MS and first["events"] == len(played)
    assert estimates(vault) == []
    vault.take(*[done(ms) for ms in (played[:50] + MINUTE_MS - 5 * HOUR_MS).tolist()])
    assert estimates(vault) == []  # looked at again; by the times as they are now placed it would be 0
    assert {o.start_ms - o.raw_ms for o in vault.stream.occurrences(kinds=["listen"])} == {5 * HOUR_MS}


def test_it_is_made_again_when_what_arrives_says_something_else(vault: Vault) -> None:
    found, played = a_person(5, days=250)
    wrong = played[:400] + 4 * HOUR_MS
    vault.take(*slept(found), *map(done, wrong.tolist()))
    [first] = estimates(vault)
    assert first["shift_ms"] == -4 * HOUR_MS
    vault.take(*map(done, played[400:].tolist()))
    [again] = estimates(vault)
    assert again["shift_ms"] == 0
    assert all(o.start_ms == o.raw_ms for o in vault.stream.occurrences(kinds=["listen"]))
    vault.rebuilt()


@pytest.mark.parametrize("action", ["accept", "shift", "hold"])
def test_the_person_knows_better(vault: Vault, action: str) -> None:
    found, played = a_person(6)
    shift = HOUR_MS if action == "shift" else None
    word = decided(SONGS, int(played[0]), int(played[5]), action, shift)
    vault.take(*slept(found), *map(done, (played + 3 * HOUR_MS).tolist()), word)
    assert estimates(vault) == []


def test_two_runs_find_the_same(tmp_path: Path) -> None:
    found, played = a_person(7)
    records: list[Record] = [*slept(found), *map(done, (played + 8 * HOUR_MS).tolist())]
    told_ = []
    for n, order in enumerate((records, records[::-1])):
        opened = open_vault(tmp_path / str(n))
        opened.take(*order)
        told_.append((estimates(opened), opened.stream.fingerprint()))
        opened.journal.close()
    assert told_[0] == told_[1] and told_[0][0][0]["shift_ms"] == -8 * HOUR_MS


# -- what says nothing -------------------------------------------------------------------------------------------------


def _life_without_evidence(name: str, found: Ints, played: Ints) -> list[Record]:
    late = (played + 3 * HOUR_MS).tolist()
    rng = np.random.default_rng(8)
    match name:
        case "too few":
            return [done(ms) for ms in late[:20]]
        case "a live device":
            return [done(ms, clock="device:player") for ms in late]
        case "naive times":
            return [done(ms, "message", "export:whatsapp@Europe/Amsterdam") for ms in late]
        case "others' words":
            return [done(ms, "message", origin=Origin.PERSON) for ms in late]
        case "days only":
            return [done(ms // DAY_MS * DAY_MS + n, precision=Precision.DAY) for n, ms in enumerate(late)]
        case "sounds to sleep by":
            starts = np.concatenate([np.arange(a, b, 10 * MINUTE_MS) for a, b in found.tolist()])
            return [done(ms) for ms in starts.tolist()]
        case "a sound to fall asleep by":
            return [done(ms) for ms in (found[:, 0] + rng.integers(-20, 5, len(found)) * MINUTE_MS).tolist()]
        case "any time":
            return [done(ms) for ms in rng.integers(found[0, 0], found[-1, 1], 1500).tolist()]
        case "what machines do alone":
            return [done(ms, "app_use", end_ms=ms + MINUTE_MS) for ms in late]
        case "a clock that was compared":
            return [*map(done, late), steady(SONGS, 0).exchange(int(found[0, 0]))]
        case "nights by the same clock":
            return [*map(done, late), *[night(a, b, "last_fm", SONGS) for a, b in found.tolist()]]
    raise AssertionError(name)


@pytest.mark.parametrize(
    "name",
    [
        "too few", "a live device", "naive times", "others' words", "days only", "sounds to sleep by",
        "a sound to fall asleep by", "any time", "what machines do alone", "a clock that was compared",
        "nights by the same clock",
    ],
)  # fmt: skip
def test_nothing_is_estimated_of(vault: Vault, name: str) -> None:
    found, played = a_person(9)
    by_another = [] if name == "nights by the same clock" else slept(found)
    vault.take(*by_another, *_life_without_evidence(name, found, played))
    assert estimates(vault) == []


def test_without_nights_there_is_nothing_to_compare_with(vault: Vault) -> None:
    _, played = a_person(10)
    vault.take(*map(done, played.tolist()))
    assert estimates(vault) == []


def test_the_source_with_most_nights_is_compared_with(vault: Vault) -> None:
    """Another one, whose own clock is off by five hours, has fewer."""
    found, played = a_person(11)
    other = [night(a + 5 * HOUR_MS, b + 5 * HOUR_MS, "bed", "device:bed") for a, b in found[::2].tolist()]
    naps = [night(a + 14 * HOUR_MS, a + 15 * HOUR_MS, "bed", "device:bed") for a, _ in found.tolist()]
    vault.take(*slept(found), *other, *naps, *map(done, (played + 2 * HOUR_MS).tolist()))
    [one] = estimates(vault)
    assert (one["against"], one["shift_ms"]) == ("oura_sleep", -2 * HOUR_MS)


# -- workouts ----------------------------------------------------------------------------------------------------------


def test_workouts_find_the_times_of_movement(vault: Vault) -> None:
    rng = np.random.default_rng(12)
    walks = BEGIN_MS + ((np.arange(80) * 24 + rng.uniform(8, 20, 80)) * 60).astype(np.int64) * MINUTE_MS
    days = []
    for day in range(82):
        met = np.ones(1440)
        begin = BEGIN_MS + day * DAY_MS
        for burst in rng.integers(7 * 60, 22 * 60, 5).tolist():
            met[burst : burst + 5] = 4.0
        for walk in walks.tolist():
            minute = (walk - begin) // MINUTE_MS
            if 15 <= minute < 1425:
                met[minute - 15 : minute + 15] = 3.5
        days.append(Series("oura_activity", "met", Layer.BEHAVIOURAL, begin, MINUTE_MS, met, "MET", RING))
    shift = -100 * MINUTE_MS
    middles = [(ms - 10 * MINUTE_MS - shift, ms + 10 * MINUTE_MS - shift) for ms in walks.tolist()]
    done_ = [done(a, "workout", "export:google_fit", end_ms=b, origin=Origin.DEVICE) for a, b in middles]
    done_ += [replace(done_[0], start_ms=done_[0].start_ms - 9 * HOUR_MS)]  # a forgotten one, which lasts for hours
    vault.take(*days, *done_)
    [one] = estimates(vault)
    assert (one["clock"], one["against"]) == ("export:google_fit", "oura_activity")
    assert abs(one["shift_ms"] - shift) <= 5 * MINUTE_MS and one["shift_ms"] % MINUTE_MS == 0
    vault.rebuilt()


@pytest.mark.parametrize(
    ("shift_min", "sigma_min", "told_min"),
    [
        (0, 15, 0), (59, 15, 0), (-60, 15, 0), (61, 15, 60), (70, 40, 0), (81, 40, 75), (-127, 15, -120),
        (-128, 15, -135), (61, 2, 61), (-127, 2, -127),
    ],
)  # fmt: skip
def test_what_is_told_is_no_finer_than_what_is_known(shift_min: int, sigma_min: int, told_min: int) -> None:
    shift, sigma = told(Estimate(shift_min * MINUTE_MS + 900, sigma_min * MINUTE_MS, 9.0, 90, True))
    assert shift == told_min * MINUTE_MS
    assert sigma_min * MINUTE_MS <= sigma <= (sigma_min + 1) * MINUTE_MS


# -- a real life -------------------------------------------------------------------------------------------------------


def _year(path: Path, time_of: Callable[[dict[str, Json]], float]) -> list[dict[str, Json]]:
    """The lines of a real file from September 2020 to August 2021."""
    first, last = datetime(2020, 9, 1, tzinfo=UTC).timestamp(), datetime(2021, 9, 1, tzinfo=UTC).timestamp()
    with gzip.open(path) as lines:
        return [row for row in map(orjson.loads, lines) if first <= time_of(row) < last]


def test_a_real_year_of_songs_five_hours_late(tmp_path: Path) -> None:
    data, off_s = shared_data("life_person_A"), 5 * 3600 + 20 * 60
    songs_ = _year(data / "last-fm-music.jsonl.gz", lambda row: float(row["uts"]))
    nights_ = _year(data / "oura-sleep.jsonl.gz", lambda row: datetime.fromisoformat(row["bedtime_end"]).timestamp())
    files = tmp_path / "files"
    files.mkdir()
    for name, rows in (("songs", [{**row, "uts": int(row["uts"]) + off_s} for row in songs_]), ("nights", nights_)):
        (files / f"{name}.jsonl.gz").write_bytes(gzip.compress(b"\n".join(map(orjson.dumps, rows)), 1))
    with house_in(tmp_path) as house:
        details = _import(house, files)
        assert any("Last.fm: its clock was 5 h" in line and "fast" in line for line in details)
        [estimate] = [item.record for item in house.rooms.journal.read(kinds=["clock_estimate"])]
        assert isinstance(estimate, Event)
        assert abs(estimate.payload["shift_ms"] + off_s * 1000) <= 2 * estimate.payload["sigma_ms"] < 2 * HOUR_MS
        heard = house.rooms.stream.occurrences(kinds=["listen"])
        assert len(heard) > 4000
        assert {o.start_ms - o.raw_ms for o in heard} == {estimate.payload["shift_ms"]}
