"""Fetches a model file: through the house's one door, resumed where it was cut, checked, and put in place whole.

Each request, also one to a store that the hub hands over to, gets its row in the ledger first. A part
lies beside its place as ``<file>.part`` until its checksum is right; a wrong one is removed.
"""

from __future__ import annotations

import errno
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urljoin, urlsplit

import httpx

from hearthside.egress import Egress, Purpose
from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.identity.durable import make_folder
from hearthside.inference.download_part import Part, file_hash, only_one

_HOPS = 4
_SILENCE_S = 60.0
_TRIES = 5  # without a byte of progress between them
_LONGEST_PAUSE_S = 30.0
_KEEP_FREE = 1 << 30  # bytes of the disk that stay free beside the file
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_CHECKSUM = re.compile(r'(?:W/)?"?([0-9a-f]{64})"?')

Progress: TypeAlias = Callable[[str, int, int], object]
"""Told what is being done, bytes done and bytes in all (0: not known)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch.

    Attributes:
        file: its name in the folder.
        bytes: its size; 0 where it is not known.
        sha256: its checksum; empty asks the hub for it and goes no further.
        hands_over_to: hosts, their subdomains included, to which the hub may hand over.
    """

    url: str
    file: str
    bytes: int
    sha256: str
    hands_over_to: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Who is asked, for messages."""
        return httpx.URL(self.url).host


class Downloader:
    """Fetches files into one folder."""

    def __init__(
        self,
        egress: Egress,
        folder: Path,
        *,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Nothing is sent yet.

        Args:
            egress: the door; its ledger takes a row for each request.
            folder: of the models; made when it is not there.
            free: bytes that are free on the disk of a folder.
            pause: waits so many seconds before another try.
        """
        self._egress, self._folder, self._free, self._pause = egress, folder, free, pause

    def fetch(
        self, wanted: Wanted, *, progress: Progress = lambda *_: None, stopped: Callable[[], bool] = lambda: False
    ) -> Path:
        """The file in its place, whole and checked; one that lies there already costs no request.

        Args:
            stopped: asked after each piece; True ends it, and what was fetched is kept for the next time.

        Raises:
            RetryLater: stopped, cut off again and again, or another download of it runs; the part is kept.
            NeedsPerson: the disk is too full, the hub asks for an account, or it has no such file.
            Refused: the hub hands over to a foreign host, has another file, or the checksum is wrong or not known.
        """
        _check_address(wanted.url)
        if not wanted.sha256:
            raise self._unverified(wanted)
        make_folder(self._folder)
        place = self._folder / wanted.file
        if place.is_file() and file_hash(place) == wanted.sha256:
            return place
        with only_one(self._folder / f"{wanted.file}.part") as part:
            if part.sha256 != wanted.sha256:
                part.begin_anew(wanted.sha256)
            progress("looking at what is there", part.done, wanted.bytes)
            part.read_again()
            self._fill(wanted, part, progress, stopped)
            if part.checksum() != wanted.sha256:
                part.remove()
                raise Refused(
                    "download-checksum-wrong",
                    f"What {wanted.host} sent is not the file that was asked for: its checksum is wrong. It was "
                    "removed, and nothing else changed. Try again, or take another source.",
                )
            part.put_in_place(place)
        return place

    def _fill(self, wanted: Wanted, part: Part, progress: Progress, stopped: Callable[[], bool]) -> None:
        """Fetch until the part is as long as the file."""
        tries, came = 0, False
        while not wanted.bytes or part.done < wanted.bytes:
            self._check_room(wanted, part.done)
            before = part.done
            try:
                self._once(wanted, part, progress, stopped)
                return
            except RetryLater as error:
                came = came or part.done > before
                tries = 0 if part.done > before else tries + 1
                if error.code == "download-stopped" or not came or tries >= _TRIES:
                    raise
                self._pause(min(_LONGEST_PAUSE_S, 2.0**tries))

    def _once(self, wanted: Wanted, part: Part, progress: Progress, stopped: Callable[[], bool]) -> None:
        """One request and what it brings: the rest of the file, or RetryLater."""
        headers = {"Range": f"bytes={part.done}-"} if part.done else {}
        if part.done and part.mark:
            headers["If-Range"] = part.mark  # another file is sent whole, from its beginning
        with self._answer(wanted, headers) as response:
            start, total = _extent(response)
            if wanted.bytes and total and total != wanted.bytes:
                raise _other_file(wanted)
            if start != part.done:
                part.begin_anew(wanted.sha256)
            if not start or part.done:
                part.remember(_strong_mark(response))
                self._take(wanted, part, response, progress, stopped)
        if start and not part.done and headers:  # a range that is not there, or that nobody asked for
            self._once(wanted, part, progress, stopped)
        if part.done < max(total, wanted.bytes):
            raise _cut(wanted)

    def _take(
        self, wanted: Wanted, part: Part, response: httpx.Response, progress: Progress, stopped: Callable[[], bool]
    ) -> None:
        """Read an answer into the part."""
        try:
            for piece in response.iter_raw():  # as they come: a cut loses nothing
                if wanted.bytes and part.done + len(piece) > wanted.bytes:
                    raise _other_file(wanted)
                part.add(piece)
                progress("fetching", part.done, wanted.bytes)
                if stopped():
                    raise RetryLater(
                        "download-stopped",
                        f"Stopped. {part.done:,} bytes of {wanted.file} are kept; the same command goes on from there.",
                    )
        except (httpx.TransportError, httpx.StreamError) as error:
            raise _cut(wanted) from error
        except OSError as error:
            part.read_again()  # part of a piece may have been written
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _full(wanted, self._folder, max(0, wanted.bytes - part.done)) from error
            raise

    @contextmanager
    def _answer(self, wanted: Wanted, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """The answer that holds the file, after the hub handed over."""
        url = wanted.url
        for _ in range(_HOPS):
            with self._sent(url, headers, wanted) as response:
                told = _told_checksum(response)
                if told and wanted.sha256 and told != wanted.sha256:
                    raise _other_file(wanted)
                if not response.has_redirect_location:
                    _check_status(response, wanted, bool(headers))
                    yield response
                    return
                url = _next(url, response.headers["Location"], wanted)
        raise _foreign(wanted, wanted.host)

    @contextmanager
    def _sent(self, url: str, headers: dict[str, str], wanted: Wanted) -> Iterator[httpx.Response]:
        """One request, and its answer, which may point elsewhere."""
        headers = {"Accept-Encoding": "identity", **headers}
        try:
            with self._egress.stream(
                Purpose.MODEL_DOWNLOAD, "GET", url, headers=headers, data_class="model-request", timeout_s=_SILENCE_S,
                redirects=True,
            ) as response:  # fmt: skip
                yield response
        except NeedsPerson as error:
            raise (_not_allowed(wanted) if error.code == "egress-not-allowed" else error) from error
        except RetryLater as error:
            if error.code != "egress-unreachable":
                raise
            raise RetryLater(
                "download-unreachable",
                f"{httpx.URL(url).host} cannot be reached. What was fetched is kept; try again later, or take another "
                "source.",
            ) from error

    def _check_room(self, wanted: Wanted, done: int) -> None:
        missing = wanted.bytes - done + _KEEP_FREE - self._free(self._folder)
        if missing > 0:
            raise _full(wanted, self._folder, missing)

    def _unverified(self, wanted: Wanted) -> HearthsideError:
        """Asks the hub for the checksum that nobody told us, for the person to compare."""
        with self._sent(wanted.url, {"Range": "bytes=0-0"}, wanted) as response:
            if not response.has_redirect_location:
                _check_status(response, wanted, True)
            told = _told_checksum(response)
        says = f"{wanted.host} says {told}: compare it with what its maker publishes" if told else "Its maker tells it"
        return Refused(
            "download-unverified",
            f"No checksum of {wanted.file} is known here, so nothing was fetched. {says}, then run the same command "
            "with --sha256 and that number.",
        )


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None
        httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        wrong = True
    if wrong:
        raise ConfigError(
            "download-address-wrong", "A source of models must look like https://host/path; nothing was sent."
        )


def _next(url: str, location: str, wanted: Wanted) -> str:
    """Where the hub hands over to, if that is one of its own."""
    target = urljoin(url, location)
    _check_address(target)
    host, scheme = httpx.URL(target).host, httpx.URL(target).scheme
    own = host == wanted.host or any(host == one or host.endswith(f".{one}") for one in wanted.hands_over_to)
    if not own or (scheme == "http" and httpx.URL(url).scheme == "https"):
        raise _foreign(wanted, host)
    return target


def _check_status(response: httpx.Response, wanted: Wanted, with_range: bool) -> None:
    status = response.status_code
    if status == 200 or (with_range and status in (206, 416)):
        return
    if status in (404, 410):
        raise NeedsPerson(
            "download-missing", f"{wanted.host} does not have {wanted.file} any more; take another source with --from."
        )
    raise RetryLater(
        "download-busy", f"{wanted.host} does not give the file just now (HTTP {status}); try again later."
    )


def _not_allowed(wanted: Wanted) -> NeedsPerson:
    return NeedsPerson(
        "download-not-allowed",
        f"{wanted.host} gives this file only to people who accepted its licence there. Fetch it with a browser and put "
        "it into the folder of the models, or take another model.",
    )


def _extent(response: httpx.Response) -> tuple[int, int]:
    """Where the answer begins in the file, -1 for nowhere, and how long the file is (0: not told)."""
    if response.status_code in (206, 416):
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        return (int(found[1]), int(found[2])) if found else (-1, 0)
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else 0


def _told_checksum(response: httpx.Response) -> str:
    """The SHA-256 that a hub tells of a large file (its Git LFS id), empty when it tells none."""
    found = _CHECKSUM.fullmatch(response.headers.get("X-Linked-Etag", ""))
    return found[1] if found else ""


def _strong_mark(response: httpx.Response) -> str:
    """The ETag, if it promises the same bytes."""
    mark: str = response.headers.get("ETag", "")
    return "" if mark.startswith("W/") else mark


def _cut(wanted: Wanted) -> RetryLater:
    return RetryLater(
        "download-cut", f"The connection to {wanted.host} was cut. What was fetched is kept; the same command goes on."
    )


def _other_file(wanted: Wanted) -> Refused:
    return Refused(
        "download-changed",
        f"{wanted.host} has another file under this name than the catalogue (its size or checksum differs); it was not "
        "fetched. Take another source, or another model.",
    )


def _foreign(wanted: Wanted, host: str) -> Refused:
    return Refused(
        "download-handed-elsewhere",
        f"{wanted.host} hands this download over to {host}, which is not one of its own stores; Hearthside does not "
        "follow. If you trust it, name it under hands_over_to in catalogue.toml of the models folder.",
    )


def _full(wanted: Wanted, folder: Path, missing: int) -> NeedsPerson:
    return NeedsPerson(
        "download-disk-full",
        f"The disk of {folder} has too little room for {wanted.file}: {missing / 2**30:.1f} GiB more are needed (1 GiB "
        "is kept free). Make room, then run the same command; what was fetched is kept.",
    )
