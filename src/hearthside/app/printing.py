"""What the command line prints: days, slices, hits, answers, training and health as plain tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from hearthside.alignment.kinds import LOOKBACK_MIN, rule_of
from hearthside.alignment.views import Coverage, DayView, EpisodeItem, LaneItem, SliceView
from hearthside.companion.answers import Answer
from hearthside.events import Origin, local_datetime
from hearthside.memory.hits import Hit
from hearthside.web.house import HealthView, TrainingView
from hearthside.web.names import episode_title, length_words, source_words, span_words

_MARK = {Coverage.COVERED: "█", Coverage.SILENT: "░", Coverage.UNKNOWN: " "}
_COLUMNS = 72  # of the drawn lanes: 20 minutes each
_ITEMS_SHOWN = 12
_CERTAIN = 0.995  # what is surer is not said in percent
REJECTED_SHOWN = 50  # as many as the health view holds


def print_day(out: Console, view: DayView) -> None:
    """The six lanes as a drawing, then what happened in each."""
    known = "" if view.offset_known else " (home zone; no source said otherwise)"
    out.print(f"[bold]{view.day}[/bold]  UTC{_offset(view.offset_min)}{known}   █ covered  ░ silent  blank: unknown")
    for lane in view.lanes:
        out.print(f"{lane.layer.value:>14} │{_drawn(view, lane.coverage)}│ {len(lane.items)}", markup=False)
    for lane in view.lanes:
        for item in lane.items[:_ITEMS_SHOWN]:
            out.print(f"  {_clock(item, view.offset_min)} {lane.layer.value:<13} {_line(item)}", markup=False)
        if len(lane.items) > _ITEMS_SHOWN:
            out.print(f"        {lane.layer.value:<13} … and {len(lane.items) - _ITEMS_SHOWN} more", markup=False)
    for line in view.series:
        values = [value for value in line.values if value is not None]
        mean = sum(values) / len(values)
        out.print(f"  {line.measure} ({line.unit}): {len(values)} minutes, mean {mean:.2f}", markup=False)
    for item in view.day_items:
        out.print(f"  whole day  {item.layer.value:<13} {_line(item)}", markup=False)


def print_slice(out: Console, view: SliceView) -> None:
    """One minute, layer by layer."""
    known = "" if view.offset_known else " (home zone)"
    out.print(f"[bold]{view.local}[/bold]{known}")
    for episode in view.episodes:
        out.print(f"{episode_title(episode.kind):>18}  {_episode(episode, view)}", markup=False)
    for layer in view.layers:
        out.print(f"{layer.layer.value:>14}: {layer.coverage.value}", markup=False)
        for item in layer.now:
            out.print(f"{'now':>18}  {_line(item)}", markup=False)
        for item, age_s in layer.last[:_ITEMS_SHOWN]:
            out.print(f"{_age(item, age_s, view):>18}  {_line(item)}", markup=False)
    for name, value in view.samples.items():
        out.print(f"       {name}: {value:g}", markup=False)


def print_hits(out: Console, hits: list[Hit]) -> None:
    """Hits, one line each."""
    if not hits:
        out.print("Nothing was found.")
    for hit in hits:
        out.print(
            f"{hit.local}  {hit.kind:<10} {hit.text[:160]}  [{hit.note}] {source_words(hit.source)} {hit.id[:12]}",
            markup=False,
        )


def print_answer(out: Console, answer: Answer) -> None:
    """The answer, how it came about, and its evidence."""
    out.print(answer.text, markup=False)
    facts = [answer.mode.value, answer.query, f"worded by {answer.worded_by}" if answer.worded_by else ""]
    out.print("  (" + "; ".join(fact for fact in facts if fact) + ")", markup=False, style="dim")
    if answer.limited:
        out.print(f"  {answer.limited}", markup=False, style="dim")
    for hit in answer.evidence:
        out.print(
            f"  · {hit.local} {source_words(hit.source)}: {hit.text[:120] or hit.note}  {hit.id[:12]}",
            markup=False,
            style="dim",
        )


def print_training(out: Console, view: TrainingView) -> None:
    """Adapters and the last night."""
    out.print(view.due, markup=False)
    out.print(view.workshop, markup=False)
    for adapter in view.adapters:
        out.print(f"{adapter.id[:12]} {adapter.state}: {adapter.reason}", markup=False)
        for name, value in adapter.gate.items():
            out.print(f"    {name}: {value:.4f}", markup=False)
        for line in adapter.receipt:
            out.print(f"    {line}", markup=False)
    for name, state, sentence in view.night.steps if view.night else []:
        out.print(f"  {name:<14} {state:<8} {sentence}", markup=False)


def print_health(out: Console, view: HealthView) -> None:
    """Nodes, sources, storage, refused records, egress."""
    for node in view.nodes:
        out.print(f"{node.name}: {node.state}. {node.sentence}", markup=False)
    table = Table("source", "records", "last event", "refused")
    for source in view.sources:
        table.add_row(source.title, f"{source.records:,}", source.last_event_local, str(source.rejected))
    out.print(table, soft_wrap=False)
    for name, value in view.storage:
        out.print(f"{name}: {value}", markup=False)
    for source_name, place, reason in view.rejected:
        out.print(f"refused: {source_words(source_name)}, {place}: {reason}", markup=False)
    if len(view.rejected) >= REJECTED_SHOWN:
        out.print(f"… and perhaps more: the newest {REJECTED_SHOWN} refusals are shown")
    for at, purpose, destination, what in view.egress[:_ITEMS_SHOWN]:
        out.print(f"left the house: {at} {purpose} to {destination}, {what}", markup=False)


def _drawn(view: DayView, runs: list) -> str:  # type: ignore[type-arg]
    width_ms = (view.end_ms - view.start_ms) / _COLUMNS
    marks = []
    for column in range(_COLUMNS):
        at = view.start_ms + (column + 0.5) * width_ms
        state = next((run.coverage for run in runs if run.start_ms <= at < run.end_ms), Coverage.UNKNOWN)
        marks.append(_MARK[state])
    return "".join(marks)


def _line(item: LaneItem) -> str:
    text = " ".join(item.text.split())[:100]
    where, writer = _writer(item)
    note = f"  [{where}]" if where and where not in text else ""
    said = f"{writer}: {text}" if writer else text
    return f"{item.kind}: {said}{note}" if said or note else item.kind


def _writer(item: LaneItem) -> tuple[str, str]:
    """The note of an item, and who wrote it where it is a message; of somebody else's the note ends with the sender."""
    if item.kind != "message" or item.origin not in (Origin.SELF, Origin.PERSON):
        return item.note, ""
    if item.origin is Origin.SELF:
        return item.note, "you"
    conversation, _, sender = item.note.rpartition(" · ")
    return conversation, sender or "somebody"


def _age(item: LaneItem, age_s: int, view: SliceView) -> str:
    """How long ago an item was; of what holds until something else is said, since when."""
    if rule_of(item.kind).tolerance_min < LOOKBACK_MIN:
        return f"{span_words(1000 * age_s)} before"
    return f"since {_near(item.start_ms, view)}"


def _near(ms: int, view: SliceView) -> str:
    """A time near a minute by its clock, with the weekday where it is another day."""
    then = local_datetime(ms, view.offset_min)
    return f"{then:%H:%M}" if then.date().isoformat() == view.local_day else f"{then:%a %H:%M}"


def _episode(one: EpisodeItem, view: SliceView) -> str:
    begin, end = _near(one.start_ms, view), _near(one.end_ms, view)
    sure = "" if one.sure >= _CERTAIN else f", {one.sure:.0%} sure"
    return f"{one.label}, {begin} to {end} ({length_words(one.end_ms - one.start_ms)}{sure})"


def _clock(item: LaneItem, offset_min: int) -> str:
    return local_datetime(item.start_ms, offset_min).strftime("%H:%M")


def _offset(minutes: int) -> str:
    return f"{'+' if minutes >= 0 else '-'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
