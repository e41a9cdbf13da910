"""A speech server on this machine that speaks OpenAI's API: whisper.cpp, speaches, vLLM, LocalAI or another.

None of them was run with this; what they answer is known from their sources and trackers (whisper.cpp 1781, vLLM 24209
and 31059, LocalAI 5327, speaches 86), and told apart by its form. whisper.cpp's server needs
``--inference-path /v1/audio/transcriptions``, and ``--convert`` for files other than WAV.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import orjson

from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import Json
from hearthside.inference.backends.server_address import ServerAddress
from hearthside.inference.side_models import Run, SideConfig, Task

if TYPE_CHECKING:
    import httpx

TASK: Task = "transcribe"
RANK = 20
NEED = 256 * 2**20
LONGEST = 64 * 2**20
LANGUAGES = ""
ABOUT = "the speech server that is named in the settings"
CONNECTS = True

_CONNECT_S, _SILENCE_S = 5.0, 270.0
_LONGEST_ANSWER = 8 * 2**20  # bytes
_USUAL_MODEL = "whisper-1"  # what servers with one model take any name for
_NANOSECONDS_FROM = 1e6  # LocalAI counts in nanoseconds; no recording lasts so many seconds
_CODES = dict(
    pair.split(":")
    for pair in "english:en chinese:zh german:de spanish:es russian:ru korean:ko french:fr japanese:ja portuguese:pt "
    "turkish:tr polish:pl catalan:ca dutch:nl arabic:ar swedish:sv italian:it indonesian:id hindi:hi finnish:fi "
    "vietnamese:vi hebrew:he ukrainian:uk greek:el malay:ms czech:cs romanian:ro danish:da hungarian:hu tamil:ta "
    "norwegian:no thai:th urdu:ur croatian:hr bulgarian:bg lithuanian:lt latin:la slovak:sk persian:fa latvian:lv "
    "serbian:sr slovenian:sl estonian:et icelandic:is basque:eu galician:gl".split()
)

_Answer: TypeAlias = tuple[int, bytes]


def is_here(config: SideConfig) -> bool:
    """See SideModel."""
    return bool(config.speech_url)


def load(config: SideConfig) -> Run:
    """See SideModel. Nothing is sent yet; what a request needs of the disk is read now, for later it cannot be."""
    import encodings.idna  # noqa: F401 - what connections are opened with imports it at the first one
    import mimetypes

    import httpx  # here, for it takes long, and a node that only looks what it has must be back soon

    mimetypes.init()

    address = ServerAddress(config.speech_url, config.speech_model, config.speech_key)
    try:
        url = httpx.URL(f"{address.root()}/v1/audio/transcriptions")
    except (ConfigError, Refused) as error:
        raise NeedsPerson(
            "side-model-broken",
            f"The speech server that is named in the settings cannot be used; nothing was sent there. {error.message}",
        ) from error
    client = httpx.Client(
        trust_env=False,
        follow_redirects=False,
        headers={
            "Host": url.netloc.decode(),
            "Accept-Encoding": "identity",  # what is packed could grow without end before it is counted
            **({"Authorization": f"Bearer {config.speech_key}"} if config.speech_key else {}),
        },
        timeout=httpx.Timeout(_SILENCE_S, connect=_CONNECT_S),
        limits=httpx.Limits(max_keepalive_connections=0),
    )
    model = config.speech_model or _USUAL_MODEL
    places = [url.copy_with(host=place) for place in _places(url.host)]

    def run(raw: bytes) -> dict[str, Json]:
        if not raw:
            raise _wrong()
        fields = {"model": model, "response_format": "verbose_json", "timestamp_granularities[]": "segment"}
        try:
            status, body = _asked(client, places, url.host, fields, raw)
        except httpx.ConnectError as error:
            raise address.absent() from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise _failed() from error
        if status != 200:
            raise _problem(status, address.place)
        return _transcript(config.speech_model or f"speech server at {address.place}", body)

    return run


def _places(host: str) -> list[str]:
    """The addresses that a name of this machine has; looked up once, for that takes files."""
    try:
        return list(dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))
    except OSError:
        return [host]


def _asked(client: httpx.Client, places: list[httpx.URL], name: str, fields: dict[str, str], raw: bytes) -> _Answer:
    """Status and body, of the first of the places where somebody listens; raises httpx's errors."""
    import httpx

    files, extensions = {"file": (_file_name(raw), raw)}, {"sni_hostname": name}
    for place in places:
        try:
            with client.stream("POST", place, data=fields, files=files, extensions=extensions) as response:
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise _failed()
                return response.status_code, _bounded(response.iter_raw())
        except httpx.ConnectError:
            if place is places[-1]:
                raise
    raise _failed()


def _file_name(raw: bytes) -> str:
    """Servers look at the end of the name, so it is told from the first bytes of the file."""
    ends = {b"RIFF": "wav", b"fLaC": "flac", b"OggS": "ogg", b"\x1aE\xdf\xa3": "webm"}
    return "recording." + ends.get(raw[:4], "m4a" if raw[4:8] == b"ftyp" else "mp3")


def _bounded(chunks: Iterator[bytes]) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > _LONGEST_ANSWER:
            raise _failed()
    return bytes(body)


def _problem(status: int, place: str) -> HearthsideError:
    if 300 <= status < 400:
        return Refused(
            "backend-redirects",
            f"The speech server at {place} points to another address; Hearthside never follows. Enter the final "
            "address in the settings.",
        )
    if status in (401, 403, 404, 405):
        return NeedsPerson(
            "speech-server-not-ready",
            f"The speech server at {place} answers with status {status}; nothing was transcribed. Look at its address, "
            "its key and its model in the settings.",
        )
    if status == 413:
        return Refused(
            "recording-too-long",
            f"The speech server at {place} takes no recording as long as this, and nothing of it was heard. Cut it "
            "into shorter pieces.",
        )
    return _wrong() if 400 <= status < 500 and status not in (408, 429) else _failed()


def _wrong() -> Refused:
    return Refused(
        "recording-wrong",
        "This file is no recording that the speech server can read; nothing was kept of it. Send it as WAV, FLAC, OGG "
        "or MP3.",
    )


def _failed() -> RetryLater:
    return RetryLater(
        "side-model-failed",
        "The speech server did not answer as it should; nothing was lost. Ask again, or look at the server.",
    )


def _transcript(model: str, raw: bytes) -> dict[str, Json]:
    try:
        body = orjson.loads(raw)
        segments = [_segment(one) for one in body.get("segments") or () if str(one["text"]).strip()]
        last_ms = max((one["end_ms"] for one in segments), default=0)
        duration_ms = max(last_ms, _ms(body.get("duration") or 0))
        text = str(body.get("text") or "").strip()
        if text and not segments:  # a server that knows no segments
            segments = [{"start_ms": 0, "end_ms": duration_ms, "text": text, "confidence": None}]
        language = str(body.get("language") or "").lower()
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise _failed() from error
    code = language if len(language) == 2 else _CODES.get(language, "")
    return {"model": model, "language": code, "duration_ms": duration_ms, "segments": segments}


def _segment(one: dict[str, Json]) -> dict[str, Json]:
    start_ms = _ms(one["start"])
    return {
        "start_ms": start_ms,
        "end_ms": max(start_ms, _ms(one["end"])),
        "text": one["text"].strip(),
        "confidence": _confidence(one),
    }


def _ms(told: Json) -> int:
    """Milliseconds of what is seconds, as a number or a text, or nanoseconds."""
    value = float(told)
    return max(0, round(value / 1e6 if value >= _NANOSECONDS_FROM else value * 1000))


def _confidence(one: dict[str, Json]) -> float | None:
    """The geometric mean of the probabilities of its tokens; vLLM once wrote -1 for what it did not know."""
    told = one.get("avg_logprob")
    if not isinstance(told, int | float) or told > 0 or one.get("compression_ratio") == -1.0:
        return None
    return round(math.exp(told), 4)
