"""Offsets that records carry, noted from the new ones alone: the same as from everything in the journal."""

from __future__ import annotations

import random
from pathlib import Path

from hearthside.alignment.store import memory_of, remember, writing
from hearthside.alignment.stream import LifeStream
from hearthside.alignment.tracks import note_new_offsets, note_offsets
from hearthside.events import DAY_MS, MINUTE_MS
from tests.alignment.lives import START, event, open_vault


def _kept(stream: LifeStream) -> list[tuple[object, ...]]:
    return list(stream._connection().execute("SELECT day, body FROM offset_day ORDER BY day"))


def test_new_offsets_leave_what_all_of_them_leave(tmp_path: Path) -> None:
    rng = random.Random(3)
    vault = open_vault(tmp_path)
    vault.stream.update()
    connection, days = vault.stream._connection(), range(START // DAY_MS, START // DAY_MS + 2)
    left_alone = 0
    for _ in range(60):
        offset = rng.choice([60, 60, 60, 60, 120])
        start = START + rng.randrange(2 * DAY_MS // MINUTE_MS) * MINUTE_MS
        new = [event("position", start + n * MINUTE_MS, text=str(rng.random()), offset_min=offset) for n in range(3)]
        vault.journal.append(new)
        with writing(connection):
            remember(connection, "track_due", "0")
            note_new_offsets(connection, vault.journal, [(one.start_ms, offset) for one in new])
            left_alone += memory_of(connection, "track_due") == "0"
        kept = _kept(vault.stream)
        with writing(connection):
            note_offsets(connection, vault.journal, days)
            note_offsets(connection, vault.journal, range(days[-1] + 1, days[-1] + 2))
        assert _kept(vault.stream) == kept
    assert 0 < left_alone < 60
    vault.journal.close()
