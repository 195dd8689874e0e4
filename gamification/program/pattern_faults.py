"""What is wrong with a pattern: what cannot be read, and what it names or chooses by that is not there."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from fluent.syntax import ast
from fluent.syntax.visitor import Visitor

from gamification.program.notices import Form
from gamification.program.patterns import BrokenPattern, PatternFault, fault_at, locale_of, parsed
from gamification.values import value

_COUNTED: frozenset[Form] = frozenset({"number", "amount"})
_DATED: frozenset[Form] = frozenset({"day", "time"})
_CODED: frozenset[Form] = frozenset({"tier", "badge", "challenge", "streak", "board", "campaign"})
_CHOOSABLE = _COUNTED | _CODED | {"text"}
_OPTIONS: Mapping[str, tuple[frozenset[Form], frozenset[str]]] = {
    "NUMBER": (
        _COUNTED,
        frozenset({"minimumIntegerDigits", "minimumFractionDigits", "maximumFractionDigits", "useGrouping"}),
    ),
    "DATETIME": (_DATED, frozenset({"dateStyle", "timeStyle"})),
}
"""The functions that there are: what each takes, and its options."""
_STYLES = ("full", "long", "medium", "short")
_MOST_DIGITS = 20


@value(frozen=True, slots=True)
class Scope:
    """What a pattern may name: ``variables`` with their forms, and the ``codes`` there are of each part of a program.

    A ``plain`` one is no text for people but an address, in which nothing is written as a language does.
    """

    variables: Mapping[str, Form]
    codes: Mapping[str, Collection[str]]
    languages: tuple[str, ...]
    plain: bool = False


def pattern_faults(text: str, scope: Scope) -> tuple[PatternFault, ...]:
    """Everything that is wrong with a pattern, in its order; where it cannot be read, the one thing that forbids it."""
    try:
        message = parsed(text)
    except BrokenPattern as broken:
        return (broken.fault,)
    checker = _Checker(text, scope)
    checker.visit(message.value)
    return tuple(sorted(checker.found, key=lambda fault: (fault.line, fault.column)))


class _Checker(Visitor):
    """Goes through a pattern and notes what does not fit its scope."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text, self._scope = text, scope
        self.found: list[PatternFault] = []

    def visit_VariableReference(self, node: ast.VariableReference) -> None:  # noqa: N802
        name = node.id.name
        if name not in self._scope.variables:
            self._note(node, f"there is no ${name} here", name, self._scope.variables)

    def visit_MessageReference(self, node: ast.MessageReference) -> None:  # noqa: N802
        self._note(node, f"'{node.id.name}' is no variable; those begin with $", node.id.name, self._scope.variables)

    def visit_TermReference(self, node: ast.TermReference) -> None:  # noqa: N802
        self._note(node, f"there is no term -{node.id.name}; write the words out")

    def visit_FunctionReference(self, node: ast.FunctionReference) -> None:  # noqa: N802
        name = node.id.name
        if self._scope.plain:
            self._note(node, "an address holds plain values, and no functions")
        elif name not in _OPTIONS:
            self._note(node, f"there is no function {name}", name, _OPTIONS)
        else:
            self._check_call(node, *_OPTIONS[name])

    def visit_SelectExpression(self, node: ast.SelectExpression) -> None:  # noqa: N802
        self.visit(node.selector)
        form = self._form(node.selector)
        if form is not None and form not in _CHOOSABLE:
            self._note(node.selector, "nothing can be chosen by this; choose by a number, or by a part's code")
        for variant in node.variants:
            if isinstance(variant.key, ast.Identifier) and form in _CHOOSABLE:
                self._check_key(variant, variant.key.name, form)
            self.visit(variant.value)

    def _check_call(self, node: ast.FunctionReference, forms: Collection[Form], options: Collection[str]) -> None:
        name, positional = node.id.name, node.arguments.positional
        subject = positional[0] if len(positional) == 1 else None
        if not isinstance(subject, ast.VariableReference):
            self._note(node, f"{name} takes one variable, as in {name}($name)")
            return
        self.visit(subject)
        form = self._form(subject)
        if form is not None and form not in forms:
            what = "a number" if name == "NUMBER" else "a day or a time"
            self._note(subject, f"{name} takes {what}, which ${subject.id.name} is not")
        for option in node.arguments.named:
            self._check_option(option, form, options)

    def _check_option(self, option: ast.NamedArgument, form: Form | None, options: Collection[str]) -> None:
        name, given = option.name.name, option.value
        if name not in options:
            self._note(option, f"there is no option {name}", name, options)
        elif name == "timeStyle" and form == "day":
            self._note(option, "a day has no time; timeStyle is for times")
        elif name in ("dateStyle", "timeStyle"):
            style = given.parse()["value"] if isinstance(given, ast.StringLiteral) else ""
            if style not in _STYLES:
                self._note(option, f"{name} is one of {', '.join(_STYLES)}, in quotes")
        elif not isinstance(given, ast.NumberLiteral) or not 0 <= float(given.value) <= _MOST_DIGITS:
            self._note(option, f"{name} is a number from 0 to {_MOST_DIGITS}")

    def _check_key(self, variant: ast.Variant, key: str, form: Form | None) -> None:
        if form in _COUNTED:
            known = _plural_forms(self._scope.languages)
            if key not in known:
                self._note(variant, f"'{key}' is no plural form of this language", key, known)
        elif form in _CODED and not variant.default and key not in self._scope.codes.get(str(form), ()):
            self._note(variant, f"there is no {form} '{key}'", key, self._scope.codes.get(str(form), ()))

    def _form(self, node: Any) -> Form | None:
        """What a selector or an argument stands for; None where it is a literal, or already told to be wrong."""
        if isinstance(node, ast.FunctionReference) and node.id.name == "NUMBER":
            return "number"
        return self._scope.variables.get(node.id.name) if isinstance(node, ast.VariableReference) else None

    def _note(self, node: ast.SyntaxNode, message: str, misspelt: str = "", known: Collection[str] = ()) -> None:
        at = node.span.start if node.span else 0
        self.found.append(fault_at(self._text, at, message, misspelt, known))


@lru_cache
def _plural_forms(languages: tuple[str, ...]) -> tuple[str, ...]:
    """The plural forms of any of these languages, as CLDR calls them."""
    return tuple(sorted({"other", *(tag for each in languages for tag in locale_of(each).plural_form.tags)}))
