"""Questions that a chat cannot answer, made by rule from the questions that it can.

Half of them ask about a name or a thing that occurs nowhere in the chat; half are true questions with the speaker, the
object or the time swapped for another one of the same chat. A swap is kept only where the words of the chat rule an
answer out:

- speaker: in no turn does the speaker swapped in say two of the words that the question shares with its evidence (nor
  the only one);
- object: no day of the chat holds the word swapped in together with a word that the question shares with its evidence;
- time: the date swapped in is a day of the chat, a week or more from the evidence, and no turn of that day or of the
  days next to it holds two of the words that the question shares with its evidence (nor the only one).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.chats import Chat, Question
from hearthside.events import DAY_MS

NOWHERE, SWAPPED = ("name", "thing"), ("speaker", "object", "time")
_NAMES = (
    "Ulrike Bartholomew Saoirse Thaddeus Marisol Ottoline Dmitri Philippa Gunther Anneliese Rosalind Hamish Eudora "
    "Ignatius Mireille Lorcan Tabitha Wolfgang Yevgenia Cornelius"
).split()
_THINGS = (
    "trombone beekeeping submarine parliament accordion tractor lighthouse hamster typewriter glacier harpsichord "
    "locksmith caravan falconry periscope turnip monastery wheelbarrow chandelier bagpipes greenhouse kayak tapestry "
    "observatory puppetry windmill saxophone mortgage blacksmith tadpole"
).split()
_COMMON = frozenset(
    """
    a about after all also an and any are as at be been before being but by can could day days did do does during each
    enjoy favorite favourite feel find first for from get go going had has have her his how if in into is it its kind
    kinds last like likes long love made make many month more most much name names new of often on one or other over
    plan planning really recent recently she he share some start take than that the their them then there they thing
    things think this time times to try type types use used visit want was were week what when where which while who
    whom whose why will with would year years you your
    """.split()
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = "(?:" + "|".join(f"{name}|{name[:3]}" for name in _MONTHS) + ")"
_DATE = re.compile(
    rf"\b\d{{1,2}}\.\d{{1,2}}\.\d{{4}}|\b\d{{1,2}}(?:st|nd|rd|th)?,? (?:of )?{_MONTH}\b,?(?: \d{{4}})?"
    rf"|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}})?|\b\d{{4}}-\d\d-\d\d\b",
    re.IGNORECASE,
)
_APART_DAYS = 7


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """A question without an answer, and the rule that made it: one of NOWHERE or SWAPPED."""

    text: str
    rule: str


class _Words:
    """Who says which words of a chat, and when."""

    def __init__(self, chat: Chat) -> None:
        self.turns = {turn.id: turn for turn in chat.turns}
        self.speakers = list(dict.fromkeys(turn.speaker for turn in chat.turns))
        self.days = sorted({turn.at_ms // DAY_MS for turn in chat.turns})
        self.of_turn = {turn.id: stems(turn.text) for turn in chat.turns}
        self._chat = chat
        self.by_day: dict[int, set[str]] = {day: set() for day in self.days}
        self.by_session: dict[str, set[str]] = {}
        for turn in chat.turns:
            for held in (
                self.by_day[turn.at_ms // DAY_MS],
                self.by_session.setdefault(turn.session, set()),
            ):
                held |= self.of_turn[turn.id]
        self.all: set[str] = set().union(*self.of_turn.values()) | stems(" ".join(q.text for q in chat.questions))

    def around(self, day: int) -> list[set[str]]:
        """The words of each turn of a day and of the days before and after it."""
        return [self.of_turn[turn.id] for turn in self._chat.turns if abs(turn.at_ms // DAY_MS - day) <= 1]

    def shared(self, question: Question) -> list[str]:
        """Words of a question, as they stand in it, that its evidence holds too; names of speakers are left out."""
        held = set().union(*(self.of_turn[name] for name in question.evidence))
        people = {stem(name) for name in self.speakers}
        words = _WORD.findall(_DATE.sub(" ", question.text))
        return [w for w in words if w.casefold() not in _COMMON and stem(w) in held - people]


def unanswerable(chat: Chat, seed: int = 5) -> list[Unanswerable]:
    """Questions about a chat that it cannot answer, as many of the first half as of the second."""
    words, chance = _Words(chat), random.Random(f"{seed} {chat.name}")
    swapped: list[Unanswerable] = []
    for question in _shuffled(chat.questions, chance):
        count = {rule: sum(made.rule == rule for made in swapped) for rule in SWAPPED}
        for rule in sorted(SWAPPED, key=lambda name: count[name]):
            found = _made(rule, question, chat, words, chance)
            if found is not None:
                swapped.append(found)
                break
    nowhere = []
    for question, rule in zip(_shuffled(chat.questions, chance), _in_turn(NOWHERE, chance), strict=False):
        found = _made(rule, question, chat, words, chance)
        nowhere += [found] if found is not None else []
    each = min(len(swapped), len(nowhere))
    return nowhere[:each] + chance.sample(swapped, each)


def _made(rule: str, question: Question, chat: Chat, words: _Words, chance: random.Random) -> Unanswerable | None:
    make = {"name": _name, "thing": _thing, "speaker": _speaker, "object": _object, "time": _time}[rule]
    text = make(question, chat, words, chance)
    return None if text is None else Unanswerable(text, rule)


def _name(question: Question, chat: Chat, words: _Words, chance: random.Random) -> str | None:
    """A name in the question becomes one that occurs nowhere."""
    months = {stem(month) for month in _MONTHS}
    alone = re.findall(r"(?<![A-Z]\w )(?<=\w )\b([A-Z][a-z]+)\b(?! [A-Z])", question.text)
    named = [word for word in alone if stem(word) not in months]
    free = [name for name in _NAMES if stem(name) not in words.all]
    return _replaced(question.text, chance.choice(named), chance.choice(free)) if named and free else None


def _thing(question: Question, chat: Chat, words: _Words, chance: random.Random) -> str | None:
    """A thing in the question becomes one that occurs nowhere."""
    things = [w for w in words.shared(question) if _is_thing(w, question.text)]
    free = [name for name in _THINGS if stem(name) not in words.all]
    return _replaced(question.text, chance.choice(things), chance.choice(free)) if things and free else None


def _speaker(question: Question, chat: Chat, words: _Words, chance: random.Random) -> str | None:
    """The one speaker asked about becomes the other, who never says a word that question and evidence share."""
    called = _called(chat, words)
    asked = [name for name in called if re.search(rf"\b{re.escape(name)}\b", question.text)]
    authors = {words.turns[name].speaker for name in question.evidence}
    if len(asked) != 1 or authors != {called[asked[0]]}:
        return None
    others = [name for name, speaker in called.items() if speaker not in authors]
    shared = {stem(word) for word in words.shared(question)}
    turns = [words.of_turn[turn.id] for turn in chat.turns if turn.speaker not in authors]
    if not others or not shared or _says(turns, shared):
        return None
    return _replaced(question.text, asked[0], chance.choice(others))


def _says(turns: Iterable[set[str]], shared: set[str]) -> bool:
    """Whether one of the turns holds the only word, or two of several."""
    return any(len(held & shared) >= min(2, len(shared)) for held in turns)


def _called(chat: Chat, words: _Words) -> dict[str, str]:
    """The names that the chat's questions call its speakers by: their label, or a name used for one speaker's turns."""
    named: dict[str, list[str]] = {}
    for question in chat.questions:
        authors = {words.turns[name].speaker for name in question.evidence}
        if len(authors) == 1:
            for word in set(_WORD.findall(question.text)[1:]):
                if word[0].isupper() and not word.endswith(("'s", "’s")):
                    named.setdefault(word, []).append(next(iter(authors)))
    often = len(chat.questions) / 6
    found = {}
    for name, authors_of in named.items():
        speaker = max(set(authors_of), key=authors_of.count)
        if name.casefold() in {s.casefold() for s in words.speakers}:
            found[name] = next(s for s in words.speakers if s.casefold() == name.casefold())
        elif len(authors_of) >= often and authors_of.count(speaker) > 0.7 * len(authors_of):
            found[name] = speaker
    return found


def _object(question: Question, chat: Chat, words: _Words, chance: random.Random) -> str | None:
    """A thing becomes a thing of another question, which is said on no day with what is left of this one."""
    shared = words.shared(question)
    things = [w for w in shared if _is_thing(w, question.text)]
    chance.shuffle(things)
    for old in things:
        kept = {stem(w) for w in shared if stem(w) != stem(old)}
        fitting = [w for w in _things(chat, words) if w[0].isupper() == old[0].isupper() and _apart(w, kept, words)]
        fitting = [w for w in fitting if stem(w) not in stems(question.text)]
        if kept and fitting:
            return _replaced(question.text, old, chance.choice(fitting))
    return None


def _apart(word: str, kept: set[str], words: _Words) -> bool:
    """Whether no day and no session holds the word and any of the kept ones."""
    together = [held for held in (*words.by_day.values(), *words.by_session.values()) if stem(word) in held]
    return bool(together) and not any(held & kept for held in together)


def _things(chat: Chat, words: _Words) -> list[str]:
    found = (w for question in chat.questions for w in words.shared(question) if _is_thing(w, question.text))
    return sorted(set(found))


def _time(question: Question, chat: Chat, words: _Words, chance: random.Random) -> str | None:
    """The date of the question becomes a day on which nothing of it was said; one without a date gets such a day."""
    if re.match(r"(?:when|how long|how often|since|what time|on (?:what|which))\b", question.text, re.IGNORECASE):
        return None
    days = {words.turns[name].at_ms // DAY_MS for name in question.evidence}
    shared = {stem(word) for word in words.shared(question)}
    free = [day for day in words.days if min(abs(day - d) for d in days) >= _APART_DAYS]
    free = [day for day in free if not _says(words.around(day), shared)]
    if not shared or not free or len(days) > 1 or not re.search(r"\b(?:did|was|were)\b", question.text):
        return None
    said = datetime.fromtimestamp(chance.choice(free) * DAY_MS / 1000, UTC).strftime("%-d %B %Y")
    if _DATE.search(question.text):
        return _DATE.sub(said, question.text, count=1)
    return f"{question.text.rstrip(' ?')} on {said}?" if not re.search(r"\d{4}", question.text) else None


def _is_thing(word: str, text: str) -> bool:
    """Whether a word of a question is a thing and not what was done: a cheap rule, a noun follows no subject."""
    if len(word) < 4 or re.search(r"(?:ed|ing|ly)$", word) or "'" in word or "’" in word:
        return False
    return re.search(rf"\b(?:did|does|do|will|would|to|is|was) (?:[A-Z]\w+ )?{re.escape(word)}\b", text) is None


def stem(word: str) -> str:
    """A word without its commonest endings, lower case."""
    plain = re.sub(r"['’]s$", "", word.casefold())
    return re.sub(r"(?<=\w{3})(?:ing|ed|es|s|e)$", "", plain)


def stems(text: str) -> set[str]:
    """The words of a text, stemmed; the commonest are left out."""
    return {stem(word) for word in _WORD.findall(text) if word.casefold() not in _COMMON}


def _replaced(text: str, old: str, new: str) -> str:
    return re.sub(rf"(?<![^\W\d_]){re.escape(old)}(?![^\W\d_])", new, text)


def _in_turn(rules: Iterable[str], chance: random.Random) -> Iterator[str]:
    """The rules one after the other, without end, each round in an order of its own."""
    order = list(rules)
    while True:
        chance.shuffle(order)
        yield from list(order)


def _shuffled(questions: Iterable[Question], chance: random.Random) -> list[Question]:
    order = list(questions)
    chance.shuffle(order)
    return order
