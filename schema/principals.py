"""Who is asking: the four kinds of caller, and the scopes that a service's key can hold."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a service may do; a key holds any set of these."""

    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    ACTIVITIES_WRITE = "activities:write"
    ACTIVITIES_SIMULATE = "activities:simulate"
    POINTS_ADJUST = "points:adjust"
    CAMPAIGNS_WRITE = "campaigns:write"
    NOTICES_READ = "notices:read"
    WEBHOOKS_WRITE = "webhooks:write"
    MESSAGES_SEND = "messages:send"


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A caller who sent no credentials."""


@dataclass(frozen=True, slots=True)
class MemberPrincipal:
    """A member of the program, who reads and changes only their own."""

    member_id: str


@dataclass(frozen=True, slots=True)
class StaffPrincipal:
    """A person who works for the program: a till, the shop floor or member support."""

    staff_id: str


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """A system that calls with an API key; ``name`` is what the operator called the key, for logs and audit."""

    key_id: str
    name: str
    scopes: frozenset[Scope]


Principal = Anonymous | MemberPrincipal | StaffPrincipal | ServicePrincipal


def acting(caller: Principal) -> str:
    """Who acts for the program, as records say: the id of staff, or the name of an API key; empty for anyone else."""
    match caller:
        case StaffPrincipal(staff_id):
            return staff_id
        case ServicePrincipal(name=name):
            return name
    return ""
