"""Training rounds: when one is due, and the stretches of conversation it learns from."""

from __future__ import annotations

from pathlib import Path

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Json, Origin
from hearthside.night.curate import Curated, OwnMessage, curate
from hearthside.night.rounds import (
    ENOUGH_NEW_WORDS,
    EVERY_DAYS,
    MIN_MESSAGES,
    due,
    record_round,
    records_learnt,
    rounds,
    training_samples,
)
from tests.night.helpers import NOW_MS, START_MS, Clock, SmallVault, message, small_vault

_ROUND: dict[str, Json] = {
    "adapter": "a1", "boundary_ms": START_MS, "own_words": 9, "samples": [], "curve": [[1, 2.5], [2, 2.0]],
    "receipt": ["deleted"], "receipt_verified": True, "attestation": "simulated",
}  # fmt: skip


def _set(messages: int, boundary_ms: int = START_MS + DAY_MS) -> Curated:
    train = [OwnMessage(bytes([n % 256]), START_MS, (), "hello") for n in range(messages)]
    return Curated(train, [], boundary_ms, "2026-03-01", "2026-03-01", messages)


def _words(vault: SmallVault, count: int, at_ms: int = START_MS, origin: Origin = Origin.SELF) -> None:
    texts = (min(200, count - done) for done in range(0, count, 200))
    vault.journal.append([message("word " * n, at_ms + i * 1000, origin) for i, n in enumerate(texts)])


def test_the_first_round_waits_for_enough_messages(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        few, why = due(vault.journal, _set(MIN_MESSAGES - 1), NOW_MS)
        assert (few, f"{MIN_MESSAGES - 1}" in why) == (False, True)
        assert due(vault.journal, _set(MIN_MESSAGES), NOW_MS)[0]


def test_later_rounds_are_monthly_or_after_enough_words(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        record_round(vault.journal, lambda: START_MS, _ROUND)
        month, day_before = START_MS + EVERY_DAYS * DAY_MS, START_MS + (EVERY_DAYS - 1) * DAY_MS
        assert due(vault.journal, _set(200), month) == (
            False, "Training is not due: there are no new words of yours since the last round."
        )  # fmt: skip
        _words(vault, 5000, origin=Origin.PERSON)  # others' words make nothing due
        _words(vault, 5000, at_ms=START_MS + 2 * DAY_MS)  # nor do words behind the boundary
        assert not due(vault.journal, _set(200), month)[0]
        _words(vault, 5)
        assert due(vault.journal, _set(200), month)[0]
        not_yet, why = due(vault.journal, _set(200), day_before)
        assert (not_yet, "tomorrow" in why, f"{ENOUGH_NEW_WORDS - 5:,}" in why) == (False, True, True)
        _words(vault, ENOUGH_NEW_WORDS - 6, at_ms=START_MS + HOUR_MS)
        assert not due(vault.journal, _set(200), day_before)[0]
        _words(vault, 1, at_ms=START_MS + 2 * HOUR_MS)
        assert due(vault.journal, _set(200), day_before)[0]


def test_a_round_is_read_back(tmp_path: Path) -> None:
    with small_vault(tmp_path) as vault:
        record_round(vault.journal, Clock(), _ROUND)
        record_round(vault.journal, Clock(NOW_MS - 10**9), {**_ROUND, "adapter": "a2"})  # a clock that was put back
        found = rounds(vault.journal)
    assert [r.adapter for r in found] == ["a1", "a2"]
    assert (found[0].curve, found[0].receipt_verified) == ([(1, 2.5), (2, 2.0)], True)


def _texts(vault: SmallVault) -> list[list[tuple[str, int]]]:
    samples = training_samples(vault.journal, curate(vault.journal, vault.stream))
    return [[(m.text, m.weight) for m in sample.messages] for sample in samples]


def test_a_pause_begins_another_stretch(tmp_path: Path) -> None:
    end = message("the end", START_MS + 20 * DAY_MS)
    chat: list[Event] = [
        message("hi", START_MS, Origin.PERSON),
        message("hello", START_MS + MINUTE_MS),
        message("still there", START_MS + 6 * HOUR_MS + MINUTE_MS),
        message("nobody answers this", START_MS + 13 * HOUR_MS, Origin.PERSON),
        message("new day", START_MS + DAY_MS),
        message("aside", START_MS + DAY_MS + 1000, conversation="Jon"),
    ]
    with small_vault(tmp_path) as vault:
        vault.journal.append([*chat, end])
        stretches = _texts(vault)
    assert stretches == [
        [("hi", 0), ("hello", 1), ("still there", 1)],
        [("new day", 1)],
        [("aside", 1)],
    ]


def test_a_long_conversation_is_cut_into_windows(tmp_path: Path) -> None:
    own = [message(f"{n:03d}" + "x" * 97, START_MS + n * MINUTE_MS) for n in range(15)]
    with small_vault(tmp_path) as vault:
        vault.journal.append([*own, message("the end", START_MS + 20 * DAY_MS)])
        stretches = _texts(vault)
    assert [len(stretch) for stretch in stretches] == [7, 7, 1]
    assert [text for stretch in stretches for text, _ in stretch] == [event.text for event in own]


def test_context_counts_as_learnt_from(tmp_path: Path) -> None:
    theirs, own = message("their words", START_MS, Origin.PERSON), message("mine", START_MS + MINUTE_MS)
    elsewhere = message("not read", START_MS, Origin.PERSON, "Jon")
    with small_vault(tmp_path) as vault:
        vault.journal.append([theirs, own, elsewhere, message("the end", START_MS + 20 * DAY_MS)])
        learnt = records_learnt(vault.journal, curate(vault.journal, vault.stream))
    assert learnt == sorted([theirs.id, own.id])
