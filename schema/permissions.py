"""Who may call which root field: the matrix of README.md as data, and the field extension that enforces it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from graphql import GraphQLField
from strawberry import Info, Schema
from strawberry.extensions import FieldExtension
from strawberry.extensions.field_extension import SyncExtensionResolver
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from schema.faults import CallerError
from schema.principals import Anonymous, MemberPrincipal, Principal, Scope, ServicePrincipal, StaffPrincipal

UNAUTHENTICATED = "UNAUTHENTICATED"
"""``extensions.code``: the caller is not known; signing in may help."""
FORBIDDEN = "FORBIDDEN"
"""``extensions.code``: the caller is known and may not do this."""


class Reach(Enum):
    """How far a member gets with a root field; the value is the word in the README's table."""

    NONE = "no"
    OWN = "own"
    ANY = "yes"


@dataclass(frozen=True, slots=True)
class Access:
    """One row of the matrix. ``service`` is the scope that a key needs, or True or False for every key or none."""

    anonymous: bool = False
    member: Reach = Reach.NONE
    staff: bool = False
    service: Scope | bool = False

    def allows(self, principal: Principal) -> bool:
        """Whether this caller may call the field at all; `check_subject` then decides about whom."""
        match principal:
            case MemberPrincipal():
                return self.member is not Reach.NONE
            case Anonymous():
                return self.anonymous
            case StaffPrincipal():
                return self.staff
            case ServicePrincipal(scopes=scopes):
                return self.service in scopes if isinstance(self.service, Scope) else self.service


_PUBLIC = Access(anonymous=True, member=Reach.ANY, staff=True, service=True)
_WITHOUT_SCOPES = (Anonymous(), MemberPrincipal(""), StaffPrincipal(""), ServicePrincipal("", "", frozenset()))
_READ_MEMBERS = Access(member=Reach.OWN, staff=True, service=Scope.MEMBERS_READ)
_RUN_CAMPAIGNS = Access(staff=True, service=Scope.CAMPAIGNS_WRITE)
_RUN_WEBHOOKS = Access(staff=True, service=Scope.WEBHOOKS_WRITE)
_SEND_MESSAGES = Access(staff=True, service=Scope.MESSAGES_SEND)
_SIMULATE = Access(member=Reach.OWN, staff=True, service=Scope.ACTIVITIES_SIMULATE)
_RECORD = Access(staff=True, service=Scope.ACTIVITIES_WRITE)

MATRIX: Mapping[str, Access] = MappingProxyType(
    {
        "program": _PUBLIC,
        "publicProfile": _PUBLIC,
        "leaderboard": _PUBLIC,
        "boards": _PUBLIC,
        "leaderboardChanges": _PUBLIC,
        "campaignEvents": _PUBLIC,
        "campaigns": _PUBLIC,
        "campaign": _PUBLIC,
        "campaignAudit": _RUN_CAMPAIGNS,
        "previewCampaign": _RUN_CAMPAIGNS,
        "previewProgram": Access(staff=True),
        "createCampaign": _RUN_CAMPAIGNS,
        "startCampaign": _RUN_CAMPAIGNS,
        "pauseCampaign": _RUN_CAMPAIGNS,
        "resumeCampaign": _RUN_CAMPAIGNS,
        "endCampaign": _RUN_CAMPAIGNS,
        "extendCampaign": _RUN_CAMPAIGNS,
        "noticeFeed": Access(service=Scope.NOTICES_READ),
        "webhookEndpoints": _RUN_WEBHOOKS,
        "webhookCounts": _RUN_WEBHOOKS,
        "webhookDeliveries": _RUN_WEBHOOKS,
        "createWebhookEndpoint": _RUN_WEBHOOKS,
        "updateWebhookEndpoint": _RUN_WEBHOOKS,
        "rotateWebhookSecret": _RUN_WEBHOOKS,
        "removeWebhookEndpoint": _RUN_WEBHOOKS,
        "redeliverWebhook": _RUN_WEBHOOKS,
        "broadcasts": _SEND_MESSAGES,
        "sendMessage": _SEND_MESSAGES,
        "pauseBroadcast": _SEND_MESSAGES,
        "resumeBroadcast": _SEND_MESSAGES,
        "me": Access(member=Reach.OWN),
        "myEvents": Access(member=Reach.OWN),
        "node": _READ_MEMBERS,
        "nodes": _READ_MEMBERS,
        "member": Access(staff=True, service=Scope.MEMBERS_READ),
        "statement": _READ_MEMBERS,
        "simulateActivity": _SIMULATE,
        "simulateActivities": _SIMULATE,
        "enrolMember": Access(staff=True, service=Scope.MEMBERS_WRITE),
        "recordActivity": _RECORD,
        "recordActivities": _RECORD,
        "reverseActivity": _RECORD,
        "adjustPoints": Access(staff=True, service=Scope.POINTS_ADJUST),
        "extendPoints": Access(staff=True, service=Scope.POINTS_ADJUST),
        "grantTier": Access(staff=True, service=Scope.MEMBERS_WRITE),
        "pauseStreak": Access(member=Reach.OWN, staff=True, service=Scope.MEMBERS_WRITE),
        "mergeMembers": Access(staff=True, service=Scope.MEMBERS_WRITE),
        "unmergeMembers": Access(staff=True, service=Scope.MEMBERS_WRITE),
        "setMemberAttributes": Access(staff=True, service=Scope.MEMBERS_WRITE),
        "updateProfile": Access(member=Reach.OWN, staff=True, service=Scope.MEMBERS_WRITE),
        "setBadgeShowcase": Access(member=Reach.OWN),
        "markRead": Access(member=Reach.OWN),
        "markAllRead": Access(member=Reach.OWN),
        "requestFriend": Access(member=Reach.OWN),
        "acceptFriend": Access(member=Reach.OWN),
        "removeFriend": Access(member=Reach.OWN),
        "blockMember": Access(member=Reach.OWN),
        "unblockMember": Access(member=Reach.OWN),
        "registerDevice": Access(member=Reach.OWN),
        "removeDevice": Access(member=Reach.OWN),
        "setNotificationPreferences": Access(member=Reach.OWN),
        "markOpened": Access(member=Reach.OWN),
        "noticeDeliveries": Access(staff=True),
        "deadDeliveries": Access(staff=True),
        "deliveryCounts": Access(staff=True),
        "requeueDeliveries": Access(staff=True),
    }
)
"""Root field to who may call it. README.md has the same table for people; a test holds the two equal."""


def authorize(root_field: str, principal: Principal) -> None:
    """Let the caller through, or refuse.

    Raises:
        CallerError: with code UNAUTHENTICATED for an anonymous caller and FORBIDDEN for a known one.
        KeyError: The field is not in the matrix, which `check_schema` finds at start.
    """
    if not MATRIX[root_field].allows(principal):
        raise _refusal(root_field, principal)


def check_subject(root_field: str, principal: Principal, member_id: str) -> None:
    """Refuse when the matrix says "own" and the caller is another member than the one the call is about.

    Every resolver that takes a member calls this before it reads or writes anything.

    Raises:
        CallerError: with code FORBIDDEN (UNAUTHENTICATED for an anonymous caller), whether or not that member
            exists.
    """
    authorize(root_field, principal)
    if isinstance(principal, MemberPrincipal) and (
        MATRIX[root_field].member is Reach.OWN and principal.member_id != member_id
    ):
        raise CallerError(FORBIDDEN, f"Members may use {root_field} only for themselves.")


def check_own(field: str, principal: Principal, member_id: str) -> None:
    """Refuse a field of `Member` that is for that member alone to everybody else, staff and services included.

    Raises:
        CallerError: with code FORBIDDEN.
    """
    if not isinstance(principal, MemberPrincipal) or principal.member_id != member_id:
        raise CallerError(FORBIDDEN, f"{field} of a member is for that member alone.")


class RootPermission(FieldExtension):
    """Refuses a root field to callers that the matrix does not allow. Reads ``info.context.principal``."""

    def __init__(self, root_field: str) -> None:
        if root_field not in MATRIX:
            raise ValueError(f"{root_field} has no row in schema.permissions.MATRIX; add one there and in README.md")
        self.root_field = root_field
        self._access = MATRIX[root_field]
        # A look at the caller's type settles every call but those of services with scopes.
        self._open_to = frozenset(type(caller) for caller in _WITHOUT_SCOPES if self._access.allows(caller))

    def resolve(self, next_: SyncExtensionResolver, source: Any, info: Info, **kwargs: Any) -> Any:
        """Check, then resolve."""
        principal: Principal = info.context.principal
        if type(principal) not in self._open_to and not self._access.allows(principal):
            raise _refusal(self.root_field, principal)
        return next_(source, info, **kwargs)

    # Not a coroutine function on purpose: handing the resolver's own awaitable on saves one coroutine for each root
    # field of each request.
    resolve_async = resolve


def permission_for(root_field: str) -> RootPermission:
    """The extension to put on the root field of this GraphQL name: ``extensions=[permission_for("me")]``.

    Raises:
        ValueError: The matrix has no such field.
    """
    return RootPermission(root_field)


def check_schema(schema: Schema) -> None:
    """Make sure that each root field is in the matrix and carries its own permission, and that no row is left over.

    Raises:
        ValueError: with every fault, one a line.
    """
    served = _root_fields(schema)
    missing = MATRIX.keys() - {name for name, _ in served}
    faults = [f"{name} is in the matrix but not in the schema" for name in sorted(missing)]
    for name, graphql_field in served:
        field = graphql_field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
        guards = _guards(field)
        if name not in MATRIX:
            faults.append(f"{name} has no row in schema.permissions.MATRIX")
        elif guards != [name]:
            faults.append(f"{name} needs extensions=[permission_for({name!r})], and has {guards or 'none'}")
    if faults:
        raise ValueError("The schema and its permission matrix differ:\n" + "\n".join(faults))


def _guards(field: StrawberryField) -> list[str]:
    return [extension.root_field for extension in field.extensions if isinstance(extension, RootPermission)]


def _root_fields(schema: Schema) -> list[tuple[str, GraphQLField]]:
    # Pairs, because a query and a subscription may have the same name and each has to be guarded.
    core = schema._schema
    roots = (core.query_type, core.mutation_type, core.subscription_type)
    return [(name, field) for root in roots if root is not None for name, field in root.fields.items()]


def _refusal(root_field: str, principal: Principal) -> CallerError:
    match principal:
        case Anonymous():
            text = f"{root_field} needs a caller who is signed in: send the header Authorization: Bearer <token>."
            return CallerError(UNAUTHENTICATED, text)
        case MemberPrincipal():
            return CallerError(FORBIDDEN, f"{root_field} is not open to members.")
        case StaffPrincipal():
            return CallerError(FORBIDDEN, f"{root_field} is not open to staff.")
        case ServicePrincipal():
            scope = MATRIX[root_field].service
            if isinstance(scope, Scope):
                return CallerError(FORBIDDEN, f"{root_field} needs an API key with the scope {scope.value}.")
            return CallerError(FORBIDDEN, f"{root_field} is not open to API keys.")
