"""What is said aloud: conversations with their speakers, seconds and the tone of the person's voice."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.context import slots_of
from hearthside.sample_life.grammar import Exchange, capital, exchanges, expand, settled
from hearthside.sample_life.threads import Threads
from hearthside.sample_life.timeline import Block, Day

# How many conversations a block of this activity holds.
_TALKS = {
    "lunch": 1,
    "meeting": 1,
    "call_mother": 1,
    "friends": 4,
    "partner": 2,
    "partner_day": 2,
    "hobby": 2,
    "shop": 1,
}
_WORDS_PER_SECOND = 2.5


@dataclass(frozen=True, slots=True)
class Segment:
    """One utterance.

    Attributes:
        speaker: first name.
        own: said by the person.
        start_s, end_s: seconds from the start of the conversation.
        tone: label of the person's voice; None for others.
    """

    speaker: str
    own: bool
    text: str
    start_s: float
    end_s: float
    tone: str | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """One recorded conversation: where it stood in the day and what was said. `start` is UTC."""

    start: datetime
    activity: str
    people: tuple[str, ...]
    segments: tuple[Segment, ...]

    @property
    def end(self) -> datetime:
        """End of the last utterance, UTC."""
        return self.start + timedelta(seconds=self.segments[-1].end_s)


def talk(rng: random.Random, cast: Cast, threads: Threads, days: list[Day], now: datetime) -> list[Conversation]:
    """Every conversation of the month, in order of time."""
    found: list[Conversation] = []
    recent: list[str] = []
    for day in days:
        slots = slots_of(cast, threads, day)
        for block in day.blocks:
            for number in range(_count(rng, block)):
                exchange = _choose(rng, block, day, number, recent)
                if exchange is None:
                    continue
                restaurant = _menu(cast, block)
                conversation = _speak(rng, cast, exchange, block, slots | restaurant, number, day)
                if conversation.end < min(now, block.end):
                    found.append(conversation)
                    recent.append(exchange.name)
    return sorted(found, key=lambda conversation: conversation.start)


def _count(rng: random.Random, block: Block) -> int:
    if block.activity == "quiet":
        return 2
    if block.activity in ("breakfast", "sofa", "sofa_low") and block.minutes > 8:
        return int(block.activity == "sofa_low" or rng.random() < 0.3)  # a note spoken to oneself
    wanted = _TALKS.get(block.activity, 0)
    return wanted if block.people or block.activity == "shop" else 0


def _choose(rng: random.Random, block: Block, day: Day, number: int, recent: list[str]) -> Exchange | None:
    if block.activity == "quiet":
        wanted = ("quiet_table", "quiet_table2")[number]
        return next(exchange for exchange in exchanges("speech") if exchange.name == wanted)
    low = bool(day.flags & {"low", "flat"})
    kind = "self_note" if block.activity in ("breakfast", "sofa", "sofa_low") else block.activity
    fitting = [e for e in exchanges("speech") if kind in e.option("set")]
    if low and any(e.marks & {"low", "flat"} for e in fitting):
        fitting = [e for e in fitting if e.marks & {"low", "flat"} and (not e.marks & {"flat"} or "flat" in day.flags)]
    else:
        fitting = [e for e in fitting if not e.marks & {"low", "flat"}]
    fresh = [e for e in fitting if e.name not in recent[-3:]] or fitting
    return rng.choice(fresh) if fresh else None


def _menu(cast: Cast, block: Block) -> dict[str, str | Sequence[str]]:
    """The dishes of the restaurant the block is at."""
    table = next((table for table in cast.tables.values() if table.place == block.place), None)
    if table is None:
        return {}
    return {
        "rest_veg": table.veg[0],
        "rest_other": table.other[0],
        "rest_other2": table.other[1],
        "place": table.place.name,
    }


def _speak(
    rng: random.Random,
    cast: Cast,
    exchange: Exchange,
    block: Block,
    slots: dict[str, str | Sequence[str]],
    number: int,
    day: Day,
) -> Conversation:
    people = block.people or ("the cashier",)
    others = rng.sample(people, len(people)) if len(people) > 1 else list(people)
    share = (number + rng.uniform(0.15, 0.55)) / max(
        1, _TALKS.get(block.activity, 2 if block.activity == "quiet" else 1)
    )
    start = block.start + timedelta(seconds=round(block.minutes * 60 * min(share, 0.85)))
    tone = rng.choice(exchange.option("tone"))
    if day.flags & {"low", "flat"} and block.activity != "quiet":
        tone = "flat"
    elif "lifted" in day.flags and tone in ("neutral", "cheerful"):
        tone = "warm"
    settled_slots, ties = settled(slots, rng), dict[str, int]()
    segments: list[Segment] = []
    at = rng.uniform(0.4, 2.0)
    for speaker, template in exchange.turns:
        own = speaker == ">"
        name = cast.first_name if own else capital(others[(speaker == "=") % len(others)])
        for sentence in re.findall(r"[^.?!]+[.?!]+", _tidy(expand(template, rng, settled_slots, ties))):
            words = capital(sentence.strip())
            end = at + max(0.8, len(words.split()) / _WORDS_PER_SECOND * rng.uniform(0.85, 1.3))
            segments.append(Segment(name, own, words, round(at, 2), round(end, 2), tone if own else None))
            at = end + rng.uniform(0.2, 1.6)
    heard = tuple(dict.fromkeys(segment.speaker for segment in segments if not segment.own))
    return Conversation(start.replace(microsecond=0), block.activity, heard, tuple(segments))


def _tidy(text: str) -> str:
    """One sign at the end of a sentence, and every sentence with one."""
    text = re.sub(r"([?!.])\.", r"\1", text.strip())
    return text if text[-1] in ".?!" else text + "."
