"""The door: which requests come in, which are refused, and what every answer carries."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from hearthside.errors import ConfigError, NeedsPerson
from hearthside.identity.tokens import FAILURES, FIRST_LOCK_MS, Lockout, TokenBook
from hearthside.web.guard import Door, Guard, content_security_policy, host_allowed, origin_allowed
from hearthside.web.residents import Household, Resident, cookie_proof
from tests.web.demo_house import DemoHouse
from tests.web.demo_station import LIVE_EVENT, bearer, resident

PORT = 8123
OWN = f"http://localhost:{PORT}"


def counter() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"random-{next(numbers):04d}"


async def page(request: Request) -> Response:
    return HTMLResponse(f"<script>1</script><p>{request.state.conversation}</p><script src='/a.js'></script>")


async def data(request: Request) -> Response:
    return PlainTextResponse(request.headers.get("x-forwarded-prefix", "no prefix"))


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


async def seen(request: Request) -> Response:
    """What an application behind the door sees of a request."""
    return PlainTextResponse(f"{request.state.resident} {request.url} {dict(request.headers)}")


def household(*residents: Resident, clock: Callable[[], int] = lambda: 0) -> Guard:
    """A door with something behind it."""
    routes = [
        Route("/", page),
        Route("/data", data, methods=["GET", "POST"]),
        Route("/{path:path}", seen, methods=["GET", "POST", "PUT"]),
        WebSocketRoute("/ws", socket),
    ]
    return Guard(Starlette(routes=routes), Door(PORT, Household(residents), Lockout(clock), counter()))


def guarded(token: str | None) -> Guard:
    return household(Resident(DemoHouse(), token))


def ask(app: Guard, method: str, url: str, **options: Any) -> httpx.Response:
    """One request as a browser on this machine would send it."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        cookies = options.pop("cookies", None)
        async with httpx.AsyncClient(transport=transport, base_url=OWN, cookies=cookies) as client:
            return await client.request(method, url, **options)

    return asyncio.run(send())


def shake_hands(app: Guard, headers: dict[str, str]) -> str:
    """What happens to a websocket handshake: the type of the first message sent back."""
    sent: list[MutableMapping[str, Any]] = []
    inbox: Iterator[MutableMapping[str, Any]] = iter(
        [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
    )

    async def receive() -> MutableMapping[str, Any]:
        return next(inbox)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "websocket",
        "path": "/ws",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "query_string": b"",
        "subprotocols": [],
    }
    receiver: Receive = receive
    sender: Send = send
    asyncio.run(app(scope, receiver, sender))
    return str(sent[0]["type"])


@pytest.mark.parametrize("host", ["localhost:8123", "127.0.0.1:8123", "[::1]:8123", "LOCALHOST:8123"])
def test_loopback_names_are_let_in(host: str) -> None:
    assert host_allowed(host, PORT)
    assert ask(guarded(None), "GET", "/data", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8123", "evil.example", "localhost", "localhost:80", "127.0.0.1.evil.example:8123", ""]
)
def test_any_other_host_is_refused(host: str) -> None:
    """DNS rebinding: the browser believes a stranger's name is this machine and says so in Host."""
    assert not host_allowed(host, PORT)
    assert ask(guarded(None), "GET", "/data", headers={"host": host}).status_code == 421
    assert shake_hands(guarded(None), {"host": host}) == "websocket.close"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost:8123", "http://localhost:9999"])
def test_requests_and_websockets_of_other_pages_are_refused(origin: str) -> None:
    for method in ("GET", "POST"):
        assert ask(guarded(None), method, "/data", headers={"origin": origin}).status_code == 403
    assert shake_hands(guarded(None), {"host": f"localhost:{PORT}", "origin": origin}) == "websocket.close"


def test_own_pages_and_their_websockets_are_let_in() -> None:
    assert ask(guarded(None), "POST", "/data", headers={"origin": OWN}).status_code == 200
    assert shake_hands(guarded(None), {"host": f"localhost:{PORT}", "origin": OWN}) == "websocket.accept"


def test_fetch_metadata_of_another_site_is_refused_unless_a_link_is_followed() -> None:
    def allowed(method: str, **fetch: str) -> bool:
        return origin_allowed({f"sec-fetch-{name}": value for name, value in fetch.items()}, method)

    assert allowed("GET", site="none", mode="navigate", dest="document")
    assert allowed("GET", site="cross-site", mode="navigate", dest="document")
    assert not allowed("POST", site="cross-site", mode="navigate", dest="document")
    assert not allowed("GET", site="cross-site", mode="no-cors", dest="image")
    assert not allowed("GET", site="same-site", mode="cors", dest="empty")
    assert not allowed("GET", site="cross-site", mode="navigate", dest="iframe")
    assert allowed("POST", site="same-origin", mode="cors", dest="empty")


def test_without_the_token_only_the_closed_page_is_shown() -> None:
    app = guarded("secret")
    answer = ask(app, "GET", "/")
    assert answer.status_code == 401 and "Open the link the terminal shows" in answer.text
    assert "random-0001</p>" not in answer.text
    assert ask(app, "GET", "/?token=wrong").status_code == 401
    assert (
        ask(app, "POST", "/data?token=secret").status_code == 401
    )  # the link opens pages, it does not authorise posts
    assert ask(app, "GET", "/data", cookies={f"hearthside_key_{PORT}": "secret"}).status_code == 401
    assert shake_hands(app, {"host": f"localhost:{PORT}"}) == "websocket.close"


def test_the_link_with_the_token_sets_a_cookie_and_leaves_the_address() -> None:
    app = guarded("secret")
    answer = ask(app, "GET", "/?token=secret&c=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?c=1")
    cookie = answer.headers["set-cookie"]
    assert f"hearthside_key_{PORT}={cookie_proof('secret')}" in cookie
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and "secret" not in cookie
    proof = {f"hearthside_key_{PORT}": cookie_proof("secret")}
    assert ask(app, "GET", "/", cookies=proof).status_code == 200
    line = "; ".join(f"{name}={value}" for name, value in proof.items())
    assert shake_hands(app, {"host": f"localhost:{PORT}", "origin": OWN, "cookie": line}) == "websocket.accept"


def test_the_redirect_stays_on_this_machine() -> None:
    location = ask(guarded("secret"), "GET", f"{OWN}//evil.example/?token=secret").headers["location"]
    assert location == "/evil.example/"


def test_every_answer_carries_the_security_headers() -> None:
    for app, url in (
        (guarded(None), "/"),
        (guarded(None), "/data"),
        (guarded("secret"), "/"),
        (guarded(None), "/none"),
    ):
        headers = ask(app, "GET", url).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_scripts_need_the_nonce_of_their_own_answer() -> None:
    app = guarded(None)
    nonces = set()
    for _ in range(2):
        answer = ask(app, "GET", "/")
        allowed = re.search(
            r"script-src 'self' 'nonce-([^']+)' 'unsafe-eval';", answer.headers["content-security-policy"]
        )
        assert allowed is not None
        assert answer.text.count(f'<script nonce="{allowed[1]}"') == answer.text.count("<script") == 2
        assert int(answer.headers["content-length"]) == len(answer.content)
        nonces.add(allowed[1])
    assert len(nonces) == 2


def test_the_policy_loads_nothing_from_elsewhere() -> None:
    sources = {word for rule in content_security_policy("n").split(";") for word in rule.split()[1:]}
    assert sources == {"'self'", "'nonce-n'", "'unsafe-eval'", "'unsafe-inline'", "data:", "'none'"}
    assert "script-src 'self' 'nonce-n' 'unsafe-eval';" in content_security_policy("n")


def test_a_browser_keeps_its_conversation() -> None:
    app = guarded(None)
    name = f"hearthside_conversation_{PORT}_{Resident(DemoHouse()).key}"
    first = ask(app, "GET", "/", headers={"accept": "text/html"})
    cookie = re.search(rf"{name}=([^;]+)", first.headers["set-cookie"])
    assert cookie is not None and f"<p>{cookie[1]}</p>" in first.text
    again = ask(app, "GET", "/", headers={"accept": "text/html"}, cookies={name: cookie[1]})
    assert f"<p>{cookie[1]}</p>" in again.text and "set-cookie" not in again.headers
    forged = ask(app, "GET", "/", headers={"accept": "text/html"}, cookies={name: "<b>"})
    assert "<b>" not in forged.text


def test_a_client_cannot_choose_the_prefix_of_addresses() -> None:
    assert ask(guarded(None), "GET", "/data", headers={"x-forwarded-prefix": "//evil.example"}).text == "no prefix"


class Clock:
    """Milliseconds that pass when told to."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


def cookie_of(token: str) -> dict[str, str]:
    return {f"hearthside_key_{PORT}": cookie_proof(token)}


def test_guessing_links_shuts_the_door_for_a_while_but_not_on_who_is_in() -> None:
    clock = Clock()
    app = household(Resident(DemoHouse(), "secret"), clock=clock)
    for _ in range(FAILURES):
        assert ask(app, "GET", "/?token=guess").status_code == 401
    shut = ask(app, "GET", "/?token=secret")  # the right one tells no more than a wrong one
    assert (shut.status_code, shut.headers["retry-after"]) == (429, "60")
    assert "door is shut" in shut.text and "60 seconds" in shut.text and "set-cookie" not in shut.headers
    assert ask(app, "GET", "/", cookies=cookie_of("secret")).status_code == 200
    bookmark = ask(app, "GET", "/memory?token=secret", cookies=cookie_of("secret"))
    assert (bookmark.status_code, bookmark.headers["location"]) == (303, "/memory")
    assert ask(app, "GET", "/").status_code == 401  # not a guess, so not told about
    clock.now_ms += FIRST_LOCK_MS
    assert ask(app, "GET", "/?token=secret").status_code == 303


def test_a_wrong_link_counts_in_a_browser_that_is_in_too() -> None:
    app = household(Resident(DemoHouse(), "secret"))
    for _ in range(FAILURES):
        assert ask(app, "GET", "/?token=guess", cookies=cookie_of("secret")).headers["location"] == "/"
    assert ask(app, "GET", "/?token=secret").status_code == 429


@pytest.mark.parametrize("query", ["token=secret", "a=1&token=guess", "%74oken=secret", "token="])
def test_no_token_passes_the_door(query: str) -> None:
    app = guarded("secret")
    for method in ("POST", "PUT"):
        answer = ask(app, method, f"/elsewhere?{query}", cookies=cookie_of("secret"))
        assert answer.status_code == 200 and "secret" not in answer.text and "guess" not in answer.text
    script = {"Authorization": "Bearer hs_something"}
    assert "hs_something" not in ask(app, "GET", "/elsewhere", headers=script, cookies=cookie_of("secret")).text


TWO = (resident("Mira", "token-mira"), resident("Tomas", "token-tomas"))


def test_each_link_and_cookie_is_its_own_residents() -> None:
    app = household(*TWO)
    for one in TWO:
        assert one.token is not None
        answer = ask(app, "GET", f"/?token={one.token}")
        assert f"hearthside_key_{PORT}={cookie_proof(one.token)}" in answer.headers["set-cookie"]
        assert ask(app, "GET", "/who", cookies=cookie_of(one.token)).text.startswith(one.key)
    assert TWO[0].key != TWO[1].key
    assert ask(app, "GET", "/who", cookies=cookie_of("token-mirator")).status_code == 401


def test_the_last_link_wins_in_a_browser() -> None:
    answer = ask(household(*TWO), "GET", "/?token=token-tomas", cookies=cookie_of("token-mira"))
    assert cookie_proof("token-tomas") in answer.headers["set-cookie"]


def test_each_resident_has_a_conversation_of_their_own() -> None:
    app = household(*TWO)
    page_of = {"accept": "text/html"}
    first = ask(app, "GET", "/", headers=page_of, cookies=cookie_of("token-mira")).headers["set-cookie"]
    name, _, rest = first.partition("=")
    both = cookie_of("token-tomas") | {name: rest.partition(";")[0]}
    second = ask(app, "GET", "/", headers=page_of, cookies=both)
    assert rest.partition(";")[0] not in second.text and name not in second.headers["set-cookie"]


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/api/overview", "memory.read"),
        ("/api/day/2026-03-31", "memory.read"),
        ("/api/search", "memory.read"),
        ("/api/jobs", "memory.read"),
        ("/api/ask", "ask"),
        ("/api/uploads", "admin"),
        ("/api/uploads/batch/name", "admin"),
        ("/api/", "admin"),
        ("/api/not-thought-of-yet", "admin"),
        ("/api/asking", "admin"),
    ],
)
def test_an_api_token_opens_what_its_scope_says_and_only_its_owners(path: str, scope: str) -> None:
    app = household(*TWO)
    for number, person in enumerate(("Mira", "Tomas")):
        for given in ("memory.read", "ask", "admin", "capture.write"):
            answer = ask(app, "POST", path, headers=bearer(person, given))
            if given == scope:
                assert answer.status_code == 200 and answer.text.startswith(TWO[number].key)
                assert "authorization" not in answer.text
            else:
                assert answer.status_code == 403 and answer.json()["error"]["code"] == "token-scope"


def test_an_api_token_is_judged_alone_and_opens_no_page() -> None:
    app = household(*TWO)
    wrong = {"Authorization": "Bearer hs_wrong"}
    answer = ask(app, "GET", "/api/overview", headers=wrong, cookies=cookie_of("token-mira"))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["code"] == "token-unknown"
    of_tomas = ask(app, "GET", "/api/overview", headers=bearer("Tomas", "memory.read"), cookies=cookie_of("token-mira"))
    assert of_tomas.text.startswith(TWO[1].key)
    for path in ("/", "/memory", "/apiary", "/_nicegui_ws/socket.io/"):
        assert ask(app, "GET", path, headers=bearer("Mira", "memory.read")).status_code == 401, path


def test_guessing_api_tokens_is_locked_out() -> None:
    app = household(resident("Mira", "token-mira"))  # a book of its own: the lock would stay for other tests
    guess = {"Authorization": "Bearer hs_abcdefgh_" + "x" * 43}
    codes = [ask(app, "GET", "/api/overview", headers=guess).status_code for _ in range(FAILURES + 1)]
    assert codes == [401] * FAILURES + [429]
    assert int(ask(app, "GET", "/api/overview", headers=guess).headers["retry-after"]) in range(50, 61)
    assert ask(app, "GET", "/api/overview", headers=bearer("Mira", "memory.read")).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/mcp", "/api/overview"])
def test_tokens_that_cannot_be_read_just_now_are_told_so(path: str) -> None:
    def away() -> TokenBook:
        raise NeedsPerson("database-key-wrong", "The journal does not open.")

    answer = ask(household(Resident(DemoHouse(), "x", tokens=away)), "POST", path, headers=bearer("Mira", "ask"))
    assert answer.status_code == 503 and "The journal does not open." in answer.text


def test_the_capture_door_stands_behind_the_host_and_origin_checks_only() -> None:
    app = household(*TWO)
    for number, person in enumerate(("Mira", "Tomas")):
        answer = ask(app, "POST", "/api/events", headers=bearer(person, "capture.write"), json=LIVE_EVENT)
        assert answer.status_code == 200 and answer.json()["records"][0]["new"]
        assert [len(one.house.jobs()) for one in TWO] == [1, number]
    assert ask(app, "POST", "/api/events", headers=bearer("Mira", "admin"), json=LIVE_EVENT).status_code == 403
    assert ask(app, "POST", "/api/events", cookies=cookie_of("token-mira")).status_code == 401
    for foreign in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        answer = ask(app, "POST", "/api/events", headers=bearer("Mira", "capture.write") | foreign)
        assert answer.status_code in (403, 421)
    assert ask(app, "POST", "/api/eventsource", headers=bearer("Mira", "capture.write")).status_code == 403


@pytest.mark.parametrize("tokens", [(), ("one", "one"), ("one", None), ("",)])
def test_residents_that_cannot_be_told_apart_are_not_served(tokens: tuple[str | None, ...]) -> None:
    with pytest.raises(ConfigError, match="nothing was served"):
        Household([Resident(DemoHouse(), token) for token in tokens])
