"""The README explains every file and every column, and its own example code works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from hearthside.leaving import export_everything
from hearthside.leaving.minutes import survey
from hearthside.leaving.tables import EVENTS, OCCURRENCES, SERIES
from tests.leaving.houses import NOW_MS, house_in, live_a_little


def test_it_explains_everything(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with house_in(tmp_path / "vault") as house:
        live_a_little(house)
        export_everything(house.belongings(), out, lambda: NOW_MS)
        minutes = survey(house.stream).columns()
    text = (out / "README.md").read_text()
    for path in out.iterdir():
        name = re.sub(r"journal-\d+", "journal-<year>", path.name)
        assert path.name == "README.md" or f"`{name}" in text, path.name
    for column in (*EVENTS, *SERIES, *OCCURRENCES, *minutes):
        assert f"| `{column.name}` | {column.type}" in text and column.meaning in text, column.name
    assert "Nothing here is encrypted" in text and "hearthside import" in text
    assert "609 records" in text or "records (1 of them forgotten" in text


def test_its_check_of_the_files_works_without_hearthside(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with house_in(tmp_path / "vault") as house:
        live_a_little(house)
        export_everything(house.belongings(), out, lambda: NOW_MS)
    [code] = [
        part for part in re.findall(r"```python\n(.*?)```", (out / "README.md").read_text(), re.S) if "hashlib" in part
    ]

    def run() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-I", "-W", "ignore", "-c", code], cwd=out, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    assert len(run()) > 8 and all(line.startswith("good ") for line in run())
    (out / "ledger.jsonl").write_text("")
    assert [line for line in run() if not line.startswith("good ")] == ["DAMAGED ledger.jsonl"]
