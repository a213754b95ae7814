"""Signing in and sessions."""

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, Flag, Id, Moment, OkSchema, QueryFlag, Schema, Text
from kcardswap.domain.accounts import Role, SessionClient

TOKEN_EXAMPLE = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjFmMiJ9.eyJzdWIiOiIwMTlhYiJ9.c2lnbmF0dXJl"


class AdminLoginBody(Schema):
    """E-mail address and password of an administrator."""

    email = Text(max=320, required=True, metadata={"example": "admin@kcardswap.com"})
    password = Text(min=8, max=256, trim=False, required=True, metadata={"example": "correct horse battery"})


class GoogleLoginBody(Schema):
    """An ID token made by Google Sign-In."""

    google_token = Text(max=8192, required=True, metadata={"example": TOKEN_EXAMPLE})


class GoogleCallbackBody(Schema):
    """A code Google sent an app that keeps the verifier of its challenge (PKCE)."""

    code = Text(max=2048, required=True, metadata={"example": "4/0AeaYSHB-example"})
    code_verifier = Text(
        min=43, max=128, required=True, metadata={"example": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}
    )
    redirect_uri = Text(max=2048, metadata={"example": "https://app.kcardswap.example/auth/google"})


class GoogleCodeBody(Schema):
    """A code Google sent a web page."""

    code = Text(max=2048, required=True, metadata={"example": "4/0AeaYSHB-example"})
    redirect_uri = Text(
        max=2048,
        metadata={"description": "The origin of the page.", "example": "https://app.kcardswap.example"},
    )


class AppleLoginBody(Schema):
    """What Sign in with Apple gave the app."""

    identity_token = Text(max=8192, required=True, metadata={"example": TOKEN_EXAMPLE})
    authorization_code = Text(
        max=2048,
        metadata={
            "description": "Exchanged for what is revoked when the account is deleted.",
            "example": "c1f0example",
        },
    )
    nonce = Text(
        min=8,
        max=255,
        trim=False,
        metadata={"description": "What the app made up, before hashing.", "example": "n-0S6_WzA2Mj"},
    )


class RefreshBody(Schema):
    """A refresh token; web apps send it as a cookie instead."""

    refresh_token = Text(max=8192, metadata={"example": TOKEN_EXAMPLE})


class LogoutAllBody(Schema):
    """Whether this session may stay."""

    keep_current = Flag(load_default=False, metadata={"example": True})


class TokenSchema(Schema):
    """The tokens of a session."""

    access_token = fields.String(required=True, metadata={"example": TOKEN_EXAMPLE})
    refresh_token = fields.String(required=True, metadata={"example": TOKEN_EXAMPLE})
    token_type = fields.Constant("bearer", required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds.", "example": 900})
    user_id = Id(required=True)
    email = fields.String(required=True, allow_none=True)
    role = Choice(Role, required=True)


class RefreshedSchema(OkSchema):
    """A refreshed session; the token fields are there when the refresh token came in the body."""

    access_token = fields.String()
    refresh_token = fields.String()
    token_type = fields.String(metadata={"example": "bearer"})
    expires_in = fields.Integer(metadata={"description": "Seconds."})
    user_id = Id()
    email = fields.String(allow_none=True)
    role = Choice(Role)


class EndedSchema(OkSchema):
    """How many sessions were ended."""

    ended_count = fields.Integer(required=True)


class SessionSchema(Schema):
    """One live sign-in."""

    id = Id(required=True)
    client = Choice(SessionClient, required=True)
    user_agent = fields.String(required=True, allow_none=True)
    ip_prefix = fields.String(required=True, allow_none=True, metadata={"example": "203.0.113.0/24"})
    created_at = Moment(required=True)
    last_used_at = Moment(required=True)
    expires_at = Moment(required=True)
    current = fields.Boolean(required=True, metadata={"description": "The session of this very request."})


class IdentityTokenQuery(Schema):
    """Whom the development token is about."""

    email = Text(max=320, required=True, metadata={"example": "mina@demo.kcardswap.test"})
    name = Text(max=100, metadata={"example": "Mina"})
    email_verified = QueryFlag(load_default=True, metadata={"example": True})


class IdentityTokenSchema(Schema):
    """A Google-style ID token of the development provider."""

    identity_token = fields.String(required=True)
    provider = fields.Constant("google", required=True)
    expires_in = fields.Integer(required=True, metadata={"example": 600})
