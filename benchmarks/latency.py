"""How long does someone wait? A sample, a keystroke and a cold open, beside the same model in plain PyTorch.

    python benchmarks/latency.py --model python-char [--file FILE.py] [--json]

Both run in one process on one core, in turn, on the same text. PyTorch computes in float32 with the bundle's own
weights (int8 ones times their scales); it keeps its state between keystrokes as codling does, and, in a row of its own,
reads the text before the cursor again each time, as the paper's server did.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks" / "baselines"))
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when the libraries load
    os.environ[name] = "1"

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import torch  # noqa: E402
from context import commit, cpu, take_one_core  # noqa: E402
from torch_lm import TorchRunner, load_torch  # noqa: E402

from codling import Completer, load_bundle  # noqa: E402
from codling.bundle import default_model  # noqa: E402
from codling.complete.completer import MAX_LINE  # noqa: E402
from codling.engine.prefix import window_start  # noqa: E402
from codling.engine.sampling import SamplingConfig  # noqa: E402
from codling.vocab import DOC  # noqa: E402

SAMPLE_CHARS = 300  # what took the paper "up to 10 seconds"
TYPED_FROM = 4_000  # characters of the file that stand there before the typing begins
COLD_CHARS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="bundle of `codling train`; by default the one that completes Python")
    parser.add_argument("--file", type=Path, default=Path(argparse.__file__), help="file whose typing is replayed")
    parser.add_argument("--keystrokes", type=int, default=400)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    warnings.filterwarnings("ignore", message="TF32")  # PyTorch's own, when oneDNN is turned off
    core = take_one_core()
    torch.set_num_threads(1)
    bundle = load_bundle(options.model or default_model("python"))
    completer = Completer(bundle.path, threads=1)
    network = load_torch(bundle)
    peers = {"PyTorch": TorchRunner(network), "PyTorch without oneDNN": TorchRunner(network, onednn=False)}
    text = options.file.read_text(encoding="utf-8")
    if len(text) < TYPED_FROM + options.keystrokes:
        sys.exit(f"{options.file} is too short: it takes {TYPED_FROM + options.keystrokes:,} characters")

    difference = _difference(completer, peers["PyTorch"], text[:1_000])
    rows = [
        *_samples(completer, peers, options.samples, options.seed),
        *_keystrokes("keystroke, as editors show it", completer, peers, text, options.keystrokes),
        *_keystrokes(
            "keystroke, whole line", Completer(bundle.path, threads=1, sure=0), peers, text, options.keystrokes // 4
        ),
        *_cold_opens(completer, peers, text),
    ]
    report = {
        "command": " ".join(["python", "benchmarks/latency.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": f"{cpu()}, one core{'' if core is None else f' (number {core})'}, {platform.platform()}",
        "versions": {
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "model": f"{bundle.name}: {bundle.num_bytes / 1e6:.1f} MB, {_shape(bundle.card.training['config']['model'])}",
        "peer": "PyTorch float32 with the bundle's weights; its log-probabilities differ by "
        f"{difference:.3f} nats on average (int8 activations)",
        "file": options.file.name,
        "seed": options.seed,
        "rows": rows,
    }
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print(report)


def _samples(completer: Completer, peers: dict[str, TorchRunner], num: int, seed: int) -> list[dict[str, Any]]:
    """300 characters after a short prompt; a sample that ends sooner counts with its time per character."""
    prompt = "import os\ndef "
    tokens = [DOC, *completer.model.vocab.encode(prompt)]
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    for i in range(num + 1):
        config = SamplingConfig(seed=seed + i, max_chars=SAMPLE_CHARS)
        completer.reader.forget()
        start = time.perf_counter()
        drawn = "".join(completer.sample(prompt, config))
        ours.append(_ms_since(start) * SAMPLE_CHARS / max(1, len(drawn)))
        for name, runner in peers.items():
            start = time.perf_counter()
            runner.sample(tokens, SAMPLE_CHARS, config.temperature, seed + i)
            theirs[name].append(_ms_since(start))
    return [_row(f"sample of {SAMPLE_CHARS} characters", name, ours[1:], times[1:]) for name, times in theirs.items()]


def _keystrokes(
    what: str, completer: Completer, peers: dict[str, TorchRunner], text: str, num: int
) -> list[dict[str, Any]]:
    """Someone types the file on; after each character the rest of the line is suggested, as far as codling is sure.

    A peer writes as many characters as codling suggested and one more, the one at which codling stopped; where codling
    wants whole lines, which it finds by beam search, a peer writes the whole line, the likeliest character each time.
    """
    vocab = completer.model.vocab
    newline = vocab.encode("\n")[0]
    completer.reader.forget()
    completer.complete(text[:TYPED_FROM])
    begin = window_start(text[:TYPED_FROM], completer.reader.context)
    read = [DOC, *vocab.encode(text[begin:TYPED_FROM])]
    states = {name: runner.read(read)[1] for name, runner in peers.items()}
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    again: list[float] = []
    num_ours = num_theirs = num_right = 0
    for end in range(TYPED_FROM + 1, TYPED_FROM + num + 1):
        start = time.perf_counter()
        answer = completer.complete(text[:end])
        ours.append(_ms_since(start))
        suggested = answer.suggestions[0].text if answer.suggestions else ""
        num_ours += len(suggested)
        num_right += suggested == text[end : text.find("\n", end)]
        for name, runner in peers.items():
            start = time.perf_counter()
            logits_V, states[name] = runner.read(vocab.encode(text[end - 1]), states[name])
            line = runner.line(logits_V, states[name], newline, len(suggested) + 1 if completer.sure else MAX_LINE)
            theirs[name].append(_ms_since(start))
        num_theirs += len(line)
        if end % max(1, num // 8) == 0:  # slow, so only now and then
            start = time.perf_counter()
            peer = peers["PyTorch"]
            peer.line(*peer.read([DOC, *vocab.encode(text[begin:end])]), newline, len(line))
            again.append(_ms_since(start))
    note = f"{num_ours / num:.0f} and {num_theirs / num:.0f} characters suggested; {num_right / num:.0%} of ours right"
    rows = [_row(what, f"{name}, state kept", ours, times, note) for name, times in theirs.items()]
    return [*rows, _row(what, "PyTorch, text read again", ours, again)]


def _cold_opens(completer: Completer, peers: dict[str, TorchRunner], text: str) -> list[dict[str, Any]]:
    """The first suggestion in a file that has just been opened; all read the same characters of it."""
    text = (text * (COLD_CHARS // len(text) + 1))[:COLD_CHARS]
    window = text[window_start(text, completer.reader.context) :]
    tokens = [DOC, *completer.model.vocab.encode(window)]
    newline = completer.model.vocab.encode("\n")[0]
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(6):
        completer.reader.forget()
        start = time.perf_counter()
        answer = completer.complete(text)
        ours.append(_ms_since(start))
        suggested = len(answer.suggestions[0].text) if answer.suggestions else 0
        for name, runner in peers.items():
            start = time.perf_counter()
            runner.line(*runner.read(tokens), newline, suggested + 1)
            theirs[name].append(_ms_since(start))
    note = f"{len(window):,} characters are read"
    return [
        _row(f"cold open of {COLD_CHARS // 1_000} kB", name, ours[1:], times[1:], note)
        for name, times in theirs.items()
    ]


def _difference(completer: Completer, runner: TorchRunner, text: str) -> float:
    """Mean difference of the log-probabilities of a text's own characters: is it really the same model?"""
    tokens = [DOC, *completer.model.vocab.encode(text)]
    log_probs_BTV, _ = completer.model.run([tokens[:-1]], completer.model.initial_state(1))
    with torch.inference_mode():
        logits_BTV, _ = runner.model(torch.tensor([tokens[:-1]]), runner.model.initial_state(1))
        expected_TV = torch.log_softmax(logits_BTV[0], -1).numpy()
    rows = np.arange(len(tokens) - 1)
    return float(np.abs(log_probs_BTV[0][rows, tokens[1:]] - expected_TV[rows, tokens[1:]]).mean())


def _ms_since(start: float) -> float:
    return (time.perf_counter() - start) * 1_000


def _row(what: str, peer_name: str, ours: list[float], theirs: list[float], note: str = "") -> dict[str, Any]:
    codling, peer = (
        {"p50_ms": float(np.percentile(times, 50)), "p95_ms": float(np.percentile(times, 95)), "n": len(times)}
        for times in (ours, theirs)
    )
    ratio = peer["p50_ms"] / codling["p50_ms"]
    return {"what": what, "peer": peer_name, "codling": codling, "torch": peer, "ratio_p50": ratio, "note": note}


def _print(report: dict[str, Any]) -> None:
    for key in ("command", "commit", "machine", "model", "peer", "file", "seed"):
        print(f"{key}: {report[key]}")
    print("versions: " + ", ".join(f"{name} {version}" for name, version in report["versions"].items()))
    print()
    print(f"{'milliseconds':25} {'codling p50':>11} {'p95':>8}   {'peer':36} {'p50':>9} {'p95':>9} {'ratio':>7}")
    for row in report["rows"]:
        ours, theirs = row["codling"], row["torch"]
        print(
            f"{row['what']:25} {ours['p50_ms']:11.2f} {ours['p95_ms']:8.2f}   {row['peer']:36} "
            f"{theirs['p50_ms']:9.2f} {theirs['p95_ms']:9.2f} {row['ratio_p50']:6.1f}x"
        )
    for note in dict.fromkeys(row["note"] for row in report["rows"] if row["note"]):
        print(note)


def _shape(config: dict[str, Any]) -> str:
    return f"{config['num_layers']} x {config['hidden_size']} {config['cell']}"


if __name__ == "__main__":
    main()
