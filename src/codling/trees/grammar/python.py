"""Python's abstract syntax as a schema in which every tree is a program that parses.

It is Python's own ASDL (the ``ast`` module, 3.11 to 3.13) with what its comments and its parser add made part of the
types: what may be assigned to, where a star may stand, which lists are never empty, which lists go in pairs, defaults
after parameters without. Expression contexts follow from the place, and are left out. Types of parameters (3.12) and
their defaults (3.13) are read and built where the running Python has them.
"""

from __future__ import annotations

from codling.trees.grammar.asdl import Schema

__all__ = ["PYTHON", "TOKENS"]

TOKENS = {
    "identifier": "x",
    "dotted": "x",
    "string": "x",  # in f-strings, an empty one is none
    "bytes": "",
    "int": "0",
    "float": "0.0",
    "complex": "0.0",
    "level": "1",
}
"""Types whose values are texts: names, names with dots, contents of strings, bytes as Latin-1, numbers, counts of dots;
with a short text of each."""

PYTHON = Schema(
    """
module = Module(stmt* body)

stmt = FunctionDef(identifier name, arguments? args, expr* decorator_list, expr? returns, type_param* type_params,
        stmt+ body)
    | AsyncFunctionDef(identifier name, arguments? args, expr* decorator_list, expr? returns, type_param* type_params,
        stmt+ body)
    | ClassDef(identifier name, element* bases, keyword* keywords, expr* decorator_list, type_param* type_params,
        stmt+ body)
    | Return(element? value)
    | Delete(deleted+ targets)
    | Assign(target+ targets, element value)
    | TypeAlias(identifier name, type_param* type_params, expr value)
    | AugAssign(place target, operator op, expr value)
    | Declare(identifier name, expr annotation, element? value)
    | AnnAssign(place target, expr annotation, element? value)
    | For(target target, element iter, stmt+ body, stmt* orelse)
    | AsyncFor(target target, element iter, stmt+ body, stmt* orelse)
    | While(expr test, stmt+ body, stmt* orelse)
    | If(expr test, stmt+ body, stmt* orelse)
    | With(withitem+ items, stmt+ body)
    | AsyncWith(withitem+ items, stmt+ body)
    | Match(expr subject, match_case+ cases)
    | Reraise()
    | Raise(expr exc, expr? cause)
    | Try(stmt+ body, excepthandler+ handlers, stmt* orelse, stmt* finalbody)
    | TryFinally(stmt+ body, stmt+ finalbody)
    | TryStar(stmt+ body, grouphandler+ handlers, stmt* orelse, stmt* finalbody)
    | Assert(expr test, expr? msg)
    | Import(module_alias+ names)
    | ImportFrom(dotted module, alias+ names)
    | ImportAll(dotted module)
    | ImportRelative(level level, dotted? module, alias+ names)
    | ImportAllRelative(level level, dotted? module)
    | Global(bound_name+ names)
    | Nonlocal(bound_name+ names)
    | Expr(element value)
    | Pass()
    | Break()
    | Continue()

# What has a value, can be assigned to, deleted, and stand wherever an expression does.
place = Name(identifier id)
    | Attribute(expr value, identifier attr)
    | Subscript(expr value, index slice)
expr = place
    | literal
    | BoolOp(boolop op, expr first, expr+ rest)
    | NamedExpr(identifier target, expr value)
    | BinOp(expr left, operator op, expr right)
    | UnaryOp(unaryop op, expr operand)
    | Lambda(lambda_arguments? args, expr body)
    | IfExp(expr test, expr body, expr orelse)
    | Dict(dict_item* items)
    | Set(element+ elts)
    | ListComp(expr elt, comprehension+ generators)
    | SetComp(expr elt, comprehension+ generators)
    | DictComp(expr key, expr value, comprehension+ generators)
    | GeneratorExp(expr elt, comprehension+ generators)
    | Await(expr value)
    | Yield(element? value)
    | YieldFrom(expr value)
    | Compare(expr left, comparison+ rest)
    | Call(expr func, element* args, keyword* keywords)
    | JoinedStr(joined* values)
    | List(element* elts)
    | Tuple(element* elts)
literal = text
    | number
    | singleton
    | Ellipsis()
text = Str(string value)
    | UStr(string value)                      # u"…", which Python remembers
    | Bytes(bytes value)
number = Int(int value)
    | Float(float value)
    | Complex(complex value)
singleton = None() | True() | False()
element = expr | Starred(expr value)

target = place
    | ListTarget(target_element* elts)
    | TupleTarget(target_element* elts)
target_element = target | StarredTarget(target value)
deleted = place
    | ListDeleted(deleted* elts)
    | TupleDeleted(deleted* elts)
index = expr
    | Slice(expr? lower, expr? upper, expr? step)
    | IndexTuple(index_element* elts)
index_element = expr
    | Slice(expr? lower, expr? upper, expr? step)
    | Starred(expr value)
dict_item = Pair(expr key, expr value) | Unpacked(expr value)
comparison = comparison(cmpop op, expr right)
comprehension = comprehension(target target, expr iter, expr* ifs, flag? is_async)
joined = JoinedText(string value)
    | FormattedValue(expr value, conversion? conversion, format_spec? format_spec)
format_spec = FormatSpec(joined* values)
conversion = ToStr() | ToRepr() | ToAscii()

boolop = And() | Or()
operator = Add() | Sub() | Mult() | MatMult() | Div() | Mod() | Pow() | LShift() | RShift() | BitOr() | BitXor()
    | BitAnd() | FloorDiv()
unaryop = Invert() | Not() | UAdd() | USub()
cmpop = Eq() | NotEq() | Lt() | LtE() | Gt() | GtE() | Is() | IsNot() | In() | NotIn()

excepthandler = ExceptHandler(expr type, identifier? name, stmt+ body) | ExceptAll(stmt+ body)
grouphandler = ExceptHandler(expr type, identifier? name, stmt+ body)

# Parameters before a slash, then others; in each, those without a default first.
arguments = arguments(parameter* posonlyargs, default_parameter* posonlydefaults, parameter* args,
        default_parameter* defaults, star_parameter? vararg, any_parameter* kwonlyargs, parameter? kwarg)
parameter = parameter(identifier arg, expr? annotation)
default_parameter = default_parameter(identifier arg, expr? annotation, expr default)
any_parameter = parameter | default_parameter
star_parameter = star_parameter(identifier arg, element? annotation)
lambda_arguments = lambda_arguments(bare* posonlyargs, default_bare* posonlydefaults, bare* args,
        default_bare* defaults, bare? vararg, any_bare* kwonlyargs, bare? kwarg)
bare = bare(identifier arg)
default_bare = default_bare(identifier arg, expr default)
any_bare = bare | default_bare
not arguments(posonlydefaults, args)
not lambda_arguments(posonlydefaults, args)

bound_name = bound_name(identifier name)
keyword = keyword(identifier arg, expr value) | keywords(expr value)
alias = alias(identifier name, identifier? asname)
module_alias = module_alias(dotted name, identifier? asname)
withitem = withitem(expr context_expr, target? optional_vars)

match_case = match_case(pattern pattern, expr? guard, stmt+ body)
pattern = MatchValue(constant value)
    | MatchSingleton(singleton value)
    | MatchSequence(sequence_pattern* patterns)
    | MatchMapping(mapping_item* items, identifier? rest)
    | MatchClass(qualified cls, pattern* patterns, keyword_pattern* keywords)
    | MatchAny()
    | MatchName(identifier name)
    | MatchAs(pattern pattern, identifier name)
    | MatchOr(pattern first, pattern+ rest)
qualified = QualifiedName(identifier id) | QualifiedAttribute(qualified value, identifier attr)
constant = QualifiedAttribute(qualified value, identifier attr)
    | text
    | signed
    | ComplexSum(signed left, sign op, imaginary right)
signed = number | Negative(number operand)
sign = Add() | Sub()
imaginary = Complex(complex value)
mapping_key = constant | singleton
sequence_pattern = pattern | MatchStar(identifier? name)
mapping_item = mapping_item(mapping_key key, pattern pattern)
keyword_pattern = keyword_pattern(identifier attr, pattern pattern)

type_param = TypeVar(identifier name, expr? bound, expr? default_value)
    | ParamSpec(identifier name, expr? default_value)
    | TypeVarTuple(identifier name, element? default_value)
""",
    TOKENS,
)
