"""What may leave the house: only the person's own words as targets, in a manifest that binds everything."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

import orjson
import pytest

from hearthside.errors import Refused
from hearthside.events import Origin
from hearthside.workshop.job import (
    Job,
    JobManifest,
    LoraSftParameters,
    Message,
    TrainingSample,
    context,
    decode_samples,
    encode_samples,
    make_job,
    manifest_from_json,
    matches,
    own_share,
    own_words,
)

_SAMPLES = (
    TrainingSample((context("Are you coming?"), own_words("yes, ten min"))),
    TrainingSample((context("done?", Origin.AI), context("almost", Origin.SELF), own_words("done now"))),
)


def _job(**changed: Any) -> Job:
    given: dict[str, Any] = {
        "base_sha256": "ab" * 32,
        "base_name": "tiny",
        "data_from": "2024-05-01",
        "data_to": "2024-05-30",
        "delete_by_ms": 1_700_000_000_000,
    }
    return make_job(_SAMPLES, **(given | changed))


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin is not Origin.SELF])
def test_nobody_elses_words_can_be_a_target(origin: Origin) -> None:
    with pytest.raises(Refused) as refused:
        Message("assistant", "as an AI model I", 1, origin)
    assert refused.value.code == "job-target-not-own"
    assert Message("user", "as context they may", 0, origin).weight == 0


@pytest.mark.parametrize(
    ("role", "text", "weight", "code"),
    [
        ("user", "mine", 1, "job-target-not-own"),
        ("assistant", " \n", 1, "job-target-empty"),
        ("assistant", "mine", 2, "job-weight"),
    ],
)
def test_a_wrong_target_is_refused(role: Any, text: str, weight: int, code: str) -> None:
    with pytest.raises(Refused) as refused:
        Message(role, text, weight, Origin.SELF)
    assert refused.value.code == code


def test_a_sample_without_own_words_is_refused() -> None:
    with pytest.raises(Refused):
        TrainingSample((context("hello"), context("hi", Origin.SELF)))
    with pytest.raises(Refused):
        make_job([], base_sha256="", base_name="", data_from="2024-01-01", data_to="2024-01-02", delete_by_ms=1)


def test_samples_survive_their_json() -> None:
    assert decode_samples(encode_samples(_SAMPLES)) == _SAMPLES


@pytest.mark.parametrize(
    "change",
    [
        lambda sample: sample["messages"][1].update(origin="ai"),
        lambda sample: sample["messages"][1].update(origin="person"),
        lambda sample: sample["messages"][1].update(weight=0),
        lambda sample: sample["messages"][0].update(weight=1),
        lambda sample: sample["messages"][0].update(role="robot"),
        lambda sample: sample.pop("messages"),
    ],
)
def test_the_rules_are_checked_again_on_arrival(change: Any) -> None:
    document = orjson.loads(encode_samples(_SAMPLES))
    change(document[0])
    with pytest.raises(Refused) as refused:
        decode_samples(orjson.dumps(document))
    assert "ten min" not in str(refused.value)
    assert "Are you" not in str(refused.value)


def test_the_manifest_counts_what_is_there() -> None:
    job = _job()
    assert job.manifest.sample_count == 2
    assert job.manifest.byte_count == len(job.payload)
    assert job.manifest.own_share == own_share(_SAMPLES) == 1.0
    assert matches(job.manifest, job.payload, _SAMPLES)
    assert not matches(job.manifest, job.payload + b" ", _SAMPLES)
    assert not matches(replace(job.manifest, sample_count=3), job.payload, _SAMPLES)
    assert "ten min" not in repr(job)


def test_every_field_of_the_manifest_changes_the_hash() -> None:
    manifest = _job().manifest
    others: dict[str, Any] = {
        "recipe": "other",
        "parameters": LoraSftParameters(seed=2),
        "base_sha256": "cd" * 32,
        "base_name": "x",
        "sample_count": 3,
        "byte_count": 3,
        "data_from": "2024-04-01",
        "data_to": "2024-06-01",
        "data_sha256": "00",
        "own_share": 0.95,
        "delete_by_ms": 1,
        "home_key_sha256": "aa",
        "protocol": "workshop/2",
    }
    assert set(others) == {field.name for field in fields(JobManifest)}
    hashes = {replace(manifest, **{name: value}).job_hash for name, value in others.items()}
    assert len(hashes | {manifest.job_hash}) == len(others) + 1


def test_a_manifest_survives_its_json() -> None:
    manifest = _job().manifest.for_home_key(b"key")
    read = manifest_from_json(orjson.loads(manifest.canonical()))
    assert read == manifest
    assert read.job_hash == manifest.job_hash


@pytest.mark.parametrize(
    "change",
    [
        {"own_share": 0.5},
        {"own_share": 1.5},
        {"sample_count": 0},
        {"byte_count": 2**40},
        {"data_to": "2024-04-01"},
        {"data_to": "yesterday"},
        {"protocol": "workshop/2"},
        {"sample_count": "2"},
        {"extra": 1},
        {"parameters": {"rank": 10_000}},
    ],
)
def test_a_manifest_out_of_bounds_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        manifest_from_json(orjson.loads(_job().manifest.canonical()) | change)


@pytest.mark.parametrize("document", [None, [], "x", {}])
def test_what_is_no_manifest_is_refused(document: Any) -> None:
    with pytest.raises(Refused):
        manifest_from_json(document)


def test_all_wrong_parameters_are_named_at_once() -> None:
    wrong = asdict(LoraSftParameters()) | {"rank": 0, "epochs": 0}
    with pytest.raises(Refused, match="rank, epochs"):
        LoraSftParameters(**wrong)
