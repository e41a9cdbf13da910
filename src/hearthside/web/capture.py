"""The door for live sources: ``POST /api/events``, answered only when the journal has what was sent.

A raw ASGI application, because it is on the hot path. Requests share a group commit of the journal without holding a
thread: `submit` hands records over and calls back from the writer's thread when they are on disk. (Measured with 64
connections against `asyncio.to_thread` and a thread pool around a blocking append: half the processor time an event.)

A client that hears no 200 sends the same event again. An event's identity is its whole content, the defaults and `key`
included, and no default depends on when it arrives, so it is kept exactly once; `key` tells apart two events that are
otherwise the same. A device may have its clock compared on the way: see `capture_clock` and docs/formats.md.

    curl -H "Authorization: Bearer hs_..." --data '{"source": "phone", "kind": "app_use", "layer": "behavioural",
        "start_ms": 1790000000000, "end_ms": 1790000060000, "payload": {"app": "Maps"}}' localhost:8674/api/events
    {"records": [{"id": "81c7...", "new": true}]}
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from hearthside.alignment.kinds import SYSTEM_KINDS
from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import Event, Json, Record, Rejected
from hearthside.identity.tokens import CAPTURE, Token, TokenBook
from hearthside.intake.perceive import perceivable_kinds, perceive_new
from hearthside.intake.plausible import implausible
from hearthside.logs import logger
from hearthside.perception import perceiver_names
from hearthside.sources.reading import RAW_KEPT_BYTES
from hearthside.web.capture_clock import ClockDesk, Stamped, clock_source, paused
from hearthside.web.capture_records import Malformed, read_record

PATH = "/api/events"
MAX_EVENTS = 1000  # in one request
MAX_BYTES = 1024 * 1024  # of one request
MAX_HELD_BYTES = 64 * MAX_BYTES  # of all requests under way together; a disk that hangs must not fill the memory
LARGE_BYTES = 64 * 1024  # reading more than this would keep the pages waiting, so it is done in a thread
RETRY_S = 1
RETRY_PERSON_S = 60  # the disk is full, say: somebody has to come
RESERVED_KINDS = SYSTEM_KINDS | {"question", "forgotten"}

Outcome: TypeAlias = list[bool] | Exception
"""For each record whether it was new, or why nothing of the call was kept."""

_BEARER = re.compile(rb"bearer +(\S+) *", re.IGNORECASE)
_log = logger("capture")


class CaptureHouse(Protocol):
    """What capture needs of a vault. Nothing here may block, but for `quarantine`, which is called in a thread."""

    def tokens(self) -> TokenBook:
        """The tokens in force now."""
        ...

    def now_ms(self) -> int:
        """The present of the life in the vault, UTC milliseconds; what lies in the future is judged by it."""
        ...

    def paused(self) -> Collection[str]:
        """Names of the sources from which nothing may be taken now."""
        ...

    def submit(self, records: Sequence[Record], done: Callable[[Outcome], None]) -> None:
        """Hand records to the journal; `done` is called once, in any thread, when they are on disk or refused.

        The outcome has the meaning and the errors of `Journal.append`.
        """
        ...

    def quarantine(self, rejected: Sequence[Rejected]) -> list[Event]:
        """The events to journal for what was rejected, less those that the journal has already."""
        ...

    def release(self, events: Sequence[Event]) -> None:
        """Take back what `quarantine` gave, because it could not be journalled."""
        ...

    def clock_claims(self) -> list[Event]:
        """The ``clock_claim`` events in the journal: which token stamps which device's clocks. Asked once."""
        ...


def capture_app(house: CaptureHouse, reserved_sources: Collection[str]) -> ASGIApp:
    """The ASGI application that answers ``POST /api/events``, to be reached through the guard.

    It answers 200 with ``{"records": [...]}``, one entry for each event in the order sent: ``{"id", "new"}``, or
    ``{"rejected": reason, "code"}`` with code ``malformed``, ``reserved``, ``implausible`` or ``paused``. A rejected
    event is kept in quarantine, but not that of a paused source: nothing of it is kept, and the client may send it
    again later. A request ``{"events": [...], "clock": {...}}`` is answered with ``clock`` besides.

    All else is an answer for the whole request, of which nothing is acknowledged: 400 (not JSON), 401, 403, 404, 405,
    413, 422, 429 and 503 (the last two with Retry-After), with ``{"error": {"code", "message"}}``.

    Args:
        reserved_sources: names under which the house itself writes; no client may.
    """
    reserved = frozenset(reserved_sources) | frozenset(perceiver_names())
    return _Capture(house, reserved)


class _Turned(Exception):
    """The answer to a request of which nothing is taken."""

    def __init__(self, status: int, code: str, message: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, message, headers


@dataclass(frozen=True, slots=True)
class _Taken:
    """An event that may be kept, and its identity."""

    record: Record
    id: bytes


@dataclass(frozen=True, slots=True)
class _Wrong:
    """An event that is not taken: a code for the client's program, and one plain sentence."""

    code: str
    reason: str
    rejected: Rejected | None  # None: nothing of it may be kept


_Verdict: TypeAlias = _Taken | _Wrong
_NO_STAMPS = object()


class _Capture:
    """See `capture_app`."""

    def __init__(self, house: CaptureHouse, reserved: frozenset[str]) -> None:
        self._house = house
        self._reserved = reserved
        self._perceivable = perceivable_kinds()
        self._held = 0  # bytes of the requests under way
        self._aside = asyncio.Lock()  # quarantine is asked for one request at a time
        self._clocks = ClockDesk(lambda: house.clock_claims())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError("capture speaks HTTP only")
        arrived_ms = self._house.now_ms()
        try:
            token = self._admit(scope)
            content = await self._take(token, scope, receive, arrived_ms)
        except _Turned as turned:
            error = {"error": {"code": turned.code, "message": turned.message}}
            await _answer(send, turned.status, error, turned.headers)
        else:
            await _answer(send, 200, content)

    # -- who and what may come in ------------------------------------------------------------------------------------

    def _admit(self, scope: Scope) -> Token:
        """The token of a request that may write events."""
        if scope["path"] != PATH:
            raise _Turned(404, "not-found", "There is nothing here.")
        if scope["method"] != "POST":
            raise _Turned(405, "bad-request", "Events are sent with POST.", (b"allow", b"POST"))
        text = _bearer(scope)
        book = self._house.tokens()
        try:
            return book.check(text, CAPTURE)
        except RetryLater as error:
            wait_s = max(-(-book.locked_ms(text) // 1000), 1)
            raise _Turned(429, error.code, error.message, _retry_after(wait_s)) from None
        except Refused as error:
            if error.code == "token-scope":
                raise _Turned(403, error.code, "This token may not write events.") from None
        # Missing, unknown and revoked look the same from outside.
        message = "Events need a token that is known here: Authorization: Bearer hs_..."
        raise _Turned(401, "token-unknown", message, (b"www-authenticate", b"Bearer"))

    async def _take(self, token: Token, scope: Scope, receive: Receive, arrived_ms: int) -> dict[str, Json]:
        """Read a request and keep what it holds; what to answer."""
        _check_declared_size(scope)
        chunks: list[bytes] = []
        try:
            await self._read(receive, chunks)
            raw = b"".join(chunks)
            large = len(raw) > LARGE_BYTES
            verdicts, stamps = await asyncio.to_thread(self._judge, raw, token) if large else self._judge(raw, token)
            if stamps is _NO_STAMPS:
                return {"records": await self._keep(verdicts, token)}
            stamped = self._stamped(stamps, verdicts, token, arrived_ms)
            entries = await self._keep(verdicts, token, stamped.events)
            self._clocks.kept(stamped)
            return {"records": entries, "clock": stamped.answered(self._house.now_ms())}
        except HearthsideError as error:
            _log.warning("events were not kept (%s)", error.code)
            if isinstance(error, Refused):
                raise _Turned(422, error.code, error.message) from None
            wait_s = RETRY_PERSON_S if isinstance(error, NeedsPerson) else RETRY_S
            raise _Turned(503, error.code, error.message, _retry_after(wait_s)) from None
        finally:
            self._held -= sum(map(len, chunks))

    async def _read(self, receive: Receive, chunks: list[bytes]) -> None:
        """Read the body of a request into `chunks`, and count what is held."""
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Turned(400, "bad-request", "The request broke off; nothing of it was kept.")
            chunk: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            chunks.append(chunk)
            size += len(chunk)
            self._held += len(chunk)
            if size > MAX_BYTES:
                raise _too_large()
            if self._held > MAX_HELD_BYTES:
                busy = "Too much is waiting for the disk; nothing of this was kept. Try again."
                raise _Turned(503, "capture-busy", busy, _retry_after(RETRY_S))

    def _judge(self, raw: bytes, token: Token) -> tuple[list[_Verdict], Json]:
        """Each event of a request as a record, or why it is none; and its clock stamps, or `_NO_STAMPS`."""
        now_ms, silent = self._house.now_ms(), self._house.paused()
        verdicts: list[_Verdict] = []
        values, stamps = _values(raw)
        for value in values:
            source = value.get("source") if isinstance(value, dict) else None
            if isinstance(source, str) and source in silent:
                reason = "its source is paused; nothing of it was kept, and it may be sent again later"
                verdicts.append(_Wrong("paused", reason, None))
                continue
            verdict = self._judge_one(value, now_ms)
            if isinstance(verdict, tuple):
                code, reason = verdict
                rejected = Rejected("intake", reason, _raw(value, raw), f"sent by {token.name}")
                verdicts.append(_Wrong(code, reason, rejected))
            else:
                verdicts.append(verdict)
        return verdicts, stamps

    def _judge_one(self, value: Json, now_ms: int) -> _Taken | tuple[str, str]:
        """An event, or code and reason why it is not taken."""
        try:
            record = read_record(value)
            identity = record.id
        except Malformed as error:
            return "malformed", str(error)
        except TypeError:  # of the canonical JSON
            return "malformed", "it is nested too deeply to be written down"
        if record.source in self._reserved or record.kind in RESERVED_KINDS or record.clock == "station":
            return "reserved", "its source, kind or clock is one that only the house itself writes"
        reason = implausible(record, now_ms)
        return ("implausible", reason) if reason else _Taken(record, identity)

    def _stamped(self, stamps: Json, verdicts: Sequence[_Verdict], token: Token, arrived_ms: int) -> Stamped:
        """What the clock stamps of a request come to; of a paused device not even when it was there is kept."""
        all_paused = verdicts and all(isinstance(one, _Wrong) and one.code == "paused" for one in verdicts)
        if all_paused or clock_source(stamps) in self._house.paused():
            return paused()
        return self._clocks.take(stamps, token.name, lambda: _names_in_force(self._house.tokens()), arrived_ms)

    # -- keeping -----------------------------------------------------------------------------------------------------

    async def _keep(
        self, verdicts: Sequence[_Verdict], token: Token, own: Sequence[Event] = ()
    ) -> list[dict[str, Json]]:
        """Journal what was taken, what was rejected and what the house itself has to say (`own`).

        A record the journal refuses costs the others nothing.
        """
        try:
            return await self._keep_together(verdicts, own)
        except Refused as error:
            if len(verdicts) > 1:
                entries = [entry for verdict in verdicts for entry in await self._keep([verdict], token)]
                await self._submitted(own)
                return entries
            only = verdicts[0] if verdicts else None
            if only is None or isinstance(only, _Wrong):
                raise
            reason = f"the journal cannot keep it ({error.code})"
            rejected = Rejected("intake", reason, _raw(only.record.body(), b""), f"sent by {token.name}")
            return await self._keep_together([_Wrong("malformed", reason, rejected)], own)

    async def _keep_together(self, verdicts: Sequence[_Verdict], own: Sequence[Event]) -> list[dict[str, Json]]:
        records = [verdict.record for verdict in verdicts if isinstance(verdict, _Taken)]
        refused = [verdict.rejected for verdict in verdicts if isinstance(verdict, _Wrong) and verdict.rejected]
        # In the same transaction: a power cut never leaves an event whose perception was forgotten.
        perceived, failed = await self._perceive(records)
        aside = await self._set_aside([*refused, *failed])
        try:
            new = await self._submitted([*records, *perceived, *aside, *own])
        except HearthsideError:
            self._house.release(aside)
            raise
        flags = iter(new)
        return [
            {"id": verdict.id.hex(), "new": next(flags)}
            if isinstance(verdict, _Taken)
            else {"rejected": verdict.reason, "code": verdict.code}
            for verdict in verdicts
        ]

    async def _perceive(self, records: Sequence[Record]) -> tuple[list[Event], list[Rejected]]:
        """What perceivers see in these events; the same event always gives the same, so a retry adds nothing."""
        events = [record for record in records if isinstance(record, Event) and record.kind in self._perceivable]
        if not events:
            return [], []
        seen = await asyncio.to_thread(list, perceive_new(events))
        return [item for item in seen if isinstance(item, Event)], [item for item in seen if isinstance(item, Rejected)]

    async def _set_aside(self, rejected: Sequence[Rejected]) -> list[Event]:
        if not rejected:
            return []
        async with self._aside:
            return await asyncio.to_thread(self._house.quarantine, rejected)

    async def _submitted(self, records: Sequence[Record]) -> list[bool]:
        """Which records are new, when they are on disk."""
        if not records:
            return []
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()

        def done(outcome: Outcome) -> None:
            # Without a loop the station is going down: the client hears nothing, and sends again.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, future, outcome)

        self._house.submit(records, done)
        outcome = await future
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def _names_in_force(book: TokenBook) -> set[str]:
    """The names of the tokens by which clients can write now."""
    return {token.name for token in book.tokens() if token.revoked_ms is None and CAPTURE in token.scopes}


def _settle(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():  # the client may have gone
        future.set_result(outcome)


# -- the wire ----------------------------------------------------------------------------------------------------------


def _bearer(scope: Scope) -> str:
    """The token that a request shows, or "" when there is not exactly one."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    parts = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    return parts[1].decode("latin-1") if parts is not None else ""


def _check_declared_size(scope: Scope) -> None:
    """Turn away what says itself that it is too large, before it is read."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > MAX_BYTES:
            raise _too_large()


async def _answer(send: Send, status: int, content: Json, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    body = orjson.dumps(content)
    fixed = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})


def _retry_after(seconds: int) -> tuple[bytes, bytes]:
    return b"retry-after", b"%d" % seconds


def _too_large() -> _Turned:
    limit = f"at most {MAX_EVENTS} events and {MAX_BYTES // 1024} KiB"
    return _Turned(413, "bad-request", f"One request holds {limit}; nothing of this one was kept.")


def _values(raw: bytes) -> tuple[list[Json], Json]:
    """The events of a request, and its clock stamps or `_NO_STAMPS`.

    One object, an array, or one object a line (NDJSON); or an object with ``events`` and ``clock``.
    """
    stamps: Json = _NO_STAMPS
    try:
        value = orjson.loads(raw)
        if isinstance(value, list):
            values = value
        elif isinstance(value, dict) and "events" in value and "clock" in value:
            values, stamps = _with_stamps(value)
        else:
            values = [value]
    except orjson.JSONDecodeError:
        values = _lines(raw)
    if len(values) > MAX_EVENTS:
        raise _too_large()
    return values, stamps


def _with_stamps(value: dict[str, Json]) -> tuple[list[Json], Json]:
    if len(value) > 2 or not isinstance(value["events"], list):
        message = "A request with clock stamps has an array of events, clock and nothing else. Nothing was kept."
        raise _Turned(400, "bad-request", message)
    return value["events"], value["clock"]


def _lines(raw: bytes) -> list[Json]:
    lines = [line for line in raw.split(b"\n") if line.strip()]
    if len(lines) > MAX_EVENTS:
        raise _too_large()
    try:
        return [orjson.loads(line) for line in lines] if len(lines) > 1 else [orjson.loads(raw)]
    except orjson.JSONDecodeError:
        message = "The body must be JSON in UTF-8: an event, an array of events, or one event a line. Nothing was kept."
        raise _Turned(400, "bad-request", message) from None


def _raw(value: Json, request: bytes) -> bytes:
    """The beginning of a rejected event, or of its request where it is nested too deeply to be written down."""
    try:
        return orjson.dumps(value)[:RAW_KEPT_BYTES]
    except TypeError:
        return request[:RAW_KEPT_BYTES]
