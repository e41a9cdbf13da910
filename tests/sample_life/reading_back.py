"""Reads a sample life's files with the standard library alone, as far from the generator's code as possible."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hearthside.sample_life import SampleLife

_HEAD = re.compile(r"(?m)^(\d\d/\d\d/\d{4}, \d\d:\d\d) - (?:([^:\n]+): )?")


@dataclass(frozen=True)
class Written:
    """A chat message as the file has it; `time` is UTC, to the minute."""

    time: datetime
    chat: str
    sender: str
    text: str


def chats(life: SampleLife) -> list[Written]:
    """All messages of all chats, without the notices of the app."""
    found = []
    for path in sorted((life.folder / "whatsapp").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        heads = list(_HEAD.finditer(text))
        for head, following in zip(heads, [*heads[1:], None], strict=True):
            body = text[head.end() : following.start() if following else len(text)].rstrip("\n")
            if head[2]:
                local = datetime.strptime(head[1], "%d/%m/%Y, %H:%M").replace(tzinfo=ZoneInfo(life.zone))
                chat = path.stem.removeprefix("WhatsApp Chat with ")
                found.append(Written(local.astimezone(UTC), chat, head[2], body))
    return found


def own_messages(life: SampleLife) -> list[Written]:
    """The person's own."""
    return [message for message in chats(life) if message.sender in life.self_names]


def document(life: SampleLife, name: str) -> Any:
    """A JSON document."""
    return json.loads((life.folder / name).read_text(encoding="utf-8"))


def lines(path: Path) -> list[dict[str, Any]]:
    """A file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def only(life: SampleLife, folder: str) -> Path:
    """The one file of a folder."""
    (path,) = (life.folder / folder).iterdir()
    return path


def app_uses(life: SampleLife) -> list[tuple[datetime, datetime, dict[str, str]]]:
    """Start, end and data of every window event."""
    buckets = document(life, "activitywatch/aw-buckets-export.json")["buckets"].values()
    found = []
    for event in (event for bucket in buckets if bucket["type"] == "currentwindow" for event in bucket["events"]):
        start = datetime.fromisoformat(event["timestamp"])
        found.append((start, start + timedelta(seconds=event["duration"]), event["data"]))
    return found


def states(life: SampleLife, entity: str) -> list[tuple[datetime, str]]:
    """When an entity changed to what."""
    for history in document(life, "home_assistant/history.json"):
        if history[0]["entity_id"] == entity:
            return [(datetime.fromisoformat(row["last_changed"]), row["state"]) for row in history]
    raise LookupError(entity)


def state_at(history: list[tuple[datetime, str]], at: datetime) -> str:
    """The state that held at an instant."""
    return [state for when, state in history if when <= at][-1]
