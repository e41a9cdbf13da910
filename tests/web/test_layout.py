"""The frame of the pages: what every page says of alarms, of work under way, and of who is signed in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from hearthside.web.calls import LiveAnswers
from hearthside.web.house import Job
from hearthside.web.layout import Shell, Shells, alarm, amount_words, signed_in
from hearthside.web.residents import Household
from tests.web.demo_house import ALARM, DemoHouse
from tests.web.demo_station import resident

JOB = Job("import-1", "import", "Importing", "running", 0, 0, "records", "", 0)


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (JOB, "starting"),
        (replace(JOB, done=1200), "1,200 records"),
        (replace(JOB, done=1200, total=4800), "25 % · 1,200 of 4,800 records"),
        (replace(JOB, done=1200, total=4800, state="paused"), "paused · 25 % · 1,200 of 4,800 records"),
        (replace(JOB, done=4800, total=4800, state="done"), "done"),
        (replace(JOB, state="failed"), "failed"),
    ],
)
def test_how_far_a_job_is_is_told_in_words(job: Job, words: str) -> None:
    assert amount_words(job) == words
    assert job.active == (job.state in ("running", "paused"))


def test_an_alarm_is_told_on_every_page_and_is_no_markup() -> None:
    assert ALARM in alarm(DemoHouse("alarm").overview()) and alarm(DemoHouse().overview()) == ""
    assert "<b>" not in alarm(replace(DemoHouse().overview(), notice="<b>"))


def test_who_is_signed_in_is_said_only_where_several_live() -> None:
    house = DemoHouse()
    alone = Shell(house, LiveAnswers(house), resident="key", name="Mira")
    assert signed_in(alone, "Mira") == ""
    assert "<b>Mira</b>" in signed_in(replace(alone, several=True), "")
    assert "<b>Tomas</b>" in signed_in(replace(alone, several=True, name=""), "Tomas")
    assert "<i>" not in signed_in(replace(alone, several=True, name="<i>"), "")


def test_a_request_gets_the_shell_of_its_own_resident_or_none_at_all() -> None:
    people = [resident("Mira", "one"), resident("Tomas", "two")]
    shells = Shells(Household(people))
    for one in people:
        assert shells.of(Request({"type": "http", "state": {"resident": one.key}})).house is one.house
    for state in ({}, {"resident": ""}, {"resident": "nobody"}, {"resident": None}):
        with pytest.raises(HTTPException) as refused:
            shells.of(Request({"type": "http", "state": state}))
        assert refused.value.status_code == 401
