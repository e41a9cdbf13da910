"""An importer over a fresh journal, with a fixed clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hearthside.events import Event, Json, Layer, Origin, Trust
from hearthside.intake import Importer, Progress
from hearthside.journal import Journal
from hearthside.sources.reading import Reading

NOW_MS = 1_797_000_000_000  # 2026-12-11
KEY = b"\1" * 32


@contextmanager
def journal_in(folder: Path) -> Iterator[Journal]:
    """A journal that is closed at the end."""
    journal = Journal(folder / "vault", KEY, lambda: NOW_MS)
    try:
        yield journal
    finally:
        journal.close()


def importer(
    journal: Journal,
    progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
    now_ms: int = NOW_MS,
) -> Importer:
    """An importer with a fixed clock."""
    return Importer(journal, lambda: now_ms, Reading(), progress, stop)


def pause(journal: Journal, source: str, value: Json, now_ms: int = NOW_MS) -> None:
    """Journal the setting that pauses a source or ends its pause."""
    setting = {"name": f"pause:{source}", "value": value}
    journal.append(
        [Event("companion", "setting", Layer.TEXT, now_ms, Origin.SELF, Trust.OWN, setting, "station")],
    )


def rejections(journal: Journal) -> list[dict[str, Json]]:
    """What the journal's quarantine holds."""
    stored = journal.read(kinds=["rejected"])
    return [dict(item.record.payload) for item in stored if isinstance(item.record, Event)]
