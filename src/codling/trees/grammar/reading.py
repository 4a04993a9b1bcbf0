"""Python's ``ast`` into trees."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from codling.errors import InputError
from codling.trees.grammar.asdl import FLAG
from codling.trees.grammar.python import PYTHON
from codling.trees.grammar.tree import Tree, Value

__all__ = ["hex_above", "read_ast"]

Fields = dict[str, Any]
"A node as the grammar has it: ast nodes, lists of them or texts by field; what is empty or None is not there."

_MAX_DECIMAL_BITS = 14_000  # Python refuses to print longer integers in decimal (4,300 digits), not in hexadecimal


def read_ast(module: ast.Module) -> Tree:
    """A tree for a parsed module. Type comments are no part of it.

    Raises:
        InputError: a node that the grammar does not know, or nesting too deep for Python's own recursion.
    """
    try:
        return _read(module, "module")
    except RecursionError:
        raise InputError("the program is nested too deeply") from None


def hex_above(number: int) -> str:
    """An integer's text: decimal, or hexadecimal where Python refuses to print decimals."""
    return str(number) if number.bit_length() < _MAX_DECIMAL_BITS else hex(number)


def _read(node: Any, type_name: str) -> Tree:
    name, fields = _as_grammar(node, type_name)
    constructor = PYTHON.constructors.get(name)
    if constructor is None or constructor not in PYTHON.types[type_name]:
        raise InputError(f"the grammar has no {type(node).__name__} where a {type_name} is due")
    present = {each.name for each in constructor.fields if each.optional and fields.get(each.name) not in (None, [], 0)}
    production = PYTHON.production(name, present)
    children: list[Value | tuple[Value, ...]] = []
    for field in production.fields:
        value = fields[field.name]
        if field.many:
            children.append(tuple(_value(each, field.type) for each in value))
        else:
            children.append(_value(value, field.type))
    return Tree(production, tuple(children))


def _value(value: Any, type_name: str) -> Value:
    if type_name in PYTHON.tokens:
        assert isinstance(value, str)
        return value
    assert type_name != FLAG
    return _read(value, type_name)


def _as_grammar(node: Any, type_name: str) -> tuple[str, Fields]:
    """The constructor that a node is at such a place, and its fields in the grammar's names."""
    if isinstance(node, _Made):
        return node.name, node.fields
    name = type(node).__name__
    special = _SPECIAL.get(name)
    if special is not None:
        return special(node, type_name)
    return _RENAMED.get((name, type_name), name), {field: getattr(node, field, None) for field in node._fields}


class _Made:
    """A node that the grammar has and ``ast`` does not."""

    def __init__(self, name: str, /, **fields: Any) -> None:
        self.name, self.fields = name, fields


_RENAMED = {
    **{("Tuple", name): "TupleTarget" for name in ("target", "target_element")},
    **{("List", name): "ListTarget" for name in ("target", "target_element")},
    ("Starred", "target_element"): "StarredTarget",
    ("Tuple", "deleted"): "TupleDeleted",
    ("List", "deleted"): "ListDeleted",
    ("Tuple", "index"): "IndexTuple",
    ("JoinedStr", "format_spec"): "FormatSpec",
    ("alias", "module_alias"): "module_alias",
    ("Name", "qualified"): "QualifiedName",
    **{("Attribute", name): "QualifiedAttribute" for name in ("qualified", "constant", "mapping_key")},
    **{("UnaryOp", name): "Negative" for name in ("signed", "constant", "mapping_key")},
    **{("BinOp", name): "ComplexSum" for name in ("constant", "mapping_key")},
}


def _constant(node: ast.Constant, type_name: str) -> tuple[str, Fields]:
    value = node.value
    if value is None or value is True or value is False:
        return str(value), {}
    if value is Ellipsis:
        return "Ellipsis", {}
    if isinstance(value, str):
        if type_name == "joined":
            return "JoinedText", {"value": value}
        return ("Str" if node.kind is None else "UStr"), {"value": value}
    if isinstance(value, bytes):
        return "Bytes", {"value": value.decode("latin-1")}
    if isinstance(value, int):
        return "Int", {"value": hex_above(value)}
    if isinstance(value, float):
        return "Float", {"value": repr(value)}
    assert isinstance(value, complex)
    return "Complex", {"value": repr(value.imag)}


def _module(node: ast.Module, _: str) -> tuple[str, Fields]:
    return "Module", {"body": node.body}


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, _: str) -> tuple[str, Fields]:
    fields = {field: getattr(node, field, None) for field in node._fields}
    return type(node).__name__, fields | {"args": _arguments(node.args, "parameter")}


def _lambda(node: ast.Lambda, _: str) -> tuple[str, Fields]:
    return "Lambda", {"args": _arguments(node.args, "bare"), "body": node.body}


def _arguments(node: ast.arguments, kind: str) -> _Made | None:
    """Parameters with their defaults; None when there are none at all."""

    def made(arg: ast.arg, default: ast.expr | None = None, prefix: str = "") -> _Made:
        if default is not None:
            return _Made(f"default_{kind}", arg=arg.arg, annotation=arg.annotation, default=default)
        return _Made(prefix + kind, arg=arg.arg, annotation=arg.annotation)

    positional = node.posonlyargs + node.args
    without = len(positional) - len(node.defaults)
    defaults: list[ast.expr | None] = [None] * without + list(node.defaults)
    params = [made(arg, default) for arg, default in zip(positional, defaults, strict=True)]
    slash = len(node.posonlyargs)
    fields = {
        "posonlyargs": params[: min(slash, without)],
        "posonlydefaults": params[without:slash],
        "args": params[slash:without],
        "defaults": params[max(slash, without) :],
        "vararg": node.vararg and made(node.vararg, prefix="star_" if kind == "parameter" else ""),
        "kwonlyargs": [made(*pair) for pair in zip(node.kwonlyargs, node.kw_defaults, strict=True)],
        "kwarg": node.kwarg and made(node.kwarg),
    }
    return _Made("arguments" if kind == "parameter" else "lambda_arguments", **fields) if any(fields.values()) else None


def _ann_assign(node: ast.AnnAssign, _: str) -> tuple[str, Fields]:
    fields = {"target": node.target, "annotation": node.annotation, "value": node.value}
    if node.simple and isinstance(node.target, ast.Name):
        return "Declare", fields | {"name": node.target.id}
    return "AnnAssign", fields


def _raise(node: ast.Raise, _: str) -> tuple[str, Fields]:
    return ("Reraise", {}) if node.exc is None else ("Raise", {"exc": node.exc, "cause": node.cause})


def _try(node: ast.Try, _: str) -> tuple[str, Fields]:
    fields = {field: getattr(node, field) for field in node._fields}
    return ("Try" if node.handlers else "TryFinally"), fields


def _handler(node: ast.ExceptHandler, _: str) -> tuple[str, Fields]:
    if node.type is None:
        return "ExceptAll", {"body": node.body}
    return "ExceptHandler", {"type": node.type, "name": node.name, "body": node.body}


def _import_from(node: ast.ImportFrom, _: str) -> tuple[str, Fields]:
    star = [alias.name for alias in node.names] == ["*"]
    name = ("ImportAll" if star else "Import") + ("Relative" if node.level else "" if star else "From")
    return name, {"module": node.module, "names": node.names, "level": str(node.level)}


def _names(node: ast.Global | ast.Nonlocal, _: str) -> tuple[str, Fields]:
    return type(node).__name__, {"names": [_Made("bound_name", name=name) for name in node.names]}


def _bool_op(node: ast.BoolOp, _: str) -> tuple[str, Fields]:
    return "BoolOp", {"op": node.op, "first": node.values[0], "rest": node.values[1:]}


def _named(node: ast.NamedExpr, _: str) -> tuple[str, Fields]:
    return "NamedExpr", {"target": node.target.id, "value": node.value}


def _type_alias(node: Any, _: str) -> tuple[str, Fields]:
    return "TypeAlias", {"name": node.name.id, "type_params": node.type_params, "value": node.value}


def _compare(node: ast.Compare, _: str) -> tuple[str, Fields]:
    pairs = zip(node.ops, node.comparators, strict=True)
    return "Compare", {"left": node.left, "rest": [_Made("comparison", op=op, right=right) for op, right in pairs]}


def _dict(node: ast.Dict, _: str) -> tuple[str, Fields]:
    items = [
        _Made("Unpacked", value=value) if key is None else _Made("Pair", key=key, value=value)
        for key, value in zip(node.keys, node.values, strict=True)
    ]
    return "Dict", {"items": items}


def _keyword(node: ast.keyword, _: str) -> tuple[str, Fields]:
    return ("keywords" if node.arg is None else "keyword"), {"arg": node.arg, "value": node.value}


_CONVERSIONS = {ord("s"): "ToStr", ord("r"): "ToRepr", ord("a"): "ToAscii"}


def _formatted(node: ast.FormattedValue, _: str) -> tuple[str, Fields]:
    conversion = None if node.conversion == -1 else _Made(_CONVERSIONS[node.conversion])
    return "FormattedValue", {"value": node.value, "conversion": conversion, "format_spec": node.format_spec}


def _match_singleton(node: ast.MatchSingleton, _: str) -> tuple[str, Fields]:
    return "MatchSingleton", {"value": _Made(str(node.value))}


def _match_as(node: ast.MatchAs, _: str) -> tuple[str, Fields]:
    if node.name is None:
        return "MatchAny", {}
    name = "MatchName" if node.pattern is None else "MatchAs"
    return name, {"name": node.name, "pattern": node.pattern}


def _match_or(node: ast.MatchOr, _: str) -> tuple[str, Fields]:
    return "MatchOr", {"first": node.patterns[0], "rest": node.patterns[1:]}


def _pairs(name: str, keys: Sequence[Any], key: str, patterns: Sequence[ast.pattern]) -> list[_Made]:
    return [_Made(name, **{key: one}, pattern=other) for one, other in zip(keys, patterns, strict=True)]


def _match_mapping(node: ast.MatchMapping, _: str) -> tuple[str, Fields]:
    return "MatchMapping", {"items": _pairs("mapping_item", node.keys, "key", node.patterns), "rest": node.rest}


def _match_class(node: ast.MatchClass, _: str) -> tuple[str, Fields]:
    keywords = _pairs("keyword_pattern", node.kwd_attrs, "attr", node.kwd_patterns)
    return "MatchClass", {"cls": node.cls, "patterns": node.patterns, "keywords": keywords}


_SPECIAL: dict[str, Callable[[Any, str], tuple[str, Fields]]] = {
    "Constant": _constant,
    "Module": _module,
    "FunctionDef": _function,
    "AsyncFunctionDef": _function,
    "Lambda": _lambda,
    "AnnAssign": _ann_assign,
    "Raise": _raise,
    "Try": _try,
    "ExceptHandler": _handler,
    "ImportFrom": _import_from,
    "Global": _names,
    "Nonlocal": _names,
    "BoolOp": _bool_op,
    "NamedExpr": _named,
    "TypeAlias": _type_alias,
    "Compare": _compare,
    "Dict": _dict,
    "keyword": _keyword,
    "FormattedValue": _formatted,
    "MatchSingleton": _match_singleton,
    "MatchAs": _match_as,
    "MatchOr": _match_or,
    "MatchMapping": _match_mapping,
    "MatchClass": _match_class,
}
