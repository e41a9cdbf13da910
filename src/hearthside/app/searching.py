"""Search filters as the command line gives them."""

from __future__ import annotations

from collections.abc import Sequence

from hearthside.app.house import House
from hearthside.errors import Refused
from hearthside.events import DAY_MS, MINUTE_MS, Layer, day_start_ms
from hearthside.memory.hits import Filters


def filters_from(
    house: House,
    first: str,
    last: str,
    layers: Sequence[str] | None,
    sources: Sequence[str] | None,
    person: str,
    place: str = "",
    conversations: Sequence[str] | None = None,
) -> Filters:
    """Filters from local days and names; what is empty limits nothing.

    Raises:
        Refused: a day or a layer is not one.
    """
    try:
        start = _local_midnight(house, first) if first else None
        end = _local_midnight(house, last) + DAY_MS if last else None
        wanted = frozenset(Layer(name) for name in layers) if layers else None
    except ValueError as error:
        raise Refused("search-filter-wrong", f"This filter cannot be used: {error}.") from error
    return Filters(
        start, end, wanted, frozenset(sources) if sources else None, None, person or None,
        frozenset(conversations) if conversations else None, place or None,
    )  # fmt: skip


def _local_midnight(house: House, day: str) -> int:
    return day_start_ms(day) - house.rooms.stream.offset_on(day) * MINUTE_MS
