"""Answers: how near the companion's short answers come to people's, at how many tokens, and is anything made up.

Run: ``.venv/bin/python benchmarks/answers.py --data DIR [--questions N] [--model PATH [--larger N]] [--smoke]``. DIR
holds chats as `chats.py` reads them; without it a small chat is made up. Each chat goes through the journal into a
vault of its own, is indexed and embedded by the memory room. N questions (40 by default), the same at each run and as
many of each chat, are asked in a dialogue beside the embedded model, which has one thread. The same model then answers
them from the whole chat, cut to its context from the oldest turn on, and from the ten best hits in the prompt. With
``--model`` N questions (20 by default), among the same, are asked in all three ways beside that GGUF file too, at the
same time and on one thread more.

A model words the companion's answer only if `companion/fitness.py` finds it fit, as in the house; the trial is not
among the tokens. The questions about a whole chat follow one another, so that the model's server reads it once.

f1              token F1 of the companion's short answer (Answer.value) against the key; "I don't know" counts 0
f1_topk, f1_full  of the embedded model with ten hits, and with the chat
f1_model, f1_model_topk, f1_model_full  the same with --model; null without
tokens, tokens_ratio  tokens that a model read and wrote for an answer; the companion's by those with the whole chat
ungrounded      share of the companion's answers with a name, number, date or quotation that is in no evidence shown
answered        share of the questions that the companion did not answer with "I don't know"
fit, fit_model  whether the model was found fit to word answers

Tokens are compared lower case without punctuation and articles; dates in one form. ``--smoke`` asks three questions of
each chat without any model and embeds nothing. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.abstain import Room, opened
from benchmarks.chats import Chat, Question, invented_chat, read_chats
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.context import harmless, tokens_of
from hearthside.companion.dialogue import Dialogue
from hearthside.companion.fitness import fit_for_phrasing
from hearthside.companion.grounding import ungrounded
from hearthside.companion.recalling import vocabulary_of
from hearthside.companion.spans import day_in_words
from hearthside.errors import Refused, RetryLater
from hearthside.inference.embedding import load_embedder
from hearthside.inference.shelf import ModelFile, embedded_model, model_file
from hearthside.inference.supervisor import NodeOptions, Supervisor
from hearthside.memory.hits import Filters, Hit

_WAYS = ("", "_topk", "_full")
KEYS = ("f1", "f1_topk", "f1_full", "f1_model", "f1_model_topk", "f1_model_full", "tokens_ratio", "ungrounded", "n")
_QUESTIONS, _LARGER, _SMOKE_EACH = 40, 20, 3
_CONTEXT, _ANSWER_TOKENS = 2048, 32
_TRIES = 3
_HIT_CHARS = 280  # as much of a message as the companion shows a model
_FULL_TOKENS = 1500  # by our cautious count; tokenizers of small models cut names into more pieces
_ASK = "Answer the question about the chat in a few words, without a sentence around them. If it does not say: unknown."
_MONTHS = "january february march april may june july august september october november december".split()


class Node:
    """A model through the compute node; counts the tokens of what it is asked."""

    def __init__(self, supervisor: Supervisor, name: str) -> None:
        self._supervisor, self.name, self.tokens = supervisor, name, 0

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        """See LanguageModel."""
        answer = self._supervisor.node.complete(messages, max_tokens=max_tokens, temperature=0.0)
        yield from answer
        if answer.usage is not None:
            self.tokens += answer.usage.prompt_tokens + answer.usage.completion_tokens

    def say(self, prompt: str) -> str:
        """One line; a prompt that is too long for it gets none."""
        messages = [{"role": "system", "content": _ASK}, {"role": "user", "content": prompt}]
        said = ""
        for _ in range(_TRIES):
            try:
                said = "".join(self.complete(messages, _ANSWER_TOKENS)).strip()
                break
            except Refused:
                return ""
            except RetryLater:  # the node died and comes back by itself
                self._supervisor.wait_ready(300.0)
        return said.splitlines()[0] if said else ""


@dataclass(frozen=True, slots=True)
class Row:
    """One question, answered one way."""

    way: str
    f1: float
    tokens: int
    ungrounded: bool = False
    answered: bool = True


def rows(room: Room, questions: Sequence[Question], node: Node | None, fit: bool) -> Iterator[Row]:
    """The questions of a chat, answered by the companion and, with a model, from ten hits and from the chat.

    Args:
        fit: whether the model may word the companion's answers.
    """
    vault = room.vault
    dialogue = Dialogue(
        vault.journal, vault.stream, room.search, lambda: node, lambda: room.names, lambda: vault.now_ms,
        vocabulary=vocabulary_of(vault.index), phrasing=lambda: node if fit else None,
    )  # fmt: skip
    for number, question in enumerate(questions):
        before = node.tokens if node else 0
        answer = list(dialogue.ask(question.text, f"benchmark {number}"))[-1]
        assert isinstance(answer, Answer)
        answered = answer.mode is not AnswerMode.UNKNOWN
        said = answer.value or answer.text if answered else ""
        used = (node.tokens if node else 0) - before
        yield Row("", f1(said, question.answer), used, bool(made_up(answer)), answered)
    if node is not None:
        for question in questions:
            yield _said(node, "_topk", _from_hits(room.search(question.text, Filters(), 10)), question)
        chat = _from_chat(room.chat)
        for question in questions:
            yield _said(node, "_full", chat, question)


def _said(node: Node, way: str, prompt: str, question: Question) -> Row:
    before = node.tokens
    said = node.say(f"{prompt}\n\nQuestion: {question.text}")
    return Row(way, f1(said, question.answer), node.tokens - before)


def _from_hits(hits: Sequence[Hit]) -> str:
    lines = [f"{hit.local} {hit.note.split(' · ')[-1]}: {hit.text[:_HIT_CHARS]}" for hit in hits]
    return _cut(lines)


def _from_chat(chat: Chat) -> str:
    """The newest turns that fit, in order."""
    return _cut([f"{turn.speaker}: {turn.text}" for turn in reversed(chat.turns)], newest_first=True)


def _cut(lines: Sequence[str], newest_first: bool = False) -> str:
    kept, left = list[str](), _FULL_TOKENS
    for line in (harmless(" ".join(line.split())) for line in lines):
        left -= tokens_of(line)
        if left < 0:
            break
        kept.append(line)
    return "\n".join(reversed(kept) if newest_first else kept)


def made_up(answer: Answer) -> set[str]:
    """What an answer claims that none of its evidence holds.

    A quotation must stand so in the evidence, from its first letter on if it ends in “…”; days that are told from a
    record's own day count as held.
    """
    if answer.mode is AnswerMode.UNKNOWN:
        return set()
    held = "\n".join(_bare(hit.text) for hit in answer.evidence)
    quoted = {quotation: _bare(quotation.rstrip("…")) in held for quotation in re.findall(r"“([^”]*)”", answer.text)}
    support = [f"{hit.local} {hit.note} {hit.text}" for hit in answer.evidence]
    for hit in answer.evidence[:3]:
        said = date.fromisoformat(hit.local[:10])
        support += [day_in_words(said + timedelta(days=days)) for days in range(-31, 32)]
        if re.search(r"\b(?:year|month)s?\b", hit.text, re.IGNORECASE):
            support += [str(said.year + years) for years in range(-10, 3)] + _MONTHS
    own = re.sub(r"“[^”]*”", " ", answer.text)
    return ungrounded(own, support) | {quotation for quotation, found in quoted.items() if not found}


def _bare(text: str) -> str:
    """Letters, digits and spaces of a text: quotation marks within a quotation are written otherwise."""
    return " ".join(re.sub(r"[^\w\s]|_", "", harmless(text)).split()).casefold()


def f1(said: str, key: str) -> float:
    """Token F1 as in SQuAD (Rajpurkar et al. 2016, arXiv:1606.05250), from 0 to 1."""
    ours, theirs = Counter(_tokens(said)), Counter(_tokens(key))
    same = sum((ours & theirs).values())
    return 2 * same / (sum(ours.values()) + sum(theirs.values())) if same else 0.0


def _tokens(text: str) -> list[str]:
    dated = re.sub(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b", lambda m: _dated(m[1], m[2], m[3]), text.casefold())
    dated = re.sub(r"\b(\d{4})-(\d\d)-(\d\d)\b", lambda m: _dated(m[3], m[2], m[1]), dated)
    words = re.findall(r"[^\W_]+", dated)
    return [word.lstrip("0") or "0" for word in words if word not in {"a", "an", "the"}]


def _dated(day: str, month: str, year: str) -> str:
    return f"{int(day)} {_MONTHS[(int(month) - 1) % 12]} {year}"


def sampled(chats: Sequence[Chat], count: int) -> list[tuple[Chat, list[Question]]]:
    """So many questions of all chats together, the same ones each time; adversarial ones have no answer."""
    chance = random.Random(7)
    each = max(1, count // len(chats))
    asked = [[q for q in chat.questions if q.category != "5"] for chat in chats]
    return [(chat, chance.sample(qs, min(each, len(qs)))) for chat, qs in zip(chats, asked, strict=True)]


@contextmanager
def _serving(model: ModelFile) -> Iterator[Node]:
    supervisor = Supervisor(model, NodeOptions(threads=1, context_tokens=_CONTEXT, parallel=1), lambda: 0)
    supervisor.start()
    try:
        if not supervisor.wait_ready(300.0):
            raise SystemExit("the compute node did not start")
        yield Node(supervisor, model.name)
    finally:
        supervisor.stop()


def measure(chats: Sequence[Chat], scratch: Path, count: int, larger: tuple[Path | None, int]) -> dict[str, object]:
    """All figures.

    Args:
        count: questions for the embedded model; 0: three of each chat, without any model.
        larger: another model, and its number of questions.
    """
    if not count:
        return _figures(_all_rows(sampled(chats, _SMOKE_EACH * len(chats)), scratch, None, False), [])
    path, fewer = larger
    asked = sampled(chats, count)
    each = max(1, fewer // len(chats))
    with ThreadPoolExecutor(2) as side_by_side:  # two models on one thread of the processor each
        small = side_by_side.submit(_with_model, embedded_model(), asked, scratch / "small")
        if path is None:
            found, fit = small.result()
            return _figures(found, []) | {"fit": fit, "fit_model": None}
        fewer_asked = [(chat, questions[:each]) for chat, questions in asked]
        large = side_by_side.submit(_with_model, model_file(path), fewer_asked, scratch / "large")
        (found, fit), (found_large, fit_large) = small.result(), large.result()
    return _figures(found, found_large) | {"fit": fit, "fit_model": fit_large}


def _with_model(
    model: ModelFile, asked: Sequence[tuple[Chat, list[Question]]], scratch: Path
) -> tuple[list[Row], bool]:
    """The questions, answered in all three ways beside a model; and whether it was found fit to word answers."""
    with _serving(model) as node:
        fit = fit_for_phrasing(node) is True
        return _all_rows(asked, scratch, node, fit), fit


def _all_rows(asked: Sequence[tuple[Chat, list[Question]]], scratch: Path, node: Node | None, fit: bool) -> list[Row]:
    embedder = None if node is None else load_embedder()
    found: list[Row] = []
    for number, (chat, questions) in enumerate(asked):
        with opened(scratch / str(number), chat, embedder) as room:
            found += rows(room, questions, node, fit)
        print(f"{chat.name}: {len(questions)} questions{f' to {node.name}' if node else ''}", flush=True)
    return found


def _figures(small: Sequence[Row], large: Sequence[Row]) -> dict[str, object]:
    print(f"{'':22} {'n':>5} {'F1':>7} {'tokens':>8}")
    figures: dict[str, object] = {}
    for model, found in (("", small), ("_model", large)):
        for way in _WAYS:
            figures[f"f1{model}{way}"] = _mean(row.f1 for row in found if row.way == way)
            figures[f"tokens{model}{way}"] = _mean((float(row.tokens) for row in found if row.way == way), 1)
            if figures[f"f1{model}{way}"] is not None:
                name = f"{'companion' if not way else way[1:]}{' (--model)' if model else ''}"
                shown = figures[f"f1{model}{way}"], figures[f"tokens{model}{way}"]
                print(f"{name:22} {sum(row.way == way for row in found):5} {shown[0]:7.3f} {shown[1]:8.1f}")
    ours = [row for row in (*small, *large) if row.way == ""]
    figures |= {
        "tokens_ratio": _ratio(figures["tokens"], figures["tokens_full"]),
        "tokens_ratio_model": _ratio(figures["tokens_model"], figures["tokens_model_full"]),
        "ungrounded": _mean(float(row.ungrounded) for row in ours),
        "answered": _mean(float(row.answered) for row in ours),
        "n": sum(row.way == "" for row in small),
        "n_model": sum(row.way == "" for row in large),
    }
    return figures


def _ratio(ours: object, full: object) -> float | None:
    return round(ours / full, 4) if isinstance(ours, float) and isinstance(full, float) and full else None


def _mean(values: Iterator[float], digits: int = 4) -> float | None:
    held = list(values)
    return round(statistics.fmean(held), digits) if held else None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--questions", type=int, default=_QUESTIONS)
    parser.add_argument("--model", type=Path, help="a larger model, as a GGUF file")
    parser.add_argument("--larger", type=int, default=_LARGER, help="how many questions --model is asked")
    parser.add_argument("--smoke", action="store_true", help="three questions of each chat, no model")
    arguments = parser.parse_args()
    chats = read_chats(arguments.data) if arguments.data else [invented_chat()]
    scratch = Path(tempfile.mkdtemp(prefix="hearthside-answers-"))
    try:
        count = 0 if arguments.smoke else max(1, arguments.questions)
        print(json.dumps(measure(chats, scratch, count, (arguments.model, arguments.larger))))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
