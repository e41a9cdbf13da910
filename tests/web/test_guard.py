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

from hearthside.web.guard import Door, Guard, content_security_policy, cookie_proof, host_allowed, origin_allowed

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


def guarded(token: str | None) -> Guard:
    routes = [Route("/", page), Route("/data", data, methods=["GET", "POST"]), WebSocketRoute("/ws", socket)]
    return Guard(Starlette(routes=routes), Door(PORT, token, counter()))


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
    name = f"hearthside_conversation_{PORT}"
    first = ask(app, "GET", "/", headers={"accept": "text/html"})
    cookie = re.search(rf"{name}=([^;]+)", first.headers["set-cookie"])
    assert cookie is not None and f"<p>{cookie[1]}</p>" in first.text
    again = ask(app, "GET", "/", headers={"accept": "text/html"}, cookies={name: cookie[1]})
    assert f"<p>{cookie[1]}</p>" in again.text and "set-cookie" not in again.headers
    forged = ask(app, "GET", "/", headers={"accept": "text/html"}, cookies={name: "<b>"})
    assert "<b>" not in forged.text


def test_a_client_cannot_choose_the_prefix_of_addresses() -> None:
    assert ask(guarded(None), "GET", "/data", headers={"x-forwarded-prefix": "//evil.example"}).text == "no prefix"
