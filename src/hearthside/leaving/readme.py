"""The README of an export: what every file is, every column with its unit, how to read it, how to bring it back."""

from __future__ import annotations

from collections.abc import Sequence

from hearthside.leaving.manifest import MANIFEST, Manifest, iso_of
from hearthside.leaving.parquet import Column
from hearthside.leaving.tables import EVENTS, OCCURRENCES, SERIES

_HEAD = """\
# A life, exported from Hearthside

Written {made} by Hearthside {version}: {records:,} records ({forgotten:,} of them forgotten, without content), \
{events:,} events, {series:,} series with {samples:,} samples, {media:,} media files; life stream {days}.

**Nothing here is encrypted.** Whoever can read this folder can read this life. Keep it on a disk you trust, and
remove it when you no longer need it. The vault it came from is untouched.

Everything is in open formats and needs no Hearthside to be read.

## Files

| file | what it is |
|---|---|
| `journal-<year>.jsonl` | the truth: every record in order of arrival, one JSON object a line; by year of arrival |
| `events.parquet` | the same events as a table, one row each |
| `series.parquet` | the same regular measures as a table, one row a sample |
| `occurrences.parquet` | events as the life stream places them: local day, offset, the one number each stands for |
| `life_stream.parquet` | one row a minute with what every lane said |
| `media/`, `media.jsonl` | original photos, sounds and documents, and the list that finds them by their address |
| `adapters/` | personal language adapters (LoRA, GGUF) with what is known of each in `adapters.json` |
| `settings.json` | your decisions in force (home zone, your names, pauses ...) |
| `ledger.jsonl` | what ever left the house: when, what for, where to, how many bytes |
| `{manifest}` | SHA-256 and size of every file, the head of the chain, counts, dates, version |

Parquet and settings are derived: all of it can be made again from the journal. `series.parquet` has no row for a
series without samples; the journal has it.
{problems}
## The journal

```
{{"seq": 1, "id": "…", "received": "2026-03-01T07:30:00.000Z", "received_ms": …, "salt": "…", "commitment": "…",
 "body": {{…}}}}
{{"seq": 2, "forgotten": true, "commitment": "…"}}
```

`seq` is the position; `received` when the record arrived (UTC); `body` the record itself. Times in it are UTC
milliseconds since 1970 (`*_ms`), `offset_min` is the UTC offset in minutes. `commitment` is SHA-256 over salt, arrival
time (8 bytes, big-endian, signed) and the body's bytes as they stand in the line (of records from before format 2
without the arrival time). Where a line has `raw`, those bytes are in it, in base64. The chain is
`SHA-256(chain before + commitment)`, from `SHA-256("hearthside journal 1")`; its end stands in `{manifest}`.
A forgotten record keeps its place and commitment and nothing else. One marked `damaged` could not be read from the
disk when this was written.

A payload names media as `"media": [{{"address": …, "bytes": …, "type": …, "name": …}}]`; `media.jsonl` says where the
file of an address lies.

## Reading it

```python
import pandas as pd                      # or: import polars as pl; pl.read_parquet("events.parquet")
events = pd.read_parquet("events.parquet")
events[events.kind == "sleep"][["local_start", "text"]]
series = pd.read_parquet("series.parquet", columns=["kind", "local_start", "value"])
journal = pd.read_json("journal-{year}.jsonl", lines=True)
```

```sql
-- DuckDB
SELECT local_day, sum(amount) / 3600 AS hours FROM 'occurrences.parquet' WHERE kind = 'app_use' GROUP BY ALL ORDER BY 1;
SELECT e.local_start, e.text, e.payload->>'$.conversation' FROM 'events.parquet' e WHERE kind = 'message';
```

Is every file what was written?

```python
import hashlib, json
for name, fact in json.load(open("{manifest}"))["files"].items():
    print("good" if hashlib.file_digest(open(name, "rb"), "sha256").hexdigest() == fact["sha256"] else "DAMAGED", name)
```

## Bringing it back

`hearthside import THIS_FOLDER`. Into a vault that holds nothing yet it makes the same journal again: same positions,
ids, commitments and head, forgotten ones still forgotten, and the media with it; life stream and index are then made
anew. Adapters are not taken back, the records they learned from are: a new one is trained. Into a vault that has
records it adds those of your life that are not there, once, and leaves the other vault's decisions, answers and ledger
out. `{manifest}` also holds the key from which media addresses are made (`media_address_key`), which a new vault takes
over so that records still find their files; it opens nothing.
"""


def readme(manifest: Manifest, minute_columns: Sequence[Column]) -> bytes:
    """The text, in Markdown."""
    counts = manifest.counts
    made = iso_of(manifest.made_ms)
    problems = [f"- {line}" for line in manifest.problems]
    days = f"{manifest.first_day} to {manifest.last_day}" if manifest.first_day else "empty"
    head = _HEAD.format(
        made=f"{made[:10]} {made[11:16]} UTC", version=manifest.hearthside, days=days, manifest=MANIFEST,
        year=manifest.years[-1].year if manifest.years else "2026",
        problems="\n".join(["", "**Not everything could be exported:**", "", *problems, ""]) if problems else "",
        **{name: counts.get(name, 0) for name in ("records", "forgotten", "events", "series", "samples", "media")},
    )  # fmt: skip
    tables = (
        ("events.parquet", EVENTS),
        ("series.parquet", SERIES),
        ("occurrences.parquet", OCCURRENCES),
        ("life_stream.parquet", minute_columns),
    )
    parts = [head, "\n## Columns\n", "`time` is UTC, `local time` the person's own clock; both in milliseconds.\n"]
    parts += [_columns(name, columns) for name, columns in tables]
    return "\n".join(parts).encode()


def _columns(name: str, columns: Sequence[Column]) -> str:
    lines = [f"\n### {name}\n", "| column | type | meaning |", "|---|---|---|"]
    lines += [
        f"| `{_cell(c.name)}` | {c.type}{'' if c.always else ', may be empty'} | {_cell(c.meaning)} |" for c in columns
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
