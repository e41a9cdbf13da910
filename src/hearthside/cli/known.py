"""The command `hearthside known`: what is believed about the person, by topic, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hearthside.cli.common import JSON, VAULT, opened_house, out, print_json
from hearthside.cli.query import _plain, sparkline
from hearthside.errors import Refused

if TYPE_CHECKING:
    from hearthside.web.known_views import KnownItem, KnownTopic, KnownView, MoodsView

app = typer.Typer()

_STRENGTH = 5  # columns
_MONTHS = 24
_SHORT_ID = 12
_MOODS = "moods"


@app.command()
def known(
    topic: Annotated[str, typer.Argument(help="One topic only, such as music; see the names in the list.")] = "",
    vault: VAULT = None,
    past: Annotated[bool, typer.Option("--past", help="Also what was so and is no longer.")] = False,
    pin: Annotated[str, typer.Option(metavar="ID", help="This holds, whatever the records say.")] = "",
    forget: Annotated[str, typer.Option(metavar="ID", help="Do not believe this; its records stay.")] = "",
    undo: Annotated[str, typer.Option(metavar="ID", help="Take your word on this back.")] = "",
    correct: Annotated[tuple[str, str], typer.Option(metavar="ID WORDS", help="It is otherwise: these words hold.")] = (
        "",
        "",
    ),
    json_out: JSON = False,
) -> None:
    """Show what Hearthside believes about you, and what it rests on; pin, forget or correct any of it by its id."""
    from hearthside.memory.decisions import Verdict

    wishes = [(Verdict.PIN, pin, ""), (Verdict.FORGET, forget, ""), (Verdict.UNDO, undo, ""),
              (Verdict.CORRECT, *correct)]  # fmt: skip
    with opened_house(vault) as house:
        house.keep_in_step()
        for verdict, item, value in wishes:
            if item:
                house.known.decide(_whole_id(house.known.view(), item), verdict, value)
        view = house.known.view()
    if any(item for _, item, _ in wishes) and not json_out:
        out.print(_plain(view.words[0].sentence if not undo and view.words else "Taken back."), markup=False)
        return
    moods = topic.casefold() == _MOODS
    topics = [one for one in view.topics if topic.casefold() in ("", one.key, one.title.casefold())]
    if topic and not topics and not moods:
        names = ", ".join([*(one.key for one in view.topics), *([_MOODS] if view.moods.days else [])]) or "none yet"
        raise Refused("topic-unknown", f"Nothing is believed under “{topic}”. Topics: {names}.")
    if json_out:
        print_json(view.moods if moods else topics if topic else view)
        return
    _print(view, topics, past, whole=not topic)


def _whole_id(view: KnownView, beginning: str) -> str:
    """The id of the one item, or of the one decision, whose id begins so."""
    items = [item for topic in view.topics for item in topic.items()] + [*view.moods.low, *view.moods.helped]
    ids = {one for item in items for one in (item.id, item.undo) if one} | {word.item for word in view.words}
    found = sorted(one for one in ids if one.startswith(beginning.casefold()))
    if len(found) != 1:
        how = "More than one belief has an id" if found else "No belief has an id"
        raise Refused("memory-item-unknown", f"{how} that begins with “{beginning}”; nothing was changed.")
    return found[0]


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
    if view.moods.days and (whole or not topics):
        _print_moods(view.moods)
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


def _print_moods(moods: MoodsView) -> None:
    out.print(Text(f"Moods ({_MOODS})", style="bold"))
    out.print(f"    {moods.caution}", markup=False, style="dim")
    if moods.last_time:
        out.print(f"    {_plain(moods.last_time)}", markup=False)
    for title, items in (("What helped", moods.helped), ("Low stretches", moods.low)):
        if items:
            out.print(Text(f"  {title}", style="underline"))
        for item in items:
            _print_item(item)


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
    about.append(f"id {item.id[:_SHORT_ID]}")
    out.print(Text(f"    {'█' * full}{'░' * (_STRENGTH - full)} {_plain(item.sentence)}"))
    out.print(Text(f"          {' · '.join(part for part in about if part)}", style="dim"))
