"""The way by TPM: the machine's security chip opens the vault unattended, as long as the machine starts as before."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from hearthside.events import Json
from hearthside.identity.tpm import PCRS, SealedByTpm, Tpm, check_pcrs
from hearthside.identity.ways.wrapped import KEY_BYTES, bytes_of, text_of

KIND = "tpm"


@dataclass(frozen=True, slots=True)
class TpmSecret:
    """A TPM that answers, and the registers (PCRs) whose present values new seals are bound to."""

    tpm: Tpm
    pcrs: str = PCRS

    @property
    def kind(self) -> str:
        """``tpm``."""
        return KIND

    def fresh(self) -> tuple[bytes, dict[str, Json]]:
        """A random wrapping key, and what the TPM sealed it into."""
        key = secrets.token_bytes(KEY_BYTES)
        sealed = self.tpm.seal(key, self.pcrs)
        return key, {
            "pcrs": sealed.pcrs,
            "policy": text_of(sealed.policy),
            "public": text_of(sealed.public),
            "private": text_of(sealed.private),
        }

    def wrapping_key(self, parameters: Mapping[str, Json]) -> bytes:
        """The wrapping key, from the TPM.

        Raises:
            NeedsPerson: the machine starts differently, it is another TPM, or it does not answer.
        """
        return self.tpm.unseal(_sealed(parameters))


def check(parameters: Mapping[str, Json]) -> None:
    """Look whether the parameters can be used at all.

    Raises:
        ValueError, TypeError, KeyError: a part is missing or malformed.
    """
    check_pcrs(_sealed(parameters).pcrs)


def _sealed(parameters: Mapping[str, Json]) -> SealedByTpm:
    policy, public, private = (bytes_of(parameters[name]) for name in ("policy", "public", "private"))
    return SealedByTpm(parameters["pcrs"], policy, public, private)
