"""Small lives and whole sample lives for the companion's tests, and a model that says what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from hearthside.alignment.stream import LifeStream
from hearthside.companion.answers import Answer
from hearthside.companion.dialogue import Dialogue
from hearthside.companion.interventions import LifeContext
from hearthside.companion.offers import OfferDesk
from hearthside.companion.visits import names_of_people
from hearthside.errors import RetryLater
from hearthside.events import MINUTE_MS, Event, Json, Layer, Origin, Record, Trust, local_datetime, ms_of
from hearthside.intake import Importer
from hearthside.journal import Journal
from hearthside.journal.decisions import decide
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.index import Index
from hearthside.memory.search import search
from hearthside.sample_life import SampleLife, generate
from hearthside.sources.reading import Reading

NOW = datetime(2026, 3, 18, 17, 0, tzinfo=UTC)
"""A Wednesday afternoon."""

_LAYERS = {
    "message": Layer.TEXT, "search": Layer.TEXT, "watch": Layer.TEXT, "post": Layer.TEXT, "caption": Layer.VISUAL,
    "dwell": Layer.VISUAL, "utterance": Layer.AUDITORY, "listen": Layer.AUDITORY, "position": Layer.ENVIRONMENTAL,
    "region_enter": Layer.ENVIRONMENTAL, "region_leave": Layer.ENVIRONMENTAL, "state": Layer.RESIDENTIAL,
}  # fmt: skip


@dataclass
class Clock:
    """A present that tests move."""

    now_ms: int = ms_of(NOW)

    def __call__(self) -> int:
        return self.now_ms

    def forward(self, hours: float) -> None:
        self.now_ms += round(hours * 60 * MINUTE_MS)


@dataclass
class ScriptedModel:
    """A language model that says the given texts in turn; None stands for a compute node that dies in mid-word."""

    said: list[str | None]
    asked: list[list[dict[str, str]]] = field(default_factory=list)
    name: str = "scripted"

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        self.asked.append(messages)
        text = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if text is None:
            yield "You we"
            raise RetryLater("compute-gone", "The compute node is away.")
        yield from (text[i : i + 7] for i in range(0, len(text), 7))


@dataclass
class Life:
    """A journal with what is derived from it, at a moment.

    Attributes:
        sample: the sample life it was made from, or None.
    """

    journal: Journal
    stream: LifeStream
    index: Index
    clock: Clock
    sample: SampleLife | None = None
    _names: tuple[int, list[str]] = (-1, [])

    def add(self, *records: Record) -> None:
        """Journal records and line them up."""
        self.journal.append(records)
        self.stream.update()
        self.index.update()

    def forget(self, ids: Sequence[bytes]) -> None:
        """Take records out of everything."""
        days = {o.start_ms // 86_400_000 for i in ids if (o := self.stream.get(i)) is not None}
        self.journal.forget(ids)
        self.stream.mark_days_dirty(days)
        self.stream.update()
        self.index.remove(ids)

    @property
    def context(self) -> LifeContext:
        """What a decision rule sees now."""
        now = self.clock()
        offset = self.stream.offset_on(local_datetime(now, 0).date().isoformat())
        return LifeContext(self.stream, now, offset)

    def find(self, text: str, filters: Filters, limit: int) -> list[Hit]:
        """Search by words."""
        return search(self.index, self.journal, self.stream, text, filters, limit, None)

    def dialogue(self, model: ScriptedModel | None = None) -> Dialogue:
        """A dialogue over this life."""
        if self._names[0] != self.stream.version():
            self._names = self.stream.version(), sorted(names_of_people(self.stream))
        return Dialogue(self.journal, self.stream, self.find, lambda: model, lambda: self._names[1], self.clock)

    def ask(self, text: str, model: ScriptedModel | None = None) -> Answer:
        """The whole answer to a question."""
        self.clock.now_ms += 1000
        answer = list(self.dialogue(model).ask(text, "test"))[-1]
        assert isinstance(answer, Answer)
        return answer

    def offers(self) -> OfferDesk:
        """A fresh desk, as after a restart."""
        return OfferDesk(self.journal, self.stream, self.clock)


def open_life(folder: Path, zone: tzinfo = UTC) -> Life:
    """An empty life in a folder, or the one that is there."""
    clock = Clock()
    journal = Journal(folder, b"\1" * 32, clock)
    return Life(
        journal, LifeStream(folder, b"\2" * 32, journal, lambda: zone), Index(folder, b"\3" * 32, journal), clock
    )


def sample_life(folder: Path, seed: int, last_day: date) -> Life:
    """A whole sample life, let in through the real sources, as the house does it."""
    sample = generate(folder / "files", seed=seed, last_day=last_day)
    zone = ZoneInfo(sample.zone)
    life = open_life(folder, zone)
    life.sample = sample
    life.clock.now_ms = ms_of(sample.now)
    decide(life.journal, "self_names", list(sample.self_names), life.clock())
    decide(life.journal, "home_zone", sample.zone, life.clock())
    reading = Reading(zone, frozenset(name.casefold() for name in sample.self_names))
    report = Importer(life.journal, life.clock, reading, lambda progress: None, lambda: False).import_paths(
        [folder / "files"]
    )
    assert report.rejected == 0
    life.stream.update()
    life.index.update()
    return life


def at(text: str) -> int:
    """UTC milliseconds of a time such as ``2026-03-18 12:30``."""
    return ms_of(datetime.fromisoformat(text).replace(tzinfo=UTC))


def event(
    kind: str, when: str, text: str = "", minutes: float = 0, origin: Origin = Origin.DEVICE, **payload: Json
) -> Event:
    """An event of a kind at a UTC time, lasting some minutes."""
    start = at(when)
    trust = {Origin.SELF: Trust.OWN, Origin.PERSON: Trust.KNOWN}.get(origin, Trust.OWN)
    end = start + round(minutes * MINUTE_MS) if minutes else None
    layer = _LAYERS.get(kind, Layer.BEHAVIOURAL)
    return Event("test", kind, layer, start, origin, trust, payload, clock="test", end_ms=end, text=text)


def message(when: str, chat: str, text: str, own: bool = False) -> Event:
    """A message in the chat with somebody."""
    sender = "me" if own else chat
    return event("message", when, text, origin=Origin.SELF if own else Origin.PERSON, conversation=chat, sender=sender)


def utterance(when: str, speaker: str, text: str, tone: str | None = None, own: bool = False) -> Event:
    """Something said aloud."""
    origin = Origin.SELF if own else Origin.PERSON
    return event("utterance", when, text, 0.1, origin, speaker=speaker, tone=tone, is_self=own)


def caption(when: str, text: str, place: str | None = None, minutes: float = 0.5) -> Event:
    """What the glasses saw."""
    return event("caption", when, text, minutes, place=place)


def night(day: str, hours: float) -> Event:
    """A night that ends at seven in the morning of a day, and was slept through."""
    end = at(f"{day} 07:00")
    start = end - round(hours * 60) * MINUTE_MS
    payload = {"total": round(hours * 3600)}
    return Event("test", "sleep", Layer.BEHAVIOURAL, start, Origin.DEVICE, Trust.OWN, payload, clock="test", end_ms=end)
