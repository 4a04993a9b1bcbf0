"""The house's rules, read from the imports themselves: arrows run down, and nobody who serves needs PyTorch.

``python tests/test_architecture.py`` prints the graph of rooms.
"""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
PACKAGE = "codling"

# Who may import whom: downwards only, and neighbours on a line do not look sideways. A new room takes its place here.
# What exports a model (lm) runs it once to see that it is right, so it stands above the engine, which never sees it.
LINES = (
    ("cli",),
    ("serve", "evaluate"),
    ("complete", "search", "write", "npi"),
    ("lm", "trees"),
    ("engine",),
    ("tune", "training", "fold"),
    ("corpus",),
    ("vocab", "bundle", "hold"),
    ("config", "files", "html", "types"),
    ("errors",),
)
LEVEL = {room: -row for row, rooms in enumerate(LINES) for room in rooms}

HEAVY = {"torch", "onnx", "pyarrow", "matplotlib", "optuna", "datasketch", "rensa", "unearth", "ray"}
"What only training, tuning and gathering may import."
STANDARD_LIBRARY_ONLY = ("config", "files", "html", "types", "errors")
SERVING_ROOMS = ("serve", "complete", "search", "write", "npi", "engine", "vocab", "bundle", *STANDARD_LIBRARY_ONLY)
TORCH_ROOMS = {"lm", "training", "tune", "trees", "fold"}
TORCH_PACKAGES = ("codling.npi.train", "codling.search.train")
"Parts of rooms that are otherwise free of it."
TRAINING_COMMANDS = {
    f"codling.cli.{name}"
    for name in ("train", "tune", "corpus", "corpus_pairs", "search_train", "train_writer", "train_encoders")
}


@dataclass(frozen=True)
class Import:
    """One import statement's target, as seen from a module."""

    importer: str
    target: str
    line: int
    on_import: bool
    "It runs when the importer is imported: neither inside a function nor for type checkers only."
    at_run_time: bool
    "It runs at all: not for type checkers only."

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


@functools.cache
def modules() -> dict[str, Path]:
    found = {}
    for file in sorted((SRC / PACKAGE).rglob("*.py")):
        parts = file.relative_to(SRC).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@functools.cache
def imports() -> tuple[Import, ...]:
    found: list[Import] = []
    for module, file in modules().items():
        _Reader(module, file.name == "__init__.py", found).visit(ast.parse(file.read_text(encoding="utf-8")))
    return tuple(found)


class _Reader(ast.NodeVisitor):
    def __init__(self, module: str, is_package: bool, found: list[Import]) -> None:
        self.module, self.is_package, self.found = module, is_package, found
        self.in_function = self.for_types = False

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        before, self.in_function = self.in_function, True
        self.generic_visit(node)
        self.in_function = before

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_Lambda = visit_FunctionDef

    def visit_If(self, node: ast.If) -> None:
        before = self.for_types
        self.for_types = before or (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
        for statement in node.body:
            self.visit(statement)
        self.for_types = before
        for statement in node.orelse:
            self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            parts = self.module.split(".")
            parts = parts[: len(parts) - node.level + self.is_package]
            base = ".".join([*parts, base] if base else parts)
        for alias in node.names:  # `from a import b` may mean the module a.b
            name = f"{base}.{alias.name}"
            self._add(name if name in modules() else base, node.lineno)

    def _add(self, target: str, line: int) -> None:
        on_import = not self.in_function and not self.for_types
        self.found.append(Import(self.module, target, line, on_import, not self.for_types))


def room(module: str) -> str | None:
    """The room of one of our modules; None for the package itself, whose doors open lazily, and its __main__."""
    parts = module.split(".")
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 and parts[1] != "__main__" else None


def room_graph() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = defaultdict(set)
    for each in imports():
        one, other = room(each.importer), room(each.target)
        if one and other and one != other:
            graph[one].add(other)
    return graph


def print_graph() -> None:
    graph = room_graph()
    present = {room(module) for module in modules()}
    for rooms in LINES:
        for each in (each for each in rooms if each in present):
            print(f"{each:>9} -> {', '.join(sorted(graph[each], key=lambda name: -LEVEL.get(name, 0))) or 'nobody'}")


def test_every_room_has_its_place() -> None:
    print_graph()
    strangers = {each for each in map(room, modules()) if each} - set(LEVEL)
    assert not strangers, f"give {strangers} a line in LINES"


def test_arrows_run_down_and_neighbours_do_not_look_sideways() -> None:
    wrong = [
        str(each)
        for each in imports()
        if (one := room(each.importer))
        and (other := room(each.target))
        and one != other
        and {one, other} <= LEVEL.keys()  # a room without a place is the test above's matter
        and LEVEL[other] >= LEVEL[one]
    ]
    assert not wrong, "\n".join(wrong)


def test_the_ground_floor_needs_the_standard_library_only() -> None:
    wrong = [
        str(each)
        for each in imports()
        if each.at_run_time
        and room(each.importer) in STANDARD_LIBRARY_ONLY
        and (top := each.target.split(".")[0]) != PACKAGE
        and top not in sys.stdlib_module_names
    ]
    assert not wrong, "\n".join(wrong)


def test_pytorch_stays_where_models_are_trained() -> None:
    wrong = [
        str(each)
        for each in imports()
        if each.at_run_time
        and each.target.split(".")[0] == "torch"
        and room(each.importer) not in TORCH_ROOMS
        and not each.importer.startswith(TORCH_PACKAGES)
    ]
    assert not wrong, "\n".join(wrong)


def serving_modules() -> set[str]:
    """All that serving can come to import, inside functions too, and what the command line imports before a command."""
    by_importer: dict[str, list[Import]] = defaultdict(list)
    for each in imports():
        by_importer[each.importer].append(each)
    waiting = [m for m in modules() if room(m) in SERVING_ROOMS and not m.startswith(TORCH_PACKAGES)]
    waiting += [m for m in modules() if room(m) == "cli" and m not in TRAINING_COMMANDS]
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen or module not in modules():
            continue
        seen.add(module)
        command_line = room(module) == "cli"
        waiting += [
            each.target for each in by_importer[module] if (each.on_import if command_line else each.at_run_time)
        ]
    return seen


def test_serving_imports_nothing_that_only_training_needs() -> None:
    reached = serving_modules()
    assert {"codling.serve.http", "codling.complete.completer", "codling.engine.model"} <= reached
    wrong = [
        str(each)
        for each in imports()
        if each.importer in reached
        and each.target.split(".")[0] in HEAVY
        and (each.on_import if room(each.importer) == "cli" else each.at_run_time)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_by_way_of_others() -> None:
    after: dict[str, set[str]] = defaultdict(set)
    for each in imports():
        if each.on_import and each.target in modules() and each.target != each.importer:
            after[each.importer].add(each.target)
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for target in sorted(after[module]):
                walk(target, (*path, module))
            done.add(module)

    for module in modules():
        walk(module, ())


_WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {heavy!r}:
            raise ImportError(f"{{name}} is not to be imported here")
sys.meta_path.insert(0, Refuse())
import importlib
for name in {names!r}:
    importlib.import_module(name)
"""


def test_serving_can_be_imported_where_there_is_no_pytorch() -> None:
    names = sorted(m for m in modules() if room(m) in (*SERVING_ROOMS, "cli") and not m.startswith(TORCH_PACKAGES))
    code = _WITHOUT.format(heavy=HEAVY, names=names)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", ["", "--help", "bundle --help", "serve --help", "search --help", "--version"])
def test_help_loads_nothing_heavy(arguments: str) -> None:
    """What takes time to import: it must wait until a command needs it. "" is `import codling` alone."""
    code = "import sys; sys.argv[0] = 'codling'; import codling\n"
    if arguments:
        code += (
            f"sys.argv += {arguments.split()!r}\nfrom codling.cli import main\ntry: main()\nexcept SystemExit: pass\n"
        )
    code += "print('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert PACKAGE in loaded
    slow = {"numpy", "onnxruntime", "starlette", "uvicorn", "msgspec", "tree_sitter", "tantivy", "regex"}
    assert not loaded & (HEAVY | slow)


if __name__ == "__main__":
    print_graph()
