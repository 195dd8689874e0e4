"""How big an operation is, computed in one pass: every fragment is measured once, however often it is spread."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLNamedType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValidationContext,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_object_type,
)

MAX_PAGE_SIZE = 100
"""The largest page that a connection hands out; also what a page size counts that only a variable knows."""
MAX_EACH_SIDE = MAX_PAGE_SIZE // 2
"""How many are shown at most on either side of one in the middle."""
ASSUMED_LIST_SIZE = 10
"""What a list of objects counts that no argument sizes."""
INTROSPECTION_COST = 100
"""What a look at the schema counts, whatever it selects."""
MAX_SIZE_DIGITS = 9
"""A page size written with more digits counts as 10 to the power of this."""
SIZE_ARGUMENTS = frozenset({"first", "last", "ids"})
"""Arguments that say how many objects a field answers with: a number, or the list of what is asked for."""

STEPS_INPUT = "steps"
"""The field of an input that lists what is to be played for the answer, one after the other."""
MAX_STEPS = 50
"""How many of them an input may hold; also what an input counts that only a variable knows."""
BOTH_SIDES_ARGUMENTS = frozenset({"eachSide"})
"""Arguments that say how many objects stand on either side of one in the middle."""

_INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})
_PREVIEW_FIELDS = frozenset({"previewCampaign", "previewProgram"})
"""Fields that may take seconds of a processor each, whatever they select."""


@dataclass(frozen=True, slots=True)
class Measure:
    """The size of a selection with all its fragments expanded.

    ``depth`` is in levels of fields; ``cost`` is the number of values that the answer may hold. A look at the schema
    (``__schema``, ``__type``) is one field, one level deep, and what it selects counts as ``introspection_fields``:
    the schema's size is known, and tools ask for it deeply. ``steps`` are those of dry runs. ``listed_cost`` is, for
    the selection of a connection, what one of those that it lists costs, which comes on top as often as the page is
    large. ``previews`` are fields for which members' histories are judged again.
    """

    depth: int = 0
    top_fields: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    cost: int = 0
    introspection_fields: int = 0
    steps: int = 0
    listed_cost: int = 0
    previews: int = 0

    def beside(self, other: "Measure", directives: int = 0) -> "Measure":
        """Both selections in one selection set; ``directives`` are those on the other itself."""
        return Measure(
            max(self.depth, other.depth),
            self.top_fields + other.top_fields,
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives + directives,
            self.cost + other.cost,
            self.introspection_fields + other.introspection_fields,
            self.steps + other.steps,
            self.listed_cost + other.listed_cost,
            self.previews + other.previews,
        )

    def within(self, field: FieldNode, times: int) -> "Measure":
        """A field that holds this selection, ``times`` over."""
        aliases = self.aliases + (field.alias is not None)
        directives = self.directives + len(field.directives or ())
        if field.name.value in _INTROSPECTION_FIELDS:
            return Measure(1, 1, 1, aliases, directives, INTROSPECTION_COST, self.fields)
        return Measure(
            self.depth + 1,
            1,
            self.fields + 1,
            aliases,
            directives,
            1 + times * self.cost,
            self.introspection_fields,
            self.steps,
            previews=self.previews + (field.name.value in _PREVIEW_FIELDS),
        )

    def paged(self, size: int) -> "Measure":
        """The selection of a connection, with a page of this size."""
        return replace(self, cost=self.cost + size * self.listed_cost, listed_cost=0)


_NOTHING = Measure()


def measure_operations(context: ValidationContext) -> list[tuple[OperationDefinitionNode, Measure]]:
    """Every operation of the document with its size; none when fragments spread each other in a circle.

    Takes time in proportion to the document's length. Unknown names count as plain fields: other rules report them,
    and circles too.
    """
    definitions = context.document.definitions
    fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}
    try:
        order = list(_dependencies_first(context, fragments))
    except CycleError:
        return []
    measurer = _Measurer(context)
    for name in order:
        measurer.add_fragment(fragments[name])
    return [(node, measurer.operation(node)) for node in definitions if isinstance(node, OperationDefinitionNode)]


def _dependencies_first(context: ValidationContext, fragments: Mapping[str, FragmentDefinitionNode]) -> Iterable[str]:
    spreads = {
        name: {spread.name.value for spread in context.get_fragment_spreads(fragment.selection_set)} & fragments.keys()
        for name, fragment in fragments.items()
    }
    return TopologicalSorter(spreads).static_order()


class _Measurer:
    """Measures selections of one document. Recursion is as deep as one definition nests, which the parser bounds."""

    def __init__(self, context: ValidationContext) -> None:
        self._schema = context.schema
        self._fragments: dict[str, tuple[GraphQLNamedType | None, Measure]] = {}

    def add_fragment(self, fragment: FragmentDefinitionNode) -> None:
        on_type = self._schema.get_type(fragment.type_condition.name.value)
        self._fragments[fragment.name.value] = on_type, self._selections(fragment.selection_set, on_type)

    def operation(self, node: OperationDefinitionNode) -> Measure:
        measure = self._selections(node.selection_set, self._schema.get_root_type(node.operation))
        return measure.beside(_NOTHING, directives=len(node.directives or ()))

    def _selections(self, selection_set: SelectionSetNode, parent: GraphQLNamedType | None) -> Measure:
        total = _NOTHING
        # An object has one type, so of what is asked for each type only the costliest can be in the answer.
        costs: Counter[str] = Counter()
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                total = total.beside(self._field(node, parent))
                continue
            on_type, inner = self._fragment(node, parent)
            if is_object_type(on_type):
                costs[on_type.name] += inner.cost
                inner = replace(inner, cost=0)
            total = total.beside(inner, len(node.directives or ()))
        return replace(total, cost=total.cost + max(costs.values(), default=0))

    def _fragment(
        self, node: SelectionNode, parent: GraphQLNamedType | None
    ) -> tuple[GraphQLNamedType | None, Measure]:
        if isinstance(node, InlineFragmentNode):
            on_type = self._schema.get_type(node.type_condition.name.value) if node.type_condition else parent
            return on_type, self._selections(node.selection_set, on_type)
        assert isinstance(node, FragmentSpreadNode)
        return self._fragments.get(node.name.value, (None, _NOTHING))

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> Measure:
        if node.selection_set is None:
            return _NOTHING.within(node, times=1)
        if not is_composite_type(parent) or (definition := self._schema.get_field(parent, node.name.value)) is None:
            return self._selections(node.selection_set, None).within(node, times=1)
        of_type = get_named_type(definition.type)
        inner, times = self._selections(node.selection_set, of_type), _times(node, definition)
        inner = replace(inner, steps=inner.steps + _steps(node, definition))
        if _is_connection(of_type):
            return inner.paged(times).within(node, times=1)
        if _is_connection(parent) and _is_list(definition) and not _sizes(definition):
            # The field that asked for the connection tells how many.
            measure = inner.within(node, times=1)
            return replace(measure, cost=0, listed_cost=measure.cost)
        return inner.within(node, times)


def _times(node: FieldNode, definition: GraphQLField) -> int:
    if both_sides := definition.args.keys() & BOTH_SIDES_ARGUMENTS:
        return 1 + 2 * min(_told_size(node, definition, both_sides), MAX_EACH_SIDE)
    if sized_by := definition.args.keys() & SIZE_ARGUMENTS:
        return _told_size(node, definition, sized_by)
    return ASSUMED_LIST_SIZE if _is_list(definition) else 1


def _steps(node: FieldNode, definition: GraphQLField) -> int:
    """How many steps the field plays for its answer."""
    inputs = {name: get_named_type(argument.type) for name, argument in definition.args.items()}
    stepped = {name for name, of_type in inputs.items() if STEPS_INPUT in getattr(of_type, "fields", ())}
    given = [argument.value for argument in node.arguments or () if argument.name.value in stepped]
    return sum(_steps_in(value) for value in given)


def _steps_in(value: ValueNode) -> int:
    fields = value.fields if isinstance(value, ObjectValueNode) else ()
    listed = next((field.value for field in fields if field.name.value == STEPS_INPUT), None)
    return len(listed.values) if isinstance(listed, ListValueNode) else MAX_STEPS


def _sizes(definition: GraphQLField) -> Collection[str]:
    return definition.args.keys() & (SIZE_ARGUMENTS | BOTH_SIDES_ARGUMENTS)


def _is_list(definition: GraphQLField) -> bool:
    return is_list_type(get_nullable_type(definition.type))


def _is_connection(of_type: GraphQLNamedType | None) -> bool:
    return "pageInfo" in getattr(of_type, "fields", ())


def _told_size(node: FieldNode, definition: GraphQLField, sized_by: Collection[str]) -> int:
    """How many objects the arguments of these names ask for."""
    values = [argument.value for argument in node.arguments or () if argument.name.value in sized_by]
    sizes = [_size(value) for value in values if not isinstance(value, NullValueNode)]
    return max(sizes or _default_sizes(definition.args[name] for name in sized_by), default=MAX_PAGE_SIZE)


def _size(value: ValueNode) -> int:
    if isinstance(value, IntValueNode):
        return max(0, int(value.value)) if len(value.value) <= MAX_SIZE_DIGITS else 10**MAX_SIZE_DIGITS
    return len(value.values) if isinstance(value, ListValueNode) else MAX_PAGE_SIZE


def _default_sizes(arguments: Iterable[GraphQLArgument]) -> list[int]:
    return [argument.default_value for argument in arguments if isinstance(argument.default_value, int)]
