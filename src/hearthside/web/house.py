"""The one object the pages talk to; `app` builds the real one, tests may build a small one.

Every method is plain and may block (pages call them in threads); every error is a HearthsideError with a sentence
for the person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hearthside.alignment.views import DayView, SliceView
from hearthside.companion.answers import AnswerPart, HomeProposal, Offer, Reaction, Turn
from hearthside.memory.hits import Filters, Hit


@dataclass(frozen=True, slots=True)
class Job:
    """Long work under way or done.

    Attributes:
        kind: ``import``, ``sample``, ``rebuild``, ``night``, ``training``, ``embedding``.
        state: ``running``, ``done``, ``stopped`` or ``failed``.
        done, total: progress in units of `unit`; total 0 means not known yet.
        message: what it is doing, or how it ended, in one sentence.
        details: lines to show below (per file: read, new, duplicate, rejected with reasons).
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
    """

    empty: bool
    invented: bool
    person: str
    first_day: str
    last_day: str
    node_state: str
    node_sentence: str
    suggestions: list[str] = field(default_factory=list)


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
class HealthView:
    """The health page."""

    nodes: list[NodeHealth]
    sources: list[SourceHealth]
    storage: list[tuple[str, str]]  # e.g. ("journal", "12.3 MB, 45,112 records")
    journal_verified: str  # when the chain was last verified, and how it ended
    rejected: list[tuple[str, str, str]]  # source, place, reason; newest first, at most 50
    egress: list[tuple[str, str, str, str]]  # local time, purpose, destination, bytes and data class; newest first


class House(Protocol):
    """Everything the pages may ask for or do."""

    def overview(self) -> Overview: ...
    def jobs(self) -> list[Job]: ...
    def stop_job(self, job_id: str) -> None: ...
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
