"""Live capture: what is answered, what is kept, and that no 200 is ever said too early."""

from __future__ import annotations

import asyncio
import base64
import http.client
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message

from hearthside.app.rooms import SYSTEM_SOURCES
from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.events import DAY_MS, Event, Layer, Origin, Series, Trust
from hearthside.identity.tokens import ASK, FAILURES
from hearthside.web.capture import MAX_BYTES, MAX_EVENTS, PATH, RESERVED_KINDS, capture_app
from tests.web.capture_house import NOW, HeldHouse, VaultHouse, served

EVENT: dict[str, Any] = {
    "source": "phone", "kind": "app_use", "layer": "behavioural", "start_ms": NOW - 60_000, "end_ms": NOW,
    "payload": {"app": "Maps"},
}  # fmt: skip


class Answer:
    """What came back."""

    def __init__(self, messages: list[Message]) -> None:
        start, *rest = messages
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.raw = b"".join(message["body"] for message in rest)
        self.json = orjson.loads(self.raw)

    @property
    def records(self) -> list[dict[str, Any]]:
        found = self.json["records"]
        assert self.status == 200 and isinstance(found, list)
        return found

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


class Client:
    """Sends requests to the application as a server would."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self.token = app, token

    async def send(
        self, body: object, *, token: str | None = None, method: str = "POST", path: str = PATH,
        pieces: int = 1, headers: list[tuple[bytes, bytes]] | None = None,
    ) -> Answer:  # fmt: skip
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        if headers is None:
            headers = [(b"authorization", b"Bearer " + (self.token if token is None else token).encode())]
        cuts = [raw[len(raw) * at // pieces : len(raw) * (at + 1) // pieces] for at in range(pieces)]
        inbox: list[Message] = [{"type": "http.request", "body": cut, "more_body": True} for cut in cuts]
        inbox[-1]["more_body"] = False
        outbox: list[Message] = []

        async def receive() -> Message:
            return inbox.pop(0) if inbox else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            outbox.append(message)

        await self._app({"type": "http", "method": method, "path": path, "headers": headers}, receive, send)
        return Answer(outbox)

    def post(self, body: object, **options: Any) -> Answer:
        return asyncio.run(self.send(body, **options))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[HeldHouse]:
    opened = HeldHouse(tmp_path)
    yield opened
    opened.journal.close()


@pytest.fixture
def client(house: HeldHouse) -> Client:
    return Client(capture_app(house, SYSTEM_SOURCES), house.make_token())


def kept(house: VaultHouse) -> list[Event]:
    """The events in the journal, quarantine not counted."""
    return [
        item.record
        for item in house.journal.read()
        if isinstance(item.record, Event) and item.record.kind != "rejected"
    ]


def aside(house: VaultHouse) -> list[tuple[str, Any]]:
    """What is in quarantine: reason and the event as it was sent."""
    found = [item.record for item in house.journal.read(kinds=["rejected"]) if isinstance(item.record, Event)]
    return [(each.payload["reason"], orjson.loads(base64.b64decode(each.payload["raw"]))) for each in found]


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_an_event_is_kept_with_the_defaults_of_live_capture(house: HeldHouse, client: Client) -> None:
    expected = Event(
        "phone", "app_use", Layer.BEHAVIOURAL, NOW - 60_000, Origin.DEVICE, Trust.OWN, {"app": "Maps"},
        clock="device:phone", end_ms=NOW,
    )  # fmt: skip
    assert client.post(EVENT).records == [{"id": expected.id.hex(), "new": True}]
    assert kept(house) == [expected]


def test_every_field_of_an_event_arrives(house: HeldHouse, client: Client) -> None:
    event = Event(
        source="keyboard", kind="message", layer=Layer.TEXT, start_ms=NOW - 5, end_ms=NOW, origin=Origin.SELF,
        trust=Trust.KNOWN, payload={"conversation": "Ravi", "n": [1, 2.5, None, True, {"ä": "漢"}]}, clock="device:x",
        text="see you at six", offset_min=330, uncertainty_ms=7, key="k1",
    )  # fmt: skip
    assert client.post(event.body()).records == [{"id": event.id.hex(), "new": True}]
    assert kept(house) == [event]


def test_a_series_is_kept(house: HeldHouse, client: Client) -> None:
    series = {
        "source": "watch", "measure": "heart_rate", "layer": "behavioural", "start_ms": NOW - 600_000,
        "step_ms": 60_000, "values": [61, None, 63.5], "unit": "1/min",
    }  # fmt: skip
    (entry,) = client.post(series).records
    (stored,) = house.journal.read()
    assert isinstance(stored.record, Series) and entry == {"id": stored.record.id.hex(), "new": True}
    body = stored.record.body()
    assert {name: body[name] for name in series} == series and body["clock"] == "device:watch"


@pytest.mark.parametrize("form", ["array", "lines", "lines with an empty one"])
def test_many_events_come_in_one_request(house: HeldHouse, client: Client, form: str) -> None:
    events = [EVENT | {"payload": {"n": number}} for number in range(5)]
    lines = b"\n".join(map(orjson.dumps, events))
    raw = {"array": orjson.dumps(events), "lines": lines, "lines with an empty one": lines + b"\r\n\n"}[form]
    assert [entry["new"] for entry in client.post(raw, pieces=3).records] == [True] * 5
    assert sorted(event.payload["n"] for event in kept(house)) == [0, 1, 2, 3, 4]


def test_nothing_is_a_request_with_no_events(client: Client) -> None:
    assert client.post([]).records == []


def test_sent_again_it_is_kept_once(house: HeldHouse, client: Client) -> None:
    first, again = client.post(EVENT).records, client.post([EVENT, EVENT]).records
    assert [entry["new"] for entry in first + again] == [True, False, False]
    assert len({entry["id"] for entry in first + again}) == len(kept(house)) == 1


def test_a_key_tells_equal_events_apart_and_a_retry_of_it_does_not(house: HeldHouse, client: Client) -> None:
    keyed = [EVENT | {"key": "1"}, EVENT | {"key": "2"}]
    assert [entry["new"] for entry in client.post([*keyed, *keyed]).records] == [True, True, False, False]
    assert sorted(event.key for event in kept(house)) == ["1", "2"]


def test_what_perceivers_see_is_kept_with_the_event_and_once(house: HeldHouse, client: Client) -> None:
    gaze = EVENT | {"kind": "gaze", "layer": "visual", "payload": {"targets": ["door"] * 8, "step_ms": 1000}}
    assert [entry["new"] for entry in client.post(gaze).records + client.post(gaze).records] == [True, False]
    assert sorted(event.kind for event in kept(house)) == ["dwell", "gaze"]


def test_a_perceiver_that_fails_costs_the_event_nothing(house: HeldHouse, client: Client) -> None:
    assert client.post(EVENT | {"kind": "gaze"}).records[0]["new"]
    assert [event.kind for event in kept(house)] == ["gaze"]
    rejected = [item.record for item in house.journal.read(kinds=["rejected"])]
    assert [record.payload["source"] for record in rejected if isinstance(record, Event)] == ["gaze_dwell"]


# -- what is not taken -------------------------------------------------------------------------------------------------

WRONG = {
    "no object": 7,
    "null": None,
    "no source": {name: value for name, value in EVENT.items() if name != "source"},
    "no payload": {name: value for name, value in EVENT.items() if name != "payload"},
    "a layer that does not exist": EVENT | {"layer": "astral"},
    "a time with a fraction": EVENT | {"start_ms": 1.5},
    "a time that is true": EVENT | {"start_ms": True},
    "a time beyond all": EVENT | {"start_ms": 2**63},
    "a field that nobody knows": EVENT | {"mood": "good"},
    "a source with a space": EVENT | {"source": "person "},
    "a source in capitals": EVENT | {"source": "Person"},
    "a payload that is a list": EVENT | {"payload": []},
    "text that is a number": EVENT | {"text": 5},
    "an uncertainty below zero": EVENT | {"uncertainty_ms": -1},
    "a day that begins at noon": EVENT | {"precision": "day", "start_ms": NOW // DAY_MS * DAY_MS + 1, "end_ms": None},
    "a type that does not exist": EVENT | {"type": "decision"},
    "a key without end": EVENT | {"key": "k" * 300},
    "a model's words": EVENT | {"origin": "ai"},
    "a model's words, accepted": EVENT | {"origin": "ai_accepted"},
    "a series of words": {"source": "a", "measure": "b", "layer": "text", "start_ms": 0, "step_ms": 1, "values": ["x"]},
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_malformed_event_is_set_aside_and_costs_the_others_nothing(
    house: HeldHouse, client: Client, name: str
) -> None:
    first, middle, last = client.post([EVENT, WRONG[name], EVENT | {"key": "2"}]).records
    assert (first["new"], middle["code"], last["new"]) == (True, "malformed", True)
    assert len(kept(house)) == 2 and aside(house) == [(middle["rejected"], WRONG[name])]


@pytest.mark.parametrize("source", sorted(SYSTEM_SOURCES | {"gaze_dwell"}))
def test_nobody_writes_as_the_house(house: HeldHouse, client: Client, source: str) -> None:
    (entry,) = client.post(EVENT | {"source": source}).records
    assert entry["code"] == ("reserved" if source else "malformed")
    assert kept(house) == [] and len(aside(house)) == 1


@pytest.mark.parametrize("kind", sorted(RESERVED_KINDS))
def test_nobody_writes_what_only_the_house_writes(house: HeldHouse, client: Client, kind: str) -> None:
    series = {"source": "a", "measure": kind, "layer": "text", "start_ms": NOW, "step_ms": 1, "values": [1], "unit": ""}
    assert [each["code"] for each in client.post([EVENT | {"kind": kind}, series]).records] == ["reserved"] * 2
    assert kept(house) == [] and len(aside(house)) == 2


def test_nobody_uses_the_clock_of_the_station(house: HeldHouse, client: Client) -> None:
    assert client.post(EVENT | {"clock": "station"}).records[0]["code"] == "reserved"


def test_times_that_cannot_be_true_are_set_aside_with_the_reason(house: HeldHouse, client: Client) -> None:
    events = [EVENT | {"start_ms": NOW + 3 * DAY_MS, "end_ms": None}, EVENT | {"end_ms": NOW - 60_001}]
    answers = client.post(events).records
    assert [each["code"] for each in answers] == ["implausible"] * 2
    assert aside(house) == [(each["rejected"], event) for each, event in zip(answers, events, strict=True)]


def test_a_rejected_event_sent_again_is_set_aside_once(house: HeldHouse, client: Client) -> None:
    for _ in range(3):
        client.post([EVENT | {"layer": "astral"}] * 2)
    assert len(aside(house)) == 1


def test_nothing_of_a_paused_source_is_kept_not_even_in_quarantine(house: HeldHouse, client: Client) -> None:
    house.pauses = {"phone"}
    paused, malformed, other = client.post([EVENT, EVENT | {"layer": "astral"}, EVENT | {"source": "watch"}]).records
    assert (paused["code"], malformed["code"], other["new"]) == ("paused", "paused", True)
    assert [event.source for event in kept(house)] == ["watch"] and aside(house) == []
    house.pauses = set()
    assert client.post(EVENT).records[0]["new"]


def test_what_is_nested_too_deeply_is_set_aside(house: HeldHouse, client: Client) -> None:
    raw = orjson.dumps(EVENT | {"payload": {"a": 1}}).replace(b'{"a":1}', b'{"a":' * 400 + b"1" + b"}" * 400)
    (entry,) = client.post(raw).records
    assert entry["code"] == "malformed" and kept(house) == []
    (stored,) = house.journal.read(kinds=["rejected"])
    assert isinstance(stored.record, Event) and base64.b64decode(stored.record.payload["raw"]) == raw[:4096]


def test_a_record_the_journal_refuses_is_set_aside_and_costs_the_others_nothing(
    house: HeldHouse, client: Client
) -> None:
    refusal = Refused("journal-record-wrong", "It cannot be kept.")
    house.outcomes = [refusal, None, refusal]  # all together, the first alone, the second alone
    first, second, third = client.post([EVENT | {"key": str(number)} for number in range(3)]).records
    assert (first["new"], second["code"], third["new"]) == (True, "malformed", True)
    assert sorted(event.key for event in kept(house)) == ["0", "2"]
    assert [sent["key"] for _, sent in aside(house)] == ["1"]


# -- answers for the whole request -------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [b"", b"{", b"nonsense", b"[1,", b'{"a":1}\n{', b"\xff\xfe", b'{"a":"\\ud800"}'])
def test_what_is_not_json_is_refused_whole(house: HeldHouse, client: Client, raw: bytes) -> None:
    answer = client.post(raw)
    assert (answer.status, answer.code) == (400, "bad-request")
    assert house.journal.head().seq == 0


def test_a_request_may_be_so_large_and_no_larger(house: HeldHouse, client: Client) -> None:
    events = [EVENT | {"key": str(number)} for number in range(MAX_EVENTS + 1)]
    assert client.post(events).status == 413
    assert client.post(b"\n".join(map(orjson.dumps, events))).status == 413
    assert house.journal.head().seq == 0
    assert len(client.post(events[:-1]).records) == MAX_EVENTS  # above LARGE_BYTES too: read in a thread
    raw = orjson.dumps(EVENT)
    assert client.post(raw + b" " * (MAX_BYTES - len(raw)), pieces=4).status == 200
    assert client.post(raw + b" " * (MAX_BYTES - len(raw) + 1), pieces=4).status == 413


def test_what_says_that_it_is_too_large_is_not_even_read(client: Client) -> None:
    headers = [(b"authorization", b"Bearer " + client.token.encode()), (b"content-length", b"%d" % (MAX_BYTES + 1))]
    assert client.post(b"", headers=headers).status == 413


def test_a_request_that_breaks_off_keeps_nothing(house: HeldHouse, client: Client) -> None:
    async def broken() -> list[Message]:
        inbox: list[Message] = [{"type": "http.request", "body": orjson.dumps(EVENT), "more_body": True}]
        outbox: list[Message] = []

        async def receive() -> Message:
            return inbox.pop() if inbox else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            outbox.append(message)

        headers = [(b"authorization", b"Bearer " + client.token.encode())]
        app = capture_app(house, SYSTEM_SOURCES)
        await app({"type": "http", "method": "POST", "path": PATH, "headers": headers}, receive, send)
        return outbox

    assert asyncio.run(broken())[0]["status"] == 400
    assert house.journal.head().seq == 0


def test_other_methods_and_paths_are_none_of_its(client: Client) -> None:
    answer = client.post(EVENT, method="GET")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert client.post(EVENT, path=PATH + "/1").status == 404


def test_missing_unknown_and_revoked_tokens_get_the_same_answer(house: HeldHouse, client: Client) -> None:
    revoked = house.make_token("old", revoked_ms=NOW)
    basic = [(b"authorization", b"Basic aGVsbG86d29ybGQ=")]
    twice = [(b"authorization", b"Bearer " + client.token.encode())] * 2
    answers = [
        client.post(EVENT, headers=[]), client.post(EVENT, headers=basic), client.post(EVENT, headers=twice),
        client.post(EVENT, token="hs_nobody00_" + "A" * 43), client.post(EVENT, token=client.token[:-1]),
        client.post(EVENT, token=revoked),
    ]  # fmt: skip
    assert {(answer.status, answer.raw, answer.headers["www-authenticate"]) for answer in answers} == {
        (401, answers[0].raw, "Bearer")
    }
    assert house.journal.head().seq == 0


def test_a_token_for_something_else_may_not_write(house: HeldHouse, client: Client) -> None:
    answer = client.post(EVENT, token=house.make_token("asker", [ASK]))
    assert (answer.status, answer.code) == (403, "token-scope")
    assert house.journal.head().seq == 0


def test_guessing_is_locked_out_and_others_go_on(house: HeldHouse, client: Client) -> None:
    other = house.make_token("glasses")
    for _ in range(FAILURES):
        assert client.post(EVENT, token=client.token[:12] + "A" * 43).status == 401
    house.monotonic_ms += 500
    locked = client.post(EVENT)
    assert (locked.status, locked.code, locked.headers["retry-after"]) == (429, "token-locked", "60")
    assert client.post(EVENT, token=other).status == 200
    house.monotonic_ms += 59_500
    assert client.post(EVENT).status == 200


@pytest.mark.parametrize(
    ("error", "status", "wait"),
    [
        (RetryLater("journal-write-failed", "Not kept."), 503, "1"),
        (NeedsPerson("disk-full", "Not kept."), 503, "60"),
        (Refused("odd", "Not kept."), 422, None),
    ],
)
def test_what_the_journal_could_not_keep_is_not_acknowledged(
    house: HeldHouse, client: Client, error: Exception, status: int, wait: str | None
) -> None:
    house.outcomes = [error, error, error]
    answer = client.post([EVENT, EVENT | {"layer": "astral"}])
    assert (answer.status, answer.headers.get("retry-after")) == (status, wait)
    assert "records" not in answer.json and kept(house) == [] and aside(house) == []
    house.outcomes.clear()
    assert client.post([EVENT, EVENT | {"layer": "astral"}]).records[0]["new"]
    assert len(kept(house)) == 1 and len(aside(house)) == 1  # what was rejected is not forgotten either


def test_a_closed_journal_is_a_reason_to_try_again(house: HeldHouse, client: Client) -> None:
    house.journal.close()
    assert (client.post(EVENT).status, client.post(EVENT).code) == (503, "journal-closed")


# -- waiting for the disk ----------------------------------------------------------------------------------------------


async def _until_waiting(house: HeldHouse, count: int) -> None:
    async with asyncio.timeout(60):
        while len(house.waiting) < count:
            await asyncio.sleep(0.001)


def test_no_answer_comes_before_the_disk_and_many_wait_together(house: HeldHouse, client: Client) -> None:
    async def scene() -> list[Answer]:
        house.held = True
        tasks = [asyncio.create_task(client.send(EVENT | {"key": str(number)})) for number in range(200)]
        await _until_waiting(house, 200)  # none holds a thread, so all reach the journal and share its commits
        assert not any(task.done() for task in tasks)
        assert (await client.send(EVENT, token="")).status == 401  # meanwhile others are served
        house.let_go()
        return await asyncio.gather(*tasks)

    answers = asyncio.run(scene())
    assert [answer.records[0]["new"] for answer in answers] == [True] * 200
    assert len(kept(house)) == 200


def test_a_client_that_goes_away_loses_nothing_and_may_come_back(house: HeldHouse, client: Client) -> None:
    async def scene() -> Answer:
        house.held = True
        task = asyncio.create_task(client.send(EVENT))
        await _until_waiting(house, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        house.let_go()
        return await client.send(EVENT)

    assert asyncio.run(scene()).records[0]["new"] is False
    assert len(kept(house)) == 1


def test_a_disk_that_answers_after_the_station_has_gone_hurts_nobody(house: HeldHouse, client: Client) -> None:
    async def scene() -> None:
        house.held = True
        task = asyncio.create_task(client.send(EVENT))
        await _until_waiting(house, 1)
        task.cancel()

    asyncio.run(scene())
    (_, done), *_ = house.waiting
    done([True])  # the loop is closed: an exception here would end the journal's writer


def test_a_disk_that_hangs_does_not_fill_the_memory(house: HeldHouse, client: Client) -> None:
    raw = orjson.dumps(EVENT)
    raw += b" " * (MAX_BYTES - len(raw))

    async def scene() -> Answer:
        house.held = True
        tasks = [asyncio.create_task(client.send(raw, pieces=2)) for _ in range(64)]
        await _until_waiting(house, 64)
        answer = await client.send(EVENT)
        house.let_go()
        await asyncio.gather(*tasks)
        assert (await client.send(EVENT)).status == 200
        return answer

    answer = asyncio.run(scene())
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "capture-busy", "1")


def test_a_request_turned_away_leaves_its_connection_fit_for_the_next(house: HeldHouse, client: Client) -> None:
    good = _on_the_wire(client.token, orjson.dumps(EVENT))
    refused = _on_the_wire("hs_nobody", b" " * 300_000)
    large = _on_the_wire(client.token, b" " * (MAX_BYTES + 1))
    with served(capture_app(house, SYSTEM_SOURCES)) as port:
        door = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        door.connect()
        wire = door.sock
        statuses = []
        for raw in (refused, good, large, good):
            wire.sendall(raw)
            answer = http.client.HTTPResponse(wire, method="POST")
            answer.begin()
            answer.read()
            statuses.append(answer.status)
        door.close()
    assert statuses == [401, 200, 413, 200] and len(kept(house)) == 1


def _on_the_wire(token: str, body: bytes) -> bytes:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


# -- whatever is sent --------------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = st.sampled_from(sorted([*EVENT, "type", "origin", "trust", "clock", "text", "key", "offset_min", "measure"]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_JSON | st.dictionaries(_FIELDS, _JSON, max_size=3).map(lambda change: EVENT | change), max_size=4))
def test_every_json_is_answered_and_nothing_is_lost(house: HeldHouse, client: Client, values: list[Any]) -> None:
    entries = client.post(values).records
    assert len(entries) == len(values)
    ids = [bytes.fromhex(entry["id"]) for entry in entries if "id" in entry]
    assert set(house.journal.get(ids)) == set(ids)
    assert {(event.source, event.kind) for event in kept(house)} <= {("phone", "app_use")}
    assert {(reason, orjson.dumps(raw)) for reason, raw in aside(house)} >= {
        (entry["rejected"], orjson.dumps(value))
        for entry, value in zip(entries, values, strict=True)
        if "rejected" in entry
    }


def test_no_token_and_no_content_reaches_a_log(
    house: HeldHouse, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house.outcomes = [RetryLater("journal-write-failed", "Not kept.")]
    secret = EVENT | {"payload": {"app": "cormorant"}}
    answers = [client.post(body, token=token) for body in (secret, b"cormorant", secret) for token in (None, "hs_x")]
    heard = caplog.text + " ".join(str(answer.raw) for answer in answers)
    assert "journal-write-failed" in caplog.text
    assert "cormorant" not in heard and client.token[12:] not in heard
