"""The lock on the pages' door: only this machine's browser, from our own pages, with the token the terminal showed.

Six attacks a station on loopback must expect, and what stops each:

- DNS rebinding (a stranger's name that resolves to 127.0.0.1): the Host header must be a loopback name and our port.
- Another web page in the same browser: a request whose Origin or Sec-Fetch-Site is foreign is refused; websockets too,
  which the same-origin policy does not cover. The only exception is following a link to a page (a top-level GET).
- Another user of this machine: the access token, kept in an HttpOnly SameSite=Strict cookie. (Cookies know no ports: a
  server that the person runs on another port of this machine is shown it too. It holds a derived proof, not the token.)
- A program that reaches too far (`hearthside.web.doors`): a token always, with the scope; a cookie opens no such door.
- Somebody who guesses: wrong tokens are counted, and after some of them no link lets anybody in for a while. (Cookies
  are not counted, since a browser that is in must stay in; as long as a digest, they are not guessed.)
- Evidence that holds HTML: all of it is escaped; should that ever fail, the content security policy runs no script
  without this response's nonce and no inline handler at all, and loads nothing from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.identity.tokens import ADMIN, ASK, READ, Lockout
from hearthside.web.doors.refusals import door_of, door_scopes, refuse
from hearthside.web.residents import Household, Resident

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY_VIOLATION = 1008  # websocket close code, RFC 6455 section 7.4.1
COOKIE_DAYS = 90
CONVERSATION_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

CAPTURE = "/api/events"
READING = frozenset({"overview", "day", "slice", "jobs", "search"})  # names under /api that change nothing
LINKS = "page-link"  # what the lock-out counts; not by address, since this machine has millions of them (127.0.0.0/8)

PLAIN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Hearthside</title>
<style>body{font:18px/1.6 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem;
color:#2d2520;background:#faf5ee}@media(prefers-color-scheme:dark){body{color:#f1e8df;background:#1b1714}}
h1{font-size:1.5rem}</style>"""
CLOSED_PAGE = f"""{PLAIN_PAGE}<h1>This is a private home</h1>
<p>Open the link the terminal shows: it holds the key to this page. If the terminal is gone, stop Hearthside and start
it again with <code>hearthside up</code>; nothing is lost by that.</p></html>"""
LOCKED_PAGE = f"""{PLAIN_PAGE}<h1>The door is shut for a moment</h1>
<p>Too many links with a wrong key were tried, so no link opens it now, not even the right one. Nothing was read and
nothing is lost. Open your link again in %s.</p>
<p>Browsers that are already in stay in. If it was not you, another program on this machine is trying.</p></html>"""


def locked_page(wait_s: int) -> str:
    """The page shown while links are locked out, for so many seconds."""
    return LOCKED_PAGE % (f"{wait_s} seconds" if wait_s < 100 else f"{-(-wait_s // 60)} minutes")


@dataclass(frozen=True, slots=True)
class Door:
    """What the guard checks against.

    Attributes:
        port: the port the station listens on; part of the Host header and of the cookie names.
        household: who may come in, and by which keys.
        lockout: what counts wrong keys.
        random_id: gives an unguessable string: nonces and conversation ids.
    """

    port: int
    household: Household
    lockout: Lockout
    random_id: Callable[[], str]

    @property
    def token_cookie(self) -> str:
        """Cookies are shared by all ports of a host, so the name carries the port.

        One for all residents: a browser is one person's at a time, the last link opened wins.
        """
        return f"hearthside_key_{self.port}"

    def conversation_cookie(self, resident: str) -> str:
        """Which conversation this browser continues as one resident."""
        return f"hearthside_conversation_{self.port}_{resident}"


Visitor: TypeAlias = Resident | Response  # who comes in, or the answer that is given at the door


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


def read_cookies(headers: Mapping[str, str]) -> dict[str, str]:
    """The cookies of a request by name."""
    return cookie_parser(headers.get("cookie", ""))


class Guard:
    """ASGI middleware: checks every request and websocket, says whose it is, and secures every answer.

    What is let in carries ``scope["state"]["resident"]``, the key of a `Resident`, and no token's text any more:
    neither in its address nor in its headers, so nothing behind the door can show or log one.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        # X-Forwarded-* would let a client choose the prefix NiceGUI writes into its pages; there is no proxy here
        scope["headers"] = [(name, value) for name, value in scope["headers"] if not name.startswith(b"x-forwarded-")]
        headers = Headers(scope=scope)
        refusal = self.foreign(scope, headers)
        if refusal is None and scope["type"] == "http" and is_capture(scope["path"]):
            capture = self.door.household.of_bearer(bearer_token(headers)).capture
            if capture is not None:
                await capture(scope, receive, send)  # checks the token itself
                return
        visitor = refusal or self.visitor(scope, headers)
        if scope["type"] == "websocket":
            await self._pass_websocket(visitor, scope, receive, send)
        else:
            await self._pass_request(visitor, scope, receive, send)

    async def _pass_websocket(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(visitor, Response):
            await receive()  # the handshake
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        enter(scope, visitor)
        await self.app(scope, receive, send)

    async def _pass_request(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        cookies = read_cookies(Headers(scope=scope))
        if isinstance(visitor, Response):
            await visitor(scope, receive, Answer(send, self.door, cookies, "", is_page=False).send)
            return
        answer = Answer(send, self.door, cookies, visitor.key, page_wanted(scope))
        enter(scope, visitor)
        scope["state"]["conversation"] = answer.conversation
        await self.app(scope, receive, answer.send)

    def foreign(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to a request that names another place or comes from another page."""
        if not host_allowed(headers.get("host", ""), self.door.port):
            return PlainTextResponse("Open this page as http://localhost on this machine.", status_code=421)
        if not origin_allowed(headers, scope.get("method", "WEBSOCKET")):
            return PlainTextResponse("This request comes from another page, so it is refused.", status_code=403)
        return None

    def visitor(self, scope: Scope, headers: Headers) -> Visitor:
        """Whose request this is, or the answer that turns it away or sends it on."""
        household = self.door.household
        if scope["type"] == "http" and door_of(scope["path"]):  # programs: a token always, a cookie never
            return self.of_bearer(scope, bearer_token(headers))
        if household.open_to is not None:
            return household.open_to
        if scope["type"] == "http" and scope["path"].startswith("/api/") and "authorization" in headers:
            return self.of_bearer(scope, bearer_token(headers))
        resident = household.of_cookie(read_cookies(headers).get(self.door.token_cookie, ""))
        token = query_of(scope).get("token")
        if token is not None and scope.get("method") == "GET":
            return self.of_link(scope, token, resident)
        return resident or Response(CLOSED_PAGE, status_code=401, media_type="text/html")

    def of_link(self, scope: Scope, token: str, known: Resident | None) -> Response:
        """What a link with a token leads to.

        While guessing is locked out every token is refused alike, a right one too: an answer would help to guess.
        """
        wait_s = seconds(self.door.lockout.locked_ms(LINKS))
        resident = None if wait_s else self.door.household.of_link(token)
        if resident is not None:
            return self.let_in(scope, resident)
        if not wait_s:
            self.door.lockout.failed(LINKS)
        if known is not None:  # who is in already stays in
            return RedirectResponse(address_without_token(scope), status_code=303)
        if wait_s:
            return HTMLResponse(locked_page(wait_s), status_code=429, headers={"retry-after": str(wait_s)})
        return HTMLResponse(CLOSED_PAGE, status_code=401)

    def let_in(self, scope: Scope, resident: Resident) -> Response:
        """Keep the proof in a cookie and go to the same page without the token in its address."""
        response = RedirectResponse(address_without_token(scope), status_code=303)
        response.set_cookie(
            self.door.token_cookie, resident.proof, max_age=COOKIE_DAYS * 86_400, httponly=True, samesite="strict"
        )
        return response

    def of_bearer(self, scope: Scope, token: str) -> Visitor:
        """Whose API token this is. A request that carries one is judged by it alone, whatever cookie comes with it.

        What is let in carries the token's entry as ``scope["state"]["token"]``; its text is gone.
        """
        path = scope["path"]
        try:
            resident = self.door.household.of_bearer(token)
            if resident.tokens is None:
                return refusal(path, 401, "token-unknown", "No token was made here yet.")
            book = resident.tokens()
        except HearthsideError as error:  # the vault cannot be read just now
            return refusal(path, 503, error.code, error.message)
        try:
            known = book.check(token, *scopes_needed(path))
        except RetryLater as error:
            return refusal(path, 429, error.code, error.message, seconds(book.locked_ms(token)))
        except Refused as error:
            return refusal(path, 403 if error.code == "token-scope" else 401, error.code, error.message)
        scope.setdefault("state", {})["token"] = known
        return resident


def seconds(ms: int) -> int:
    """Milliseconds as whole seconds, never too few."""
    return -(-ms // 1000)


def is_capture(path: str) -> bool:
    """Whether a path is the capture door's."""
    return path == CAPTURE or path.startswith(CAPTURE + "/")


def scopes_needed(path: str) -> tuple[str, ...]:
    """The scopes of which an API token needs one for a path; what is not named here needs the highest."""
    if door := door_of(path):
        return door_scopes(door)
    name = path.split("/")[2]
    if name == "ask":
        return (ASK,)
    return (READ,) if name in READING else (ADMIN,)


def bearer_token(headers: Headers) -> str:
    """The token of an Authorization header, or ""."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def query_of(scope: Scope) -> dict[str, str]:
    """The query of an address by name; of a name given twice the last."""
    return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))


def address_without_token(scope: Scope) -> str:
    """Where a link leads once its token has been read."""
    rest = urlencode({name: value for name, value in query_of(scope).items() if name != "token"})
    safe_path = "/" + str(scope["path"]).lstrip("/")  # a path such as //elsewhere would lead to another host
    return safe_path + (f"?{rest}" if rest else "")


def enter(scope: Scope, resident: Resident) -> None:
    """Say whose the request is, and leave its keys at the door."""
    scope.setdefault("state", {})["resident"] = resident.key
    scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
    if "token" in query_of(scope):
        scope["query_string"] = address_without_token(scope).partition("?")[2].encode("latin-1")


def refusal(path: str, status: int, code: str, message: str, wait_s: int = 0) -> Response:
    """Why a token does not open a path, as the programs that speak to that path read it."""
    if door := door_of(path):
        return refuse(door, status, code, message, wait_s)
    return api_refusal(status, code, message, wait_s)


def api_refusal(status: int, code: str, message: str, wait_s: int = 0) -> Response:
    """An error of the API in its own form."""
    headers = {"retry-after": str(wait_s)} if wait_s else {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status, headers=headers)


def page_wanted(scope: Scope) -> bool:
    """Whether a request asks for a page rather than for a file or for data."""
    return scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")


class Answer:
    """One HTTP answer on its way out: security headers, the nonce on a page's own scripts, the conversation cookie."""

    def __init__(self, send: Send, door: Door, cookies: Mapping[str, str], resident: str, is_page: bool) -> None:
        self._send = send
        self._door = door
        self._nonce = door.random_id()
        self._resident = resident
        known = cookies.get(door.conversation_cookie(resident), "")
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
            headers.append("set-cookie", conversation_cookie(self._door, self._resident, self.conversation))


def conversation_cookie(door: Door, resident: str, conversation: str) -> str:
    """The Set-Cookie line that makes this browser continue a conversation as one resident."""
    name = door.conversation_cookie(resident)
    return f"{name}={conversation}; Max-Age={COOKIE_DAYS * 86_400}; Path=/; HttpOnly; SameSite=Strict"
