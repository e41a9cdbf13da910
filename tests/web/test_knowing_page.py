"""The page of beliefs: every part says what it should, and words of others stay words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hearthside.memory.decisions import Verdict
from hearthside.web.knowing_parts import (
    counted_body,
    found_words,
    head_body,
    item_body,
    more_body,
    pair_body,
    topic_head,
    topic_links,
    when_words,
    word_body,
)
from hearthside.web.known_views import Counted, CountedPart, KnownGroup, KnownItem, KnownTopic, Word
from tests.web.demo_house import FIRST_DAY, HOSTILE, LAST_DAY, DemoHouse
from tests.web.demo_knowing import fact, preference

KNOWN = DemoHouse().known
VIEW = KNOWN.view()
MUSIC, PLACES, OTHERS = VIEW.topics


def shown(item: KnownItem, note: str = "") -> str:
    return item_body(item, FIRST_DAY, LAST_DAY, note)


def test_an_item_shows_its_sentence_strength_trend_and_since_when() -> None:
    rising, home = MUSIC.items()[0], PLACES.items()[0]
    assert rising.sentence in shown(rising) and rising.strength_words in shown(rising)
    assert 'class="badge trend-rising"' in shown(rising) and 'class="spark"' in shown(rising)
    assert "since 1 February 2026" in shown(home) and "contradicted" in shown(home) and "span-line" in shown(home)
    assert "pinned by you" in shown(replace(home, decided="pinned")) and "you told me so" in shown(
        replace(home, decided="corrected")
    )
    assert "Pinned: it stays" in shown(home, "Pinned: it stays") and "role" not in shown(home).split("known-facts")[0]


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("2026-01-02", "", "since 2 January 2026"),
        ("2026-01-02", "2026-03-31", "2 January 2026 to 31 March 2026"),
        ("", "2026-03-31", "until 31 March 2026"),
        ("", "", ""),
    ],
)
def test_since_when_and_until_when(since: str, until: str, words: str) -> None:
    assert when_words(fact(1, "x", "x", since, until)) == words


def test_what_is_past_is_past_unless_the_person_keeps_it() -> None:
    past = preference(1, "You no longer listen to Ferns.", "past", 0.1)
    assert past.past and not replace(past, decided="pinned").past
    assert "6 now, 1 past" in topic_head(MUSIC) and topic_head(OTHERS).endswith('<span class="quiet">1</span>')


def test_counts_say_that_nothing_is_hidden() -> None:
    head = head_body(replace(VIEW, words=[Word("x", Verdict.PIN, "x", LAST_DAY, "0" * 32)]))
    assert "4 facts and 7 tastes" in head and "230 things were counted" in head and "hidden or pinned 1." in head
    links = topic_links(VIEW.topics, True)
    assert 'href="#topic-music"' in links and "#topic-moods" in links and "#topic-moods" not in topic_links([], False)
    assert "<nav" not in links  # the frame's own is the only one: on a phone it is the bar at the bottom
    assert "No belief holds these words, and 1 thing that" in found_words(0, 1)
    assert "1 belief holds" in found_words(1, 0) and "2 beliefs hold these words, and 3 things" in found_words(2, 3)


def test_what_stands_behind_a_belief() -> None:
    item, other = PLACES.items()[:2]
    body = more_body(item, [other])
    assert (
        item.detail in body and "First known on 1 February 2026" in body and f"Against it: </b>{other.sentence}" in body
    )
    assert "1 record:" in body and "2 records, the first and the latest" in more_body(MUSIC.items()[0], [])
    assert other.sentence in pair_body(item, other) and item.sentence in pair_body(item, other)


def test_what_was_counted_leads_to_its_latest_record() -> None:
    part = KNOWN.counted("artist", "", 0)
    assert (part.found, len(part.things)) == (230, 100)
    assert f'href="/record/{1:032x}"' in counted_body(part) and "Nothing of this kind fits" in counted_body(
        CountedPart(0)
    )
    assert "<a" not in counted_body(CountedPart(1, [replace(part.things[0], last="")]))


def test_decisions_are_told_with_their_record() -> None:
    word = Word("x", Verdict.FORGET, "You asked me not to believe: You live in Plagwitz.", "2026-03-31", "ab" * 16)
    assert "31 March 2026" in word_body(word) and f'href="/record/{"ab" * 16}"' in word_body(word)


def test_an_item_is_found_by_its_own_name_and_by_that_of_the_decision_on_it() -> None:
    house = DemoHouse().known
    house.decide(f"{200:032x}", Verdict.CORRECT, "Gohlis")
    corrected = house.view().item(f"{200:032x}")
    assert corrected is not None and corrected.id != f"{200:032x}" and "Gohlis" in corrected.sentence
    house.decide(f"{200:032x}", Verdict.FORGET)
    assert house.view().item(f"{200:032x}") is None
    assert KnownTopic("x", "X", [KnownGroup("", "", [corrected])]).items() == [corrected]


def test_a_mood_is_an_item_with_the_word_of_the_person_on_it() -> None:
    house = DemoHouse().known
    [low], helped = house.view().moods.low, house.view().moods.helped
    assert "low mood" in shown(low) and "since" not in shown(low)
    assert ["before better days" in shown(one) for one in helped] == [True, False]
    house.decide(low.id, Verdict.PIN)
    assert "pinned by you" in shown(house.view().moods.low[0])
    house.decide(helped[0].id, Verdict.FORGET)
    assert house.view().item(helped[0].id) is None and house.view().item(low.id) is not None


def test_words_of_others_stay_words() -> None:
    item = replace(
        fact(1, HOSTILE, HOSTILE, "2026-01-01"), detail=HOSTILE, strength_words=HOSTILE, trend=HOSTILE, decided=HOSTILE
    )
    parts = [
        shown(item, HOSTILE), more_body(item, [item]), pair_body(item, item), topic_head(KnownTopic("x", HOSTILE, [])),
        word_body(Word("x", Verdict.PIN, HOSTILE, LAST_DAY, HOSTILE)),
        topic_links([KnownTopic(HOSTILE, HOSTILE, [])], True),
        counted_body(CountedPart(1, [Counted(HOSTILE, 1, HOSTILE, LAST_DAY, LAST_DAY, HOSTILE)])),
        head_body(replace(VIEW, day=HOSTILE)), shown(replace(MUSIC.items()[0], unit=HOSTILE)),
    ]  # fmt: skip
    for part in parts:
        assert "<script" not in part and "<img" not in part
