"""What the person decided: the latest word on a name counts, also after the journal was opened anew."""

from __future__ import annotations

from pathlib import Path

from hearthside.journal import Journal
from hearthside.journal.decisions import decide, decided

KEY = b"\1" * 32
NOW_MS = 1_797_000_000_000


def test_the_latest_word_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path, KEY, lambda: NOW_MS)
    assert decided(journal) == {}
    decide(journal, "home_zone", "Europe/Berlin", NOW_MS)
    decide(journal, "names", ["Ann", "Änn"], NOW_MS + 1)
    decide(journal, "home_zone", "Asia/Tokyo", NOW_MS - 5)  # the clock was set back: arrival decides
    assert decided(journal) == {"home_zone": "Asia/Tokyo", "names": ["Ann", "Änn"]}
    journal.close()
    again = Journal(tmp_path, KEY, lambda: NOW_MS)
    assert decided(again)["home_zone"] == "Asia/Tokyo"
    again.close()


def test_back_and_forth_within_one_millisecond(tmp_path: Path) -> None:
    journal = Journal(tmp_path, KEY, lambda: NOW_MS)
    for value in (True, False, True, None, True):
        decide(journal, "pause:glasses", value, NOW_MS)
        assert decided(journal) == {"pause:glasses": value}
    journal.close()
