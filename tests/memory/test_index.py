"""The index: in step with the journal, equal to one made anew, filtered, forgetting, shared."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hearthside.events import HOUR_MS, MINUTE_MS, Layer, Origin, Record
from hearthside.identity.database import open_database
from hearthside.memory.audit import audit
from hearthside.memory.hits import Filters
from hearthside.memory.index import Index
from tests.alignment.lives import KEY, START, event, many_records
from tests.memory.lives import HashingEmbedder, Memory, open_memory

NO_FILTERS = Filters()

PROCESS = """
import sys
from pathlib import Path
from hearthside.journal import Journal
from hearthside.memory.index import Index
from tests.alignment.lives import KEY, START, many_records
folder = Path(sys.argv[1])
journal = Journal(folder, KEY, lambda: START)
index = Index(folder, KEY, journal)
records = many_records(int(sys.argv[2]))
for at in range(0, len(records), 6):
    journal.append(records[at : at + 6])
    index.update()
journal.close()
"""


def _texts(memory: Memory, words: list[str], **filters: object) -> list[str]:
    ids = memory.index.ids(memory.index.by_words(words, Filters(**filters), 20))  # type: ignore[arg-type]
    return [memory.journal.get([identity])[identity].record.text for identity in ids]  # type: ignore[union-attr]


def test_built_in_any_batches_and_orders_it_is_the_same(tmp_path: Path) -> None:
    records, seen, embedder = many_records(1), set(), HashingEmbedder()
    for n in range(5):
        memory, rng = open_memory(tmp_path / str(n)), random.Random(n)
        shuffled = rng.sample(records, len(records))
        while shuffled:
            size = rng.choice([1, 5, 30])
            memory.take(*shuffled[:size])
            del shuffled[:size]
        memory.embed(embedder)
        seen.add(memory.reindexed())
        memory.journal.close()
    assert len(seen) == 1


def test_records_of_the_house_and_without_words_are_not_held(memory: Memory) -> None:
    memory.take(event("offer", START, text="a walk?"), event("position", START), event("message", START, text="hi"))
    assert memory.index.sizes() == {"documents": 1, "vectors": 0, "waiting": 1}


def test_words_are_found_in_text_and_note_best_first(memory: Memory) -> None:
    memory.take(
        event("message", START, text="the dentist called about the other dentist", conversation="Ann"),
        event("message", START + 1, text="a long story in which somewhere a dentist is named once among many words"),
        event("message", START + 2, text="lunch", conversation="Dentists of Lyon"),
        event("message", START + 3, text="nothing of it"),
    )
    found = _texts(memory, ["dentist"])
    assert found[0].startswith("the dentist called") and found[-1].startswith("a long story")
    assert found[1] == "lunch"
    assert _texts(memory, ["nobody"]) == [] and _texts(memory, []) == []


def test_filters(memory: Memory) -> None:
    memory.take(
        event("message", START, text="rain one", source="a"),
        event("message", START + 30_000, text="rain two", source="b"),
        event("listen", START + HOUR_MS, text="rain three", source="b"),
    )
    memory.embed(HashingEmbedder(meanings={}))
    words = ["rain"]
    assert sorted(_texts(memory, words, start_ms=START + 1)) == ["rain three", "rain two"]
    assert sorted(_texts(memory, words, end_ms=START + HOUR_MS)) == ["rain one", "rain two"]
    assert _texts(memory, words, start_ms=START + 1, end_ms=START + 30_001) == ["rain two"]
    assert _texts(memory, words, layers=frozenset({Layer.AUDITORY})) == ["rain three"]
    assert _texts(memory, words, kinds=frozenset({"message"}), sources=frozenset({"b"})) == ["rain two"]
    assert _texts(memory, words, kinds=frozenset()) == []
    query = HashingEmbedder().embed(["rain"])[0]
    for filters, count in (
        (NO_FILTERS, 2),
        (Filters(start_ms=START + 1), 1),
        (Filters(end_ms=START), 0),
        (Filters(sources=frozenset({"a"})), 1),
        (Filters(layers=frozenset({Layer.AUDITORY})), 0),
    ):
        assert len(memory.index.by_meaning(query, "hashing-1", filters, 9)) == count
    assert memory.index.by_meaning(query, "another model", NO_FILTERS, 9) == []


def test_of_several_revisions_the_last_is_found(memory: Memory) -> None:
    memory.take(event("message", START, text="old wording", key="m"), event("message", START, text="other"))
    memory.embed(HashingEmbedder())
    memory.take(event("message", START + 90 * HOUR_MS, text="new wording", key="m"))
    assert _texts(memory, ["wording"]) == ["new wording"]
    assert memory.index.sizes() == {"documents": 2, "vectors": 1, "waiting": 1}
    memory.reindexed()
    memory.take(event("message", START, text="", key="m"))
    assert _texts(memory, ["wording"]) == []
    memory.reindexed()


def test_what_is_removed_is_not_found_and_does_not_come_back(memory: Memory) -> None:
    first, second = event("message", START, text="secret plan"), event("message", START, text="open plan")
    memory.take(first, second)
    embedder = HashingEmbedder()
    memory.embed(embedder)
    query = embedder.embed(["secret"], query=True)[0]
    [(row, _)] = memory.index.by_meaning(query, embedder.model, NO_FILTERS, 1)
    assert memory.index.ids([row]) == [first.id]
    memory.journal.forget([first.id])
    memory.index.remove([first.id, b"\0" * 16])
    assert _texts(memory, ["plan"]) == ["open plan"] and _texts(memory, ["secret"]) == []
    left = memory.index.by_meaning(query, embedder.model, NO_FILTERS, 5)
    assert memory.index.ids([row for row, _ in left]) == [second.id]
    assert memory.index.ids([row]) == []
    memory.reindexed()  # the journalled vectors of the forgotten one are left out
    assert memory.index.sizes() == {"documents": 1, "vectors": 1, "waiting": 0}


def test_two_threads_at_once(tmp_path: Path) -> None:
    memory = open_memory(tmp_path)
    other = Index(tmp_path, KEY, memory.journal)  # with a lock of its own, as in another process

    def take(index: Index, records: list[Record]) -> None:
        for first in range(0, len(records), 6):
            memory.journal.append(records[first : first + 6])
            index.update()

    pairs = [(memory.index, many_records(7)), (other, many_records(8))]
    threads = [threading.Thread(target=take, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory.index.update()
    memory.reindexed()
    memory.journal.close()


def test_two_processes_at_once(tmp_path: Path) -> None:
    memory = open_memory(tmp_path)
    root = Path(__file__).resolve().parents[2]
    others = [subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path), str(life)], cwd=root) for life in (7, 8)]
    assert [process.wait(120) for process in others] == [0, 0]
    memory.index.update()
    memory.reindexed()
    memory.journal.close()


def test_vectors_that_another_process_journalled_are_compared_at_once(memory: Memory) -> None:
    memory.take(event("message", START, text="the first walk"))
    embedder = HashingEmbedder()
    memory.embed(embedder)
    query = embedder.embed(["walk"], query=True)[0]
    assert len(memory.index.by_meaning(query, embedder.model, NO_FILTERS, 9)) == 1
    other = Memory(
        memory.journal, memory.stream, memory.folder, memory.zones, index=Index(memory.folder, KEY, memory.journal)
    )
    other.take(event("message", START + 1, text="the second walk"))
    other.embed(embedder)
    assert len(memory.index.by_meaning(query, embedder.model, NO_FILTERS, 9)) == 2
    other.index.rebuild()
    assert len(memory.index.by_meaning(query, embedder.model, NO_FILTERS, 9)) == 2


def test_stopped_in_the_middle_it_goes_on_where_it_was(memory: Memory) -> None:
    memory.journal.append([event("message", START + n * MINUTE_MS, text=f"word {n}") for n in range(20)])
    assert memory.index.update(stop=lambda: True) == 0 and memory.index.pending()
    seen: list[tuple[int, int]] = []
    assert memory.index.update(lambda done, total: seen.append((done, total))) == 20
    assert seen == [(20, 20)] and memory.index.update() == 0 and not memory.index.pending()


def test_another_version_of_the_format_is_made_anew(memory: Memory) -> None:
    memory.take(*many_records(1))
    before = memory.index.fingerprint()
    raw = open_database(memory.folder / "index.db", KEY)
    raw.execute("UPDATE meta SET value = 'older' WHERE name = 'version'; DROP TABLE doc; CREATE TABLE doc (other)")
    raw.close()
    again = Index(memory.folder, KEY, memory.journal)
    again.update()
    assert again.fingerprint() == before


def test_records_before_1970_are_held_like_others(memory: Memory) -> None:
    memory.take(event("message", -5 * HOUR_MS, text="a letter"), event("message", START, text="an answer"))
    assert sum(len(ids) for ids in memory.index.all_ids(1)) == 2
    assert _texts(memory, ["letter"], end_ms=0) == ["a letter"]


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_audit_counts_junk(memory: Memory, batch: int) -> None:
    assert audit(memory.journal, memory.index).junk_share == 0.0
    twin = event("message", START, text="the same words", n=1)
    gone = event("message", START + 1, text="soon gone")
    memory.take(
        twin, event("message", START, text="the same words", n=2), event("message", START, text="mine", n=3), gone,
        event("message", START + 2, text="I am a model", origin=Origin.AI),
    )  # fmt: skip
    memory.journal.forget([gone.id])
    assert [len(ids) for ids in memory.index.all_ids(batch)] == [batch] * (5 // batch) + [5 % batch] * (5 % batch > 0)
    report = audit(memory.journal, memory.index)
    assert (report.documents, report.orphans, report.from_ai, report.duplicates) == (5, 1, 1, 1)
    assert report.junk_share == 0.6
    assert report.in_words() == "5 things can be found; 1 without a source, 1 from the AI, 1 twice (60.0%)."
