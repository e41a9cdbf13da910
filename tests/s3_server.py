"""A real S3 server (moto) in a process of its own on a free loopback port, with users and rights that it enforces.

`python -m tests.s3_server` is that process; it ends when its standard input closes, so it never outlives the tests.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import httpx
from botocore.config import Config
from botocore.loaders import JSONFileLoader

_REGION = "eu-central-1"
_ACCOUNT = "123456789012"  # moto's own, which all its users belong to
# What a machine needs that makes backups and may never erase any: no s3:DeleteObject, no s3:DeleteObjectVersion.
APPEND_ONLY = (
    "s3:PutObject",
    "s3:PutObjectRetention",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:ListBucketMultipartUploads",
    "s3:GetBucketVersioning",
    "s3:GetBucketObjectLockConfiguration",
)
EVERYTHING = ("s3:*",)
_read = JSONFileLoader.load_file


@cache
def _described(path: str) -> Any:
    return _read(JSONFileLoader(), path)


# Every client of botocore reads its descriptions of S3 anew, which takes a third of these tests; here once will do.
JSONFileLoader.load_file = lambda self, path: _described(path)


@dataclass
class S3Server:
    """A running server.

    Attributes:
        url: ``http://127.0.0.1:port``.
        admin: an S3 client that may do everything.
    """

    folder: Path
    url: str = ""
    region: str = _REGION
    admin: Any = field(default=None, repr=False)
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _users: int = 0

    def start(self) -> None:
        """Start it, and make it ask for keys from then on."""
        with (self.folder / "s3.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.s3_server"],
                cwd=Path(__file__).resolve().parents[1],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"AWS_ACCESS_KEY_ID": "moto", "AWS_SECRET_ACCESS_KEY": "moto"},
            )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"the S3 server did not start: {(self.folder / 's3.log').read_text()[-2000:]}")
        self.url = f"http://127.0.0.1:{port}"
        self._iam = self._client("iam", "first", "first")
        identity, secret = self._user(("*",))
        httpx.post(
            f"{self.url}/moto-api/reset-auth", content=b"0", headers={"Content-Type": "text/plain"}, trust_env=False
        ).raise_for_status()
        self._iam = self._client("iam", identity, secret)
        self.admin = self._client("s3", identity, secret)

    def kill(self) -> None:
        """End it the hard way, as a power cut would; everything it held is gone."""
        if self._process is not None:
            with suppress(BrokenPipeError):
                self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None
        for client in (self.admin, self._iam):
            client.close()

    def bucket(self, name: str, *, versions: bool = False, lock: bool = False) -> str:
        """Make a bucket."""
        self.admin.create_bucket(
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": _REGION},
            ObjectLockEnabledForBucket=lock,
        )
        if versions:
            self.admin.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def fill(self, bucket: str, prefix: str, count: int) -> None:
        """Put objects ``prefix`` + 5 digits there, inside the server and so in no time."""
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"bucket": bucket, "prefix": prefix, "count": count}) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def credentials(self, folder: Path, actions: tuple[str, ...] = EVERYTHING) -> Path:
        """A file with the access key of a new user who may do these actions only."""
        identity, secret = self._user(actions)
        path = folder / f"key-{self._users}"
        path.write_text(f"{identity}\n{secret}\n")
        return path

    def client(self, credentials: Path) -> Any:
        """A plain S3 client with such a key: what a hijacked machine could use."""
        identity, secret = credentials.read_text().split()
        return self._client("s3", identity, secret)

    def _user(self, actions: tuple[str, ...]) -> tuple[str, str]:
        self._users += 1
        name = f"user-{self._users}"
        self._iam.create_user(UserName=name)
        rights = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [rights]})
        self._iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy)
        key = self._iam.create_access_key(UserName=name)["AccessKey"]
        return str(key["AccessKeyId"]), str(key["SecretAccessKey"])

    def _client(self, service: Any, identity: str, secret: str) -> Any:
        return botocore.session.Session().create_client(
            service,
            region_name=_REGION,
            endpoint_url=self.url,
            aws_access_key_id=identity,
            aws_secret_access_key=secret,
            config=Config(proxies={}, s3={"addressing_style": "path"}),
        )


def start_s3_server(folder: Path) -> S3Server:
    """A running server; the caller kills it."""
    server = S3Server(folder)
    try:
        server.start()
    except BaseException:
        server.kill()
        raise
    return server


def _serve() -> None:
    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _say(str(server.get_host_and_port()[1]))
    for line in sys.stdin:
        order = json.loads(line)
        for number in range(order["count"]):
            key = f"{order['prefix']}{number:05}"
            s3_backends[_ACCOUNT]["aws"].put_object(order["bucket"], key, b"x")
        _say("done")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
