"""What answers of APNs mean.

https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns
"""

from datetime import datetime
from typing import Final

from app.push.http2.answers import Answer
from app.push.providers.provider import Accepted, CredentialsWrong, Gone, Later, Outcome, Refused, TooLarge
from app.push.providers.replies import from_milliseconds, json_object, retry_after_seconds

EXPIRED_TOKEN: Final = CredentialsWrong("ExpiredProviderToken")
TOKEN_UPDATES_PAUSE_SECONDS: Final = 20 * 60.0
"""How long APNs takes no new token after one too many."""
MAX_ID_CHARACTERS: Final = 64
_OK: Final = 200
_SERVER_ERRORS: Final = 500
_UNAVAILABLE: Final = 503

_DEAD: Final = frozenset({"BadDeviceToken", "ExpiredToken", "Unregistered"})
_CREDENTIALS: Final = frozenset(
    {
        "BadCertificate",
        "BadCertificateEnvironment",
        "BadEnvironmentKeyIdInToken",
        "BadTopic",
        "ExpiredProviderToken",
        "Forbidden",
        "InvalidProviderToken",
        "MissingProviderToken",
        "MissingTopic",
        "TopicDisallowed",
        "UnrelatedKeyIdInToken",
    }
)
_LATER: Final = frozenset({"IdleTimeout", "InternalServerError", "ServiceUnavailable", "Shutdown", "TooManyRequests"})
_OF_PROVIDER: Final = frozenset({"ServiceUnavailable", "Shutdown"})
_REFUSED: Final = frozenset(
    {
        "BadCollapseId",
        "BadExpirationDate",
        "BadMessageId",
        "BadPath",
        "BadPriority",
        "DeviceTokenNotForTopic",
        "DuplicateHeaders",
        "InvalidPushType",
        "MethodNotAllowed",
        "MissingDeviceToken",
        "PayloadEmpty",
    }
)


def outcome_of(answer: Answer, now: datetime, *, proven: bool) -> Outcome:
    """What became of a notification. ``now`` bounds what APNs tells of the past.

    A token of the sandbox is bad in production and the other way round. So a bad one counts as dead only where it is
    ``proven`` that we ask the right one.
    """
    if answer.status == _OK:
        return Accepted(answer.headers.get("apns-id", "")[:MAX_ID_CHARACTERS])
    fields = json_object(answer.body)
    reason = fields.get("reason")
    if reason == "BadDeviceToken" and not proven:
        return Refused(str(reason))
    if reason in _DEAD:
        since = from_milliseconds(fields.get("timestamp"))
        return Gone(None if since is None else min(since, now))
    if reason in _CREDENTIALS:
        return CredentialsWrong(str(reason))
    if reason in _LATER:
        return Later(retry_after_seconds(answer.headers), str(reason), of_provider=reason in _OF_PROVIDER)
    if reason in _REFUSED:
        return Refused(str(reason))
    if reason == "PayloadTooLarge":
        return TooLarge()
    if reason == "TooManyProviderTokenUpdates":
        return Later(TOKEN_UPDATES_PAUSE_SECONDS, str(reason), of_provider=True)
    return _of_status(answer)


def _of_status(answer: Answer) -> Outcome:
    """For reasons that APNs did not have when this was written."""
    reason = f"status_{answer.status}"
    match answer.status:
        case 410:
            return Gone(None)
        case 413:
            return TooLarge()
        case 403:
            return CredentialsWrong(reason)
        case 0 | 408 | 429:
            return Later(retry_after_seconds(answer.headers), reason)
        case status if status >= _SERVER_ERRORS:
            return Later(retry_after_seconds(answer.headers), reason, of_provider=status == _UNAVAILABLE)
        case _:
            return Refused(reason)
