"""A small in-memory house with invented data: what the page tests and the screenshots look at.

`tests.web.demo_station` serves it, also by hand.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from hearthside.alignment.rhythms import rhythm_view
from hearthside.alignment.span_view import episode_items, span_view
from hearthside.alignment.views import (
    DayView,
    Lane,
    LaneItem,
    LayerSlice,
    OffsetRun,
    RhythmView,
    SliceView,
    SpanView,
    YearView,
)
from hearthside.alignment.year_view import year_view
from hearthside.companion.answers import Answer, AnswerMode, AnswerPart, HomeProposal, Offer, Piece, Reaction, Turn
from hearthside.companion.wording import BY_WORDS
from hearthside.errors import NeedsPerson, Refused
from hearthside.events import Layer, Origin, Precision, day_number, iso_day
from hearthside.memory.hits import Filters, Hit
from hearthside.web.clock_views import ClocksView
from hearthside.web.house import (
    HealthView,
    Job,
    Overview,
    SafetyView,
    TrainingView,
)
from tests.web import demo_life
from tests.web.demo_clocks import demo_clocks
from tests.web.demo_costs import DemoCosts
from tests.web.demo_day import (
    MINUTE,
    OFFSET_MIN,
    at,
    coverage_runs,
    lane_items,
    provisional,
    series_lines,
    source_coverage,
)
from tests.web.demo_doors import DemoDoors
from tests.web.demo_knowing import DemoKnown
from tests.web.demo_nodes import DemoNodes
from tests.web.demo_views import demo_health, demo_safety, demo_training
from tests.web.demo_waiting import DemoWaiting

FIRST_DAY, LAST_DAY = demo_life.FIRST, "2026-03-31"
ALARM = (
    "The disk is nearly full (0.9 GB free), so nothing new is taken in. What is kept is safe and questions are "
    "answered. Free some space; capture goes on by itself."
)
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>'


def as_hit(item: LaneItem, why: str = "keyword") -> Hit:
    """An event as search finds it."""
    local = datetime.fromtimestamp(item.start_ms / 1000, UTC) + timedelta(minutes=OFFSET_MIN)
    return Hit(
        item.id,
        item.start_ms,
        item.end_ms,
        f"{local:%Y-%m-%dT%H:%M}+01:00",
        item.text,
        item.note,
        item.source,
        item.kind,
        item.layer,
        item.origin,
        1.0,
        why,
    )


@dataclass
class DemoHouse:
    """Plays the real house; everything it holds is invented."""

    scenario: str = "full"
    person: str = "Mira"
    canary: str = ""  # words that stand in everything this house shows, and in no other house
    piece_s: float = 0.05  # pause between pieces of a streaming answer
    talks: dict[str, list[Turn]] = field(default_factory=dict)
    work: dict[str, Job] = field(default_factory=dict)
    reactions: list[tuple[str, Reaction]] = field(default_factory=list)
    imported: list[list[str]] = field(default_factory=list)
    words_on_clocks: list[tuple[str, int, int, str, int | None]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.doors = DemoDoors(self.canary)
        self.waiting = DemoWaiting(self.canary)
        self.nodes = DemoNodes(self.scenario, self.canary)
        self.costs = DemoCosts(LAST_DAY, self.scenario, self.canary)
        self.known = DemoKnown(self.canary, lambda: [as_hit(i) for i in lane_items(LAST_DAY)], self.scenario == "empty")
        evidence = [as_hit(item) for item in lane_items(LAST_DAY)]
        self.current_offer: Offer | None = Offer(
            "f" * 32,
            "short_night_before_meeting",
            at(LAST_DAY, "21:30"),
            f"{self.canary}You slept five and a half hours last night and the presentation is at nine. "
            "Shall the evening end at eleven today?",
            "a short night, an early meeting tomorrow, and you are still at the slides",
            [evidence[17], evidence[3]],
        )
        self.proposal: HomeProposal = HomeProposal(
            "e" * 32,
            at(LAST_DAY, "21:31"),
            f"{self.canary}Dim the living room to 30 % from now on",
            "on your early nights this month you dimmed it around half past nine",
            "light.living_room",
            "proposed",
            False,
            [evidence[32]],
        )

    # ---- state -----------------------------------------------------------------------------------------------------

    def overview(self) -> Overview:
        if self.scenario == "empty":
            return Overview(True, False, "", "", "", "starting", "")
        state, sentence = "ready", ""
        if self.scenario == "down":
            state = "down"
            sentence = "The language model has been away since 21:14. Answers are computed or quoted until it is back."
        asks = [
            "How long did I sleep last night?",
            "What was I listening to on my walk?",
            "When did I last write to Ravi?",
        ]
        notice = ALARM if self.scenario == "alarm" else ""
        return Overview(False, True, self.person, FIRST_DAY, LAST_DAY, state, sentence, asks, notice)

    def jobs(self) -> list[Job]:
        with self.lock:
            return list(self.work.values())

    def stop_job(self, job_id: str) -> None:
        with self.lock:
            job = self.work[job_id]
            self.work[job_id] = replace(job, state="stopped", message="Stopped; what was read so far is kept.")

    def pause_job(self, job_id: str) -> None:
        with self.lock:
            self.work[job_id] = replace(self.work[job_id], state="paused", message="Paused; it goes on where it is.")

    def resume_job(self, job_id: str) -> None:
        with self.lock:
            self.work[job_id] = replace(self.work[job_id], state="running", message="Reading…")

    def new_upload_folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="hearthside-demo-"))

    def start_import(self, paths: Sequence[Path]) -> str:
        names: list[str] = []
        for path in paths:
            if not path.exists():
                raise NeedsPerson(
                    "no-such-path", f"There is no file or folder at {path}. Nothing was changed; check the path."
                )
            names += (
                sorted(f"{one.name} {one.stat().st_size}" for one in path.iterdir()) if path.is_dir() else [path.name]
            )
        self.imported.append(names)
        return self.run_job(
            "import", "Importing your files", 40, [f"{name}: 120 read, 118 new, 2 duplicate" for name in names]
        )

    def start_sample(self) -> str:
        return self.run_job("sample", "Meeting the sample life", 30, [])

    def start_night(self) -> str:
        return self.run_job("night", "Night cycle", 9, [])

    def start_rebuild(self) -> str:
        return self.run_job("rebuild", "Rebuilding life stream and index", 30, [])

    def run_job(self, kind: str, title: str, total: int, details: list[str]) -> str:
        """A job that takes a little while in a thread of its own."""
        job_id, title = f"{kind}-{len(self.work)}", self.canary + title
        began = at(LAST_DAY, "21:40")
        self.work[job_id] = Job(
            job_id, kind, title, "running", 0, total, "files", "Reading…", began, None, details, kind == "import"
        )

        def work() -> None:
            for done in range(1, total + 1):
                time.sleep(0.15)
                while self.work[job_id].state == "paused":
                    time.sleep(0.05)
                with self.lock:
                    if self.work[job_id].state != "running":
                        return
                    self.work[job_id] = replace(self.work[job_id], done=done, message=f"Reading part {done} of {total}")
            with self.lock:
                self.work[job_id] = replace(
                    self.work[job_id], state="done", message="Finished: 4,512 new records, 2 rejected."
                )
                if kind in ("sample", "import") and self.scenario == "empty":
                    self.scenario = "full"

        threading.Thread(target=work, daemon=True).start()
        return job_id

    # ---- life stream and memory ------------------------------------------------------------------------------------

    def day(self, day: str) -> DayView:
        try:
            date.fromisoformat(day)
        except ValueError as error:
            raise Refused("bad-date", f"{day} is not a date. Write it as 2026-03-31.") from error
        items = lane_items(day)
        if self.scenario == "hostile":
            items[1] = replace(items[1], text=HOSTILE, note=HOSTILE)
            items[19] = replace(items[19], text=HOSTILE)
        items[1] = replace(items[1], text=self.canary + items[1].text)
        runs = coverage_runs(day)
        lanes = [Lane(layer, [item for item in items if item.layer is layer], runs[layer]) for layer in Layer]
        whole = [
            LaneItem(
                "a" * 32,
                "oura_readiness",
                "readiness_day",
                Layer.BEHAVIOURAL,
                at(day, "01:00"),
                None,
                "Readiness 64",
                "sleep balance low",
                Origin.DEVICE,
                Precision.DAY,
                0,
            ),
            LaneItem(
                "b" * 32,
                "oura_weight",
                "weight_day",
                Layer.BEHAVIOURAL,
                at(day, "01:00"),
                None,
                "Weight 64.2 kg",
                "",
                Origin.DEVICE,
                Precision.DAY,
                0,
            ),
        ]
        start_ms, end_ms = at(day, "00:00"), at(day, "24:00")
        return DayView(
            day,
            start_ms,
            end_ms,
            OFFSET_MIN,
            True,
            lanes,
            series_lines(),
            whole,
            episode_items(demo_life.demo_life().episodes, start_ms, end_ms),
            [OffsetRun(start_ms, end_ms, OFFSET_MIN)],
            source_coverage(day),
            provisional(day) if day == LAST_DAY else [],
        )

    def span(self, first_day: str, last_day: str) -> SpanView:
        life = demo_life.demo_life()
        days = [iso_day(n) for n in range(day_number(first_day), day_number(last_day) + 1)]
        coverage = (
            {day: list(coverage_runs(day).values()) for day in days if day <= LAST_DAY} if len(days) <= 14 else {}
        )
        return span_view(first_day, last_day, life.sums, life.episodes, life.track, coverage)

    def year(self, year: int, measure: str = "", years: int = 1) -> YearView:
        life = demo_life.demo_life()
        return year_view([year - n for n in range(years)], measure, life.sums, life.episodes, life.track)

    def rhythm(self, first_day: str, last_day: str) -> RhythmView:
        life = demo_life.demo_life()
        return rhythm_view(first_day, last_day, life.episodes, life.home, life.away, life.track)

    def slice(self, ms: int) -> SliceView:
        local = datetime.fromtimestamp(ms / 1000, UTC) + timedelta(minutes=OFFSET_MIN)
        day = self.day(f"{local:%Y-%m-%d}")
        minute = (ms - day.start_ms) // MINUTE
        layers = []
        for lane in day.lanes:
            now = [
                one
                for one in lane.items
                if one.start_ms // MINUTE * MINUTE <= ms < (one.end_ms or one.start_ms // MINUTE * MINUTE + MINUTE)
            ]
            before = [
                one
                for one in lane.items
                if one.end_ms is None and one.start_ms <= ms - MINUTE and ms - one.start_ms < 3_600_000
            ]
            cover = next(run.coverage for run in lane.coverage if run.start_ms <= ms < run.end_ms)
            layers.append(
                LayerSlice(lane.layer, cover, now, [(one, (ms - one.start_ms) // 1000) for one in before[-1:]])
            )
        values = [(f"{line.source}.{line.measure}", line.values[minute]) for line in day.series]
        samples = {name: value for name, value in values if value is not None}
        running = [one for one in day.episodes if one.start_ms < ms + MINUTE and one.end_ms > ms]
        late = [one for one in day.provisional if one.from_ms <= ms]
        words = f"{local:%Y-%m-%dT%H:%M}+01:00"
        return SliceView(ms, words, day.day, OFFSET_MIN, True, layers, samples, day.day_items, running, late)

    def search(self, text: str, filters: Filters, limit: int = 30) -> list[Hit]:
        words = text.lower().split()
        hits = [
            as_hit(item, "keyword+meaning")
            for lane in self.day(LAST_DAY).lanes
            for item in lane.items
            if any(word in f"{item.text} {item.note}".lower() for word in words)
        ]
        if filters.layers:
            hits = [hit for hit in hits if hit.layer in filters.layers]
        if filters.sources:
            hits = [hit for hit in hits if hit.source in filters.sources]
        return [hit for hit in hits if hit.start_ms >= (filters.start_ms or 0)][:limit]

    def record(self, record_id: str) -> dict[str, object]:
        for lane in self.day(LAST_DAY).lanes:
            for item in lane.items:
                if item.id == record_id:
                    return {
                        "source": item.source,
                        "kind": item.kind,
                        "text": item.text,
                        "origin": item.origin.value,
                        "clock": "export:" + item.source,
                        "payload": {"note": item.note, "people": ["Ravi"]},
                    }
        raise Refused("no-such-record", "There is no record with this id. It may have been forgotten at your wish.")

    # ---- companion -------------------------------------------------------------------------------------------------

    def ask(self, text: str, conversation: str) -> Iterator[AnswerPart]:
        talk = self.talks.setdefault(conversation, [])
        talk.append(Turn(at(LAST_DAY, "21:45"), f"{LAST_DAY}T21:45+01:00", "you", text, None))
        if "break" in text:
            raise RuntimeError("secret content that must not be shown or logged")
        answer = self.answer_to(text)
        answer = replace(answer, text=self.canary + answer.text, question=f"{len(talk):032x}")
        for word in answer.text.split(" "):
            time.sleep(self.piece_s)
            yield Piece(word + " ")
        talk.append(Turn(at(LAST_DAY, "21:46"), f"{LAST_DAY}T21:46+01:00", "hearthside", answer.text, answer))
        self.waiting.back |= text == "Are you back?"
        yield answer

    def answer_to(self, text: str) -> Answer:
        """A fixed answer for each kind of question."""
        hits = [as_hit(item) for item in lane_items(LAST_DAY)]
        away = self.scenario == "down"
        low = text.lower()
        if self.scenario == "hostile":
            return Answer(
                HOSTILE, AnswerMode.QUOTED, query=HOSTILE, evidence=[replace(hits[1], text=HOSTILE, note=HOSTILE)]
            )
        if "sleep" in low:
            return Answer(
                "You slept 5 h 31 min last night, from 00:48 to 06:52. "
                "That is 1 h 40 min less than your usual night this month.",
                AnswerMode.COMPUTED,
                "time asleep in the night to 31 March 2026, and the median of the 29 nights before",
                "5 h 31 min",
                [hits[17], hits[12]],
                "" if away else "SmolLM2-135M with your adapter",
            )
        if "listen" in low or "walk" in low:
            return Answer(
                "On your walk along the river you heard three songs: “Lanterns” and “Northbound” by Paper Boats, "
                "then “Slow Ember” by The Hollow Hills.",
                AnswerMode.COMPUTED,
                "songs played while walking on 31 March 2026",
                "3",
                [*hits[14:17], hits[18]],
            )
        if "fish" in low or "ravi" in low:
            said = "You wrote: “Yes, but no fish please, I had enough of it”."
            less = BY_WORDS if away else ""
            return Answer(said, AnswerMode.QUOTED, evidence=[hits[1]], limited=less, improvable=bool(less))
        if low.startswith(("hello", "hi", "thank")):
            return Answer(
                "Hello Mira. Ask me about any of your days.", AnswerMode.CONVERSATION, worded_by="SmolLM2-135M"
            )
        return Answer(
            "I don’t know. Nothing in your records says anything about that.",
            AnswerMode.UNKNOWN,
            "records close to your words",
        )

    def conversation(self, conversation: str) -> list[Turn]:
        return list(self.talks.get(conversation, []))

    def offer(self) -> Offer | None:
        return self.current_offer

    def react(self, offer_id: str, reaction: Reaction) -> None:
        self.reactions.append((offer_id, reaction))
        self.current_offer = None

    def proposals(self) -> list[HomeProposal]:
        return [self.proposal] if self.proposal.state in ("proposed", "done") else []

    def confirm_proposal(self, proposal_id: str) -> HomeProposal:
        self.proposal = replace(self.proposal, state="done", can_undo=True)
        return self.proposal

    def dismiss_proposal(self, proposal_id: str) -> None:
        self.proposal = replace(self.proposal, state="dismissed")

    def undo_proposal(self, proposal_id: str) -> HomeProposal:
        self.proposal = replace(self.proposal, state="undone", can_undo=False)
        return self.proposal

    # ---- training and health ---------------------------------------------------------------------------------------

    def training(self) -> TrainingView:
        return demo_training(LAST_DAY)

    def roll_back_adapter(self) -> str:
        raise NeedsPerson("no-previous-adapter", "There is no earlier adapter to go back to. The one in use stays.")

    def health(self) -> HealthView:
        return demo_health(LAST_DAY, self.scenario == "down")

    def safety(self) -> SafetyView:
        return demo_safety(self.scenario, self.canary)

    def clocks(self) -> ClocksView:
        view = demo_clocks(self.scenario, self.canary, LAST_DAY)
        decided = {word[:3] for word in self.words_on_clocks}
        return replace(view, held=[one for one in view.held if (one.clock, one.first_ms, one.last_ms) not in decided])

    def decide_clock(self, clock: str, first_ms: int, last_ms: int, action: str, shift_ms: int | None = None) -> None:
        self.words_on_clocks.append((clock, first_ms, last_ms, action, shift_ms))

    def start_verify(self) -> str:
        return self.run_job("verify", "Verifying everything", 30, [])

    def start_backup(self) -> str:
        return self.run_job("backup", "Backing up", 30, [])

    def start_drill(self) -> str:
        return self.run_job("drill", "Proving a restore", 30, [])

    def verify_journal(self) -> str:
        time.sleep(0.3)
        return "Verified just now: 14,380 records, chain whole."
