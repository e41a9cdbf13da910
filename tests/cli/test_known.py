"""`hearthside known`: the beliefs in the terminal, as text and as JSON."""

from __future__ import annotations

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


def test_an_empty_vault_believes_nothing(run: Run) -> None:
    ended = run("known")
    assert (ended.status, ended.out.splitlines()[-1].startswith("0 facts, 0 tastes")) == (0, True)
