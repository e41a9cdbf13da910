"""Beliefs as the page shows them: nothing left out, the person's word on each, and nothing of what was forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.app.house import House
from hearthside.app.known_words import TOPICS, amount_words
from hearthside.app.rooms import with_vault
from hearthside.erasure import Wanted, preview
from hearthside.errors import Refused
from hearthside.events import DAY_MS, Event, Layer, Origin, Trust
from hearthside.memory.decisions import KIND as DECISION
from hearthside.memory.decisions import Verdict
from hearthside.memory.facts.annotation import Finding, annotation_event
from hearthside.memory.preferences.gleaning import TITLES
from hearthside.web.known_views import TREND_WORDS, KnownItem, KnownView
from tests.app.helpers import NOW_MS, house_in

_DAY0 = NOW_MS - 400 * DAY_MS


def said(day: int, words: str, by: str = "") -> Event:
    """A message of the person, or of somebody."""
    return Event(
        "whatsapp", "message", Layer.TEXT, _DAY0 + day * DAY_MS, Origin.PERSON if by else Origin.SELF,
        Trust.KNOWN if by else Trust.OWN, {"conversation": "Ida", "sender": by or "me"}, clock="export:whatsapp",
        text=words,
    )  # fmt: skip


def played(day: int, artist: str) -> Event:
    """A song."""
    return Event(
        "last_fm", "listen", Layer.AUDITORY, _DAY0 + day * DAY_MS, Origin.SELF, Trust.OWN,
        {"artist": artist, "track": "x"}, clock="export:last_fm", text=f"{artist} – x",
    )  # fmt: skip


def take(house: House, *events: Event) -> None:
    """Journal and line up."""
    house.rooms.journal.append(list(events))
    house.keep_in_step()


def life(house: House) -> None:
    """One artist loved and left, one come to, one that stayed, and a few words."""
    take(
        house,
        *[played(day, "Ferns") for day in range(0, 200, 2)], *[played(day, "Low Water") for day in range(330, 400, 2)],
        *[played(day, "Old Harbour") for day in range(0, 400, 3)],
        said(10, "I live in Lindenau these days"), said(12, "I live in Plagwitz, you know"),
        said(20, "I'm allergic to walnuts, by the way"), said(30, "I'm allergic to pears, sadly", by="Ida"),
    )  # fmt: skip


def item(view: KnownView, words: str) -> KnownItem:
    """The one item whose sentence holds these words."""
    [found] = [i for t in view.topics for i in t.items() if words in i.sentence]
    return found


def sentences(house: House) -> list[str]:
    return [i.sentence for t in house.known.view().topics for i in t.items()]


def test_everything_that_is_known_stands_under_a_topic(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        assert house.known.view().topics == []
        life(house)
        view, knowing = house.known.view(), house.rooms.knowing
        shown = [i.id for t in view.topics for i in t.items()]
        assert sorted(shown) == sorted([p.id for p in knowing.preferences()] + [f.id for f in knowing.facts()])
        assert (view.facts, view.preferences) == (len(knowing.facts()), len(knowing.preferences()))
        assert view.counted == sum(len(tally.names) for tally in knowing.tallies().values())
        assert {i.trend for t in view.topics for i in t.items()} <= TREND_WORDS.keys()
        [others] = [t for t in view.topics if t.key == "others"]
        assert [i.sentence for i in others.items()] == ["Ida said: “I'm allergic to pears, sadly”"]
        assert others.items()[0].value is None  # nobody but Ida can correct what Ida said


def test_every_kind_of_preference_has_its_place() -> None:
    placed = {kind for words in TOPICS for kind in words.kinds}
    assert placed >= TITLES.keys()
    assert [amount_words(n, "times") for n in (1, 1200)] == ["once", "1,200 times"]
    assert [amount_words(n, "seconds") for n in (600, 36_000)] == ["10 minutes", "10 hours"]
    assert amount_words(3, "hours") == "3 hours"


def test_sentences_say_which_way_it_goes_and_since_when(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        life(house)
        view = house.known.view()
        gone = item(view, "listen to Ferns")
        assert gone.past and gone.sentence.startswith("You no longer listen to Ferns; you did from October 2025 to")
        rising = item(view, "listen to Low Water")
        assert (rising.trend, rising.sentence) == (
            "rising", "You listen to Low Water a lot lately, more than before; it began in September 2026.",
        )  # fmt: skip
        assert "on record from the start, October 2025" in item(view, "listen to Old Harbour").sentence
        assert max(i.strength for t in view.topics if t.key == "music" for i in t.items()) == 1.0
        assert item(view, "listen to Ferns").strength_words == "100 times in all"
        assert (rising.months[-1][0], rising.heard_to[:7], len(rising.months)) == ("2026-11-16", "2026-11", 11)
        assert gone.months[-1][0] == gone.heard_to == "2026-11" and "counts half" in rising.detail


def test_contradictions_stand_side_by_side(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        life(house)
        [(one, other)] = house.known.view().against
        assert {one.sentence, other.sentence} == {"You live in Lindenau.", "You live in Plagwitz."}
        house.known.decide(one.id, Verdict.FORGET)
        assert house.known.view().against == []


def test_a_word_is_told_and_can_be_taken_back(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        life(house)
        before = sentences(house)
        known = house.known
        allergy, ferns = item(known.view(), "walnuts"), item(known.view(), "listen to Ferns")
        known.decide(allergy.id, Verdict.CORRECT, "hazelnuts")
        known.decide(ferns.id, Verdict.FORGET)
        view = known.view()
        assert [word.verdict for word in view.words] == [Verdict.FORGET, Verdict.CORRECT]
        assert view.words[0].sentence == "You asked me not to believe: Music: Ferns."
        assert "walnuts" in view.words[1].sentence and "hazelnuts" in view.words[1].sentence
        corrected = item(view, "hazelnuts")
        assert (corrected.decided, corrected.undo) == ("corrected", allergy.id)
        assert known.evidence(corrected.evidence)[0].text == "Your own word on this"
        known.decide(corrected.id, Verdict.CORRECT, "almonds")  # once more: it takes the place of the former one
        assert "hazelnuts" not in " ".join(sentences(house)) and item(known.view(), "almonds").undo == allergy.id
        with pytest.raises(Refused):
            known.decide(item(known.view(), "almonds").id, Verdict.CORRECT, " ")
        house.wait(house.start_rebuild())
        assert item(known.view(), "almonds").decided == "corrected"
        for word in known.view().words:
            known.decide(word.item, Verdict.UNDO)
        assert (sentences(house), known.view().words) == (before, [])


def test_what_is_pinned_stays_and_a_hidden_correction_is_named(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        life(house)
        known = house.known
        known.decide(item(known.view(), "listen to Ferns").id, Verdict.PIN)
        pinned = item(known.view(), "listen to Ferns")
        assert pinned.decided == "pinned" and not pinned.past
        known.decide(item(known.view(), "walnuts").id, Verdict.CORRECT, "hazelnuts")
        known.decide(item(known.view(), "hazelnuts").id, Verdict.FORGET)
        assert "You asked me not to believe: hazelnuts." in [word.sentence for word in known.view().words]


def test_what_cannot_be_done_is_refused(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        life(house)
        for wish in (("0" * 32, Verdict.PIN, ""), (item(house.known.view(), "walnuts").id, Verdict.CORRECT, "  ")):
            with pytest.raises(Refused):
                house.known.decide(*wish)
        with pytest.raises(Refused):
            house.known.evidence(["no id"])
        assert house.known.evidence(["ab" * 16]) == []


def test_what_was_counted_is_all_there(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        take(house, *[played(n, f"Band {n % 150}") for n in range(300)], played(1, "Ferns"))
        first = house.known.counted("artist")
        second = house.known.counted("artist", "", 100)
        assert (first.found, len(first.things), len(second.things)) == (151, 100, 51)
        assert len({one.what for one in (*first.things, *second.things)}) == 151
        [ferns] = house.known.counted("artist", "fer").things
        assert (ferns.days, ferns.amount) == (1, "once")
        assert house.known.evidence([ferns.last])[0].text == "Ferns – x"
        assert house.known.counted("nothing").found == 0


def test_forgetting_reaches_what_is_believed_at_once(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        life(house)
        journal, known = house.rooms.journal, house.known
        [told] = [i.id for i in journal.read(kinds=["message"]) if "walnuts" in getattr(i.record, "text", "")]
        [other] = [i.id for i in journal.read(kinds=["message"]) if "Lindenau" in getattr(i.record, "text", "")]
        findings = [
            Finding(told, 4, 23, "health", "allergic to walnuts"),
            Finding(other, 10, 18, "lives_in", "Lindenau"),
        ]
        journal.append([annotation_event("m", [told, other], findings, NOW_MS - DAY_MS)])
        known.decide(item(known.view(), "You are allergic to walnuts").id, Verdict.CORRECT, "all kinds of walnuts")
        assert "walnuts" in " ".join(sentences(house))
        house.forget(preview(journal, house.rooms.stream, Wanted(words=("walnuts",))))
        view = known.view()
        assert "walnuts" not in str(view)
        assert list(journal.read(kinds=[DECISION])) == [] and view.words == []
        [kept] = [i.record for i in journal.read(kinds=["annotation"]) if isinstance(i.record, Event)]
        assert kept.payload["read"] == [other.hex()] and [f["value"] for f in kept.payload["findings"]] == ["Lindenau"]
        rows = [row for name in ("statements", "preferences") for row in house.rooms.knowing.gleanings.rows(name)]
        assert "walnuts" not in str(rows) and rows


def test_new_keys_and_a_damaged_file_lose_nothing(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        life(house)
        before, mark = sentences(house), house.rooms.knowing.gleanings.fingerprint()
        house.known.decide(item(house.known.view(), "listen to Ferns").id, Verdict.PIN)
        assert house.wait(house.start_rotation()).state == "done"
        assert (sentences(house), house.rooms.knowing.gleanings.fingerprint()) == (before, mark)
        house.take_vault(with_vault(house.rooms, house.rooms.reopen()))
        assert item(house.known.view(), "listen to Ferns").decided == "pinned"
    file = tmp_path / "vault" / "knowing.db"
    file.write_bytes(b"no database" * 1000)
    with house_in(tmp_path) as house:
        assert (sentences(house), house.rooms.knowing.gleanings.fingerprint()) == (before, mark)


def test_the_sample_life_is_believed_with_evidence_for_everything(sample_vault: Path) -> None:
    with house_in(sample_vault) as house:
        view = house.known.view()
        assert len(view.topics) >= 8 and view.facts > 5
        for shown in (i for t in view.topics for i in t.items()):
            assert house.known.evidence(shown.evidence), shown.sentence
