"""The one object the pages talk to; `app` builds the real one, tests may build a small one.

Every method is plain and may block (pages call them in threads); every error is a HearthsideError with a sentence
for the person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hearthside.alignment.views import DayView, RhythmView, SliceView, SpanView, YearView
from hearthside.companion.answers import AnswerPart, HomeProposal, Offer, Reaction, Turn
from hearthside.memory.hits import Filters, Hit
from hearthside.web.clock_views import ClockHouse
from hearthside.web.costs_views import CostsHouse
from hearthside.web.doors.house import DoorHouse
from hearthside.web.known_views import KnownHouse
from hearthside.web.nodes_views import NodesHouse
from hearthside.web.waiting_views import WaitingHouse


@dataclass(frozen=True, slots=True)
class Job:
    """Long work under way or done.

    Attributes:
        kind: ``import``, ``sample``, ``rebuild``, ``night``, ``training``, ``embedding``, ``backup``, ``drill``,
            ``verify``, ``export``.
        state: ``running``, ``paused``, ``done``, ``stopped`` or ``failed``.
        done, total: progress in units of `unit`; total 0 means not known yet.
        message: what it is doing, or how it ended, in one sentence.
        details: lines to show below (per file: read, new, duplicate, rejected with reasons).
        pausable: it can be paused and continued; where it is, it stays meanwhile.
    """

    id: str
    kind: str
    title: str
    state: str
    done: int
    total: int
    unit: str
    message: str
    started_ms: int
    ended_ms: int | None = None
    details: list[str] = field(default_factory=list)
    pausable: bool = False

    @property
    def active(self) -> bool:
        """Whether it has not ended: it runs, or waits to go on."""
        return self.state in ("running", "paused")


@dataclass(frozen=True, slots=True)
class Overview:
    """What every page needs to know.

    Attributes:
        empty: nothing was imported yet: offer the two ways in.
        invented: the vault holds an invented sample life: every page says so.
        person: the person's first name, or "".
        first_day, last_day: local days of the life stream, ISO, or "".
        node_state: ``ready``, ``starting`` or ``down`` for the compute node.
        node_sentence: what is limited and since when, "" when nothing is.
        suggestions: questions this vault can answer, offered to a newcomer; empty for the general ones.
        notice: what the person must know now and on every page, and what to do: capture has stopped because the disk
            is nearly full, the journal is older than a head held elsewhere; "" when there is nothing.
    """

    empty: bool
    invented: bool
    person: str
    first_day: str
    last_day: str
    node_state: str
    node_sentence: str
    suggestions: list[str] = field(default_factory=list)
    notice: str = ""


@dataclass(frozen=True, slots=True)
class AdapterView:
    """One personal adapter.

    Attributes:
        state: ``active``, ``previous``, ``staged``, ``rejected``, ``retired`` or ``tainted``.
        reason: why it is in that state, in one sentence.
        gate: bits per character, e.g. {"base": 3.1, "previous": 2.9, "new": 2.6, "gain_low": 0.2, "gain_high": 0.4,
            "general_change": 0.003}; empty before the gate ran.
        curve: (step, training loss) of the round.
        receipt: lines of the signed deletion receipt, verified or not.
        attestation: e.g. ``simulated``; shown wherever it matters.
    """

    id: str
    created_ms: int
    state: str
    reason: str
    data_from: str
    data_to: str
    own_words: int
    gate: dict[str, float]
    curve: list[tuple[int, float]]
    receipt: list[str]
    receipt_verified: bool
    attestation: str


@dataclass(frozen=True, slots=True)
class NightView:
    """The last night cycle: when, and each step with its state and one sentence."""

    started_ms: int
    steps: list[tuple[str, str, str]]  # name, state (done, running, failed, waiting, skipped), sentence


@dataclass(frozen=True, slots=True)
class TrainingView:
    """The training page.

    Attributes:
        due: whether and why training is due, in one sentence.
        workshop: whether a workshop can be used, its attestation, in one sentence.
        workshop_ready: False while the workshop extra is still being installed.
    """

    due: str
    workshop: str
    workshop_ready: bool
    adapters: list[AdapterView]
    night: NightView | None


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source: how much, how fresh, and what was refused."""

    name: str
    title: str
    records: int
    last_event_ms: int
    last_event_local: str
    rejected: int
    paused: bool


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """One machine or process of the house."""

    name: str
    state: str
    since_ms: int
    sentence: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class MemoryAuditView:
    """What the last night found when it looked over the memory.

    Attributes:
        when: local time.
        sentence: for the person.
        figures: names and values.
        sound: the share of junk is under its limit, and nothing rests on the AI's own words.
    """

    when: str
    sentence: str
    figures: list[tuple[str, str]]
    sound: bool


@dataclass(frozen=True, slots=True)
class HealthView:
    """The health page."""

    nodes: list[NodeHealth]
    sources: list[SourceHealth]
    storage: list[tuple[str, str]]  # e.g. ("journal", "12.3 MB, 45,112 records")
    journal_verified: str  # when the chain was last verified, and how it ended
    rejected: list[tuple[str, str, str]]  # source, place, reason; newest first, at most 50
    egress: list[tuple[str, str, str, str]]  # local time, purpose, destination, bytes and data class; newest first
    memory: MemoryAuditView | None = None  # None: no night has looked yet


@dataclass(frozen=True, slots=True)
class BackupHealth:
    """One place backups go to.

    Attributes:
        title: the place as the person named it, e.g. "Disk in the study" or "bucket at the provider".
        last: when the last backup was finished, in words; "" when there was none yet.
        behind: records in the journal that are not in it.
        problem: why it does not work now and what to do, or "".
        note: what this place promises or not, e.g. "older backups cannot be erased from here"; "" when nothing.
    """

    title: str
    last: str
    behind: int
    problem: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ProvenRestore:
    """The last restore drill that ended well: a backup restored into a scratch folder and compared.

    Attributes:
        age: how long ago in words, e.g. "2 days ago".
        fresh: not older than the drill's rhythm allows.
        sentence: what was compared, e.g. "14,380 records and 212 media files from “Disk in the study”; all equal."
    """

    age: str
    fresh: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class HeldHead:
    """A signed head of the journal that somebody else keeps: what makes a rolled-back journal visible.

    Attributes:
        holder: who keeps it: the compute node, a backup target, a phone.
        seq: up to which record it vouches.
        when: when it was last given there, in words.
        problem: what is wrong with it, e.g. that it knows records this journal does not have; "" when it agrees.
    """

    holder: str
    seq: int
    when: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class VaultWay:
    """One way the vault opens.

    Attributes:
        kind: ``passphrase``, ``key-file``, ``paper`` or ``tpm``.
        made: whether this way exists for this vault.
        note: when it was made, where it lies, or how to make it.
    """

    kind: str
    made: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class DiskHealth:
    """The disk the vault lies on.

    Attributes:
        state: ``roomy``, ``low`` (said, capture goes on) or ``full`` (capture has stopped, answers go on).
        free: free space in words, e.g. "41 GB of 256 GB free".
        sentence: what follows from it and what to do.
    """

    state: str
    free: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The last look at every record, key and media file.

    Attributes:
        when: in words; "" when there was none yet.
        whole: everything matched.
        sentence: what was looked at and how it ended; where the fault is, when there is one.
    """

    when: str
    whole: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Lingering:
    """A backup of the keyring that can still open what was forgotten.

    Attributes:
        where: the place it lies.
        until: when it is gone, in words, e.g. "12 May 2026".
    """

    where: str
    until: str


@dataclass(frozen=True, slots=True)
class SafetyView:
    """How safe the journal is: copies, proofs, ways in, room.

    Attributes:
        proven: the last restore that was proven; None when none ever was. Nothing is called safe without it.
        ways: all kinds of ways, made or not.
    """

    backups: list[BackupHealth]
    proven: ProvenRestore | None
    heads: list[HeldHead]
    ways: list[VaultWay]
    disk: DiskHealth
    verification: Verification
    lingering: list[Lingering]


class House(ClockHouse, Protocol):
    """Everything the pages may ask for or do."""

    @property
    def doors(self) -> DoorHouse:
        """What programs may ask for besides, through `hearthside.web.doors`."""
        ...

    @property
    def known(self) -> KnownHouse:
        """What is believed about the person."""
        ...

    @property
    def nodes(self) -> NodesHouse:
        """The compute nodes on other machines."""
        ...

    @property
    def waiting(self) -> WaitingHouse:
        """Questions that wait for the language model."""
        ...

    @property
    def costs(self) -> CostsHouse:
        """What the AI costs."""
        ...

    def overview(self) -> Overview: ...
    def jobs(self) -> list[Job]: ...
    def stop_job(self, job_id: str) -> None: ...
    def pause_job(self, job_id: str) -> None:
        """Let a pausable job wait where it is; what it has done is kept."""
        ...

    def resume_job(self, job_id: str) -> None:
        """Let a paused job go on."""
        ...

    def new_upload_folder(self) -> Path:
        """A fresh folder only the owner can read, for files uploaded on the page.

        The house removes it when the import that reads it has ended.
        """
        ...

    def start_import(self, paths: Sequence[Path]) -> str: ...
    def start_sample(self) -> str: ...
    def start_night(self) -> str: ...
    def start_rebuild(self) -> str: ...
    def day(self, day: str) -> DayView: ...
    def slice(self, ms: int) -> SliceView: ...
    def span(self, first_day: str, last_day: str) -> SpanView: ...
    def year(self, year: int, measure: str = "", years: int = 1) -> YearView: ...
    def rhythm(self, first_day: str, last_day: str) -> RhythmView: ...
    def search(self, text: str, filters: Filters, limit: int = 30) -> list[Hit]: ...
    def record(self, record_id: str) -> dict[str, object]: ...
    def ask(self, text: str, conversation: str) -> Iterator[AnswerPart]: ...
    def conversation(self, conversation: str) -> list[Turn]: ...
    def offer(self) -> Offer | None: ...
    def react(self, offer_id: str, reaction: Reaction) -> None: ...
    def proposals(self) -> list[HomeProposal]: ...
    def confirm_proposal(self, proposal_id: str) -> HomeProposal: ...
    def dismiss_proposal(self, proposal_id: str) -> None: ...
    def undo_proposal(self, proposal_id: str) -> HomeProposal: ...
    def training(self) -> TrainingView: ...
    def roll_back_adapter(self) -> str: ...
    def health(self) -> HealthView: ...
    def verify_journal(self) -> str: ...
    def safety(self) -> SafetyView: ...
    def start_verify(self) -> str:
        """Look at every record, key and media file, and at the backups within reach; returns the job's id."""
        ...

    def start_backup(self) -> str:
        """Back up to every place that is set up; returns the job's id."""
        ...

    def start_drill(self) -> str:
        """Restore the newest backup into a scratch folder and compare; returns the job's id."""
        ...
