"""Sealed data open only whole, unaltered, in order, with the right key and for the right job."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.errors import Refused
from hearthside.workshop import sealing
from hearthside.workshop.sealing import (
    CHUNK_BYTES,
    TAG_BYTES,
    SealedFile,
    new_key_pair,
    open_file,
    open_key,
    seal_file,
    seal_key,
)

_JOB = hashlib.sha256(b"job").digest()
_KEY = bytes(range(32))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 8 bytes, so that a short text has many."""
    monkeypatch.setattr(sealing, "CHUNK_BYTES", 8)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_a_file_comes_back_whole(size: int) -> None:
    content = bytes(i % 251 for i in range(256)) * (size // 256 + 1)
    sealed = seal_file(_KEY, _JOB, "samples.json", content[:size])
    assert len(sealed.chunks) == max(1, -(-size // CHUNK_BYTES))
    assert sum(map(len, sealed.chunks)) == size + TAG_BYTES * len(sealed.chunks)
    assert open_file(_KEY, _JOB, sealed) == content[:size]


def test_the_format_is_the_one_written_down() -> None:
    """Opened here by hand, from the description in the reference and nothing else."""
    content = b"x" * CHUNK_BYTES + b"the end"
    sealed = seal_file(_KEY, _JOB, "a/b", content)
    file_id = hashlib.sha256(_JOB + b"a/b" + hashlib.sha256(content).digest()).digest()
    key = HKDFExpand(algorithm=SHA256(), length=32, info=b"workshop/1 chunk key" + file_id).derive(_KEY)
    extra = file_id + (2).to_bytes(8, "big")
    nonces = [bytes(7) + (0).to_bytes(4, "big") + b"\0", bytes(7) + (1).to_bytes(4, "big") + b"\1"]
    opened = [AESGCM(key).decrypt(n, chunk, extra) for n, chunk in zip(nonces, sealed.chunks, strict=True)]
    assert sealed.file_id == file_id
    assert b"".join(opened) == content


@pytest.mark.usefixtures("small_chunks")
def test_the_bytes_on_the_wire_are_what_they_always_were() -> None:
    sealed = seal_file(_KEY, _JOB, "samples.json", b"a text of 20 bytes !")
    assert [chunk.hex() for chunk in sealed.chunks] == [
        "550c8eba2c9185e8480e8aaa28852ad8ced6d47a68ed6edb",
        "b0afe9c3bcf1cf2a4c96bb7fd072969af33ad1b72c043fe0",
        "cacb3c4f39b3d875bc229bb251f2e1df5c14e88b",
    ]
    [empty] = seal_file(_KEY, _JOB, "samples.json", b"").chunks
    assert empty.hex() == "1eb82ac0a8f15dd5f507a5f1b86f4cf0"


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=150, deadline=None)
@given(content=st.binary(min_size=1, max_size=60), data=st.data())
def test_any_disorder_of_chunks_is_refused(content: bytes, data: st.DataObject) -> None:
    sealed = seal_file(_KEY, _JOB, "samples.json", content)
    places = st.integers(0, len(sealed.chunks) - 1)
    order = data.draw(st.lists(places, max_size=len(sealed.chunks) + 2))
    chunks = tuple(sealed.chunks[place] for place in order)
    if order == list(range(len(sealed.chunks))):
        assert open_file(_KEY, _JOB, sealed) == content
        return
    with pytest.raises(Refused, match="do not open"):
        open_file(_KEY, _JOB, replace(sealed, chunks=chunks))


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=40), data=st.data())
def test_any_flipped_bit_is_refused(content: bytes, data: st.DataObject) -> None:
    sealed = seal_file(_KEY, _JOB, "samples.json", content)
    place = data.draw(st.integers(0, len(sealed.chunks) - 1))
    chunk = bytearray(sealed.chunks[place])
    bit = data.draw(st.integers(0, len(chunk) * 8 - 1))
    chunk[bit // 8] ^= 1 << bit % 8
    chunks = (*sealed.chunks[:place], bytes(chunk), *sealed.chunks[place + 1 :])
    with pytest.raises(Refused, match="do not open"):
        open_file(_KEY, _JOB, replace(sealed, chunks=chunks))


_SEALED = seal_file(_KEY, _JOB, "samples.json", b"words")


@pytest.mark.parametrize(
    ("key", "job", "sealed"),
    [
        (bytes(32), _JOB, _SEALED),
        (_KEY, bytes(32), _SEALED),
        (_KEY, _JOB, replace(_SEALED, path="other.json")),
        (_KEY, _JOB, replace(_SEALED, file_id=bytes(32))),
        (_KEY, _JOB, replace(_SEALED, chunks=())),
        (_KEY, _JOB, replace(_SEALED, chunks=(b"short",))),
    ],
)
def test_another_key_job_name_or_id_does_not_open_it(key: bytes, job: bytes, sealed: SealedFile) -> None:
    with pytest.raises(Refused, match="do not open"):
        open_file(key, job, sealed)


def test_a_data_key_opens_for_its_receiver_and_its_job_only() -> None:
    pair = new_key_pair()
    sealed = seal_key(_KEY, pair.public, _JOB)
    assert len(pair.public) == 1216
    assert len(sealed) == 32 + 1136  # the encapsulation and tag of X-Wing
    assert open_key(sealed, pair, _JOB) == _KEY
    with pytest.raises(Refused):
        open_key(sealed, new_key_pair(), _JOB)
    with pytest.raises(Refused):
        open_key(sealed, pair, bytes(32))


@pytest.mark.parametrize("place", [0, 500, 1087, 1088, 1119, 1120, 1151, -1])
def test_an_altered_data_key_does_not_open(place: int) -> None:
    """One byte in each part: ML-KEM ciphertext, X25519 share, encrypted key, tag."""
    pair = new_key_pair()
    sealed = bytearray(seal_key(_KEY, pair.public, _JOB))
    sealed[place] ^= 1
    with pytest.raises(Refused):
        open_key(bytes(sealed), pair, _JOB)


@pytest.mark.parametrize("key", [b"", bytes(1215), b"\xff" * 1216])
def test_what_is_no_public_key_is_refused(key: bytes) -> None:
    with pytest.raises(Refused):
        seal_key(_KEY, key, _JOB)


def test_private_keys_stay_out_of_prints() -> None:
    assert "private" not in repr(new_key_pair())
