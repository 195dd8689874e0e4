"""What FCM's answers mean: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode."""

from collections.abc import Mapping
from typing import Any, Final

from app.push.http2.answers import Answer
from app.push.providers.provider import Accepted, CredentialsWrong, Gone, Later, Outcome, Refused, TooLarge
from app.push.providers.replies import json_object, retry_after_seconds

UNAUTHENTICATED: Final = CredentialsWrong("UNAUTHENTICATED")
QUOTA_PAUSE_SECONDS: Final = 60.0
"""What FCM asks for where it says 429 without saying how long."""
MAX_ID_CHARACTERS: Final = 200
_FCM_ERROR: Final = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST: Final = "type.googleapis.com/google.rpc.BadRequest"
_TOKEN_FIELD: Final = "message.token"  # noqa: S105 - the name of a field
_SERVER_ERRORS: Final = 500
_UNAVAILABLE: Final = 503


def outcome_of(answer: Answer) -> Outcome:
    """What became of a message."""
    fields = json_object(answer.body)
    if answer.status == 200:  # noqa: PLR2004
        return Accepted(str(fields.get("name", "")).rpartition("/")[2][:MAX_ID_CHARACTERS])
    error = fields.get("error")
    error = error if isinstance(error, dict) else {}
    details = [detail for detail in _list(error.get("details")) if isinstance(detail, dict)]
    code = next((detail.get("errorCode") for detail in details if detail.get("@type") == _FCM_ERROR), None)
    return _of_code(str(code or error.get("status", "")), answer, error, details)


def _of_code(code: str, answer: Answer, error: Mapping[str, Any], details: list[dict[str, Any]]) -> Outcome:
    match code:
        case "UNREGISTERED":
            return Gone(None)
        case "INVALID_ARGUMENT":
            return _of_invalid_argument(str(error.get("message", "")), details)
        case "SENDER_ID_MISMATCH" | "THIRD_PARTY_AUTH_ERROR":
            # Of this token's app, or of Firebase's own access to APNs; other devices are reached all the same.
            return Refused(code)
        case "PERMISSION_DENIED":
            return CredentialsWrong(code)
        case "QUOTA_EXCEEDED" | "RESOURCE_EXHAUSTED":
            after = retry_after_seconds(answer.headers)
            return Later(QUOTA_PAUSE_SECONDS if after is None else after, code, of_provider=True)
        case "UNAVAILABLE":
            return Later(retry_after_seconds(answer.headers), code, of_provider=True)
        case "INTERNAL":
            return Later(retry_after_seconds(answer.headers), code)
        case _:
            return _of_status(answer)


def _of_invalid_argument(message: str, details: list[dict[str, Any]]) -> Outcome:
    """FCM names the token's field, or says in its message alone that the token is none."""
    violations = [
        violation
        for detail in details
        if detail.get("@type") == _BAD_REQUEST
        for violation in _list(detail.get("fieldViolations"))
        if isinstance(violation, dict)
    ]
    if any(violation.get("field") == _TOKEN_FIELD for violation in violations):
        return Gone(None)
    if not violations and "registration token" in message:
        return Gone(None)
    if "too big" in message:
        return TooLarge()
    return Refused("INVALID_ARGUMENT")


def _of_status(answer: Answer) -> Outcome:
    match answer.status:
        case 401:
            return UNAUTHENTICATED
        case 403:
            return CredentialsWrong("PERMISSION_DENIED")
        case 429:
            after = retry_after_seconds(answer.headers)
            return Later(QUOTA_PAUSE_SECONDS if after is None else after, "QUOTA_EXCEEDED", of_provider=True)
        case 0 | 408:
            return Later(None, f"status_{answer.status}")
        case status if status >= _SERVER_ERRORS:
            return Later(retry_after_seconds(answer.headers), f"status_{status}", of_provider=status == _UNAVAILABLE)
        case status:
            return Refused(f"status_{status}")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
