"""The campaigns in MongoDB: what each is now, its terms of all times, and everything that ever happened to it.

===============  =====================  ===================================================
Collection       ``_id``                Holds
===============  =====================  ===================================================
campaigns        code                   the state of each, without its terms
campaign_terms   ``code:version``       terms, never changed
campaign_events  number from 1          what happened, when and by whom: audit trail and feed
counters         ``campaign_events``    the number of the last event
allowances       ``code:points:slice``  what is left, see `app.campaigns.allowances`
===============  =====================  ===================================================

Every change is one transaction with its event, whose number is taken within. So numbers have no gaps, and whoever sees
the same last number as before has seen every change.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError
from pymongo import ASCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.campaigns.allowances import Allowances, Key, Slice
from app.campaigns.codec import (
    event_document,
    read_event,
    read_state,
    read_terms,
    state_document,
    terms_document,
    terms_id,
)
from app.stores.blocking import blocking, read_by_ids
from app.stores.connection import Connection, Document
from app.stores.transaction import Session, transact
from gamification.activity import to_milliseconds
from gamification.campaign_changes import NO_DETAILS, Details
from gamification.campaigning import (
    CampaignEvent,
    CampaignRefusal,
    CampaignState,
    Change,
    CodeTaken,
    Origin,
    Repeated,
    TooManyCampaigns,
    Transition,
    UnknownCampaign,
    created,
)
from gamification.contention import insist
from gamification.program.campaigns import Campaign
from gamification.stores import CommitConflict, StoreUnavailable

MAX_PAGE = 500
MAX_CURRENT = 1_000
"""How many campaigns of staff may be drafts, run or be paused at a time. Those of a program are bounded by its file."""
MAX_READ = 2 * MAX_CURRENT
"""How many of all campaigns are read at a time, those that run first."""
MAX_CACHED_TERMS = 2_000
_EVENTS = "campaign_events"

log = logging.getLogger(__name__)

Step = Callable[[CampaignState], Change | Repeated | CampaignRefusal | None]


class CampaignBook:
    """Changes and reads campaigns."""

    def __init__(self, connection: Connection, allowances: Allowances) -> None:
        self._connection = connection
        self._allowances = allowances
        self._states, self._terms = connection["campaigns"], connection["campaign_terms"]
        self._events, self._counters = connection["campaign_events"], connection["counters"]
        self._known_terms: dict[tuple[str, int], Campaign] = {}
        self.unreadable: set[str] = set()
        """Campaigns whose terms could not be read, so that they give nothing; each has been told of once."""

    async def create(
        self, terms: Campaign, origin: Origin, by: str, now: datetime, *, draft: bool, why: Details = NO_DETAILS
    ) -> CampaignState | CodeTaken | TooManyCampaigns:
        """A new campaign, with its allowances; ``why`` joins the details of the event.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        state = created(terms, origin, by, to_milliseconds(now), draft=draft)

        def write(session: Session) -> CampaignState | CodeTaken | TooManyCampaigns:
            known = blocking(self._states).find_one({"_id": terms.code}, session=session)
            if known is not None:
                return CodeTaken(terms.code, known["origin"])
            # Whoever makes another one meanwhile takes the same number for the event, so the count holds.
            current = {"origin": "staff", "status": {"$in": ["draft", "running", "paused"]}}
            if origin == "staff" and blocking(self._states).count_documents(current, session=session) >= MAX_CURRENT:
                return TooManyCampaigns(MAX_CURRENT)
            try:
                blocking(self._states).insert_one(state_document(state), session=session)
            except DuplicateKeyError as error:
                raise CommitConflict from error
            self._write_terms(state, session)
            self._note(Change(state, "created", {"status": state.status, **why}), by, session)
            return state

        return await insist(lambda: transact(self._connection, write))

    async def change(
        self,
        code: str,
        transition: Transition,
        by: str,
        now: datetime,
        why: Details = NO_DETAILS,
    ) -> CampaignState | Repeated | CampaignRefusal | UnknownCampaign:
        """Let a campaign take a step; ``why`` joins the details of the event. Less than is given is refused.

        Raises:
            StoreUnavailable: the store did not answer in time, or others changed the campaign all the while.
        """
        now = to_milliseconds(now)
        changed = await self.step(code, lambda state: transition(state, now), by, now, why)
        assert changed is not None, "a transition ends in a change or a refusal"
        return changed

    async def step(
        self,
        code: str,
        step: Step,
        by: str,
        now: datetime,
        why: Details = NO_DETAILS,
    ) -> CampaignState | Repeated | CampaignRefusal | UnknownCampaign | None:
        """As ``change``, with a step that may find nothing to do; then this is None.

        Raises:
            StoreUnavailable: the store did not answer in time, or others changed the campaign all the while.
        """

        def write(session: Session) -> CampaignState | Repeated | CampaignRefusal | UnknownCampaign | None:
            document = blocking(self._states).find_one({"_id": code}, session=session)
            if document is None:
                return UnknownCampaign(code)
            readable = self._with_terms_within([document], session)
            if not readable:
                raise StoreUnavailable(f"the terms of campaign {code} cannot be read; laurel verify says more")
            [before] = readable
            change = step(before)
            if not isinstance(change, Change):
                return change
            after = replace(change.state, revision=before.revision + 1, changed_at=now)
            if after.version != before.version and (refused := self._allowances.below_within(after.terms, session)):
                return refused
            written = blocking(self._states).replace_one({"_id": code}, state_document(after), session=session)
            if written.matched_count != 1:
                raise CommitConflict
            if after.version != before.version:
                self._write_terms(after, session)
            self._note(replace(change, state=after, details={**change.details, **why}), by, session)
            return after

        return await insist(lambda: transact(self._connection, write))

    async def get(self, codes: Sequence[str]) -> Mapping[str, CampaignState]:
        """The campaigns with these codes, where there are any.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        found = await read_by_ids(self._connection, self._states, codes)
        with self._connection.answering():
            return {state.code: state for state in await self._with_terms(found)}

    async def all(self, after: str = "", limit: int = MAX_PAGE) -> Sequence[CampaignState]:
        """Up to ``limit`` campaigns of any status in the order of their codes, beyond the code ``after``.

        Those whose terms cannot be read are left out.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        limit = min(limit, MAX_PAGE)
        states: list[CampaignState] = []
        with self._connection.answering():
            while missing := limit - len(states):
                found = self._states.find({"_id": {"$gt": after}}).sort("_id", ASCENDING).limit(missing)
                documents = await found.to_list(missing)
                states += await self._with_terms(documents)
                if len(documents) < missing:
                    break
                after = documents[-1]["_id"]
        return states

    async def current(self, now: datetime) -> Sequence[CampaignState]:
        """The campaigns that have not ended, and those of which late activities may still get something.

        Those whose terms cannot be read are left out.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        running = {"status": {"$in": ["running", "paused"]}}
        late = {"status": "ended", "offered_until": {"$gt": now}}
        documents: list[Document] = []
        with self._connection.answering():
            for query in (running, late, {"status": "draft"}):
                room = MAX_READ - len(documents)
                documents += await self._states.find(query).limit(room).to_list(room) if room else []
            return await self._with_terms(documents)

    async def limited(self) -> tuple[Mapping[str, CampaignState | None], Mapping[Key, Sequence[Slice]]]:
        """All campaigns with their slices, of one and the same moment; None for one whose terms cannot be read.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """

        def read(session: Session) -> tuple[Mapping[str, CampaignState | None], Mapping[Key, Sequence[Slice]]]:
            documents = list(blocking(self._states).find(session=session))
            states: dict[str, CampaignState | None] = {document["_id"]: None for document in documents}
            states |= {state.code: state for state in self._with_terms_within(documents, session)}
            return states, self._allowances.slices_within(list(states), session)

        return await transact(self._connection, read)

    async def events(self, after: int, limit: int, code: str | None = None) -> Sequence[CampaignEvent]:
        """Up to ``limit`` events beyond the number ``after``, oldest first; those of one campaign where it is named.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        limit = min(limit, MAX_PAGE)
        with self._connection.answering():
            query = {"_id": {"$gt": after}, **({"campaign": code} if code is not None else {})}
            found = self._events.find(query).sort("_id", ASCENDING).limit(limit)
            return [read_event(document) for document in await found.to_list(limit)]

    async def last_event(self) -> int:
        """The number of the last event; 0 if nothing has happened yet.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            counter = await self._counters.find_one({"_id": _EVENTS})
        return int(counter["last"]) if counter else 0

    async def terms(self, versions: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], Campaign]:
        """The terms with these codes and versions, where they are known.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            return await self._read_terms(versions)

    def forget(self) -> None:
        """Keep no terms in mind: those of a version may be others now, since the database was replaced."""
        self._known_terms.clear()

    async def _with_terms(self, documents: Sequence[Document]) -> Sequence[CampaignState]:
        """The campaigns of these documents. One without sound terms is left out, and told of once: others go on."""
        return self._readable(documents, await self._read_terms(map(_version_of, documents)))

    def _with_terms_within(self, documents: Sequence[Document], session: Session) -> Sequence[CampaignState]:
        """The same in a transaction."""
        known, query = self._known_of(map(_version_of, documents))
        fresh = self._fresh(blocking(self._terms).find(query, session=session)) if query else {}
        return self._readable(documents, {**known, **fresh})

    def _readable(
        self, documents: Sequence[Document], terms: Mapping[tuple[str, int], Campaign]
    ) -> Sequence[CampaignState]:
        versions = list(map(_version_of, documents))
        for code, version in versions:
            if (code, version) not in terms:
                self._tell(code, version)
        return [
            read_state(document, terms[version])
            for document, version in zip(documents, versions, strict=True)
            if version in terms
        ]

    async def _read_terms(self, versions: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Campaign]:
        """Terms never change, so those that are known need not be asked for."""
        known, query = self._known_of(versions)
        return {**known, **self._fresh(await self._terms.find(query).to_list(None))} if query else known

    def _known_of(
        self, versions: Iterable[tuple[str, int]]
    ) -> tuple[Mapping[tuple[str, int], Campaign], Document | None]:
        """The terms that are known, and the query for those that are not, if there are any."""
        wanted = dict.fromkeys(versions)
        terms = dict(self._known_terms)  # As they are now: other threads add to them.
        unknown = [terms_id(*version) for version in wanted if version not in terms]
        query = {"_id": {"$in": unknown}} if unknown else None
        return {version: terms[version] for version in wanted if version in terms}, query

    def _fresh(self, documents: Iterable[Document]) -> Mapping[tuple[str, int], Campaign]:
        """The terms of these documents, which are known from now on."""
        fresh: dict[tuple[str, int], Campaign] = {}
        for each in documents:
            with suppress(ValidationError):  # Whoever needs them tells that they are not known.
                fresh[each["code"], each["version"]] = read_terms(each["terms"])
        if len(self._known_terms) + len(fresh) > MAX_CACHED_TERMS:
            self._known_terms.clear()
        self._known_terms |= fresh
        return fresh

    def _tell(self, code: str, version: int) -> None:
        if code not in self.unreadable and len(self.unreadable) < MAX_READ:
            self.unreadable.add(code)
            log.error(
                "campaign %s gives nothing: its terms, version %d, cannot be read; run laurel verify", code, version
            )

    def _write_terms(self, state: CampaignState, session: Session) -> None:
        document = {
            "_id": terms_id(state.code, state.version),
            "code": state.code,
            "version": state.version,
            "terms": terms_document(state.terms),
        }
        blocking(self._terms).insert_one(document, session=session)
        self._allowances.allot(state.terms, session)

    def _note(self, change: Change, by: str, session: Session) -> None:
        counter = blocking(self._counters).find_one_and_update(
            {"_id": _EVENTS}, {"$inc": {"last": 1}}, upsert=True, return_document=ReturnDocument.AFTER, session=session
        )
        assert counter is not None, "it is made where it is not there"
        state = change.state
        event = CampaignEvent(counter["last"], state.code, change.kind, state.changed_at, by, change.details)
        blocking(self._events).insert_one(event_document(event), session=session)


def _version_of(document: Document) -> tuple[str, int]:
    return document["_id"], document["version"]
