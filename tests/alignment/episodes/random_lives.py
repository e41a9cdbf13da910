"""Small random lives with what is hard for finders: long chains, gaps that just fit, overlaps, midnights, faults."""

from __future__ import annotations

import random

import numpy as np

from hearthside.events import Origin
from tests.alignment.episodes.windows import DAY, Life, Said

MIN = 60_000
DAYS = 6
_GAPS_MIN = (0, 1, 2, 3, 5, 6, 10, 11, 15, 20, 21, 30, 31, 60, 61, 200)
_LASTING_MIN = (0, 0, 1, 2, 10, 30, 59, 90, 300, 700, 730)
_LONG_MIN = (1400, 1500, 4000)
_TEXTS = {
    "listen": ("Ada – One", "Ada – Two", "Ben – One", "Cee – Song"),
    "watch": ("A film", "A lecture"),
    "app_use": ("Editor – notes", "Mail – inbox"),
    "afk": ("at the keyboard", "at the keyboard", "away from the keyboard", "not-afk"),
    "sleep": ("",),
    "workout": ("walking", "running"),
    "activity": ("Sleeping", "go to bed", "Preparing lunch", "Eating", "Washing dishes", "Reading"),
    "caption": ("A plate of pasta.", "A street.", "A menu on a table."),
    "region_enter": ("Home", "Osteria Blu", "Canteen"),
    "state": ("Fridge on", "Microwave on", "Plates cupboard closed", "Toilet flush on", "Hall light on",
              "Kitchen motion motion detected", "Kitchen motion no motion", "Outside 12.5 °C"),
    "message": ("Hello",),
    "utterance": ("Hm",),
    "position": ("",),
}  # fmt: skip
_MINUTE_KINDS = ("state", "position", "listen", "watch", "caption", "region_enter", "message")  # have no length


def random_life(rng: random.Random, kinds: frozenset[str], measures: frozenset[str]) -> Life:
    """A life of six days of some kinds and measures."""
    events: list[Said] = []
    for kind in sorted(kinds):
        for _ in range(rng.randint(1, 6)):
            events += _burst(rng, kind, len(events))
    samples = {("ring", measure): _samples(rng) for measure in sorted(measures)}
    if samples and rng.random() < 0.3:
        samples |= {("watch", measure): _samples(rng) for measure in sorted(measures)}
    return Life(events, samples, DAY, rng.choice((0, 120, -300)))


def _burst(rng: random.Random, kind: str, number: int) -> list[Said]:
    """Events of one kind one after another; now and then so many that no gap comes for days."""
    at = DAY * 1440 + rng.randrange(DAYS * 1440)
    marathon = rng.random() < 0.15
    steady = rng.choice(_GAPS_MIN[1:12])
    left = rng.randint(1, 6)
    until = at + 60 * rng.choice((14, 26, 40, 60))
    found: list[Said] = []
    while at < until if marathon else left > 0:
        lasting = rng.choice(_LASTING_MIN[:5] if marathon else _LASTING_MIN)
        if rng.random() < 0.02:
            lasting = rng.choice(_LONG_MIN)
        found.append(_said(rng, kind, at * MIN + rng.choice((0, 0, 1, 59_999)), lasting, number + len(found)))
        # From the end of the last one, so that gaps just fit, or from its start, so that they overlap.
        at += (lasting if rng.random() < 0.5 and lasting < 1000 else 0) + (
            max(steady, 5) if marathon else rng.choice(_GAPS_MIN)
        )
        left -= 1
    return found


def _said(rng: random.Random, kind: str, start: int, lasting: int, number: int) -> Said:
    lasts = lasting > 0 and (kind not in _MINUTE_KINDS or rng.random() < 0.1)
    end = start + lasting * MIN if lasts else None
    text = rng.choice(_TEXTS.get(kind, ("",)))
    origin = rng.choice((Origin.SELF, Origin.PERSON)) if kind in ("message", "utterance", "activity") else Origin.DEVICE
    amount = lasting * 60.0 if lasts else float("nan")
    if kind == "sleep" and rng.random() < 0.5:
        amount *= 0.8
    numbers: tuple[tuple[str, float], ...] = ()
    if kind == "position":
        place = rng.choice((0.0, 0.01, 0.02))
        numbers = (("lat", 50 + place + rng.random() / 5000), ("lon", 5.0), ("accuracy_m", 10.0))
    elif kind == "state":
        numbers = (("value", float("nan")),)
    note = _note(rng, kind, text, origin)
    source = rng.choice(("one", "two"))
    by_day = rng.random() < 0.03
    return Said(kind, start, end, text, note, source, origin, amount, numbers, by_day, number)


def _note(rng: random.Random, kind: str, text: str, origin: Origin) -> str:
    if kind == "message":
        return rng.choice(("Ben", "Family" if origin is Origin.SELF else "Family · Cee"))
    if kind == "utterance":
        return "Ada" if origin is Origin.SELF else rng.choice(("Ben", "SPEAKER_00"))
    return text.split(" – ", maxsplit=1)[0] if kind == "app_use" else ""


def _samples(rng: random.Random) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Stretches of effort, rest and silence."""
    found = np.full(DAYS * 1440, np.nan)
    at = rng.randrange(600)
    while at < len(found):
        long = rng.choice((1, 2, 3, 5, 8, 9, 10, 11, 20, 60, 300, 1600))
        found[at : at + long] = rng.choice((1.0, 1.2, 2.9, 3.0, 4.0, 6.5, float("nan")))
        at += long
    return found
