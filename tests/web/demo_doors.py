"""What the demonstration house gives to programs: one model, and what was kept, in memory."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import orjson

from hearthside.companion.answers import Answer
from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.events import Json
from hearthside.inference.side_models import Segment, Transcript
from hearthside.web.doors.house import KeptNote, OfferedModel, TokensUsed
from tests.web.demo_day import at

_DAY = "2026-03-31"


@dataclass
class DemoDoors:
    """Plays `hearthside.app.doors.Doors`."""

    canary: str = ""
    used: TokensUsed = field(default_factory=lambda: TokensUsed(100, 10, 20))
    wishes: list[tuple[str, str, str]] = field(default_factory=list)
    notes: list[KeptNote] = field(default_factory=list)
    listening: list[int] = field(default_factory=lambda: [0, 0])  # recordings heard now, and most at once
    held: list[int] = field(default_factory=lambda: [0])  # recordings that take until `released`
    released: threading.Event = field(default_factory=threading.Event)

    def now_ms(self) -> int:
        return at(_DAY, "21:40")

    def models(self) -> list[OfferedModel]:
        return [OfferedModel("hearthside", 0), OfferedModel("hearthside-abcdef12", 1_790_000_000_000)]

    def tokens_used(self) -> TokensUsed:
        """Each look finds more: seven tokens asked with, three said."""
        self.used = TokensUsed(self.used.prompt + 7, self.used.cached + 2, self.used.completion + 3)
        return self.used

    def conversation_with(self, prefix: str, question: str, answer: str) -> str:
        return f"{prefix}the-earlier-one" if question == "How long did I sleep?" else ""

    def record_wish(self, question: str, answer: Answer, conversation: str) -> str:
        self.wishes.append((question, answer.text, conversation))
        return f"{len(self.wishes):032x}"

    def wish(self, question_id: str, prefix: str) -> str:
        number = int(question_id, 16)
        return self.wishes[number - 1][0] if 0 < number <= len(self.wishes) else ""

    def record_outcome(self, answer: Answer, question_id: str, prefix: str) -> str:
        number = int(question_id, 16)
        if not 0 < number <= len(self.wishes):
            return ""
        question, _, conversation = self.wishes[number - 1]
        self.wishes.append((question, answer.text, conversation))
        return conversation

    def transcribe(self, file: bytes) -> Transcript:
        """Says of a file how much of what it holds; some say how they fail."""
        if file == b"noise":
            raise Refused("recording-wrong", "This is no recording that can be read. Nothing was kept.")
        if file == b"away":
            raise RetryLater("compute-gone", "The language model has been away since 18:02.")
        if file == b"deaf":
            raise NeedsPerson("side-model-missing", "No speech model is installed on the node.")
        if file == b"bug":
            raise ValueError("secret words of a recording")
        if file in (b"long", b"release"):
            return self._long(file == b"release")
        if file == b"pocket":
            return Transcript("pocketsphinx 5.1.1 en-us", "en", 900, (Segment(0, 900, "hello"),))
        if file == b"together":
            return self._together()
        (most, count), *_ = Counter(file).most_common(1)
        words = (Segment(400, 1250, f"{self.canary}{count} times"), Segment(1300, 2000, f"letter {most}", 0.5))
        return Transcript("ear 1.0", "en", 2040, words)

    def _long(self, release: bool) -> Transcript:
        """Listens until somebody sends what ends it, which says how many were heard until then."""
        held = self.held[0]
        if release:
            self.released.set()
        else:
            self.held[0] += 1
            self.released.wait(30)
            self.held[0] -= 1
        return Transcript("ear 1.0", "en", 0, (Segment(0, 0, str(held)),))

    def _together(self) -> Transcript:
        """Says how many were heard at once so far."""
        self.listening[0] += 1
        time.sleep(0.3)
        self.listening[1] = max(self.listening)
        self.listening[0] -= 1
        return Transcript("ear 1.0", "en", 0, (Segment(0, 0, str(self.listening[1])),))

    def query(self, raw: bytes) -> dict[str, Json]:
        return {"query": orjson.loads(raw), "sentence": f"{self.canary}count of listen", "value": 3.0}

    def remember(self, text: str, token_id: str, token_name: str) -> KeptNote:
        note = KeptNote(
            f"{len(self.notes):032x}", self.now_ms(), f"{_DAY}T21:40+01:00", self.canary + text,
            f"kept at the wish of {token_name}",
        )  # fmt: skip
        self.notes.append(note)
        return note

    def kept_notes(self, words: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[KeptNote]:
        return [note for note in self.notes if not words or any(word in note.text for word in words.split())][:limit]
