"""The receptivity gate and the one offer: learnt from reactions, all of it from the journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.companion.answers import Offer, Reaction
from hearthside.companion.receptivity import BASE_THRESHOLD, Moment, gate_state, judge
from hearthside.errors import Refused
from tests.companion.lives import Life, event, message, night, open_life, utterance

HOUR = 3_600_000


def _short_night(life: Life) -> None:
    life.add(*(night(f"2026-03-{day:02d}", 7.5) for day in range(8, 18)), night("2026-03-18", 3.5))
    life.add(message("2026-03-18 09:00", "Ann", "my interview is tomorrow at 9", own=True))


def _offer(life: Life) -> Offer:
    offer = life.offers().current()
    assert offer is not None
    return offer


def test_one_offer_with_reason_and_evidence(life: Life) -> None:
    _short_night(life)
    offer = _offer(life)
    assert offer.rule == "short_night"
    assert "3 h 30 min" in offer.text
    assert "“my interview is tomorrow at 9”" in offer.text
    assert offer.reason
    assert {hit.kind for hit in offer.evidence} == {"sleep", "message"}


def test_it_stays_the_same_until_there_is_a_word_on_it_also_after_a_restart(tmp_path: Path) -> None:
    life = open_life(tmp_path)
    _short_night(life)
    offer = _offer(life)
    life.clock.forward(1)
    assert _offer(life) == offer
    life.journal.close()
    again = open_life(tmp_path)
    again.clock.forward(2)
    assert _offer(again) == offer
    assert len(list(again.journal.read(kinds=["offer"]))) == 1
    again.offers().react(offer.id, Reaction.USEFUL)
    assert again.offers().current() is None
    again.journal.close()


def test_an_offer_without_a_word_goes_away(life: Life) -> None:
    _short_night(life)
    _offer(life)
    life.clock.forward(12.1)
    assert life.offers().current() is None


@pytest.mark.parametrize(
    ("reaction", "threshold"), [(Reaction.NOT_NOW, BASE_THRESHOLD + 0.1), (Reaction.USEFUL, BASE_THRESHOLD - 0.05)]
)
def test_reactions_move_the_threshold_of_their_rule(life: Life, reaction: Reaction, threshold: float) -> None:
    _short_night(life)
    life.offers().react(_offer(life).id, reaction)
    state = gate_state(life.journal, life.clock())
    assert state.threshold == {"short_night": pytest.approx(threshold)}
    assert state.open_offer is None


def test_not_now_again_and_again_silences_a_weak_candidate(life: Life) -> None:
    _short_night(life)
    said = 0
    for day in range(19, 27):
        offer = life.offers().current()
        if offer is None:
            break
        said += 1
        life.offers().react(offer.id, Reaction.NOT_NOW)
        life.clock.forward(24)
        life.add(night(f"2026-03-{day}", 3.5))
    assert 1 <= said <= 4
    (rule, candidate, verdict), *_ = life.offers().decide(life.clock())
    assert rule == "short_night"
    assert candidate.value > BASE_THRESHOLD
    assert "your reactions ask for" in verdict.reason


def test_never_is_never(life: Life) -> None:
    _short_night(life)
    life.offers().react(_offer(life).id, Reaction.NEVER)
    life.clock.forward(24 * 30)
    verdict = judge(gate_state(life.journal, life.clock()), Moment(life.clock(), 12, False, False), "short_night", 1.0)
    assert not verdict.speak


@pytest.mark.parametrize("hour", [22, 23, 0, 3, 6])
def test_quiet_hours(life: Life, hour: int) -> None:
    moment = Moment(life.clock(), hour, False, False)
    assert not judge(gate_state(life.journal, life.clock()), moment, "short_night", 1.0).speak


def test_nobody_is_woken_or_interrupted(life: Life) -> None:
    state = gate_state(life.journal, life.clock())
    now = life.clock()
    assert judge(state, Moment(now, 12, False, False), "short_night", 1.0).speak
    assert not judge(state, Moment(now, 12, True, False), "short_night", 1.0).speak
    assert not judge(state, Moment(now, 12, False, True), "short_night", 1.0).speak


def test_a_talk_that_goes_on_is_not_interrupted(life: Life) -> None:
    _short_night(life)
    life.add(utterance("2026-03-18 16:57", "Ann", "so what do you think"))
    assert life.offers().current() is None
    life.clock.forward(0.2)
    assert life.offers().current() is not None


def test_a_nap_is_not_interrupted(life: Life) -> None:
    _short_night(life)
    life.add(event("sleep", "2026-03-18 16:30", minutes=60))
    assert life.offers().current() is None


def test_the_budget_of_a_day(life: Life) -> None:
    _short_night(life)
    life.offers().react(_offer(life).id, Reaction.USEFUL)
    now, state = life.clock(), gate_state(life.journal, life.clock())
    later = Moment(now + 4 * HOUR, 21, False, False)
    assert not judge(state, Moment(now + HOUR, 18, False, False), "low_mood", 1.0).speak
    assert judge(state, later, "low_mood", 1.0).speak
    assert not judge(state, later, "short_night", 1.0).speak


def test_a_reaction_needs_an_offer(life: Life) -> None:
    life.add(night("2026-03-18", 7))
    other = next(iter(life.journal.read(kinds=["sleep"]))).id.hex()
    for name in (other, "00" * 16, "not hex"):
        with pytest.raises(Refused):
            life.offers().react(name, Reaction.NEVER)
    assert not list(life.journal.read(kinds=["reaction"]))


def test_nothing_is_said_where_nothing_is_found(life: Life) -> None:
    assert life.offers().current() is None
    life.add(*(night(f"2026-03-{day:02d}", 7.5) for day in range(8, 19)))
    assert life.offers().current() is None
    assert not list(life.journal.read(kinds=["offer"]))


def test_the_sample_life_gets_one_offer(first: Life) -> None:
    now = first.clock()
    found = first.offers().decide(now)
    assert {name for name, _, _ in found} == {"dinner_decision", "low_mood", "short_night"}
    offer = _offer(first)
    assert offer.rule == found[0][0]
    assert offer.evidence
    assert [verdict.speak for _, _, verdict in first.offers().decide(now)] == [False] * 3
