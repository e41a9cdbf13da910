"""Conversation: understand, compute or quote, word it, check it, and journal every turn whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace

from hearthside.alignment.stream import LifeStream
from hearthside.companion.answers import Answer, AnswerMode, AnswerPart, Piece, Turn
from hearthside.companion.computed import computing
from hearthside.companion.questions import Computed, Mention, Moment, Recall, SmallTalk, understand
from hearthside.companion.quoting import quoted_safely
from hearthside.companion.recalling import Vocabulary, asks_of_others, recall
from hearthside.companion.replies import Memory, Search, answer_computed, answer_moment, answer_recall
from hearthside.companion.replies_listing import answer_listing, answer_mention, answer_tally
from hearthside.companion.replies_visiting import answer_visiting
from hearthside.companion.tallies import Listing, Tally
from hearthside.companion.visiting import Visiting
from hearthside.companion.wording import LanguageModel, Worded, reword, small_talk
from hearthside.errors import HearthsideError, Refused
from hearthside.events import Event, Json, Layer, Origin, Trust, local_datetime
from hearthside.journal import Journal, Stored
from hearthside.memory.hits import Hit
from hearthside.memory.search import hits_of

SOURCE = "companion"
_TURNS_SHOWN = 100


class Dialogue:
    """Conversations with one person.

    Args:
        search: finds records by words and meaning.
        model: gives the language model, or None while the compute node is not running.
        names: gives the names known from this life, for the grounding check.
        clock: the present, UTC milliseconds.
        unfinished: says why an answer may not be the last word yet (an import under way), or "".
        vocabulary: how often words occur in the records (`recalling.vocabulary_of`); by searching when None.
        phrasing: gives a model that is able to put evidence into words of its own, or None for plain code alone.
    """

    def __init__(
        self,
        journal: Journal,
        stream: LifeStream,
        search: Search,
        model: Callable[[], LanguageModel | None],
        names: Callable[[], list[str]],
        clock: Callable[[], int],
        unfinished: Callable[[], str] = lambda: "",
        vocabulary: Vocabulary | None = None,
        phrasing: Callable[[], LanguageModel | None] = lambda: None,
    ) -> None:
        self._journal, self._stream, self._search = journal, stream, search
        self._unfinished = unfinished
        self._model, self._names, self._clock = model, names, clock
        self._vocabulary, self._phrasing = vocabulary, phrasing
        self._one_at_a_time = threading.Lock()
        self._computing = computing(stream, journal)

    def ask(self, text: str, conversation: str) -> Iterator[AnswerPart]:
        """Answer in pieces, then whole. The question is in the journal before the answer begins; the answer always too.

        Args:
            text: the person's words.
            conversation: id of the conversation, chosen by the page or the command line.

        Raises:
            Refused: ``question-empty``; nothing is journalled.
        """
        if not text.strip():
            raise Refused("question-empty", "There is no question. Nothing was kept; please type one.")
        now = self._clock()
        question = self._question(text, conversation, now)
        self._journal.append([question])
        return self._answering(text, conversation, now, question)

    def _answering(self, text: str, conversation: str, now: int, question: Event) -> Iterator[AnswerPart]:
        answer = Answer(
            "I could not finish this answer; your question is kept. Please ask again.", AnswerMode.UNKNOWN,
            limited="The answer was interrupted.",
        )  # fmt: skip
        try:
            try:
                answer = self._answer(text, conversation, now)
            except HearthsideError as error:
                answer = Answer(error.message, AnswerMode.UNKNOWN, limited=error.message)
            for piece in _pieces(answer.text):
                yield Piece(piece)
            yield answer
        finally:
            self._journal.append([self._answered(answer, conversation, question.id)])

    def turns(self, conversation: str) -> list[Turn]:
        """What was said in a conversation, oldest first."""
        stored = [
            item
            for item in self._journal.read(kinds=["question", "answer"])
            if isinstance(item.record, Event) and item.record.payload.get("conversation_id") == conversation
        ]
        stored.sort(key=lambda item: item.seq)
        return [self._turn(item) for item in stored[-_TURNS_SHOWN:]]

    def conversations(self) -> list[str]:
        """Ids of all conversations, newest first."""
        found: dict[str, int] = {}
        for item in self._journal.read(kinds=["question"]):
            if isinstance(item.record, Event):
                found[str(item.record.payload.get("conversation_id", ""))] = item.seq
        return sorted(found, key=lambda name: -found[name])

    def _answer(self, text: str, conversation: str, now: int) -> Answer:
        offset = self._stream.offset_on(local_datetime(now, 0).date().isoformat())
        understood = understand(text, now, offset)
        names = self._names()
        with self._one_at_a_time:
            if isinstance(understood, SmallTalk):
                said = small_talk(self._model(), self._history(conversation), text, names)
                return _worded(Answer(said.text, AnswerMode.CONVERSATION), said)
            memory = Memory(self._journal, self._stream, self._search, now)
            question = self._computing.read(text, now, offset)
            if question is not None:
                answer = self._computing.answer(memory, question)
            elif isinstance(understood, Computed):
                answer = answer_computed(memory, understood)
            elif isinstance(understood, Visiting):
                answer = answer_visiting(memory, understood)
            elif isinstance(understood, Moment):
                answer = answer_moment(memory, understood)
            elif isinstance(understood, Recall | Mention) and asks_of_others(text, names, understood):
                answer = recall(memory, text, names, offset, self._vocabulary, self._phrasing())
            elif isinstance(understood, Mention):
                answer = answer_mention(memory, understood)
            elif isinstance(understood, Tally):
                answer = answer_tally(memory, understood)
            elif isinstance(understood, Listing):
                answer = answer_listing(memory, understood)
            else:
                answer = answer_recall(memory, text, understood)
            answer = replace(answer, text=quoted_safely(answer.text, answer.evidence))
            if answer.mode is AnswerMode.COMPUTED:
                answer = _worded(answer, reword(self._model(), answer.text, names))
            return replace(answer, limited=answer.limited or self._unfinished())

    def _history(self, conversation: str) -> list[tuple[str, str]]:
        """What was said before, for small talk: answers out of the records stay out, and with them others' words."""
        turns = self.turns(conversation)[:-1]
        own = [turn for turn in turns if turn.answer is None or turn.answer.mode is AnswerMode.CONVERSATION]
        return [("user" if turn.who == "you" else "assistant", turn.text) for turn in own]

    def _question(self, text: str, conversation: str, now: int) -> Event:
        payload: dict[str, Json] = {"conversation_id": conversation}
        return Event(
            SOURCE, "question", Layer.TEXT, now, Origin.SELF, Trust.OWN, payload, clock="station", text=text,
        )  # fmt: skip

    def _answered(self, answer: Answer, conversation: str, question: bytes) -> Event:
        body = asdict(answer)
        evidence = [hit["id"] for hit in body.pop("evidence")]
        payload: dict[str, Json] = {
            **body,
            "mode": answer.mode.value,
            "conversation_id": conversation,
            "question": question.hex(),
            "evidence": evidence,
        }
        return Event(
            SOURCE, "answer", Layer.TEXT, self._clock(), Origin.AI, Trust.UNKNOWN, payload, clock="station",
            text=answer.text,
        )  # fmt: skip

    def _turn(self, item: Stored) -> Turn:
        event = item.record
        assert isinstance(event, Event)
        offset = self._stream.offset_on(local_datetime(event.start_ms, 0).date().isoformat())
        local = local_datetime(event.start_ms, offset).strftime("%Y-%m-%d %H:%M")
        if event.kind == "question":
            return Turn(event.start_ms, local, "you", event.text, None)
        payload = event.payload
        answer = Answer(
            event.text, AnswerMode(payload["mode"]), payload["query"], payload["value"],
            self._evidence(payload["evidence"]), payload["worded_by"], payload["limited"],
        )  # fmt: skip
        return Turn(event.start_ms, local, "hearthside", event.text, answer)

    def _evidence(self, ids: list[str]) -> list[Hit]:
        return hits_of(self._journal, self._stream, [(bytes.fromhex(i), 1.0, "evidence") for i in ids])


def _worded(answer: Answer, worded: Worded) -> Answer:
    return replace(answer, text=worded.text, worded_by=worded.by, limited=worded.limited)


def _pieces(text: str) -> Iterator[str]:
    """Words with the space that follows them; only checked text is ever streamed."""
    for i, word in enumerate(text.split(" ")):
        yield word if i == 0 else " " + word
