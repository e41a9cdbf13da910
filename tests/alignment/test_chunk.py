"""A chunk as bytes and back, and which minutes differ between two, against the obvious way."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hearthside.alignment.chunk import (
    Carried,
    Chunk,
    changed_minutes,
    make_chunk,
    nothing_carried,
    pack_events,
    pack_minutes,
    unpack_events,
    unpack_minutes,
)
from hearthside.alignment.columns import NO_END
from hearthside.alignment.kernel import INSTANT, touched_minutes
from hearthside.alignment.kinds import rule_of
from hearthside.events import DAY_MS, MINUTE_MS
from tests.alignment.episodes.windows import DAY, Said, columns_of

_RULE = rule_of("app_use")
_WORDS = st.text(st.sampled_from("a\r\n\0é😀\ud800"), max_size=5)
_SAID = st.builds(
    lambda minute, length, number, text, note: Said(
        "app_use", DAY * DAY_MS + minute * MINUTE_MS, None if length is None else
        DAY * DAY_MS + (minute + length) * MINUTE_MS, text, note, number=number,
    ),
    minute=st.integers(0, 1439),
    length=st.none() | st.integers(1, 2000),
    number=st.integers(0, 3),
    text=_WORDS,
    note=_WORDS,
)  # fmt: skip
_LOT = st.lists(_SAID, min_size=1, max_size=15, unique_by=lambda said: said.id)


def _chunk(said: list[Said], before: list[Said]) -> Chunk:
    carried = nothing_carried()
    if before:
        earlier = columns_of(before)
        carried = Carried(
            earlier.ids, earlier.start_ms - DAY_MS, np.where(earlier.end_ms == NO_END, NO_END, earlier.end_ms)
        )
    return make_chunk(DAY, columns_of(said), carried, _RULE)


def _spans(chunk: Chunk) -> set[tuple[bytes, int, int]]:
    parts = ((c.ids.tolist(), c.start_ms.tolist(), c.end_ms.tolist()) for c in (chunk.own, chunk.carried))
    return {span for ids, start, end in parts for span in zip(ids, start, end, strict=True)}


@given(said=_LOT)
def test_what_is_packed_comes_out_again(said: list[Said]) -> None:
    chunk = _chunk(said, [])
    own = unpack_events(chunk.own.layer, chunk.own.source, chunk.own.kind, pack_events(chunk.own))
    assert (own.text, own.note, own.ids.tolist()) == (chunk.own.text, chunk.own.note, chunk.own.ids.tolist())
    assert own.end_ms.tolist() == chunk.own.end_ms.tolist() and pack_events(own) == pack_events(chunk.own)
    carried, minutes = unpack_minutes(pack_minutes(chunk.carried, chunk.minutes))
    assert carried.same(chunk.carried) and minutes.last.tolist() == chunk.minutes.last.tolist()


@given(kept=_LOT, gone=_LOT, new=_LOT, reaching=st.lists(_LOT, min_size=2, max_size=2))
def test_changed_minutes_are_those_of_the_events_that_differ(
    kept: list[Said], gone: list[Said], new: list[Said], reaching: list[list[Said]]
) -> None:
    lots = [list({said.id: said for said in (*kept, *lot)}.values()) for lot in (gone, new)]
    before, after = (_chunk(lot, carried) for lot, carried in zip(lots, reaching, strict=True))
    differ = _spans(before) ^ _spans(after)
    first, last = 0, 1439
    if differ:
        start, end = (np.array([span[k] for span in differ], np.int64) for k in (1, 2))
        begins, ends = touched_minutes(DAY, start, np.where(end == NO_END, INSTANT, end))
        reach = max(_RULE.tolerance_min, _RULE.cadence_min - 1)
        first, last = max(int(begins.min()), 0), min(max(int(ends.max()) + reach, 0), 1439)  # of the day before too
    assert changed_minutes(before, after, _RULE) == (first, last)
