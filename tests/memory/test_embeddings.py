"""Vectors of the index: those of its documents and no others, whatever stopped, broke or changed in between."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import numpy as np
import pytest

from crash.looks import INDEX_KEY, derived_rooms_catch_up
from crash.programme import run
from crash.scenarios import SCENARIOS, Scenario
from crash.stage import Stage
from hearthside.errors import NeedsPerson
from hearthside.events import HOUR_MS, MINUTE_MS, Event
from hearthside.identity.database import open_database
from hearthside.memory import embeddings
from hearthside.memory.embeddings import Embeddings, digest_of
from hearthside.memory.hits import Filters
from hearthside.memory.index import Index, embedding_event
from hearthside.memory.search import embed_waiting
from hearthside.memory.vectors import VectorStore
from hearthside.memory.vectors.manifest import Entry
from tests.alignment.lives import KEY, START, event
from tests.memory.lives import HashingEmbedder, Memory, open_memory

ALL = Filters()
NEW_KEY, NEW_VECTORS_KEY = b"\7" * 32, b"\6" * 32
pytestmark = pytest.mark.usefixtures("small_files")

PROCESS = """
import sys
from pathlib import Path
from hearthside.journal import Journal
from hearthside.memory.index import Index
from hearthside.memory.search import embed_waiting
from tests.alignment.lives import KEY, START, event
from tests.memory.lives import HashingEmbedder
folder, life = Path(sys.argv[1]), int(sys.argv[2])
journal = Journal(folder, KEY, lambda: START)
index = Index(folder, KEY, journal)
for n in range(12):
    texts = [f"word {life} {n} {m}" for m in range(5)]
    journal.append([event("message", START + n, text=text, key=f"{life} {n % 4} {m}") for m, text in enumerate(texts)])
    index.update()
    embed_waiting(index, journal, HashingEmbedder(), lambda: START)
journal.close()
"""


def _messages(count: int, first: int = 0) -> list[Event]:
    return [event("message", START + n * 20_000, text=f"message {n} of them") for n in range(first, first + count)]


def _filled(memory: Memory, count: int = 60) -> HashingEmbedder:
    """Messages with vectors, three to a minute, added a few at a time."""
    embedder = HashingEmbedder()
    for first in range(0, count, 10):
        memory.take(*_messages(min(10, count - first), first))
        memory.embed(embedder)
    return embedder


def _texts(index: Index, memory: Memory) -> dict[bytes, str]:
    stored = memory.journal.get(identity for ids in index.all_ids(100) for identity in ids)
    return {identity: item.record.text for identity, item in stored.items() if isinstance(item.record, Event)}


def _check(memory: Memory, embedder: HashingEmbedder, index: Index | None = None) -> None:
    """Everything is found by meaning, as if all vectors were compared, and nothing else is."""
    index = index or memory.index
    texts = _texts(index, memory)
    assert index.sizes(embedder.model) == {"documents": len(texts), "vectors": len(texts), "waiting": 0}
    query = embedder.embed(["message 7"], query=True)[0]
    right = {identity: float(embedder.embed([text], query=True)[0] @ query) for identity, text in texts.items()}
    found = index.by_meaning(query, embedder.model, ALL, 999)
    scores = dict(zip(index.ids(row for row, _ in found), (score for _, score in found), strict=True))
    assert scores.keys() == right.keys()
    assert all(abs(scores[identity] - score) < 1e-3 for identity, score in right.items())


def _store(memory: Memory, index: Index | None = None) -> VectorStore:
    """The one store of an index."""
    index = index or memory.index
    connection = index._connection()
    [model] = index._embeddings.models(connection)
    return index._embeddings._store(connection, model)


def _files(memory: Memory, pattern: str = "*/*") -> list[Path]:
    return sorted(path for path in (memory.folder / "vectors").glob(pattern) if path.is_file())


def _reopened(memory: Memory, key: bytes = KEY) -> Index:
    return Index(memory.folder, key, memory.journal)


# -- kills, power cuts and damage --------------------------------------------------------------------------------------


def _damage_manifest(memory: Memory) -> None:
    _flip(_files(memory, "*/manifest")[0], 40)


def _damage_a_segment(memory: Memory) -> None:
    _flip(_files(memory, "*/*.segment")[0], -5)


def _damage_single_vectors(memory: Memory) -> None:
    _flip(_files(memory, "*/*.segment")[-1], 5)


def _remove_a_segment(memory: Memory) -> None:
    _files(memory, "*/*.segment")[1].unlink()


def _cut_the_tail(memory: Memory) -> None:
    [path] = _files(memory, "*/*.tail")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _remove_everything(memory: Memory) -> None:
    shutil.rmtree(memory.folder / "vectors")


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [_damage_manifest, _damage_a_segment, _damage_single_vectors, _remove_a_segment, _cut_the_tail, _remove_everything],
)
@pytest.mark.parametrize("opened_before", [True, False])
def test_what_is_lost_or_damaged_comes_back_from_the_journal(
    memory: Memory, damage: Callable[[Memory], None], opened_before: bool
) -> None:
    embedder = _filled(memory, 57)
    assert _files(memory, "*/*.segment")
    asked = len(embedder.texts)
    damage(memory)
    index = memory.index if opened_before else _reopened(memory)
    query = embedder.embed(["message 7"], query=True)[0]
    assert len(index.by_meaning(query, embedder.model, ALL, 999)) <= 57  # a search says nothing wrong meanwhile
    index.update()
    assert not index.pending()
    if opened_before:  # a file that is open may still be read; then it is seen when it is opened the next time
        index = _reopened(memory)
        index.by_meaning(query, embedder.model, ALL, 999)
        index.update()
    _check(memory, embedder, index)
    _check(memory, embedder, _reopened(memory))
    memory.embed(embedder)
    assert len(embedder.texts) == asked
    memory.reindexed()


def test_vectors_that_the_journal_has_no_more_are_waited_for_again(memory: Memory) -> None:
    embedder = _filled(memory, 30)
    first = next(iter(memory.journal.read(kinds=["embedding"])))
    _remove_everything(memory)
    memory.journal.forget([first.id])
    index = _reopened(memory)
    assert index.pending()
    index.update()
    assert not index.pending()
    assert index.sizes(embedder.model) == {"documents": 30, "vectors": 20, "waiting": 10}
    memory.embed(embedder)
    _check(memory, embedder)


def test_a_vector_that_is_there_twice_since_one_is_damaged_is_there_once_again(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = _filled(memory, 57)
    _damage_single_vectors(memory)
    memory.index.by_meaning(embedder.embed(["message 7"], query=True)[0], embedder.model, ALL, 999)
    with monkeypatch.context() as broken:
        broken.setattr(VectorStore, "settle", lambda _: None)  # killed before
        memory.index.update()
    index = _reopened(memory)
    assert len(_store(memory, index).rows()) == 58
    index.update()
    assert len(_store(memory, index).rows()) == 57
    _check(memory, embedder, index)
    _check(memory, embedder, _reopened(memory))


class _Cut(Exception):
    """The process was killed."""


@pytest.mark.parametrize("change", ["embed", "revise", "remove", "rebuild", "former"])
@pytest.mark.parametrize("reopened", [True, False])
def test_killed_between_the_stores_and_the_index_it_comes_right(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, change: str, reopened: bool
) -> None:
    embedder = _filled(memory, 40)
    memory.take(event("message", START, text="old wording", key="k"), *_messages(5, 60))
    memory.embed(embedder)
    gone = next(iter(memory.journal.read(kinds=["message"])))
    if change == "embed":
        memory.take(*_messages(9, 80))
    todo: dict[str, Callable[[], object]] = {
        "embed": lambda: memory.embed(embedder),
        "revise": lambda: memory.take(event("message", START + 1, text="new wording", key="k")),
        "remove": lambda: memory.index.remove([gone.id]),
        "rebuild": memory.index.rebuild,
        "former": lambda: memory.embed(HashingEmbedder(model="hashing-2")),
    }

    def cut(after: Callable[..., object]) -> Callable[..., object]:
        def both(self: Embeddings, connection: apsw.Connection, *rest: object) -> None:
            after(self, connection, *rest)
            if connection.in_transaction and (change != "embed" or self.models(connection)[0].held > 45):
                raise _Cut

        return both

    with monkeypatch.context() as broken:
        for name in ("write", "keep_only") if change in {"rebuild", "former"} else ("write",):
            broken.setattr(Embeddings, name, cut(getattr(Embeddings, name)))
        with pytest.raises(_Cut):
            todo[change]()
    index = _reopened(memory) if reopened else memory.index
    index.update()
    memory.index.update()
    if change == "former":
        embedder = HashingEmbedder(model="hashing-2")
    memory.embed(embedder)
    _check(memory, embedder, index)
    _check(memory, embedder)
    memory.reindexed()


def test_vectors_that_no_document_has_are_not_found_and_go(memory: Memory) -> None:
    embedder = _filled(memory, 20)
    stray = ((START // MINUTE_MS) << 20) + 999
    query = embedder.embed(["message 7"], query=True)[0]
    _store(memory).add(np.array([stray]), query[None])  # by a process that was killed
    assert stray not in {row for row, _ in memory.index.by_meaning(query, embedder.model, ALL, 99)}
    memory.index.update()
    assert not _store(memory).has(np.array([stray])).any()
    _check(memory, embedder)


def _embedded(stage: Stage) -> None:
    """Messages get vectors, some are forgotten, and the index is made anew once, while new ones come in."""
    with stage.journal() as journal:
        index = Index(stage.folder, INDEX_KEY, journal)
        for turn in range(4):
            events = stage.events(6)
            stage.append(journal, events)
            index.update()
            vectors = HashingEmbedder().embed([event.text for event in events])
            stage.append(journal, [embedding_event("m", [event.id for event in events], vectors, turn)])
            index.update()
            if turn == 1:
                with stage.forgetting(journal, events[:2]):
                    index.remove(event.id for event in events[:2])
                    index.settle()
                    journal.forget(event.id for event in events[:2])
            if turn == 2:
                index.rebuild()
        index.settle()


def test_a_power_cut_leaves_what_a_rebuild_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENARIOS, "embedded", Scenario(_embedded, (derived_rooms_catch_up,)))
    tally = run("embedded", 120, 1)
    assert tally.points == 120
    assert tally.bad == 0, [(failure.again, failure.position, failure.verdict) for failure in tally.failures]


# -- forgetting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 20, 56])  # in a sealed file, in another, in the tail
def test_of_what_was_forgotten_no_vector_is_left(memory: Memory, which: int) -> None:
    embedder = _filled(memory, 57)
    gone = _messages(57)[which]
    query = embedder.embed([gone.text], query=True)[0]
    [(row, score), *_] = memory.index.by_meaning(query, embedder.model, ALL, 99)
    assert memory.index.ids([row]) == [gone.id] and score > 0.99
    before = {path.name for path in _files(memory)}
    held = [entry.key for entry in _entries(memory)]
    memory.journal.forget([gone.id])
    memory.index.remove([gone.id])
    assert row not in {found for found, _ in memory.index.by_meaning(query, embedder.model, ALL, 99)}
    memory.index.settle()
    assert before - {path.name for path in _files(memory)}  # its file is gone, and the key of it
    assert set(held) - {entry.key for entry in _entries(memory)}
    assert all(not len(entry.dead) for entry in _entries(memory))
    store = _store(memory, _reopened(memory))
    assert row not in store.rows().tolist()
    vectors, _ = store.vectors(store.rows())
    assert query.astype(np.float16).tobytes() not in {vector.tobytes() for vector in vectors}
    _check(memory, embedder)
    _check(memory, embedder, _reopened(memory))


def _entries(memory: Memory) -> list[Entry]:
    store = _store(memory)
    len(store)  # has it read what is there
    manifest = store._state.manifest
    assert manifest is not None
    return [manifest.tail, *manifest.segments]


def test_a_row_that_is_used_again_has_no_vector_of_the_document_before(memory: Memory) -> None:
    embedder = HashingEmbedder()
    memory.take(event("message", START, text="the secret", key="m"))
    memory.embed(embedder)
    query = embedder.embed(["the secret"], query=True)[0]
    [(row, _)] = memory.index.by_meaning(query, embedder.model, ALL, 9)
    memory.take(event("message", START + 1, text="something else", key="m"))
    [(identity, text)] = _texts(memory.index, memory).items()
    assert text == "something else" and memory.index.ids([row]) == [identity]
    assert memory.index.by_meaning(query, embedder.model, ALL, 9) == []
    memory.embed(embedder)
    _check(memory, embedder)


def test_many_removals_are_written_at_once(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder, calls = HashingEmbedder(), list[int]()
    memory.take(*(event("message", START + n, text=f"message {n}", key=str(n)) for n in range(50)))
    memory.embed(embedder)
    remove = VectorStore.remove

    def counted(self: VectorStore, rows: np.ndarray) -> None:
        calls.append(len(rows))
        remove(self, rows)

    monkeypatch.setattr(VectorStore, "remove", counted)
    memory.take(*(event("message", START + 999 + n, text=f"changed {n}", key=str(n)) for n in range(50)))
    assert calls == [50] and memory.index.sizes()["vectors"] == 0
    memory.embed(embedder)
    _check(memory, embedder)


# -- several processes, keys, formats ----------------------------------------------------------------------------------


def test_two_processes_embed_and_revise_at_once(tmp_path: Path) -> None:
    memory = open_memory(tmp_path)
    root = Path(__file__).resolve().parents[2]
    others = [subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path), str(life)], cwd=root) for life in (7, 8)]
    assert [process.wait(120) for process in others] == [0, 0]
    memory.index.update()
    _check(memory, HashingEmbedder())
    assert memory.index.sizes()["documents"] == 40
    memory.reindexed()
    memory.journal.close()


def test_new_keys_open_everything_and_the_old_ones_nothing(memory: Memory) -> None:
    embedder = _filled(memory)
    other, before = _reopened(memory), {path.name for path in _files(memory)}
    _check(memory, embedder, other)
    memory.index.move_to(NEW_KEY, vectors_key=NEW_VECTORS_KEY)
    _check(memory, embedder)
    query = embedder.embed(["message 7"], query=True)[0]
    assert len(other.by_meaning(query, embedder.model, ALL, 5)) in {0, 5}  # not told yet
    assert other.by_words(["message"], ALL, 5)
    other.update()  # makes again what it had under the old keys
    _check(memory, embedder, other)
    other.use_key(NEW_KEY, NEW_VECTORS_KEY)
    _check(memory, embedder, other)
    assert {path.name for path in _files(memory)} & before == {"manifest"}
    assert not list(memory.folder.glob("moving-*"))
    [name] = VectorStore.models(memory.folder)
    for key in (KEY, NEW_KEY):
        with pytest.raises(NeedsPerson):
            len(VectorStore(memory.folder, key, name, 64))
    memory.take(*_messages(5, 100))
    memory.embed(embedder)
    again = Index(memory.folder, NEW_KEY, memory.journal, NEW_VECTORS_KEY)
    again.update()
    _check(memory, embedder, again)
    memory.reindexed()


@pytest.mark.parametrize("cut_at", ["take_in", "take_place"])
def test_a_change_of_keys_that_is_cut_off_changes_nothing(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, cut_at: str
) -> None:
    embedder = _filled(memory)

    def cut(*_: object) -> None:
        raise _Cut

    with monkeypatch.context() as broken:
        owner: object = VectorStore if cut_at == "take_in" else "hearthside.memory.index"
        if isinstance(owner, str):
            broken.setattr(f"{owner}.{cut_at}", cut)
        else:
            broken.setattr(owner, cut_at, cut)
        with pytest.raises(_Cut):
            memory.index.move_to(NEW_KEY)
    _check(memory, embedder)
    again = _reopened(memory)
    again.update()
    _check(memory, embedder, again)
    assert len(VectorStore.models(memory.folder)) == 1
    again.move_to(NEW_KEY)
    _check(memory, embedder, again)


def test_vectors_under_another_key_are_made_anew(memory: Memory) -> None:
    embedder = _filled(memory, 20)
    asked = len(embedder.texts)
    again = Index(memory.folder, KEY, memory.journal, NEW_VECTORS_KEY)
    again.update()
    _check(memory, embedder, again)
    assert len(embedder.texts) == asked


def test_an_index_made_anew_takes_no_vectors_of_the_one_before(memory: Memory) -> None:
    embedder = _filled(memory)
    before = _files(memory)
    for path in memory.folder.glob("index.db*"):
        path.unlink()
    again = _reopened(memory)
    assert not any(path.exists() for path in before)
    assert again.sizes()["documents"] == 0
    again.update()
    _check(memory, embedder, again)


def test_the_vectors_of_version_4_come_over_and_leave_nothing_behind(memory: Memory) -> None:
    embedder = _filled(memory, 40)
    asked, raw = len(embedder.texts), open_database(memory.folder / "index.db", KEY)
    bodies = embedder.embed([event.text for event in _messages(40)], query=True).astype(np.float16)
    raw.execute("DROP TABLE vector; DROP TABLE model; UPDATE meta SET value = '4' WHERE name = 'version'")
    raw.execute("DELETE FROM meta WHERE name = 'generation'")
    raw.execute("CREATE TABLE vector (id BLOB, model TEXT, body BLOB, PRIMARY KEY (id, model)) STRICT, WITHOUT ROWID")
    rows = [(event.id, embedder.model, body.tobytes()) for event, body in zip(_messages(40), bodies, strict=True)]
    raw.executemany("INSERT INTO vector VALUES (?, ?, ?)", rows)
    assert bodies[3].tobytes() in bytes(raw.serialize("main"))
    raw.close()
    _remove_everything(memory)
    again = _reopened(memory)
    raw = open_database(memory.folder / "index.db", KEY)
    assert raw.pragma("freelist_count") == 0
    raw.close()
    again.update()
    _check(memory, embedder, again)
    assert len(embedder.texts) == asked
    raw = open_database(memory.folder / "index.db", KEY)
    assert bodies[3].tobytes() not in bytes(raw.serialize("main"))
    raw.close()
    assert again.fingerprint() == memory.reindexed()


def test_former_vectors_answer_until_those_of_the_new_model_are_complete(memory: Memory) -> None:
    old, new = _filled(memory, 40), HashingEmbedder(model="hashing-2")
    query = old.embed(["message 7"], query=True)[0]
    assert memory.embed(new, limit=30) == 30
    assert len(memory.index.by_meaning(query, old.model, ALL, 99)) == 40
    assert len(memory.index.by_meaning(query, new.model, ALL, 99)) == 30
    assert memory.index.sizes() == {"documents": 40, "vectors": 40, "waiting": 0}
    assert memory.index.sizes(new.model)["waiting"] == 10
    memory.take(event("message", START + HOUR_MS, text="one more"))
    assert memory.index.sizes() == {"documents": 41, "vectors": 40, "waiting": 1}
    other = _reopened(memory)
    memory.embed(new)
    assert memory.index.by_meaning(query, old.model, ALL, 99) == []
    assert other.by_meaning(query, old.model, ALL, 99) == []
    assert len(VectorStore.models(memory.folder)) == 1
    _check(memory, new)
    memory.reindexed()
    assert len(VectorStore.models(memory.folder)) == 1  # the journal has the former ones too


def test_vectors_of_a_former_model_that_are_written_again_do_not_bring_it_back(memory: Memory) -> None:
    old, new = _filled(memory, 20), HashingEmbedder(model="hashing-2")
    embed_waiting(memory.index, memory.journal, new, lambda: START + HOUR_MS)
    texts = list(_texts(memory.index, memory).items())
    vectors = old.embed([text for _, text in texts], query=True)
    memory.take(embedding_event(old.model, [identity for identity, _ in texts], vectors, START))  # as forgetting does
    memory.index.rebuild()
    assert VectorStore.models(memory.folder)[0].endswith("/hashing-2")
    _check(memory, new)


def test_many_records_of_vectors_are_taken_a_few_at_a_time(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder, seen = _filled(memory, 57), list[int]()
    monkeypatch.setattr("hearthside.memory.index._VECTORS", 2)
    memory.index.rebuild(lambda done, total: seen.append(total - done))
    assert len(seen) == 3 and seen[-1] == 0
    _check(memory, embedder)


@pytest.mark.parametrize(
    "payload",
    [
        {"model": "hashing-1", "dim": 64, "ids": ["00" * 16], "vectors": "!"},
        {"model": "hashing-1", "dim": 63, "ids": ["00" * 16], "vectors": "AAAA"},
        {"model": "hashing-1", "dim": 0, "ids": [], "vectors": ""},
        {"model": "hashing-1"},
    ],
)
def test_a_record_of_vectors_that_cannot_be_read_stops_nothing(memory: Memory, payload: dict[str, object]) -> None:
    embedder = _filled(memory, 5)
    memory.take(event("embedding", START, **payload), *_messages(1, 9))  # type: ignore[arg-type]
    memory.embed(embedder)
    _check(memory, embedder)


def test_numbers_that_are_none_and_other_dimensions_are_left_out(memory: Memory) -> None:
    embedder = _filled(memory, 5)
    first, second = _messages(2, 10)
    memory.take(first, second)
    wrong = np.ones((2, 64), dtype=np.float32)
    wrong[0, 3] = np.nan
    memory.take(
        embedding_event(embedder.model, [second.id], np.ones((1, 32), dtype=np.float32), START),
        embedding_event(embedder.model, [first.id, second.id], wrong, START),
    )
    assert memory.index.sizes()["waiting"] == 1
    memory.index.rebuild()
    assert memory.index.sizes()["waiting"] == 1


# -- any order ---------------------------------------------------------------------------------------------------------


class _Life:
    """A vault to which things happen in any order."""

    def __init__(self, memory: Memory, seed: int) -> None:
        self.memory, self.rng, self.n = memory, random.Random(seed), 0
        self.other = _reopened(memory)
        self.embedder = HashingEmbedder()

    def steps(self) -> Iterator[Callable[[], object]]:
        """What may happen."""
        may: list[Callable[[], object]] = [
            self.grow, self.grow, self.grow, self.revise, self.forget, self.swap, self.embed, self.lose_the_end,
            lambda: self.other.update(), lambda: self.memory.index.rebuild(), lambda: self.memory.index.settle(),
        ]  # fmt: skip
        while True:
            yield self.rng.choice(may)

    def embed(self) -> None:
        """What waits gets its vectors."""
        self.memory.embed(self.embedder)

    def grow(self) -> None:
        """Some messages, some of them in one minute."""
        self.n += 10
        self.memory.take(*_messages(self.rng.randrange(1, 9), self.n))
        self.memory.embed(self.embedder)

    def revise(self) -> None:
        """One message is written again and again."""
        self.n += 1
        self.memory.take(event("message", START + self.n, text=f"message said {self.n}", key="k"))

    def forget(self) -> None:
        """Some go; not the last form of a message alone, as an earlier one would come back."""
        ids = [one for one, text in _texts(self.memory.index, self.memory).items() if "said" not in text]
        gone = self.rng.sample(ids, min(3, len(ids)))
        self.memory.index.remove(gone)
        self.memory.journal.forget(gone)

    def swap(self) -> None:
        """Another process goes on."""
        self.memory.index, self.other = self.other, self.memory.index

    def lose_the_end(self) -> None:
        """A power cut takes what was not on the disk, and every process."""
        for path in (self.memory.folder / "vectors").glob("*/*.tail"):
            with path.open("r+b") as file:
                file.truncate(self.rng.randrange(path.stat().st_size + 1))
        self.memory.index, self.other = _reopened(self.memory), _reopened(self.memory)


@pytest.mark.parametrize("seed", range(12))
def test_in_any_order_it_ends_as_a_rebuild_does(memory: Memory, seed: int) -> None:
    life = _Life(memory, seed)
    for _, step in zip(range(25), life.steps(), strict=False):
        step()
    for index in (memory.index, life.other):
        index.update()
    memory.embed(life.embedder)
    life.other.update()
    _check(memory, life.embedder)
    _check(memory, life.embedder, life.other)
    memory.reindexed()


def test_sums_over_rows_add_up_and_tell_rows_apart() -> None:
    rows = np.array([-5, 0, 1, 1 << 40, (1 << 62) + 3], dtype=np.int64)
    whole, parts = digest_of(rows), digest_of(rows[:2]) + digest_of(rows[2:])
    assert (whole - parts) % (1 << 64) == 0 and digest_of(rows[::-1]) == whole
    assert len({digest_of(rows[:n]) for n in range(2, 6)} | {digest_of(np.array([7])), digest_of(np.array([8]))}) == 6
    assert digest_of(rows[:0]) == 0


def test_the_first_vectors_from_the_journal_are_the_newest(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "_FIRST_BACK", 4)
    monkeypatch.setattr(embeddings, "_AT_ONCE", 8)
    embedder = _filled(memory, 57)
    _remove_everything(memory)
    memory.index.update()
    _check(memory, embedder)
