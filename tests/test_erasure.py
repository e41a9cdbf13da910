"""Forgetting: nothing of it can be read, found or served afterwards, and everything else stays as it was."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hearthside.alignment.show import show_slice
from hearthside.companion.offers import OfferDesk
from hearthside.companion.receptivity import gate_state
from hearthside.erasure import Wanted, forget, preview
from hearthside.errors import NeedsPerson, Refused
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Json, Layer, Origin, Precision, Series, Trust
from hearthside.identity.database import open_database
from hearthside.identity.vault import Vault
from hearthside.inference.adapters import AdapterState
from hearthside.intake.cursors import Cursor, Cursors
from hearthside.journal import files
from hearthside.journal.keyring import Keyring
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.sealing import unseal
from hearthside.memory.hits import Filters
from hearthside.memory.index import embedding_event
from hearthside.memory.search import search
from hearthside.night.rounds import record_round
from hearthside.sources import load_source
from hearthside.sources.reading import Reading, Sample
from hearthside.sources.trail import Mark
from tests.night.helpers import START_MS, SmallVault, message, small_vault, stage

_DAY, _NEXT = "2026-03-05", "2026-03-06"
_AT = START_MS + 4 * DAY_MS + 12 * HOUR_MS  # noon of _DAY
_ALL = Filters()


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[SmallVault]:
    with small_vault(tmp_path) as opened:
        yield opened


def _forget(vault: SmallVault, first: str = _DAY, last: str = _DAY, source: str = "") -> tuple[int, list[str]]:
    chosen = preview(vault.journal, vault.stream, Wanted(first, last, source))
    report = forget(vault.journal, vault.stream, vault.index, vault.registry, chosen, vault.clock)
    return report.records, report.tainted


def _kept(vault: SmallVault) -> set[str]:
    return {item.record.text for item in vault.journal.read(kinds=["message"]) if isinstance(item.record, Event)}


def _series(measure: str, start_ms: int, minutes: int, source: str = "ring") -> Series:
    return Series(source, measure, Layer.BEHAVIOURAL, start_ms, MINUTE_MS, np.full(minutes, 61.0), "1/min", "device")


def _companion(kind: str, at_ms: int, text: str, payload: dict[str, Json]) -> Event:
    return Event("companion", kind, Layer.TEXT, at_ms, Origin.AI, Trust.UNKNOWN, payload, "station", text=text)


def _everything(folder: Path) -> bytes:
    """Every database page in the clear, free ones included, and every record that any key left can open."""
    vault = Vault(folder, b"\1" * 32)
    root = vault.key("journal")
    paths = {folder / f"{name}.db": vault.key(name) for name in ("stream", "index")}
    paths |= {path: year_keys([root])[0] for path in files.year_files(folder / "journal")}
    found = b""
    for path, key in paths.items():
        connection = open_database(path, key)
        found += bytes(connection.serialize("main"))
        connection.close()
    return found + _opened(folder, root)


def _opened(folder: Path, root: bytes) -> bytes:
    keyring = Keyring(folder / "journal", keyring_keys([root]))
    found = b""
    for path in files.year_files(folder / "journal"):
        connection = open_database(path, year_keys([root])[0])
        for seq, sealed in connection.execute("SELECT seq, sealed FROM record WHERE sealed IS NOT NULL"):
            for key_id in keyring.ids():
                with suppress(NeedsPerson):
                    found += unseal(keyring.by_id(key_id).cipher, seq, sealed).raw
        connection.close()
    keyring.close()
    return found


def test_a_preview_changes_nothing(vault: SmallVault) -> None:
    vault.keep([message("gone", _AT), message("kept", _AT + DAY_MS), message("also gone", _AT + 1)])
    head = vault.journal.head()
    found = preview(vault.journal, vault.stream, Wanted(_DAY, _DAY))
    assert (found.records, found.by_kind, found.in_words()) == (2, {"message": 2}, "2 message")
    assert preview(vault.journal, vault.stream, Wanted("2020-01-01", "2020-01-02")).in_words() == "nothing"
    assert vault.journal.head() == head


def test_days_are_forgotten_everywhere(vault: SmallVault, tmp_path: Path) -> None:
    gone = message("the zyxwvutsrq affair", _AT, Origin.PERSON, "Plugh")
    vault.keep([gone, message("nothing of it", _AT + DAY_MS), message("nor before", _AT - DAY_MS)])
    assert search(vault.index, vault.journal, vault.stream, "zyxwvutsrq", _ALL, 5, None)[0].id == gone.id.hex()
    assert b"zyxwvutsrq" in _everything(tmp_path)
    assert _forget(vault) == (1, [])
    assert _kept(vault) == {"nothing of it", "nor before"}
    assert search(vault.index, vault.journal, vault.stream, "zyxwvutsrq affair", _ALL, 5, None) == []
    assert vault.stream.occurrences(local_days=(_DAY, _DAY)) == []
    assert vault.stream.get(gone.id) is None
    around = show_slice(vault.stream, vault.journal, _AT + MINUTE_MS)
    assert all(not layer.now and not layer.last for layer in around.layers)
    content = _everything(tmp_path)
    for trace in (b"zyxwvutsrq", b"Plugh", gone.id, gone.id.hex().encode()):
        assert trace not in content
    report = vault.journal.verify()
    assert (report.forgotten, report.bad_seq) == (1, [])


def test_the_raw_row_keeps_nothing(vault: SmallVault, tmp_path: Path) -> None:
    vault.keep([message("secret", _AT)])
    _forget(vault)
    [path] = files.year_files(tmp_path / "journal")
    connection = open_database(path, year_keys([Vault(tmp_path, b"\1" * 32).key("journal")])[0])
    row = connection.execute("SELECT source, kind, start_ms, end_ms, key, sealed FROM record WHERE seq = 1").fetchone()
    connection.close()
    assert row == ("", "forgotten", 0, None, None, None)


def test_the_record_of_it_reveals_nothing(vault: SmallVault) -> None:
    vault.keep([message("secret", _AT), message("kept", _AT + DAY_MS)])
    _forget(vault)
    (record,) = vault.journal.read(kinds=["erasure"])
    assert isinstance(record.record, Event)
    assert (record.record.payload, record.record.text) == ({"records": 1, "tainted": 0}, "")


def test_one_source_is_forgotten_and_the_others_stay(vault: SmallVault) -> None:
    other = replace(message("from elsewhere", _AT), source="other_chat")
    vault.journal.append([_series("heart_rate", _AT, 30, "other_chat")])
    vault.keep([message("gone", _AT), other])
    assert _forget(vault, source="whatsapp") == (1, [])
    assert _kept(vault) == {"from elsewhere"}
    assert len(list(vault.journal.read(kinds=["heart_rate"]))) == 1


def test_samples_of_the_days_go_and_those_beside_stay(vault: SmallVault) -> None:
    """A source with nothing but series and days, as a step counter is."""
    day = Event(
        "ring", "activity_day", Layer.BEHAVIOURAL, START_MS + 4 * DAY_MS, Origin.DEVICE, Trust.OWN, {"steps": 9},
        "device", precision=Precision.DAY,
    )  # fmt: skip
    met = [_series("met", START_MS + n * DAY_MS + 4 * HOUR_MS, 1440) for n in (3, 4, 5)]
    vault.keep([day])
    vault.journal.append(met)
    vault.stream.update()
    _forget(vault, source="ring")
    assert [item.id for item in vault.journal.read(kinds=["met"])] == [met[0].id, met[2].id]
    assert list(vault.journal.read(kinds=["activity_day"])) == []


def test_the_pulse_of_a_night_goes_with_the_night(vault: SmallVault) -> None:
    evening = START_MS + 3 * DAY_MS + 20 * HOUR_MS
    night = Event(
        "ring", "sleep", Layer.BEHAVIOURAL, evening, Origin.DEVICE, Trust.OWN, {}, "device",
        end_ms=evening + 5 * HOUR_MS,
    )  # fmt: skip
    vault.keep([night])
    vault.journal.append([_series("heart_rate", evening, 180), _series("heart_rate", evening - 2 * HOUR_MS, 60)])
    vault.stream.update()
    assert _forget(vault) == (2, [])  # the night belongs to the morning on which it ends
    assert [item.record.start_ms for item in vault.journal.read(kinds=["heart_rate"])] == [evening - 2 * HOUR_MS]


def test_an_earlier_form_does_not_come_back(vault: SmallVault) -> None:
    old = message("first wording", _AT, Origin.PERSON, key="k")
    vault.keep([old])
    vault.keep([replace(old, origin=Origin.SELF)])
    assert _forget(vault) == (2, [])
    assert _kept(vault) == set()
    assert vault.stream.occurrences() == []


def test_what_was_perceived_in_it_goes_too(vault: SmallVault) -> None:
    gaze = replace(message("", _AT, kind="gaze"), source="glasses")
    dwell = replace(message("cake", _AT, kind="dwell", of=gaze.id.hex()), source="gaze_dwell")
    vault.keep([gaze, dwell, replace(dwell, text="other", payload={"of": "00" * 16})])
    assert _forget(vault, source="glasses") == (2, [])
    assert [item.record.text for item in vault.journal.read(kinds=["dwell"]) if isinstance(item.record, Event)] == [
        "other"
    ]


def test_answers_that_quote_it_go_too(vault: SmallVault) -> None:
    gone, kept = message("the red door", _AT), message("the blue door", _AT + DAY_MS)
    answers = [
        _companion("answer", _AT + 9 * DAY_MS, f"You wrote: {e.text}", {"evidence": [e.id.hex()], "question": ""})
        for e in (gone, kept)
    ]
    proposal = _companion("proposal", _AT + 9 * DAY_MS, "You saw a red door.", {"evidence": [gone.id.hex()]})
    vault.keep([gone, kept, *answers, proposal])
    assert _forget(vault) == (3, [])
    assert [item.id for item in vault.journal.read(kinds=["answer", "proposal"])] == [answers[1].id]


def test_a_wish_for_a_later_answer_goes_with_its_question(vault: SmallVault) -> None:
    gone, kept = (_companion("question", _AT + n * DAY_MS, f"Where is door {n}?", {}) for n in (0, 1))
    wishes = [
        _companion("answer_later", _AT + 9 * DAY_MS, "", {"question": q.id.hex(), "state": "waits"})
        for q in (gone, kept)
    ]
    vault.keep([gone, kept, *wishes])
    assert _forget(vault) == (2, [])
    assert [item.id for item in vault.journal.read(kinds=["answer_later"])] == [wishes[1].id]


def test_a_never_outlives_the_offer_it_was_said_to(vault: SmallVault) -> None:
    now = _AT + DAY_MS
    night = message("three hours", _AT)
    offers = [
        _companion("offer", now + n, "Three hours of sleep.", {"rule": rule, "evidence": [night.id.hex()], "value": 1,
                                                               "reason": "It was short."})
        for n, rule in enumerate(["short_night", "quiet_place"])
    ]  # fmt: skip
    reaction = _companion("reaction", now + 9, "", {"offer": offers[0].id.hex(), "reaction": "never"})
    vault.keep([night, *offers, reaction])
    before = gate_state(vault.journal, now + 10)
    assert (before.never, before.open_offer) == (frozenset({"short_night"}), offers[1].id)
    assert _forget(vault) == (3, [])
    after = gate_state(vault.journal, now + 10)
    assert (after.never, after.open_offer) == (frozenset({"short_night"}), None)
    (left,) = (item.record for item in vault.journal.read(kinds=["offer"]) if isinstance(item.record, Event))
    assert (left.text, left.payload["reason"], left.payload["evidence"]) == ("", "", [])
    assert OfferDesk(vault.journal, vault.stream, lambda: now + 10).current() is None
    assert _forget(vault) == (0, [])


def test_vectors_are_sealed_again_without_it(vault: SmallVault, tmp_path: Path) -> None:
    gone, kept = message("gone", _AT), message("kept", _AT + DAY_MS)
    vectors = np.array([[0.25, 0.5], [0.75, 0.125]], dtype=np.float32)
    both = embedding_event("m", [gone.id, kept.id], vectors, 5)
    alone = embedding_event("m", [gone.id], vectors[:1], 6)
    vault.keep([gone, kept, both, alone])
    assert len(vault.index.by_meaning(vectors[0], "m", _ALL, 5)) == 2
    _forget(vault)
    (left,) = (item.record for item in vault.journal.read(kinds=["embedding"]) if isinstance(item.record, Event))
    assert left.payload["ids"] == [kept.id.hex()]
    stored = np.frombuffer(base64.b64decode(left.payload["vectors"]), dtype=np.float16)
    np.testing.assert_array_equal(stored, vectors[1].astype(np.float16))
    ((found, score),) = vault.index.by_meaning(vectors[1], "m", _ALL, 5)
    assert vault.index.ids([found]) == [kept.id]
    assert score == pytest.approx(float(vectors[1] @ vectors[1]))
    assert vectors[0].astype(np.float16).tobytes() not in _everything(tmp_path)
    assert vault.index.sizes()["waiting"] == 0


def test_adapters_that_learnt_from_it_are_out_of_service(vault: SmallVault) -> None:
    gone, kept = message("gone", _AT), message("kept", _AT + DAY_MS)
    vault.keep([gone, kept])
    ids = {}
    for name, learnt in (("old", gone), ("untouched", kept), ("new", gone)):
        ids[name] = stage(vault.registry, name.encode())
        vault.registry.promote(ids[name])
        record_round(
            vault.journal, vault.clock,
            {"adapter": ids[name], "samples": [learnt.id.hex()], "boundary_ms": 1, "own_words": 1, "curve": [],
             "receipt": [], "receipt_verified": True, "attestation": ""},
        )  # fmt: skip
    assert _forget(vault) == (1, [ids["new"]])  # "old" was retired: its weights are gone already
    states = {name: vault.registry.entry(adapter).state for name, adapter in ids.items()}
    assert states == {"old": AdapterState.RETIRED, "untouched": AdapterState.PREVIOUS, "new": AdapterState.TAINTED}
    assert vault.registry.active() is None
    assert "asked to forget" in vault.registry.entry(ids["new"]).reason


def test_rebuilt_rooms_are_the_same(vault: SmallVault) -> None:
    events = []
    for n in range(200):
        event = message(f"word{n % 17} again", START_MS + n * HOUR_MS, Origin.SELF if n % 3 else Origin.PERSON)
        events.append(replace(event, source="other_chat", offset_min=60) if n % 4 == 0 else event)
        events.append(replace(event, source="third_chat"))  # several in one minute
    vault.keep(events)
    vault.journal.append([_series("met", START_MS + n * DAY_MS, 1440) for n in range(8)])
    vault.keep([embedding_event("m", [e.id for e in events[:90]], np.ones((90, 3), dtype=np.float32), 7)])
    _forget(vault, source="whatsapp")
    _forget(vault, _NEXT, _NEXT)
    _forget(vault, "2026-03-03", "2026-03-03", source="other_chat")
    vault.keep([message("after it", _AT + 60 * DAY_MS)])
    before = vault.stream.fingerprint(), vault.index.fingerprint()
    vault.stream.rebuild()
    vault.index.rebuild()
    assert (vault.stream.fingerprint(), vault.index.fingerprint()) == before


class _Cut(Exception):
    """The power went."""


@pytest.mark.parametrize("cut_at", ["taint", "append", "forget", "rebuild"])
def test_cut_short_nothing_is_served_and_again_completes_it(
    vault: SmallVault, monkeypatch: pytest.MonkeyPatch, cut_at: str
) -> None:
    gone = message("the zyxwvutsrq affair", _AT)
    vault.keep([gone, embedding_event("m", [gone.id], np.ones((1, 2), dtype=np.float32), 5)])
    adapter = stage(vault.registry, b"weights")
    vault.registry.promote(adapter)
    record_round(
        vault.journal, vault.clock,
        {"adapter": adapter, "samples": [gone.id.hex()], "boundary_ms": 1, "own_words": 1, "curve": [], "receipt": [],
         "receipt_verified": True, "attestation": ""},
    )  # fmt: skip
    owner = {"taint": vault.registry, "append": vault.journal, "forget": vault.journal, "rebuild": vault.index}[cut_at]

    def cut(*_: object) -> None:
        raise _Cut

    with monkeypatch.context() as broken:
        broken.setattr(owner, cut_at, cut)
        with pytest.raises(_Cut):
            _forget(vault)
    if cut_at != "taint":
        assert vault.registry.active() is None
        assert search(vault.index, vault.journal, vault.stream, "zyxwvutsrq", _ALL, 5, None) == []
    _forget(vault)
    assert list(vault.journal.read(kinds=["message", "embedding"])) == []
    vault.stream.update()
    assert vault.stream.occurrences() == []
    assert vault.registry.active() is None
    assert vault.journal.verify().bad_seq == []


def test_a_person_is_forgotten_with_what_names_them(vault: SmallVault) -> None:
    vault.keep(
        [
            message("dinner with Mira tomorrow", _AT),
            message("hello", _AT + 1, Origin.PERSON, conversation="Mira Holt"),
            message("Miranda is a play", _AT + 2),
            message("nothing of it", _AT + 3),
            Event("glasses", "caption", Layer.VISUAL, _AT + 4, Origin.DEVICE, Trust.OWN,
                  {"text": "two people", "people": ["Mira"]}, "device:glasses", text="two people"),
        ]
    )  # fmt: skip
    chosen = preview(vault.journal, vault.stream, Wanted(person="Mira"))
    assert chosen.by_kind == {"message": 2, "caption": 1}
    forget(vault.journal, vault.stream, vault.index, vault.registry, chosen, vault.clock)
    assert _kept(vault) == {"Miranda is a play", "nothing of it"}


def test_words_are_forgotten_within_days_and_a_source(vault: SmallVault) -> None:
    vault.keep([message("the red bicycle", _AT), message("red wine", _AT + 1), message("a red bicycle", _AT + DAY_MS)])
    chosen = preview(vault.journal, vault.stream, Wanted(_DAY, _DAY, words=("red", "bicycle")))
    assert chosen.records == 1
    assert preview(vault.journal, vault.stream, Wanted(source="nobody", words=("red",))).records == 0
    assert preview(vault.journal, vault.stream, Wanted(source="whatsapp")).records == 3


def test_a_place_is_forgotten_with_the_positions_there(vault: SmallVault) -> None:
    def region(kind: str, at: int) -> Event:
        return Event("owntracks", kind, Layer.ENVIRONMENTAL, at, Origin.DEVICE, Trust.OWN, {"region": "Clinic"},
                     "device:phone", text="Clinic")  # fmt: skip

    def position(at: int) -> Event:
        return Event("owntracks", "position", Layer.ENVIRONMENTAL, at, Origin.DEVICE, Trust.OWN,
                     {"lat": 1.0, "lon": 2.0}, "device:phone")  # fmt: skip

    vault.keep(
        [
            region("region_enter", _AT), position(_AT + 10 * MINUTE_MS), message("still waiting", _AT + 11 * MINUTE_MS),
            region("region_leave", _AT + HOUR_MS), position(_AT + 2 * HOUR_MS),
        ]
    )  # fmt: skip
    chosen = preview(vault.journal, vault.stream, Wanted(place="Clinic"))
    assert chosen.by_kind == {"region_enter": 1, "region_leave": 1, "position": 1}


def test_nothing_named_forgets_nothing(vault: SmallVault) -> None:
    with pytest.raises(Refused) as error:
        preview(vault.journal, vault.stream, Wanted())
    assert error.value.code == "forget-what"


def test_a_round_no_longer_names_what_it_learnt_from(vault: SmallVault, tmp_path: Path) -> None:
    gone, kept = message("secret", _AT), message("kept", _AT + DAY_MS)
    vault.keep([gone, kept])
    record_round(vault.journal, vault.clock, {"samples": [gone.id.hex(), kept.id.hex()], "adapter": "a"})
    _forget(vault)
    [item] = vault.journal.read(kinds=["round"])
    assert isinstance(item.record, Event)
    assert item.record.payload["samples"] == [kept.id.hex()]
    assert gone.id.hex().encode() not in _everything(tmp_path)


def test_names_in_summaries_and_in_what_was_asked_go_too(vault: SmallVault) -> None:
    talk = Event(
        "omi", "conversation", Layer.AUDITORY, _AT, Origin.DEVICE, Trust.OWN,
        {"words_of_ai": {"overview": "Dinner.", "items": [{"who": "with Bronwyn"}]}}, "device:omi", text="",
    )  # fmt: skip
    asked = _companion("question", _AT + 1, "Who is Bronwyn?", {"conversation": "terminal"})
    answered = _companion("answer", _AT + 2, "I do not know a Bronwyn.", {"evidence": [], "question": "x"})
    vault.keep([talk, asked, answered, message("nothing of it", _AT + 3)])
    chosen = preview(vault.journal, vault.stream, Wanted(person="Bronwyn"))
    assert chosen.by_kind == {"conversation": 1, "question": 1, "answer": 1}
    by_word = preview(vault.journal, vault.stream, Wanted(words=("Bronwyn",)))
    assert by_word.ids == chosen.ids


def _decided(name: str, value: Json, at_ms: int) -> Event:
    payload: dict[str, Json] = {"name": name, "value": value}
    return Event("person", "setting", Layer.BEHAVIOURAL, at_ms, Origin.SELF, Trust.OWN, payload, clock="station")


def test_what_was_asked_after_the_last_day_of_the_life_goes_too(vault: SmallVault) -> None:
    late = _AT + 9 * DAY_MS
    asked = _companion("question", late, "Did Bronwyn write?", {"conversation": "terminal"})
    setting = _decided("manner", {"called": "Bronwyn"}, late + 1)
    other = _decided("zone", "Bronwyn/Bay", late + 2)
    vault.keep([message("dinner with Bronwyn", _AT), asked, setting, other])
    assert preview(vault.journal, vault.stream, Wanted(person="Bronwyn")).by_kind == {
        "message": 1, "question": 1, "setting": 1,
    }  # fmt: skip
    assert preview(vault.journal, vault.stream, Wanted(last=_DAY, person="Bronwyn")).by_kind == {"message": 1}


def test_what_was_remembered_of_imported_files_goes_too(vault: SmallVault, tmp_path: Path) -> None:
    """A cursor holds a digest of everything before it in a file, and an erasure makes it void anyway."""
    sample = Sample("likes.json", b'{"artist":"A","track":"T","album":"","uts":1000000000}\n')
    digest = hashlib.blake2b(sample.head, digest_size=32).digest()
    cursor = Cursor(Mark(1, len(sample.head), None, digest), 0, 1, 0)
    event = Cursors(vault.journal, vault.clock, Reading()).event(load_source("last_fm"), sample, cursor)
    vault.keep([message("gone", _AT), message("kept", _AT + DAY_MS)])
    vault.journal.append([event])
    assert digest.hex().encode() in _everything(tmp_path)
    assert _forget(vault) == (1, [])
    assert list(vault.journal.read(kinds=["cursor"])) == []
    content = _everything(tmp_path)
    for trace in (digest.hex().encode(), event.key.encode(), event.id):
        assert trace not in content
    assert _kept(vault) == {"kept"}
    assert vault.journal.verify().bad_seq == []
