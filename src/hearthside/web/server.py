"""The station's web server: pages, API and static files behind one guard, on loopback only."""

from __future__ import annotations

import logging
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import tzinfo
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from nicegui import ui
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from hearthside.errors import NeedsPerson
from hearthside.identity.tokens import Lockout
from hearthside.web import (
    companion_page,
    day_page,
    health_page,
    knowing_page,
    memory_page,
    nodes_page,
    rhythm_page,
    span_page,
    training_page,
    year_page,
)
from hearthside.web.api import build_api
from hearthside.web.doors.chat_routes import build_openai
from hearthside.web.doors.mcp_endpoint import McpDoor
from hearthside.web.doors.refusals import MCP_PATH
from hearthside.web.guard import Door, Guard
from hearthside.web.house import House
from hearthside.web.layout import Shells
from hearthside.web.residents import Household, Resident
from hearthside.web.sockets import keep_sockets_apart

STATIC = Path(__file__).with_name("static")
HEAD = (
    '<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="/static/theme.css">'
    '<script src="/static/page.js" defer></script>'
)
GRACE_S = 2  # open pages get this long to be told that the station stops
POLL_S = 0.05
QUIETED = (
    "nicegui", "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "websockets", "engineio.server",
    "socketio.server", "socketio", "engineio",
)  # fmt: skip
ADDRESS = re.compile(r"\w+://\S+")


def random_id() -> str:
    """22 characters from the system's random source: nonces, conversations, upload batches."""
    return secrets.token_urlsafe(16)


def monotonic_ms() -> int:
    """Milliseconds that never go back."""
    return time.monotonic_ns() // 1_000_000


def build_app(
    residents: Sequence[Resident], *, port: int, lockout: Lockout, new_id: Callable[[], str] = random_id
) -> FastAPI:
    """Everything the browser may ask for. NiceGUI keeps its pages in one place per process, so call it once.

    Args:
        residents: who lives here; one is the usual case.
        port: the port in the addresses of this station; requests that name another host or port are refused.
        lockout: counts wrong keys.
        new_id: gives unguessable strings.

    Raises:
        ConfigError: the residents cannot be told apart.
    """
    household = Household(residents)
    shells = Shells(household)
    door = Door(port, household, lockout, new_id)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(build_api(shells, door))
    app.include_router(build_openai(shells, new_id))
    app.router.routes.append(Route(MCP_PATH, McpDoor(shells)))
    app.mount("/static", StaticFiles(directory=STATIC))
    pages = (
        companion_page, day_page, span_page, year_page, rhythm_page, memory_page, knowing_page, training_page,
        health_page, nodes_page,
    )  # fmt: skip
    for page in pages:
        page.register(shells)
    ui.add_head_html(HEAD, shared=True)
    keep_sockets_apart()
    ui.run_with(
        app,
        title="Hearthside",
        favicon=STATIC / "icon.svg",
        dark=None,  # as the person's system says
        language="en-US",
        tailwind=False,  # its compiler would run in the browser; theme.css is all the style there is
        reconnect_timeout=10.0,
        gzip_middleware_factory=None,  # the guard reads pages on their way out, and loopback gains nothing
        show_welcome_message=False,
    )
    app.add_middleware(Guard, door=door)  # added last, so it stands before everything else, websockets included
    return app


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes any free one.

    Raises:
        NeedsPerson: the address is taken, or is not loopback.
    """
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise NeedsPerson("not-loopback", f"Hearthside serves its pages to this machine only; {host} is not loopback.")
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        raise NeedsPerson(
            "port-taken", f"Port {port} on {host} is taken. Stop what uses it, or choose another port with --port."
        ) from error
    return door


def serve(
    house: House,
    host: str,
    port: int,
    ready: Callable[[str], None],
    stop: threading.Event,
    *,
    token: str | None = None,
    zone: tzinfo | None = None,
) -> None:
    """Serve one person's house; see `serve_household`.

    Args:
        ready: called once with the address to open, token included, when pages are answered.
    """
    serve_household([Resident(house, token, zone)], host, port, lambda links: ready(links[0]), stop)


def serve_household(
    residents: Sequence[Resident],
    host: str,
    port: int,
    ready: Callable[[list[str]], None],
    stop: threading.Event,
    *,
    clock: Callable[[], int] = monotonic_ms,
) -> None:
    """Serve all residents from one process until `stop` is set; signals stay the caller's business.

    Args:
        ready: called once when pages are answered, with the link of each resident in their order, tokens included.
        clock: milliseconds that never go back, for the lock-out.

    Raises:
        NeedsPerson: the port is taken.
        ConfigError: the residents cannot be told apart.
    """
    door = listen(host, port)
    port = door.getsockname()[1]
    keep_content_out_of_logs()
    config = uvicorn.Config(
        build_app(residents, port=port, lockout=Lockout(clock)),
        log_config=None,
        access_log=False,  # addresses of requests say what the person looks at
        server_header=False,
        proxy_headers=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=GRACE_S,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, name="web", daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            stop.wait(POLL_S)
        if server.started:
            name = "[::1]" if host == "::1" else host
            ready([link_of(resident, f"http://{name}:{port}/") for resident in residents])
        while thread.is_alive() and not stop.wait(POLL_S * 4):
            pass
    finally:
        server.should_exit = True
        thread.join(GRACE_S + 5)
        door.close()


def link_of(resident: Resident, address: str) -> str:
    """The address to open as this resident."""
    return address + (f"?token={resident.token}" if resident.token else "")


def keep_content_out_of_logs() -> None:
    """Keep addresses, cookies and evidence out of what libraries log, whatever level the logging is set to.

    At INFO and below, uvicorn logs the addresses of websockets, websockets their headers (cookies), Socket.IO and
    Engine.IO every message. From WARNING on, tracebacks may quote evidence and NiceGUI names addresses it did not find.
    """
    for name in QUIETED:
        log = logging.getLogger(name)
        log.setLevel(max(log.level, logging.WARNING))
    for name in ("nicegui", "uvicorn.error", "asyncio"):
        log = logging.getLogger(name)
        if _type_and_place_only not in log.filters:
            log.addFilter(_type_and_place_only)


def _type_and_place_only(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[0] is not None:
        trace = record.exc_info[2]
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
        record.msg, record.args = f"unexpected {record.exc_info[0].__name__} at {place}", ()
        record.exc_info, record.exc_text = None, None
    elif "://" in (message := record.getMessage()):
        record.msg, record.args = ADDRESS.sub("an address", message), ()
    return True
