"""Cases made from the table "Who may call what" in schema/README.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import schema
from schema.principals import Anonymous, MemberPrincipal, Principal, Scope, ServicePrincipal, StaffPrincipal

README = Path(schema.__file__).parent / "README.md"
HEADER = ["Root field", "Anonymous", "Member", "Staff", "Service"]
MEMBER_ID = "member-who-asks"


@dataclass(frozen=True, slots=True)
class Row:
    root_field: str
    anonymous: str
    member: str
    staff: str
    service: str


@dataclass(frozen=True, slots=True)
class Case:
    """One caller on one root field. ``code`` is the expected refusal, None where the call goes through.

    ``own_only``: the call goes through for the caller's own objects only.
    """

    root_field: str
    caller: str
    principal: Principal
    code: str | None
    own_only: bool = False

    def __str__(self) -> str:
        return f"{self.root_field}-{self.caller}"


def read_rows(text: str | None = None) -> list[Row]:
    lines = (text if text is not None else README.read_text(encoding="utf-8")).splitlines()
    tables = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"]
    start = tables.index(HEADER)
    return [Row(*cells) for cells in tables[start + 2 :]]


def cases() -> list[Case]:
    """Every row with every kind of caller, and with a key that has the scope, all the others, or none."""
    return [case for row in read_rows() for case in _cases_of(row)]


def _cases_of(row: Row) -> Iterator[Case]:
    yield Case(row.root_field, "anonymous", Anonymous(), None if row.anonymous == "yes" else "UNAUTHENTICATED")
    member_code = None if row.member in {"yes", "own"} else "FORBIDDEN"
    yield Case(row.root_field, "member", MemberPrincipal(MEMBER_ID), member_code, own_only=row.member == "own")
    yield Case(row.root_field, "staff", StaffPrincipal("staff-1"), None if row.staff == "yes" else "FORBIDDEN")
    wanted = {scope for scope in Scope if row.service == scope.value}
    for caller, scopes, allowed in (
        ("service-with-scope", wanted, bool(wanted)),
        ("service-with-other-scopes", set(Scope) - wanted, False),
        ("service-without-scopes", set[Scope](), False),
    ):
        if caller == "service-with-scope" and not wanted:
            continue
        code = None if allowed or row.service == "yes" else "FORBIDDEN"
        yield Case(row.root_field, caller, ServicePrincipal("key-1", "till", frozenset(scopes)), code)
