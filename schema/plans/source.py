"""The Python that a plan consists of: a function for each object and list of a document, without a loop over fields.

Measured, a generated function makes an object 2.5 times as fast as a loop over its fields does. For an object with a
text that may be null and an object below it, this is written::

    def complete(source, place, run):
        pending = None
        try:
            try:
                v0 = source.name
                if v0 is not None:
                    if not (v0.__class__ is str):
                        v0 = run.deviate(field_2, v0, place)
                        ...
            except Exception as error:
                v0 = run.failed(field_2, error, place)
            ...
        return {'name': v0, 'tier': v1}
"""

from collections.abc import Sequence
from dataclasses import dataclass
from keyword import iskeyword
from types import CoroutineType
from typing import Any

from schema.plans.fields import Complete, PlannedField, Resolver


@dataclass(frozen=True, slots=True)
class Expected:
    """The values of a type that a plan completes itself, as templates of Python with ``{value}`` and ``{place}``.

    ``test`` tells whether a value is one; it is no exception then, and not awaitable. ``result`` is its response.
    ``may_wait`` tells whether that may be a coroutine. A ``nullable`` one is null where the value is None.
    """

    test: str
    result: str
    nullable: bool = True
    may_wait: bool = False


class Namespace:
    """What generated code refers to by name."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {"coroutine": CoroutineType}

    def name(self, kind: str, value: object) -> str:
        """A new name for a value."""
        name = f"{kind}_{len(self._values)}"
        self._values[name] = value
        return name

    def define(self, head: str, body: Sequence[str]) -> Complete:
        """The function with this head and body."""
        defined: dict[str, Complete] = {}
        text = "\n".join((f"def complete({head}, place, run):", *_indented(body)))
        exec(text, self._values, defined)  # noqa: S102 - the text holds names and literals made here, nothing else
        return defined["complete"]


def define_value(namespace: Namespace, field: PlannedField, expected: Expected) -> Complete:
    """A function that completes a value of a field's type."""
    name, type_ = namespace.name("field", field), namespace.name("type", field.type)
    body = [
        *(["if value is None:", "    return None"] if expected.nullable else []),
        f"if {expected.test.format(value='value')}:",
        f"    return {expected.result.format(value='value', place='place')}",
        f"return run.complete({name}, {type_}, value, place)",
    ]
    return namespace.define("value", body)


def define_list(namespace: Namespace, field: PlannedField, type_: object, expected: Expected) -> Complete:
    """A function that completes a list or tuple; ``expected`` is what its items are, and ``type_`` their type."""
    names = f"{namespace.name('field', field)}, {namespace.name('type', type_)}"
    place = "(place, index, None)"
    waits = [
        "if item.__class__ is coroutine:",
        f"    item = run.guard_item({names}, item, {place})",
        "    pending.append(index)",
    ]
    loop = [
        *(["if item is None:", "    results.append(None)", "    continue"] if expected.nullable else []),
        f"if {expected.test.format(value='item')}:",
        "    try:",
        f"        item = {expected.result.format(value='item', place=place)}",
        "    except Exception as error:",
        f"        item = run.failed_item({names}, error, {place})",
        *_indented(waits if expected.may_wait else []),
        "    results.append(item)",
        f"elif run.deviate_item({names}, item, results, {place}):",
        "    pending.append(index)",
    ]
    body = [
        "results = []",
        "pending = []",
        "index = -1",
        "try:",
        "    for index, item in enumerate(values):",
        *_indented(_indented(loop)),
        "except Exception:",
        "    run.abandon((*results, *values[index + 1 :]))",
        "    raise",
        "return run.settle_items(results, pending) if pending else results",
    ]
    return namespace.define("values", body)


def define_object(namespace: Namespace, fields: Sequence[tuple[PlannedField, Resolver, Expected]]) -> Complete:
    """A function that makes the response of an object by these fields, from the object as the source."""
    body = ["pending = None", "try:"]
    for number, (field, resolver, expected) in enumerate(fields):
        body += _indented(_field(namespace, f"v{number}", field, resolver, expected))
    body += _indented([] if fields else ["pass"])
    results = ", ".join(f"{field.key!r}: v{number}" for number, (field, _, _) in enumerate(fields))
    body += [
        "except Exception:",
        "    if pending is not None:",
        "        run.abandon(pending.values())",
        "    raise",
        f"results = {{{results}}}",
        "return results if pending is None else run.settle(results, pending)",
    ]
    return namespace.define("source", body)


def _field(namespace: Namespace, value: str, field: PlannedField, resolver: Resolver, expected: Expected) -> list[str]:
    if field.nodes[0].name.value == "__typename":
        return [f"{value} = {field.parent.name!r}"]
    name = namespace.name("field", field)
    answer = _answer(namespace, resolver)
    waits = [f"if {value}.__class__ is coroutine:", f"    pending = run.wait(pending, {name}, {value}, place)"]
    if resolver.is_async:
        body = [f"{value} = {answer}", *waits]
    else:
        body = [f"{value} = {answer}", *_checked(value, name, field, expected, waits)]
    return [
        "try:",
        *_indented(body),
        "except Exception as error:",
        f"    {value} = run.failed({name}, error, place)",
    ]


def _checked(value: str, name: str, field: PlannedField, expected: Expected, waits: list[str]) -> list[str]:
    deviates = [f"{value} = run.deviate({name}, {value}, place)"]
    place = f"(place, {field.key!r}, {field.parent.name!r})"
    result = expected.result.format(value=value, place=place)
    test = expected.test.format(value=value)
    if result == value:
        checked = [f"if not ({test}):", *_indented([*deviates, *waits])]
    else:
        own = [f"{value} = {result}", *(waits if expected.may_wait else [])]
        checked = [f"if {test}:", *_indented(own), "else:", *_indented([*deviates, *waits])]
    return [f"if {value} is not None:", *_indented(checked)] if expected.nullable else checked


def _answer(namespace: Namespace, resolver: Resolver) -> str:
    """The expression for what a resolver answers to ``source``."""
    if resolver.attribute is not None:
        plain = resolver.attribute.isidentifier() and not iskeyword(resolver.attribute)
        return f"source.{resolver.attribute}" if plain else f"getattr(source, {resolver.attribute!r})"
    if resolver.function is not None and resolver.is_direct and not resolver.is_async:
        given = ["source"] if resolver.takes_source else []
        named = [f"**{namespace.name('arguments', resolver.arguments)}"] if resolver.arguments else []
        return f"{namespace.name('function', resolver.function)}({', '.join([*given, *named])})"
    return f"{namespace.name('call', resolver.call)}(source, place, run)"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
