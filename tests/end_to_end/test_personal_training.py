"""A real night on invented lives: real LoRA training whose adapter makes the person's last week less surprising."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from hearthside.app.house import House
from hearthside.app.station import open_house
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.config import Settings
from hearthside.events import Event
from hearthside.inference.adapters import AdapterState
from hearthside.memory.facts import fitness as reading
from hearthside.memory.questions import writing_fitness as writing
from hearthside.night import steps
from hearthside.night.curate import curate
from hearthside.night.rounds import training_samples
from hearthside.sample_life import DEFAULT_SEED
from hearthside.workshop.job import make_job

pytestmark = [pytest.mark.training, pytest.mark.timeout(1500)]

FRESH_SEED = secrets.randbelow(1_000_000) + 1000
SOAK = os.environ.get("HEARTHSIDE_SOAK") == "1"
LIVES = [DEFAULT_SEED, FRESH_SEED] if SOAK else [FRESH_SEED]  # training takes minutes; the default life learns from all
SAMPLES = 160  # own messages that any other life learns from; training begins with 150


def _shorten(nights: pytest.MonkeyPatch) -> None:
    """Every step of the night, but those before the training with a few texts: they take as long as the training."""
    nights.setattr(steps, "_EMBED_AT_MOST", 100)
    nights.setattr(reading, "measured", partial(reading.measured, probes=reading.PROBES[:8]))
    nights.setattr(writing, "PROBES", writing.PROBES[:8])


@dataclass
class Home:
    """A house with a sample life in it, after its first night."""

    house: House
    folder: Path


@pytest.fixture(scope="module", params=LIVES, ids=["default-seed", "fresh-seed"][-len(LIVES) :])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home")
    house = open_house(Settings(vault=folder / "vault", key_file=folder / "key"))
    house.sample_seed = request.param
    logging.getLogger(__name__).warning("the invented life has seed %s", request.param)  # shown when a test fails
    if request.param != DEFAULT_SEED:
        house.trainer.max_samples = SAMPLES
    with pytest.MonkeyPatch.context() as nights:
        if not SOAK:
            _shorten(nights)
        try:
            assert house.wait(house.start_sample(), 300).state == "done"
            assert house.outside.compute is not None
            assert house.outside.compute.wait_ready(120)
            job = house.wait(house.start_night(), 1200)
            assert job.state == "done", job
            yield Home(house, folder)
        finally:
            house.close()


def test_the_adapter_makes_the_last_week_less_surprising(home: Home) -> None:
    active = home.house.rooms.registry.active()
    assert active is not None, home.house.training()
    gate = active.gate
    assert gate is not None
    assert gate["gain_low"] > 0  # paired bootstrap over messages, 90 % interval
    assert gate["new"] < gate["base"]
    assert gate["general_change"] <= 0.01
    assert gate["held_out"] >= 20


def test_the_job_never_held_the_last_week_nor_others_words_as_targets(home: Home) -> None:
    rooms = home.house.rooms
    curated = curate(rooms.journal, rooms.stream)
    assert curated.held_out
    job = make_job(
        training_samples(rooms.journal, curated), base_sha256="0" * 64, base_name="x", data_from=curated.data_from,
        data_to=curated.data_to, delete_by_ms=0,
    )  # fmt: skip
    before = "\n".join(message.text for message in curated.train)  # an invented life repeats a phrase now and then
    unseen = [message.text for message in curated.held_out if message.text not in before and len(message.text) > 30]
    assert unseen
    assert not [text for text in unseen if text.encode() in job.payload]
    (recorded,) = [s.record for s in rooms.journal.read(kinds=["round"]) if isinstance(s.record, Event)]
    assert {message.id.hex() for message in curated.held_out}.isdisjoint(recorded.payload["samples"])


def test_the_receipt_is_verified_and_the_attestation_is_called_simulated(home: Home) -> None:
    view = home.house.training()
    adapter = view.adapters[0]
    assert adapter.state == "active" and adapter.receipt_verified
    assert any("deleted" in line for line in adapter.receipt)
    assert adapter.attestation == "simulated" and "simulated" in view.workshop
    ledger = [s.record.payload for s in home.house.rooms.journal.read(kinds=["ledger"]) if isinstance(s.record, Event)]
    assert {row["purpose"] for row in ledger} == {"workshop-training"}
    assert any(row["data_class"] == "sealed-job" and row["attested"] == "simulated" for row in ledger)


def test_the_conversation_goes_on_with_the_adapter_and_facts_stay(home: Home) -> None:
    house = home.house
    answer = list(house.ask("How many messages did I write?", "c"))[-1]
    assert isinstance(answer, Answer) and answer.mode is AnswerMode.COMPUTED
    with_adapter = answer.value
    hello = list(house.ask("hello", "c"))[-1]
    assert isinstance(hello, Answer)
    compute = house.outside.compute
    assert compute is not None and compute.node.health().adapters == (house.rooms.registry.active().id,)  # type: ignore[union-attr]
    house.roll_back_adapter()
    assert house.rooms.registry.active() is None
    again = list(house.ask("How many messages did I write?", "c"))[-1]
    assert isinstance(again, Answer) and again.value == with_adapter
    assert [turn.who for turn in house.conversation("c")] == ["you", "hearthside"] * 3


def test_nothing_is_trained_twice_without_need(home: Home) -> None:
    house = home.house
    job = house.wait(house.start_night(), 600)
    assert job.state == "done"
    night = house.training().night
    assert night is not None
    steps = {name: state for name, state, _ in night.steps}
    assert steps["train"] == "skipped"
    assert sum(entry.state is AdapterState.STAGED for entry in house.rooms.registry.entries()) == 0
