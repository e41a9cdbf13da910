"""Media files of an export: originals under their real names, made safe for any disk, and the list that finds them."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import orjson

from hearthside.errors import HearthsideError, NeedsPerson
from hearthside.events import Event, Json, record_from_body
from hearthside.journal.attachments import FIELD, MediaRef, media_of
from hearthside.journal.media import MediaStore
from hearthside.leaving.folder import ExportFolder
from hearthside.leaving.manifest import inside

LIST = "media.jsonl"
STEP_BYTES = 64 * 1024  # of media count as one step of the work
_NAME_BYTES = 120  # of 255 that disks allow; some room for what is added
_BAD = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Named:
    """What the journal says of a media file: the first record that names it."""

    reference: MediaRef
    month: str


@dataclass(frozen=True, slots=True)
class Original:
    """A line of the list.

    Attributes:
        address: its name in the records.
        path: where it lies in the export, with `/`.
    """

    address: str
    path: str
    size: int
    sha256: str


@dataclass(slots=True)
class Originals:
    """The media that records name, gathered while the journal is read."""

    named: dict[str, Named] = field(default_factory=dict)

    def note(self, body: dict[str, Json]) -> None:
        """Remember the media a record names."""
        if body["type"] != "event" or FIELD not in body["payload"]:
            return
        record = record_from_body(body)
        month = record.local_day[:7] if isinstance(record, Event) else ""
        for reference in media_of(record):
            self.named.setdefault(reference.address, Named(reference, month))


def write_originals(
    target: ExportFolder, store: MediaStore, originals: Originals, problems: list[str], step: Callable[[int], None]
) -> int:
    """Write every file of the store and the list of them; returns how many.

    A file that is damaged or missing is told in `problems`, and the others go on.
    """
    addresses = sorted({*store.addresses(), *originals.named})
    taken: set[str] = set()
    count = 0
    with target.create(LIST) as lines:
        for address in addresses:
            named = originals.named.get(address)
            name = _free(_place(address, named), address, taken)
            try:
                _copy(target, store, address, name, step)
            except HearthsideError as error:
                target.drop(name)
                if error.code != "media-forgotten" or named is not None:
                    problems.append(f"A media file was left out: {error.message}")
                continue
            fact = target.files[name]
            reference = MediaRef(address, fact.size) if named is None else named.reference
            line = {
                "address": address, "path": name, "bytes": fact.size, "sha256": fact.sha256,
                "type": reference.type, "name": reference.name,
            }  # fmt: skip
            lines.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    return count


def read_list(folder: Path) -> Iterator[Original]:
    """The media of an export.

    Raises:
        NeedsPerson: the list is not what an export writes.
    """
    path = folder / LIST
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            for text in file:
                line = orjson.loads(text)
                inside(folder, line["path"])
                yield Original(str(line["address"]), str(line["path"]), int(line["bytes"]), str(line["sha256"]))
    except (ValueError, KeyError, TypeError) as error:
        raise NeedsPerson(
            "export-damaged", f"{path} is damaged; nothing was brought back. Use another copy."
        ) from error


def safe_name(name: str) -> str:
    """A file name that every disk takes and that leads nowhere; "" where nothing is left of it."""
    plain = _BAD.sub("_", unicodedata.normalize("NFC", name)).strip(" ").lstrip(".").rstrip(". ")
    if not plain.strip("_"):
        return ""
    stem, dot, ending = plain.rpartition(".")
    if not stem or len(ending) > 12 or not ending.isalnum():
        stem, dot, ending = plain, "", ""
    stem = stem.encode()[: _NAME_BYTES - len(ending.encode()) - 1].decode(errors="ignore").rstrip(". ")
    plain = f"{stem}{dot}{ending}"
    return f"_{plain}" if _RESERVED.fullmatch(plain) else plain


def _copy(target: ExportFolder, store: MediaStore, address: str, name: str, step: Callable[[int], None]) -> None:
    with target.create(name) as file:
        for data in store.open(address):
            file.write(data)
            step(max(1, len(data) // STEP_BYTES))


def _place(address: str, named: Named | None) -> PurePosixPath:
    if named is None:
        return PurePosixPath("media", "unnamed", address[:16])
    ending = mimetypes.guess_extension(named.reference.type) or ""
    month = named.month if re.fullmatch(r"\d{4}-\d{2}", named.month) else "undated"
    return PurePosixPath("media", month, safe_name(named.reference.name) or address[:16] + ending)


def _free(path: PurePosixPath, address: str, taken: set[str]) -> str:
    """A path nobody has: some disks do not tell capital letters apart, nor the ways to write an accent."""
    for candidate in (path, path.with_stem(f"{path.stem}-{address[:8]}"), path.with_stem(f"{path.stem}-{address}")):
        folded = unicodedata.normalize("NFC", str(candidate).casefold())
        if folded not in taken and not folded.endswith(".part"):
            taken.add(folded)
            return str(candidate)
    raise AssertionError("an address is unique")
