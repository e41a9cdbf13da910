"""Omi's "memory created" bodies: one conversation each, with its transcript and the tone of the person's voice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hearthside.sample_life.files import write_json
from hearthside.sample_life.speech import Conversation, Segment

_NAME = "omi/omi-conversations.json"
_TITLES = {
    "lunch": ("Lunch with {people}", "personal"),
    "meeting": ("Work talk with {people}", "work"),
    "call_mother": ("Phone call with {people}", "family"),
    "friends": ("Dinner with {people}", "social"),
    "partner": ("Evening with {people}", "romance"),
    "partner_day": ("Out with {people}", "romance"),
    "quiet": ("Dinner with {people}", "romance"),
    "hobby": ("At the hobby with {people}", "hobbies"),
    "shop": ("At the checkout", "other"),
}


def write_omi(folder: Path, conversations: Sequence[Conversation]) -> dict[str, int]:
    """One list; utterances are counted."""
    write_json(folder / _NAME, [_memory(conversation) for conversation in conversations])
    return {_NAME: sum(len(conversation.segments) for conversation in conversations)}


def _memory(conversation: Conversation) -> dict[str, Any]:
    title, category = _TITLES.get(conversation.activity, ("Note to self", "personal"))
    title = title.format(people=" and ".join(conversation.people) or "nobody")
    speakers = list(dict.fromkeys(segment.speaker for segment in conversation.segments))
    first = next((segment.text for segment in conversation.segments if segment.own), conversation.segments[0].text)
    return {
        "id": hashlib.sha256(f"{conversation.start.isoformat()} {title}".encode()).hexdigest()[:24],
        "created_at": _time(conversation.end),
        "started_at": _time(conversation.start),
        "finished_at": _time(conversation.end),
        "transcript_segments": [_segment(segment, speakers) for segment in conversation.segments],
        "structured": {
            "title": title,
            "overview": f"{title}. {first}",
            "emoji": "💬",
            "category": category,
            "action_items": [],
            "events": [],
        },
        "discarded": False,
    }


def _segment(segment: Segment, speakers: list[str]) -> dict[str, Any]:
    number = speakers.index(segment.speaker)
    row: dict[str, Any] = {
        "text": segment.text,
        "speaker": f"SPEAKER_{number:02d}",
        "speakerId": number,
        "speaker_name": segment.speaker,
        "is_user": segment.own,
        "start": segment.start_s,
        "end": segment.end_s,
    }
    return row | ({"tone": segment.tone} if segment.tone else {})


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
