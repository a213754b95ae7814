"""Notifications: what people are told of what others did, in words of their language, on their devices."""

from kcardswap.domain.notifications.entity import (
    DEVICES_PER_PERSON,
    Device,
    DevicePlatform,
    Notification,
    NotificationStored,
    NotificationType,
    hash_of,
)
from kcardswap.domain.notifications.pushes import DeviceToken, Push, PushFailed, PushOutcome, Unpushed
from kcardswap.domain.notifications.rules import RULES, Draft, drafts_of
from kcardswap.domain.notifications.texts import SUBJECTS, TEXTS, Language, Text, language_of, text_of

__all__ = [
    "DEVICES_PER_PERSON",
    "RULES",
    "SUBJECTS",
    "TEXTS",
    "Device",
    "DevicePlatform",
    "DeviceToken",
    "Draft",
    "Language",
    "Notification",
    "NotificationStored",
    "NotificationType",
    "Push",
    "PushFailed",
    "PushOutcome",
    "Text",
    "Unpushed",
    "drafts_of",
    "hash_of",
    "language_of",
    "text_of",
]
