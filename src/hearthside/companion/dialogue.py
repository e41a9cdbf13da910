"""Conversation: understand, compute or quote, word it, check it, and journal every turn whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial

from hearthside.alignment.stream import LifeStream
from hearthside.companion.answers import Answer, AnswerMode, AnswerPart, Piece, Turn
from hearthside.companion.basis import basis
from hearthside.companion.computed import computing
from hearthside.companion.following import Following, Reading, before, in_small_talk, may_follow, wants_basis, wonders
from hearthside.companion.helping import answer_helped, asks_what_helped
from hearthside.companion.manner import (
    Manner,
    greeting,
    keep,
    measured,
    own_texts,
    shaped,
    wish_of,
    wishes,
    with_wishes,
    without_emojis,
)
from hearthside.companion.present import present_of
from hearthside.companion.questions import Computed, Mention, Moment, Recall, SmallTalk, Understood, understand
from hearthside.companion.quoting import quoted_safely
from hearthside.companion.recalling import Vocabulary, asks_of_others, recall
from hearthside.companion.replies import Memory, Search, answer_computed, answer_moment, answer_recall
from hearthside.companion.replies_listing import answer_listing, answer_mention, answer_tally
from hearthside.companion.replies_visiting import answer_visiting
from hearthside.companion.tallies import Listing, Tally
from hearthside.companion.telling import Setting, tell
from hearthside.companion.visiting import Visiting
from hearthside.companion.wording import STANDBY, LanguageModel, Worded, reword, small_talk
from hearthside.errors import HearthsideError, Refused
from hearthside.events import Event, Json, Layer, Origin, Trust, local_datetime
from hearthside.journal import Journal, Stored
from hearthside.memory.hits import Hit
from hearthside.memory.moods.last_time import LastTime
from hearthside.memory.search import hits_of

SOURCE = "companion"
_TURNS_SHOWN = 100
_TURNS_TOLD = 6  # to a model, of those before


class Dialogue:
    """Conversations with one person.

    Args:
        search: finds records by words and meaning.
        model: gives the language model, or None while the compute node is not running.
        names: gives the names known from this life, for the grounding check.
        clock: the present, UTC milliseconds.
        unfinished: says why an answer may not be the last word yet (an import under way), or "".
        vocabulary: how often words occur in the records (`recalling.vocabulary_of`); by searching when None.
        phrasing: gives a model that is able to put evidence into words of its own (`fitness.Phrasing`), or None.
        profile: gives a few lines on who the person is (`profile.profile_of`).
        written: answers by a query that a model wrote, what plain code does not understand (`QueryWriting.answer`).
        helped: gives the last time that a low mood lifted (`Knowing.last_time_low`), or None.
        standby: a small model that answers small talk, and nothing else, while `model` is away; or None.
        wishes: whether what is asked of the manner of answers counts in a conversation; not in a program's.
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
        profile: Callable[[], str] = lambda: "",
        wishes: Callable[[str], bool] = lambda conversation: True,
        written: Callable[[Memory, str, int], Answer | None] = lambda memory, text, offset: None,
        helped: Callable[[], LastTime | None] = lambda: None,
        standby: LanguageModel | None = None,
    ) -> None:
        self._journal, self._stream, self._search = journal, stream, search
        self._unfinished = unfinished
        self._model, self._names, self._clock = model, names, clock
        self._vocabulary, self._phrasing, self._profile, self._wishes = vocabulary, phrasing, profile, wishes
        self._measured: tuple[int, Manner] | None = None
        self._standby, self._one_at_a_time = standby, threading.Lock()
        self._computing, self._written, self._helped = computing(stream, journal), written, helped

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
        names = self._names()
        with self._one_at_a_time:
            manner = self._manner()
            wish = wish_of(text) if self._wishes(conversation) else None
            if wish is not None:
                keep(self._journal, wish, now)
                return Answer(wish.said, AnswerMode.CONVERSATION)
            if wonders(text) and in_small_talk(self._journal, conversation):
                return self._talk(text, conversation, names, manner)
            last = before(self._journal, conversation) if may_follow(text) else None
            whole = None
            if last is not None:
                reading = partial(self._reading, now=now, offset=offset)
                whole = Following(last, reading, names, now, offset).completed(text)
                if whole is None and wants_basis(text):
                    return self._shaped(basis(last, self._evidence(list(last.evidence))), manner)
            asked = whole or text
            understood = understand(asked, now, offset)
            if isinstance(understood, SmallTalk):
                return self._talk(text, conversation, names, manner)
            answer = self._told(asked, understood, now, offset, names)
            if answer.mode is AnswerMode.QUOTED:
                answer = self._phrased(answer, asked, conversation, names, manner)
            answer = self._shaped(answer, manner)
            if answer.mode is AnswerMode.COMPUTED and not answer.worded_by:
                answer = _worded(answer, reword(self._model(), answer.text, names))
            if whole is not None:
                answer = replace(answer, asked=whole, query=f"“{whole}” · {answer.query}")
            return replace(answer, limited=answer.limited or self._unfinished())

    def _told(self, text: str, understood: Understood, now: int, offset: int, names: list[str]) -> Answer:
        """What plain code says to a question."""
        memory = Memory(self._journal, self._stream, self._search, now)
        if asks_what_helped(text):
            return answer_helped(memory, self._helped())
        question = self._computing.read(text, now, offset)
        if question is not None:
            return self._computing.answer(memory, question)
        if isinstance(understood, Recall) and (answer := self._written(memory, text, offset)) is not None:
            return answer
        match understood:
            case Computed():
                return answer_computed(memory, understood)
            case Visiting():
                return answer_visiting(memory, understood)
            case Moment():
                return answer_moment(memory, understood)
            case Recall() | Mention() if asks_of_others(text, names, understood):
                return recall(memory, text, names, offset, self._vocabulary)
            case Mention():
                return answer_mention(memory, understood)
            case Tally():
                return answer_tally(memory, understood)
            case Listing():
                return answer_listing(memory, understood)
            case Recall():
                return answer_recall(memory, text, understood)
            case SmallTalk():
                raise AssertionError("small talk asks for nothing")

    def _phrased(self, answer: Answer, text: str, conversation: str, names: list[str], manner: Manner) -> Answer:
        """The same in the words of a model that is able to, as far as the evidence shown holds them."""
        model = self._phrasing()
        if model is None or not answer.evidence:
            return answer
        earlier = [("user" if turn.who == "you" else "assistant", turn.text) for turn in self.turns(conversation)[:-1]]
        setting = Setting(
            self._profile(), manner.line(), present_of(self._stream, self._clock()), tuple(earlier[-_TURNS_TOLD:])
        )
        return tell(model, text, answer, answer.evidence, setting, names)

    def _talk(self, text: str, conversation: str, names: list[str], manner: Manner) -> Answer:
        history = self._history(conversation)
        said = small_talk(self._model(), history, text, names)
        if said.limited and self._standby is not None:
            small = small_talk(self._standby, history, text, names)
            said = replace(small, limited=STANDBY) if small.by else said
        words = without_emojis(said.text, manner) if said.by else greeting(manner)
        return _worded(Answer("", AnswerMode.CONVERSATION), replace(said, text=words))

    def _shaped(self, answer: Answer, manner: Manner) -> Answer:
        """The answer with what it quotes in whole quotation marks, in the person's manner."""
        return replace(answer, text=shaped(quoted_safely(answer.text, answer.evidence), manner))

    def _reading(self, text: str, now: int, offset: int) -> Reading:
        """How a question is understood, for telling whether a follow-up was completed well."""
        question = self._computing.read(text, now, offset)
        if question is not None:
            return Reading(f"{question.topic} {question.take}", tuple(question.thing.casefold().split()))
        understood = understand(text, now, offset)
        if isinstance(understood, Recall | SmallTalk):
            return Reading("")
        return Reading(f"{type(understood).__name__} {_unit(understood)}", _thing(understood))

    def _manner(self) -> Manner:
        """How the person wants to be spoken to; measured anew when the life stream has changed."""
        version = self._stream.version()
        if self._measured is None or self._measured[0] != version:
            self._measured = (version, measured(own_texts(self._journal)))
        return with_wishes(self._measured[1], wishes(self._journal))

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
            self._evidence(payload["evidence"]), payload["worded_by"], payload["limited"], payload.get("asked", ""),
        )  # fmt: skip
        return Turn(event.start_ms, local, "hearthside", event.text, answer)

    def _evidence(self, ids: list[str]) -> list[Hit]:
        return hits_of(self._journal, self._stream, [(bytes.fromhex(i), 1.0, "evidence") for i in ids])


def _unit(understood: Understood) -> str:
    return understood.unit if isinstance(understood, Computed) else ""


def _thing(understood: Understood) -> tuple[str, ...]:
    """The words that a question is about besides its time."""
    match understood:
        case Computed():
            return (*understood.query.about, *understood.query.words)
        case Mention():
            return understood.words
        case Visiting():
            return tuple(understood.place.casefold().split())
        case _:
            return ()


def _worded(answer: Answer, worded: Worded) -> Answer:
    return replace(answer, text=worded.text, worded_by=worded.by, limited=worded.limited)


def _pieces(text: str) -> Iterator[str]:
    """Words with the space that follows them; only checked text is ever streamed."""
    for i, word in enumerate(text.split(" ")):
        yield word if i == 0 else " " + word
