"""The machine's TPM 2.0, through the commands of tpm2-tools: seal a secret to the state the machine starts in.

The secret lies under a primary key of the owner hierarchy, which the TPM makes again from its own seed each time, and
opens only while the chosen PCRs have the values they had (PCR 7: the Secure Boot keys and state). Secrets go through
pipes, never through arguments or files, and cross the bus to the chip inside a salted, encrypted session. This protects
a stolen disk, and a machine started from something else; it does not protect a running machine.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hearthside.errors import NeedsPerson

PCRS = "sha256:7"
_SEAL_ANEW = "open the vault with another way, then seal it anew: hearthside keys tpm"
_DEVICE = Path("/dev/tpmrm0")  # the kernel's own resource manager
_MEMORY = Path("/dev/shm")  # a file system without a disk
_SECONDS = 30  # a chip needs up to a few seconds to make a key; a chip that hangs is one that does not answer
_PRIMARY = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt"
_SEALED = "fixedtpm|fixedparent|adminwithpolicy|noda"  # without userwithauth nothing but the policy opens it


@dataclass(frozen=True, slots=True)
class SealedByTpm:
    """A secret as the TPM gave it back.

    Attributes:
        pcrs: which registers it is bound to, as ``sha256:7``.
        policy: SHA-256 policy digest of their values at the time.
        public: TPM2B_PUBLIC.
        private: TPM2B_PRIVATE; opens nowhere but in the TPM that made it.
    """

    pcrs: str
    policy: bytes
    public: bytes
    private: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tpm:
    """A TPM, named by its TCTI as tpm2-tools know it (``device:/dev/tpmrm0``, ``swtpm:path=...``)."""

    tcti: str

    def answers(self) -> bool:
        """Whether a TPM 2.0 answers there."""
        try:
            with _scratch() as folder:
                self._run(folder, "getcap", "properties-fixed")
        except (_Failed, NeedsPerson):
            return False
        return True

    def seal(self, secret: bytes, pcrs: str = PCRS) -> SealedByTpm:
        """Seal up to 64 bytes to the values these registers have now.

        Raises:
            NeedsPerson: the TPM does not answer or does not let its owner make keys.
            ValueError: `pcrs` is no list of registers.
        """
        check_pcrs(pcrs)
        with _scratch() as folder:
            try:
                self._primary(folder)
                self._run(folder, "createpolicy", "--policy-pcr", "-l", pcrs, "-L", "policy")
                with self._session(folder, "--hmac-session", "--enable-decrypt"):
                    inside = ("-C", "primary", "-P", "session:session", "-g", "sha256", "-a", _SEALED, "-L", "policy")
                    self._run(folder, "create", *inside, "-i", "-", "-u", "public", "-r", "private", stdin=secret)
            except _Failed as error:
                raise NeedsPerson(
                    "tpm-refused", f"The TPM did not seal the key ({error}). Nothing was changed; use another way."
                ) from error
            parts = [(folder / name).read_bytes() for name in ("policy", "public", "private")]
        return SealedByTpm(pcrs, *parts)

    def unseal(self, sealed: SealedByTpm) -> bytes:
        """The secret.

        Raises:
            NeedsPerson: the registers have other values, it is another TPM, or it does not answer.
        """
        with _scratch() as folder:
            (folder / "public").write_bytes(sealed.public)
            (folder / "private").write_bytes(sealed.private)
            try:
                self._primary(folder)
            except _Failed as error:
                raise NeedsPerson(
                    "tpm-silent", f"The TPM does not answer ({error}). Open the vault with another way."
                ) from error
            try:
                self._run(folder, "load", "-C", "primary", "-u", "public", "-r", "private", "-c", "sealed")
            except _Failed as error:
                raise NeedsPerson(
                    "tpm-other",
                    f"This TPM is not the one that sealed the vault's key, or it was cleared; {_SEAL_ANEW}",
                ) from error
            return self._unsealed(folder, sealed)

    def _unsealed(self, folder: Path, sealed: SealedByTpm) -> bytes:
        try:
            with self._session(folder, "--policy-session", "--enable-encrypt"):
                self._run(folder, "policypcr", "-S", "session", "-l", sealed.pcrs, "-L", "now")
                if (folder / "now").read_bytes() == sealed.policy:
                    return self._run(folder, "unseal", "-c", "sealed", "-p", "session:session")
        except _Failed as error:
            raise NeedsPerson(
                "tpm-refused", f"The TPM did not open the vault's key ({error}). Open the vault with another way."
            ) from error
        raise NeedsPerson(
            "tpm-changed",
            f"This machine starts differently than when its TPM sealed the vault's key (PCR {sealed.pcrs}): its "
            f"firmware or Secure Boot settings were changed. If that was not you, find out who it was. If it was, "
            f"{_SEAL_ANEW}",
        )

    def _primary(self, folder: Path) -> None:
        """The owner's primary key: the same template gives the same key, so that it is stored nowhere."""
        self._run(
            folder,
            "createprimary",
            "-C",
            "o",
            "-g",
            "sha256",
            "-G",
            "ecc256:aes128cfb",
            "-a",
            _PRIMARY,
            "-c",
            "primary",
        )

    @contextmanager
    def _session(self, folder: Path, kind: str, encrypted: str) -> Iterator[None]:
        """A session salted to the primary key, whose secrets nobody reads off the bus."""
        self._run(folder, "startauthsession", kind, "--tpmkey-context", "primary", "-g", "sha256", "-S", "session")
        try:
            self._run(folder, "sessionconfig", encrypted, "session")
            yield
        finally:
            self._quietly(folder, "flushcontext", "session")

    def _run(self, folder: Path, name: str, *arguments: str, stdin: bytes = b"") -> bytes:
        """Output of one command; nothing stays loaded in the chip, which holds three objects at most."""
        try:
            done = subprocess.run(
                [f"tpm2_{name}", "-Q", "-T", self.tcti, *arguments],
                cwd=folder, input=stdin, capture_output=True, timeout=_SECONDS, check=False,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise NeedsPerson(
                "tpm-tools-missing", "The commands of tpm2-tools are not installed. On Debian: apt install tpm2-tools."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise _Failed(f"no answer within {_SECONDS} s") from error
        if name not in ("flushcontext", "getcap"):
            self._quietly(folder, "flushcontext", "-t")
        if done.returncode != 0:
            said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.startswith("ERROR: ")]
            raise _Failed(said[0].removeprefix("ERROR: ") if said else f"tpm2_{name} ended with {done.returncode}")
        return done.stdout

    def _quietly(self, folder: Path, name: str, *arguments: str) -> None:
        try:
            self._run(folder, name, *arguments)
        except _Failed:
            return  # it frees room in the chip; where there was nothing to free, nothing is lost


class _Failed(Exception):
    """A command of tpm2-tools said no; with its reason, which holds no secret."""


def find_tpm(tcti: str | None = None) -> Tpm | None:
    """The TPM of this machine, or the one at a TCTI; None where there is none or tpm2-tools are not installed."""
    if shutil.which("tpm2_unseal") is None or (tcti is None and not _DEVICE.exists()):
        return None
    tpm = Tpm(tcti or f"device:{_DEVICE}")
    return tpm if tpm.answers() else None


def check_pcrs(pcrs: str) -> None:
    """Look whether this is one bank and its registers, as ``sha256:7`` or ``sha256:7,14``.

    Raises:
        ValueError: it is not.
    """
    if not re.fullmatch(r"sha(1|256|384|512):\d{1,2}(,\d{1,2})*", pcrs):
        raise ValueError(f"no list of PCRs: {pcrs[:40]!r}")


@contextmanager
def _scratch() -> Iterator[Path]:
    """A private folder, in memory where the system has that, wiped afterwards: a session's key passes through it."""
    with tempfile.TemporaryDirectory(prefix="hearthside-tpm-", dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        folder = Path(name)
        try:
            yield folder
        finally:
            for path in folder.iterdir():
                path.write_bytes(bytes(path.stat().st_size))
