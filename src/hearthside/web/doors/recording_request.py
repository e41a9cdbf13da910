"""What a transcription request asks for: one recording in a multipart form, read in pieces and no further than fits.

Nothing of it touches a disk: the recording is in memory until it is answered, and what the form holds besides is
dropped as it comes in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from hearthside.web.doors.chat_request import BadRequest

MAX_BODY = 32 * 1024 * 1024  # bytes: an hour as MP3 of 64 kbit/s, a quarter of an hour as WAV of 16 kHz
UPLOAD_S = 60.0  # from this machine; who sends more slowly keeps others waiting
_MOST_DROPPED = 8 * MAX_BODY  # of a request that is refused: read and dropped, so that its sender reads the refusal
_MOST_PARTS = 64
_LONGEST_FIELD = 1024  # bytes
_FORMATS = ("json", "text", "verbose_json")
_FILE = "file"
_KEPT = frozenset({
    "model", "response_format", "language", "stream", "timestamp_granularities", "timestamp_granularities[]",
    "include", "include[]",
})  # fmt: skip
_TWO_LETTERS = {
    "ara": "ar", "ces": "cs", "chi": "zh", "cze": "cs", "dan": "da", "deu": "de", "dut": "nl", "ell": "el",
    "eng": "en", "fin": "fi", "fra": "fr", "fre": "fr", "ger": "de", "gre": "el", "heb": "he", "hin": "hi",
    "hun": "hu", "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "nor": "no", "pol": "pl",
    "por": "pt", "ron": "ro", "rum": "ro", "rus": "ru", "spa": "es", "swe": "sv", "tha": "th", "tur": "tr",
    "ukr": "uk", "vie": "vi", "zho": "zh",
}  # fmt: skip
"""ISO 639-2 in the letters of ISO 639-1, for the languages that are asked for most."""

_NO_LANGUAGE = frozenset({"mis", "mul", "und", "zxx"})  # ISO 639-2: uncoded, several, unknown, none
_NO = frozenset({"", "false", "0", "no", "off"})

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # its messages quote what was sent


@dataclass(frozen=True, slots=True)
class RecordingRequest:
    """A transcription request, as far as it matters here.

    Attributes:
        form: ``json``, ``text`` or ``verbose_json``.
        language: what the client says is spoken, in small letters: ISO 639-1, of a language that is rarely asked for
            ISO 639-2; "" where it says nothing.
    """

    file: bytes
    model: str
    form: str
    language: str


async def read_recording_request(request: Request) -> RecordingRequest:
    """The request in a form.

    Raises:
        BadRequest: it is none, it is larger than MAX_BODY or takes too long to come, or it asks for what Hearthside
            does not do.
    """
    form = _Form(_boundary(request.headers.get("content-type", "")))
    try:
        async with asyncio.timeout(UPLOAD_S):
            await form.read(request.stream())
    except TimeoutError as error:
        words = f"The recording was not here within {UPLOAD_S:.0f} seconds; nothing was kept."
        raise BadRequest(words, code="upload-slow", status=408) from error
    return form.asked()


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:  # RFC 2046 section 5.1.1
        raise BadRequest("Send a form (multipart/form-data) with the recording as “file”.", _FILE)
    return boundary


class _Form:
    """A multipart form as it comes in (RFC 7578)."""

    def __init__(self, boundary: bytes) -> None:
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin, "on_header_field": self._header_name, "on_header_value": self._header,
                "on_header_end": self._header_end, "on_headers_finished": self._named, "on_part_data": self._data,
                "on_end": self._end,
            },
        )  # fmt: skip
        self._fields: dict[str, list[bytearray]] = {}
        self._parts, self._ended = 0, False
        self._name, self._value, self._disposition = bytearray(), bytearray(), ""
        self._into: bytearray | None = None  # the field whose bytes come now; None for one that is dropped
        self._limit = 0

    async def read(self, stream: AsyncIterator[bytes]) -> None:
        """Take it in.

        Raises:
            BadRequest: it is no form, or too large.
        """
        size, wrong = 0, None
        async for chunk in stream:
            size += len(chunk)
            if size > _MOST_DROPPED:
                break
            if wrong is None:
                try:
                    self._take(chunk, size)
                except BadRequest as error:
                    wrong = error
                    self._fields.clear()
        if wrong is not None:
            raise wrong
        if not self._ended:
            raise BadRequest("The form breaks off before its end; nothing was kept.", _FILE)

    def _take(self, chunk: bytes, size: int) -> None:
        if size > MAX_BODY:
            words = f"The request is larger than {MAX_BODY >> 20} MiB; nothing was kept. Send a shorter recording."
            raise BadRequest(words, _FILE, "recording-too-long", 413)
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise BadRequest("This is no form that can be read; nothing was kept.", _FILE) from error

    def _begin(self) -> None:
        self._parts += 1
        self._into, self._disposition = None, ""
        if self._parts > _MOST_PARTS:
            raise BadRequest(f"A form has at most {_MOST_PARTS} parts; nothing was kept.")

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value.decode("latin-1")
        self._name, self._value = bytearray(), bytearray()

    def _named(self) -> None:
        name = parse_options_header(self._disposition)[1].get(b"name", b"").decode("latin-1")
        if name == _FILE or name in _KEPT:
            self._limit = MAX_BODY if name == _FILE else _LONGEST_FIELD
            self._into = bytearray()
            self._fields.setdefault(name, []).append(self._into)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._into is None:
            return
        self._into += data[start:end]
        if len(self._into) > self._limit:
            raise BadRequest(f"A field of the form has at most {_LONGEST_FIELD:,} characters; nothing was kept.")

    def _end(self) -> None:
        self._ended = True

    # -- what it asks for --------------------------------------------------------------------------------------------

    def asked(self) -> RecordingRequest:
        """What the form asks for, checked.

        Raises:
            BadRequest: something is missing, or is not done here.
        """
        files = self._fields.get(_FILE, [])
        if len(files) != 1 or not files[0]:
            raise BadRequest("Send one recording as “file”.", _FILE, "missing_required_parameter")
        model, form = self._text("model"), self._text("response_format") or _FORMATS[0]
        if not model:
            raise BadRequest("Name a model: hearthside, or whisper-1.", "model", "missing_required_parameter")
        if form not in _FORMATS:
            raise BadRequest(f"Forms of answer are {', '.join(_FORMATS)}.", "response_format", "unsupported_value")
        self._check_meaning()
        return RecordingRequest(bytes(files[0]), model, form, self._language())

    def _check_meaning(self) -> None:
        """Refuse what would make the answer something else than was asked for. What only tunes a model (temperature,
        prompt, keywords, how it cuts the recording) is ignored: the model of the house takes none of it."""
        refusals = (
            ("stream", self._text("stream").lower() not in _NO,
             "The text comes when the whole recording was heard; ask without stream."),
            ("timestamp_granularities", "word" in self._all("timestamp_granularities"),
             "Times are known of stretches of speech, not of words; ask for “segment”."),
            ("include", bool(self._all("include")), "There are no token probabilities; ask without include."),
        )  # fmt: skip
        for param, wrong, message in refusals:
            if wrong:
                raise BadRequest(message, param, "unsupported_value")

    def _language(self) -> str:
        """Its first part, in two letters where we know them: en for en-GB and for eng."""
        language = self._text("language").lower().replace("_", "-").partition("-")[0]
        if language and not (language.isascii() and language.isalpha() and len(language) in (2, 3)):
            raise BadRequest("A language is named in two letters (ISO 639-1), e.g. en.", "language")
        return "" if language in _NO_LANGUAGE else _TWO_LETTERS.get(language, language)

    def _text(self, name: str) -> str:
        return (self._all(name) or [""])[-1]

    def _all(self, name: str) -> list[str]:
        values = [*self._fields.get(name, []), *self._fields.get(f"{name}[]", [])]
        return [value.decode("utf-8", "replace").strip() for value in values]
