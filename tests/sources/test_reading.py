"""Reading of files that are compressed, huge, cut short or wrong."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zipfile
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Rejected, Trust
from hearthside.sources.reading import (
    MAX_LINE_BYTES,
    RAW_KEPT_BYTES,
    Opened,
    open_decompressed,
    read_sample,
    whole,
    words,
)

MIB = 1024 * 1024


def _file(folder: Path, content: bytes, name: str = "export.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _event(line: int, row: dict[str, Json]) -> Iterable[Record]:
    yield Event("test", "note", Layer.TEXT, int(row["t"]), Origin.SELF, Trust.OWN, row, "test", record=line)


def _read(path: Path) -> list[Item]:
    return list(Opened(path, "test").json_lines(_event))


def _reasons(items: list[Item]) -> dict[int, str]:
    return {item.record: item.reason for item in items if isinstance(item, Rejected)}


def _rows(count: int) -> bytes:
    generator = random.Random(7)  # noise, so that gzip cannot pack it into one block
    return b"".join(orjson.dumps({"t": n, "noise": generator.randbytes(40).hex()}) + b"\n" for n in range(count))


def test_lines_are_numbered_and_empty_ones_left_out(tmp_path: Path) -> None:
    path = _file(tmp_path, b'\xef\xbb\xbf{"t":1}\r\n\r\n  \n{"t":4}')
    assert list(Opened(path, "test").lines()) == [(1, b'{"t":1}'), (4, b'{"t":4}')]
    assert [item.record for item in _read(path)] == [1, 4]


@pytest.mark.parametrize("cut", [1, 100, 5_000, 200_000])
def test_a_truncated_gzip_keeps_every_whole_line_before_the_break(cut: int, tmp_path: Path) -> None:
    content = _rows(20_000)
    packed = gzip.compress(content)
    path = _file(tmp_path, packed[:-cut], "export.jsonl.gz")
    items = _read(path)
    taken = [item for item in items if isinstance(item, Event)]
    reasons = _reasons(items)
    assert list(reasons) == [len(taken) + 1]
    assert "breaks off" in reasons[len(taken) + 1]
    # Independent of how the reader reads: what zlib itself can unpack of the same bytes.
    import zlib

    unpacked = zlib.decompressobj(wbits=31).decompress(packed[:-cut])
    assert len(taken) == unpacked.count(b"\n")


def test_garbage_after_a_gzip_is_said_and_costs_nothing(tmp_path: Path) -> None:
    items = _read(_file(tmp_path, gzip.compress(b'{"t":1}\n{"t":2}\n') + b"garbage", "export.gz"))
    assert [item.record for item in items if isinstance(item, Event)] == [1, 2]
    assert list(_reasons(items)) == [3]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not json", "not JSON"),
        (b'{"t":1', "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"t":"\xff"}', "not JSON"),
        (b'{"t":1e999}', "infinity"),
        (b'{"t":1,"big":123456789012345678901234567890}', "beyond 64 bits"),
        (b'{"t":1,"big":-9999999999999999999}', "beyond 64 bits"),
        (b'{"t":1,"t":2}', "twice"),
        (b'{"t":1,"a":[{"b":1,"b":2}]}', "twice"),
        (b'{"t":1,"a":[1,{"b":1,"b":2}]}', "twice"),
        (b'{"t":1,"a":' + b"[" * 300 + b"]" * 300 + b"}", "deep"),
        (b'{"t":1,"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "not JSON"),
        (b'{"u":1}', "field 't' is missing"),
        (b'{"t":"soon"}', "invalid literal"),
        (b'{"t":null}', "NoneType"),
        (b"\0\0\0", "not JSON"),
    ],
)
def test_a_bad_line_is_one_rejection_between_good_ones(line: bytes, reason: str, tmp_path: Path) -> None:
    items = _read(_file(tmp_path, b'{"t":1}\n' + line + b'\n{"t":3}\n'))
    assert [item.record for item in items] == [1, 2, 3]
    refused = items[1]
    assert isinstance(refused, Rejected)
    assert reason in refused.reason
    assert refused.raw == line[:RAW_KEPT_BYTES]
    assert refused.place == "export.jsonl, line 2"


@pytest.mark.parametrize(
    "line",
    [
        b'{"t":1,"big":9223372036854775807}',
        b'{"t":1,"a":{"b":1},"c":{"b":2}}',
        b'{"t":1,"text":"say \\"a\\":1 twice \\"a\\":1"}',
        b'{"t" : 1,\t"id":"12345678901234567890123"}',
        '{"t":1,"text":"one\u2028two"}'.encode(),
    ],
)
def test_what_only_looks_wrong_is_taken_whole(line: bytes, tmp_path: Path) -> None:
    (item,) = _read(_file(tmp_path, line))
    assert isinstance(item, Event)
    assert item.payload == orjson.loads(line)


def test_a_long_reason_and_a_long_record_are_cut(tmp_path: Path) -> None:
    refused = Opened(tmp_path / "x", "test").reject("r" * 10_000, b"b" * 10_000, 1)
    assert len(refused.reason) == 300
    assert len(refused.raw) == RAW_KEPT_BYTES


def test_text_lines_refuse_what_is_not_utf8(tmp_path: Path) -> None:
    items = list(Opened(_file(tmp_path, "\ufeffaé\n".encode() + b"\xff\n"), "test").text_lines())
    assert items[0] == (1, "aé")
    assert isinstance(items[1], Rejected)


def _huge(path: Path, size: int) -> None:
    """A good line, one of `size` zero bytes (sparse on the disk), a good line."""
    with path.open("wb") as file:
        file.write(b'{"t":1}\n')
        file.seek(8 + size)
        file.write(b'\n{"t":3}\n')


def _peak_of_reading(path: Path) -> tuple[list[Item], int]:
    tracemalloc.start()
    items = _read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return items, peak


def _assert_huge_line(path: Path, size: int) -> None:
    items, peak = _peak_of_reading(path)
    assert [item.record for item in items] == [1, 2, 3]
    refused = items[1]
    assert isinstance(refused, Rejected)
    assert f"{size} bytes" in refused.reason
    assert peak < 3 * MAX_LINE_BYTES


def test_a_line_of_64_mib_is_refused_within_bounded_memory(tmp_path: Path) -> None:
    _huge(tmp_path / "huge", 64 * MIB)
    _assert_huge_line(tmp_path / "huge", 64 * MIB)


@pytest.mark.soak
def test_a_line_of_4_gib_is_refused_within_bounded_memory(tmp_path: Path) -> None:
    _huge(tmp_path / "huge", 4096 * MIB)
    _assert_huge_line(tmp_path / "huge", 4096 * MIB)


def test_a_packed_huge_line_is_refused_within_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'{"t":1}\n')
        for _ in range(40):
            file.write(bytes(MIB))
        file.write(b'\n{"t":3}\n')
    _assert_huge_line(path, 40 * MIB)


@pytest.mark.parametrize("more", [0, 1])
def test_the_longest_line_allowed(more: int, tmp_path: Path) -> None:
    line = b'{"t":1,"x":"' + b"a" * (MAX_LINE_BYTES - 14 + more) + b'"}'
    (item,) = _read(_file(tmp_path, line))
    assert isinstance(item, Rejected) is bool(more)


def test_documents(tmp_path: Path) -> None:
    assert Opened(_file(tmp_path, b"\xef\xbb\xbf[1]"), "test").json_document() == [1]
    broken = Opened(_file(tmp_path, gzip.compress(_rows(5000))[:-9]), "test").json_document()
    assert isinstance(broken, Rejected)
    assert "breaks off" in broken.reason
    wrong = Opened(_file(tmp_path, b"[1"), "test").json_document()
    assert isinstance(wrong, Rejected)
    assert "not JSON" in wrong.reason


def test_samples(tmp_path: Path) -> None:
    sample = read_sample(_file(tmp_path, '\ufeff{"a":1}\r\nno\n[2]\n{"b":"\u2028"}\n'.encode()))
    assert sample.json_lines() == [{"a": 1}, {"b": "\u2028"}]
    assert sample.has("a", "b")
    assert not sample.has("a", "c")
    assert sample.broken == ""
    cut = read_sample(_file(tmp_path, gzip.compress(_rows(3000))[:2000]))
    assert cut.broken
    assert cut.json_lines()
    whole_head = read_sample(_file(tmp_path, b"x" * 100_000))
    assert len(whole_head.head) == 65_536


def test_a_member_of_a_zip_is_read_like_a_file(tmp_path: Path) -> None:
    archive = tmp_path / "takeout.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("folder/plain.jsonl", b'{"t":1}\n')
        file.writestr("folder/packed.jsonl.gz", gzip.compress(b'{"t":2}\n'))
    for name, time_ms in (("folder/plain.jsonl", 1), ("folder/packed.jsonl.gz", 2)):
        opened = Opened(archive / name, "test", archive=archive)
        (item,) = opened.json_lines(_event)
        assert isinstance(item, Event)
        assert item.start_ms == time_ms
        assert read_sample(archive / name, archive).name == Path(name).name
        with open_decompressed(archive / name, archive) as stream:
            assert b'{"t"' in stream.read()


def test_seen_counts_the_bytes(tmp_path: Path) -> None:
    content = _rows(40_000)
    path = _file(tmp_path, gzip.compress(content), "x.gz")
    told: list[tuple[int, int]] = []
    list(Opened(path, "test", seen=lambda position, size: told.append((position, size))).lines())
    assert sum(size for _, size in told) == len(content)
    assert told[-1][0] == path.stat().st_size
    assert [position for position, _ in told] == sorted(position for position, _ in told)


def test_fields() -> None:
    row = {"n": 5, "s": "-12", "f": 3.0, "x": 1.5, "b": True, "big": 2**60, "e": "1e3", "t": "word"}
    assert [whole(row, name) for name in ("n", "s", "f")] == [5, -12, 3]
    for name in ("x", "b", "big", "e", "t"):
        with pytest.raises(ValueError, match="not a whole number"):
            whole(row, name)
    with pytest.raises(KeyError):
        whole(row, "none")
    assert words(row, "t") == "word"
    with pytest.raises(ValueError, match="not a text"):
        words(row, "n")
