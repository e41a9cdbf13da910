"""Answers about other people from what was written and said: judged first, then the shortest span that answers.

Questions about the person alone go on to be quoted word by word (`replies.answer_recall`); what names other people, or
nobody, is weighed here, because who said it decides as much as the words do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from hearthside.alignment.occurrence import Occurrence
from hearthside.companion.abstention import Judged, Passage, author_of, judge
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.asked import Asked, capitals, first_person, take_apart, who_is_called
from hearthside.companion.questions import Mention, Recall
from hearthside.companion.replies import FOUND, NEAREST, QUOTED_CHARS, Memory
from hearthside.companion.spans import best_sentence, short_answer
from hearthside.events import HOUR_MS, Origin
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.index import Index
from hearthside.memory.query import EVIDENCE_SHOWN
from hearthside.memory.words import stems, words_of

Vocabulary = Callable[[Sequence[str]], tuple[list[int], int]]
"""In how many records each word occurs, and how many records there are."""

_JUDGED = 10
_READ = 3  # passages that the words of an answer are taken from
_NEIGHBOURS = 1  # on each side
_REACH_MS = 6 * HOUR_MS
_YES_OR_NO = ("Yes", "No")
_SPOKEN = ("message", "utterance")


def vocabulary_of(index: Index) -> Vocabulary:
    """The words of a search index; of several stems that a word may have the commonest counts."""

    def count(words: Sequence[str]) -> tuple[list[int], int]:
        wanted = {word: stems(word) for word in words}
        found, total, _ = index.frequencies({stem for many in wanted.values() for stem in many})
        return [max((found[stem] for stem in wanted[word]), default=0) for word in words], total

    return count


def vocabulary_by_search(memory: Memory) -> Vocabulary:
    """The same by searching for each word: slower, and what is common is only known to be common."""

    def count(words: Sequence[str]) -> tuple[list[int], int]:
        return [len(_holding(memory, word)) for word in words], 10 * FOUND

    return count


def asks_of_others(text: str, names: Sequence[str], understood: Recall | Mention) -> bool:
    """Whether a question is about other people, by name or as somebody unknown, and not about the person alone.

    Args:
        names: of people known from this life.
        understood: what plain code took it for; when words were last mentioned is told as just that, unless somebody
            else is asked for.
    """
    known = {part.casefold() for name in names for part in name.split()}
    named = {re.sub(r"['’]s$", "", word) for word in words_of(text)} & known & capitals(text, first=True)
    if isinstance(understood, Mention):
        return not first_person(text) and bool(named or capitals(text))
    return bool(named) or not first_person(text)


def recall(
    memory: Memory, text: str, names: Sequence[str], offset_min: int, vocabulary: Vocabulary | None = None
) -> Answer:
    """Answer from what was written and said, or say that nothing found answers it.

    Args:
        names: of people known from this life.
        offset_min: the person's present UTC offset.
        vocabulary: how often words occur; by searching for them when it is not given.
    """
    judged, asked = weigh(memory, text, names, offset_min, vocabulary or vocabulary_by_search(memory))
    query = f"search: {text}"
    cited = [passage.hit for passage in judged.passages[:EVIDENCE_SHOWN]]
    if not judged.answers:
        said = "I don't know: what I found does not answer that."
        return Answer(said, AnswerMode.UNKNOWN, query, evidence=cited[:NEAREST])
    span = short_answer(text, asked, judged.passages[:_READ])
    _, source = best_sentence(asked, judged.passages[:_READ])
    return Answer(_said(span, source), AnswerMode.QUOTED, query, span, cited)


def weigh(
    memory: Memory, text: str, names: Sequence[str], offset_min: int, vocabulary: Vocabulary
) -> tuple[Judged, Asked]:
    """What is found for a question, in order of its support and weighed, and the question taken apart."""
    asked, passages = gather(memory, text, names, offset_min, vocabulary)
    return judge(asked, passages), asked


def gather(
    memory: Memory, text: str, names: Sequence[str], offset_min: int, vocabulary: Vocabulary
) -> tuple[Asked, list[Passage]]:
    """The question taken apart, and what is found for it with its neighbours, in the search's order."""
    hits = [hit for hit in memory.search(text, Filters(), FOUND) if _is_evidence(hit)]
    people = _called(memory, text, names, hits)
    total = max(1, vocabulary([])[1])
    asked = take_apart(text, people, lambda words: vocabulary(words)[0], total, memory.now_ms, offset_min)
    return asked, [_passage(memory, hit, rank) for rank, hit in enumerate(hits[:_JUDGED])]


def _is_evidence(hit: Hit) -> bool:
    return hit.origin is not Origin.AI and hit.kind != "question"


def _holding(memory: Memory, word: str) -> list[Hit]:
    found = memory.search(word, Filters(), FOUND)
    return [hit for hit in found if "keyword" in hit.why and _is_evidence(hit)]


def _called(memory: Memory, text: str, names: Sequence[str], hits: Sequence[Hit]) -> Mapping[str, frozenset[str]]:
    """Who is meant by each name of a question: known people, and names that people call one another by."""
    people: dict[str, frozenset[str]] = {}
    for name in names:
        for part in name.split():
            people[part.casefold()] = people.get(part.casefold(), frozenset()) | {name}
    for name in capitals(text) - people.keys():
        holding = [hit for hit in _holding(memory, name) if hit.kind in _SPOKEN]
        authors: dict[str, set[str]] = {}
        for hit in (*hits, *holding):
            if hit.kind in _SPOKEN:
                authors.setdefault(_conversation(hit), set()).add(author_of(hit))
        said = [(_conversation(hit), author_of(hit), hit.text) for hit in holding]
        bearers = who_is_called(name, said, authors)
        if bearers:
            people[name] = bearers
    return people


def _conversation(hit: Hit) -> str:
    parts = hit.note.split(" · ")
    return parts[0] if hit.kind == "message" else parts[-1]


def _passage(memory: Memory, hit: Hit, rank: int) -> Passage:
    """A hit with its neighbours in the conversation."""
    if hit.kind not in _SPOKEN:
        return Passage(hit, author_of(hit), rank)
    about = [_conversation(hit)] if hit.kind == "message" and hit.note else []
    near = memory.stream.occurrences(
        kinds=[hit.kind], start_ms=hit.start_ms - _REACH_MS, end_ms=hit.start_ms + _REACH_MS, about=about
    )
    at = next((i for i, o in enumerate(near) if o.id.hex() == hit.id), None)
    if at is None:
        return Passage(hit, author_of(hit), rank)
    before, after = near[max(0, at - _NEIGHBOURS) : at], near[at + 1 : at + 1 + _NEIGHBOURS]
    return Passage(hit, author_of(hit), rank, tuple(map(_turn, before)), tuple(map(_turn, after)))


def _turn(o: Occurrence) -> tuple[str, str]:
    if o.origin is Origin.SELF or not o.note:
        return "", o.text
    parts = o.note.split(" · ")
    return (parts[0] if o.kind == "utterance" else parts[1] if len(parts) > 1 else parts[0]), o.text


def _said(span: str, best: Passage) -> str:
    """The span, and whose words it rests on."""
    source = source_line(best.hit)
    if span in _YES_OR_NO:
        return f"{span}, it seems. {source}"
    if not span or span in " ".join(best.hit.text.split()):  # what is quoted needs no saying twice
        return source
    return f"{span[0].upper()}{span[1:]}. {source}"


def source_line(hit: Hit) -> str:
    """Who wrote or said something, when, and the words in quotation marks."""
    text = " ".join(hit.text.split())
    shown = text if len(text) <= QUOTED_CHARS else text[: QUOTED_CHARS - 1] + "…"
    who = author_of(hit) or ("You" if hit.origin is Origin.SELF else "")
    verb = {"message": "wrote", "utterance": "said", "post": "posted"}.get(hit.kind)
    return f"{who} {verb} on {hit.local}: “{shown}”" if who and verb else f"On {hit.local}: “{shown}”"
