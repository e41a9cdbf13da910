"""The adapter registry: personal adapters sealed in the vault, and which of them is staged, active and previous.

One file per adapter and one for the list, each AES-256-GCM under a key of the vault with its own name as associated
data, so that files cannot be swapped. Every change is one atomic replacement of the list: adapter bytes are written
before the list names them and removed after it no longer does; what a crash leaves over is swept at the next opening.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hearthside.errors import NeedsPerson, Refused
from hearthside.events import Json
from hearthside.identity.durable import make_folder, sync_folder
from hearthside.identity.vault import Vault, write_private
from hearthside.logs import logger

_FORMAT = 1
_REGISTRY = "registry"
_SEALED = ".sealed"
_NONCE_BYTES = 12
_log = logger("inference")


class AdapterState(StrEnum):
    """Where an adapter stands."""

    STAGED = "staged"  # came back from the workshop, waits for the gate
    ACTIVE = "active"  # served
    PREVIOUS = "previous"  # served before; one command brings it back
    RETIRED = "retired"  # refused by the gate, rolled back or older than previous; its bytes are gone
    TAINTED = "tainted"  # rests on something that was forgotten since; its bytes are gone


_WITH_BYTES = {AdapterState.STAGED, AdapterState.ACTIVE, AdapterState.PREVIOUS}


@dataclass(frozen=True, slots=True)
class AdapterManifest:
    """What is known of an adapter when it comes back.

    Attributes:
        base_sha256: hash of the GGUF it was trained against.
        recipe: training method, e.g. ``lora_sft``.
        data_from_day: first local day of its training data, ISO.
        data_to_day: last one.
        own_words: how many words of the person it learned from.
        receipt_id: the workshop's receipt of deletion.
    """

    base_sha256: str
    recipe: str
    data_from_day: str
    data_to_day: str
    own_words: int
    receipt_id: str


@dataclass(frozen=True, slots=True)
class AdapterEntry:
    """One line of the registry; fields of the manifest mean the same as there.

    Attributes:
        id: 24 hex digits, keyed to the vault and the bytes: the same adapter always gets the same id.
        created_ms: when it was staged, UTC milliseconds.
        sha256: of its bytes.
        gate: the figures of the evaluation, None before it.
        state: where it stands.
        reason: why it stands there, one sentence; empty when there is nothing to say.
    """

    id: str
    created_ms: int
    base_sha256: str
    recipe: str
    data_from_day: str
    data_to_day: str
    own_words: int
    receipt_id: str
    sha256: str
    state: AdapterState
    gate: dict[str, Json] | None = None
    reason: str = ""


class AdapterRegistry:
    """The registry of one vault.

    Other processes may hold one too: each change reads the list anew, under a file lock.
    """

    def __init__(self, vault: Vault, clock: Callable[[], int]) -> None:
        """Open it, and sweep what an interrupted change left over.

        Raises:
            NeedsPerson: `adapters-key-wrong`; the list does not open with this vault's key. Nothing was touched.
        """
        self._folder = vault.folder / "adapters"
        self._ciphers: list[AESGCM] = []
        self.use(vault)
        # The first root's for ever: ids stand in the journal and must not change with a rotation.
        self._id_key = [vault.key("adapter-ids"), *vault.former_keys("adapter-ids")][-1]
        self._clock = clock
        self._lock = threading.Lock()
        with self._changing() as entries:
            self._sweep(entries)

    def entries(self) -> list[AdapterEntry]:
        """All adapters there ever were, oldest first."""
        path = self._path(_REGISTRY)
        if not path.exists():
            return []
        document = orjson.loads(self._open(_REGISTRY))
        return [AdapterEntry(**{**entry, "state": AdapterState(entry["state"])}) for entry in document["entries"]]

    def entry(self, adapter: str) -> AdapterEntry:
        """One adapter. Raises Refused (`adapter-unknown`) when there is none of this id."""
        return _find(self.entries(), adapter)

    def active(self) -> AdapterEntry | None:
        """The one that is served; None means the base."""
        return self._first(AdapterState.ACTIVE)

    def previous(self) -> AdapterEntry | None:
        """The one a roll-back would bring back."""
        return self._first(AdapterState.PREVIOUS)

    def staged(self) -> list[AdapterEntry]:
        """Those that wait for the gate, oldest first."""
        return [entry for entry in self.entries() if entry.state is AdapterState.STAGED]

    def bytes_of(self, adapter: str) -> bytes:
        """The GGUF file of a staged, active or previous adapter, in memory only.

        Raises:
            Refused: `adapter-unknown` or `adapter-dropped`.
            NeedsPerson: the sealed file is damaged or missing.
        """
        entry = self.entry(adapter)
        if entry.state not in _WITH_BYTES:
            raise Refused("adapter-dropped", f"The adapter {adapter} is {entry.state.value}; its weights were deleted.")
        return self._open(adapter)

    def stage(self, gguf: bytes, manifest: AdapterManifest) -> str:
        """Keep an adapter that came back; returns its id. The same bytes twice are kept once.

        Raises:
            Refused: `adapter-not-new`; these very bytes were refused, retired or tainted before.
        """
        adapter = hashlib.blake2b(gguf, key=self._id_key, digest_size=12).hexdigest()
        with self._changing() as entries:
            known = next((entry for entry in entries if entry.id == adapter), None)
            if known is not None and known.state not in _WITH_BYTES:
                raise Refused("adapter-not-new", f"This adapter came before and is {known.state.value}: {known.reason}")
            if known is None:
                self._seal(adapter, gguf)
                sha256 = hashlib.sha256(gguf).hexdigest()
                entries.append(
                    AdapterEntry(
                        id=adapter,
                        created_ms=self._clock(),
                        sha256=sha256,
                        state=AdapterState.STAGED,
                        **asdict(manifest),
                    )
                )
                self._write(entries)
        return adapter

    def promote(self, adapter: str, gate: dict[str, Json] | None = None) -> None:
        """Make a staged adapter the active one; the active becomes previous, the previous is retired.

        Promoting the active adapter again changes nothing, so that an interrupted night can repeat its step.

        Raises:
            Refused: `adapter-unknown`, or `adapter-not-staged`.
        """
        with self._changing() as entries:
            entry = _find(entries, adapter)
            if entry.state is AdapterState.ACTIVE:
                return
            _need_staged(entry)
            for index, other in enumerate(entries):
                if other.id == adapter:
                    entries[index] = replace(other, state=AdapterState.ACTIVE, gate=gate or other.gate, reason="")
                elif other.state is AdapterState.ACTIVE:
                    entries[index] = replace(other, state=AdapterState.PREVIOUS)
                elif other.state is AdapterState.PREVIOUS:
                    entries[index] = replace(other, state=AdapterState.RETIRED, reason="Two newer adapters followed.")
            self._write(entries)

    def reject(self, adapter: str, reason: str, gate: dict[str, Json] | None = None) -> None:
        """Retire a staged adapter that the gate did not let through; repeating it changes nothing.

        Raises:
            Refused: `adapter-unknown`, or `adapter-not-staged`.
        """
        with self._changing() as entries:
            entry = _find(entries, adapter)
            if entry.state is AdapterState.RETIRED:
                return
            _need_staged(entry)
            entries[entries.index(entry)] = replace(
                entry, state=AdapterState.RETIRED, reason=reason, gate=gate or entry.gate
            )
            self._write(entries)

    def roll_back(self, reason: str = "Rolled back.") -> AdapterEntry | None:
        """Retire the active adapter and serve the previous one, or the base when there is none.

        Returns:
            What is active now; None is the base.
        """
        with self._changing() as entries:
            for index, entry in enumerate(entries):
                if entry.state is AdapterState.ACTIVE:
                    entries[index] = replace(entry, state=AdapterState.RETIRED, reason=reason)
                elif entry.state is AdapterState.PREVIOUS:
                    entries[index] = replace(entry, state=AdapterState.ACTIVE, reason="")
            self._write(entries)
            return next((entry for entry in entries if entry.state is AdapterState.ACTIVE), None)

    def use(self, vault: Vault) -> None:
        """Go on with the keys of a vault that was opened anew."""
        self._ciphers = [AESGCM(key) for key in (vault.key("adapters"), *vault.former_keys("adapters"))]

    def seal_anew(self, vault: Vault) -> None:
        """After a rotation: seal every file under the new key. Cut short, the rest opens with the former one."""
        self.use(vault)
        with self._changing() as entries:
            for entry in entries:
                if entry.state in _WITH_BYTES:
                    self._seal(entry.id, self._open(entry.id))
            if self._path(_REGISTRY).exists():
                self._write(entries)

    def taint(self, adapters: Sequence[str], reason: str) -> None:
        """Take adapters out of service because something they rest on was forgotten; their bytes are deleted.

        A tainted active adapter is not replaced by the previous one: the base is served until the next promotion.

        Raises:
            Refused: `adapter-unknown`; none was changed.
        """
        with self._changing() as entries:
            for adapter in adapters:
                entry = _find(entries, adapter)
                entries[entries.index(entry)] = replace(entry, state=AdapterState.TAINTED, reason=reason)
            self._write(entries)

    def _first(self, state: AdapterState) -> AdapterEntry | None:
        return next((entry for entry in self.entries() if entry.state is state), None)

    @contextmanager
    def _changing(self) -> Iterator[list[AdapterEntry]]:
        """The list as it is now, while nobody else can change it."""
        make_folder(self._folder)
        with self._lock:
            lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield self.entries()
            finally:
                os.close(lock)

    def _write(self, entries: list[AdapterEntry]) -> None:
        document = {"format": _FORMAT, "entries": [asdict(entry) for entry in entries]}
        self._seal(_REGISTRY, orjson.dumps(document))
        self._sweep(entries)

    def _sweep(self, entries: list[AdapterEntry]) -> None:
        """Delete sealed adapters that the list does not keep, and halves of interrupted writes."""
        kept = {_REGISTRY} | {entry.id for entry in entries if entry.state in _WITH_BYTES}
        swept = [
            path
            for path in self._folder.iterdir()
            if path.suffix == ".new" or (path.suffix == _SEALED and path.stem not in kept)
        ]
        for path in swept:
            path.unlink(missing_ok=True)
        if swept:
            _log.info("deleted %d sealed adapter files that are no longer needed", len(swept))
            sync_folder(self._folder)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SEALED}"

    def _seal(self, name: str, content: bytes) -> None:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        write_private(self._path(name), nonce + self._ciphers[0].encrypt(nonce, content, _bound_to(name)))

    def _open(self, name: str) -> bytes:
        try:
            return self._decrypt(name, self._path(name).read_bytes())
        except FileNotFoundError as error:
            raise NeedsPerson(
                "adapter-file-missing",
                f"The sealed file of {name} is gone from {self._folder}; restore it from a backup.",
            ) from error
        except (InvalidTag, ValueError) as error:
            raise NeedsPerson(
                "adapters-key-wrong",
                f"{name}{_SEALED} does not open with this vault's key, or was damaged; nothing was touched. Restore it "
                "from a backup.",
            ) from error

    def _decrypt(self, name: str, sealed: bytes) -> bytes:
        for cipher in self._ciphers[:-1]:
            with suppress(InvalidTag):
                return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(name))
        return self._ciphers[-1].decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(name))


def _bound_to(name: str) -> bytes:
    return f"hearthside/{_FORMAT}/adapters/{name}".encode()


def _find(entries: Sequence[AdapterEntry], adapter: str) -> AdapterEntry:
    for entry in entries:
        if entry.id == adapter:
            return entry
    raise Refused("adapter-unknown", f"There is no adapter {adapter} in this vault.")


def _need_staged(entry: AdapterEntry) -> None:
    if entry.state is not AdapterState.STAGED:
        raise Refused("adapter-not-staged", f"The adapter {entry.id} is {entry.state.value}, not staged.")
