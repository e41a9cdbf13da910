"""Conversation: understand, compute or quote, word it, check it, and journal every turn whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import Enum, auto
from functools import partial

from hearthside.alignment.stream import LifeStream
from hearthside.companion.answers import Answer, AnswerMode, AnswerPart, Piece, Turn
from hearthside.companion.basis import basis
from hearthside.companion.computed import Computing, computing
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
from hearthside.companion.turns import TurnTaking
from hearthside.companion.visiting import Visiting
from hearthside.companion.waiting import Waiting, first_answer
from hearthside.companion.wording import (
    BY_WORDS,
    NOT_SOUGHT,
    STANDBY,
    WITHOUT_MODEL,
    LanguageModel,
    Worded,
    reword,
    small_talk,
)
from hearthside.errors import HearthsideError, Refused
from hearthside.events import Event, Json, Layer, Origin, Record, Trust, local_datetime
from hearthside.journal import Journal, Stored
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.moods.last_time import LastTime
from hearthside.memory.search import hits_of

SOURCE = "companion"
_TURNS = ("question", "answer")
_TURNS_SHOWN = 100
_LOOKED_AT = 400  # newest turns of all conversations, for those that a model is told
_TURNS_TOLD = 6  # to a model, of those before
_MISSED_MEANING = {AnswerMode.QUOTED: BY_WORDS, AnswerMode.UNKNOWN: NOT_SOUGHT}


class Later(Enum):
    """How answering a question that waits has ended."""

    KEPT = auto()
    NOT_ABLE = auto()  # the model is away again
    INTERRUPTED = auto()  # the person spoke meanwhile
    NOT_WAITING = auto()  # withdrawn, forgotten or answered meanwhile


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question on its way to an answer.

    Attributes:
        id: hex id of its event; now: when it was asked; offset: the person's UTC offset then.
        names: known from this life.
        whole: the question that a follow-up was completed to, or "".
    """

    text: str
    conversation: str
    id: str
    now: int
    offset: int
    names: list[str]
    manner: Manner
    whole: str = ""

    @property
    def words(self) -> str:
        """What is asked, whole."""
        return self.whole or self.text


class _Noting:
    """A search that knows whether it was used."""

    def __init__(self, search: Search) -> None:
        self._search, self.asked = search, False

    def __call__(self, text: str, filters: Filters, limit: int) -> list[Hit]:
        self.asked = True
        return self._search(text, filters, limit)


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
        counting: computes answers; one of its own when None.
        rewording: gives the language model where it only words what plain code has found out; as `model` by default.
        wishes: whether what is asked of the manner of answers counts in a conversation; not in a program's.
        away: whether nothing can be found by its meaning, or a search of this thread could not since the last call;
            by default while there is no model.
        monotonic_s: seconds that never go back, for the time between turns.
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
        away: Callable[[], bool] | None = None,
        rewording: Callable[[], LanguageModel | None] | None = None,
        counting: Computing | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._stream, self._search = journal, stream, search
        self._unfinished = unfinished
        self._model, self._names, self._clock = model, names, clock
        self._rewording = rewording or model
        self._vocabulary, self._phrasing, self._profile, self._wishes = vocabulary, phrasing, profile, wishes
        self._measured: tuple[int, Manner] | None = None
        self._standby, self._away = standby, away or (lambda: model() is None)
        self._one_at_a_time, self._one_writing = threading.Lock(), threading.Lock()
        self._turns = TurnTaking(monotonic_s)
        self._computing = counting or computing(stream, journal)
        self._written, self._helped = written, helped

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
        question = self._question(text, conversation, self._clock())
        with self._turns.lock:  # so that a later answer stands before it, or sees it
            self._turns.asked(conversation)
            self._journal.append([question])
        return self._answering(text, conversation, question)

    def _answering(self, text: str, conversation: str, question: Event) -> Iterator[AnswerPart]:
        answer = Answer(
            "I could not finish this answer; your question is kept. Please ask again.", AnswerMode.UNKNOWN,
            limited="The answer was interrupted.",
        )  # fmt: skip
        self._turns.begin(conversation)
        try:
            try:
                answer = self._answer(text, conversation, question)
            except HearthsideError as error:
                answer = Answer(error.message, AnswerMode.UNKNOWN, limited=error.message)
            answer = replace(answer, question=question.id.hex())
            for piece in _pieces(answer.text):
                yield Piece(piece)
            yield answer
        finally:
            try:
                self._journal.append([self._answered(answer, conversation, question.id)])
            finally:
                self._turns.end(conversation)

    def quiet_s(self, conversation: str | None = None) -> float:
        """Seconds since the last word of a conversation, or of all of them; 0 while an answer is on its way."""
        return self._turns.quiet_s(conversation)

    def answer_later(self, question: str, waiting: Waiting) -> Later:
        """Answer a question that waits, as of the time at which it was asked; kept whole, once, or not at all.

        Args:
            question: its hex id.
            waiting: what waits, where the end of its waiting is kept with the answer.

        Raises:
            HearthsideError: it cannot be answered just now; it goes on waiting.
        """
        raw = bytes.fromhex(question)
        stored = self._journal.get([raw]).get(raw)
        if stored is None or not isinstance(stored.record, Event):
            return Later.NOT_WAITING
        event = stored.record
        conversation = str(event.payload["conversation_id"])
        said = self._turns.count(conversation)
        answer = self._answer_again(event, conversation)
        if answer.improvable:
            return Later.NOT_ABLE
        answer = replace(answer, asked=answer.asked or event.text, later=True)
        with self._turns.lock:
            if self._turns.count(conversation) != said:
                return Later.INTERRUPTED
            kept = waiting.keep(self._answered(answer, conversation, event.id), self._clock())
        return Later.KEPT if kept else Later.NOT_WAITING

    def _answer_again(self, question: Event, conversation: str) -> Answer:
        """A follow-up stays completed as it was: what stood before it is no longer the last that was said."""
        first = first_answer(self._journal, question)
        whole = "" if first is None else str(first.payload.get("asked") or "")
        talk = first is not None and first.payload["mode"] == AnswerMode.CONVERSATION
        asked = replace(self._taken_up(question.text, conversation, question), whole=whole)
        return self._marked(self._talk(asked) if talk else self._found(asked))

    def shown(self, answer: Event) -> Answer:
        """A journalled answer with its evidence, as far as that still exists."""
        p = answer.payload
        return Answer(
            answer.text, AnswerMode(p["mode"]), p["query"], p["value"], self._evidence(p["evidence"]), p["worded_by"],
            p["limited"], p.get("asked", ""), p["question"], p.get("improvable", False), p.get("later", False),
        )  # fmt: skip

    def turns(self, conversation: str) -> list[Turn]:
        """What was said in a conversation, oldest first."""
        stored = [item for item in self._journal.read(kinds=_TURNS) if _is_of(item.record, conversation)]
        stored.sort(key=lambda item: item.seq)
        return [self._turn(item) for item in stored[-_TURNS_SHOWN:]]

    def conversations(self) -> list[str]:
        """Ids of all conversations, newest first."""
        found: dict[str, int] = {}
        for item in self._journal.read(kinds=["question"]):
            if isinstance(item.record, Event):
                found[str(item.record.payload.get("conversation_id", ""))] = item.seq
        return sorted(found, key=lambda name: -found[name])

    def _answer(self, text: str, conversation: str, question: Event) -> Answer:
        asked = self._taken_up(text, conversation, question)
        with self._one_at_a_time:
            wish = wish_of(text) if self._wishes(conversation) else None
            if wish is not None:
                keep(self._journal, wish, asked.now)
                return Answer(wish.said, AnswerMode.CONVERSATION)
            if wonders(text) and in_small_talk(self._journal, conversation):
                talk, last = True, None
            else:
                talk, last = False, before(self._journal, conversation) if may_follow(text) else None
            if last is not None:
                reading = partial(self._reading, now=asked.now, offset=asked.offset)
                whole = Following(last, reading, asked.names, asked.now, asked.offset).completed(text)
                if whole is None and wants_basis(text):
                    return self._shaped(basis(last, self._evidence(list(last.evidence))), asked.manner)
                asked = replace(asked, whole=whole or "")
        return self._marked(self._talk(asked) if talk else self._found(asked))

    def _taken_up(self, text: str, conversation: str, question: Event) -> _Asked:
        now = question.start_ms
        offset = self._stream.offset_on(local_datetime(now, 0).date().isoformat())
        names = self._names()
        self._away()  # what was found out before is not about this question
        with self._one_at_a_time:
            return _Asked(text, conversation, question.id.hex(), now, offset, names, self._manner())

    def _found(self, asked: _Asked) -> Answer:
        """The answer out of the records, or to what asks for none."""
        understood = understand(asked.words, asked.now, asked.offset)
        if isinstance(understood, SmallTalk):
            return self._talk(asked)
        search = _Noting(self._search)
        answer = self._told(asked, understood, Memory(self._journal, self._stream, search, asked.now))
        by_words = search.asked and self._away()
        if answer.mode is AnswerMode.QUOTED:
            answer = self._phrased(answer, asked)
        answer = self._shaped(answer, asked.manner)
        if answer.mode is AnswerMode.COMPUTED and not answer.worded_by:
            answer = _worded(answer, reword(self._rewording(), answer.text, asked.names))
        if asked.whole:
            answer = replace(answer, asked=asked.whole, query=f"“{asked.whole}” · {answer.query}")
        missing = _MISSED_MEANING.get(answer.mode, "") if by_words else ""
        return replace(answer, limited=missing or answer.limited or self._unfinished())

    def _told(self, asked: _Asked, understood: Understood, memory: Memory) -> Answer:
        """What plain code says to a question; only a search or a model may take long, and no other question waits."""
        text = asked.words
        with self._one_at_a_time:
            if asks_what_helped(text):
                return answer_helped(memory, self._helped())
            question = self._computing.read(text, asked.now, asked.offset)
            if question is not None:
                return self._computing.answer(memory, question)
        if isinstance(understood, Recall):
            with self._one_writing:
                answer = self._written(memory, text, asked.offset)
            if answer is not None:
                return answer
        match understood:
            case Computed():
                return answer_computed(memory, understood)
            case Visiting():
                return answer_visiting(memory, understood)
            case Moment():
                return answer_moment(memory, understood)
            case Recall() | Mention() if asks_of_others(text, asked.names, understood):
                return recall(memory, text, asked.names, asked.offset, self._vocabulary)
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

    def _phrased(self, answer: Answer, asked: _Asked) -> Answer:
        """The same in the words of a model that is able to, as far as the evidence shown holds them."""
        model = self._phrasing()
        if model is None or not answer.evidence:
            return answer
        earlier = tuple((_role(event), event.text) for event in self._earlier(asked, _TURNS_TOLD))
        setting = Setting(self._profile(), asked.manner.line(), present_of(self._stream, self._clock()), earlier)
        return tell(model, asked.words, answer, answer.evidence, setting, asked.names)

    def _talk(self, asked: _Asked) -> Answer:
        history = self._history(asked)
        said = small_talk(self._model(), history, asked.text, asked.names)
        if said.limited and self._standby is not None:
            small = small_talk(self._standby, history, asked.text, asked.names)
            said = replace(small, limited=STANDBY) if small.by else said
        words = without_emojis(said.text, asked.manner) if said.by else greeting(asked.manner)
        return _worded(Answer("", AnswerMode.CONVERSATION), replace(said, text=words))

    def _shaped(self, answer: Answer, manner: Manner) -> Answer:
        """The answer with what it quotes in whole quotation marks, in the person's manner."""
        return replace(answer, text=shaped(quoted_safely(answer.text, answer.evidence), manner))

    def _marked(self, answer: Answer) -> Answer:
        return replace(answer, improvable=answer.limited in WITHOUT_MODEL)

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

    def _earlier(self, asked: _Asked, most: int) -> list[Event]:
        """Questions and answers before a question, oldest first, at most so many; nothing that was said to it."""
        raw = bytes.fromhex(asked.id)
        stored = self._journal.get([raw]).get(raw)
        if stored is None:  # forgotten in this moment
            return []
        newest = self._journal.read(end_ms=asked.now + 1, kinds=_TURNS, newest_first=True, limit=_LOOKED_AT)
        found = [item for item in newest if item.seq < stored.seq and _is_of(item.record, asked.conversation)]
        found.sort(key=lambda item: item.seq)
        return [item.record for item in found[-most:] if isinstance(item.record, Event)]

    def _history(self, asked: _Asked) -> list[tuple[str, str]]:
        """What was said before, for small talk: answers out of the records stay out, and with them others' words."""
        return [
            (_role(event), event.text)
            for event in self._earlier(asked, _TURNS_SHOWN)
            if event.kind == "question" or event.payload["mode"] == AnswerMode.CONVERSATION
        ]

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
            return Turn(event.start_ms, local, "you", event.text, None, item.id.hex())
        return Turn(event.start_ms, local, "hearthside", event.text, self.shown(event), item.id.hex())

    def _evidence(self, ids: list[str]) -> list[Hit]:
        return hits_of(self._journal, self._stream, [(bytes.fromhex(i), 1.0, "evidence") for i in ids])


def _is_of(record: Record, conversation: str) -> bool:
    return isinstance(record, Event) and record.payload.get("conversation_id") == conversation


def _role(turn: Event) -> str:
    return "user" if turn.kind == "question" else "assistant"


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
