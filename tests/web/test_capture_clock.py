"""Clock stamps of live capture: what is answered, what is journalled, and that nobody moves another one's clock."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hearthside.alignment.clocks.exchanges import LONGEST_ROUND_TRIP_MS, read_exchange
from hearthside.app.rooms import SYSTEM_SOURCES
from hearthside.errors import Refused, RetryLater
from hearthside.events import DAY_MS, Event
from hearthside.identity.tokens import READ
from hearthside.web.capture import capture_app
from hearthside.web.capture_clock import MAX_AGE_MS
from tests.web.capture_house import NOW, HeldHouse, served
from tests.web.test_capture import EVENT, Answer, Client

FORMATS = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
CLOCK = "device:phone#boot7"
PREVIOUS = {"t1_ms": NOW - 9_000.25, "t2_ms": NOW - 8_000, "t3_ms": NOW - 7_990, "t4_ms": NOW - 8_900.5}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[HeldHouse]:
    opened = HeldHouse(tmp_path)
    yield opened
    opened.journal.close()


@pytest.fixture
def client(house: HeldHouse) -> Client:
    return Client(capture_app(house, SYSTEM_SOURCES), house.make_token())


def stamped(events: tuple[Any, ...] = (), **clock: Any) -> dict[str, Any]:
    """A request with stamps."""
    return {"events": list(events), "clock": {"name": CLOCK, "t1_ms": NOW - 500} | clock}


def said(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200
    found: dict[str, Any] = answer.json["clock"]
    return found


def journalled(house: HeldHouse, kind: str) -> list[Event]:
    found = [item.record for item in house.journal.read(kinds=[kind])]
    return [record for record in found if isinstance(record, Event)]


# -- the exchange ------------------------------------------------------------------------------------------------------


def test_the_answer_carries_what_was_sent_and_the_times_of_the_station(house: HeldHouse, client: Client) -> None:
    clock = said(client.post(stamped((EVENT,), mono_ms=12.5)))
    assert clock == {"name": CLOCK, "t1_ms": NOW - 500, "mono_ms": 12.5, "t2_ms": NOW + 1, "t3_ms": NOW + 1}
    assert journalled(house, "clock_exchange") == []  # it is not whole yet


def test_arrival_is_when_the_head_came_and_leaving_after_the_events_are_on_disk(
    house: HeldHouse, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = house.submit

    def slow(*args: Any) -> None:
        house.now += 40
        submit(*args)

    monkeypatch.setattr(house, "submit", slow)
    paused = house.paused

    def read() -> set[str]:
        house.now += 2  # the body is being read
        return paused()

    monkeypatch.setattr(house, "paused", read)
    clock = said(client.post(stamped((EVENT,))))
    assert clock["t2_ms"] == NOW + 1 and clock["t3_ms"] >= NOW + 42


def test_the_exchange_that_is_brought_is_journalled_with_the_events_in_one_transaction(
    house: HeldHouse, client: Client
) -> None:
    client.post(stamped())
    seq = house.journal.head().seq
    seen: list[int] = []
    submit = house.submit

    def counting(records: Any, done: Any) -> None:
        seen.append(len(records))
        submit(records, done)

    house.submit = counting  # type: ignore[method-assign]
    client.post(stamped((EVENT,), previous=PREVIOUS | {"mono_ms": 7}))
    assert seen == [2] and house.journal.head().seq == seq + 2
    (exchange,) = journalled(house, "clock_exchange")
    assert exchange.payload == {"clock": CLOCK, "mono_ms": 7, **PREVIOUS}
    assert (exchange.source, exchange.clock, exchange.start_ms) == ("station", CLOCK, NOW - 8_000)


def test_an_exchange_sent_again_is_kept_once(house: HeldHouse, client: Client) -> None:
    for _ in range(3):
        said(client.post(stamped((EVENT,), previous=PREVIOUS)))
    assert len(journalled(house, "clock_exchange")) == len(journalled(house, "clock_claim")) == 1


def test_an_exchange_of_the_epoch_before_is_kept_under_its_own_name(house: HeldHouse, client: Client) -> None:
    client.post(stamped(previous=PREVIOUS | {"name": "device:phone#boot6"}))
    assert journalled(house, "clock_exchange")[0].clock == "device:phone#boot6"


def test_stamps_without_events_are_taken(house: HeldHouse, client: Client) -> None:
    answer = client.post(stamped(previous=PREVIOUS))
    assert answer.records == [] and len(journalled(house, "clock_exchange")) == 1


def test_a_device_may_believe_any_date(house: HeldHouse, client: Client) -> None:
    factory = PREVIOUS | {"t1_ms": -7_200_000, "t4_ms": -7_199_000}
    assert "rejected" not in said(client.post(stamped(t1_ms=-7_000_000, previous=factory)))
    assert len(journalled(house, "clock_exchange")) == 1


# -- without stamps ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        EVENT,
        [EVENT, EVENT | {"clock": {"name": CLOCK, "t1_ms": NOW}}],
        EVENT | {"clock": {"name": CLOCK, "t1_ms": NOW}},
        {"events": [EVENT]},
        {"clock": {"name": CLOCK, "t1_ms": NOW}},
    ],
)
def test_what_has_no_stamps_is_answered_without_them(house: HeldHouse, client: Client, body: Any) -> None:
    answer = client.post(body)
    assert list(answer.json) == ["records"] and len(answer.records) == (2 if isinstance(body, list) else 1)
    assert journalled(house, "clock_claim") == journalled(house, "clock_exchange") == []


# -- faulty stamps -----------------------------------------------------------------------------------------------------

FAULTY = {
    "no object": 7,
    "nothing": None,
    "no name": {"t1_ms": NOW},
    "an export": {"name": "export:phone", "t1_ms": NOW},
    "the station": {"name": "station", "t1_ms": NOW},
    "a name with a space": {"name": "device:my phone", "t1_ms": NOW},
    "two epochs": {"name": "device:phone#1#2", "t1_ms": NOW},
    "no time": {"name": CLOCK},
    "a time that is true": {"name": CLOCK, "t1_ms": True},
    "a time beyond all": {"name": CLOCK, "t1_ms": 1e18},
    "a steady clock in words": {"name": CLOCK, "t1_ms": NOW, "mono_ms": "1"},
    "a field that nobody knows": {"name": CLOCK, "t1_ms": NOW, "t2_ms": NOW},
}


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_stamps_cost_the_events_nothing(house: HeldHouse, client: Client, name: str) -> None:
    answer = client.post({"events": [EVENT], "clock": FAULTY[name]})
    assert answer.records[0]["new"] and said(answer)["code"] == "malformed" and "t2_ms" not in said(answer)
    assert house.journal.head().seq == 1


FAULTY_PREVIOUS: dict[str, Any] = {
    "no object": [],
    "three stamps": {name: PREVIOUS[name] for name in ("t1_ms", "t2_ms", "t3_ms")},
    "a field that nobody knows": PREVIOUS | {"code": 1},
    "another device": PREVIOUS | {"name": "device:watch#1"},
    "set back meanwhile": PREVIOUS | {"t4_ms": NOW - 9_001},
    "set forward meanwhile": PREVIOUS | {"t4_ms": NOW + LONGEST_ROUND_TRIP_MS},
    "back before it was sent": PREVIOUS | {"t3_ms": NOW - 7_000},
    "left before it came": PREVIOUS | {"t3_ms": NOW - 8_001},
    "times of tomorrow": {name: time + DAY_MS for name, time in PREVIOUS.items()},
    "times of long ago": {name: time - MAX_AGE_MS for name, time in PREVIOUS.items()},
    "no number": PREVIOUS | {"t2_ms": "1"},
}


@pytest.mark.parametrize("name", FAULTY_PREVIOUS)
def test_a_faulty_exchange_is_not_kept_and_the_next_one_begins(house: HeldHouse, client: Client, name: str) -> None:
    answer = client.post(stamped((EVENT,), previous=FAULTY_PREVIOUS[name]))
    clock = said(answer)
    assert answer.records[0]["new"] and clock["code"] == "malformed" and clock["t2_ms"] == NOW + 1
    assert journalled(house, "clock_exchange") == []


@pytest.mark.parametrize(
    "body", [stamped() | {"more": 1}, {"events": EVENT, "clock": {}}, {"events": None, "clock": None}]
)
def test_an_envelope_holds_events_and_clock_and_nothing_else(house: HeldHouse, client: Client, body: Any) -> None:
    answer = client.post(body)
    assert (answer.status, answer.code) == (400, "bad-request") and house.journal.head().seq == 0


def test_an_envelope_holds_no_more_events_than_an_array(client: Client) -> None:
    assert client.post(stamped(tuple(EVENT | {"key": str(n)} for n in range(1001)))).status == 413


# -- whose clock it is -------------------------------------------------------------------------------------------------


def test_nobody_moves_the_clock_of_another(house: HeldHouse, client: Client) -> None:
    tablet = house.make_token("tablet")
    client.post(stamped(previous=PREVIOUS))
    answer = client.post(stamped((EVENT,), name="device:phone#other", previous=PREVIOUS | {"t1_ms": 5, "t4_ms": 9}),
                         token=tablet)  # fmt: skip
    assert answer.records[0]["new"] and said(answer)["code"] == "clock-taken" and "t2_ms" not in said(answer)
    assert len(journalled(house, "clock_exchange")) == 1
    assert "code" not in said(client.post(stamped()))


def test_that_two_tokens_use_one_name_is_journalled_once_a_day(house: HeldHouse, client: Client) -> None:
    tablet = house.make_token("tablet")
    client.post(stamped())
    for _ in range(3):
        client.post(stamped(), token=tablet)
    house.now += DAY_MS
    client.post(stamped(), token=tablet)
    first, *others = sorted(journalled(house, "clock_claim"), key=lambda event: (not event.payload["owns"], event.id))
    assert first.payload == {"clock": "device:phone", "token": "phone", "owns": True, "at_ms": NOW}
    days = [event.payload["at_ms"] for event in others]
    assert sorted(days) == [NOW // DAY_MS * DAY_MS, NOW // DAY_MS * DAY_MS + DAY_MS]
    assert {event.payload["token"] for event in others} == {"tablet"}


def test_whose_clock_it_is_outlives_a_restart(house: HeldHouse, client: Client) -> None:
    client.post(stamped())
    again = Client(capture_app(house, SYSTEM_SOURCES), house.make_token("tablet"))
    assert said(again.post(stamped()))["code"] == "clock-taken"
    assert "code" not in said(again.post(stamped(), token=client.token))


def test_a_new_token_of_the_same_name_goes_on_with_the_clock(house: HeldHouse, client: Client) -> None:
    client.post(stamped())
    assert "code" not in said(client.post(stamped(), token=house.make_token("phone")))
    assert len(journalled(house, "clock_claim")) == 1


def test_when_no_token_of_the_name_is_in_force_another_takes_the_clock_over(house: HeldHouse) -> None:
    old = Client(capture_app(house, SYSTEM_SOURCES), house.make_token("old phone"))
    old.post(stamped())
    house.revoke_all()
    new = house.make_token("new phone")
    assert "code" not in said(old.post(stamped(), token=new))
    again = Client(capture_app(house, SYSTEM_SOURCES), new)
    assert "code" not in said(again.post(stamped()))
    assert [event.payload["token"] for event in journalled(house, "clock_claim") if event.payload["owns"]] == [
        "old phone", "new phone",
    ]  # fmt: skip


def test_a_claim_that_was_not_kept_is_made_again(house: HeldHouse, client: Client) -> None:
    house.outcomes = [RetryLater("journal-write-failed", "Not kept.")]
    assert client.post(stamped((EVENT,))).status == 503
    assert said(client.post(stamped((EVENT,))))["t2_ms"] == NOW + 1
    assert len(journalled(house, "clock_claim")) == 1


def test_a_record_that_the_journal_refuses_costs_the_exchange_nothing(house: HeldHouse, client: Client) -> None:
    refusal = Refused("journal-record-wrong", "It cannot be kept.")
    house.outcomes = [refusal, refusal]
    answer = client.post(stamped((EVENT, EVENT | {"key": "2"}), previous=PREVIOUS))
    assert [entry.get("code") for entry in answer.records] == ["malformed", None]
    house.outcomes = [refusal]
    other = PREVIOUS | {"t1_ms": NOW - 8_999}
    assert client.post(stamped((EVENT | {"key": "3"},), previous=other)).records[0]["code"] == "malformed"
    assert len(journalled(house, "clock_exchange")) == 2 and len(journalled(house, "clock_claim")) == 1


def test_only_tokens_that_may_write_events_own_clocks(house: HeldHouse, client: Client) -> None:
    reader = house.make_token("reader", [READ])
    assert client.post(stamped(), token=reader).status == 403
    assert journalled(house, "clock_claim") == []


# -- pauses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("events", [(), (EVENT,), (EVENT | {"source": "watch"},)])
def test_of_a_paused_device_not_even_that_it_was_there_is_kept(
    house: HeldHouse, client: Client, events: tuple[dict[str, Any], ...]
) -> None:
    house.pauses = {"phone"}
    assert said(client.post(stamped(events, previous=PREVIOUS)))["code"] == "paused"
    assert {event.kind for event in journalled(house, "clock_exchange")} == set()


def test_when_everything_sent_is_paused_so_are_the_stamps(house: HeldHouse, client: Client) -> None:
    house.pauses = {"phone"}
    assert said(client.post(stamped((EVENT,), name="device:pixel", previous=PREVIOUS)))["code"] == "paused"
    assert house.journal.head().seq == 0


# -- the client of the documentation -----------------------------------------------------------------------------------


def test_the_client_in_the_documentation_exchanges(house: HeldHouse) -> None:
    section = FORMATS.read_text().partition("## Live capture")[2]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "formats.md", "exec"), names)
    house.now = time.time_ns() // 1_000_000 + 5_000  # the station is five seconds ahead
    with served(capture_app(house, SYSTEM_SOURCES)) as port:
        sender = names["Sender"]("127.0.0.1", port, house.make_token(), "phone")
        with contextlib.closing(sender.line):
            for _ in range(3):
                event = sender.event(source="phone", kind="app_use", layer="behavioural", payload={"app": "Maps"})
                answer = sender.send([event])
                assert answer["records"][0]["new"] and "rejected" not in answer["clock"]
                assert not sender.send([event])["records"][0]["new"]
            first = sender.clock
            sender.gap -= 5_000  # the clock was set
            sender.send([])
            assert sender.clock != first and sender.previous["name"] == sender.clock
    exchanges = journalled(house, "clock_exchange")
    assert {event.clock for event in exchanges} == {first} and len(exchanges) == 6
    for event in exchanges:
        stamps = event.payload
        assert read_exchange(stamps).round_trip_ms >= 0
        assert stamps["t4_ms"] >= stamps["t1_ms"] and stamps["t2_ms"] == house.now + 1
        assert stamps["t2_ms"] - stamps["t1_ms"] <= 5_001
