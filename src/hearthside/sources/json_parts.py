"""Finding the objects in one huge JSON document without holding it: the elements of its lists, one after the other.

The end of an element is guessed from its braces and proved by parsing it: no whole JSON object is the beginning of
another one, so what parses is the element. Where braces stand in texts the guess fails, and the brackets are counted
outside of texts instead (RFC 8259, section 7: a text holds no control character, so a line break ends a broken one).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from hearthside.events import Json
from hearthside.sources.exact_json import exact_object

MAX_PART_BYTES = 16 * 1024 * 1024  # one element
KEPT_BYTES = 4096  # of an element that is too long
_PATIENT_BYTES = 64 * 1024  # an element shorter than this is looked at again from its beginning when more has come
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_GAP = re.compile(rb"[\s,]*")
_SPACE = re.compile(rb"\s*")
_TEXT = re.compile(rb'[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*', re.DOTALL)
_MARK = re.compile(rb'["{}\[\]]')
_AFTER_SCALAR = re.compile(rb"[\s,\]}]")
_QUOTE, _BACKSLASH = b'"'[0], b"\\"[0]


@dataclass(slots=True)
class Part:
    """One element of a list in the document, or one plain value beside the lists.

    Attributes:
        section: the name of the list in the document's object; None where the document itself is the list.
        number: ordinal in the document, from 1, over all lists.
        offset: where it begins, unpacked bytes from the start of the document.
        value: the object, or None when it could not be kept; then `problem` says why.
        raw: its bytes; of a part that is too long only the beginning.
    """

    section: str | None
    number: int
    offset: int
    value: dict[str, Json] | None
    raw: bytes
    problem: str = ""


class PartsBroken(ValueError):
    """The document is not what its beginning promised; `raw` and `offset` say where reading ended."""

    def __init__(self, reason: str, raw: bytes, offset: int) -> None:
        super().__init__(reason)
        self.raw, self.offset = raw[:KEPT_BYTES], offset


class Parts:
    """The elements of all lists at the top of a document: ``[{…}, …]`` or ``{"name": [{…}, …], …}``.

    Args:
        chunks: the document's bytes, from `offset` on.
        offset: where an element begins at which reading goes on; 0: from the beginning.
        section: when reading goes on: the list in which it does, as in `Part`.
        number: ordinal of the first element that comes.
    """

    def __init__(self, chunks: Iterator[bytes], offset: int = 0, section: str | None = None, number: int = 1) -> None:
        self._chunks = chunks
        self._data = b""
        self._at = 0
        self._before = offset  # bytes of the document before `_data`
        self._section = section
        self._number = number

    def __iter__(self) -> Iterator[Part]:
        """The parts in order.

        Raises:
            PartsBroken: what follows is not JSON of this shape; what came before was yielded.
        """
        going_on = self._before > 0
        if not going_on:
            self._byte_order_mark()
            is_list = self._expect(b"[{") == b"["
        else:
            is_list = self._section is None
        if is_list or going_on:
            yield from self._elements(self._section)
            if is_list:
                self._end()
                return
            self._comma_or_end()
        while (name := self._name()) is not None:
            if self._peek() == b"["[0]:
                self._at += 1
                yield from self._elements(name)
            else:
                self._skip()
            self._comma_or_end()
        self._end()

    def _byte_order_mark(self) -> None:
        self._peek()
        while len(self._data) - self._at < len(_BYTE_ORDER_MARK) and self._more():
            pass
        if self._data.startswith(_BYTE_ORDER_MARK, self._at):
            self._at += len(_BYTE_ORDER_MARK)

    # -- elements of one list ----------------------------------------------------------------------------------------

    def _elements(self, section: str | None) -> Iterator[Part]:
        while True:
            self._at = _GAP.match(self._data, self._at).end()  # type: ignore[union-attr]
            if self._at == len(self._data):
                if not self._more():
                    raise self._broken("the document ends inside a list")
                continue
            if self._data[self._at] == b"]"[0]:
                self._at += 1
                return
            yield self._element(section)
            self._number += 1

    def _element(self, section: str | None) -> Part:
        start, offset = self._at, self._before + self._at
        end = _guessed_end(self._data, start)
        while not end and len(self._data) - start < _PATIENT_BYTES and self._more():
            start = self._at
            end = _guessed_end(self._data, start)
        if end:
            raw = self._data[start:end]
            try:
                value = exact_object(raw, "record")
            except ValueError:
                pass  # braces in a text, or something is wrong with it: the slow way knows
            else:
                self._at = end
                return Part(section, self._number, offset, value, raw)
        raw, length = self._skip()
        if length > MAX_PART_BYTES:
            reason = f"this record has {length} bytes, more than the {MAX_PART_BYTES} a record may have"
            return Part(section, self._number, offset, None, raw, reason)
        try:
            return Part(section, self._number, offset, exact_object(raw, "record"), raw)
        except ValueError as error:
            return Part(section, self._number, offset, None, raw, str(error))

    # -- values of any kind ------------------------------------------------------------------------------------------

    def _skip(self) -> tuple[bytes, int]:
        """Step over one value; its bytes (4 KiB of one that is too long) and its length.

        Raises:
            PartsBroken: the document ends first.
        """
        kept, length, state = bytearray(), 0, _State()
        while True:
            if self._at == len(self._data) and not self._more():
                raise self._broken("the document ends inside a record", bytes(kept))
            if not length and self._data[self._at] in b"}:":
                raise self._broken("a record was expected here")
            start, self._at = self._at, state.step(self._data, self._at)
            length += self._at - start
            if length <= MAX_PART_BYTES:
                kept += self._data[start : self._at]
            else:
                del kept[KEPT_BYTES:]
            if state.done:
                return bytes(kept), length
            if self._at < len(self._data) and not self._more():
                raise self._broken("the document ends inside a record", bytes(kept))

    def _name(self) -> str | None:
        """The next name in the document's object and its colon, or None at the object's end."""
        if self._peek() == b"}"[0]:
            self._at += 1
            return None
        if self._peek() != b'"'[0]:
            raise self._broken("a name was expected here")
        raw, _ = self._skip()
        self._expect(b":")
        try:
            return str(orjson.loads(raw))
        except orjson.JSONDecodeError as error:
            raise self._broken("a name was expected here") from error

    def _comma_or_end(self) -> None:
        if self._peek() == b","[0]:
            self._at += 1
        elif self._peek() != b"}"[0]:
            raise self._broken("a comma or the end was expected here")

    def _expect(self, allowed: bytes) -> bytes:
        found = self._peek()
        if found < 0 or found not in allowed:
            raise self._broken("the document does not go on as JSON does")
        self._at += 1
        return bytes([found])

    def _end(self) -> None:
        if self._peek() >= 0:
            raise self._broken("something follows after the end of the document")

    def _peek(self) -> int:
        """The next byte that is no space, or -1 at the end."""
        while True:
            self._at = _SPACE.match(self._data, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._data):
                return self._data[self._at]
            if not self._more():
                return -1

    def _more(self) -> bool:
        """Drop what is used up and take the next chunk; False when there is none."""
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self._before += self._at
        self._data = self._data[self._at :] + chunk
        self._at = 0
        return True

    def _broken(self, reason: str, raw: bytes = b"") -> PartsBroken:
        return PartsBroken(reason, raw or self._data[self._at : self._at + KEPT_BYTES], self._before + self._at)


def _guessed_end(data: bytes, start: int) -> int:
    """Where the braces that open at `start` are balanced, texts or not; 0 when that is not in `data`."""
    end = data.find(b"}", start) + 1
    if not end or data[start] != b"{"[0]:
        return 0
    depth = data.count(b"{", start, end) - 1
    while depth > 0:
        further = data.find(b"}", end) + 1
        if not further:
            return 0
        depth += data.count(b"{", end, further) - 1
        end = further
    return end


@dataclass(slots=True)
class _State:
    """How far into one value a scan is: brackets that are open, whether it is in a text, whether it is through."""

    depth: int = 0
    in_text: bool = False
    in_scalar: bool = False
    done: bool = False

    def step(self, data: bytes, at: int) -> int:
        """Go on from `at`; where it stopped: after the value, or where more data is needed to judge."""
        while at < len(data) and not self.done:
            if self.in_text:
                at = _TEXT.match(data, at).end()  # type: ignore[union-attr]
                if at == len(data) or (data[at] == _BACKSLASH and at + 1 == len(data)):
                    return at
                at += data[at] == _QUOTE  # a control character ends a broken text
                self.in_text, self.done = False, self.depth == 0
            elif self.in_scalar:
                found = _AFTER_SCALAR.search(data, at)
                at, self.done = (len(data), False) if found is None else (found.start(), True)
            elif self.depth == 0 and data[at] not in b'"{[':
                self.in_scalar = True
            else:
                found = _MARK.search(data, at)
                at = len(data) if found is None else found.end()
                if found is not None:
                    self._mark(found.group())
        return at

    def _mark(self, mark: bytes) -> None:
        if mark == b'"':
            self.in_text = True
            return
        self.depth += 1 if mark in b"{[" else -1
        self.done = self.depth == 0
