"""Sums of costs: the same however they were made, also after forgetting, under new keys and by several processes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthside.app import cost_sums
from hearthside.app.cost_sums import SLOT_MS, CostSums, Sums
from hearthside.errors import NeedsPerson
from hearthside.events import DAY_MS, Event, Json, Layer, Origin, Trust, day_start_ms
from hearthside.identity.database import open_database
from hearthside.journal import Journal
from tests.app.helpers import house_in
from tests.app.test_costs import spent

_KEY = b"c" * 32
_START = day_start_ms("2024-12-20")  # two year files
_WORKS = ("answer", "night", "other", "probe")


class Vault:
    """A journal with costs in it, and sums of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, _START
        self.journal = Journal(folder, b"j" * 32, lambda: self.now)
        self.chance = random.Random(6)
        self.sums = self.another()

    def another(self, key: bytes = _KEY) -> CostSums:
        """As another process has them."""
        return CostSums(self.folder, key, self.journal)

    def add(self, count: int) -> list[Event]:
        """So many answers and costs, some long ago, and records that are neither."""
        events = []
        for _ in range(count):
            self.now += self.chance.randrange(3_600_000)
            kind = self.chance.choice(["answer", "cost", "cost", "state"])
            events.append(event(kind, self.now - self.chance.choice([0, 0, 40 * DAY_MS]), self.chance))
        self.journal.append(events)
        return events

    def all(self, sums: CostSums | None = None) -> list[Sums]:
        """Every week."""
        weeks = range(_START - 42 * DAY_MS, self.now + DAY_MS, 7 * DAY_MS)
        return (sums or self.sums).between([(at, at + 7 * DAY_MS) for at in weeks])


def event(kind: str, at_ms: int, chance: random.Random) -> Event:
    """An answer, or what one cost, at a time."""
    payload: dict[str, Json] = {"worded_by": chance.choice(["", "a model"]), "n": chance.random()}
    if kind == "cost":
        payload |= {
            "work": chance.choice(_WORKS), "completions": chance.randrange(1, 4), "meter": "m",
            "prompt_tokens": chance.randrange(2000), "cached_tokens": chance.randrange(100),
            "completion_tokens": chance.randrange(80), "seconds": round(chance.random() * 9, 3),
            "joules": chance.choice([None, round(chance.random() * 500, 3)]),
        }  # fmt: skip
    end_ms = at_ms + 700 if kind == "cost" else None
    return Event("station", kind, Layer.TEXT, at_ms, Origin.DEVICE, Trust.OWN, payload, clock="station", end_ms=end_ms)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    made = Vault(tmp_path)
    yield made
    made.journal.close()


def test_sums_are_exact(vault: Vault) -> None:
    events = [*vault.add(300), *vault.add(1), *vault.add(200)]
    costs = [one.payload for one in events if one.kind == "cost"]
    [whole] = vault.sums.between([(_START - 99 * DAY_MS, vault.now + DAY_MS)])
    answers = [one for one in events if one.kind == "answer"]
    assert (whole.answers, whole.worded) == (len(answers), sum(bool(one.payload["worded_by"]) for one in answers))
    for work in _WORKS:
        found, mine = whole.by_work[work], [one for one in costs if one["work"] == work]
        known = [round(1000 * one["joules"]) for one in mine if one["joules"] is not None]
        assert (found.pieces, found.completions) == (len(mine), sum(one["completions"] for one in mine))
        assert found.tokens_in == sum(one["prompt_tokens"] for one in mine)
        assert found.tokens_cached == sum(one["cached_tokens"] for one in mine)
        assert found.tokens_out == sum(one["completion_tokens"] for one in mine)
        assert found.seconds == sum(round(1000 * one["seconds"]) for one in mine) / 1000
        assert (found.joules, found.measured) == (sum(known) / 1000, len(known))
    bounds = vault.sums.bounds()
    times = [one.end_ms or one.start_ms for one in events if one.kind != "state"]
    assert bounds == (min(times) // SLOT_MS * SLOT_MS, max(times) // SLOT_MS * SLOT_MS)


def test_nothing_yet(vault: Vault) -> None:
    assert vault.sums.bounds() is None and vault.all() == [Sums(0, 0, {})] * len(vault.all())


def test_step_by_step_is_the_same_as_made_anew(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (1, 50, 3, 120, 7):
        vault.add(count)
        vault.all()
        monkeypatch.setattr(cost_sums, "_FEW", vault.chance.choice([0, 5, 10_000]))
    step_by_step = vault.all()
    vault.sums.rebuild()
    assert vault.all() == step_by_step
    for path in vault.folder.glob("costs.db*"):
        path.unlink()
    assert vault.all(vault.another()) == step_by_step


def test_what_is_forgotten_is_in_no_sum(vault: Vault) -> None:
    first, second = vault.add(80), vault.add(80)
    vault.all()
    assert vault.journal.forget(one.id for one in first) == 80
    left = vault.all()
    vault.sums.rebuild()
    assert left == vault.all()
    [whole] = vault.sums.between([(_START - 99 * DAY_MS, vault.now + DAY_MS)])
    assert whole.answers == sum(one.kind == "answer" for one in second)
    assert sum(one.pieces for one in whole.by_work.values()) == sum(one.kind == "cost" for one in second)
    vault.add(5)
    vault.journal.compact()
    after = vault.all()
    vault.sums.rebuild()
    assert after == vault.all()


def test_a_file_of_other_keys_or_a_damaged_one_is_made_anew(vault: Vault) -> None:
    vault.add(60)
    before = vault.all()
    other = vault.another(b"d" * 32)
    assert vault.all(other) == before == vault.all(vault.another(b"d" * 32))
    path = vault.folder / "costs.db"
    whole = path.read_bytes()
    for place in (0, 5000, len(whole) - 3000):
        path.write_bytes(whole[:place] + b"\xff" * 3000 + whole[place + 3000 :])
        assert vault.all(vault.another(b"d" * 32)) == before


def test_a_journal_put_back_is_read_again(vault: Vault, tmp_path: Path) -> None:
    vault.add(60)
    vault.all()
    earlier = Vault(tmp_path / "earlier")
    earlier.add(20)
    known = earlier.all()
    mixed = CostSums(vault.folder, _KEY, earlier.journal)
    assert earlier.all(mixed) == known
    earlier.journal.close()


def test_two_who_look_at_once_count_once(vault: Vault) -> None:
    other = vault.another()
    for _ in range(5):
        vault.add(10)
        assert vault.all() == vault.all(other)
    assert vault.all() == vault.all(other)


def test_no_word_lies_in_the_clear(vault: Vault) -> None:
    vault.add(20)
    vault.all()
    held = b"".join(path.read_bytes() for path in vault.folder.glob("costs.db*"))
    assert held and b"SQLite format" not in held and b"answer" not in held


def test_new_keys_leave_no_sums_under_the_former_ones(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        house.costs.take(spent())
        before, former = house.costs.view(), house.rooms.vault.key("costs")
        path = house.rooms.vault.folder / "costs.db"
        open_database(path, former).close()
        assert house.wait(house.start_rotation()).state == "done"
        with pytest.raises(NeedsPerson):
            open_database(path, former)
        assert house.costs.view() == before and before.recent.other.pieces == 1
        house.costs.take(spent())
        assert house.costs.view().recent.other.pieces == 2
