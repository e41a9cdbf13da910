"""Backups: only what is new is stored, and a life comes back from the target and the paper key's words alone."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.events import DAY_MS
from hearthside.identity.home_ca import HomeCa
from hearthside.identity.vault import create_vault, open_vault
from hearthside.journal import files
from hearthside.journal.backup import FolderTarget, S3Target, Target, segments
from hearthside.journal.backup.checking import verify_target
from hearthside.journal.backup.drill import drill
from hearthside.journal.backup.layout import Sealer, head_name
from hearthside.journal.backup.reading import BackupReader
from hearthside.journal.backup.restore import RestoreReport, restore
from hearthside.journal.backup.run import LINEAGE_FILE, alone, back_up
from hearthside.journal.backup.status import status
from hearthside.journal.repair import repair
from hearthside.journal.sealing import unseal
from tests.journal import format_1
from tests.journal.backup.lives import NOW_MS, Life, event, new_life, new_target, objects, records_of
from tests.s3_server import APPEND_ONLY, S3Server


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return new_life(tmp_path / "vault")


@pytest.fixture
def target(tmp_path: Path, life: Life) -> FolderTarget:
    return new_target(tmp_path / "disk", life.vault.id)


def _restored(target: Target, life: Life, folder: Path, at_ms: int | None = None) -> tuple[RestoreReport, Life]:
    report = restore(target, life.words, folder, key_file=folder.parent / f"{folder.name}-key", at_ms=at_ms)
    return report, Life(folder, report.vault, life.words, life.now_ms)


def test_a_life_comes_back_on_a_clean_machine(
    tmp_path: Path, life: Life, target: FolderTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.add(0, 50)
    photo, empty = os.urandom(5 * 1024 * 1024), life.photo(b"")
    address = life.photo(photo)
    (life.folder / "adapters").mkdir()
    (life.folder / "adapters" / "registry.sealed").write_bytes(b"list")
    (life.folder / "adapters" / "abc.sealed").write_bytes(b"weights")
    (life.folder / "adapters" / ".lock").write_bytes(b"")
    (life.folder / "hearthside.toml").write_text("night_hour = 4\n")
    home = HomeCa.open(life.vault)
    report = life.back_up(target)
    assert (report.complete, report.records, report.media, report.problems) == (True, 50, 2, ())
    before, head = records_of(life.journal), life.journal.head()
    life.journal.close()
    # Nothing of the old machine is left but the target.
    shutil.rmtree(life.folder)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    clean = FolderTarget(tmp_path / "disk", None)
    restored, again = _restored(clean, life, tmp_path / "new")
    assert records_of(again.journal) == before
    assert again.journal.head() == head
    assert again.journal.verify().sound
    assert b"".join(again.media.open(address)) == photo
    assert b"".join(again.media.open(empty)) == b""
    assert again.media.verify() == []
    assert (restored.records, restored.forgotten, restored.unopened, restored.media) == (50, 0, 0, 2)
    assert (restored.adapters, restored.notes, restored.media_missing) == (2, (), ())
    assert (tmp_path / "new/adapters/abc.sealed").read_bytes() == b"weights"
    assert (tmp_path / "new/adapters/registry.sealed").read_bytes() == b"list"
    assert (tmp_path / "new/hearthside.toml").read_text() == "night_hour = 4\n"
    assert HomeCa.open(restored.vault).fingerprint == home.fingerprint  # paired nodes go on knowing the home
    assert open_vault(tmp_path / "new", key_file=tmp_path / "new-key").id == restored.vault.id
    assert not list((tmp_path / "home").iterdir())
    # Life goes on, and so does the backup at the same place.
    again.add(50, 5)
    assert again.back_up(target).complete
    assert verify_target(clean, again.vault).sound
    again.journal.close()


def test_without_news_nothing_is_written(life: Life, target: FolderTarget, tmp_path: Path) -> None:
    life.add(0, 30)
    life.photo(b"photo")
    assert life.back_up(target).objects > 0
    before = objects(tmp_path / "disk")
    again = life.back_up(target)
    assert (again.complete, again.objects, again.bytes) == (True, 0, 0)
    assert objects(tmp_path / "disk") == before
    life.add(30, 1)
    third = life.back_up(target)
    assert third.records == 1
    assert all(objects(tmp_path / "disk")[name] == content for name, content in before.items())


def test_an_empty_journal_can_be_backed_up(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    assert life.back_up(target).complete
    _, again = _restored(target, life, tmp_path / "new")
    assert again.journal.head().seq == 0
    again.journal.close()


def test_small_segments_are_joined_and_full_ones_stay(
    tmp_path: Path, life: Life, target: FolderTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "MAX_ROWS", 10)
    for n in range(40):
        life.add(n * 3, 3)
        assert life.back_up(target).complete
    reader = BackupReader(target, Sealer(life.vault))
    newest = reader.manifest(reader.head_names()[0])
    found = newest.segments  # type: ignore[union-attr]
    assert len(found) < 32
    assert [s.first for s in found] == [1, *(s.last + 1 for s in found[:-1])]
    assert found[-1].last == 120
    assert verify_target(target, life.vault).sound
    _, again = _restored(target, life, tmp_path / "new")
    assert records_of(again.journal) == records_of(life.journal)
    again.journal.close()


def test_forgetting_reaches_the_backup(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    canary = "a canary nobody may read again"
    ids = life.add(0, 40, canary)
    secret = life.photo(b"a photo to forget" * 1000)
    kept = life.photo(b"a photo to keep")
    life.back_up(target)
    old = {n: c for n, c in objects(tmp_path / "disk").items() if n.startswith("keyrings/")}
    life.journal.forget(ids[:15])  # one whole day, and half of another
    life.media.remove([secret])
    assert status(life.source, target).changes_behind
    report = life.back_up(target)
    assert report.forgot
    now = objects(tmp_path / "disk")
    assert not set(old) & set(now)
    assert not any(secret in name for name in now)
    stands = status(life.source, target)
    assert (stands.old_keyrings, stands.records_behind, stands.changes_behind, stands.problem) == (0, 0, False, "")
    # Nothing forgotten opens with all keys there are, neither in the newest segments nor in the first ones.
    opened = _everything_opened(target, life)
    assert f"{canary} 20".encode() in b"".join(opened)
    for n in range(15):
        assert not any(f'"{canary} {n}"'.encode() in one for one in opened)
    _, again = _restored(target, life, tmp_path / "new")
    assert records_of(again.journal) == records_of(life.journal)
    assert again.journal.verify().forgotten == 15
    assert list(again.media.addresses()) == [kept]
    again.journal.close()


def _everything_opened(target: FolderTarget, life: Life) -> list[bytes]:
    """What somebody reads who has the vault's keys and everything at the target, keyrings first."""
    reader = BackupReader(target, Sealer(life.vault))
    opened = []
    ciphers = {}
    for manifest in reader.manifests():
        for key_id in life.journal.keyring.ids():
            ciphers[key_id] = life.journal.keyring.by_id(key_id).cipher
        try:
            assert set(ciphers) >= set(reader.keyring(manifest).day_keys())  # type: ignore[arg-type]
        except Refused:
            continue  # its copies of the keyring are gone
    for stored in target.list():
        if stored.name.startswith(("segments/", "changed/")):
            content = reader.content(stored.name)
            opened.append(content)
            for row in segments.decode(content, stored.name):
                if row.sealed is not None and row.key_id in ciphers:
                    opened.append(unseal(ciphers[row.key_id], row.seq, row.sealed).raw)
        elif not stored.name.startswith("heads/"):
            opened.append(target.get(stored.name))
    return opened


def test_a_point_in_time_comes_back_less_what_was_forgotten_since(
    tmp_path: Path, life: Life, target: FolderTarget
) -> None:
    first = life.add(0, 25)
    life.back_up(target)
    then = life.now_ms
    life.add(25, 25)
    life.journal.forget(first[:5])
    life.back_up(target)
    restored, again = _restored(target, life, tmp_path / "new", at_ms=then)
    assert [seq for seq, *_ in records_of(again.journal)] == list(range(6, 26))
    assert (restored.records, restored.forgotten, restored.unopened) == (25, 5, 0)
    assert again.journal.head().chain == life.journal.chain_at(25)
    again.journal.close()
    with pytest.raises(NeedsPerson, match="No run"):
        _restored(target, life, tmp_path / "never", at_ms=NOW_MS - 1)


def test_new_years_and_rotation_between_runs(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    ids = life.add(0, 20)
    photo = life.photo(b"photo")
    life.back_up(target)
    old_root = life.vault
    life.vault = life.vault.rotate(key_files=[tmp_path / "vault-key"])
    life.journal.rotate(life.vault.key("journal"))
    life.now_ms += 40 * DAY_MS  # the next year
    life.add(20, 20)
    life.journal.forget(ids[:3])
    assert life.back_up(target).forgot
    # What the old root opens at the target is no keyring any more, so it opens no record.
    for name in objects(tmp_path / "disk"):
        if name.startswith("keyrings/"):
            with pytest.raises(Refused):
                Sealer(old_root).open(name, target.get(name))
    life.add(40, 5)
    life.back_up(target)
    assert verify_target(target, life.vault).sound
    _, again = _restored(target, life, tmp_path / "new")
    assert len(again.journal.years()) == 2
    assert records_of(again.journal) == records_of(life.journal)
    assert b"".join(again.media.open(photo)) == b"photo"
    assert again.journal.verify().sound
    again.journal.close()


def test_a_new_paper_key_replaces_the_recovery_document(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    life.add(0, 5)
    life.back_up(target)
    old_words, life.words = life.words, life.vault.new_paper_key().words
    assert life.back_up(target).objects > 0
    with pytest.raises(NeedsPerson) as wrong:
        restore(target, old_words, tmp_path / "old", key_file=tmp_path / "old-key")
    assert wrong.value.code == "paper-key-wrong"
    assert not list((tmp_path / "old").rglob("*.db"))
    _, again = _restored(target, life, tmp_path / "new")
    again.journal.close()


def test_without_a_paper_key_the_run_says_so(tmp_path: Path) -> None:
    life = new_life(tmp_path / "vault", paper=False)
    target = new_target(tmp_path / "disk", life.vault.id)
    life.add(0, 5)
    report = life.back_up(target)
    assert report.complete
    assert "no paper key" in report.problems[0]
    assert drill(life.source, target, tmp_path, life.clock).ok
    with pytest.raises(NeedsPerson, match="recovery document"):
        restore(target, "word " * 24, tmp_path / "new", key_file=tmp_path / "new-key")
    life.journal.close()


def test_targets_are_independent(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    other = new_target(tmp_path / "other", life.vault.id)
    life.add(0, 10)
    life.back_up(target)
    ids = life.add(10, 10)
    life.back_up(other)
    life.journal.forget(ids[:5])
    life.back_up(target)
    life.add(20, 10)
    life.back_up(other)
    life.back_up(target)
    for n, place in enumerate((target, other)):
        _, again = _restored(place, life, tmp_path / f"new{n}")
        assert records_of(again.journal) == records_of(life.journal)
        again.journal.close()


def test_a_place_of_another_vault_is_refused(tmp_path: Path, life: Life) -> None:
    stranger = new_target(tmp_path / "stranger", "0123456789abcdef")
    life.add(0, 3)
    before = objects(tmp_path / "stranger")
    with pytest.raises(Refused) as refused:
        life.back_up(FolderTarget(tmp_path / "stranger", None))
    assert refused.value.code == "backup-other-vault"
    with pytest.raises(Refused):
        verify_target(FolderTarget(tmp_path / "stranger", None), life.vault)
    assert objects(tmp_path / "stranger") == before
    assert "another vault" in status(life.source, stranger).problem


def test_only_one_run_at_a_time(life: Life, target: FolderTarget) -> None:
    with alone(life.folder), pytest.raises(RetryLater) as busy:
        life.back_up(target)
    assert busy.value.code == "backup-running"


def test_a_stopped_run_is_continued(
    tmp_path: Path, life: Life, target: FolderTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "MAX_ROWS", 10)
    life.add(0, 100)
    left = [5]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    report = back_up(life.source, target, life.tick, stop=stop)
    assert (report.complete, report.head) == (False, None)
    assert 0 < len([n for n in objects(tmp_path / "disk") if n.startswith("segments/")]) < 10
    assert status(life.source, target).problem == "There is no complete run yet."
    assert life.back_up(target).complete
    assert len([n for n in objects(tmp_path / "disk") if n.startswith("segments/")]) == 10
    assert drill(life.source, target, tmp_path, life.clock).ok


def test_appending_and_forgetting_meanwhile_lose_nothing(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    ids = life.add(0, 60)
    forgotten: list[bytes] = []

    def meddle(what: str, done: int, total: int) -> None:
        if len(forgotten) < 8:  # while the run goes on
            forgotten.append(ids[7 * len(forgotten)])
            life.journal.forget(forgotten[-1:])
            life.add(100 + 10 * len(forgotten), 3)

    life.photo(b"one")
    life.photo(b"two")
    for _ in range(3):
        assert back_up(life.source, target, life.tick, progress=meddle).complete
    assert forgotten
    life.back_up(target)
    report = drill(life.source, target, tmp_path, life.clock)
    assert (report.ok, report.problems) == (True, ())
    _, again = _restored(target, life, tmp_path / "new")
    assert records_of(again.journal) == records_of(life.journal)
    again.journal.close()


def test_a_damaged_newest_run_gives_way_to_the_one_before(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    life.add(0, 20)
    life.back_up(target)
    seen = set(objects(tmp_path / "disk"))
    life.add(20, 20)
    life.back_up(target)
    new = [n for n in objects(tmp_path / "disk") if n not in seen]
    for prefix in ("heads/", "segments/"):
        name = next(n for n in new if n.startswith(prefix))
        path = tmp_path / "disk" / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        restored, again = _restored(target, life, tmp_path / f"new-{prefix[:-1]}")
        assert restored.records == 20
        assert name in restored.notes[0]
        again.journal.close()
        assert not drill(life.source, target, tmp_path, life.clock).ok
        path.write_bytes(whole)
    assert drill(life.source, target, tmp_path, life.clock).ok


def test_damaged_objects_are_stored_anew(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    ids = life.add(0, 40)
    life.photo(b"photo")
    life.back_up(target)
    life.journal.forget(ids[:3])
    life.add(40, 10)
    life.back_up(target)
    for name in [n for n in objects(tmp_path / "disk") if not n.startswith(("heads/", "hearthside"))]:
        path = tmp_path / "disk" / name
        path.write_bytes(b"\0" + path.read_bytes()[1:])
    found = verify_target(target, life.vault)
    assert not found.sound
    report = back_up(life.source, target, life.tick, mend=[fault.name for fault in found.faults])
    assert report.complete
    after = verify_target(target, life.vault)
    assert after.faults == []
    assert drill(life.source, target, tmp_path, life.clock).ok


def test_a_journal_put_back_from_earlier_begins_anew_beside(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    life.add(0, 10)
    life.back_up(target)
    _, earlier = _restored(target, life, tmp_path / "earlier")
    life.add(10, 10)
    life.back_up(target)
    life.journal.close()
    earlier.now_ms = life.now_ms
    earlier.add(50, 5)
    report = earlier.back_up(target)
    assert "another course" in report.problems[0]
    assert verify_target(target, life.vault).sound
    _, again = _restored(target, life, tmp_path / "new")
    assert records_of(again.journal) == records_of(earlier.journal)
    again.journal.close()
    # What the other course had beyond is still there.
    _, other = _restored(target, life, tmp_path / "other", at_ms=earlier.now_ms - 1000)
    assert other.journal.head().seq == 20
    other.journal.close()
    earlier.journal.close()


def test_marks_of_a_restored_vault_do_not_mislead(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    """Restored from one target, the other one must learn what was forgotten before and after."""
    other = new_target(tmp_path / "other", life.vault.id)
    ids = life.add(0, 40)
    life.back_up(target)
    life.back_up(other)
    life.journal.forget(ids[:2])
    life.journal.forget(ids[10:12])
    life.back_up(target)
    life.journal.close()
    _, again = _restored(target, life, tmp_path / "new")
    again.now_ms = life.now_ms
    again.journal.forget(ids[20:21])
    assert again.back_up(other).complete
    assert drill(again.source, other, tmp_path, again.clock).ok
    _, third = _restored(other, life, tmp_path / "third")
    assert records_of(third.journal) == records_of(again.journal)
    assert (again.folder / LINEAGE_FILE).exists()
    third.journal.close()
    again.journal.close()


def test_runs_and_keyrings_grow_old(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    for n in range(70):
        life.add(n, 1)
        life.now_ms += DAY_MS
        life.back_up(target)
    reader = BackupReader(target, Sealer(life.vault))
    names = reader.head_names()
    assert 30 <= len(names) <= 36
    assert names[0] == max(names)
    keyrings = [n for n in objects(tmp_path / "disk") if n.startswith("keyrings/")]
    assert len(keyrings) == 6  # two copies each; a new one every ten days, when there is a new key
    assert verify_target(target, life.vault).sound
    assert drill(life.source, target, tmp_path, life.clock).ok


def test_what_a_drill_proved_is_never_erased(life: Life, target: FolderTarget) -> None:
    life.add(0, 1)
    first = life.back_up(target).head
    assert first is not None
    for n in range(1, 5):
        life.now_ms += 3 * DAY_MS
        life.add(n, 1)
        back_up(life.source, target, life.tick, proven=[head_name(first)])
    life.now_ms += 400 * DAY_MS
    life.add(50, 1)
    back_up(life.source, target, life.tick, proven=[head_name(first)])
    assert head_name(first) in BackupReader(target, Sealer(life.vault)).head_names()


def test_a_vault_of_the_first_format_is_backed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = create_vault(tmp_path / "old", key_file=tmp_path / "old-key")
    monkeypatch.setattr(format_1, "KEY", vault.key("journal"))
    arrivals = [(NOW_MS + n * 20 * DAY_MS, event(n)) for n in range(40)]
    chain = format_1.write_format_1(tmp_path / "old", arrivals, forgotten=[3, 7])
    life = Life(tmp_path / "old", vault, vault.new_paper_key().words)  # migrates
    life.now_ms = NOW_MS + 1000 * DAY_MS
    assert life.journal.head().chain == chain
    target = new_target(tmp_path / "place", vault.id)
    life.add(100, 3)
    assert life.back_up(target).complete
    assert drill(life.source, target, tmp_path, life.clock).ok
    _, again = _restored(target, life, tmp_path / "new")
    assert records_of(again.journal) == records_of(life.journal)
    assert again.journal.years() == life.journal.years()
    assert again.journal.verify().sound
    again.journal.close()
    before = records_of(life.journal)
    life.journal.close()
    oldest = files.year_files(life.folder / "journal")[0]
    oldest.write_bytes(b"\0" * 8000)
    assert repair(vault, [target]).whole
    life.open()
    assert records_of(life.journal) == before
    assert life.journal.verify().sound
    life.journal.close()


def test_a_drill_with_words_proves_the_words(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    life.add(0, 5)
    life.back_up(target)
    report = drill(life.source, target, tmp_path, life.clock, words=life.words)
    assert (report.ok, report.problems, report.by_words) == (True, (), True)
    assert not (tmp_path / "drill").exists()
    other = create_vault(tmp_path / "elsewhere", key_file=tmp_path / "elsewhere-key").new_paper_key().words
    wrong = drill(life.source, target, tmp_path, life.clock, words=other)
    assert not wrong.ok
    assert "not the one of this backup" in wrong.problems[0]
    assert not (tmp_path / "drill").exists()


def test_a_restore_is_refused_where_a_vault_is(life: Life, target: FolderTarget) -> None:
    life.add(0, 5)
    life.back_up(target)
    before = records_of(life.journal)
    with pytest.raises(Refused):
        restore(target, life.words, life.folder, passphrase="x")
    assert records_of(life.journal) == before


def test_s3_with_append_only_keys(tmp_path: Path, life: Life, server: S3Server) -> None:
    """Nothing can be erased there: old keyrings stay until they expire, and the status says until when."""
    bucket = server.bucket("appendonly", lock=True)
    keys = server.credentials(tmp_path, APPEND_ONLY)
    lock_days = 10

    def open_place(vault_id: str | None) -> S3Target:
        return S3Target(
            server.url, bucket, region=server.region, prefix="life", credentials=keys,
            before_send=lambda *row: None, clock=life.clock, vault_id=vault_id, lock_days=lock_days,
        )  # fmt: skip

    target = open_place(life.vault.id)
    target.prepare(life.vault.id)
    ids = life.add(0, 30)
    life.photo(b"photo" * 100)
    assert life.back_up(target).complete
    life.journal.forget(ids[:3])
    report = life.back_up(target)
    assert report.forgot
    assert "does not erase" in report.problems[0]
    stands = status(life.source, target)
    assert stands.old_keyrings == 2
    assert stands.old_keyrings_until_ms is not None
    assert 0 < stands.old_keyrings_until_ms - life.now_ms <= lock_days * DAY_MS
    assert life.back_up(target).objects == 0
    life.now_ms += 6 * DAY_MS  # more than half of the promise is over: it is renewed, with a fresh keyring
    assert life.back_up(target).objects == 3
    assert life.back_up(target).objects == 0
    assert verify_target(target, life.vault).sound
    target.close()
    clean = open_place(None)
    _, again = _restored(clean, life, tmp_path / "new")
    assert records_of(again.journal) == records_of(life.journal)
    again.journal.close()
    clean.close()


def test_what_a_put_again_photo_needs(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    """Forgotten, then given once more: another key, another object, and the new one is restored."""
    address = life.photo(b"photo")
    life.back_up(target)
    life.media.remove([address])
    assert life.photo(b"photo") == address
    report = life.back_up(target)
    assert (report.forgot, report.media) == (True, 1)
    _, again = _restored(target, life, tmp_path / "new")
    assert b"".join(again.media.open(address)) == b"photo"
    again.journal.close()


def test_a_photo_that_is_damaged_here_does_not_spoil_the_backup(
    tmp_path: Path, life: Life, target: FolderTarget
) -> None:
    address = life.photo(b"photo")
    life.back_up(target)
    second = life.photo(b"another")
    path = life.media.path(second)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"\0")
    report = life.back_up(target)
    assert second in report.problems[0]
    path.write_bytes(whole)
    assert life.back_up(target).media == 1
    found = replace(status(life.source, target), title="")
    assert found.media == 2
    assert b"".join(life.media.open(address)) == b"photo"


def test_a_full_disk_is_said_and_the_restore_goes_on_later(
    tmp_path: Path, life: Life, target: FolderTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.add(0, 3000, "x" * 500)
    life.photo(os.urandom(600_000))
    life.back_up(target)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for limit in (100_000, 500_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            with pytest.raises(RetryLater):
                restore(target, life.words, tmp_path / "new", key_file=tmp_path / "new-key")
            with pytest.raises(RetryLater):
                drill(life.source, target, tmp_path, life.clock)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)
    assert not (tmp_path / "drill").exists()
    _, again = _restored(target, life, tmp_path / "new")
    assert records_of(again.journal) == records_of(life.journal)
    again.journal.close()


@pytest.mark.parametrize("seed", range(5))
def test_any_course_of_a_life_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Appending, forgetting, new years, new root keys, media and restores in any order, at two places."""
    monkeypatch.setattr(segments, "MAX_ROWS", 7)
    rng = random.Random(seed)
    life = new_life(tmp_path / "vault")
    key_file = tmp_path / "vault-key"
    places = [new_target(tmp_path / name, life.vault.id) for name in ("one", "two")]
    photos: list[str] = []
    count = 0
    for step in range(40):
        match rng.choice(["add", "add", "add", "forget", "photo", "drop", "year", "rotate", "back up", "restore"]):
            case "add":
                life.add(count, rng.randrange(1, 25))
                count += 25
            case "forget":
                ids = [item.id for item in life.journal.since(0)]
                life.journal.forget(rng.sample(ids, min(len(ids), rng.randrange(1, 6))))
            case "photo":
                photos.append(life.photo(rng.randbytes(rng.randrange(3000))))
            case "drop" if photos:
                life.media.remove([photos.pop(rng.randrange(len(photos)))])
            case "year":
                life.now_ms += 200 * DAY_MS
            case "rotate" if step % 3 == 0:
                life.vault = life.vault.rotate(key_files=[key_file])
                life.journal.rotate(life.vault.key("journal"))
            case "back up":
                life.back_up(rng.choice(places))
            case "restore" if step % 4 == 0:
                place = rng.choice(places)
                life.back_up(place)
                now_ms = life.now_ms
                life.journal.close()
                _, life = _restored(place, life, tmp_path / f"again-{step}")
                life.now_ms, key_file = now_ms, tmp_path / f"again-{step}-key"
            case _:
                continue
    for number, place in enumerate(places):
        life.back_up(place)
        assert verify_target(place, life.vault).faults == []
        report = drill(life.source, place, tmp_path, life.clock)
        assert (report.ok, report.problems) == (True, ())
        restored, again = _restored(place, life, tmp_path / f"end-{number}")
        assert records_of(again.journal) == records_of(life.journal)
        assert (again.journal.head(), restored.unopened) == (life.journal.head(), 0)
        assert sorted(again.media.addresses()) == sorted(set(photos))
        assert again.media.verify() == []
        again.journal.close()
    life.journal.close()


def test_a_damaged_list_of_media_is_said_and_erases_nothing(tmp_path: Path, life: Life, target: FolderTarget) -> None:
    life.photo(b"photo")
    life.back_up(target)
    path = next((tmp_path / "disk" / "media-lists").iterdir())
    path.write_bytes(b"damaged")
    restored, again = _restored(target, life, tmp_path / "new")
    assert (restored.media, len(restored.notes)) == (1, 1)
    again.journal.close()
    life.now_ms += 3 * DAY_MS
    life.add(0, 1)
    report = life.back_up(target)
    assert report.complete
    assert path.name in report.problems[0]
    assert any(name.startswith("media/") for name in objects(tmp_path / "disk"))
    faults = [fault.name for fault in verify_target(target, life.vault).faults]
    assert faults == [f"media-lists/{path.name}"]
    assert back_up(life.source, target, life.tick, mend=faults).complete
    assert verify_target(target, life.vault).sound
    assert drill(life.source, target, tmp_path, life.clock).ok
