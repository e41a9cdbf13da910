"""What programs ask of a vault: conversations found again, wishes kept, queries, and notes that are never facts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from hearthside.app.doors import NOTE, SOURCE
from hearthside.app.house import House
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.errors import Refused, RetryLater
from hearthside.events import DAY_MS, Event, Layer, Origin, Trust
from hearthside.inference.adapters import AdapterManifest
from hearthside.journal.decisions import decide
from hearthside.memory.audit import audit
from hearthside.memory.hits import Filters
from hearthside.night.curate import own_messages
from tests.app.helpers import NOW_MS, house_in

SAID = Answer("I asked your home to turn on lamp.", AnswerMode.CONVERSATION)
TOKEN = ("abcdefgh", "Assistant")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path) as opened:
        yield opened


def asked(house: House, text: str, conversation: str) -> str:
    """The words of the answer."""
    *_, answer = house.ask(text, conversation)
    assert isinstance(answer, Answer)
    return answer.text


def test_a_conversation_is_found_by_its_last_exchange_and_token(house: House) -> None:
    said = asked(house, "When did I last swim?", "v1_tokenaaa_first")
    doors = house.doors
    assert doors.conversation_with("v1_tokenaaa_", "When did I last  swim?\n", f" {said} ") == "v1_tokenaaa_first"
    assert doors.conversation_with("v1_tokenbbb_", "When did I last swim?", said) == ""
    assert doors.conversation_with("v1_tokenaaa_", "When did I last swim?", "Yesterday.") == ""
    asked(house, "When did I last swim?", "v1_tokenaaa_second")
    assert doors.conversation_with("v1_tokenaaa_", "When did I last swim?", said) == "v1_tokenaaa_second"


def test_a_conversation_is_found_after_a_restart(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        said = asked(house, "When did I last swim?", "v1_tokenaaa_first")
    with house_in(tmp_path) as house:
        assert house.doors.conversation_with("v1_tokenaaa_", "When did I last swim?", said) == "v1_tokenaaa_first"


def test_a_wish_and_its_outcome_are_turns_of_one_conversation(house: House) -> None:
    question = house.doors.record_wish("turn on the lamp", SAID, "v1_tokenaaa_x")
    done = Answer("Done: lamp turned on.", AnswerMode.CONVERSATION)
    assert house.doors.record_outcome(done, question, "v1_tokenaaa_") == "v1_tokenaaa_x"
    assert [(turn.who, turn.text) for turn in house.conversation("v1_tokenaaa_x")] == [
        ("you", "turn on the lamp"), ("hearthside", SAID.text), ("hearthside", done.text)
    ]  # fmt: skip
    for text in (SAID.text, done.text):
        assert house.doors.conversation_with("v1_tokenaaa_", "turn on the lamp", text) == "v1_tokenaaa_x"
    with pytest.raises(Refused, match="no question"):
        house.doors.record_wish(" ", SAID, "v1_tokenaaa_x")


def test_an_outcome_that_is_sent_again_is_kept_once(house: House) -> None:
    question = house.doors.record_wish("turn on the lamp", SAID, "v1_tokenaaa_x")
    done = Answer("Done: lamp turned on.", AnswerMode.CONVERSATION)
    for identity in (question, question, f" {question.upper()} "):
        assert house.doors.record_outcome(done, identity, "v1_tokenaaa_") == "v1_tokenaaa_x"
    assert [turn.text for turn in house.conversation("v1_tokenaaa_x")] == ["turn on the lamp", SAID.text, done.text]
    told = [item.record for item in house.rooms.journal.read(kinds=["answer"])]
    assert {one.payload["question"] for one in told if isinstance(one, Event)} == {question}


def test_without_a_node_nobody_listens(house: House) -> None:
    seq = house.rooms.journal.head().seq
    with pytest.raises(RetryLater) as caught:
        house.doors.transcribe(b"RIFF")
    assert caught.value.code == "compute-gone" and house.rooms.journal.head().seq == seq


def test_the_words_of_a_wish_are_given_to_its_token_only(house: House) -> None:
    question = house.doors.record_wish("turn on the lamp", SAID, "v1_tokenaaa_x")
    assert house.doors.wish(question, "v1_tokenaaa_") == "turn on the lamp"
    assert house.doors.wish(question, "v1_tokenbbb_") == house.doors.wish("f" * 32, "v1_tokenaaa_") == ""


def test_a_conversation_is_looked_for_from_the_newest_answer_on(tmp_path: Path) -> None:
    now = [NOW_MS]
    with house_in(tmp_path, clock=lambda: now[0]) as house:
        for k in range(3):
            said = asked(house, "When did I last swim?", f"v1_tokenaaa_{k}")
            now[0] += DAY_MS
        assert house.doors.conversation_with("v1_tokenaaa_", "When did I last swim?", said) == "v1_tokenaaa_2"
        newest = [item.id for item in house.rooms.journal.read(now[0] - DAY_MS, kinds=["question"])]
        house.rooms.journal.forget(newest)
        assert house.doors.conversation_with("v1_tokenaaa_", "When did I last swim?", said) == "v1_tokenaaa_1"


@pytest.mark.parametrize("question", ["", "not hex", "ab", "0" * 32])
def test_the_outcome_of_an_unknown_wish_is_kept_nowhere(house: House, question: str) -> None:
    before = house.rooms.journal.head().seq
    assert house.doors.record_outcome(SAID, question, "v1_tokenaaa_") == ""
    other = house.doors.record_wish("turn on the lamp", SAID, "v1_tokenbbb_x")
    assert house.doors.record_outcome(SAID, other, "v1_tokenaaa_") == ""
    assert house.rooms.journal.head().seq == before + 2


def test_without_a_compute_node_there_is_one_model_and_no_token_used(house: House) -> None:
    assert [one.id for one in house.doors.models()] == ["hearthside"]
    assert house.doors.tokens_used().prompt == 0 and house.doors.now_ms() == NOW_MS


def test_the_active_adapter_can_be_named(house: House) -> None:
    manifest = AdapterManifest("ab" * 32, "lora_sft", "2026-01-01", "2026-01-31", 1200, "receipt-1")
    adapter = house.rooms.registry.stage(b"GGUF one", manifest)
    assert len(house.doors.models()) == 1  # staged, not active
    house.rooms.registry.promote(adapter)
    own = house.doors.models()[1]
    assert (own.id, own.created_ms) == (f"hearthside-{adapter[:8]}", NOW_MS)


def test_a_query_is_answered_with_its_evidence(house: House) -> None:
    song = Event(
        "youtube_music", "listen", Layer.AUDITORY, NOW_MS - DAY_MS, Origin.SELF, Trust.OWN, {"artist": "Radiohead"},
        clock="export:music", text="Radiohead – Nude",
    )  # fmt: skip
    house.rooms.journal.append([song])
    house.keep_in_step()
    query = {"select": {"what": {"of": "events", "names": ["listen"]}}}
    answer = house.doors.query(orjson.dumps(query))
    assert (answer["value"], answer["evidence"]) == (1.0, (song.id.hex(),))
    with pytest.raises(Refused, match="not the JSON form"):
        house.doors.query(b"{}")
    with pytest.raises(Refused, match="at most 1,000 rows"):
        house.doors.query(orjson.dumps(query | {"limit": 1001}))


def test_a_note_is_the_words_of_an_ai_and_becomes_no_fact(house: House) -> None:
    note = house.doors.remember("  The spare lantern is with Anna. ", *TOKEN)
    house.keep_in_step()
    stored = house.rooms.journal.get([bytes.fromhex(note.id)])[bytes.fromhex(note.id)].record
    assert isinstance(stored, Event)
    assert (stored.origin, stored.trust, stored.source, stored.kind) == (Origin.AI, Trust.UNKNOWN, SOURCE, NOTE)
    assert note.text == "The spare lantern is with Anna." and note.kept_by == "kept at the wish of Assistant"
    assert house.search("spare lantern Anna", Filters()) == []  # nothing that memory holds
    assert audit(house.rooms.journal, house.rooms.index).from_ai == 0
    assert own_messages(house.rooms.journal) == []  # nothing to train on
    assert "Anna" not in asked(house, "Where is the spare lantern?", "conversation-1")


def test_a_note_is_no_part_of_the_life(house: House) -> None:
    house.keep_in_step()
    before = (house.rooms.stream.bounds(), house.rooms.stream.fingerprint())
    house.doors.remember("The spare lantern is with Anna.", *TOKEN)
    house.keep_in_step()
    after = (house.rooms.stream.bounds(), house.rooms.stream.fingerprint())
    assert after == before and house.rooms.stream.streams() == {}


def test_notes_are_found_by_their_words_and_times(house: House) -> None:
    first = house.doors.remember("The spare lantern is with Anna.", *TOKEN)
    second = house.doors.remember("Anna comes on Friday.", *TOKEN)
    doors = house.doors
    assert [one.id for one in doors.kept_notes("the spare lantern of Anna", None, None, 9)] == [first.id, second.id]
    assert [one.id for one in doors.kept_notes("Anna", None, None, 1)] == [second.id]  # the newest
    assert doors.kept_notes("Ravi", None, None, 9) == []
    assert [one.id for one in doors.kept_notes("", None, None, 9)] == [second.id, first.id]
    assert doors.kept_notes("Anna", NOW_MS + 1, None, 9) == [] and doors.kept_notes("Anna", None, NOW_MS, 9) == []


def test_notes_are_kept_only_where_the_person_lets_them(house: House) -> None:
    for text in ("", "  ", "x" * 4001):
        with pytest.raises(Refused) as error:
            house.doors.remember(text, *TOKEN)
        assert error.value.code == "note-wrong"
    decide(house.rooms.journal, f"pause:{SOURCE}", True, NOW_MS)
    with pytest.raises(Refused) as error:
        house.doors.remember("A note", *TOKEN)
    assert error.value.code == "notes-paused"
