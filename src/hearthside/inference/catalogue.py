"""The catalogue of well-known open models: what comes with Hearthside, and what the person added to it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from urllib.parse import quote, urlsplit

from hearthside.errors import ConfigError, Refused
from hearthside.events import Json
from hearthside.inference.fitting import Need, Shape, cache_bytes, need_of

OWN_FILE = "catalogue.toml"
"""In the folder of the models: entries of the person's own."""

_SHIPPED = Path(__file__).with_name("catalogue.toml")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.gguf")
_HASH = re.compile(r"[0-9a-f]{64}|")
# Share of a file in 4-bit types that llama.cpp copies for the processor (fitting.py): 0.56 seen at 1.5 billion
# parameters, and more in larger models, whose tables of words are a smaller part.
_COPIED_SHARE = {"Q4_K_M": 0.75, "Q4_K_S": 0.95, "Q4_0": 0.95, "IQ4_NL": 0.95}


@dataclass(frozen=True, slots=True)
class Hub:
    """Where models are asked for.

    Attributes:
        address: with ``{repo}``, ``{revision}`` and ``{file}`` to fill in.
        hands_over_to: hosts, their subdomains included, to which it may hand a download over.
    """

    address: str
    hands_over_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One model that can be fetched.

    Attributes:
        name: to type on the command line.
        repo, revision, file: where it lies at its hub.
        bytes: size of the file.
        sha256: of the file; empty where nobody told it: then the hub tells it at the download, the person compares.
        parameters: how many numbers it holds; active_parameters: how many of them work on a token, 0 for all.
        thinks: it thinks in words before it answers, which takes time.
        shape: for an estimate before the file is here.
    """

    name: str
    title: str
    maker: str
    licence: str
    hub: str
    repo: str
    file: str
    bytes: int
    quantisation: str
    parameters: float
    context_tokens: int
    shape: Shape
    revision: str = "main"
    sha256: str = ""
    active_parameters: float = 0.0
    thinks: bool = False

    def need(self, context_tokens: int, *, parallel: int = 1, on_device: bool = False, unified: bool = False) -> Need:
        """About what it will need; see `fitting.memory_needed`, which reads the file's own header once it is here."""
        copied = 0.0 if on_device else _COPIED_SHARE.get(self.quantisation, 0.0)
        return need_of(
            self.bytes, int(self.bytes * copied), self.shape, context_tokens,
            parallel=parallel, on_device=on_device, unified=unified,
        )  # fmt: skip

    def bytes_per_token(self, context_tokens: int) -> int:
        """About what is read from memory for one token of an answer."""
        share = self.active_parameters / self.parameters if self.active_parameters else 1.0
        return int(self.bytes * share) + cache_bytes(self.shape, context_tokens)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Entries and hubs by name."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    hubs: Mapping[str, Hub] = field(default_factory=dict)

    def entry(self, name: str) -> Entry:
        """One model.

        Raises:
            Refused: `model-unknown`.
        """
        try:
            return self.entries[name]
        except KeyError:
            raise Refused(
                "model-unknown",
                f"The catalogue has no model “{name}”. It has: {', '.join(self.entries) or 'none'}.",
            ) from None

    def address(self, entry: Entry) -> str:
        """Where its file is asked for."""
        parts = {key: quote(getattr(entry, key), safe="/") for key in ("repo", "revision", "file")}
        return self.hubs[entry.hub].address.format(**parts)


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """What comes with Hearthside, and over it what lies in the folder of the models.

    Raises:
        ConfigError: `catalogue-wrong`; a file is not TOML or an entry not whole.
    """
    entries: dict[str, Entry] = {}
    hubs: dict[str, Hub] = {}
    own = folder / OWN_FILE if folder is not None else None
    for path in (_SHIPPED, *([own] if own is not None and own.is_file() else [])):
        try:
            read = tomllib.loads(path.read_text(encoding="utf-8"))
            hubs |= {name: _hub(one) for name, one in read.get("hub", {}).items()}
            entries |= {one.name: one for one in map(_entry, read.get("model", []))}
            missing = {one.hub for one in entries.values()} - hubs.keys()
            if missing:
                raise ValueError(f"no hub is named {', '.join(sorted(missing))}")
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError("catalogue-wrong", f"The catalogue of models {path} cannot be used: {error}.") from error
    return Catalogue(entries, hubs)


def _hub(told: Mapping[str, Json]) -> Hub:
    hub = Hub(str(told["address"]), tuple(str(host) for host in told.get("hands_over_to", ())))
    if urlsplit(hub.address).scheme not in ("http", "https") or "{file}" not in hub.address:
        raise ValueError("the address of a hub is an http(s) address with {file} in it")
    hub.address.format(repo="", revision="", file="")
    return hub


def _entry(told: Mapping[str, Json]) -> Entry:
    known = {one.name: one for one in fields(Entry)}
    unknown = told.keys() - known.keys()
    needed = {name for name, one in known.items() if one.default is MISSING}
    if unknown or needed - told.keys():
        raise ValueError(f"a model lacks or does not know: {', '.join(sorted(unknown | (needed - told.keys())))}")
    entry = Entry(**{**told, "shape": _shape(told["shape"])})
    if not (_NAME.fullmatch(entry.name) and _FILE.fullmatch(entry.file) and _HASH.fullmatch(entry.sha256)):
        raise ValueError(f"name, file or sha256 of “{entry.name}” has a wrong form")
    if entry.bytes <= 0 or entry.parameters <= 0:
        raise ValueError(f"“{entry.name}” has no size")
    return entry


def _shape(told: Mapping[str, Json]) -> Shape:
    cache = 2 * int(told["cache_heads"]) * 2 * int(told["head_width"])  # keys and values, float16
    return Shape(
        cache_bytes=(cache,) * int(told["layers"]),
        window=int(told.get("window", 0)),
        full_every=int(told.get("full_every", 1)),
        widest=int(told["widest"]),
        vocabulary=int(told["vocabulary"]),
    )
