"""The client's promises: one server, a ledger row before each request, nothing from the environment, plain errors."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.journal.backup import S3Target
from hearthside.journal.backup.s3 import PART_BYTES
from hearthside.journal.backup.s3_client import destination_of, read_credentials
from tests.journal.backup.places import VAULT, now, open_target
from tests.journal.backup.relay import Relay
from tests.s3_server import S3Server

_ROOT = Path(__file__).resolve().parents[3]


class _Canned(BaseHTTPRequestHandler):
    """Answers every request in the same way."""

    protocol_version = "HTTP/1.1"
    status = 200
    body = b""
    headers_out: tuple[tuple[str, str], ...] = ()
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.send_response(self.status)
        for name, value in self.headers_out:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def _answering(
    status: int, body: bytes = b"", headers: tuple[tuple[str, str], ...] = (), context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[str]]]:
    """A server's address and the paths it was asked for."""
    seen: list[str] = []
    members = {"status": status, "body": body, "headers_out": headers, "seen": seen}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Canned,), members))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    scheme = "http" if context is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("AKIAEXAMPLE\nnot-a-real-secret\n")
    return path


def _target(endpoint: str, credentials: Path, rows: list[tuple[str, str, int, str]], **more: Any) -> S3Target:
    settings = {"bucket": "life", "region": "eu-central-1", "vault_id": VAULT} | more
    return S3Target(endpoint, credentials=credentials, before_send=lambda *row: rows.append(row), clock=now, **settings)


def _error(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>canary-7</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "family", "code", "requests"),
    [
        (500, _error("InternalError"), RetryLater, "backup-unreachable", 3),
        (503, _error("SlowDown"), RetryLater, "backup-unreachable", 3),
        (503, b"", RetryLater, "backup-unreachable", 3),
        (409, _error("ConditionalRequestConflict"), RetryLater, "backup-unreachable", 1),
        (507, _error("XMinioStorageFull"), RetryLater, "backup-full", 1),
        (403, _error("QuotaExceeded"), RetryLater, "backup-full", 1),
        (403, _error("AccessDenied"), NeedsPerson, "backup-not-allowed", 1),
        (403, _error("InvalidAccessKeyId"), NeedsPerson, "backup-not-allowed", 1),
        (403, _error("SignatureDoesNotMatch"), NeedsPerson, "backup-not-allowed", 1),
        (401, b"", NeedsPerson, "backup-not-allowed", 1),
        (403, _error("RequestTimeTooSkewed"), NeedsPerson, "backup-clock-wrong", 1),
        (404, _error("NoSuchBucket"), NeedsPerson, "backup-bucket-missing", 1),
        (404, _error("NoSuchKey"), NeedsPerson, "backup-not-prepared", 1),
        (400, _error("canary 7; a text that is no code"), NeedsPerson, "backup-server-refused", 1),
        (200, b"<html>the router's own page</html>", NeedsPerson, "backup-marker-damaged", 1),
    ],
)
def test_each_answer_is_said_in_plain_words_and_each_attempt_has_a_row(
    credentials: Path, status: int, body: bytes, family: type[HearthsideError], code: str, requests: int
) -> None:
    rows: list[tuple[str, str, int, str]] = []
    with _answering(status, body) as (url, seen):
        target = _target(url, credentials, rows)
        # Reading the marker takes two requests; the first, whether versions are kept, may be refused.
        with pytest.raises(family) as caught:
            target.put("a", b"x")
        assert caught.value.code == code
        assert "canary" not in caught.value.message and "not-a-real-secret" not in caught.value.message
        assert len(seen) == len(rows) >= requests and {row[0] for row in rows} == {url}
        target.close()


def test_a_page_instead_of_a_listing_is_no_listing(credentials: Path) -> None:
    with _answering(200, b"<html>the router's own page<br></html>") as (url, _):
        target = _target(url, credentials, [], vault_id=None)
        with pytest.raises(RetryLater) as caught:
            list(target.list())
        assert caught.value.code == "backup-unreachable"
        target.close()


@pytest.mark.parametrize("settings", [{"bucket": "No Bucket/!"}, {"region": "no region!"}])
def test_settings_that_s3_does_not_allow_need_the_person(credentials: Path, settings: dict[str, str]) -> None:
    with _answering(200) as (url, seen), pytest.raises(NeedsPerson) as caught:
        _target(url, credentials, [], **settings).put("a", b"x")
    assert caught.value.code == "backup-settings-wrong" and seen == []


def test_a_server_that_points_elsewhere_is_not_followed(credentials: Path) -> None:
    rows: list[tuple[str, str, int, str]] = []
    with _answering(200) as (elsewhere, seen_there):
        headers = (("Location", f"{elsewhere}/life"), ("x-amz-bucket-region", "us-west-2"))
        for status in (301, 302, 307, 308):
            with _answering(status, _error("PermanentRedirect"), headers) as (url, _):
                target = _target(url, credentials, rows)
                with pytest.raises(NeedsPerson):
                    target.put("a", b"x")
                assert {row[0] for row in rows} == {url}
                rows.clear()
                target.close()
        assert seen_there == []


def test_a_request_to_another_server_is_stopped(credentials: Path) -> None:
    rows: list[tuple[str, str, int, str]] = []
    with _answering(200) as (elsewhere, seen_there), _answering(200) as (url, _):
        target = _target(url, credentials, rows)

        def redirect(request: object, **_: object) -> None:
            vars(request)["url"] = f"{elsewhere}/life"

        target._client._client.meta.events.register_first("before-send.s3", redirect)
        with pytest.raises(Refused) as caught:
            target.put("a", b"x")
        assert caught.value.code == "backup-redirected" and rows == [] and seen_there == []
        target.close()


def test_what_cannot_be_written_down_is_not_sent(credentials: Path) -> None:
    def full(*_: object) -> None:
        raise NeedsPerson("disk-full", "The journal's disk is full.")

    with _answering(200) as (url, seen):
        target = S3Target(url, "life", region="x-1", credentials=credentials, before_send=full, clock=now, vault_id="v")
        with pytest.raises(NeedsPerson) as caught:
            target.put("a", b"x")
        assert caught.value.code == "disk-full" and seen == []
        target.close()


def test_the_ledger_holds_every_byte_that_left(server: S3Server, tmp_path: Path) -> None:
    bucket = server.bucket("ledger", versions=True)
    large = tmp_path / "large"
    large.write_bytes(os.urandom(PART_BYTES + 12_345))
    rows: list[tuple[str, str, int, str]] = []
    with Relay(server.url) as relay:
        spec = {"endpoint": relay.url, "bucket": bucket, "region": server.region, "prefix": "me", "lock_days": 0}
        spec["credentials"] = str(server.credentials(tmp_path))
        target = open_target(spec, lambda *row: rows.append(row))
        target.prepare(VAULT)
        target.put("a/b-c.d", b"the sealed bytes")
        target.put_file("large", large)
        assert len(list(target.list())) == 2 and target.get("large") == large.read_bytes()
        assert target.delete("a/b-c.d")
        target.close()
        assert sum(row[2] for row in rows) == relay.sent
    assert {row[0] for row in rows} == {relay.url}
    assert {row[1] for row in rows} == {"backup-sealed", "backup-query", "backup-deletion"}
    assert hashlib.sha256(b"the sealed bytes").hexdigest() in {row[3] for row in rows if row[1] == "backup-sealed"}


def test_only_the_named_server_is_contacted_whatever_the_environment_says(server: S3Server, tmp_path: Path) -> None:
    """Connections, look-ups, datagrams and opened files of a whole backup, seen by Python's audit hook."""
    home = tmp_path / "home"
    (home / ".aws" / "models").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text("[default]\naws_access_key_id = AKIAWRONG\naws_secret_access_key = x\n")
    (home / ".aws" / "config").write_text("[default]\nregion = us-west-2\nendpoint_url = http://127.0.0.1:9\n")
    large = tmp_path / "large"
    large.write_bytes(b"x" * (PART_BYTES + 1))
    spec = {
        "endpoint": server.url,
        "bucket": server.bucket("guarded"),
        "region": server.region,
        "prefix": "me",
        "credentials": str(server.credentials(tmp_path)),
        "lock_days": 0,
    }
    elsewhere = "http://127.0.0.1:9"
    environment = {
        name: elsewhere for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "AWS_ENDPOINT_URL")
    }
    environment |= {
        "HOME": str(home),
        "PATH": "",
        "PYTHONPATH": str(_ROOT / "src"),
        "AWS_ACCESS_KEY_ID": "AKIAWRONG",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_SESSION_TOKEN": "x",
        "AWS_PROFILE": "no-such-profile",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ENDPOINT_URL_S3": elsewhere,
        "AWS_CA_BUNDLE": "/nowhere",
        "AWS_CSM_ENABLED": "true",
        "AWS_CSM_HOST": "127.0.0.1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_DEFAULTS_MODE": "auto",
        "AWS_MAX_ATTEMPTS": "1",
    }
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "tests.journal.backup.guarded_process",
        json.dumps(spec),
        str(large),
    ]
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    host, port = "127.0.0.1", int(server.url.rpartition(":")[2])
    assert {tuple(address) for address in seen["connect"]} == {(host, port)}
    assert set(seen["look_up"]) <= {host} and seen["datagram"] == []
    assert seen["names"] == ["a", "large"] and seen["content"] == "x"
    assert str(spec["credentials"]) in seen["opened"]  # the watch works
    assert [path for path in seen["opened"] if str(home) in path or path == "/nowhere"] == []
    assert {row[0] for row in seen["rows"]} == {server.url}


def test_botocore_is_imported_only_when_s3_is_used(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from hearthside.journal.backup import FolderTarget, S3Target\n"
        "target = FolderTarget(Path(sys.argv[1])); target.prepare('v'); target.put('a', b'x')\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('boto3', 'botocore', 'urllib3')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, cwd=_ROOT / "src"
    )
    assert done.stdout == "[]\n"


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """What a server at home has: a certificate that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nas")])
    start = datetime.now(UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "private.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(credentials: Path, tmp_path: Path) -> None:
    public, context = _certificate(tmp_path)
    with _answering(404, _error("NoSuchKey"), context=context) as (url, seen):
        stranger = _target(url, credentials, [])
        with pytest.raises(NeedsPerson) as caught:
            stranger.put("a", b"x")
        assert caught.value.code == "backup-certificate-wrong" and seen == []
        stranger.close()
        known = _target(url, credentials, [], certificates=public)
        with pytest.raises(NeedsPerson) as answered:
            known.put("a", b"x")
        assert answered.value.code == "backup-not-prepared" and seen != []
        known.close()


@pytest.mark.parametrize(
    "text",
    [
        "AKIA1\nse/cret+=\n",
        "\n  AKIA1  \r\n\r\n se/cret+= \n",
        "[default]\naws_access_key_id = AKIA1\naws_secret_access_key=se/cret+=\n",
        "# of the NAS\n[nas]\nregion = x\nAccess_Key = AKIA1\nSecret_Key = se/cret+=\n",
    ],
)
def test_credentials_are_read_from_two_lines_or_an_ini_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    assert read_credentials(tmp_path / "key") == ("AKIA1", "se/cret+=")


@pytest.mark.parametrize("text", ["", "AKIA1\n", "[default]\naws_access_key_id = AKIA1\n", "a canary\n[x", "a\nb\nc\n"])
def test_a_file_without_a_key_is_said_and_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    with pytest.raises(NeedsPerson) as caught:
        read_credentials(tmp_path / "key")
    assert caught.value.code == "backup-credentials-damaged"
    assert "AKIA1" not in caught.value.message and "canary" not in caught.value.message


def test_a_missing_credentials_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "nothing", tmp_path, tmp_path / "binary"):
        with pytest.raises(NeedsPerson) as caught:
            read_credentials(path)
        assert caught.value.code == "backup-credentials-missing"


def test_a_destination_holds_neither_path_nor_name() -> None:
    assert destination_of("https://S3.example/minio/x?y=z") == "https://s3.example:443"
    assert destination_of("http://[::1]:9000") == "http://[::1]:9000"
    for wrong in ("", "s3.example", "ftp://s3.example", "https://", "https://me:secret@s3.example", "http://a:99999"):
        with pytest.raises(ConfigError) as caught:
            destination_of(wrong)
        assert caught.value.code == "backup-address-wrong" and "secret" not in caught.value.message
