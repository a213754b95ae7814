"""Pictures in a bucket of any S3-compatible store: AWS, R2, MinIO, or GCS by its S3 endpoint."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import quote

import boto3
from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from kcardswap.domain.base import Clock
from kcardswap.domain.media import ObjectNotFound, StorageUnavailable
from kcardswap.gateways.storage import OBJECTS, UPLOADS

LONGEST_URL = timedelta(days=7)
"""No S3-compatible store takes a signed URL that lives longer."""
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 2, 5, 2


class S3Storage:
    """Objects of one bucket: below ``uploads/`` what clients sent, below ``objects/`` what is shown.

    Clients send and fetch bytes from the store itself. An upload URL binds key, content type and end; the
    length cannot be bound, so whoever reads an upload checks it first.
    """

    def __init__(
        self,
        *,
        endpoint_url: str | None,
        bucket: str,
        region: str,
        access_key_id: str,
        secret_access_key: str,
        read_window: timedelta,
        clock: Clock,
    ) -> None:
        """Use ``bucket`` at ``endpoint_url`` (None: AWS); URLs show for one to two ``read_window``."""
        self._endpoint = (endpoint_url or f"https://s3.{region}.amazonaws.com").rstrip("/")
        self._bucket = bucket
        self._region = region
        self._credentials = Credentials(access_key_id, secret_access_key)
        self._window_seconds = int(read_window.total_seconds())
        self._clock = clock
        self._made: Any = None
        self._making = Lock()

    def upload_url(self, key: str, *, content_type: str, max_bytes: int, expires_at: datetime) -> str:
        """Return a URL that takes PUTs of this type until ``expires_at``; ``max_bytes`` cannot be bound."""
        now = self._clock.now()
        seconds = int((expires_at - now.replace(microsecond=0)).total_seconds())
        request = AWSRequest("PUT", self._url(UPLOADS, key), headers={"Content-Type": content_type})
        return self._signed(request, at=now, seconds=max(1, seconds))

    def read_url(self, key: str, *, now: datetime, lifetime: timedelta | None = None) -> str:
        """Return a URL that shows the object for at least one window, or for ``lifetime``.

        Time is cut into windows and the URL is dated at the start of the running one, so all calls
        inside a window return the very same string and caches can keep the picture by it.
        """
        request = AWSRequest("GET", self._url(OBJECTS, key))
        if lifetime is not None:
            return self._signed(request, at=now, seconds=int(lifetime.total_seconds()))
        start = int(now.timestamp()) // self._window_seconds * self._window_seconds
        return self._signed(
            request,
            at=datetime.fromtimestamp(start, UTC),
            seconds=2 * self._window_seconds,
        )

    def upload_size(self, key: str) -> int | None:
        """Return how many bytes were uploaded for ``key``, or None when nothing was."""
        with self._working():
            try:
                found = self._client.head_object(Bucket=self._bucket, Key=f"{UPLOADS}/{key}")
            except ClientError as error:
                if _status_of(error) == 404:
                    return None
                raise
            return int(found["ContentLength"])

    def read_upload(self, key: str, *, max_bytes: int) -> bytes | None:
        """Return what was uploaded for ``key``, cut off after ``max_bytes``, or None when nothing was."""
        with self._working():
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=f"{UPLOADS}/{key}")
            except self._client.exceptions.NoSuchKey:
                return None
            data = bytearray()
            # The body as a context hands out the bare stream, which takes a broken connection for an end.
            with closing(found["Body"]) as body:
                while len(data) < max_bytes and (chunk := body.read(max_bytes - len(data))):
                    data += chunk
            return bytes(data)

    def discard_upload(self, key: str) -> None:
        """Forget what was uploaded for ``key``; nothing there is fine."""
        self._delete(UPLOADS, key)

    def store(self, key: str, data: bytes, *, content_type: str) -> None:
        """Put the object under ``key``, replacing any other, whole or not at all."""
        with self._working():
            self._client.put_object(
                Bucket=self._bucket,
                Key=f"{OBJECTS}/{key}",
                Body=data,
                ContentType=content_type,
                CacheControl=f"private, max-age={self._window_seconds}",
            )

    def read(self, key: str) -> bytes:
        """Return a stored object; pictures are a few megabytes at most.

        :raises ObjectNotFound: there is none.
        """
        with self._working():
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=f"{OBJECTS}/{key}")
            except self._client.exceptions.NoSuchKey as error:
                raise ObjectNotFound() from error
            return bytes(found["Body"].read())

    def remove(self, key: str) -> None:
        """Remove the object; nothing there is fine."""
        self._delete(OBJECTS, key)

    def uploads(self, *, before: datetime) -> Iterator[str]:
        """Yield the keys of uploads that were last written before this moment."""
        return self._keys(UPLOADS, before)

    def objects(self, *, before: datetime) -> Iterator[str]:
        """Yield the keys of objects that were last written before this moment."""
        return self._keys(OBJECTS, before)

    def _keys(self, area: str, before: datetime) -> Iterator[str]:
        with self._working():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{area}/"
            )
            for page in pages:
                for found in page.get("Contents", ()):
                    if found["LastModified"] < before:
                        yield found["Key"].removeprefix(f"{area}/")

    def _delete(self, area: str, key: str) -> None:
        with self._working():
            self._client.delete_object(Bucket=self._bucket, Key=f"{area}/{key}")

    def _url(self, area: str, key: str) -> str:
        return f"{self._endpoint}/{quote(self._bucket)}/{area}/{quote(key)}"

    def _signed(self, request: AWSRequest, *, at: datetime, seconds: int) -> str:
        seconds = min(seconds, int(LONGEST_URL.total_seconds()))
        _DatedQueryAuth(self._credentials, "s3", self._region, expires=seconds).sign(request, at)
        url: str = request.url
        return url

    @property
    def _client(self) -> Any:
        # Made on first use, because it takes a tenth of a second; clients, unlike sessions, may be shared.
        with self._making:
            if self._made is None:
                self._made = boto3.session.Session().client(
                    "s3",
                    endpoint_url=self._endpoint,
                    region_name=self._region,
                    aws_access_key_id=self._credentials.access_key,
                    aws_secret_access_key=self._credentials.secret_key,
                    config=_CONFIG,
                )
            return self._made

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailable() from error


_CONFIG = Config(
    signature_version="s3v4",
    # Paths work everywhere; a bucket as a host name needs names and certificates for it.
    s3={"addressing_style": "path"},
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    max_pool_connections=50,
    # Checksums beyond S3's own are refused by other makers' stores.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class _DatedQueryAuth(S3SigV4QueryAuth):  # type: ignore[misc]
    """Signs a URL as of a given moment; the original dates everything now."""

    def sign(self, request: AWSRequest, at: datetime) -> None:
        request.context["timestamp"] = at.astimezone(UTC).strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))


def _status_of(error: ClientError) -> int:
    status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status
