"""Keeping in step: whatever arrives when, only what it touches changes, and the end is what a rebuild gives."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthside.alignment.rebuilding import DAYS_PER_BATCH
from hearthside.alignment.store import ChunkFacts
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Json, Layer, Precision, Record
from hearthside.journal import Journal
from tests.alignment.clocked_lives import (
    AMSTERDAM,
    BEGIN,
    CHATS,
    DAYS,
    HOME_ZONE,
    NEW_YORK,
    PHONE,
    RECORDER,
    SONGS,
    clocked_life,
    decided,
    estimated,
    said,
    stamped,
    steady,
)
from tests.alignment.lives import KEY, Vault, open_vault

NOON = 12 * HOUR_MS
BORDER = BEGIN + DAYS // 2 * DAY_MS
"""Between two batches of a rebuild."""


def on(day: float, hour: float = 12) -> int:
    """UTC milliseconds of an hour of a day of the life."""
    return BEGIN + round(day * DAY_MS + hour * HOUR_MS)


def other_stream(vault: Vault, journal: Journal | None = None) -> LifeStream:
    """A life stream of its own over the same vault, as another process has."""
    return LifeStream(vault.folder, KEY, journal or vault.journal, lambda: vault.zones[-1])


# -- any order ---------------------------------------------------------------------------------------------------------


def _state(stream: LifeStream) -> tuple[object, ...]:
    """All that is derived."""
    held = [(one.id, one.clock, one.raw_ms, one.held) for one in stream.held()]
    clocks = [(one.clock, one.exchanges, one.events, one.last_event_ms) for one in stream.clocks()]
    return stream.fingerprint(), stream.places(), held, clocks


def _arrive(vault: Vault, records: Sequence[Record], rng: random.Random) -> None:
    """Journal records in a random order and in random batches; lined up now and then, and looked at meanwhile."""
    waiting = rng.sample(records, len(records))
    while waiting:
        size = rng.choice([1, 4, 12, 30])
        vault.journal.append(waiting[:size])
        del waiting[:size]
        if rng.random() < 0.8 or not waiting:
            vault.stream.update()
            vault.stream.places()


def _orders(tmp_path: Path, life: int, orders: int, rebuilds: int) -> None:
    records = clocked_life(life)
    states = []
    for n in range(orders):
        vault = open_vault(tmp_path / f"{life}-{n}")
        vault.zones.append(ZoneInfo(HOME_ZONE))
        _arrive(vault, records, random.Random(n))
        states.append(_state(vault.stream))
        if n < rebuilds:
            vault.stream.rebuild()
            states.append(_state(vault.stream))
        vault.journal.close()
    assert all(state == states[0] for state in states)


@pytest.mark.parametrize("life", range(4))
def test_no_order_of_arrival_leaves_a_trace(tmp_path: Path, life: int) -> None:
    _orders(tmp_path, life, orders=5, rebuilds=1)


@pytest.mark.soak
def test_no_order_of_arrival_leaves_a_trace_in_many_lives(tmp_path: Path) -> None:
    """Two hundred orders of arrival, each compared with a rebuild of its own journal."""
    for life in range(10, 30):
        _orders(tmp_path, life, orders=10, rebuilds=10)


def test_the_invented_lives_hold_what_they_are_meant_to_hold(tmp_path: Path) -> None:
    """Corrected, held back, placed anew by the journey, and across the border between two batches of a rebuild."""
    codes, corrected, moved = set[str](), set[str](), 0
    for life in range(4):
        vault = open_vault(tmp_path / str(life))
        vault.zones.append(ZoneInfo(HOME_ZONE))
        vault.take(*clocked_life(life))
        codes |= {held.held.code for held in vault.stream.held()}
        corrected |= {o.source for o in vault.stream.occurrences() if o.start_ms != o.raw_ms}
        moved += sum(o.start_ms != o.raw_ms for o in vault.stream.occurrences(kinds=["message"]))
        days = {fact.day // DAYS_PER_BATCH for fact in vault.stream.facts()}
        assert len(days) >= 2 and vault.stream.visits()
        vault.journal.close()
    assert codes >= {"two-devices", "jump", "person"}
    assert corrected >= {"phone", "watch", "recorder", "last_fm", "whatsapp"} and moved > 4


# -- only what is touched ----------------------------------------------------------------------------------------------


def _week(vault: Vault) -> None:
    """Songs, messages and steps of a phone at noon, every day of a week."""
    phone = steady(PHONE, 0)
    vault.take(
        *[stamped(SONGS, "listen", on(day), text=f"song {day}") for day in range(7)],
        *[stamped("export:chat", "message", on(day), text=f"hi {day}") for day in range(7)],
        *[phone.event("app_use", on(day), HOUR_MS) for day in range(7)],
        *[phone.series(on(day), 60, f"pulse {day}") for day in range(7)],
    )


def _changed(vault: Vault, change: Callable[[], object]) -> dict[tuple[str, int], tuple[int, int]]:
    """(kind, day of the life) of the chunks that a change touches, with the first and last minute that changed."""
    before = {(fact.stream, fact.day): fact for fact in vault.stream.facts()}
    version = vault.stream.version()
    change()
    after = {(fact.stream, fact.day): fact for fact in vault.stream.facts()}
    assert vault.stream.changed_since(version) == sorted(
        (fact for place, fact in after.items() if before.get(place) != fact), key=lambda fact: fact.version
    )
    told = {*vault.stream.changed_since(version), *(before[place] for place in before.keys() - after.keys())}
    assert vault.stream.version() >= version + len(told)
    return {_named(vault, fact): (fact.first_minute, fact.last_minute) for fact in told}


def _named(vault: Vault, fact: ChunkFacts) -> tuple[str, int]:
    return vault.stream.streams()[fact.stream].kind, fact.day - BEGIN // DAY_MS


def test_a_late_event_changes_its_chunk_in_its_minutes(vault: Vault) -> None:
    _week(vault)
    late = stamped("export:chat", "message", on(3, 9), text="late")
    # A message still holds ten minutes later, and covers half an hour.
    assert _changed(vault, lambda: vault.take(late)) == {("message", 3): (540, 569)}
    assert _changed(vault, lambda: vault.take(late)) == {}
    vault.rebuilt()


def test_a_late_batch_of_one_day_changes_one_day(vault: Vault) -> None:
    _week(vault)
    batch: list[Record] = [stamped(SONGS, "listen", on(2, 8 + n / 4), text=f"late {n}") for n in range(20)]
    batch += [steady(PHONE, 0).series(on(2, 20), 30, "late pulse")]
    assert _changed(vault, lambda: vault.take(*batch)) == {("listen", 2): (480, 769), ("heart_rate", 2): (1200, 1229)}
    vault.rebuilt()


def test_what_lasts_over_midnight_changes_the_minutes_it_lasts(vault: Vault) -> None:
    _week(vault)
    night = stamped("export:chat", "sleep", on(3, 23), on(4, 7))
    assert _changed(vault, lambda: vault.take(night)) == {("sleep", 3): (1380, 1439), ("sleep", 4): (0, 419)}
    light = stamped("export:chat", "state", on(5, 20), entity="light", state="on")
    assert _changed(vault, lambda: vault.take(light)).keys() == {("state", 5), ("state", 6)}  # it holds for a day
    vault.rebuilt()


@pytest.mark.parametrize("action", ["shift", "hold"])
def test_a_word_on_a_clock_changes_exactly_the_days_it_is_about(vault: Vault, action: str) -> None:
    _week(vault)
    shift = 26 * HOUR_MS if action == "shift" else None
    word = decided(PHONE, on(2, 0), on(4, 0), action, shift)
    changed = _changed(vault, lambda: vault.take(word))
    days = {2, 3} if action == "hold" else {2, 3, 4}
    assert changed.keys() == {(kind, day) for kind in ("app_use", "heart_rate") for day in days}
    if action == "shift":
        assert changed["app_use", 4] == (14 * 60, 15 * 60 + 3)  # at two instead of noon, and covering the next minutes
        assert [o.start_ms for o in vault.stream.occurrences(kinds=["app_use"])] == [
            on(0), on(1), on(3, 14), on(4), on(4, 14), on(5), on(6),
        ]  # fmt: skip
    assert [(h.clock, h.raw_ms) for h in vault.stream.held()] == (
        [] if action == "shift" else [(PHONE, on(day)) for day in (2, 2, 3, 3)]
    )
    back = decided(PHONE, on(2, 0), on(4, 0), "accept", at_ms=1)
    assert _changed(vault, lambda: vault.take(back)).keys() == changed.keys()
    vault.rebuilt()


def test_an_exchange_changes_the_streams_of_its_device(vault: Vault) -> None:
    _week(vault)
    changed = _changed(vault, lambda: vault.take(steady(PHONE, 90_000).exchange(on(6, 13))))
    assert {kind for kind, _ in changed} == {"app_use", "heart_rate"}
    [last] = [o for o in vault.stream.occurrences(kinds=["app_use"]) if o.raw_ms == on(6)]
    assert abs(last.start_ms - (on(6) - 90_000)) <= 10  # half of what was under way one way only
    vault.rebuilt()


def test_an_estimate_changes_the_streams_of_its_export_and_comes_off_again(vault: Vault) -> None:
    _week(vault)
    before = vault.stream.fingerprint()
    changed = _changed(vault, lambda: vault.take(estimated(SONGS, 5 * HOUR_MS + 15 * MINUTE_MS)))
    assert changed.keys() == {("listen", day) for day in range(7)}
    assert [o.start_ms - o.raw_ms for o in vault.stream.occurrences(kinds=["listen"])] == [315 * MINUTE_MS] * 7
    vault.take(estimated(SONGS, 0))
    assert vault.stream.fingerprint() == before == vault.rebuilt()


def test_a_journey_moves_the_naive_times_it_covers(vault: Vault) -> None:
    """Positions that arrive late put the person in New York: what the chat says at noon was noon there."""
    vault.zones.append(ZoneInfo(HOME_ZONE))
    vault.take(*[stamped(CHATS, "message", on(day, 10), text=f"hi {day}") for day in range(DAYS)])
    assert all(o.start_ms == o.raw_ms for o in vault.stream.occurrences())

    def where(day: float) -> Event:
        lat, lon = NEW_YORK if 4 <= day < 7 else AMSTERDAM
        return stamped("export:track", "position", on(0, 0) + round(day * DAY_MS), lat=lat, lon=lon)

    walk = [where(step / 8) for step in range(DAYS * 8)]
    changed = _changed(vault, lambda: vault.take(*walk))
    assert {day for kind, day in changed if kind == "message"} == {4, 5, 6}
    apart = [(o.start_ms - o.raw_ms) // HOUR_MS for o in vault.stream.occurrences(kinds=["message"])]
    assert apart == [0] * 4 + [6] * 3 + [0] * (DAYS - 7)
    vault.rebuilt()


def test_a_home_zone_told_later_moves_naive_times_of_which_nothing_else_is_known(vault: Vault) -> None:
    vault.zones.append(ZoneInfo(HOME_ZONE))
    vault.take(*[stamped(CHATS, "message", on(day, 10), text=f"hi {day}") for day in range(3)])
    vault.zones.append(ZoneInfo("America/New_York"))
    vault.stream.update()
    assert {(o.start_ms - o.raw_ms) // HOUR_MS for o in vault.stream.occurrences(kinds=["message"])} == {6}
    vault.rebuilt()


def test_an_event_is_counted_once_when_its_day_is_marked_before_it_is_taken_in(vault: Vault) -> None:
    first, second = (stamped(PHONE, "app_use", on(0, hour), on(0, hour + 1), text="a") for hour in (1, 3))
    vault.take(first)
    vault.journal.append([second])
    vault.journal.forget([first.id])
    vault.stream.mark_days_dirty([on(0, 0) // DAY_MS])
    vault.stream.update()
    counted = [(one.clock, one.events) for one in vault.stream.clocks()]
    vault.stream.rebuild()
    assert counted == [(one.clock, one.events) for one in vault.stream.clocks()]


# -- samples, intervals and clocks over the borders of days and batches ------------------------------------------------


def test_samples_that_reach_into_the_next_batch_are_put_together(vault: Vault) -> None:
    phone = steady(PHONE, 0)
    vault.take(phone.series(BORDER - 3 * HOUR_MS, 4 * 1440, "long"), phone.series(BORDER + 2 * DAY_MS, 60, "short"))
    assert len([fact for fact in vault.stream.facts() if fact.day >= BORDER // DAY_MS]) == 4
    vault.rebuilt()


def test_samples_move_with_their_clock_on_every_day_they_last(vault: Vault) -> None:
    vault.take(steady(PHONE, 0).series(on(1), 4 * 1440, "long"))
    vault.take(decided(PHONE, on(1), on(1) + 1, "shift", HOUR_MS))
    [first, *_, last] = vault.stream.facts()
    assert first.heard_first == 13 * 60 and last.heard_last == 13 * 60 - 1
    vault.rebuilt()
    vault.take(decided(PHONE, on(1), on(1) + 1, "hold", at_ms=1))
    assert vault.stream.facts() == []
    vault.rebuilt()


def test_what_a_clock_puts_before_a_border_reaches_over_it(vault: Vault) -> None:
    """By the recorder it was in 1970, so it is read with another batch than the one it belongs to."""
    vault.take(stamped(RECORDER, "note", DAY_MS, DAY_MS + 40 * HOUR_MS), stamped("export:x", "note", BORDER + HOUR_MS))
    vault.take(decided(RECORDER, 0, 4 * DAY_MS, "shift", BORDER - DAY_MS - 5 * HOUR_MS))
    block = vault.stream.block(BORDER // DAY_MS)
    assert block is not None and max(int(stream.count.max()) for stream in block.streams) == 1
    vault.rebuilt()


def test_a_day_without_a_time_is_not_held_back_for_its_clock(vault: Vault) -> None:
    steps = stamped(PHONE, "activity_day", on(3, 0), precision=Precision.DAY, steps=5)
    vault.take(steps, stamped(PHONE, "note", on(3)), decided(PHONE, on(2, 0), on(5, 0), "hold"))
    assert [o.kind for o in vault.stream.occurrences()] == ["activity_day"]
    assert [held.raw_ms for held in vault.stream.held()] == [on(3)]
    assert [clock.events for clock in vault.stream.clocks()] == [1]  # it says nothing of the clock
    vault.rebuilt()


def test_a_revision_may_change_the_layer(vault: Vault) -> None:
    old = stamped("export:x", "note", on(1), key="n", text="old")
    new = replace(old, layer=Layer.RESIDENTIAL, text="new")
    vault.take(old)
    vault.take(new)
    assert [o.text for o in vault.stream.occurrences()] == ["new"]
    vault.rebuilt()


def test_the_name_of_a_place_may_come_later(vault: Vault) -> None:
    where: dict[str, Json] = {"lat": AMSTERDAM[0], "lon": AMSTERDAM[1], "accuracy_m": 10.0}
    vault.take(*[stamped("export:track", "position", on(1) + n * 10 * MINUTE_MS, **where) for n in range(9)])
    assert [place.label for place in vault.stream.places()] != ["Library"]
    vault.take(stamped("export:track", "region_enter", on(1) + MINUTE_MS, text="Library", **where))
    assert [place.label for place in vault.stream.places()] == ["Library"]
    vault.rebuilt()


# -- rebuilding, cut short and shared ----------------------------------------------------------------------------------


def _stray_life() -> list[Record]:
    """A box that was a year off for a day, which only the whole of its events shows; and something older."""
    box = steady("device:box", 0)
    return [
        *[box.event("state", on(day), entity="lamp", state="on") for day in range(5)],
        *[box.event("state", on(0, 3 * n) - 400 * DAY_MS, entity="lamp", state="off") for n in range(2)],
        stamped("export:old", "message", BEGIN - 900 * DAY_MS, text="long ago"),
    ]


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_a_rebuild_goes_on_in_another_process_where_it_was_stopped(vault: Vault, batches: int) -> None:
    """The newest batch tells of a clock what the batches done before it did not know, and the other way round."""
    vault.journal.append(_stray_life())
    answers = itertools.chain([False] * batches, itertools.repeat(True))
    vault.stream.update(stop=lambda: next(answers))
    assert vault.stream.pending() or batches == 3
    again = other_stream(vault)
    again.update()
    assert len(again.held()) == 2 and len(again.occurrences(kinds=["state"])) == 5
    assert again.fingerprint() == vault.stream.fingerprint() == vault.rebuilt()


class _Watched:
    """A journal that lets something happen when its head is looked at for the first time."""

    def __init__(self, journal: Journal, happens: Callable[[], object]) -> None:
        self._journal, self._happens = journal, [happens]

    def __getattr__(self, name: str) -> object:
        if name == "head" and self._happens:
            self._happens.pop()()
        return getattr(self._journal, name)


def test_of_two_processes_that_begin_together_one_begins(vault: Vault) -> None:
    vault.journal.append(_stray_life())

    def the_other_is_faster() -> None:
        vault.stream.update()
        vault.take(stamped("export:old", "message", on(2), text="new"))

    slow = other_stream(vault, _Watched(vault.journal, the_other_is_faster))  # type: ignore[arg-type]
    slow.update()
    [box] = slow.clocks()
    assert box.events == 7  # each counted once
    assert len(slow.occurrences()) == 7
    vault.rebuilt()


def test_a_rebuild_that_another_process_began_anew_is_joined(vault: Vault) -> None:
    """What was read before it is not written into it: the person has said more of the clock since."""
    vault.take(*_stray_life())
    other = other_stream(vault)
    word = decided("device:box", on(-401, 0), on(-399, 0), "shift", 399 * DAY_MS)
    done = list[int]()

    def begin_anew_after_the_first(days: int, total: int) -> None:
        done.append(days)
        if len(done) == 1:
            vault.journal.append([word])
            answers = itertools.chain([False], itertools.repeat(True))
            other.rebuild(stop=lambda: next(answers))

    vault.stream.rebuild(begin_anew_after_the_first)
    assert not vault.stream.pending() and vault.stream.held() == []
    vault.rebuilt()


def test_a_clock_that_two_name_is_held_back_whoever_is_heard_first(tmp_path: Path) -> None:
    claims = [
        said("clock_claim", on(3, hour), {"clock": PHONE, "token": token, "owns": owns, "at_ms": on(3, hour)})
        for hour, token, owns in ((1, "one", True), (2, "two", False))
    ]
    notes: list[Record] = [stamped(f"{PHONE}#{epoch}", "note", on(3, hour)) for epoch, hour in (("a", 5), ("b", 6))]
    seen = set[str]()
    for n, order in enumerate(_both_ways(claims, notes)):
        vault = open_vault(tmp_path / str(n))
        for record in order:
            vault.take(record)
        assert [held.held.code for held in vault.stream.held()] == ["two-devices"] * 2
        seen.add(vault.rebuilt())
        vault.journal.close()
    assert len(seen) == 1


def _both_ways(one: Iterable[Record], other: Iterable[Record]) -> list[list[Record]]:
    return [[*one, *other], [*other, *one]]
