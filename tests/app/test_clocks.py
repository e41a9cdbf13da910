"""What the pages hear of clocks, and the person's word on them in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hearthside.alignment.aligning import StreamName
from hearthside.alignment.clocks.faults import EPOCH, PERSON, read_decision
from hearthside.alignment.clocks.known import KnownClock
from hearthside.alignment.clocks.placement import Held, Placement, trusted
from hearthside.app.clocks import FARTHEST_MS, clock_claims, clocks_view, decide_clock, sent_last
from hearthside.errors import Refused
from hearthside.events import DAY_MS, Event, Layer, Origin, Trust, day_start_ms
from hearthside.journal import Journal

NOW = day_start_ms("2026-05-03")
WATCH = "device:watch"


@dataclass(frozen=True)
class Record:
    """An event that is held back."""

    id: bytes
    clock: str
    raw_ms: int


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, bytes(32), lambda: NOW)
    yield opened
    opened.close()


def known(clock: str, shift: float | None = None, sigma: float = 5.0, *held: Held, exchanges: int | None = None,
          heard: int | None = None, estimate: dict[str, object] | None = None) -> KnownClock:  # fmt: skip
    placement = trusted()
    if shift is not None:
        placement = Placement(np.array([NOW - DAY_MS, NOW]), np.array([0.0, shift]), np.array([sigma, sigma]), held)
    count = (0 if shift is None else 9) if exchanges is None else exchanges
    return KnownClock(clock, placement, count, heard or (NOW if count else None), 3, NOW - 5, estimate)


def rows(journal: Journal, *clocks: KnownClock) -> list[tuple[str, str, str, bool]]:
    view = clocks_view(journal, clocks, [], NOW, {})
    return [(row.title, row.sentence, row.compared, row.trouble) for row in view.clocks]


def event(text: str, raw_ms: int, clock: str = WATCH) -> Event:
    return Event("watch", "note", Layer.TEXT, raw_ms, Origin.SELF, Trust.OWN, {"n": raw_ms}, clock, text=text)


def test_each_clock_is_told_in_a_sentence(journal: Journal) -> None:
    found = rows(
        journal,
        known("device:glasses", 2_400.0), known("device:phone", -20.0, 20.0), known("device:slow", 90_000.0, 600.0),
        known("device:fast", -7_200_000.0, 1_000.0), known("device:silent"),
    )  # fmt: skip
    assert found == [
        ("fast", "2 h fast, known to 2 s.", "9 times", False),
        ("Smart glasses", "2.4 s slow, known to 0.01 s.", "9 times", False),
        ("phone", "Right to 0.04 s.", "9 times", False),
        ("silent", "Not compared with this station’s clock; taken at its word.", "never", False),
        ("slow", "1 min 30 s slow, known to 1.2 s.", "9 times", False),
    ]


def test_the_epochs_of_a_device_are_one_row(journal: Journal) -> None:
    first = known("device:phone#b", 500.0, exchanges=40, heard=NOW - DAY_MS)
    last = known("device:phone#a", 3_000.0, exchanges=2)
    assert rows(journal, first, last) == [("phone", "3 s slow, known to 0.01 s.", "42 times", False)]
    fresh = KnownClock("device:phone#c", trusted(), 0, None, 4, NOW + 5, None)
    (row,) = rows(journal, first, last, fresh)
    assert row[1].startswith("Not compared") and "since it was last started" in row[1] and row[2] == "42 times"


CAPTION, DWELL = StreamName("visual", "glasses", "caption"), StreamName("visual", "gaze_dwell", "dwell")


def test_last_heard_is_what_the_device_itself_sent(journal: Journal) -> None:
    stamps = {
        CAPTION: {"device:glasses": (5, NOW - 60_000), "device:phone": (5, NOW - 90_000)},
        StreamName("visual", "glasses", "gaze"): {"device:glasses": (5, NOW - 80_000)},
        DWELL: {"device:glasses": (5, NOW - 10_000), "device:made": (5, NOW)},  # made of the gaze, later
    }
    assert sent_last(stamps) == {"device:glasses": NOW - 60_000, "device:phone": NOW - 90_000}
    silent = [known(f"device:{name}") for name in ("glasses", "phone", "made")]
    view = clocks_view(journal, silent, [], NOW, stamps)
    assert [(row.title, row.last_ms) for row in view.clocks] == [
        ("Smart glasses", NOW - 60_000), ("made", None), ("phone", NOW - 90_000),
    ]  # fmt: skip


def test_last_heard_is_true_time_where_that_is_known(journal: Journal) -> None:
    stamps = {CAPTION: {WATCH: (5, NOW - 60_000)}}

    def last(one: KnownClock) -> int | None:
        return clocks_view(journal, [one], [], NOW, stamps).clocks[0].last_ms

    assert last(known(WATCH, 4_000.0, heard=NOW - 7)) == NOW - 7  # an exchange is by this station's clock
    early = Placement(np.array([0]), np.array([9_000.0]), np.array([5.0]))
    assert last(KnownClock(WATCH, early, 0, None, 3, NOW, None)) == NOW - 51_000
    unbelieved = Placement(np.array([], dtype=np.int64), np.array([]), np.array([]), (Held(0, NOW, EPOCH, "Why."),))
    assert last(KnownClock(WATCH, unbelieved, 0, None, 3, NOW, None)) is None


def test_a_clock_that_is_wrong_now_says_so(journal: Journal) -> None:
    year = 365 * DAY_MS
    fault = Held(NOW - year - DAY_MS, NOW - year + DAY_MS, EPOCH, "Why.", year)
    (row,) = rows(journal, known(WATCH, float(year), 5.0, fault))
    assert row[1].startswith("Wrong") and row[3]
    before = Held(0, DAY_MS, EPOCH, "Why.", year)
    assert not rows(journal, known(WATCH, 100.0, 5.0, before))[0][3]


def test_imports_are_listed_where_something_was_found(journal: Journal) -> None:
    estimate = {"shift_ms": -7_200_000, "sigma_ms": 720_000, "score": 9.0, "n": 300, "against": "oura_sleep"}
    found = rows(journal, known("export:last_fm", None, estimate=estimate), known("export:whatsapp@Europe/Amsterdam"))
    assert found == [("Last.fm", "2 h fast, known to 24 min, found by comparing it with Oura sleep.", "", False)]


def test_held_events_are_told_by_clock_and_reason_with_samples(journal: Journal) -> None:
    events = [event(f"note {n}", n * 1_000) for n in range(10)] + [event("other", 5_000_000)]
    journal.append(events)
    lost, own = Held(0, 10_000, EPOCH, "Why.", 77), Held(10_000, 2**60, PERSON, "You asked.")
    clock = known(WATCH, 0.0, 5.0, lost, own)
    held = [Record(each.id, WATCH, each.start_ms) for each in events]
    first, second = clocks_view(journal, [clock], held[::-1], NOW, {}).held
    assert (first.clock, first.first_ms, first.last_ms, first.title) == (WATCH, 0, 10_000, "watch")
    assert (first.count, first.from_ms, first.to_ms, first.reason, first.suggested_ms) == (10, 0, 9_000, "Why.", 77)
    assert first.samples == ((0, "note 0"), (4_000, "note 4"), (9_000, "note 9")) and not first.own_word
    assert second.samples == ((5_000_000, "other"),) and second.own_word


def test_a_held_event_that_was_forgotten_is_counted_and_not_shown(journal: Journal) -> None:
    clock = known(WATCH, 0.0, 5.0, Held(0, 10, EPOCH, "Why."))
    (group,) = clocks_view(journal, [clock], [Record(bytes(16), WATCH, 5)], NOW, {}).held
    assert (group.count, group.samples) == (1, ())


def test_a_decision_is_journalled_as_the_persons(journal: Journal) -> None:
    decide_clock(journal, WATCH, 0, DAY_MS, "shift", 5_000, NOW)
    decide_clock(journal, WATCH, 0, DAY_MS, "shift", 5_000, NOW)  # the same word again is a word of its own
    found = [item.record for item in journal.read(kinds=["clock_decision"])]
    assert len(found) == 2
    for record in found:
        assert isinstance(record, Event) and (record.source, record.origin) == ("person", Origin.SELF)
        said = read_decision(record.payload)
        assert (said.clock, said.first_ms, said.last_ms, said.shift_ms, said.at_ms) == (WATCH, 0, DAY_MS, 5_000, NOW)


@pytest.mark.parametrize(
    ("action", "shift", "last"),
    [("shift", None, 5), ("forget", None, 5), ("accept", 3, 5), ("hold", None, 0), ("shift", FARTHEST_MS + 1, 5)],
)
def test_a_word_that_says_nothing_is_refused(journal: Journal, action: str, shift: int | None, last: int) -> None:
    with pytest.raises(Refused, match="nothing was changed"):
        decide_clock(journal, WATCH, 0, last, action, shift, NOW)
    assert journal.head().seq == 0


def test_what_was_let_in_is_told_and_what_was_kept_out_is_not(journal: Journal) -> None:
    decide_clock(journal, WATCH, 0, DAY_MS, "shift", 5 * DAY_MS, NOW)
    decide_clock(journal, WATCH, DAY_MS, 3 * DAY_MS, "accept", None, NOW + 1)
    decide_clock(journal, "device:phone", 0, DAY_MS, "accept", None, NOW + 2)
    decide_clock(journal, "device:phone", 0, DAY_MS, "hold", None, NOW + 3)
    decided = clocks_view(journal, [], [], NOW, {}).decided
    assert [(one.clock, one.first_ms, one.last_ms) for one in decided] == [
        (WATCH, 0, DAY_MS),
        (WATCH, DAY_MS, 3 * DAY_MS),
    ]
    assert [one.sentence for one in decided] == [
        "What watch recorded on 1 January 1970 by its own clock is moved 5 days later.",
        "What watch recorded from 2 January 1970 to 3 January 1970 by its own clock is believed.",
    ]


def test_claims_are_found(journal: Journal) -> None:
    payload = {"clock": WATCH, "token": "watch", "owns": True, "at_ms": NOW}
    claim = Event("station", "clock_claim", Layer.BEHAVIOURAL, NOW, Origin.DEVICE, Trust.OWN, payload, "station")
    journal.append([claim, event("x", 5)])
    assert clock_claims(journal) == [claim]
