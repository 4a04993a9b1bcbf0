"""How fast does the training loop train, and what does it cost over PyTorch itself?

    python benchmarks/training.py [--preset python-small] [--device cuda] [--json]

Figures from one process, taken in turns so that a busy moment hits all alike. Without a preset, a character LSTM:

loop      codling.training.loop on an LSTM language model of this project
plain     baselines/plain_lstm.py: the same sizes, data, batch and window in the least PyTorch that trains

With a preset, its network over sub-words:

loop      codling.training.loop as the preset has it
plain     the same network, data, batch and window, with torch.nn.LSTM, the full softmax and float32
autocast  as plain, in bfloat16 by torch.autocast

GEMM is a large square matrix product in the loop's precision: the machine's ceiling. Prints tokens per second, their
ratio, and each one's share of the ceiling by its matrix products' FLOP (of the full softmax, whoever computes it).
"""

# B batch, T time, V vocabulary, E embedding, H hidden

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import math
import statistics
import sys
import tempfile
import time
import unittest.mock
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent / "baselines"))

from context import commit, cpu
from plain_lstm import PlainLSTM, train_plain

from codling.corpus.shards import ShardSet, Tokens
from codling.lm.config import ModelConfig, RunConfig, SampleConfig
from codling.lm.nets import RecurrentLM
from codling.lm.presets import preset
from codling.lm.task import LanguageModelTask
from codling.training.batches import Lanes
from codling.training.config import LoopConfig, OptimConfig
from codling.training.device import pick_device
from codling.training.loop import train
from codling.vocab import DOC, BpeVocab, CharVocab, Vocab

_MAX_TOKENS = 12_000_000  # more than any round reads
_GEMM_S = 0.5  # per size and library: long enough to find an undisturbed moment


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    config = run_config(arguments)
    shards = stdlib_shards(sub_words=arguments.preset is not None)
    flop_per_token = 3 * matmul_flop(config.model, shards.vocab.size)  # backward takes twice what forward does
    runs: dict[str, Callable[[], float]] = {"loop": lambda: run_loop(config, shards)}
    if arguments.preset is None:
        runs["plain"] = lambda: run_plain(config, shards, device)
    else:
        runs["plain"] = lambda: run_same_network(config, shards, device, bfloat16=False)
        runs["autocast"] = lambda: run_same_network(config, shards, device, bfloat16=True)
    bfloat16 = pick_device(arguments.device, config.loop.precision).bfloat16
    rounds: dict[str, list[float]] = {name: [] for name in (*runs, "gemm")}
    for i in range(arguments.rounds):
        rounds["gemm"].append(gemm_flop_per_s(device, bfloat16=bfloat16))
        for name in list(runs) if i % 2 == 0 else reversed(list(runs)):
            rounds[name].append(runs[name]())
    best = {name: max(figures) for name, figures in rounds.items()}
    result: dict[str, Any] = {
        "command": "python benchmarks/training.py " + " ".join(sys.argv[1:]),
        "commit": commit(),
        "machine": machine(device),
        "torch": torch.__version__,
        "seed": config.loop.seed,
        "model": dataclasses.asdict(config.model),
        "batch": config.loop.batch_size,
        "window": config.loop.window,
        "steps": config.loop.max_steps,
        "rounds": arguments.rounds,
        "tokens_per_s": {name: best[name] for name in runs},
        "loop_to": {
            name: statistics.median(a / b for a, b in zip(rounds["loop"], rounds[name], strict=True))
            for name in runs
            if name != "loop"
        },
        "gemm_tflop_per_s": best["gemm"] / 1e12,
        "share_of_gemm": {name: best[name] * flop_per_token / best["gemm"] for name in runs},
        "all_rounds": rounds,
    }
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        report(result)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--preset", help="of a sub-word model, such as python-small")
    parser.add_argument("--hidden", type=int, help="units per layer; 256 on the CPU, 768 on CUDA")
    parser.add_argument("--batch", type=int, help="lanes; 64 on the CPU, 1024 on CUDA")
    parser.add_argument("--window", type=int, help="tokens per lane and step; 128 on the CPU, 256 on CUDA")
    parser.add_argument("--steps", type=int, help="steps per round; 12 on the CPU, 100 on CUDA")
    parser.add_argument("--rounds", type=int, default=3, help="turns; the best figure of each counts")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.preset is None:
        defaults = {"cpu": (256, 64, 128, 12), "cuda": (768, 1024, 256, 100)}[arguments.device]
    else:
        defaults = {"cpu": (0, 64, 64, 24), "cuda": (0, 512, 128, 60)}[arguments.device]
    for name, value in zip(("hidden", "batch", "window", "steps"), defaults, strict=True):
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    return arguments


def run_config(arguments: argparse.Namespace) -> RunConfig:
    if arguments.preset is None:
        model = ModelConfig(cell="lstm", num_layers=2, hidden_size=arguments.hidden, embedding_size=64)
    else:
        model = preset(arguments.preset).model
    return RunConfig(
        name="benchmark",
        model=model,
        optim=OptimConfig(lr=1e-3, clip_norm=1.0),
        loop=LoopConfig(
            batch_size=arguments.batch,
            window=arguments.window,
            max_steps=arguments.steps,
            eval_every=arguments.steps,
            eval_tokens=1_000,
            checkpoint_s=1e9,
            device=arguments.device,
            precision="auto" if arguments.preset is not None or arguments.device == "cuda" else "float32",
        ),
        sample=SampleConfig(prompts=(), num_chars=1),
    )


def run_loop(config: RunConfig, shards: ShardSet) -> float:
    """Tokens per second of the loop's steps, after the first one; validation and files not counted, as in the peer."""
    with tempfile.TemporaryDirectory() as folder:
        task = LanguageModelTask(config, shards.vocab)
        outcome = train(task, shards, None, optim=config.optim, loop=config.loop, folder=Path(folder) / "run")
    return outcome.tokens_per_s


def run_plain(config: RunConfig, shards: ShardSet, device: torch.device) -> float:
    torch.manual_seed(config.loop.seed)
    model = PlainLSTM(shards.vocab.size, config.model.embedding_size, config.model.hidden_size, config.model.num_layers)
    tokens = torch.from_numpy(np.concatenate(shards.shards).astype(np.int64))
    return train_plain(
        model,
        tokens,
        batch=config.loop.batch_size,
        window=config.loop.window,
        steps=config.loop.max_steps or 1,
        lr=config.optim.lr,
        device=device,
        bfloat16=device.type == "cuda",
    )


def run_same_network(config: RunConfig, shards: ShardSet, device: torch.device, *, bfloat16: bool) -> float:
    """Tokens per second of the preset's own network as PyTorch runs it by itself, after the first step."""
    torch.manual_seed(config.loop.seed)
    model = RecurrentLM(config.model, shards.vocab.size).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.optim.lr)
    lanes = Lanes(shards, batch=config.loop.batch_size, window=config.loop.window, seed=0)
    state = model.initial_state(config.loop.batch_size, device)
    num_steps = config.loop.max_steps or 1

    def plain(layer: torch.nn.Module, x_BTE: Tensor, before: tuple[Tensor, Tensor]) -> Any:
        return layer(x_BTE, (before[0].to(x_BTE.dtype), before[1].to(x_BTE.dtype)))

    started = time.perf_counter()
    for step in range(num_steps):
        inputs_BT, targets_BT = (torch.from_numpy(ids).to(device) for ids in lanes.window(step))
        with (
            unittest.mock.patch("codling.lm.nets._run_lstm", plain),
            torch.autocast(device.type, torch.bfloat16, enabled=bfloat16),
        ):
            logits_BTV, state = model(inputs_BT, state)
            loss = functional.cross_entropy(logits_BTV.flatten(0, 1).float(), targets_BT.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.optim.clip_norm or math.inf)
        optimizer.step()
        optimizer.zero_grad()
        state = {name: tensor.detach() for name, tensor in state.items()}
        loss.item()
        if step == 0:
            started = time.perf_counter()
    return (num_steps - 1) * config.loop.batch_size * config.loop.window / (time.perf_counter() - started)


def gemm_flop_per_s(device: torch.device, *, bfloat16: bool) -> float:
    """The best of many products of square matrices of several sizes, in the precision that training uses there.

    On the CPU oneDNN is asked too: PyTorch's own matrix product may go to MKL, which is slow on other makers' CPUs.
    """
    sizes = (4096, 8192) if device.type == "cuda" else (512, 1024, 2048)
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    best = 0.0
    for size in sizes:
        a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
        best = max(best, 2 * size**3 / fastest_s(lambda a=a, b=b: a @ b, device))
        if device.type == "cpu" and not bfloat16 and torch.backends.mkldnn.is_available():
            packed = a.to_mkldnn()
            best = max(best, 2 * size**3 / fastest_s(lambda a=packed, b=b: torch.ops.aten.mkldnn_linear(a, b), device))
    return best


def fastest_s(function: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of the calls that fit into a while."""
    function()
    fastest, began = math.inf, time.perf_counter()
    while time.perf_counter() - began < _GEMM_S:
        synchronise(device)
        start = time.perf_counter()
        function()
        synchronise(device)
        fastest = min(fastest, time.perf_counter() - start)
    return fastest


def matmul_flop(model: ModelConfig, vocab_size: int) -> int:
    """FLOP of the forward matrix products per token: four gates in each layer, and the output layer."""
    looked_up = model.ngram_size * len(model.ngram_orders) + model.match_size * len(model.match_orders)
    inputs = [model.embedding_size + looked_up] + [model.hidden_size] * (model.num_layers - 1)
    cells = sum(2 * 4 * model.hidden_size * (size + model.hidden_size) for size in inputs)
    if model.tied:
        return cells + 2 * model.embedding_size * (model.hidden_size + vocab_size)
    return cells + 2 * model.hidden_size * vocab_size


def stdlib_shards(*, sub_words: bool) -> ShardSet:
    """Real code, the same on every machine with this Python: the standard library's modules by name."""
    paths = sorted(Path(inspect.getfile(json)).parents[1].glob("**/*.py"))
    texts = [p.read_text(encoding="utf-8", errors="replace") for p in paths if "site-packages" not in p.parts]
    vocab: Vocab = BpeVocab.train(texts, 8_192) if sub_words else CharVocab()
    shards: list[Tokens] = []
    for text in texts:
        if sum(map(len, shards)) < _MAX_TOKENS:
            shards.append(np.array([DOC, *vocab.encode(text)], np.uint16))
    return ShardSet(folder=Path("stdlib"), split="train", vocab=vocab, shards=(np.concatenate(shards),))


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{cpu()}, threads: {torch.get_num_threads()}"


def report(result: dict[str, Any]) -> None:
    model = result["model"]
    print(f"{result['command']}\ncommit {result['commit']} · {result['machine']} · PyTorch {result['torch']}")
    print(
        f"LSTM {model['num_layers']} × {model['hidden_size']}, batch {result['batch']}, window {result['window']}, "
        f"seed {result['seed']}, best of {result['rounds']} rounds of {result['steps']} steps"
    )
    for name, speed in result["tokens_per_s"].items():
        print(f"{name:9}{speed:>12,.0f} tokens/s   {result['share_of_gemm'][name]:.1%} of GEMM")
    print(f"GEMM     {result['gemm_tflop_per_s']:>12.3f} TFLOP/s")
    for name, ratio in result["loop_to"].items():
        print(f"loop / {name}, median of rounds: {ratio:.3f}")


if __name__ == "__main__":
    main()
