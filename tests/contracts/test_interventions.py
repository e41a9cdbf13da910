"""What every decision rule must hold: plain, deterministic, with evidence, and silent without it."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.companion.interventions import Candidate, LifeContext, load_rule, rule_names
from hearthside.companion.offers import OfferDesk
from hearthside.sample_life import DEFAULT_SEED
from tests.companion.lives import Life, caption, message, night, open_life, sample_life, utterance

LIVES = {"default": (DEFAULT_SEED, "2026-11-18"), "fresh": (88_421, "2026-02-14")}
_PREACHING = ("you should", "you must", "you need to", "depress", "diagnos", "disorder", "unhealthy", "symptom")


@pytest.fixture(scope="module", params=sorted(LIVES))
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Sample lives, let in through the real sources."""
    seed, last_day = LIVES[request.param]
    opened = sample_life(tmp_path_factory.mktemp(request.param), seed, date.fromisoformat(last_day))
    yield opened
    opened.journal.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Life]:
    opened = open_life(tmp_path)
    yield opened
    opened.journal.close()


def _found(name: str, life: Life) -> Candidate:
    found = load_rule(name).find(life.context)
    assert found is not None
    return found


def test_there_is_a_rule_for_each_thread_of_the_sample_life() -> None:
    assert {"short_night", "dinner_decision", "low_mood"} <= set(rule_names())


@pytest.mark.parametrize("name", rule_names())
def test_names_and_title(name: str) -> None:
    rule = load_rule(name)
    assert name == rule.NAME
    assert rule.TITLE[0].isupper()
    assert not rule.TITLE.endswith(".")


@pytest.mark.parametrize("name", rule_names())
def test_plain_code_alone(name: str) -> None:
    """No model, clock, randomness or network within reach."""
    module = sys.modules[load_rule(name).find.__module__]
    imported = {
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    allowed = ("hearthside.alignment", "hearthside.companion", "hearthside.events", "__future__")
    assert {m for m in imported if not m.startswith(allowed)} <= {"re", "dataclasses", "statistics", "collections.abc"}
    assert not {m for m in imported if m.endswith(("wording", "dialogue"))}


@pytest.mark.parametrize("name", rule_names())
def test_an_empty_life_gives_nothing(name: str, empty: Life) -> None:
    assert load_rule(name).find(empty.context) is None


@pytest.mark.parametrize("name", rule_names())
def test_the_sample_life_gives_a_candidate_with_reason_and_evidence(name: str, life: Life) -> None:
    found = _found(name, life)
    assert 0 < found.value <= 1
    assert found.reason.endswith(".")
    assert found.evidence
    assert len({o.id for o in found.evidence}) == len(found.evidence)
    assert all(life.stream.get(o.id) == o for o in found.evidence)
    assert all(o.start_ms <= life.clock() for o in found.evidence)


@pytest.mark.parametrize("name", rule_names())
def test_it_says_a_fact_and_asks_one_question(name: str, life: Life) -> None:
    text = _found(name, life).text
    assert text.endswith("?")
    own = text
    while "“" in own:
        own = own[: own.index("“")] + own[own.index("”") + 1 :]
    assert own.count("?") == 1
    assert not [word for word in _PREACHING if word in own.casefold()]
    assert len(text) < 700


@pytest.mark.parametrize("name", rule_names())
def test_quotations_are_word_for_word_in_the_evidence(name: str, life: Life) -> None:
    found = _found(name, life)
    said = " ".join(" ".join(o.text.split()) for o in found.evidence).casefold()
    for part in found.text.split("“")[1:]:
        assert part.split("”")[0].rstrip("…").casefold() in said


@pytest.mark.parametrize("name", rule_names())
def test_the_same_moment_gives_the_same_candidate(name: str, life: Life) -> None:
    assert load_rule(name).find(life.context) == load_rule(name).find(life.context)


@pytest.mark.parametrize("name", rule_names())
def test_what_lies_ahead_is_not_known(name: str, life: Life) -> None:
    """A month earlier none of this had happened, though the records are all there."""
    earlier = LifeContext(life.stream, life.clock() - 31 * 86_400_000, life.context.offset_min)
    assert load_rule(name).find(earlier) is None


class _Without:
    """The life stream without some occurrences."""

    def __init__(self, stream: LifeStream, without: set[bytes]) -> None:
        self._stream, self._without = stream, without

    def occurrences(self, **conditions: object) -> list[Occurrence]:
        found = self._stream.occurrences(**conditions)  # type: ignore[arg-type]
        return [o for o in found if o.id not in self._without]


@pytest.mark.parametrize("name", rule_names())
def test_without_its_evidence_it_says_something_else_or_nothing(name: str, life: Life) -> None:
    """Taken away again and again, the evidence runs out and the rule falls silent; it never rests on what is gone."""
    gone: set[bytes] = set()
    for _ in range(60):
        context = LifeContext(_Without(life.stream, gone), life.clock(), life.context.offset_min)  # type: ignore[arg-type]
        found = load_rule(name).find(context)
        if found is None:
            break
        assert not {o.id for o in found.evidence} & gone
        gone |= {o.id for o in found.evidence}
    assert found is None


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("short_night", {"sleep"}),
        ("dinner_decision", {"message"}),
        ("dinner_decision", {"caption"}),
        ("low_mood", {"utterance"}),
        ("low_mood", {"caption"}),
    ],
)
def test_without_the_kind_it_rests_on_it_is_silent(name: str, kinds: set[str], life: Life) -> None:
    gone = {o.id for o in life.stream.occurrences(kinds=kinds)}
    context = LifeContext(_Without(life.stream, gone), life.clock(), life.context.offset_min)  # type: ignore[arg-type]
    assert load_rule(name).find(context) is None


def test_the_dinner_names_the_friends_their_needs_and_a_place_that_was_looked_at(life: Life) -> None:
    assert life.sample is not None
    text = _found("dinner_decision", life).text
    friends = {friend.role: friend.name for friend in life.sample.friends}
    for role in ("veg", "allergic", "third"):
        assert f"{friends[role]} said: “" in text
    assert not [friends[role] for role in ("mother", "partner") if friends[role] in text]
    candidates = {life.sample.places[place].name for _, place in life.sample.threads.candidates}
    assert any(text.endswith(f"Shall it be {place}?") for place in candidates)
    struck_off = {life.sample.places[d.table].name for d in life.sample.threads.dinners} - candidates
    assert not [place for place in struck_off if place in text.rpartition("Shall it be")[2]]


def test_the_mood_names_the_place_and_the_evening_that_helped(life: Life) -> None:
    assert life.sample is not None
    text = _found("low_mood", life).text
    partner = next(friend.name for friend in life.sample.friends if friend.role == "partner")
    assert life.sample.places["quiet"].name in text
    assert life.sample.threads.quiet_visit.isoformat() in text
    assert partner in text


def _open_dinner(life: Life) -> None:
    life.add(
        message("2026-02-10 12:00", "Ben", "As long as there is no meat stock in mine, I'm vegetarian."),
        message("2026-03-17 18:00", "Ben", "Ann and I want dinner on Friday."),
        message("2026-03-18 12:00", "Ann", "So where should we eat on Friday? Ben is waiting for you."),
        caption("2026-03-16 17:45", "A menu board outside Linden Room", "Linden Room", 2),
    )


def test_a_dinner_that_is_still_open(empty: Life) -> None:
    _open_dinner(empty)
    found = _found("dinner_decision", empty)
    assert found.reason == "Ann and Ben wait for you to choose a place."
    assert found.text.startswith("Ann and Ben are waiting to hear where you eat on Friday.")
    assert "Ben said: “As long as there is no meat stock in mine, I'm vegetarian.”" in found.text
    assert found.text.endswith("Shall it be Linden Room?")


@pytest.mark.parametrize(
    ("chat", "text", "own", "answered"),
    [
        ("Ann", "Linden Room it is", True, True),
        ("Ben", "linden room, half past seven", True, True),
        ("Ann", "i booked a table", True, True),
        ("Ann", "dinner is cancelled", False, True),
        ("Ann", "not linden room again please", True, False),
        ("Ann", "what about linden room?", True, False),
        ("Ann", "no idea yet, later", True, False),
        ("Ben", "How was your day?", False, False),
    ],
)
def test_a_named_place_answers_it(empty: Life, chat: str, text: str, own: bool, answered: bool) -> None:
    _open_dinner(empty)
    empty.add(message("2026-03-18 13:00", chat, text, own=own))
    found = load_rule("dinner_decision").find(empty.context)
    if answered:
        assert found is None
    else:
        # Saying no to the only place there is leaves nothing to offer.
        assert (found is None) is ("not linden" in text)


def test_a_proposal_that_is_agreed_to_answers_it(empty: Life) -> None:
    _open_dinner(empty)
    empty.add(
        message("2026-03-18 13:00", "Ann", "What about Linden Room?"),
        message("2026-03-18 13:05", "Ann", "yes perfect", own=True),
    )
    assert load_rule("dinner_decision").find(empty.context) is None


def test_an_old_question_is_left_alone(empty: Life) -> None:
    _open_dinner(empty)
    empty.clock.forward(36)
    assert load_rule("dinner_decision").find(empty.context) is None


def _moods(life: Life, *days: tuple[str, str]) -> None:
    for day, tone in days:
        life.add(
            *(utterance(f"2026-03-{day} {hour:02d}:00", "me", "so so", tone, own=True) for hour in (9, 12, 15, 16))
        )


def _evening(life: Life, day: str) -> None:
    life.add(
        *(
            caption(f"2026-03-{day} {clock}", "A candle and a menu", "Linden Room")
            for clock in ("19:00", "20:00", "21:00")
        )
    )


BEFORE = (("04", "flat"), ("05", "flat"), ("06", "warm"), ("07", "warm"), ("10", "cheerful"))
LOW_AGAIN = (*BEFORE, ("17", "flat"), ("18", "sad"))
NOT_LIFTED = (*BEFORE[:2], *((day, "neutral") for day, _ in BEFORE[2:]))


def test_a_mood_that_a_visit_had_lifted(empty: Life) -> None:
    _moods(empty, *LOW_AGAIN)
    _evening(empty, "05")
    text = _found("low_mood", empty).text
    assert "from 2026-03-04" in text
    assert "an evening at Linden Room on Thursday, 2026-03-05" in text


@pytest.mark.parametrize(
    "days",
    [
        pytest.param((*BEFORE, ("17", "flat"), ("18", "warm")), id="lifted by itself"),
        pytest.param((*BEFORE, ("17", "neutral"), ("18", "neutral")), id="nothing is low"),
        pytest.param((("04", "neutral"), *LOW_AGAIN[2:]), id="no earlier stretch"),
        pytest.param((*NOT_LIFTED, *LOW_AGAIN[5:]), id="the earlier one did not end bright"),
        pytest.param(tuple((day, "flat") for day, _ in LOW_AGAIN), id="always like this"),
    ],
)
def test_otherwise_the_mood_is_left_alone(empty: Life, days: tuple[tuple[str, str], ...]) -> None:
    _moods(empty, *days)
    _evening(empty, "05")
    assert load_rule("low_mood").find(empty.context) is None


def test_a_place_of_every_day_is_not_what_helped(empty: Life) -> None:
    _moods(empty, *LOW_AGAIN)
    for day in ("03", "04", "05"):
        _evening(empty, day)
    assert load_rule("low_mood").find(empty.context) is None


def test_a_night_is_short_against_ones_own(empty: Life) -> None:
    empty.add(*(night(f"2026-03-{day:02d}", 5.0) for day in range(8, 18)), night("2026-03-18", 4.5))
    assert load_rule("short_night").find(empty.context) is None
    empty.add(*(night(f"2026-02-{day:02d}", 9.0) for day in range(10, 28)))
    assert load_rule("short_night").find(empty.context) is not None


def test_every_rule_reaches_the_gate(life: Life) -> None:
    found = OfferDesk(life.journal, life.stream, life.clock).decide(life.clock())
    assert [name for name, _, _ in found] == sorted(rule_names(), key=lambda n: (-_found(n, life).value, n))
