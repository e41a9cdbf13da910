"""A real training against the real SmolLM2: what comes back makes messages it never saw less surprising."""

from __future__ import annotations

import secrets
import sys
import time
from pathlib import Path

import pytest

from hearthside.egress import Egress
from hearthside.events import HOUR_MS
from hearthside.night.likelihood import ScoredText, bits_per_character, paired_bootstrap
from hearthside.workshop.client import LocalWorkshop, TrainedAdapter, WorkshopClient
from hearthside.workshop.job import make_job
from tests.workshop.invented_chat import as_samples, invented_chat, with_context
from tests.workshop.tiny_base import sha256_of, smollm2_path

_GENERAL = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it "
    "was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing "
    "before us, we were all going direct to Heaven, we were all going direct the other way."
)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _train(base: Path) -> TrainedAdapter:
    egress = Egress(lambda row: None, _now)
    job = make_job(
        as_samples(invented_chat(90, seed=11)),
        base_sha256=sha256_of(base),
        base_name=base.name,
        data_from="2024-05-01",
        data_to="2024-05-23",
        delete_by_ms=_now() + HOUR_MS,
    )
    with LocalWorkshop([base], threads=2) as workshop:
        client = WorkshopClient(egress, workshop.url, clock=_now, random_bytes=secrets.token_bytes)
        trained = client.train(job, accept=lambda verdict: True, progress=lambda now: None, stop=lambda: False)
    egress.close()
    return trained


@pytest.mark.training
def test_future_messages_become_less_surprising() -> None:
    base = smollm2_path()
    trained = _train(base)
    future = [ScoredText(before, text) for before, text in with_context(invented_chat(20, seed=12))]
    scores = bits_per_character(
        sys.executable,
        base,
        [None, trained.gguf],
        future,
        _GENERAL,
        threads=2,
        progress=lambda share: None,
        stop=lambda: False,
    )
    gain = paired_bootstrap(scores.bits[0], scores.bits[1], scores.chars, seed=1)
    before, after = scores.per_character()
    assert gain.low > 0.3, f"{before:.3f} -> {after:.3f} bits per character"
    assert after < 0.8 * before
    general_before, general_after = scores.general_per_character()
    assert general_after < 1.05 * general_before
