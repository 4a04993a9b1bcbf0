"""Learn a task on top of a trained core whose weights stay as they are (Reed & de Freitas 2016, section 4.3: MAX)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from codling.config import from_mapping
from codling.errors import BundleError
from codling.npi.library import Library
from codling.npi.model import Interpreter, Known, load_interpreter
from codling.npi.network import Network
from codling.npi.task import Task
from codling.npi.tasks import TASKS
from codling.npi.train.config import CoreConfig, NPIConfig
from codling.npi.train.graph import build_graph
from codling.npi.train.loop import Trainer, make_pupils
from codling.npi.train.net import Core
from codling.npi.train.run import Result, run_rounds
from codling.npi.verify import verify

__all__ = ["extend", "restore", "train_from", "train_onto"]

_TABLES = ("values", "programs", "keys")
"What has a row for each observed value or program: new ones are learned, the others stay."


def train_onto(name: str, tasks: Sequence[Task], config: NPIConfig, **common: Any) -> tuple[Result, dict[str, Known]]:
    """Train new tasks on the core of a bundle: only rows for new programs and new observed values are learned.

    Args:
        common: what run_rounds takes: folder, fresh, on_step, on_round, progress.

    Returns:
        The result, in which what the bundle knew is proved again for the new graph, and what it knew.
    """
    torch.manual_seed(config.train.seed)
    base = load_interpreter(name)
    library = base.network.library.copy()
    for task in tasks:
        library.add(task, frozen=True)
    core = extend(restore(base), base.network.library, library)
    pupils = make_pupils(tasks, library, config, common.get("on_step", lambda _: None))
    config = replace(config, train=replace(config.train, keep_lr=True))
    result = run_rounds(Trainer(core, pupils, library, config), config, **common)
    return result, _prove_again(base, result)


def train_from(name: str, tasks: Sequence[Task], config: NPIConfig, **common: Any) -> Result:
    """Train on from the weights of a bundle; all of them are learned further, and the tasks may be others.

    Raises:
        TaskError: the tasks need a larger core.
    """
    torch.manual_seed(config.train.seed)
    base = load_interpreter(name)
    was = base.network.library
    library = Library(
        num_features=was.num_features,
        num_arguments=was.num_arguments,
        num_argument_values=was.num_argument_values,
    )
    for task in tasks:
        library.add(task, frozen=True)
    core = extend(restore(base), was, library, freeze=False)
    config = replace(config, core=core.config)
    pupils = make_pupils(tasks, library, config, common.get("on_step", lambda _: None))
    return run_rounds(Trainer(core, pupils, library, config), config, **common)


def _prove_again(base: Interpreter, result: Result) -> dict[str, Known]:
    """What a bundle knew, for the graph that has grown: certificates are of one graph, and so are made anew."""
    graph = build_graph(result.core)
    digest, network = hashlib.sha256(graph).hexdigest(), Network(graph, result.library)
    known: dict[str, Known] = {}
    for name, row in base.known.items():
        if name not in TASKS:
            why = "not proved since its core learned more; `codling npi verify` proves it"
            known[name] = replace(row, certificate=None, reason=why)
            continue
        verdict = verify(network, TASKS[name](row.recursion), model_sha256=digest)
        known[name] = replace(row, certificate=verdict.certificate, reason=verdict.reason)
    return known


def restore(interpreter: Interpreter) -> Core:
    """The core of a bundle as a PyTorch module, out of its graph.

    Raises:
        BundleError: it was not written by codling's training.
    """
    bundle, library = interpreter.bundle, interpreter.network.library
    try:
        config = from_mapping(CoreConfig, bundle.card.training["core"])
    except KeyError:
        raise BundleError(f"bundle {bundle.path} does not say of what sizes its core is") from None
    graph = onnx.load_from_string(bundle.file("model.onnx").read_bytes()).graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    core = Core(config, library)
    tensors: dict[str, Any] = {
        "values.weight": constants["values"],
        "encoder_bias": constants["encoder.first"],
        "programs.weight": constants["programs"],
        "arguments.weight": constants["arguments.table"],
        "keys.weight": constants["keys"].T,
    }
    linear = {"encoder": "encoder", "stop": "stop_head", "query": "query", "argument_heads": "argument_heads"}
    for module, written in linear.items():
        tensors[f"{module}.weight"] = constants[f"{written}.weight"].T
        tensors[f"{module}.bias"] = constants[f"{written}.bias"]
    for layer in range(config.num_layers):
        for part in ("weight_ih", "weight_hh"):
            tensors[f"lstm.{part}_l{layer}"] = _reorder(constants[f"lstm{layer}.{part}"][0])
        for part, bias in zip(("bias_ih", "bias_hh"), np.split(constants[f"lstm{layer}.bias"][0], 2), strict=True):
            tensors[f"lstm.{part}_l{layer}"] = _reorder(bias)
    core.load_state_dict({name: torch.tensor(np.ascontiguousarray(array)) for name, array in tensors.items()})
    return core


def extend(core: Core, old: Library, new: Library, *, freeze: bool = True) -> Core:
    """The core with the tables of another library: rows of one key are taken over, new ones start at random.

    Args:
        freeze: only new rows are learned; all that was there stays as it is.
    """
    extended = Core(core.config, new)
    was, weights = core.state_dict(), extended.state_dict()
    for name, tensor in was.items():
        if name.removesuffix(".weight") not in _TABLES:
            weights[name] = tensor
    fresh: dict[str, Tensor] = {}
    for table in _TABLES:
        before, after = (getattr(library, "values" if table == "values" else "programs") for library in (old, new))
        row_of = {key: row for row, key in enumerate(before)}
        known = [row for row, key in enumerate(after) if key in row_of]
        weights[f"{table}.weight"][known] = was[f"{table}.weight"][[row_of[after[row]] for row in known]]
        fresh[table] = torch.ones(len(after), 1)
        fresh[table][known] = 0
    extended.load_state_dict(weights)
    if freeze:
        for name, parameter in extended.named_parameters():
            parameter.requires_grad = name.removesuffix(".weight") in _TABLES
        for table, is_new in fresh.items():
            module = getattr(extended, table)
            assert isinstance(module, nn.Embedding)
            module.weight.register_hook(is_new.mul)  # type: ignore[no-untyped-call]
    return extended


def _reorder(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Gates from ONNX's order i, o, f, c to PyTorch's i, f, c, o."""
    i, o, f, c = np.split(array, 4)
    return np.concatenate([i, f, c, o])
