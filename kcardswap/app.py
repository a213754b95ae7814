"""The composition root: the only place that picks implementations."""

from flask import Flask
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from kcardswap.api.auth import init_tokens
from kcardswap.api.caching import add_cache_headers
from kcardswap.api.documents import init_documents
from kcardswap.api.limits import RateLimits, add_rate_headers, count_other_requests
from kcardswap.api.requests import Request
from kcardswap.api.tracing import init_tracing
from kcardswap.commands import register_commands
from kcardswap.domain.accounts import AppleUnavailable
from kcardswap.gateways.identity import (
    AppleIdentityProvider,
    DevIdentityProvider,
    GoogleCodes,
    GoogleIdentityProvider,
    IdentityProviders,
    KeySet,
    fetch_keys_from,
)
from kcardswap.gateways.images import PillowImageCleaner
from kcardswap.gateways.passwords import Passwords
from kcardswap.gateways.play import GooglePlayStore, NoPlayStore
from kcardswap.gateways.ports import ObjectStorage, PlayStore, PushSender
from kcardswap.gateways.push import FcmPushSender, LoggedPushSender
from kcardswap.gateways.s3_storage import S3Storage
from kcardswap.gateways.sealing import Sealer
from kcardswap.gateways.storage import LocalStorage
from kcardswap.gateways.tokens import TokenSigner
from kcardswap.logs import configure_logging
from kcardswap.persistence.engine import Database, LazyDatabase
from kcardswap.persistence.orm.mappings import map_entities
from kcardswap.persistence.readiness import Readiness
from kcardswap.runtime import EXTENSION, Runtime, SystemClock, open_database
from kcardswap.settings import Settings

EXPOSED_HEADERS = [
    "ETag",
    "Idempotent-Replayed",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-ID",
]


def create_app(settings: Settings, *, database: Database | None = None) -> Flask:
    """Build the application.

    :param database: where sessions come from; by default the configured database, connected to on
        first use, so that commands which need none start without one.
    """
    configure_logging(settings.log_level)
    map_entities()
    app = Flask("kcardswap", static_folder=None)
    app.request_class = Request
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions[EXTENSION] = build_runtime(
        settings, database or LazyDatabase(lambda: open_database(settings))
    )
    app.extensions["rate_limits"] = RateLimits(settings)
    if settings.trusted_proxy_hops:
        hops = settings.trusted_proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    init_tracing(app)
    app.before_request(count_other_requests)
    app.after_request(add_rate_headers)
    app.after_request(add_cache_headers)
    init_tokens(app)
    init_documents(app)
    CORS(
        app,
        origins=list(settings.cors_origins),
        supports_credentials=True,
        always_send=False,
        expose_headers=EXPOSED_HEADERS,
        max_age=600,
    )
    register_commands(app)
    return app


def build_runtime(settings: Settings, database: Database) -> Runtime:
    """Pick the implementation of every port."""
    return Runtime(
        settings=settings,
        database=database,
        tokens=TokenSigner(
            key=settings.jwt_secret_key,
            previous_key=settings.jwt_previous_secret_key,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            access_lifetime=settings.access_token_lifetime,
        ),
        passwords=Passwords(),
        identity_providers=_identity_providers(settings),
        sealer=Sealer(settings.sealing_key),
        storage=_storage(settings),
        images=PillowImageCleaner(max_megapixels=settings.image_max_megapixels),
        play_store=_play_store(settings),
        push_sender=_push_sender(settings),
        readiness=Readiness(database, draining=(settings.data_dir / "draining").exists),
    )


def _identity_providers(settings: Settings) -> IdentityProviders:
    return IdentityProviders(
        GoogleIdentityProvider(
            keys=KeySet(fetch_keys_from(settings.google_jwks_url)), client_ids=settings.google_client_ids
        ),
        _dev_identity_provider(settings),
        google_codes=GoogleCodes(
            token_url=settings.google_token_url,
            client_id=next(iter(settings.google_client_ids), None),
            client_secret=settings.google_client_secret,
            redirect_uris=settings.google_redirect_uris,
        ),
        apple=AppleIdentityProvider(
            keys=KeySet(
                fetch_keys_from(f"{settings.apple_base_url}/auth/keys"), unavailable=AppleUnavailable
            ),
            client_ids=settings.apple_client_ids,
            team_id=settings.apple_team_id,
            key_id=settings.apple_key_id,
            private_key_path=settings.apple_private_key_path,
            base_url=settings.apple_base_url,
        ),
    )


def _dev_identity_provider(settings: Settings) -> DevIdentityProvider | None:
    if not settings.dev_identity_provider:
        return None
    return DevIdentityProvider(data_dir=settings.data_dir, base_url=settings.public_base_url)


def _storage(settings: Settings) -> ObjectStorage:
    if settings.storage_backend == "s3":
        return S3Storage(
            endpoint_url=settings.s3_endpoint_url,
            bucket=settings.s3_bucket,
            region=settings.s3_region,
            access_key_id=settings.s3_access_key_id,
            secret_access_key=settings.s3_secret_access_key,
            read_window=settings.read_url_lifetime,
            clock=SystemClock(),
        )
    return LocalStorage(
        settings.storage_root,
        signing_key=settings.storage_signing_key,
        base_url=settings.public_base_url,
        read_window=settings.read_url_lifetime,
    )


def _play_store(settings: Settings) -> PlayStore:
    if settings.google_play_package_name is None or settings.google_play_key_path is None:
        return NoPlayStore()
    return GooglePlayStore(
        package_name=settings.google_play_package_name,
        product_ids=settings.google_play_product_ids,
        key_path=settings.google_play_key_path,
        base_url=settings.google_play_base_url,
    )


def _push_sender(settings: Settings) -> PushSender:
    if settings.fcm_credentials_path is None:
        return LoggedPushSender()
    return FcmPushSender(credentials_path=settings.fcm_credentials_path, base_url=settings.fcm_base_url)
