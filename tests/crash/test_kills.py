"""kill -9 of the data node under eight clients: what was acknowledged is there, once."""

from __future__ import annotations

from pathlib import Path

from crash import kills


def test_killed_under_eight_clients(tmp_path: Path, soak: bool) -> None:
    wanted = 200 if soak else 3
    report = kills.run(tmp_path, wanted, seed=1)
    assert report.whole, report
    assert report.kills == wanted
    assert report.acknowledged >= 24 * wanted
