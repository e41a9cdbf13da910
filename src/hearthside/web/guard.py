"""The lock on the pages' door: only this machine's browser, from our own pages, with the token the terminal showed.

Four attacks a station on loopback must expect, and what stops each:

- DNS rebinding (a stranger's name that resolves to 127.0.0.1): the Host header must be a loopback name and our port.
- Another web page in the same browser: a request whose Origin or Sec-Fetch-Site is foreign is refused; websockets too,
  which the same-origin policy does not cover. The only exception is following a link to a page (a top-level GET).
- Another user of this machine: the access token, kept in an HttpOnly SameSite=Strict cookie. (Cookies know no ports: a
  server that the person runs on another port of this machine is shown it too. It holds a derived proof, not the token.)
- Evidence that holds HTML: all of it is escaped; should that ever fail, the content security policy runs no script
  without this response's nonce and no inline handler at all, and loads nothing from elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY_VIOLATION = 1008  # websocket close code, RFC 6455 section 7.4.1
COOKIE_DAYS = 90
CONVERSATION_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

CLOSED_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Hearthside</title>
<style>body{font:18px/1.6 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem;
color:#2d2520;background:#faf5ee}@media(prefers-color-scheme:dark){body{color:#f1e8df;background:#1b1714}}
h1{font-size:1.5rem}</style><h1>This is a private home</h1>
<p>Open the link the terminal shows: it holds the key to this page. If the terminal is gone, stop Hearthside and start
it again with <code>hearthside up</code>; nothing is lost by that.</p></html>"""


@dataclass(frozen=True, slots=True)
class Door:
    """What the guard checks against.

    Attributes:
        port: the port the station listens on; part of the Host header and of the cookie names.
        token: the access token, or None to let everybody on this machine in (tests).
        random_id: gives an unguessable string: nonces and conversation ids.
    """

    port: int
    token: str | None
    random_id: Callable[[], str]

    @property
    def token_cookie(self) -> str:
        """Cookies are shared by all ports of a host, so the name carries the port."""
        return f"hearthside_key_{self.port}"

    @property
    def conversation_cookie(self) -> str:
        """Which conversation this browser continues."""
        return f"hearthside_conversation_{self.port}"


def content_security_policy(nonce: str) -> str:
    """The policy of a page, as strict as NiceGUI allows.

    `'unsafe-eval'` is there because NiceGUI compiles Vue templates in the browser and evaluates its event handlers;
    `style-src 'unsafe-inline'` because Quasar and Vue write style attributes; `img-src data:` for the icon. Scripts in
    the page need the nonce, so neither an injected script nor an inline handler such as `onerror` runs.
    """
    return (
        "default-src 'self'; "
        f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-src 'none'; frame-ancestors 'none'"
    )


def host_allowed(host: str, port: int) -> bool:
    """Whether a Host header names this station on loopback."""
    return host.lower() in {f"{name}:{port}" for name in LOOPBACK_NAMES}


def origin_allowed(headers: Mapping[str, str], method: str) -> bool:
    """Whether a request comes from our own pages, from no page at all, or merely follows a link to a page.

    Origin and Sec-Fetch-* are set by the browser and cannot be forged by a page (Fetch Metadata, W3C). A websocket
    handshake counts as an unsafe request: browsers send its Origin but never block it themselves.
    """
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{headers.get('host', '')}":
        return False
    if headers.get("sec-fetch-site", "none") in ("same-origin", "none"):
        return True
    follows_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return method in SAFE_METHODS and follows_link


def cookie_proof(token: str) -> str:
    """What the cookie holds: a value derived from the token, so that the cookie does not give the link away."""
    return hashlib.sha256(b"hearthside page cookie\0" + token.encode()).hexdigest()


def read_cookies(headers: Mapping[str, str]) -> dict[str, str]:
    """The cookies of a request by name."""
    return cookie_parser(headers.get("cookie", ""))


class Guard:
    """ASGI middleware: checks every request and websocket, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        # X-Forwarded-* would let a client choose the prefix NiceGUI writes into its pages; there is no proxy here
        scope["headers"] = [(name, value) for name, value in scope["headers"] if not name.startswith(b"x-forwarded-")]
        refusal = self.refusal(scope)
        if scope["type"] == "websocket":
            if refusal is not None:
                await receive()  # the handshake
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
                return
            await self.app(scope, receive, send)
            return
        answer = Answer(send, self.door, read_cookies(Headers(scope=scope)), page_wanted(scope))
        if refusal is not None:
            await refusal(scope, receive, answer.send)
            return
        scope.setdefault("state", {})["conversation"] = answer.conversation
        await self.app(scope, receive, answer.send)

    def refusal(self, scope: Scope) -> Response | None:
        """The answer that turns a request away, or None to let it in."""
        headers = Headers(scope=scope)
        if not host_allowed(headers.get("host", ""), self.door.port):
            return PlainTextResponse("Open this page as http://localhost on this machine.", status_code=421)
        method = scope.get("method", "WEBSOCKET")
        if not origin_allowed(headers, method):
            return PlainTextResponse("This request comes from another page, so it is refused.", status_code=403)
        if self.door.token is None:
            return None
        proof = cookie_proof(self.door.token)
        given = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        if (
            method == "GET"
            and "token" in given
            and hmac.compare_digest(given["token"].encode(), self.door.token.encode())
        ):
            return self.let_in(scope["path"], given, proof)
        if hmac.compare_digest(read_cookies(headers).get(self.door.token_cookie, "").encode(), proof.encode()):
            return None
        return Response(CLOSED_PAGE, status_code=401, media_type="text/html")

    def let_in(self, path: str, query: dict[str, str], proof: str) -> Response:
        """Keep the proof in a cookie and go to the same page without the token in its address."""
        rest = urlencode({name: value for name, value in query.items() if name != "token"})
        safe_path = "/" + path.lstrip("/")  # a path such as //elsewhere would lead to another host
        response = RedirectResponse(safe_path + (f"?{rest}" if rest else ""), status_code=303)
        response.set_cookie(
            self.door.token_cookie, proof, max_age=COOKIE_DAYS * 86_400, httponly=True, samesite="strict"
        )
        return response


def page_wanted(scope: Scope) -> bool:
    """Whether a request asks for a page rather than for a file or for data."""
    return scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")


class Answer:
    """One HTTP answer on its way out: security headers, the nonce on a page's own scripts, the conversation cookie."""

    def __init__(self, send: Send, door: Door, cookies: Mapping[str, str], is_page: bool) -> None:
        self._send = send
        self._door = door
        self._nonce = door.random_id()
        known = cookies.get(door.conversation_cookie, "")
        self._known_conversation = known if CONVERSATION_ID.fullmatch(known) else ""
        self._is_page = is_page
        self._start: Message | None = None
        self._html = b""
        self.conversation = self._known_conversation or door.random_id()

    async def send(self, message: Message) -> None:
        """Pass a message on; the body of an HTML page is held until it is whole."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            self._secure(headers)
            if headers.get("content-type", "").startswith("text/html"):
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._html += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_page()
            return
        await self._send(message)

    async def _send_page(self) -> None:
        """NiceGUI's template has inline scripts and no place for a nonce; evidence in it never holds a raw `<`."""
        assert self._start is not None
        html = self._html.replace(b"<script", f'<script nonce="{self._nonce}"'.encode())
        MutableHeaders(scope=self._start)["content-length"] = str(len(html))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": html})

    def _secure(self, headers: MutableHeaders) -> None:
        headers["content-security-policy"] = content_security_policy(self._nonce)
        headers["x-frame-options"] = "DENY"
        headers["x-content-type-options"] = "nosniff"
        headers["referrer-policy"] = "no-referrer"
        headers["cross-origin-opener-policy"] = "same-origin"
        headers["cross-origin-resource-policy"] = "same-origin"
        headers["permissions-policy"] = "camera=(), geolocation=(), microphone=()"
        if not headers.get("cache-control", "").startswith("public"):
            headers["cache-control"] = "no-store"
        if self._is_page and not self._known_conversation:
            headers.append("set-cookie", conversation_cookie(self._door, self.conversation))


def conversation_cookie(door: Door, conversation: str) -> str:
    """The Set-Cookie line that makes this browser continue a conversation."""
    return (
        f"{door.conversation_cookie}={conversation}; Max-Age={COOKIE_DAYS * 86_400}; Path=/; HttpOnly; SameSite=Strict"
    )
