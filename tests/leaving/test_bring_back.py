"""Bringing an export back: the same chain in an empty vault, nothing twice in another, nothing half done."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import orjson
import pytest

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import Event, Json, canonical, id_before_format_2
from hearthside.identity.database import open_database
from hearthside.identity.vault import Vault
from hearthside.inference.adapters import AdapterRegistry
from hearthside.journal import Journal
from hearthside.journal.attachments import MediaRef, media_of
from hearthside.journal.decisions import decide, decided
from hearthside.journal.sealing import GENESIS, link
from hearthside.leaving import BringBackReport, add_to, bring_back, export_everything, is_export
from hearthside.leaving.manifest import MANIFEST, UNFINISHED
from tests.leaving.houses import (
    ADDRESS_KEY,
    NOW_MS,
    START_MS,
    SYSTEM,
    House,
    content,
    house_in,
    live_a_little,
    media_opener,
    message,
)

ROOT = b"\2" * 32


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a vault and its export in `out`, to look at only."""
    folder = tmp_path_factory.mktemp("exported")
    with house_in(folder / "vault") as house:
        live_a_little(house)
        export_everything(house.belongings(), folder / "out", lambda: NOW_MS)
    return folder


@pytest.fixture
def out(exported: Path, tmp_path: Path) -> Path:
    """A copy of the export, to change."""
    return Path(shutil.copytree(exported / "out", tmp_path / "copy"))


def _back(out: Path, vault: Path, **more: Json) -> BringBackReport:
    return bring_back(out, vault, Vault(vault, ROOT).key("journal"), media_opener(vault), **more)


def _rows(house: House) -> list[tuple[int, bytes, bytes]]:
    return [
        (row.seq, row.commitment, b"" if inside is None else inside.salt + inside.raw)
        for year, first, last in house.journal.years()
        for row, inside in house.journal.opened_rows(year, first - 1, last)
    ]


def test_an_empty_vault_gets_the_same_chain(exported: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    keys: list[bytes] = []
    vault = tmp_path / "new"
    report = bring_back(
        exported / "out", vault, Vault(vault, ROOT).key("journal"), media_opener(vault, keys),
        lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert (report.identical, report.media, report.forgotten, report.adapters) == (True, 4, 1, 1)
    assert told[-1][0] == told[-1][1] and keys == [ADDRESS_KEY]
    with house_in(exported / "vault") as old, house_in(vault, ROOT) as new:
        assert new.journal.head() == old.journal.head()
        assert _rows(new) == _rows(old)
        assert new.journal.years() == old.journal.years()
        assert [s.id for s in new.journal.since(0)] == [s.id for s in old.journal.since(0)]
        assert [s.received_ms for s in new.journal.since(0)] == [s.received_ms for s in old.journal.since(0)]
        assert report.records == report.new == sum(1 for _ in old.journal.since(0))
        assert new.journal.verify().sound
        assert decided(new.journal) == decided(old.journal)
        for item in new.journal.read(kinds=["caption"]):
            for reference in media_of(item.record):
                assert b"".join(new.media.open(reference.address)) == b"".join(old.media.open(reference.address))
        assert new.media.verify(new.media.addresses()) == []
        new.stream.update()
        assert new.stream.fingerprint() == old.stream.fingerprint()
        assert new.journal.append([message("life goes on", NOW_MS)]) == [True]
        assert AdapterRegistry(new.vault, lambda: NOW_MS).entries() == []


def test_it_can_leave_again_with_the_same_lines(exported: Path, tmp_path: Path) -> None:
    _back(exported / "out", tmp_path / "new")
    with house_in(tmp_path / "new", ROOT) as house:
        export_everything(house.belongings(), tmp_path / "again", lambda: NOW_MS)
    before, after = content(exported / "out"), content(tmp_path / "again")
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert {name for name in changed if not name.startswith("adapters/")} <= {"README.md", "manifest.json"}


def test_records_of_format_1_keep_their_ids(tmp_path: Path) -> None:
    _vault_of_format_1(tmp_path / "old", [message(f"n {n}", START_MS + n) for n in range(5)], forgotten={3})
    with house_in(tmp_path / "old") as house:
        export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
        before, rows, head = [s.id for s in house.journal.since(0)], _rows(house), house.journal.head()
    _back(tmp_path / "out", tmp_path / "new")
    with house_in(tmp_path / "new", ROOT) as house:
        assert (house.journal.head(), _rows(house)) == (head, rows)
        assert house.journal.verify().sound
        assert [s.id for s in house.journal.since(0)] == before


def _vault_of_format_1(folder: Path, events: list[Event], forgotten: set[int]) -> None:
    """As Hearthside 0.1 left it: one file, bodies with their names in the order of the class."""
    connection: apsw.Connection = open_database(folder / "journal.db", Vault(folder, b"\1" * 32).key("journal"))
    connection.execute(
        "CREATE TABLE record (seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, type TEXT NOT NULL, source TEXT NOT"
        " NULL, kind TEXT NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER, offset_min INTEGER, received_ms INTEGER"
        " NOT NULL, salt BLOB, body BLOB, commitment BLOB NOT NULL, chain BLOB NOT NULL) STRICT"
    )
    chain = GENESIS
    for seq, event in enumerate(events, start=1):
        raw, salt = orjson.dumps(event.body()), bytes([seq]) * 16
        commitment = hashlib.sha256(salt + raw).digest()
        chain = link(chain, commitment)
        identity = id_before_format_2(canonical(event.body()))
        kept = seq not in forgotten
        connection.execute(
            "INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                seq, identity if kept else bytes(16), "event", event.source if kept else "", event.kind, event.start_ms,
                None, None, NOW_MS, salt if kept else None, raw if kept else None, commitment, chain,
            ),
        )  # fmt: skip
    connection.close()


def test_a_vault_that_holds_something_is_left_alone(exported: Path, tmp_path: Path) -> None:
    with house_in(tmp_path / "new", ROOT) as house:
        house.journal.append([message("mine", NOW_MS)])
        head = house.journal.head()
    with pytest.raises(Refused) as error:
        _back(exported / "out", tmp_path / "new")
    assert error.value.code == "restore-not-empty"
    with house_in(tmp_path / "new", ROOT) as house:
        assert house.journal.head() == head and house.journal.verify().sound


def _flip(path: Path, at: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 1
    path.write_bytes(data)


def _is_empty(vault: Path) -> bool:
    """No record, no media file, and a vault that opens."""
    with house_in(vault, ROOT) as house:
        assert house.journal.append([]) == []
        assert house.journal.keyring.media_addresses() == set()
        return house.journal.head().seq == 0 and list(house.media.addresses()) == []


@pytest.mark.parametrize("at", [0.0, 0.3, 0.6, 0.999])
def test_damage_is_named_by_file_and_line_and_nothing_stays(out: Path, tmp_path: Path, at: float) -> None:
    path = out / "journal-2026.jsonl"
    line = path.read_bytes()[: int(path.stat().st_size * at)].count(b"\n") + 1
    _flip(path, at)
    with pytest.raises(NeedsPerson) as error:
        _back(out, tmp_path / "new")
    assert error.value.code == "export-damaged"
    assert f"journal-2026.jsonl, line {line:,}:" in error.value.message or "not what was written" in error.value.message
    assert _is_empty(tmp_path / "new")


def test_every_line_that_was_changed_is_named(out: Path, tmp_path: Path) -> None:
    path = out / "journal-2026.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for number in (10, 50):
        lines[number - 1] = lines[number - 1].replace("Größe".encode(), "Länge".encode())
    path.write_bytes(b"".join(lines))
    with pytest.raises(NeedsPerson) as error:
        _back(out, tmp_path / "new")
    for number in (10, 50):
        assert f"journal-2026.jsonl, line {number}: its content is not what its commitment says" in error.value.message


@pytest.mark.parametrize("what", ["flip", "cut", "remove"])
def test_a_damaged_photo_is_named(out: Path, tmp_path: Path, what: str) -> None:
    path = next(path for path in (out / "media").rglob("*") if path.name.startswith("IMG 1"))
    if what == "flip":
        _flip(path, 0.5)
    elif what == "cut":
        os.truncate(path, 100)
    else:
        path.unlink()
    with pytest.raises(NeedsPerson, match="media/2026-03/IMG 1") as error:
        _back(out, tmp_path / "new")
    assert error.value.code == "export-damaged"
    assert _is_empty(tmp_path / "new")


def test_damage_to_what_is_derived_is_said_and_does_not_hold_it_up(out: Path, tmp_path: Path) -> None:
    _flip(out / "events.parquet", 0.5)
    (out / "README.md").unlink()
    report = _back(out, tmp_path / "new")
    assert report.identical and sorted(fault.path for fault in report.faults) == ["README.md", "events.parquet"]


def _manifest(out: Path, change: Callable[[Json], None]) -> None:
    document = orjson.loads((out / MANIFEST).read_bytes())
    change(document)
    (out / MANIFEST).write_bytes(orjson.dumps(document))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d.update(version=2), "export-newer"),
        (lambda d: d.update(format="other"), "export-damaged"),
        (lambda d: d.pop("head"), "export-damaged"),
        (lambda d: d["head"].update(chain="00" * 32), "restore-chain-differs"),
        (lambda d: d["head"].update(seq=1), "export-damaged"),
        (lambda d: d["years"][0].update(first_seq=2), "export-damaged"),
        (lambda d: d["years"][0].update(year=-1), "export-damaged"),
        (lambda d: d["files"].update({"../outside": {"bytes": 0, "sha256": ""}}), "export-damaged"),
        (lambda d: d["files"].update({"/etc/passwd": {"bytes": 0, "sha256": ""}}), "export-damaged"),
        (lambda d: d.update(media_address_key="11" * 32), "export-damaged"),
        (lambda d: d.update(media_address_key="1"), "export-damaged"),
    ],
)
def test_a_manifest_that_is_made_up_brings_nothing(
    out: Path, tmp_path: Path, change: Callable[[Json], None], code: str
) -> None:
    _manifest(out, change)
    with pytest.raises(NeedsPerson) as error:
        _back(out, tmp_path / "new")
    assert error.value.code == code
    assert _is_empty(tmp_path / "new")


def test_an_unfinished_export_brings_nothing(out: Path, tmp_path: Path) -> None:
    (out / UNFINISHED).write_text("hearthside-export: unfinished")
    with pytest.raises(NeedsPerson) as error:
        _back(out, tmp_path / "new")
    assert error.value.code == "export-unfinished"


def test_an_export_is_recognised_by_its_content(exported: Path, tmp_path: Path) -> None:
    assert is_export(exported / "out")
    assert not is_export(exported)
    assert not is_export(tmp_path / "nowhere")
    for text in ("[]", "no json", '{"format": "other"}'):
        (tmp_path / MANIFEST).write_text(text)
        assert not is_export(tmp_path)


@pytest.mark.parametrize("steps", [0, 2, 5, 10, 14])
def test_stopped_the_vault_is_as_empty_as_before(exported: Path, tmp_path: Path, steps: int) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > steps

    report = _back(exported / "out", tmp_path / "new", stop=stop)
    assert report.stopped and report.identical and report.new == 0
    assert _is_empty(tmp_path / "new")
    assert _back(exported / "out", tmp_path / "new").media == 4


def test_a_disk_that_fails_leaves_nothing(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(folder: Path, store: Json, original: Json) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(sys.modules["hearthside.leaving.bring_back"], "_put", failing)
    with pytest.raises(RetryLater) as error:
        _back(exported / "out", tmp_path / "new")
    assert error.value.code == "bring-back-failed"
    assert _is_empty(tmp_path / "new")


_KILLED = """
import os, sys
from pathlib import Path
from hearthside.identity.vault import Vault
from hearthside.leaving import bring_back
from tests.leaving.houses import media_opener
out, vault, steps, asked = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), 0
def stop():
    global asked
    asked += 1
    if asked > steps:
        os.kill(os.getpid(), 9)
    return False
bring_back(out, vault, Vault(vault, b"\\2" * 32).key("journal"), media_opener(vault), stop=stop)
"""


@pytest.mark.parametrize("steps", [5, 17, 18, 19])
def test_killed_no_record_is_in_force_and_it_can_be_done_again(exported: Path, tmp_path: Path, steps: int) -> None:
    command = [sys.executable, "-c", _KILLED, str(exported / "out"), str(tmp_path / "new"), str(steps)]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == -signal.SIGKILL
    with house_in(tmp_path / "new", ROOT) as house:
        assert house.journal.head().seq == 0
    assert _back(exported / "out", tmp_path / "new").media == 4
    with house_in(exported / "vault") as old, house_in(tmp_path / "new", ROOT) as new:
        assert new.journal.head() == old.journal.head() and new.journal.verify().sound
        assert new.media.verify({reference.address for reference in _named(new)}) == []


def _named(house: House) -> list[MediaRef]:
    return [reference for item in house.journal.read(kinds=["caption"]) for reference in media_of(item.record)]


# --- into a vault that has records of its own -------------------------------------------------------------------------


def test_another_vault_gets_what_it_did_not_have_once(exported: Path, tmp_path: Path) -> None:
    with house_in(tmp_path / "other", ROOT, b"\x08" * 32) as house:
        decide(house.journal, "home_zone", "Asia/Tokyo", NOW_MS)
        house.journal.append([message("mine", NOW_MS), message("Größe 0 😀\u2028", START_MS)])
        first = add_to(exported / "out", house.journal, house.media, SYSTEM)
        head = house.journal.head()
        second = add_to(exported / "out", house.journal, house.media, SYSTEM)
        assert (first.identical, first.known, first.left_out, first.media) == (False, 1, 3, 4)
        assert (first.new, second.new, second.known) == (610, 0, 611)
        assert house.journal.head() == head and house.journal.verify().sound
        assert decided(house.journal)["home_zone"] == "Asia/Tokyo"
        assert first.undecided == {"person": "Ida"}
        assert list(house.journal.read(kinds=["ledger"])) == []
        for item in house.journal.read(kinds=["caption"]):
            [reference] = media_of(item.record)
            assert len(b"".join(house.media.open(reference.address))) == reference.size
        house.stream.update()
        assert house.media.verify(house.media.addresses()) == []


def test_the_vault_it_came_from_learns_nothing_new(exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported / "vault", tmp_path / "vault")
    with house_in(tmp_path / "vault") as house:
        head = house.journal.head()
        report = add_to(exported / "out", house.journal, house.media, SYSTEM)
        assert (report.new, house.journal.head()) == (0, head)


def test_a_perceived_record_still_names_what_it_was_perceived_in(tmp_path: Path) -> None:
    with house_in(tmp_path / "vault") as house:
        stored = house.media.put(io.BytesIO(b"photo"))
        seen = message("photo", START_MS, payload={"media": [{"address": stored.address, "bytes": 5}]})
        house.journal.append([seen, message("dwell", START_MS + 1, payload={"of": seen.id.hex()})])
        export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
    with house_in(tmp_path / "other", ROOT, b"\x08" * 32) as house:
        house.journal.append([message("mine", NOW_MS)])
        add_to(tmp_path / "out", house.journal, house.media, SYSTEM)
        records = {item.record.text: item for item in house.journal.read() if isinstance(item.record, Event)}
        assert isinstance(records["dwell"].record, Event)
        assert records["dwell"].record.payload["of"] == records["photo"].id.hex() != seen.id.hex()


def test_adding_can_be_stopped_and_goes_on(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with house_in(tmp_path / "other", ROOT) as house:
        house.journal.append([message("mine", NOW_MS)])
        monkeypatch.setattr(sys.modules["hearthside.leaving.bring_back"], "_BATCH", 100)
        report = add_to(exported / "out", house.journal, None, SYSTEM, stop=lambda: house.journal.head().seq > 1)
        assert report.stopped and 0 < report.new < 611
        again = add_to(exported / "out", house.journal, None, SYSTEM)
        assert again.new + report.new == 611
        assert house.journal.verify().sound


def test_damage_adds_nothing(out: Path, tmp_path: Path) -> None:
    _flip(out / "journal-2026.jsonl", 0.9)
    with house_in(tmp_path / "other", ROOT) as house:
        house.journal.append([message("mine", NOW_MS)])
        with pytest.raises(HearthsideError) as error:
            add_to(out, house.journal, house.media, SYSTEM)
        assert error.value.code == "export-damaged"
        assert house.journal.head().seq == 1


def test_an_empty_export_makes_an_empty_journal(tmp_path: Path) -> None:
    with house_in(tmp_path / "vault") as house:
        export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
    report = _back(tmp_path / "out", tmp_path / "new")
    assert report.identical and report.records == 0
    journal = Journal(tmp_path / "new", Vault(tmp_path / "new", ROOT).key("journal"), lambda: NOW_MS)
    assert journal.head().seq == 0
    journal.close()
