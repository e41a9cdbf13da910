"""Keeping the life safe: backups, restores that prove them, heads kept elsewhere, verification."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from hearthside.app.jobs import Handle
from hearthside.app.places import places
from hearthside.app.rooms import Rooms
from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import DAY_MS, HOUR_MS, Event, Json, Layer, Origin, Trust, local_datetime
from hearthside.identity.durable import write_private
from hearthside.inference.client import ComputeNode
from hearthside.inference.compute import Compute
from hearthside.inference.kept_heads import KeptHeads
from hearthside.journal.attachments import media_of
from hearthside.journal.backup.checking import verify_target
from hearthside.journal.backup.drill import DrillReport, drill
from hearthside.journal.backup.retention import Keep
from hearthside.journal.backup.run import BackupReport, Source, back_up
from hearthside.journal.backup.status import TargetStatus, status
from hearthside.journal.backup.target import Target
from hearthside.journal.decisions import decide, decided
from hearthside.journal.heads import Held, SignedHead, contradictions
from hearthside.logs import logger

SOURCE, DRILL, VERIFICATION = "safekeeping", "drill", "verification"
_TRY_AGAIN_MS = 10 * 60_000  # after a backup or drill that failed
_FAR_MS = HOUR_MS  # between two heads for a compute node on another machine
_ACCEPTED = "accepted_far_head"
_LOG = logger("safekeeping")


@dataclass(slots=True)
class _Far:
    """What a compute node on another machine remembers, when it was asked, and whether it is to be told more."""

    head: bytes | None = None
    asked_ms: int = -(10**15)
    due: bool = False


class Safekeeper:
    """Everything that keeps one vault from being lost or altered unseen.

    Args:
        compute: remembers the head of the journal; None where no compute node runs.
    """

    def __init__(self, rooms: Rooms, compute: Compute | None) -> None:
        self._rooms, self._compute = rooms, compute
        self._kept = KeptHeads(rooms.settings.heads_folder)
        self._backed_up_ms = self._tried_ms = self._drill_tried_ms = -(10**15)
        self._given = -1  # records in the journal when its head was last given away
        self._far = _Far()
        self.stands: dict[str, TargetStatus | str] = {}
        """By place how its backup stood when it was last looked at, or why that could not be told."""
        self.rolled_back: list[str] = []
        """What somebody remembers of this journal and it no longer has."""

    # -- places ------------------------------------------------------------------------------------------------------

    def targets(self) -> list[Target]:
        """The places of the settings, for this vault."""
        rooms = self._rooms
        return places(rooms.settings, rooms.egress, rooms.clock, rooms.vault.id)

    def source(self) -> Source:
        """What is backed up."""
        return Source(self._rooms.vault, self._rooms.journal, self._rooms.media)

    def set_up(self) -> list[str]:
        """Prepare the places of the settings for this vault; returns their titles."""
        done = []
        for target in self.targets():
            target.prepare(self._rooms.vault.id)
            done.append(target.title)
        if not done:
            raise NeedsPerson(
                "backup-nowhere",
                "No place for backups is set. Put backup_folder (a folder on another disk) into hearthside.toml.",
            )
        return done

    # -- backups -----------------------------------------------------------------------------------------------------

    def back_up(self, handle: Handle) -> str:
        """Bring the backup at every place up to date; one that fails does not keep the others."""
        self._tried_ms = self._rooms.clock()
        targets = self.targets()
        if not targets:
            self.set_up()
        sentences, failed = list[str](), list[str]()
        for target in targets:
            try:
                report = self._back_up_to(target, handle)
                sentences.append(" ".join([f"{target.title}: {_in_words(report)}", *report.problems]))
            except HearthsideError as error:
                failed.append(f"{target.title}: {error.message}")
                self.stands[target.title] = error.message
            finally:
                target.close()
        if failed:
            for line in sentences:
                handle.detail(line)
            raise NeedsPerson("backup-incomplete", " ".join(failed))
        self._backed_up_ms = self._rooms.clock()
        return " ".join(sentences)

    def _back_up_to(self, target: Target, handle: Handle) -> BackupReport:
        keep = Keep(keyring_days=self._rooms.settings.backup_keep_days)
        proven = [head for head in (self._proven_head(),) if head]
        report = back_up(
            self.source(), target, self._rooms.clock, progress=_told(handle, target),
            stop=handle.stopped, keep=keep, proven=proven, mend=self._to_mend(target, handle),
        )  # fmt: skip
        self.stands[target.title] = status(self.source(), target)
        return report

    def _to_mend(self, target: Target, handle: Handle) -> list[str]:
        """Objects there to store anew: looked for when the last proof or look at everything found something wrong."""
        proof, looked = self.last(DRILL), self.last(VERIFICATION)
        fine = (proof is None or proof.payload["ok"]) and (looked is None or looked.payload["sound"])
        if fine:
            return []
        check = verify_target(target, self._rooms.vault, progress=_told(handle, target), stop=handle.stopped)
        return [fault.name for fault in check.faults]

    def look(self) -> None:
        """See how the backups stand; a bucket is asked only when it is backed up to, because each request is noted."""
        for target in self.targets():
            try:
                if target.title.startswith("folder ") or target.title not in self.stands:
                    self.stands[target.title] = status(self.source(), target)
            except HearthsideError as error:
                self.stands[target.title] = error.message
            finally:
                target.close()

    def backup_due(self) -> bool:
        """Whether it is time for a backup: one is set up, and the last is old enough."""
        now, settings = self._rooms.clock(), self._rooms.settings
        wanted = settings.backup_folder is not None or bool(settings.backup_s3_url)
        waited = now - self._backed_up_ms >= settings.backup_every_hours * HOUR_MS
        return wanted and waited and now - self._tried_ms >= _TRY_AGAIN_MS

    def hurry(self) -> None:
        """Something was forgotten: the next backup is due at once, because the last one still knows it."""
        self._backed_up_ms = self._tried_ms = -(10**15)

    # -- drills ------------------------------------------------------------------------------------------------------

    def drill(self, handle: Handle, words: str | None = None) -> str:
        """Restore every backup into a scratch folder and compare; what it proved is journalled."""
        self._drill_tried_ms = self._rooms.clock()
        targets = self.targets()
        if not targets:
            self.set_up()
        sentences, failed = list[str](), list[str]()
        for target in targets:
            try:
                report = drill(
                    self.source(), target, self._rooms.vault.folder, self._rooms.clock, words=words,
                    progress=_told(handle, target),
                )  # fmt: skip
                self._journal(DRILL, _drill_body(report))
                (sentences if report.ok else failed).append(drill_in_words(report))
            except HearthsideError as error:
                failed.append(f"{target.title}: {error.message}")
            finally:
                target.close()
        if failed:
            raise NeedsPerson("drill-failed", " ".join(failed))
        return " ".join(sentences)

    def drill_due(self) -> bool:
        """Whether a restore is to be proven again: there is a backup, and the last proof is old enough."""
        now = self._rooms.clock()
        there = any(isinstance(stand, TargetStatus) and stand.head is not None for stand in self.stands.values())
        last = self.last(DRILL, lambda body: bool(body["ok"]))
        old = last is None or now - last.start_ms >= self._rooms.settings.drill_every_days * DAY_MS
        return there and old and now - self._drill_tried_ms >= HOUR_MS

    def _proven_head(self) -> str:
        last = self.last(DRILL, lambda body: bool(body["ok"]))
        return str(last.payload["head"]) if last is not None else ""

    def last(self, kind: str, fits: Callable[[dict[str, Json]], bool] = lambda body: True) -> Event | None:
        """The newest record of a kind that this house wrote about its own safety."""
        for item in self._rooms.journal.read(kinds=[kind], sources=[SOURCE], newest_first=True):
            if isinstance(item.record, Event) and fits(dict(item.record.payload)):
                return item.record
        return None

    # -- verification ------------------------------------------------------------------------------------------------

    def verify(self, handle: Handle, with_backups: bool = True) -> str:
        """Look at every page, record, key and media file, at held heads and at the backups within reach."""
        rooms = self._rooms
        report = rooms.journal.verify(lambda d, t: handle.progress(d, t, "the journal"))
        wrong = [f"{fault.where}: {fault.what}" for fault in report.faults]
        handle.progress(0, 0, "media")
        wrong += [fault.message for fault in rooms.media.verify(self._addresses(report.sound), stop=handle.stopped)]
        self.check_heads()
        wrong += self.rolled_back
        for target in self.targets() if with_backups else ():
            wrong += self._verify_at(target, handle)
        for line in wrong:
            handle.detail(line)
        body = {"sound": not wrong, "records": report.records, "forgotten": report.forgotten, "faults": len(wrong)}
        self._journal(VERIFICATION, {**body, "first": wrong[0] if wrong else ""})
        return verified_in_words(body, wrong[0] if wrong else "")

    def _verify_at(self, target: Target, handle: Handle) -> list[str]:
        try:
            check = verify_target(
                target, self._rooms.vault, progress=_told(handle, target),
                stop=handle.stopped,
            )  # fmt: skip
            return [f"{target.title}, {fault.name}: {fault.what}" for fault in check.faults]
        except RetryLater as error:  # it is away, not wrong
            handle.detail(f"{target.title} could not be looked at: {error.message}")
            return []
        except HearthsideError as error:
            return [f"{target.title}: {error.message}"]
        finally:
            target.close()

    def _addresses(self, readable: bool) -> list[str]:
        """Media that records speak of, and what lies there besides; where records cannot be read, only the latter."""
        if not readable:
            return sorted(self._rooms.media.addresses())
        named = {ref.address for item in self._rooms.journal.read() for ref in media_of(item.record)}
        return sorted(named | set(self._rooms.media.addresses()))

    # -- heads -------------------------------------------------------------------------------------------------------

    def held(self) -> list[Held]:
        """The heads that others remember."""
        found = []
        raw = self._held_by_node()
        if raw is not None:
            found.append(Held("The compute node", SignedHead.from_json(raw)))
        far = self._far.head
        if far is not None and _digest(far) != decided(self._rooms.journal).get(_ACCEPTED):
            found.append(Held("The compute node on another machine", SignedHead.from_json(far)))
        for place, stand in self.stands.items():
            if isinstance(stand, TargetStatus) and stand.head is not None:
                found.append(Held(f"The backup in {place}", stand.head))
        return found

    def check_heads(self) -> None:
        """See whether the journal leads up to every head that others remember."""
        self.rolled_back = contradictions(self._rooms.journal, self._rooms.signer, self.held())

    def give_head(self) -> None:
        """Let the compute node remember how far the journal has come; never while one remembers it differently."""
        seq = self._rooms.journal.head().seq
        if seq == self._given:
            return
        self.check_heads()
        if self.rolled_back:
            return
        rooms = self._rooms
        head = rooms.signer.sign(rooms.journal, rooms.clock()).to_json()
        node = self._ready_node()
        if node is not None and not node.elsewhere:
            node.keep_head(rooms.vault.id, head)
        else:
            self._kept.keep(rooms.vault.id, head)
        if node is not None and node.elsewhere and self._far.due:
            self._far.due = False
            with _quietly():
                node.keep_head(rooms.vault.id, head)
        self._given = rooms.journal.head().seq  # the ledger's rows about giving it are no reason to give it again

    def accept_heads(self) -> None:
        """The person knows that the journal was put back: the compute node begins anew, and it is journalled."""
        rooms = self._rooms
        self._kept.forget(rooms.vault.id)
        if self._far.head is not None:  # another machine never goes back to an earlier head: it is left out instead
            decide(rooms.journal, _ACCEPTED, _digest(self._far.head), rooms.clock())
        self._journal(VERIFICATION, {"sound": True, "records": 0, "forgotten": 0, "faults": 0, "first": "accepted"})
        self.rolled_back, self._given = [], -1
        self.give_head()

    def _held_by_node(self) -> bytes | None:
        node, vault = self._ready_node(), self._rooms.vault.id
        if node is not None and not node.elsewhere:
            return node.held_head(vault)
        if node is not None:
            self._ask_far(node)
        return self._kept.held(vault)  # the node of this machine keeps them in this folder

    def _ask_far(self, node: ComputeNode) -> None:
        """What a node on another machine remembers: now and then, because each question has its row in the ledger."""
        now = self._rooms.clock()
        if now - self._far.asked_ms >= _FAR_MS:
            self._far.asked_ms, self._far.due = now, True
            with _quietly():
                self._far.head = node.held_head(self._rooms.vault.id)

    def _ready_node(self) -> ComputeNode | None:
        compute = self._compute
        return compute.node if compute is not None and compute.state().phase == "ready" else None

    # -- the paper key -----------------------------------------------------------------------------------------------

    def make_paper_key(self, replace: bool, sheet: Path | None) -> list[str]:
        """Make the paper key; its 24 words, which are kept nowhere.

        Raises:
            Refused: there is one, and it was not asked to replace it.
        """
        vault = self._rooms.vault
        if not replace and any(way.kind == "paper" for way in vault.ways()):
            raise Refused(
                "paper-key-there",
                "This vault has a paper key already. --replace makes a new one; the old paper then opens nothing new.",
            )
        paper = vault.new_paper_key()
        if sheet is not None:
            made = local_datetime(self._rooms.clock(), 0).date().isoformat()
            write_private(sheet, paper.sheet(vault_id=vault.id, made=made).encode())
        return paper.words.split()

    def _journal(self, kind: str, body: dict[str, Json]) -> None:
        now = self._rooms.clock()
        self._rooms.journal.append(
            [Event(SOURCE, kind, Layer.BEHAVIOURAL, now, Origin.DEVICE, Trust.OWN, body, clock="station")]
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """Another machine that is away, or takes no heads, keeps nothing here from going on; it is asked again later."""
    try:
        yield
    except HearthsideError as error:
        _LOG.info("a head was not exchanged: %s", error.code)


def _digest(head: bytes) -> str:
    return sha256(head).hexdigest()


def sweep_leftovers(vault: Path) -> None:
    """Remove what a killed station left in the clear or half done: uploads, scratch folders."""
    for folder in (vault / "uploads", vault / "sample_life", vault / "drill"):
        shutil.rmtree(folder, ignore_errors=True)
    for pattern in ("moving-*", "journal/verify-*"):
        for folder in vault.glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)


def drill_in_words(report: DrillReport) -> str:
    """What a drill proved, for the person."""
    if not report.ok:
        return f"The backup in {report.place} could not be restored: {' '.join(report.problems)}"
    paper = " The paper key's words open it." if report.by_words else ""
    return (
        f"Restored from {report.place} and compared: {report.seq:,} records and {report.media:,} media files, all"
        f" equal, in {report.duration_ms / 1000:.1f} s.{paper}"
    )


def verified_in_words(body: dict[str, Json], first: str) -> str:
    """How a verification ended, for the person."""
    forgotten = f", {body['forgotten']:,} of them forgotten" if body["forgotten"] else ""
    if body["sound"]:
        return f"All {body['records']:,} records match the chain{forgotten}."
    return (
        f"{body['faults']:,} things are not as they were written; the first: {first}."
        " `hearthside repair` puts right what a backup has."
    )


def _told(handle: Handle, target: Target) -> Callable[[str, int, int], None]:
    """Progress of the work at one place, as the job tells it."""

    def told(what: str, done: int, total: int) -> None:
        handle.progress(done, total, f"{target.title} · {what}")

    return told


def _in_words(report: BackupReport) -> str:
    if not report.complete:
        return "stopped; the next backup goes on there."
    if not report.objects:
        return "nothing was new."
    return f"{report.records:,} records and {report.media:,} media files stored, {report.bytes / 1e6:.1f} MB."


def _drill_body(report: DrillReport) -> dict[str, Json]:
    return {
        "ok": report.ok, "place": report.place, "head": report.head, "seq": report.seq, "media": report.media,
        "bytes": report.bytes, "duration_ms": report.duration_ms, "by_words": report.by_words,
        "problems": list(report.problems),
    }  # fmt: skip
