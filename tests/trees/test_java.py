"""Java comes back token for token; whatever its grammar derives parses."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codling.corpus.languages import language_named
from codling.errors import InputError
from codling.trees.grammar import (
    Action,
    Derivation,
    Production,
    actions_of,
    read_source,
    schema_of,
    shortest_action,
    shortest_length,
    tree_of,
    write_source,
)
from codling.trees.grammar.java import JAVA
from codling.trees.grammar.printing import print_tree, tokens_of_tree
from trees.random_trees import JAVA_TEXTS, random_actions

FILES = {
    "package": "@Deprecated package a.b; import java.util.*; import static java.lang.Math.max; ; interface A {} ;",
    "module": "/** m */ open module a.b { requires static transitive c; exports d to e, f.g; opens h; uses i.J;\n"
    "provides k.L with m.N, o; requires java.base; }",
    "nothing": "",
    "classes": """
@X(y = 1, z = {@A, "b" + C,}) @Y("a") @Z() public abstract class A<T extends B & C<?>, @D U> extends E.F<T>.G
        implements H, I<J[]> permits K {
    private static final int[] xs = {1, 2,}, ys[] = {{}, {3}};
    enum L implements M { N(1) { void f() {} }, @O P, ; int q; L(int... r) { this.q = r[0]; } }
    enum R { S, T } enum U {}
    record V<W>(int x, W @X [] y[]) implements Z { V { assert x > 0 : y; } static int w; }
    sealed interface AA<B> extends C, D permits E { int F = 1, G[] = {2}; default void h() {} void i(); ; }
    @interface BB { int a() default 1; String[] b() default {"c"}; Class<?> c()[]; int D = 1; class E {} }
    static { x = 1; } { y = 2; }
    <T> A(@Q final int a, T b) throws E, F { <T>this(a); }
    A() { super(); } A(B b) { b.<C>super(1); }
    protected synchronized <T, @A U> @B Map<String, ? super T> f(A<T> this, U... us) throws @C D { return null; }
    void g(@N A this, int i) {} void h(@N A A.this) {} void i(B A.this, C... c) {}
    native int j()[]; strictfp transient volatile non-sealed int k; byte l; short m; long n; char o; float p; double q;
    boolean r; List<? extends A> s; enum V { ; }
}
""",
    "statements": """
class A { void f() throws Exception {
    for (int i = 0, j = 1; i < j; i++, --j) if (a) b(); else if (c) d(); else { e(); }
    for (;;) break; for (a = 1, b(); ; ) continue; for (final var x : xs) ; for (int x[] : xs) { }
    outer: while (true) do { if (a) continue outer; break outer; } while (b);
    if (a) for (;;) while (b) x: if (c) d(); else e(); if (a) if (b) c(); else d(); else e();
    if (a) for (int i = 0; ; ) for (;;) b(); else c(); if (a) if (b) c();
    if (a) for (x y : z) for (int i = 0;;) u: while (b) { } else ;
    switch (x) { case 1: case 2 + 3: int y = 1; break; default: } switch (x) {} ;
    switch (x) { case A, B -> c(); case D d when d.e() > 1 -> { } case F(int g, H(var h, I<J> i)) -> throw k;
        case L<M>(var n) -> o(); case Q() -> r(); case null, default -> s(); default -> throw new P(); };
    int r = switch (x) { case 1: yield 2; default: { yield (3); } } + 4;
    try { } catch (final A | B.C e) { throw e; } finally { } try { } finally { ; }
    try (var a = b; c; d.e; @F final G g = h;) { } catch (E e[]) { } try (A a = b()) { } finally { }
    synchronized (this) { assert a; assert b : "c"; assert d = true; } final int a[] = {1}, b; var c = 1; class D {}
    record E() {}
    interface F {} enum G { H } return;
} int g() { return 1; } }
""",
    "a switch and a semicolon": "class A { void f() { for (a b : c) switch (a) {}; } }",
    "expressions": r"""
class A { Object f() {
    a = b += c -= d *= e /= f %= g &= h |= i ^= j <<= k >>= l >>>= m;
    x = a ? b ? c : d : e ? f : g -> h; x = a || b && c | d ^ e & f == g != h < (i <= j ? k : l);
    x = a + b - c * d / e % f << g >> h >>> i; x = a - (b - c) - -d + +e - --f + ++g; x = ~-!+a + - -b;
    x = a > b == c >= d; x = (a) - b; x = (int) -b; x = (A) b.c() + (B) (d) + (C) ~e + (int) (F) ++g;
    x = -a++ + (int) b-- + !(C) -(d)++; x = (A) (int) -b[0]++; a++; --b[1]; (c)++; ++this.d;
    x = (Runnable & B) () -> {}; x = (A) (B) c -> d; x = (A & B) c; x = (A) B::c;
    x = o instanceof A && p instanceof final B b && q instanceof C<?>[] && r instanceof D(int d, _, E(var f)) || s;
    x = new int[3][b + 1][]; x = new int[][] {{1}, {}}; x = new @A B @C [1]; x = new int[] {1, 2,}[0].length;
    x = new A.B<>(c) { int d; }; x = a.new B<C>(); x = new <A> B(); new C().d();
    x = int.class; x = A.B[].class; x = void.class; x = A.this; x = A.super.b; x = super.c; x = a.b.c[0][1].d;
    f(a, b -> c, (d, e) -> { return f; }, (int g, final H... h) -> i, () -> j, A::new, int[]::new, B<C>::<D>e);
    x = super::a; x = A.B.super::c; x = this::<D>e; x = a.b()::c; x = A<B>.C::d; x = (a ? b : c)::d;
    this.<A>b(); super.<C>d(); A.super.e(); A.B.super.<C>f(); g()[0].h().i(); "j".k(); 1 .l();
    x = 0 + 12L + 0x1F_FFL + 017 + 0b1_01 + 1_000 + 1.5 + 1.f + .5e-3d + 1e10 + 2f + 0x1.8p-3 + 'a' + '\'' + '\u0041';
    x = "" + "a\"b\\" + "\t🐟" + true + false + null + '"'; x = a < b || c > d; record = with.open(module, sealed);
    x = '''
        a "b" \t \
        c'''.strip(); x = a/* comment */.b // another
        .c();
    return (x);
} }
""".replace("'''", '"""'),
}


def syntax(source: str) -> list[tuple[str, bytes | int]]:
    """What tree-sitter sees: each node's kind with its text or how many children it has, without comments."""
    root = language_named("java").parser().parse(source.encode()).root_node
    assert not root.has_error, source
    found: list[tuple[str, bytes | int]] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        children = [child for child in node.children if not child.is_extra]
        found.append((node.type, len(children) or node.text or b""))
        waiting.extend(reversed(children))
    return found


@pytest.mark.parametrize("name", FILES)
def test_files_come_back(name: str) -> None:
    source = FILES[name]
    tree = read_source(source, "java")
    assert tree_of(JAVA.schema, actions_of(tree)) == tree
    written = write_source(tree, "java")
    assert syntax(written) == (syntax(source) if source else [("program", b"")])
    assert write_source(read_source(written, "java"), "java") == written


def test_every_constructor_is_in_the_files() -> None:
    seen = set().union(*(_names(actions_of(read_source(source, "java"))) for source in FILES.values()))
    assert set(JAVA.schema.constructors) - seen == set()


def test_the_text_reads_well() -> None:
    source = (
        "package a;import b.C;class D{@Override public int f(int[]x){if(x.length>0){return -x[0];}else{g();}"
        "for(int i=0;i<3;++i)h(i,x->x+1);switch(x[0]){case 1:return 2;default:}"
        "try{k();}catch(E e){}return new int[]{1};}int y;D(){super();}}"
    )
    assert (
        write_source(read_source(source, "java"), "java")
        == """\
package a;

import b.C;

class D {
    @Override public int f(int[] x) {
        if (x.length > 0) {
            return -x[0];
        } else {
            g();
        }
        for (int i = 0; i < 3; ++i) h(i, x -> x + 1);
        switch (x[0]) {
            case 1:
                return 2;
            default:
        }
        try {
            k();
        } catch (E e) {}
        return new int[] {1};
    }

    int y;

    D() {
        super();
    }
}
"""
    )


def test_an_increment_belongs_to_its_operand() -> None:
    """tree-sitter reads -x++ as (-x)++."""
    actions = list(actions_of(read_source("class A { int y = -(int) x++; }", "java")))
    names = [action.name for action in actions if isinstance(action, Production)]
    assert names[names.index("Minus") :] == ["Minus", "PrimitiveCast", "Int", "PostIncrement", "Name"]


def random_java(rng: random.Random) -> list[Action]:
    """A file, or some members or statements in a class."""
    frames = {
        "member": "class A { ; }",
        "interface_member": "interface A { ; }",
        "block_statement": "class A { void f() { ; } }",
    }
    kind = rng.choice(["module", *frames])
    budget = rng.choice([10, 30, 80])
    if kind == "module":
        return random_actions(rng, JAVA.schema, JAVA_TEXTS, kind, budget)
    frame = list(actions_of(read_source(frames[kind], "java")))
    at = frame.index(JAVA.schema.named("Stray"))
    parts = [random_actions(rng, JAVA.schema, JAVA_TEXTS, kind, budget) for _ in range(rng.randint(1, 3))]
    return [*frame[:at], *itertools.chain(*parts), *frame[at + 1 :]]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
@example(539)
@example(51247)
def test_every_derivation_parses(seed: int) -> None:
    actions = random_java(random.Random(seed))
    tree = tree_of(JAVA.schema, actions)
    text = print_tree(JAVA, tree)
    assert syntax(text)  # nothing is wrong or missing
    tokens = tokens_of_tree(JAVA, tree)
    if any(pair[0] == ")" and pair[1] in SIGNS for pair in itertools.pairwise(tokens)):
        return  # deep within annotations, tree-sitter may take (a) + b for a cast
    again = read_source(text, "java")
    assert tokens_of_tree(JAVA, again) == tokens
    if again != tree:
        assert (_names(actions_of(again)) | _names(actions)) & AMBIGUOUS


SIGNS = {"+", "-", "++", "--"}
AMBIGUOUS = {"SwitchExpression", "RecordPattern", "EmptyRecordPattern"}
"Two trees have one text: a switch with a semicolon behind it; a pattern without types, which a call could be, too."


def _names(actions: Iterable[Action]) -> set[str]:
    return {action.constructor.name for action in actions if isinstance(action, Production)}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), kept=st.floats(0, 1))
def test_any_derivation_can_be_ended_in_the_fewest_steps(seed: int, kept: float) -> None:
    actions = random_java(random.Random(seed))
    actions = actions[: int(kept * len(actions))]
    derivation = Derivation.start(JAVA.schema)
    for action in actions:
        derivation = derivation.take(action)
    length = shortest_length(JAVA.schema, derivation.slot)
    while derivation.slot is not None:
        derivation = derivation.take(shortest_action(JAVA.schema, derivation.slot))
    assert derivation.num_actions == len(actions) + length
    assert syntax(print_tree(JAVA, tree_of(JAVA.schema, derivation.actions())))


def test_expressions_may_be_thousands_of_operators_deep() -> None:
    source = "class A { String x = " + " + ".join(f'"{i}"' for i in range(5_000)) + "; }"
    assert syntax(write_source(read_source(source, "java"), "java")) == syntax(source)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("class A {", r"\} is missing \(line 1"),
        ("class A { int f( }", "not Java"),
        ("def f(): pass", "not Java"),
        ("void f() {}", "grammar has no such"),
        ("class A {\n  int x = 1;\n  void f() { a + b; }\n}", r"expression_statement .* \(line 3, column 14\)"),
        ('class A { String s = "\\{x}"; }', "grammar has no such"),
    ],
)
def test_what_cannot_be_read_is_an_input_error(source: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_source(source, "java")


@pytest.mark.parametrize(
    ("kind", "text", "right"),
    [
        ("identifier", "x$1", True),
        ("identifier", "class", False),
        ("identifier", "a.b", False),
        ("dotted", "a.b", True),
        ("dotted", "a.int", False),
        ("int", "0x1F_FL", True),
        ("int", "-1", False),
        ("int", "08", False),
        ("float", "1.", True),
        ("float", "1", False),
        ("char", "\\n", True),
        ("char", "'", False),
        ("string", 'a"', False),
        ("string", "a\n", False),
        ("string", "\\{x}", False),
        ("text_block", "\na", True),
        ("text_block", "a", False),
        ("text_block", '\na"', False),
    ],
)
def test_texts_fit_their_types(kind: str, text: str, right: bool) -> None:
    assert JAVA.token_types[kind].fits(text) is right


def test_a_name_that_is_a_keyword_where_it_stands_is_refused() -> None:
    tree = read_source("class A { void f() { x(1); } }", "java")
    actions: list[Action] = ["yield" if action == "x" else action for action in actions_of(tree)]
    with pytest.raises(InputError, match="another program"):
        write_source(tree_of(JAVA.schema, actions), "java")
    actions = ["while" if action == "x" else action for action in actions_of(tree)]
    with pytest.raises(InputError, match="'while' is no identifier"):
        write_source(tree_of(JAVA.schema, actions), "java")


def test_other_languages_have_no_grammar() -> None:
    with pytest.raises(InputError, match="no grammar of 'jav'; did you mean 'java'"):
        schema_of("jav")
