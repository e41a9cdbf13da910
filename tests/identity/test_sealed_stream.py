"""Sealed streams open only whole, unaltered, in order, with the right key and for the right file."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthside.errors import Refused
from hearthside.identity import sealed_stream
from hearthside.identity.sealed_stream import (
    CHUNK_BYTES,
    HEADER,
    TAG_BYTES,
    open_bytes,
    open_sealed,
    plain_size,
    read_range,
    seal,
    seal_bytes,
    sealed_size,
)

_KEY = bytes(range(32))
_ID = b"file one"
_SMALL = 8  # bytes a chunk where `small_chunks` is used
_NEAR_BORDERS = st.integers(0, 3).flatmap(lambda n: st.integers(-2, 2).map(lambda d: max(0, n * CHUNK_BYTES + d)))
_FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 8 bytes, so that a short text has many."""
    monkeypatch.setattr(sealed_stream, "CHUNK_BYTES", _SMALL)


def _content(size: int) -> bytes:
    return (bytes(i % 251 for i in range(1004)) * (size // 1004 + 1))[:size]


class _Dribble(io.BytesIO):
    """Gives and takes a few bytes at a time, as a pipe may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(7, size or 0))

    def write(self, data: object, /) -> int:
        return super().write(bytes(data)[:5])  # type: ignore[call-overload]


class _Zeros:
    """A long source that takes no memory."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int, /) -> bytes:
        given = min(size, self._left)
        self._left -= given
        return bytes(given)


class _Counting:
    """A target that only counts."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes, /) -> int:
        self.size += len(data)
        return len(data)


@_FEW
@given(size=_NEAR_BORDERS)
def test_a_file_comes_back_whole_around_every_chunk_border(size: int) -> None:
    content = _content(size)
    target = io.BytesIO()
    assert seal(io.BytesIO(content), target, _KEY, _ID) == size
    sealed = target.getvalue()
    assert len(sealed) == sealed_size(size)
    assert plain_size(len(sealed)) == size
    assert open_bytes(sealed, _KEY, _ID) == content
    assert content[:64] not in sealed or size < 8


def test_the_format_is_the_one_written_down() -> None:
    """Opened here by hand, from the description and nothing else."""
    content = _content(CHUNK_BYTES) + b"the end"
    sealed = seal_bytes(content, _KEY, _ID)
    header, first, second = sealed[:8], sealed[8 : 8 + CHUNK_BYTES + 16], sealed[8 + CHUNK_BYTES + 16 :]
    assert header == b"sealed\x00\x01" == HEADER
    key = HKDFExpand(algorithm=SHA256(), length=32, info=b"hearthside/1 sealed stream" + _ID).derive(_KEY)
    nonces = [bytes(7) + (0).to_bytes(4, "big") + b"\0", bytes(7) + (1).to_bytes(4, "big") + b"\1"]
    pieces = [AESGCM(key).decrypt(n, c, _ID + header) for n, c in zip(nonces, (first, second), strict=True)]
    assert b"".join(pieces) == content


@pytest.mark.usefixtures("small_chunks")
@_MANY
@given(content=st.binary(max_size=40))
def test_short_reads_and_short_writes_change_nothing(content: bytes) -> None:
    target = _Dribble()
    assert seal(_Dribble(content), target, _KEY, _ID) == len(content)
    assert target.getvalue() == seal_bytes(content, _KEY, _ID)
    assert b"".join(open_sealed(_Dribble(target.getvalue()), _KEY, _ID)) == content


def test_a_target_that_takes_nothing_is_an_error_and_no_endless_loop() -> None:
    class Full:
        def write(self, data: bytes, /) -> int:
            return 0

    with pytest.raises(OSError, match="no more"):
        seal(io.BytesIO(b"words"), Full(), _KEY, _ID)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("size", [0, 1, _SMALL - 1, _SMALL, _SMALL + 1, 3 * _SMALL, 3 * _SMALL + 5])
def test_every_flipped_bit_is_found(size: int) -> None:
    content = _content(size)
    sealed = seal_bytes(content, _KEY, _ID)
    for bit in range(8 * len(sealed)):
        damaged = bytearray(sealed)
        damaged[bit // 8] ^= 1 << bit % 8
        _must_fail(bytes(damaged), content)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("size", [0, 1, _SMALL, _SMALL + 1, 4 * _SMALL, 4 * _SMALL + 3])
def test_a_cut_at_any_length_and_any_appended_bytes_are_found(size: int) -> None:
    content = _content(size)
    sealed = seal_bytes(content, _KEY, _ID)
    for length in range(len(sealed)):
        _must_fail(sealed[:length], content)
    for more in (b"\0", bytes(TAG_BYTES), bytes(_SMALL + TAG_BYTES), sealed[8:], sealed):
        _must_fail(sealed + more, content)


@pytest.mark.usefixtures("small_chunks")
@_MANY
@given(content=st.binary(min_size=1, max_size=60), data=st.data())
def test_any_disorder_of_chunks_is_found(content: bytes, data: st.DataObject) -> None:
    sealed = seal_bytes(content, _KEY, _ID)
    step = _SMALL + TAG_BYTES
    chunks = [sealed[at : at + step] for at in range(len(HEADER), len(sealed), step)]
    order = data.draw(st.lists(st.integers(0, len(chunks) - 1), max_size=len(chunks) + 2))
    mixed = HEADER + b"".join(chunks[place] for place in order)
    if order == list(range(len(chunks))):
        assert open_bytes(mixed, _KEY, _ID) == content
    else:
        _must_fail(mixed, content)


@pytest.mark.usefixtures("small_chunks")
def test_chunks_of_two_files_do_not_mix() -> None:
    one, other = (seal_bytes(text, _KEY, name) for text, name in ((b"a" * 20, b"file one"), (b"b" * 20, b"file two")))
    step = _SMALL + TAG_BYTES
    _must_fail(one[: 8 + step] + other[8 + step :], b"a" * 20)
    _must_fail(other, b"b" * 20)  # swapped as a whole: this one is not file one


@pytest.mark.parametrize(("key", "file_id"), [(bytes(32), _ID), (_KEY, b"file two"), (_KEY, b"")])
def test_another_key_or_file_does_not_open_it(key: bytes, file_id: bytes) -> None:
    sealed = seal_bytes(b"words", _KEY, _ID)
    with pytest.raises(Refused, match="does not open") as error:
        open_bytes(sealed, key, file_id)
    assert error.value.code == "seal-damaged"


def test_a_newer_version_and_a_foreign_file_say_so() -> None:
    newer = b"sealed\x00\x02" + seal_bytes(b"words", _KEY, _ID)[8:]
    with pytest.raises(Refused, match="version 2") as error:
        open_bytes(newer, _KEY, _ID)
    assert error.value.code == "seal-version"
    with pytest.raises(Refused, match="not those of a sealed file"):
        open_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40), _KEY, _ID)


@pytest.mark.usefixtures("small_chunks")
def test_a_file_longer_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_stream, "MAX_CHUNKS", 2)
    assert open_bytes(seal_bytes(bytes(16), _KEY, _ID), _KEY, _ID) == bytes(16)
    with pytest.raises(Refused, match="16 TiB"):
        seal_bytes(bytes(17), _KEY, _ID)


@pytest.mark.usefixtures("small_chunks")
@_MANY
@given(size=st.integers(0, 40), start=st.integers(0, 60), length=st.integers(0, 60))
def test_any_range_is_what_a_slice_gives(size: int, start: int, length: int) -> None:
    content = _content(size)
    sealed = io.BytesIO(seal_bytes(content, _KEY, _ID))
    assert b"".join(read_range(sealed, _KEY, _ID, start, length)) == content[start : start + length]


@_FEW
@given(size=_NEAR_BORDERS, data=st.data())
def test_ranges_across_real_chunk_borders(size: int, data: st.DataObject) -> None:
    content = _content(size)
    start = data.draw(st.integers(0, size + 2))
    length = data.draw(st.one_of(st.integers(0, 10), st.just(CHUNK_BYTES), st.just(size)))
    sealed = io.BytesIO(seal_bytes(content, _KEY, _ID))
    assert b"".join(read_range(sealed, _KEY, _ID, start, length)) == content[start : start + length]


@pytest.mark.usefixtures("small_chunks")
@_MANY
@given(size=st.integers(0, 40), start=st.integers(0, 45), length=st.integers(0, 45), data=st.data())
def test_a_range_of_a_damaged_file_is_right_or_refused(size: int, start: int, length: int, data: st.DataObject) -> None:
    content = _content(size)
    sealed = bytearray(seal_bytes(content, _KEY, _ID))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    cut = bytes(sealed[: data.draw(st.integers(0, len(sealed)))])
    for broken in (bytes(sealed), cut):
        got = bytearray()
        try:
            for piece in read_range(io.BytesIO(broken), _KEY, _ID, start, length):
                got += piece
        except Refused:
            assert content[start : start + length].startswith(got)
        else:
            assert got == content[start : start + length]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("size", [_SMALL, 3 * _SMALL, 3 * _SMALL + 2])
def test_a_file_cut_short_does_not_pass_for_a_shorter_one(size: int) -> None:
    sealed = seal_bytes(_content(size), _KEY, _ID)
    for length in range(len(sealed)):
        for start in (0, 1, _SMALL, size, size + 9):
            with pytest.raises(Refused):
                list(read_range(io.BytesIO(sealed[:length]), _KEY, _ID, start, size))


@pytest.mark.parametrize(("start", "length"), [(-1, 4), (0, -1)])
def test_a_negative_range_is_a_mistake(start: int, length: int) -> None:
    with pytest.raises(ValueError, match="inside"):
        list(read_range(io.BytesIO(seal_bytes(b"words", _KEY, _ID)), _KEY, _ID, start, length))


@pytest.mark.parametrize(
    "sealed", [0, 7, 8, 23, 8 + CHUNK_BYTES + TAG_BYTES + 1, 8 + CHUNK_BYTES + TAG_BYTES + TAG_BYTES]
)
def test_a_length_no_sealed_file_has_is_refused(sealed: int) -> None:
    with pytest.raises(Refused, match="length"):
        plain_size(sealed)


def test_a_long_file_takes_no_more_memory_than_a_few_chunks() -> None:
    size = 64 * CHUNK_BYTES + 5
    tracemalloc.start()
    try:
        target = _Counting()
        assert seal(_Zeros(size), target, _KEY, _ID) == size
        assert target.size == sealed_size(size)
        assert sum(map(len, open_sealed(_SealedZeros(size), _KEY, _ID))) == size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * CHUNK_BYTES


class _SealedZeros:
    """The sealed form of a long source, made while it is read."""

    def __init__(self, size: int) -> None:
        self._pieces = self._made(size)
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        self._rest = self._rest or next(self._pieces, b"")
        given, self._rest = self._rest[:size], self._rest[size:]
        return given

    @staticmethod
    def _made(size: int) -> Iterator[bytes]:
        cipher, left, index = sealed_stream.chunk_cipher(_KEY, b"hearthside/1 sealed stream" + _ID), size, 0
        yield HEADER
        while left > 0:
            piece = bytes(min(CHUNK_BYTES, left))
            left -= len(piece)
            yield cipher.encrypt(sealed_stream.chunk_nonce(index, left == 0), piece, _ID + HEADER)
            index += 1


def _must_fail(sealed: bytes, content: bytes) -> None:
    """Opening fails, and nothing but a genuine beginning was given before."""
    got = bytearray()
    with pytest.raises(Refused) as error:
        for piece in open_sealed(io.BytesIO(sealed), _KEY, _ID):
            got += piece
    assert error.value.code in ("seal-damaged", "seal-version")
    assert content.startswith(got)
    assert len(got) < len(content) or not content
