"""The vault: a folder whose root key is wrapped by any number of ways; every other key derives from it.

The root can be changed while everything goes on: former roots stay sealed under the newest, so that what was sealed
under them (old backups) stays readable. Taking a way away closes it for this vault.json; who kept an old copy of the
file and that way's secret still has the root of then, and only a new root (`Vault.rotate`) shuts them out.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hearthside.errors import NeedsPerson, Refused
from hearthside.identity.durable import make_folder
from hearthside.identity.durable import write_private as write_private
from hearthside.identity.paper import PaperKey, new_paper_key, read_words
from hearthside.identity.rotation import opening_secret, with_new_root
from hearthside.identity.tpm import PCRS, find_tpm
from hearthside.identity.unlock import Means, unlock
from hearthside.identity.vault_file import (
    FILE,
    VaultFile,
    damaged,
    locked,
    open_former,
    read_vault_file,
    write_vault_file,
)
from hearthside.identity.ways import paper as paper_way
from hearthside.identity.ways import passphrase as passphrase_way
from hearthside.identity.ways import tpm as tpm_way
from hearthside.identity.ways.key_file import made_key_file, read_key_file
from hearthside.identity.ways.passphrase import Passphrase
from hearthside.identity.ways.tpm import TpmSecret
from hearthside.identity.ways.wrapped import (
    KEY_BYTES,
    Place,
    Secret,
    Wrapped,
    WrongKey,
    derive,
    unwrap,
    wrap,
)

# 256 MiB and 3 passes take about a second: what a guesser must pay for each passphrase tried.
ARGON_MEMORY_KIB = 256 * 1024
ARGON_PASSES = 3


@dataclass(frozen=True, slots=True)
class Way:
    """One way to unlock a vault, for people to see.

    Attributes:
        name: unique within the vault.
        kind: ``passphrase``, ``key_file``, ``tpm`` or ``paper``.
        made_ms: when it was added, UTC milliseconds; None when nobody said (vaults of format 1).
        renewed_ms: when it last wrapped a root, UTC milliseconds.
    """

    name: str
    kind: str
    made_ms: int | None
    renewed_ms: int | None


@dataclass(frozen=True, slots=True)
class Vault:
    """An opened vault.

    A vault object keeps the root it was opened with: after `rotate`, go on with the vault that it returned. In another
    process, `stale` says that the root was changed.

    Attributes:
        folder: where everything of this person lies.
    """

    folder: Path
    _root: bytes
    _former: tuple[bytes, ...] = field(default=())
    _vault_id: str = field(default="")
    _generation: int = field(default=0)  # 0: not from a file

    def __repr__(self) -> str:
        """Without the key."""
        return f"Vault({str(self.folder)!r})"

    @property
    def id(self) -> str:
        """16 hex digits that stay with this vault through every change of keys, and through restore."""
        return self._vault_id or _first_id(self._root)

    @property
    def generation(self) -> int:
        """1 for the first root, one more for each new root."""
        return max(1, self._generation)

    def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose (``journal``, ``stream``, ``index`` ...); purposes never share a key."""
        return _key(self._root, purpose)

    def former_keys(self, purpose: str) -> list[bytes]:
        """What `key` gave under the former roots, newest first: to read what was sealed then."""
        return [_key(root, purpose) for root in self._former]

    def stale(self) -> bool:
        """Whether the root was changed since this vault was opened, by another process or another object.

        Raises:
            NeedsPerson: vault.json is gone or damaged.
        """
        if self._generation == 0:
            return False
        file = read_vault_file(self.folder)
        return file.generation != self._generation or file.vault_id not in ("", self.id)

    def ways(self) -> list[Way]:
        """The ways to unlock this vault, in the order they were added."""
        return [Way(way.name, way.kind, way.made_ms, way.renewed_ms) for way in read_vault_file(self.folder).ways]

    def add_passphrase(self, passphrase: str, *, now_ms: int | None = None) -> str:
        """Add a passphrase; returns the way's name.

        Raises:
            Refused: it is empty.
        """
        return self._add(_passphrase(passphrase), now_ms)

    def add_key_file(self, key_file: Path, *, now_ms: int | None = None) -> str:
        """Add a key file (made, mode 600, when it does not exist); returns the way's name.

        Raises:
            Refused: the file holds no secret.
        """
        return self._add(made_key_file(key_file), now_ms)

    def add_tpm(self, *, tcti: str | None = None, pcrs: str = PCRS, now_ms: int | None = None) -> str:
        """Let this machine's TPM open the vault; seals anew in place when there is a TPM way; returns its name.

        Args:
            tcti: where the TPM answers, as tpm2-tools name it; by default the machine's own.
            pcrs: the registers that must not change, as ``sha256:7``.

        Raises:
            NeedsPerson: no TPM answers, or it refuses.
            ValueError: `pcrs` is no list of registers.
        """
        tpm = find_tpm(tcti)
        if tpm is None:
            raise NeedsPerson(
                "tpm-missing", "No TPM answers on this machine, or tpm2-tools are not installed. Nothing was changed."
            )
        with locked(self.folder):
            file = self._current()
            old = file.way(tpm_way.KIND)
            way = old or Wrapped(file.free_name(tpm_way.KIND), tpm_way.KIND, now_ms, None, {})
            way = replace(way, renewed_ms=now_ms)
            new = wrap(self._root, TpmSecret(tpm, pcrs), way, file.place)
            self._write(file.with_way(new))
        return way.name

    def tpm_warning(self, *, tcti: str | None = None) -> str:
        """Why the TPM would not open this vault at the next start; empty when it would, or is no way of this vault."""
        file = read_vault_file(self.folder)
        way = file.way(tpm_way.KIND)
        if way is None:
            return ""
        tpm = find_tpm(tcti)
        if tpm is None:
            return "No TPM answers on this machine, or tpm2-tools are not installed."
        try:
            return "" if unwrap(way, TpmSecret(tpm), file.place) == self._root else "The TPM holds another root key."
        except NeedsPerson as error:
            return error.message
        except WrongKey:
            return "What the TPM sealed does not open this vault. Have the TPM seal it anew."

    def change_passphrase(self, old: str, new: str, *, now_ms: int | None = None) -> None:
        """Replace the passphrase that `old` is by `new`.

        Raises:
            NeedsPerson: `old` is no passphrase of this vault; nothing was changed.
            Refused: `new` is empty.
        """
        secret = _passphrase(new)
        with locked(self.folder):
            file = self._current()
            for way in file.ways:
                if way.kind == passphrase_way.KIND and opening_secret(way, [_typed(old)], file.place):
                    changed = wrap(self._root, secret, replace(way, renewed_ms=now_ms), file.place)
                    self._write(file.with_way(changed))
                    return
        raise NeedsPerson("vault-key-wrong", "This is no passphrase of the vault; nothing was changed.")

    def remove_way(self, name: str) -> None:
        """Take a way away, for this vault.json and all later ones.

        Raises:
            Refused: there is no such way, or without it nothing but the paper would open the vault.
        """
        with locked(self.folder):
            self._write(self._current().without([name]))

    def new_paper_key(self, *, now_ms: int | None = None) -> PaperKey:
        """Make a paper key, in place of an older one; its words are shown now and kept nowhere.

        The older paper opens neither this vault nor new backups any more; backups made before it still does.
        """
        paper = new_paper_key()
        with locked(self.folder):
            file = self._current()
            way = Wrapped(paper_way.KIND, paper_way.KIND, now_ms, now_ms, {})
            kept = tuple(other for other in file.ways if other.kind != paper_way.KIND)
            new = paper_way.wrap_for_paper(self._root, way, file.place, paper.public, paper_way.authenticator_of(paper))
            self._write(replace(file, ways=(*kept, new)))
        return paper

    def paper_opens(self, words: str) -> bool:
        """Whether these words are the vault's paper key: the proof that what was written down is right.

        Raises:
            NeedsPerson: the words make no key; the message says which.
        """
        paper, file = read_words(words), read_vault_file(self.folder)
        way = file.way(paper_way.KIND)
        try:
            return way is not None and file.genuine(paper_way.unwrap_with_paper(way, paper, file.place))
        except WrongKey:
            return False

    def recovery_document(self) -> bytes:
        """What every backup should carry: JSON that the paper key opens, and nothing else (`restore_vault`).

        It holds no wrap by passphrase, which whoever has the backup could guess at leisure.

        Raises:
            NeedsPerson: the vault has no paper key, or its root was changed meanwhile.
        """
        file = self._current()
        way = file.way(paper_way.KIND)
        if way is None:
            raise NeedsPerson(
                "vault-paper-missing",
                "This vault has no paper key yet, so a backup of it could not be opened. Make one.",
            )
        return paper_way.write_document(way, file.place, file.former, self._root)

    def rotate(
        self,
        *,
        passphrases: Sequence[str] = (),
        key_files: Sequence[Path] = (),
        tcti: str | None = None,
        drop: Collection[str] = (),
        now_ms: int | None = None,
    ) -> Vault:
        """Give the vault a new root key, wrapped by every way; returns the vault opened with it.

        The file changes in one step: before it the old root holds, after it the new one, which knows the old. What is
        sealed under the old root's keys is the caller's to seal anew, or to read through `former_keys`.

        Args:
            passphrases: every passphrase of this vault, given again; a wrong one is found before anything is changed.
            key_files: every key file of this vault.
            tcti: where the TPM answers; by default the machine's own.
            drop: names of ways to leave out from now on.

        Raises:
            NeedsPerson: a way's secret is missing or wrong; nothing was changed.
            Refused: no way but paper would be left, or a name in `drop` is unknown.
        """
        given: list[Secret] = [_typed(text) for text in passphrases]
        given += [read_key_file(path) for path in key_files if path.is_file()]
        root, former = secrets.token_bytes(KEY_BYTES), (self._root, *self._former)
        with locked(self.folder):
            file = self._current().without(drop)
            chip = find_tpm(tcti) if file.way(tpm_way.KIND) else None
            new = with_new_root(file, root, former, given, chip, now_ms)
            write_vault_file(self.folder, new, root)
        return Vault(self.folder, root, former, new.vault_id, new.generation)

    def _add(self, secret: Secret, now_ms: int | None) -> str:
        with locked(self.folder):
            file = self._current()
            way = Wrapped(file.free_name(secret.kind), secret.kind, now_ms, now_ms, {})
            self._write(file.with_way(wrap(self._root, secret, way, file.place)))
        return way.name

    def _current(self) -> VaultFile:
        """The file as it is now, in format 2.

        Raises:
            NeedsPerson: it is damaged, altered, or holds another root than this object.
        """
        file = read_vault_file(self.folder)
        if file.generation != self.generation or file.vault_id not in ("", self.id):
            raise NeedsPerson(
                "vault-stale", "The vault's root key was changed meanwhile; nothing was changed. Open the vault again."
            )
        if not file.genuine(self._root):
            raise damaged(self.folder / FILE)
        return replace(file, vault_id=self.id)

    def _write(self, file: VaultFile) -> None:
        write_vault_file(self.folder, file, self._root)


def vault_exists(folder: Path) -> bool:
    """Whether a vault was made in this folder."""
    return (folder / FILE).exists()


def create_vault(
    folder: Path, *, passphrase: str | None = None, key_file: Path | None = None, now_ms: int | None = None
) -> Vault:
    """Make a vault that opens with a passphrase or with a key file (made, mode 600, when it does not exist).

    Args:
        now_ms: the present, UTC milliseconds; the date that the way carries.

    Raises:
        Refused: the folder already holds a vault, neither or both ways were given, or the key file holds no secret.
    """
    secret = _one_secret(folder, passphrase, key_file)
    root, place = secrets.token_bytes(KEY_BYTES), Place(secrets.token_hex(8), 1)
    return _make(folder, VaultFile(place.vault_id, place.generation, ()), root, (), secret, now_ms)


def open_vault(
    folder: Path,
    *,
    passphrase: str | None = None,
    key_file: Path | None = None,
    words: str | None = None,
    tcti: str | None = None,
) -> Vault:
    """Open a vault by the first way that opens; a wrong key says so at once and touches nothing.

    Args:
        passphrase: tried when given, first.
        words: of the paper key; tried when given.
        key_file: tried when it exists.
        tcti: where a TPM answers; by default the machine's own, where there is one.

    Raises:
        NeedsPerson: no vault there, it is damaged, or no way opens it.
    """
    file = read_vault_file(folder)
    typed = None if passphrase is None else _typed(passphrase)
    root = unlock(file, Means(typed, words, key_file, tcti))
    former = open_former(file.former, root, file.place)
    if not file.genuine(root) or former is None:
        raise damaged(folder / FILE)
    return Vault(folder, root, former, file.vault_id or _first_id(root), file.generation)


def restore_vault(
    document: bytes,
    words: str,
    folder: Path,
    *,
    passphrase: str | None = None,
    key_file: Path | None = None,
    now_ms: int | None = None,
) -> Vault:
    """Make the vault of a backup on a clean machine: same id, roots and paper key, and one new way.

    Args:
        document: what `Vault.recovery_document` gave.
        words: the 24 words of the paper key.
        folder: where the vault is made; it holds none yet.

    Raises:
        NeedsPerson: the words make no key or are of another one, or the document is damaged; nothing was made.
        Refused: the folder already holds a vault, neither or both ways were given, or the key file holds no secret.
    """
    paper = read_words(words)
    place, root, sealed, made_ms = paper_way.read_document(document, paper)
    secret = _one_secret(folder, passphrase, key_file)
    way = Wrapped(paper_way.KIND, paper_way.KIND, made_ms, now_ms, {})
    paper_again = paper_way.wrap_for_paper(root, way, place, paper.public, paper_way.authenticator_of(paper))
    file = VaultFile(place.vault_id, place.generation, (paper_again,), sealed)
    former = open_former(sealed, root, place)
    if former is None:
        raise NeedsPerson(
            "recovery-damaged",
            "The backup's recovery document is damaged; nothing was made. Use that of another backup.",
        )
    return _make(folder, file, root, former, secret, now_ms)


def _one_secret(folder: Path, passphrase: str | None, key_file: Path | None) -> Secret:
    """The secret of a new vault's first way."""
    if vault_exists(folder):
        raise Refused("vault-exists", f"{folder} already holds a vault; it was left as it is.")
    if passphrase is not None and key_file is None:
        return _passphrase(passphrase)
    if key_file is not None and passphrase is None:
        return made_key_file(key_file)
    raise Refused("vault-one-way", "Give either a passphrase or a key file for the new vault; nothing was made.")


def _make(
    folder: Path, file: VaultFile, root: bytes, former: tuple[bytes, ...], secret: Secret, now_ms: int | None
) -> Vault:
    """Write the file of a new vault, with one way before those it has."""
    way = wrap(root, secret, Wrapped(secret.kind, secret.kind, now_ms, now_ms, {}), file.place)
    make_folder(folder)
    folder.chmod(0o700)
    with locked(folder):
        if vault_exists(folder):
            raise Refused("vault-exists", f"{folder} already holds a vault; it was left as it is.")
        write_vault_file(folder, replace(file, ways=(way, *file.ways)), root)
    return Vault(folder, root, former, file.vault_id, file.generation)


def _passphrase(text: str) -> Passphrase:
    """A new passphrase, with the costs of now."""
    if not text.strip():
        raise Refused("vault-passphrase-empty", "An empty passphrase keeps nobody out; nothing was changed.")
    return _typed(text)


def _typed(text: str) -> Passphrase:
    """A passphrase as typed; the costs matter to new wraps only."""
    return Passphrase(text, ARGON_MEMORY_KIB, ARGON_PASSES)


def _key(root: bytes, purpose: str) -> bytes:
    return derive(root, f"hearthside/1/{purpose}")


def _first_id(root: bytes) -> str:
    """The id of a vault of format 1, which was given none."""
    return _key(root, "vault id")[:8].hex()
