"""Keeping a life safe through the house: backups, proofs, verification, heads held elsewhere, new keys, forgetting."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hearthside.app.house import House
from hearthside.app.running import not_running, running
from hearthside.app.safekeeping import sweep_leftovers
from hearthside.app.station import open_house
from hearthside.config import Settings
from hearthside.erasure import Wanted, preview
from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.events import DAY_MS, Event, Layer, Origin, Trust
from hearthside.identity.tokens import FAILURES, READ
from hearthside.journal.backup.folder import FolderTarget
from hearthside.journal.backup.restore import restore
from hearthside.memory.hits import Filters
from hearthside.web.house import Job
from tests.app.helpers import NOW_MS, settings_in


class _Clock:
    """A present that the test moves."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        self.now_ms += 1
        return self.now_ms


def _settings(folder: Path) -> Settings:
    return settings_in(folder).model_copy(update={"backup_folder": folder / "disk"})


@contextmanager
def _house(folder: Path, clock: _Clock | None = None, vault: Path | None = None) -> Iterator[House]:
    settings = _settings(folder)
    if vault is not None:
        settings = settings.model_copy(update={"vault": vault})
    house = open_house(settings, clock=clock or _Clock(), with_compute=False)
    try:
        yield house
    finally:
        house.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "disk").mkdir()
    with _house(tmp_path) as opened:
        yield opened


def _note(n: int, text: str = "") -> Event:
    return Event(
        "notes",
        "message",
        Layer.TEXT,
        NOW_MS - DAY_MS + n,
        Origin.SELF,
        Trust.OWN,
        {"n": n},
        "test",
        text=text or f"{n}",
    )


def _ended(house: House, job: str) -> Job:
    ended = house.wait(job, 60)
    assert ended.state in ("done", "failed"), ended
    return ended


def test_a_backup_is_made_and_proved_and_the_page_says_so(house: House) -> None:
    house.rooms.journal.append([_note(n) for n in range(300)])
    before = house.safety()
    assert (before.proven, [way.kind for way in before.ways if way.made]) == (None, ["key-file"])
    assert house.safekeeper.set_up() == [f"folder {house.rooms.settings.backup_folder}"]
    assert _ended(house, house.start_backup()).state == "done"
    [place] = house.safety().backups
    assert (place.behind, place.problem) == (0, "")
    assert house.safety().proven is None  # a backup alone proves nothing
    assert "300 records" in _ended(house, house.start_drill()).message
    proven = house.safety().proven
    assert proven is not None
    assert proven.fresh
    assert not (house.rooms.vault.folder / "drill").exists()


def test_a_proof_grows_old(tmp_path: Path) -> None:
    clock = _Clock()
    (tmp_path / "disk").mkdir()
    with _house(tmp_path, clock) as house:
        house.rooms.journal.append([_note(1)])
        house.safekeeper.set_up()
        assert house.safekeeper.backup_due()
        _ended(house, house.start_backup())
        assert not house.safekeeper.backup_due()
        house.safekeeper.look()
        assert house.safekeeper.drill_due()
        _ended(house, house.start_drill())
        assert not house.safekeeper.drill_due()
        clock.now_ms += 9 * DAY_MS
        proven = house.safety().proven
        assert proven is not None
        assert (proven.age, proven.fresh) == ("9 days ago", False)
        assert house.safekeeper.backup_due()
        assert house.safekeeper.drill_due()


def test_without_a_place_nothing_pretends_to_be_backed_up(tmp_path: Path) -> None:
    house = open_house(settings_in(tmp_path), clock=_Clock(), with_compute=False)
    try:
        assert not house.safekeeper.backup_due()
        job = _ended(house, house.start_backup())
        assert (job.state, "backup_folder" in job.message) == ("failed", True)
        assert house.safety().backups == []
    finally:
        house.close()


def test_an_unplugged_disk_is_said_and_nothing_is_lost(house: House) -> None:
    house.rooms.journal.append([_note(1)])
    house.safekeeper.set_up()
    shutil.rmtree(str(house.rooms.settings.backup_folder))
    job = _ended(house, house.start_backup())
    assert job.state == "failed"
    [place] = house.safety().backups
    assert place.problem
    assert house.rooms.journal.verify().sound


def test_verifying_looks_at_everything(house: House) -> None:
    house.rooms.journal.append([_note(n) for n in range(20)])
    house.safekeeper.set_up()
    _ended(house, house.start_backup())
    job = _ended(house, house.start_verify())
    assert job.message.startswith("All 20 records match")
    assert house.safety().verification.whole
    victim = next(path for path in (house.rooms.settings.backup_folder or Path()).rglob("*.seg"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.chmod(0o600)
    victim.write_bytes(content)
    job = _ended(house, house.start_verify())
    assert not job.message.startswith("All")
    assert victim.name.rpartition("-")[0] in " ".join(job.details)
    assert not house.safety().verification.whole


def test_a_vault_put_back_from_earlier_is_noticed(tmp_path: Path) -> None:
    with _house(tmp_path) as house:
        house.rooms.journal.append([_note(n) for n in range(5)])
        house.safekeeper.give_head()
    shutil.copytree(tmp_path / "vault", tmp_path / "earlier")
    with _house(tmp_path) as house:
        house.rooms.journal.append([_note(n) for n in range(5, 9)])
        house.safekeeper.give_head()
        assert house.safekeeper.rolled_back == []
        assert house.overview().notice == ""
    shutil.rmtree(tmp_path / "vault")
    shutil.copytree(tmp_path / "earlier", tmp_path / "vault")
    with _house(tmp_path) as house:
        house.safekeeper.give_head()
        assert "9 records" in house.overview().notice
        house.rooms.journal.append([_note(n) for n in range(50, 60)])  # as long as before, but another life
        house.safekeeper.give_head()
        assert house.overview().notice
        house.safekeeper.accept_heads()
        assert house.overview().notice == ""
        house.safekeeper.give_head()
        assert house.safekeeper.rolled_back == []


def test_new_keys_while_everything_goes_on(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with _house(tmp_path) as house:
        house.rooms.journal.append([_note(n, f"word{n}") for n in range(50)])
        house.keep_in_step()
        fingerprint = house.rooms.stream.fingerprint()
        old = house.rooms.vault.key("journal")
        words = " ".join(house.safekeeper.make_paper_key(False, None))
        house.safekeeper.set_up()
        _ended(house, house.start_backup())
        assert _ended(house, house.start_rotation()).state == "done"
        assert house.rooms.vault.key("journal") != old
        assert house.rooms.stream.fingerprint() == fingerprint
        house.rooms.journal.append([_note(100, "after")])
        house.keep_in_step()
        assert len(house.search("after", Filters())) == 1
        assert house.rooms.journal.verify().sound
        assert _ended(house, house.start_backup()).state == "done"
        assert _ended(house, house.start_drill()).state == "done"
        head = house.rooms.journal.head()
    with _house(tmp_path) as again:
        assert again.rooms.journal.head().seq >= head.seq
        assert len(list(again.rooms.journal.read(kinds=["message"]))) == 51
        assert again.rooms.stream.bounds() is not None
    report = restore(FolderTarget(tmp_path / "disk"), words, tmp_path / "new", key_file=tmp_path / "new-key")
    assert report.records >= 51


def test_what_is_forgotten_leaves_the_backup_with_the_next_run(house: House) -> None:
    house.rooms.journal.append([_note(n, "plugh" if n == 3 else "") for n in range(10)])
    house.keep_in_step()
    house.safekeeper.set_up()
    words = " ".join(house.safekeeper.make_paper_key(False, None))
    _ended(house, house.start_backup())
    chosen = preview(house.rooms.journal, house.rooms.stream, Wanted(words=("plugh",)))
    assert chosen.records == 1
    said = house.forget(chosen)
    assert "can still read it" in said  # the copy of the keyring in the backup
    assert house.safety().lingering
    _ended(house, house.start_backup())
    assert house.safety().lingering == []
    folder = house.rooms.vault.folder.parent
    report = restore(FolderTarget(folder / "disk"), words, folder / "new", key_file=folder / "key")
    assert report.forgotten >= 1
    house.close()
    with _house(folder, vault=folder / "new") as new:
        texts = {item.record.text for item in new.rooms.journal.read() if isinstance(item.record, Event)}
        assert "plugh" not in texts
        assert len(texts) >= 9


def test_what_a_killed_station_left_is_swept(tmp_path: Path) -> None:
    for name in ("uploads/1-abc/chat.txt", "sample_life/x/y.json", "drill/journal/2026-00.db", "journal/verify-x/c.db"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("in the clear")
    (tmp_path / "vault.json").write_text("{}")
    sweep_leftovers(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["vault.json"]


def test_heads_are_remembered_in_the_state_folder(house: House) -> None:
    house.rooms.journal.append([_note(1)])
    house.safekeeper.give_head()
    [held] = house.safekeeper.held()
    assert (held.head.seq, house.rooms.signer.genuine(held.head)) == (1, True)
    assert house.safety().heads[0].problem == ""


def test_another_process_makes_new_keys_while_this_one_goes_on(tmp_path: Path) -> None:
    with _house(tmp_path) as running, _house(tmp_path) as other:
        running.rooms.journal.append([_note(n, f"word{n}") for n in range(20)])
        running.keep_in_step()
        assert _ended(other, other.start_rotation()).state == "done"
        assert running.rooms.journal.append([_note(50, "after")]) == [True]  # before it was told
        assert len(list(running.rooms.journal.read(kinds=["message"]))) == 21
        assert running.rooms.vault.stale()
        running.take_new_keys()
        assert not running.rooms.vault.stale()
        running.keep_in_step()
        assert [hit.text for hit in running.search("after", Filters())] == ["after"]
        assert running.rooms.journal.verify().sound


def test_new_keys_open_no_lock(tmp_path: Path) -> None:
    """Pages and capture hold the door from the start; they must go on counting wrong tokens together."""
    with _house(tmp_path) as house:
        text = house.access.make("phone", [READ])
        capture = house.access
        for _ in range(FAILURES):
            with pytest.raises(Refused):
                capture.tokens().check(text[:-1] + ("a" if text[-1] != "a" else "b"), READ)
        assert _ended(house, house.start_rotation()).state == "done"
        assert house.access.tokens().locked_ms(text) > 0
        with pytest.raises(RetryLater) as error:
            house.access.tokens().check(text, READ)
        assert error.value.code == "token-locked"


def test_a_vault_put_back_from_before_its_keys_were_changed_is_noticed(tmp_path: Path) -> None:
    with _house(tmp_path) as house:
        house.rooms.journal.append([_note(1)])
        house.safekeeper.give_head()
    shutil.copytree(tmp_path / "vault", tmp_path / "earlier")
    with _house(tmp_path) as house:
        house.rooms.journal.append([_note(2)])
        assert _ended(house, house.start_rotation()).state == "done"
        house.safekeeper.give_head()
        assert house.safekeeper.rolled_back == []
    shutil.rmtree(tmp_path / "vault")
    shutil.copytree(tmp_path / "earlier", tmp_path / "vault")
    with _house(tmp_path) as house:
        house.safekeeper.give_head()
        assert "older vault.json" in house.overview().notice
        assert house.safety().heads[0].problem


def test_a_damaged_backup_is_mended_by_the_next_one(house: House) -> None:
    house.rooms.journal.append([_note(n) for n in range(50)])
    house.safekeeper.set_up()
    _ended(house, house.start_backup())
    victim = next(path for path in (house.rooms.settings.backup_folder or Path()).rglob("*.seg"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.chmod(0o600)
    victim.write_bytes(content)
    assert _ended(house, house.start_drill()).state == "failed"
    assert _ended(house, house.start_backup()).state == "done"
    assert _ended(house, house.start_drill()).state == "done"


def test_verifying_a_damaged_journal_says_where_and_keeps_that(house: House) -> None:
    house.rooms.journal.append([_note(n) for n in range(2000)])
    _ended(house, house.start_verify())
    assert house.safety().verification.whole
    house.rooms.journal.close()
    [path] = (house.rooms.vault.folder / "journal").glob("2*.db")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    later = _Clock()
    later.now_ms += DAY_MS
    with _house(house.rooms.vault.folder.parent, later) as again:
        job = _ended(again, again.start_verify())
        assert (path.name in " ".join(job.details), job.message.startswith("All")) == (True, False)
        assert not again.safety().verification.whole


def test_a_journal_without_its_vault_file_gets_no_new_key(tmp_path: Path) -> None:
    with _house(tmp_path) as house:
        house.rooms.journal.append([_note(1)])
    (tmp_path / "vault" / "vault.json").unlink()
    with pytest.raises(NeedsPerson) as error, _house(tmp_path):
        pass
    assert error.value.code == "vault-file-missing"
    assert not (tmp_path / "vault" / "vault.json").exists()


def test_repairing_waits_for_the_station_to_end(tmp_path: Path) -> None:
    with running(tmp_path), running(tmp_path):
        with pytest.raises(NeedsPerson) as error, not_running(tmp_path):
            pass
        assert error.value.code == "station-running"
    with not_running(tmp_path), pytest.raises(NeedsPerson), running(tmp_path):
        pass
