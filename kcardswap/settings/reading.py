"""How the environment is read: which variable is which setting, and what it is without one."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from environs import Env, EnvValidationError
from marshmallow.validate import Range

POSITIVE = Range(min=0, min_inclusive=False, max=1_000_000)
SECRETS = {
    "jwt_secret_key": "JWT_SECRET_KEY",
    "storage_signing_key": "STORAGE_SIGNING_KEY",
    "hash_pepper": "HASH_PEPPER",
    "sealing_key": "SEALING_KEY",
}
OPTIONAL_SECRETS = {"jwt_previous_secret_key": "JWT_PREVIOUS_SECRET_KEY", "internal_token": "INTERNAL_TOKEN"}


class Environment(StrEnum):
    """Where the application runs; production refuses everything that is only convenient."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


def read_environment() -> tuple[dict[str, Any], list[str]]:
    """Return every setting by name, and what could not be read."""
    env = Env(eager=False)
    values = {
        **_read_server(env),
        **_read_accounts(env),
        **_read_providers(env),
        **_read_swaps(env),
        **_read_s3(env),
        **_read_play(env),
        **_read_push(env),
        **_read_worker(env),
        **_read_secrets(env),
    }
    return values, _unreadable(env)


def _read_server(env: Env) -> dict[str, Any]:
    port = env.int("PORT", 8000, validate=Range(1, 65535))
    data_dir = Path(env.str("DATA_DIR", ".data") or ".data")
    environment = env.enum("ENVIRONMENT", Environment.DEVELOPMENT, enum=Environment, by_value=True)
    return {
        "environment": environment,
        "data_dir": data_dir,
        "port": port,
        "log_level": env.str("LOG_LEVEL", "INFO").upper(),
        "sql_echo": env.bool("SQL_ECHO", False),
        "public_base_url": env.str("PUBLIC_BASE_URL", "").rstrip("/") or f"http://localhost:{port}",
        "database_url": env.str("DATABASE_URL", "") or None,
        "database_read_url": env.str("DATABASE_READ_URL", "") or None,
        "database_pool_timeout_seconds": env.float("DATABASE_POOL_TIMEOUT_SECONDS", 3.0, validate=POSITIVE),
        "threads": env.int("THREADS", 4, validate=Range(1, 1000)),
        "cors_origins": _words(env, "CORS_ORIGINS"),
        "trusted_proxy_hops": env.int("TRUSTED_PROXY_HOPS", 0, validate=Range(0, 100)),
        "rate_limit_user": env.str("RATE_LIMIT_USER", "1500/5 minutes"),
        "rate_limit_anonymous": env.str("RATE_LIMIT_ANONYMOUS", "300/5 minutes"),
        "rate_limit_media": env.str("RATE_LIMIT_MEDIA", "60/30 minutes"),
        "rate_limit_receipts": env.str("RATE_LIMIT_RECEIPTS", "30/1 hour"),
        "rate_limit_exports": env.str("RATE_LIMIT_EXPORTS", "10/1 hour"),
        "rate_limit_storage_url": env.str("RATE_LIMIT_STORAGE_URL", "") or "memory://",
        "request_max_json_bytes": env.int("REQUEST_MAX_JSON_BYTES", 131072, validate=Range(1024)),
        "idempotency_lifetime": _duration(env, "IDEMPOTENCY_TTL_HOURS", hours=24),
    }


def _read_accounts(env: Env) -> dict[str, Any]:
    environment = env.str("ENVIRONMENT", "development")
    return {
        "jwt_issuer": env.str("JWT_ISSUER", "kcardswap"),
        "jwt_audience": env.str("JWT_AUDIENCE", "kcardswap-api"),
        "access_token_lifetime": _duration(env, "ACCESS_TOKEN_EXPIRE_MINUTES", minutes=15),
        "session_lifetime": _duration(env, "REFRESH_TOKEN_EXPIRE_DAYS", days=7),
        "refresh_grace": _duration(env, "REFRESH_GRACE_SECONDS", seconds=10),
        "access_cookie_name": env.str("ACCESS_COOKIE_NAME", "access_token"),
        "refresh_cookie_name": env.str("REFRESH_COOKIE_NAME", "refresh_token"),
        "cookie_samesite": env.str("COOKIE_SAMESITE", "lax").capitalize(),
        "cookie_secure": env.bool("COOKIE_SECURE", environment == Environment.PRODUCTION.value),
        "cookie_domain": env.str("COOKIE_DOMAIN", "") or None,
        "account_erasure_after": timedelta(
            days=env.float("ACCOUNT_ERASURE_AFTER_DAYS", 14, validate=Range(0, 29)) or 0
        ),
        "dev_identity_provider": env.bool(
            "DEV_IDENTITY_PROVIDER", environment == Environment.DEVELOPMENT.value
        ),
        "default_admin_email": env.str("DEFAULT_ADMIN_EMAIL", "admin@kcardswap.com"),
        "default_admin_password": env.str("DEFAULT_ADMIN_PASSWORD", "") or None,
        "default_admin_role": env.str("DEFAULT_ADMIN_ROLE", "admin"),
    }


def _read_providers(env: Env) -> dict[str, Any]:
    key_path = env.str("APPLE_PRIVATE_KEY_PATH", "")
    return {
        "google_client_ids": _words(env, "GOOGLE_CLIENT_ID"),
        "google_client_secret": env.str("GOOGLE_CLIENT_SECRET", "") or None,
        "google_redirect_uris": _words(env, "GOOGLE_REDIRECT_URIS"),
        "google_jwks_url": env.str("GOOGLE_JWKS_URL", "https://www.googleapis.com/oauth2/v3/certs"),
        "google_token_url": env.str("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token"),
        "apple_client_ids": _words(env, "APPLE_CLIENT_IDS"),
        "apple_team_id": env.str("APPLE_TEAM_ID", "") or None,
        "apple_key_id": env.str("APPLE_KEY_ID", "") or None,
        "apple_private_key_path": Path(key_path) if key_path else None,
        "apple_base_url": env.str("APPLE_BASE_URL", "https://appleid.apple.com").rstrip("/"),
    }


def _read_swaps(env: Env) -> dict[str, Any]:
    return {
        "storage_root": Path(
            env.str("STORAGE_ROOT", "") or Path(env.str("DATA_DIR", ".data") or ".data") / "storage"
        ),
        "upload_url_lifetime": _duration(env, "UPLOAD_URL_TTL_MINUTES", minutes=15),
        "read_url_lifetime": _duration(env, "READ_URL_TTL_MINUTES", minutes=10),
        "export_url_lifetime": _duration(env, "EXPORT_URL_TTL_HOURS", hours=24),
        "image_max_megapixels": env.int("IMAGE_MAX_MEGAPIXELS", 25, validate=Range(1, 1000)),
        "quota_timezone": env.str("QUOTA_TZ", "Asia/Taipei"),
        "post_default_lifetime": _duration(env, "POST_DEFAULT_EXPIRY_DAYS", days=14),
        "post_longest_lifetime": _duration(env, "POST_MAX_EXPIRY_DAYS", days=90),
        "trade_proposal_timeout": _duration(env, "TRADE_PROPOSAL_TIMEOUT_HOURS", hours=168),
        "trade_confirmation_timeout": _duration(env, "TRADE_CONFIRMATION_TIMEOUT_HOURS", hours=48),
        "trade_mail_timeout": _duration(env, "TRADE_MAIL_TIMEOUT_HOURS", hours=336),
        "message_request_cooldown": _duration(env, "MESSAGE_REQUEST_COOLDOWN_HOURS", hours=168),
        "message_retention": timedelta(
            days=env.int("MESSAGE_RETENTION_DAYS", 30, validate=Range(0, 36_500)) or 0
        ),
    }


def _read_s3(env: Env) -> dict[str, Any]:
    return {
        "storage_backend": env.str("STORAGE_BACKEND", "local").lower(),
        "s3_endpoint_url": env.str("S3_ENDPOINT_URL", "").rstrip("/") or None,
        "s3_bucket": env.str("S3_BUCKET", "kcardswap"),
        "s3_region": env.str("S3_REGION", "auto"),
        "s3_access_key_id": env.str("S3_ACCESS_KEY_ID", ""),
        "s3_secret_access_key": env.str("S3_SECRET_ACCESS_KEY", ""),
    }


def _read_play(env: Env) -> dict[str, Any]:
    environment = env.str("ENVIRONMENT", "development")
    key_path = env.str("GOOGLE_PLAY_SERVICE_ACCOUNT_KEY_PATH", "")
    return {
        "google_play_package_name": env.str("GOOGLE_PLAY_PACKAGE_NAME", "") or None,
        "google_play_key_path": Path(key_path) if key_path else None,
        "google_play_product_ids": _words(env, "GOOGLE_PLAY_PRODUCT_IDS", "premium_monthly,premium_yearly"),
        "google_play_base_url": env.str(
            "GOOGLE_PLAY_BASE_URL", "https://androidpublisher.googleapis.com"
        ).rstrip("/"),
        "dev_play_store": env.bool("DEV_PLAY_STORE", environment == Environment.DEVELOPMENT.value),
        "internal_token": env.str("INTERNAL_TOKEN", "") or None,
    }


def _read_push(env: Env) -> dict[str, Any]:
    credentials_path = env.str("FCM_CREDENTIALS_PATH", "")
    return {
        "fcm_credentials_path": Path(credentials_path) if credentials_path else None,
        "fcm_base_url": env.str("FCM_BASE_URL", "https://fcm.googleapis.com").rstrip("/"),
    }


def _read_worker(env: Env) -> dict[str, Any]:
    return {
        "celery_broker_url": env.str("CELERY_BROKER_URL", "") or None,
        "worker_concurrency": env.int("WORKER_CONCURRENCY", 4, validate=Range(1, 1000)),
        "worker_grace": _duration(env, "WORKER_GRACE_SECONDS", seconds=20),
        "event_lease": _duration(env, "EVENT_LEASE_SECONDS", seconds=30),
    }


def _read_secrets(env: Env) -> dict[str, Any]:
    secrets_given = {name: env.str(key, "") for name, key in SECRETS.items()}
    return {**secrets_given, "jwt_previous_secret_key": env.str("JWT_PREVIOUS_SECRET_KEY", "") or None}


def _duration(env: Env, key: str, **default: float) -> timedelta:
    [(unit, amount)] = default.items()
    # Nothing is said for an amount that cannot be read; it is on the list of problems then.
    return timedelta(**{unit: env.float(key, amount, validate=POSITIVE) or 0})


def _words(env: Env, key: str, default: str = "") -> tuple[str, ...]:
    return tuple(word.strip() for word in env.str(key, default).split(",") if word.strip())


def _unreadable(env: Env) -> list[str]:
    """Return what could not be read, by variable; the values themselves are never repeated."""
    try:
        env.seal()
    except EnvValidationError as error:
        messages = error.error_messages
        if not isinstance(messages, Mapping):
            return list(messages)
        return [f"{key}: {' '.join(map(str, listed))}" for key, listed in messages.items()]
    return []
