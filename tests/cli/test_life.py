"""The command line: exit statuses, plain sentences instead of tracebacks, JSON that parses, kill -9 in the middle."""

from __future__ import annotations

import gzip
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from hearthside.events import Event
from tests.app.helpers import house_in
from tests.app.sample_vault import sample_folder
from tests.cli.ended import Run
from tests.contracts.source_files import SOURCE_FILES

_DAY = "2026-11-17"


@pytest.fixture
def sample(run: Run, at: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Points to the sample life, to look at only."""
    folder = sample_folder(tmp_path_factory)
    at(folder)
    return folder


@pytest.fixture
def copy(run: Run, at: Callable[[Path], None], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Points to a copy of the sample life."""
    folder = Path(shutil.copytree(sample_folder(tmp_path_factory), tmp_path / "copy"))
    at(folder)
    return folder


def _plays(count: int) -> bytes:
    rows = ({"artist": "A", "track": f"T{n}", "album": "", "day": "2023-11-14", "uts": 1_700_000_000 + 60 * n}
            for n in range(count))  # fmt: skip
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


# -- importing -------------------------------------------------------------------------------------------------------


def test_good_files_are_all_taken_and_only_once(run: Run, tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    for name in ("last_fm", "oura_sleep", "google_fit"):
        (exports / name).write_bytes(SOURCE_FILES[name])
    first = run("import", exports)
    assert first.status == 0
    assert re.search(r"^(\d+) read, \1 new, 0 already known, 0 refused$", first.out, re.MULTILINE)
    second = run("import", exports)
    assert (second.status, " 0 new" in second.out) == (0, True)
    assert run("verify").status == 0


_PACKED = gzip.compress(random.Random(1).randbytes(2000) + _plays(300))
_BAD: dict[str, tuple[bytes, int, str]] = {
    "plays.jsonl": (_plays(3) + b"{no json\n" + _plays(5), 1, "JSON"),
    "future.jsonl": (_plays(3) + _plays(1).replace(b"1700000000", b"4100000000"), 1, "future"),
    "cut.jsonl.gz": (gzip.compress(_plays(3000))[:-200], 1, "cut.jsonl.gz"),
    "cut_early.gz": (gzip.compress(_plays(300))[:12], 2, "breaks off"),
    "photo.jpg": (b"\xff\xd8\xff\xe0" + bytes(range(256)), 2, "no source recognises"),
}


@pytest.mark.parametrize("name", _BAD)
def test_bad_files_are_told_and_kept(run: Run, tmp_path: Path, name: str) -> None:
    content, status, words = _BAD[name]
    (tmp_path / name).write_bytes(content)
    ended = run("import", tmp_path / name)
    assert (ended.status, words in ended.out, name in ended.out) == (status, True, True)
    assert "Traceback" not in ended.out + ended.err
    refused = run("health", "--json").json()["rejected"]
    assert len(refused) == 1
    assert words in " ".join(refused[0])
    again = run("import", tmp_path / name)
    assert (again.status, " 0 new" in again.out) == (status, True)
    assert len(run("health", "--json").json()["rejected"]) == 1  # refused twice, kept once
    assert "All " in run("verify").out


def test_nothing_to_import_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run("import", tmp_path / "empty").status == 2
    assert "no file to import" in run("import", tmp_path / "empty").out
    missing = run("import", tmp_path / "nowhere")
    assert (missing.status, "no such file" in missing.out) == (2, True)
    (tmp_path / "plays.jsonl").write_bytes(_plays(2))
    both = run("import", tmp_path / "plays.jsonl", tmp_path / "nowhere")
    assert (both.status, "2 new" in both.out, "no such file" in both.out) == (1, True, True)


def test_a_zone_can_be_told_later_and_moves_what_is_here(run: Run, tmp_path: Path) -> None:
    (tmp_path / "WhatsApp Chat with Ravi.txt").write_text(
        "12/06/2025, 19:02 - Ravi: Still on for Thursday?\n20/06/2025, 08:15 - Ravi: Good morning\n"
    )
    first = run("import", tmp_path / "WhatsApp Chat with Ravi.txt")
    assert "No home zone is known" in first.out
    assert "hearthside zone Europe/Berlin" in first.out
    wrong = run("zone", "Mars/Olympus")
    assert (wrong.status, "zone-unknown" in wrong.err) == (5, True)
    told = run("zone", "America/New_York")
    assert (told.status, "You live by America/New_York." in told.out) == (0, True)
    view = run("day", "2025-06-12", "--json").json()
    assert view["offset_min"] == -240
    [message] = view["lanes"][0]["items"]
    assert (message["start_ms"] // 60_000 - 240) % 1440 == 19 * 60 + 2  # as the phone showed it
    (tmp_path / "plays.jsonl").write_bytes(_plays(2))
    assert "No home zone" not in run("import", tmp_path / "plays.jsonl").out


def test_a_zone_and_names_are_kept_for_next_time(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plays.jsonl").write_bytes(_plays(2))
    wrong = run("import", tmp_path / "plays.jsonl", "--zone", "Mars/Olympus")
    assert (wrong.status, "nothing was imported" in wrong.err) == (5, True)
    assert (
        run("import", tmp_path / "plays.jsonl", "--zone", "Asia/Tokyo", "--me", "Ann", "--me", "A. Example").status == 0
    )
    run("import", tmp_path / "plays.jsonl", "--me", "Annie")
    with house_in(tmp_path) as house:
        reading = house.rooms.reading()
        assert (str(reading.zone), sorted(reading.self_names)) == ("Asia/Tokyo", ["a. example", "ann", "annie"])


# -- looking ---------------------------------------------------------------------------------------------------------


def test_a_day(run: Run, sample: Path) -> None:
    shown = run("day", _DAY)
    assert shown.status == 0
    assert [line.split("│")[0].strip() for line in shown.out.splitlines() if line.count("│") == 2] == [
        "text", "visual", "auditory", "behavioural", "environmental", "residential"
    ]  # fmt: skip
    view = run("day", _DAY, "--json").json()
    assert view["day"] == _DAY
    assert all(lane["items"] for lane in view["lanes"])


def test_a_day_tells_who_wrote_a_message(run: Run, tmp_path: Path) -> None:
    chat = tmp_path / "WhatsApp Chat with Ravi.txt"
    chat.write_text("12/06/2025, 19:02 - Ravi: Still on for Thursday?\n12/06/2025, 19:05 - Ann: Yes, at eight\n"
                    "20/06/2025, 08:15 - Ravi: Good morning\n")  # fmt: skip
    run("import", chat, "--me", "Ann", "--zone", "Europe/Berlin")
    lines = run("day", "2025-06-12").out.splitlines()
    assert [line.split("text", 1)[1].strip() for line in lines if "message" in line] == [
        "message: Ravi: Still on for Thursday?", "message: you: Yes, at eight  [Ravi]",
    ]  # fmt: skip


def test_a_day_outside_the_life_says_so(run: Run, sample: Path) -> None:
    with house_in(sample) as house:
        overview = house.overview()
    assert (
        f"before anything that is known. The first day with records is {overview.first_day}."
        in run("day", "1999-05-05").out
    )
    assert (
        f"after everything that is known. The last day with records is {overview.last_day}."
        in run("day", "2031-05-05").out
    )
    assert "that is known" not in run("day", _DAY).out
    assert run("day", "1999-05-05", "--json").json()["day"] == "1999-05-05"


def test_a_slice_lists_episodes_and_says_since_when(run: Run, sample: Path) -> None:
    view = run("slice", f"{_DAY}T12:30", "--json").json()
    shown = run("slice", f"{_DAY}T12:30").out
    assert view["episodes"]
    for one in view["episodes"]:
        assert one["label"] in shown
    ages = [line.strip().split("  ")[0] for line in shown.splitlines() if "state: " in line or "position" in line]
    assert ages
    assert all(re.fullmatch(r"now|since (\w{3} )?\d\d:\d\d|\d+ (s|min) before", age) for age in ages)
    assert any(age.startswith("since ") for age in ages)


def test_a_slice(run: Run, sample: Path) -> None:
    local = run("slice", f"{_DAY}T12:30", "--json").json()
    assert local["local"].startswith(f"{_DAY}T12:30")
    sign, minutes = "-" if local["offset_min"] < 0 else "+", abs(local["offset_min"])
    same = run("slice", f"{_DAY}T12:30{sign}{minutes // 60:02d}:{minutes % 60:02d}", "--json").json()
    assert same == local
    assert run("slice", f"{_DAY}T12:30").out.startswith(local["local"])


def test_a_search(run: Run, sample: Path) -> None:
    hits = run("search", "dinner", "--limit", "3", "--json").json()
    assert 0 < len(hits) <= 3
    assert "dinner" in " ".join(hit["text"] for hit in hits).casefold()
    assert hits[0]["id"][:12] in run("search", "dinner", "--limit", "3").out
    texts = run("search", "dinner", "--layer", "text", "--from", _DAY, "--to", _DAY, "--limit", "20", "--json").json()
    assert all((hit["layer"], hit["local"][:10]) == ("text", _DAY) for hit in texts)
    assert "Nothing was found." in run("search", "zyxwvutsrq").out
    for arguments in (["--layer", "smell"], ["--from", "yesterday"]):
        wrong = run("search", "dinner", *arguments)
        assert (wrong.status, "search-filter-wrong" in wrong.err) == (5, True)


def test_an_answer_of_plain_code(run: Run, copy: Path) -> None:
    answer = run("ask", "How long did I sleep last week?", "--plain", "--json").json()
    assert (answer["mode"], answer["worded_by"]) == ("computed", "")
    assert answer["evidence"]
    told = run("ask", "How long did I sleep last week?", "--plain")
    assert (told.status, answer["text"] in told.out, answer["evidence"][0]["id"][:12] in told.out) == (0, True, True)


def test_health_adapters_and_settings(run: Run, sample: Path) -> None:
    health = run("health", "--json").json()
    table = run("health").out
    assert all(source["title"] in table for source in health["sources"])
    assert run("adapters", "--json").json()["adapters"] == []
    assert "The first round is due" in run("adapters").out
    settings = run("settings").out
    assert "night_hour" in settings
    values = "".join(line.split("│")[2].strip() for line in settings.splitlines() if line.count("│") > 2)
    assert str(sample / "vault") in values  # whole, however narrow the terminal
    nothing = run("rollback")
    assert (nothing.status, "nothing to roll back" in nothing.err) == (5, True)


def test_verify_counts_every_record(run: Run, sample: Path) -> None:
    with house_in(sample) as house:
        records = house.rooms.journal.head().seq
    ended = run("verify")
    assert (ended.status, ended.out.strip()) == (0, f"All {records:,} records match the chain.")


# -- changing --------------------------------------------------------------------------------------------------------


def test_rebuild_gives_the_same_fingerprints(run: Run, copy: Path) -> None:
    with house_in(copy) as house:
        before = [house.rooms.stream.fingerprint()[:16], house.rooms.index.fingerprint()[:16]]
    ended = run("rebuild")
    assert ended.status == 0
    assert re.findall(r"\b[0-9a-f]{16}\b", ended.out) == before


def test_forget_shows_first_what_would_go(run: Run, copy: Path) -> None:
    head = run("heads").out
    shown = run("forget", "--from", _DAY, "--to", _DAY, "--source", "whatsapp")
    assert (shown.status, "would go" in shown.out, "message" in shown.out) == (0, True, True)
    assert run("heads").out == head  # only shown
    done = run("forget", "--from", _DAY, "--to", _DAY, "--source", "whatsapp", "--yes")
    assert (done.status, "are forgotten" in done.out) == (0, True)
    view = run("day", _DAY, "--json").json()
    assert [item for lane in view["lanes"] for item in lane["items"] if item["source"] == "whatsapp"] == []
    assert "forgotten" in run("verify").out
    assert "0 records" in run("forget", "--from", _DAY, "--to", _DAY, "--source", "whatsapp", "--yes").out
    with house_in(copy) as house:
        before = house.rooms.stream.fingerprint(), house.rooms.index.fingerprint()
        house.wait(house.start_rebuild())
        assert (house.rooms.stream.fingerprint(), house.rooms.index.fingerprint()) == before


# -- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["day", "2026-13-45"], ["day", "yesterday"], ["day", "20261117"], ["slice", f"{_DAY}T25:00"], ["slice", "noon"],
     ["forget", "--from", "2026-02-30", "--to", _DAY], ["forget", "--from", "2026-03-02", "--to", "2026-03-01"]],
)  # fmt: skip
def test_a_wrong_date_is_told(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert (ended.status, ended.out) == (5, "")
    assert re.match(r"Refused \((date|time)-wrong\): .+\.$", ended.err)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00", "9999-12-31T23:59", "1969-07-20T20:17+00:00"])
def test_a_time_long_ago_or_far_away_is_just_empty(run: Run, moment: str) -> None:
    assert run("slice", moment, "--json").status == 0


def test_wrong_settings_are_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTHSIDE_PORT", "none")
    monkeypatch.setenv("HEARTHSIDE_NIGHT_HOUR", "25")
    ended = run("health")
    assert (ended.status, "port" in ended.err, "night_hour" in ended.err) == (3, True, True)
    assert not (tmp_path / "vault").exists()


def test_brackets_in_a_sentence_are_only_brackets(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "hearthside.toml").write_text("[/bold]\n")
    assert (run("health").status, "Traceback" in run("health").err) == (3, False)


def test_a_vault_that_cannot_be_a_folder_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vault").write_text("a file")
    ended = run("health")
    assert (ended.status, "The system refused" in ended.err, "Traceback" in ended.err) == (4, True, False)


def _process(folder: Path, *arguments: str | Path, passphrase: str = "") -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTHSIDE_")}
    own = {"HEARTHSIDE_VAULT": str(folder / "vault"), "HEARTHSIDE_KEY_FILE": str(folder / "key")}
    own |= {"HEARTHSIDE_PASSPHRASE": passphrase} if passphrase else {}
    command = [sys.executable, "-m", "hearthside.cli", *(str(a) for a in arguments)]
    return subprocess.Popen(command, env=kept | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_wrong_passphrase_is_told_and_touches_nothing(tmp_path: Path) -> None:
    made = _process(tmp_path, "health", passphrase="correct horse")
    made.communicate()
    assert made.returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "vault").rglob("*") if path.is_file()}
    for passphrase, words in (("wrong horse", "does not open"), ("", "HEARTHSIDE_PASSPHRASE")):
        process = _process(tmp_path, "health", passphrase=passphrase)
        out, err = process.communicate()
        assert (process.returncode, out, words in err, "Traceback" in err) == (4, "", True, False)
    assert {path: path.read_bytes() for path in (tmp_path / "vault").rglob("*") if path.is_file()} == before


def test_an_import_killed_again_and_again_loses_and_doubles_nothing(run: Run, tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    for part in range(4):
        (exports / f"plays{part}.jsonl").write_bytes(_plays(4_000).replace(b'"A"', b'"A%d"' % part))
    chance = random.Random(5)
    killed = []
    for _ in range(4):
        process = _process(tmp_path, "import", exports)
        _wait_for_writes(tmp_path, process, chance.randint(1, 7))
        process.kill()
        process.communicate()
        killed.append(process.returncode == -9)
    assert killed[0]  # it had 32 batches to write
    ended = run("import", exports)
    assert (ended.status, "16,000 read" in ended.out, " 0 refused" in ended.out) == (0, True, True)
    with house_in(tmp_path) as house:
        plays = [item.record for item in house.rooms.journal.read(kinds=["listen"])]
        texts = {record.text for record in plays if isinstance(record, Event)}
        assert (len(plays), len(texts)) == (16_000, 16_000)
        assert house.rooms.stream.counts() == {("last_fm", "listen"): 16_000}
        assert house.rooms.index.sizes()["documents"] == 16_000
        assert house.verify_journal() == "All 16,000 records match the chain."
    assert " 0 new" in run("import", exports).out


def _wait_for_writes(folder: Path, process: subprocess.Popen[str], count: int) -> None:
    """Until the journal was written to so many times, or the process ended."""
    seen, before = set[int](), _written_at(folder)
    while len(seen) < count and process.poll() is None:
        if _written_at(folder) > before:
            seen.add(_written_at(folder))
        time.sleep(0.002)


def _written_at(folder: Path) -> int:
    """When the journal's write-ahead log was last written to, ns; 0 while there is none."""
    try:
        return max((path.stat().st_mtime_ns for path in (folder / "vault" / "journal").glob("2*.db-wal")), default=0)
    except FileNotFoundError:
        return 0
