"""A compute node's door on the network: TLS 1.3, and only for who shows a certificate of its home for asking.

Without one the handshake fails, so nobody else gets a byte out of the node's program. Sessions are never resumed, so
each connection shows its certificate anew.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from hearthside.errors import NeedsPerson
from hearthside.identity.home_ca import load_chain
from hearthside.inference.remote.node_identity import NodeIdentity

_LOOK_S = 0.05  # until a door that was opened is left alone
_HANDSHAKE_S = 5.0
_HANDSHAKES = 64  # at once: strangers who open connections and say nothing must not use up the process's files
_OF_ONE_ADDRESS = 8  # of these, so that one stranger cannot keep the home out, which opens some at the same time itself
_GONE_S = 60  # without a sign from the other side's system: what hangs on the connection is over, and is forgotten
_PROBES = 3  # of the system, at equal distances, until it takes the other side for gone
_REST_S = 0.2  # after an accept that failed for want of files


class LanDoor:
    """The socket, which outlives each child process that serves it, and who the node is."""

    def __init__(self, listener: socket.socket, identity: NodeIdentity) -> None:
        """Whoever comes waits until a child serves, unless the door is shut."""
        self.listener, self.identity = listener, identity
        self._lock = threading.Lock()
        self._opened: threading.Event | None = None  # set to end the turning away; None while nobody is turned away

    def shut(self) -> None:
        """Turn whoever comes away at once, instead of having them wait for a model to load; until `open`."""
        with self._lock:
            if self._opened is None:
                self._opened = threading.Event()
                turning = threading.Thread(target=_turn_away, args=(self.listener, self._opened), daemon=True)
                turning.start()

    def open(self) -> None:
        """Leave whoever comes to the child that serves now."""
        with self._lock:
            if self._opened is not None:
                self._opened.set()
                self._opened = None


def _turn_away(listener: socket.socket, opened: threading.Event) -> None:
    while not opened.is_set():
        try:
            if select.select([listener], [], [], _LOOK_S)[0] and not opened.is_set():
                listener.setblocking(False)  # a child may have taken it first
                listener.accept()[0].close()
        except BlockingIOError:
            continue
        except (OSError, ValueError):  # the socket is closed
            return


def open_listener(address: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        NeedsPerson: `compute-address-wrong`: the address is none of this machine's, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=128)
    except OSError as error:
        raise NeedsPerson(
            "compute-address-wrong",
            f"The compute node cannot listen on {address}, port {port} ({error.strerror or 'no such address'}). Name "
            "an address of this machine with --listen, or another port with --port. Nothing was started.",
        ) from error


def serving_context(identity: NodeIdentity) -> ssl.SSLContext:
    """The door's TLS: nobody without a certificate of the home whose usage is asking (clientAuth)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.num_tickets = 0
    context.load_verify_locations(cadata=identity.home.decode())
    load_chain(context, identity.certificate, identity.key)
    return context


async def serve(listener: socket.socket, context: ssl.SSLContext, protocol: Callable[[], asyncio.Protocol]) -> None:
    """Let connections in for as long as the process lives.

    Args:
        protocol: makes what speaks on a connection once its handshake is done.
    """
    loop = asyncio.get_running_loop()
    free = asyncio.Semaphore(_HANDSHAKES)
    greeting: set[asyncio.Task[None]] = set()
    under_way = Counter[str]()  # by address

    async def greet(connection: socket.socket, source: str) -> None:
        try:
            with suppress(OSError, EOFError):
                await loop.connect_accepted_socket(
                    protocol, connection, ssl=context, ssl_handshake_timeout=_HANDSHAKE_S
                )
        finally:
            free.release()
            under_way[source] -= 1
            if not under_way[source]:
                del under_way[source]

    listener.setblocking(False)
    while True:
        await free.acquire()
        try:
            connection, peer = await loop.sock_accept(listener)
        except OSError:
            free.release()
            await asyncio.sleep(_REST_S)
            continue
        source = str(peer[0])
        if under_way[source] >= _OF_ONE_ADDRESS:
            connection.close()
            free.release()
            await asyncio.sleep(0)  # a flood of them must not keep the others from their turn
            continue
        _notice_its_end(connection)
        under_way[source] += 1
        task = loop.create_task(greet(connection, source))
        greeting.add(task)
        task.add_done_callback(greeting.discard)


def _notice_its_end(connection: socket.socket) -> None:
    """Have the system end a connection whose other side vanished without a word, as far as it can."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    between_s = _GONE_S // (_PROBES + 1)
    wanted = {
        "TCP_KEEPIDLE": between_s, "TCP_KEEPALIVE": between_s, "TCP_KEEPINTVL": between_s, "TCP_KEEPCNT": _PROBES,
        "TCP_USER_TIMEOUT": 1000 * _GONE_S,
    }  # fmt: skip
    for name, value in wanted.items():  # TCP_KEEPALIVE is what macOS calls the first, the last is Linux's own
        if (option := getattr(socket, name, None)) is not None:
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
