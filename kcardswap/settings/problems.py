"""What is wrong with a configuration that could be read."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kcardswap.settings.reading import OPTIONAL_SECRETS, SECRETS, Environment

SECRET_MIN_BYTES = 32
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ORIGIN = re.compile(r"https?://[^/?#@*\s]+", re.ASCII)
RATE = re.compile(
    r"[1-9]\d{0,8} ?(?:/|per) ?(?:[1-9]\d{0,5} ?)?(?:s|seconds?|min|minutes?|h|hours?|d|days?)", re.ASCII
)
DATABASE_URL = re.compile(r"postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
BROKER_URL = re.compile(r"(?:rediss?|amqps?)://", re.IGNORECASE)
RATES = tuple(f"rate_limit_{what}" for what in ("user", "anonymous", "media", "receipts", "exports"))
PROVIDER_URLS = ("google_jwks_url", "google_token_url", "apple_base_url")
PLACEHOLDERS = ("changeme", "change-me", "secret", "example", "password", "your-", "placeholder", "xxx")


def problems_of(values: dict[str, Any]) -> list[str]:
    """Return what is wrong with these settings, by variable; the values themselves are never repeated."""
    problems = _range_problems(values)
    if values["environment"] is Environment.PRODUCTION:
        problems += _production_problems(values)
    return problems


def _range_problems(values: dict[str, Any]) -> list[str]:
    """Return what is wrong in any environment."""
    problems = [
        f"{key}: at least {SECRET_MIN_BYTES} bytes"
        for name, key in {**SECRETS, **OPTIONAL_SECRETS}.items()
        if values[name] and len(values[name].encode()) < SECRET_MIN_BYTES
    ]
    if "*" in values["cors_origins"]:
        problems.append("CORS_ORIGINS: name the origins; * would let any site act for its visitors")
    elif not all(ORIGIN.fullmatch(origin) for origin in values["cors_origins"]):
        problems.append("CORS_ORIGINS: a comma list like https://app.example.com, without paths")
    if values["log_level"] not in LOG_LEVELS:
        problems.append(f"LOG_LEVEL: one of {', '.join(LOG_LEVELS)}")
    if values["cookie_samesite"] not in ("Lax", "Strict", "None"):
        problems.append("COOKIE_SAMESITE: lax, strict or none")
    elif values["cookie_samesite"] == "None" and not values["cookie_secure"]:
        problems.append("COOKIE_SAMESITE: none needs COOKIE_SECURE, or browsers drop the cookies")
    if values["default_admin_role"] not in ("admin", "super_admin"):
        problems.append("DEFAULT_ADMIN_ROLE: admin or super_admin")
    if not _is_timezone(values["quota_timezone"]):
        problems.append("QUOTA_TZ: a time zone like Asia/Taipei")
    if not values["public_base_url"].startswith(("http://", "https://")):
        problems.append("PUBLIC_BASE_URL: an http:// or https:// URL")
    if values["post_default_lifetime"] > values["post_longest_lifetime"]:
        problems.append("POST_DEFAULT_EXPIRY_DAYS: at most POST_MAX_EXPIRY_DAYS")
    if not BROKER_URL.match(values["celery_broker_url"] or "redis://"):
        problems.append("CELERY_BROKER_URL: a redis:// or amqp:// URL")
    problems += [
        f"{name.upper()}: a limit like 1500/5min" for name in RATES if not RATE.fullmatch(values[name])
    ]
    if not _is_rate_storage(values["rate_limit_storage_url"]):
        problems.append("RATE_LIMIT_STORAGE_URL: memory://, redis://host:6379/0 or rediss://...")
    problems += _provider_problems(values)
    problems += _push_problems(values)
    return problems + _database_problems(values) + _storage_problems(values) + _play_problems(values)


def _is_rate_storage(url: str) -> bool:
    if url == "memory://":
        return True
    try:
        parts = urlsplit(url)
        reachable = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return reachable and re.fullmatch(r"(/\d{0,4})?", parts.path + parts.query + parts.fragment) is not None


def _provider_problems(values: dict[str, Any]) -> list[str]:
    problems = [
        f"{name.upper()}: an http:// or https:// URL"
        for name in PROVIDER_URLS
        if not values[name].startswith(("http://", "https://"))
    ]
    key = [values[name] for name in ("apple_team_id", "apple_key_id", "apple_private_key_path")]
    if any(key) and not all(key):
        problems.append("APPLE_TEAM_ID, APPLE_KEY_ID, APPLE_PRIVATE_KEY_PATH: all or none")
    if values["apple_private_key_path"] is not None and not _signs_es256(values["apple_private_key_path"]):
        problems.append("APPLE_PRIVATE_KEY_PATH: the .p8 file of a Sign in with Apple key")
    return problems


def _signs_es256(path: Path) -> bool:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _database_problems(values: dict[str, Any]) -> list[str]:
    problems = []
    for key in ("database_url", "database_read_url"):
        if not DATABASE_URL.match(values[key] or "postgresql://"):
            problems.append(f"{key.upper()}: a postgresql:// URL")
    return problems


def _storage_problems(values: dict[str, Any]) -> list[str]:
    if values["storage_backend"] not in ("local", "s3"):
        return ["STORAGE_BACKEND: local or s3"]
    if values["storage_backend"] == "local":
        return []
    required = ("s3_bucket", "s3_access_key_id", "s3_secret_access_key")
    problems = [f"{name.upper()}: required with STORAGE_BACKEND=s3" for name in required if not values[name]]
    if values["s3_endpoint_url"] is None and values["s3_region"] == "auto":
        problems.append("S3_REGION: name the region of AWS, or give S3_ENDPOINT_URL")
    if not (values["s3_endpoint_url"] or "https://").startswith(("http://", "https://")):
        problems.append("S3_ENDPOINT_URL: an http:// or https:// URL")
    # Signed URLs of S3 live for seven days at most, and read URLs for up to two windows.
    for name, most in (("upload_url", timedelta(days=7)), ("read_url", timedelta(days=3.5))):
        if values[f"{name}_lifetime"] > most:
            minutes = int(most.total_seconds() // 60)
            problems.append(f"{name.upper()}_TTL_MINUTES: at most {minutes} with STORAGE_BACKEND=s3")
    if values["export_url_lifetime"] > timedelta(days=7):
        problems.append("EXPORT_URL_TTL_HOURS: at most 168 with STORAGE_BACKEND=s3")
    return problems


def _play_problems(values: dict[str, Any]) -> list[str]:
    problems = []
    package, key_path = values["google_play_package_name"], values["google_play_key_path"]
    if (package is None) != (key_path is None):
        problems.append("GOOGLE_PLAY_PACKAGE_NAME, GOOGLE_PLAY_SERVICE_ACCOUNT_KEY_PATH: both or neither")
    if key_path is not None and not _is_service_account(key_path):
        problems.append("GOOGLE_PLAY_SERVICE_ACCOUNT_KEY_PATH: the key file of a service account")
    if not values["google_play_product_ids"]:
        problems.append("GOOGLE_PLAY_PRODUCT_IDS: at least one product")
    if not values["google_play_base_url"].startswith(("http://", "https://")):
        problems.append("GOOGLE_PLAY_BASE_URL: an http:// or https:// URL")
    return problems


def _push_problems(values: dict[str, Any]) -> list[str]:
    problems = []
    path = values["fcm_credentials_path"]
    if path is not None and not _is_service_account(path, "project_id"):
        problems.append("FCM_CREDENTIALS_PATH: the key file of a service account of the Firebase project")
    if not values["fcm_base_url"].startswith(("http://", "https://")):
        problems.append("FCM_BASE_URL: an http:// or https:// URL")
    return problems


def _is_service_account(path: Path, *more: str) -> bool:
    try:
        return {"client_email", "private_key", "token_uri", *more} <= set(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return False


def _production_problems(values: dict[str, Any]) -> list[str]:
    """Return what development forgives and production does not."""
    problems = []
    for name, key in SECRETS.items():
        if not values[name]:
            problems.append(f"{key}: required in production")
        elif any(word in values[name].lower() for word in PLACEHOLDERS):
            problems.append(f"{key}: looks like a placeholder; use a random value")
    if values["database_url"] is None:
        problems.append("DATABASE_URL: required in production; the embedded database is for development")
    elif not _has_password(values["database_url"]):
        problems.append("DATABASE_URL: needs a password; a database that trusts everybody is refused")
    for name, key in OPTIONAL_SECRETS.items():
        if any(word in (values[name] or "").lower() for word in PLACEHOLDERS):
            problems.append(f"{key}: looks like a placeholder; leave it out instead")
    problems += [
        f"{name.upper()}: an https:// URL in production"
        for name in PROVIDER_URLS
        if not values[name].startswith("https://")
    ]
    if not values["public_base_url"].startswith("https://"):
        problems.append("PUBLIC_BASE_URL: an https:// URL in production")
    if not values["cookie_secure"]:
        problems.append("COOKIE_SECURE: must be true in production")
    if values["storage_backend"] == "s3" and (values["s3_endpoint_url"] or "").startswith("http://"):
        problems.append("S3_ENDPOINT_URL: an https:// URL in production")
    if values["sql_echo"]:
        problems.append("SQL_ECHO: must be off in production; it prints what people send")
    if values["dev_identity_provider"]:
        problems.append("DEV_IDENTITY_PROVIDER: must be off in production")
    if values["dev_play_store"]:
        problems.append("DEV_PLAY_STORE: must be off in production")
    if not values["google_play_base_url"].startswith("https://"):
        problems.append("GOOGLE_PLAY_BASE_URL: an https:// URL in production")
    if not values["fcm_base_url"].startswith("https://"):
        problems.append("FCM_BASE_URL: an https:// URL in production")
    return problems


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.password or parse_qs(parts.query).get("password"))
