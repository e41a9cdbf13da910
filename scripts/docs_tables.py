"""Writes docs/errors.md, docs/settings.md and docs/sources.md from the code, so that they cannot go stale."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hearthside.config import Settings
from scripts.readme_tree import first_sentence

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGE = _ROOT / "src" / "hearthside"
_FAMILIES = {
    "RetryLater": "the same call may work later; nothing was lost meanwhile",
    "NeedsPerson": "only the person can settle it",
    "Refused": "it will not be done, and the message says why",
    "ConfigError": "the settings are wrong",
}
_GENERATED = "This page is written by `make docs` from the code; change it there.\n"


@dataclass(frozen=True, order=True)
class Code:
    """One place in the code that raises a coded error."""

    code: str
    family: str
    room: str
    message: str


def codes() -> list[Code]:
    """Every coded error that the source raises.

    Raises:
        ValueError: a code is not written out where the error is made, so nobody can look it up.
    """
    return sorted({code for path in sorted(_PACKAGE.rglob("*.py")) for code in _codes_of(path)})


def _codes_of(path: Path) -> Iterator[Code]:
    room = path.relative_to(_PACKAGE).parts[0].removesuffix(".py")
    module = ast.parse(path.read_text())
    for scope in ast.walk(module):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(scope):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in _FAMILIES:
                continue
            written = _words(node.args[0], scope) if node.args else []
            if not written and not isinstance(node.args[0] if node.args else None, ast.Subscript):  # else relayed
                raise ValueError(
                    f"{path.relative_to(_ROOT)}, line {node.lineno}: write the code of this error out here"
                )
            message = _text(node.args[1]) if len(node.args) > 1 else "…"
            yield from (Code(code, node.func.id, room, message) for code in written)


def _words(node: ast.expr, scope: ast.AST) -> list[str]:
    """The strings an expression can be: written out, one of two, or a name given such a string in the same function."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=one, orelse=other):
            return _words(one, scope) + _words(other, scope)
        case ast.Name(id=name):
            given = [pair for part in ast.walk(scope) if isinstance(part, ast.Assign) for pair in _given(part)]
            return [text for target, value in given if target == name for text in _words(value, scope)]
    return []


def _given(node: ast.Assign) -> Iterator[tuple[str, ast.expr]]:
    """Names and the values they get: ``a = x`` and ``a, b = x, y``."""
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=False)
        yield from ((one.id, other) for one, other in pairs if isinstance(one, ast.Name))


def _text(node: ast.expr) -> str:
    """A message as the person reads it, with … where something is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
    return "…"


def errors_page() -> str:
    """docs/errors.md."""
    lines = [
        "# Errors",
        "",
        _GENERATED,
        "Each error has a stable code and says what happened, what is safe and what to do.",
    ]
    found = codes()
    for family, meaning in _FAMILIES.items():
        told = {row.code for row in found if row.message != "…"}
        rows = [row for row in found if row.family == family and (row.message != "…" or row.code not in told)]
        lines += ["", f"## {family}: {meaning}", "", "| code | room | message |", "|---|---|---|"]
        lines += [f"| `{row.code}` | {row.room} | {_cell(row.message)} |" for row in rows]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """docs/settings.md."""
    lines = ["# Settings", "", _GENERATED]
    lines += ["Set them in `hearthside.toml` in the vault folder, or in the environment, which is stronger.", ""]
    lines += ["| setting | environment | default | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`".replace(str(Path.home()), "~")
        lines.append(f"| `{name}` | `HEARTHSIDE_{name.upper()}` | {default} | {_cell(field.description or '')} |")
    return "\n".join(lines) + "\n"


def sources_page() -> str:
    """docs/sources.md."""
    lines = ["# Sources", "", _GENERATED, "| source | file | what it reads |", "|---|---|---|"]
    for path in sorted((_PACKAGE / "sources").glob("*.py")):
        names = {
            node.targets[0].id: node.value.value
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        }
        if "NAME" in names and "TITLE" in names:
            lines.append(f"| {names['TITLE']} | `sources/{path.name}` | {_cell(first_sentence(path))} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


PAGES = {"errors.md": errors_page, "settings.md": settings_page, "sources.md": sources_page}


def main() -> None:
    """Write the pages."""
    (_ROOT / "docs").mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (_ROOT / "docs" / name).write_text(page())


if __name__ == "__main__":
    main()
