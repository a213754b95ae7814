"""The configuration, read once from the environment."""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from environs import Env, EnvValidationError
from marshmallow.validate import Range


class Environment(StrEnum):
    """Where the application runs; production refuses everything that is only convenient."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class InvalidSettings(Exception):
    """The environment does not make a valid configuration; the message lists every defect."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


SECRET_MIN_BYTES = 32
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
POSITIVE = Range(min=0, min_inclusive=False, max=1_000_000)
ORIGIN = re.compile(r"https?://[^/?#@*\s]+", re.ASCII)
RATE = re.compile(
    r"[1-9]\d{0,8} ?(?:/|per) ?(?:[1-9]\d{0,5} ?)?(?:s|seconds?|min|minutes?|h|hours?|d|days?)", re.ASCII
)
DATABASE_URL = re.compile(r"postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
PLACEHOLDERS = ("changeme", "change-me", "secret", "example", "password", "your-", "placeholder", "xxx")


def _hidden(default: Any = None) -> Any:
    return field(default=default, repr=False)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. Secrets are left out of ``repr``."""

    environment: Environment = Environment.DEVELOPMENT
    data_dir: Path = Path(".data")
    port: int = 8000
    log_level: str = "INFO"
    sql_echo: bool = False
    public_base_url: str = "http://localhost:8000"
    database_url: str | None = _hidden()
    database_read_url: str | None = _hidden()
    database_pool_timeout_seconds: float = 3.0
    threads: int = 4
    jwt_secret_key: str = _hidden("")
    jwt_previous_secret_key: str | None = _hidden()
    jwt_issuer: str = "kcardswap"
    jwt_audience: str = "kcardswap-api"
    access_token_lifetime: timedelta = timedelta(minutes=15)
    session_lifetime: timedelta = timedelta(days=7)
    refresh_grace: timedelta = timedelta(seconds=10)
    access_cookie_name: str = "access_token"
    refresh_cookie_name: str = "refresh_token"
    cookie_samesite: str = "Lax"
    cookie_secure: bool = False
    cookie_domain: str | None = None
    cors_origins: tuple[str, ...] = ()
    trusted_proxy_hops: int = 0
    hash_pepper: str = _hidden("")
    google_client_ids: tuple[str, ...] = ()
    google_jwks_url: str = "https://www.googleapis.com/oauth2/v3/certs"
    dev_identity_provider: bool = False
    default_admin_email: str = "admin@kcardswap.com"
    default_admin_password: str | None = _hidden()
    default_admin_role: str = "admin"
    storage_root: Path = Path(".data/storage")
    storage_signing_key: str = _hidden("")
    upload_url_lifetime: timedelta = timedelta(minutes=15)
    read_url_lifetime: timedelta = timedelta(minutes=10)
    image_max_megapixels: int = 25
    quota_timezone: str = "Asia/Taipei"
    trade_proposal_timeout: timedelta = timedelta(hours=168)
    trade_confirmation_timeout: timedelta = timedelta(hours=48)
    trade_mail_timeout: timedelta = timedelta(hours=336)
    idempotency_lifetime: timedelta = timedelta(hours=24)
    rate_limit_user: str = "1500/5 minutes"
    rate_limit_anonymous: str = "300/5 minutes"
    rate_limit_media: str = "60/30 minutes"
    rate_limit_storage_url: str = _hidden("memory://")
    request_max_json_bytes: int = 131072

    @property
    def is_production(self) -> bool:
        """Tell whether the strict rules apply."""
        return self.environment is Environment.PRODUCTION

    @classmethod
    def from_env(cls) -> "Settings":
        """Read the environment of the process.

        Outside production, missing secrets are made once and kept in ``DATA_DIR``, so that every
        process and every start uses the same ones.

        :raises InvalidSettings: one error that lists every missing or invalid key.
        """
        env = Env(eager=False)
        values = {**_read_server(env), **_read_accounts(env), **_read_swaps(env), **_read_secrets(env)}
        problems = [*_unreadable(env), *_range_problems(values)]
        if values["environment"] is Environment.PRODUCTION:
            problems += _production_problems(values)
        if problems:
            raise InvalidSettings(problems)
        return cls(**_with_kept_secrets(values))


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
        "rate_limit_storage_url": env.str("RATE_LIMIT_STORAGE_URL", "memory://"),
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
        "google_client_ids": _words(env, "GOOGLE_CLIENT_ID"),
        "google_jwks_url": env.str("GOOGLE_JWKS_URL", "https://www.googleapis.com/oauth2/v3/certs"),
        "dev_identity_provider": env.bool(
            "DEV_IDENTITY_PROVIDER", environment == Environment.DEVELOPMENT.value
        ),
        "default_admin_email": env.str("DEFAULT_ADMIN_EMAIL", "admin@kcardswap.com"),
        "default_admin_password": env.str("DEFAULT_ADMIN_PASSWORD", "") or None,
        "default_admin_role": env.str("DEFAULT_ADMIN_ROLE", "admin"),
    }


def _read_swaps(env: Env) -> dict[str, Any]:
    return {
        "storage_root": Path(
            env.str("STORAGE_ROOT", "") or Path(env.str("DATA_DIR", ".data") or ".data") / "storage"
        ),
        "upload_url_lifetime": _duration(env, "UPLOAD_URL_TTL_MINUTES", minutes=15),
        "read_url_lifetime": _duration(env, "READ_URL_TTL_MINUTES", minutes=10),
        "image_max_megapixels": env.int("IMAGE_MAX_MEGAPIXELS", 25, validate=Range(1, 1000)),
        "quota_timezone": env.str("QUOTA_TZ", "Asia/Taipei"),
        "trade_proposal_timeout": _duration(env, "TRADE_PROPOSAL_TIMEOUT_HOURS", hours=168),
        "trade_confirmation_timeout": _duration(env, "TRADE_CONFIRMATION_TIMEOUT_HOURS", hours=48),
        "trade_mail_timeout": _duration(env, "TRADE_MAIL_TIMEOUT_HOURS", hours=336),
    }


SECRETS = {
    "jwt_secret_key": "JWT_SECRET_KEY",
    "storage_signing_key": "STORAGE_SIGNING_KEY",
    "hash_pepper": "HASH_PEPPER",
}


def _read_secrets(env: Env) -> dict[str, Any]:
    secrets_given = {name: env.str(key, "") for name, key in SECRETS.items()}
    return {**secrets_given, "jwt_previous_secret_key": env.str("JWT_PREVIOUS_SECRET_KEY", "") or None}


def _duration(env: Env, key: str, **default: float) -> timedelta:
    [(unit, amount)] = default.items()
    # Nothing is said for an amount that cannot be read; it is on the list of problems then.
    return timedelta(**{unit: env.float(key, amount, validate=POSITIVE) or 0})


def _words(env: Env, key: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in env.str(key, "").split(",") if word.strip())


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


def _range_problems(values: dict[str, Any]) -> list[str]:
    """Return what is wrong in any environment."""
    problems = [
        f"{key}: at least {SECRET_MIN_BYTES} bytes"
        for name, key in {**SECRETS, "jwt_previous_secret_key": "JWT_PREVIOUS_SECRET_KEY"}.items()
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
    rates = ("rate_limit_user", "rate_limit_anonymous", "rate_limit_media")
    problems += [
        f"{name.upper()}: a limit like 1500/5min" for name in rates if not RATE.fullmatch(values[name])
    ]
    return problems + _database_problems(values)


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
    previous = values["jwt_previous_secret_key"]
    if previous and any(word in previous.lower() for word in PLACEHOLDERS):
        problems.append("JWT_PREVIOUS_SECRET_KEY: looks like a placeholder; leave it out instead")
    if not values["google_jwks_url"].startswith("https://"):
        problems.append("GOOGLE_JWKS_URL: an https:// URL in production")
    if not values["public_base_url"].startswith("https://"):
        problems.append("PUBLIC_BASE_URL: an https:// URL in production")
    if not values["cookie_secure"]:
        problems.append("COOKIE_SECURE: must be true in production")
    if values["sql_echo"]:
        problems.append("SQL_ECHO: must be off in production; it prints what people send")
    if values["dev_identity_provider"]:
        problems.append("DEV_IDENTITY_PROVIDER: must be off in production")
    return problems


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.password or parse_qs(parts.query).get("password"))


def _with_kept_secrets(values: dict[str, Any]) -> dict[str, Any]:
    """Fill in missing secrets from ``DATA_DIR/secrets``, making each on its first use."""
    kept = {
        name: values[name] or kept_secret(values["data_dir"], name, lambda: secrets.token_urlsafe(48))
        for name in SECRETS
    }
    return {**values, **kept}


def kept_secret(data_dir: Path, name: str, make: Callable[[], str]) -> str:
    """Return the secret ``name`` kept in ``data_dir``; the first process to ask makes it.

    :raises InvalidSettings: the directory cannot be written.
    """
    path = data_dir / "secrets" / name
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        # Written aside and linked into place, so that two first starts agree on one value and nobody
        # reads half of it.
        if not path.exists():
            draft = path.with_name(f"{name}.{secrets.token_hex(8)}")
            draft.touch(mode=0o600)
            draft.write_text(make())
            with suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return path.read_text()
    except OSError as error:
        raise InvalidSettings(
            [f"DATA_DIR: cannot keep secrets in {path.parent}: {error.strerror}"]
        ) from error
