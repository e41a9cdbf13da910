"""Forgetting across all rooms: preview, remove the content, update what is derived, take tainted adapters out."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hearthside.alignment.kinds import is_life
from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.companion.manner import SETTING as MANNER
from hearthside.companion.visits import visits
from hearthside.companion.waiting import KIND as PUT_OFF
from hearthside.errors import Refused
from hearthside.events import (
    DAY_MS,
    MINUTE_MS,
    Event,
    Json,
    Layer,
    Origin,
    Precision,
    Series,
    Trust,
    day_number,
    iso_day,
)
from hearthside.inference.adapters import AdapterRegistry, AdapterState
from hearthside.journal import Journal, Stored
from hearthside.journal.attachments import media_of
from hearthside.journal.decisions import KIND as SETTING
from hearthside.journal.media import MediaStore
from hearthside.memory.decisions import KIND as MEMORY_DECISION
from hearthside.memory.decisions import SOURCE as SAID_BY
from hearthside.memory.facts.annotation import KIND as ANNOTATION
from hearthside.memory.index import Index, embedding_event
from hearthside.memory.knowing import Knowing

_THERE = ("caption", "gaze", "dwell", "position", "region_enter", "region_leave", "state", "weather")
"""Kinds that tell where somebody was; what was said or written there tells something else and stays."""

_SAYINGS = ("question", "answer", "offer", "proposal", "kept_note")

_SERVED = {AdapterState.ACTIVE, AdapterState.PREVIOUS, AdapterState.STAGED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to forget: whatever meets every condition that is given.

    Attributes:
        first, last: local days, ISO, both included; "" for no limit on that side.
        source: name of a source.
        person: what is from them, with them, or names them.
        place: what tells of stays at a place so named: sightings, positions, regions.
        words: what holds each of these words.
    """

    first: str = ""
    last: str = ""
    source: str = ""
    person: str = ""
    place: str = ""
    words: tuple[str, ...] = ()

    @property
    def whole_days(self) -> bool:
        """Everything of a time or a source, whatever it says; samples go too."""
        return not (self.person or self.place or self.words)

    def check(self) -> None:
        """Raises Refused when no condition is given: forgetting everything is removing the vault."""
        if self == Wanted():
            raise Refused(
                "forget-what", "Say what to forget: days, a source, a person, a place or words; nothing was forgotten."
            )


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be forgotten.

    Attributes:
        ids: journal records.
        by_kind: how many of each kind.
        days: UTC days that must be lined up again.
    """

    ids: list[bytes]
    by_kind: dict[str, int]
    days: list[int]

    @property
    def records(self) -> int:
        """How many records."""
        return len(self.ids)

    def in_words(self) -> str:
        """Counts by kind."""
        return ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.by_kind.items())) or "nothing"


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What was forgotten and what remains.

    Attributes:
        tainted: adapters taken out of service because they were trained on some of it.
    """

    records: int
    tainted: list[str]

    def in_words(self, copies: Sequence[str] = ()) -> str:
        """For the person.

        Args:
            copies: where backups can still open it, and until when, one sentence each.
        """
        adapters = (
            f" {len(self.tainted)} adapter(s) had learnt from some of it and are out of service."
            if self.tainted
            else ""
        )
        return (
            f"{self.records:,} records are forgotten: content, words and vectors are gone from this vault."
            f"{adapters} {' '.join(copies)}{' ' if copies else ''}What remains is that something was forgotten, and"
            " exports and copies you made yourself; importing the same export again would bring it back."
        )


def preview(journal: Journal, stream: LifeStream, wanted: Wanted) -> Preview:
    """What forgetting would take.

    With what happened go earlier forms of the same records, what was perceived in them, samples that lie mostly in
    these days, and answers, offers and proposals that rest on any of it.

    Raises:
        Refused: no condition was given.
    """
    wanted.check()
    bounds = stream.bounds() or ("1970-01-01", "1970-01-01")
    days = (wanted.first or bounds[0], wanted.last or bounds[1])
    chosen = _chosen(stream, wanted, days)
    ids = {o.id for o in chosen}
    ids |= _with_in_payload(journal, stream, wanted, days)
    ids |= _sayings(journal, stream, wanted) | _corrections(journal, stream, wanted)
    ids |= _other_forms(journal, ids)
    if wanted.whole_days:
        ids |= _samples(journal, stream, days, chosen, wanted.source)
    ids |= _perceived(journal, ids)
    ids |= _said_of(journal, ids)
    stored = journal.get(ids)
    kinds = Counter(item.record.kind for item in stored.values())
    touched = {day for item in stored.values() for day in _days(item.record.start_ms, item.record.end_ms)}
    return Preview(sorted(stored), dict(kinds), sorted(touched))


def _chosen(stream: LifeStream, wanted: Wanted, days: tuple[str, str]) -> list[Occurrence]:
    sources = [wanted.source] if wanted.source else None
    names = [*wanted.words, *wanted.person.split()]
    found = stream.occurrences(local_days=days, sources=sources, words=names)
    found = [o for o in found if all(_holds(f"{o.text} {o.note}", name) for name in names)]
    if not wanted.place:
        return found
    start, end = (day_number(days[0]) - 1) * DAY_MS, (day_number(days[1]) + 2) * DAY_MS
    stays = visits(stream, start, end, wanted.place)
    evidence = {o.id for visit in stays for o in visit.evidence}
    return [
        o
        for o in found
        if o.id in evidence
        or (o.kind in _THERE and _holds(f"{o.note} {o.text if 'region' in o.kind else ''}", wanted.place))
        or (o.kind in _THERE and any(v.start_ms <= o.start_ms < v.end_ms for v in stays))
    ]


def _holds(text: str, name: str) -> bool:
    """Whether a text holds a name as whole words: Mira is not Miranda."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


def _with_in_payload(journal: Journal, stream: LifeStream, wanted: Wanted, days: tuple[str, str]) -> set[bytes]:
    """What holds the names in a field only: seen in a picture, spoken to, in a summary."""
    names = [*wanted.words, *([wanted.person] if wanted.person else [])]
    if not names or wanted.place:
        return set()
    start, end = (day_number(days[0]) - 1) * DAY_MS, (day_number(days[1]) + 2) * DAY_MS
    found = set()
    for item in journal.read(start, end, sources=[wanted.source] if wanted.source else None):
        event = item.record
        if not isinstance(event, Event) or not is_life(event.kind):
            continue
        text = "\n".join([event.text, *_texts(event.payload)])
        if all(_holds(text, name) for name in names) and days[0] <= _local_day(stream, item.id, event) <= days[1]:
            found.add(item.id)
    return found


def _sayings(journal: Journal, stream: LifeStream, wanted: Wanted) -> set[bytes]:
    """What was asked and said with the words in it, and how the person is called; also after the life's last day."""
    names = [*wanted.words, *([wanted.person] if wanted.person else [])]
    if not names or wanted.place:
        return set()
    found = set()
    for item in journal.read(kinds=[*_SAYINGS, SETTING], sources=[wanted.source] if wanted.source else None):
        event = item.record
        if not isinstance(event, Event) or (event.kind == SETTING and event.payload.get("name") != MANNER):
            continue
        text = "\n".join([event.text, *_texts(event.payload)])
        if all(_holds(text, name) for name in names):
            day = _local_day(stream, item.id, event)
            if wanted.first <= day <= (wanted.last or "9999"):
                found.add(item.id)
    return found


def _corrections(journal: Journal, stream: LifeStream, wanted: Wanted) -> set[bytes]:
    """The person's word on what is believed, where it holds the words; it may be later than the life's last day."""
    names = [*wanted.words, *([wanted.person] if wanted.person else [])]
    if not names or wanted.place or wanted.source not in ("", SAID_BY):
        return set()
    return {
        item.id
        for item in journal.read(kinds=[MEMORY_DECISION])
        if isinstance(item.record, Event)
        and all(_holds("\n".join(_texts(item.record.payload)), name) for name in names)
        and wanted.first <= _local_day(stream, item.id, item.record) <= (wanted.last or "9999")
    }


def _local_day(stream: LifeStream, identity: bytes, event: Event) -> str:
    placed = stream.get(identity)
    if placed is not None:
        return placed.local_day
    offset = stream.offset_on(iso_day(event.start_ms // DAY_MS))
    return iso_day((event.start_ms + offset * MINUTE_MS) // DAY_MS)


def _texts(value: Json) -> Iterator[str]:
    """Every text in a JSON value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _other_forms(journal: Journal, ids: set[bytes]) -> set[bytes]:
    """Earlier forms of the same records: forgetting only the latest would bring the one before it back."""
    names = {_name(item) for item in journal.get(ids).values() if item.record.key}
    if not names:
        return set()
    sources, kinds = {name[0] for name in names}, {name[1] for name in names}
    return {item.id for item in journal.read(sources=sources, kinds=kinds) if _name(item) in names}


def _name(item: Stored) -> tuple[str, str, str]:
    return item.record.source, item.record.kind, item.record.key


def _samples(
    journal: Journal, stream: LifeStream, days: tuple[str, str], chosen: list[Occurrence], source: str
) -> set[bytes]:
    """Series whose middle lies in these local days, or that lie within something chosen (the pulse of a night)."""
    spans = [(o.start_ms, o.end_ms) for o in chosen if o.end_ms is not None and o.precision is not Precision.DAY]
    read = journal.read(
        (day_number(days[0]) - 2) * DAY_MS, (day_number(days[1]) + 3) * DAY_MS, sources=[source] if source else None
    )
    found = set()
    for item in read:
        record = item.record
        if not isinstance(record, Series):
            continue
        middle = (record.start_ms + record.end_ms) // 2
        offset = record.offset_min
        if offset is None:
            offset = stream.offset_on(iso_day(middle // DAY_MS))
        in_days = days[0] <= iso_day((middle + offset * MINUTE_MS) // DAY_MS) <= days[1]
        if in_days or any(start <= record.start_ms and record.end_ms <= end for start, end in spans):
            found.add(item.id)
    return found


def _perceived(journal: Journal, ids: set[bytes]) -> set[bytes]:
    """What perceivers saw in the chosen records; they name the record in `of`."""
    starts = [item.record.start_ms for item in journal.get(ids).values()]
    if not starts:
        return set()
    gone = {identity.hex() for identity in ids}
    return {
        item.id
        for item in journal.read(min(starts), max(starts) + DAY_MS)
        if isinstance(item.record, Event) and item.record.payload.get("of") in gone
    }


def _said_of(journal: Journal, ids: set[bytes]) -> set[bytes]:
    """Answers, offers and proposals that rest on the chosen records: they tell of them in other words; and wishes.

    A wish for a later answer names its question by an id that is made from the words.
    """
    gone = {identity.hex() for identity in ids}
    found = set()
    for item in journal.read(kinds=["answer", "offer", "proposal", PUT_OFF]):
        payload = item.record.payload if isinstance(item.record, Event) else {}
        if not gone.isdisjoint([*payload.get("evidence", []), payload.get("question", "")]):
            found.add(item.id)
    return found


def forget(
    journal: Journal,
    stream: LifeStream,
    index: Index,
    registry: AdapterRegistry,
    chosen: Preview,
    clock: Callable[[], int],
    media: MediaStore | None = None,
    knowing: Knowing | None = None,
) -> ErasureReport:
    """Forget for good; the record of it names no content.

    Cut short at any point, nothing forgotten is served, and forgetting the same again completes it: adapters and the
    index go first, the content of the journal last.

    Args:
        media: files that only what is forgotten speaks of go too.
        knowing: what was gleaned from it goes too.
    """
    gone = {identity.hex() for identity in chosen.ids}
    embeddings = _embeddings_of(journal, gone)
    decisions, reactions = _reactions_without_offers(journal, gone)
    tainted = _trained_on(journal, registry, gone)
    rounds, old_rounds = _rounds_without(journal, gone)
    notes, old_notes = _annotations_without(journal, gone)
    cursors = [item.id for item in journal.read(kinds=["cursor"])]  # void from now on, and digests of what was read
    files = _media_only_of(journal, chosen.ids) if media is not None else []
    if tainted:
        registry.taint(tainted, "It had learnt from something you asked to forget.")
    index.remove(chosen.ids)
    index.settle()  # before the journal forgets: a power cut must not bring the words back
    stream.mark_days_dirty(chosen.days)
    journal.append([*(event for _, event in embeddings if event is not None), *decisions, *rounds, *notes])
    if media is not None and files:
        media.remove(files)
    count = len(journal.get(chosen.ids))
    old = [*(identity for identity, _ in embeddings), *reactions, *old_rounds, *old_notes, *cursors]
    journal.forget([*old, *chosen.ids])
    payload: dict[str, Json] = {"records": count, "tainted": len(tainted)}
    journal.append(
        [Event("erasure", "erasure", Layer.BEHAVIOURAL, clock(), Origin.SELF, Trust.OWN, payload, clock="station")]
    )
    stream.mark_days_dirty(chosen.days)  # again: somebody may have aligned them between
    stream.update()
    index.rebuild()  # a keyword index only marks what it removes; made anew it holds no trace of the words
    index.settle()
    stream.settle()
    if knowing is not None:
        knowing.update()
        knowing.gleanings.settle()
    return ErasureReport(count, tainted)


def _reactions_without_offers(journal: Journal, gone: set[str]) -> tuple[list[Event], list[bytes]]:
    """What the person decided about offers that go outlives them.

    Returns:
        New records: for each such offer a stand-in with its rule and time and nothing else, and the reaction to it;
        and the ids of the reactions they replace.
    """
    stand_ins: dict[str, Event] = {}
    records: list[Event] = []
    replaced: list[bytes] = []
    for item in sorted(journal.read(kinds=["offer", "reaction"]), key=lambda stored: stored.seq):
        event = item.record
        if not isinstance(event, Event):
            continue
        if event.kind == "offer" and item.id.hex() in gone:
            payload = {"rule": event.payload["rule"], "reason": "", "value": 0.0, "evidence": []}
            stand_ins[item.id.hex()] = replace(event, payload=payload, text="")
        elif event.kind == "reaction" and event.payload["offer"] in stand_ins:
            stand_in = stand_ins[event.payload["offer"]]
            records += [stand_in, replace(event, payload={**event.payload, "offer": stand_in.id.hex()})]
            replaced.append(item.id)
    return records, replaced


def _embeddings_of(journal: Journal, gone: set[str]) -> list[tuple[bytes, Event | None]]:
    """Records of vectors that hold one of the forgotten, each with what replaces it (None when nothing is left)."""
    found: list[tuple[bytes, Event | None]] = []
    for item in journal.read(kinds=["embedding"]):
        if not isinstance(item.record, Event) or gone.isdisjoint(item.record.payload["ids"]):
            continue
        payload = item.record.payload
        matrix = np.frombuffer(base64.b64decode(payload["vectors"]), dtype=np.float16).reshape(-1, payload["dim"])
        kept = [i for i, identity in enumerate(payload["ids"]) if identity not in gone]
        ids = [bytes.fromhex(payload["ids"][i]) for i in kept]
        vectors = matrix[kept].astype(np.float32)
        found.append((item.id, embedding_event(payload["model"], ids, vectors, item.record.start_ms) if kept else None))
    return found


def _trained_on(journal: Journal, registry: AdapterRegistry, gone: set[str]) -> list[str]:
    served = {entry.id for entry in registry.entries() if entry.state in _SERVED}
    tainted = []
    for item in journal.read(kinds=["round"]):
        if isinstance(item.record, Event) and not gone.isdisjoint(item.record.payload["samples"]):
            adapter = str(item.record.payload["adapter"])
            if adapter in served:
                tainted.append(adapter)
    return sorted(set(tainted))


def _rounds_without(journal: Journal, gone: set[str]) -> tuple[list[Event], list[bytes]]:
    """Training rounds name what they learnt from; those ids are digests of what is forgotten, so they go too."""
    new, old = [], []
    for item in journal.read(kinds=["round"]):
        event = item.record
        if isinstance(event, Event) and not gone.isdisjoint(event.payload["samples"]):
            samples = [sample for sample in event.payload["samples"] if sample not in gone]
            new.append(replace(event, payload={**event.payload, "samples": samples}))
            old.append(item.id)
    return new, old


def _annotations_without(journal: Journal, gone: set[str]) -> tuple[list[Event], list[bytes]]:
    """What a model found in the person's words holds those words; of what is forgotten nothing stays."""
    new, old = [], []
    for item in journal.read(kinds=[ANNOTATION]):
        event = item.record
        if not isinstance(event, Event) or gone.isdisjoint(event.payload["read"]):
            continue
        read = [identity for identity in event.payload["read"] if identity not in gone]
        findings = [finding for finding in event.payload["findings"] if finding["id"] not in gone]
        if read:
            new.append(replace(event, payload={**event.payload, "read": read, "findings": findings}))
        old.append(item.id)
    return new, old


def _media_only_of(journal: Journal, ids: Iterable[bytes]) -> list[str]:
    """Addresses of media that no other record speaks of."""
    gone = set(ids)
    addresses = {ref.address for item in journal.get(gone).values() for ref in media_of(item.record)}
    if not addresses:
        return []
    for item in journal.read():
        if item.id not in gone:
            addresses -= {ref.address for ref in media_of(item.record)}
    return sorted(addresses)


def _days(start_ms: int, end_ms: int | None) -> range:
    return range(start_ms // DAY_MS - 2, (end_ms or start_ms) // DAY_MS + 3)
