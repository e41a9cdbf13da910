"""The time axis in a real Chromium: from minute to year and back, rhythms, by mouse, keyboard and finger."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.test_pages_browser import DESKTOP, PHONE, Visit, browser, phone, station, visit
from tests.web.demo_day import at
from tests.web.demo_house import FIRST_DAY, LAST_DAY
from tests.web.demo_process import DemoProcess

__all__ = ["browser", "phone", "station", "visit"]  # fixtures

pytestmark = pytest.mark.browser

AT = at(LAST_DAY, "14:20")
PAGES = (
    f"/day/{LAST_DAY}?at={AT}", f"/day/{LAST_DAY}?zoom=hour&at={AT}", f"/week/{LAST_DAY}?at={AT}",
    f"/month/{LAST_DAY[:7]}?day={LAST_DAY}", f"/year/2026?day={LAST_DAY}&years=4", "/year/2025?measure=sleep",
    "/rhythm", "/rhythm?days=365",
)  # fmt: skip


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_no_page_of_the_axis_scrolls_sideways_or_loads_from_elsewhere(
    browser: Browser, station: DemoProcess, size: tuple[int, int], scheme: str
) -> None:
    visit = Visit(browser, station, size)
    visit.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in PAGES:
        page = visit.open(path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        wider = page.evaluate(
            "[...document.querySelectorAll('.daychart, .span-holder, .heat-maps, .actogram-card')]"
            ".filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className)"
        )
        assert wider == [], path
    visit.close()


def level(page: Page) -> str:
    return page.locator(".zoom-now").first.inner_text()


def test_the_zoom_keeps_the_moment_from_hour_to_year_and_back(visit: Visit) -> None:
    page = visit.open(f"/day/{LAST_DAY}?zoom=hour&at={AT}")
    expect(page.locator("h1")).to_have_text("14:00 to 15:00")
    expect(page.locator(".slice-clock")).to_have_text("14:20")
    expect(page.locator(".slice-episodes")).to_contain_text("with Ravi")
    seen = []
    for _ in range(4):
        before = page.url
        page.keyboard.press("-")
        page.wait_for_function("(before) => location.href !== before", arg=before)
        page.wait_for_function("window.did_handshake === true")
        seen.append(level(page))
        assert str(AT) in page.url
    assert seen == ["Day", "Week", "Month", "Year"]
    expect(page.locator(".heat-day.is-moment")).to_have_attribute("aria-label", re.compile("Tue 31 Mar 2026"))
    for name in ("Month", "Week", "Day", "Hour"):
        page.get_by_role("link", name=re.compile("^Nearer")).click()
        expect(page.locator(".zoom-now")).to_have_text(name)
        page.wait_for_function("window.did_handshake === true")
    expect(page.locator(".slice-clock")).to_have_text("14:20")


def test_a_minute_that_is_held_stands_in_the_address_and_in_the_zoom(visit: Visit) -> None:
    page = visit.open(f"/day/{LAST_DAY}")
    chart = page.get_by_role("slider")
    chart.focus()
    for _ in range(3):
        page.keyboard.press("PageDown")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".slice-clock")).to_have_text("01:00")
    wanted = str(at(LAST_DAY, "01:00"))
    page.wait_for_url(lambda url: wanted in url)
    page.reload()
    expect(page.locator(".slice-clock")).to_have_text("01:00")
    page.get_by_role("group", name="Zoom").get_by_role("link", name="Hour", exact=True).click()
    expect(page.locator("h1")).to_have_text("01:00 to 02:00")


def test_hours_follow_each_other(visit: Visit) -> None:
    page = visit.open(f"/day/{LAST_DAY}?zoom=hour&at={at(LAST_DAY, '18:10')}")
    expect(page.locator(".hour-list")).to_contain_text("Lanterns – Paper Boats")
    page.get_by_role("link", name="Hour after").click()
    expect(page.locator("h1")).to_have_text("19:00 to 20:00")
    expect(page.locator(".hour-list")).to_contain_text("quiet restaurants near the river")


def test_the_coverage_of_each_source_opens_on_demand(visit: Visit) -> None:
    page = visit.open(f"/day/{LAST_DAY}")
    expect(page.locator(".source-row").first).to_be_hidden()
    page.get_by_text("Coverage of each source").click()
    expect(page.locator(".source-row").first).to_be_visible()
    expect(page.locator(".provisional-words")).to_contain_text("Smart glasses (from 20:50)")


def test_a_row_of_the_week_leads_to_the_minute_that_was_clicked(visit: Visit) -> None:
    page = visit.open(f"/week/{LAST_DAY}")
    box = page.locator(".week-row .plot").nth(0).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 12.5 / 24, box["y"] + 20)
    expect(page.locator("h1")).to_have_text("Monday, 30 March 2026")
    expect(page.locator(".slice-clock")).to_have_text(re.compile("12:(29|30)"))


def test_the_wheel_with_ctrl_zooms_into_what_is_pointed_at(visit: Visit) -> None:
    page = visit.open("/month/2026-03")
    page.locator(".month-cell").nth(9).hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    expect(page.locator("h1")).to_have_text("Tuesday, 10 March 2026")


def test_a_month_leads_to_its_weeks(visit: Visit) -> None:
    page = visit.open("/month/2026-03")
    page.get_by_role("link", name=re.compile("^Week 11")).click()
    expect(page.locator("h1")).to_have_text("9 to 15 March 2026")
    page = visit.open("/month/nonsense")
    expect(page.locator(".problem")).to_contain_text("nonsense is not a month")


def test_a_year_is_read_by_mouse_and_by_keyboard_and_opens_the_day(visit: Visit) -> None:
    page = visit.open("/year/2025?measure=sleep&day=2025-07-09")
    said = page.locator(".heat-read")
    page.locator(".heat-day").nth(40).hover()
    expect(said).to_contain_text(re.compile(r"Mon 10 Feb 2025: \d+ h \d\d min"))
    page.locator(".heat-day.is-moment").focus()
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("Wed 16 Jul 2025")
    page.keyboard.press("ArrowDown")
    expect(said).to_contain_text("Thu 17 Jul 2025")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Thursday, 17 July 2025")


def test_another_measure_and_more_years_are_chosen(visit: Visit) -> None:
    page = visit.open(f"/year/2026?day={LAST_DAY}")
    page.get_by_label("Show").select_option("steps")
    expect(page.locator(".day-title")).to_contain_text("Steps")
    page.get_by_role("link", name="3 years").click()
    expect(page.locator(".heat")).to_have_count(3)
    expect(page.locator(".day-title")).to_contain_text("Steps")
    page.get_by_text("Month by month in figures").click()
    expect(page.get_by_role("table")).to_have_count(3)


def test_a_finger_reads_first_and_opens_with_the_second_tap(phone: Visit) -> None:
    page = phone.open("/year/2025?measure=steps")
    cell = page.locator(".heat-day").nth(10)
    cell.tap()
    expect(page.locator(".heat-read")).to_contain_text("Sat 11 Jan 2025")
    assert "/year/" in page.url
    cell.tap()
    expect(page.locator("h1")).to_have_text("Saturday, 11 January 2025")


def test_on_a_phone_the_sheet_of_a_minute_is_one_line_until_it_is_opened(phone: Visit) -> None:
    page = phone.open(f"/day/{LAST_DAY}?at={AT}")
    sheet, more = page.locator(".slice-panel"), page.get_by_role("button", name="Everything known of this minute")
    expect(page.locator(".slice-clock")).to_have_text("14:20")
    expect(page.locator(".slice-brief")).to_contain_text("with Ravi")
    expect(page.locator(".slice-episodes")).to_be_hidden()

    def height() -> float:
        box = sheet.bounding_box()
        assert box is not None
        return box["height"]

    assert height() <= 60  # of 844
    page.locator(".slice-brief").tap()
    expect(page.locator(".slice-episodes")).to_be_visible()
    expect(more).to_have_attribute("aria-expanded", "true")
    assert height() > 300
    more.tap()
    expect(page.locator(".slice-episodes")).to_be_hidden()
    assert height() <= 60


def test_words_that_do_not_fit_end_with_an_ellipsis(visit: Visit) -> None:
    overrun = """() => [...document.querySelectorAll("text.bar-words")].filter((label) =>
        label.getComputedTextLength() > label.ownerSVGElement.width.baseVal.value - label.x.baseVal[0].value + 1)
        .map((label) => label.textContent)"""
    said = "[...document.querySelectorAll('text.bar-words')].map((label) => label.textContent)"
    page = visit.open(f"/day/{LAST_DAY}?zoom=hour&at={at(LAST_DAY, '18:10')}")
    page.wait_for_function(f"{said}.some((words) => words.endsWith('…'))")
    wide = page.evaluate(said)
    assert page.evaluate(overrun) == [] and any(not words.endswith("…") for words in wide)
    page.set_viewport_size({"width": 900, "height": 900})
    page.wait_for_function(f"(wide) => {said}.join('').length < wide", arg=len("".join(wide)))
    assert page.evaluate(overrun) == []
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    page.wait_for_function(f"(wide) => {said}.join('|') === wide", arg="|".join(wide))  # the words come back


def test_the_legend_of_a_month_has_the_colours_of_its_cells(visit: Visit) -> None:
    page = visit.open("/month/2026-03")
    fills = """(place) => [...document.querySelectorAll(`${place} .episode-sleep .bar`)]
        .map((bar) => getComputedStyle(bar).fill)"""
    legend = page.evaluate(fills, ".legend")
    assert len(legend) == 1 and set(page.evaluate(fills, ".cell-strip")) == set(legend)


@pytest.mark.parametrize(
    ("path", "words", "to"),
    [
        ("/day/1999-05-05", "before anything that is known", FIRST_DAY),
        ("/day/2031-05-05", "after everything that is known", LAST_DAY),
    ],
)
def test_a_day_outside_the_life_says_so_and_leads_into_it(visit: Visit, path: str, words: str, to: str) -> None:
    page = visit.open(path)
    expect(page.locator(".outside")).to_contain_text(words)
    page.locator(".outside a").click()
    page.wait_for_url(f"**/day/{to}")
    expect(page.locator(".outside")).to_have_count(0)


def test_rhythms_are_read_and_open_their_days(visit: Visit) -> None:
    page = visit.open("/rhythm?days=30")
    plot = page.get_by_role("slider")
    said = page.locator(".heat-read")
    plot.focus()
    page.keyboard.press("Home")
    expect(said).to_contain_text("Monday, 2 March 2026: asleep")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 4.5 / 30)
    expect(said).to_contain_text("Friday, 6 March 2026")
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 4.5 / 30)
    expect(said).to_contain_text("Saturday, 7 March 2026")  # on the right each row shows the day after
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 4.5 / 30)
    expect(page.locator("h1")).to_have_text("Saturday, 7 March 2026")


def test_spans_of_rhythms(visit: Visit) -> None:
    page = visit.open("/rhythm")
    expect(page.locator(".rhythm-figures")).to_contain_text("Middle of sleep")
    page.get_by_role("link", name="A year", exact=True).click()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", "364")
    page.get_by_text("changes of the clock").click()
    expect(page.locator("#main")).to_contain_text("UTC+02:00 → UTC+01:00")


def test_plus_and_minus_do_not_zoom_while_one_writes(visit: Visit) -> None:
    page = visit.open(f"/day/{LAST_DAY}")
    page.get_by_label("Go to a day").focus()
    page.keyboard.press("-")
    page.wait_for_timeout(200)
    assert f"/day/{LAST_DAY}" in page.url
