"""How long runs and keyring copies are kept, and erasing what no kept run refers to, as far as the target lets it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hearthside.events import DAY_MS
from hearthside.journal.backup.keyring_copy import KeyringCopy
from hearthside.journal.backup.layout import (
    ADAPTERS,
    CHANGED,
    KEYRINGS,
    MEDIA,
    MEDIA_LISTS,
    RECOVERY,
    SEGMENTS,
    SETTINGS,
    Manifest,
    head_name,
    media_suffix,
    time_of,
)
from hearthside.journal.backup.reading import BackupReader, ObjectDamaged
from hearthside.journal.backup.target import Target

_HOUR_MS = 3600 * 1000


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept: every run of the last hours, then the last of each UTC day, then the last of each month for good.

    Attributes:
        keyring_days: copies of the keyring older than this are erased; it bounds how long forgotten things can be read
            from a backup that erases nothing.
    """

    all_hours: int = 48
    daily_days: int = 30
    keyring_days: int = 30


def kept_times(times: Iterable[int], now_ms: int, keep: Keep) -> set[int]:
    """Which of these runs, UTC milliseconds, stay; the newest always does."""
    kept: set[int] = set()
    newest_of: set[str] = set()
    for at in sorted(set(times), reverse=True):
        age = now_ms - at
        day = datetime.fromtimestamp(at / 1000, UTC)
        period = f"{day:%Y-%m-%d}" if age <= keep.daily_days * DAY_MS else f"{day:%Y-%m}"
        if age <= keep.all_hours * _HOUR_MS or period not in newest_of or not kept:
            kept.add(at)
        newest_of.add(period)
    return kept


def erase_keyrings(target: Target, newest: Manifest, now_ms: int, keep: Keep) -> list[str]:
    """Erase keyring copies that hold destroyed keys, or are too old; returns those that should go and did not."""
    current = {kept.name for kept in newest.keyrings}
    left = []
    for name in [found.name for found in target.list(KEYRINGS)]:
        at = time_of(name)
        if name in current or at is None:
            continue
        if (at < newest.purged_ms or now_ms - at > keep.keyring_days * DAY_MS) and not target.delete(name):
            left.append(name)
    return left


def erase_old_runs(
    reader: BackupReader, newest: Manifest, keys: KeyringCopy, now_ms: int, keep: Keep, proven: Collection[str]
) -> int:
    """Erase runs that the rules let go, and every object that no kept run refers to.

    Called right after a run was completed, so the newest is whole.

    Args:
        newest: the run just completed; media, adapters, settings and the recovery document are kept for it alone,
            because a restore of an earlier time takes these from the newest run.
        keys: its keyring.
        proven: names of heads that a drill has proved; the newest of them is never erased.

    Returns:
        How many objects were erased.
    """
    names = reader.head_names()
    kept = kept_times([at for at in map(time_of, names) if at is not None], now_ms, keep)
    always = {head_name(newest.head), *sorted(set(proven) & set(names))[-1:]}
    manifests: list[Manifest] = [newest]
    erased = 0
    for name in names:
        if name not in always and time_of(name) not in kept and reader.target.delete(name):
            erased += 1
            continue
        manifest = reader.manifest(name) if name != head_name(newest.head) else None
        if isinstance(manifest, Manifest):
            manifests.append(manifest)
    return erased + _erase_unused(reader, _used(reader, manifests, newest, keys))


def _used(reader: BackupReader, manifests: Sequence[Manifest], newest: Manifest, keys: KeyringCopy) -> set[str]:
    used = {segment.name for manifest in manifests for segment in manifest.segments}
    used |= {change.name for manifest in manifests for change in manifest.changes}
    # One document opens everything here; those before it would open to a paper key that was replaced.
    used |= {kept.name for kept in newest.recovery}
    lineages: set[str] = set()
    for manifest in manifests:
        if manifest.lineage in lineages:
            continue
        lineages.add(manifest.lineage)
        try:
            # Of another course of the journal these stay as long as its keyring, without which they are of no use.
            used |= _beside(reader, manifest, keys if manifest is newest else reader.keyring(manifest))
        except ObjectDamaged:
            if manifest is newest:
                raise
    return used


def _beside(reader: BackupReader, manifest: Manifest, keys: KeyringCopy) -> set[str]:
    """What lies beside the rows of a run."""
    keyed = {(address, media_suffix(key)) for address, key in keys.media_keys().items()}
    used = {kept.name for kept in (*manifest.media_lists, *manifest.settings)}
    used |= {copy.name for copy in keys.adapters}
    return used | {copy.name for pair, copy in reader.media(manifest).items() if pair in keyed}


def _erase_unused(reader: BackupReader, used: set[str]) -> int:
    erased = 0
    for prefix in (SEGMENTS, CHANGED, MEDIA_LISTS, ADAPTERS, SETTINGS, RECOVERY, MEDIA):
        unused = [stored.name for stored in reader.target.list(prefix) if stored.name not in used]
        erased += sum(reader.target.delete(name) for name in unused)
    return erased
