"""A folder is listed anew when it changed, also when two changes fall into one step of its time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hearthside.journal import listing
from hearthside.journal.listing import Listing


def test_changes_show_and_the_same_names_are_the_same_list(tmp_path: Path) -> None:
    names = Listing(tmp_path)
    assert names.names() == []
    (tmp_path / "a").touch()
    first = names.names()
    assert first == ["a"]
    assert names.names() is first


def test_a_change_in_the_same_step_of_the_folders_time_shows(tmp_path: Path) -> None:
    names = Listing(tmp_path)
    for number in range(50):
        (tmp_path / f"{number}").touch()
        os.utime(tmp_path, ns=(1_000_000_000, 1_000_000_000))  # as if no time had passed
        assert len(names.names()) == number + 1


def test_a_folder_at_rest_is_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_SETTLED_S", 0.0)
    names = Listing(tmp_path)
    (tmp_path / "a").touch()
    while not names._known[2]:
        names.names()

    def listed(folder: str) -> list[str]:
        raise AssertionError("listed again")

    monkeypatch.setattr(os, "listdir", listed)
    assert names.names() == ["a"]
    (tmp_path / "b").touch()
    os.utime(tmp_path, ns=(1_000_000_000, 1_000_000_000))
    with pytest.raises(AssertionError, match="listed again"):
        names.names()
