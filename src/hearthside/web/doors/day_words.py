"""What the day page says, in words and plain values: episodes, visits, and how much each layer says."""

from __future__ import annotations

from collections.abc import Sequence

from hearthside.alignment.views import Coverage, DayView, EpisodeItem, Lane
from hearthside.events import MINUTE_MS, Json, local_datetime
from hearthside.web.drawing import offset_at
from hearthside.web.markup import day_words, offset_words
from hearthside.web.names import source_words

_EVIDENCE_EACH = 6
_LONGEST = 300  # characters of one text


def day_in_words(day: DayView) -> dict[str, Json]:
    """One local day: sentences to read out, and the same as values with ids and times as evidence."""
    episodes = [_episode(one, day) for one in day.episodes if one.kind != "visit"]
    visits = [_episode(one, day) for one in day.episodes if one.kind == "visit"]
    layers = [_layer(lane) for lane in day.lanes]
    return {
        "day": day.day,
        "in_words": _sentences(day, episodes, visits, layers),
        "utc_offset": offset_words(day.offset_min),
        "offset_known": day.offset_known,
        "episodes": episodes,
        "visits": visits,
        "layers": layers,
        "of_the_whole_day": [
            {
                "id": item.id,
                "text": item.text[:_LONGEST],
                "note": item.note,
                "source": item.source,
                "origin": item.origin.value,
            }
            for item in day.day_items
        ],
        "may_still_change": sorted({one.source for one in day.provisional if one.from_ms < day.end_ms}),
    }


def _episode(item: EpisodeItem, day: DayView) -> dict[str, Json]:
    return {
        "kind": item.kind,
        "label": item.label,
        "from": _local(item.start_ms, day),
        "to": _local(item.end_ms, day),
        "sure": round(item.sure, 2),
        "evidence": item.evidence[:_EVIDENCE_EACH],
        "evidence_count": len(item.evidence),
    }


def _local(ms: int, day: DayView) -> str:
    offset = offset_at(day.offsets, day.offset_min, ms)
    return local_datetime(ms, offset).isoformat(timespec="minutes")


def _layer(lane: Lane) -> dict[str, Json]:
    """Minutes in which nothing was listening are unknown, which is not silence."""
    unknown = sum(run.end_ms - run.start_ms for run in lane.coverage if run.coverage is Coverage.UNKNOWN)
    return {"layer": lane.layer.value, "events": len(lane.items), "unknown_minutes": unknown // MINUTE_MS}


def _sentences(
    day: DayView,
    episodes: Sequence[dict[str, Json]],
    visits: Sequence[dict[str, Json]],
    layers: Sequence[dict[str, Json]],
) -> list[str]:
    told = [f"{day_words(day.day)}, local time {offset_words(day.offset_min)}."]
    told += [f"{one['from'][11:16]} to {one['to'][11:16]}: {one['label']}." for one in episodes]
    if visits:
        where = "; ".join(f"{one['label']} {one['from'][11:16]} to {one['to'][11:16]}" for one in visits)
        told.append(f"Places: {where}.")
    heard = [f"{one['events']} {one['layer']}" for one in layers if one["events"]]
    told.append(f"Records by layer: {', '.join(heard)}." if heard else "Nothing is recorded of this day.")
    length_min = (day.end_ms - day.start_ms) // MINUTE_MS
    deaf = [str(one["layer"]) for one in layers if one["unknown_minutes"] >= length_min]
    if deaf:
        told.append(f"Nothing was listening all day, so it is unknown and not empty: {', '.join(deaf)}.")
    told += [
        f"Of the whole day ({source_words(item.source)}): {item.text[:_LONGEST]}."
        for item in day.day_items
        if item.text
    ]
    late = sorted({source_words(one.source) for one in day.provisional if one.from_ms < day.end_ms})
    if late:
        told.append(f"May still change, since newer data has not come in yet: {', '.join(late)}.")
    return told
