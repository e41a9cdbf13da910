"""The eight steps of a night: close the day, annotate, note, consolidate, curate, train, evaluate, promote or keep."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import orjson

from hearthside.alignment.stream import LifeStream
from hearthside.egress import Egress
from hearthside.errors import NeedsPerson, RetryLater
from hearthside.events import DAY_MS, Event, Json, Layer, Origin, Trust
from hearthside.inference.adapters import AdapterManifest, AdapterRegistry
from hearthside.inference.fitting import training_needed
from hearthside.inference.gguf_header import model_header
from hearthside.inference.guard.room import NOT_GIVEN, AskForRoom, Room, unguarded
from hearthside.inference.shelf import ModelFile
from hearthside.journal import Journal
from hearthside.memory.audit import audit
from hearthside.memory.facts.annotation import read_texts
from hearthside.memory.facts.fitness import fitness_for_reading
from hearthside.memory.fitness import Fitness
from hearthside.memory.held_model import HeldModel
from hearthside.memory.index import Index
from hearthside.memory.knowing import Knowing
from hearthside.memory.questions.writing_fitness import fitness_for_queries
from hearthside.memory.search import Embedder, embed_waiting
from hearthside.night.curate import MAX_SAMPLES, Curated, OwnMessage, curate
from hearthside.night.cycle import STOPPED, WAITS, Step, StepContext, StepResult
from hearthside.night.gate import MIN_HELD_OUT, Measured, general_text, judge
from hearthside.night.likelihood import ScoredText, Scores, bits_per_character
from hearthside.night.rounds import due, record_round, records_learnt, rounds, training_samples
from hearthside.workshop.attestation import Verdict
from hearthside.workshop.client import LocalWorkshop, TrainedAdapter, TrainingProgress, WorkshopClient
from hearthside.workshop.job import Job, LoraSftParameters, make_job
from hearthside.workshop.job import context as job_context

RECIPE = "lora_sft"
_DELETE_WITHIN_MS = DAY_MS
_EMBED_AT_MOST = 20_000  # records a night: about four minutes
_READ_AT_MOST = 500  # texts a night: a model of a few billion parameters needs seconds for each


@dataclass(frozen=True, slots=True)
class NightRooms:
    """What the steps work with.

    Attributes:
        embedder: gives the embedder, or None while the compute node is away.
        base: the model that is served, and so trained against.
        threads: processor threads for training and for the gate.
        workshop_url: a workshop that already runs, or "" for one started for the length of the training.
        parameters: of the recipe.
        after_change: called when another adapter is to be served.
        max_samples: own messages in one round, newest first.
        set_clocks: sets clocks by what they recorded; whether the life stream is to be updated.
        knowing: what is known about the person; None: only the index is looked over.
        room: asks the memory guard for room before anything is loaded on this machine.
        reader: gives the model that may read texts for facts and write queries, if it is measured to be fit for it;
            None while there is none.
    """

    journal: Journal
    stream: LifeStream
    index: Index
    registry: AdapterRegistry
    egress: Egress
    clock: Callable[[], int]
    embedder: Callable[[], Embedder | None]
    base: ModelFile
    threads: int
    workshop_url: str
    parameters: LoraSftParameters
    after_change: Callable[[], None]
    max_samples: int = MAX_SAMPLES
    set_clocks: Callable[[], bool] = lambda: False
    knowing: Knowing | None = None
    reader: Callable[[], HeldModel | None] = lambda: None
    room: AskForRoom = unguarded


def night_steps(rooms: NightRooms) -> list[Step]:
    """The steps in order."""
    return [
        Step("close_day", "Closing the day", lambda context: _close_day(rooms, context)),
        Step("annotate", "Reading for meaning", lambda context: _annotate(rooms, context)),
        Step("note", "Noting what you said", lambda context: _note(rooms, context), ("consolidate",)),
        Step("consolidate", "Looking over the memory", lambda context: _consolidate(rooms, context)),
        Step("curate", "Choosing what to learn from", lambda context: _curate(rooms)),
        Step("train", "Training", lambda context: _train(rooms, context)),
        Step("evaluate", "Judging by your last week", lambda context: _evaluate(rooms, context)),
        Step("promote", "Deciding", lambda context: _promote(rooms, context)),
    ]


def workshop_extra_installed() -> bool:
    """Whether training can run on this machine; looks without importing."""
    return all(find_spec(name) is not None for name in ("torch", "transformers", "peft", "gguf"))


def _close_day(rooms: NightRooms, context: StepContext) -> StepResult:
    days = rooms.stream.update(lambda done, total: context.progress(done, total, f"{total:,} days"), context.stop)
    context.check_stop()
    if rooms.set_clocks():
        rooms.stream.update(stop=context.stop)
        context.check_stop()
    records = rooms.index.update(lambda done, total: context.progress(done, total, f"{total:,} records"), context.stop)
    return StepResult("done", f"{days:,} days were lined up and {records:,} records indexed.")


def _annotate(rooms: NightRooms, context: StepContext) -> StepResult:
    embedder = rooms.embedder()
    try:
        if not rooms.index.sizes(None if embedder is None else embedder.model)["waiting"]:
            return StepResult("done", "Every text can already be found by meaning.")
        if embedder is None:
            return StepResult("skipped", "The compute node is away; texts wait for it to be found by meaning.")
        count = embed_waiting(
            rooms.index, rooms.journal, embedder, rooms.clock,
            lambda done, total: context.progress(done, total, "texts"), context.stop, _EMBED_AT_MOST,
        )  # fmt: skip
    except (RetryLater, NeedsPerson) as error:
        return StepResult("skipped", error.message)
    context.check_stop()
    return StepResult("done", f"{count:,} texts can now be found by meaning.")


def _note(rooms: NightRooms, context: StepContext) -> StepResult:
    """Plain code has noted already what it can; this is for a model that understands more, and only for such a one."""
    reader = rooms.reader()
    if reader is None:
        return StepResult("skipped", "Facts come from plain code alone; no model that could read for them is here.")
    try:
        fitness = fitness_for_reading(
            rooms.journal, reader, rooms.clock, lambda done, total: context.progress(done, total, "probe sentences")
        )
        context.check_stop()
        queries = fitness_for_queries(
            rooms.journal, reader, rooms.clock, lambda done, total: context.progress(done, total, "probe questions")
        )
        context.check_stop()
        if not fitness.fit:
            sentence = f"Facts come from plain code alone: the model here is not fit to read for them ({_so(fitness)})."
            return StepResult("skipped", sentence, _figures(fitness, queries))
        found = read_texts(
            rooms.journal, reader, rooms.clock, lambda done, total: context.progress(done, total, "texts"),
            context.stop, _READ_AT_MOST,
        )  # fmt: skip
    except RetryLater as error:
        if error.code == STOPPED:
            raise
        return StepResult("skipped", f"{error.message} This is made up for when it is back.", {WAITS: True})
    except NeedsPerson as error:
        return StepResult("skipped", error.message)
    context.check_stop()
    sentence = f"{found:,} things were noted from your words, each with its place; {_so(fitness)}."
    return StepResult("done", sentence, {"found": found} | _figures(fitness, queries))


def _so(fitness: Fitness) -> str:
    return f"on invented sentences, {fitness.in_words()}"


def _figures(reading: Fitness, queries: Fitness) -> dict[str, Json]:
    return {
        one.task: {"fit": one.fit, "right": one.right, "said": one.said, "wanted": one.wanted}
        for one in (reading, queries)
    }


def _consolidate(rooms: NightRooms, context: StepContext) -> StepResult:
    if rooms.knowing is None:
        found = audit(rooms.journal, rooms.index)
    else:
        rooms.knowing.update(lambda done, total: context.progress(done, total, "days looked over"), context.stop)
        context.check_stop()
        found = rooms.knowing.audit(rooms.index)
    return StepResult("done", found.in_words(), found.figures())


def _curate(rooms: NightRooms) -> StepResult:
    curated = curate(rooms.journal, rooms.stream, rooms.max_samples)
    now_due, sentence = due(rooms.journal, curated, rooms.clock())
    if now_due and len(curated.held_out) < MIN_HELD_OUT:
        now_due = False
        sentence = f"Training waits: the last week holds only {len(curated.held_out)} messages of yours to judge by."
    if now_due and not rooms.base.sha256:
        now_due = False
        sentence = "Training waits: which model your model server serves is not known; name its file in model_path."
    if now_due and not rooms.workshop_url and not workshop_extra_installed():
        now_due, sentence = False, "Training waits: the workshop is not installed on this machine yet."
    data: dict[str, Json] = {"due": now_due, "boundary_ms": curated.boundary_ms}
    return StepResult("done", sentence, data)


def _curated(rooms: NightRooms, context: StepContext) -> Curated:
    boundary_ms = int(context.results["curate"]["boundary_ms"])
    return curate(rooms.journal, rooms.stream, rooms.max_samples, boundary_ms)


def _train(rooms: NightRooms, context: StepContext) -> StepResult:
    due_now = bool(context.results["curate"].get("due"))
    waiting = _unjudged(rooms, int(context.results["curate"]["boundary_ms"]), due_now)
    if waiting is not None or not due_now:
        _reject_left_over(rooms, waiting)
        if waiting is None:
            return StepResult("skipped", "No training is due.")
        return StepResult("done", "An adapter of a night that was cut short waits to be judged.", {"adapter": waiting})
    curated = _curated(rooms, context)
    job = make_job(
        training_samples(rooms.journal, curated),
        base_sha256=rooms.base.sha256,
        base_name=rooms.base.name,
        data_from=curated.data_from,
        data_to=curated.data_to,
        delete_by_ms=rooms.clock() + _DELETE_WITHIN_MS,
        recipe=RECIPE,
        parameters=rooms.parameters,
    )

    try:
        if rooms.workshop_url:
            trained = _trained(rooms, context, job, rooms.workshop_url)
        else:
            trained = _trained_here(rooms, context, job)
    except RetryLater as error:
        return _without_room(error, "Training")
    return _stage(rooms, curated, trained)


def _trained_here(rooms: NightRooms, context: StepContext, job: Job) -> TrainedAdapter:
    with rooms.room(_needed(rooms)) as room, LocalWorkshop([rooms.base.path], rooms.threads) as local:
        room.attach(local.pid)  # what it starts for the training is under the guard with it
        return _trained(rooms, context, job, local.url, room.loaded)


def _trained(
    rooms: NightRooms, context: StepContext, job: Job, url: str, loaded: Callable[[], None] = lambda: None
) -> TrainedAdapter:
    """Train in the workshop at `url`; `loaded` is told when the model is in its memory."""

    def progress(p: TrainingProgress) -> None:
        if p.phase == "training" and p.step:
            loaded()
        loss = f", loss {p.loss:.2f}" if p.loss is not None else ""
        context.progress(p.step, p.steps, f"{p.phase}{loss}")

    def accept(verdict: Verdict) -> bool:
        _record(rooms, "attestation", {"kind": verdict.kind, "attested": verdict.attested, "bound": verdict.bound})
        return verdict.bound

    client = WorkshopClient(rooms.egress, url, clock=rooms.clock, random_bytes=secrets.token_bytes)
    return client.train(job, accept=accept, progress=progress, stop=context.stop)


def _needed(rooms: NightRooms) -> int:
    parameters = rooms.parameters
    tokens = max(parameters.batch_tokens, parameters.max_tokens)
    return training_needed(model_header(rooms.base.path), tokens)


def _without_room(error: RetryLater, what: str) -> StepResult:
    """The night goes on without this step when there is no room for it; any other reason to wait ends the night."""
    if error.code != NOT_GIVEN:
        raise error
    return StepResult("skipped", f"{what} was left out. {error.message}")


def _unjudged(rooms: NightRooms, boundary_ms: int, due_now: bool) -> str | None:
    """A trained and recorded adapter that a night cut short left before the gate, or None.

    Only one that never saw what it will be judged by; when training is due anyway, only one from this very division.
    """
    fits = {entry.id for entry in rooms.registry.staged() if entry.base_sha256 == rooms.base.sha256}
    for known in reversed(rounds(rooms.journal)):
        seen = known.boundary_ms == boundary_ms if due_now else known.boundary_ms <= boundary_ms
        if known.adapter in fits and seen:
            return known.adapter
    return None


def _reject_left_over(rooms: NightRooms, keep: str | None) -> None:
    for left_over in rooms.registry.staged():
        if left_over.id != keep:
            rooms.registry.reject(left_over.id, "Left over from a night that was cut short.")


def _stage(rooms: NightRooms, curated: Curated, trained: TrainedAdapter) -> StepResult:
    receipt = trained.receipt
    manifest = AdapterManifest(
        rooms.base.sha256, RECIPE, curated.data_from, curated.data_to, curated.own_words, receipt.job_hash[:24]
    )
    adapter = rooms.registry.stage(trained.gguf, manifest)
    # Only now: training again on the same words may give the very bytes that a night cut short had staged.
    _reject_left_over(rooms, adapter)
    lines = [
        f"job {receipt.job_hash[:16]}, data {receipt.data_sha256[:16]}, adapter {receipt.adapter_sha256[:16]}",
        f"deleted: {', '.join(receipt.deleted)}",
        f"attestation: {receipt.attestation}",
    ]
    record_round(
        rooms.journal,
        rooms.clock,
        {
            "adapter": adapter,
            "boundary_ms": curated.boundary_ms,
            "own_words": curated.own_words,
            "samples": [identity.hex() for identity in records_learnt(rooms.journal, curated)],
            "curve": [list(point) for point in trained.curve],
            "receipt": lines,
            "receipt_signed": orjson.loads(trained.signed_receipt.statement),
            "receipt_signature": trained.signed_receipt.signature.hex(),
            "receipt_verified": True,  # the client raises on a receipt that does not verify, so no other gets here
            "attestation": trained.verdict.kind,
        },
    )
    losses = [loss for _, loss in trained.curve]
    fell = f" The loss fell from {losses[0]:.2f} to {losses[-1]:.2f}." if losses else ""
    sentence = (
        f"Learnt from {len(curated.train)} messages of yours; the workshop deleted its copy and signed for it.{fell}"
    )
    return StepResult("done", sentence, {"adapter": adapter})


def _evaluate(rooms: NightRooms, context: StepContext) -> StepResult:
    adapter = context.results["train"].get("adapter")
    if adapter is None:
        return StepResult("skipped", "There is nothing new to judge.")
    curated = _curated(rooms, context)
    active = rooms.registry.active()
    if active is not None and active.base_sha256 != rooms.base.sha256:
        active = None  # trained against another model, so it is not what is served now
    models: list[bytes | None] = [None, rooms.registry.bytes_of(adapter)]
    if active is not None:
        models.append(rooms.registry.bytes_of(active.id))
    try:
        with rooms.room(_needed(rooms)) as room:
            scores = _scored(rooms, context, models, [_text(message) for message in curated.held_out], room)
    except RetryLater as error:
        return _without_room(error, "Judging")
    general = scores.general_per_character()
    measured = [Measured(scores.bits[i], float(general[i])) for i in range(len(models))]
    verdict = judge(scores.chars, measured[0], measured[1], measured[2] if active else None)
    data: dict[str, Json] = {
        "adapter": adapter, "promote": verdict.promote, "reason": verdict.reason, "figures": verdict.figures
    }  # fmt: skip
    _record(rooms, "gate", data)
    return StepResult("done", verdict.reason, data)


def _scored(
    rooms: NightRooms, context: StepContext, models: list[bytes | None], texts: list[ScoredText], room: Room
) -> Scores:
    def progress(share: float) -> None:
        if share:
            room.loaded()
        context.progress(round(100 * share), 100, "messages of the last week")

    return bits_per_character(
        sys.executable, rooms.base.path, models, texts, general_text(), threads=rooms.threads, progress=progress,
        stop=context.stop, began=room.attach,
    )  # fmt: skip


def _text(message: OwnMessage) -> ScoredText:
    origins = {"assistant": Origin.SELF, "user": Origin.PERSON}
    return ScoredText(tuple(job_context(text, origins[role]) for role, text in message.context), message.text)


def _promote(rooms: NightRooms, context: StepContext) -> StepResult:
    judged = context.results["evaluate"]
    adapter = judged.get("adapter")
    if adapter is None:
        return StepResult("skipped", "The model stays as it is.")
    entry = rooms.registry.entry(adapter)
    if entry.state == "staged":  # a night cut short right after deciding has decided already
        if judged["promote"]:
            rooms.registry.promote(adapter, dict(judged["figures"]))
        else:
            rooms.registry.reject(adapter, judged["reason"], dict(judged["figures"]))
        _record(rooms, "adapter_decision", {"adapter": adapter, "promoted": judged["promote"]})
    rooms.after_change()
    return StepResult("done", judged["reason"], {"promoted": judged["promote"], "adapter": adapter})


def _record(rooms: NightRooms, kind: str, payload: dict[str, Json]) -> None:
    rooms.journal.append(
        [Event("night", kind, Layer.BEHAVIOURAL, rooms.clock(), Origin.DEVICE, Trust.OWN, payload, clock="station")]
    )
