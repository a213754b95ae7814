"""People who read and edit their own profiles over HTTP."""

from typing import Any

from tests.people import Person

SELF_FIELDS = {
    "id",
    "user_id",
    "nickname",
    "avatar_url",
    "bio",
    "region",
    "swap_modes",
    "preferences",
    "privacy_flags",
    "stealth_mode",
    "created_at",
    "updated_at",
}


def own(person: Person) -> dict[str, Any]:
    """Return the person's own profile."""
    answer = person.get("/profile/me")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    data: dict[str, Any] = answer.get_json()["data"]
    return data


def edit(person: Person, **changes: Any) -> dict[str, Any]:
    """Edit the person's own profile and return it."""
    answer = person.put("/profile/me", changes)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    data: dict[str, Any] = answer.get_json()["data"]
    return data
