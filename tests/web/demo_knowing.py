"""What the demonstration house believes about its invented person; decisions are kept in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from hearthside.errors import Refused
from hearthside.memory.decisions import Verdict
from hearthside.memory.hits import Hit
from hearthside.web.known_views import (
    Counted,
    CountedPart,
    KnownGroup,
    KnownItem,
    KnownTopic,
    KnownView,
    MoodPoint,
    MoodsView,
    Word,
)

_DAY = "2026-03-31"
_MONTHS = [f"{2024 + n // 12}-{n % 12 + 1:02d}" for n in range(27)]
_ARTISTS = ("Paper Boats", "The Hollow Hills", "Low Water", "Nadia Sun", "Old Harbour", "Minor Planets", "Ferns")


def preference(number: int, sentence: str, trend: str, strength: float, **fields: object) -> KnownItem:
    """A belief that was counted; its months swing around its strength."""
    months = tuple(
        (m, round(max(0.0, 20 * strength * (1.2 + math.sin(n / 2 + number))))) for n, m in enumerate(_MONTHS)
    )
    made = KnownItem(
        f"{number:032x}", sentence, "412 times on 96 days. It was there on 12 of 40 days heard lately.", strength,
        f"about {100 * strength / 3:.0f} % of “music” expected in the next month", trend, "2024-01-09",
        "2025-05-02" if trend == "past" else "", months, "times", "2026-03", (f"{1:032x}", f"{2:032x}"),
        undo=f"{number:032x}",
    )  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]


def fact(number: int, sentence: str, value: str, since: str, until: str = "", **fields: object) -> KnownItem:
    """A belief that was stated."""
    made = KnownItem(
        f"{number:032x}", sentence, "From your own words; 1 record shown. Learned in March 2026.", 0.85, "85 % sure",
        "past" if until else "holds", since, until, (), "", "", (f"{3:032x}",), undo=f"{number:032x}", value=value,
    )  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]


def demo_items(canary: str) -> dict[str, list[KnownItem]]:
    """Beliefs by topic."""
    trends = ("rising", "steady", "fading", "steady", "unheard", "steady", "past")
    music = [
        preference(100 + n, f"{canary}You listen to {name} about as often as before; it began in January 2024.", trend,
                   1 / (n + 1), heard_to="2025-10" if trend == "unheard" else "2026-03")
        for n, (name, trend) in enumerate(zip(_ARTISTS, trends, strict=True))
    ]  # fmt: skip
    home = [
        fact(200, f"{canary}You live in Lindenau.", "Lindenau", "2026-02-01", against=(f"{201:032x}",)),
        fact(201, "You live in Plagwitz.", "Plagwitz", "2026-02-10", against=(f"{200:032x}",)),
        fact(202, "You live in Grünau.", "Grünau", "2024-01-05", "2026-01-15"),
    ]
    others = [replace(fact(300, "Ravi said: “I am vegan now”", "", "2026-03-02"), trend="said", value=None)]
    return {"music": music, "places": home, "others": others}


def mood(number: int, sentence: str, trend: str, first: str, last: str, value: str) -> KnownItem:
    """A low stretch, or what went before better days."""
    return KnownItem(
        f"{number:032x}", sentence, "A better day followed after 5 of 6 low days with it.", 0.5, "after 5 of 6", trend,
        first, last, (), "", "", (f"{1:032x}",), "", f"{number:032x}", value,
    )  # fmt: skip


@dataclass
class DemoKnown:
    """Plays `hearthside.app.knowing.KnownDesk`."""

    canary: str
    hits: Callable[[], list[Hit]]
    empty: bool = False
    decided: dict[str, tuple[Verdict, str]] = field(default_factory=dict)

    def view(self) -> KnownView:
        found = {} if self.empty else demo_items(self.canary)
        titles = {"music": ("Music", "artist"), "places": ("Places", ""), "others": ("What others said", "")}
        topics, words = [], []
        for key, items in found.items():
            title, kind = titles[key]
            kept = [self._as_decided(item) for item in items]
            topics.append(
                KnownTopic(key, title, [KnownGroup("", kind, [i for i in kept if i is not None], 230 if kind else 0)])
            )
            words += [self._word(item) for item in items if item.id in self.decided]
        by_id = {item.id: item for topic in topics for item in topic.items()}
        pair = [by_id.get(f"{200:032x}"), by_id.get(f"{201:032x}")]
        against = [(pair[0], pair[1])] if pair[0] is not None and pair[1] is not None else []
        return KnownView(_DAY, topics, 4, 7, 230, [p for p in against if not p[0].decided], words, self._moods())

    def _as_decided(self, item: KnownItem) -> KnownItem | None:
        verdict, value = self.decided.get(item.id, (Verdict.UNDO, ""))
        if verdict is Verdict.FORGET:
            return None
        if verdict is Verdict.PIN:
            return replace(item, decided="pinned")
        if verdict is Verdict.CORRECT:
            said = f"{value} (lives in; your own correction)."
            return replace(item, id="f" + item.id[1:], sentence=said, value=value, decided="corrected", against=())
        return item

    def _word(self, item: KnownItem) -> Word:
        verdict, value = self.decided[item.id]
        return Word(item.id, verdict, f"{verdict}: {item.sentence} {value}", _DAY, f"{1:032x}")

    def _moods(self) -> MoodsView:
        days = [] if self.empty else [
            MoodPoint(f"2026-03-{n:02d}", round(math.sin(n / 3) / 2, 2), math.sin(n / 3) < -0.8) for n in range(1, 32)
        ]  # fmt: skip
        low = mood(400, "You sounded low from 13 March 2026 to 15 March 2026.", "low", "2026-03-13", "2026-03-15", "")
        helped = mood(401, "Climbing.", "helped", "", "", "climbing")
        unsure = mood(402, "Music.", "unsure", "", "", "music")
        shown = [[i for i in map(self._as_decided, items) if i is not None] for items in ([low], [helped, unsure])]
        return MoodsView(days, shown[0], shown[1], "This is weak evidence.", "You last sounded low in March.")

    def decide(self, item: str, verdict: Verdict, value: str = "") -> None:
        if verdict is Verdict.CORRECT and not value.strip():
            raise Refused("memory-correction-empty", "A correction needs words; nothing was changed.")
        if verdict is Verdict.UNDO:
            self.decided.pop(item, None)
        else:
            self.decided[item] = (verdict, value)

    def evidence(self, ids: Iterable[str]) -> list[Hit]:
        wanted = set(ids)
        return [hit for hit in self.hits() if hit.id in wanted]

    def counted(self, kind: str, words: str = "", first: int = 0) -> CountedPart:
        names = [f"{self.canary}Band {n}" for n in range(230)]
        fitting = [name for name in names if all(word in name.casefold() for word in words.split())]
        return CountedPart(
            len(fitting),
            [Counted(n, 230 - i, "3 times", "2024-01-09", "2026-03-01", f"{1:032x}") for i, n in enumerate(fitting)][
                first : first + 100
            ],
        )
