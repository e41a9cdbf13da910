"""The media store keeps what it acknowledged, whole and secret, through faults, kills, crowds and rot."""

from __future__ import annotations

import errno
import hashlib
import io
import stat
import threading
import tracemalloc
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.identity.sealed_stream import CHUNK_BYTES, sealed_size
from hearthside.journal.media import MediaStore
from hearthside.journal.media_faults import FaultKind
from tests.journal.media_writer import ADDRESS_KEY, CANARY, Keys, Zeros, content_of, files_in, get, parts_in, put

_OLD, _NEW = content_of(3000), content_of(CHUNK_BYTES + 7)


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def store(tmp_path: Path, keys: Keys) -> MediaStore:
    return MediaStore(tmp_path / "media", ADDRESS_KEY, keys)


# --- keeping and reading ----------------------------------------------------------------------------------------------


def test_an_address_is_the_keyed_hash_of_the_content(store: MediaStore, tmp_path: Path) -> None:
    media = store.put(io.BytesIO(b"a picture"))
    assert media.address == hashlib.blake2b(b"a picture", key=ADDRESS_KEY, digest_size=32).hexdigest()
    assert media.size == store.size(media.address) == 9
    assert store.path(media.address) == tmp_path / "media" / media.address[:2] / media.address
    assert list(store.addresses()) == [media.address]
    other = MediaStore(tmp_path / "other", bytes(32), Keys())
    assert put(other, b"a picture") != media.address  # whoever lacks the key cannot tell what a name stands for


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(0, 2).flatmap(lambda n: st.integers(-2, 2).map(lambda d: max(0, n * CHUNK_BYTES + d))),
    data=st.data(),
)
def test_contents_of_every_size_come_back(store: MediaStore, size: int, data: st.DataObject) -> None:
    content = content_of(size)
    address = put(store, content)
    assert get(store, address) == content
    assert store.size(address) == size
    assert store.path(address).stat().st_size == sealed_size(size)
    start, length = data.draw(st.integers(0, size + 2)), data.draw(st.integers(0, 40))
    assert b"".join(store.read_range(address, start, length)) == content[start : start + length]
    assert store.check(address) is None


def test_the_same_content_is_kept_once(store: MediaStore, tmp_path: Path) -> None:
    first = put(store, content_of(5000))
    before = store.path(first).stat()
    again = MediaStore(tmp_path / "media", ADDRESS_KEY, store._keys)
    assert put(store, content_of(5000)) == put(again, content_of(5000)) == first
    assert files_in(tmp_path / "media") == [store.path(first)]
    assert store.path(first).stat().st_ino == before.st_ino


def test_nothing_lies_in_the_clear_and_only_the_owner_may_look(store: MediaStore, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir(mode=0o755)  # made by somebody careless
    address = put(store, content_of(CHUNK_BYTES + 10))
    assert all(CANARY not in path.read_bytes() for path in files_in(tmp_path))
    for path in [tmp_path / "media", *(tmp_path / "media").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert store.path(address).exists()


def test_while_it_is_written_it_is_sealed_too(store: MediaStore, tmp_path: Path) -> None:
    seen: list[bytes] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            seen.extend(path.read_bytes() for path in parts_in(tmp_path / "media"))
            return super().read(size)

    store.put(Watched(content_of(3 * CHUNK_BYTES)))
    assert max(map(len, seen)) > CHUNK_BYTES
    assert all(CANARY not in part for part in seen)


def test_every_file_has_a_key_of_its_own(store: MediaStore, keys: Keys) -> None:
    for number in range(20):
        put(store, b"%d" % number)
    assert len(set(keys.kept.values())) == len(keys.kept) == 20


def test_what_is_not_there_says_so(store: MediaStore, keys: Keys) -> None:
    with pytest.raises(Refused) as never:
        store.open("ab" * 32)
    assert never.value.code == "media-forgotten"
    address = put(store, b"words")
    store.path(address).unlink()
    for ask in (store.open, store.size, lambda address: store.read_range(address, 0, 1)):
        with pytest.raises(NeedsPerson) as missing:
            ask(address)  # at once, not at the first chunk
        assert missing.value.code == "media-missing"


@pytest.mark.parametrize(
    "name", ["", "ab", "../" * 21 + "x", "AB" * 32, "ab" * 32 + "\n", "/etc/passwd".ljust(64, "x")]
)
def test_no_name_leads_out_of_the_folder(store: MediaStore, name: str) -> None:
    for ask in (store.path, store.open, store.size, store.check, lambda name: store.remove([name])):
        with pytest.raises(Refused) as error:
            ask(name)
        assert error.value.code == "media-address-wrong"


def test_an_empty_store_leaves_no_trace_and_answers(store: MediaStore, tmp_path: Path) -> None:
    assert list(store.addresses()) == []
    assert store.verify() == []
    store.remove(["ab" * 32])
    assert list(tmp_path.iterdir()) == []


def test_a_long_file_takes_no_more_memory_than_a_few_chunks(store: MediaStore) -> None:
    size = 64 * CHUNK_BYTES + 3
    tracemalloc.start()
    try:
        media = store.put(Zeros(size))
        assert store.put(Zeros(size)) == media
        assert sum(map(len, store.open(media.address))) == media.size == size
        assert store.verify() == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * CHUNK_BYTES


# --- crowds -----------------------------------------------------------------------------------------------------------


def test_many_threads_put_the_same_contents(tmp_path: Path, keys: Keys) -> None:
    contents = [content_of(size) for size in (0, 10, 70_000, CHUNK_BYTES, CHUNK_BYTES + 1)]
    barrier = threading.Barrier(12)

    def put_all(turn: int) -> list[str]:
        store = MediaStore(tmp_path / "media", ADDRESS_KEY, keys)
        barrier.wait(60)
        order = contents[turn % 5 :] + contents[: turn % 5]
        return sorted(put(store, content) for content in order)

    with ThreadPoolExecutor(12) as pool:
        got = list(pool.map(put_all, range(12)))
    store = MediaStore(tmp_path / "media", ADDRESS_KEY, keys)
    assert all(addresses == list(store.addresses()) for addresses in got)
    assert store.verify(got[0]) == []
    assert len(files_in(tmp_path)) == 5


def test_putting_and_removing_at_once_leaves_each_content_whole_or_gone(tmp_path: Path, keys: Keys) -> None:
    contents = [b"%d" % number for number in range(4)]

    def put_all(_: int) -> set[str]:
        return {put(MediaStore(tmp_path / "media", ADDRESS_KEY, keys), text) for text in contents * 15}

    def remove_all(addresses: list[str]) -> None:
        store = MediaStore(tmp_path / "media", ADDRESS_KEY, keys)
        for _ in range(25):
            store.remove(addresses)

    with ThreadPoolExecutor(6) as pool:
        puts = [pool.submit(put_all, number) for number in range(3)]
        store = MediaStore(tmp_path / "media", ADDRESS_KEY, keys)
        addresses = [put(store, text) for text in contents]
        removals = [pool.submit(remove_all, addresses) for _ in range(3)]
        for removal in removals:
            removal.result()
        assert [done.result() for done in puts] == [set(addresses)] * 3
    assert store.verify() == []
    assert {address.hex() for address in keys.kept} == set(store.addresses())
    assert {put(store, text) for text in contents} == set(addresses)
    assert store.verify(addresses) == []


# --- rot and mending --------------------------------------------------------------------------------------------------


def _kinds(store: MediaStore, addresses: Iterable[str] | None = None) -> dict[str, FaultKind]:
    found = store.verify(addresses)
    assert all(fault.message.endswith((".", ".)")) for fault in found)
    return {fault.address: fault.kind for fault in found}


def test_every_flipped_byte_and_every_cut_is_found(store: MediaStore) -> None:
    address = put(store, b"a small picture of somebody dear")
    path = store.path(address)
    sealed = path.read_bytes()
    for place in range(len(sealed)):
        for damaged in (sealed[:place] + bytes([sealed[place] ^ 0x40]) + sealed[place + 1 :], sealed[:place]):
            path.write_bytes(damaged)
            assert _kinds(store) == {address: FaultKind.DAMAGED}
            with pytest.raises(NeedsPerson) as error:
                get(store, address)
            assert error.value.code == "media-damaged"
    path.write_bytes(sealed + b"\0")
    assert _kinds(store) == {address: FaultKind.DAMAGED}
    path.write_bytes(sealed)
    assert _kinds(store) == {}


def test_two_files_that_changed_places_are_found(store: MediaStore) -> None:
    one, other = put(store, b"one"), put(store, b"two")
    content = store.path(one).read_bytes()
    store.path(one).write_bytes(store.path(other).read_bytes())
    store.path(other).write_bytes(content)
    assert _kinds(store) == {one: FaultKind.DAMAGED, other: FaultKind.DAMAGED}


def test_a_key_and_file_of_another_content_are_found_by_the_keyed_hash(store: MediaStore, keys: Keys) -> None:
    """Whoever holds the keyring can seal another content under the key; the name still gives it away."""
    one, other = put(store, b"one"), put(store, b"two")
    keys.kept[bytes.fromhex(one)] = keys.kept[bytes.fromhex(other)]
    store.path(one).write_bytes(store.path(other).read_bytes())
    assert _kinds(store) == {one: FaultKind.DAMAGED}


def test_verify_names_what_is_missing_and_what_is_too_much(store: MediaStore, keys: Keys, tmp_path: Path) -> None:
    fine, gone, keyless, neither, extra = (put(store, b"%d" % number) for number in range(5))
    store.path(gone).unlink()
    store.path(neither).unlink()
    del keys.kept[bytes.fromhex(keyless)], keys.kept[bytes.fromhex(neither)]
    (tmp_path / "media" / "ab").mkdir(exist_ok=True)
    (tmp_path / "media" / "ab" / "notes.txt").write_bytes(b"")
    (tmp_path / "media" / "photo.jpg").write_bytes(b"")
    named = {gone: FaultKind.MISSING_FILE, keyless: FaultKind.MISSING_KEY, neither: FaultKind.MISSING_KEY}
    strays = dict.fromkeys(("ab/notes.txt", "photo.jpg"), FaultKind.EXTRA)
    assert _kinds(store, [fine, gone, keyless, neither]) == named | strays | {extra: FaultKind.EXTRA}
    assert _kinds(store) == {keyless: FaultKind.MISSING_KEY} | strays  # whatever is there


def test_verify_tells_how_far_it_is_and_stops_when_asked(store: MediaStore) -> None:
    addresses = sorted(put(store, b"%d" % number) for number in range(6))
    for address in addresses:
        store.path(address).write_bytes(b"")
    steps: list[tuple[int, int]] = []
    found = store.verify(progress=lambda done, total: steps.append((done, total)), stop=lambda: len(steps) == 4)
    assert steps == [(1, 6), (2, 6), (3, 6), (4, 6)]
    assert [fault.address for fault in found] == addresses[:4]


def test_a_bad_sector_is_damage_not_an_end_of_the_check(store: MediaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = put(store, b"one"), put(store, b"two")
    opened = Path.open

    def failing(self: Path, *args: Any, **kwargs: Any) -> Any:
        if self.name == bad:
            raise OSError(errno.EIO, "bad sector")
        return opened(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", failing)
    found = store.verify([bad, good])
    assert [(fault.address, fault.kind) for fault in found] == [(bad, FaultKind.DAMAGED)]
    assert "EIO" in found[0].message


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(b"rot")])
def test_putting_the_original_again_mends(store: MediaStore, harm: Callable[[Path], None]) -> None:
    address = put(store, _NEW)
    harm(store.path(address))
    assert _kinds(store, [address]) != {}
    assert put(store, _NEW) == address
    assert _kinds(store, [address]) == {}


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(b"rot")])
def test_a_second_copy_mends(store: MediaStore, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    address = put(store, _NEW)
    copy = tmp_path / "copy"
    copy.write_bytes(store.path(address).read_bytes())
    harm(store.path(address))
    store.adopt(address, copy)
    assert _kinds(store, [address]) == {}
    assert get(store, address) == _NEW
    assert stat.S_IMODE(store.path(address).stat().st_mode) == 0o600
    assert copy.exists()


def test_a_bad_copy_changes_nothing(store: MediaStore, tmp_path: Path) -> None:
    address, other = put(store, _OLD), put(store, _NEW)
    good = store.path(address).read_bytes()
    copy = tmp_path / "copy"
    for bad in (good[:-1], good + b"\0", b"", store.path(other).read_bytes()):
        copy.write_bytes(bad)
        with pytest.raises(NeedsPerson) as error:
            store.adopt(address, copy)
        assert error.value.code == "media-copy-damaged"
    with pytest.raises(RetryLater) as missing:
        store.adopt(address, tmp_path / "not here")
    assert missing.value.code == "media-source-failed"
    assert store.path(address).read_bytes() == good
    assert parts_in(tmp_path / "media") == []


# --- forgetting -------------------------------------------------------------------------------------------------------


def test_forgetting_destroys_the_keys_first_then_the_files(
    store: MediaStore, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, *go = (put(store, b"%d" % number) for number in range(40))
    files_then: list[bool] = []
    drop = keys.drop_media_keys

    def note_drop(addresses: Iterable[bytes]) -> None:
        files_then.extend(store.path(address).exists() for address in go)
        drop(addresses)

    monkeypatch.setattr(keys, "drop_media_keys", note_drop)
    store.remove([*go, "ab" * 32])
    assert files_then == [True] * 39
    assert list(store.addresses()) == [stays]
    assert set(keys.kept) == {bytes.fromhex(stays)}
    with pytest.raises(Refused):
        store.open(go[0])
    assert store.verify([stays]) == []


def test_what_was_forgotten_does_not_come_back_from_a_copy(store: MediaStore, tmp_path: Path) -> None:
    address = put(store, _OLD)
    copy = tmp_path / "copy"
    copy.write_bytes(store.path(address).read_bytes())
    store.remove([address])
    with pytest.raises(Refused) as error:
        store.adopt(address, copy)
    assert error.value.code == "media-forgotten"
    assert put(store, _OLD) == address  # under a new key
    with pytest.raises(NeedsPerson):
        store.adopt(address, copy)
    assert get(store, address) == _OLD


def test_what_is_forgotten_while_a_copy_is_adopted_stays_forgotten(store: MediaStore, tmp_path: Path) -> None:
    address = put(store, _OLD)
    copy = tmp_path / "copy"
    copy.write_bytes(store.path(address).read_bytes())
    ready = store._ready

    def forget(folder: Path) -> Path:
        if folder.name == address[:2]:  # the copy is proved already
            store.remove([address])
        return ready(folder)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Refused):
        patch.setattr(store, "_ready", forget)
        store.adopt(address, copy)
    assert list(store.addresses()) == []


def test_content_put_again_while_it_is_forgotten_stays(
    store: MediaStore, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = put(store, _OLD)
    drop = keys.drop_media_keys

    def drop_then_put(addresses: Iterable[bytes]) -> None:
        drop(addresses)
        assert put(MediaStore(tmp_path / "media", ADDRESS_KEY, keys), _OLD) == address

    monkeypatch.setattr(keys, "drop_media_keys", drop_then_put)
    store.remove([address])
    assert get(store, address) == _OLD


def test_forgetting_waits_for_a_put_that_has_its_key_but_not_its_name(
    store: MediaStore, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = hashlib.blake2b(_OLD, key=ADDRESS_KEY, digest_size=32).hexdigest()
    remover = threading.Thread(target=MediaStore(tmp_path / "media", ADDRESS_KEY, keys).remove, args=([address],))
    add = keys.add_media_key

    def add_while_it_is_forgotten(address: bytes, key: bytes) -> bytes:
        kept = add(address, key)
        remover.start()
        remover.join(0.3)  # as far as it gets: the key goes, the file must not be looked for yet
        return kept

    monkeypatch.setattr(keys, "add_media_key", add_while_it_is_forgotten)
    assert put(store, _OLD) == address
    remover.join()
    assert keys.kept == {}
    assert list(store.addresses()) == []


def test_a_disk_that_does_not_remove_says_that_nobody_can_read_it(
    store: MediaStore, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = put(store, _OLD)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda self, missing_ok=False: (_ for _ in ()).throw(OSError(errno.EROFS, "")))
        with pytest.raises(RetryLater) as error:
            store.remove([address])
    assert error.value.code == "media-not-removed"
    assert keys.kept == {}
    assert _kinds(store) == {address: FaultKind.MISSING_KEY}
    store.remove([address])
    assert _kinds(store) == {}
    assert list(store.addresses()) == []
