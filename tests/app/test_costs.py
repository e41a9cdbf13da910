"""What answers cost: each in the journal with its meter, sums by local day and month, and nothing while nobody asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthside.app.costs import Costs
from hearthside.app.jobs import Handle, JobRunner
from hearthside.app.rooms import HOME_ZONE, Rooms, open_rooms
from hearthside.companion.answers import Answer, AnswerMode, AnswerPart, Piece
from hearthside.errors import RetryLater
from hearthside.events import DAY_MS, HOUR_MS, Event, Json, Layer, Origin, Trust, day_start_ms, ms_of
from hearthside.inference.backend import Usage
from hearthside.inference.meter import Spent
from hearthside.journal.decisions import decide
from hearthside.web.costs_views import CostPeriod, CostsView
from tests.app.helpers import settings_in

_RAPL = "RAPL: the whole processor package, idle included."
_WHY = "There is no meter."
NOON = day_start_ms("2026-05-20") + 12 * HOUR_MS


class Home:
    """The rooms of a vault with a clock to move, and their costs."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.now = NOON
        self.settings = settings_in(folder).model_copy(update=settings)
        self.rooms: Rooms = open_rooms(self.settings, lambda: self.now)
        self.costs = Costs(self.rooms)

    def answer(self, *spent: Spent, after_ms: int = 1_000, worded_by: str = "") -> None:
        """A question is answered; the models were asked for this."""

        def dialogue() -> Iterator[AnswerPart]:
            yield Piece("It is ")
            for one in spent:
                self.costs.take(one)
            self.now += after_ms
            answer = Answer("It is so.", AnswerMode.COMPUTED, worded_by=worded_by)
            self.answered(worded_by)
            yield answer

        parts = list(self.costs.asking("talk", dialogue()))
        assert [type(part) for part in parts] == [Piece, Answer]

    def answered(self, worded_by: str = "") -> None:
        """The event of an answer, as the dialogue writes it."""
        payload: dict[str, Json] = {"worded_by": worded_by, "mode": "computed", "n": self.rooms.journal.head().seq}
        event = Event(
            "companion", "answer", Layer.TEXT, self.now, Origin.AI, Trust.UNKNOWN, payload, clock="station", text="x"
        )
        self.rooms.journal.append([event])

    def kept(self) -> list[dict[str, Json]]:
        """Payloads of the costs in the journal, oldest first."""
        found = [item.record for item in self.rooms.journal.read(kinds=["cost"])]
        return [dict(record.payload) for record in found if isinstance(record, Event)]

    def live_in(self, zone: str) -> None:
        """The person says where they live."""
        decide(self.rooms.journal, HOME_ZONE, zone, self.now)

    def at(self, local: str, zone: str) -> None:
        """Set the clock."""
        self.now = ms_of(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.rooms.close()


def spent(
    tokens_in: int = 100, out: int = 20, joules: float | None = 7.5, seconds: float = 1.5, *, probe: bool = False,
    node: str = "", adapter: str = "", cached: int = 40, shared_s: float | None = None,
) -> Spent:  # fmt: skip
    """A completion."""
    meter = _RAPL if joules is not None else _WHY
    usage = Usage(tokens_in, cached, out, seconds, "stop", joules, meter, shared_s)
    return Spent(usage, adapter, probe, node, "a model")


def figures(period: CostPeriod) -> tuple[int, int, int, int, int]:
    """Answers, free ones, tokens of answers, of nights and other work, and of probes."""
    aside = period.night.tokens + period.other.tokens
    return period.answers, period.free, period.answered.tokens, aside, period.probes.tokens


def test_an_answer_is_kept_with_what_it_took(home: Home) -> None:
    home.answer(spent(adapter="ab"), spent(30, 5, 2.0, cached=0), after_ms=3_000, worded_by="a model")
    [cost] = home.kept()
    assert cost == {
        "work": "answer", "conversation_id": "talk", "completions": 2, "prompt_tokens": 130, "cached_tokens": 40,
        "completion_tokens": 25, "seconds": 3.0, "joules": 9.5, "meter": _RAPL, "model": "a model", "adapter": "ab",
        "node": "",
    }  # fmt: skip
    [item] = home.rooms.journal.read(kinds=["cost"])
    event = item.record
    assert isinstance(event, Event) and (event.start_ms, event.end_ms, event.text) == (NOON, NOON + 3_000, "")
    assert (event.source, event.origin) == ("station", Origin.DEVICE)
    view = home.costs.view()
    assert figures(view.days[-1]) == figures(view.recent) == figures(view.months[0]) == (1, 0, 155, 0, 0)
    answered = view.recent.answered
    assert (answered.tokens_in, answered.tokens_cached, answered.tokens_out) == (130, 40, 25)
    assert (answered.seconds, answered.joules, answered.measured, answered.completions) == (3.0, 9.5, 1, 2)
    assert view.meter == _RAPL and view.recent.kwh == 9.5 / 3_600_000


def test_an_answer_without_a_model_costs_no_token_and_no_record(home: Home) -> None:
    home.answer()
    home.answer(spent(), worded_by="a model")
    home.answer(spent(), worded_by="")  # its wording was thrown away; its tokens were used
    assert len(home.kept()) == 2 and figures(home.costs.view().recent) == (3, 1, 240, 0, 0)


def test_an_answer_from_before_costs_were_kept_was_not_free(home: Home) -> None:
    home.answered("a model")
    home.answered()
    assert figures(home.costs.view().recent) == (2, 1, 0, 0, 0)


def test_joules_that_are_not_known_are_no_figure(home: Home) -> None:
    view = home.costs.view()
    assert view.recent.kwh is None and view.meter == "Nothing has been asked of a model yet." and view.months == []
    home.answer(spent(), spent(joules=None))
    [cost] = home.kept()
    assert cost["joules"] is None and cost["meter"] == _WHY
    view = home.costs.view()
    assert view.recent.kwh is None and (view.recent.measured, view.recent.pieces) == (0, 1) and view.meter == _WHY
    home.answer(spent(joules=5.0))
    view = home.costs.view()
    assert view.recent.answered.joules == 5.0 and (view.recent.measured, view.recent.pieces) == (1, 2)


def test_probes_nights_and_other_work_stand_apart(home: Home) -> None:
    home.answer(spent(8, 1, probe=True, cached=0), spent())
    home.costs.take(spent(9, 1, probe=True, cached=0))
    home.costs.take(spent(50, 10))

    def night(handle: Handle) -> str:
        for _ in range(230):
            home.costs.take(spent(10, 1, 1.0, 0.1))
        return "Done."

    runner = JobRunner(lambda: home.now)
    job = runner.wait(runner.start("night", "Night", "steps", home.costs.at_night(night)))
    assert job.message == "Done."
    assert sorted((cost["work"], cost["completions"]) for cost in home.kept()) == [
        ("answer", 1), ("night", 30), ("night", 100), ("night", 100), ("other", 1), ("probe", 1), ("probe", 1),
    ]  # fmt: skip
    recent = home.costs.view().recent
    assert figures(recent) == (1, 0, 120, 230 * 11 + 60, 19)
    assert (recent.night.completions, recent.night.joules, recent.probes.pieces) == (230, 230.0, 2)
    assert recent.tokens == 120 + 60 + 2530 and recent.kwh == pytest.approx((7.5 * 4 + 230) / 3_600_000)


def test_a_night_that_fails_has_cost_what_it_took(home: Home) -> None:
    def night(handle: Handle) -> str:
        home.costs.take(spent())
        raise RetryLater("compute-gone", "Gone.")

    runner = JobRunner(lambda: home.now)
    assert runner.wait(runner.start("night", "Night", "steps", home.costs.at_night(night))).state == "failed"
    assert [cost["work"] for cost in home.kept()] == ["night"]


def test_an_answer_that_is_left_half_way_is_counted(home: Home) -> None:
    closed = threading.Event()

    def dialogue() -> Iterator[AnswerPart]:
        try:
            home.costs.take(spent())
            yield Piece("It")
        finally:
            home.costs.take(spent(1, 1))
            closed.set()

    parts = home.costs.asking("talk", dialogue())
    assert next(parts) == Piece("It")
    parts.close()  # type: ignore[attr-defined]
    assert closed.is_set() and [cost["completions"] for cost in home.kept()] == [2]


def test_answers_at_the_same_time_are_kept_apart(home: Home) -> None:
    barrier = threading.Barrier(6)

    def ask(number: int) -> None:
        def dialogue() -> Iterator[AnswerPart]:
            yield Piece("x")
            barrier.wait()
            home.costs.take(spent(number, 0, cached=0))
            yield Answer("x", AnswerMode.COMPUTED)

        list(home.costs.asking(str(number), dialogue()))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(cost["conversation_id"], cost["prompt_tokens"]) for cost in home.kept()} == {
        (str(number), number) for number in range(6)
    }


def test_a_journal_that_cannot_write_costs_no_answer(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.rooms.journal.close()
    home.costs.take(spent())
    assert "costs were not kept" in caplog.text


# -- days and months by the clock of the person ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Europe/Berlin", "2026-03-28T23:59:59", "2026-03-29T00:00:00"),  # the day of 23 hours begins
        ("Europe/Berlin", "2026-03-29T23:59:59", "2026-03-30T00:00:00"),
        ("Europe/Berlin", "2026-10-25T23:59:59", "2026-10-26T00:00:00"),  # a day of 25 hours ends
        ("Asia/Kathmandu", "2026-05-31T23:59:59", "2026-06-01T00:00:00"),  # UTC+05:45
        ("Australia/Lord_Howe", "2026-04-04T23:59:59", "2026-04-05T00:00:00"),  # clocks move by half an hour
        ("Pacific/Apia", "2026-12-31T23:59:59", "2027-01-01T00:00:00"),  # UTC+13:00
        ("America/Santiago", "2026-09-05T23:59:59", "2026-09-06T01:00:00"),  # there is no midnight
        ("America/Santiago", "2026-04-04T23:59:59", "2026-04-05T00:00:00"),  # an hour before midnight comes twice
    ],
)
def test_a_local_day_begins_at_its_midnight(home: Home, zone: str, before: str, after: str) -> None:
    home.live_in(zone)
    home.at(before, zone)
    if zone == "America/Santiago" and "04-04" in before:
        home.now += HOUR_MS  # its second pass
    home.answer(spent(), after_ms=0)
    home.at(after, zone)
    home.answer(spent(), spent(), after_ms=0)
    view = home.costs.view()
    last, day_before = view.days[-1], view.days[-2]
    assert (day_before.name, last.name) == (before[:10], after[:10])
    assert (day_before.answered.completions, last.answered.completions) == (1, 2)
    by_month = {month.name: month.answered.completions for month in view.months}
    assert by_month == ({before[:7]: 1, after[:7]: 2} if before[:7] != after[:7] else {after[:7]: 3})


def test_every_hour_of_a_year_is_in_one_day_and_one_month(home: Home) -> None:
    zone = ZoneInfo("Europe/Berlin")
    home.live_in("Europe/Berlin")
    home.now = ms_of(datetime(2026, 1, 1, tzinfo=zone))
    end = ms_of(datetime(2027, 1, 1, tzinfo=zone))
    by_day = dict[str, int]()
    events = list[Event]()
    for hour in range(home.now, end, HOUR_MS):
        local = datetime.fromtimestamp(hour / 1000, UTC).astimezone(zone).date().isoformat()
        by_day[local] = by_day.get(local, 0) + 1
        payload: dict[str, Json] = {"worded_by": ""}
        events.append(Event("companion", "answer", Layer.TEXT, hour, Origin.AI, Trust.UNKNOWN, payload, "station"))
    home.rooms.journal.append(events)
    home.now = end - 1
    view = home.costs.view()
    assert {day.name: day.answers for day in view.days} == {day: by_day[day] for day in sorted(by_day)[-31:]}
    by_month = dict[str, int]()
    for day, count in by_day.items():
        by_month[day[:7]] = by_month.get(day[:7], 0) + count
    assert {month.name: month.answers for month in view.months} == by_month
    assert [month.name for month in view.months] == sorted(by_month, reverse=True)
    assert (by_day["2026-03-29"], by_day["2026-10-25"], sum(by_month.values())) == (23, 25, 8760)


def test_after_a_move_the_days_are_those_of_the_new_home(home: Home) -> None:
    home.now = day_start_ms("2026-05-20") + 23 * HOUR_MS
    home.answer(spent(), after_ms=0)
    assert [day.name for day in home.costs.view().days if day.answers] == ["2026-05-20"]
    home.live_in("Asia/Tokyo")
    assert [day.name for day in home.costs.view().days if day.answers] == ["2026-05-21"]


# -- money -------------------------------------------------------------------------------------------------------------


def test_money_at_the_persons_price(tmp_path: Path) -> None:
    home = Home(tmp_path, electricity_price=0.32, electricity_currency="CHF")
    for _ in range(3):
        home.answer(spent(joules=1_200_000.0))
    view = home.costs.view()
    assert view.recent.kwh == 1.0 and view.recent.money == 0.32 and (view.price, view.currency) == (0.32, "CHF")
    home.answer(spent(joules=None))
    assert home.costs.view().recent.money == 0.32
    home.rooms.close()


def test_without_a_price_there_is_no_money(home: Home) -> None:
    home.answer(spent(joules=3_600_000.0))
    recent = home.costs.view().recent
    assert (recent.kwh, recent.money) == (1.0, None)


# -- the plug ----------------------------------------------------------------------------------------------------------


def test_the_plug_measures_the_whole_machine(tmp_path: Path) -> None:
    home = Home(tmp_path, power_sensor="sensor.plug_power")
    home.costs.heard("sensor.other", "999", "W")
    home.costs.heard("sensor.plug_power", "80", "W")
    home.now += 10_000
    home.costs.take(spent(joules=7.5, seconds=2.0, shared_s=1.5))  # half of the time another one ran too
    home.costs.take(spent(joules=7.5, seconds=2.0))
    home.costs.take(spent(joules=7.5, seconds=2.0, node="kitchen"))
    home.costs.home_lost()
    home.now += 10_000
    home.costs.take(spent(joules=7.5, seconds=2.0))
    home.costs.take(spent(joules=None, seconds=2.0))
    plug = "sensor.plug_power: everything on that plug, idle included."
    silent = "sensor.plug_power (power_sensor) says nothing; is its plug on, and Home Assistant connected?"
    told = [(cost["joules"], cost["meter"]) for cost in sorted(home.kept(), key=lambda cost: str(cost["meter"]))]
    assert sorted(told, key=str) == sorted(
        [(120.0, plug), (160.0, plug), (7.5, _RAPL), (7.5, _RAPL), (None, silent)], key=str
    )
    home.rooms.close()


# -- an idle house -----------------------------------------------------------------------------------------------------


def test_looking_at_the_costs_costs_nothing(home: Home) -> None:
    home.answer(spent())
    before = home.rooms.journal.head().seq
    for _ in range(40):
        home.now += DAY_MS
        view = home.costs.view()
    assert home.rooms.journal.head().seq == before
    assert _idle(view) and figures(view.months[0]) == (1, 0, 120, 0, 0) and view.months[0].name == "2026-05"


def _idle(view: CostsView) -> bool:
    return all(figures(day) == (0, 0, 0, 0, 0) for day in view.days) and figures(view.recent) == (0, 0, 0, 0, 0)
