"""Chats with questions about them: REALTALK and LoCoMo as their authors publish them, and a vault that holds them.

A folder holds REALTALK's ``Chat_*.json`` (one chat a file) or LoCoMo's ``locomo*.json`` (a list of chats), or any other
``*.json`` of one of the two forms; other files are left alone. What annotators or models wrote about a chat (``query``,
``observation``, ``session_summary``, ``event_summary``, ``events_session_N``) is never read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, Event, Layer, Origin, Trust, ms_of
from hearthside.journal import Journal
from hearthside.memory.index import Index

KEY = b"\1" * 32
SOURCE = "chats"
_SESSION = re.compile(r"session_(\d+)$")
_EVIDENCE = re.compile(r"D\d+:\d+")
_TURN_APART_MS = 30_000  # LoCoMo gives the time of a session only; its turns follow one another at this pace


@dataclass(frozen=True, slots=True)
class Turn:
    """One message; `session` is the data's own, `at_ms` UTC ms (the data's clock times are taken as UTC)."""

    id: str
    session: str
    speaker: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the ids of the turns that answer it; ids that are no turn are left out."""

    text: str
    evidence: frozenset[str]
    category: str
    answer: str


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat: turns in the order of the file, and the questions that have evidence."""

    name: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]

    @property
    def end_ms(self) -> int:
        """The time at which the questions are asked: a day after the last turn."""
        return max(turn.at_ms for turn in self.turns) + DAY_MS


def read_chats(folder: Path) -> list[Chat]:
    """Every chat of a folder, by file name (numbers in order) and place in the file.

    Raises:
        SystemExit: the folder holds no chat with questions.
    """
    chats: list[Chat] = []
    for path in sorted(folder.glob("*.json"), key=_in_order):
        content = json.loads(path.read_text("utf-8"))
        if isinstance(content, list):
            held = [entry for entry in content if isinstance(entry, dict) and "conversation" in entry and "qa" in entry]
            chats += [
                _chat(f"{path.stem} {number}", entry["conversation"], entry["qa"]) for number, entry in enumerate(held)
            ]
        elif "qa" in content:
            chats.append(_chat(path.stem, content, content["qa"]))
    if not chats:
        raise SystemExit(f"{folder} holds no chat with questions")
    return chats


def _in_order(path: Path) -> tuple[int, str]:
    number = re.search(r"\d+", path.stem)
    return int(number[0]) if number else 0, path.name


def _chat(name: str, sessions: Mapping[str, Any], qa: Iterable[Mapping[str, Any]]) -> Chat:
    turns: list[Turn] = []
    for session in (key for key in sessions if _SESSION.match(key)):
        began = sessions.get(f"{session}_date_time", "")
        turns += [_turn(session, raw, str(began), number) for number, raw in enumerate(sessions[session])]
    known = {turn.id for turn in turns}
    whole = any("clean_text" in raw for session in sessions.values() if isinstance(session, list) for raw in session)
    questions = []
    for raw in qa:
        named = {name for text in raw.get("evidence", []) for name in _named(str(text), whole)} & known
        if named:
            answer = raw.get("answer", raw.get("adversarial_answer", ""))
            questions.append(Question(raw["question"], frozenset(named), str(raw["category"]), str(answer)))
    return Chat(name, tuple(turns), tuple(questions))


def _named(text: str, whole: bool) -> list[str]:
    """Turn ids in a string of evidence: in REALTALK the string is one id, in LoCoMo it may hold several."""
    return [text] if whole else _EVIDENCE.findall(text)


def _turn(session: str, raw: Mapping[str, Any], began: str, number: int) -> Turn:
    if "clean_text" in raw:  # REALTALK
        at = datetime.strptime(raw["date_time"], "%d.%m.%Y, %H:%M:%S").replace(tzinfo=UTC)
        return Turn(raw["dia_id"], session, raw["speaker"], raw["clean_text"] or "", ms_of(at))
    at = datetime.strptime(began, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
    text = f"{raw['text']} {raw.get('blip_caption', '')}".rstrip()  # a document, as the baseline defines it
    return Turn(raw["dia_id"], session, raw["speaker"], text, ms_of(at) + number * _TURN_APART_MS)


class ChatVault:
    """A journal with its life stream and index that holds chats as messages.

    Attributes:
        turn_of: the chat's name and the turn, by the hex id of the journal record.
    """

    def __init__(self, folder: Path, chats: Iterable[Chat]) -> None:
        """Journal every turn, and bring life stream and index in step; nothing is embedded yet."""
        chats = list(chats)
        self.now_ms = max(chat.end_ms for chat in chats)
        self.journal = Journal(folder, KEY, lambda: self.now_ms)
        self.stream = LifeStream(folder, KEY, self.journal, lambda: UTC)
        self.index = Index(folder, KEY, self.journal)
        self.turn_of: dict[str, tuple[str, Turn]] = {}
        for chat in chats:
            events = [_message(chat, turn) for turn in chat.turns]
            self.turn_of |= {event.id.hex(): (chat.name, turn) for event, turn in zip(events, chat.turns, strict=True)}
            self.journal.append(events)
        self.stream.update()
        self.index.update()

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()


def _message(chat: Chat, turn: Turn) -> Event:
    payload = {"conversation": chat.name, "sender": turn.speaker}
    return Event(
        SOURCE, "message", Layer.TEXT, turn.at_ms, Origin.PERSON, Trust.KNOWN, payload, f"export:{SOURCE}",
        text=turn.text, offset_min=0, key=f"{chat.name}/{turn.id}",
    )  # fmt: skip


_INVENTED = (
    ("Mina", "My name is Mina, nice to meet you! I moved to Lyon in March."),
    ("Tom", "Welcome! What do you do there?"),
    ("Mina", "I am a pastry chef in a hotel by the river."),
    ("Tom", "My sister Ines plays the cello in the orchestra of Lyon."),
    ("Mina", "Does she? I would love to hear her play."),
    ("Tom", "Their next concert is on 12 June, shall we go?"),
    ("Mina", "Yes! My dog Pico will have to stay at home."),
    ("Tom", "I broke my left arm while skiing in Val Thorens last winter."),
)
_ASKED = (
    ("Where did Mina move to in March?", "D1:1", "Lyon"),
    ("What is Mina's job?", "D1:3", "pastry chef"),
    ("Which instrument does Ines play?", "D1:4", "the cello"),
    ("What is the name of the dog?", "D1:7", "Pico"),
    ("Where did Tom go skiing?", "D1:8", "Val Thorens"),
)


def invented_chat() -> Chat:
    """A chat of eight turns with five questions, for when there is no data."""
    start_ms = ms_of(datetime(2025, 4, 5, 18, 0, tzinfo=UTC))
    turns = tuple(
        Turn(f"D1:{n}", "session_1", speaker, text, start_ms + n * _TURN_APART_MS)
        for n, (speaker, text) in enumerate(_INVENTED, 1)
    )
    return Chat(
        "invented", turns, tuple(Question(text, frozenset({turn}), "1", answer) for text, turn, answer in _ASKED)
    )
