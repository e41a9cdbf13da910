"""A model file arrives whole or not at all, whatever the network, the hub and the disk do meanwhile."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hearthside.egress import Egress, LedgerRow
from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.inference.download import Downloader, Wanted
from hearthside.inference.download_part import Part, only_one
from tests.inference.file_server import Hub, hub_server

_MIB = 1 << 20
_CONTENT = b"GGUF" + bytes(range(256)) * (5 * _MIB // 256) + b"the end"
_SHA256 = hashlib.sha256(_CONTENT).hexdigest()


@dataclass
class Fetching:
    """A downloader with what it noted."""

    folder: Path
    rows: list[LedgerRow] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    free: int = 1 << 40

    def __post_init__(self) -> None:
        self.egress = Egress(self.rows.append, lambda: 1)
        self.downloader = Downloader(
            self.egress, self.folder, free=lambda _: self.free, pause=self.pauses.append
        )  # fmt: skip

    def fetch(self, hub: Hub, **options: Any) -> Path:
        wanted = self.wanted(hub, **{name: options.pop(name) for name in list(options) if name in _WANTED})
        return self.downloader.fetch(wanted, **options)

    def wanted(self, hub: Hub, **changed: Any) -> Wanted:
        told: dict[str, Any] = {"url": f"{hub.url}/m.gguf", "file": "m.gguf", "bytes": len(_CONTENT), "sha256": _SHA256}
        return Wanted(**{**told, **changed})

    def left(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()


_WANTED = {"url", "file", "bytes", "sha256", "hands_over_to"}


@pytest.fixture
def fetching(tmp_path: Path) -> Iterator[Fetching]:
    one = Fetching(tmp_path / "models")
    yield one
    one.egress.close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server(_CONTENT) as server:
        yield server


def _problem(fetching: Fetching, hub: Hub, **options: Any) -> HearthsideError:
    with pytest.raises(HearthsideError) as caught:
        fetching.fetch(hub, **options)
    return caught.value


def test_file_comes_whole_with_its_row_in_the_ledger(fetching: Fetching, hub: Hub) -> None:
    told: list[tuple[str, int, int]] = []
    path = fetching.fetch(hub, progress=lambda *step: told.append(step))
    assert path.read_bytes() == _CONTENT and fetching.left() == {"m.gguf"} and path.stat().st_mode & 0o777 == 0o600
    assert told[-1] == ("fetching", len(_CONTENT), len(_CONTENT)) and len(told) > 5
    assert [(row.purpose, row.destination, row.data_class) for row in fetching.rows] == [
        ("model-download", hub.url, "model-request")
    ]
    assert fetching.rows[0].bytes_out == _request_bytes(hub)


def _request_bytes(hub: Hub) -> int:
    path, headers = hub.asked[0]
    return len(f"GET {path} HTTP/1.1\r\n") + sum(len(f"{name}: {value}\r\n") for name, value in headers.items()) + 2


def test_nothing_is_asked_for_a_file_that_is_there(fetching: Fetching, hub: Hub) -> None:
    fetching.fetch(hub)
    fetching.fetch(hub)
    assert len(hub.asked) == 1
    (fetching.folder / "m.gguf").write_bytes(b"damaged")
    assert fetching.fetch(hub).read_bytes() == _CONTENT


def test_ledger_that_cannot_be_written_sends_nothing(tmp_path: Path, hub: Hub) -> None:
    def full(row: LedgerRow) -> None:
        raise OSError(errno.ENOSPC, "no space")

    downloader = Downloader(Egress(full, lambda: 1), tmp_path)
    with pytest.raises(OSError):
        downloader.fetch(Wanted(f"{hub.url}/m.gguf", "m.gguf", len(_CONTENT), _SHA256))
    assert hub.asked == [] and list(tmp_path.iterdir()) == []


def test_cut_connections_are_resumed_where_they_were_cut(fetching: Fetching, hub: Hub) -> None:
    hub.cut_after = [_MIB + 5, 1, 2 * _MIB]
    assert fetching.fetch(hub).read_bytes() == _CONTENT
    asked = [headers.get("Range", "") for _, headers in hub.asked]
    assert asked[0] == "" and asked[1] == f"bytes={_MIB + 5}-" and len(asked) == 4
    assert all(headers["If-Range"] == '"first"' for _, headers in hub.asked[1:])
    assert hub.sent == len(_CONTENT)  # not a byte twice


def test_stopped_download_goes_on_later_in_another_process(fetching: Fetching, hub: Hub, tmp_path: Path) -> None:
    problem = _problem(fetching, hub, stopped=lambda: _kept_bytes(fetching) > _MIB)
    assert isinstance(problem, RetryLater) and problem.code == "download-stopped"
    kept = (fetching.folder / "m.gguf.part").stat().st_size
    assert _MIB < kept < len(_CONTENT) and not (fetching.folder / "m.gguf").exists()
    later = Fetching(fetching.folder)
    assert later.fetch(hub).read_bytes() == _CONTENT
    assert hub.asked[-1][1]["Range"] == f"bytes={kept}-" and later.left() == {"m.gguf"}


def _kept_bytes(fetching: Fetching) -> int:
    return (fetching.folder / "m.gguf.part").stat().st_size


def test_file_that_changed_meanwhile_is_fetched_from_its_beginning(fetching: Fetching, hub: Hub) -> None:
    hub.content = bytes(len(_CONTENT))
    _problem(fetching, hub, stopped=lambda: _kept_bytes(fetching) > _MIB)
    hub.content, hub.mark = _CONTENT, '"second"'
    assert fetching.fetch(hub).read_bytes() == _CONTENT


@pytest.mark.parametrize("change", [{"ranges": False}, {"mark": ""}, {"mark": 'W/"weak"'}, {"length": False}])
def test_servers_that_know_less(fetching: Fetching, hub: Hub, change: dict[str, Any]) -> None:
    for name, value in change.items():
        setattr(hub, name, value)
    hub.cut_after = [] if "length" in change else [2 * _MIB, _MIB]
    assert fetching.fetch(hub).read_bytes() == _CONTENT
    if "mark" in change:
        assert all("If-Range" not in headers for _, headers in hub.asked)


def test_answer_to_another_range_is_not_taken(fetching: Fetching, hub: Hub) -> None:
    hub.cut_after, hub.wrong_range = [_MIB], True
    assert fetching.fetch(hub).read_bytes() == _CONTENT  # begun anew, which needs no range
    assert [headers.get("Range", "") for _, headers in hub.asked] == ["", f"bytes={_MIB}-", ""]


def test_part_of_another_file_is_thrown_away(fetching: Fetching, hub: Hub) -> None:
    fetching.folder.mkdir()
    (fetching.folder / "m.gguf.part").write_bytes(b"x" * (len(_CONTENT) + 9))
    assert fetching.fetch(hub).read_bytes() == _CONTENT and "Range" not in hub.asked[0][1]


def test_part_that_is_too_long_begins_anew(fetching: Fetching, hub: Hub) -> None:
    with _kept(fetching, b"y" * (len(_CONTENT) + 9)):
        pass
    problem = _problem(fetching, hub)
    assert problem.code == "download-checksum-wrong" and fetching.left() == set()
    with _kept(fetching, b"y" * (len(_CONTENT) + 9)):
        pass
    assert fetching.fetch(hub, bytes=0).read_bytes() == _CONTENT  # 416, and then from the beginning


class _kept:
    """A part of this file with wrong bytes, as after a fault."""

    def __init__(self, fetching: Fetching, content: bytes) -> None:
        fetching.folder.mkdir(exist_ok=True)
        with only_one(fetching.folder / "m.gguf.part") as part:
            part.begin_anew(_SHA256)
            part.add(content)

    def __enter__(self) -> None: ...

    def __exit__(self, *problem: object) -> None: ...


def test_wrong_bytes_are_refused_and_removed(fetching: Fetching, hub: Hub) -> None:
    hub.content = _CONTENT[:-1] + b"!"
    problem = _problem(fetching, hub)
    assert isinstance(problem, Refused) and problem.code == "download-checksum-wrong" and fetching.left() == set()


def test_another_size_or_checksum_is_noticed_before_the_file_is_fetched(fetching: Fetching, hub: Hub) -> None:
    assert _problem(fetching, hub, bytes=len(_CONTENT) + 1).code == "download-changed"
    hub.headers = {"X-Linked-Etag": f'"{"0" * 64}"'}
    assert _problem(fetching, hub).code == "download-changed"
    hub.headers, hub.length, hub.content = {}, False, _CONTENT + b"more"
    assert _problem(fetching, hub).code == "download-changed"  # and no more is written than was promised
    assert all(path.stat().st_size <= len(_CONTENT) for path in fetching.folder.iterdir())


def test_hub_hands_over_to_its_own_stores_only(fetching: Fetching, hub: Hub) -> None:
    with hub_server(_CONTENT) as store:
        hub.hand_over = store.url.replace("127.0.0.1", "localhost") + "/store"
        problem = _problem(fetching, hub)
        assert problem.code == "download-handed-elsewhere" and "localhost" in problem.message and store.asked == []
        assert fetching.fetch(hub, hands_over_to=("localhost",)).read_bytes() == _CONTENT
        port = store.url.rpartition(":")[2]
        assert [row.destination for row in fetching.rows[-2:]] == [hub.url, f"http://localhost:{port}"]
        for where in ("http://evil-localhost:1/x", "file:///etc/passwd", "//user:pw@127.0.0.1/x", "https://"):
            hub.hand_over = where
            (fetching.folder / "m.gguf").unlink(missing_ok=True)
            assert _problem(fetching, hub, hands_over_to=("localhost",)).code in (
                "download-handed-elsewhere",
                "download-address-wrong",
            )


def test_hub_that_hands_over_for_ever(fetching: Fetching, hub: Hub) -> None:
    hub.hand_over = "/again"
    assert _problem(fetching, hub).code == "download-handed-elsewhere" and len(hub.asked) == 4


@pytest.mark.parametrize(
    ("status", "family", "code"),
    [
        (401, NeedsPerson, "download-not-allowed"),
        (403, NeedsPerson, "download-not-allowed"),
        (404, NeedsPerson, "download-missing"),
        (503, RetryLater, "download-busy"),
    ],
)
def test_hub_says_no(fetching: Fetching, hub: Hub, status: int, family: type[HearthsideError], code: str) -> None:
    hub.statuses = [status] * 9
    problem = _problem(fetching, hub)
    assert isinstance(problem, family) and problem.code == code and len(hub.asked) == 1 and fetching.left() == set()


def test_hub_that_fails_in_the_middle_is_asked_a_few_times_and_then_left(fetching: Fetching, hub: Hub) -> None:
    hub.cut_after, hub.statuses = [_MIB], []
    with pytest.raises(RetryLater) as caught:
        fetching.fetch(hub, progress=lambda what, done, total: hub.statuses.extend([503] * 9) if done else None)
    assert caught.value.code == "download-busy" and fetching.pauses == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert (fetching.folder / "m.gguf.part").stat().st_size == _MIB


def test_nobody_there_is_said_at_once(fetching: Fetching) -> None:
    with hub_server(b"") as gone:
        pass
    assert _problem(fetching, gone).code == "download-unreachable" and fetching.pauses == []


def test_checksum_nobody_knows_is_asked_for_and_nothing_fetched(fetching: Fetching, hub: Hub) -> None:
    hub.headers = {"X-Linked-Etag": f'"{_SHA256}"'}
    told = _problem(fetching, hub, sha256="")
    assert isinstance(told, Refused) and told.code == "download-unverified" and _SHA256 in told.message
    hub.headers = {"X-Linked-Etag": '"not a checksum"'}
    assert "--sha256" in _problem(fetching, hub, sha256="").message
    assert fetching.left() == set()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/m", "m.gguf", "http://", "http://ann:pw@127.0.0.1/m", "http://[x/"])
def test_address_that_is_none(fetching: Fetching, hub: Hub, url: str) -> None:
    problem = _problem(fetching, hub, url=url)
    assert isinstance(problem, ConfigError) and problem.code == "download-address-wrong" and hub.asked == []


def test_room_is_looked_at_before_anything_is_fetched(fetching: Fetching, hub: Hub) -> None:
    fetching.free = (1 << 30) + len(_CONTENT) - 1  # one byte too few beside the GiB that stays free
    problem = _problem(fetching, hub)
    assert isinstance(problem, NeedsPerson) and problem.code == "download-disk-full" and hub.asked == []
    fetching.free += 1
    assert fetching.fetch(hub).exists()


_SMALL_DISK = """
import sys
sys.path[:0] = sys.argv[4:]
from pathlib import Path
import subprocess
folder = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)], check=True)
from hearthside.egress import Egress
from hearthside.errors import NeedsPerson
from hearthside.inference.download import Downloader, Wanted
downloader = Downloader(Egress(lambda row: None, lambda: 1), folder, free=lambda _: 1 << 40)
wanted = Wanted(sys.argv[2], "m.gguf", %d, sys.argv[3])
try:
    downloader.fetch(wanted)
except NeedsPerson as error:
    print(error.code, (folder / "m.gguf.part").stat().st_size)
subprocess.run(["mount", "-o", "remount,size=16m", str(folder)], check=True)
print(downloader.fetch(wanted).stat().st_size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="makes a small disk in a namespace of its own")
def test_disk_that_fills_up_keeps_the_part_and_goes_on_when_there_is_room(tmp_path: Path, hub: Hub) -> None:
    """A real file system of 3 MiB: the kernel refuses the bytes, not a stand-in."""
    probe = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this system makes no namespaces for us")
    command = ["unshare", "-rm", sys.executable, "-c", _SMALL_DISK % len(_CONTENT)]
    done = subprocess.run(
        [*command, str(tmp_path), f"{hub.url}/m.gguf", _SHA256, *sys.path],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    code, kept = first.split()
    assert code == "download-disk-full" and 2 * _MIB <= int(kept) <= 3 * _MIB and int(second) == len(_CONTENT)
    assert hub.asked[-1][1]["Range"] == f"bytes={kept}-"


def test_two_at_once_do_not_mix(fetching: Fetching, hub: Hub) -> None:
    fetching.folder.mkdir()
    with only_one(fetching.folder / "m.gguf.part"):
        problem = _problem(fetching, hub)
    assert isinstance(problem, RetryLater) and problem.code == "download-running" and hub.asked == []
    assert fetching.fetch(hub).exists()


def test_part_reads_again_what_is_really_there(tmp_path: Path) -> None:
    with only_one(tmp_path / "x.part") as part:
        part.begin_anew(_SHA256)
        part.add(b"abc")
        part.remember('"m"')
        assert part.checksum() == hashlib.sha256(b"abc").hexdigest() and part.done == 3
    with only_one(tmp_path / "x.part") as again:
        assert isinstance(again, Part) and (again.sha256, again.mark, again.done) == (_SHA256, '"m"', 3)
        again.read_again()
        assert again.checksum() == hashlib.sha256(b"abc").hexdigest()
        again.remove()
    assert list(tmp_path.iterdir()) == []
