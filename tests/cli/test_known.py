"""`hearthside known`: the beliefs in the terminal, as text and as JSON."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.sample_vault import sample_folder
from tests.cli.ended import Run


@pytest.fixture
def sample(run: Run, at: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Points to the sample life, to look at only."""
    at(sample_folder(tmp_path_factory))


def test_everything_is_told_by_topic(run: Run, sample: None) -> None:
    ended, view = run("known", "--past"), run("known", "--json").json()
    assert ended.status == 0
    items = [item for topic in view["topics"] for group in topic["groups"] for item in group["items"]]
    assert len(items) == view["facts"] + view["preferences"] > 50
    for topic in view["topics"]:
        assert f"{topic['title']} ({topic['key']})" in ended.out
    for item in items:
        assert " ".join(item["sentence"].split()) in ended.out
        assert item["evidence"][-1][:12] in ended.out
    assert f"{view['facts']:,} facts, {view['preferences']:,} tastes" in ended.out


def test_one_topic_alone(run: Run, sample: None) -> None:
    [topic] = run("known", "apps", "--json").json()
    assert topic["key"] == "apps" and topic["groups"][0]["counted"] > 0
    shown = run("known", "Apps").out
    assert "Apps (apps)" in shown and "People" not in shown and "█" in shown and "counted" in shown
    wrong = run("known", "nonsense")
    assert (wrong.status, "topic-unknown" in wrong.err, "apps" in wrong.err) == (5, True, True)


def test_the_persons_word_is_taken_and_taken_back(
    run: Run, at: Callable[[Path], None], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at(Path(shutil.copytree(sample_folder(tmp_path_factory), tmp_path / "copy")))
    before = run("known", "--json").json()
    [low] = before["moods"]["low"]
    fact = next(i for t in before["topics"] for g in t["groups"] for i in g["items"] if i["value"])
    assert run("known", "--correct", low["id"][:12], "I had a cold").status == 0
    assert "You asked me not to believe" in run("known", "--forget", fact["id"][:12]).out
    after = run("known", "--json").json()
    assert "I had a cold" in after["moods"]["low"][0]["sentence"] and after["facts"] == before["facts"] - 1
    assert "I had a cold" in run("known", "moods").out
    for item in (low["id"], fact["id"]):
        assert run("known", "--undo", item[:12]).out.strip() == "Taken back."
    assert run("known", "--json").json()["moods"] == before["moods"]
    wrong = run("known", "--pin", "zz")
    assert (wrong.status, "memory-item-unknown" in wrong.err) == (5, True)


def test_an_empty_vault_believes_nothing(run: Run) -> None:
    ended = run("known")
    assert (ended.status, ended.out.splitlines()[-1].startswith("0 facts, 0 tastes")) == (0, True)
