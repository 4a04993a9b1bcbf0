"""How fast does the training loop train, and what does it cost over PyTorch itself?

    python benchmarks/training.py [--device cuda] [--json]

Three figures from one process, taken in turns so that a busy moment hits all alike:

loop      codling.training.loop on an LSTM language model of this project
plain     baselines/plain_lstm.py: the same sizes, data, batch and window in the least PyTorch that trains
GEMM      a large square matrix product in the same precision: the machine's ceiling

Prints tokens per second, their ratio, and each one's share of the ceiling by its matrix products' FLOP.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent / "baselines"))

from context import commit, cpu
from plain_lstm import PlainLSTM, train_plain

from codling.corpus.shards import ShardSet, Tokens
from codling.lm.config import ModelConfig, RunConfig, SampleConfig
from codling.lm.task import LanguageModelTask
from codling.training.config import LoopConfig, OptimConfig
from codling.training.loop import train
from codling.vocab import DOC, CharVocab

_MAX_TOKENS = 12_000_000  # more than any round reads
_GEMM_S = 0.5  # per size and library: long enough to find an undisturbed moment


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    shards = stdlib_shards()
    config = run_config(arguments)
    flop_per_token = 3 * matmul_flop(config.model, shards.vocab.size)  # backward takes twice what forward does
    rounds: dict[str, list[float]] = {"loop": [], "plain": [], "gemm": []}
    for i in range(arguments.rounds):
        rounds["gemm"].append(gemm_flop_per_s(device))
        order = ("loop", "plain") if i % 2 == 0 else ("plain", "loop")
        for name in order:
            rounds[name].append(run_loop(config, shards) if name == "loop" else run_plain(config, shards, device))
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
        "loop_tokens_per_s": best["loop"],
        "plain_tokens_per_s": best["plain"],
        "loop_to_plain": statistics.median(a / b for a, b in zip(rounds["loop"], rounds["plain"], strict=True)),
        "gemm_tflop_per_s": best["gemm"] / 1e12,
        "loop_share_of_gemm": best["loop"] * flop_per_token / best["gemm"],
        "plain_share_of_gemm": best["plain"] * flop_per_token / best["gemm"],
        "all_rounds": rounds,
    }
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        report(result)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--hidden", type=int, help="units per layer; 256 on the CPU, 768 on CUDA")
    parser.add_argument("--batch", type=int, help="lanes; 64 on the CPU, 1024 on CUDA")
    parser.add_argument("--window", type=int, help="tokens per lane and step; 128 on the CPU, 256 on CUDA")
    parser.add_argument("--steps", type=int, help="steps per round; 12 on the CPU, 100 on CUDA")
    parser.add_argument("--rounds", type=int, default=3, help="turns; the best figure of each counts")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    defaults = {"cpu": (256, 64, 128, 12), "cuda": (768, 1024, 256, 100)}[arguments.device]
    for name, value in zip(("hidden", "batch", "window", "steps"), defaults, strict=True):
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    return arguments


def run_config(arguments: argparse.Namespace) -> RunConfig:
    return RunConfig(
        name="benchmark",
        model=ModelConfig(cell="lstm", num_layers=2, hidden_size=arguments.hidden, embedding_size=64),
        optim=OptimConfig(lr=1e-3, clip_norm=1.0),
        loop=LoopConfig(
            batch_size=arguments.batch,
            window=arguments.window,
            max_steps=arguments.steps,
            eval_every=arguments.steps,
            eval_tokens=1_000,
            checkpoint_s=1e9,
            device=arguments.device,
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


def gemm_flop_per_s(device: torch.device) -> float:
    """The best of many products of square matrices of several sizes, in the precision that training uses there.

    On the CPU oneDNN is asked too: PyTorch's own matrix product may go to MKL, which is slow on other makers' CPUs.
    """
    sizes, dtype = ((4096, 8192), torch.bfloat16) if device.type == "cuda" else ((512, 1024, 2048), torch.float32)
    best = 0.0
    for size in sizes:
        a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
        best = max(best, 2 * size**3 / fastest_s(lambda a=a, b=b: a @ b, device))
        if device.type == "cpu" and torch.backends.mkldnn.is_available():
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
    inputs = [model.embedding_size] + [model.hidden_size] * (model.num_layers - 1)
    cells = sum(2 * 4 * model.hidden_size * (size + model.hidden_size) for size in inputs)
    return cells + 2 * model.hidden_size * vocab_size


def stdlib_shards() -> ShardSet:
    """Real code, the same on every machine with this Python: the standard library's modules by name."""
    vocab = CharVocab()
    shards: list[Tokens] = []
    for path in sorted(Path(inspect.getfile(json)).parents[1].glob("**/*.py")):
        if "site-packages" not in path.parts and sum(map(len, shards)) < _MAX_TOKENS:
            text = path.read_text(encoding="utf-8", errors="replace")
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
    print(f"loop   {result['loop_tokens_per_s']:>12,.0f} tokens/s   {result['loop_share_of_gemm']:.1%} of GEMM")
    print(f"plain  {result['plain_tokens_per_s']:>12,.0f} tokens/s   {result['plain_share_of_gemm']:.1%} of GEMM")
    print(f"GEMM   {result['gemm_tflop_per_s']:>12.3f} TFLOP/s")
    print(f"loop / plain, median of rounds: {result['loop_to_plain']:.3f}")


if __name__ == "__main__":
    main()
