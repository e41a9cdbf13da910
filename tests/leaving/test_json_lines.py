"""A line gives back every byte the chain covers, whatever the record holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.events import Event, Json, Layer, Origin, Trust, canonical, id_before_format_2
from hearthside.journal.sealing import Opened, SealedRow, commitments, prepare
from hearthside.leaving.json_lines import (
    BadLine,
    Line,
    damaged_lines,
    identity_of,
    line_of,
    line_without_content,
    read_line,
    read_lines,
)

_WHOLE = st.integers(-(2**63), 2**64 - 1)
_VALUES = st.recursive(
    st.none() | st.booleans() | _WHOLE | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_PAYLOADS = st.dictionaries(st.text(), _VALUES, max_size=5)


def _event(payload: dict[str, Json], text: str = "") -> Event:
    return Event("a", "note", Layer.TEXT, 1000, Origin.SELF, Trust.OWN, payload, "c", text=text)


def _row(raw: bytes, old: bool = False, received_ms: int = 5) -> tuple[SealedRow, Opened]:
    inside = Opened(b"s" * 16, received_ms, raw)
    return SealedRow(7, 1, b"sealed", commitments(inside)[old]), inside


def _line(raw: bytes, old: bool = False) -> bytes:
    row, inside = _row(raw, old)
    body = orjson.loads(raw)
    return line_of(row, inside, body, identity_of(row, inside, body))


@given(_PAYLOADS, st.text(), st.integers(-(2**63), 2**63 - 1))
def test_every_record_comes_back_byte_for_byte(payload: dict[str, Json], text: str, received_ms: int) -> None:
    event = _event(payload, text)
    raw = canonical(event.body())
    row, inside = _row(raw, received_ms=received_ms)
    body = orjson.loads(raw)
    line = line_of(row, inside, body, identity_of(row, inside, body))
    assert line.count(b"\n") == 1
    assert read_line(line) == Line(7, row.commitment, inside)
    read = orjson.loads(line)
    assert "raw" not in read
    assert canonical(read["body"]) == raw  # and so whoever has only the JSON has the bytes
    assert read["id"] == event.id.hex() == prepare(event).id.hex()


@given(_PAYLOADS)
def test_a_record_of_format_1_keeps_its_order_of_names_and_its_id(payload: dict[str, Json]) -> None:
    body = _event(payload).body()
    raw = orjson.dumps(body)  # as format 1 wrote it: names in the order of the class
    line = _line(raw, old=True)
    assert read_line(line).inside == Opened(b"s" * 16, 5, raw)
    assert orjson.loads(line)["id"] == id_before_format_2(canonical(body)).hex()


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b'"n":1.5', b'"n":1.50'),
        lambda raw: raw.replace(b'"n":1.5', b'"n":15e-1'),
        lambda raw: raw.replace(b'"n":1.5', b'"n": 1.5'),
        lambda raw: raw.replace(b'"n":1.5', b'"n":\n1.5'),
        lambda raw: raw.replace(b'"n":1.5', b'"n":123456789012345678901234567890'),
        lambda raw: raw.replace(b'"n":1.5', b'"n":1,"n":2'),
        lambda raw: raw.replace(b'"n":1.5', b'"n":"\\u00fc"'),
    ],
)
def test_bytes_that_json_would_change_stand_beside_it(change: Json) -> None:
    raw = change(canonical(_event({"n": 1.5}).body()))
    line = _line(raw)
    assert "raw" in orjson.loads(line)
    assert line.count(b"\n") == 1
    inside = read_line(line).inside
    assert inside is not None and inside.raw == raw


def test_a_forgotten_record_keeps_its_place_only() -> None:
    line = line_without_content(3, b"c" * 32, "forgotten")
    assert orjson.loads(line) == {"seq": 3, "forgotten": True, "commitment": "63" * 32}
    assert read_line(line) == Line(3, b"c" * 32, None)


def test_a_content_the_chain_was_not_told_has_no_id() -> None:
    raw = canonical(_event({}).body())
    row = SealedRow(1, 1, b"sealed", hashlib.sha256(b"other").digest())
    with pytest.raises(BadLine, match="not what the chain was told"):
        identity_of(row, Opened(b"s" * 16, 5, raw), orjson.loads(raw))


@given(st.data())
def test_a_changed_line_is_found(data: st.DataObject) -> None:
    line = bytearray(_line(canonical(_event({"n": 1.5}, "words").body())))
    at = data.draw(st.integers(0, len(line) - 2))
    line[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        read = read_line(bytes(line))
    except BadLine:
        return
    # What may change unnoticed here is what the commitment does not cover; the manifest's hash covers that.
    assert read == Line(read.seq, *_parts(_line(canonical(_event({"n": 1.5}, "words").body()))))


def _parts(line: bytes) -> tuple[bytes, Opened | None]:
    read = read_line(line)
    return read.commitment, read.inside


@pytest.mark.parametrize("text", [b"", b"no json", b"[]", b"{}", b'{"seq":1}', b'{"seq":"1","commitment":""}', b"null"])
def test_what_is_no_record_is_refused(text: bytes) -> None:
    with pytest.raises(BadLine):
        read_line(text)


def test_damage_is_named_by_line(tmp_path: Path) -> None:
    raw = canonical(_event({"n": 1}).body())
    lines = []
    for seq in (7, 8, 9, 10):
        row, inside = _row(raw)
        lines.append(line_of(SealedRow(seq, 1, b"", row.commitment), inside, orjson.loads(raw), b"i" * 16))
    path = tmp_path / "journal-2026.jsonl"
    path.write_bytes(b"".join(lines))
    assert damaged_lines(path, path.name, 7) == []
    assert [line.seq for line in read_lines(path)] == [7, 8, 9, 10]
    path.write_bytes(b"".join([lines[0], lines[1].replace(b'"n":1', b'"n":2'), lines[3], b"half a li"]))
    assert [(fault.line, fault.what) for fault in damaged_lines(path, path.name, 7)] == [
        (2, "its content is not what its commitment says"),
        (3, "it is out of order"),
        (4, "it is not a record of an export"),
    ]
