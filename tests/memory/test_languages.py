"""Search in five languages: small lives of our own, asked by words alone and, where there is one, with the embedder."""

from __future__ import annotations

import pytest

from hearthside.events import HOUR_MS
from hearthside.inference.embedding import load_embedder
from hearthside.memory.words import content_words, statement_share, terms_of
from tests.alignment.lives import START, event
from tests.memory.lives import Memory

LIVES = {
    "en": (
        [
            "The dentist pulled out my wisdom tooth.",
            "We baked bread with walnuts.",
            "The train to Bergen was late.",
            "Grandma's garden is full of tomatoes.",
        ],
        [
            ("When was I at the dentist's?", 0),
            ("Which breads did we bake?", 1),
            ("Was my train late?", 2),
            ("What grows in grandma's garden?", 3),
        ],
    ),
    "de": (
        [
            "Der Zahnarzt hat meinen Weisheitszahn gezogen.",
            "Die Geburtstagsfeier von Jürgen war schön.",
            "Der Zug nach München hatte Verspätung.",
            "In Omas Garten wachsen große Tomaten.",
        ],
        [
            ("Wann war ich beim Zahnarzt?", 0),
            ("Wie war Jurgens Geburtstag?", 1),
            ("Hatte der Zug Verspätungen?", 2),
            ("Wo wachsen die grossen Tomaten?", 3),
        ],
    ),
    "zh": (
        [
            "牙医今天拔了我的智齿。",
            "我们烤了核桃面包。",
            "去北京的火车晚点了。",
            "奶奶的花园里种满了西红柿。",
        ],
        [
            ("我什么时候看了牙医?", 0),
            ("我们烤了什么面包?", 1),
            ("火车晚点了吗?", 2),
            ("谁的花园里有西红柿?", 3),
        ],
    ),
    "ja": (
        [
            "歯医者で親知らずを抜いた。",
            "くるみのパンを焼きました。",
            "京都行きの電車が遅れた。",
            "祖母の庭はトマトでいっぱいだ。",
        ],
        [
            ("いつ歯医者に行きましたか", 0),
            ("どんなパンを焼きましたか", 1),
            ("電車は遅れましたか", 2),
            ("トマトは誰の庭にありますか", 3),
        ],
    ),
    "ko": (
        [
            "치과에서 사랑니를 뽑았다.",
            "호두 빵을 구웠어요.",
            "부산 가는 기차가 늦었다.",
            "할머니 정원에는 토마토가 가득하다.",
        ],
        [
            ("언제 치과에 갔어요?", 0),
            ("무슨 빵을 구웠나요?", 1),
            ("기차가 늦었나요?", 2),
            ("누구 정원에 토마토가 있나요?", 3),
        ],
    ),
}


@pytest.mark.parametrize("language", LIVES)
def test_words_find_what_was_said_in_each_language(memory: Memory, language: str) -> None:
    everything = [text for texts, _ in LIVES.values() for text in texts]
    memory.take(*(event("message", START + n * HOUR_MS, text=text) for n, text in enumerate(everything)))
    texts, asked = LIVES[language]
    for question, number in asked:
        assert memory.search(question)[0].text == texts[number], question


def test_meaning_finds_across_languages(memory: Memory) -> None:
    try:
        embedder = load_embedder()
    except Exception:  # noqa: BLE001 - pragma: no cover
        pytest.skip("no embedder on this machine")
    memory.take(*(event("message", START + n * HOUR_MS, text=life[0][2]) for n, life in enumerate(LIVES.values())))
    memory.take(*(event("message", START - n * HOUR_MS, text=life[0][3]) for n, life in enumerate(LIVES.values(), 1)))
    memory.embed(embedder)
    trains = {texts[2] for texts, _ in LIVES.values()}
    for _, asked in LIVES.values():
        found = {hit.text for hit in memory.search(asked[2][0], embedder, limit=5)}
        assert len(found & trains) >= 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Wann war ich bei der Geburtstagsfeier?", ["geburtstagsfeier"]),
        ("die hard war movie", ["die", "hard", "war", "movie"]),  # English, whatever these words mean in German
        ("我什么时候去看牙医?", ["我", "去看", "看牙", "牙医"]),
        ("いつ歯医者に行きましたか", ["歯医", "医者", "者に", "に行", "行き"]),
        ("언제 치과에 갔나요?", ["치과", "과에", "갔"]),
    ],
)
def test_what_only_asks_is_left_out_in_each_language(text: str, words: list[str]) -> None:
    assert content_words(text) == words


def test_terms_are_stems_without_stop_words_as_often_as_they_come() -> None:
    assert terms_of("The walks and walking: Größe, grosse!") == (["walk", "walk", "gross", "gross"], 6)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("I am here.", 1.0),
        ("Are you here?", 0.0),
        ("I am here. Are you?", 0.6),
        ("你好吗", 0.0),
        ("元気ですか。はい元気です。", pytest.approx(0.5, abs=0.2)),
        ("!?", 0.0),
        ("", 0.0),
    ],
)
def test_the_share_of_words_that_do_not_ask(text: str, share: float) -> None:
    assert statement_share(text) == share
