"""What every place for backups must do; a new kind of place adds one function to `_PLACES`."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.journal.backup import StoredObject, Target
from tests.journal.backup.places import VAULT, Place, content_of, now, open_target
from tests.journal.backup.writer_process import SIZE
from tests.s3_server import APPEND_ONLY, EVERYTHING, S3Server, start_s3_server

_MakePlace = Callable[[pytest.FixtureRequest, Path], AbstractContextManager[Place]]
_ROOT = Path(__file__).resolve().parents[2]
_NUMBERS = itertools.count()
_BAD_NAMES = [
    *("", "/a", "a/", "a//b", "..", "a/../b", "../a", "./a", "a/.", ".hidden", "a/.b", "-a", "A", "a b", "a\\b", "a\n"),
    *("é", "a:b", "a*", "~", "a_b", "a.", "con./x", "hearthside-backup.json", "a\0b", "x" * 201, "y/" * 400 + "y"),
]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    running = start_s3_server(tmp_path_factory.mktemp("s3"))
    yield running
    running.kill()


@contextmanager
def _folder(request: pytest.FixtureRequest, folder: Path) -> Iterator[Place]:
    root = folder / "disk"
    root.mkdir()

    def away() -> dict[str, str]:
        root.rename(folder / "unplugged")
        root.mkdir()  # the mount point
        return {"folder": str(root)}

    yield Place({"folder": str(root)}, keeps=False, away=away)


@contextmanager
def _folder_without_links(request: pytest.FixtureRequest, folder: Path) -> Iterator[Place]:
    """A FAT stick, which no test machine has: Linux answers EPERM to a hard link on it."""

    def link(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with pytest.MonkeyPatch.context() as patch, _folder(request, folder) as place:
        patch.setattr(os, "link", link)
        yield place


@contextmanager
def _folder_append_only(request: pytest.FixtureRequest, folder: Path) -> Iterator[Place]:
    with _folder(request, folder) as place:
        root = place.spec["folder"]
        open_target(place.spec).prepare(VAULT)
        if shutil.which("chattr") is None or subprocess.run(["chattr", "+a", root], check=False).returncode:
            pytest.skip("only root on ext4, XFS or btrfs can make a folder append-only (chattr +a)")
        try:
            yield Place(place.spec, keeps=True, away=place.away)
        finally:
            subprocess.run(["chattr", "-a", root], check=True)


def _s3(*, versions: bool = False, lock: bool = False, actions: tuple[str, ...] = EVERYTHING) -> _MakePlace:
    @contextmanager
    def place(request: pytest.FixtureRequest, folder: Path) -> Iterator[Place]:
        server: S3Server = request.getfixturevalue("server")
        spec = {
            "endpoint": server.url,
            "bucket": server.bucket(f"life-{next(_NUMBERS)}", versions=versions, lock=lock),
            "region": server.region,
            "prefix": "home/me",
            "credentials": str(server.credentials(folder, actions)),
            "lock_days": 1 if lock else 0,
        }
        with socket.create_server(("127.0.0.1", 0)) as probe:
            closed = f"http://127.0.0.1:{probe.getsockname()[1]}"
        yield Place(spec, keeps=lock or actions != EVERYTHING, away=lambda: spec | {"endpoint": closed})

    return place


_PLACES: dict[str, _MakePlace] = {
    "folder": _folder,
    "folder_without_links": _folder_without_links,
    "folder_append_only": _folder_append_only,
    "s3": _s3(),
    "s3_versions": _s3(versions=True),
    "s3_locked": _s3(lock=True),
    "s3_append_only": _s3(versions=True, actions=APPEND_ONLY),
}


@pytest.fixture(params=sorted(_PLACES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with _PLACES[request.param](request, tmp_path) as made:
        yield made


@pytest.fixture
def target(place: Place) -> Iterator[Target]:
    opened = open_target(place.spec)
    opened.prepare(VAULT)
    yield opened
    opened.close()


def _names(target: Target, prefix: str = "") -> list[str]:
    return [stored.name for stored in target.list(prefix)]


def _code(call: Callable[[], object], family: type[Exception]) -> str:
    with pytest.raises(family) as caught:
        call()
    return str(getattr(caught.value, "code", ""))


def test_what_is_put_comes_back(target: Target) -> None:
    contents = {"a": b"", "journal/2026-00/0001": b"\0\xff" * 700, "media/ab/abcd": os.urandom(3_000_000)}
    began = now()
    for name, content in contents.items():
        target.put(name, content)
    assert {name: target.get(name) for name in contents} == contents
    assert b"".join(target.open("media/ab/abcd")) == contents["media/ab/abcd"]
    assert max(len(piece) for piece in target.open("media/ab/abcd")) <= 1024 * 1024
    listed = list(target.list())
    assert [(item.name, item.size) for item in listed] == [(name, len(contents[name])) for name in sorted(contents)]
    assert all(abs(item.modified_ms - began) < 600_000 for item in listed)
    assert isinstance(listed[0], StoredObject)


def test_the_same_bytes_again_are_no_work_and_other_bytes_are_refused(target: Target, tmp_path: Path) -> None:
    target.put("a/b", b"first")
    before = list(target.list())
    target.put("a/b", b"first")
    (tmp_path / "same").write_bytes(b"first")
    target.put_file("a/b", tmp_path / "same")
    assert list(target.list()) == before
    for other in (b"other", b"firs", b"first and more", b""):
        assert _code(partial(target.put, "a/b", other), Refused) == "backup-name-taken"
        (tmp_path / "other").write_bytes(other)
        assert _code(lambda: target.put_file("a/b", tmp_path / "other"), Refused) == "backup-name-taken"
    assert target.get("a/b") == b"first" and _names(target) == ["a/b"]


def test_a_missing_object_is_said(target: Target) -> None:
    target.put("a/b", b"x")
    for name in ("a/c", "a", "a/b/c", "b"):
        assert _code(partial(target.get, name), NeedsPerson) == "backup-object-missing"
        assert _code(partial(target.renew, name), NeedsPerson) == "backup-object-missing"
    assert _code(lambda: next(target.open("a/c")), NeedsPerson) == "backup-object-missing"
    assert _code(lambda: target.kept_until_ms("b"), NeedsPerson) == "backup-object-missing"


def test_delete_says_whether_it_is_gone(target: Target, place: Place) -> None:
    target.put("one", b"x")
    target.put("two", b"y")
    assert target.delete("one") is not place.keeps
    assert _names(target) == (["one", "two"] if place.keeps else ["two"])
    assert target.get("two") == b"y"
    if place.keeps:
        assert target.get("one") == b"x"
    else:
        assert target.delete("one") and target.delete("never-there")
        target.put("one", b"other")
        assert target.get("one") == b"other"


def test_a_lock_is_told_and_renewed(target: Target, place: Place) -> None:
    target.put("one", b"x")
    until = target.kept_until_ms("one")
    target.renew("one")
    if place.spec.get("lock_days"):
        assert until is not None and abs(until - now() - 86_400_000) < 600_000
        assert (target.kept_until_ms("one") or 0) >= until
    else:
        assert until is None and target.kept_until_ms("one") is None


@pytest.mark.parametrize("name", _BAD_NAMES, ids=range(len(_BAD_NAMES)))
def test_a_name_that_could_mean_another_place_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "disk").mkdir()
    target = open_target({"folder": str(tmp_path / "disk")})
    _refuses(target, name, tmp_path)
    assert [path.name for path in (tmp_path / "disk").rglob("*") if path.is_file()] == ["hearthside-backup.json"]


def test_names_are_refused_everywhere(target: Target, tmp_path: Path) -> None:
    for name in ("../a", "a/../b", "/a", "a//b", "É", "hearthside-backup.json"):
        _refuses(target, name, tmp_path)
    assert _names(target) == []


def _refuses(target: Target, name: str, folder: Path) -> None:
    target.prepare(VAULT)
    (folder / "file").write_bytes(b"x")
    calls: list[Callable[[], object]] = [
        lambda: target.put(name, b"x"),
        lambda: target.put_file(name, folder / "file"),
        lambda: target.get(name),
        lambda: next(target.open(name)),
        lambda: target.delete(name),
        lambda: target.renew(name),
        lambda: target.kept_until_ms(name),
    ]
    assert {_code(call, Refused) for call in calls} == {"backup-name-wrong"}


def test_a_prefix_that_no_name_has_is_refused(target: Target) -> None:
    for prefix in ("..", "../", "a/../", "/", "A", "a//", "a/.", "é"):
        assert _code(partial(_names, target, prefix), Refused) == "backup-name-wrong"


def test_listing_is_in_order_of_name_and_by_prefix(target: Target) -> None:
    names = ["a", "a-b", "a.b", "a0", "b/a-c", "b/a.d/x", "b/a/x", "b/a/y/z", "b/b", "b-/c", "b.c", "c"]
    for name in random.Random(3).sample(names, len(names)):
        target.put(name, name.encode())
    assert _names(target) == sorted(names)
    for prefix in ("a", "b", "b/", "b/a", "b/a.", "b/a/", "b/a/y/z", "c", "a-b"):
        assert _names(target, prefix) == sorted(name for name in names if name.startswith(prefix)), prefix


def test_a_large_file_goes_in_parts_and_comes_back(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        for _ in range(40):
            file.write(os.urandom(1024 * 1024))
        file.write(b"and a little more")
    target.put_file("media/large", path)
    seen = hashlib.sha256()
    for piece in target.open("media/large"):
        seen.update(piece)
    assert seen.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()
    before = list(target.list())
    assert [(item.name, item.size) for item in before] == [("media/large", path.stat().st_size)]
    target.put_file("media/large", path)
    assert list(target.list()) == before
    with path.open("r+b") as file:
        file.seek(30_000_000)
        file.write(b"changed")
    assert _code(lambda: target.put_file("media/large", path), Refused) == "backup-name-taken"


def test_a_file_that_cannot_be_read_is_not_stored(target: Target, tmp_path: Path) -> None:
    assert _code(lambda: target.put_file("a", tmp_path / "nothing"), RetryLater) == "backup-source-unreadable"
    assert _names(target) == []


def test_thousands_of_objects_are_listed_once(target: Target, place: Place, request: pytest.FixtureRequest) -> None:
    count = 2_345
    if "folder" in place.spec:
        folder = Path(place.spec["folder"]) / "many"
        folder.mkdir()
        for number in range(count):
            (folder / f"{number:05}").write_bytes(b"x")
    else:
        server: S3Server = request.getfixturevalue("server")
        server.fill(place.spec["bucket"], "home/me/many/", count)
        server.fill(place.spec["bucket"], "home/you/", 3)
    assert _names(target) == [f"many/{number:05}" for number in range(count)]
    assert len(_names(target, "many/012")) == 100
    target.put("many/00007", b"x")  # put there by another program, with the same bytes
    assert _code(lambda: target.put("many/00008", b"y"), Refused) == "backup-name-taken"


def test_only_its_own_vault_writes_there(target: Target, place: Place) -> None:
    target.put("a", b"x")
    target.prepare(VAULT)
    other = open_target(place.spec, vault_id="vault-2")
    calls: list[Callable[[], object]] = [
        lambda: other.put("b", b"y"),
        lambda: other.get("a"),
        lambda: list(other.list()),
        lambda: other.delete("a"),
        lambda: other.prepare("vault-2"),
    ]
    assert {_code(call, Refused) for call in calls} == {"backup-other-vault"}
    clean = open_target(place.spec, vault_id=None)  # a new machine that has the paper key only
    assert clean.vault() == VAULT and clean.get("a") == b"x" and _names(clean) == ["a"]
    calls = [lambda: clean.put("b", b"y"), lambda: clean.delete("a")]
    assert {_code(call, Refused) for call in calls} == {"backup-read-only"}
    other.close()
    clean.close()


def test_a_backup_whose_marker_was_lost_can_still_be_restored(
    target: Target, place: Place, request: pytest.FixtureRequest
) -> None:
    target.put("a", b"x")
    if "folder" in place.spec:
        root = place.spec["folder"]
        if place.keeps:
            subprocess.run(["chattr", "-a", root], check=True)
        (Path(root) / "hearthside-backup.json").unlink()
    else:
        server: S3Server = request.getfixturevalue("server")
        server.fill(place.spec["bucket"], "elsewhere/me/", 3)
        place.spec["prefix"] = "elsewhere/me"
    clean = open_target(place.spec, vault_id=None)
    assert _code(clean.vault, NeedsPerson) == "backup-not-prepared"
    name = _names(clean)[0]
    assert clean.get(name) == b"x"
    again = open_target(place.spec)
    assert _code(lambda: again.put("b", b"y"), NeedsPerson) == "backup-not-prepared"
    with pytest.raises(Refused) as caught:
        again.prepare(VAULT)  # what lies there may be anything
    assert caught.value.code == "backup-place-not-empty" and f'"vault":"{VAULT}"' in caught.value.message
    clean.close()
    again.close()


def test_what_is_no_backup_object_is_left_alone(target: Target, place: Place, request: pytest.FixtureRequest) -> None:
    foreign = ["Photo.JPG", "notes with spaces", ".DS_Store", "Folder/a"]
    if "folder" in place.spec:
        root = Path(place.spec["folder"])
        (root / "Folder").mkdir()
        for name in foreign:
            (root / name).write_bytes(b"x")
    else:
        server: S3Server = request.getfixturevalue("server")
        for name in foreign:
            server.admin.put_object(Bucket=place.spec["bucket"], Key=f"home/me/{name}", Body=b"x")
    target.put("a", b"x")
    assert _names(target) == ["a"]


def test_a_place_nobody_prepared_is_not_written_to(place: Place, request: pytest.FixtureRequest) -> None:
    if "append_only" in request.node.name and "folder" in place.spec:
        (Path(place.spec["folder"]) / "x").mkdir()
        place = Place({"folder": str(Path(place.spec["folder"]) / "x")}, place.keeps, place.away)
    target = open_target(place.spec)
    family = RetryLater if "folder" in place.spec else NeedsPerson  # an empty folder is rather an unplugged disk
    code = "backup-folder-away" if "folder" in place.spec else "backup-not-prepared"
    calls: list[Callable[[], object]] = [
        lambda: target.put("a", b"x"),
        lambda: list(target.list()),
        lambda: target.vault(),
    ]
    assert {_code(call, family) for call in calls} == {code}
    target.prepare(VAULT)
    assert _names(target) == []
    target.close()


def test_a_place_that_is_away_is_tried_later(target: Target, place: Place, tmp_path: Path) -> None:
    target.put("a", b"x")
    if place.keeps and "folder" in place.spec:
        subprocess.run(["chattr", "-a", place.spec["folder"]], check=True)
    gone = open_target(place.away())
    (tmp_path / "file").write_bytes(b"x")
    calls: list[Callable[[], object]] = [lambda: gone.put("b", b"y"), lambda: list(gone.list())]
    codes = {_code(call, RetryLater) for call in calls}
    assert codes == {"backup-folder-away" if "folder" in place.spec else "backup-unreachable"}
    if "folder" in place.spec:
        assert list(Path(place.spec["folder"]).iterdir()) == []  # nothing fills the mount point
    gone.close()


def test_a_killed_writer_leaves_whole_objects_only(target: Target, place: Place) -> None:
    told: list[str] = []
    for kills in range(1, 4):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.journal.backup.writer_process", json.dumps(place.spec)],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        told += [process.stdout.readline().strip() for _ in range(3 * kills)]  # at another point each time
        process.kill()
        told += process.stdout.read().split()
        process.wait()
        process.stdout.close()
    found = {stored.name: stored.size for stored in target.list()}
    assert set(told) - {""} <= set(found) and len(told) >= 18
    assert set(found.values()) == {SIZE}
    for name in found:
        assert target.get(name) == content_of(name, SIZE)
        target.put(name, content_of(name, SIZE))  # running it again is no work


def test_the_title_names_the_place_and_no_secret(target: Target, place: Place) -> None:
    if "folder" in place.spec:
        assert target.title == f"folder {place.spec['folder']}"
    else:
        assert target.title == f"bucket {place.spec['bucket']}/home/me at {place.spec['endpoint']}"
        secret = Path(place.spec["credentials"]).read_text().split()[1]
        assert secret not in repr(target) + repr(vars(target))
