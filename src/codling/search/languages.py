"""The languages whose definitions search knows: a grammar and one query each; a row of the table is a language.

The query names what it finds: the capture of a definition is its kind (codling.search.unit), inside it ``@name`` and,
where there is one, ``@body``. ``@scope`` only lends its name to what stands in it, as a namespace does; so does
``@implementation``, whose functions are methods; a method may have its ``@owner`` in its head. ``@outer`` around an
``@inner`` definition belongs to it: decorators, ``export``, ``template``. ``@comment`` may document what follows it,
and ``@attribute`` may stand between the two.
"""

from __future__ import annotations

import functools
import importlib
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar
    from tree_sitter import Parser, Query

__all__ = ["LANGUAGES", "Language", "language_of"]


@dataclass(frozen=True, kw_only=True)
class Language:
    """One row; a node that the grammar lacks makes the row unusable, and a test says so."""

    name: str
    suffixes: tuple[str, ...]
    grammar: str
    "Module of the tree-sitter wheel."
    entry: str = "language"
    "The function of that module that offers the grammar."
    query: str
    docstrings: bool = False
    "Documentation is a string that opens the body, not a comment above the head."

    def parser(self) -> Parser:
        return _parser(self.grammar, self.entry)

    def compiled(self) -> Query:
        return _query(self.grammar, self.entry, self.query)


_PYTHON = """
(function_definition name: (identifier) @name body: (block) @body) @function
(class_definition name: (identifier) @name body: (block) @body) @class
(decorated_definition definition: (_) @inner) @outer
(module (expression_statement (assignment left: (identifier) @name)) @constant)
(module (expression_statement (assignment left: (pattern_list (identifier) @name))) @constant)
(module (type_alias_statement left: (type (identifier) @name)) @type)
(module [
  (if_statement (block (expression_statement (assignment left: (identifier) @name)) @constant))
  (try_statement (block (expression_statement (assignment left: (identifier) @name)) @constant))
])
(comment) @comment
"""

_JAVA = """
(class_declaration name: (identifier) @name body: (_) @body) @class
(record_declaration name: (identifier) @name body: (_) @body) @class
(interface_declaration name: (identifier) @name body: (_) @body) @interface
(annotation_type_declaration name: (identifier) @name body: (_) @body) @interface
(enum_declaration name: (identifier) @name body: (_) @body) @enum
(method_declaration name: (identifier) @name body: (block)? @body) @function
(constructor_declaration name: (identifier) @name body: (_) @body) @function
(compact_constructor_declaration name: (identifier) @name body: (_) @body) @function
(annotation_type_element_declaration name: (identifier) @name) @function
(field_declaration (modifiers "static" "final") declarator: (variable_declarator name: (identifier) @name)) @constant
(constant_declaration declarator: (variable_declarator name: (identifier) @name)) @constant
[(line_comment) (block_comment)] @comment
"""

# A function may be bound to a name, to a property or to a field of a class, and all of them may be exported.
_JAVASCRIPT = """
(function_declaration name: (identifier) @name body: (_) @body) @function
(generator_function_declaration name: (identifier) @name body: (_) @body) @function
(class_declaration name: (_) @name body: (_) @body) @class
(method_definition name: (_) @name body: (_) @body) @function
(lexical_declaration (variable_declarator name: (identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)]))
  @function
(variable_declaration (variable_declarator name: (identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) @function
(lexical_declaration (variable_declarator name: (identifier) @name value: (class body: (_) @body))) @class
(expression_statement (assignment_expression left: [(identifier) (member_expression)] @name
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) @function
(pair key: (property_identifier) @name
  value: [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)]) @function
(program (lexical_declaration (variable_declarator name: (identifier) @name)) @constant)
(program (variable_declaration (variable_declarator name: (identifier) @name)) @constant)
(program (export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name)) @constant))
(program (expression_statement (assignment_expression left: (member_expression
  object: (_) @_exports property: (property_identifier) @name) (#match? @_exports "exports$"))) @constant)
(export_statement declaration: (_) @inner) @outer
(comment) @comment
"""

_JS_FIELD = """
(field_definition property: (_) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])
  @function
"""

_TYPESCRIPT = """
(abstract_class_declaration name: (_) @name body: (_) @body) @class
(interface_declaration name: (_) @name body: (_) @body) @interface
(enum_declaration name: (_) @name body: (_) @body) @enum
(type_alias_declaration name: (_) @name) @type
(function_signature name: (_) @name) @function
(method_signature name: (_) @name) @function
(abstract_method_signature name: (_) @name) @function
(internal_module name: (_) @name) @scope
(module name: (_) @name) @scope
(public_field_definition name: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @function
(ambient_declaration (lexical_declaration (variable_declarator name: (identifier) @name)) @constant)
(ambient_declaration (variable_declaration (variable_declarator name: (identifier) @name)) @constant)
(ambient_declaration (_) @inner) @outer
"""

_GO = """
(function_declaration name: (identifier) @name body: (_)? @body) @function
(method_declaration receiver: (parameter_list (parameter_declaration type: [
    (type_identifier) @owner
    (pointer_type (type_identifier) @owner)
    (generic_type type: (type_identifier) @owner)
    (pointer_type (generic_type type: (type_identifier) @owner))
  ])) name: (field_identifier) @name body: (_)? @body) @method
(type_spec name: (type_identifier) @name type: (struct_type)) @class
(type_spec name: (type_identifier) @name type: (interface_type)) @interface
(type_spec name: (type_identifier) @name) @type
(type_alias name: (type_identifier) @name) @type
(type_declaration . (type_spec) @inner .) @outer
(source_file (const_declaration (const_spec name: (identifier) @name) @constant))
(source_file (var_declaration (var_spec name: (identifier) @name) @constant))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @constant)))
(const_declaration . (const_spec) @inner .) @outer
(var_declaration . (var_spec) @inner .) @outer
(comment) @comment
"""

_RUST = """
(function_item name: (identifier) @name body: (_) @body) @function
(function_signature_item name: (identifier) @name) @function
(struct_item name: (type_identifier) @name) @class
(union_item name: (type_identifier) @name) @class
(enum_item name: (type_identifier) @name) @enum
(trait_item name: (type_identifier) @name body: (_) @body) @interface
(type_item name: (type_identifier) @name) @type
(const_item name: (identifier) @name) @constant
(static_item name: (identifier) @name) @constant
(macro_definition name: (identifier) @name) @function
(impl_item type: (type_identifier) @name body: (_) @body) @implementation
(impl_item type: (generic_type type: (type_identifier) @name) body: (_) @body) @implementation
(impl_item type: (scoped_type_identifier name: (type_identifier) @name) body: (_) @body) @implementation
(mod_item name: (identifier) @name body: (_) @body) @scope
(attribute_item) @attribute
[(line_comment) (block_comment)] @comment
"""

_C = """
(function_definition declarator: (function_declarator declarator: (identifier) @name) body: (_) @body) @function
(function_definition declarator: (pointer_declarator (function_declarator declarator: (identifier) @name)) body: (_)
  @body)
  @function
(function_definition declarator: (pointer_declarator (pointer_declarator
  (function_declarator declarator: (identifier) @name))) body: (_) @body) @function
(translation_unit (declaration declarator: (function_declarator declarator: (identifier) @name)) @function)
(translation_unit (declaration declarator: (pointer_declarator (function_declarator declarator: (identifier) @name)))
  @function)
(struct_specifier name: (type_identifier) @name body: (_)) @class
(union_specifier name: (type_identifier) @name body: (_)) @class
(enum_specifier name: (type_identifier) @name body: (_)) @enum
(type_definition type: (struct_specifier !name body: (_) @body) declarator: (type_identifier) @name) @class
(type_definition type: (union_specifier !name body: (_) @body) declarator: (type_identifier) @name) @class
(type_definition type: (enum_specifier !name body: (_) @body) declarator: (type_identifier) @name) @enum
(type_definition declarator: (type_identifier) @name) @type
(type_definition declarator: (function_declarator declarator: (parenthesized_declarator
  (pointer_declarator declarator: (type_identifier) @name)))) @type
(preproc_def name: (identifier) @name value: (_)) @constant
(preproc_function_def name: (identifier) @name) @function
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @constant)
(translation_unit (declaration declarator: (init_declarator declarator: (array_declarator declarator: (identifier)
  @name)))
  @constant)
(translation_unit (declaration declarator: (init_declarator declarator: (pointer_declarator (identifier) @name)))
  @constant)
(translation_unit (declaration declarator: (init_declarator
  declarator: (pointer_declarator (array_declarator declarator: (identifier) @name)))) @constant)
(comment) @comment
"""

_CPP = """
(function_definition declarator: (function_declarator declarator: (_) @name) body: (_) @body) @function
(function_definition declarator: (pointer_declarator (function_declarator declarator: (_) @name)) body: (_) @body)
  @function
(function_definition declarator: (reference_declarator (function_declarator declarator: (_) @name)) body: (_) @body)
  @function
(function_definition declarator: (operator_cast) @name body: (_) @body) @function
(declaration declarator: (function_declarator declarator: [(identifier) (qualified_identifier)] @name)) @function
(field_declaration declarator: (function_declarator declarator: (field_identifier) @name)) @function
(field_declaration declarator: (pointer_declarator (function_declarator declarator: (field_identifier) @name)))
  @function
(field_declaration declarator: (reference_declarator (function_declarator declarator: (field_identifier) @name)))
  @function
(class_specifier name: (_) @name body: (_) @body) @class
(struct_specifier name: (_) @name body: (_) @body) @class
(union_specifier name: (_) @name body: (_) @body) @class
(enum_specifier name: (_) @name body: (_)) @enum
(type_definition type: (struct_specifier !name body: (_) @body) declarator: (type_identifier) @name) @class
(type_definition type: (enum_specifier !name body: (_) @body) declarator: (type_identifier) @name) @enum
(type_definition declarator: (type_identifier) @name) @type
(alias_declaration name: (type_identifier) @name) @type
(concept_definition name: (identifier) @name) @type
(namespace_definition name: (_) @name body: (_) @body) @scope
(template_declaration [(function_definition) (declaration) (class_specifier) (struct_specifier) (alias_declaration)]
  @inner)
  @outer
(preproc_def name: (identifier) @name value: (_)) @constant
(preproc_function_def name: (identifier) @name) @function
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @constant)
(namespace_definition body: (declaration_list (declaration declarator:
  (init_declarator declarator: (identifier) @name)) @constant))
(comment) @comment
"""

_C_SHARP = """
(class_declaration name: (identifier) @name body: (_) @body) @class
(struct_declaration name: (identifier) @name body: (_) @body) @class
(record_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name body: (_) @body) @interface
(enum_declaration name: (identifier) @name body: (_) @body) @enum
(delegate_declaration name: (identifier) @name) @type
(method_declaration name: (identifier) @name body: (_)? @body) @function
(constructor_declaration name: (identifier) @name body: (_) @body) @function
(local_function_statement name: (identifier) @name body: (_) @body) @function
(property_declaration name: (identifier) @name) @function
(field_declaration (modifier) @_modifier (variable_declaration (variable_declarator name: (identifier) @name))
  (#any-of? @_modifier "const" "static")) @constant
(namespace_declaration name: (_) @name body: (_) @body) @scope
(comment) @comment
"""

_RUBY = """
(method name: (_) @name body: (_)? @body) @function
(singleton_method name: (_) @name body: (_)? @body) @function
(class name: (_) @name body: (_)? @body) @class
(module name: (_) @name body: (_)? @body) @class
(assignment left: (constant) @name) @constant
(comment) @comment
"""

_PHP = """
(function_definition name: (name) @name body: (_) @body) @function
(method_declaration name: (name) @name body: (_)? @body) @function
(class_declaration name: (name) @name body: (_) @body) @class
(interface_declaration name: (name) @name body: (_) @body) @interface
(trait_declaration name: (name) @name body: (_) @body) @interface
(enum_declaration name: (name) @name body: (_) @body) @enum
(const_declaration (const_element (name) @name)) @constant
(comment) @comment
"""

_KOTLIN = """
(function_declaration name: (identifier) @name (function_body)? @body) @function
(class_declaration "interface" name: (identifier) @name (class_body)? @body) @interface
(class_declaration name: (identifier) @name (enum_class_body) @body) @enum
(class_declaration name: (identifier) @name (class_body)? @body) @class
(object_declaration name: (identifier) @name (class_body)? @body) @class
(companion_object name: (identifier)? @name (class_body) @body) @implementation
(type_alias type: (identifier) @name) @type
(source_file (property_declaration (variable_declaration (identifier) @name)) @constant)
(object_declaration (class_body (property_declaration (variable_declaration (identifier) @name)) @constant))
(companion_object (class_body (property_declaration (variable_declaration (identifier) @name)) @constant))
[(line_comment) (block_comment)] @comment
"""

LANGUAGES: tuple[Language, ...] = (
    Language(
        name="python",
        suffixes=(".py", ".pyi", ".pyw"),
        grammar="tree_sitter_python",
        query=_PYTHON,
        docstrings=True,
    ),
    Language(name="java", suffixes=(".java",), grammar="tree_sitter_java", query=_JAVA),
    Language(
        name="javascript",
        suffixes=(".js", ".mjs", ".cjs", ".jsx"),
        grammar="tree_sitter_javascript",
        query=_JAVASCRIPT + _JS_FIELD,
    ),
    Language(
        name="typescript",
        suffixes=(".ts", ".mts", ".cts"),
        grammar="tree_sitter_typescript",
        entry="language_typescript",
        query=_JAVASCRIPT + _TYPESCRIPT,
    ),
    Language(
        name="typescript",
        suffixes=(".tsx",),
        grammar="tree_sitter_typescript",
        entry="language_tsx",
        query=_JAVASCRIPT + _TYPESCRIPT,
    ),
    Language(name="go", suffixes=(".go",), grammar="tree_sitter_go", query=_GO),
    Language(name="rust", suffixes=(".rs",), grammar="tree_sitter_rust", query=_RUST),
    Language(name="c", suffixes=(".c", ".h"), grammar="tree_sitter_c", query=_C),
    Language(
        name="cpp",
        suffixes=(".cc", ".cpp", ".cxx", ".c++", ".hh", ".hpp", ".hxx", ".h++", ".ipp", ".inl", ".cu", ".cuh"),
        grammar="tree_sitter_cpp",
        query=_CPP,
    ),
    Language(name="csharp", suffixes=(".cs",), grammar="tree_sitter_c_sharp", query=_C_SHARP),
    Language(name="ruby", suffixes=(".rb", ".rake", ".gemspec"), grammar="tree_sitter_ruby", query=_RUBY),
    Language(name="php", suffixes=(".php",), grammar="tree_sitter_php", entry="language_php", query=_PHP),
    Language(name="kotlin", suffixes=(".kt", ".kts"), grammar="tree_sitter_kotlin", query=_KOTLIN),
)


@functools.cache
def _by_suffix() -> dict[str, Language]:
    return {suffix: language for language in LANGUAGES for suffix in language.suffixes}


def language_of(path: str) -> Language | None:
    """The row of a file by its suffix; None where the table has none."""
    return _by_suffix().get(posixpath.splitext(path)[1].lower())


@functools.cache
def _grammar(module: str, entry: str) -> Grammar:
    import tree_sitter

    return tree_sitter.Language(getattr(importlib.import_module(module), entry)())


@functools.cache
def _parser(module: str, entry: str) -> Parser:
    import tree_sitter

    return tree_sitter.Parser(_grammar(module, entry))


@functools.cache
def _query(module: str, entry: str, query: str) -> Query:
    import tree_sitter

    return tree_sitter.Query(_grammar(module, entry), query)
