"""A document of lists is split into its elements exactly, however it is cut into chunks and whatever is in it."""

from __future__ import annotations

import contextlib
import gzip
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Rejected, Trust
from hearthside.sources.json_parts import MAX_PART_BYTES, Part, Parts, PartsBroken
from hearthside.sources.reading import Opened

_TEXTS = st.one_of(st.text(max_size=6), st.sampled_from(["}", "{", "]", '"', "\\", '\\"', "},{", '"}', "\\\\"]))
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(_TEXTS, _VALUES, max_size=4)
_DOCUMENTS = st.one_of(st.lists(_VALUES, max_size=6), st.dictionaries(_TEXTS, _VALUES, max_size=4))


def _chunks(content: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        if at < len(content):
            yield content[at : at + size]
        at += size
    if at < len(content):
        yield content[at:]


def _expected(document: Json) -> list[tuple[str | None, Json]]:
    lists = {None: document} if isinstance(document, list) else document
    return [(name, part) for name, parts in lists.items() if isinstance(parts, list) for part in parts]


def _written(document: Json, indent: int | None, ascii_only: bool) -> bytes:
    return json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


@given(_DOCUMENTS, st.sampled_from([None, 0, 2]), st.booleans(), st.lists(st.integers(1, 9), max_size=60))
def test_every_element_comes_once_and_whole(
    document: Json, indent: int | None, ascii_only: bool, sizes: list[int]
) -> None:
    content = _written(document, indent, ascii_only)
    parts = list(Parts(_chunks(content, sizes)))
    expected = _expected(document)
    assert [part.number for part in parts] == list(range(1, len(expected) + 1))
    for part, (section, value) in zip(parts, expected, strict=True):
        assert part.section == section
        assert content[part.offset : part.offset + len(part.raw)] == part.raw
        assert json.loads(part.raw) == value
        if isinstance(value, dict) and part.value is not None:
            assert part.value == value
        if not isinstance(value, dict):
            assert "not a JSON object" in part.problem


@given(_DOCUMENTS, st.lists(st.integers(1, 9), max_size=30))
@example({"": [{}, {}]}, [])  # a list whose name is empty is not a document that is a list
def test_reading_goes_on_at_any_element(document: Json, sizes: list[int]) -> None:
    content = _written(document, None, True)
    parts = list(Parts(_chunks(content, [])))
    for index, part in enumerate(parts):
        rest = Parts(_chunks(content[part.offset :], sizes), part.offset, part.section, part.number)
        assert list(rest) == parts[index:]


@given(_DOCUMENTS, st.data())
def test_a_damaged_document_ends_in_one_error_at_most(document: Json, data: st.DataObject) -> None:
    content = bytearray(_written(document, 2, True))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(len(content) - 1, 0)))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    sizes = data.draw(st.lists(st.integers(1, 9), max_size=30))
    seen: list[Part] = []
    with contextlib.suppress(PartsBroken):
        seen.extend(Parts(_chunks(bytes(content), sizes)))
    assert all((part.value is None) == bool(part.problem) for part in seen)


@pytest.mark.parametrize("damage", [b'{"a": tru}', b'{"a" 1}', b'{"a": 1, "a": 2}', b'{"a": "\xff"}'])
def test_a_damaged_element_is_refused_alone(damage: bytes) -> None:
    before, refused, after = Parts(iter([b'{"list": [\n{"n": 1},\n' + damage + b',\n{"n": 2}\n]}']))
    assert (before.value, after.value) == ({"n": 1}, {"n": 2})
    assert refused.value is None
    assert refused.raw == damage


def test_a_text_that_is_not_closed_costs_no_more_than_its_element_where_lines_are_kept() -> None:
    document = b'{"list": [\n  {\n    "n": "1\n  },\n  {\n    "n": 2\n  },\n  {\n    "n": 3\n  }\n]}'
    refused, second, third = Parts(iter([document]))
    assert refused.value is None
    assert (second.value, third.value) == ({"n": 2}, {"n": 3})


@pytest.mark.parametrize(
    "document", [b"", b"5", b'{"a"}', b"[{}", b'[{"a":1', b"[{}] x", b'{"a":[{}]]', b'{"a":[}]}', b'{"a":"', b"[:]"]
)
def test_what_is_no_such_document_is_said(document: bytes) -> None:
    with pytest.raises(PartsBroken):
        list(Parts(iter([document])))


def test_a_byte_order_mark_is_dropped() -> None:
    assert [part.value for part in Parts(iter([b"\xef", b"\xbb\xbf ", b"[{}]"]))] == [{}]


def _note(record: int, part: Part) -> tuple[Record, ...]:
    if part.value is None:
        raise ValueError(part.problem)
    return (Event("test", "note", Layer.TEXT, record, Origin.SELF, Trust.OWN, part.value, "test", record=record),)


def _peak_of_reading(path: Path) -> tuple[list[Item], int]:
    tracemalloc.start()
    items = [item for item in Opened(path, "test").json_parts(_note) if isinstance(item, Rejected) or item.record == 3]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return items, peak


def test_an_element_of_64_mib_is_refused_within_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.json.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'[{"n":1},{"x":"')
        for _ in range(64):
            file.write(b"a" * 1024 * 1024)
        file.write(b'"},{"n":3}]')
    (refused, after), peak = _peak_of_reading(path)
    assert isinstance(refused, Rejected) and "more than the" in refused.reason and refused.record == 2
    assert isinstance(after, Event) and after.payload == {"n": 3}
    assert peak < 4 * MAX_PART_BYTES


def test_a_large_document_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    row = orjson.dumps({"n": 1, "x": "a" * 1000})
    path.write_bytes(b'{"list":[' + b",".join([row] * 20_000) + b"]}")
    _, peak = _peak_of_reading(path)
    assert peak < path.stat().st_size / 3


def test_a_packed_document_that_breaks_off_keeps_every_element_before(tmp_path: Path) -> None:
    path = tmp_path / "cut.json.gz"
    path.write_bytes(gzip.compress(orjson.dumps([{"n": n, "x": str(n * 7919)} for n in range(20_000)]))[:-4000])
    items = list(Opened(path, "test").json_parts(_note))
    assert isinstance(items[-1], Rejected) and "breaks off" in items[-1].reason
    assert [item.record for item in items] == list(range(1, len(items) + 1))
    assert len(items) > 10_000
