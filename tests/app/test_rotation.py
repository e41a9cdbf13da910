"""New keys for a vault leave the home known to the compute nodes that were paired with it."""

from __future__ import annotations

from pathlib import Path

from hearthside.identity.home_ca import FILE, HomeCa
from tests.app.helpers import house_in


def test_paired_nodes_go_on_knowing_the_home(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        before = HomeCa.open(house.rooms.vault)
        path = house.rooms.vault.folder / FILE
        sealed = path.read_bytes()
        assert house.wait(house.start_rotation()).state == "done"
        assert path.read_bytes() != sealed
        assert HomeCa.open(house.rooms.vault).fingerprint == before.fingerprint


def test_no_authority_is_made_where_no_node_was_paired(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        assert house.wait(house.start_rotation()).state == "done"
        assert not (house.rooms.vault.folder / FILE).exists()
