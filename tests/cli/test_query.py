"""`hearthside query`: answers with their coverage, JSON in and out, files, and errors that show the place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow.csv
import pyarrow.parquet
import pytest

from hearthside.cli.query import _plain, bar, sparkline
from tests.app.sample_vault import sample_folder
from tests.cli.ended import Run


@pytest.fixture
def sample(run: Run, at: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Points to the sample life, to look at only."""
    at(sample_folder(tmp_path_factory))


def test_groups_are_a_table_with_bars_and_the_coverage(run: Run, sample: None) -> None:
    ended = run("query", "mean duration of sleep by weekday")
    assert ended.status == 0
    lines = ended.out.splitlines()
    assert lines[0] == "mean duration of episodes of sleep by weekday"
    assert len(lines[1]) == 7
    assert [line.split()[0] for line in lines[3:10]] == [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]  # fmt: skip
    assert all("█" in line and " h " in line for line in lines[3:10])
    assert "Oura sleep: heard on" in ended.out
    assert "Rests on 8" in ended.out


def test_rows_are_shown_with_their_evidence(run: Run, sample: None) -> None:
    found = run("query", "first message after each sleep limit 3", "--json-out").json()
    shown = run("query", "first message after each sleep limit 3")
    assert len(found["rows"]) == 3
    for row in found["rows"]:
        assert row["evidence"][0][:12] in shown.out
        assert row["start"].replace("T", " ")[:16] in shown.out
    one = run("query", "last message", "--table")
    assert found["rows"][0]["start"][:7] in one.out
    assert one.out.count("message · WhatsApp") > 10


def test_sources_are_called_as_people_call_them(run: Run, sample: None) -> None:
    asked = ("query", "count of everything by source")
    raw = [group["key"][0] for group in run(*asked, "--json-out").json()["groups"]]
    assert {"google_my_activity", "whatsapp"} <= set(raw)
    shown = run(*asked).out
    assert "Google My Activity" in shown
    assert "WhatsApp chat" in shown
    assert "google_my_activity" not in shown


def test_json_goes_in_and_comes_out(run: Run, sample: None, tmp_path: Path) -> None:
    answer = run("query", "count message by person", "--json-out").json()
    assert answer["sentence"] == "count of records of message by person"
    assert sum(group["value"] for group in answer["groups"]) == answer["count"] > 100
    form = orjson.dumps(answer["query"]).decode()
    (tmp_path / "query.json").write_text(form)
    for given in (form, tmp_path / "query.json"):
        assert run("query", "--json", given, "--json-out").json() == answer
    wrong = run("query", "--json", '{"select": {"what": {"of": "songs"}}}')
    assert (wrong.status, "select.what.of" in wrong.err) == (5, True)
    assert run("query", "--json", tmp_path / "nowhere.json").status == 5
    schema = run("query", "--schema").json()
    assert schema["additionalProperties"] is False


def test_files(run: Run, sample: None, tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    ended = run("query", "list of message where person = Tarek", "--parquet", path, "--csv", tmp_path / "f.csv")
    assert ended.status == 0
    table = pyarrow.parquet.read_table(path)
    assert set(table["note"].to_pylist()) == {"Tarek"}
    assert f"{table.num_rows:,} rows written" in ended.err
    assert pyarrow.csv.read_csv(tmp_path / "f.csv").num_rows == table.num_rows
    assert path.stat().st_mode & 0o077 == 0
    again = run("query", "count message", "--parquet", path)
    assert (again.status, "file-exists" in again.err) == (5, True)


def test_nothing_found_is_told_from_nobody_listened(run: Run, sample: None) -> None:
    assert "0 times. WhatsApp chat: heard on" in run("query", "count message containing 'xyzzy'").out
    unheard = run("query", "count message in 2019").out
    assert "Not known. No source of it was heard" in unheard


def test_errors_show_the_place(run: Run, sample: None) -> None:
    ended = run("query", "count message by persn")
    assert ended.status == 5
    lines = ended.err.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip() == "^^^^^")
    assert lines[at - 1][lines[at].index("^") :].startswith("persn")
    assert "Did you mean “person”?" in ended.err
    assert run("query").status == 5
    assert run("query", "count message", "--json", "{}").status == 5


def test_names_are_those_of_this_life(run: Run, sample: None) -> None:
    out = run("query", "--names").out
    assert "message" in out and "heart_rate" in out and "oura_sleep" in out and "commute" in out


def test_an_empty_vault_can_be_asked(run: Run) -> None:
    assert "Not known." in run("query", "mean duration of sleep").out
    assert run("query", "count listen").status == 5  # no such kind


def test_the_words_need_no_quotation_marks_and_groups_tell_when(run: Run, sample: None) -> None:
    ended = run("query", "first", "of", "message", "by", "person")
    assert ended.status == 0
    first = run("query", "first message", "--json-out").json()["rows"][0]["start"]
    assert first.replace("T", " ")[:16] in ended.out


def test_strangers_words_do_not_steer_the_terminal() -> None:
    assert _plain("a\x1b[31mb\r\nc\u202e") == "a [31mb c"


def test_bars_and_sparklines() -> None:
    values = [0.0, None, 5.0, 10.0]
    assert [len(bar(value, values, "times")) for value in values] == [0, 0, 12, 24]
    assert sparkline(values) == "▁·▄█"
    assert sparkline([None, 0.0]) == "·▁"
    assert bar(720.0, [], "clock").index("●") == 0
    assert bar(719.0, [], "clock").index("●") == 23
    assert bar(1.5, [1.5], "ms") == ""
