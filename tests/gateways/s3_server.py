"""An S3 of our own on loopback: as strict with signatures as the real ones, and it breaks on demand."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=15)
LONGEST_SECONDS = 7 * 24 * 3600
PAGE = 3
"""Keys of one page of a listing; few, so that small tests see several pages."""
ACCESS_KEY, SECRET_KEY, BUCKET, REGION = "AKIDKCARDSWAP", "s3-secret-of-the-tests", "pictures", "eu-test-1"


class Refused(Exception):
    """S3 says no, with a status and one of its codes."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


@dataclass
class Stored:
    """An object as it lies in the bucket."""

    data: bytes
    headers: dict[str, str]
    modified_at: datetime


@dataclass
class S3Server:
    """What is in the bucket, how the server is to misbehave, and what it was asked."""

    port: int = 0
    objects: dict[str, Stored] = field(default_factory=dict)
    failing: list[str] = field(default_factory=list)
    """How the next requests fail: ``500``, ``503``, ``slow``, ``reset``, one entry each; ``*`` repeats."""
    ahead: timedelta = timedelta(0)
    """How far the server's clock is ahead of ours."""
    asked: list[str] = field(default_factory=list)
    """Method and path of every request."""
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Return the endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def now(self) -> datetime:
        """Return the time on the server's clock."""
        return datetime.now(UTC) + self.ahead

    def put(self, key: str, data: bytes, *, age: timedelta = timedelta(0)) -> None:
        """Put an object into the bucket as if it had come ``age`` ago."""
        self.objects[key] = Stored(data, {"Content-Type": "image/jpeg"}, self.now() - age)


def check(server: S3Server, request: AWSRequest, body: bytes) -> None:
    """Do nothing for a request that carries a good signature, in its headers or in its query.

    :raises Refused: as S3 does.
    """
    query = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    if request.headers["Host"] != f"127.0.0.1:{server.port}":
        raise Refused(403, "SignatureDoesNotMatch", "another host")
    if "X-Amz-Signature" in query:
        _check_query(server, request, query)
    elif request.headers.get("Authorization", "").startswith(ALGORITHM):
        _check_headers(server, request, body)
    else:
        raise Refused(403, "AccessDenied", "anonymous")


def _check_headers(server: S3Server, request: AWSRequest, body: bytes) -> None:
    given = dict(
        part.strip().split("=", 1)
        for part in request.headers["Authorization"].removeprefix(ALGORITHM).split(",")
    )
    moment = _moment(request.headers.get("X-Amz-Date"))
    if abs(server.now() - moment) > SKEW:
        raise Refused(403, "RequestTimeTooSkewed")
    names = given["SignedHeaders"].split(";")
    if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names):
        raise Refused(403, "AccessDenied", "too few headers are signed")
    sha256 = request.headers["X-Amz-Content-SHA256"]
    if sha256 != hashlib.sha256(body).hexdigest():
        raise Refused(400, "XAmzContentSHA256Mismatch")
    signer = S3SigV4Auth(_credentials(given["Credential"], moment), "s3", REGION)
    _compare(signer, request, names, moment, given["Signature"])


def _check_query(server: S3Server, request: AWSRequest, query: dict[str, str]) -> None:
    try:
        seconds, names = int(query["X-Amz-Expires"]), query["X-Amz-SignedHeaders"].split(";")
        signature, credential = query.pop("X-Amz-Signature"), query["X-Amz-Credential"]
    except (KeyError, ValueError) as error:
        raise Refused(400, "AuthorizationQueryParametersError") from error
    if query.get("X-Amz-Algorithm") != ALGORITHM or not 0 < seconds <= LONGEST_SECONDS:
        raise Refused(400, "AuthorizationQueryParametersError")
    moment = _moment(query.get("X-Amz-Date"))
    if moment - server.now() > SKEW:
        raise Refused(403, "AccessDenied", "Request is not yet valid")
    if "content-type" not in names and request.method == "PUT":
        raise Refused(403, "AccessDenied", "the content type is not signed")
    address, _, sent = request.url.partition("?")
    unsigned = [part for part in sent.split("&") if not part.startswith("X-Amz-Signature=")]
    request.url = f"{address}?{'&'.join(unsigned)}"
    signer = S3SigV4QueryAuth(_credentials(credential, moment), "s3", REGION)
    _compare(signer, request, names, moment, signature)
    if server.now() >= moment + timedelta(seconds=seconds):
        raise Refused(403, "AccessDenied", "Request has expired")


def _compare(signer: Any, request: AWSRequest, names: list[str], moment: datetime, signature: str) -> None:
    missing = [name for name in names if name not in request.headers]
    if missing:
        raise Refused(403, "SignatureDoesNotMatch", f"signed, but not sent: {missing}")
    chosen = HTTPHeaders()
    for name in names:
        chosen[name] = request.headers[name]
    # The signer would choose the headers itself; those the client signed are the ones that count.
    signer.headers_to_sign = lambda request: chosen
    request.context["timestamp"] = moment.strftime(SIGV4_TIMESTAMP)
    wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if wanted != signature:
        raise Refused(403, "SignatureDoesNotMatch")


def _moment(text: str | None) -> datetime:
    try:
        return datetime.strptime(text or "", SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused(403, "AccessDenied", "no date") from error


def _credentials(scope: str, moment: datetime) -> Credentials:
    key, *rest = scope.split("/")
    if key != ACCESS_KEY:
        raise Refused(403, "InvalidAccessKeyId")
    if rest != [moment.strftime("%Y%m%d"), REGION, "s3", "aws4_request"]:
        raise Refused(403, "SignatureDoesNotMatch", "another scope")
    return Credentials(ACCESS_KEY, SECRET_KEY)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server_state: ClassVar[S3Server]

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        state = self.server_state
        state.asked.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._fails(state):
            return
        try:
            request = AWSRequest(self.command, f"{state.url}{self.path}", headers=dict(self.headers.items()))
            check(state, request, body)
            if self.command in ("PUT", "POST") and "Content-Length" not in self.headers:
                raise Refused(411, "MissingContentLength")
            self._act(state, body)
        except Refused as refused:
            self._refuse(refused.status, refused.code, refused.message)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _serve  # noqa: N815

    def _fails(self, state: S3Server) -> bool:
        if not state.failing:
            return False
        how = state.failing[0] if state.failing[0].startswith("*") else state.failing.pop(0)
        match how.lstrip("*"):
            case "500":
                self._refuse(500, "InternalError")
            case "503":
                self._refuse(503, "SlowDown")
            case "slow":
                state.released.wait(30)
                self.close_connection = True
            case "reset":
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                self.wfile.write(b"x" * 1000)
                self.close_connection = True
        return True

    def _act(self, state: S3Server, body: bytes) -> None:
        path = unquote(urlsplit(self.path).path)
        if not path.startswith(f"/{BUCKET}"):
            raise Refused(404, "NoSuchBucket")
        key = path.removeprefix(f"/{BUCKET}").removeprefix("/")
        if not key and self.command == "GET":
            self._list(state)
        elif self.command == "PUT":
            kept = {
                name: self.headers[name] for name in ("Content-Type", "Cache-Control") if name in self.headers
            }
            state.objects[key] = Stored(body, kept, state.now())
            self._answer(200, {})
        elif self.command == "DELETE":
            state.objects.pop(key, None)
            self._answer(204, {})
        elif self.command in ("GET", "HEAD"):
            found = state.objects.get(key)
            if found is None:
                raise Refused(404, "NoSuchKey")
            self._answer(200, found.headers, found.data)
        else:
            raise Refused(405, "MethodNotAllowed")

    def _list(self, state: S3Server) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        if query.get("list-type") != "2":
            raise Refused(400, "InvalidArgument")
        after = query.get("continuation-token", "")
        keys = sorted(key for key in state.objects if key.startswith(query.get("prefix", "")) and key > after)
        shown = keys[:PAGE]
        more = len(keys) > PAGE
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(state.objects[key].data)}</Size>"
            f"<LastModified>{state.objects[key].modified_at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            for key in shown
        )
        token = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if more else ""
        xml = (
            f'<?xml version="1.0"?><ListBucketResult><Name>{BUCKET}</Name><KeyCount>{len(shown)}</KeyCount>'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}</ListBucketResult>"
        )
        self._answer(200, {"Content-Type": "application/xml"}, xml.encode())

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    def _refuse(self, status: int, code: str, message: str = "") -> None:
        xml = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>'
        self._answer(status, {"Content-Type": "application/xml"}, xml.encode())


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Serve one empty bucket on loopback until the block ends."""
    state = S3Server()
    handler = type("Handler", (_Handler,), {"server_state": state})
    with _Listener(("127.0.0.1", 0), handler) as listener:
        state.port = listener.server_port
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.released.set()
            listener.shutdown()
            thread.join()
