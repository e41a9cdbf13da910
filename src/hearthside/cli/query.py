"""The command `hearthside query`: ask the life stream for counts, sums, times and lists, with what they rest on."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.table import Table
from rich.text import Text

from hearthside.cli.common import VAULT, err, opened_house, out
from hearthside.errors import Refused

if TYPE_CHECKING:
    from hearthside.memory.asking import Answer, Query

app = typer.Typer()

_BAR = 24  # columns
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SPARKS = "▁▂▃▄▅▆▇█"
_SHORT_ID = 12
_EVIDENCE_SHOWN = 6
_TEXT_SHOWN = 80


@app.command()
def query(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="QUERY", help="As in “mean duration of sleep by weekday in 2023”.")
    ] = None,
    vault: VAULT = None,
    form: Annotated[str, typer.Option("--json", help="The query in JSON, or the name of a file with it, or -.")] = "",
    table: Annotated[bool, typer.Option("--table", help="Also the records that match, the newest first.")] = False,
    json_out: Annotated[bool, typer.Option("--json-out", help="Print the answer as JSON.")] = False,
    parquet: Annotated[Path | None, typer.Option(help="Write groups or records to a new Parquet file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write groups or records to a new CSV file.")] = None,
    names: Annotated[bool, typer.Option("--names", help="Show what can be asked about in this life.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the JSON form.")] = False,
) -> None:
    """Compute over your life: count, sum, mean, first, last, share of time; docs/query.md has the language."""
    from hearthside.memory.asking import ask, frame, from_json, json_schema, parse, vocabulary_of, with_items
    from hearthside.memory.asking.frames import save

    text = " ".join(words or [])
    if schema:
        _print_json(json_schema())
        return
    if not names and bool(text) == bool(form):
        raise Refused(
            "query-missing",
            "Say what to compute, as text or with --json, for example: hearthside query 'count of listen'.",
        )
    with opened_house(vault) as house:
        house.keep_in_step()
        stream, (now_ms, offset_min) = house.rooms.stream, house.local_now()
        known = vocabulary_of(stream)
        if names:
            _print_names(known)
            return
        asked = from_json(_given(form)) if form else parse(text, known, now_ms, offset_min)
        life = with_items(stream, house.rooms.journal)
        answer = ask(life, asked, now_ms)
        for path in (parquet, csv.with_suffix(".csv") if csv else None):
            if path is not None:
                rows = frame(life, asked, now_ms)
                save(rows, path)
                err.print(f"{rows.num_rows:,} rows written to {path}", markup=False)
        listed = ask(life, _as_list(asked), now_ms) if table else None
    if json_out:
        _print_json(answer.to_json())
        return
    _print_answer(answer)
    if listed is not None:
        _print_rows(listed)


def _given(form: str) -> str | bytes:
    """The JSON itself, from a file or from the standard input."""
    if form == "-":
        return sys.stdin.read()
    if form.lstrip().startswith("{"):
        return form
    try:
        return Path(form).read_bytes()
    except OSError as error:
        raise Refused("query-missing", f"{form} cannot be read ({error.strerror}). Nothing was asked.") from error


def _as_list(asked: Query) -> Query:
    from hearthside.memory.asking.query import Measure

    return replace(asked, measure=Measure.LIST, field="amount", n=None, by=(), per_day=False)


def _print_json(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def _print_names(known: Any) -> None:
    for title in ("kinds", "episodes", "measures", "places", "sources"):
        out.print(f"{title:>9}: {', '.join(sorted(getattr(known, title))) or '–'}", markup=False)


# -- answers -----------------------------------------------------------------------------------------------------------


def _print_answer(answer: Answer) -> None:
    out.print(Text(answer.sentence, style="bold"))
    if answer.groups:
        _print_groups(answer)
    if answer.rows:
        _print_rows(answer)
    out.print(answer.in_words(), markup=False)
    for note in answer.notes:
        out.print(note, markup=False, style="dim")
    if answer.evidence:
        shown = " ".join(identity[:_SHORT_ID] for identity in answer.evidence[:_EVIDENCE_SHOWN])
        more = (
            f" and {answer.evidence_count - _EVIDENCE_SHOWN:,} more" if answer.evidence_count > _EVIDENCE_SHOWN else ""
        )
        out.print(f"Rests on {shown}{more}", markup=False, style="dim")


def _print_groups(answer: Answer) -> None:
    from hearthside.memory.asking.query import BY_TIME
    from hearthside.memory.asking.result import shown

    values = [group.value for group in answer.groups]
    if len(answer.query.by) == 1 and answer.query.by[0] in BY_TIME and answer.unit != "clock":
        out.print(sparkline(values), markup=False)
    told = Table(*answer.query.by, "value", "found", "days heard", "", box=None, pad_edge=False)
    for group in answer.groups:
        told.add_row(
            *(Text(_plain(_name(by, name) or "–")) for by, name in zip(answer.query.by, group.key, strict=True)),
            _when(group.at) if answer.unit == "ms" else shown(group.value, answer.unit), f"{group.count:,}",
            f"{group.heard:,} of {group.days:,}", bar(group.value, values, answer.unit),
        )  # fmt: skip
    out.print(told, soft_wrap=False)
    if answer.groups_found > len(answer.groups):
        out.print(f"… and {answer.groups_found - len(answer.groups):,} more groups; “limit 1000” gives more.")


def _name(by: str, name: str | None) -> str:
    """The name of a group for people."""
    from hearthside.web.names import source_words

    return source_words(name) if name and by == "source" else name or ""


def _plain(text: str) -> str:
    """One line without signs that would steer the terminal: many of the words are strangers'."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _when(iso: str | None) -> str:
    return "–" if iso is None else iso.replace("T", " ")[:16]


def _recorded(kind: str, source: str) -> str:
    """The kind of a record, a word of the query language, and its source for people."""
    return " · ".join(part for part in (kind, _name("source", source)) if part)


def _print_rows(answer: Answer) -> None:
    told = Table("when", "until", "what", "source", "", box=None, pad_edge=False)
    for row in answer.rows:
        words = _plain(row.text or row.kind)[:_TEXT_SHOWN]
        note = f"  [{_plain(row.note)}]" if row.note and _plain(row.note) not in words else ""
        told.add_row(
            _when(row.start), _until(row.start, row.end), Text(words + note),
            Text(_recorded(row.kind, row.source)), row.evidence[-1][:_SHORT_ID] if row.evidence else "",
        )  # fmt: skip
    out.print(told, soft_wrap=False)


def _until(start: str, end: str | None) -> str:
    """The end, without the date where it is the same."""
    if end is None:
        return ""
    return end[11:16] if end[:10] == start[:10] else _when(end)


def bar(value: float | None, values: list[float | None], unit: str) -> str:
    """A bar as long as the value, the greatest being `_BAR` columns; a clock time as a point between noon and noon."""
    if value is None:
        return ""
    if unit == "clock":
        return " " * int((value - 720) % 1440 / 1440 * _BAR) + "●"
    if unit == "ms":
        return ""
    most = max((abs(other) for other in values if other is not None), default=0.0)
    eighths = round(abs(value) / most * _BAR * 8) if most else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def sparkline(values: list[float | None]) -> str:
    """One sign for each value, from 0 to the greatest; “·” where nothing is known."""
    most = max((value for value in values if value is not None), default=0.0)
    return "".join(
        "·" if value is None else _SPARKS[min(max(int(value / most * 7.999), 0), 7)] if most > 0 else _SPARKS[0]
        for value in values
    )
