"""Abstention: does the companion say "I don't know" when a chat holds no answer, and answer when it does.

Run: ``.venv/bin/python benchmarks/abstain.py --data DIR [--smoke] [--calibrate]``. DIR holds chats as `chats.py` reads
them; without it a small chat is made up. Each chat goes through the journal into a vault of its own, is indexed and
embedded by the memory room, and every question is asked in a dialogue, without a language model. Questions without an
answer are made by rule from those with one (`abstain_questions.py`).

abstained   share of the questions without an answer that got "I don't know"
answered    share of the questions with an answer whose evidence the search found (one turn of it among the first ten
            hits) that got an answer that cites a turn of it
n_without, n_with   how many of each

``--calibrate`` prints the table of `companion/abstention.py` as it comes out on DIR and asks nothing. ``--smoke`` asks
every tenth question and embeds nothing. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.abstain_calibration import Example, calibrated
from benchmarks.abstain_questions import NOWHERE, SWAPPED, unanswerable
from benchmarks.chats import Chat, ChatVault, invented_chat, read_chats
from hearthside.companion.abstention import signals
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.dialogue import Dialogue
from hearthside.companion.recalling import gather, vocabulary_of
from hearthside.companion.replies import Memory
from hearthside.inference.embedding import load_embedder
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.search import Embedder, embed_waiting, search

KEYS = ("abstained", "answered", "n_without", "n_with")
_FOUND_AMONG = 10
_SMOKE_STEP = 10
TRUE = "true"


@dataclass(frozen=True, slots=True)
class Case:
    """A question; `rule` is how it was made, TRUE for one with an answer, in `evidence`."""

    text: str
    rule: str
    evidence: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case; `found`: the search found a turn of its evidence; `cited`: the answer cites one."""

    rule: str
    abstained: bool
    found: bool
    cited: bool


@dataclass(frozen=True, slots=True)
class Room:
    """One chat in a vault, as the companion meets it."""

    chat: Chat
    vault: ChatVault
    search: Callable[[str, Filters, int], list[Hit]]

    @property
    def names(self) -> list[str]:
        """The people of the chat, as their messages are signed."""
        return sorted({turn.speaker for turn in self.chat.turns})

    def turns(self, hits: Sequence[Hit]) -> set[str]:
        """The turns that hits are."""
        return {self.vault.turn_of[hit.id][1].id for hit in hits if hit.id in self.vault.turn_of}

    def dialogue(self) -> Dialogue:
        """A dialogue without a language model."""
        vault = self.vault
        return Dialogue(
            vault.journal, vault.stream, self.search, lambda: None, lambda: self.names, lambda: vault.now_ms,
            vocabulary=vocabulary_of(vault.index),
        )  # fmt: skip


@contextmanager
def opened(folder: Path, chat: Chat, embedder: Embedder | None) -> Iterator[Room]:
    """A chat in a vault of its own, embedded when there is an embedder."""
    vault = ChatVault(folder, [chat])
    try:
        if embedder is not None:
            embed_waiting(vault.index, vault.journal, embedder, lambda: vault.now_ms)

        def find(text: str, filters: Filters, limit: int) -> list[Hit]:
            return search(vault.index, vault.journal, vault.stream, text, filters, limit, embedder, now_ms=vault.now_ms)

        yield Room(chat, vault, find)
    finally:
        vault.close()


def cases(chat: Chat) -> list[Case]:
    """The questions of a chat, and those made of them that it cannot answer."""
    with_answer = [Case(q.text, TRUE, q.evidence) for q in chat.questions if q.category not in _UNFIT]
    return with_answer + [Case(made.text, made.rule, frozenset()) for made in unanswerable(chat)]


_UNFIT = frozenset({"5"})  # LoCoMo's adversarial ones have no answer, though they name evidence


def ask(room: Room, case: Case) -> Outcome:
    """Ask one question, as a person would."""
    found = bool(room.turns(room.search(case.text, Filters(), _FOUND_AMONG)) & case.evidence)
    answer = list(room.dialogue().ask(case.text, "benchmark"))[-1]
    assert isinstance(answer, Answer)
    said = answer.mode is not AnswerMode.UNKNOWN
    return Outcome(case.rule, not said, found, said and bool(room.turns(answer.evidence) & case.evidence))


def examples(room: Room, asked: Sequence[Case]) -> Iterator[Example]:
    """The signals of each question; of those with an answer only where the search found evidence."""
    vault = room.vault
    memory = Memory(vault.journal, vault.stream, room.search, vault.now_ms)
    for case in asked:
        about, passages = gather(memory, case.text, room.names, 0, vocabulary_of(vault.index))
        found = bool(room.turns([passage.hit for passage in passages]) & case.evidence)
        if passages and (found or case.rule != TRUE):
            yield Example(case.rule, signals(about, passages)[1])


def _each(chats: Sequence[Chat], scratch: Path, smoke: bool) -> Iterator[tuple[Room, list[Case]]]:
    embedder = None if smoke else load_embedder()
    for number, chat in enumerate(chats):
        asked = cases(chat)[:: _SMOKE_STEP if smoke else 1]
        with opened(scratch / str(number), chat, embedder) as room:
            yield room, asked
        print(f"{chat.name}: {len(asked)} questions", flush=True)


def measure(chats: Sequence[Chat], scratch: Path, smoke: bool) -> dict[str, float | int | None]:
    """Ask everything; the figures."""
    outcomes = [ask(room, case) for room, asked in _each(chats, scratch, smoke) for case in asked]
    without = [one for one in outcomes if one.rule != TRUE]
    answerable = [one for one in outcomes if one.rule == TRUE and one.found]
    _print_table(outcomes)
    return {
        "abstained": _share([one.abstained for one in without]),
        "answered": _share([one.cited for one in answerable]),
        "n_without": len(without),
        "n_with": len(answerable),
    }


def _print_table(outcomes: Sequence[Outcome]) -> None:
    rules: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        rules[one.rule].append(one)
    print(f"{'question':22} {'n':>5} {'abstained':>10}")
    for rule in (*NOWHERE, *SWAPPED):
        if rules[rule]:
            kind = "nowhere" if rule in NOWHERE else "swapped"
            print(f"{kind + ' ' + rule:22} {len(rules[rule]):5} {_share([o.abstained for o in rules[rule]]):10.3f}")
    found = [one for one in rules[TRUE] if one.found]
    print(f"{'with an answer':22} {len(rules[TRUE]):5}")
    print(f"{'  evidence found':22} {len(found):5} {_share([o.abstained for o in found]) or 0:10.3f}")


def _share(values: Sequence[bool]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--smoke", action="store_true", help="every tenth question, words alone")
    parser.add_argument("--calibrate", action="store_true", help="print the table of companion/abstention.py")
    arguments = parser.parse_args()
    chats = read_chats(arguments.data) if arguments.data else [invented_chat()]
    scratch = Path(tempfile.mkdtemp(prefix="hearthside-abstain-"))
    try:
        if arguments.calibrate:
            rows = [row for room, asked in _each(chats, scratch, arguments.smoke) for row in examples(room, asked)]
            print(calibrated(rows))
        else:
            print(json.dumps(measure(chats, scratch, arguments.smoke)))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
