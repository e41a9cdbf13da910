"""Leaving with everything: whole, readable without Hearthside, and nothing left behind when it fails."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import orjson
import pytest

from hearthside.errors import HearthsideError, NeedsPerson, RetryLater
from hearthside.identity.database import open_database
from hearthside.journal import files
from hearthside.journal.keys import year_keys
from hearthside.leaving import export as exporting
from hearthside.leaving import export_everything, folder, is_export, read_manifest
from hearthside.leaving.manifest import UNFINISHED
from tests.leaving.houses import ADDRESS_KEY, NOW_MS, START_MS, House, house_in, lines_of, live_a_little, message


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path / "vault") as opened:
        yield opened


def test_everything_is_there(house: House, tmp_path: Path) -> None:
    live_a_little(house)
    out = tmp_path / "out"
    told: list[tuple[int, int]] = []
    report = export_everything(house.belongings(), out, lambda: NOW_MS, lambda done, total: told.append((done, total)))
    head = house.journal.head()
    assert (report.stopped, report.problems, report.head) == (False, [], head)
    counts = {
        "records": head.seq, "forgotten": 1, "damaged": 0, "events": head.seq - 4, "series": 3, "samples": 5,
        "occurrences": 607, "minutes": report.counts["minutes"], "media": 4, "adapters": 1, "ledger": 1,
    }  # fmt: skip
    assert report.counts == counts
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert "not encrypted" in report.in_words()
    manifest = read_manifest(out)
    assert (manifest.head, manifest.vault, manifest.made_ms) == (head, house.vault.id, NOW_MS)
    assert (manifest.first_day, manifest.last_day) == ("2026-03-01", "2026-03-03")
    assert manifest.counts == counts
    found = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    assert set(found) == {*manifest.files, "manifest.json"}
    for name, fact in manifest.files.items():
        assert hashlib.sha256(found[name].read_bytes()).hexdigest() == fact.sha256
        assert found[name].stat().st_size == fact.size
    assert report.size == sum(path.stat().st_size for path in found.values())
    for path in (out, *out.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_the_journal_is_told_line_by_line(house: House, tmp_path: Path) -> None:
    live_a_little(house)
    export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
    lines = lines_of(tmp_path / "out")
    assert [line["seq"] for line in lines] == list(range(1, house.journal.head().seq + 1))
    assert [line["seq"] for line in lines if "body" not in line] == [4]
    chain = hashlib.sha256(b"hearthside journal 1").digest()
    for line in lines:
        commitment = bytes.fromhex(line["commitment"])
        chain = hashlib.sha256(chain + commitment).digest()
        if "body" in line:  # what the README says must be enough to check it
            raw = orjson.dumps(line["body"])
            arrived = line["received_ms"].to_bytes(8, "big", signed=True)
            assert hashlib.sha256(bytes.fromhex(line["salt"]) + arrived + raw).digest() == commitment
    assert chain == house.journal.head().chain
    stored = {item.seq: item for item in house.journal.since(0)}
    assert {line["seq"]: line["id"] for line in lines if "id" in line} == {n: s.id.hex() for n, s in stored.items()}
    assert all(line["body"] == stored[line["seq"]].record.body() for line in lines if "body" in line)
    text = (tmp_path / "out" / "journal-2026.jsonl").read_bytes()
    assert b"the secret" not in text


def test_media_settings_ledger_and_adapters(house: House, tmp_path: Path) -> None:
    live_a_little(house)
    out = tmp_path / "out"
    export_everything(house.belongings(), out, lambda: NOW_MS)
    originals = [orjson.loads(line) for line in (out / "media.jsonl").read_bytes().splitlines()]
    by_name = {line["name"]: line for line in originals}
    assert set(by_name) == {"IMG 1.jpg", "img 1.JPG", "../../etc/passwd", ""}
    assert (out / by_name["IMG 1.jpg"]["path"]).read_bytes() == b"first" * 50_000
    assert (out / by_name["../../etc/passwd"]["path"]).read_bytes() == b"third"
    assert by_name[""]["path"].startswith("media/2026-03/") and by_name[""]["path"].endswith(".png")
    for line in originals:
        content = (out / line["path"]).read_bytes()
        assert line["sha256"] == hashlib.sha256(content).hexdigest()
        assert line["address"] == hashlib.blake2b(content, key=ADDRESS_KEY, digest_size=32).hexdigest()
    assert json.loads((out / "settings.json").read_text()) == {
        "decisions": {"home_zone": "Europe/Berlin", "person": "Ida"}
    }
    assert [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()] == [
        {"at_ms": START_MS, "purpose": "model-download", "bytes_out": 12}
    ]
    [entry] = json.loads((out / "adapters" / "adapters.json").read_text())
    assert entry["state"] == "active" and entry["gate"] == {"gain": 0.2}
    assert (out / entry["file"]).read_bytes() == b"GGUF weights"


def test_an_empty_vault_can_be_left_too(house: House, tmp_path: Path) -> None:
    report = export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
    assert report.counts["records"] == report.counts["minutes"] == 0
    assert read_manifest(tmp_path / "out").years == ()
    assert "life stream empty" in (tmp_path / "out" / "README.md").read_text()


def test_too_little_room_is_said_before_anything_is_written(house: House, tmp_path: Path) -> None:
    live_a_little(house)
    with pytest.raises(NeedsPerson) as error:
        export_everything(house.belongings(), tmp_path / "far" / "out", lambda: NOW_MS, free=lambda folder: 1000)
    assert error.value.code == "export-no-room"
    assert not (tmp_path / "far").exists()
    report = export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
    estimate = exporting._estimated_bytes(house.belongings(), report.counts["minutes"] // 1440)
    assert report.size < estimate < 20 * report.size


@pytest.mark.parametrize("steps", [0, 1, 3, 8, 12])
def test_stopped_it_leaves_nothing(house: House, tmp_path: Path, steps: int) -> None:
    live_a_little(house)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > steps

    report = export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS, stop=stop)
    assert report.stopped and "stopped" in report.in_words()
    assert not (tmp_path / "out").exists()


def test_paused_it_waits_and_goes_on(house: House, tmp_path: Path) -> None:
    live_a_little(house)
    answers = [False, True, True, False]
    waited: list[float] = []

    def pause(seconds: float) -> bool:
        waited.append(seconds)
        return answers.pop(0) if answers else False

    report = export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS, pause=pause)
    assert not report.stopped and not answers and any(seconds > 0 for seconds in waited)
    assert read_manifest(tmp_path / "out").head == house.journal.head()


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "export-disk-full"), (errno.EIO, "export-not-written")])
@pytest.mark.parametrize("after", [0, 3, 9])
def test_a_disk_that_fails_leaves_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, after: int
) -> None:
    live_a_little(house)
    synced = 0

    def failing(descriptor: int) -> None:
        nonlocal synced
        synced += 1
        if synced > after:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(folder, "sync_file", failing)
    with pytest.raises(RetryLater) as error:
        export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
    assert error.value.code == code
    assert not (tmp_path / "out").exists() or not [*(tmp_path / "out").glob("*.parquet*")]
    monkeypatch.undo()
    assert not export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS).problems


def test_something_forgotten_meanwhile_does_not_leave_with_it(house: House, tmp_path: Path) -> None:
    live_a_little(house)
    gone = next(house.journal.read(kinds=["message"])).id
    told: list[int] = []

    def progress(done: int, total: int) -> None:
        if not told and done * 10 > total * 9:
            told.append(house.journal.forget([gone]))

    with pytest.raises(RetryLater) as error:
        export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS, progress)
    assert (error.value.code, told) == ("export-forgotten-meanwhile", [1])
    assert not (tmp_path / "out").exists()


def test_what_arrives_meanwhile_does_not_disturb(house: House, tmp_path: Path) -> None:
    live_a_little(house)
    count = 0

    def progress(done: int, total: int) -> None:
        nonlocal count
        count += 1
        house.journal.append([message(f"late {count}", START_MS + count)])
        house.stream.update()

    report = export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS, progress)
    head = read_manifest(tmp_path / "out").head
    assert report.head == head and house.journal.chain_at(head.seq) == head.chain
    assert [line["seq"] for line in lines_of(tmp_path / "out")] == list(range(1, head.seq + 1))
    assert report.problems == []


def _spoil(house: House, change: str) -> None:
    [path] = files.year_files(house.journal.folder)
    connection: apsw.Connection = open_database(path, year_keys([house.vault.key("journal")])[0])
    connection.execute(change)
    connection.close()


def test_a_damaged_record_is_said_and_the_others_leave(house: House, tmp_path: Path) -> None:
    live_a_little(house)
    _spoil(house, "UPDATE record SET sealed = zeroblob(60) WHERE seq = 20")
    report = export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
    assert (report.counts["damaged"], len(report.problems)) == (1, 1)
    assert "repair" in report.problems[0] and report.problems[0] in (tmp_path / "out" / "README.md").read_text()
    lines = lines_of(tmp_path / "out")
    assert [line["seq"] for line in lines if line.get("damaged")] == [20]
    assert len(lines) == house.journal.head().seq


def test_a_chain_that_is_not_the_journals_is_said(house: House, tmp_path: Path) -> None:
    live_a_little(house)
    _spoil(house, "UPDATE record SET commitment = zeroblob(32) WHERE seq = 4")
    report = export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
    assert any("verify" in problem for problem in report.problems)


def test_a_damaged_media_file_is_said_and_the_others_leave(house: House, tmp_path: Path) -> None:
    live_a_little(house)
    address = next(house.media.addresses())
    path = house.media.path(address)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    report = export_everything(house.belongings(), tmp_path / "out", lambda: NOW_MS)
    assert report.counts["media"] == 3 and len(report.problems) == 1 and address in report.problems[0]
    assert not [*(tmp_path / "out").rglob("*.part")]


_KILLED = """
import sys, time
from pathlib import Path
from hearthside.leaving import export_everything
from tests.leaving.houses import NOW_MS, house_in
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
def progress(done, total):
    if done * 4 > total * int(sys.argv[3]):
        print("there", flush=True)
        time.sleep(600)
with house_in(folder) as house:
    export_everything(house.belongings(), out, lambda: NOW_MS, progress)
"""


@pytest.mark.parametrize("quarter", [0, 2, 3])
def test_killed_it_says_so_and_can_be_begun_again(tmp_path: Path, quarter: int) -> None:
    out = tmp_path / "out"
    with house_in(tmp_path / "vault") as house:
        live_a_little(house)
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "vault"), str(out), str(quarter)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        process.send_signal(signal.SIGKILL)
    assert is_export(out) and "not whole" in (out / UNFINISHED).read_text()
    with pytest.raises(HearthsideError) as error:
        read_manifest(out)
    assert error.value.code == "export-unfinished"
    with house_in(tmp_path / "vault") as house:
        report = export_everything(house.belongings(), out, lambda: NOW_MS)
        assert read_manifest(out).head == house.journal.head() == report.head
    assert not (out / UNFINISHED).exists() and not [*out.rglob("*.part")]
