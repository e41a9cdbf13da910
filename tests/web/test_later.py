"""Putting questions off over the API, and which turns of a conversation were answered later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from hearthside.companion.answers import Answer, AnswerMode, Turn
from hearthside.identity.tokens import Lockout
from hearthside.web.api import _browser_routes, _waiting_routes
from hearthside.web.guard import Door
from hearthside.web.later import answered_elsewhere, answered_later
from hearthside.web.layout import Shells
from hearthside.web.residents import Household
from hearthside.web.waiting_views import WaitingView
from tests.web.demo_house import DemoHouse
from tests.web.demo_station import resident

QUESTION = "0a" * 16


def _client() -> tuple[TestClient, DemoHouse]:
    person = resident("Mira", "one")
    router, app, household = APIRouter(), FastAPI(), Household([person])
    _waiting_routes(router, Shells(household))
    _browser_routes(router, Shells(household), Door(8420, household, Lockout(lambda: 0), lambda: "a" * 22))
    app.include_router(router)

    @app.middleware("http")
    async def let_in(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.resident = person.key
        return await go_on(request)

    assert isinstance(person.house, DemoHouse)
    return TestClient(app), person.house


def test_a_question_is_put_off_and_taken_back() -> None:
    client, house = _client()
    assert client.post("/api/later", json={"question": QUESTION}).json() == {}
    assert [one["id"] for one in client.get("/api/later").json()] == [QUESTION]
    assert client.post("/api/later", json={"question": QUESTION, "withdraw": True}).status_code == 200
    assert house.waiting.questions() == []
    again = client.post("/api/later", json={"question": QUESTION, "withdraw": True})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "later-not-waiting")
    assert client.post("/api/later", content=b"no object").json()["error"]["code"] == "bad-request"


def test_a_later_answer_names_its_question() -> None:
    first = Answer("Less.", AnswerMode.QUOTED, question=QUESTION, improvable=True)
    second = Answer("More.", AnswerMode.QUOTED, question=QUESTION, later=True)
    turns = [Turn(0, "", "you", "Well?", None), Turn(1, "", "hearthside", "Less.", first)]
    assert answered_later(turns) == set()
    assert answered_later([*turns, Turn(2, "", "hearthside", "More.", second)]) == {QUESTION}


def test_later_answers_elsewhere_are_named_with_the_way_to_them() -> None:
    one = WaitingView(QUESTION, "<b>Well?</b>", "conversation-1", "2026-03-31 21:45")
    said = answered_elsewhere([one])
    assert "1 later answer elsewhere" in said and 'href="/continue/conversation-1"' in said and "<b>" not in said
    assert "7 later answers" in answered_elsewhere([one] * 7) and answered_elsewhere([one] * 7).count("<li>") == 5


def test_a_browser_goes_on_with_an_earlier_conversation() -> None:
    client, _ = _client()
    chosen = client.get("/continue/conversation-1", follow_redirects=False)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/")
    assert "=conversation-1;" in chosen.headers["set-cookie"]
    for wrong in ("short", "x" * 65, "a b c d e f"):
        assert "set-cookie" not in client.get(f"/continue/{wrong}", follow_redirects=False).headers
