"""Trees into Python's ``ast``: the way back of ``reading``."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Callable
from typing import Any

from codling.errors import InputError
from codling.trees.grammar.asdl import FLAG
from codling.trees.grammar.tree import Tree, Value

__all__ = ["build_ast", "fits"]

Note = Callable[[Tree, Any], None]

_CONTEXTS: dict[str, type[ast.expr_context]] = {
    "target": ast.Store,
    "target_element": ast.Store,
    "place": ast.Store,
    "deleted": ast.Del,
}
"Contexts by the type of a slot; all others are read from."


def build_ast(tree: Tree, note: Note | None = None) -> ast.Module:
    """The module that a tree stands for, without positions.

    Args:
        note: told what each node was built into: a node of ``ast``, a tuple of some, a number or a name.

    Raises:
        InputError: no tree of a module; a token whose text is none of its type, such as a name with a space; syntax
            that the running Python does not have; or nesting too deep for Python's own recursion.
    """
    try:
        module = _build(tree, "module", note or _nothing)
    except RecursionError:
        raise InputError("the program is nested too deeply") from None
    if not isinstance(module, ast.Module):
        raise InputError(f"a program is a module, not a {tree.production.name}")
    return module


def fits(text: str, type_name: str) -> bool:
    """Whether a text can be a token of a type."""
    try:
        _TOKENS[type_name](text)
    except InputError:
        return False
    return type_name not in ("identifier", "dotted") or not any(keyword.iskeyword(part) for part in text.split("."))


def _nothing(_: Tree, __: Any) -> None:
    pass


def _build(value: Value, type_name: str, note: Note) -> Any:
    if isinstance(value, str):
        return _TOKENS[type_name](value)
    name = value.production.constructor.name
    fields: dict[str, Any] = {}
    for field in value.production.constructor.fields:
        child = value.child(field.name)
        if field.type == FLAG:
            fields[field.name] = int(field.name in value.production.present)
        elif isinstance(child, tuple):
            fields[field.name] = [_build(each, field.type, note) for each in child]
        elif child is None:
            fields[field.name] = [] if field.many else None
        else:
            fields[field.name] = _build(child, field.type, note)
    special = _SPECIAL.get(name)
    if special is not None:
        built = special(fields)
    else:
        if name in ("Name", "Attribute", "Subscript", "Starred", "List", "Tuple"):
            fields["ctx"] = _CONTEXTS.get(type_name, ast.Load)()
        built = _node(name, fields)
    note(value, built)
    return built


def _node(name: str, fields: dict[str, Any]) -> ast.AST:
    made: type[ast.AST] | None = getattr(ast, name, None)
    lacking = [field for field, value in fields.items() if value and (made is None or field not in made._fields)]
    if made is None or lacking:
        what = ".".join([name, *lacking[:1]])
        raise InputError(f"this Python has no {what}: it came with a later version")
    return made(**{field: value for field, value in fields.items() if field in made._fields})


def _identifier(text: str) -> str:
    if not text.isidentifier():
        raise InputError(f"{text!r} is no name")
    return text


def _dotted(text: str) -> str:
    for part in text.split("."):
        _identifier(part)
    return text


def _bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise InputError(f"{text!r} is no text of bytes") from None


def _number(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            raise InputError(f"{text!r} is no number") from None
        if text[:1] in "+-" or value != value:  # a sign is an operator, and nan a name
            raise InputError(f"{text!r} is no number that a program can write")
        return value

    return read


def _level(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"{text!r} is no count of dots")
    return int(text)


_TOKENS: dict[str, Callable[[str], Any]] = {
    "identifier": _identifier,
    "dotted": _dotted,
    "string": str,
    "bytes": _bytes,
    "int": _number(lambda text: int(text, 16 if text.startswith("0x") else 10)),
    "float": _number(float),
    "complex": _number(lambda text: complex(0, float(text))),
    "level": _level,
}


def _arguments(fields: dict[str, Any]) -> ast.arguments:
    """Parameters arrive as pairs of an ast.arg and its default."""
    before, after = fields["posonlyargs"] + fields["posonlydefaults"], fields["args"] + fields["defaults"]
    return ast.arguments(
        posonlyargs=[arg for arg, _ in before],
        args=[arg for arg, _ in after],
        vararg=fields["vararg"] and fields["vararg"][0],
        kwonlyargs=[arg for arg, _ in fields["kwonlyargs"]],
        kw_defaults=[default for _, default in fields["kwonlyargs"]],
        kwarg=fields["kwarg"] and fields["kwarg"][0],
        defaults=[default for _, default in before + after if default is not None],
    )


def _parameter(fields: dict[str, Any]) -> tuple[ast.arg, ast.expr | None]:
    return ast.arg(arg=fields["arg"], annotation=fields.get("annotation")), fields.get("default")


def _no_arguments() -> ast.arguments:
    return ast.arguments(posonlyargs=[], args=[], vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=[])


def _with_arguments(name: str) -> Callable[[dict[str, Any]], ast.AST]:
    return lambda fields: _node(name, fields | {"args": fields["args"] or _no_arguments()})


def _constant(value: Any = None, kind: str | None = None) -> Callable[[dict[str, Any]], ast.Constant]:
    return lambda fields: ast.Constant(value=fields.get("value", value), kind=kind)


def _import(relative: bool, star: bool) -> Callable[[dict[str, Any]], ast.ImportFrom]:
    def build(fields: dict[str, Any]) -> ast.ImportFrom:
        names = [ast.alias(name="*", asname=None)] if star else fields["names"]
        return ast.ImportFrom(module=fields["module"], names=names, level=fields["level"] if relative else 0)

    return build


def _in_context(name: str, context: type[ast.expr_context]) -> Callable[[dict[str, Any]], ast.AST]:
    return lambda fields: _node(name, fields | {"ctx": context()})


def _match_as(fields: dict[str, Any]) -> ast.MatchAs:
    return ast.MatchAs(pattern=fields.get("pattern"), name=fields.get("name"))


_SPECIAL: dict[str, Callable[[dict[str, Any]], Any]] = {
    "Module": lambda fields: ast.Module(body=fields["body"], type_ignores=[]),
    "FunctionDef": _with_arguments("FunctionDef"),
    "AsyncFunctionDef": _with_arguments("AsyncFunctionDef"),
    "Lambda": _with_arguments("Lambda"),
    "arguments": _arguments,
    "lambda_arguments": _arguments,
    "parameter": _parameter,
    "default_parameter": _parameter,
    "star_parameter": _parameter,
    "bare": _parameter,
    "default_bare": _parameter,
    "Declare": lambda fields: ast.AnnAssign(
        target=ast.Name(id=fields["name"], ctx=ast.Store()),
        annotation=fields["annotation"],
        value=fields["value"],
        simple=1,
    ),
    "AnnAssign": lambda fields: ast.AnnAssign(simple=0, **fields),
    "Reraise": lambda _: ast.Raise(exc=None, cause=None),
    "TryFinally": lambda fields: ast.Try(handlers=[], orelse=[], **fields),
    "ExceptAll": lambda fields: ast.ExceptHandler(type=None, name=None, **fields),
    "ImportFrom": _import(relative=False, star=False),
    "ImportAll": _import(relative=False, star=True),
    "ImportRelative": _import(relative=True, star=False),
    "ImportAllRelative": _import(relative=True, star=True),
    "module_alias": lambda fields: ast.alias(**fields),
    "bound_name": lambda fields: fields["name"],
    "BoolOp": lambda fields: ast.BoolOp(op=fields["op"], values=[fields["first"], *fields["rest"]]),
    "NamedExpr": lambda fields: ast.NamedExpr(
        target=ast.Name(id=fields["target"], ctx=ast.Store()), value=fields["value"]
    ),
    "TypeAlias": lambda fields: _node("TypeAlias", fields | {"name": ast.Name(id=fields["name"], ctx=ast.Store())}),
    "Compare": lambda fields: ast.Compare(
        left=fields["left"], ops=[op for op, _ in fields["rest"]], comparators=[right for _, right in fields["rest"]]
    ),
    "comparison": lambda fields: (fields["op"], fields["right"]),
    "Dict": lambda fields: ast.Dict(
        keys=[key for key, _ in fields["items"]], values=[value for _, value in fields["items"]]
    ),
    "Pair": lambda fields: (fields["key"], fields["value"]),
    "Unpacked": lambda fields: (None, fields["value"]),
    "keywords": lambda fields: ast.keyword(arg=None, **fields),
    "Str": _constant(),
    "UStr": _constant(kind="u"),
    "Bytes": _constant(),
    "Int": _constant(),
    "Float": _constant(),
    "Complex": _constant(),
    "JoinedText": _constant(),
    "None": _constant(None),
    "True": _constant(True),
    "False": _constant(False),
    "Ellipsis": _constant(...),
    "ToStr": lambda _: ord("s"),
    "ToRepr": lambda _: ord("r"),
    "ToAscii": lambda _: ord("a"),
    "FormattedValue": lambda fields: ast.FormattedValue(
        value=fields["value"], conversion=fields["conversion"] or -1, format_spec=fields["format_spec"]
    ),
    "FormatSpec": lambda fields: ast.JoinedStr(**fields),
    "TupleTarget": _in_context("Tuple", ast.Store),
    "ListTarget": _in_context("List", ast.Store),
    "StarredTarget": _in_context("Starred", ast.Store),
    "TupleDeleted": _in_context("Tuple", ast.Del),
    "ListDeleted": _in_context("List", ast.Del),
    "IndexTuple": _in_context("Tuple", ast.Load),
    "QualifiedName": _in_context("Name", ast.Load),
    "QualifiedAttribute": _in_context("Attribute", ast.Load),
    "Negative": lambda fields: ast.UnaryOp(op=ast.USub(), **fields),
    "ComplexSum": lambda fields: ast.BinOp(**fields),
    "MatchSingleton": lambda fields: ast.MatchSingleton(value=fields["value"].value),
    "MatchAny": _match_as,
    "MatchName": _match_as,
    "MatchOr": lambda fields: ast.MatchOr(patterns=[fields["first"], *fields["rest"]]),
    "MatchMapping": lambda fields: ast.MatchMapping(
        keys=[key for key, _ in fields["items"]], patterns=[each for _, each in fields["items"]], rest=fields["rest"]
    ),
    "mapping_item": lambda fields: (fields["key"], fields["pattern"]),
    "MatchClass": lambda fields: ast.MatchClass(
        cls=fields["cls"],
        patterns=fields["patterns"],
        kwd_attrs=[name for name, _ in fields["keywords"]],
        kwd_patterns=[each for _, each in fields["keywords"]],
    ),
    "keyword_pattern": lambda fields: (fields["attr"], fields["pattern"]),
}
