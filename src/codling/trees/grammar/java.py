"""Java as a grammar in which every tree is a program that parses, and every program's tokens come back.

It is the grammar of tree-sitter-java 0.23 with what the Java Language Specification adds made part of the types: which
operand an operator takes (a type for each level of precedence, so parentheses stand where they must and an ``else`` has
one ``if``), what can be assigned to, what can be a statement. So a derivation prints as a text that is read as the very
same tree. Parentheses, commas at the end of lists, lone semicolons and brackets behind names are part of the tree: a
program comes back token for token, but for comments.

What valid programs never have is left out, though the parser would take it: methods outside classes, comparisons of
comparisons, calls upon method references; so are string templates, a preview of Java 21 that was withdrawn.

JLS: *The Java Language Specification*, Java SE 21, chapters 6 to 15.
"""

from __future__ import annotations

from codling.trees.grammar.concrete import ConcreteGrammar, Postfix, TokenType

__all__ = ["JAVA"]

_KEYWORDS = frozenset(
    {"abstract", "assert", "boolean", "break", "byte", "case", "catch", "char", "class", "const", "continue"}
    | {"default", "do", "double", "else", "enum", "extends", "final", "finally", "float", "for", "goto", "if"}
    | {"implements", "import", "instanceof", "int", "interface", "long", "native", "new", "package", "private"}
    | {"protected", "public", "return", "short", "static", "strictfp", "super", "switch", "synchronized", "this"}
    | {"throw", "throws", "transient", "try", "void", "volatile", "while", "true", "false", "null"}
)
_NAME = r"(?:[^\W\d]|\$)(?:\w|\$)*"
_DIGITS = r"[0-9]+(?:_+[0-9]+)*"
_DECIMAL = rf"(?:0|[1-9](?:_*{_DIGITS})?)"
_HEX = r"[0-9a-fA-F]+(?:_+[0-9a-fA-F]+)*"
_EXPONENT = rf"[eE][-+]?{_DIGITS}"
_INT = rf"(?:{_DECIMAL}|0[xX]{_HEX}|0[0-7]+(?:_+[0-7]+)*|0[bB][01]+(?:_+[01]+)*)[lL]?"
_FLOAT = rf"(?:{_DIGITS}\.(?:{_DIGITS})?|\.{_DIGITS})(?:{_EXPONENT})?[fFdD]?"
_WHOLE_FLOAT = rf"{_DECIMAL}(?:{_EXPONENT}[fFdD]?|[fFdD])"
_HEX_FLOAT = rf"0[xX](?:{_HEX}\.?|(?:{_HEX})?\.{_HEX})[pP][-+]?{_DECIMAL}[fFdD]?"
_ESCAPE = r"\\[^{\n]"  # \{ would begin a template

_TOKENS = (
    TokenType("identifier", ("identifier", "underscore_pattern"), _NAME, shortest="x", keywords=_KEYWORDS),
    TokenType("type_identifier", ("type_identifier",), _NAME, shortest="T", keywords=_KEYWORDS),
    TokenType(
        "dotted", ("identifier", "scoped_identifier"), rf"{_NAME}(?:\.{_NAME})*", shortest="x", keywords=_KEYWORDS
    ),
    TokenType(
        "int",
        ("decimal_integer_literal", "hex_integer_literal", "octal_integer_literal", "binary_integer_literal"),
        _INT,
        shortest="0",
    ),
    TokenType(
        "float",
        ("decimal_floating_point_literal", "hex_floating_point_literal"),
        f"{_FLOAT}|{_WHOLE_FLOAT}|{_HEX_FLOAT}",
        shortest="0.0",
    ),
    TokenType("char", ("character_literal",), rf"'(?:[^\\'\n]|{_ESCAPE})+'", shortest="x", quote="'"),
    TokenType("string", ("string_literal",), rf'"(?!"")(?:[^"\\\n]|{_ESCAPE})*"', shortest="", quote='"'),
    TokenType(
        "text_block",
        ("string_literal",),
        rf'"""[ \t\f]*\n(?:[^"\\]|{_ESCAPE}|\\\n|"(?!""))*"""',
        shortest="\n",
        quote='"""',
    ),
)
"""Types whose values are texts: names of values, names of types, names with dots, and literals as they are spelt; those
in quotes without the quotes, but with their escapes."""

JAVA = ConcreteGrammar(
    r"""
# Files.
module = CompilationUnit: program{[package:package] imports:import*/ // types:top_type*/}
    | ModularUnit: program{imports:import*/ // module:module_declaration}
package = Package: package_declaration{[annotation:annotation] 'package' name:dotted ';'} //
import = Import: import_declaration{'import' [static:'static'] name:dotted ';'} stray:stray*
    | ImportAll: import_declaration{'import' [static:'static'] name:dotted '.' asterisk{'*'} ';'} stray:stray*
top_type = TopType: declaration:type_declaration stray:stray*
stray = Stray: ';'
module_declaration = Module: module_declaration{annotations:annotation* [open:'open'] 'module' name:dotted
        module_body{'{' > directives:directive*/ < '}'}}
directive = Requires: requires_module_directive{'requires' modifiers:requires_modifier* module:dotted ';'}
    | Exports: exports_module_directive{'exports' package:dotted ['to' modules:module_name+','] ';'}
    | Opens: opens_module_directive{'opens' package:dotted ['to' modules:module_name+','] ';'}
    | Uses: uses_module_directive{'uses' type:dotted ';'}
    | Provides: provides_module_directive{'provides' type:dotted 'with' providers:module_name+',' ';'}
module_name = ModuleName: name:dotted
requires_modifier = RequiresTransitive: requires_modifier{'transitive'} | RequiresStatic: requires_modifier{'static'}

# Declarations.
type_declaration = class_declaration | InterfaceDeclaration: interface_declaration{[modifiers{modifiers:modifier+}]
            'interface' name:identifier [~ type_parameters{'<'~ type_parameters:type_parameter+',' ~'>'}]
            [extends_interfaces{'extends' type_list{extends:type+','}}] [permits{'permits' type_list{permits:type+','}}]
            interface_body{'{' > body:interface_member*/ < '}'}}
    | AnnotationDeclaration: annotation_type_declaration{[modifiers{modifiers:modifier+}] '@interface' name:identifier
            annotation_type_body{'{' > body:annotation_member*/ < '}'}}
class_declaration = ClassDeclaration: class_declaration{[modifiers{modifiers:modifier+}] 'class' name:identifier
            [~ type_parameters{'<'~ type_parameters:type_parameter+',' ~'>'}] [superclass{'extends' superclass:type}]
            [super_interfaces{'implements' type_list{interfaces:type+','}}]
            [permits{'permits' type_list{permits:type+','}}] class_body{'{' > body:member*/ < '}'}}
    | EnumDeclaration: enum_declaration{[modifiers{modifiers:modifier+}] 'enum' name:identifier
            [super_interfaces{'implements' type_list{interfaces:type+','}}]
            enum_body{'{' > constants:enum_constant*','/ [comma:','] [members:enum_members] < '}'}}
    | RecordDeclaration: record_declaration{[modifiers{modifiers:modifier+}] 'record' name:identifier
            [~ type_parameters{'<'~ type_parameters:type_parameter+',' ~'>'}] ~ parameters:parameters
            [super_interfaces{'implements' type_list{interfaces:type+','}}] class_body{'{' > body:member*/ < '}'}}
enum_constant = EnumConstant: enum_constant{[modifiers{modifiers:modifier+}] name:identifier [~ arguments:arguments]
            [body:class_body]}
enum_members = EnumMembers: enum_body_declarations{';' / body:member*/}
class_body = ClassBody: class_body{'{' > body:member*/ < '}'}

member = type_declaration | method | field | block
    | StaticInitializer: static_initializer{'static' body:block}
    | Constructor: // constructor_declaration{[modifiers{modifiers:modifier+}]
            [type_parameters{'<'~ type_parameters:type_parameter+',' ~'>'}] name:identifier ~ parameters:parameters
            [throws{'throws' throws:type+','}]
            constructor_body{'{' > [explicit:explicit_constructor] / body:block_statement*/ < '}'}} //
    | CompactConstructor: // compact_constructor_declaration{[modifiers{modifiers:modifier+}] name:identifier
            body:block} //
    | stray
field = FieldDeclaration: field_declaration{[modifiers{modifiers:modifier+}] type:plain_type
            declarators:declarator+',' ';'}
method = Method: // method_declaration{[modifiers{modifiers:method_modifier+}] [generics:generics] result:result
            name:identifier ~ parameters:parameters [dimensions{dimensions:dimension+}]
            [throws{'throws' throws:type+','}] body:block} //
    | AbstractMethod: method_declaration{[modifiers{modifiers:method_modifier+}] [generics:generics] result:result
            name:identifier ~ parameters:parameters [dimensions{dimensions:dimension+}]
            [throws{'throws' throws:type+','}] ';'}
generics = Generics: type_parameters{'<'~ parameters:type_parameter+',' ~'>'} annotations:annotation*
explicit_constructor = ThisConstructor: explicit_constructor_invocation{
            [type_arguments{'<'~ type_arguments:type_argument+',' ~'>'}] 'this' ~ arguments:arguments ';'}
    | SuperConstructor: explicit_constructor_invocation{[type_arguments{'<'~ type_arguments:type_argument+',' ~'>'}]
            'super' ~ arguments:arguments ';'}
    | OuterSuperConstructor: explicit_constructor_invocation{object:primary '.'
            [type_arguments{'<'~ type_arguments:type_argument+',' ~'>'}] 'super' ~ arguments:arguments ';'}
interface_member = type_declaration | method | constant | stray
annotation_member = ClassDeclaration | EnumDeclaration | InterfaceDeclaration | AnnotationDeclaration | constant | stray
    | AnnotationElement: annotation_type_element_declaration{[modifiers{modifiers:modifier+}] type:plain_type
            name:identifier ~ '(' ')' [dimensions{dimensions:dimension+}] ['default' default:element_value] ';'}
constant = ConstantDeclaration: constant_declaration{[modifiers{modifiers:modifier+}] type:plain_type
            declarators:declarator+',' ';'}
declarator = Declarator: variable_declarator{name:identifier [dimensions{dimensions:dimension+}]
            ['=' value:initializer]}
initializer = expression
    | ArrayInitializer: array_initializer{'{'~ elements:initializer*',' [comma:','] ~'}'}
parameters = Parameters: formal_parameters{'(' parameters:parameter*',' ')'}
    | ReceiverParameters: formal_parameters{'(' receiver:receiver ')'}
    | ReceiverAndParameters: formal_parameters{'(' receiver:receiver ',' parameters:parameter+',' ')'}
parameter = Parameter: formal_parameter{[modifiers{modifiers:modifier+}] type:plain_type name:identifier
            [dimensions{dimensions:dimension+}]}
    | SpreadParameter: spread_parameter{[modifiers{modifiers:modifier+}] type:plain_type ~ '...' annotations:annotation*
            variable_declarator{name:identifier [dimensions{dimensions:dimension+}]}}
    | AnnotatedReceiver: formal_parameter{modifiers{annotations:annotation+} type:plain_type identifier{'this'}}
receiver = Receiver: receiver_parameter{type:plain_type 'this'}
    | OuterReceiver: receiver_parameter{annotations:annotation* type:plain_type outer:outer_name+ 'this'}
outer_name = OuterName: name:identifier '.'
type_parameter = TypeParameter: type_parameter{annotations:annotation* name:type_identifier
            [type_bound{'extends' bounds:type+'&'}]}
modifier = annotation | Public: 'public' | Protected: 'protected' | Private: 'private' | Abstract: 'abstract'
    | Static: 'static' | Final: 'final' | Strictfp: 'strictfp' | Synchronized: 'synchronized' | Native: 'native'
    | Transient: 'transient' | Volatile: 'volatile' | Sealed: 'sealed' | NonSealed: 'non-sealed'
method_modifier = modifier | Default: 'default'
annotation = MarkerAnnotation: marker_annotation{'@' name:dotted}
    | Annotation: annotation{'@' name:dotted ~ annotation_argument_list{'(' pairs:element_pair*',' ')'}}
    | ValueAnnotation: annotation{'@' name:dotted ~ annotation_argument_list{'(' value:element_value ')'}}
element_pair = ElementPair: element_value_pair{name:identifier '=' value:element_value}
element_value = conditional | annotation
    | ElementArray: element_value_array_initializer{'{'~ elements:element_value*',' [comma:','] ~'}'}

# Types.
type = plain_type
    | AnnotatedType: annotated_type{annotations:annotation+ type:plain_type}
reference_type = class_type | ArrayType | AnnotatedType
plain_type = simple_type
    | ArrayType: array_type{element:simple_type dimensions{dimensions:dimension+}}
simple_type = primitive_type | class_type
primitive_type = Byte: integral_type{'byte'} | Short: integral_type{'short'} | Int: integral_type{'int'}
    | Long: integral_type{'long'} | Char: integral_type{'char'} | Float: floating_point_type{'float'}
    | Double: floating_point_type{'double'} | Boolean: boolean_type{'boolean'}
class_type = raw_type
    | GenericType: generic_type{base:raw_type ~ type_arguments{'<'~ arguments:type_argument*',' ~'>'}}
raw_type = TypeName: name:type_identifier
    | ScopedType: scoped_type_identifier{scope:class_type '.' annotations:annotation* name:type_identifier}
result = plain_type | Void: void_type{'void'}
dimension = Dimension: annotations:annotation* '[' ']'
type_argument = type
    | Wildcard: wildcard{annotations:annotation* '?'}
    | ExtendsWildcard: wildcard{annotations:annotation* '?' 'extends' bound:type}
    | SuperWildcard: wildcard{annotations:annotation* '?' 'super' bound:type}

# Statements. A closed one does not end in an if that an else could follow.
block = Block: block{'{' > statements:block_statement*/ < '}'}
block_statement = statement | class_declaration | InterfaceDeclaration | local_variable
local_variable = LocalVariable: local_variable_declaration{[modifiers{modifiers:modifier+}] type:plain_type
            declarators:declarator+',' ';'}
statement = simple_statement
    | If: if_statement{'if' parenthesized_expression{'(' condition:expression ')'} consequence:statement}
    | IfElse: if_statement{'if' parenthesized_expression{'(' condition:expression ')'} consequence:closed_statement
            'else' alternative:statement}
    | While: while_statement{'while' parenthesized_expression{'(' condition:expression ')'} body:statement}
    | For: for_statement{'for' '(' init:statement_expression*',' ';' [condition:expression] ';'
            update:statement_expression*',' ')' body:statement}
    | ForVariable: for_statement{'for' '(' init:local_variable [condition:expression] ';'
            update:statement_expression*',' ')' body:statement}
    | ForEach: enhanced_for_statement{'for' '(' [modifiers{modifiers:modifier+}] type:plain_type name:identifier
            [dimensions{dimensions:dimension+}] ':' value:expression ')' body:statement}
    | Labeled: labeled_statement{label:identifier ~ ':' body:statement}
    | SwitchExpression: expression_statement{value:switch ';'}                  # or a statement and an empty one
closed_statement = simple_statement
    | ClosedIfElse: if_statement{'if' parenthesized_expression{'(' condition:expression ')'}
            consequence:closed_statement 'else' alternative:closed_statement}
    | ClosedWhile: while_statement{'while' parenthesized_expression{'(' condition:expression ')'} body:closed_statement}
    | ClosedFor: for_statement{'for' '(' init:statement_expression*',' ';' [condition:expression] ';'
            update:statement_expression*',' ')' body:closed_statement}
    | ClosedForVariable: for_statement{'for' '(' init:local_variable [condition:expression] ';'
            update:statement_expression*',' ')' body:closed_statement}
    | ClosedForEach: enhanced_for_statement{'for' '(' [modifiers{modifiers:modifier+}] type:plain_type name:identifier
            [dimensions{dimensions:dimension+}] ':' value:expression ')' body:closed_statement}
    | ClosedLabeled: labeled_statement{label:identifier ~ ':' body:closed_statement}
simple_statement = block | stray | switch | throw
    | ExpressionStatement: expression_statement{value:statement_expression ';'}
    | Assert: assert_statement{'assert' test:expression [':' detail:expression] ';'}
    | DoWhile: do_statement{'do' body:statement 'while' parenthesized_expression{'(' condition:expression ')'} ';'}
    | Break: break_statement{'break' [label:identifier] ';'}
    | Continue: continue_statement{'continue' [label:identifier] ';'}
    | Return: return_statement{'return' [value:expression] ';'}
    | Yield: yield_statement{'yield' value:expression ';'}
    | SynchronizedBlock: synchronized_statement{'synchronized' parenthesized_expression{'(' lock:expression ')'}
            body:block}
    | Try: try_statement{'try' body:block catches:catch+ [finally:finally]}
    | TryFinally: try_statement{'try' body:block finally:finally}
    | TryResources: try_with_resources_statement{'try' resource_specification{'(' resources:resource+';'
            [semicolon:';'] ')'} body:block catches:catch* [finally:finally]}
throw = Throw: throw_statement{'throw' value:expression ';'}
catch = Catch: catch_clause{'catch' '(' catch_formal_parameter{[modifiers{modifiers:modifier+}]
            catch_type{types:plain_type+'|'} name:identifier [dimensions{dimensions:dimension+}]} ')' body:block}
finally = Finally: finally_clause{'finally' body:block}
resource = Resource: resource{[modifiers{modifiers:modifier+}] type:plain_type name:identifier
            [dimensions{dimensions:dimension+}] '=' value:expression}
    | ResourceName: resource{name:identifier}
    | ResourceField: resource{value:field_access}
switch = Switch: switch_expression{'switch' parenthesized_expression{'(' subject:expression ')'}
            switch_block{'{' > groups:switch_group*/ < '}'}}
    | SwitchRules: switch_expression{'switch' parenthesized_expression{'(' subject:expression ')'}
            switch_block{'{' > rules:switch_rule+/ < '}'}}
switch_group = SwitchGroup: switch_block_statement_group{label:switch_label ~ ':' > statements:block_statement*/ <}
switch_rule = ValueRule: switch_rule{label:switch_label '->' expression_statement{value:expression ';'}}
    | ThrowRule: switch_rule{label:switch_label '->' body:throw}
    | BlockRule: switch_rule{label:switch_label '->' body:block}
switch_label = DefaultLabel: switch_label{'default'}
    | CaseLabel: switch_label{'case' values:case_value+',' [guard{'when' guard:or}]}
    | PatternLabel: switch_label{'case' pattern{pattern:pattern} [guard{'when' guard:or}]}
case_value = conditional | DefaultCase: identifier{'default'}                    # case null, default
pattern = TypePattern: type_pattern{type:plain_type name:identifier}
    | record_pattern
record_pattern = RecordPattern: record_pattern{type:identifier ~ record_pattern_body{'(' parts:pattern_part+',' ')'}}
    | EmptyRecordPattern: record_pattern{type:identifier ~ record_pattern_body{'(' ')'}}
    | GenericRecordPattern: record_pattern{type:generic_type ~ record_pattern_body{'(' parts:pattern_part*',' ')'}}
generic_type = GenericType
pattern_part = record_pattern
    | PatternPart: record_pattern_component{type:plain_type name:identifier}
    | AnyPart: record_pattern_component{underscore_pattern{'_'}}

# Expressions, by what binds least first.
expression = assignment | conditional | poly
poly = function
    | PolyCast: cast_expression{'(' type:type ')' value:poly}
    | PolyIntersectionCast: cast_expression{'(' type:type '&' bounds:type+'&' ')' value:function}
function = Lambda: lambda_expression{parameters:lambda_parameters '->' body:lambda_body}
    | MethodReference: method_reference{object:referred '::'
            [type_arguments{'<'~ type_arguments:type_argument+',' ~'>'}] name:identifier}
    | ConstructorReference: method_reference{object:referred '::'
            [type_arguments{'<'~ type_arguments:type_argument+',' ~'>'}] 'new'}
lambda_parameters = LambdaParameter: name:identifier
    | InferredParameters: inferred_parameters{'(' names:bound_name+',' ')'}
    | Parameters
bound_name = BoundName: name:identifier
lambda_body = expression | block
referred = primary | super | parameterized_type | ArrayType | AnnotatedType | primitive_type
    | OuterSuper: scoped_type_identifier{type:raw_type '.' type_identifier{'super'}}
parameterized_type = GenericType                                               # a.b::c has a field before the colons
    | InnerType: scoped_type_identifier{scope:parameterized_type '.' name:type_identifier}
super = Super: 'super'
assignment = Assign: assignment_expression{target:place '=' value:expression}
    | AssignAdd: assignment_expression{target:place '+=' value:expression}
    | AssignSubtract: assignment_expression{target:place '-=' value:expression}
    | AssignMultiply: assignment_expression{target:place '*=' value:expression}
    | AssignDivide: assignment_expression{target:place '/=' value:expression}
    | AssignRemainder: assignment_expression{target:place '%=' value:expression}
    | AssignBitAnd: assignment_expression{target:place '&=' value:expression}
    | AssignBitOr: assignment_expression{target:place '|=' value:expression}
    | AssignBitXor: assignment_expression{target:place '^=' value:expression}
    | AssignShiftLeft: assignment_expression{target:place '<<=' value:expression}
    | AssignShiftRight: assignment_expression{target:place '>>=' value:expression}
    | AssignShiftRightZero: assignment_expression{target:place '>>>=' value:expression}
conditional = or
    | Conditional: ternary_expression{condition:or '?' consequence:expression ':' alternative:alternative}
alternative = conditional | poly
or = and | Or: binary_expression{left:or '||' right:and}
and = bit_or | And: binary_expression{left:and '&&' right:bit_or}
bit_or = bit_xor | BitOr: binary_expression{left:bit_or '|' right:bit_xor}
bit_xor = bit_and | BitXor: binary_expression{left:bit_xor '^' right:bit_and}
bit_and = equality | BitAnd: binary_expression{left:bit_and '&' right:equality}
equality = relational
    | Equal: binary_expression{left:equality '==' right:relational}
    | NotEqual: binary_expression{left:equality '!=' right:relational}
relational = shift
    | Less: binary_expression{left:shift '<' right:shift}
    | LessEqual: binary_expression{left:shift '<=' right:shift}
    | Greater: binary_expression{left:shift '>' right:shift}
    | GreaterEqual: binary_expression{left:shift '>=' right:shift}
    | InstanceOf: instanceof_expression{value:shift 'instanceof' [final:'final'] type:type [name:identifier]}
    | InstanceOfRecord: instanceof_expression{value:shift 'instanceof' [final:'final'] pattern:record_pattern}
shift = additive
    | ShiftLeft: binary_expression{left:shift '<<' right:additive}
    | ShiftRight: binary_expression{left:shift '>>' right:additive}
    | ShiftRightZero: binary_expression{left:shift '>>>' right:additive}
additive = multiplicative
    | Add: binary_expression{left:additive '+' right:multiplicative}
    | Subtract: binary_expression{left:additive '-' right:multiplicative}
multiplicative = unary
    | Multiply: binary_expression{left:multiplicative '*' right:unary}
    | Divide: binary_expression{left:multiplicative '/' right:unary}
    | Remainder: binary_expression{left:multiplicative '%' right:unary}
unary = signless
    | Plus: unary_expression{'+' ~ operand:unary}
    | Minus: unary_expression{'-' ~ operand:unary}
signless = primary | increment | switch         # (a) - b is a difference, unless a is a primitive type
    | Invert: unary_expression{'~' ~ operand:unary}
    | Not: unary_expression{'!' ~ operand:unary}
    | PrimitiveCast: cast_expression{'(' type:primitive_type ')' value:unary}
    | Cast: cast_expression{'(' type:reference_type ')' value:signless}
    | IntersectionCast: cast_expression{'(' type:type '&' bounds:type+'&' ')' value:primary}
increment = PreIncrement: update_expression{'++' ~ operand:operand}
    | PreDecrement: update_expression{'--' ~ operand:operand}
    | PostIncrement: update_expression{operand:operand ~ '++'}
    | PostDecrement: update_expression{operand:operand ~ '--'}
operand = place | parenthesized
statement_expression = assignment | increment | call | creation
primary = indexed
    | NewArray: array_creation_expression{'new' annotations:annotation* type:simple_type sizes:size+
            [dimensions{dimensions:dimension+}]}
indexed = place | literal | parenthesized | creation | call                    # new int[2][0] has two dimensions
    | NewArrayOf: array_creation_expression{'new' annotations:annotation* type:simple_type
            dimensions{dimensions:dimension+} array_initializer{'{'~ elements:initializer*',' [comma:','] ~'}'}}
    | This: 'this'
    | OuterThis: field_access{type:primary '.' 'this'}
    | ClassLiteral: class_literal{type:result '.' 'class'}
size = Size: dimensions_expr{annotations:annotation* ~ '[' size:expression ']'}
parenthesized = Parenthesized: parenthesized_expression{'(' value:expression ')'}
place = Name: name:identifier
    | field_access
    | Index: array_access{array:indexed ~ '[' index:expression ']'}
field_access = Field: field_access{object:object '.' name:identifier}
    | OuterField: field_access{type:primary '.' 'super' '.' name:identifier}
object = primary | super
call = Call: method_invocation{name:identifier ~ argument_list{'(' arguments:expression*',' ')'}}
    | MethodCall: method_invocation{object:object '.' [type_arguments{'<'~ type_arguments:type_argument+',' ~'>'} ~]
            name:identifier ~ argument_list{'(' arguments:expression*',' ')'}}
    | OuterCall: method_invocation{type:primary '.' 'super' '.' [type_arguments{'<'~ type_arguments:type_argument+','
            ~'>'} ~] name:identifier ~ argument_list{'(' arguments:expression*',' ')'}}
creation = New: object_creation_expression{'new' annotations:annotation*
            [type_arguments{'<'~ type_arguments:type_argument+',' ~'>'}] type:class_type
            ~ argument_list{'(' arguments:expression*',' ')'} [body:class_body]}
    | InnerNew: object_creation_expression{object:primary '.' 'new' annotations:annotation*
            [type_arguments{'<'~ type_arguments:type_argument+',' ~'>'}] type:class_type
            ~ argument_list{'(' arguments:expression*',' ')'} [body:class_body]}
arguments = Arguments: argument_list{'(' arguments:expression*',' ')'}
literal = IntLiteral: value:int | FloatLiteral: value:float | CharLiteral: value:char | StringLiteral: value:string
    | TextBlock: value:text_block | True: 'true' | False: 'false' | Null: null_literal{'null'}
""",
    _TOKENS,  # The parser reads -x++ and (T) x++ as (-x)++ and ((T) x)++.
    Postfix(
        "update_expression", {"++": "PostIncrement", "--": "PostDecrement"}, ("unary_expression", "cast_expression")
    ),
)
