"""The health page: machines, sources, storage, refused records and what left the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hearthside.app.local_times import to_the_minute
from hearthside.app.rooms import SYSTEM_SOURCES, Rooms
from hearthside.errors import HearthsideError
from hearthside.events import DAY_MS, Event, Json, Precision, iso_day
from hearthside.inference.client import ComputeNode
from hearthside.inference.compute import Compute
from hearthside.intake.pauses import paused_sources
from hearthside.memory.audit import TARGET
from hearthside.sources import source_names
from hearthside.web.house import HealthView, MemoryAuditView, NodeHealth, SourceHealth, Verification
from hearthside.web.names import source_words
from hearthside.web.nodes_views import NodeRow

_LISTED = 50
_DEEDS = 5  # of the memory guard
_AUDIT_STEP = "consolidate"
_AUDIT_WORDS = {
    "orphans": "without a living source", "duplicates": "twice", "contradictions": "contradictions, shown as such",
    "from_ai": "from the AI itself",
}  # fmt: skip


def health_view(
    rooms: Rooms,
    compute: Compute | None,
    paired: Sequence[tuple[NodeRow, ComputeNode | None]],
    home_problem: str,
    verified: Verification,
) -> HealthView:
    """Everything the health page shows; `paired` are the compute nodes on other machines, and who asks each."""
    return HealthView(
        nodes=[
            _data_node(rooms),
            *([] if paired else [_compute_node(rooms, compute)]),
            *(_paired_node(rooms, row, node) for row, node in paired),
            *_memory_guard(rooms, compute),
            *_home(rooms, home_problem),
        ],
        sources=_sources(rooms),
        storage=_storage(rooms),
        journal_verified=f"{verified.sentence} ({verified.when})" if verified.when else "",
        rejected=_rejected(rooms),
        egress=_egress(rooms),
        memory=memory_audit(rooms),
    )


def _data_node(rooms: Rooms) -> NodeHealth:
    head = rooms.journal.head()
    facts = [("journal", f"{head.seq:,} records"), ("chain head", head.chain.hex()[:16])]
    return NodeHealth("Data node", "ready", rooms.opened_ms, "Keeps everything on this machine.", facts)


def _compute_node(rooms: Rooms, compute: Compute | None) -> NodeHealth:
    if compute is None:
        return NodeHealth(
            "Compute node", "down", rooms.opened_ms, "It is not running; answers come from plain code.", []
        )
    state = compute.state()
    facts = [("model", compute.model_name), ("process", str(compute.pid or "none"))]
    if rooms.settings.model_server:
        facts.insert(1, ("model server", rooms.settings.model_server))
    facts += _of_its_own_words(rooms, compute.node)
    return NodeHealth("Compute node", state.phase, state.since_ms, state.sentence, facts)


def _paired_node(rooms: Rooms, row: NodeRow, node: ComputeNode | None) -> NodeHealth:
    """A compute node on another machine; one that does not answer is not asked."""
    facts = [("address", row.address), ("paired", row.paired_local.replace("T", " "))]
    if row.model:
        facts.append(("model", row.model))
    if row.parameters:
        facts.append(("parameters", f"{row.parameters:,}"))
    if row.pace is not None:
        facts.append(("pace", f"{row.pace:.1f} tokens a second, measured from here"))
    if node is not None and row.phase == "ready":
        facts += _of_its_own_words(rooms, node)
    facts += [(name, value) for name, value in (("plug", row.plug), ("power", row.power)) if value]
    chosen = " It answers now." if row.chosen else ""
    return NodeHealth(f"Compute node {row.name}", row.phase, row.since_ms, f"{row.sentence}{chosen}", facts)


def _of_its_own_words(rooms: Rooms, node: ComputeNode) -> list[tuple[str, str]]:
    try:
        health = node.health(timeout_s=2.0)
    except HearthsideError:
        return [("heartbeat", "none")]
    tally, last_ms = health.tally, health.last_completion_ms
    return [
        ("adapters loaded", str(len(health.adapters))),
        ("answers", f"{tally.completions:,}"),
        ("tokens", f"{tally.prompt_tokens + tally.completion_tokens:,} ({tally.probe_tokens:,} more for probes)"),
        ("last real answer", to_the_minute(rooms.stream, last_ms) if last_ms else "none yet"),
    ]


def _memory_guard(rooms: Rooms, compute: Compute | None) -> list[NodeHealth]:
    """What the guard does, and what it did last; nothing where no compute node runs."""
    if compute is None:
        return []
    view = compute.guard()
    said = [(to_the_minute(rooms.stream, deed.at_ms), deed.sentence) for deed in view.deeds[:_DEEDS]]
    sentence = view.sentence + (f" Last, at {said[0][0]}: {said[0][1]}" if said else "")
    facts = [("protection", view.protections)] if view.protections else []
    state = "running" if view.phase == "watching" else view.phase
    return [NodeHealth("Memory guard", state, view.since_ms, sentence, [*facts, *said])]


def _home(rooms: Rooms, problem: str) -> list[NodeHealth]:
    if not rooms.settings.home_assistant_url:
        return []
    sentence = problem or "States arrive; actions wait for your tap."
    state = "down" if problem else "ready"
    return [
        NodeHealth("Home Assistant", state, rooms.opened_ms, sentence, [("address", rooms.settings.home_assistant_url)])
    ]


def _sources(rooms: Rooms) -> list[SourceHealth]:
    paused, known = paused_sources(rooms.journal), set(source_names())
    rejected: dict[str, int] = {}
    for item in rooms.journal.read(kinds=["rejected"]):
        if isinstance(item.record, Event):
            name = str(item.record.payload.get("source", ""))
            rejected[name] = rejected.get(name, 0) + 1
    rows = {name: (count, last) for name, count, _, last in rooms.journal.sources() if name not in SYSTEM_SOURCES}
    found = []
    for name in sorted({*rows, *(source for source in rejected if source in known)}):
        count, last = rows.get(name, (0, 0))
        label = _last_words(rooms, name, last) if last else "never"
        found.append(SourceHealth(name, source_words(name), count, last, label, rejected.get(name, 0), name in paused))
    return found


def _last_words(rooms: Rooms, source: str, last_ms: int) -> str:
    """When a source last said something, by the person's clock; the day alone where it knows no time of day."""
    if last_ms % DAY_MS == 0:  # what only knows its day lies at midnight UTC
        said = (item.record for item in rooms.journal.read(last_ms, last_ms + 1, sources=[source]))
        if any(isinstance(record, Event) and record.precision is Precision.DAY for record in said):
            return iso_day(last_ms // DAY_MS)
    return to_the_minute(rooms.stream, last_ms)


def _storage(rooms: Rooms) -> list[tuple[str, str]]:
    folder, sizes = rooms.vault.folder, rooms.index.sizes()
    meaning = f"{sizes['vectors']:,} found by meaning, {sizes['waiting']:,} waiting"
    return [
        ("journal", f"{_folder_megabytes(folder / 'journal')}, {rooms.journal.head().seq:,} records"),
        ("media", f"{_folder_megabytes(folder / 'media')}"),
        ("life stream", _megabytes(folder / "stream.db")),
        ("index", f"{_megabytes(folder / 'index.db')}, {sizes['documents']:,} texts"),
        ("meaning", f"{_folder_megabytes(folder / 'vectors')}, {meaning}"),
        ("beliefs", _megabytes(folder / "knowing.db")),
        ("adapters", f"{len(rooms.registry.entries())}"),
    ]


def memory_audit(rooms: Rooms) -> MemoryAuditView | None:
    """What the last night found when it looked over the memory; None when none has yet."""
    for item in rooms.journal.read(kinds=["night_step"], newest_first=True):
        p = item.record.payload if isinstance(item.record, Event) else {}
        if p.get("step") == _AUDIT_STEP and p.get("state") == "done" and "junk_share" in p.get("data", {}):
            return _audit_view(p["data"], to_the_minute(rooms.stream, item.record.start_ms))
    return None


def _audit_view(found: Mapping[str, Json], when: str) -> MemoryAuditView:
    """The figures of one night; those of nights before facts were known have fewer."""
    share, from_ai = float(found["junk_share"]), int(found["from_ai"])
    held = int(found["documents"]) + int(found.get("facts", 0)) + int(found.get("preferences", 0))
    sound = share < TARGET and not from_ai
    sentence = (
        f"Of {held:,} things in memory {100 * share:.1f} % rest on nothing that lives, say what another one says, or"
        f" are the AI's own words; {from_ai:,} are the AI's own words."
    )
    sentence += " That is sound." if sound else f" It should be under {100 * TARGET:.0f} %, and none from the AI."
    figures = [
        ("can be found", f"{int(found['documents']):,} texts"),
        *((name, f"{int(found[name]):,}") for name in ("facts", "preferences") if name in found),
        *((title, f"{int(found[name]):,}") for name, title in _AUDIT_WORDS.items() if name in found),
    ]
    return MemoryAuditView(when, sentence, figures, sound)


def _rejected(rooms: Rooms) -> list[tuple[str, str, str]]:
    rows = list(rooms.journal.read(kinds=["rejected"]))
    rows.sort(key=lambda item: -item.seq)
    payloads = [item.record.payload for item in rows[:_LISTED] if isinstance(item.record, Event)]
    return [(str(p.get("source", "")), str(p.get("place", "")), str(p.get("reason", ""))) for p in payloads]


def _egress(rooms: Rooms) -> list[tuple[str, str, str, str]]:
    rows = list(rooms.journal.read(kinds=["ledger"], newest_first=True, limit=_LISTED))
    found = []
    for item in rows:
        if isinstance(item.record, Event):
            p, when = item.record.payload, to_the_minute(rooms.stream, item.record.start_ms)
            what = f"{p['bytes_out']:,} bytes, {p['data_class']}"
            found.append((when, str(p["purpose"]), str(p["destination"]), what))
    return found


def _folder_megabytes(folder: Path) -> str:
    total = 0
    for path in folder.rglob("*") if folder.exists() else ():
        with suppress(FileNotFoundError):  # a derived file may be replaced at any moment
            total += path.stat().st_size if path.is_file() else 0
    return f"{total / 1e6:.1f} MB"


def _megabytes(path: Path) -> str:
    total = sum(p.stat().st_size for p in (path, path.with_name(path.name + "-wal")) if p.exists())
    return f"{total / 1e6:.1f} MB"
