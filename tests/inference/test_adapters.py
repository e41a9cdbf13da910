"""The registry keeps its promises: sealed, one active, and valid after a crash at any point."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hearthside.errors import NeedsPerson, Refused
from hearthside.identity import vault as vault_room
from hearthside.identity.vault import Vault, create_vault
from hearthside.inference import adapters
from hearthside.inference.adapters import AdapterManifest, AdapterRegistry, AdapterState

_MANIFEST = AdapterManifest("ab" * 32, "lora_sft", "2026-01-01", "2026-01-31", 1200, "receipt-1")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return create_vault(tmp_path / "vault", key_file=tmp_path / "key")


def _registry(vault: Vault) -> AdapterRegistry:
    return AdapterRegistry(vault, lambda: 1_700_000_000_000)


def _states(registry: AdapterRegistry) -> dict[str, str]:
    return {entry.id: entry.state.value for entry in registry.entries()}


def test_promotion_moves_active_to_previous_and_roll_back_returns(vault: Vault) -> None:
    registry = _registry(vault)
    one, two, three = (registry.stage(name, _MANIFEST) for name in (b"GGUF one", b"GGUF two", b"GGUF three"))
    assert [entry.id for entry in registry.staged()] == [one, two, three] and registry.active() is None
    for adapter in (one, two, three):
        registry.promote(adapter, {"bpc": 1.5})
    assert _states(registry) == {one: "retired", two: "previous", three: "active"}
    assert registry.bytes_of(three) == b"GGUF three" and registry.bytes_of(two) == b"GGUF two"
    with pytest.raises(Refused) as dropped:
        registry.bytes_of(one)
    assert dropped.value.code == "adapter-dropped"
    back = registry.roll_back("Worse in daily use.")
    assert back is not None and back.id == two and back.gate == {"bpc": 1.5}
    assert registry.entry(three).reason == "Worse in daily use." and registry.previous() is None
    assert registry.roll_back() is None and registry.active() is None
    assert registry.entry(one).data_to_day == "2026-01-31" and registry.entry(one).created_ms == 1_700_000_000_000


def test_repeated_steps_of_an_interrupted_night_change_nothing(vault: Vault) -> None:
    registry = _registry(vault)
    one = registry.stage(b"GGUF one", _MANIFEST)
    assert registry.stage(b"GGUF one", _MANIFEST) == one and len(registry.entries()) == 1
    registry.promote(one)
    registry.promote(one)
    two = registry.stage(b"GGUF two", _MANIFEST)
    registry.reject(two, "Not better.", {"bpc": 1.9})
    registry.reject(two, "Not better.")
    assert _states(registry) == {one: "active", two: "retired"} and registry.entry(two).gate == {"bpc": 1.9}
    for again in (lambda: registry.stage(b"GGUF two", _MANIFEST), lambda: registry.promote(two)):
        with pytest.raises(Refused):
            again()
    with pytest.raises(Refused) as unknown:
        registry.reject("0" * 24, "")
    assert unknown.value.code == "adapter-unknown"


def test_tainted_adapter_is_not_served_and_its_bytes_are_gone(vault: Vault) -> None:
    registry = _registry(vault)
    one, two = registry.stage(b"GGUF one", _MANIFEST), registry.stage(b"GGUF two", _MANIFEST)
    registry.promote(one)
    registry.promote(two)
    with pytest.raises(Refused):
        registry.taint([two, "0" * 24], "Forgotten on request.")
    assert _states(registry) == {one: "previous", two: "active"}
    registry.taint([two], "Forgotten on request.")
    assert registry.active() is None and registry.entry(two).state is AdapterState.TAINTED
    assert {path.name for path in (vault.folder / "adapters").iterdir()} == {
        f"{one}.sealed",
        "registry.sealed",
        ".lock",
    }


def test_nothing_readable_lies_on_the_disk(vault: Vault) -> None:
    registry = _registry(vault)
    adapter = registry.stage(b"GGUF my very own words", _MANIFEST)
    for path in (vault.folder / "adapters").iterdir():
        content = path.read_bytes()
        assert b"own words" not in content and b"lora_sft" not in content and adapter.encode() not in content
        assert path.name == ".lock" or path.stat().st_mode & 0o077 == 0


def test_wrong_key_and_swapped_files_are_noticed_and_nothing_is_touched(vault: Vault, tmp_path: Path) -> None:
    registry = _registry(vault)
    one, two = registry.stage(b"GGUF one", _MANIFEST), registry.stage(b"GGUF two", _MANIFEST)
    folder = vault.folder / "adapters"
    other = create_vault(tmp_path / "other", key_file=tmp_path / "other-key")
    shutil.copytree(folder, other.folder / "adapters")
    before = {path.name: path.read_bytes() for path in (other.folder / "adapters").iterdir()}
    with pytest.raises(NeedsPerson) as wrong:
        _registry(other)
    assert wrong.value.code == "adapters-key-wrong"
    assert {path.name: path.read_bytes() for path in (other.folder / "adapters").iterdir()} == before
    shutil.copy(folder / f"{one}.sealed", folder / f"{two}.sealed")
    with pytest.raises(NeedsPerson):
        registry.bytes_of(two)
    assert registry.bytes_of(one) == b"GGUF one"
    (folder / f"{one}.sealed").unlink()
    with pytest.raises(NeedsPerson) as missing:
        registry.bytes_of(one)
    assert missing.value.code == "adapter-file-missing"


class _Crash(BaseException):
    """The power goes."""


def _crash_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break off before or after the n-th change of the disk: even steps before it, odd ones after it."""
    done = 0

    def breaking(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*args: Any, **options: Any) -> None:
            nonlocal done
            for moment in (0, 1):
                if done == step:
                    raise _Crash
                done += 1
                if moment == 0:
                    change(*args, **options)

        return changed

    monkeypatch.setattr(adapters, "write_private", breaking(vault_room.write_private))
    monkeypatch.setattr(Path, "unlink", breaking(Path.unlink))


@pytest.mark.parametrize("operation", ["stage", "promote", "reject", "roll_back", "taint"])
def test_crash_at_any_point_leaves_the_old_registry_or_the_new(
    operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    for step in range(12):
        vault = create_vault(tmp_path / str(step), key_file=tmp_path / "key")
        registry = _registry(vault)
        ids = [registry.stage(b"GGUF %d" % number, _MANIFEST) for number in range(4)]
        for adapter in ids[:3]:
            registry.promote(adapter)
        before = _states(registry)
        crashed = False
        with monkeypatch.context() as patched:
            _crash_at(step, patched)
            try:
                _change(registry, operation, ids)
            except _Crash:
                crashed = True
        again = _registry(vault)
        _check_valid(again, vault)
        seen.add(tuple(sorted(_states(again).values())))
        if not crashed:
            assert _states(again) != before
            break
    assert not crashed and len(seen) == 2  # the old and the new, nothing between


def _change(registry: AdapterRegistry, operation: str, ids: list[str]) -> None:
    if operation == "stage":
        registry.stage(b"GGUF new", _MANIFEST)
    elif operation == "promote":
        registry.promote(ids[3])
    elif operation == "reject":
        registry.reject(ids[3], "Not better.")
    elif operation == "roll_back":
        registry.roll_back()
    else:
        registry.taint([ids[1], ids[2]], "Forgotten.")


def _check_valid(registry: AdapterRegistry, vault: Vault) -> None:
    kept = [entry.id for entry in registry.entries() if entry.state.value in {"staged", "active", "previous"}]
    assert all(registry.bytes_of(adapter).startswith(b"GGUF") for adapter in kept)
    assert sum(entry.state is AdapterState.ACTIVE for entry in registry.entries()) <= 1
    names = {path.name for path in (vault.folder / "adapters").iterdir()}
    assert names == {f"{name}.sealed" for name in [*kept, "registry"]} | {".lock"}
