"""The command `hearthside known`: what is believed about the person, by topic, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hearthside.cli.common import JSON, VAULT, opened_house, out, print_json
from hearthside.cli.query import _plain, sparkline
from hearthside.errors import Refused

if TYPE_CHECKING:
    from hearthside.web.known_views import KnownItem, KnownTopic, KnownView

app = typer.Typer()

_STRENGTH = 5  # columns
_MONTHS = 24
_SHORT_ID = 12


@app.command()
def known(
    topic: Annotated[str, typer.Argument(help="One topic only, such as music; see the names in the list.")] = "",
    vault: VAULT = None,
    past: Annotated[bool, typer.Option("--past", help="Also what was so and is no longer.")] = False,
    json_out: JSON = False,
) -> None:
    """Show what Hearthside believes about you, and what it rests on; the page “Beliefs” lets you correct it."""
    with opened_house(vault) as house:
        house.keep_in_step()
        view = house.known.view()
    topics = [one for one in view.topics if topic.casefold() in ("", one.key, one.title.casefold())]
    if topic and not topics:
        names = ", ".join(one.key for one in view.topics) or "none yet"
        raise Refused("topic-unknown", f"Nothing is believed under “{topic}”. Topics: {names}.")
    if json_out:
        print_json(topics if topic else view)
        return
    _print(view, topics, past, whole=not topic)


def _print(view: KnownView, topics: list[KnownTopic], past: bool, whole: bool) -> None:
    for one in topics:
        out.print(Text(f"{one.title} ({one.key})", style="bold"))
        for group in one.groups:
            shown = [item for item in group.items if past or not item.past]
            if group.title and (shown or group.counted):
                out.print(Text(f"  {group.title}", style="underline"))
            for item in shown:
                _print_item(item)
            left = len(group.items) - len(shown)
            rest = [f"{left:,} more are past" if left else "", f"{group.counted:,} counted" if group.counted else ""]
            if any(rest):
                out.print(f"    {'; '.join(part for part in rest if part)}", markup=False, style="dim")
    if not whole:
        return
    for pair in view.against:
        out.print(_plain(f"These cannot both be true: {pair[0].sentence} / {pair[1].sentence}"), markup=False)
    for word in view.words:
        out.print(_plain(f"{word.day}: {word.sentence}"), markup=False)
    out.print(
        f"{view.facts:,} facts, {view.preferences:,} tastes and habits, {view.counted:,} things counted,"
        f" {len(view.words):,} times your own word.",
        markup=False,
    )


def _print_item(item: KnownItem) -> None:
    from hearthside.web.known_views import TREND_WORDS

    full = min(max(round(item.strength * _STRENGTH), 0), _STRENGTH)
    amounts = [value if month <= item.heard_to else None for month, value in item.months]
    drawn = sparkline(amounts[-_MONTHS:]) if amounts else ""
    about = [TREND_WORDS.get(item.trend, item.trend), item.decided, item.strength_words, drawn]
    if not item.months and (item.since or item.until):
        about.append(f"{item.since or '…'} to {item.until or 'now'}")
    if item.evidence:
        about.append(f"{len(item.evidence)} records, {item.evidence[-1][:_SHORT_ID]}")
    out.print(Text(f"    {'█' * full}{'░' * (_STRENGTH - full)} {_plain(item.sentence)}"))
    out.print(Text(f"          {' · '.join(part for part in about if part)}", style="dim"))
