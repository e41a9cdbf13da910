"""Slow references of the episode finders: straight from their definitions, over a whole life at once, in loops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from hearthside.alignment import hints
from hearthside.alignment.columns import EventColumns
from hearthside.alignment.sessions import Codes
from hearthside.events import Origin
from tests.alignment.episodes.windows import Life, Said, columns_of

MIN = 60_000
HOUR = 60 * MIN
DAY = 24 * HOUR

Span = tuple[int, int]
Found = tuple[int, int, str]
"""Start, end, label."""


def chains(spans: Sequence[Span], gap: int) -> list[tuple[list[int], int]]:
    """Sessions as (indices, end), of spans in order of start.

    A session ends where for more than `gap` after all ends nothing begins; and at a midnight that comes at least twelve
    hours (less a gap) after the last such silence. It is over by the end of the day after the one it starts on.
    """
    found: list[tuple[list[int], int]] = []
    silence_ended, last_end = 0, 0
    for i, (start, end) in enumerate(spans):
        midnight = start // DAY * DAY
        if not found or start > last_end + gap:
            found.append(([i], end))
            silence_ended, last_end = start, end
            continue
        before = found[-1][0]
        crossed = spans[before[-1]][0] < midnight
        if crossed and silence_ended <= midnight - 12 * HOUR + gap:
            found[-1] = (before, min(found[-1][1], midnight))
            found.append(([i], end))
        else:
            found[-1] = ([*before, i], max(found[-1][1], end))
        last_end = max(last_end, end)
    return [(members, min(end, (spans[members[0]][0] // DAY + 2) * DAY)) for members, end in found]


def timed(life: Life, kinds: Iterable[str], longest: int = 12 * HOUR) -> list[Said]:
    """Events with a time of day, in order of (start, id), none too long."""
    wanted = set(kinds)
    chosen = [
        one for one in life.events if one.kind in wanted and not one.by_day and end_of(one) - one.start_ms <= longest
    ]
    return sorted(chosen, key=lambda one: (one.start_ms, one.id))


def end_of(one: Said) -> int:
    """The end, of an instant its start."""
    return one.start_ms if one.end_ms is None else max(one.end_ms, one.start_ms)


def spans_of(events: Iterable[Said]) -> list[Span]:
    """Start and end of each."""
    return [(one.start_ms, end_of(one)) for one in events]


def total(spans: Iterable[Span]) -> int:
    """How long the union of spans lasts."""
    seconds, reached = 0, -(10**18)
    for start, end in sorted(spans):
        seconds += max(0, end - max(start, reached))
        reached = max(reached, end)
    return seconds


def listening(life: Life) -> list[Found]:
    """See `hearthside.alignment.episodes.listening`."""
    songs, found = timed(life, ["listen"]), []
    for members, end in chains(spans_of(songs), 20 * MIN):
        if len(members) >= 2:
            heard = Counter(songs[i].text.split(" – ")[0] for i in members)
            best = max(heard.values())
            first = next(a for i in members if heard[a := songs[i].text.split(" – ")[0]] == best)
            others = " and others" if len(heard) > 1 else ""
            end = max(end, songs[members[-1]].start_ms + 4 * MIN)
            found.append((songs[members[0]].start_ms, end, f"listening to {first}{others}"))
    return found


def watching(life: Life) -> list[Found]:
    """See `hearthside.alignment.episodes.watching`."""
    videos = timed(life, ["watch"])
    made = chains(spans_of(videos), 30 * MIN)
    return [(videos[m[0]].start_ms, end, "watching videos") for m, end in made if len(m) >= 2]


def sleep(life: Life) -> list[Found]:
    """See `hearthside.alignment.episodes.sleep`; times of day by the life's one offset."""
    told = [one for one in timed(life, ["sleep", "activity"], DAY) if end_of(one) > one.start_ms and _asleep(one)]
    kept = [one for one in told if not _covered(one, [other for other in told if _rank(other) > _rank(one)])]
    found: list[Found] = []
    for members, end in chains(spans_of(kept), HOUR):
        start = kept[members[0]].start_ms
        bed = total((kept[i].start_ms, min(end_of(kept[i]), end)) for i in members)
        if bed < 10 * MIN:
            continue
        hour = ((start + end) // 2 // MIN + life.offset_min) // 60 % 24
        near = [
            end_of(one) - one.start_ms
            for i, one in enumerate(kept)
            if i not in members and abs(one.start_ms - start) <= DAY
        ]
        short = bed < 0.5 * max(near) if near else bed < 3 * HOUR
        found.append((start, end, "nap" if short and 8 <= hour < 22 else "asleep"))
    return found


def _asleep(one: Said) -> bool:
    return one.kind == "sleep" or (one.origin is Origin.SELF and one.text in ("Sleeping", "go to bed"))


def _rank(one: Said) -> int:
    if one.kind == "activity":
        return 0
    return 2 if one.amount > 0 and abs(one.amount - (end_of(one) - one.start_ms) / 1000) > 1 else 1


def _covered(one: Said, better: Iterable[Said]) -> bool:
    parts = [(max(one.start_ms, b.start_ms), min(end_of(one), end_of(b))) for b in better]
    return total(part for part in parts if part[0] < part[1]) >= 0.5 * (end_of(one) - one.start_ms)


def exercise(life: Life) -> list[Found]:
    """See `hearthside.alignment.episodes.exercise`."""
    workouts = [one for one in timed(life, ["workout"], DAY) if end_of(one) > one.start_ms]
    found: list[Found] = []
    for members, end in chains(spans_of(workouts), -1):
        longest = max(end_of(workouts[i]) - workouts[i].start_ms for i in members)
        label = next(workouts[i].text for i in members if end_of(workouts[i]) - workouts[i].start_ms == longest)
        found.append((workouts[members[0]].start_ms, end, label))
    return sorted(found + _bouts(life, workouts), key=lambda one: one[:2])


def _bouts(life: Life, workouts: Sequence[Said]) -> list[Found]:
    met: dict[int, float] = {}
    for (_, measure), values in life.samples.items():
        for i, value in enumerate(values.tolist() if measure == "met" else []):
            at = life.first_day * 1440 + i
            if value == value:
                met[at] = max(value, met.get(at, value))
    high = [
        at
        for at in sorted(met)
        if met[at] >= 3 and not any(one.start_ms // MIN - 10 <= at <= (end_of(one) - 1) // MIN + 10 for one in workouts)
    ]
    found: list[Found] = []
    for members, end in chains([(at * MIN, at * MIN + MIN) for at in high], 2 * MIN):
        first, last = high[members[0]], end // MIN
        if last - first >= 10 and len(members) >= 0.8 * (last - first):
            vigorous = sum(met.get(at, 0) >= 6 for at in range(first, last))
            label = "vigorous" if 2 * vigorous >= last - first else "moderate"
            found.append((first * MIN, end, f"{label} activity"))
    return found


def computer(life: Life) -> list[Found]:
    """See `hearthside.alignment.episodes.computer`."""
    keyboard = timed(life, ["afk"], DAY)
    parts: list[tuple[int, int, Said]] = []
    for one in timed(life, ["app_use"]):
        span = (one.start_ms, end_of(one))
        if span[0] == span[1]:
            continue
        if any(_shared(span, (k.start_ms, end_of(k))) for k in keyboard):
            at = [(k.start_ms, end_of(k)) for k in keyboard if k.text in ("at the keyboard", "not-afk")]
            parts += [(*_cut(span, joined), one) for joined in _union(at) if _shared(span, joined)]
        elif span[1] - span[0] <= 4 * HOUR:
            parts.append((*span, one))
    parts.sort(key=lambda part: (part[0], part[2].start_ms, part[2].id))
    found: list[Found] = []
    for members, end in chains([part[:2] for part in parts], 10 * MIN):
        if total((parts[i][0], min(parts[i][1], end)) for i in members) < MIN:
            continue
        use: Counter[str] = Counter()
        for i in members:
            use[parts[i][2].note] += parts[i][1] - parts[i][0]
        best = next(parts[i][2].note for i in members if use[parts[i][2].note] == max(use.values()))
        found.append((parts[members[0]][0], end, f"at the computer, mostly {best}"))
    return found


def _shared(a: Span, b: Span) -> bool:
    cut = _cut(a, b)
    return cut[0] < cut[1]


def _cut(a: Span, b: Span) -> Span:
    return max(a[0], b[0]), min(a[1], b[1])


def _union(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def conversation(life: Life) -> list[Found]:
    """See `hearthside.alignment.episodes.conversation`; names of two at most, no separators in names."""
    found: list[Found] = []
    messages = timed(life, ["message"])
    for thread in {(one.source, one.note.split(" · ")[0]) for one in messages}:
        mine = [one for one in messages if (one.source, one.note.split(" · ")[0]) == thread]
        for members, end in chains(spans_of(mine), 30 * MIN):
            others = [mine[i].note.split(" · ")[-1] for i in members if mine[i].origin is not Origin.SELF]
            if 0 < len(others) < len(members):
                found.append((mine[members[0]].start_ms, end, f"chatting with {_two(others)}"))
    spoken = timed(life, ["utterance"])
    for members, end in chains(spans_of(spoken), 5 * MIN):
        others = [spoken[i].note.split(" · ")[0] for i in members if spoken[i].origin is not Origin.SELF]
        own = len(others) < len(members)
        if len(set(others)) + own >= 2:
            how = "talking with" if own else "talk nearby:"
            found.append((spoken[members[0]].start_ms, end, f"{how} {_two(others)}"))
    return sorted(found)


def _two(names: Sequence[str]) -> str:
    ranked = sorted(set(names), key=lambda name: (-list(names).count(name), list(names).index(name)))
    return " and ".join("somebody" if name == "SPEAKER_00" else name for name in ranked)


def home_activity(life: Life) -> list[Found]:
    """See `hearthside.alignment.episodes.home_activity`."""
    noted = [one for one in timed(life, ["activity"], 10**15) if one.origin is Origin.SELF and one.text]
    found = [(one.start_ms, end_of(one), one.text) for one in noted]
    states = timed(life, ["state"], 10**15)
    codes = _codes(states, hints.rooms)
    for room in set(codes) - {0}:
        mine = [one.start_ms for one, code in zip(states, codes, strict=True) if code == room]
        for members, end in chains([(at, at) for at in mine], 5 * MIN):
            if len(members) >= 2:
                found.append((mine[members[0]], end, f"in the {hints.ROOMS[room]}"))
    return sorted(found)


def meal(life: Life) -> list[Found]:
    """See `hearthside.alignment.episodes.meal`."""
    labels = [one for one in timed(life, ["activity"], 6 * HOUR) if one.origin is Origin.SELF]
    kinds = _codes(labels, hints.food)
    noted = [(one, code) for one, code in zip(labels, kinds, strict=True) if code]
    found: list[Found] = []
    for members, end in chains(spans_of(one for one, _ in noted), 20 * MIN):
        names = [hints.meal_name(noted[i][0].text) for i in members]
        name = next((name for name in names if name != "meal"), "meal")
        eaten = any(noted[i][1] == hints.EATING for i in members)
        shown = name if eaten else f"preparing {'a meal' if name == 'meal' else name}"
        found.append((noted[members[0]][0].start_ms, end, shown))
    seen = timed(life, ["caption", "region_enter", "state"])
    left = [
        (one.start_ms, code)
        for one, code in zip(seen, _codes(seen, hints.food), strict=True)
        if code and not any(label.start_ms - 20 * MIN <= one.start_ms <= end_of(label) + 20 * MIN for label, _ in noted)
    ]
    for members, end in chains([(at, at) for at, _ in left], 20 * MIN):
        codes = {left[i][1] for i in members}
        looks = [left[i][0] for i in members if left[i][1] == hints.SEEN]
        two_looks = bool(looks) and looks[-1] - looks[0] >= 2 * MIN
        at_home = hints.COOKING in codes and bool(codes & {hints.STORE, hints.DISHES})
        if {hints.SEEN, hints.PLACE} <= codes or two_looks or at_home:
            found.append((left[members[0]][0], end, "meal"))
    return sorted(found)


def _codes(events: Sequence[Said], of: Callable[[EventColumns], Codes]) -> list[int]:
    """What the tables of words say of each event, looked up one at a time."""
    return [int(of(columns_of([one]))[0]) for one in events]


REFERENCES: dict[str, Callable[[Life], list[Found]]] = {
    "computer": computer, "conversation": conversation, "exercise": exercise, "home_activity": home_activity,
    "listening": listening, "meal": meal, "sleep": sleep, "watching": watching,
}  # fmt: skip
