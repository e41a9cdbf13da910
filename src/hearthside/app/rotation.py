"""New keys for a whole vault, while it is in use: vault, journal, adapters, home CA, and what is derived."""

from __future__ import annotations

from collections.abc import Sequence

from hearthside.app.jobs import Handle
from hearthside.app.rooms import Rooms, with_vault
from hearthside.identity.home_ca import HomeCa


def rotate(rooms: Rooms, handle: Handle, passphrases: Sequence[str]) -> Rooms:
    """Make a new root key and write everything anew under it.

    From the first step on, new records lie under the new key. Cut short, everything still opens, because the former
    root stays sealed under the new one; rotating again finishes it.

    Args:
        passphrases: those that open the vault now; they go on opening it.

    Returns:
        The rooms with the new vault.
    """
    key_files = [rooms.settings.key_file] if rooms.settings.key_file.is_file() else []
    vault = rooms.vault.rotate(passphrases=passphrases, key_files=key_files, now_ms=rooms.clock())
    rooms.journal.rotate(vault.key("journal"), lambda d, t: handle.progress(d, t, "writing the journal anew"))
    rooms.registry.seal_anew(vault)
    ca = HomeCa.found(vault)
    if ca is not None:  # the same as before: paired nodes go on knowing the home
        ca.seal_anew(vault)
    rooms.stream.move_to(vault.key("stream"), lambda d, t: handle.progress(d, t, "making the life stream anew"))
    rooms.index.move_to(
        vault.key("index"), lambda d, t: handle.progress(d, t, "making the index anew"), vault.key("vectors")
    )
    rooms.knowing.gleanings.move_to(vault.key("knowing"))
    return with_vault(rooms, vault)
