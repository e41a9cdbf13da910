"""Who wrote to and fro, and who talked."""

from __future__ import annotations

from hearthside.alignment.episodes import conversation
from hearthside.events import Origin
from tests.alignment.episodes.windows import Life, Said, at, find_all


def _wrote(minute: float, note: str, own: bool = False, source: str = "chat") -> Said:
    origin = Origin.SELF if own else Origin.PERSON
    return Said("message", at(0, 18, minute), text="Hello", note=note, origin=origin, source=source, number=int(minute))


def _said(minute: float, speaker: str, own: bool = False) -> Said:
    origin = Origin.SELF if own else Origin.PERSON
    start = at(0, 12, minute)
    return Said("utterance", start, start + 5000, "Hm", speaker, origin=origin, number=int(minute))


def test_a_chat_of_two() -> None:
    chat = [_wrote(0, "Mira"), _wrote(2, "Mira", own=True), _wrote(30, "Mira"), _wrote(60, "Mira")]
    (found,) = find_all(Life(chat), conversation)
    assert (found.start_ms, found.end_ms, found.label) == (at(0, 18), at(0, 19), "chatting with Mira")
    assert found.facts == {
        "spoken": False,
        "conversation": "Mira",
        "count": 4,
        "own_share": 0.25,
        "speakers": ["Mira"],
    }
    assert (found.sure, len(found.evidence)) == (0.95, 4)


def test_a_group_names_those_who_wrote_most() -> None:
    group = [_wrote(0, "Family · Ben"), _wrote(1, "Family", own=True)]
    group += [_wrote(2 + i, f"Family · {name}") for i, name in enumerate(("Cee", "Cee", "Dan", "Eve"))]
    (found,) = find_all(Life(group), conversation)
    assert found.label == "chatting with Cee, Ben and 2 others"
    assert found.facts["conversation"] == "Family"


def test_half_an_hour_divides_and_conversations_are_kept_apart() -> None:
    chat = [_wrote(0, "Mira"), _wrote(1, "Mira", own=True), _wrote(32, "Mira"), _wrote(33, "Mira", own=True)]
    other = [_wrote(5, "Ben"), _wrote(6, "Ben", own=True)]
    assert [e.label for e in find_all(Life(chat + other), conversation)] == [
        "chatting with Mira",
        "chatting with Ben",
        "chatting with Mira",
    ]


def test_one_side_alone_is_no_conversation() -> None:
    assert find_all(Life([_wrote(0, "News · A"), _wrote(1, "News · B")]), conversation) == []
    assert find_all(Life([_wrote(0, "Mira", own=True), _wrote(1, "Mira", own=True)]), conversation) == []
    assert find_all(Life([_wrote(0, "Mira", own=True), _wrote(1, "Mira", source="mail")]), conversation) == []


def test_talk_with_the_person() -> None:
    talk = [
        _said(0, "Ada", own=True),
        _said(1, "Mira · warm"),
        _said(6, "Mira"),
        _said(11.2, "Mira"),
        _said(12, "x", True),
    ]
    found = find_all(Life(talk), conversation)
    assert [(e.label, e.sure, e.facts["count"]) for e in found] == [
        ("talking with Mira", 0.9, 3),
        ("talking with Mira", 0.9, 2),
    ]


def test_talk_of_others_is_nearby_and_voices_may_have_no_name() -> None:
    (found,) = find_all(Life([_said(0, "SPEAKER_00"), _said(1, "Ben"), _said(2, "SPEAKER_01")]), conversation)
    assert (found.label, found.sure) == ("talk nearby: somebody and Ben", 0.5)
    assert find_all(Life([_said(0, "Ben"), _said(1, "Ben")]), conversation) == []
