"""Finding compute nodes in the local network by multicast DNS service discovery (RFC 6762, RFC 6763).

A node says its id, its port and whether it waits to be paired, and nothing else: no name of the machine, no model, no
version. Where the network carries no multicast nothing is found, and pairing by address works all the same.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hearthside.egress import Egress, Purpose
from hearthside.logs import logger

if TYPE_CHECKING:
    from zeroconf import Zeroconf

SERVICE = "_hearthside._tcp.local."
_GROUP = "udp://224.0.0.251:5353"
_QUESTION_BYTES = 12 + len(SERVICE) + 1 + 4  # header, name, type and class (RFC 1035, section 4.1)
_RESOLVE_MS = 1000
_log = logger("inference")


@dataclass(frozen=True, slots=True)
class FoundNode:
    """What a node says of itself in the network; nothing of it is proved.

    Attributes:
        id: 16 hex digits.
        host: an address.
        pairing: whether it waits to be paired.
    """

    id: str
    host: str
    port: int
    pairing: bool


class Announcement:
    """What a node says while it is up."""

    def __init__(self, node: str, port: int, *, pairing: bool, addresses: Sequence[str]) -> None:
        """Nothing is said yet.

        Args:
            node: its id.
            pairing: whether it waits to be paired.
            addresses: under which it is reached, see `own_addresses`.
        """
        self._node, self._port, self._pairing, self._addresses = node, port, pairing, list(addresses)
        self._zeroconf: Zeroconf | None = None

    def start(self) -> bool:
        """Say it, and answer those who ask; False where there is no address yet, or the network does not carry it."""
        if not self._addresses:
            return False
        # Here, for it takes a tenth of a second to load, and most commands need none of it.
        from zeroconf import Error, InterfaceChoice, ServiceInfo, Zeroconf

        properties = {"id": self._node, "pairing": str(int(self._pairing))}
        try:
            interfaces = [one for one in self._addresses if ":" not in one]
            self._zeroconf = Zeroconf(interfaces=interfaces or InterfaceChoice.All)
            service = ServiceInfo(
                SERVICE, f"{self._node}.{SERVICE}", port=self._port, properties=properties,
                server=f"{self._node}.local.", parsed_addresses=self._addresses,
            )  # fmt: skip
            self._zeroconf.register_service(service)
        except (OSError, Error, ValueError) as error:
            _log.info("the node is not announced: %s", type(error).__name__)
            self.stop()
            return False
        return True

    def follow(self, addresses: Sequence[str]) -> bool:
        """Say these addresses from now on, as networks come and go; whether they are said."""
        if list(addresses) == self._addresses and self._zeroconf is not None:
            return True
        self.stop()
        self._addresses = list(addresses)
        return self.start()

    def stop(self) -> None:
        """Say goodbye; safe to call twice."""
        zeroconf, self._zeroconf = self._zeroconf, None
        if zeroconf is not None:
            with suppress(OSError):
                zeroconf.close()


def find_nodes(seconds: float, egress: Egress, *, interfaces: Sequence[str] = ()) -> list[FoundNode]:
    """The nodes that answer within some seconds, by id; none where the network carries no multicast.

    Args:
        seconds: to wait for answers.
        egress: takes a ledger row before the question leaves.
        interfaces: own addresses to ask from; none: all.
    """
    from zeroconf import Error, InterfaceChoice, ServiceBrowser, ServiceListener, Zeroconf

    names: set[str] = set()

    class Listener(ServiceListener):
        """Collects names."""

        def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            names.add(name)

        def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            names.add(name)

        def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            names.discard(name)

    egress.permit(
        Purpose.COMPUTE_NODE, _GROUP, "node-search", _QUESTION_BYTES, hashlib.sha256(SERVICE.encode()).hexdigest()
    )
    try:
        zeroconf = Zeroconf(interfaces=list(interfaces) or InterfaceChoice.All)
    except (OSError, Error) as error:
        _log.warning("nodes cannot be looked for: %s", type(error).__name__)
        return []
    try:
        ServiceBrowser(zeroconf, SERVICE, Listener())
        time.sleep(seconds)
        found = [_resolved(zeroconf, name) for name in sorted(names)]
    finally:
        zeroconf.close()
    return [node for node in found if node is not None]


def own_addresses(listening: str) -> list[str]:
    """The addresses under which others reach a node that listens on `listening`, IPv4 first."""
    import ifaddr

    listens = ipaddress.ip_address(listening)
    if not listens.is_unspecified:
        return [listening]
    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            plain = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            address = ipaddress.ip_address(plain)
            usable = not address.is_loopback and not address.is_link_local
            if usable and (listens.version == 6 or address.version == 4):
                found.append(plain)
    return sorted(found, key=lambda one: ipaddress.ip_address(one).version)


def _resolved(zeroconf: Zeroconf, name: str) -> FoundNode | None:
    from zeroconf import IPVersion

    info = zeroconf.get_service_info(SERVICE, name, _RESOLVE_MS)
    addresses = info.parsed_addresses(IPVersion.V4Only) or info.parsed_addresses() if info else []
    if info is None or not addresses or not info.port:
        return None
    said = {key: value or b"" for key, value in info.properties.items()}
    node = said.get(b"id", b"").decode("ascii", "replace")
    if len(node) != 16 or not all(digit in "0123456789abcdef" for digit in node):
        return None
    return FoundNode(node, addresses[0], info.port, said.get(b"pairing") == b"1")
