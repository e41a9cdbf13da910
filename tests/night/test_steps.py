"""The steps of a night without any training: what is skipped and why, left-over adapters, and deciding only once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hearthside.egress import Egress
from hearthside.errors import Refused, RetryLater
from hearthside.events import DAY_MS, HOUR_MS, Event, Json, Layer, Origin, Trust
from hearthside.inference.adapters import AdapterState
from hearthside.inference.guard.room import NOT_GIVEN, Room
from hearthside.inference.shelf import ModelFile, embedded_model
from hearthside.memory.facts.fitness import PROBES
from hearthside.memory.knowing import Knowing
from hearthside.memory.search import Embedder
from hearthside.night.cycle import STOPPED, WAITS, NightCycle, StepContext, StepResult
from hearthside.night.gate import MIN_HELD_OUT
from hearthside.night.rounds import MIN_MESSAGES, record_round
from hearthside.night.steps import NightRooms, night_steps
from hearthside.workshop.job import LoraSftParameters
from tests.night.helpers import BASE_SHA256, START_MS, SmallVault, message, small_vault, stage


class _Embedder:
    """Places every text by its length; breaks when told to."""

    model = "length-1"

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.asked: list[str] = []

    def embed(self, texts: list[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        if self.fault:
            raise self.fault
        self.asked += texts
        return np.array([[1.0, float(len(text))] for text in texts], dtype=np.float32)


def _rooms(
    vault: SmallVault,
    tmp_path: Path,
    embedder: Callable[[], Embedder | None] = lambda: None,
    after_change: Callable[[], None] = lambda: None,
) -> NightRooms:
    base = ModelFile(tmp_path / "absent.gguf", "tiny", BASE_SHA256, 0)
    return NightRooms(
        vault.journal, vault.stream, vault.index, vault.registry, Egress(lambda row: None, vault.clock), vault.clock,
        embedder, base, 1, "http://127.0.0.1:9", LoraSftParameters(), after_change,
    )  # fmt: skip


def _step(rooms: NightRooms, name: str, **results: dict[str, Json]) -> StepResult:
    context = StepContext("night", results, lambda done, total, said: None, lambda: False)
    return next(step for step in night_steps(rooms) if step.name == name).run(context)


def _own(count: int, first_ms: int = START_MS, every_ms: int = HOUR_MS) -> list[Event]:
    return [message(f"message number {n}", first_ms + n * every_ms) for n in range(count)]


def _round(vault: SmallVault, adapter: str, boundary_ms: int) -> None:
    payload: dict[str, Json] = {
        "adapter": adapter, "boundary_ms": boundary_ms, "own_words": 1, "samples": [], "curve": [], "receipt": [],
        "receipt_verified": True, "attestation": "simulated",
    }  # fmt: skip
    record_round(vault.journal, vault.clock, payload)


def test_a_night_with_nothing_to_learn_says_why(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        vault.journal.append(_own(30))
        state = NightCycle(vault.journal, night_steps(_rooms(vault, tmp_path)), vault.clock).run()
        assert vault.index.sizes()["documents"] == 30  # the day was closed
        assert len(vault.stream.occurrences(kinds=["message"])) == 30
    told = {name: (how, sentence) for name, (how, sentence, _) in state.steps.items()}
    assert [how for how, _ in told.values()] == [
        "done", "skipped", "skipped", "done", "done", "skipped", "skipped", "skipped",
    ]  # fmt: skip
    assert "compute node is away" in told["annotate"][1]
    assert "plain code alone" in told["note"][1]
    assert f"{MIN_MESSAGES} messages" in told["curate"][1]
    assert told["promote"][1] == "The model stays as it is."
    assert all(sentence.endswith(".") for _, sentence in told.values())


def test_an_empty_vault_has_its_night_too(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        state = NightCycle(vault.journal, night_steps(_rooms(vault, tmp_path)), vault.clock).run()
    assert {how for how, _, _ in state.steps.values()} == {"done", "skipped"}


def test_texts_are_given_a_meaning_once(tmp_path: Path) -> None:
    embedder = _Embedder()
    with small_vault(tmp_path) as vault:
        vault.keep(_own(3))
        rooms = _rooms(vault, tmp_path, lambda: embedder)
        assert _step(rooms, "annotate").sentence == "3 texts can now be found by meaning."
        assert _step(rooms, "annotate").sentence == "Every text can already be found by meaning."
        assert vault.index.sizes()["waiting"] == 0
    assert len(embedder.asked) == 3


def test_a_node_that_goes_away_meanwhile_costs_only_the_step(tmp_path: Path) -> None:
    gone = _Embedder(RetryLater("compute-gone", "The compute node is away."))
    with small_vault(tmp_path) as vault:
        vault.keep(_own(3))
        result = _step(_rooms(vault, tmp_path, lambda: gone), "annotate")
    assert (result.state, result.sentence) == ("skipped", "The compute node is away.")


class _Unknown:
    """An embedder that does not even know its name while the node is away."""

    @property
    def model(self) -> str:
        raise RetryLater("compute-gone", "The compute node is away.")

    def embed(self, texts: list[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        raise RetryLater("compute-gone", "The compute node is away.")


def test_a_node_that_never_came_costs_only_the_step(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        result = _step(_rooms(vault, tmp_path, _Unknown), "annotate")
        assert (result.state, "is away" in result.sentence) == ("skipped", True)


def test_reading_waits_for_a_model_that_is_away_and_is_stopped_at_a_word(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        vault.keep([message("message number 1 to you", START_MS)])
        rooms = _rooms(vault, tmp_path)
        gone = _Reader(fault=RetryLater("compute-gone", "The compute node is away."))
        away = _step(replace(rooms, reader=lambda: gone), "note")
        assert (away.state, away.data, "made up for" in away.sentence) == ("skipped", {WAITS: True}, True)
        unfit = _step(replace(rooms, reader=lambda: _Reader(fit=False)), "note")
        assert unfit.state == "skipped" and not unfit.data.get(WAITS)
        step = next(step for step in night_steps(replace(rooms, reader=_Reader)) if step.name == "note")
        with pytest.raises(RetryLater) as stopped:
            step.run(StepContext("c", {}, lambda *_: None, lambda: True))
        assert stopped.value.code == STOPPED


def test_the_memory_is_looked_over(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        vault.keep(_own(4))
        vault.journal.forget([_own(1)[0].id])  # behind the index's back
        result = _step(_rooms(vault, tmp_path), "consolidate")
    assert (result.data["junk_share"], result.data["from_ai"], result.data["orphans"]) == (0.25, 0, 1)
    assert "1 without a source" in result.sentence


def test_what_is_known_is_looked_over_too(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        vault.keep([message("I live in Utrecht", START_MS), message("I live in Berlin", START_MS + DAY_MS)])
        knowing = Knowing(tmp_path, b"\1" * 32, vault.stream, vault.journal, vault.clock)
        result = _step(replace(_rooms(vault, tmp_path), knowing=knowing), "consolidate")
    assert (result.data["facts"], result.data["contradictions"], result.data["junk_share"]) == (2, 1, 0.0)
    assert "2 facts" in result.sentence


class _Reader:
    """A model that knows the answers to all probes and quotes one word of every other text, or knows nothing."""

    model = "reader#1"

    def __init__(self, fit: bool = True, fault: Exception | None = None) -> None:
        self.fit, self.fault = fit, fault

    def say(self, messages: Sequence[tuple[str, str]], grammar: str, max_tokens: int) -> str:
        if self.fault:
            raise self.fault
        text = messages[-1][1]
        if "Claim:" in text:
            return "yes"
        probe = next((probe for probe in PROBES if probe.text == text), None)
        if probe is None:
            quotes = [("likes", "message")] if "message" in text else []
        else:
            quotes = list(probe.wanted) if self.fit else []
        roles = {"family": "sister", "pet": "cat"}
        found = [{"about": name.removeprefix("not:"), "quote": value, "since": "",
                  "holds": "no" if name.startswith("not:") else "yes"} for name, value in quotes]  # fmt: skip
        return json.dumps([one | ({"role": roles[one["about"]]} if one["about"] in roles else {}) for one in found])


@pytest.mark.parametrize(
    ("reader", "state", "words", "notes"),
    [
        (_Reader(), "done", "5 things were noted", 3),  # two measures of fitness and one batch
        (_Reader(fit=False), "skipped", "it gave 0; it said nothing", 2),
        (_Reader(fault=RetryLater("compute-gone", "The compute node is away.")), "skipped", "is away", 0),
        (_Reader(fault=Refused("grammar-unsupported", "No grammar here.")), "skipped", "it said nothing", 2),
        (None, "skipped", "plain code alone", 0),
    ],
)
def test_own_words_are_read_by_a_model_that_is_fit_for_it(
    tmp_path: Path, reader: _Reader | None, state: str, words: str, notes: int
) -> None:
    with small_vault(tmp_path) as vault:
        vault.keep([message(f"message number {n} to you", START_MS + n) for n in range(5)])
        rooms = replace(_rooms(vault, tmp_path), reader=lambda: reader)
        result = _step(rooms, "note")
        noted = list(vault.journal.read(kinds=["annotation"]))
        assert (result.state, words in result.sentence, len(noted)) == (state, True, notes)
        again = _step(rooms, "note")
        assert again.state == state and len(list(vault.journal.read(kinds=["annotation"]))) == notes
    if reader is not None and reader.fault is None:
        assert result.data["reading"]["fit"] is reader.fit and result.data["queries"]["fit"] is False


def test_training_waits_for_a_week_to_judge_by(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        vault.journal.append(_own(MIN_MESSAGES))
        vault.journal.append(_own(MIN_HELD_OUT - 1, START_MS + 20 * DAY_MS, 60_000))
        waits = _step(_rooms(vault, tmp_path), "curate")
        assert (waits.data["due"], f"only {MIN_HELD_OUT - 1}" in waits.sentence) == (False, True)
        vault.journal.append(_own(1, START_MS + 21 * DAY_MS))
        due = _step(_rooms(vault, tmp_path), "curate")
    assert due.data == {"due": True, "boundary_ms": START_MS + 14 * DAY_MS}


def test_what_a_broken_night_left_is_rejected(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        unrecorded, other_base = stage(vault.registry, b"one"), stage(vault.registry, b"two", "cd" * 32)
        _round(vault, other_base, START_MS)
        result = _step(_rooms(vault, tmp_path), "train", curate={"due": False, "boundary_ms": START_MS})
        assert (result.state, result.sentence, result.data) == ("skipped", "No training is due.", {})
        for adapter in (unrecorded, other_base):
            assert vault.registry.entry(adapter).state is AdapterState.RETIRED
            assert "cut short" in vault.registry.entry(adapter).reason


def test_a_trained_adapter_that_was_never_judged_goes_on_to_the_gate(tmp_path: Path) -> None:
    """The night was killed after training; the round stands, so no other is due, and its work must not be lost."""
    with small_vault(tmp_path) as vault:
        trained, leftover = stage(vault.registry, b"one"), stage(vault.registry, b"two")
        _round(vault, trained, START_MS)
        rooms = _rooms(vault, tmp_path)
        for due, boundary_ms in ((False, START_MS + DAY_MS), (True, START_MS)):
            result = _step(rooms, "train", curate={"due": due, "boundary_ms": boundary_ms})
            assert (result.state, result.data) == ("done", {"adapter": trained})
        assert vault.registry.entry(leftover).state is AdapterState.RETIRED
        # It has seen words of the week it would be judged by: never.
        result = _step(rooms, "train", curate={"due": False, "boundary_ms": START_MS - 1})
        assert (result.state, vault.registry.entry(trained).state) == ("skipped", AdapterState.RETIRED)


def test_nothing_new_is_neither_judged_nor_decided(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        rooms = _rooms(vault, tmp_path, after_change=lambda: pytest.fail("nothing changed"))
        assert _step(rooms, "evaluate", train={}).state == "skipped"
        assert _step(rooms, "promote", evaluate={}).state == "skipped"


@pytest.mark.parametrize("promote", [True, False])
def test_deciding_twice_decides_once(tmp_path: Path, promote: bool) -> None:
    changed: list[int] = []
    with small_vault(tmp_path) as vault:
        before, new = stage(vault.registry, b"before"), stage(vault.registry, b"new")
        vault.registry.promote(before)
        rooms = _rooms(vault, tmp_path, after_change=lambda: changed.append(1))
        judged: dict[str, Json] = {
            "adapter": new, "promote": promote, "reason": "Because.", "figures": {"gain": 0.25, "gain_low": 0.1}
        }  # fmt: skip
        first = _step(rooms, "promote", evaluate=judged)
        states = [(entry.id, entry.state) for entry in vault.registry.entries()]
        assert _step(rooms, "promote", evaluate=judged) == first
        assert [(entry.id, entry.state) for entry in vault.registry.entries()] == states
        decisions = list(vault.journal.read(kinds=["adapter_decision"]))
        active = vault.registry.active()
        assert active is not None
        assert active.id == (new if promote else before)
        assert vault.registry.entry(new).gate == {"gain": 0.25, "gain_low": 0.1}
    assert (first.data["promoted"], len(decisions), len(changed)) == (promote, 1, 2)


def test_a_model_in_the_words_of_the_person_is_never_a_target(tmp_path: Path) -> None:
    ai = Event(
        "companion", "message", Layer.TEXT, START_MS, Origin.AI, Trust.UNKNOWN, {}, "station", text="from a model"
    )
    with small_vault(tmp_path) as vault:
        vault.journal.append([*_own(MIN_MESSAGES - 1), *(replace(ai, start_ms=START_MS + n) for n in range(50))])
        vault.journal.append(_own(MIN_HELD_OUT + 1, START_MS + 20 * DAY_MS, 60_000))
        result = _step(_rooms(vault, tmp_path), "curate")
    assert (result.data["due"], f"there are {MIN_MESSAGES - 1}" in result.sentence) == (False, True)


@contextmanager
def _no_room(need: int) -> Iterator[Room]:
    assert need > 300 * 2**20
    raise RetryLater(NOT_GIVEN, "It needs much memory. It waits for the next night; nothing is lost.")
    yield


def test_without_room_the_night_goes_on_and_the_adapter_is_judged_another_night(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        vault.journal.append([*_own(MIN_MESSAGES), *_own(MIN_HELD_OUT + 1, START_MS + 20 * DAY_MS, 60_000)])
        base = embedded_model()
        rooms = replace(_rooms(vault, tmp_path), base=base, workshop_url="", room=_no_room)
        boundary_ms = START_MS + 19 * DAY_MS
        left_out = _step(rooms, "train", curate={"due": True, "boundary_ms": boundary_ms})
        assert left_out.state == "skipped" and left_out.sentence.startswith("Training was left out. It needs")
        adapter = stage(vault.registry, b"one", base.sha256)
        _round(vault, adapter, boundary_ms)
        curated: dict[str, Json] = {"due": False, "boundary_ms": boundary_ms}
        unjudged = _step(rooms, "evaluate", curate=curated, train={"adapter": adapter})
        assert unjudged.state == "skipped" and unjudged.sentence.startswith("Judging was left out.")
        assert _step(rooms, "promote", evaluate=unjudged.data).state == "skipped"
        assert _step(rooms, "train", curate=curated).data == {"adapter": adapter}  # the next night goes on there


def test_training_waits_while_it_is_not_known_what_a_model_server_serves(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        vault.journal.append([*_own(MIN_MESSAGES), *_own(MIN_HELD_OUT + 1, START_MS + 20 * DAY_MS, 60_000)])
        rooms = replace(_rooms(vault, tmp_path), base=ModelFile(Path(), "big", "", 0))
        result = _step(rooms, "curate")
    assert (result.data["due"], "model_path" in result.sentence) == (False, True)
