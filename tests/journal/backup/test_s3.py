"""A bucket against accident and malice: hijacked keys, locks, cut wires, killed writers, older servers."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hearthside.errors import ConfigError, NeedsPerson, RetryLater
from hearthside.journal.backup import S3Target
from hearthside.journal.backup.s3 import PART_BYTES
from tests.journal.backup.places import VAULT, now
from tests.journal.backup.relay import Relay
from tests.s3_server import S3Server, start_s3_server

_ROOT = Path(__file__).resolve().parents[3]
_DAY_MS = 86_400_000
_NUMBERS = itertools.count()


@dataclass
class Bucket:
    """One bucket, a key for it, and the ledger of everything sent to it."""

    server: S3Server
    folder: Path
    name: str
    credentials: Path
    rows: list[tuple[str, str, int, str]] = field(default_factory=list)
    opened: list[S3Target] = field(default_factory=list)

    def target(self, *, prepare: bool = True, url: str = "", clock: Callable[[], int] = now, **more: Any) -> S3Target:
        """A target in it, with the prefix ``me``."""
        target = S3Target(
            url or self.server.url,
            more.pop("bucket", self.name),
            region=self.server.region,
            prefix=more.pop("prefix", "me"),
            credentials=more.pop("credentials", self.credentials),
            before_send=more.pop("before_send", lambda *row: self.rows.append(row)),
            clock=clock,
            vault_id=VAULT,
            **more,
        )
        self.opened.append(target)
        if prepare:
            target.prepare(VAULT)
        return target

    def keys(self) -> list[str]:
        """All keys in it, of whoever."""
        return [entry["Key"] for entry in self.server.admin.list_objects_v2(Bucket=self.name).get("Contents", ())]

    def holds(self, key: str) -> bool:
        """Whether a key is there."""
        return key in self.keys()

    def uploads(self) -> list[str]:
        """Keys of uploads that were begun and not completed."""
        return [entry["Key"] for entry in self.server.admin.list_multipart_uploads(Bucket=self.name).get("Uploads", ())]


@pytest.fixture
def make_bucket(server: S3Server, tmp_path: Path) -> Any:
    made: list[Bucket] = []

    def make(**options: bool) -> Bucket:
        name = server.bucket(f"life-{next(_NUMBERS)}", **options)
        made.append(Bucket(server, tmp_path, name, server.credentials(tmp_path)))
        return made[-1]

    yield make
    for bucket in made:
        for target in bucket.opened:
            target.close()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of two and a half parts."""
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * (PART_BYTES * 5 // 2 // 256))
    return path


def test_a_hijacked_machine_can_neither_erase_nor_replace_what_is_locked(make_bucket: Any, large: Path) -> None:
    bucket = make_bucket(lock=True)
    target = bucket.target(lock_days=30)
    target.put("a", b"the truth")
    target.put_file("large", large)
    thief = bucket.server.client(bucket.credentials)
    for key in ("me/a", "me/large", "me/hearthside-backup.json"):
        version = thief.head_object(Bucket=bucket.name, Key=key)["VersionId"]
        with pytest.raises(thief.exceptions.ClientError, match="AccessDenied"):
            thief.delete_object(Bucket=bucket.name, Key=key, VersionId=version)
        with pytest.raises(thief.exceptions.ClientError, match="AccessDenied"):
            thief.delete_object(Bucket=bucket.name, Key=key, VersionId=version, BypassGovernanceRetention=True)
        thief.put_object(Bucket=bucket.name, Key=key, Body=b"a lie", ContentMD5="RvyCZtJeeT2iL0p0jFLKKQ==")
        thief.delete_object(Bucket=bucket.name, Key=key)  # without a version: hides it behind a marker
    assert bucket.keys() == []
    thief.close()
    again = bucket.target(prepare=False, lock_days=30)
    assert again.vault() == VAULT and again.get("a") == b"the truth" and again.get("large") == large.read_bytes()
    assert [(item.name, item.size) for item in again.list()] == [("a", 9), ("large", large.stat().st_size)]
    again.put("a", b"the truth")
    assert not again.delete("a") and again.get("a") == b"the truth"


def test_the_lock_ends_on_the_day_asked_for_and_is_renewed(make_bucket: Any, large: Path) -> None:
    bucket = make_bucket(lock=True)
    time = [now()]
    target = bucket.target(clock=lambda: time[0], lock_days=30)
    target.put("a", b"x")
    target.put_file("large", large)
    for name in ("a", "large"):
        assert abs((target.kept_until_ms(name) or 0) - time[0] - 30 * _DAY_MS) <= 2000
    requests = len(bucket.rows)
    target.renew("a")
    assert [row[1] for row in bucket.rows[requests:]] == ["backup-query"] * 2  # looked, and nothing to do
    time[0] += 10 * _DAY_MS
    target.renew("a")
    assert abs((target.kept_until_ms("a") or 0) - time[0] - 30 * _DAY_MS) <= 2000
    assert (target.kept_until_ms("large") or 0) < time[0] + 21 * _DAY_MS
    # The marker is renewed by each run that uses the place.
    again = bucket.target(prepare=False, clock=lambda: time[0], lock_days=30)
    assert again.get("a") == b"x"
    marker = bucket.server.admin.head_object(Bucket=bucket.name, Key="me/hearthside-backup.json")
    assert abs(marker["ObjectLockRetainUntilDate"].timestamp() * 1000 - time[0] - 30 * _DAY_MS) <= 2000


def test_a_bucket_that_cannot_lock_is_said_before_anything_is_written(make_bucket: Any) -> None:
    for options in ({}, {"versions": True}):
        bucket = make_bucket(**options)
        with pytest.raises(NeedsPerson) as caught:
            bucket.target(lock_days=1)
        assert caught.value.code == "backup-bucket-cannot-lock" and bucket.keys() == []


def test_delete_erases_every_version(make_bucket: Any) -> None:
    bucket = make_bucket(versions=True)
    target = bucket.target()
    target.put("a", b"x")
    target.put("ab", b"y")
    bucket.server.admin.put_object(Bucket=bucket.name, Key="me/a", Body=b"later")
    bucket.server.admin.delete_object(Bucket=bucket.name, Key="me/a")
    assert target.delete("a")
    versions = bucket.server.admin.list_object_versions(Bucket=bucket.name, Prefix="me/a")
    assert [entry["Key"] for entry in versions["Versions"]] == ["me/ab"] and "DeleteMarkers" not in versions


def test_a_key_that_may_not_ask_for_versions_still_tells_that_old_ones_stay(make_bucket: Any, tmp_path: Path) -> None:
    bucket = make_bucket(versions=True)
    rights = ("s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject")
    target = bucket.target(credentials=bucket.server.credentials(tmp_path, rights))
    target.put("a", b"x")
    assert not target.delete("a")


def test_two_vaults_share_a_bucket_under_prefixes(make_bucket: Any) -> None:
    bucket = make_bucket()
    mine = bucket.target(prefix="/household/me/")
    yours = bucket.target(prefix="household/you")
    mine.put("a", b"mine")
    yours.put("a", b"yours")
    assert mine.get("a") == b"mine" and [item.name for item in yours.list()] == ["a"]
    names = ("a", "hearthside-backup.json")
    assert bucket.keys() == [f"household/{who}/{name}" for who in ("me", "you") for name in names]
    with pytest.raises(ConfigError) as caught:
        bucket.target(prefix="häuser")
    assert caught.value.code == "backup-prefix-wrong"


def test_an_object_that_another_program_copied_there_is_compared_by_content(make_bucket: Any) -> None:
    bucket = make_bucket()
    target = bucket.target()
    bucket.server.admin.put_object(Bucket=bucket.name, Key="me/a", Body=b"same size 1")
    target.put("a", b"same size 1")
    with pytest.raises(Exception, match="other bytes") as caught:
        target.put("a", b"same size 2")
    assert getattr(caught.value, "code", "") == "backup-name-taken"


def test_an_older_server_without_conditions_is_asked_first_and_then_written_to(make_bucket: Any, large: Path) -> None:
    bucket = make_bucket()
    with Relay(bucket.server.url) as relay:
        relay.without_conditions = True
        target = bucket.target(url=relay.url)
        target.put("a", b"x")
        target.put_file("large", large)
        assert target.get("large") == large.read_bytes() and relay.not_offered == 1
        with pytest.raises(Exception, match="other bytes"):
            target.put("a", b"y")
        assert target.get("a") == b"x"
        target.close()


def test_a_wire_cut_inside_an_upload_leaves_nothing_and_the_next_run_finishes(make_bucket: Any, large: Path) -> None:
    bucket = make_bucket()
    with Relay(bucket.server.url) as relay:
        target = bucket.target(url=relay.url)
        for name, path in (("large", large), ("small", large.with_name("small"))):
            path.write_bytes(large.read_bytes()[: 2_000_000 if name == "small" else None])
            relay.cut_after = relay.sent + path.stat().st_size // 2
            with pytest.raises(RetryLater) as caught:
                target.put_file(name, path)
            assert caught.value.code == "backup-unreachable"
            assert not bucket.holds(f"me/{name}")
            relay.cut_after = None
            target.put_file(name, path)
            assert target.get(name) == path.read_bytes()
        target.close()


def test_a_wire_cut_inside_a_download_is_tried_later(make_bucket: Any, large: Path) -> None:
    bucket = make_bucket()
    with Relay(bucket.server.url) as relay:
        target = bucket.target(url=relay.url)
        target.put_file("large", large)
        pieces = target.open("large")
        next(pieces)
        relay._cut()
        with pytest.raises(RetryLater) as caught:
            list(pieces)
        assert caught.value.code == "backup-unreachable"
        target.close()


def test_a_writer_killed_between_parts_leaves_no_object_and_the_next_run_cleans_up(
    make_bucket: Any, large: Path
) -> None:
    bucket = make_bucket()
    bucket.target()
    spec = {
        "endpoint": bucket.server.url,
        "bucket": bucket.name,
        "region": bucket.server.region,
        "prefix": "me",
        "credentials": str(bucket.credentials),
        "lock_days": 0,
        "file": str(large),
    }
    # Another program's upload in the same bucket, with a name that is none of ours, is left alone.
    bucket.server.admin.create_multipart_upload(Bucket=bucket.name, Key="me/Other Program")
    for parts in (0, 1, 2):
        command = [sys.executable, "-m", "tests.journal.backup.writer_process", json.dumps(spec), str(parts)]
        done = subprocess.run(command, cwd=_ROOT, check=False, env={"PATH": "", "PYTHONPATH": str(_ROOT / "src")})
        assert done.returncode == -signal.SIGKILL
        assert bucket.keys() == ["me/hearthside-backup.json"] and "me/large" in bucket.uploads()
    target = bucket.target(prepare=False)
    target.put_file("large", large)
    assert target.get("large") == large.read_bytes() and bucket.uploads() == ["me/Other Program"]


def test_a_file_that_changes_under_way_is_not_stored(make_bucket: Any, large: Path) -> None:
    bucket = make_bucket()
    bucket.target()

    def change(destination: str, data_class: str, bytes_out: int, sha256: str) -> None:
        if data_class == "backup-sealed":
            with large.open("r+b") as file:
                file.seek(-1, 2)
                file.write(b"!")

    target = bucket.target(prepare=False, before_send=change)
    with pytest.raises(RetryLater) as caught:
        target.put_file("large", large)
    assert caught.value.code == "backup-source-changed"
    assert bucket.keys() == ["me/hearthside-backup.json"] and bucket.uploads() == []


def test_a_server_that_dies_is_tried_later(tmp_path: Path) -> None:
    server = start_s3_server(tmp_path)
    try:
        bucket = Bucket(server, tmp_path, server.bucket("life"), server.credentials(tmp_path))
        target = bucket.target()
        target.put("a", b"x")
    finally:
        server.kill()
    for call in (lambda: target.put("b", b"y"), lambda: target.get("a"), lambda: list(target.list())):
        with pytest.raises(RetryLater) as caught:
            call()
        assert caught.value.code == "backup-unreachable"
    target.close()


@pytest.mark.parametrize(
    ("what", "code"),
    [("bucket", "backup-bucket-missing"), ("id", "backup-not-allowed"), ("secret", "backup-not-allowed")],
)
def test_wrong_settings_need_the_person(make_bucket: Any, tmp_path: Path, what: str, code: str) -> None:
    bucket = make_bucket()
    identity, secret = bucket.credentials.read_text().split()
    wrong = tmp_path / "wrong"
    wrong.write_text(f"{'AKIAWRONG' if what == 'id' else identity}\n{'wrong' if what == 'secret' else secret}\n")
    target = bucket.target(
        prepare=False, credentials=wrong, bucket="no-such-bucket" if what == "bucket" else bucket.name
    )
    for call in (lambda: target.prepare(VAULT), lambda: target.put("a", b"x"), lambda: list(target.list())):
        with pytest.raises(NeedsPerson) as caught:
            call()
        assert caught.value.code == code and secret not in caught.value.message
    assert not bucket.keys()


def test_rights_that_a_backup_lacks_need_the_person(make_bucket: Any, tmp_path: Path) -> None:
    bucket = make_bucket()
    bucket.target()
    readable = bucket.server.credentials(tmp_path, ("s3:GetObject", "s3:ListBucket"))
    target = bucket.target(prepare=False, credentials=readable)
    with pytest.raises(NeedsPerson) as caught:
        target.put("a", b"x")
    assert caught.value.code == "backup-not-allowed"
