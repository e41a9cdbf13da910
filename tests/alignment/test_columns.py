"""Two lots of columns put together, against the obvious way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hearthside.alignment.columns import EventColumns, halves, merged_columns
from tests.alignment.episodes.windows import Said, columns_of

_SAID = st.builds(
    Said,
    kind=st.just("position"),
    start_ms=st.integers(0, 6),
    end_ms=st.none() | st.integers(0, 9),
    text=st.sampled_from(["", "a", "é"]),
    numbers=st.integers(0, 1).map(lambda n: (("lat", float(n)),)),
    number=st.integers(0, 4),
)


def _rows(columns: EventColumns) -> list[tuple[object, ...]]:
    """All that columns hold, event by event."""
    return list(
        zip(
            columns.start_ms.tolist(), columns.ids.tolist(), columns.end_ms.tolist(), columns.origin.tolist(),
            columns.text, columns.note, columns.numbers["lat"].tolist(), strict=True,
        )
    )  # fmt: skip


@given(
    one=st.lists(_SAID, min_size=1, max_size=12, unique_by=lambda said: said.id),
    other=st.lists(_SAID, min_size=1, max_size=12, unique_by=lambda said: said.id),
)
def test_two_lots_are_one_in_order_of_start_and_id(one: list[Said], other: list[Said]) -> None:
    first, last = columns_of(one), columns_of(other)
    last = replace(last, note=["of the second"] * len(last))
    told = {row[1]: row for row in (*_rows(first), *_rows(last))}
    assert _rows(merged_columns(first, last)) == sorted(told.values(), key=lambda row: (row[0], row[1]))


def test_ids_that_begin_alike_are_told_apart() -> None:
    said = [Said("listen", 0, number=n) for n in range(2)]
    ids = [bytes(15) + b"\x02", bytes(15) + b"\x01"]
    lots = [
        replace(columns_of([one]), ids=np.frombuffer(identity, "V16")) for one, identity in zip(said, ids, strict=True)
    ]
    assert merged_columns(*lots).ids.tolist() == sorted(ids)
    assert halves(lots[0].ids).tolist() == [[0, 2]]
