"""Search: words and meaning fused, filters, and vectors that are computed once and never again."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest

from hearthside.errors import RetryLater
from hearthside.events import HOUR_MS, MINUTE_MS, Event, Layer, Precision
from hearthside.memory.hits import Filters
from hearthside.memory.index import embedding_event
from hearthside.memory.ranking import STATEMENT
from hearthside.memory.search import embed_waiting, search
from tests.alignment.lives import START, at, event
from tests.memory.lives import HashingEmbedder, Memory

SAME = {"physician": "doctor", "doctor": "doctor"}


class _Away(HashingEmbedder):
    def embed(self, texts: list[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        raise RetryLater("compute-away", "The compute node is away.")


def test_meaning_finds_what_words_do_not(memory: Memory) -> None:
    memory.take(event("message", START, text="the doctor was late"), event("message", START + 1, text="rain again"))
    embedder = HashingEmbedder(SAME)
    memory.embed(embedder)
    assert memory.search("physician") == []
    [best, *_] = memory.search("physician", embedder)
    assert (best.text, best.why) == ("the doctor was late", "meaning")


def test_what_both_rankings_hold_comes_first(memory: Memory) -> None:
    memory.take(
        event("message", START, text="doctor doctor"),
        event("message", START + 1, text="a physician, by another name"),
        event("listen", START + 2, text="doctor who"),  # songs have no vectors
    )
    embedder = HashingEmbedder(SAME)
    memory.embed(embedder)
    hits = memory.search("doctor", embedder)
    assert [(hit.text, hit.why) for hit in hits] == [
        ("doctor doctor", "keyword+meaning"),
        ("doctor who", "keyword"),
        ("a physician, by another name", "meaning"),
    ]
    assert hits[0].score == pytest.approx(0.5 + 0.5 + STATEMENT)  # the best by words and by meaning, and no question
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len(memory.search("doctor", embedder, limit=1)) == 1


def test_without_the_compute_node_words_still_answer(memory: Memory) -> None:
    memory.take(event("message", START, text="the doctor was late"))
    assert [hit.why for hit in memory.search("doctor", _Away())] == ["keyword"]


@pytest.mark.parametrize("text", ['" OR *', "NEAR(doctor", "doctor*", "body:doctor", "\0", "?!", "(" * 50])
def test_no_text_breaks_a_search(memory: Memory, text: str) -> None:
    memory.take(event("message", START, text="the doctor was late"))
    found = [hit.text for hit in memory.search(text)]
    assert found == (["the doctor was late"] if "doctor" in text else [])


def test_a_very_long_question_is_answered(memory: Memory) -> None:
    memory.take(event("message", START, text="the doctor was late"))
    text = " ".join(f"word{n}" for n in range(3000)) + " doctor"
    assert [hit.text for hit in memory.search(text)] == ["the doctor was late"]


def test_an_empty_text_lists_the_newest(memory: Memory) -> None:
    memory.zones.append(ZoneInfo("Europe/Berlin"))
    memory.take(
        event("message", at("2026-05-04 23:10"), text="late"),
        event("podcast", START, text="an episode", precision=Precision.DAY),
        event("message", at("2026-05-04 08:00"), text="early", sender="Ann"),
    )
    hits = memory.search("  ")
    assert [(hit.text, hit.local, hit.why) for hit in hits] == [
        ("late", "2026-05-05 01:10", "time"),
        ("early", "2026-05-04 10:00", "time"),
        ("an episode", "2026-05-04", "time"),
    ]
    assert [hit.text for hit in memory.search("", limit=1)] == ["late"]
    assert [hit.text for hit in memory.search("", kinds=frozenset({"podcast"}))] == ["an episode"]
    assert [hit.text for hit in memory.search("", person="ann")] == ["early"]


def test_filters_of_a_search(memory: Memory) -> None:
    memory.take(
        *(event("message", START + n, text=f"see you at the lake {n}", sender="Bo") for n in range(60)),
        event("message", START + HOUR_MS, text="the lake is frozen, more words make it rank lower", sender="Ann"),
        event("caption", START + 2 * HOUR_MS, text="a lake"),
    )
    assert [hit.note for hit in memory.search("lake", person="ann", limit=2)] == ["Ann"]
    assert [hit.layer for hit in memory.search("lake", layers=frozenset({Layer.VISUAL}))] == [Layer.VISUAL]
    assert [hit.kind for hit in memory.search("lake", start_ms=START + 2 * HOUR_MS)] == ["caption"]
    assert all(memory.journal.get([bytes.fromhex(hit.id)]) for hit in memory.search("lake"))


def test_what_was_forgotten_is_not_shown_even_before_the_index_knows(memory: Memory) -> None:
    gone = event("message", START, text="secret lake")
    memory.take(gone, event("message", START + 1, text="lake"))
    memory.journal.forget([gone.id])
    assert [hit.text for hit in memory.search("lake")] == ["lake"]


def test_nothing_is_embedded_twice(memory: Memory) -> None:
    embedder = HashingEmbedder()
    memory.take(*(event("message", START + n, text=f"message {n}") for n in range(150)))
    assert memory.embed(embedder, limit=10) == 10
    assert embedder.texts == [f"message {n}" for n in range(149, 139, -1)]  # newest first
    seen: list[tuple[int, int]] = []
    answers = iter([False, True])
    stopped = embed_waiting(
        memory.index, memory.journal, embedder, lambda: START, lambda done, total: seen.append((done, total)),
        lambda: next(answers),
    )  # fmt: skip
    assert stopped == 64 and seen == [(64, 140)]
    assert memory.embed(embedder) == 76
    assert len(embedder.texts) == len(set(embedder.texts)) == 150
    assert memory.embed(embedder) == 0 and memory.index.sizes()["waiting"] == 0
    memory.index.rebuild()
    memory.stream.rebuild()
    assert memory.embed(embedder) == 0 and len(embedder.texts) == 150
    assert memory.index.sizes() == {"documents": 150, "vectors": 150, "waiting": 0}


def test_vectors_journalled_just_before_a_stop_count(memory: Memory) -> None:
    embedder = HashingEmbedder()
    only = event("message", START, text="hello")
    memory.take(only)
    vectors = embedder.embed(["hello"], query=True)
    memory.journal.append([embedding_event(embedder.model, [only.id], vectors, START)])  # killed before the index knew
    assert memory.embed(embedder) == 0 and embedder.texts == []
    memory.reindexed()


def test_another_model_gives_everything_new_vectors(memory: Memory) -> None:
    memory.take(event("message", START, text="hello"), event("message", START + 1, text="bye"))
    old, new = HashingEmbedder(), HashingEmbedder({"hello": "bye"}, model="hashing-2")
    assert memory.embed(old) == 2
    assert memory.index.sizes("hashing-2")["waiting"] == 2
    assert memory.embed(new) == 2 and memory.embed(new) == 0
    assert len(memory.search("bye", new)) == 2 and memory.search("unheard", old) == []
    memory.reindexed()


def test_a_record_forgotten_while_it_waits_holds_nothing_up(memory: Memory) -> None:
    gone = [event("message", START + n, text=f"gone {n}") for n in range(70)]
    memory.take(event("message", START - 1, text="stays"), *gone)
    memory.journal.forget(record.id for record in gone)
    embedder = HashingEmbedder()
    assert memory.embed(embedder) == 1 and embedder.texts == ["stays"]
    assert memory.index.sizes() == {"documents": 1, "vectors": 1, "waiting": 0}


def test_a_journalled_vector_keeps_its_direction(memory: Memory) -> None:
    vectors = HashingEmbedder().embed(["one", "two"])
    record = embedding_event("m", [b"\1" * 16, b"\2" * 16], vectors, START)
    memory.take(record)
    stored = memory.journal.get([record.id])[record.id].record
    assert isinstance(stored, Event) and stored == record
    assert stored.payload["dim"] == 64 and len(stored.payload["ids"]) == 2
    assert memory.index.sizes()["vectors"] == 0  # of records that nobody has


def _chat(n: int, sender: str, text: str, conversation: str = "Ann and Bo", source: str = "test") -> Event:
    at_ms = START + n * MINUTE_MS
    return event("message", at_ms, text=text, sender=sender, conversation=conversation, source=source)


def test_an_answer_without_the_words_is_found_beside_its_question(memory: Memory) -> None:
    memory.take(
        _chat(0, "Bo", "Which instrument does your sister play?"),
        _chat(1, "Ann", "The cello, for ten years."),
        _chat(2, "Bo", "Lovely."),
        *(_chat(n, "Bo", f"Something else entirely, number {n}.") for n in range(10, 20)),
    )
    hits = memory.search("instrument")
    assert [(hit.text, hit.why) for hit in hits[:2]] == [
        ("Which instrument does your sister play?", "keyword"),
        ("The cello, for ten years.", "context"),
    ]


def test_the_person_named_in_a_question_comes_first_of_two_who_said_the_same(memory: Memory) -> None:
    memory.take(_chat(0, "Ann", "I went skiing."), _chat(900, "Bo", "I went skiing."))
    assert memory.search("When did Ann go skiing?")[0].note.endswith("Ann")
    assert memory.search("When did Bo go skiing?")[0].note.endswith("Bo")
    assert len(memory.search("Did Ann and Bo go skiing?")) == 2


def test_the_name_by_which_somebody_introduced_herself_stands_for_her(memory: Memory) -> None:
    memory.take(
        _chat(0, "Emi", "Hi, my name is Kate!"), _chat(900, "Emi", "I went skiing."),
        _chat(1800, "Bo", "I went skiing."), _chat(2700, "Bo", "Kate, Kate, Kate!"),
    )  # fmt: skip
    assert memory.search("When did Kate's skiing begin?")[0].note.endswith("Emi")
    seen: list[str] = []

    class Embedder(HashingEmbedder):
        def embed(self, texts: list[str], *, query: bool = False) -> npt.NDArray[np.float32]:
            seen.extend(texts if query else [])
            return super().embed(texts, query=query)

    memory.search("Where did Kate ski?", Embedder())
    assert seen == ["Where did Emi ski?"]


def test_conversations_and_persons_limit_a_search(memory: Memory) -> None:
    memory.take(
        _chat(0, "Ann", "the lake"), _chat(1, "Bo", "the lake", "Bo"), _chat(2, "Bo", "no water", "Bo"),
        _chat(3, "Hanna", "the lake"),
    )  # fmt: skip
    found = [hit.note for hit in memory.search("lake", conversations=frozenset({"Bo"}))]
    assert found == ["Bo", "Bo"]  # the words, and what was said beside them
    assert [hit.note for hit in memory.search("", conversations=frozenset({"Bo"}), limit=1)] == ["Bo"]
    assert {hit.note for hit in memory.search("lake", person="Hanna")} == {"Ann and Bo · Hanna"}
    assert memory.search("lake", conversations=frozenset({"nobody"})) == []
    embedder = HashingEmbedder()
    memory.embed(embedder)
    assert len(memory.search("lake", embedder, conversations=frozenset({"Bo"}))) == 2


def test_a_time_in_the_question_lifts_what_falls_into_it_and_hides_nothing(memory: Memory) -> None:
    memory.take(
        event("message", at("2026-05-05 19:00"), text="we ate noodles"),
        event("message", at("2026-05-01 19:00"), text="we ate noodles and rice"),
    )
    text = "what did we eat on 1 May, noodles?"
    assert [hit.local for hit in memory.search(text)] == ["2026-05-05 19:00", "2026-05-01 19:00"]
    now_ms = at("2026-05-06 10:00")
    found = search(memory.index, memory.journal, memory.stream, text, Filters(), 9, None, now_ms)
    assert [hit.local for hit in found] == ["2026-05-01 19:00", "2026-05-05 19:00"]


def test_a_place_limits_a_search_to_the_visits_there(memory: Memory) -> None:
    at_home, minute = START, MINUTE_MS
    fixes = [event("position", at_home + n * 5 * minute, lat=45.0, lon=4.0, accuracy_m=10) for n in range(24)]
    memory.take(*fixes, _chat(30, "Ann", "the lake"), _chat(600, "Ann", "the lake again"))
    [place] = memory.stream.places()
    assert [hit.text for hit in memory.search("lake", place=place.label)] == ["the lake"]
    assert [hit.text for hit in memory.search("", place=place.label)] == ["the lake"]
    assert memory.search("lake", place="nowhere") == []


def test_while_a_new_model_embeds_the_old_vectors_still_answer(memory: Memory) -> None:
    memory.take(*(event("message", START + n, text=text) for n, text in enumerate(["a doctor", "rain", "sun"] * 30)))
    old, new = HashingEmbedder(SAME), HashingEmbedder(SAME, model="hashing-2")
    memory.embed(old)
    assert memory.embed(new, limit=10) == 10
    assert memory.search("physician", old)[0].text == "a doctor"
    assert memory.index.sizes("hashing-2")["waiting"] == 80 and memory.index.sizes()["vectors"] == 90
    memory.reindexed()
    memory.embed(new)
    query = new.embed(["doctor"], query=True)[0]
    assert memory.index.by_meaning(query, "hashing-1", Filters(), 9) == []  # complete: the former ones are let go
    assert len(memory.index.by_meaning(query, "hashing-2", Filters(), 99)) == 90
    memory.reindexed()


def test_in_a_large_index_words_of_every_record_find_no_candidates(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.take(*(event("message", START + n, text=f"the lake again {n}") for n in range(30)))
    memory.take(event("message", START + 99, text="a boat on the lake"))
    assert len(memory.search("boat lake", limit=50)) == 31
    monkeypatch.setattr("hearthside.memory.search._LARGE", 10)
    assert [hit.text for hit in memory.search("boat lake", limit=50)] == ["a boat on the lake"]
    assert len(memory.search("lake", limit=50)) == 31  # better than nothing


def test_a_name_that_is_a_common_word_is_not_looked_for(memory: Memory) -> None:
    memory.take(_chat(0, "Will", "I went skiing."), _chat(900, "Bo", "I went skiing."))
    assert memory.search("Will I go skiing?")[0].note.endswith("Bo")  # the newest of equals


def test_a_few_bare_words_find_what_holds_them_first(memory: Memory) -> None:
    memory.take(
        event("message", START, text="was the doctor there?"),
        event("listen", START + HOUR_MS, text="a physician a physician"),
        event("message", START + 2 * HOUR_MS, text="physician"),
    )
    embedder = HashingEmbedder(SAME)
    memory.embed(embedder)
    assert memory.search("doctor", embedder)[0].text == "was the doctor there?"
