"""The language of short texts, and texts that show none."""

from __future__ import annotations

import pytest

from hearthside.memory.preferences.languages import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I'm on my way, see you at the station", "English"),
        ("Ich komme heute nicht mit, aber du kannst auch ohne mich", "German"),
        ("Ik heb het niet gezien, maar ik kom wel", "Dutch"),
        ("je ne sais pas, c'est pour les enfants", "French"),
        ("no lo sé, pero es muy tarde para la cena", "Spanish"),
        ("non lo so, ma questo è per te", "Italian"),
        ("오늘 저녁에 만나자 ok?", "Korean"),
        ("今日はとても楽しかったです", "Japanese"),
        ("我们明天见", "Chinese"),
        ("ok", ""),
        ("", ""),
        ("12:30 🙂", ""),
        ("la la", ""),  # as many of several languages
        ("Haha, ramen (라면) was the best part of it", "English"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert language_of(text) == language
