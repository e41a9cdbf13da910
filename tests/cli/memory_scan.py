"""Looking for traces in the memory of a process and in the files of a folder."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

_PIECE = 16 * 2**20
_OVERLAP = 256  # longer than any form


def forms_of(canary: str) -> dict[str, bytes]:
    """A text as it might lie about; of base64 the part that does not depend on what stands around it."""
    raw = canary.encode()
    forms = {
        "plain": raw,
        "utf-16": canary.encode("utf-16-le"),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
    }
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + raw)
        forms[f"base64 {shift}"] = text[4 if shift else 0 : -4]
    return forms


def found_in_memory(pid: int, forms: dict[str, bytes]) -> dict[str, int]:
    """How often each form stands in the readable memory of a process."""
    found = dict.fromkeys(forms, 0)
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in _regions(pid):
            before = b""
            for at in range(start, end, _PIECE):
                try:
                    memory.seek(at)
                    piece = before + memory.read(min(_PIECE, end - at))
                except OSError:  # the kernel's own pages
                    break
                for name, form in forms.items():
                    found[name] += piece.count(form)
                before = piece[-_OVERLAP:] if end - at > _PIECE else b""
    return found


def _regions(pid: int) -> list[tuple[int, int]]:
    regions = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
        if span is not None and not line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
            regions.append((int(span[1], 16), int(span[2], 16)))
    return regions


def found_in_files(folders: list[Path], forms: dict[str, bytes]) -> list[str]:
    """Every file, or name of one, that holds a form."""
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            raw = os.fsencode(path) + (path.read_bytes() if path.is_file() else b"")
            found += [f"{path}: {name}" for name, form in forms.items() if form in raw]
    return found


def family(pid: int) -> dict[int, str]:
    """A process and all that it started, with their command lines."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
            except OSError:  # gone meanwhile
                continue
            parents[int(entry.name)] = int(status.rpartition(")")[2].split()[1])
    members = {pid}
    while more := {child for child, parent in parents.items() if parent in members} - members:
        members |= more
    return {
        one: Path(f"/proc/{one}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        for one in members
        if Path(f"/proc/{one}/cmdline").exists()
    }
