"""Costs in a house with a real model: the journal says what the node counted, and idle days cost nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hearthside.app.house import House
from hearthside.app.station import _keep, open_house
from hearthside.companion.answers import Answer
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Json, Layer, Origin, Trust, day_start_ms
from hearthside.inference.meter import Tally
from hearthside.web.costs_views import CostPeriod
from tests.app.helpers import settings_in

_NIGHT_HOUR = 3  # as the settings have it


class Living:
    """A house with a model, a little life and a clock to move."""

    def __init__(self, folder: Path) -> None:
        self.now = day_start_ms("2026-11-18") + 12 * HOUR_MS
        self.house: House = open_house(settings_in(folder), clock=lambda: self.now)
        compute = self.house.outside.compute
        assert compute is not None and compute.wait_ready(60)
        self.compute = compute
        self.house.rooms.journal.append([_message(self.now - number * HOUR_MS) for number in range(20)])
        self.house.keep_in_step()

    def tally(self) -> Tally:
        """What the node itself has counted."""
        return self.compute.node.health().tally

    def ask(self, text: str) -> Answer:
        """One answer."""
        answer = list(self.house.ask(text, "talk"))[-1]
        assert isinstance(answer, Answer)
        return answer

    def kept(self) -> list[dict[str, Json]]:
        """Payloads of the costs in the journal."""
        records = [item.record for item in self.house.rooms.journal.read(kinds=["cost"])]
        return [dict(record.payload) for record in records if isinstance(record, Event)]

    def pass_days(self, days: int, *, nights: bool) -> None:
        """Let the station keep house for so many days, looking every five minutes, with `nights` or without."""
        _keep(self.house, _Passing(self, self.now + days * DAY_MS, nights))


class _Passing(threading.Event):
    """A stop that comes at a time; whoever waits for it is there five minutes later."""

    def __init__(self, living: Living, end_ms: int, nights: bool) -> None:
        super().__init__()
        self._living, self._end_ms, self._nights = living, end_ms, nights

    def wait(self, timeout: float | None = None) -> bool:
        """The clock goes on once all work is done."""
        living = self._living
        for job in living.house.jobs():
            living.house.wait(job.id)
        living.now += 5 * MINUTE_MS
        if not self._nights and datetime.fromtimestamp(living.now / 1000, UTC).hour == _NIGHT_HOUR:
            living.now += HOUR_MS
        return living.now > self._end_ms


def _message(at_ms: int) -> Event:
    payload: dict[str, Json] = {"conversation": "Ravi", "sender": "Ravi"}
    return Event(
        "phone", "message", Layer.TEXT, at_ms, Origin.PERSON, Trust.KNOWN, payload, clock="device:phone",
        text=f"The soup of {at_ms} was good.",
    )  # fmt: skip


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    made = Living(tmp_path_factory.mktemp("living"))
    yield made
    made.house.close()


def recent(living: Living) -> CostPeriod:
    """The last 31 days."""
    return living.house.costs.view().recent


def test_idle_days_cost_no_token(living: Living) -> None:
    before, probes = living.tally(), recent(living).probes
    assert before.completions == 0 and (probes.pieces, probes.tokens_out) == (1, 1)  # of its start
    living.pass_days(3, nights=False)
    assert living.now > day_start_ms("2026-11-21") and living.house.rooms.index.sizes()["waiting"] == 0
    after = living.tally()
    assert (after.completions, after.prompt_tokens, after.probes) == (0, 0, before.probes)
    found = recent(living)
    assert found.tokens == 0 and found.probes == probes and found.answers == 0


def test_the_journal_says_what_the_node_counted(living: Living) -> None:
    earlier, before = recent(living), living.tally()
    talk, computed = living.ask("Good night!"), living.ask("How many messages did Ravi write?")
    assert talk.worded_by and "20" in computed.text
    after, found = living.tally(), recent(living)
    assert found.answers - earlier.answers == 2
    tokens = (after.prompt_tokens - before.prompt_tokens, after.completion_tokens - before.completion_tokens)
    assert (found.answered.tokens_in, found.answered.tokens_out) == tokens and tokens[1] > 0
    assert found.answered.tokens_cached == after.cached_tokens - before.cached_tokens
    assert found.answered.completions == after.completions - before.completions
    assert found.answered.seconds == pytest.approx(after.seconds - before.seconds, abs=0.01)
    assert found.probes.tokens_out == after.probes and found.free == 2 - found.answered.pieces
    cost = next(one for one in living.kept() if one["work"] == "answer")
    assert cost["conversation_id"] == "talk" and cost["model"] == living.compute.model_name
    assert cost["meter"].endswith(".") and (cost["joules"] is None or cost["joules"] >= 0)


def test_costs_are_the_same_after_a_rebuild(living: Living) -> None:
    living.ask("Hello!")
    before = living.house.costs.view()
    job = living.house.wait(living.house.start_rebuild())
    assert job.state == "done" and living.house.costs.view() == before


@pytest.mark.soak
def test_nights_without_anything_new_cost_no_token(tmp_path: Path) -> None:
    living = Living(tmp_path)
    living.pass_days(1, nights=True)  # the first night finds out what this model is fit for
    first = recent(living)
    assert first.night.tokens > 0 and first.answered.tokens == first.other.tokens == 0
    living.pass_days(3, nights=True)
    found = recent(living)
    assert (found.night, found.answered, found.other, found.probes.pieces) == (
        first.night, first.answered, first.other, first.probes.pieces,
    )  # fmt: skip
    nights = [job for job in living.house.jobs() if job.kind == "night"]
    assert len(nights) == 4 and all(job.state == "done" for job in nights)
    living.house.close()
