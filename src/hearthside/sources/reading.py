"""Reading files that may be compressed, huge, cut short or wrong, without losing a record or the memory."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from hearthside.events import Item, Json, Record, Rejected
from hearthside.sources.exact_json import exact_object
from hearthside.sources.json_parts import Part, Parts, PartsBroken
from hearthside.sources.trail import Mark, Trail

HEAD_BYTES = 65_536
MAX_LINE_BYTES = 16 * 1024 * 1024  # one record; a day of one-minute values is 10 kB
MAX_DOCUMENT_BYTES = 1024 * 1024 * 1024  # a format that is one JSON document must fit in memory
RAW_KEPT_BYTES = 4096  # of a rejected record
_REASON_CHARS = 300  # a reason may quote a value, and a value may be long
LARGEST_WHOLE = 2**53  # whole numbers beyond it are not exact in every reader of JSON, and no time is that large
_CHUNK = 1024 * 1024
_BAD_VALUE = (KeyError, ValueError, TypeError, IndexError, OverflowError, AttributeError)
# What reading a file can raise when the file breaks off, is damaged, or the disk fails.
# RuntimeError: what zipfile raises for a member with a password or an unknown compression.
UNREADABLE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning of a file, decompressed: what a source judges by.

    Attributes:
        name: file name; formats are recognised by content, the name may only break a tie.
        head: at most 64 KiB.
        broken: why reading stopped before the head was full, or "" when nothing was wrong.
    """

    name: str
    head: bytes
    broken: str = ""

    @property
    def text(self) -> str:
        """The head as text; bytes that are not UTF-8 become U+FFFD; a byte order mark is dropped."""
        return self.head.decode("utf-8", "replace").lstrip("\ufeff")

    def lines(self, count: int = 20) -> list[str]:
        """The first whole lines that are not empty."""
        lines = [line.rstrip("\r") for line in self.text.split("\n")]
        if len(self.head) >= HEAD_BYTES and len(lines) > 1:
            lines = lines[:-1]
        return [line for line in lines if line.strip()][:count]

    def json_lines(self, count: int = 5) -> list[dict[str, Json]]:
        """The JSON objects of the first lines; lines that are no JSON object are left out.

        A first line longer than the head (a day of minute values) cannot be parsed; use `text` for those.
        """
        found = []
        for line in self.lines(count):
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(value, dict):
                found.append(value)
        return found

    def has(self, *names: str) -> bool:
        """Whether every one of these JSON field names stands in the head, in quotes."""
        text = self.text
        return all(f'"{name}"' in text for name in names)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source may know about the person while reading.

    Attributes:
        zone: zone for local times that carry none (chat exports).
        self_names: names the person goes by, lower case: whose messages are the person's own.
    """

    zone: tzinfo = UTC
    self_names: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file ready to be read by a source.

    Attributes:
        path: the file; for a member of a zip archive the archive's path followed by the member's name.
        source: name of the source that reads it, for its rejections.
        reading: what is known about the person.
        archive: the zip archive that holds the file, or None.
        seen: told after each piece (position in the packed file, bytes of the piece unpacked).
        trail: where records begin is noted here, and where to go on is asked here; None: from the beginning.
    """

    path: Path
    source: str
    reading: Reading = field(default_factory=Reading)
    archive: Path | None = None
    seen: Callable[[int, int], None] | None = None
    trail: Trail | None = None

    def reject(self, reason: str, raw: bytes, record: int, where: str | None = None) -> Rejected:
        """A rejection of one record of this file."""
        place = f"{self.path.name}, {where or f'line {record}'}"
        return Rejected(self.source, reason[:_REASON_CHARS], raw[:RAW_KEPT_BYTES], place, record)

    def chunks(self) -> Iterator[bytes]:
        """The unpacked bytes in pieces of at most 1 MiB; all that can be unpacked comes before any error.

        Raises:
            FileChanged: the trail says where to go on, and what lies before is not what was read there.
        """
        pieces = self._pieces()
        return pieces if self.trail is None else self.trail.along(pieces)

    def _pieces(self) -> Iterator[bytes]:
        with open_decompressed(self.path, self.archive) as stream:
            # read1: one step at a time; read() throws away what it has when a later step fails.
            while chunk := stream.read1(_CHUNK):  # type: ignore[attr-defined]
                if self.seen is not None:
                    self.seen(_position(stream), len(chunk))
                yield chunk

    def lines(self) -> Iterator[tuple[int, bytes] | Rejected]:
        """(line number from 1, line without its end), streamed; empty lines are left out.

        A line over 16 MiB becomes a `Rejected`, and so does the place where a file breaks off; what came before is
        kept. A byte order mark at the start is dropped.
        """
        for block in self._line_blocks():
            if isinstance(block, Rejected):
                yield block
                continue
            first, lines = block
            for number, line in enumerate(lines, start=first):
                if line.strip():
                    yield number, line

    def _line_blocks(self) -> Iterator[tuple[int, list[bytes]] | Rejected]:
        """(number of the first line, lines without their ends, empty ones too), a chunk's worth at a time."""
        start = Mark(1, 0) if self.trail is None or self.trail.start is None else self.trail.start
        number, offset = start.record, start.offset
        rest = bytearray()  # the line so far; of an overlong one only the beginning
        length = 0  # bytes of the line so far
        try:
            for chunk in self.chunks():
                first, last = chunk.find(b"\n"), chunk.rfind(b"\n")
                if first < 0:
                    length += len(chunk)
                    _keep(rest, chunk, length)
                else:
                    length += first
                    _keep(rest, chunk[:first], length)
                    yield self._one_line(rest, number, length)
                    number += 1
                    if self.trail is not None:
                        self.trail.note(number, offset + first + 1)
                    if last > first:
                        lines = chunk[first + 1 : last].split(b"\n")
                        yield number, _without_ends(lines, chunk)
                        number += len(lines)
                    length = len(chunk) - last - 1
                    rest = bytearray(chunk[last + 1 :])
                offset += len(chunk)
        except UNREADABLE as error:
            reason = f"the file breaks off here ({_plain(error)}); every line before it was read"
            yield self.reject(reason, bytes(rest[:RAW_KEPT_BYTES]), number)
            return
        yield self._one_line(rest, number, length)

    def _one_line(self, buffer: bytearray, number: int, length: int) -> tuple[int, list[bytes]] | Rejected:
        """A line that may have come in several chunks."""
        if length > MAX_LINE_BYTES:
            reason = f"this line has {length} bytes, more than the {MAX_LINE_BYTES} a record may have"
            return self.reject(reason, bytes(buffer[:RAW_KEPT_BYTES]), number)
        line = bytes(buffer).rstrip(b"\r")
        return number, [line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line]

    def text_lines(self) -> Iterator[tuple[int, str] | Rejected]:
        """Like `lines`, decoded as UTF-8; a line that is not UTF-8 is a `Rejected`."""
        for item in self.lines():
            if isinstance(item, Rejected):
                yield item
                continue
            number, raw = item
            try:
                yield number, raw.decode("utf-8")
            except UnicodeDecodeError:
                yield self.reject("this line is not UTF-8 text", raw, number)

    def json_lines(self, parse: Callable[[int, dict[str, Json]], Iterable[Record]]) -> Iterator[Item]:
        """One JSON object a line, given to `parse(line number, object)`; whatever `parse` cannot take is rejected.

        `parse` raises ValueError with a plain sentence, or lets a missing field's KeyError through. It must not
        remember one line for the next: reading may go on in the middle of the file.
        """
        for block in self._line_blocks():
            if isinstance(block, Rejected):
                yield block
                continue
            first, lines = block
            for number, raw in enumerate(lines, start=first):
                try:
                    records = tuple(parse(number, exact_object(raw)))
                except _BAD_VALUE as error:
                    if raw.strip():
                        yield self.reject(_reason(error), raw, number)
                    continue
                yield from records

    def json_parts(self, parse: Callable[[int, Part], Iterable[Record]]) -> Iterator[Item]:
        """The elements of the lists at the top of one JSON document, streamed, given to `parse(ordinal, part)`.

        As with `json_lines`, what `parse` cannot take is rejected, and `parse` must not remember anything.
        """
        start = Mark(1, 0) if self.trail is None or self.trail.start is None else self.trail.start
        parts = Parts(self.chunks(), start.offset, start.section, start.record)
        number = start.record - 1
        try:
            for part in parts:
                number = part.number
                if self.trail is not None:
                    self.trail.note(number, part.offset, part.section)
                try:
                    records = tuple(parse(number, part))
                except _BAD_VALUE as error:
                    yield self.reject(_reason(error), part.raw, number, f"record {number}")
                    continue
                yield from records
        except PartsBroken as error:
            reason = f"reading ended here: {error}; every record before it was read"
            yield self.reject(reason, error.raw, number + 1, f"byte {error.offset}")
        except UNREADABLE as error:
            reason = f"the file breaks off here ({_plain(error)}); every record before it was read"
            yield self.reject(reason, b"", number + 1, f"after record {number}")

    def guarded(
        self,
        record: int,
        value: dict[str, Json],
        parse: Callable[[int, dict[str, Json]], Iterable[Record]],
        raw: bytes | None = None,
        where: str | None = None,
    ) -> Iterator[Item]:
        """Records that `parse` makes of one object, or one `Rejected` that says why it could not; never half of it."""
        try:
            records = list(parse(record, value))
        except _BAD_VALUE as error:
            yield self.reject(_reason(error), raw if raw is not None else _dumped(value), record, where)
            return
        yield from records

    def json_document(self) -> Json | Rejected:
        """The whole file as one JSON value, or a `Rejected` that says why not."""
        content = bytearray()
        try:
            for chunk in self.chunks():
                content += chunk
                if len(content) > MAX_DOCUMENT_BYTES:
                    return self.reject("the document is larger than 1 GiB", bytes(content[:RAW_KEPT_BYTES]), 1, "start")
        except UNREADABLE as error:
            return self.reject(f"the file breaks off ({_plain(error)})", bytes(content), 1, f"byte {len(content)}")
        try:
            return orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError as error:
            return self.reject(f"the file is not JSON: {error.msg}", bytes(content), 1, f"byte {error.pos}")


def whole(row: dict[str, Json], name: str) -> int:
    """A whole number of a record; exports also write it as a string of digits.

    Raises:
        KeyError: the field is missing.
        ValueError: it is something else, or beyond 2^53.
    """
    value = row[name]
    if type(value) is int and -LARGEST_WHOLE <= value <= LARGEST_WHOLE:
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,16}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST_WHOLE:
        raise ValueError(f"field '{name}' is not a whole number")
    return value


def words(row: dict[str, Json], name: str) -> str:
    """A text of a record; raises KeyError where it is missing and ValueError where it is no text."""
    value = row[name]
    if not isinstance(value, str):
        raise ValueError(f"field '{name}' is not a text")
    return value


def open_decompressed(path: Path, archive: Path | None = None) -> BinaryIO:
    """The bytes of a file or of a zip member, through gzip when its first two bytes say so.

    Args:
        path: the file, or archive / member's name.
        archive: the zip archive, when `path` is a member of it.
    """
    raw: io.BufferedReader
    if archive is None:
        raw = path.open("rb")
    else:
        with zipfile.ZipFile(archive) as opened:  # an open member keeps the archive's file open
            raw = cast(io.BufferedReader, opened.open(path.relative_to(archive).as_posix()))
    try:
        packed = raw.peek(2)[:2] == b"\x1f\x8b"
    except BaseException:
        raw.close()
        raise
    if not packed:
        return raw
    unpacked = gzip.GzipFile(fileobj=raw)
    unpacked.myfileobj = cast(io.FileIO, raw)  # so that closing the one closes the other
    return cast(BinaryIO, unpacked)


def read_sample(path: Path, archive: Path | None = None) -> Sample:
    """The first 64 KiB of a file, decompressed; of a file that breaks off, what there is.

    Raises:
        UNREADABLE: the file cannot be opened at all.
    """
    head = bytearray()
    broken = ""
    with open_decompressed(path, archive) as stream:
        try:
            while len(head) < HEAD_BYTES and (chunk := stream.read1(HEAD_BYTES - len(head))):  # type: ignore[attr-defined]
                head += chunk
        except UNREADABLE as error:
            broken = _plain(error)
    return Sample(path.name, bytes(head), broken)


def read_later_sample(path: Path, archive: Path | None = None) -> Sample | None:
    """What follows a first line that is longer than any record may be: the file may still be one that is known.

    Returns:
        Up to 64 KiB after that line, or None when the first line is no longer than a record, or is all there is.

    Raises:
        UNREADABLE: the file cannot be opened at all.
    """
    head, skipped, found = bytearray(), 0, False
    with open_decompressed(path, archive) as stream:
        try:
            while len(head) < HEAD_BYTES and (chunk := stream.read1(_CHUNK)):  # type: ignore[attr-defined]
                if found:
                    head += chunk
                    continue
                end = chunk.find(b"\n")
                skipped += len(chunk) if end < 0 else end
                if end >= 0:
                    found = True
                    head += chunk[end + 1 :]
                    if skipped <= MAX_LINE_BYTES:
                        return None
        except UNREADABLE:
            pass  # what came before is enough to judge by, or there is nothing to judge
    return Sample(path.name, bytes(head[:HEAD_BYTES])) if head else None


def _position(stream: BinaryIO) -> int:
    """How far into the packed file a stream is."""
    return int(stream.fileobj.tell() if isinstance(stream, gzip.GzipFile) else stream.tell())


def _keep(buffer: bytearray, more: bytes, length: int) -> None:
    """Add to a line that is `length` bytes long by now; of an overlong one only the beginning is kept."""
    if length <= MAX_LINE_BYTES:
        buffer += more
    else:
        del buffer[RAW_KEPT_BYTES:]


def _without_ends(lines: list[bytes], chunk: bytes) -> list[bytes]:
    return [line.rstrip(b"\r") for line in lines] if b"\r" in chunk else lines


def _reason(error: BaseException) -> str:
    return f"field {error} is missing" if isinstance(error, KeyError) else str(error)


def _dumped(value: Json) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        return repr(value)[:RAW_KEPT_BYTES].encode("utf-8", "replace")


def _plain(error: BaseException) -> str:
    return str(error) or type(error).__name__
