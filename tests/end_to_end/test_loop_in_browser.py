"""The whole loop as a new resident meets it: a real station, the sample life, a real Chromium and a real model."""

from __future__ import annotations

import logging
import os
import re
import secrets
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from hearthside.sample_life import DEFAULT_SEED, SampleLife, generate
from tests.end_to_end.conftest import DESKTOP, PHONE
from tests.end_to_end.station_process import StationProcess, station_process

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

FRESH_SEED = secrets.randbelow(1_000_000) + 1000
DAYS = 32
IMPORT_LIMIT_S = 240


@pytest.fixture(scope="module", params=[DEFAULT_SEED, FRESH_SEED], ids=["default-seed", "fresh-seed"])
def home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[StationProcess, SampleLife]]:
    folder = tmp_path_factory.mktemp("home")
    seed = request.param
    logging.getLogger(__name__).warning("the invented life has seed %s", seed)  # shown when a test fails
    life = generate(folder / "truth", seed=seed, last_day=datetime.now(tz=UTC).date(), days=DAYS)
    with station_process(folder, "--sample", "--seed", str(seed)) as station:
        yield station, life


class Window:
    """A browser window on the real station that records every request and complaint."""

    def __init__(self, browser: Browser, station: StationProcess, size: tuple[int, int]) -> None:
        self.station = station
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            is_mobile=size == PHONE,
            has_touch=size == PHONE,
            locale="en-GB",
        )
        self.page: Page = self.context.new_page()
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("websocket", lambda socket: self._note(socket.url.replace("ws://", "http://")))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, url: str) -> None:
        if not url.startswith((self.station.base + "/", "data:")):
            self.elsewhere.append(url)

    def open(self, path: str = "") -> Page:
        self.page.goto(self.station.url if not path else self.station.base + path)
        self.page.wait_for_function("window.did_handshake === true")
        return self.page

    def open_when_in(self) -> Page:
        """The companion's page, once the sample life is in."""
        page = self.open()
        began = time.monotonic()
        while time.monotonic() - began < IMPORT_LIMIT_S:
            jobs = page.request.get(self.station.base + "/api/jobs").json()
            sample = next((job for job in jobs if job["kind"] == "sample"), None)
            if sample is not None and sample["state"] == "done":
                expect(page.get_by_label("Your question")).to_be_visible()
                return page
            page.wait_for_timeout(300)
        raise AssertionError(f"the sample life did not come in: {jobs}")

    def close(self) -> None:
        self.context.close()
        assert self.elsewhere == []
        assert self.complaints == []


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def window(
    request: pytest.FixtureRequest, browser: Browser, home: tuple[StationProcess, SampleLife]
) -> Iterator[Window]:
    opened = Window(browser, home[0], request.param)
    opened.open_when_in()
    yield opened
    opened.close()


def ask(page: Page, question: str, timeout_ms: int = 60_000) -> str:
    """The whole answer to a question."""
    before = page.locator(".turn-house .badge").count()
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator(".turn-house .badge")).to_have_count(before + 1, timeout=timeout_ms)
    return page.locator(".turn-house").last.inner_text()


def hours(minutes: int) -> str:
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def test_the_page_answers_from_the_life_with_evidence(window: Window, home: tuple[StationProcess, SampleLife]) -> None:
    life = home[1]
    page = window.page
    expect(page.locator(".banner")).to_contain_text("This life is invented")
    nights = [fact for fact in life.facts if fact.kind == "sleep_minutes"]
    answer = ask(page, nights[-3].question)
    assert hours(int(nights[-3].answer_value)) in answer
    expect(page.locator(".turn-house .badge").last).to_have_text("Computed")
    expect(page.locator(".turn-evidence").last).to_contain_text("Oura")
    written = next(
        fact for fact in life.facts if fact.kind.startswith("count_messages") or "messages did I write" in fact.question
    )
    assert f"{int(written.answer_value):,}" in ask(page, written.question)
    ask(page, "What is the name of my parrot?")
    expect(page.locator(".turn-house .badge").last).to_have_text("I don’t know")


def test_the_day_shows_six_lanes_and_a_slice(window: Window, home: tuple[StationProcess, SampleLife]) -> None:
    page = window.open(f"/day/{home[1].last_day.isoformat()}")
    expect(page.locator(".lane")).to_have_count(6)
    expect(page.locator(".banner")).to_be_visible()
    box = page.locator(".lane .plot").nth(3).bounding_box()
    assert box is not None
    at = {"x": box["width"] * 4.5 / 24, "y": box["height"] / 2}
    if window.page.viewport_size == {"width": PHONE[0], "height": PHONE[1]}:
        page.locator(".lane .plot").nth(3).tap(position=at)  # type: ignore[arg-type]
    else:
        page.mouse.move(box["x"] + at["x"], box["y"] + at["y"])
    expect(page.locator(".slice-clock")).to_have_text(re.compile("0[34]:[0-5][0-9]"))
    expect(page.locator(".slice")).to_contain_text("sleep", ignore_case=True)


def test_training_health_and_memory_open(window: Window) -> None:
    page = window.open("/training")
    expect(page.locator("#main")).to_contain_text("simulated")
    expect(page.locator(".banner")).to_be_visible()
    page = window.open("/health")
    expect(page.locator("#main")).to_contain_text("WhatsApp")
    page = window.open("/memory")
    page.get_by_label("Search words").fill("dinner")
    page.keyboard.press("Enter")
    expect(page.locator(".results .hit").first).to_contain_text("dinner", ignore_case=True)


def test_at_most_one_offer_with_its_reason_and_the_reaction_counts(
    browser: Browser, home: tuple[StationProcess, SampleLife]
) -> None:
    opened = Window(browser, home[0], DESKTOP)
    page = opened.open_when_in()
    expect(page.locator(".offer")).to_have_count(1, timeout=60_000)
    expect(page.locator(".offer")).to_contain_text("Why now")
    page.locator(".offer").get_by_role("button", name="Never", exact=True).click()
    page.wait_for_timeout(500)
    opened.open()
    expect(page.get_by_label("Your question")).to_be_visible()
    expect(page.locator(".offer")).to_have_count(0)
    opened.close()


def test_killing_the_compute_node_during_an_answer(browser: Browser, home: tuple[StationProcess, SampleLife]) -> None:
    station, life = home
    opened = Window(browser, station, DESKTOP)
    page = opened.open_when_in()
    night = [fact for fact in life.facts if fact.kind == "sleep_minutes"][-2]
    first = _wait_for_pid(station, None)
    page.get_by_label("Your question").fill(night.question)
    page.keyboard.press("Enter")
    os.kill(first, signal.SIGKILL)
    expect(page.locator(".turn-house .badge").last).to_be_visible(timeout=60_000)
    assert hours(int(night.answer_value)) in page.locator(".turn-house").last.inner_text()
    second = _wait_for_pid(station, first)
    assert second != first
    page.reload()
    expect(page.locator(".turn-you").last).to_contain_text(night.question)
    expect(page.locator(".turn-house").last).to_contain_text(hours(int(night.answer_value)))
    opened.close()


def _wait_for_pid(station: StationProcess, other_than: int | None) -> int:
    began = time.monotonic()
    while time.monotonic() - began < 60:
        pid = station.compute_pid
        if pid is not None and pid != other_than:
            return pid
        time.sleep(0.1)
    raise AssertionError("the compute node did not come back")


def test_pages_are_closed_without_the_link_of_the_terminal(
    home: tuple[StationProcess, SampleLife], tmp_path: Path
) -> None:
    with httpx.Client(trust_env=False) as stranger:
        assert stranger.get(home[0].base + "/").status_code in {401, 403}
        assert stranger.get(home[0].base + "/api/overview").status_code in {401, 403}
