"""The house: the one object the pages and the command line talk to, over the rooms of one vault."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hearthside.alignment.show import show_day, show_rhythm, show_slice, show_span, show_year
from hearthside.alignment.views import DayView, RhythmView, SliceView, SpanView, YearView
from hearthside.app.access import Access
from hearthside.app.clock_estimates import set_clocks
from hearthside.app.clocks import clocks_view, decide_clock
from hearthside.app.compute import NodeLanguageModel
from hearthside.app.conversing import NAMES_FROM, dialogue_of, names_in
from hearthside.app.costs import Costs
from hearthside.app.doors import Doors
from hearthside.app.file_words import describe_file
from hearthside.app.health import health_view
from hearthside.app.jobs import Handle, JobRunner
from hearthside.app.knowing import KnownDesk
from hearthside.app.nodes import NodesDesk
from hearthside.app.rooms import INVENTED, PERSON, SELF_NAMES, Rooms, home_zone, system_clock, with_vault
from hearthside.app.rotation import rotate
from hearthside.app.safekeeping import Safekeeper, verified_in_words
from hearthside.app.safety import lingering, safety_view, verification
from hearthside.app.sampling import let_sample_in
from hearthside.app.suggestions import suggestions
from hearthside.app.training import TrainingDesk
from hearthside.app.waiting import WaitingDesk
from hearthside.companion.answers import AnswerPart, HomeProposal, Offer, Reaction, Turn
from hearthside.companion.home_understanding import HomeDesk
from hearthside.companion.offers import OfferDesk
from hearthside.erasure import Preview, forget
from hearthside.errors import NeedsPerson, RetryLater
from hearthside.events import Series, local_datetime
from hearthside.home import EntityState, HomeAssistant
from hearthside.inference.pool import NodePool
from hearthside.inference.standby import Standby
from hearthside.intake import Importer, Progress
from hearthside.journal.decisions import decided
from hearthside.leaving.export import Belongings, export_everything
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.search import Embedder, embed_waiting, search
from hearthside.sample_life import DEFAULT_SEED
from hearthside.web.clock_views import ClocksView
from hearthside.web.house import HealthView, Job, Overview, SafetyView, TrainingView

_QUESTIONS_ALLOWED_FOR = 20  # more hits asked for, because the person's own questions are taken out of them


@dataclass(frozen=True, slots=True)
class Outside:
    """Processes and machines the house talks to; each may be missing.

    Attributes:
        compute: the compute nodes.
        home: gives the Home Assistant client, or None while none is set up.
        home_problem: why Home Assistant is away, or "".
        home_states: the states last heard over the standing connection; None asks Home Assistant each time.
        standby: who answers small talk while the compute node is away.
        costs: who counts what models take; None counts anew.
        clock: UTC milliseconds of this machine; the life's present may be elsewhere.
    """

    compute: NodePool | None
    home: Callable[[], HomeAssistant | None]
    home_problem: Callable[[], str]
    home_states: Callable[[], list[EntityState]] | None = None
    standby: Standby | None = None
    costs: Costs | None = None
    clock: Callable[[], int] = system_clock


class House:
    """See `hearthside.web.house.House` for what each method promises."""

    def __init__(self, rooms: Rooms, outside: Outside) -> None:
        self.rooms, self.outside = rooms, outside
        self._jobs = JobRunner(rooms.clock)
        compute, self.costs = outside.compute, outside.costs or Costs(rooms)
        self.nodes = NodesDesk(
            lambda: self.rooms, compute, outside.home, outside.home_states, self.local_now, outside.clock
        )
        self.waiting = WaitingDesk(
            lambda: self.rooms, lambda: self._dialogue, lambda: self.trainer, compute, self._jobs, lambda: self.costs
        )
        model = NodeLanguageModel(compute, rooms.registry, self.costs.carried)
        self._dialogue = dialogue_of(
            lambda: self.rooms, self.search, model, lambda: compute.model_bytes if compute is not None else 0,
            self.names, self._unfinished, lambda: self.trainer.reader(), outside.standby, away=self.waiting.away,
        )  # fmt: skip
        self._offers = OfferDesk(rooms.journal, rooms.stream, rooms.clock)
        self._home = HomeDesk(rooms.journal, rooms.stream, outside.home, rooms.clock, outside.home_states)
        self.trainer = TrainingDesk(rooms, outside.compute, self._embedder)
        self._names: tuple[int, int, set[str]] = (-1, 0, set())
        self._has_life = False
        self._suggested: tuple[int, list[str]] = (-1, [])
        self.sample_seed = DEFAULT_SEED
        self.access = Access(rooms, _monotonic_ms)
        self.doors = Doors(lambda: self.rooms, outside.compute)
        self.known = KnownDesk(lambda: self.rooms)
        self.safekeeper = Safekeeper(rooms, outside.compute)

    # -- what every page needs ---------------------------------------------------------------------------------------

    def overview(self) -> Overview:
        """What every page needs to know."""
        settings = decided(self.rooms.journal)
        bounds = self.rooms.stream.bounds()
        compute = self.outside.compute
        state = compute.state() if compute is not None else None
        return Overview(
            empty=not self.has_life() and not self._importing(),
            invented=bool(settings.get(INVENTED)),
            person=str(settings.get(PERSON) or ""),
            first_day=bounds[0] if bounds else "",
            last_day=bounds[1] if bounds else "",
            node_state=state.phase if state is not None else "down",
            node_sentence=self.waiting.sentence(),
            suggestions=self._suggestions(),
            notice=self._notice(),
        )

    def _notice(self) -> str:
        """What the person must know now, on every page."""
        return " ".join([*self.safekeeper.rolled_back, self.rooms.disk.state().sentence]).strip()

    def _suggestions(self) -> list[str]:
        """Questions that this life can answer, for a newcomer."""
        seq = self.rooms.journal.head().seq
        if self._suggested[0] != seq:
            self._suggested = (seq, suggestions(self.rooms.stream))
        return self._suggested[1]

    def names(self) -> list[str]:
        """Names known from this life: who wrote, who spoke, whom the person is."""
        journal, version, seq = self.rooms.journal, self.rooms.stream.version(), self.rooms.journal.head().seq
        known, since, found = self._names
        if known != version:  # something happened, or was forgotten; a question is no reason to read it all again
            self._names = (version, seq, names_in(journal.read(kinds=NAMES_FROM)))
        elif since != seq:
            self._names = (version, seq, found | names_in(journal.since(since)))
        own = {str(name) for name in decided(self.rooms.journal).get(SELF_NAMES) or []}
        return sorted(self._names[2] | own)

    def has_life(self) -> bool:
        """Whether the vault holds a life; asked often, so a yes is remembered."""
        self._has_life = self._has_life or self.rooms.has_life()
        return self._has_life

    def _unfinished(self) -> str:
        return "An import is still under way, so this may not be the whole of it." if self._importing() else ""

    def _importing(self) -> bool:
        return any(job.active and job.kind in {"import", "sample"} for job in self._jobs.jobs())

    # -- long work ---------------------------------------------------------------------------------------------------

    def jobs(self) -> list[Job]:
        """Long work under way or done, newest first."""
        return self._jobs.jobs()

    def stop_job(self, job_id: str) -> None:
        """Ask a job to stop; what it has done stays done."""
        self._jobs.stop(job_id)

    def pause_job(self, job_id: str) -> None:
        """Let a pausable job wait where it is."""
        self._jobs.pause(job_id)

    def resume_job(self, job_id: str) -> None:
        """Let a paused job go on."""
        self._jobs.resume(job_id)

    def wait(self, job_id: str, timeout_s: float | None = None) -> Job:
        """Wait for the end of a job."""
        return self._jobs.wait(job_id, timeout_s)

    def start_import(self, paths: Sequence[Path]) -> str:
        """Import files and folders, then line them up and index them."""
        if not paths:
            raise NeedsPerson("import-nothing", "Name a file or a folder to import; nothing was done.")
        return self._jobs.start("import", "Import", "bytes", lambda handle: self._import(handle, paths), pausable=True)

    def new_upload_folder(self) -> Path:
        """A new empty folder inside the vault for files that the browser brings; removed once they are journalled."""
        folder = self.rooms.vault.folder / "uploads" / f"{self.rooms.clock()}-{secrets.token_hex(4)}"
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def start_sample(self) -> str:
        """Make the invented sample life and let it in through the real sources."""
        return self._jobs.start("sample", "Meet a sample life", "bytes", self._sample, pausable=True)

    def start_night(self) -> str:
        """Run the nightly cycle now, or finish the one that was cut short."""
        return self._jobs.start("night", "Night", "steps", self.costs.at_night(self.trainer.run_night))

    def start_rebuild(self) -> str:
        """Make the life stream and the index again from the journal; no model is called."""
        return self._jobs.start("rebuild", "Rebuild", "days", self._rebuild)

    def start_embedding(self) -> str:
        """Give meaning to records that wait for a vector, as long as the compute node is there."""
        return self._jobs.start("embedding", "Reading for meaning", "records", self._embed)

    def start_verify(self, with_backups: bool = True) -> str:
        """Look at every page, record, key and media file, and at the backups."""
        return self._jobs.start(
            "verify", "Verify everything", "records", lambda h: self.safekeeper.verify(h, with_backups), pausable=True
        )

    def start_backup(self) -> str:
        """Back up to every place that is set up."""
        return self._jobs.start("backup", "Backup", "objects", self.safekeeper.back_up, pausable=True)

    def start_drill(self, words: str | None = None) -> str:
        """Restore the newest backup into a scratch folder and compare."""
        return self._jobs.start(
            "drill", "Prove a restore", "objects", lambda handle: self.safekeeper.drill(handle, words)
        )

    def start_export(self, folder: Path) -> str:
        """Write everything into a folder in open formats."""
        return self._jobs.start("export", "Export", "steps", lambda h: self._export(h, folder), pausable=True)

    def start_rotation(self, passphrases: Sequence[str] = ()) -> str:
        """Make new keys and write everything anew under them."""
        return self._jobs.start("rotation", "New keys", "records", lambda h: self._rotate(h, passphrases))

    def _export(self, handle: Handle, folder: Path) -> str:
        rooms = self.rooms
        self.keep_in_step(handle)
        report = export_everything(
            Belongings(
                vault=rooms.vault.folder,
                vault_id=rooms.vault.id, journal=rooms.journal, stream=rooms.stream, registry=rooms.registry,
                media=rooms.media, media_address_key=rooms.address_key,
            ),
            folder, rooms.clock, lambda d, t: handle.progress(d, t, str(folder)), handle.stopped, handle.paused,
        )  # fmt: skip
        return report.in_words()

    def _rotate(self, handle: Handle, passphrases: Sequence[str]) -> str:
        rotated = rotate(self.rooms, handle, passphrases)
        self.take_vault(rotated)
        return "New keys are in force. Backups made before still open with the paper key; make a backup now."

    def take_new_keys(self) -> None:
        """Somebody made new keys in another process: open the vault anew and go on."""
        if self.rooms.vault.stale():
            self.take_vault(with_vault(self.rooms, self.rooms.reopen()))

    def take_vault(self, rooms: Rooms) -> None:
        """Go on with the same rooms under another vault's keys.

        `access` stays: it uses no key, and page guard and capture must share its lock-out.
        """
        self.rooms = rooms
        self.costs.use(rooms)
        self.safekeeper = Safekeeper(rooms, self.outside.compute)
        self.trainer = TrainingDesk(rooms, self.outside.compute, self._embedder)

    def _import(self, handle: Handle, paths: Sequence[Path]) -> str:
        def progress(p: Progress) -> None:
            handle.progress(p.bytes_done, p.bytes_total, f"{p.file or 'finishing'} · {p.records:,} records")

        rooms = self.rooms
        try:
            report = Importer(
                rooms.journal, rooms.clock, rooms.reading(), progress, handle.stopped, handle.paused, rooms.disk
            ).import_paths(paths)
        finally:
            self._remove_uploads(paths)
        for file in report.files:
            handle.detail(describe_file(file))
        for path in report.missing:
            handle.detail(f"{path}: there is no such file or folder")
        self.keep_in_step(handle)
        if not handle.stopped() and set_clocks(rooms.journal, rooms.stream, rooms.clock, handle.detail):
            self.keep_in_step(handle)
        rooms.knowing.update(lambda d, t: handle.progress(d, t, f"looking over {t:,} days"), handle.stopped)
        total = (
            f"{report.read:,} records read: {report.new:,} new, {report.duplicate:,} known, {report.rejected:,} refused"
        )
        if report.exit_status == 2:
            total = "Nothing here could be recognised. " + total
        return f"{total}."

    def _sample(self, handle: Handle) -> str:
        handle.progress(0, 0, "inventing a month of a life")
        return let_sample_in(self.rooms, self.sample_seed, lambda folder: self._import(handle, [folder]))

    def _remove_uploads(self, paths: Sequence[Path]) -> None:
        """Uploaded files lie in the clear only while they are read, however that ends; the person has the originals."""
        uploads = self.rooms.vault.folder / "uploads"
        for path in paths:
            if uploads in path.parents:
                shutil.rmtree(uploads / path.relative_to(uploads).parts[0], ignore_errors=True)

    def keep_in_step(self, handle: Handle | None = None) -> None:
        """Align and index what is new in the journal."""
        stop = handle.stopped if handle else (lambda: False)

        def days(done: int, total: int) -> None:
            if handle:
                handle.progress(done, total, f"lining up {total:,} days")

        def records(done: int, total: int) -> None:
            if handle:
                handle.progress(done, total, f"indexing {total:,} records")

        self.rooms.stream.update(days, stop)
        self.rooms.index.update(records, stop)

    def _rebuild(self, handle: Handle) -> str:
        days = self.rooms.stream.rebuild(lambda d, t: handle.progress(d, t, f"lining up {t:,} days"), handle.stopped)
        self.rooms.index.rebuild(lambda d, t: handle.progress(d, t, f"indexing {t:,} records"), handle.stopped)
        self.rooms.knowing.rebuild()
        self.costs.rebuild()
        return f"{days:,} days were lined up and indexed again; no model was asked."

    def _embed(self, handle: Handle) -> str:
        embedder = self._embedder()
        if embedder is None:
            raise RetryLater("compute-gone", "The compute node is away; meaning is added when it is back.")
        rooms = self.rooms
        count = embed_waiting(
            rooms.index, rooms.journal, embedder, rooms.clock,
            lambda done, total: handle.progress(done, total, "answers do not wait for it"), handle.stopped,
        )  # fmt: skip
        return f"{count:,} records can now be found by meaning."

    def _embedder(self) -> Embedder | None:
        return self.outside.compute.embedder if self.outside.compute is not None else None

    # -- the life ----------------------------------------------------------------------------------------------------

    def day(self, day: str) -> DayView:
        """One local day."""
        return show_day(self.rooms.stream, day)

    def slice(self, ms: int) -> SliceView:
        """Everything known about one minute."""
        return show_slice(self.rooms.stream, self.rooms.journal, ms)

    def span(self, first_day: str, last_day: str) -> SpanView:
        """The local days from the first to the last."""
        return show_span(self.rooms.stream, first_day, last_day)

    def year(self, year: int, measure: str = "", years: int = 1) -> YearView:
        """A year, and those before it, as maps of one measure."""
        return show_year(self.rooms.stream, year, measure, years)

    def rhythm(self, first_day: str, last_day: str) -> RhythmView:
        """Sleep, work, home and away of the local days from the first to the last."""
        return show_rhythm(self.rooms.stream, first_day, last_day)

    def clocks(self) -> ClocksView:
        """How well each clock is known, and what is held back because of one."""
        stream = self.rooms.stream
        return clocks_view(self.rooms.journal, stream.clocks(), stream.held(), self.rooms.clock(), stream.stamps())

    def decide_clock(self, clock: str, first_ms: int, last_ms: int, action: str, shift_ms: int | None = None) -> None:
        """Note the person's word on raw times of a clock, and line the life up by it."""
        decide_clock(self.rooms.journal, clock, first_ms, last_ms, action, shift_ms, self.rooms.clock())
        self.keep_in_step()

    def search(self, text: str, filters: Filters, limit: int = 30) -> list[Hit]:
        """Records that fit a text, best first; what the person asked Hearthside is left out unless that is wanted."""
        rooms = self.rooms
        asked = filters.kinds is not None and "question" in filters.kinds
        found = search(
            rooms.index, rooms.journal, rooms.stream, text, filters, limit + (0 if asked else _QUESTIONS_ALLOWED_FOR),
            self._ready_embedder(), rooms.clock(),
        )  # fmt: skip
        return [hit for hit in found if asked or hit.kind != "question"][:limit]

    def _ready_embedder(self) -> Embedder | None:
        compute = self.outside.compute
        ready = compute is not None and compute.state().phase == "ready"
        return self.waiting.watched(compute.embedder) if compute is not None and ready else None

    def record(self, record_id: str) -> dict[str, object]:
        """One journal record, whole."""
        try:
            raw = bytes.fromhex(record_id)
        except ValueError:
            raw = b""
        stored = self.rooms.journal.get([raw]).get(raw)
        if stored is None:
            raise NeedsPerson("record-unknown", "There is no such record; it may have been forgotten.")
        body = stored.record.body()
        if isinstance(stored.record, Series):
            body["values"] = f"{len(stored.record.values)} values"
        return {"id": record_id, "seq": stored.seq, "received_ms": stored.received_ms, **body}

    # -- the companion -----------------------------------------------------------------------------------------------

    def ask(self, text: str, conversation: str) -> Iterator[AnswerPart]:
        """Answer a question, streamed."""
        return self.costs.asking(conversation, self._dialogue.ask(text, conversation))

    def conversation(self, conversation: str) -> list[Turn]:
        """What was said in a conversation."""
        return self._dialogue.turns(conversation)

    def offer(self) -> Offer | None:
        """At most one offer."""
        return self._offers.current()

    def react(self, offer_id: str, reaction: Reaction) -> None:
        """The person's word on an offer."""
        self._offers.react(offer_id, reaction)

    def proposals(self) -> list[HomeProposal]:
        """Home actions that wait for a tap, and what became of recent ones."""
        return self._home.proposals()

    def confirm_proposal(self, proposal_id: str) -> HomeProposal:
        """Do it."""
        return self._home.confirm(proposal_id)

    def dismiss_proposal(self, proposal_id: str) -> None:
        """Do not do it."""
        self._home.dismiss(proposal_id)

    def undo_proposal(self, proposal_id: str) -> HomeProposal:
        """Bring back what was before."""
        return self._home.undo(proposal_id)

    # -- training and health -----------------------------------------------------------------------------------------

    def training(self) -> TrainingView:
        """Adapters, evaluation, receipts and the last night."""
        return self.trainer.view()

    def roll_back_adapter(self) -> str:
        """Serve the previous adapter again."""
        return self.trainer.roll_back()

    def health(self) -> HealthView:
        """Machines, sources, storage and what left the house."""
        return health_view(
            self.rooms, self.outside.compute, self.nodes.rows(), self.outside.home_problem(),
            verification(self.rooms, self.safekeeper),
        )  # fmt: skip

    def forget(self, chosen: Preview) -> str:
        """Forget for good, and have the backups forget as soon as one is made; what remains is said."""
        rooms = self.rooms
        report = forget(
            rooms.journal, rooms.stream, rooms.index, rooms.registry, chosen, rooms.clock, rooms.media, rooms.knowing
        )
        for follow in (self.trainer.tell_nodes, self.costs.look, self.safekeeper.look, self.safekeeper.hurry):
            follow()
        copies = [
            f"Whoever has this vault's keys can still read it in {one.where} until {one.until}."
            for one in lingering(rooms, self.safekeeper)
        ]
        return report.in_words(copies)

    def safety(self) -> SafetyView:
        """Copies, proofs, ways in, room."""
        return safety_view(self.rooms, self.safekeeper)

    def verify_journal(self) -> str:
        """Look at the whole journal and say what was found."""
        report = self.rooms.journal.verify()
        body = {"sound": report.sound, "records": report.records, "forgotten": report.forgotten}
        first = f"{report.faults[0].where}: {report.faults[0].what}" if report.faults else ""
        return verified_in_words({**body, "faults": len(report.faults)}, first)

    def local_now(self) -> tuple[int, int]:
        """The present in UTC milliseconds, and the person's offset in minutes."""
        now = self.rooms.clock()
        zone = home_zone(self.rooms.journal)
        offset = local_datetime(now, 0).astimezone(zone).utcoffset()
        return now, round(offset.total_seconds() / 60) if offset else 0

    def close(self) -> None:
        """Stop jobs, the compute nodes and close the rooms."""
        self.nodes.power.close()
        self.nodes.stop()
        self._jobs.stop_all(5.0)
        for node in (self.outside.standby, self.outside.compute):  # the end of the one would wake the other
            if node is not None:
                node.stop()
        self.rooms.close()


def _monotonic_ms() -> int:
    """Milliseconds that never go back, for the lock-out of guessed tokens."""
    return time.monotonic_ns() // 1_000_000
