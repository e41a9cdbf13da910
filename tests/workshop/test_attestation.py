"""Evidence holds for one key, one nonce and one job only, and simulated evidence never passes for an attested one."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.errors import Refused
from hearthside.workshop.attestation import FRESH_MS, Evidence, JobKey, Verdict, simulated_evidence, verify

_KEY = JobKey(bytes(range(256)) * 4 + bytes(192), bytes(32))
_NONCE = hashlib.sha256(b"nonce").digest()
_JOB = hashlib.sha256(b"job").digest()
_ASKED = 1_700_000_000_000


def _verdict(
    evidence: Evidence, key: JobKey = _KEY, nonce: bytes = _NONCE, job: bytes = _JOB, later: int = 50
) -> Verdict:
    return verify(evidence, key, nonce=nonce, job_hash=job, asked_ms=_ASKED, now_ms=_ASKED + later)


def _failed(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if check.outcome == "failed"}


def test_good_simulated_evidence_is_bound_but_not_attested() -> None:
    verdict = _verdict(simulated_evidence(_KEY, _NONCE, _JOB))
    assert verdict.bound
    assert not verdict.attested
    assert verdict.kind == "simulated"
    absent = {check.name for check in verdict.checks if check.outcome == "absent"}
    assert {"hardware-chain", "measurement-log", "gpu-evidence", "debug-policy"} <= absent
    assert verdict.body()["attested"] is False


def test_the_report_data_is_the_one_written_down() -> None:
    parts = b"workshop/1" + bytes.fromhex("647a00010002") + _NONCE + _JOB + hashlib.sha256(_KEY.raw()).digest()
    assert simulated_evidence(_KEY, _NONCE, _JOB).report_data == hashlib.sha512(parts).hexdigest()


@pytest.mark.parametrize(
    ("other", "failed"),
    [
        ({"key": JobKey(_KEY.sealing, bytes([1]) + bytes(31))}, {"key", "binding"}),
        ({"key": JobKey(bytes(1216), _KEY.signing)}, {"key", "binding"}),
        ({"nonce": bytes(32)}, {"nonce", "binding"}),
        ({"job": bytes(32)}, {"job", "binding"}),
        ({"later": FRESH_MS + 1}, {"freshness"}),
        ({"later": -1}, {"freshness"}),
    ],
)
def test_evidence_for_something_else_is_refused(other: dict[str, object], failed: set[str]) -> None:
    verdict = _verdict(simulated_evidence(_KEY, _NONCE, _JOB), **other)  # type: ignore[arg-type]
    assert not verdict.bound
    assert _failed(verdict) == failed


def test_another_kind_is_refused() -> None:
    evidence = replace(simulated_evidence(_KEY, _NONCE, _JOB), kind="tdx")
    assert _failed(_verdict(evidence)) == {"kind"}


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_altered_character_of_evidence_is_refused(data: st.DataObject) -> None:
    evidence = simulated_evidence(_KEY, _NONCE, _JOB)
    name = data.draw(st.sampled_from([field.name for field in fields(Evidence)]))
    value = getattr(evidence, name)
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda letter: letter != value[place]))
    altered = replace(evidence, **{name: value[:place] + other + value[place + 1 :]})
    assert not _verdict(altered).bound


def test_a_verdict_without_checks_binds_nothing() -> None:
    assert not Verdict("simulated", False, (), "", "", "", _ASKED).bound


def test_a_key_of_the_wrong_length_is_refused() -> None:
    assert JobKey.from_raw(_KEY.raw()) == _KEY
    with pytest.raises(Refused):
        JobKey.from_raw(_KEY.raw()[:-1])
