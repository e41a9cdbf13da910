"""What the AI costs: every completion is journalled with the answer or the night it was for, and summed up by day."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from hearthside.app.cost_sums import ANSWER, KIND, NIGHT, OTHER, PROBE, CostSums, Sums
from hearthside.app.jobs import Handle
from hearthside.app.rooms import Rooms, home_zone
from hearthside.companion.answers import AnswerPart
from hearthside.errors import HearthsideError
from hearthside.events import Event, Json, Layer, Origin, Trust, ms_of
from hearthside.inference.energy import Reading, SmartPlug
from hearthside.inference.meter import Spent
from hearthside.logs import logger
from hearthside.web.costs_views import JOULES_PER_KWH, CostPeriod, CostsView, Spending

DAYS = 31
SOURCE = "station"
_BATCH = 100  # completions of a night that are journalled together: a crash loses no more than these
_NOTHING_YET = "Nothing has been asked of a model yet."
_LOG = logger("costs")


@dataclass(slots=True)
class _Took:
    """One completion: what the node said, and the joules that were taken for it."""

    spent: Spent
    joules: float | None
    meter: str


@dataclass(slots=True)
class _Work:
    """An answer, a probe or a piece of other work while it runs."""

    work: str
    started_ms: int
    conversation: str = ""
    took: list[_Took] = field(default_factory=list)


class Costs:
    """The costs of one vault. Safe to use from many threads.

    What a completion was for is known by the thread that reads it: `asking` and `at_night` say it.
    """

    def __init__(self, rooms: Rooms) -> None:
        self._journal, self._clock, self._settings = rooms.journal, rooms.clock, rooms.settings
        self.sums = _sums_of(rooms)
        self._here = threading.local()
        sensor = rooms.settings.power_sensor
        self._plug = SmartPlug(sensor, rooms.clock) if sensor else None

    def use(self, rooms: Rooms) -> None:
        """Go on under another vault's keys; the sums are made anew, nothing of them stays under the former ones."""
        self.sums = _sums_of(rooms)
        self.look()

    # -- the plug ----------------------------------------------------------------------------------------------------

    def heard(self, entity: str, state: str, unit: str) -> None:
        """Home Assistant tells a state; what is not of the plug's sensor changes nothing."""
        if self._plug is not None and entity == self._plug.entity:
            self._plug.heard(state, unit)

    def home_lost(self) -> None:
        """Home Assistant is away."""
        if self._plug is not None:
            self._plug.lost()

    # -- keeping -----------------------------------------------------------------------------------------------------

    def asking(self, conversation: str, parts: Iterator[AnswerPart]) -> Iterator[AnswerPart]:
        """The same pieces of an answer; what models took for it is journalled when it ends, however it does."""
        work = _Work(ANSWER, self._clock(), conversation)
        try:
            while True:
                with self._for(work):
                    part = next(parts, None)
                if part is None:
                    return
                yield part
        finally:
            with self._for(work):
                if close := getattr(parts, "close", None):
                    close()
            self._keep(work)

    def at_night(self, run: Callable[[Handle], str]) -> Callable[[Handle], str]:
        """The night's work, whose completions are journalled as such."""

        def counted(handle: Handle) -> str:
            work = _Work(NIGHT, self._clock())
            try:
                with self._for(work):
                    return run(handle)
            finally:
                self._keep(work)

        return counted

    def take(self, spent: Spent) -> None:
        """A completion or a probe has ended; called in the thread that read it. Never raises."""
        took = self._measured(spent)
        work: _Work | None = getattr(self._here, "work", None)
        if spent.probe or work is None:
            started_ms = self._clock() - round(1000 * spent.usage.seconds)
            self._keep(_Work(PROBE if spent.probe else OTHER, started_ms, took=[took]))
            return
        work.took.append(took)
        if work.work == NIGHT and len(work.took) >= _BATCH:
            self._keep(work)
            work.started_ms, work.took = self._clock(), []

    def carried(self, deed: Callable[[], None]) -> Callable[[], None]:
        """The deed, whose costs in another thread are part of what this thread works on now."""
        work: _Work | None = getattr(self._here, "work", None)

        def done() -> None:
            with self._for(work) if work is not None else nullcontext():
                deed()

        return done

    @contextmanager
    def _for(self, work: _Work) -> Iterator[None]:
        before = getattr(self._here, "work", None)
        self._here.work = work
        try:
            yield
        finally:
            self._here.work = before

    def _measured(self, spent: Spent) -> _Took:
        """By the plug where one is named, for it sees the whole machine; else as the node says."""
        usage = spent.usage
        if self._plug is None or spent.node:  # the plug is that of the machine whose model is used without pairing
            return _Took(spent, usage.joules, usage.meter)
        end_ms = self._clock()
        said = self._plug.between(end_ms - round(1000 * usage.seconds), end_ms)
        if not isinstance(said, Reading):
            if usage.joules is not None:
                return _Took(spent, usage.joules, usage.meter)
            return _Took(spent, None, said.sentence)
        part = 1.0
        if usage.shared_s is not None and usage.seconds > 0:
            part = min(usage.shared_s / usage.seconds, 1.0)
        return _Took(spent, said.joules * part, said.sentence)

    def _keep(self, work: _Work) -> None:
        """Journal what a piece of work took; an answer that cannot be counted is an answer all the same."""
        if not work.took:
            return
        try:
            key = str(self._journal.head().seq)  # tells two alike in one millisecond apart
            self._journal.append([_event(work, self._clock(), key)])
        except HearthsideError as error:
            _LOG.warning("costs were not kept: %s", error.code)

    # -- showing -----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Bring the sums in step with the journal, after something was forgotten above all."""
        self.sums.look()

    def rebuild(self) -> None:
        """Make the sums anew from the journal."""
        self.sums.rebuild()

    def view(self) -> CostsView:
        """The last 31 local days, and every local month in which anything was asked or used."""
        zone = home_zone(self._journal)
        today = datetime.fromtimestamp(self._clock() / 1000, zone).date()
        days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
        tomorrow = today + timedelta(days=1)
        bounds = self.sums.bounds()
        first = datetime.fromtimestamp(bounds[0] / 1000, zone).date() if bounds else tomorrow
        months = _months(first, today)
        spans = [(day, day + timedelta(days=1)) for day in days]
        spans += [(days[0], tomorrow)]
        spans += [(month, _next_month(month)) for month in months]
        sums = self.sums.between([(_start_ms(begin, zone), _start_ms(end, zone)) for begin, end in spans])
        names = [*(day.isoformat() for day in days), "", *(f"{month:%Y-%m}" for month in months)]
        periods = [self._period(name, one) for name, one in zip(names, sums, strict=True)]
        by_month = [one for one in reversed(periods[DAYS + 1 :]) if one.answers or one.pieces]
        return CostsView(
            today.isoformat(), periods[:DAYS], periods[DAYS], by_month, self._meter(),
            self._settings.electricity_price, self._settings.electricity_currency,
        )  # fmt: skip

    def _period(self, name: str, sums: Sums) -> CostPeriod:
        answered, night, other, probes = (sums.by_work.get(work, Spending()) for work in (ANSWER, NIGHT, OTHER, PROBE))
        known = [one.joules for one in (answered, night, other, probes) if one.joules is not None]
        kwh = sum(known) / JOULES_PER_KWH if known else None
        price = self._settings.electricity_price
        # What a model worded before costs were kept was not free, though nobody knows what it took.
        free = max(sums.answers - max(answered.pieces, sums.worded), 0)
        money = kwh * price if kwh is not None and price else None
        return CostPeriod(name, sums.answers, free, answered, night, other, probes, kwh, money)

    def _meter(self) -> str:
        for item in self._journal.read(kinds=[KIND], newest_first=True, limit=1):
            if isinstance(item.record, Event):
                return str(item.record.payload["meter"])
        return _NOTHING_YET


def _sums_of(rooms: Rooms) -> CostSums:
    return CostSums(rooms.vault.folder, rooms.vault.key("costs"), rooms.journal)


def _event(work: _Work, now_ms: int, key: str) -> Event:
    usages = [one.spent.usage for one in work.took]
    joules = [one.joules for one in work.took]
    known = [one for one in joules if one is not None]
    # Why something was not measured says more than by what the rest was.
    meters = [one.meter for one in work.took if (one.joules is None) == (len(known) < len(joules))]
    payload: dict[str, Json] = {
        "work": work.work,
        "conversation_id": work.conversation,
        "completions": len(usages),
        "prompt_tokens": sum(one.prompt_tokens for one in usages),
        "cached_tokens": sum(one.cached_tokens for one in usages),
        "completion_tokens": sum(one.completion_tokens for one in usages),
        "seconds": round(sum(one.seconds for one in usages), 3),
        "joules": round(sum(known), 3) if len(known) == len(joules) else None,
        "meter": meters[-1],
        "model": _names(one.spent.model for one in work.took),
        "adapter": _names(one.spent.adapter for one in work.took),
        "node": _names(one.spent.node for one in work.took),
    }
    end_ms = max(now_ms, work.started_ms)
    return Event(
        SOURCE, KIND, Layer.BEHAVIOURAL, work.started_ms, Origin.DEVICE, Trust.OWN, payload, clock="station",
        end_ms=end_ms, key=key,
    )  # fmt: skip


def _names(names: Iterator[str]) -> str:
    return ", ".join(dict.fromkeys(name for name in names if name))


def _start_ms(day: date, zone: tzinfo) -> int:
    """The beginning of a local day."""
    return ms_of(datetime(day.year, day.month, day.day, tzinfo=zone))


def _months(first: date, last: date) -> list[date]:
    """First days of the months from that of one day to that of another, oldest first."""
    found, month = list[date](), first.replace(day=1)
    while month <= last:
        found.append(month)
        month = _next_month(month)
    return found


def _next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)
