"""sendMessage, pauseBroadcast and resumeBroadcast: for staff."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

import strawberry

from gamification.activity import MAX_KEY_CHARS, Problem, identifier_problems, text_problems, to_milliseconds
from gamification.expression_faults import ExpressionFault
from gamification.notices.broadcasts import Broadcast as Told
from gamification.notices.broadcasts import Broadcasting, BroadcastStatus, message_audience
from gamification.notices.wording import message_values
from gamification.program import Program
from gamification.program.texts import ANY_LANGUAGE, Text
from gamification.requests import IdempotencyConflict as Conflict
from gamification.requests import hash_of
from gamification.schedule import Edition
from schema.campaign_terms import TextInput
from schema.context import Context
from schema.principals import acting
from schema.types.broadcast import Broadcast, BroadcastDone, BroadcastNotFound, show_broadcast
from schema.types.errors import IdempotencyConflict, InvalidInput, conflict, invalid

MAX_TITLE_CHARS = 200
MAX_BODY_CHARS = 1_000
MAX_LINK_CHARS = 500
MAX_CODE_CHARS = 500


@strawberry.input(description="A message to many members. The same key with the same input again is a retry.")
class SendMessageInput:
    """A message to many members."""

    key: str = strawberry.field(description="Made by the caller, and unique for ever among messages.")
    title: list[TextInput] = strawberry.field(description="One line, in every language of the program.")
    body: list[TextInput] = strawberry.field(description="The message, in every language of the program.")
    link: list[TextInput] | None = strawberry.field(default=None, description="Where a tap leads.")
    audience: str | None = strawberry.field(
        default=None,
        description='A condition (CEL) on members, such as `member.tier == "gold"`; everybody if left out.',
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="After that nobody is told any more; as the program says if left out."
    )


@strawberry.input(description="A broadcast.")
class BroadcastInput:
    """A broadcast."""

    code: str = strawberry.field(description="The broadcast's code.")


@strawberry.type(description="It is done.")
class BroadcastSuccess:
    """It is done."""

    broadcast: Broadcast = strawberry.field(description="The broadcast as it is now.")


SendMessageResult: TypeAlias = Annotated[
    BroadcastSuccess | InvalidInput | IdempotencyConflict,
    strawberry.union("SendMessageResult", description="The broadcast that tells the message, or why there is none."),
]
BroadcastResult: TypeAlias = Annotated[
    BroadcastSuccess | BroadcastNotFound | BroadcastDone,
    strawberry.union("BroadcastResult", description="The broadcast as it is now, or why nothing changed."),
]


async def send_message(context: Context, given: SendMessageInput) -> SendMessageResult:
    """Begin to tell many members something."""
    game = context.game
    now = game.now()
    edition = (await game.stores.programs.schedule()).at(now)
    if problems := tuple(_problems(given, edition.program, now)):
        return invalid(*problems)
    message = _message(given, edition, now, acting(context.principal))
    sent = await game.stores.broadcasts.create(message, to_milliseconds(now), _hash(given))
    if sent is None:
        return conflict(Conflict(given.key))
    return BroadcastSuccess(broadcast=show_broadcast(sent, await context.reading()))


async def pause_broadcast(context: Context, given: BroadcastInput) -> BroadcastResult:
    """Tell nobody until it is resumed."""
    return await _turn(context, given.code, "paused")


async def resume_broadcast(context: Context, given: BroadcastInput) -> BroadcastResult:
    """Let a paused one go on where it was."""
    return await _turn(context, given.code, "running")


async def _turn(context: Context, code: str, to: BroadcastStatus) -> BroadcastResult:
    known: Broadcasting | None = None
    if len(code) <= MAX_CODE_CHARS:
        known = await context.game.stores.broadcasts.turn(code, to)
    if known is None:
        message = f"There is no broadcast {code[:MAX_CODE_CHARS]!r}."
        return BroadcastNotFound(code="BROADCAST_NOT_FOUND", message=message)
    if known.status == "done":
        return BroadcastDone(code="BROADCAST_DONE", message=f"The broadcast {code} is done.")
    return BroadcastSuccess(broadcast=show_broadcast(known, await context.reading()))


def _message(given: SendMessageInput, edition: Edition, now: datetime, by: str) -> Told:
    lasting = edition.program.notices.message
    assert lasting is not None, "a problem otherwise"
    link = _text(given.link) if given.link else None
    return Told(
        code=f"message:{given.key}",
        kind="message",
        subject="",
        at=to_milliseconds(now),
        program_version=edition.version,
        values=message_values(_text(given.title), _text(given.body), link),
        expires_at=to_milliseconds(given.expires_at or now + timedelta(hours=lasting.fresh_hours)),
        collapse=lasting.collapse or "",
        audience=given.audience or "",
        by=by,
    )


def _problems(given: SendMessageInput, program: Program, now: datetime) -> Iterator[Problem]:
    """Everything that forbids sending this."""
    yield from identifier_problems("key", given.key, MAX_KEY_CHARS)
    if program.notices.message is None:
        yield Problem("key", "is that of a message, and the program does not declare any among its notices")
    yield from _text_problems("title", given.title, MAX_TITLE_CHARS, program)
    yield from _text_problems("body", given.body, MAX_BODY_CHARS, program)
    if given.link is not None:
        yield from _text_problems("link", given.link, MAX_LINK_CHARS, program)
    if given.audience is not None:
        try:
            message_audience(given.audience)
        except ExpressionFault as fault:
            yield Problem("audience", fault.message)
    if given.expires_at is not None and given.expires_at.tzinfo is None:
        yield Problem("expiresAt", "needs a time zone, such as 2026-05-01T12:00:00Z")
    elif given.expires_at is not None and given.expires_at <= now:
        yield Problem("expiresAt", "must lie in the future")


def _text_problems(path: str, texts: list[TextInput], max_chars: int, program: Program) -> Iterator[Problem]:
    languages = [each.language or ANY_LANGUAGE for each in texts]
    if len(set(languages)) < len(languages):
        yield Problem(path, "has two texts in one language")
    for number, each in enumerate(texts):
        at = f"{path}.{number}"
        if each.language is not None and each.language not in program.languages:
            yield Problem(f"{at}.language", f"must be one of {', '.join(program.languages)}")
        if not each.text.strip():
            yield Problem(f"{at}.text", "must not be empty")
        yield from text_problems(f"{at}.text", each.text, max_chars)
    missing = [language for language in program.languages if language not in languages]
    if missing and ANY_LANGUAGE not in languages:
        yield Problem(path, f"has no text in {', '.join(missing)}")


def _text(texts: list[TextInput]) -> Text:
    return Text({each.language or ANY_LANGUAGE: each.text for each in texts})


def _hash(given: SendMessageInput) -> str:
    texts = {name: getattr(given, name) for name in ("title", "body", "link")}
    return hash_of(
        {
            **{name: None if each is None else sorted(_text(each).root.items()) for name, each in texts.items()},
            "audience": given.audience,
            "expires_at": None if given.expires_at is None else to_milliseconds(given.expires_at).isoformat(),
        }
    )
