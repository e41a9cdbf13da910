"""The paper recovery key: 32 bytes as 24 words, as a QR code and as a sheet to print; and the key pair they make.

The words are BIP-39 (English, with its checksum) of the seed itself. The key pair is X-Wing (ML-KEM-768 + X25519,
draft-connolly-cfrg-xwing-kem, section 5.2: SHAKE256 stretches the seed to both private keys), so that a new root can be
sealed to the paper while the paper lies in a drawer, and stays sealed for a future quantum computer too.
"""

from __future__ import annotations

import difflib
import hashlib
import html
import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from functools import cache

import segno
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from mnemonic import Mnemonic

from hearthside.errors import NeedsPerson

SEED_BYTES = 32
WORDS = 24
PUBLIC_KEY_BYTES = 1184 + 32  # ML-KEM-768, X25519
_TELLING_LETTERS = 4  # no two BIP-39 words share their first four
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class PaperKey:
    """A paper key while it is in the machine: just made, or just typed in.

    Attributes:
        seed: 32 bytes; whoever has them can open the vault's backups.
        public: 1216 bytes, ML-KEM-768 public key then X25519 public key; what the vault keeps.
    """

    seed: bytes = field(repr=False)
    public: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kem, exchange = _private_keys(self.seed)
        public = kem.public_key().public_bytes_raw() + exchange.public_key().public_bytes_raw()
        object.__setattr__(self, "public", public)

    @property
    def words(self) -> str:
        """The 24 words, lower case, one space between."""
        return _english().to_mnemonic(self.seed)

    def open(self, sealed: bytes, info: bytes) -> bytes | None:
        """What was sealed to the public key under the same `info`; None when it was not, or was altered."""
        try:
            return bytes(_SUITE.decrypt(sealed, MLKEM768X25519PrivateKey(*_private_keys(self.seed)), info=info))
        except (InvalidTag, ValueError):
            return None

    def qr(self) -> str:
        """A QR code of the words as one ``<svg>``; scanned, it gives what can be typed in."""
        # Capital letters and spaces are QR's compact alphabet; level Q survives a quarter of the code being damaged.
        code = segno.make(self.words.upper(), error="q", micro=False)
        return code.svg_inline(scale=4, border=4, dark="#000", light="#fff")

    def sheet(self, *, vault_id: str, made: str, name: str = "") -> str:
        """A page to print and put away: one HTML text that loads nothing and needs no network.

        Args:
            vault_id: which vault it opens.
            made: the day, as the person reads it.
            name: what the person calls the vault.
        """
        words = "".join(f"<li>{word}</li>" for word in self.words.split())
        about = " · ".join(html.escape(part) for part in (name, f"vault {vault_id}", made) if part)
        return _SHEET.replace("{words}", words).replace("{qr}", self.qr()).replace("{about}", about)


def new_paper_key() -> PaperKey:
    """A fresh paper key from 32 random bytes."""
    return PaperKey(secrets.token_bytes(SEED_BYTES))


def read_words(text: str) -> PaperKey:
    """The paper key of 24 words as a person types them: any case, any spacing, numbered or not, four letters suffice.

    Raises:
        NeedsPerson: a word is not in the list, words are missing or too many, or one of them is another word.
    """
    typed = [word for word in map(_bare, re.split(r"[\s,;]+", text)) if word]
    found = [_word(word) for word in typed]
    unknown = [place for place, word in enumerate(found) if word is None]
    if unknown and len(typed) < 2 * WORDS:
        said = "; ".join(f"word {place + 1}, {typed[place][:20]!r}{_suggestion(typed[place])}" for place in unknown[:5])
        raise NeedsPerson("paper-word-unknown", f"Not in the list of words: {said}. Look at the paper once more.")
    if len(typed) != WORDS:
        raise NeedsPerson(
            "paper-words-count",
            f"A paper key has {WORDS} words; these are {len(typed)}. Is one missing or twice there?",
        )
    try:
        seed = _english().to_entropy([word for word in found if word])
    except ValueError as error:
        raise NeedsPerson(
            "paper-checksum-wrong",
            "All words are in the list, but together they make no key: one is another word than on the paper, or two "
            "have changed places. Compare them one by one.",
        ) from error
    return PaperKey(bytes(seed))


def seal_to_paper(public: bytes, secret: bytes, info: bytes) -> bytes:
    """HPKE (RFC 9180, base mode) of a secret to a paper key's public half; `info` must be the same to open it.

    Raises:
        ValueError: the public key is none.
    """
    if len(public) != PUBLIC_KEY_BYTES:
        raise ValueError("no X-Wing public key")
    kem, exchange = MLKEM768PublicKey.from_public_bytes(public[:1184]), X25519PublicKey.from_public_bytes(public[1184:])
    return bytes(_SUITE.encrypt(secret, MLKEM768X25519PublicKey(kem, exchange), info=info))


def _private_keys(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    if len(seed) != SEED_BYTES:
        raise ValueError("a paper key has 32 bytes")
    expanded = hashlib.shake_256(seed).digest(96)  # ML-KEM's d and z, 32 bytes each, then the X25519 private key
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


@cache
def _english() -> Mnemonic:
    return Mnemonic("english")


def _bare(word: str) -> str:
    """A typed word without its number ("7." or "7)"), punctuation at its ends, and case."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    return re.sub(r"^\d+[.):]?(?=\D|$)", "", folded).strip(".,;:!?\"'()[]-–—·*")


def _word(typed: str) -> str | None:
    """The word that was meant: written out, or four of its letters and more; None when there is no such word."""
    words = _english().wordlist
    if typed in words:
        return typed
    begun = [word for word in words if word.startswith(typed)] if len(typed) >= _TELLING_LETTERS else []
    return begun[0] if len(begun) == 1 else None


def _suggestion(typed: str) -> str:
    near = difflib.get_close_matches(typed, _english().wordlist, 2, 0.7)
    return f" (perhaps {' or '.join(near)})" if near else ""


_SHEET = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Hearthside paper key</title>
<style>
@page { margin: 18mm }
body { font: 12pt/1.4 Georgia, serif; color: #000; background: #fff; max-width: 170mm; margin: 10mm auto }
h1 { font-size: 18pt; margin: 0 } p { margin: 3mm 0 }
ol { columns: 3; font: 13pt/1.9 monospace; border: 1px solid #000; padding: 5mm 5mm 5mm 14mm; margin: 5mm 0 }
li { break-inside: avoid }
.about { font-family: monospace }
</style></head><body>
<h1>Hearthside paper key</h1>
<p class="about">{about}</p>
<p>Whoever holds this sheet can read everything in this vault and in its backups. Keep it where you keep a passport,
away from the computer. Do not photograph it.</p>
<ol>{words}</ol>
{qr}
<p>To get everything back on a new machine: install Hearthside, attach the backup, run
<b>hearthside restore --from FOLDER</b> with the backup's folder, and type the 24 words (the first four letters of each
are enough) or scan the code.</p>
<p>A newer paper key replaces this one for the vault. This sheet still opens backups made before that.</p>
</body></html>
"""
