"""The pages' live connections: a socket of one resident never drives, and never hears, a page of another.

NiceGUI finds the page a message is for by the page's id alone. Ids cannot be guessed, but whoever learns one could
drive that page from a socket of their own. So every message is held against its socket: the guard wrote whose the
socket is into its handshake, and whose the page is into the request that built it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qs

from nicegui import core
from nicegui.client import Client
from socketio.exceptions import ConnectionRefusedError as SocketRefused  # type: ignore[import-untyped]

UNWATCHED = frozenset({"disconnect"})  # comes from the server's own side and names no page
UNHEARD = frozenset({"log"})  # lets a browser write into the station's log: words of pages, or anything at all
RELOAD = "Implicit handshake failed"  # what makes NiceGUI's page load itself anew, as whoever is signed in now

Handler = Callable[..., Any]


def keep_sockets_apart() -> None:
    """Hold every socket message against its socket, and let websockets in only.

    Long polling sends each message as a request of its own, with whatever cookie the browser has by then; a websocket
    stays whose it was when it was opened.
    """
    core.sio.eio.transports = ["websocket"]
    core.app.config.socket_io_js_transports[:] = ["websocket"]
    handlers = cast(dict[str, Handler], core.sio.handlers["/"])
    for event in UNHEARD & handlers.keys():
        del handlers[event]
    for event, handler in handlers.items():
        if event not in UNWATCHED and not hasattr(handler, "watched"):
            handlers[event] = watched(event, handler)


def watched(event: str, handler: Handler) -> Handler:
    """A handler that is called only for a page of the socket's own resident."""

    @functools.wraps(handler)
    async def checked(sid: str, *args: Any) -> Any:
        environ = args[0] if event == "connect" else core.sio.get_environ(sid)
        page = page_of_handshake(args[0]) if event == "connect" else page_of_message(args[0] if args else None)
        if not same_resident(environ, page):
            if event == "connect":
                raise SocketRefused(RELOAD)
            return False
        outcome = handler(sid, *args)
        return await outcome if inspect.isawaitable(outcome) else outcome

    checked.watched = True  # type: ignore[attr-defined]
    return checked


def page_of_handshake(environ: Mapping[str, Any]) -> str:
    """The page a socket is opened for; "" when it names none."""
    return parse_qs(str(environ.get("QUERY_STRING", ""))).get("client_id", [""])[0]


def page_of_message(message: object) -> str:
    """The page a message is for; "" when it names none."""
    return str(message.get("client_id", "")) if isinstance(message, dict) else ""


def same_resident(environ: Mapping[str, Any] | None, page: str) -> bool:
    """Whether a socket and a page are one resident's. A page that is gone is nobody's: NiceGUI has it loaded anew."""
    client = Client.instances.get(page)
    if client is None:
        return True
    opened_by = resident_of((environ or {}).get("asgi.scope"))
    return opened_by is not None and opened_by == resident_of(client.request.scope)


def resident_of(scope: Mapping[str, Any] | None) -> str | None:
    """Whose a request or a handshake is, as the guard wrote it; None when it came past no guard."""
    found = ((scope or {}).get("state") or {}).get("resident")
    return found if isinstance(found, str) else None
