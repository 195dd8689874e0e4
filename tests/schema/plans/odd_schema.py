"""A schema in which everything that can go wrong in a response does, and everything that can be asked for is there."""

import asyncio
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, NewType, TypeVar

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig
from strawberry.types.nodes import InlineFragment, SelectedField

from schema.faults import CallerError, MaskedSchema
from schema.limits import DOCUMENT_EXTENSIONS
from schema.scalars import SCALARS, Attributes, BigInt

Fussy = NewType("Fussy", object)
T = TypeVar("T")


@dataclass(slots=True)
class Context:
    """What the resolvers did, in order."""

    log: list[str] = field(default_factory=list)


Info = strawberry.Info[Context, None]


def _fussy(value: object) -> object:
    if value == "refused":
        raise ValueError("the scalar refuses")
    return None if value == "nothing" else f"<{value}>"


@strawberry.enum
class Mood(Enum):
    CALM = "calm"
    WILD = strawberry.enum_value("wild", name="UNTAMED")
    TAME = "tame"


class Stranger:
    """What no type knows."""

    def __repr__(self) -> str:
        return "a stranger"


class Later:
    """Something to be awaited that is no coroutine."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __await__(self) -> Iterator[Any]:
        yield from asyncio.sleep(0).__await__()
        if isinstance(self.value, Exception):
            raise self.value
        return self.value  # type: ignore[return-value]


async def after(turns: int, value: object = None) -> Any:
    """A value, or an exception, some turns of the loop later."""
    for _ in range(turns):
        await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


class Loud(FieldExtension):
    """Changes what comes and goes."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        info.context.log.append(f"loud {sorted(kwargs)}")
        return f"{next_(source, info, **kwargs)}!"

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        info.context.log.append(f"loud async {sorted(kwargs)}")
        return f"{await next_(source, info, **kwargs)}!"


class AsyncOnly(FieldExtension):
    """Makes an async field of a sync resolver."""

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        return f"{await next_(source, info, **kwargs)} later"


class Renames(FieldExtension):
    """Hands other arguments on."""

    def map_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {"text": str(kwargs.get("text")).upper()}


class Never(BasePermission):
    message = "nobody may"

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        return False


class Eventually(BasePermission):
    async def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        return await after(1, True)  # type: ignore[no-any-return]


@strawberry.input
class Part:
    text: str = "part"
    moods: list[Mood] = strawberry.field(default_factory=list)
    at: datetime | None = None
    inner: "Part | None" = strawberry.UNSET


@strawberry.interface
class Named:
    name: str

    @strawberry.field
    def shout(self) -> str:
        return self.name.upper()


@strawberry.interface
class Aged:
    age: int


@strawberry.type
class Cat(Named):
    lives: int = 9
    foe: "Pet | None" = None


@strawberry.type
class Dog(Named, Aged):
    tricks: list[str]

    @strawberry.field
    async def friend(self) -> "Named | None":
        return await after(1, Cat(name="tom"))  # type: ignore[no-any-return]


@strawberry.type
class Fish:
    depth: float = 1.5

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Fish | Stranger)


Pet = Annotated[Cat | Dog | Fish, strawberry.union("Pet")]


@strawberry.type
class Page(Generic[T]):
    items: list[T]
    total: int


def pets() -> list[Any]:
    return [Cat(name="tom"), Dog(name="rex", age=3, tricks=["sit", "roll"]), Fish()]


@strawberry.type
class Thing:
    text: str = "text"
    none: str | None = None
    number: int = 7
    ratio: float = 0.5
    flag: bool = True
    key: strawberry.ID = strawberry.ID("k")
    mood: Mood = Mood.WILD
    at: datetime = datetime(2026, 5, 1, 12, tzinfo=UTC)
    amount: Decimal = Decimal("29.330")
    big: BigInt = BigInt(2**40)
    attributes: Attributes = strawberry.field(default_factory=lambda: Attributes({"a": 1}))
    fussy: Fussy | None = "fine"  # type: ignore[assignment]
    class_: str = strawberry.field(name="class", default="a word of Python")
    depth: strawberry.Private[int] = 3

    # What does not fit its type.
    huge: int = 2**40
    nan: float | None = float("nan")
    whole: float = 3
    counted: int = True
    number_as_text: str = 5  # type: ignore[assignment]
    text_as_number: int | None = "12"  # type: ignore[assignment]
    word_as_number: int | None = "twelve"  # type: ignore[assignment]
    list_as_text: str | None = strawberry.field(default_factory=lambda: ["a"])
    number_as_flag: bool = 1  # type: ignore[assignment]
    key_as_number: strawberry.ID = 5  # type: ignore[assignment]
    mood_as_text: Mood | None = "calm"  # type: ignore[assignment]
    wrong_mood: Mood | None = "angry"  # type: ignore[assignment]
    refused: Fussy | None = "refused"  # type: ignore[assignment]
    nothing: Fussy | None = "nothing"  # type: ignore[assignment]
    must_be: str = None  # type: ignore[assignment]
    an_error: str | None = ValueError("as a value")  # type: ignore[assignment]
    an_error_for_sure: str = ValueError("as a value")  # type: ignore[assignment]
    unset: str | None = strawberry.UNSET
    thing_as_text: "Thing | None" = "no thing"  # type: ignore[assignment]
    later_text: str = strawberry.field(default_factory=lambda: Later("by and by"))
    later_error: str | None = strawberry.field(default_factory=lambda: Later(KeyError("by and by")))

    words: list[str] = strawberry.field(default_factory=lambda: ["a", "b"])
    holes: list[str | None] = strawberry.field(default_factory=lambda: ["a", None, 3, ["x"], ValueError("x"), "b"])
    no_holes: list[str] | None = strawberry.field(default_factory=lambda: ["a", None, "b"])
    grid: list[list[int] | None] = strawberry.field(default_factory=lambda: [[1, 2], None, (3, 2**40), [], "ab"])
    no_list: list[int] | None = 3  # type: ignore[assignment]
    text_as_list: list[str] | None = "abc"  # type: ignore[assignment]
    moods: list[Mood | None] = strawberry.field(default_factory=lambda: [Mood.CALM, "tame", "angry", None])

    @strawberry.field
    def fails(self) -> str | None:
        raise ValueError("it fails")

    @strawberry.field
    def fails_for_sure(self) -> str:
        raise CallerError("FAILS", "it fails for sure", why="always")

    @strawberry.field
    async def fails_later(self, turns: int = 1) -> str | None:
        return await after(turns, ValueError("it fails later"))  # type: ignore[no-any-return]

    @strawberry.field
    async def fails_later_for_sure(self, turns: int = 2) -> str:
        return await after(turns, ValueError("it fails later for sure"))  # type: ignore[no-any-return]

    @strawberry.field
    async def text_later(self, info: Info, turns: int = 1) -> str:
        info.context.log.append(f"later {'/'.join(map(str, info.path.as_list()))}")
        return await after(turns, "later")  # type: ignore[no-any-return]

    @strawberry.field
    async def none_later(self) -> str:
        return await after(1)  # type: ignore[no-any-return]

    @strawberry.field
    def twin(self) -> "Thing":
        return self.below()

    @strawberry.field
    async def twin_later(self, turns: int = 1) -> "Thing | None":
        return await after(turns, self.below())  # type: ignore[no-any-return]

    @strawberry.field
    def sync_twin_later(self) -> "Thing":
        return after(2, self.below())  # type: ignore[return-value]

    @strawberry.field
    def things(self, count: int = 2) -> list["Thing"]:
        return [self.below() for _ in range(min(count, 3))]

    @strawberry.field
    async def things_later(self) -> list["Thing | None"] | None:
        made = [self.below(), None, ValueError("an item"), after(1, self.below()), Later(ValueError("an item later"))]
        return await after(1, made)  # type: ignore[no-any-return]

    @strawberry.field
    def sure_things_later(self) -> list["Thing"] | None:
        return [self.below(), after(1, None), after(3, self.below()), after(2, ValueError("one"))]  # type: ignore[list-item]

    @strawberry.field
    def broken_things(self) -> list["Thing"] | None:
        return [self.below(), after(1, self.below()), 5, after(1, ValueError("never seen"))]  # type: ignore[list-item]

    @strawberry.field
    def generated(self) -> list["Thing"]:
        return (self.below() for _ in range(2))  # type: ignore[return-value]

    @strawberry.field
    def generated_badly(self) -> list["Thing"] | None:
        def generate() -> Iterator[Thing]:
            yield self.below()
            raise ValueError("the generator fails")

        return generate()  # type: ignore[return-value]

    @strawberry.field
    async def streamed(self) -> list["Thing"]:  # type: ignore[misc]
        for _ in range(2):
            yield self.below()

    @strawberry.field
    def streamed_badly(self) -> list[str] | None:
        async def stream() -> AsyncIterator[str]:
            yield "a"
            raise ValueError("the stream fails")

        return stream()  # type: ignore[return-value]

    @strawberry.field
    def tuple_of_words(self) -> list[str]:
        return ("a", "b")  # type: ignore[return-value]

    @strawberry.field
    def pet(self) -> Pet:
        return Dog(name="rex", age=3, tricks=["sit"])

    @strawberry.field
    def pets(self) -> list[Pet]:
        return pets()

    @strawberry.field
    def odd_pets(self) -> list[Pet | None]:
        return [*pets(), None, Stranger(), Page(items=[], total=0), 5, {"name": "x"}, after(1, Cat(name="late"))]

    @strawberry.field
    def cast_pets(self) -> list[Pet]:
        return [strawberry.cast(Cat, types.SimpleNamespace(name="cast", lives=1, foe=None)), *pets()]

    @strawberry.field
    async def named(self) -> list[Named | None]:
        return [*pets()[:2], None, Fish(), Stranger(), strawberry.cast(Cat, Dog(name="d", age=1, tricks=[]))]

    @strawberry.field
    def aged(self) -> Aged | None:
        return Dog(name="rex", age="old", tricks=[])  # type: ignore[arg-type]

    @strawberry.field
    def cat_as_dog(self) -> Dog | None:
        return Cat(name="tom")  # type: ignore[return-value]

    @strawberry.field
    def page(self) -> Page["Thing"]:
        return Page(items=[self.below()], total=1)

    @strawberry.field
    def words_page(self) -> Page[str] | None:
        return Page(items=["a", None], total=1)  # type: ignore[list-item]

    @strawberry.field
    def echo(  # noqa: PLR0917 - as many arguments as there are kinds of them
        self,
        info: Info,
        text: str | None = "unsaid",
        number: int = 3,
        mood: Mood | None = Mood.CALM,
        part: Part | None = None,
        parts: list[Part] | None = None,
        amount: Decimal | None = None,
        ids: list[strawberry.ID] | None = None,
        ratio: float | None = strawberry.UNSET,
    ) -> str:
        info.context.log.append("echo")
        return repr((text, number, mood, part, parts, amount, ids, ratio is strawberry.UNSET or ratio))

    @strawberry.field
    def echo_plainly(self, number: int, text: str | None = None, moods: list[Mood] | None = None) -> str:
        return repr((number, text, moods))

    @strawberry.field
    def spoil(self, words: list[str] = ["fresh"]) -> str:  # noqa: B006 - the point
        words.append("spoilt")
        return repr(words)

    @strawberry.field
    def spoil_attributes(self, attributes: Attributes) -> str:
        attributes[f"spoilt {len(attributes)}"] = True
        return repr(attributes)

    @strawberry.field
    async def looks(self, info: Info) -> str:
        assert isinstance(info.schema, MaskedSchema)
        return repr((info.field_name, info.python_name, info.path.as_list(), info.variable_values, info.query is None))

    @strawberry.field
    def selects(self, info: Info) -> "Thing":
        info.context.log.append(repr([_names(each) for each in info.selected_fields]))
        return self.below()

    @strawberry.field(extensions=[Loud()])  # type: ignore[untyped-decorator]
    def loud(self, text: str = "hey") -> str:
        return text

    @strawberry.field(extensions=[Loud(), Renames()])  # type: ignore[untyped-decorator]
    async def loud_later(self, info: Info, text: str = "hey") -> str:
        return await after(1, f"{text} {info.field_name}")  # type: ignore[no-any-return]

    @strawberry.field(extensions=[AsyncOnly()])  # type: ignore[untyped-decorator]
    def sync_made_async(self, text: str = "sync") -> str:
        return text

    @strawberry.field(permission_classes=[Never])  # type: ignore[untyped-decorator]
    def forbidden(self) -> str | None:
        return "secret"

    @strawberry.field(permission_classes=[Eventually])  # type: ignore[untyped-decorator]
    async def allowed_later(self) -> str:
        return "no secret"

    @strawberry.field
    @staticmethod
    def static(number: int = 1) -> int:
        return number

    @strawberry.field
    @classmethod
    def of_class(cls) -> str:
        return cls.__name__

    @strawberry.field
    def by_parent(parent: strawberry.Parent["Thing"], number: int = 2) -> int:  # noqa: N805
        return parent.number + number

    @strawberry.field
    def by_root(root: "Thing", info: Info) -> str:  # noqa: N805
        return f"{root.text} {info.field_name}"

    def below(self) -> "Thing":
        return Thing(text=f"{self.text}+", depth=self.depth - 1)


@strawberry.type
class Query:
    @strawberry.field
    def thing(self) -> Thing | None:
        return Thing()

    @strawberry.field
    async def thing_later(self, info: Info, turns: int = 1) -> Thing | None:
        info.context.log.append("thing later")
        return await after(turns, Thing())  # type: ignore[no-any-return]

    @strawberry.field
    def sure(self) -> Thing:
        return Thing()

    @strawberry.field
    async def sure_later(self) -> Thing:
        return await after(2, Thing())  # type: ignore[no-any-return]

    @strawberry.field
    def pets(self) -> list[Pet]:
        return pets()


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def write(self, info: Info, text: str, turns: int = 1) -> Thing | None:
        info.context.log.append(f"begin {text}")
        await after(turns)
        info.context.log.append(f"end {text}")
        return Thing(text=text)

    @strawberry.mutation
    def write_at_once(self, info: Info, part: Part) -> Thing:
        info.context.log.append(f"at once {part}")
        return Thing(text=part.text)

    @strawberry.mutation
    async def refuse(self, info: Info) -> Thing | None:
        info.context.log.append("refuse")
        raise CallerError("REFUSED", "no")

    @strawberry.mutation
    async def refuse_for_sure(self, info: Info) -> Thing:
        info.context.log.append("refuse for sure")
        raise CallerError("REFUSED", "no")


def _names(selected: Any) -> Any:
    if isinstance(selected, SelectedField):
        return (selected.name, selected.alias, selected.arguments, selected.directives, _all(selected.selections))
    kind = "inline" if isinstance(selected, InlineFragment) else selected.name
    return (kind, selected.type_condition, selected.directives, _all(selected.selections))


def _all(selections: list[Any]) -> list[Any]:
    return [_names(each) for each in selections]


def odd_schema() -> MaskedSchema:
    scalars = {**SCALARS, Fussy: strawberry.scalar(name="Fussy", serialize=_fussy)}
    return MaskedSchema(
        Query,
        Mutation,
        types=[Dog, Cat],
        extensions=DOCUMENT_EXTENSIONS,
        config=StrawberryConfig(scalar_map=scalars),
    )
