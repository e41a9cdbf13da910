"""Repairing a damaged vault from its backups: keyring, year files, media; it works where the journal does not open.

Of each record whichever copy is right is taken, the vault's own first, because only it knows what was forgotten last.
Nothing forgotten comes back: a key is put back only when nothing says that it was destroyed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

import apsw
import orjson

from hearthside.errors import HearthsideError, NeedsPerson, RetryLater
from hearthside.identity.durable import replace_durably
from hearthside.identity.vault import Vault
from hearthside.journal import files
from hearthside.journal.backup.run import alone, new_lineage
from hearthside.journal.backup.storing import Progress
from hearthside.journal.backup.target import Target
from hearthside.journal.copies import Copy, find_copies, repair_media, rows_of_copies, sealed_again
from hearthside.journal.first_page import keyring_snapshot, open_year
from hearthside.journal.keyring import Keyring
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.rewriting import insert_rows
from hearthside.journal.salvage import (
    is_right,
    last_row,
    look_at,
    opened,
    readable_rows,
    row_of,
    table_of,
)
from hearthside.journal.sealing import SealedRow, link
from hearthside.journal.year_file import Head, Row, YearFile, genesis

_ROWS_AT_ONCE = 1000
_ASIDE = ".damaged"
_Positioned = TypeVar("_Positioned", Row, SealedRow)


@dataclass(slots=True)
class RepairReport:
    """What was repaired, and what could not be.

    Attributes:
        rebuilt: names of the year files that were made anew.
        keyring: the keyring was made anew.
        keys: keys of days and media put back from a backup.
        media: media files put back from a backup.
        lost: positions of records whose content no copy has; their places in the chain stay, empty where they had to be
            invented.
        media_lost: addresses of media files that no copy has whole.
        kept_aside: damaged files that still hold something nobody else has.
        rechained: the chain had to be begun anew at a lost record, so heads noted down after it will contradict it.
        notes: in words, what was found on the way.
    """

    rebuilt: list[str] = field(default_factory=list)
    keyring: bool = False
    keys: int = 0
    media: int = 0
    lost: list[int] = field(default_factory=list)
    media_lost: list[str] = field(default_factory=list)
    kept_aside: list[str] = field(default_factory=list)
    rechained: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Everything is there again, or was never damaged."""
        return not (self.lost or self.media_lost or self.rechained)


def _nothing(what: str, done: int, total: int) -> None:
    """No progress wanted."""


def repair(
    vault: Vault, targets: Sequence[Target], *, vfs: str | None = None, progress: Progress = _nothing
) -> RepairReport:
    """Put back from the backups whatever is damaged; a vault in order is left as it is.

    No station may have the vault open meanwhile. Cut off anywhere, a file is the old one or the new one, and the same
    call goes on.

    Args:
        targets: the more, the better; one that is away is passed over, and that is said.
        vfs: see `open_database`.

    Raises:
        NeedsPerson: the keyring cannot be read and no backup has one; nothing was changed.
        RetryLater: another process changes the vault's files or backs them up.
    """
    folder = vault.folder / "journal"
    if (folder / files.RESTORING).exists():
        raise NeedsPerson(
            "restore-unfinished",
            "Restoring this vault was cut off, so there is nothing to repair yet. Run `hearthside restore` again.",
        )
    with alone(vault.folder), files.rewriting(folder, wait=False) as mine:
        if not mine:
            raise RetryLater("repair-busy", "The vault's files are being changed; nothing was repaired. Try again.")
        return _Repair(vault, targets, vfs, progress).run()


class _Repair:
    """One repair; see `repair`."""

    def __init__(self, vault: Vault, targets: Sequence[Target], vfs: str | None, progress: Progress) -> None:
        self.vault, self.vfs, self.progress = vault, vfs, progress
        self.folder = vault.folder / "journal"
        self.roots = (vault.key("journal"), *vault.former_keys("journal"))
        self.report = RepairReport()
        self.copies = find_copies(vault, targets, self.report.notes)
        self.altered = False  # rows say something else than `changed` knows of
        self.scratch = self.folder / "repairing"
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.open = {
            path: open_year(path, year_keys(self.roots), self.scratch, vfs) for path in files.year_files(self.folder)
        }

    def run(self) -> RepairReport:
        """Keyring first, because without keys nobody tells a right record from a wrong one."""
        try:
            keyring, sure = self._keyring()
            try:
                self._years(keyring, sure)
                self.report.media, self.report.media_lost = repair_media(
                    self.vault, keyring, self.copies, self.report.notes, self.progress
                )
            finally:
                keyring.close()
        finally:
            for file in self.open.values():
                if file is not None:
                    file.close()
            shutil.rmtree(self.scratch, ignore_errors=True)
        self.report.lost.sort()
        return self.report

    # -- keyring -----------------------------------------------------------------------------------------------------

    def _keyring(self) -> tuple[Keyring, bool]:
        """The keyring, repaired; and whether a key that is not in it was surely destroyed."""
        try:
            keyring = Keyring(self.folder, keyring_keys(self.roots), self.vfs)
        except (apsw.Error, NeedsPerson):
            return self._keyring_by_another_first_page() or self._keyring_from_copy()
        try:
            damaged = bool(keyring.check_pages())
        except (apsw.Error, HearthsideError):
            damaged = True
        if not damaged:
            return keyring, True
        whole = keyring.repair_pages()
        self.report.keyring = True
        return keyring, whole or self._add_missing(keyring)

    def _keyring_by_another_first_page(self) -> tuple[Keyring, bool] | None:
        """The keyring from the pages after its first, which is bad; None when these cannot be read either."""
        old = files.current(self.folder, files.KEYRING)
        if old is None:
            return None
        keys = keyring_keys(self.roots)
        salvaged = keyring_snapshot(old, keys, self.scratch, self.vfs)
        if salvaged is None:
            return None
        snapshot, whole = salvaged
        Keyring.restore(self.folder, keys[0], snapshot, self.vfs)
        files.remove_database(old)
        self.report.keyring = True
        keyring = Keyring(self.folder, keys, self.vfs)
        return keyring, whole or self._add_missing(keyring)

    def _add_missing(self, keyring: Keyring) -> bool:
        """Put back keys that a damaged keyring lost; False: a key that is still missing may not have been destroyed."""
        for copy in self.copies:
            days, media = keyring.missing_from(self._allowed(copy))
            self.report.keys += len(days) + media
        return False

    def _keyring_from_copy(self) -> tuple[Keyring, bool]:
        if not self.copies:
            raise NeedsPerson(
                "repair-no-keyring",
                "The keyring cannot be read and no backup with one was found, so nothing was changed. Plug in a backup"
                " and repair again. " + " ".join(self.report.notes),
            )
        old = files.current(self.folder, files.KEYRING)
        Keyring.restore(self.folder, keyring_keys(self.roots)[0], self._allowed(self.copies[0]), self.vfs)
        keyring = Keyring(self.folder, keyring_keys(self.roots), self.vfs)
        self.report.keyring = True
        self.report.keys += len(keyring.ids()) + len(keyring.media_addresses())
        missing = self._used_keys() - keyring.ids()
        if old is not None and missing:
            self._set_aside(old)
            self.report.notes.append(
                f"The damaged keyring was kept as {old.name}{_ASIDE}, because {len(missing):,} keys are younger than"
                " the backup. Remove it when you no longer hope for these: what is forgotten from now on stays in it."
            )
        elif old is not None:
            files.remove_database(old)
        return keyring, False

    def _allowed(self, copy: Copy) -> bytes:
        """A copy's keyring without keys that may have been destroyed since."""
        dead, sure = self._dead_keys()
        live = self._used_keys()
        document = orjson.loads(copy.keys.snapshot)
        if not sure and not live and not any(self.open.values()):
            self.report.notes.append(
                "Neither keyring nor year files can be read, so nothing says what was forgotten since the backup was"
                " made; it is as after a restore. What you forgot since then, forget again."
            )
            sure = True
        document["keys"] = [row for row in document["keys"] if row[0] not in dead and (sure or row[0] in live)]
        # A forgotten media file is gone from the folder as well.
        media = self.vault.folder / "media"
        document["media"] = [row for row in document["media"] if (media / row[0][:2] / row[0]).exists()]
        # Ids are never given twice; the highest may be among those that are lost.
        document["last"] = max(int(document["last"]), *live, 0) + 10_000
        return orjson.dumps(document)

    def _dead_keys(self) -> tuple[set[int], bool]:
        """Keys that were destroyed, as far as the year files say; and whether all of them can be asked."""
        dead: set[int] = set()
        sure = bool(self.open)
        for file in self.open.values():
            found = None if file is None else table_of(file, "SELECT id FROM dead_key")
            sure = sure and found is not None
            dead |= {int(str(row[0])) for row in found or ()}
        return dead, sure

    def _used_keys(self) -> set[int]:
        """Keys that records are sealed under, as far as the year files can be read; no destroyed key is."""
        used: set[int] = set()
        for file in self.open.values():
            if file is None:
                continue
            found = table_of(file, "SELECT DISTINCT key FROM record WHERE key IS NOT NULL")
            if found is None:
                found = [(row.key,) for row in readable_rows(file, 1, last_row(file)[0]) if row.key is not None]
            used |= {int(str(row[0])) for row in found}
        return used

    # -- year files --------------------------------------------------------------------------------------------------

    def _years(self, keyring: Keyring, sure: bool) -> None:
        local = {int(files.stem_of(path)): path for path in self.open}
        years = sorted(set(local) | {year for copy in self.copies for year in copy.reader.years(copy.manifest)})
        head = genesis()
        for number, year in enumerate(years, start=1):
            path = local.get(year)
            found = look_at(path, year_keys(self.roots), self.vfs, head, keyring) if path is not None else None
            if found is not None and found.sound and not (found.keyless and self.copies):
                self.report.lost += found.keyless
                head = found.head
            else:
                after = [later for later in years if later > year]
                last = self._end_of(year, self.open[path] if path is not None else None, local, after)
                head = self._rebuild(year, years[-1], path, head, last, keyring, sure)
            self.progress("years", number, len(years))

    def _end_of(self, year: int, file: apsw.Connection | None, local: dict[int, Path], after: Sequence[int]) -> int:
        """The last position of a year: what can be found, or what the year after it says."""
        last, sure = (0, False) if file is None else last_row(file)
        for copy in self.copies:
            last = max([last, *(s.last for s in copy.manifest.segments if s.year == year)])
        following = self.open.get(local[after[0]]) if after and after[0] in local else None
        first = None if following is None else table_of(following, "SELECT value FROM meta WHERE name = 'first_seq'")
        if first:
            return max(last, int(str(first[0][0])) - 1)
        if not sure:
            self.report.notes.append(
                f"The end of {year} cannot be read, so nobody knows whether there were records after {last:,}."
                " Compare it with a head that was noted down."
            )
        return last

    def _rebuild(
        self, year: int, newest: int, path: Path | None, before: Head, last: int, keyring: Keyring, sure: bool
    ) -> Head:
        """Write a year file anew from the right copy of each record; gives its end."""
        file = self.open.pop(path) if path is not None else None
        made = files.next_revision(self.folder, f"{year:04d}")
        lost_before = len(self.report.lost)
        with files.removed_on_failure(made):
            # Whether ids of format 1 are among them is known from the old file alone; to say so does no harm.
            old = None if file is None else table_of(file, "SELECT value FROM meta WHERE name = 'old_ids'")
            old_ids = not old or old[0][0] == "1"
            new = YearFile.begin(made, year_keys(self.roots)[0], before, self.vfs, old_ids=old_ids)
            try:
                head = self._write_rows(new, before, self._right_rows(year, file, before.seq + 1, last, keyring, sure))
                self._copy_tables(file, new, year, newest)
                YearFile.finish(new, made)
            finally:
                new.close()
        self.report.rebuilt.append(made.name)
        self._check_against_copies(before, head, made)
        if file is not None:
            file.close()
        if path is not None:
            if len(self.report.lost) > lost_before:
                self._set_aside(path)
            else:
                files.remove_database(path)
        self.open[made] = open_year(made, year_keys(self.roots), self.scratch, self.vfs)
        return head

    def _write_rows(self, new: apsw.Connection, before: Head, rows: Iterator[tuple[Row, bytes | None]]) -> Head:
        """Put rows into a new file, each with what the chain was up to it as far as that is known; gives its end."""
        head, batch = before, list[Row]()
        for row, promised in rows:
            head = Head(row.seq, link(head.chain, row.commitment))
            if promised is not None and promised != head.chain and not self.report.rechained:
                self.report.rechained = True
                self.report.notes.append(f"Up to record {row.seq:,} the chain is not what was written.")
            batch.append(row)
            if len(batch) == _ROWS_AT_ONCE:
                self._insert(new, batch, head)
        self._insert(new, batch, head)
        return head

    def _right_rows(
        self, year: int, file: apsw.Connection | None, first: int, last: int, keyring: Keyring, sure: bool
    ) -> Iterator[tuple[Row, bytes | None]]:
        """For each position the right row, and what the chain was up to it where the vault still says so."""
        own = _Aligned(readable_rows(file, first, last) if file is not None else iter(()))
        others = _Aligned(rows_of_copies(self.copies, year, first, last, self.report.notes))
        there = keyring.ids()
        for seq in range(first, last + 1):
            mine, copy = own.at(seq), others.at(seq)
            row = _right(mine, copy, keyring)
            if row is None:
                row = self._without_content(seq, mine, copy, keyring, there if sure else None)
            yield row, mine.chain if mine is not None else None

    def _without_content(
        self, seq: int, mine: Row | None, copy: SealedRow | None, keyring: Keyring, there: set[int] | None
    ) -> Row:
        """The row of a position that no key of the vault opens: forgotten, sealed anew from a backup, or lost.

        Args:
            there: the keys there are, when one that is missing was surely destroyed; else None.
        """
        if mine is not None and mine.sealed is not None:
            # It was not forgotten, so even a destroyed key of the backup's may be used to read it there.
            again = sealed_again(self.copies, copy, mine.commitment, keyring)
            self.altered = True
            if again is not None:
                return again
            self.report.lost.append(seq)
            return _empty(seq, mine.commitment) if self.copies else mine
        if copy is None:
            self.report.lost.append(seq)
            self.report.rechained = self.report.rechained or mine is None
            return _empty(seq, mine.commitment if mine is not None else os.urandom(32))
        if copy.sealed is not None and (there is None or copy.key_id in there):
            self.report.lost.append(seq)
        return _empty(seq, copy.commitment)

    def _copy_tables(self, file: apsw.Connection | None, new: apsw.Connection, year: int, newest: int) -> None:
        changed = None if file is None else table_of(file, "SELECT n, seq FROM changed")
        dead = None if file is None else table_of(file, "SELECT id FROM dead_key")
        meta = None if file is None else table_of(file, "SELECT name, value FROM meta WHERE name = 'shreds'")
        if changed is None or self.altered:
            new_lineage(self.vault.folder)  # the next backup cannot know what changed, so it looks at everything
        with new:
            new.executemany("INSERT INTO changed VALUES (?, ?)", changed or ())
            new.executemany("INSERT INTO dead_key VALUES (?)", dead or ())
            new.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta or ())
            new.execute("DELETE FROM meta WHERE name = 'closed'")
            if year < newest:
                new.execute("INSERT INTO meta VALUES ('closed', 'year')")

    def _check_against_copies(self, before: Head, head: Head, made: Path) -> None:
        for copy in self.copies:
            signed = copy.manifest.head
            if before.seq < signed.seq <= head.seq:
                file = YearFile(made, year_keys(self.roots), self.vfs)
                if file.chain_at(signed.seq) != signed.chain:
                    self.report.rechained = True
                    self.report.notes.append(
                        f"The {copy.target.title} knows another chain up to record {signed.seq:,}."
                    )
                file.close()

    def _insert(self, connection: apsw.Connection, batch: list[Row], head: Head) -> None:
        with connection:
            insert_rows(connection, [replace(row, chain=None) for row in batch])
            if batch:
                connection.execute("UPDATE record SET chain = ? WHERE seq = ?", (head.chain, head.seq))
        batch.clear()

    def _set_aside(self, path: Path) -> None:
        """Keep a damaged file, with its write-ahead log, under a name that nobody opens or sweeps."""
        for ending in ("-wal", "-shm", ""):
            old = path.with_name(path.name + ending)
            if old.exists():
                replace_durably(old, path.with_name(path.name + _ASIDE + ending))
        self.report.kept_aside.append(path.name + _ASIDE)


class _Aligned(Generic[_Positioned]):
    """Rows in order of position, asked for position by position."""

    def __init__(self, rows: Iterator[_Positioned]) -> None:
        self._rows: Iterator[_Positioned] = rows
        self._next: _Positioned | None = next(rows, None)

    def at(self, seq: int) -> _Positioned | None:
        """The row of a position, or None; positions only go up."""
        while self._next is not None and self._next.seq < seq:
            self._next = next(self._rows, None)
        return self._next if self._next is not None and self._next.seq == seq else None


def _right(mine: Row | None, copy: SealedRow | None, keyring: Keyring) -> Row | None:
    """A row whose content is what its commitment was made for: the vault's own, or the backup's."""
    if mine is not None:
        if is_right(mine, keyring):
            return mine
        if (inside := opened(mine, keyring)) is not None:
            return row_of(mine.seq, mine.commitment, inside, mine.key, mine.sealed, mine.id)
    if copy is None or copy.sealed is None or (mine is not None and mine.commitment != copy.commitment):
        return None
    sealed = Row(copy.seq, b"", "", "", 0, None, None, copy.key_id, copy.sealed, copy.commitment, None)
    inside = opened(sealed, keyring)
    return None if inside is None else row_of(copy.seq, copy.commitment, inside, copy.key_id, copy.sealed, b"")


def _empty(seq: int, commitment: bytes) -> Row:
    """A row without content, as forgetting leaves it."""
    return Row(seq, os.urandom(16), "", "forgotten", 0, None, None, None, None, commitment, None)
