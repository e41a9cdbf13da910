"""The table of contents of an export: what every file must be, the head of the chain, and from when it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import orjson

from hearthside.errors import NeedsPerson
from hearthside.events import Json
from hearthside.journal import Head

FORMAT, VERSION = "hearthside-export", 1
MANIFEST, UNFINISHED = "manifest.json", "UNFINISHED.txt"
_CHUNK = 1024 * 1024
_HEX_32 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileFact:
    """What a file of the export must be; `sha256` is in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Year:
    """One year of arrival: the positions of its first and last record (last = first - 1 when it has none)."""

    year: int
    first: int
    last: int

    @property
    def file(self) -> str:
        """Its JSON Lines file."""
        return f"journal-{self.year:04d}.jsonl"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of `manifest.json`.

    Attributes:
        hearthside: version of the program that wrote it.
        vault: id of the vault, 16 hex digits.
        made_ms: when, UTC milliseconds.
        head: the end of the chain over all records.
        first_day, last_day: local days of the life stream, ISO, or "".
        media_address_key: the key that makes the names of media in the records, 64 hex digits; "" where there is none.
        problems: what could not be exported, one sentence each.
        files: by path inside the folder, with `/`.
    """

    hearthside: str
    vault: str
    made_ms: int
    head: Head
    years: tuple[Year, ...]
    first_day: str
    last_day: str
    media_address_key: str
    counts: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    files: dict[str, FileFact] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Indented, for people too."""
        document = {
            "format": FORMAT, "version": VERSION, "hearthside": self.hearthside, "vault": self.vault,
            "made": iso_of(self.made_ms), "made_ms": self.made_ms, "encrypted": False,
            "head": {"seq": self.head.seq, "chain": self.head.chain.hex()},
            "years": [{"year": y.year, "file": y.file, "first_seq": y.first, "last_seq": y.last} for y in self.years],
            "first_day": self.first_day, "last_day": self.last_day, "counts": self.counts,
            "media_address_key": self.media_address_key, "problems": list(self.problems),
            "files": {name: {"bytes": fact.size, "sha256": fact.sha256} for name, fact in sorted(self.files.items())},
        }  # fmt: skip
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in an export that is not as it was written.

    Attributes:
        path: the file, inside the folder.
        line: line from 1, or 0 where no line can be named.
        what: what is wrong, a few words.
    """

    path: str
    line: int
    what: str

    def in_words(self) -> str:
        """For the person."""
        return f"{self.path}{f', line {self.line:,}' if self.line else ''}: {self.what}"


def is_export(folder: Path) -> bool:
    """Whether a folder holds what `hearthside export` wrote, finished or not."""
    try:
        if (folder / UNFINISHED).is_file() and (folder / UNFINISHED).read_bytes().startswith(FORMAT.encode()):
            return True
        document = orjson.loads((folder / MANIFEST).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(document, dict) and document.get("format") == FORMAT


def read_manifest(folder: Path) -> Manifest:
    """The table of contents of a finished export.

    Raises:
        NeedsPerson: the export is unfinished, damaged, or from a newer Hearthside.
    """
    if (folder / UNFINISHED).exists():
        raise NeedsPerson(
            "export-unfinished",
            f"The export in {folder} was cut off, so it is not whole; nothing was brought back."
            " Run `hearthside export` into it again where it was made, or use another export.",
        )
    try:
        document = orjson.loads((folder / MANIFEST).read_bytes())
        if document["format"] != FORMAT:
            raise ValueError("another format")
        if document["version"] > VERSION:
            raise NeedsPerson(
                "export-newer",
                f"The export in {folder} was written by a newer Hearthside; nothing was brought back. Update Hearthside"
                " to read it.",
            )
        return _manifest(document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NeedsPerson(
            "export-damaged", f"{folder / MANIFEST} is missing or damaged; nothing was brought back. Use another copy."
        ) from error


def faults_in(
    folder: Path, manifest: Manifest, names: list[str], step: Callable[[int], None] = lambda size: None
) -> Iterator[Fault]:
    """Files that are not what the manifest says, each read to its end.

    Args:
        names: which files.
        step: told the bytes of each piece that was read.
    """
    for name in names:
        fact, digest, size = manifest.files[name], hashlib.sha256(), 0
        try:
            with inside(folder, name).open("rb") as file:
                while data := file.read(_CHUNK):
                    digest.update(data)
                    size += len(data)
                    step(len(data))
        except FileNotFoundError:
            yield Fault(name, 0, "the file is missing")
            continue
        except OSError as error:
            yield Fault(name, 0, f"the disk cannot read it ({error.strerror or type(error).__name__})")
            continue
        if size != fact.size:
            yield Fault(name, 0, f"it has {size:,} bytes where {fact.size:,} were written")
        elif digest.hexdigest() != fact.sha256:
            yield Fault(name, 0, "its content is not what was written")


def inside(folder: Path, name: str) -> Path:
    """The path of a file of the export.

    Raises:
        NeedsPerson: the name leads out of the folder; somebody made this manifest up.
    """
    pure = PurePosixPath(name)
    path = folder.joinpath(*pure.parts)
    if pure.is_absolute() or ".." in pure.parts or not path.resolve().is_relative_to(folder.resolve()):
        raise NeedsPerson("export-damaged", f"{folder} names a file outside of itself; nothing was brought back.")
    return path


def iso_of(ms: int) -> str:
    """A time as ISO 8601 in UTC; "" where the calendar does not reach."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return ""


def _manifest(document: dict[str, Json]) -> Manifest:
    years = tuple(Year(int(y["year"]), int(y["first_seq"]), int(y["last_seq"])) for y in document["years"])
    head = Head(int(document["head"]["seq"]), bytes.fromhex(document["head"]["chain"]))
    files = {str(name): FileFact(int(f["bytes"]), str(f["sha256"])) for name, f in document["files"].items()}
    key = str(document["media_address_key"])
    after = 0
    for number, year in enumerate(years):
        ordered = 0 <= year.year <= 9999 and (number == 0 or year.year > years[number - 1].year)
        if not ordered or year.first != after + 1 or year.last < after or year.file not in files:
            raise ValueError("the years do not follow each other")
        after = year.last
    if after != head.seq or len(head.chain) != 32 or (key and not _HEX_32.fullmatch(key)):
        raise ValueError("the head is not that of the years")
    return Manifest(
        str(document["hearthside"]), str(document["vault"]), int(document["made_ms"]), head, years,
        str(document["first_day"]), str(document["last_day"]), key, dict(document["counts"]),
        tuple(document["problems"]), files,
    )  # fmt: skip
