"""Writes the tree of rooms in README.md, between its two `tree` marks, from the first sentence of every room."""

from __future__ import annotations

import ast
import configparser
import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGE = _ROOT / "src" / "hearthside"
_BLOCK = re.compile(r"(<!-- tree -->\n).*?(<!-- /tree -->)", re.DOTALL)


def rooms() -> list[str]:
    """All rooms from the bottom of the order of dependency to its top, as `.importlinter` gives it."""
    config = configparser.ConfigParser()
    config.read(_ROOT / ".importlinter")
    layers = config["importlinter:contract:rooms"]["layers"].split("\n")
    named = [re.findall(r"\w+", layer) for layer in reversed(layers) if not layer.strip().startswith("#")]
    return [room for layer in named for room in layer if _file(room).exists()]


def first_sentence(module: Path) -> str:
    """The sentence that opens a module, on one line."""
    docstring = ast.get_docstring(ast.parse(module.read_text())) or ""
    return " ".join(docstring.partition("\n\n")[0].split())


def tree() -> str:
    """The rooms with their sentences, as Markdown."""
    lines = ["```text", "src/hearthside/"]
    for room in rooms():
        name = f"{room}.py" if _file(room).name == f"{room}.py" else f"{room}/"
        lines.append(f"  {name:<14} {first_sentence(_file(room))}")
    return "\n".join([*lines, "```", ""])


def with_tree(readme: str) -> str:
    """README's text with its tree as it is now.

    Raises:
        ValueError: the text has no place for the tree.
    """
    if not _BLOCK.search(readme):
        raise ValueError("README.md has no <!-- tree --> ... <!-- /tree --> block")
    return _BLOCK.sub(lambda found: found[1] + tree() + found[2], readme)


def _file(room: str) -> Path:
    single = _PACKAGE / f"{room}.py"
    return single if single.exists() else _PACKAGE / room / "__init__.py"


def main() -> None:
    """Write README.md."""
    readme = _ROOT / "README.md"
    readme.write_text(with_tree(readme.read_text()))


if __name__ == "__main__":
    main()
