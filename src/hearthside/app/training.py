"""The training desk: runs the night, shows adapters and their judgement, and rolls back."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from hearthside.app.clock_estimates import set_clocks
from hearthside.app.compute import model_of
from hearthside.app.jobs import Handle
from hearthside.app.rooms import Rooms
from hearthside.companion.held_model import NodeHeldModel
from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.inference.adapters import AdapterEntry
from hearthside.inference.guard.room import room_of, unguarded
from hearthside.inference.pool import NodePool
from hearthside.inference.shelf import ModelFile
from hearthside.memory.held_model import HeldModel
from hearthside.memory.search import Embedder
from hearthside.night.curate import MAX_SAMPLES, curate
from hearthside.night.cycle import WAITS, CycleState, NightCycle, last_cycle
from hearthside.night.rounds import Round, due, rounds
from hearthside.night.steps import NightRooms, night_steps, workshop_extra_installed
from hearthside.web.house import AdapterView, NightView, TrainingView
from hearthside.workshop.job import LoraSftParameters

_A_NIGHT = 32  # records of a night at most, made up for included
_INSTALL_STATE = Path(".cache/workshop-install.json")


class TrainingDesk:
    """Everything around personal training for one vault."""

    def __init__(self, rooms: Rooms, compute: NodePool | None, embedder: Callable[[], Embedder | None]) -> None:
        self._rooms, self._compute, self._embedder = rooms, compute, embedder
        self.parameters = LoraSftParameters()
        self.max_samples = MAX_SAMPLES
        self._model: ModelFile | None = None
        self._waits: tuple[int, str] = (-1, "")

    def run_night(self, handle: Handle) -> str:
        """Run the cycle, or go on where the last one was cut short; returns its closing sentence."""
        with self._alone():
            return self._run_night(handle)

    def cut_short(self) -> bool:
        """Whether the last night was cut short by a crash and should go on."""
        return self._cycle().cut_short()

    def waits(self) -> str:
        """Which night has left something that waits for the language model, or ""; read again with each step."""
        journal = self._rooms.journal
        latest = journal.read(kinds=["night_step"], newest_first=True, limit=_A_NIGHT)
        newest = max((item.seq for item in latest), default=0)
        if self._waits[0] != newest:
            state = last_cycle(journal)
            missed = state is not None and any(data.get(WAITS) for _, _, data in state.steps.values())
            waiting = self._cycle().waiting() if missed else None
            self._waits = (newest, "" if waiting is None else waiting.cycle)
        return self._waits[1]

    def make_up(self, handle: Handle) -> str:
        """Do what the last night could not do without the language model; returns what came of it."""
        with self._alone():
            said = self._cycle().make_up(handle.progress, handle.stopped)
        for line in said:
            handle.detail(line)
        return said[0] if said else "Nothing of the last night waits any more."

    def _cycle(self) -> NightCycle:
        return NightCycle(self._rooms.journal, night_steps(self.night_rooms()), self._rooms.clock)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One night at a time for a vault, whichever process runs it.

        Raises:
            RetryLater: another process is in the middle of a night.
        """
        with (self._rooms.vault.folder / "night.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RetryLater(
                    "night-running", "Another process is in the middle of the night's work; it was left to finish."
                ) from error
            yield

    def _run_night(self, handle: Handle) -> str:
        night = self._cycle()
        total = len(night.steps)

        def progress(done: int, of: int, message: str) -> None:
            handle.progress(done, of, message)

        state = night.run(progress, handle.stopped)
        for step in night.steps:
            how, sentence, _ = state.steps[step.name]
            handle.detail(f"{step.title}: {how}. {sentence}")
        handle.progress(total, total, "done")
        promoted = state.steps["promote"]
        return promoted[1] if promoted[0] == "done" else state.steps["curate"][1]

    def view(self) -> TrainingView:
        """The training page."""
        curated = curate(self._rooms.journal, self._rooms.stream)
        _, sentence = due(self._rooms.journal, curated, self._rooms.clock())
        ready = workshop_extra_installed() or bool(self._rooms.settings.workshop_url)
        known = {r.adapter: r for r in rounds(self._rooms.journal)}
        entries = reversed(self._rooms.registry.entries())
        state = last_cycle(self._rooms.journal)
        return TrainingView(
            due=sentence,
            workshop=self._workshop_sentence(ready),
            workshop_ready=ready,
            adapters=[_adapter_view(entry, known.get(entry.id)) for entry in entries],
            night=self._night_view(state) if state is not None else None,
        )

    def roll_back(self) -> str:
        """Serve the previous adapter (or the base) again."""
        if self._rooms.registry.active() is None:
            raise Refused("adapter-none", "No adapter is in service, so there is nothing to roll back.")
        entry = self._rooms.registry.roll_back("You rolled back.")
        self.tell_nodes()
        return (
            "The previous adapter is in service again."
            if entry
            else "The base model is in service, without an adapter."
        )

    def model(self) -> ModelFile:
        """The model of this machine, which is trained against; a paired node may serve another one."""
        if self._model is None:  # its hash is over the whole file
            self._model = model_of(self._rooms.settings)
        return self._model

    def night_rooms(self) -> NightRooms:
        """What the steps of a night work with."""
        rooms = self._rooms
        return NightRooms(
            rooms.journal, rooms.stream, rooms.index, rooms.registry, rooms.egress, rooms.clock, self._embedder,
            self.model(), rooms.settings.workshop_threads, rooms.settings.workshop_url, self.parameters,
            self.tell_nodes, self.max_samples, lambda: set_clocks(rooms.journal, rooms.stream, rooms.clock),
            rooms.knowing, self.reader, room_of(self._compute.keeper) if self._compute is not None else unguarded,
        )  # fmt: skip

    def reader(self) -> HeldModel | None:
        """The served base model, held to a grammar; whether it is fit to read or to write queries is measured."""
        serving = self._compute.snapshot() if self._compute is not None else None
        if serving is None or not serving.model:
            return None
        return NodeHeldModel(serving.asked, serving.model, serving.sha256)

    def tell_nodes(self) -> None:
        """Have the nodes hold the adapter that is in service now, and none that was withdrawn."""
        if self._compute is None:
            return
        try:
            self._compute.sync_adapters()
        except HearthsideError:
            return  # the node is away: it starts with the active adapter anyway

    def _workshop_sentence(self, ready: bool) -> str:
        if not ready:
            return f"The training workshop is still being installed{_install_progress()}; everything else works."
        if self._rooms.settings.workshop_url:
            return "Training runs in the workshop you named. Its attestation is simulated: no hardware vouches for it."
        return (
            "Training runs in a workshop of its own on this machine. Its attestation is simulated: no hardware vouches"
            " for it, and nothing leaves this machine."
        )

    def _night_view(self, state: CycleState) -> NightView:
        titles = [step.name for step in night_steps(self.night_rooms())]
        steps = []
        for name in titles:
            how, sentence, _ = state.steps.get(name, ("waiting", "", {}))
            steps.append((name, how, sentence))
        return NightView(state.started_ms, steps)


def _install_progress() -> str:
    try:
        document = orjson.loads(_INSTALL_STATE.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return ""
    detail, packages = str(document.get("detail", "")).rstrip("."), document.get("packages")
    if document.get("state") == "failed":
        return f" and that failed ({detail})"
    return f" ({detail}; {packages} packages so far)" if detail else ""


def _adapter_view(entry: AdapterEntry, known: Round | None) -> AdapterView:
    gate = {name: float(value) for name, value in (entry.gate or {}).items()}
    return AdapterView(
        id=entry.id,
        created_ms=entry.created_ms,
        state=entry.state.value,
        reason=entry.reason,
        data_from=entry.data_from_day,
        data_to=entry.data_to_day,
        own_words=entry.own_words,
        gate=gate,
        curve=known.curve if known else [],
        receipt=known.receipt if known else [],
        receipt_verified=known.receipt_verified if known else False,
        attestation=known.attestation if known else "",
    )
