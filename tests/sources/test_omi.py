"""Omi bodies: a conversation and its utterances, whose words are whose, naive times, bad segments."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Item, Json, Layer, Origin, Rejected, Trust, ms_of
from hearthside.sources import omi, recognise
from hearthside.sources.reading import Opened, Sample

START = ms_of(datetime(2026, 11, 20, 18, 0, tzinfo=UTC))
OWN = {
    "text": "Let us eat there. ", "speaker": "SPEAKER_00", "speakerId": 0, "speaker_name": "Jonas", "is_user": True,
    "start": 1.5, "end": 3.0, "tone": "warm",
}  # fmt: skip
OTHER = {**OWN, "text": "Too loud for me.", "speaker": "SPEAKER_01", "speaker_name": "Mira", "is_user": False}


def body(*segments: Json, **changes: Json) -> dict[str, Json]:
    return {
        "id": "c1",
        "created_at": "2026-11-20T18:10:00",
        "started_at": "2026-11-20T18:00:00+00:00",
        "finished_at": "2026-11-20T18:05:00",
        "transcript_segments": list(segments),
        "structured": {"title": "Dinner", "overview": "They decide.", "action_items": []},
        "discarded": False,
        **changes,
    }


def read(folder: Path, document: Json) -> list[Item]:
    path = folder / "omi.json"
    path.write_bytes(orjson.dumps(document))
    return list(omi.read(Opened(path, omi.NAME)))


def test_a_conversation_and_what_was_said_in_it(tmp_path: Path) -> None:
    conversation, own, other = read(tmp_path, [body(OWN, OTHER)])
    assert isinstance(conversation, Event) and isinstance(own, Event) and isinstance(other, Event)
    assert (conversation.kind, conversation.layer) == ("conversation", Layer.AUDITORY)
    assert (conversation.start_ms, conversation.end_ms) == (START, START + 5 * 60_000)  # naive and aware in one body
    assert (own.kind, own.text, own.origin, own.trust) == ("utterance", "Let us eat there.", Origin.SELF, Trust.OWN)
    assert (own.start_ms, own.end_ms) == (START + 1500, START + 3000)
    assert (own.payload["is_self"], own.payload["tone"], own.payload["conversation"]) == (True, "warm", "c1")
    assert (other.origin, other.trust, other.payload["speaker"]) == (Origin.PERSON, Trust.KNOWN, "Mira")
    assert [item.record for item in (conversation, own, other)] == [1, 2, 3]


def test_the_models_title_and_overview_are_kept_but_are_not_words_to_search(tmp_path: Path) -> None:
    (conversation,) = read(tmp_path, [body()])
    assert isinstance(conversation, Event)
    assert conversation.text == ""
    assert conversation.payload["structured"]["title"] == "Dinner"
    assert conversation.payload["words_of_ai"] is True
    assert "transcript_segments" not in conversation.payload


@pytest.mark.parametrize(
    ("name", "label", "trust", "shown"),
    [
        (None, "SPEAKER_02", Trust.UNKNOWN, "SPEAKER_02"),
        ("Speaker 2", "SPEAKER_02", Trust.UNKNOWN, "Speaker 2"),
        ("Mira", "SPEAKER_02", Trust.KNOWN, "Mira"),
        ("", "", Trust.UNKNOWN, "speaker"),
    ],
)
def test_only_named_voices_are_known(tmp_path: Path, name: Json, label: str, trust: Trust, shown: str) -> None:
    _, event = read(tmp_path, [body({**OTHER, "speaker_name": name, "speaker": label})])
    assert isinstance(event, Event)
    assert (event.trust, event.payload["speaker"]) == (trust, shown)


def test_an_offset_is_carried_only_where_it_is_the_persons(tmp_path: Path) -> None:
    _, utc = read(tmp_path, [body(OWN)])
    _, local = read(tmp_path, [body(OWN, started_at="2026-11-20T19:00:00+01:00")])
    assert isinstance(utc, Event) and isinstance(local, Event)
    assert (utc.offset_min, local.offset_min) == (None, 60)
    assert utc.start_ms == local.start_ms


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        ({**OWN, "text": " "}, "the segment holds no words"),
        ({**OWN, "text": 5}, "field 'text' is not a text"),
        ({**OWN, "start": 4.0}, "the segment ends before it starts"),
        ({**OWN, "start": -1}, "start is not a number of seconds"),
        ({**OWN, "end": 1e9}, "end is not a number of seconds"),
        ("words", "this segment is not a JSON object"),
    ],
)
def test_a_bad_segment_is_rejected_alone(tmp_path: Path, segment: Json, reason: str) -> None:
    conversation, bad, good = read(tmp_path, [body(segment, OTHER)])
    assert isinstance(conversation, Event) and isinstance(good, Event) and isinstance(bad, Rejected)
    assert reason in bad.reason
    assert bad.place == "omi.json, conversation 1, segment 1"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"discarded": True}, "Omi discarded this conversation"),
        ({"started_at": None}, "carries no start"),
        ({"started_at": "2026-11-20T18:06:00Z"}, "ends before it starts"),
        ({"transcript_segments": None}, "not a list"),
    ],
)
def test_a_bad_conversation_is_rejected_whole(tmp_path: Path, changes: dict[str, Json], reason: str) -> None:
    bad, good = read(tmp_path, [body(OWN, **changes), body()])
    assert isinstance(bad, Rejected) and reason in bad.reason
    assert isinstance(good, Event)


def test_no_end_is_no_interval_and_one_body_alone_is_read(tmp_path: Path) -> None:
    conversation, utterance = read(tmp_path, body({**OWN, "end": 1.5}, finished_at=None))
    assert isinstance(conversation, Event) and isinstance(utterance, Event)
    assert (conversation.end_ms, utterance.end_ms) == (None, None)


def test_recognises_its_own_and_nothing_else(tmp_path: Path) -> None:
    content = orjson.dumps([body(OWN)])
    assert recognise(Sample("x", content)) is omi
    assert recognise(Sample("x", b"\xef\xbb\xbf" + content)) is omi
    assert recognise(Sample("x", orjson.dumps(body(OWN)))) is omi
    for other in (b'[{"started_at": 1}]', b'"transcript_segments" "started_at"', b"[5]", b""):
        assert omi.recognise(Sample("x", other)) == 0.0
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(content))
    assert len(list(omi.read(Opened(path, omi.NAME)))) == 2
