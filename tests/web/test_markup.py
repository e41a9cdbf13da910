"""HTML pieces: everything a record, a model or an error says is text, never markup."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from hearthside.companion.answers import Answer, AnswerMode, Turn
from hearthside.web import companion_page, day_page, health_page, layout, memory_page, training_page
from hearthside.web.calls import Problem
from hearthside.web.house import Job
from hearthside.web.markup import (
    clock_words,
    day_words,
    evidence,
    hit_item,
    local_words,
    minute_link,
    moment_words,
    offset_words,
    problem_card,
    tag,
)
from tests.web.demo_day import at, lane_items
from tests.web.demo_house import HOSTILE, LAST_DAY, DemoHouse, as_hit


class Tags(HTMLParser):
    """Collects the elements, attributes and text a browser would make of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(html: Markup) -> bool:
    """Whether the hostile text stayed text, whole."""
    found = Tags(html)
    assert HOSTILE in found.text
    return not found.names & {"img", "script"} and not {name for name in found.attributes if name.startswith("on")}


@given(st.text(), st.text())
def test_text_and_attributes_survive_as_they_are(words: str, title: str) -> None:
    class Reader(HTMLParser):
        got: tuple[str, str] = ("", "")

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.got = (dict(attrs).get("title") or "", "")

        def handle_data(self, data: str) -> None:
            self.got = (self.got[0], self.got[1] + data)

    html = tag("p", words, title=title)
    assert html.startswith("<p ") and "<" not in html[1 : -len("</p>")]
    reader = Reader()
    reader.feed(str(html))
    reader.close()
    assert reader.got == (title, words)


def test_tag_leaves_out_and_keeps_what_it_should() -> None:
    assert tag("input", disabled=True, checked=False, value=None, aria_label="x") == '<input disabled aria-label="x">'
    assert tag("p", tag("b", "<"), "<", cls="c") == '<p class="c"><b>&lt;</b>&lt;</p>'


def test_hostile_words_stay_words_wherever_they_are_shown() -> None:
    hit = replace(as_hit(lane_items(LAST_DAY)[0]), text=HOSTILE, note=HOSTILE, local=HOSTILE, source=HOSTILE)
    house = DemoHouse("hostile")
    answer = Answer(HOSTILE, AnswerMode.QUOTED, HOSTILE, HOSTILE, [hit], HOSTILE, HOSTILE)
    offer, proposal = house.current_offer, house.proposal
    assert offer is not None
    training = house.training()
    adapter = replace(training.adapters[0], reason=HOSTILE, receipt=[HOSTILE], attestation=HOSTILE)
    night = replace(training.night, steps=[(HOSTILE, HOSTILE, HOSTILE)]) if training.night else None
    assert night is not None
    job = Job("1", "import", HOSTILE, "failed", 0, 0, HOSTILE, HOSTILE, 0, None, [HOSTILE])
    health = house.health()
    pieces = [
        hit_item(hit, with_why=True),
        companion_page.past_turn(Turn(0, HOSTILE, "you", HOSTILE, None)),
        companion_page.past_turn(Turn(0, "", "hearthside", HOSTILE, answer)),
        companion_page.answer_turn(replace(answer, later=True, asked=HOSTILE)),
        companion_page.offer_body(replace(offer, text=HOSTILE, reason=HOSTILE, evidence=[hit])),
        companion_page.proposal_body(replace(proposal, text=HOSTILE, reason=HOSTILE, entity=HOSTILE)),
        day_page.slice_body(house.slice(at(LAST_DAY, "07:44"))),
        day_page.day_facts(replace(house.day(LAST_DAY), day_items=[replace(lane_items(LAST_DAY)[0], text=HOSTILE)])),
        memory_page.record_body(HOSTILE, {HOSTILE: HOSTILE}),
        memory_page.search_fields([(HOSTILE, HOSTILE)], "", ""),
        training_page.adapter_body(adapter, UTC),
        training_page.night_body(night, UTC),
        health_page.rejected_body(replace(health, rejected=[(HOSTILE, HOSTILE, HOSTILE)])),
        health_page.egress_body(replace(health, egress=[(HOSTILE, HOSTILE, HOSTILE, HOSTILE)])),
        health_page.nodes_body([replace(health.nodes[0], name=HOSTILE, sentence=HOSTILE)], UTC),
        health_page.sources_body(replace(health, sources=[replace(health.sources[0], title=HOSTILE)])),
        health_page.work_body([job], UTC),
        layout.job_details(job),
        layout.node_notice(replace(house.overview(), node_sentence=HOSTILE)),
        problem_card(Problem(HOSTILE, HOSTILE)),
    ]
    assert [number for number, piece in enumerate(pieces) if not harmless(piece)] == []


@pytest.mark.parametrize(
    ("local", "link"),
    [
        ("2026-03-31T07:44+01:00", "/day/2026-03-31?at=5"),
        ("2026-03-31 07:44", "/day/2026-03-31?at=5"),
        ("2026-03-31", "/day/2026-03-31"),
        ("yesterday", "/at/5"),
    ],
)
def test_a_hit_links_to_its_minute(local: str, link: str) -> None:
    assert minute_link(replace(as_hit(lane_items(LAST_DAY)[0]), local=local, start_ms=5)) == link


def test_times_read_like_times() -> None:
    assert day_words("2026-03-31") == "Tuesday, 31 March 2026"
    assert day_words("soon") == "soon"
    assert local_words("2026-03-31T07:44+01:00") == "Tue 31 Mar 2026, 07:44"
    assert local_words("2026-03-31") == "Tue 31 Mar 2026"
    assert moment_words(at(LAST_DAY, "07:44"), UTC) == "Tue 31 Mar 2026, 06:44"
    assert clock_words(at(LAST_DAY, "07:44"), 60) == "07:44"
    assert (offset_words(60), offset_words(-210), offset_words(0)) == ("UTC+01:00", "UTC−03:30", "UTC+00:00")


def test_evidence_is_counted_and_absent_when_there_is_none() -> None:
    hits = [as_hit(one) for one in lane_items(LAST_DAY)[:2]]
    assert evidence([]) == ""
    assert "1 piece of evidence" in evidence(hits[:1]) and "2 pieces of evidence" in evidence(hits)


def test_an_invented_life_says_so_and_a_real_one_does_not() -> None:
    overview = DemoHouse().overview()
    assert "This life is invented" in layout.banner(overview)
    assert layout.banner(replace(overview, invented=False)) == ""


def test_simulated_attestation_is_named_on_every_adapter() -> None:
    for adapter in DemoHouse().training().adapters:
        assert "simulated attestation: not protected by hardware" in training_page.adapter_body(adapter, UTC)


def test_search_filters_reach_the_house() -> None:
    house = DemoHouse()
    hits = memory_page.search(
        house, "talk slides", {"layer": ["auditory", "nonsense"], "from": LAST_DAY, "to": LAST_DAY}
    )
    assert [hit.source for hit in hits] == ["omi"]
    assert memory_page.search(house, "talk", {"from": "2026-04-01"}) == []
    assert memory_page.search(house, "talk", {"source": "omi"}) == hits
