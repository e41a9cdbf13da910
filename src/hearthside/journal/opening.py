"""What comes before a journal can be used: sweeping, bringing up to date, the keyring, and finishing a forgetting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import apsw

from hearthside.errors import HearthsideError, NeedsPerson
from hearthside.identity.durable import make_folder
from hearthside.journal import files, migrations
from hearthside.journal.keyring import Keyring, keyring_damaged
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.shredding import finish_forgetting
from hearthside.journal.year_file import YearFile
from hearthside.logs import logger


def put_in_order(vault: Path, folder: Path, roots: Sequence[bytes], vfs: str | None) -> None:
    """Sweep what a crash left and bring an older format up to date.

    Raises:
        NeedsPerson: a restore was cut off; or see `migrations.bring_up_to_date`.
    """
    make_folder(folder)
    with files.rewriting(folder, wait=False) as alone:
        if alone:
            files.sweep(folder)
    if (folder / files.RESTORING).exists():
        raise NeedsPerson(
            "restore-unfinished",
            "Restoring this vault was cut off, so it is not whole; the backup is untouched."
            " Run `hearthside restore` again.",
        )
    migrations.bring_up_to_date(vault, roots, vfs)


def open_keyring(folder: Path, roots: Sequence[bytes], vfs: str | None) -> Keyring:
    """The keyring, made when the journal is new.

    Raises:
        NeedsPerson: the key is wrong, or the keyring is gone or damaged; nothing was changed.
    """
    keys = keyring_keys(roots)
    if files.current(folder, files.KEYRING) is None:
        with files.rewriting(folder):  # two processes must not make one each
            return Keyring(folder, keys, vfs)
    try:
        return Keyring(folder, keys, vfs)
    except NeedsPerson as error:
        if error.code == "database-key-wrong" and _opens_a_year(folder, roots, vfs):
            raise keyring_damaged() from error  # so it is not the key
        raise


def finish_cut_off_forgetting(folder: Path, in_force: Callable[[], Sequence[YearFile]], keyring: Keyring) -> None:
    """What a crash cut short; where it cannot be done now the journal opens all the same."""
    try:
        if not keyring.doomed():
            return
        with files.rewriting(folder, wait=False) as alone:
            if alone:
                finish_forgetting(in_force(), keyring)
    except (HearthsideError, apsw.Error, OSError) as error:
        logger("journal").warning("forgetting could not be finished yet: %s", type(error).__name__)


def _opens_a_year(folder: Path, roots: Sequence[bytes], vfs: str | None) -> bool:
    for path in files.year_files(folder):
        try:
            files.open_with_any(path, year_keys(roots), vfs).close()
        except (HearthsideError, apsw.Error):
            continue
        return True
    return False
