"""A botocore client that speaks to one named server only and writes a ledger row before each request.

botocore would otherwise look for proxies, credentials, regions, endpoints, monitoring hosts and even models in the
environment and in ``~/.aws``; here it gets every value from us. It takes 0.2 s to import, so that happens on first use.
"""

from __future__ import annotations

import configparser
import hashlib
import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater

BeforeSend = Callable[[str, str, int, str], None]
"""Takes destination (``scheme://host:port``), data class, bytes out and the body's SHA-256 (hex) of a request that is
about to leave, and returns when that is written down; when it raises, nothing is sent."""

Answer = Mapping[str, Any]
"""What the server answered, with the names of the S3 API."""

_PORT = {"https": 443, "http": 80}
_ATTEMPTS = 3  # with waits of at most 1 and 2 s between them
_CONNECT_S, _READ_S = 10, 60
_DATA_CLASS = {
    "PutObject": "backup-sealed",
    "UploadPart": "backup-sealed",
    "DeleteObject": "backup-deletion",
    "AbortMultipartUpload": "backup-deletion",
}
_ID_NAMES = ("aws_access_key_id", "access_key_id", "access_key")
_SECRET_NAMES = ("aws_secret_access_key", "secret_access_key", "secret_key")
_NO_RIGHT = ("AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "401")
_WRONG_KEY = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken")
_FULL = ("QuotaExceeded", "XMinioStorageFull", "EntityTooLarge")


class S3Client:
    """One bucket of one server.

    Args:
        endpoint: ``https://host:port``, with a path where the server wants one.
        title: the place in words, for errors.
        credentials: file with the access key's id and secret; see `read_credentials`.
        certificates: PEM file of authorities to trust instead of the usual ones (a server at home).
    """

    def __init__(
        self,
        endpoint: str,
        region: str,
        bucket: str,
        title: str,
        credentials: Path,
        before_send: BeforeSend,
        certificates: Path | None = None,
    ) -> None:
        self.destination = destination_of(endpoint)
        self.title = title
        self._bucket = bucket
        self._before_send = before_send
        identity, secret = read_credentials(credentials)
        with self._plain_errors():
            self._client = _connect(endpoint, region, identity, secret, certificates)
            self._client.meta.events.register_last("before-send.s3", self._note)

    def ask(self, operation: str, **arguments: Any) -> Answer:
        """One request to the bucket, e.g. ``ask("head_object", Key="a")``; errors as in `Target`."""
        with self._plain_errors():
            answer: Answer = getattr(self._client, operation)(Bucket=self._bucket, **arguments)
            return answer

    def ask_unless(self, codes: Collection[str], operation: str, **arguments: Any) -> Answer | None:
        """Like `ask`; None when the server refuses with one of these S3 error codes (without one: the HTTP status)."""
        from botocore.exceptions import ClientError

        with self._plain_errors():
            try:
                answer: Answer = getattr(self._client, operation)(Bucket=self._bucket, **arguments)
            except ClientError as error:
                if _code(error.response) in codes:
                    return None
                raise
            return answer

    def pages(self, operation: str, **arguments: Any) -> Iterator[Answer]:
        """All answers of a listing, page by page."""
        with self._plain_errors():
            yield from self._client.get_paginator(operation).paginate(Bucket=self._bucket, **arguments)

    def body(self, answer: Answer, piece_bytes: int) -> Iterator[bytes]:
        """The content that an answer of ``get_object`` stands for, in pieces."""
        stream = answer["Body"]
        try:
            with self._plain_errors():
                while piece := stream.read(piece_bytes):
                    yield piece
        finally:
            stream.close()

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def _note(self, request: Any, event_name: str, **_: object) -> None:
        """botocore calls it with each request, retries too, just before the first byte leaves."""
        if destination_of(request.url) != self.destination:
            raise Refused(
                "backup-redirected",
                f"{self.destination} points to another address; Hearthside never follows, and nothing was sent there. "
                "Enter the final address and region in the settings.",
            )
        content = _content(request.body)
        data_class = _DATA_CLASS.get(event_name.rpartition(".")[2], "backup-query")
        size = _wire_bytes(request.method, request.url, request.headers, content)
        self._before_send(self.destination, data_class, size, hashlib.sha256(content).hexdigest())

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """The one seam where botocore's errors become ours."""
        from botocore import exceptions as foreign
        from botocore.parsers import ResponseParserError

        try:
            yield
        except HearthsideError:
            raise
        except foreign.ClientError as error:
            raise self._refused(_code(error.response), _status(error.response)) from error
        except foreign.SSLError as error:
            raise NeedsPerson(
                "backup-certificate-wrong",
                f"{self.destination} did not prove who it is (its TLS certificate is not trusted). Nothing was sent. "
                "Check the address; for a server at home, name its certificate in the settings.",
            ) from error
        except (foreign.ConnectionError, foreign.HTTPClientError, foreign.IncompleteReadError, OSError) as error:
            raise self._unreachable(type(error).__name__) from error
        except (foreign.BotoCoreError, ResponseParserError) as error:
            raise NeedsPerson(
                "backup-settings-wrong",
                f"The settings for the {self.title} are not what S3 storage allows ({type(error).__name__}). "
                "Nothing was changed there; check address, region and bucket in the settings.",
            ) from error

    def _unreachable(self, what: str) -> RetryLater:
        return RetryLater(
            "backup-unreachable",
            f"{self.destination} cannot be reached or broke off ({what}). What it holds is safe and nothing "
            "half-written counts; the backup goes on when it answers again.",
        )

    def _refused(self, code: str, status: int) -> HearthsideError:
        shown = code if re.fullmatch(r"[A-Za-z0-9.]{1,40}", code) else "no code"
        if code in _WRONG_KEY:
            return NeedsPerson(
                "backup-not-allowed",
                f"{self.destination} does not know the access key in the credentials file ({shown}). "
                "Nothing was changed there; put the right key into the file.",
            )
        if code == "RequestTimeTooSkewed":
            return NeedsPerson(
                "backup-clock-wrong",
                f"{self.destination} refuses because its clock and this machine's differ by many minutes. "
                "Nothing was changed there; set the clock right (and check the dates of what was recorded meanwhile).",
            )
        if code == "NoSuchBucket":
            return NeedsPerson(
                "backup-bucket-missing",
                f"There is no {self.title}. Nothing was changed there; make the bucket or correct its name.",
            )
        if code in _FULL or status == 507:
            return RetryLater(
                "backup-full",
                f"The {self.title} is full. What it holds is safe; make room there or raise its quota.",
            )
        if code in _NO_RIGHT or status in (401, 403):
            return NeedsPerson(
                "backup-not-allowed",
                f"The {self.title} does not let this access key do what a backup needs ({shown}, HTTP {status}). "
                "What it holds is safe; give the key the right to list, read and write there.",
            )
        if code == "NotImplemented" or status == 501:
            return NeedsPerson(
                "backup-not-offered",
                f"{self.destination} does not offer what a backup needs ({shown}, HTTP 501). What it holds is safe; "
                "choose another place.",
            )
        if status >= 500 or status in (408, 409, 429) or code in ("SlowDown", "RequestTimeout"):
            return self._unreachable(f"HTTP {status}")
        return NeedsPerson(
            "backup-server-refused",
            f"The {self.title} refused a request ({shown}, HTTP {status}). What it holds is safe; check address, "
            "region and bucket in the settings.",
        )


def destination_of(url: str) -> str:
    """``scheme://host:port`` of an address; never path or query, which can hold names.

    Raises:
        ConfigError: it is no http(s) address, or holds a user name.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host or parts.scheme not in _PORT or "@" in parts.netloc:
        raise ConfigError(
            "backup-address-wrong",
            "The address of the backup's storage must look like https://host:port, and the one in the settings does "
            "not. Nothing was sent; correct it in the settings.",
        )
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port or _PORT[parts.scheme]}"


def read_credentials(path: Path) -> tuple[str, str]:
    """Id and secret of an access key, from a file of two lines or in the ini form of other S3 tools.

    Raises:
        NeedsPerson: it is not there or holds no such pair. The message holds nothing of the content.
    """
    try:
        text = path.read_text()
    except (OSError, ValueError) as error:
        raise NeedsPerson(
            "backup-credentials-missing",
            f"The credentials of the backup's storage cannot be read from {path}. Nothing was sent; put it there.",
        ) from error
    pair = _pair(text)
    if pair is None:
        raise NeedsPerson(
            "backup-credentials-damaged",
            f"{path} holds no access key. Nothing was sent. Write its id on the first line and its secret on the "
            "second, or aws_access_key_id = … and aws_secret_access_key = … below [default].",
        )
    return pair


def _pair(text: str) -> tuple[str, str] | None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 2 and not any("[" in line or " " in line for line in lines):
        return lines[0], lines[1]
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    for section in parser.sections():
        values = parser[section]
        identity = next((values[name] for name in _ID_NAMES if values.get(name)), None)
        secret = next((values[name] for name in _SECRET_NAMES if values.get(name)), None)
        if identity and secret:
            return identity, secret
    return None


def _connect(endpoint: str, region: str, identity: str, secret: str, certificates: Path | None) -> Any:
    from botocore.config import Config
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConfigValueStore, ConstantProvider
    from botocore.loaders import Loader
    from botocore.session import Session

    for noisy in ("botocore", "urllib3"):  # at DEBUG they log signatures and content
        logging.getLogger(noisy).setLevel(logging.WARNING)
    session = Session()
    defaults = {name: ConstantProvider(entry[2]) for name, entry in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
    for file in ("config_file", "credentials_file"):
        defaults[file] = ConstantProvider(None)
    session.register_component("config_store", ConfigValueStore(defaults))
    models = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    session.register_component("data_loader", models)
    return session.create_client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=identity,
        aws_secret_access_key=secret,
        verify=str(certificates) if certificates else True,
        config=Config(
            proxies={},  # None would take those of the environment
            user_agent="hearthside",
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            # The signature covers the body, and Content-MD5 what is stored: every S3 server knows these two, not every
            # one the checksums that botocore would add by itself.
            s3={"addressing_style": "path", "payload_signing_enabled": True},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _code(response: Mapping[str, Any]) -> str:
    return str(response.get("Error", {}).get("Code", ""))


def _status(response: Mapping[str, Any]) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _content(body: Any) -> bytes:
    """The body of a request; botocore wraps that of an upload as a file."""
    if not hasattr(body, "read"):
        return body or b""
    start = body.tell()
    content: bytes = body.read()
    body.seek(start)
    return content


def _wire_bytes(method: str, url: str, headers: Mapping[str, str | bytes], content: bytes) -> int:
    """Length of the request as HTTP/1.1 writes it, before TLS."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    size = len(f"{method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: identity\r\n\r\n")
    return size + sum(len(name) + len(value) + 4 for name, value in headers.items()) + len(content)
