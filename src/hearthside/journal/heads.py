"""Signed heads: the end of the chain, signed, kept elsewhere, so that a journal put back from earlier is noticed.

Encryption and a chain cannot show that the whole journal was replaced by an older copy of itself: that copy is sound.
Only somebody who remembers a later head can. Heads are kept by the compute node, by every backup target, and on paper
or a phone as a short code.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hearthside.errors import Refused
from hearthside.journal.journal import Journal

_CODE_NUMBER_MAX = 30  # digits
_CODE_CHAIN_HEX = 16  # 64 bits: nobody can make another chain with the same ones for a code that was noted down


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The end of a vault's chain at a time.

    Attributes:
        vault: id of the vault, 16 hex digits.
        at_ms: when it was signed, UTC milliseconds.
        signature: Ed25519 over the other fields, 64 bytes.
    """

    vault: str
    seq: int
    chain: bytes
    at_ms: int
    signature: bytes

    def to_json(self) -> bytes:
        """For keeping elsewhere; it says nothing about what is in the journal but how many records there are."""
        return orjson.dumps(
            {
                "vault": self.vault, "seq": self.seq, "chain": self.chain.hex(), "at_ms": self.at_ms,
                "signature": base64.b64encode(self.signature).decode(),
            }
        )  # fmt: skip

    @staticmethod
    def from_json(raw: bytes) -> SignedHead:
        """What `to_json` wrote.

        Raises:
            Refused: it is no head.
        """
        try:
            d = orjson.loads(raw)
            chain, signature = bytes.fromhex(d["chain"]), base64.b64decode(d["signature"], validate=True)
            return SignedHead(str(d["vault"]), int(d["seq"]), chain, int(d["at_ms"]), signature)
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("head-unreadable", "This is no signed head of a journal; nothing was changed.") from error

    @property
    def code(self) -> str:
        """A short form to note down: position and the first 16 hex digits of the chain."""
        return f"{self.seq}-{self.chain.hex()[:_CODE_CHAIN_HEX]}"


@dataclass(frozen=True, slots=True)
class Held:
    """A head that somebody else keeps; `where` names them for the person."""

    where: str
    head: SignedHead


class HeadSigner:
    """Signs and checks the heads of one vault.

    Args:
        vault: id of the vault.
        keys: `vault.key("head")` first, then former ones, whose signatures still count.
    """

    def __init__(self, vault: str, keys: Sequence[bytes]) -> None:
        self.vault = vault
        self._keys = [Ed25519PrivateKey.from_private_bytes(key) for key in keys]

    def sign(self, journal: Journal, at_ms: int) -> SignedHead:
        """The journal's present head, signed."""
        head = journal.head()
        signature = self._keys[0].sign(_statement(self.vault, head.seq, head.chain, at_ms))
        return SignedHead(self.vault, head.seq, head.chain, at_ms, signature)

    def genuine(self, head: SignedHead) -> bool:
        """Whether this vault signed it."""
        statement = _statement(head.vault, head.seq, head.chain, head.at_ms)
        for key in self._keys:
            try:
                key.public_key().verify(head.signature, statement)
            except InvalidSignature:
                continue
            return head.vault == self.vault
        return False


def contradictions(journal: Journal, signer: HeadSigner, held: Iterable[Held]) -> list[str]:
    """In words, every held head that the journal does not lead up to: it was rolled back, or is another one."""
    now = journal.head().seq
    found = []
    for one in held:
        if not signer.genuine(one.head):
            if one.head.vault == signer.vault:
                found.append(
                    f"{one.where} remembers record {one.head.seq:,} of this vault, signed with keys that this vault"
                    " does not know: an older vault.json was put back, or somebody forged it."
                )
            continue  # of another vault
        if one.head.seq > now:
            found.append(
                f"{one.where} knows of {one.head.seq:,} records, this journal has {now:,}:"
                " it was put back from an earlier time, or records are lost."
            )
        elif journal.chain_at(one.head.seq) != one.head.chain:
            found.append(f"{one.where} knows another record {one.head.seq:,} than this journal has: it was altered.")
    return found


def check_code(journal: Journal, code: str) -> str:
    """What a noted-down code says about the journal: "" when it leads up to it, else one sentence.

    Raises:
        Refused: it is no such code.
    """
    number, _, digits = code.strip().partition("-")
    if not number.isdecimal() or len(number) > _CODE_NUMBER_MAX or len(digits) != _CODE_CHAIN_HEX:
        raise Refused("head-code-wrong", f"“{code}” is no code of a head; it looks like 45112-9f3a0c6b7d21e845.")
    chain = journal.chain_at(int(number))
    if chain is None:
        return f"The journal has {journal.head().seq:,} records, the code knows of {int(number):,}: some are lost."
    return "" if chain.hex()[:_CODE_CHAIN_HEX] == digits else f"Record {int(number):,} is another one than the code's."


def _statement(vault: str, seq: int, chain: bytes, at_ms: int) -> bytes:
    return f"hearthside head 1\0{vault}\0{seq}\0{chain.hex()}\0{at_ms}".encode()
