"""`hearthside nodes`: pairing with a code, what is shown, letting go."""

from __future__ import annotations

import pytest

from tests.app.waiting_node import waiting_node
from tests.cli.ended import Ended, Run
from tests.web.demo_nodes import DemoNodes


def _pair(run: Run, monkeypatch: pytest.MonkeyPatch, *more: str) -> Ended:
    with waiting_node() as (port, code):
        monkeypatch.setenv("HEARTHSIDE_PAIRING_CODE", code)
        return run("nodes", "pair", f"127.0.0.1:{port}", *more)


def test_without_a_node_the_way_to_one_is_said(run: Run) -> None:
    ended = run("nodes")
    assert ended.status == 0 and "hearthside compute" in ended.out
    assert run("nodes", "--json").json() == []


def test_a_node_is_paired_shown_and_let_go(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    paired = _pair(run, monkeypatch, "--name", "Spark")
    assert paired.status == 0 and "Paired with Spark" in paired.out
    (row,) = run("nodes", "--json").json()
    assert (row["name"], row["phase"]) == ("Spark", "down") and "does not answer" in row["sentence"]
    shown = run("nodes").out
    assert row["id"] in shown and "Spark" in shown and "down" in shown
    assert run("nodes", "revoke", row["id"]).status == 0
    assert run("nodes", "--json").json() == []
    again = run("nodes", "revoke", row["id"])
    assert again.status == 5 and "node-unknown" in again.err


def test_a_wrong_code_pairs_nothing_and_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with waiting_node() as (port, _):
        monkeypatch.setenv("HEARTHSIDE_PAIRING_CODE", "0000-0000-0000")
        ended = run("nodes", "pair", f"127.0.0.1:{port}")
    assert ended.status == 5 and "pairing-code-wrong" in ended.err and run("nodes", "--json").json() == []
    assert run("nodes", "pair", "https://spark").status == 5


def test_a_plug_without_a_home_assistant_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _pair(run, monkeypatch)
    (row,) = run("nodes", "--json").json()
    ended = run("nodes", "plug", row["id"], "switch.spark")
    assert ended.status == 5 and "plug-not-usable" in ended.err
    assert run("nodes", "plug", row["id"], "none").status == 0


def test_looking_for_nodes_leaves_out_those_paired(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from hearthside.inference.remote.announce import FoundNode

    found = [FoundNode("a" * 16, "192.0.2.7", 8421, True), FoundNode("b" * 16, "2001:db8::7", 8421, False)]
    monkeypatch.setattr("hearthside.app.nodes.find_nodes", lambda seconds, egress: found)
    ended = run("nodes", "find")
    assert "192.0.2.7:8421  waits" in ended.out and "[2001:db8::7]:8421  does not wait" in ended.out
    assert len(run("nodes", "find", "--json").json()) == 2
    monkeypatch.setattr("hearthside.app.nodes.find_nodes", lambda seconds, egress: [])
    assert "hearthside nodes pair" in run("nodes", "find").out


def test_what_a_node_can_do_beside_language_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = DemoNodes().nodes
    monkeypatch.setattr("hearthside.app.nodes.NodesDesk.look", lambda desk: rows)
    said = run("nodes").out
    assert "Study finds texts by meaning, hears speech (English at least), reads text in pictures.\n" in said
    assert "Old laptop finds texts by meaning.\n" in said and "Attic " not in said.partition("└")[2]
    assert run("nodes", "--json").json()[0]["tasks"] == ["embed", "transcribe", "read_picture"]
