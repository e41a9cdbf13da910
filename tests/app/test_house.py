"""The house without a compute node: the sample life, imports, uploads, answers from plain code, and what pages need."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hearthside.app.house import House
from hearthside.app.rooms import SYSTEM_SOURCES
from hearthside.app.training import TrainingDesk
from hearthside.companion.answers import Answer, Piece
from hearthside.erasure import Wanted, preview
from hearthside.errors import NeedsPerson, Refused
from hearthside.events import DAY_MS, HOUR_MS, Event, Series
from hearthside.intake import Importer
from hearthside.memory.hits import Filters
from tests.app.helpers import NOW_MS, house_in
from tests.contracts.source_files import SOURCE_FILES
from tests.night.helpers import message

_ALL = Filters()


def _told(house: House, start: Callable[[], str]) -> tuple[str, str, list[str]]:
    job = house.wait(start())
    return job.state, job.message, job.details


def _exports(folder: Path) -> Path:
    folder.mkdir()
    for name in ("last_fm", "oura_sleep"):
        (folder / f"{name}.gz").write_bytes(gzip.compress(SOURCE_FILES[name]))
    return folder


def test_an_empty_house_says_so(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        overview = house.overview()
        assert (overview.empty, overview.invented, overview.person, overview.first_day) == (True, False, "", "")
        assert (overview.node_state, overview.node_sentence) == ("down", "")
        assert house.search("anything", _ALL) == []
        assert house.offer() is None
        assert house.proposals() == []
        assert house.names() == []
        assert house.verify_journal() == "All 0 records match the chain."
        assert len(house.day("2026-11-18").lanes) == 6
        assert house.training().adapters == []


def test_the_sample_life_is_labelled_and_lives_at_its_own_time(sample_vault: Path) -> None:
    with house_in(sample_vault, clock=lambda: NOW_MS + DAY_MS) as house:
        overview = house.overview()
        assert (overview.empty, overview.invented, bool(overview.person)) == (False, True, True)
        assert overview.last_day == "2026-11-18"
        now, offset = house.local_now()
        assert (now + offset * 60_000) % DAY_MS // HOUR_MS == 17  # its last day ends at five; a day has passed since
        assert (now + offset * 60_000) // DAY_MS == NOW_MS // DAY_MS + 1
        assert overview.person in " ".join(house.names())
        sources = {source.name for source in house.health().sources}
        assert {"whatsapp", "oura_sleep", "owntracks", "home_assistant_history", "omi", "glasses"} <= sources
        newest = max(item.record.start_ms for item in house.rooms.journal.read(sources=sources))
        assert newest <= now - DAY_MS  # nothing of it lies in its own future


def test_the_sample_life_comes_once(own_copy: Path) -> None:
    with house_in(own_copy, clock=lambda: NOW_MS + 3 * DAY_MS) as house:
        before = house.rooms.stream.counts(), house.rooms.clock()
        state, sentence, details = _told(house, house.start_sample)
        assert (state, " 0 new" in sentence, len(details) > 10) == ("done", True, True)
        assert (house.rooms.stream.counts(), house.rooms.clock()) == before


def test_no_sample_life_beside_an_own_one(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        # An import that was cut short before anything was lined up.
        Importer(house.rooms.journal, house.rooms.clock, house.rooms.reading(), lambda p: None, lambda: False
                 ).import_paths([_exports(tmp_path / "exports")])  # fmt: skip
        state, sentence, _ = _told(house, house.start_sample)
        assert (state, "your own life" in sentence) == ("failed", True)
        assert not house.overview().invented
        assert not (tmp_path / "vault" / "sample_life").exists()


def test_an_import_is_told_file_by_file(tmp_path: Path) -> None:
    (_exports(tmp_path / "exports") / "strange.bin").write_bytes(b"\0\1\2 what is this")
    with house_in(tmp_path) as house:
        paths = [tmp_path / "exports", tmp_path / "nowhere"]
        state, sentence, details = _told(house, lambda: house.start_import(paths))
        assert (state, "1 refused" in sentence) == ("done", True)
        assert [line.split(":")[0].rsplit("/", 1)[-1] for line in details] == [
            "last_fm.gz", "oura_sleep.gz", "strange.bin", "nowhere"
        ]  # fmt: skip
        assert "no source recognises" in details[2]
        assert "no such file" in details[3]
        assert not house.rooms.stream.pending()
        assert house.search("Low Water", _ALL)[0].kind == "listen"
        again = _told(house, lambda: house.start_import(paths))
        assert " 0 new" in again[1]
        assert [row[2] for row in house.health().rejected] == ["no source recognises this format"]
        with pytest.raises(NeedsPerson):
            house.start_import([])
        alone = _told(house, lambda: house.start_import([tmp_path / "nowhere"]))
        assert alone[1].startswith("Nothing here could be recognised.")


@pytest.mark.parametrize("how", ["done", "stopped", "failed"])
def test_uploads_do_not_stay_in_the_clear(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with house_in(tmp_path) as house:
        folder, other = house.new_upload_folder(), house.new_upload_folder()
        assert (folder.stat().st_mode & 0o777, folder != other) == (0o700, True)
        (folder / "plays.jsonl").write_bytes(SOURCE_FILES["last_fm"])
        (other / "later.jsonl").write_bytes(b"")
        started, go_on = threading.Event(), threading.Event()
        real = Importer.import_paths

        def held(self: Importer, paths: list[Path]) -> object:
            started.set()
            go_on.wait()
            if how == "failed":
                raise OSError("the disk is gone")
            return real(self, paths)

        monkeypatch.setattr(Importer, "import_paths", held)
        job_id = house.start_import([folder / "plays.jsonl"])
        started.wait()
        assert (folder / "plays.jsonl").exists()
        if how == "stopped":
            house.stop_job(job_id)
        go_on.set()
        assert house.wait(job_id).state == how
        assert not folder.exists()
        assert (other / "later.jsonl").exists()  # another upload under way is not touched


def test_the_persons_own_folder_is_left_alone(tmp_path: Path) -> None:
    exports = _exports(tmp_path / "exports")
    with house_in(tmp_path) as house:
        _told(house, lambda: house.start_import([exports]))
    assert len(list(exports.iterdir())) == 2


def test_a_record_is_shown_whole(sample_vault: Path) -> None:
    with house_in(sample_vault) as house:
        hit = house.search("dinner", replace(_ALL, kinds=frozenset({"message"})), 1)[0]
        record = house.record(hit.id)
        assert (record["id"], record["text"], record["source"]) == (hit.id, hit.text, "whatsapp")
        series = next(item for item in house.rooms.journal.read(kinds=["met"]) if isinstance(item.record, Series))
        assert str(house.record(series.id.hex())["values"]).endswith(" values")
        for unknown in ("00" * 16, "no hex", ""):
            with pytest.raises(NeedsPerson) as error:
                house.record(unknown)
            assert error.value.code == "record-unknown"


def test_without_a_compute_node_plain_code_answers_and_says_so(own_copy: Path) -> None:
    with house_in(own_copy) as house:
        parts = list(house.ask("How long did I sleep last night?", "c1"))
        answer = parts[-1]
        assert isinstance(answer, Answer)
        assert (answer.mode.value, answer.worded_by) == ("computed", "")
        assert not answer.limited  # nothing is missing from what was computed
        assert answer.evidence
        assert "".join(part.text for part in parts if isinstance(part, Piece)) == answer.text
        turns = house.conversation("c1")
        assert [turn.who for turn in turns] == ["you", "hearthside"]
        assert turns[1].answer is not None
        assert [hit.id for hit in turns[1].answer.evidence] == [hit.id for hit in answer.evidence]
        unknown = list(house.ask("What is the name of my submarine?", "c1"))[-1]
        assert isinstance(unknown, Answer)
        assert unknown.mode.value == "unknown"
        assert unknown.limited and unknown.improvable  # the person is told that less is possible now


def test_names_follow_what_comes_in(own_copy: Path) -> None:
    with house_in(own_copy) as house:
        known = house.names()
        assert known == sorted(known)
        assert house.names() == known
        house.rooms.journal.append([message("hi", NOW_MS, conversation="Zebedee Quux")])
        assert set(house.names()) - set(known) >= {"Zebedee Quux"}


def test_health_knows_every_room(sample_vault: Path) -> None:
    with house_in(sample_vault) as house:
        view = house.health()
        assert [(node.name, node.state) for node in view.nodes] == [("Data node", "ready"), ("Compute node", "down")]
        assert dict(view.storage).keys() == {
            "journal", "media", "life stream", "index", "meaning", "beliefs", "adapters",
        }  # fmt: skip
        counted = sum(source.records for source in view.sources)
        stored = sum(1 for item in house.rooms.journal.read() if item.record.source not in SYSTEM_SOURCES)
        assert counted == stored
        assert view.rejected == []
        assert house.verify_journal().startswith("All ")


def test_rebuild_gives_the_same_rooms(own_copy: Path) -> None:
    with house_in(own_copy) as house:
        before = house.rooms.stream.fingerprint(), house.rooms.index.fingerprint()
        state, sentence, _ = _told(house, house.start_rebuild)
        assert (state, "no model was asked" in sentence) == ("done", True)
        assert (house.rooms.stream.fingerprint(), house.rooms.index.fingerprint()) == before


def test_embedding_waits_for_the_node(own_copy: Path) -> None:
    with house_in(own_copy) as house:
        state, sentence, _ = _told(house, house.start_embedding)
        assert (state, "compute node is away" in sentence) == ("failed", True)


def test_the_small_model_ends_before_the_node_whose_end_would_wake_it(tmp_path: Path) -> None:
    ended = list[str]()

    @dataclass
    class Ends:
        name: str

        def stop(self) -> None:
            ended.append(self.name)

    with house_in(tmp_path) as house:
        house.outside = replace(house.outside, compute=Ends("node"), standby=Ends("standby"))  # type: ignore[arg-type]
    assert ended == ["standby", "node"]


def test_after_forgetting_the_nodes_let_go_of_the_adapter_that_had_learnt_it(tmp_path: Path) -> None:
    told = list[str]()

    class Holds:
        def sync_adapters(self) -> None:
            told.append("look")

    with house_in(tmp_path) as house:
        house.trainer = TrainingDesk(house.rooms, Holds(), lambda: None)  # type: ignore[arg-type]
        house.forget(preview(house.rooms.journal, house.rooms.stream, Wanted(words=("walnuts",))))
    assert told == ["look"]


def test_there_is_nothing_to_roll_back(tmp_path: Path) -> None:
    with house_in(tmp_path) as house, pytest.raises(Refused) as error:
        house.roll_back_adapter()
    assert error.value.code == "adapter-none"


def test_two_processes_may_open_one_vault(tmp_path: Path) -> None:
    with house_in(tmp_path) as first, house_in(tmp_path) as second:
        first.rooms.journal.append([message("from the first", NOW_MS)])
        second.keep_in_step()
        (item,) = second.rooms.journal.read(kinds=["message"])
        assert isinstance(item.record, Event)
        assert first.search("first", _ALL)[0].text == item.record.text
