"""The page of compute nodes in a real Chromium: who answers, pairing by a code, choosing a plug, removing a node."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.test_pages_browser import DESKTOP, PHONE, Visit, browser
from tests.web.demo_nodes import ADDRESS, CODE
from tests.web.demo_process import demo_process

__all__ = ["browser"]  # the fixture

pytestmark = pytest.mark.browser

_SHOTS = os.environ.get("HEARTHSIDE_SHOTS", "")  # a folder to keep screenshots in, to look at


def shot(page: Page, name: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    if _SHOTS:
        page.screenshot(path=Path(_SHOTS) / f"nodes-{name}.png", full_page=True)


def type_code(page: Page, code: str) -> None:
    """As a person types it: the cursor goes on to the next group by itself."""
    for number in (1, 2, 3):
        page.get_by_label(f"Code, group {number} of 3").fill("")
    page.get_by_label("Code, group 1 of 3").focus()
    page.keyboard.type(code.replace("-", "").lower())


def test_a_node_is_found_paired_given_a_plug_and_removed(browser: Browser, tmp_path: Path) -> None:
    with demo_process(tmp_path) as station:
        visit = Visit(browser, station)
        page = visit.open("/health")
        page.get_by_role("link", name="Compute nodes: who answers").click()
        expect(page.locator(".node-sentence")).to_contain_text("Study answers: of the nodes")
        cards = page.locator(".node-cards > section")
        expect(cards).to_have_count(3)
        expect(page.locator(".node-chosen")).to_contain_text("7.6 billion parameters")
        shot(page, "desktop")

        page.get_by_role("button", name="Look for nodes").click()
        page.get_by_role("button", name=f"Choose {ADDRESS}").click()
        expect(page.get_by_label("Address")).to_have_value(ADDRESS)
        expect(page.get_by_label("Code, group 1 of 3")).to_be_focused()
        type_code(page, "7K3M-9QTD-2XVV")
        expect(page.get_by_label("Code, group 3 of 3")).to_have_value("2xvv")
        page.get_by_label("What you call it").fill("Cellar")
        page.keyboard.press("Enter")
        expect(page.locator(".node-said .problem")).to_contain_text("The code is wrong")
        shot(page, "desktop-wrong-code")
        type_code(page, CODE)
        page.get_by_role("button", name="Pair", exact=True).click()
        expect(page.locator(".node-said")).to_contain_text("Cellar is paired")
        expect(cards).to_have_count(4)
        expect(page.get_by_label("Address")).to_have_value("")

        cellar = page.get_by_role("region", name="Cellar")
        cellar.locator("summary").click()
        cellar.get_by_label("Switch that powers it").select_option("switch.lamp")
        cellar.get_by_role("button", name="Save").click()
        expect(page.locator(".problems .problem")).to_contain_text("Nothing was chosen")
        page.get_by_role("button", name="Close this message").click()
        cellar.get_by_label("Switch that powers it").select_option("switch.shelf")
        shot(page, "desktop-plug")
        cellar.get_by_role("button", name="Save").click()
        expect(cellar.locator("summary")).to_have_text("Plug: switch.shelf")

        cellar.get_by_role("button", name="Remove").click()
        expect(cellar).to_contain_text("forgets everything")
        expect(cellar.get_by_role("button", name="Keep it")).to_be_focused()
        page.keyboard.press("Enter")
        expect(cellar.get_by_role("button", name="Remove Cellar")).to_be_focused()
        cellar.get_by_role("button", name="Remove").click()
        shot(page, "desktop-remove")
        cellar.get_by_role("button", name="Remove Cellar for good").click()
        expect(cards).to_have_count(3)
        assert not any("7K3M" in url.upper() for url in visit.requests)
        visit.close()


def test_a_code_is_pasted_whole_and_what_cannot_be_one_is_not_sent(browser: Browser, tmp_path: Path) -> None:
    with demo_process(tmp_path, "down") as station:
        visit = Visit(browser, station, PHONE)
        page = visit.open()
        page.get_by_role("link", name="Compute nodes").click()  # in the notice that says what is limited
        expect(page.locator(".node-sentence")).to_contain_text("Old laptop answers")
        page.get_by_role("region", name="Study").locator("summary").tap()
        expect(page.get_by_role("region", name="Study")).to_contain_text("Home Assistant does not answer")
        shot(page, "phone-down")
        page.get_by_label("Address").fill("somewhere")
        page.get_by_label("Code, group 1 of 3").focus()
        page.evaluate(
            """(code) => {
                const data = new DataTransfer();
                data.setData("text", code);
                document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
            }""",
            CODE,
        )
        assert page.locator("[data-code-part]").evaluate_all("(all) => all.map((one) => one.value)") == CODE.split("-")
        page.get_by_role("button", name="Pair", exact=True).tap()
        expect(page.locator(".node-said .problem")).to_contain_text("Nothing answers at somewhere")
        page.get_by_label("Code, group 2 of 3").fill("9QTU")
        page.get_by_role("button", name="Pair", exact=True).tap()
        expect(page.locator(".node-said .problem")).to_contain_text("No code holds “U”")
        shot(page, "phone-problem")
        visit.close()


def test_without_another_node_it_says_what_one_would_bring(browser: Browser, tmp_path: Path) -> None:
    with demo_process(tmp_path, "alone") as station:
        for size in (DESKTOP, PHONE):
            visit = Visit(browser, station, size)
            visit.page.emulate_media(color_scheme="light" if size == DESKTOP else "dark")
            page = visit.open("/nodes")
            expect(page.locator("code", has_text="hearthside compute").first).to_be_visible()
            expect(page.get_by_role("region", name="This machine")).to_contain_text("135 million parameters")
            expect(page.locator(".node-cards button")).to_have_count(0)
            shot(page, f"alone-{size[0]}")
            visit.close()
