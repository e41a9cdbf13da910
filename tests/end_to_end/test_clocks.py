"""Clocks end to end: devices that are wrong in every way send events to a real station, and the life is right."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from hearthside.alignment.occurrence import Occurrence
from hearthside.app.house import House
from hearthside.app.rooms import system_clock
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Json
from hearthside.journal.bodies import Body
from hearthside.web.clock_views import HeldGroup
from tests.app.helpers import house_in
from tests.end_to_end.station_process import StationProcess, station_process

YEAR_MS = 365 * DAY_MS
WITHIN_MS = 1000


@dataclass
class Device:
    """A device with a clock of its own and a token of its own.

    Attributes:
        says: what its clock says at a true time, both UTC ms.
        sent: of each event sent the true time at which it happened, by its words.
        previous: the exchange before, to be brought along.
    """

    base: str
    token: str
    clock: str
    says: Callable[[float], float]
    sent: dict[str, float] = field(default_factory=dict)
    previous: dict[str, Json] | None = None

    @property
    def source(self) -> str:
        return self.clock.partition(":")[2].partition("#")[0]

    def event(self, words: str, true_ms: float) -> dict[str, Json]:
        """A note, stamped when it happened."""
        self.sent[words] = true_ms
        return {
            "source": self.source, "kind": "note", "layer": "text", "start_ms": round(self.says(true_ms)),
            "payload": {}, "text": words, "clock": self.clock,
        }  # fmt: skip

    def remember(self, true_ms: float, way_ms: float = 25, back_ms: float = 40) -> None:
        """An exchange that it had at some time, for the next request."""
        self.previous = {
            "name": self.clock, "t1_ms": self.says(true_ms - way_ms), "t2_ms": true_ms, "t3_ms": true_ms + 1,
            "t4_ms": self.says(true_ms + 1 + back_ms),
        }  # fmt: skip

    def send(self, *events: dict[str, Json]) -> dict[str, Json]:
        """What the station answers; the exchange of this request is remembered for the next."""
        clock = {"name": self.clock, "t1_ms": self.says(time.time() * 1000), "previous": self.previous}
        answer = httpx.post(
            f"{self.base}/api/events", json={"events": events, "clock": clock},
            headers={"Authorization": f"Bearer {self.token}"}, timeout=60, trust_env=False,
        )  # fmt: skip
        back_ms = self.says(time.time() * 1000)
        assert answer.status_code == 200, answer.text
        found: dict[str, Json] = answer.json()
        stamps = found["clock"]
        names = ("name", "t1_ms", "t2_ms", "t3_ms")
        self.previous = {name: stamps[name] for name in names} | {"t4_ms": back_ms} if "t2_ms" in stamps else None
        assert [record.get("new") for record in found["records"]] == [True] * len(events)
        return found

    def compared(self) -> None:
        """Two empty requests: the second brings the exchange of the first."""
        self.send()
        self.send()


@dataclass
class Home:
    """A station that runs, the same vault opened beside it, and a token for each device."""

    station: StationProcess
    house: House
    tokens: dict[str, str]

    def device(self, clock: str, says: Callable[[float], float], token: str = "") -> Device:
        name = token or clock.partition(":")[2].partition("#")[0]
        return Device(self.station.base, self.tokens[name], clock, says)

    def heard(self, source: str) -> dict[str, Occurrence]:
        """What the life stream has of a device, by its words."""
        self.house.keep_in_step()
        return {found.text: found for found in self.house.rooms.stream.occurrences(sources=[source])}

    def held(self, title: str) -> list[HeldGroup]:
        return [group for group in self.house.clocks().held if group.title == title]

    def health_page(self) -> str:
        """The words of the health page, as the station sends it."""
        with httpx.Client(base_url=self.station.base, timeout=60, trust_env=False, follow_redirects=True) as browser:
            browser.get(self.station.url)
            page = browser.get("/health")
            assert page.status_code == 200
            plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), page.text)
            return html.unescape(plain)

    def records(self) -> list[tuple[bytes, int, Body]]:
        """Everything in the journal, in order of arrival."""
        return sorted(self.house.rooms.journal.bodies(), key=lambda row: row[1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("clocks")
    with house_in(folder, clock=system_clock) as house:
        names = ("phone", "recorder", "camera", "Mira's watch", "Tomas's watch")
        tokens = {name: house.access.make(name, ["capture.write"]) for name in names}
        with station_process(folder, settings={"HEARTHSIDE_MODEL_THREADS": "1"}) as station:
            yield Home(station, house, tokens)


@pytest.fixture
def unchanged(home: Home) -> Iterator[None]:
    """Whatever a test does, it adds to the journal and changes nothing in it."""
    before = home.records()
    yield
    after = home.records()
    assert after[: len(before)] == before
    assert home.house.rooms.journal.verify().sound


def test_a_phone_that_is_wrong_and_drifts_is_placed_within_a_second_also_after_a_new_start(
    home: Home, unchanged: None
) -> None:
    now = time.time() * 1000
    begin = now - 10 * DAY_MS
    phone = home.device("device:phone#1", lambda ms: ms - 90_000 + 40e-6 * (ms - begin))
    for n in range(36):  # every six hours for nine days: five notes, and the clock compared
        at = begin + n * 6 * HOUR_MS
        notes = [phone.event(f"note {n}.{k}", at + k * HOUR_MS + n * MINUTE_MS) for k in range(5)]
        phone.remember(at + 5 * HOUR_MS, 20 + n * 37 % 200, 20 + n * 61 % 200)
        phone.send(*notes)
    # It starts anew, five hours ahead, and is compared as it goes.
    again = Device(phone.base, phone.token, "device:phone#2", lambda ms: ms + 5 * HOUR_MS, sent=phone.sent)
    again.compared()
    again.send(*[again.event(f"again {n}", now - n * HOUR_MS) for n in range(8)])
    heard = home.heard("phone")
    assert heard.keys() == phone.sent.keys()
    for words, true_ms in phone.sent.items():
        device = again if words.startswith("again") else phone
        assert heard[words].raw_ms == round(device.says(true_ms))
        assert abs(heard[words].start_ms - true_ms) <= WITHIN_MS
        assert abs(heard[words].start_ms - true_ms) <= heard[words].uncertainty_ms + 1
    assert home.held("phone") == []
    page = home.health_page()
    assert "phone" in page and "5 h fast" in page


@pytest.mark.parametrize(
    ("name", "behind", "words"),
    [
        ("recorder", "1970", "it had started from the date it was made with"),
        ("camera", "a year", "back."),
    ],
)
def test_a_clock_that_is_far_off_is_held_back_until_the_person_decides(
    home: Home, unchanged: None, name: str, behind: str, words: str
) -> None:
    now = time.time() * 1000
    started = now - 2 * DAY_MS
    device = home.device(f"device:{name}", lambda ms: ms - (started if behind == "1970" else YEAR_MS))
    device.compared()
    device.send(*[device.event(f"{name} {n}", now - n * 3 * HOUR_MS) for n in range(5)])
    assert home.heard(name) == {}
    [group] = home.held(name)
    assert (group.count, len(group.samples)) == (5, 3) and words in group.reason
    assert group.suggested_ms is not None
    assert abs(group.suggested_ms - (started if behind == "1970" else YEAR_MS)) <= WITHIN_MS
    page = home.health_page()
    assert f"5 events of {name}" in page and group.reason in page
    records = home.records()
    home.house.decide_clock(group.clock, group.first_ms, group.last_ms, "shift", group.suggested_ms)
    assert home.records()[: len(records)] == records
    heard = home.heard(name)
    assert heard.keys() == device.sent.keys()
    for text, true_ms in device.sent.items():
        assert abs(heard[text].start_ms - true_ms) <= WITHIN_MS
        assert heard[text].raw_ms == round(device.says(true_ms))
    assert f"5 events of {name}" not in home.health_page()
    home.house.decide_clock(group.clock, group.first_ms, group.last_ms, "hold")
    assert home.heard(name) == {} and [one.count for one in home.held(name)] == [5]
    assert all(one.own_word for one in home.held(name))


def test_two_devices_of_one_name_are_told_apart_by_their_tokens_and_held_back(home: Home, unchanged: None) -> None:
    watch = home.device("device:watch", lambda ms: ms - 3_000, token="Mira's watch")
    other = home.device("device:watch", lambda ms: ms + 7_000, token="Tomas's watch")
    watch.compared()
    yesterday = time.time() * 1000 - DAY_MS
    watch.send(watch.event("before", yesterday))
    now = time.time() * 1000
    refused = other.send(other.event("whose", now))
    assert refused["clock"]["code"] == "clock-taken"  # no client sets the clock of another's device
    watch.send(watch.event("mine", now))
    heard = home.heard("watch")
    assert heard.keys() == {"before"} and abs(heard["before"].start_ms - yesterday) <= WITHIN_MS
    [group] = home.held("watch")
    assert group.count == 2 and "Two devices" in group.reason and "Tomas's watch" in group.reason
    page = home.health_page()
    assert "2 events of watch" in page and "Two devices call their clock" in page
    home.house.decide_clock(group.clock, group.first_ms, group.last_ms, "accept")
    assert home.heard("watch").keys() == {"before", "whose", "mine"}
    assert home.held("watch") == []


def test_the_life_stream_of_all_this_is_what_a_rebuild_gives(home: Home, unchanged: None) -> None:
    home.house.keep_in_step()
    before = home.house.rooms.stream.fingerprint()
    held = home.house.clocks().held
    home.house.rooms.stream.rebuild()
    assert home.house.rooms.stream.fingerprint() == before
    assert home.house.clocks().held == held
