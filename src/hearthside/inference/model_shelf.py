"""The shelf as `hearthside models` shows it: embedded model, files in the folder and catalogue against this machine."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hearthside.errors import ConfigError, NeedsPerson, Refused
from hearthside.identity.durable import write_private
from hearthside.inference.advice import Fit, Pace, fit_of_entry, fit_of_file, pace_of, read_bytes_of
from hearthside.inference.catalogue import Catalogue, load_catalogue
from hearthside.inference.download import Wanted
from hearthside.inference.gguf_header import model_header
from hearthside.inference.hashes import Hashes
from hearthside.inference.machine import Machine, read_bandwidth
from hearthside.inference.probing import Measured, Measurements, measure
from hearthside.inference.shelf import embedded_path, model_file, models_in, parts_of

EMBEDDED = "embedded"
"""Name of the model that comes with Hearthside."""

PARALLEL = 2
"""Answers at the same time, as the station serves them (`NodeOptions.parallel`)."""

_SETTING = re.compile(r"\s*model_path\s*=")


@dataclass(frozen=True, slots=True)
class FitSummary:
    """A `Fit` as JSON shows it; amounts in bytes, 0 tokens/s where nothing is known."""

    name: str
    title: str
    licence: str
    path: str
    exact: bool
    fits: bool
    needs: dict[str, int]
    total: int
    room: int
    tokens_per_s: float
    ability: str

    @classmethod
    def of(cls, fit: Fit) -> FitSummary:
        """Of this one."""
        return cls(
            fit.name, fit.title, fit.licence, str(fit.path or ""), fit.exact, fit.fits, asdict(fit.need),
            fit.need.total, fit.machine.room, round(fit.pace.expected, 2), fit.ability,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checksum of a file says: whether anything is wrong, and the words."""

    right: bool
    words: str


class ModelShelf:
    """All models that this machine has or could have."""

    def __init__(
        self,
        folder: Path,
        machine: Machine,
        *,
        used: Path | None,
        settings_file: Path,
        context_tokens: int,
        threads: int,
        clock: Callable[[], int],
        parallel: int = PARALLEL,
    ) -> None:
        """Reads the catalogue; files are looked at when they are asked for.

        Args:
            folder: of the models; need not exist.
            machine: against which they are held.
            used: the setting `model_path`; None serves the embedded one.
            settings_file: the vault's hearthside.toml, which `use` changes.
            context_tokens: of one completion.
            threads: processor threads of the model.
            clock: UTC milliseconds.
            parallel: completions at the same time.

        Raises:
            ConfigError: `catalogue-wrong`.
        """
        self.folder, self.machine, self.parallel = folder, machine, parallel
        self.catalogue: Catalogue = load_catalogue(folder)
        self._used, self._settings_file = used, settings_file
        self._context, self._threads, self._clock = context_tokens, threads, clock
        self._hashes, self._measurements = Hashes(folder), Measurements(folder)
        self._bandwidth = 0.0
        self.problems: list[str] = []

    def fits(self, *, measure_memory: bool) -> list[Fit]:
        """Every model, small ones first: what is here by its own header, the rest by the catalogue.

        Files that cannot be read are told in `problems`.

        Args:
            measure_memory: measure how fast memory is read, about 0.2 s.
        """
        if measure_memory and not self._bandwidth and not self.machine.on_device:
            self._bandwidth = read_bandwidth()
        here, self.problems = [], []
        for name, path in self._files().items():
            try:
                here.append(self._of_file(name, path))
            except NeedsPerson as error:
                self.problems.append(f"{name}: {error.message}")
        names = {fit.name for fit in here}
        rest = [self._of_entry(name) for name in self.catalogue.entries if name not in names]
        return sorted([*here, *rest], key=lambda fit: (fit.size, fit.name))

    def fit(self, name: str) -> Fit:
        """One model.

        Raises:
            Refused: `model-unknown`.
            NeedsPerson: its file cannot be read.
        """
        files = self._files()
        if name in files:
            return self._of_file(name, files[name])
        if name in self.catalogue.entries:
            return self._of_entry(name)
        known = ", ".join([*files, *(one for one in self.catalogue.entries if one not in files)])
        raise Refused("model-unknown", f"There is no model “{name}”. There are: {known}.")

    def is_used(self, fit: Fit) -> bool:
        """Whether the station serves it from its next start on."""
        if fit.path is None:
            return False
        return fit.name == EMBEDDED if self._used is None else fit.path.resolve() == self._used.resolve()

    def wanted(self, name: str, source: str = "", sha256: str = "") -> Wanted:
        """What to fetch for a name of the catalogue.

        Args:
            source: another address of the file; one that ends with a slash holds it under its name.
            sha256: its checksum, where the catalogue has none.

        Raises:
            Refused: the catalogue does not have it, or has another checksum.
        """
        entry = self.catalogue.entry(name)
        given = sha256.strip().lower()
        if given and entry.sha256 and given != entry.sha256:
            raise Refused(
                "model-checksum-differs",
                f"The catalogue says {entry.sha256} for {entry.file}; nothing was fetched. Leave --sha256 out.",
            )
        if given and not re.fullmatch(r"[0-9a-f]{64}", given):
            raise Refused("model-checksum-form", "A SHA-256 checksum has 64 digits from 0 to 9 and a to f.")
        hub = self.catalogue.hubs[entry.hub]
        url = source + entry.file if source.endswith("/") else source
        hosts = () if source else hub.hands_over_to
        return Wanted(url or self.catalogue.address(entry), entry.file, entry.bytes, entry.sha256 or given, hosts)

    def use(self, fit: Fit) -> None:
        """Write the setting `model_path`, or take it out for the embedded model; other lines stay as they are.

        Raises:
            ConfigError: the file of settings is not TOML.
        """
        lines = self._settings_file.read_text("utf-8").splitlines() if self._settings_file.is_file() else []
        kept = [line for line in lines if not _SETTING.match(line)]
        assert fit.path is not None
        if fit.name != EMBEDDED:
            # At the top, before any table; TOML writes a text as JSON does, save that it wants characters as they are.
            kept.insert(0, f"model_path = {json.dumps(str(fit.path.resolve()), ensure_ascii=False)}")
        text = "".join(f"{line}\n" for line in kept)
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(
                "settings-unreadable", f"{self._settings_file} is not TOML ({error}); nothing was changed."
            ) from error
        write_private(self._settings_file, text.encode())
        self._used = None if fit.name == EMBEDDED else fit.path

    def checksum_words(self, fit: Fit) -> Checked:
        """Read the file and hold its checksum against the catalogue."""
        assert fit.path is not None
        try:
            found = model_file(fit.path).sha256
        except NeedsPerson as error:
            return Checked(False, error.message)
        entry = self.catalogue.entries.get(fit.name)
        if entry is None or not entry.sha256:
            return Checked(True, f"readable; checksum {found}, which the catalogue does not know")
        if found == entry.sha256:
            return Checked(True, "whole, checksum right")
        return Checked(
            False, f"damaged or another file (checksum {found}); fetch it again: hearthside models get {fit.name}"
        )

    def measure(self, fit: Fit) -> Measured:
        """Let it speak, and remember how fast it was.

        Raises:
            NeedsPerson: it cannot be loaded.
            RetryLater: it said too little.
        """
        assert fit.path is not None
        model = model_file(fit.path, self._hashes)
        measured = measure(model, self._threads, self._clock())
        self._measurements.keep(model.sha256, measured)
        return measured

    def measured_any(self) -> bool:
        """Whether anything was measured here with as many threads as now."""
        return bool(self._measured())

    def _files(self) -> dict[str, Path]:
        """Files that are here, by name: that of the catalogue where it is one of its files."""
        by_file = {entry.file: name for name, entry in self.catalogue.entries.items()}
        found = {by_file.get(path.name, path.stem): path for path in models_in(self.folder)}
        if self._used is not None and self._used.is_file() and self._used not in found.values():
            found.setdefault(by_file.get(self._used.name, self._used.stem), self._used)
        try:
            return {EMBEDDED: embedded_path(), **found}
        except NeedsPerson:
            return found

    def _measured(self) -> dict[str, Measured]:
        return {name: one for name, one in self._measurements.all().items() if one.threads == self._threads}

    def _of_file(self, name: str, path: Path) -> Fit:
        header = model_header(path)
        more = [one for one in parts_of(path) if one != path]
        read = read_bytes_of(header, self._context) + sum(one.stat().st_size for one in more)
        own = self._measured().get(model_file(path, self._hashes).sha256) if self._measured() else None
        fit = fit_of_file(path, header, self.machine, self._context, parallel=self.parallel, pace=self._pace(read, own))
        if more:
            weights = fit.need.weights + sum(one.stat().st_size for one in more)
            fit = replace(fit, need=replace(fit.need, weights=weights))
        entry = self.catalogue.entries.get(name)
        titled = entry.title if entry is not None else "SmolLM2 135M" if name == EMBEDDED else fit.title
        return replace(fit, name=name, title=titled, licence=entry.licence if entry is not None else fit.licence)

    def _of_entry(self, name: str) -> Fit:
        entry = self.catalogue.entry(name)
        pace = self._pace(entry.bytes_per_token(self._context // 2), None)
        return fit_of_entry(entry, self.machine, self._context, parallel=self.parallel, pace=pace)

    def _pace(self, read_bytes: int, own: Measured | None) -> Pace:
        if self.machine.on_device:
            return Pace()  # what was measured here was the processor
        return pace_of(read_bytes, self._measured().values(), self._bandwidth, own)
