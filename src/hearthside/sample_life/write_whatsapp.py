"""WhatsApp chats as Android exports them: local time without a zone, day first, one file per contact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.chat import Message

_NOTICE = (
    "Messages and calls are end-to-end encrypted. No one outside of this chat, not even WhatsApp, can read or listen "
    "to them. Tap to learn more."
)


def write_whatsapp(folder: Path, cast: Cast, messages: Sequence[Message]) -> dict[str, int]:
    """One text file per contact; messages per file (the notice in the first line is none)."""
    target = folder / "whatsapp"
    target.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for role, contact in cast.contacts.items():
        mine = [message for message in messages if message.contact == role]
        lines = []
        for number, message in enumerate(mine):
            head = f"{message.time.astimezone(cast.zone):%d/%m/%Y, %H:%M} - "
            if number == 0:
                lines.append(head + _NOTICE)
            lines.append(f"{head}{cast.display_name if message.own else contact.name}: {message.text}")
        name = f"WhatsApp Chat with {contact.name}.txt"
        (target / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        counts[f"whatsapp/{name}"] = len(mine)
    return counts
