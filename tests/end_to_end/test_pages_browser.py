"""The pages in a real Chromium, against the demonstration house: what a person does, on a desktop and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from hearthside.web.later import PUT_OFF
from tests.end_to_end.conftest import DESKTOP, PHONE, browser
from tests.web.demo_house import LAST_DAY
from tests.web.demo_process import DemoProcess, demo_process
from tests.web.demo_waiting import LATER

__all__ = ["DESKTOP", "PHONE", "browser"]  # test_time_axis_browser takes them from here

pytestmark = pytest.mark.browser

PAGES = ("/", f"/day/{LAST_DAY}", "/memory", "/known", "/training", "/health", "/nodes", f"/record/{1:032x}")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    with demo_process(tmp_path_factory.mktemp("full")) as running:
        yield running


class Visit:
    """One browser window that records every request and every complaint of the page."""

    def __init__(self, browser: Browser, station: DemoProcess, size: tuple[int, int] = DESKTOP) -> None:
        phone = size == PHONE
        self.station = station
        self.context: BrowserContext = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, has_touch=phone, is_mobile=phone, locale="en-GB"
        )
        self.page: Page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(self.where(request)))
        self.page.on("websocket", lambda opened: self.requests.append(opened.url.replace("ws://", "http://")))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )

    @staticmethod
    def where(request: Request) -> str:
        return request.url

    def open(self, path: str = "/") -> Page:
        """Open a page and wait until it is alive: mounted and connected."""
        self.page.goto(self.station.base + path)
        self.page.wait_for_function("window.did_handshake === true")
        expect(self.page.locator("#main h1")).to_be_visible()
        return self.page

    def close(self) -> None:
        """Every window of every test: nothing from elsewhere, no complaint."""
        self.context.close()
        elsewhere = [url for url in self.requests if not url.startswith((self.station.base + "/", "data:"))]
        assert elsewhere == []
        assert self.complaints == []


@pytest.fixture
def visit(browser: Browser, station: DemoProcess) -> Iterator[Visit]:
    opened = Visit(browser, station)
    yield opened
    opened.close()


@pytest.fixture
def phone(browser: Browser, station: DemoProcess) -> Iterator[Visit]:
    opened = Visit(browser, station, PHONE)
    yield opened
    opened.close()


def ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def boxes(page: Page) -> tuple[dict[str, float], dict[str, float]]:
    """Where an answer and its evidence stand, read at one moment: the page may be scrolling."""
    words, evidence = page.evaluate(
        """[".turn-house .bubble", ".turn-house .turn-evidence"].map(
        (one) => document.querySelector(one).getBoundingClientRect().toJSON())"""
    )
    return words, evidence


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_every_page_fits_says_the_life_is_invented_and_loads_nothing_from_elsewhere(
    browser: Browser, station: DemoProcess, size: tuple[int, int]
) -> None:
    visit = Visit(browser, station, size)
    for path in PAGES:
        page = visit.open(path)
        expect(page.locator(".banner")).to_contain_text("This life is invented")
        expect(page.get_by_role("navigation", name="Pages").get_by_role("link")).to_have_count(6)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert page.evaluate("document.querySelectorAll('main').length") == 1
    visit.close()


def test_an_answer_streams_and_shows_its_evidence_beside_it(visit: Visit) -> None:
    page = visit.open()
    ask(page, "How long did I sleep last night?")
    expect(page.locator(".streaming")).to_contain_text("You slept 5 h")
    assert "usual night" not in page.locator(".streaming").inner_text()  # it is still on its way
    answer = page.locator(".turn-house").last
    expect(answer.locator(".badge")).to_have_text("Computed")
    expect(answer).to_contain_text("That is 1 h 40 min less than your usual night this month.")
    expect(answer).to_contain_text("time asleep in the night to 31 March 2026")
    evidence = answer.locator(".turn-evidence")
    expect(evidence).to_contain_text("Slept 5 h 31 min")
    words, beside = boxes(page)
    assert beside["left"] >= words["right"] and beside["top"] == pytest.approx(words["top"], abs=20)
    evidence.locator(".hit-time").first.click()
    expect(page.locator(".slice-clock")).to_have_text("00:48")  # the day page, at that minute


def test_a_conversation_goes_on_after_a_reload_even_in_the_middle_of_an_answer(visit: Visit) -> None:
    page = visit.open()
    ask(page, "When did I last write to Ravi?")
    expect(page.locator(".turn-house .badge")).to_have_text("Quoted")
    ask(page, "What was I listening to on my walk?")
    expect(page.locator(".streaming")).to_contain_text("On your walk")
    page.reload()
    expect(page.locator(".turn-you")).to_have_count(2)
    expect(page.locator(".turn-house .about")).to_have_count(2)
    expect(page.locator(".turn-house").last).to_contain_text("Slow Ember")
    page.get_by_role("link", name="New conversation").click()
    expect(page.locator(".greeting")).to_contain_text("Hello, Mira")
    expect(page.locator(".turn")).to_have_count(0)


def test_a_suggestion_can_be_tapped_and_dont_know_is_said(phone: Visit) -> None:
    page = phone.open()
    page.get_by_role("button", name="What was I listening to on my walk?").tap()
    expect(page.locator(".turn-house .badge")).to_have_text("Computed")
    words, below = boxes(page)
    assert below["top"] >= words["bottom"]
    ask(page, "What is my sister called?")
    expect(page.locator(".turn-house .badge").last).to_have_text("I don’t know")


def test_an_error_in_an_answer_is_a_plain_sentence(visit: Visit, station: DemoProcess) -> None:
    page = visit.open()
    ask(page, "please break")
    expect(page.locator(".problem")).to_contain_text("Something went wrong here; your data is safe.")
    assert "secret" not in page.content() and "secret" not in station.log.read_text()
    ask(page, "hello")
    expect(page.locator(".turn-house .badge")).to_have_text("Conversation")


def test_pointing_at_a_minute_shows_its_slice_and_a_click_holds_it(visit: Visit) -> None:
    page = visit.open(f"/day/{LAST_DAY}")
    assert page.locator(".lane").count() == 6 and page.locator(".series").count() == 2
    box = page.locator(".lane .plot").nth(3).bounding_box()
    assert box is not None

    def point_at(hour: float) -> None:
        page.mouse.move(box["x"] + box["width"] * hour / 24, box["y"] + box["height"] / 2)

    point_at(3)
    expect(page.locator(".slice-clock")).to_have_text(re.compile("0[23]:[05][0-9]"))
    expect(page.locator(".slice")).to_contain_text("Slept 5 h 31 min")
    expect(page.locator(".slice")).to_contain_text("unknown: nothing was listening")
    point_at(18.12)
    expect(page.locator(".slice")).to_contain_text("Lanterns – Paper Boats")
    page.mouse.down()
    page.mouse.up()
    held = page.locator(".slice-clock").inner_text()
    point_at(10)
    page.wait_for_timeout(400)
    assert page.locator(".slice-clock").inner_text() == held
    page.locator(".slice a").first.click()
    expect(page.locator("h1")).to_have_text("One record")


def test_the_day_is_read_by_keyboard_too(visit: Visit) -> None:
    page = visit.open(f"/day/{LAST_DAY}")
    chart = page.get_by_role("slider")
    chart.focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".slice-clock")).to_have_text("01:01")
    assert chart.get_attribute("aria-valuetext") == "01:01"
    page.keyboard.press("End")
    expect(page.locator(".slice-clock")).to_have_text("23:59")


def test_days_are_turned_and_picked(visit: Visit) -> None:
    page = visit.open("/day")
    expect(page.locator("h1")).to_have_text("Tuesday, 31 March 2026")
    page.get_by_role("link", name="Day before").click()
    expect(page.locator("h1")).to_have_text("Monday, 30 March 2026")
    page.get_by_label("Go to a day").fill("2026-03-08")
    expect(page.locator("h1")).to_have_text("Sunday, 8 March 2026")
    visit.open("/day/someday")
    expect(page.locator(".problem")).to_contain_text("someday is not a date")


def test_a_tap_on_a_phone_shows_the_slice(phone: Visit) -> None:
    page = phone.open(f"/day/{LAST_DAY}")
    page.locator(".lane .plot").nth(1).tap(position={"x": 45, "y": 10})
    expect(page.locator(".slice")).to_contain_text("Slept 5 h 31 min")
    expect(page.locator(".slice-panel")).to_be_in_viewport()


def test_memory_finds_and_filters(visit: Visit) -> None:
    page = visit.open("/memory")
    page.get_by_label("Search words").fill("alder quiet slides")
    page.keyboard.press("Enter")
    expect(page.locator(".results .hit").first).to_contain_text("found by same words, close in meaning")
    everything = page.locator(".results .hit").count()
    page.locator(".chips label", has_text="Visual").click()
    expect(page.locator(".results .hit")).to_have_count(1)
    assert everything > 1 and "alder" not in page.url
    page.locator(".chips label", has_text="Visual").click()
    page.get_by_label("Source").select_option("whatsapp")
    expect(page.locator(".results .hit").first).to_contain_text("WhatsApp")
    page.get_by_label("Search words").fill("zebra")
    page.keyboard.press("Enter")
    expect(page.locator(".results")).to_contain_text("Nothing was found")


def test_training_shows_the_gate_and_an_error_as_a_sentence(visit: Visit) -> None:
    page = visit.open("/training")
    expect(page.locator(".adapter")).to_have_count(3)
    active = page.locator(".adapter-is-active")
    expect(active).to_contain_text("Promoted: your later words are less surprising")
    expect(active).to_contain_text("simulated attestation: not protected by hardware")
    expect(active.locator(".bits")).to_have_count(3)
    expect(active.locator(".loss-line")).to_have_count(1)
    active.locator("summary").click()
    expect(active.locator(".receipt")).to_contain_text("deleted 2026-03-29")
    page.get_by_role("button", name="Go back to the previous adapter").click()
    page.get_by_role("button", name="Go back", exact=True).click()
    expect(page.locator(".problem")).to_contain_text("no earlier adapter to go back to")
    page.get_by_role("button", name="Close this message").click()
    expect(page.locator(".problem")).to_have_count(0)


def test_work_shows_its_progress_on_every_page_and_can_be_stopped(visit: Visit) -> None:
    page = visit.open("/training")
    page.get_by_role("button", name="Run the night now").click()
    expect(page.locator(".job")).to_contain_text("Night cycle")
    page = visit.open("/health")
    page.get_by_role("button", name="Rebuild life stream and index").click()
    rebuild = page.locator(".job", has_text="Rebuilding")
    expect(rebuild).to_contain_text("of 30 files")
    page = visit.open("/memory")
    page.get_by_role("button", name="Stop: Rebuilding life stream and index").click()
    expect(rebuild).to_contain_text("Stopped; what was read so far is kept.")
    page.get_by_role("button", name="Close: Rebuilding life stream and index").click()
    expect(rebuild).to_be_hidden()


def test_health_verifies_the_journal_and_takes_files(visit: Visit, tmp_path: Path) -> None:
    page = visit.open("/health")
    page.get_by_role("button", name="Verify the journal").click()
    expect(page.get_by_text("Verified just now: 14,380 records, chain whole.")).to_be_visible()
    expect(page.locator("#main")).to_contain_text("the time lies in the future")
    file = tmp_path / "a chat.txt"
    file.write_text("x" * 100_000)
    page.locator("input[data-upload]").set_input_files(file)
    expect(page.locator(".upload-state")).to_have_text("1 file received; the import has begun.")
    job = page.locator(".job", has_text="Importing your files").last
    job.locator("summary").click()
    expect(job).to_contain_text("a chat.txt 100000")
    page.get_by_label("File or folder on this machine").fill("/no/such/folder")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator(".problem")).to_contain_text("There is no file or folder at /no/such/folder")


@pytest.mark.parametrize(
    ("button", "thanks"),
    [
        ("Useful", "I will keep an eye on this"),
        ("Not now", "leave it for now"),
        ("Never", "not bring this up again"),
    ],
)
def test_an_offer_takes_a_reaction_and_does_not_come_back(
    browser: Browser, tmp_path: Path, button: str, thanks: str
) -> None:
    with demo_process(tmp_path) as station:
        visit = Visit(browser, station)
        page = visit.open()
        offer = page.locator(".offer")
        expect(offer).to_contain_text("Why now: a short night")
        offer.get_by_role("button", name=button, exact=True).click()
        expect(offer).to_contain_text(thanks)
        visit.open()
        expect(page.locator(".proposal")).to_be_visible()
        expect(page.locator(".offer")).to_have_count(0)
        page.get_by_role("button", name="Do it").click()
        expect(page.locator(".proposal")).to_contain_text("Done.")
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".proposal")).to_contain_text("it is as it was before")
        visit.close()


def test_an_empty_vault_offers_two_ways_in(browser: Browser, tmp_path: Path) -> None:
    with demo_process(tmp_path, "empty") as station:
        visit = Visit(browser, station)
        page = visit.open()
        expect(page.locator("h1")).to_have_text("Welcome home")
        expect(page.locator(".banner")).to_have_count(0)
        expect(page.get_by_role("heading", name="Import my data")).to_be_visible()
        page.get_by_role("button", name="Meet the sample life").click()
        expect(page.locator(".job")).to_contain_text("Meeting the sample life")
        expect(page.locator(".greeting")).to_contain_text("Hello, Mira", timeout=20_000)  # by itself, when it is in
        expect(page.locator(".banner")).to_be_visible()
        visit.close()


def test_a_node_that_is_away_is_told_on_every_page(browser: Browser, tmp_path: Path) -> None:
    with demo_process(tmp_path, "down") as station:
        visit = Visit(browser, station)
        for path in PAGES:
            expect(visit.open(path).locator(".notice")).to_contain_text("The language model has been away since 21:14")
        visit.close()


def test_an_answer_that_lacked_the_model_is_put_off_taken_back_and_given_later(
    browser: Browser, tmp_path: Path
) -> None:
    with demo_process(tmp_path, "down") as station:
        visit = Visit(browser, station)
        page = visit.open()
        ask(page, "How long did I sleep?")
        expect(page.locator(".turn-house .about")).to_be_visible()
        expect(page.locator(".limited")).to_have_count(0)  # computed: nothing is missing, and nothing is offered
        expect(page.get_by_role("button", name=PUT_OFF)).to_have_count(0)
        ask(page, "Did I want fish?")
        expect(page.locator(".turn-house .limited")).to_contain_text("by their words alone")
        page.get_by_role("button", name=PUT_OFF).click()
        expect(page.locator(".later")).to_contain_text("This waits for the model")
        page.get_by_role("button", name="Do not answer later").click()
        page.get_by_role("button", name=PUT_OFF).click()
        expect(page.locator(".later")).to_contain_text("This waits for the model")
        visit.open()  # what waits is known to the page that is opened next
        expect(page.locator(".later")).to_contain_text("This waits for the model")
        ask(page, "Are you back?")
        later = page.locator(".turn-house", has_text="to: What about fish?")
        expect(later).to_contain_text(LATER, timeout=20_000)
        expect(page.locator(".later").first).to_contain_text("Answered further down")
        visit.close()


def test_hostile_words_never_become_markup(browser: Browser, tmp_path: Path) -> None:
    with demo_process(tmp_path, "hostile") as station:
        visit = Visit(browser, station)
        page = visit.open()
        ask(page, '<img src=x onerror="window.hacked=3">')
        expect(page.locator(".turn-house .about")).to_be_visible()
        expect(page.locator(".turn-you")).to_contain_text("<img src=x onerror=")
        expect(page.locator(".turn-house .bubble .words")).to_contain_text("<img src=x onerror=")
        visit.open(f"/day/{LAST_DAY}?at={1774939440000}")  # 07:44, a hostile message
        expect(page.locator(".slice")).to_contain_text("<img src=x onerror=")
        page = visit.open("/memory")
        page.get_by_label("Search words").fill("onerror")
        page.keyboard.press("Enter")
        expect(page.locator(".results .hit").first).to_contain_text("<script>window.hacked")
        for path in ("/", f"/day/{LAST_DAY}", f"/record/{2:032x}"):
            visit.open(path)
            assert page.evaluate("window.hacked") is None
            assert page.locator("#main img").count() == 0
        visit.close()


def test_the_policy_stops_a_script_that_slipped_in(visit: Visit) -> None:
    """Were escaping ever to fail, the browser itself refuses inline handlers and foreign loads."""
    page = visit.open()
    page.evaluate(
        """document.body.insertAdjacentHTML('beforeend',
        '<img src="/no-such-image" onerror="window.hacked=1"><img src="http://127.0.0.1:9/pixel">')"""
    )
    page.wait_for_timeout(500)
    assert page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in said for said in visit.complaints)
    refused = [url for url in visit.requests if "127.0.0.1:9/" in url]
    visit.requests = [url for url in visit.requests if url not in refused]  # asked for by this test, stopped by policy
    visit.complaints.clear()


def test_the_token_opens_the_pages_once_and_for_all(browser: Browser, tmp_path: Path) -> None:
    with demo_process(tmp_path, token="the-token") as station:
        visit = Visit(browser, station)
        visit.page.goto(station.base)
        expect(visit.page.locator("body")).to_contain_text("Open the link the terminal shows")
        visit.page.goto(station.address)
        expect(visit.page.locator(".greeting")).to_be_visible()
        # Chromium reports the 401 itself, sooner or later.
        visit.complaints[:] = [said for said in visit.complaints if "401 (Unauthorized)" not in said]
        assert "token" not in visit.page.url
        assert visit.page.evaluate("document.cookie") == ""
        visit.open("/memory")
        visit.close()
