"""Homes and their nodes, paired in memory: what stands at the end of a pairing."""

from __future__ import annotations

import secrets
import socket
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hearthside.egress import Egress, LedgerRow
from hearthside.identity.home_ca import HomeCa, spki_pin
from hearthside.identity.vault import Vault, create_vault
from hearthside.inference.remote.node_identity import NodeIdentity, NodeKey
from hearthside.inference.remote.pairing import PairedNode, pair_with


def clock() -> int:
    """UTC milliseconds of this machine."""
    return time.time_ns() // 1_000_000


def made_vault(folder: Path) -> Vault:
    return create_vault(folder / "vault", key_file=folder / "key")


def made_home(folder: Path) -> HomeCa:
    """The authority of a new vault in this folder."""
    return HomeCa.open(made_vault(folder))


def paired(ca: HomeCa, key: NodeKey | None = None) -> NodeIdentity:
    """A node of this home."""
    key = key or NodeKey()
    return key.identity(ca.issue_node(key.request(), clock()), ca.certificate.public_bytes(Encoding.DER))


def pin_of(identity: NodeIdentity) -> str:
    """What the home pins of a node."""
    return spki_pin(x509.load_pem_x509_certificate(identity.certificate).public_bytes(Encoding.DER))


def ledger() -> tuple[Egress, list[LedgerRow]]:
    """A door that keeps its rows in a list."""
    rows: list[LedgerRow] = []
    return Egress(rows.append, clock), rows


def pair(port: int, code: str, ca: HomeCa, egress: Egress | None = None, name: str = "spark") -> PairedNode:
    """The station's side of a pairing over loopback."""
    own = egress or ledger()[0]
    try:
        return pair_with("127.0.0.1", port, code, name, ca, own, clock, secrets.token_bytes)
    finally:
        if egress is None:
            own.close()


def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))
