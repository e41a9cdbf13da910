"""What programs ask of a vault through the doors: models, usage, conversations found again, queries and notes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict

from hearthside.app.local_times import local_time
from hearthside.app.rooms import Rooms
from hearthside.companion.answers import Answer
from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.events import Event, Json, Layer, Origin, Trust
from hearthside.inference.compute import Compute
from hearthside.inference.side_models import Transcript
from hearthside.intake.pauses import paused_sources
from hearthside.intake.plausible import implausible
from hearthside.memory.words import content_words
from hearthside.web.doors.house import KeptNote, OfferedModel, TokensUsed

MODEL = "hearthside"
SOURCE, NOTE = "mcp", "kept_note"  # what a note is journalled as: a word of the house, in no lane of the life
_DIALOGUE = "companion"  # questions and answers stand where the pages' own do
_MOST_WORDS = 4000  # characters of a note
_MOST_ROWS = 1000
_ID_SHOWN = 8


class Doors:
    """See `hearthside.web.doors.house.DoorHouse` for what each method promises.

    Args:
        rooms: gives the rooms as they are now; new keys put others in their place.
        compute: whoever answers, or None where nobody can.
    """

    def __init__(self, rooms: Callable[[], Rooms], compute: Compute | None) -> None:
        self._rooms, self._compute = rooms, compute
        self._one_outcome = threading.Lock()

    # -- the OpenAI door ---------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        """The present of the life."""
        return self._rooms().clock()

    def models(self) -> list[OfferedModel]:
        """The companion, and by the name of the adapter it speaks with."""
        active = self._rooms().registry.active()
        own = [OfferedModel(f"{MODEL}-{active.id[:_ID_SHOWN]}", active.created_ms)] if active is not None else []
        return [OfferedModel(MODEL, 0), *own]

    def tokens_used(self) -> TokensUsed:
        """The compute node's meter."""
        nothing = TokensUsed(0, 0, 0)
        if self._compute is None or self._compute.state().phase != "ready":
            return nothing
        try:
            tally = self._compute.node.health().tally
        except HearthsideError:  # it has just gone away; the answer comes without it
            return nothing
        return TokensUsed(tally.prompt_tokens, tally.cached_tokens, tally.completion_tokens)

    def transcribe(self, file: bytes) -> Transcript:
        """What a recording says; nothing of it is kept."""
        if self._compute is None:
            raise RetryLater("compute-gone", "No compute node runs here, so nobody listens. Nothing was kept.")
        return self._compute.side("transcribe").transcribe(file)

    def conversation_with(self, prefix: str, question: str, answer: str) -> str:
        """The newest conversation of this prefix in which this was answered to that.

        Read backwards, since it nearly always goes on with what was said last.
        """
        said, found, at_ms = _plain(answer), (-1, ""), 0
        for item in self._rooms().journal.read(kinds=["answer"], sources=[_DIALOGUE], newest_first=True):
            event = item.record
            if found[1] and event.start_ms < at_ms:
                break
            if isinstance(event, Event) and _conversation(event).startswith(prefix) and _plain(event.text) == said:
                to = self._asked(str(event.payload.get("question")), prefix)
                if to is not None and _plain(to[1].text) == _plain(question):
                    found, at_ms = max(found, (item.seq, _conversation(to[1]))), event.start_ms
        return found[1]

    def _asked(self, question_id: str, prefix: str) -> tuple[bytes, Event] | None:
        """Id and question of a conversation with this prefix."""
        try:
            raw = bytes.fromhex(question_id)
        except ValueError:
            return None
        stored = self._rooms().journal.get([raw]).get(raw)
        asked = stored.record if stored is not None else None
        if not isinstance(asked, Event) or asked.kind != "question" or not _conversation(asked).startswith(prefix):
            return None
        return raw, asked

    def record_wish(self, question: str, answer: Answer, conversation: str) -> str:
        """Question and answer, as the dialogue journals its own."""
        if not question.strip():
            raise Refused("question-empty", "There is no question. Nothing was kept; please type one.")
        rooms, now = self._rooms(), self.now_ms()
        payload: dict[str, Json] = {"conversation_id": conversation}
        asked = Event(
            _DIALOGUE, "question", Layer.TEXT, now, Origin.SELF, Trust.OWN, payload, clock="station", text=question,
        )  # fmt: skip
        rooms.journal.append([asked, _answer(answer, conversation, asked.id.hex(), now)])
        return asked.id.hex()

    def wish(self, question_id: str, prefix: str) -> str:
        """The words of a question that was handed to a client."""
        found = self._asked(question_id, prefix)
        return "" if found is None else found[1].text

    def record_outcome(self, answer: Answer, question_id: str, prefix: str) -> str:
        """An answer more to a question that was handed to a client; sent again it is not kept again."""
        found = self._asked(question_id, prefix)
        if found is None:
            return ""
        raw, asked = found
        with self._one_outcome:
            if not self._is_told(answer.text, raw.hex(), asked.start_ms):
                told = _answer(answer, _conversation(asked), raw.hex(), self.now_ms())
                self._rooms().journal.append([told])
        return _conversation(asked)

    def _is_told(self, text: str, question: str, since_ms: int) -> bool:
        """Whether a question has this answer already."""
        told = self._rooms().journal.read(since_ms, kinds=["answer"], sources=[_DIALOGUE])
        return any(
            isinstance(item.record, Event)
            and (item.record.payload.get("question"), item.record.text) == (question, text)
            for item in told
        )

    # -- the MCP door ------------------------------------------------------------------------------------------------

    def query(self, raw: bytes) -> dict[str, Json]:
        """A typed query over the life stream, of no more rows than a client can bear."""
        from hearthside.memory.asking import ask, from_json, with_items  # the station's start does not wait for it

        query = from_json(raw)
        if query.limit > _MOST_ROWS:
            raise Refused("query-too-long", f"A program gets at most {_MOST_ROWS:,} rows at once; nothing was asked.")
        rooms = self._rooms()
        return ask(with_items(rooms.stream, rooms.journal), query, self.now_ms()).to_json()

    def remember(self, text: str, token_id: str, token_name: str) -> KeptNote:
        """A note, journalled as the words of an AI.

        Its words stand in the payload and not in `Event.text`: what is in `text` is indexed and shown as words of the
        life, and what an AI said must never be a thing that memory holds.
        """
        rooms, now, words = self._rooms(), self.now_ms(), text.strip()
        if not words or len(words) > _MOST_WORDS:
            raise Refused("note-wrong", f"A note has 1 to {_MOST_WORDS:,} characters; nothing was kept.")
        if SOURCE in paused_sources(rooms.journal):
            raise Refused("notes-paused", "Notes from programs are paused by the person; nothing was kept.")
        kept_by = f"kept at the wish of {token_name}"
        payload: dict[str, Json] = {"text": words, "app": kept_by, "token": token_id}
        event = Event(SOURCE, NOTE, Layer.TEXT, now, Origin.AI, Trust.UNKNOWN, payload, clock="station")
        wrong = implausible(event, now)
        if wrong:
            raise Refused("note-wrong", f"This note cannot be kept: {wrong}.")
        rooms.disk.check_capture()
        rooms.journal.append([event])
        return self._note(event.id.hex(), event)

    def kept_notes(self, words: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[KeptNote]:
        """Notes by their words, without any all of them; they are few, so all of them are looked at."""
        wanted = {word.casefold() for word in content_words(words)}
        ranked: list[tuple[int, int, KeptNote]] = []
        for item in self._rooms().journal.read(start_ms, end_ms, kinds=[NOTE], sources=[SOURCE]):
            event = item.record
            if isinstance(event, Event) and event.origin is Origin.AI:
                said = str(event.payload.get("text", "")).casefold()
                hits = sum(word in said for word in wanted)
                if hits or not wanted:
                    ranked.append((-hits, -item.seq, self._note(item.id.hex(), event)))
        return [note for _, _, note in sorted(ranked, key=lambda one: one[:2])[:limit]]

    def _note(self, identity: str, event: Event) -> KeptNote:
        local = local_time(self._rooms().stream, event.start_ms).isoformat(timespec="minutes")
        return KeptNote(identity, event.start_ms, local, str(event.payload["text"]), str(event.payload["app"]))


def _answer(answer: Answer, conversation: str, question: str, now: int) -> Event:
    payload: dict[str, Json] = {
        **asdict(answer),
        "mode": answer.mode.value,
        "conversation_id": conversation,
        "question": question,
        "evidence": [hit.id for hit in answer.evidence],
    }
    return Event(
        _DIALOGUE, "answer", Layer.TEXT, now, Origin.AI, Trust.UNKNOWN, payload, clock="station", text=answer.text,
    )  # fmt: skip


def _conversation(event: Event) -> str:
    return str(event.payload.get("conversation_id", ""))


def _plain(text: str) -> str:
    """Without what clients change when they trim and reflow what they were given."""
    return " ".join(text.split())
