"""Two persons and one browser in a real Chromium: it is one person's at a time, and every open page notices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.end_to_end.conftest import DESKTOP, PHONE
from tests.web.demo_process import DemoProcess, demo_process

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    with demo_process(tmp_path_factory.mktemp("household"), "alarm", "key", "--household", residents=2) as running:
        yield running


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def profile(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, is_mobile=request.param == PHONE)
    yield context
    context.close()


def enter(profile: BrowserContext, link: str, path: str = "") -> Page:
    """A new page of a browser profile, opened with somebody's link, and alive."""
    page = profile.new_page()
    page.goto(link.replace("/?", f"/{path}?"))
    page.wait_for_function("window.did_handshake === true")
    return page


def test_a_browser_is_one_persons_at_a_time(station: DemoProcess, profile: BrowserContext) -> None:
    mira = enter(profile, station.links[0])
    expect(mira.locator(".signed-in b")).to_have_text("Mira")
    expect(mira.locator(".offer")).to_contain_text("canary-mira", timeout=15_000)
    tomas = enter(profile, station.links[1], "memory")
    expect(tomas.locator(".signed-in b")).to_have_text("Tomas")
    expect(mira.locator(".signed-in b")).to_have_text("Tomas")  # the page that stood open, by itself
    expect(mira.locator(".offer")).to_contain_text("canary-tomas", timeout=15_000)
    assert "canary-mira" not in mira.content()
    tomas.get_by_role("button", name="Leave: Tomas").click()
    for page in (tomas, mira):
        expect(page.locator("body")).to_contain_text("This is a private home")


def test_two_profiles_are_two_persons(browser: Browser, station: DemoProcess, profile: BrowserContext) -> None:
    other = browser.new_context()
    mira, tomas = enter(profile, station.links[0], "health"), enter(other, station.links[1], "health")
    mira.get_by_role("button", name="Back up now").click()
    expect(mira.locator(".job", has_text="canary-mira Backing up").last).to_be_visible()
    tomas.get_by_role("button", name="Prove a restore now").click()
    expect(tomas.locator(".job", has_text="canary-tomas Proving a restore").last).to_be_visible()
    assert "canary-mira" not in tomas.content() and "canary-tomas" not in mira.content()
    expect(tomas.locator(".signed-in b")).to_have_text("Tomas")
    other.close()


def test_long_work_is_paused_and_goes_on(station: DemoProcess, profile: BrowserContext, tmp_path: Path) -> None:
    page = enter(profile, station.links[0], "health")
    expect(page.locator(".alarm")).to_contain_text("The disk is nearly full")
    file = tmp_path / "a chat.txt"
    file.write_text("x")
    page.locator("input[data-upload]").set_input_files(file)
    job = page.locator(".job", has_text="Importing your files").last
    job.get_by_role("button", name="Pause").click()
    expect(job).to_contain_text("paused · ")
    expect(job.get_by_role("button", name="Pause")).to_be_hidden()
    job.get_by_role("button", name="Continue").click()
    expect(job).to_contain_text("Reading part")
    job.get_by_role("button", name="Stop").click()
    expect(job).to_contain_text("what was read so far is kept")
    expect(job.get_by_role("button", name="Continue")).to_be_hidden()


def test_the_safety_card_fits_and_says_what_is_wrong(station: DemoProcess, profile: BrowserContext) -> None:
    page = enter(profile, station.links[0], "health")
    card = page.get_by_role("region", name="Safety")
    for words in ("Not safe from a lost key.", "does not work", "does not agree", "damage found", "capture stopped"):
        expect(card).to_contain_text(words)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
