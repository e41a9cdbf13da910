"""Beliefs end to end: a real station with the sample life; corrected, pinned, forgotten and undone in a Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.station_process import environment
from tests.app.sample_vault import sample_folder
from tests.end_to_end.conftest import DESKTOP, PHONE
from tests.end_to_end.station_process import StationProcess, station_process

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

_SHOTS = os.environ.get("HEARTHSIDE_SHOTS", "")  # a folder to keep screenshots in, to look at


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(sample_folder(tmp_path_factory), tmp_path_factory.mktemp("known") / "copy"))


@pytest.fixture(scope="module")
def station(folder: Path) -> Iterator[StationProcess]:
    with station_process(folder) as running:
        yield running


class Window:
    """A browser window on the station that records every complaint and every address."""

    def __init__(self, browser: Browser, station: StationProcess, size: tuple[int, int], scheme: str = "light") -> None:
        phone = size == PHONE
        self.base = station.base
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, is_mobile=phone, has_touch=phone, locale="en-GB",
            color_scheme="dark" if scheme == "dark" else "light",
        )  # fmt: skip
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.addresses: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.addresses.append(request.url))
        self.page.goto(station.url)

    def open(self, path: str) -> Page:
        """A page, mounted and connected."""
        self.page.goto(self.base + path)
        self.page.wait_for_function("window.did_handshake === true")
        expect(self.page.locator("#main h1")).to_be_visible()
        return self.page

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []
        assert [url for url in self.addresses if not url.startswith((self.base + "/", "data:"))] == []


@pytest.fixture
def window(browser: Browser, station: StationProcess) -> Iterator[Window]:
    opened = Window(browser, station, DESKTOP)
    yield opened
    opened.close()


def facts(page: Page) -> Locator:
    """Beliefs that can be corrected."""
    return page.locator(".known-item", has=page.get_by_role("button", name=re.compile("^Correct")))


def sentence(row: Locator) -> str:
    return row.locator(".known-sentence").inner_text()


def test_every_belief_is_reachable_and_its_evidence_opens_the_record(window: Window) -> None:
    page = window.open("/known")
    said = page.locator(".known-head").inner_text()
    match = re.search(r"([\d,]+) facts and ([\d,]+) tastes", said)
    assert match is not None
    for fold in page.locator("details:not(.counted) > summary").all():
        fold.click()
    expect(page.locator(".known-topic:not(#topic-moods) .known-item")).to_have_count(int(match[1]) + int(match[2]))
    first = page.locator(".known-item").first
    first.get_by_role("button", name=re.compile("^Evidence")).click()
    link = first.get_by_role("link", name="Show the whole record").first
    expect(link).to_be_visible()
    link.click()
    expect(page.locator("h1")).to_have_text("One record")
    expect(page.locator(".record")).to_contain_text("payload")


def test_a_correction_holds_and_outlives_a_rebuild_until_it_is_undone(
    window: Window, station: StationProcess, folder: Path
) -> None:
    page = window.open("/known")
    row = facts(page).first
    before = sentence(row)
    row.get_by_role("button", name=re.compile("^Correct")).click()
    field = row.get_by_label("What holds instead")
    expect(field).to_be_focused()
    field.fill("something I alone know")
    page.keyboard.press("Enter")
    corrected = page.locator(".known-item", has_text="something I alone know")
    expect(corrected.locator(".badge", has_text="you told me so")).to_be_visible()
    expect(page.locator("#your-word")).to_contain_text(before)
    _rebuild(folder)
    page = window.open("/known")
    expect(page.locator("#your-word")).to_contain_text("something I alone know")
    expect(page.locator(".known-sentence", has_text=before)).to_have_count(0)
    page.locator("#your-word").get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.locator(".known-sentence", has_text=before)).not_to_have_count(0)
    expect(page.locator("#your-word")).to_have_count(0)
    assert not any("alone" in url for url in window.addresses)


def test_pin_and_forget_by_keyboard_with_the_way_back(window: Window, folder: Path) -> None:
    page = window.open("/known")
    row = page.locator(".known-item").first
    pinned = sentence(row)
    row.get_by_role("button", name=re.compile("^Pin")).focus()
    page.keyboard.press("Enter")
    expect(row.locator(".badge", has_text="pinned by you")).to_be_visible()
    expect(row.get_by_role("button", name=re.compile("^Evidence"))).to_be_focused()
    other = page.locator(".known-item").nth(1)
    gone = sentence(other)
    other.get_by_role("button", name=re.compile("^Forget")).press("Enter")
    expect(other).to_contain_text("not believed any more")
    expect(other.get_by_role("button", name=re.compile("^Undo"))).to_be_focused()
    _rebuild(folder)
    page = window.open("/known")
    expect(page.locator(".known-sentence", has_text=gone)).to_have_count(0)
    expect(page.locator("#your-word")).to_contain_text("You asked me not to believe")
    expect(page.locator("#your-word")).to_contain_text(f"You pinned: {pinned}")
    for left in (1, 0):
        page.locator("#your-word").get_by_role("button", name=re.compile("^Undo")).first.click()
        expect(page.locator("#your-word .known-said")).to_have_count(left)
    expect(page.locator(".known-sentence", has_text=gone)).not_to_have_count(0)


def test_a_filter_shows_only_what_fits_and_keeps_its_words_out_of_addresses(window: Window) -> None:
    page = window.open("/known")
    wanted = sentence(page.locator(".known-item").first).split()[-1].strip(".;")
    page.get_by_label("Show only what holds these words").fill(wanted)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("belief")
    for shown in page.locator(".known-sentence").all():
        assert wanted.casefold() in shown.inner_text().casefold()
    assert not any(wanted in url for url in window.addresses)


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_page_fits_on_a_desktop_and_on_a_phone(
    browser: Browser, station: StationProcess, size: tuple[int, int], scheme: str
) -> None:
    window = Window(browser, station, size, scheme)
    page = window.open("/known")
    expect(page.locator(".banner")).to_contain_text("This life is invented")
    page.locator(".known-item").first.get_by_role("button", name=re.compile("^Evidence")).click()
    expect(page.locator(".known-more .hit").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if _SHOTS:
        page.screenshot(path=Path(_SHOTS) / f"known-{size[0]}-{scheme}.png", full_page=True)
    window.close()


def _rebuild(folder: Path) -> None:
    """As a person would beside a running station."""
    command = [sys.executable, "-m", "hearthside.cli", "rebuild"]
    done = subprocess.run(command, env=environment(folder), capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
