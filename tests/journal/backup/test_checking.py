"""Every flipped bit, missing object and cut-off object of a backup is found and named."""

from __future__ import annotations

import random

import pytest

from hearthside.journal.backup import FolderTarget
from hearthside.journal.backup.checking import verify_target
from hearthside.journal.backup.layout import Sealer
from hearthside.journal.backup.reading import BackupReader
from tests.journal.backup.lives import Life, new_life, new_target, objects


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("checked")
    life = new_life(folder / "vault")
    target = new_target(folder / "disk", life.vault.id)
    ids = life.add(0, 30)
    life.photo(b"photo" * 1000)
    (life.folder / "adapters").mkdir()
    (life.folder / "adapters" / "registry.sealed").write_bytes(b"list")
    (life.folder / "hearthside.toml").write_text("night_hour = 4\n")
    life.back_up(target)
    life.journal.forget(ids[:5])
    life.back_up(target)
    life.add(30, 10)
    life.photo(b"second")
    life.back_up(target)
    return life


def _target(life: Life) -> FolderTarget:
    return FolderTarget(life.folder.parent / "disk", life.vault.id)


def _names(life: Life) -> list[str]:
    return sorted(name for name in objects(life.folder.parent / "disk") if name != "hearthside-backup.json")


def test_a_sound_backup_has_no_faults(life: Life) -> None:
    found = verify_target(_target(life), life.vault)
    assert found.sound
    assert (len(found.runs), found.objects, found.unknown) == (3, len(_names(life)), [])
    assert {name.partition("/")[0] for name in _names(life)} == {
        "heads", "segments", "changed", "keyrings", "recovery", "media", "media-lists", "adapters", "settings",
    }  # fmt: skip


def test_each_of_a_hundred_flipped_bits_is_found(life: Life) -> None:
    rng = random.Random(3)
    names = _names(life)
    for trial in range(100):
        name = names[trial % len(names)]
        path = life.folder.parent / "disk" / name
        whole = path.read_bytes()
        at = rng.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :])
        found = verify_target(_target(life), life.vault)
        path.write_bytes(whole)
        assert name in [fault.name for fault in found.faults], f"{name}, byte {at}"


def test_every_missing_and_every_cut_object_is_found(life: Life) -> None:
    newest = verify_target(_target(life), life.vault, deep=False).runs[0]
    reader = BackupReader(_target(life), Sealer(life.vault))
    earlier = {kept.name for name in reader.head_names()[1:] for kept in reader.manifest(name).objects()}  # type: ignore[union-attr]
    earlier -= {kept.name for kept in reader.manifest(reader.head_names()[0]).objects()}  # type: ignore[union-attr]
    earlier &= set(_names(life))
    assert len(earlier) == 2  # two copies of the keyring of the run before
    for name in _names(life):
        path = life.folder.parent / "disk" / name
        whole = path.read_bytes()
        for cut in (None, 0, len(whole) // 2, len(whole) - 1):
            if cut is None:
                path.unlink()
            else:
                path.write_bytes(whole[:cut])
            found = verify_target(_target(life), life.vault, deep=cut is not None, held=newest)
            path.write_bytes(whole)
            missed = name in [fault.name for fault in found.faults]
            assert missed or (cut is None and name in earlier), f"{name} cut to {cut}"


def test_things_of_others_are_left_alone(life: Life) -> None:
    path = life.folder.parent / "disk" / "notes.txt"
    path.write_text("mine")
    found = verify_target(_target(life), life.vault)
    path.unlink()
    assert found.unknown == ["notes.txt"]
    assert found.sound
