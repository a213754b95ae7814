"""Signing in, staying signed in, signing out, and leaving for good."""

from kcardswap.services.accounts.administrators import create_administrator, sign_in_administrator
from kcardswap.services.accounts.deleting import Deletion, delete_account
from kcardswap.services.accounts.erasing import Erasing, claim_due, erase, note_failure
from kcardswap.services.accounts.opening import Device, SignedIn, SignInPolicy
from kcardswap.services.accounts.sessions import (
    end_session,
    note_presence,
    refresh,
    sign_out,
    sign_out_everywhere,
)
from kcardswap.services.accounts.signing_in import (
    denial_hash,
    sign_in_with_apple,
    sign_in_with_google,
    sign_in_with_google_code,
)

__all__ = [
    "Deletion",
    "Device",
    "Erasing",
    "SignInPolicy",
    "SignedIn",
    "claim_due",
    "create_administrator",
    "delete_account",
    "denial_hash",
    "end_session",
    "erase",
    "note_failure",
    "note_presence",
    "refresh",
    "sign_in_administrator",
    "sign_in_with_apple",
    "sign_in_with_google",
    "sign_in_with_google_code",
    "sign_out",
    "sign_out_everywhere",
]
