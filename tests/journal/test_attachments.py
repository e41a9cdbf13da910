"""References to media: the same back as put in, and nothing that only looks like one."""

from __future__ import annotations

import numpy as np
import pytest

from hearthside.events import Event, Json, Layer, Origin, Record, Series, Trust, record_from_body
from hearthside.journal.attachments import MediaRef, media_of, with_media

_PHOTO = MediaRef("ab" * 32, 1234, "image/jpeg", "IMG_0001.jpg")
_VOICE = MediaRef("cd" * 32, 0)


def _event(payload: dict[str, Json]) -> Record:
    return Event("whatsapp", "message", Layer.TEXT, 0, Origin.PERSON, Trust.KNOWN, payload, clock="export:whatsapp")


def test_references_come_back_in_order_and_through_the_journal() -> None:
    payload = with_media({"text": "look"}, [_PHOTO, _VOICE])
    assert payload["text"] == "look"
    assert payload["media"][0] == {
        "address": "ab" * 32,
        "bytes": 1234,
        "type": "image/jpeg",
        "name": "IMG_0001.jpg",
    }
    assert media_of(_event(payload)) == [_PHOTO, _VOICE]
    assert media_of(record_from_body(_event(payload).body())) == [_PHOTO, _VOICE]


def test_without_files_a_payload_stays_as_it_is() -> None:
    assert with_media({"text": "look"}, []) == {"text": "look"}
    assert media_of(_event({"text": "look"})) == []
    series = Series("oura", "hrv", Layer.BEHAVIOURAL, 0, 1000, np.zeros(2), "ms", "device:oura")
    assert media_of(series) == []


@pytest.mark.parametrize(
    "bad",
    [
        "words",
        None,
        7,
        {"address": "ab" * 32},
        {"address": "AB" * 32, "bytes": 1},
        {"address": "../" * 21 + "x", "bytes": 1},
        {"address": "ab" * 32 + "\n", "bytes": 1},
        {"address": 5, "bytes": 1},
        {"address": "ab" * 32, "bytes": -1},
        {"address": "ab" * 32, "bytes": True},
        {"address": "ab" * 32, "bytes": "1"},
    ],
)
def test_what_does_not_have_the_shape_is_no_reference(bad: Json) -> None:
    good = {"address": "cd" * 32, "bytes": 0, "type": 5, "name": None}
    assert media_of(_event({"media": [bad, good]})) == [_VOICE]
    assert media_of(_event({"media": bad})) == []
