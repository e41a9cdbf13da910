"""Opening a vault's root by the first way that opens, and saying which way is missing when none does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hearthside.errors import NeedsPerson
from hearthside.identity.paper import read_words
from hearthside.identity.tpm import find_tpm
from hearthside.identity.vault_file import VaultFile
from hearthside.identity.ways import key_file as key_file_way
from hearthside.identity.ways import paper as paper_way
from hearthside.identity.ways import passphrase as passphrase_way
from hearthside.identity.ways import tpm as tpm_way
from hearthside.identity.ways.key_file import read_key_file
from hearthside.identity.ways.passphrase import Passphrase
from hearthside.identity.ways.tpm import TpmSecret
from hearthside.identity.ways.wrapped import Secret, WrongKey, unwrap


@dataclass(frozen=True, slots=True)
class Means:
    """What there is to open a vault with.

    Attributes:
        passphrase: as typed.
        words: of the paper key, as typed.
        key_file: where it should lie.
        tcti: where a TPM answers, as tpm2-tools name it; None: the machine's own.
    """

    passphrase: Passphrase | None = None
    words: str | None = field(default=None, repr=False)
    key_file: Path | None = None
    tcti: str | None = None


def unlock(file: VaultFile, means: Means) -> bytes:
    """The root key, by the first way that opens: the person's own secrets first, the TPM last.

    Raises:
        NeedsPerson: no way opens it; nothing was touched.
    """
    root = _by_person(file, means) or _by_key_file(file, means)
    if root is not None:
        return root
    try:
        root = _by_tpm(file, means)
    except NeedsPerson as error:
        raise _closed(file, means, error) from error
    if root is not None:
        return root
    raise _closed(file, means, None)


def _by_person(file: VaultFile, means: Means) -> bytes | None:
    root = _opened(file, means.passphrase) if means.passphrase is not None else None
    way = file.way(paper_way.KIND)
    if root is not None or means.words is None:
        return root
    paper = read_words(means.words)
    try:
        return None if way is None else paper_way.unwrap_with_paper(way, paper, file.place)
    except WrongKey:
        return None


def _by_key_file(file: VaultFile, means: Means) -> bytes | None:
    path = means.key_file
    if path is None or file.way(key_file_way.KIND) is None or not path.is_file():
        return None
    return _opened(file, read_key_file(path))


def _by_tpm(file: VaultFile, means: Means) -> bytes | None:
    tpm = find_tpm(means.tcti) if file.way(tpm_way.KIND) is not None else None
    if tpm is None:
        return None
    root = _opened(file, TpmSecret(tpm))
    if root is None:
        raise NeedsPerson(
            "vault-key-wrong", "What the TPM holds does not open the vault; nothing was touched. Use another way."
        )
    return root


def _opened(file: VaultFile, secret: Secret) -> bytes | None:
    """The root, by the first way that this secret opens."""
    for way in file.ways:
        if way.kind == secret.kind:
            try:
                return unwrap(way, secret, file.place)
            except WrongKey:
                continue
    return None


def _closed(file: VaultFile, means: Means, tpm_said: NeedsPerson | None) -> NeedsPerson:
    """The error that helps most: a wrong secret first, then what the TPM said, then what could still be given."""
    kinds = {way.kind for way in file.ways}
    if means.passphrase is not None and passphrase_way.KIND in kinds:
        return NeedsPerson("vault-key-wrong", "This passphrase does not open the vault; nothing was touched.")
    if means.words is not None:
        return NeedsPerson(
            "vault-key-wrong", "These words are a paper key, but not the one of this vault; nothing was touched."
        )
    if tpm_said is not None:
        return tpm_said
    if passphrase_way.KIND in kinds:
        return NeedsPerson("vault-passphrase-needed", "This vault opens with its passphrase; nothing was touched.")
    if key_file_way.KIND in kinds and means.key_file is not None and means.key_file.is_file():
        return NeedsPerson("vault-key-wrong", "This key file does not open the vault; nothing was touched.")
    if key_file_way.KIND in kinds:
        return NeedsPerson(
            "vault-key-missing",
            f"The key file of this vault is not at {means.key_file}; nothing was touched. Put it back.",
        )
    names = ", ".join(way.name.replace("_", " ") for way in file.ways)
    return NeedsPerson(
        "vault-way-missing", f"This vault opens with: {names}. None of them is here; nothing was touched."
    )
