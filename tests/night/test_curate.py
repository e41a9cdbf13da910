"""Curating: only own words are targets, context stays in its conversation, and the last week never leaves the house."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Origin
from hearthside.night.curate import CONTEXT_MESSAGES, HELD_OUT_DAYS, curate, own_messages
from hearthside.night.rounds import records_learnt, training_samples
from hearthside.workshop.job import Job, decode_samples, make_job
from tests.night.helpers import START_MS, SmallVault, message, small_vault

_ORIGINS = st.sampled_from(list(Origin))


def _job(vault: SmallVault) -> Job | None:
    curated = curate(vault.journal, vault.stream)
    samples = training_samples(vault.journal, curated)
    if not samples:
        return None
    return make_job(
        samples, base_sha256="ab" * 32, base_name="tiny", data_from=curated.data_from, data_to=curated.data_to,
        delete_by_ms=1,
    )  # fmt: skip


@st.composite
def _lives(draw: st.DrawFn) -> list[Event]:
    """Messages and posts of anybody over some weeks; every text is unlike every other."""
    events = []
    for number in range(draw(st.integers(1, 40))):
        origin, minutes = draw(_ORIGINS), draw(st.integers(0, 28 * 1440))
        kind = draw(st.sampled_from(["message", "message", "message", "post", "question", "search"]))
        conversation = draw(st.sampled_from(["Ida", "Jon", ""]))
        text = f"<{number}:{draw(st.sampled_from(['yes', 'where are you', 'x' * 400, 'naïve 🙂']))}>"
        events.append(message(text, START_MS + minutes * MINUTE_MS, origin, conversation, kind))
    return events


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=_lives())
def test_only_own_words_are_targets_and_nothing_held_out_leaves(tmp_path_factory: object, events: list[Event]) -> None:
    folder: Path = tmp_path_factory.mktemp("vault")  # type: ignore[attr-defined]
    with small_vault(folder) as vault:
        vault.journal.append(events)
        curated = curate(vault.journal, vault.stream)
        job = _job(vault)
        learnt = set(records_learnt(vault.journal, curated))
    own = {event.text for event in events if event.origin is Origin.SELF and event.kind in ("message", "post")}
    assert {m.text for m in [*curated.train, *curated.held_out]} == own  # all of them, and nobody else's
    assert all(m.at_ms < curated.boundary_ms for m in curated.train)
    assert all(curated.boundary_ms <= m.at_ms for m in curated.held_out)
    if job is None:
        assert not curated.train
        return
    samples = decode_samples(job.payload)
    targets = [m.text for sample in samples for m in sample.messages if m.weight]
    assert sorted(targets) == sorted(m.text for m in curated.train)  # each is learnt once
    said = {event.text: event for event in events}
    for sample in samples:
        for one in sample.messages:
            assert said[one.text].origin in (Origin.SELF, Origin.PERSON)  # a model's words are not even context
            assert (one.role == "assistant") == (said[one.text].origin is Origin.SELF)
            assert said[one.text].start_ms < curated.boundary_ms
            assert said[one.text].id in learnt
    for event in events:
        if event.start_ms >= curated.boundary_ms:
            assert event.text.encode() not in job.payload


def test_the_context_is_recent_and_of_the_same_conversation(tmp_path: Path) -> None:
    events = [
        message("too long ago", START_MS, Origin.PERSON),
        message("one", START_MS + 10 * HOUR_MS, Origin.PERSON),
        message("two", START_MS + 10 * HOUR_MS + 1000),
        message("somebody else", START_MS + 10 * HOUR_MS + 1500, Origin.PERSON, "Jon"),
        message("a picture", START_MS + 10 * HOUR_MS + 1700, Origin.PERSON, attachment="photo.jpg"),
        message("a suggestion of the model", START_MS + 10 * HOUR_MS + 1800, Origin.AI),
        message("three", START_MS + 10 * HOUR_MS + 2000, Origin.PERSON),
        message("answer", START_MS + 15 * HOUR_MS),
        message("a thought", START_MS + 15 * HOUR_MS + 1000, kind="post"),
    ]
    with small_vault(tmp_path) as vault:
        vault.journal.append(events)
        found = {m.text: m.context for m in own_messages(vault.journal)}
    assert found == {
        "two": (("user", "one"),),
        "answer": (("user", "one"), ("assistant", "two"), ("user", "three")),
        "a thought": (),
    }
    assert len(found["answer"]) == CONTEXT_MESSAGES


def test_within_a_minute_the_export_says_what_came_first(tmp_path: Path) -> None:
    late = message("answer", START_MS, order=1)
    early = message("question", START_MS, Origin.PERSON, order=0)
    with small_vault(tmp_path) as vault:
        vault.journal.append([late, early, message("later", START_MS + 20 * DAY_MS)])
        curated = curate(vault.journal, vault.stream)
        (sample,) = training_samples(vault.journal, curated)
    assert curated.train[0].context == (("user", "question"),)
    assert [m.text for m in sample.messages] == ["question", "answer"]


def test_an_earlier_form_of_a_message_is_not_learnt_from(tmp_path: Path) -> None:
    """The first import did not know the person's name; the second one does and journals the message anew."""
    old = message("see you at the pier", START_MS, Origin.PERSON, key="k1")
    new = replace(old, origin=Origin.SELF)
    with small_vault(tmp_path) as vault:
        vault.journal.append([old, message("later", START_MS + 20 * DAY_MS)])
        vault.journal.append([new])
        curated = curate(vault.journal, vault.stream)
        (sample,) = training_samples(vault.journal, curated)
    assert [(m.text, m.context) for m in curated.train] == [("see you at the pier", ())]
    assert [(m.text, m.weight) for m in sample.messages] == [("see you at the pier", 1)]


def test_the_boundary_stays_where_an_earlier_step_drew_it(tmp_path: Path) -> None:
    days = [message(f"day {n}", START_MS + n * DAY_MS) for n in range(20)]
    with small_vault(tmp_path) as vault:
        vault.keep(days)
        first = curate(vault.journal, vault.stream)
        vault.keep([message("written while training", START_MS + 25 * DAY_MS)])
        again = curate(vault.journal, vault.stream, boundary_ms=first.boundary_ms)
        moved = curate(vault.journal, vault.stream)
    assert first.boundary_ms == START_MS + (19 - HELD_OUT_DAYS) * DAY_MS
    assert again == first
    assert moved.boundary_ms == START_MS + (25 - HELD_OUT_DAYS) * DAY_MS


def test_the_newest_are_kept_when_there_are_too_many(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        vault.keep([message(f"two words {n}", START_MS + n * HOUR_MS) for n in range(24 * 20)])
        curated = curate(vault.journal, vault.stream, max_samples=10)
        samples = training_samples(vault.journal, curated)
    past = 24 * 20 - 1 - 24 * HELD_OUT_DAYS
    assert [m.text for m in curated.train] == [f"two words {n}" for n in range(past - 10, past)]
    assert curated.own_words == 30
    assert (curated.data_from, curated.data_to) == ("2026-03-13", "2026-03-13")
    assert sum(m.weight for sample in samples for m in sample.messages) == 10


def test_a_life_without_words_gives_an_empty_set(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        vault.keep([message("only theirs", START_MS, Origin.PERSON), message(" ", START_MS + 1)])
        curated = curate(vault.journal, vault.stream)
        assert training_samples(vault.journal, curated) == []
    assert (curated.train, curated.held_out, curated.data_from) == ([], [], "")
