"""The configuration: what is read, what is refused, and secrets that are made once."""

import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kcardswap.gateways.identity import new_private_key
from kcardswap.settings import Environment, InvalidSettings, Settings
from tests.serving import PROJECT

RANDOM = "q7Jx0ZkW2vTtY8mBnR4uHs6LdPf1GaEc9Oi3"
PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://kcardswap:s3cure@db.internal/kcardswap",
    "PUBLIC_BASE_URL": "https://api.kcardswap.example",
    "JWT_SECRET_KEY": RANDOM,
    "STORAGE_SIGNING_KEY": RANDOM[::-1],
    "HASH_PEPPER": RANDOM.swapcase(),
    "SEALING_KEY": RANDOM.swapcase()[::-1],
}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the surrounding environment, and a data directory of its own."""
    for name in list(os.environ):
        if name not in ("PATH", "HOME"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings.from_env()


def problems(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    with pytest.raises(InvalidSettings) as raised:
        read(monkeypatch, **environment)
    return raised.value.problems


def test_an_empty_environment_is_a_working_development(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = read(monkeypatch)
    assert settings.environment is Environment.DEVELOPMENT and not settings.is_production
    assert settings.dev_identity_provider and not settings.cookie_secure
    assert settings.public_base_url == "http://localhost:8000"
    assert settings.database_url is None and settings.cors_origins == ()
    assert settings.storage_root == tmp_path / "data" / "storage"
    assert settings.access_token_lifetime == timedelta(minutes=15)
    assert settings.session_lifetime == timedelta(days=7) and settings.refresh_grace == timedelta(seconds=10)


def test_production_needs_its_own_values(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, **PRODUCTION)
    assert settings.is_production and settings.cookie_secure and not settings.dev_identity_provider


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        PORT="8080",
        CORS_ORIGINS=" https://a.example , http://localhost:5173,",
        GOOGLE_CLIENT_ID="web,ios",
        REFRESH_TOKEN_EXPIRE_DAYS="1.5",
        COOKIE_SAMESITE="strict",
        TRUSTED_PROXY_HOPS="2",
        RATE_LIMIT_USER="10/5min",
        DATABASE_URL="postgres://u:p@h1:5432,h2:5433/db?target_session_attrs=read-write",
        LOG_LEVEL="debug",
        GOOGLE_PLAY_PRODUCT_IDS="gold, silver",
        GOOGLE_PLAY_BASE_URL="http://127.0.0.1:8099/",
        INTERNAL_TOKEN=RANDOM,
        RATE_LIMIT_RECEIPTS="5/1min",
        SQL_ECHO="true",
    )
    assert settings.public_base_url == "http://localhost:8080"
    assert settings.cors_origins == ("https://a.example", "http://localhost:5173")
    assert settings.google_client_ids == ("web", "ios")
    assert settings.session_lifetime == timedelta(days=1.5)
    assert (settings.cookie_samesite, settings.trusted_proxy_hops) == ("Strict", 2)
    assert (settings.log_level, settings.sql_echo) == ("DEBUG", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("PORT", value) for value in ("many", "0", "65536", "-1", "1.5", "")),
        *(("THREADS", value) for value in ("0", "-1", "x")),
        *(("ACCESS_TOKEN_EXPIRE_MINUTES", value) for value in ("0", "-1", "x", "nan", "inf", "1e300", "")),
        *(
            (name, "x")
            for name in ("REFRESH_TOKEN_EXPIRE_DAYS", "REFRESH_GRACE_SECONDS", "IDEMPOTENCY_TTL_HOURS")
        ),
        *((name, "0") for name in ("UPLOAD_URL_TTL_MINUTES", "READ_URL_TTL_MINUTES", "IMAGE_MAX_MEGAPIXELS")),
        *((f"TRADE_{kind}_TIMEOUT_HOURS", "-1") for kind in ("PROPOSAL", "CONFIRMATION", "MAIL")),
        *(("DATABASE_POOL_TIMEOUT_SECONDS", value) for value in ("0", "x")),
        *(("REQUEST_MAX_JSON_BYTES", value) for value in ("0", "x")),
        *(("TRUSTED_PROXY_HOPS", value) for value in ("-1", "x")),
        *(("ENVIRONMENT", value) for value in ("prod", "", "PRODUCTION")),
        *((name, "perhaps") for name in ("SQL_ECHO", "COOKIE_SECURE", "DEV_IDENTITY_PROVIDER")),
        *(("LOG_LEVEL", value) for value in ("LOUD", "")),
        *(("COOKIE_SAMESITE", value) for value in ("perhaps", "none")),
        *(
            ("CORS_ORIGINS", value)
            for value in ("*", "https://a.example,*", "a.example", "https://a.example/", "null")
        ),
        *(("QUOTA_TZ", value) for value in ("Taipei", "../etc/passwd", "")),
        *((name, "mysql://h/db") for name in ("DATABASE_URL", "DATABASE_READ_URL")),
        *(
            (f"RATE_LIMIT_{who}", value)
            for who in ("USER", "ANONYMOUS", "MEDIA")
            for value in ("many", "0/minute", "")
        ),
        *((name, "short") for name in ("JWT_SECRET_KEY", "JWT_PREVIOUS_SECRET_KEY", "HASH_PEPPER")),
        ("STORAGE_SIGNING_KEY", "x" * 31),
        ("SEALING_KEY", "x" * 31),
        *(("ACCOUNT_ERASURE_AFTER_DAYS", value) for value in ("-1", "30", "soon")),
        *((name, "keys.example") for name in ("GOOGLE_TOKEN_URL", "APPLE_BASE_URL")),
        ("RATE_LIMIT_EXPORTS", "often"),
        ("DEFAULT_ADMIN_ROLE", "user"),
        ("PUBLIC_BASE_URL", "ftp://a.example"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    found = problems(monkeypatch, **{name: value})
    assert len(found) == 1 and found[0].startswith(f"{name}: "), found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "") for name in ("JWT_SECRET_KEY", "STORAGE_SIGNING_KEY", "HASH_PEPPER", "DATABASE_URL")),
        ("SEALING_KEY", ""),
        *((name, "please-changeme-please-changeme-please") for name in ("JWT_SECRET_KEY", "HASH_PEPPER")),
        ("JWT_PREVIOUS_SECRET_KEY", "your-secret-your-secret-your-secret-1"),
        ("DATABASE_URL", "postgresql://kcardswap@db.internal/kcardswap"),
        ("DATABASE_URL", "postgresql://[::1/kcardswap"),
        *(("PUBLIC_BASE_URL", value) for value in ("", "http://api.kcardswap.example")),
        *(
            (name, "http://keys.example")
            for name in ("GOOGLE_JWKS_URL", "GOOGLE_TOKEN_URL", "APPLE_BASE_URL")
        ),
        ("COOKIE_SECURE", "false"),
        ("SQL_ECHO", "true"),
        ("DEV_IDENTITY_PROVIDER", "true"),
        ("CORS_ORIGINS", "*"),
    ],
)
def test_production_refuses_what_is_only_convenient(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    found = problems(monkeypatch, **{**PRODUCTION, name: value})
    assert len(found) == 1 and found[0].startswith(f"{name}: "), found


def test_all_problems_are_listed_in_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(
        monkeypatch,
        ENVIRONMENT="production",
        PORT="many",
        IDEMPOTENCY_TTL_HOURS="x",
        CORS_ORIGINS="*",
        JWT_SECRET_KEY="short",
        LOG_LEVEL="LOUD",
        DEV_IDENTITY_PROVIDER="true",
    )
    named = {problem.partition(":")[0] for problem in found}
    assert named >= {"PORT", "IDEMPOTENCY_TTL_HOURS", "CORS_ORIGINS", "JWT_SECRET_KEY", "LOG_LEVEL"}
    assert named >= {"DEV_IDENTITY_PROVIDER", "STORAGE_SIGNING_KEY", "HASH_PEPPER", "DATABASE_URL"}


def test_problems_never_repeat_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary7"
    found = problems(
        monkeypatch,
        **dict.fromkeys(("JWT_SECRET_KEY", "HASH_PEPPER", "PORT", "ENVIRONMENT", "THREADS"), canary),
        DATABASE_URL=f"mysql://{canary}",
    )
    assert len(found) == 6 and canary not in str(found)


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("", True),
        ("memory://", True),
        ("redis://localhost", True),
        ("redis://limits.internal:6379/0", True),
        ("rediss://user:p%2Fass@limits.internal:6380/15", True),
        ("redis://[::1]:6379/", True),
        ("redis://", False),
        ("redis://localhost:port", False),
        ("redis://localhost:70000", False),
        ("redis://localhost/zero", False),
        ("redis://localhost/0?socket_timeout=60", False),
        ("redis+sentinel://localhost", False),
        ("memcached://localhost:11211", False),
        ("localhost:6379", False),
    ],
)
def test_limits_are_counted_in_memory_or_in_redis(
    monkeypatch: pytest.MonkeyPatch, url: str, accepted: bool
) -> None:
    if accepted:
        assert read(monkeypatch, RATE_LIMIT_STORAGE_URL=url).rate_limit_storage_url == (url or "memory://")
    else:
        (problem,) = problems(monkeypatch, RATE_LIMIT_STORAGE_URL=url)
        assert problem.startswith("RATE_LIMIT_STORAGE_URL: ")


def test_secrets_never_show(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "canary-canary-canary-canary-canary-canary"
    settings = read(
        monkeypatch,
        **dict.fromkeys(
            (
                *("JWT_SECRET_KEY", "JWT_PREVIOUS_SECRET_KEY", "STORAGE_SIGNING_KEY", "HASH_PEPPER"),
                *("SEALING_KEY", "GOOGLE_CLIENT_SECRET"),
            ),
            secret,
        ),
        DATABASE_URL=f"postgresql://u:{secret}@h/db",
        DATABASE_READ_URL=f"postgresql://u:{secret}@h/db",
        DEFAULT_ADMIN_PASSWORD=secret,
        RATE_LIMIT_STORAGE_URL=f"redis://:{secret}@h/0",
    )
    assert "canary" not in repr(settings) and "canary" not in str(settings)


def test_secrets_are_made_once_and_kept_for_the_owner_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = read(monkeypatch), read(monkeypatch)
    made, again = (
        [each.jwt_secret_key, each.storage_signing_key, each.hash_pepper, each.sealing_key]
        for each in (first, second)
    )
    assert made == again
    assert len(set(made)) == 4 and all(len(secret) >= 32 for secret in made)
    kept = tmp_path / "data" / "secrets"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert sorted(path.name for path in kept.iterdir()) == [
        "hash_pepper",
        "jwt_secret_key",
        "sealing_key",
        "storage_signing_key",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o600}


def test_a_given_secret_is_used_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert read(monkeypatch, JWT_SECRET_KEY=RANDOM).jwt_secret_key == RANDOM
    assert not (tmp_path / "data" / "secrets" / "jwt_secret_key").exists()


def test_production_keeps_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    read(monkeypatch, **PRODUCTION)
    assert not (tmp_path / "data").exists()


FIRST_START = """
import os, sys, time
from pathlib import Path
from kcardswap.settings import kept_secret
print("ready", flush=True)
sys.stdin.readline()
print(kept_secret(Path(sys.argv[1]), "jwt_secret_key", lambda: os.urandom(24).hex()))
"""


def test_eight_first_starts_agree_on_one_secret(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FIRST_START, str(tmp_path)]
    starts = [
        subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(8)
    ]
    for start in starts:
        assert start.stdout is not None and start.stdout.readline() == "ready\n"
    for start in starts:
        assert start.stdin is not None
        start.stdin.write("go\n")
        start.stdin.flush()
    made = {start.communicate(timeout=30)[0].strip() for start in starts}
    assert len(made) == 1 and len(made.pop()) == 48
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["jwt_secret_key"]


def test_a_data_directory_that_cannot_be_written_is_a_problem_like_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    found = problems(monkeypatch, DATA_DIR=str(tmp_path / "file" / "data"))
    assert len(found) == 1 and found[0].startswith("DATA_DIR: ")


def test_apple_is_told_who_we_are_with_a_whole_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "AuthKey.p8"
    apple = {"APPLE_TEAM_ID": "TEAM", "APPLE_KEY_ID": "KEY", "APPLE_PRIVATE_KEY_PATH": str(key)}
    wrong = ["APPLE_PRIVATE_KEY_PATH: the .p8 file of a Sign in with Apple key"]
    assert problems(monkeypatch, **apple) == wrong
    for text in ("-----BEGIN PRIVATE KEY-----\n", new_private_key()):
        key.write_text(text)
        assert problems(monkeypatch, **apple) == wrong
    key.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    settings = read(monkeypatch, **apple, APPLE_CLIENT_IDS="app.example, web.example")
    assert settings.apple_client_ids == ("app.example", "web.example")
    assert settings.apple_private_key_path == key
    assert problems(monkeypatch, **{**apple, "APPLE_KEY_ID": ""}) == [
        "APPLE_TEAM_ID, APPLE_KEY_ID, APPLE_PRIVATE_KEY_PATH: all or none"
    ]


S3 = {
    "STORAGE_BACKEND": "s3",
    "S3_ENDPOINT_URL": "https://account.r2.example/",
    "S3_ACCESS_KEY_ID": "AKID",
    "S3_SECRET_ACCESS_KEY": RANDOM,
}


def test_pictures_go_to_the_disk_unless_a_store_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch).storage_backend == "local"
    settings = read(monkeypatch, **PRODUCTION, **S3)
    assert (settings.storage_backend, settings.s3_bucket, settings.s3_region) == ("s3", "kcardswap", "auto")
    assert settings.s3_endpoint_url == "https://account.r2.example"
    assert RANDOM not in repr(settings) and "AKID" not in repr(settings)


def test_a_store_needs_its_keys_and_all_of_them_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(monkeypatch, STORAGE_BACKEND="s3", S3_BUCKET="") == [
        "S3_BUCKET: required with STORAGE_BACKEND=s3",
        "S3_ACCESS_KEY_ID: required with STORAGE_BACKEND=s3",
        "S3_SECRET_ACCESS_KEY: required with STORAGE_BACKEND=s3",
        "S3_REGION: name the region of AWS, or give S3_ENDPOINT_URL",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"STORAGE_BACKEND": "ftp"}, "STORAGE_BACKEND: local or s3"),
        ({"S3_ENDPOINT_URL": "r2.example"}, "S3_ENDPOINT_URL: an http:// or https:// URL"),
        ({"S3_ENDPOINT_URL": ""}, "S3_REGION: name the region of AWS, or give S3_ENDPOINT_URL"),
        (
            {"UPLOAD_URL_TTL_MINUTES": "10081"},
            "UPLOAD_URL_TTL_MINUTES: at most 10080 with STORAGE_BACKEND=s3",
        ),
        ({"READ_URL_TTL_MINUTES": "5041"}, "READ_URL_TTL_MINUTES: at most 5040 with STORAGE_BACKEND=s3"),
    ],
    ids=["backend", "endpoint", "region", "upload", "read"],
)
def test_a_store_that_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str], problem: str
) -> None:
    assert problems(monkeypatch, **{**S3, **change}) == [problem]


def test_production_sends_pictures_over_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {**PRODUCTION, **S3, "S3_ENDPOINT_URL": "http://minio.internal:9000"}
    assert problems(monkeypatch, **plain) == ["S3_ENDPOINT_URL: an https:// URL in production"]


def test_google_play_is_off_until_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch)
    assert settings.google_play_package_name is None and settings.google_play_key_path is None
    assert settings.google_play_product_ids == ("premium_monthly", "premium_yearly")
    assert settings.google_play_base_url == "https://androidpublisher.googleapis.com"
    assert settings.dev_play_store and settings.internal_token is None


def test_google_play_needs_a_package_and_the_key_of_a_service_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone = problems(monkeypatch, GOOGLE_PLAY_PACKAGE_NAME="com.example")
    assert any("both or neither" in problem for problem in alone)
    key = tmp_path / "key.json"
    for content in (None, "", "[1]", "7", '{"client_email": "a"}'):
        if content is not None:
            key.write_text(content)
        [problem] = problems(monkeypatch, GOOGLE_PLAY_SERVICE_ACCOUNT_KEY_PATH=str(key))
        assert problem.startswith("GOOGLE_PLAY_SERVICE_ACCOUNT_KEY_PATH:")
    key.write_text('{"client_email": "a", "private_key": "b", "token_uri": "c"}')
    assert read(monkeypatch).google_play_key_path == key
    monkeypatch.setenv("GOOGLE_PLAY_PRODUCT_IDS", ",")
    listed = problems(monkeypatch, GOOGLE_PLAY_BASE_URL="ftp://play")
    assert [problem.partition(":")[0] for problem in listed] == [
        "GOOGLE_PLAY_PRODUCT_IDS",
        "GOOGLE_PLAY_BASE_URL",
    ]


def test_production_buys_from_the_real_store_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not read(monkeypatch, **PRODUCTION).dev_play_store
    listed = problems(
        monkeypatch,
        DEV_PLAY_STORE="true",
        GOOGLE_PLAY_BASE_URL="http://127.0.0.1:8099",
        INTERNAL_TOKEN="changeme-changeme-changeme-changeme",
    )
    assert {problem.partition(":")[0] for problem in listed} == {
        "DEV_PLAY_STORE",
        "GOOGLE_PLAY_BASE_URL",
        "INTERNAL_TOKEN",
    }


def test_an_internal_token_is_long_and_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(monkeypatch, INTERNAL_TOKEN="short") == ["INTERNAL_TOKEN: at least 32 bytes"]
    assert RANDOM not in repr(read(monkeypatch, INTERNAL_TOKEN=RANDOM))


def test_pushes_are_logged_until_firebase_is_configured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = read(monkeypatch)
    assert settings.fcm_credentials_path is None
    assert settings.fcm_base_url == "https://fcm.googleapis.com"
    key = tmp_path / "key.json"
    for content in (None, "", "[1]", '{"client_email": "a", "private_key": "b", "token_uri": "c"}'):
        if content is not None:
            key.write_text(content)
        [problem] = problems(monkeypatch, FCM_CREDENTIALS_PATH=str(key))
        assert problem.startswith("FCM_CREDENTIALS_PATH:")
    key.write_text('{"client_email": "a", "private_key": "b", "token_uri": "c", "project_id": "d"}')
    assert read(monkeypatch, FCM_BASE_URL="http://127.0.0.1:8098/").fcm_credentials_path == key
    assert problems(monkeypatch, FCM_BASE_URL="ftp://fcm") == ["FCM_BASE_URL: an http:// or https:// URL"]


def test_production_pushes_over_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {**PRODUCTION, "FCM_BASE_URL": "http://127.0.0.1:8098"}
    assert problems(monkeypatch, **plain) == ["FCM_BASE_URL: an https:// URL in production"]
