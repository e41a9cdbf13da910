"""A day of two people in one household, then: no word of it in the clear, and none of one in the other's vault."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import pytest

from benchmarks.station_process import environment
from hearthside.errors import HearthsideError
from hearthside.identity.database import open_database
from hearthside.identity.vault import Vault, open_vault
from hearthside.journal import Journal, files
from hearthside.journal.keys import year_keys
from tests.end_to_end.station_process import StationProcess, station_process

_CANARIES = 100


@dataclass(frozen=True, slots=True)
class _Person:
    """One who lives here, and the words only they used."""

    name: str
    vault: Path
    canaries: list[str]
    token: str


def _word(name: str, n: int) -> str:
    return f"zq{name}{n:03d}x{'ploverthudwaldo'[n % 7 :]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    return tmp_path


def _settings(folder: Path) -> dict[str, str]:
    return environment(folder) | {"TMPDIR": str(folder / "tmp"), "HOME": str(folder / "home")}


def _person(folder: Path, name: str) -> _Person:
    vault = folder / name
    command = [sys.executable, "-m", "hearthside.cli", "token", "add", "phone", "--vault", str(vault)]
    scopes = [argument for scope in ("capture.write", "ask", "memory.read", "admin") for argument in ("--scope", scope)]
    made = subprocess.run([*command, *scopes], env=_settings(folder), capture_output=True, text=True, check=True)
    return _Person(name, vault, [_word(name, n) for n in range(_CANARIES)], made.stdout.split()[0])


def _live_a_day(address: str, person: _Person) -> None:
    """Every way in: live capture, an uploaded export, refused records, questions, searches, pages."""
    host = address.split("/?")[0].rstrip("/")
    with httpx.Client(
        base_url=host, headers={"Authorization": f"Bearer {person.token}", "Host": host.removeprefix("http://")},
        timeout=60, trust_env=False,
    ) as client:  # fmt: skip
        events = [_event(word, n) for n, word in enumerate(person.canaries[:60])]
        events.append(
            {"source": "phone", "kind": "message", "start_ms": "never", "payload": {"c": person.canaries[60]}}
        )
        answer = client.post("/api/events", content=orjson.dumps(events))
        assert answer.status_code == 200, answer.text
        assert sum("id" in record for record in answer.json()["records"]) == 60
        batch = client.post("/api/uploads").json()["batch"]
        chat = "\n".join(
            f"1/{n % 28 + 1}/26, 09:{n % 60:02d} - Ida: {word}" for n, word in enumerate(person.canaries[61:95])
        )
        assert client.put(f"/api/uploads/{batch}/{person.canaries[95]}.txt", content=chat.encode()).status_code == 200
        assert client.post(f"/api/uploads/{batch}/import").status_code == 200
        for word in person.canaries[96:98]:
            assert client.post("/api/search", json={"words": word}).status_code == 200
        for word in person.canaries[98:]:
            lines = client.post("/api/ask", json={"words": f"Who is {word}?", "conversation": "abcdefgh1"}).text
            assert '"answer"' in lines
        while any(job["state"] == "running" for job in client.get("/api/jobs").json()):
            pass


def _event(word: str, n: int) -> dict[str, object]:
    return {
        "source": "phone", "kind": "message", "layer": "text", "start_ms": 1_790_000_000_000 + n * 60_000,
        "payload": {"text": word, "conversation": "Ida"}, "text": word,
    }  # fmt: skip


def _forms(word: str) -> set[bytes]:
    """A word as it may lie in a file: as it is, as hex, and as base64 at each of three places in a longer text."""
    raw = word.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(), word.encode("utf-16-le")}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        found.add(encoded[(4 if shift else 0) : len(encoded) - 4])
    return found


def _contents(path: Path) -> Iterator[bytes]:
    """A file as it is, and what is packed in it."""
    content = path.read_bytes()
    yield content
    at = -1
    while (at := content.find(b"\x1f\x8b\x08", at + 1)) >= 0:
        try:
            yield zlib.decompressobj(31).decompress(content[at:], 1 << 24)
        except zlib.error:
            continue


def _found(paths: Iterator[Path], words: list[str]) -> list[tuple[str, str]]:
    forms = {form: word for word in words for form in _forms(word)}
    return [
        (str(path), word)
        for path in paths
        if path.is_file()
        for content in _contents(path)
        for form, word in forms.items()
        if form in content
    ]


def _opened(vault: Vault) -> bytes:
    """Everything in a vault that its own keys open: every record, and every page of what is derived."""
    journal = Journal(vault.folder, vault.key("journal"), lambda: 1_800_000_000_000)
    found = b"\n".join(orjson.dumps(item.record.body()) for item in journal.read())
    journal.close()
    paths = {vault.folder / f"{name}.db": vault.key(name) for name in ("stream", "index")}
    paths |= {path: year_keys([vault.key("journal")])[0] for path in files.year_files(vault.folder / "journal")}
    for path, key in paths.items():
        connection = open_database(path, key)
        found += bytes(connection.serialize("main"))
        connection.close()
    return found


def _compute_pid(station: StationProcess) -> int:
    """The node's process; it may wait its turn, as one model loads at a time on a machine."""
    until_s = time.monotonic() + 120
    while (pid := station.compute_pid) is None:
        assert time.monotonic() < until_s, "the compute node did not start"
        time.sleep(0.2)
    return pid


def test_a_day_of_two_people_leaves_nothing_in_the_clear_and_nothing_crosses(folder: Path) -> None:
    people = [_person(folder, name) for name in ("ann", "ben")]
    arguments = [argument for person in people for argument in ("--vault", str(person.vault))]
    with station_process(folder, *arguments, settings=_settings(folder)) as station:
        for person in people:
            _live_a_day(station.url, person)
        everywhere = [word for person in people for word in person.canaries]
        assert _found(folder.rglob("*"), everywhere) == []  # while it runs: logs, uploads, temporary files
        os.kill(_compute_pid(station), signal.SIGABRT)  # a crash writes no core either
    assert _found(folder.rglob("*"), everywhere) == []
    assert [path for path in folder.rglob("core*") if path.is_file()] == []
    assert not list((folder / "ann" / "uploads").glob("*"))
    opened = {person.name: _opened(open_vault(person.vault, key_file=folder / "key")) for person in people}
    for person in people:
        other = next(one for one in people if one is not person)
        kept = [word for word in person.canaries[:95] if any(form in opened[person.name] for form in _forms(word))]
        assert len(kept) == 95  # the test would see them: all of it is in there
        assert [word for word in person.canaries if word.encode() in opened[other.name]] == []
        with pytest.raises(HearthsideError):
            Journal(other.vault, Vault(person.vault, b"\1" * 32).key("journal"), lambda: 0)


def test_the_folder_is_the_owners_alone(folder: Path) -> None:
    person = _person(folder, "ann")
    for path in [person.vault, *person.vault.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
