"""Rule expressions: CEL (Common Expression Language) over declared, typed variables.

A name or type that does not fit is a fault when the program is read, with line and column. At purchase time only
what the free-form attributes hold can still surprise: an expression that fails then counts as not met.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

from cel_expr_python import cel
from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from gamification.expression_faults import ExpressionFault, fault_of

MAX_EXPRESSION_CHARS = 2000

# Variables as they are written: a name, or two with a dot. More that looks like one, such as in a text, does no harm.
_AROUND_DOTS = re.compile(r"\s*\.\s*")
_WORD = re.compile(r"[a-z_]+(?:\.[a-z_]+)?")

_T = cel.Type
_NOW = {"now": _T.TIMESTAMP}
_ACTIVITY = {
    "activity.kind": _T.STRING,
    "activity.amount": _T.DOUBLE,
    "activity.quantity": _T.INT,
    "activity.lines": _T.INT,
    "activity.skus": _T.List(_T.STRING),
    "activity.categories": _T.List(_T.STRING),
    "activity.attributes": _T.Map(_T.STRING, _T.DYN),
    "activity.occurred_at": _T.TIMESTAMP,
    "activity.day": _T.STRING,
    "activity.month": _T.STRING,
    "activity.weekday": _T.STRING,
    "activity.hour": _T.INT,
}
_MEMBER = {
    "member.points": _T.INT,
    "member.points_earned": _T.INT,
    "member.spend": _T.DOUBLE,
    "member.purchases": _T.INT,
    "member.items": _T.INT,
    "member.tier": _T.STRING,
    "member.joined_at": _T.TIMESTAMP,
    "member.attributes": _T.Map(_T.STRING, _T.STRING),
    "member.badges": _T.List(_T.STRING),
    "member.challenges": _T.List(_T.STRING),
}
_ITEM = {"item.sku": _T.STRING, "item.category": _T.STRING, "item.quantity": _T.INT, "item.amount": _T.DOUBLE}
_EFFECT = {"effect.code": _T.STRING, "effect.points": _T.INT}

_ENVIRONMENTS = {
    "activity": cel.NewEnv(variables=_NOW | _ACTIVITY | _MEMBER),
    "item": cel.NewEnv(variables=_NOW | _ACTIVITY | _MEMBER | _ITEM),
    "effect": cel.NewEnv(variables=_NOW | _ACTIVITY | _MEMBER | _EFFECT),
    "member": cel.NewEnv(variables=_NOW | _MEMBER),
}
_NAMES = {
    "activity": (*_NOW, *_ACTIVITY, *_MEMBER),
    "item": (*_NOW, *_ACTIVITY, *_MEMBER, *_ITEM),
    "effect": (*_NOW, *_ACTIVITY, *_MEMBER, *_EFFECT),
    "member": (*_NOW, *_MEMBER),
}


class Values:
    """The values of one moment's variables, each found out when it is first read, for the expressions that read it.

    ``read`` finds out what is not among the ``known`` values; None where a variable has no value at this moment.
    """

    __slots__ = ("_known", "_read")

    def __init__(self, known: Mapping[str, Any], read: Callable[[str], Any | None] | None = None) -> None:
        self._known, self._read = dict(known), read

    def read(self, name: str) -> Any | None:
        """The value of a variable; None where it has none."""
        value = self._known.get(name)
        if value is None and self._read is not None:
            value = self._known[name] = self._read(name)
        return value

    def extended(self, more: Mapping[str, Any]) -> "Values":
        """These values and some more, such as one line item's."""
        return Values({**self._known, **more}, self._read)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled CEL expression. ``scope`` names the variables it may read, ``returns`` its type (BOOL, INT...).

    ``reads`` are the variables that it does read. Binding only those, and not asking CEL at all for what is nothing but
    a variable, is most of what an expression costs.
    """

    source: str
    scope: str
    returns: str
    reads: tuple[str, ...]
    is_variable: bool
    """Whether it is nothing but a variable, whose value is then its own."""
    _compiled: Any = field(compare=False, repr=False)

    @classmethod
    def compile(cls, source: str, scope: str, allowed: tuple[str, ...], needed: str | None = None) -> "Expression":
        """Compile and type-check ``source``; its result must be of an ``allowed`` type, in other words ``needed``.

        Raises:
            ExpressionFault: it does not parse, names something unknown, or has another type.
        """
        if len(source) > MAX_EXPRESSION_CHARS:
            raise ExpressionFault(f"is longer than {MAX_EXPRESSION_CHARS} characters", 1, 1)
        try:
            compiled = _ENVIRONMENTS[scope].compile(source)
        except RuntimeError as error:
            raise fault_of(str(error), source, _NAMES[scope]) from None
        returns = str(compiled.return_type().name())
        if returns not in allowed:
            raise ExpressionFault(f"gives {returns}, but {needed or ' or '.join(allowed)} is needed", 1, 1)
        words = set(_WORD.findall(_AROUND_DOTS.sub(".", source)))
        reads = tuple(name for name in _NAMES[scope] if name in words)
        return cls(source, scope, returns, reads, reads == (source,), compiled)

    def evaluate(self, values: Values) -> Any | None:
        """The result, or None when the attributes at hand make it fail (a missing key, a division by zero)."""
        if self.is_variable:
            return values.read(self.source)
        bound = {name: value for name in self.reads if (value := values.read(name)) is not None}
        result = self._compiled.eval(_ENVIRONMENTS[self.scope].Activation(bound))
        return None if result.type() == _T.ERROR else result.value()

    def holds(self, values: Values) -> bool:
        """Whether a condition is met; one that fails is not."""
        return self.evaluate(values) is True


def _validator(scope: str, *allowed: str, needed: str | None = None) -> PlainValidator:
    def validate(value: object) -> Expression:
        if isinstance(value, Expression):
            return value
        if isinstance(value, bool):
            value = str(value).lower()
        if isinstance(value, int | float | Decimal):
            value = str(value)
        if not isinstance(value, str):
            raise PydanticCustomError("expression", "must be an expression, written as text")
        try:
            return Expression.compile(value, scope, allowed, needed)
        except ExpressionFault as fault:
            faults = [(each.message, each.line, each.column) for each in (fault, *fault.more)]
            raise PydanticCustomError("expression", "{message}", {"message": fault.message, "faults": faults}) from None

    return PlainValidator(validate)


Condition = Annotated[Expression, _validator("activity", "BOOL")]
Formula = Annotated[Expression, _validator("activity", "INT", "DOUBLE")]
BoardScope = Annotated[Expression, _validator("activity", "STRING", "INT", "DYN", needed="a text or a whole number")]
ItemCondition = Annotated[Expression, _validator("item", "BOOL")]
EffectCondition = Annotated[Expression, _validator("effect", "BOOL")]
EffectMeasure = Annotated[Expression, _validator("effect", "INT", "DOUBLE", "STRING", "BOOL")]
MemberMeasure = Annotated[Expression, _validator("member", "INT", "DOUBLE")]
