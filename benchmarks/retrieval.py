"""Retrieval: does a search of the memory room find the turns that answer a question, on REALTALK and LoCoMo.

Run: ``.venv/bin/python benchmarks/retrieval.py --data DIR [--smoke]``. DIR holds chats as `chats.py` reads them;
without it a small chat is made up. All chats go into the journal of one vault as messages, are indexed and embedded by
the room, and every question is one call of `memory.search.search`, limited to its chat (each chat is another pair of
people), with the question alone as the query and the present a day after the chat's end. The measures are those of
``shared/data/README.md``: a document is one turn (in LoCoMo with its picture's caption), evidence ids that are no turn
are dropped, questions without any left are not asked.

recall_at_10           mean over questions of the share of evidence turns among the first ten hits
full_at_10             share of questions with all evidence turns among them
session_recall_at_5    the same share of the data's sessions, in the order of their first hits
p50_ms                 median time of a search of fifty hits, with embedding the question
words_recall_at_10     recall_at_10 without the embedder

``--smoke`` asks every twentieth question and embeds nothing. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.chats import Chat, ChatVault, Question, invented_chat, read_chats
from hearthside.inference.embedding import load_embedder
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.search import Embedder, embed_waiting, search

KEYS = ("recall_at_10", "full_at_10", "session_recall_at_5", "p50_ms", "words_recall_at_10", "n", "turns", "embed_s")
_HITS, _TURNS, _SESSIONS = 50, 10, 5
_SMOKE_STEP = 20


@dataclass(frozen=True, slots=True)
class Found:
    """How one question came out; shares from 0 to 1, `ms` its time."""

    category: str
    recall: float
    full: bool
    sessions: float
    ms: float


def ask(vault: ChatVault, chat: Chat, question: Question, embedder: Embedder | None) -> Found:
    """Search for one question's evidence."""
    filters = Filters(conversations=frozenset({chat.name}))
    began = time.perf_counter()
    hits = search(vault.index, vault.journal, vault.stream, question.text, filters, _HITS, embedder, now_ms=chat.end_ms)
    ms = (time.perf_counter() - began) * 1000
    return _judged(vault, chat, question, hits, ms)


def _judged(vault: ChatVault, chat: Chat, question: Question, hits: Sequence[Hit], ms: float) -> Found:
    turns = [vault.turn_of[hit.id][1] for hit in hits]
    session_of = {turn.id: turn.session for turn in chat.turns}
    first = {turn.id for turn in turns[:_TURNS]}
    sessions = set(list(dict.fromkeys(turn.session for turn in turns))[:_SESSIONS])
    wanted = {session_of[turn] for turn in question.evidence}
    return Found(
        question.category, len(first & question.evidence) / len(question.evidence), question.evidence <= first,
        len(sessions & wanted) / len(wanted), ms,
    )  # fmt: skip


def measure(folder: Path, chats: Sequence[Chat], smoke: bool, embedder: Embedder | None) -> dict[str, float | None]:
    """All questions about all chats in one vault."""
    vault = ChatVault(folder, chats)
    try:
        began = time.perf_counter()
        if embedder is not None:
            embed_waiting(vault.index, vault.journal, embedder, lambda: vault.now_ms, _progress)
        embed_s = time.perf_counter() - began
        asked = [(chat, question) for chat in chats for question in chat.questions][:: _SMOKE_STEP if smoke else 1]
        by_words = [ask(vault, chat, question, None) for chat, question in asked]
        found = by_words if embedder is None else [ask(vault, chat, question, embedder) for chat, question in asked]
    finally:
        vault.close()
    _print_table(found)
    return {
        "recall_at_10": _mean(one.recall for one in found),
        "full_at_10": _mean(one.full for one in found),
        "session_recall_at_5": _mean(one.sessions for one in found),
        "p50_ms": round(statistics.median(one.ms for one in found), 1),
        "words_recall_at_10": _mean(one.recall for one in by_words),
        "n": len(found),
        "turns": sum(len(chat.turns) for chat in chats),
        "embed_s": None if embedder is None else round(embed_s, 1),
    }


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\rembedded {done} of {total}", end="" if done < total else "\n", file=sys.stderr)


def _print_table(found: Iterable[Found]) -> None:
    groups: dict[str, list[Found]] = defaultdict(list)
    for one in found:
        groups[f"class {one.category}"].append(one)
        groups["all"].append(one)
    print(f"{'':10} {'n':>6} {'recall@10':>10} {'full@10':>10} {'session@5':>10} {'p50 ms':>8}")
    for name in sorted(groups, key=lambda name: (name == "all", name)):
        rows = groups[name]
        figures = [_mean(row.recall for row in rows), _mean(row.full for row in rows), _mean(r.sessions for r in rows)]
        print(
            f"{name:10} {len(rows):6}",
            *(f"{x:10.3f}" for x in figures),
            f"{statistics.median(r.ms for r in rows):8.1f}",
        )


def _mean(values: Iterable[float]) -> float:
    return round(statistics.fmean(values), 4)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--smoke", action="store_true", help="few questions, by words alone")
    arguments = parser.parse_args()
    chats = [invented_chat()] if arguments.data is None else read_chats(arguments.data)
    scratch = Path(tempfile.mkdtemp(prefix="hearthside-retrieval-"))
    try:
        print(json.dumps(measure(scratch, chats, arguments.smoke, None if arguments.smoke else load_embedder())))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
