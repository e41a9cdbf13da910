"""Prompts of the companion over an invented life, as it builds them: profile, manner, present, records, question.

A sample life goes through the importer into a vault. Questions are asked in dialogues beside a model that writes down
what it is given; the questions of a pair are asked a minute apart, in two conversations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from hearthside.app.rooms import HOME_ZONE, SELF_NAMES, Rooms, open_rooms, system_clock
from hearthside.companion.dialogue import Dialogue
from hearthside.companion.profile import profile_of
from hearthside.companion.recalling import vocabulary_of
from hearthside.companion.visits import names_of_people
from hearthside.config import Settings
from hearthside.events import MINUTE_MS, local_datetime, ms_of
from hearthside.intake import Importer
from hearthside.journal.decisions import decide
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.search import search
from hearthside.sample_life import DEFAULT_SEED, generate

QUESTIONS = (
    "Where did I see a dog?",
    "What did I say about work?",
    "What did we talk about the weekend?",
    "What did I say about the train?",
    "What did I say about dinner?",
    "Where did I see a bicycle?",
    "What did I say about the rain?",
    "Where did I see coffee?",
)
"""Each finds records in the sample life, so that the companion would have them worded."""

_LAST_DAY = date(2026, 11, 18)

Messages = list[dict[str, str]]


@dataclass(slots=True)
class Recorder:
    """A language model that says nothing and keeps what it was given."""

    asked: list[Messages] = field(default_factory=list)
    name: str = "recorder"

    def complete(self, messages: Messages, max_tokens: int) -> Iterator[str]:
        """See LanguageModel."""
        self.asked.append(messages)
        yield "unknown"


def pairs(folder: Path, questions: Sequence[str] = QUESTIONS) -> list[tuple[Messages, Messages]]:
    """The prompts of each two questions that follow one another in the list, the second a minute after the first.

    Args:
        folder: an empty one, for the life's files and its vault.

    Raises:
        ValueError: a question found nothing to be worded.
    """
    with _life(folder) as rooms:
        recorder, now = Recorder(), rooms.clock()
        dialogue = _dialogue(rooms, recorder)
        made = []
        for first, second in zip(questions[::2], questions[1::2], strict=True):
            both = []
            for minutes, question in enumerate((first, second)):
                rooms.clock.set_to(now + minutes * MINUTE_MS)
                list(dialogue.ask(question, f"benchmark {question}"))
                if not recorder.asked:
                    raise ValueError(f"nothing to be worded was found for: {question}")
                both.append(recorder.asked.pop())
                recorder.asked.clear()
            made.append((both[0], both[1]))
        return made


@contextmanager
def _life(folder: Path) -> Iterator[Rooms]:
    rooms = open_rooms(Settings(vault=folder / "vault", key_file=folder / "key"), system_clock)
    try:
        sample = generate(folder / "files", seed=DEFAULT_SEED, last_day=_LAST_DAY)
        now = ms_of(sample.now)
        decide(rooms.journal, SELF_NAMES, list(sample.self_names), now)
        decide(rooms.journal, HOME_ZONE, sample.zone, now)
        rooms.clock.set_to(now)
        Importer(rooms.journal, rooms.clock, rooms.reading(), lambda _: None, lambda: False).import_paths(
            [sample.folder]
        )
        rooms.stream.update()
        rooms.index.update()
        yield rooms
    finally:
        rooms.journal.close()


def _dialogue(rooms: Rooms, model: Recorder) -> Dialogue:
    """As `app.conversing.dialogue_of`, with a model that is fit to word answers and to nothing else."""
    names = sorted(names_of_people(rooms.stream))

    def found(text: str, filters: Filters, limit: int) -> list[Hit]:
        return search(rooms.index, rooms.journal, rooms.stream, text, filters, limit, None)

    def profile() -> str:
        offset = rooms.stream.offset_on(local_datetime(rooms.clock(), 0).date().isoformat())
        return profile_of(rooms.knowing, local_datetime(rooms.clock(), offset).date().isoformat())

    return Dialogue(
        rooms.journal, rooms.stream, found, lambda: None, lambda: names, rooms.clock,
        vocabulary=vocabulary_of(rooms.index), phrasing=lambda: model, profile=profile,
    )  # fmt: skip
