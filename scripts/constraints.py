"""Writes `constraints.txt`: the version in this environment of every package that Hearthside and its extras need."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).resolve().parents[1]
_HEAD = "# Versions that passed the tests together; written by scripts/constraints.py from the environment.\n"


def closure() -> dict[str, str]:
    """Name and version of everything that the requirements in pyproject.toml lead to."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    open_: list[Requirement] = [Requirement(line) for lines in (project["dependencies"], *extras) for line in lines]
    seen: set[tuple[str, frozenset[str]]] = set()
    found: dict[str, str] = {}
    while open_:
        need = open_.pop()
        name, wanted = canonicalize_name(need.name), frozenset(need.extras)
        if (name, wanted) in seen or (need.marker and not need.marker.evaluate({"extra": ""})):
            continue
        seen.add((name, wanted))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another platform
        # A local build such as 2.13.0+cpu stands for the public version.
        found[name] = re.sub(r"\+.*", "", package.version)
        for line in package.requires or ():
            part = Requirement(line)
            if part.marker is None or any(part.marker.evaluate({"extra": extra}) for extra in wanted | {""}):
                part.marker = None
                open_.append(part)
    return dict(sorted(found.items()))


def main() -> None:
    """Write the file."""
    lines = [f"{name}=={version}\n" for name, version in closure().items()]
    (_ROOT / "constraints.txt").write_text(_HEAD + "".join(lines))


if __name__ == "__main__":
    main()
