"""Wrapping a new root by every way that the old one was wrapped by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hearthside.errors import NeedsPerson
from hearthside.identity.tpm import Tpm
from hearthside.identity.vault_file import VaultFile, seal_former
from hearthside.identity.ways import paper, tpm
from hearthside.identity.ways.paper import rewrap_for_paper
from hearthside.identity.ways.tpm import TpmSecret
from hearthside.identity.ways.wrapped import Place, Secret, Wrapped, WrongKey, unwrap, wrap


def with_new_root(
    file: VaultFile,
    root: bytes,
    former: Sequence[bytes],
    given: Sequence[Secret],
    chip: Tpm | None,
    now_ms: int | None,
) -> VaultFile:
    """The file of the next generation.

    Args:
        root: the new root.
        former: the roots up to now, newest first.
        given: passphrases and key files; each is tried on the old wrap first, so that a typing error locks nobody out.
        chip: the TPM, where one answers.

    Raises:
        NeedsPerson: the secret of a way is missing or wrong.
    """
    place = Place(file.vault_id, file.generation + 1)
    ways = []
    for way in (replace(old, renewed_ms=now_ms) for old in file.ways):
        if way.kind == paper.KIND:
            ways.append(rewrap_for_paper(root, former[0], way, place))
        else:
            ways.append(wrap(root, _secret(way, given, chip, file.place), way, place))
    return VaultFile(place.vault_id, place.generation, tuple(ways), seal_former(former, root, place))


def opening_secret(way: Wrapped, given: Sequence[Secret], place: Place) -> Secret | None:
    """Which of these secrets opens a way."""
    for secret in given:
        if secret.kind == way.kind:
            try:
                unwrap(way, secret, place)
            except WrongKey:
                continue
            return secret
    return None


def _secret(way: Wrapped, given: Sequence[Secret], chip: Tpm | None, place: Place) -> Secret:
    if way.kind == tpm.KIND and chip is not None:
        # Not asked whether it opens the old wrap: where the machine has changed since, this seals it anew.
        return TpmSecret(chip, str(way.parameters["pcrs"]))
    secret = opening_secret(way, given, place)
    if secret is None:
        raise NeedsPerson(
            "vault-way-secret-needed",
            f"A new root key must be wrapped by every way, and the right secret for {way.name!r} was not given. "
            "Give it, or leave this way out; nothing was changed.",
        )
    return secret
