"""How long does an editor wait? Somebody types a file that no model has seen, and every keystroke asks a real server.

    python benchmarks/server_latency.py [--model NAME]… [--project DIR] [--file FILE.py] [--keystrokes N] [--json]

The server is a process of its own; it and the client, which waits for each answer, share one core. After each
character the client asks, over one connection, for the next tokens, for whole lines (a beam of 5), and for the line
that editors show. The file is typed on from its middle, where it has been open for a while, and without comments, in
which codling has nothing to say. Models take turns, keystroke by keystroke, so that a disturbance hits all alike; the
first is compared with each of the others. A request that needs no model (`/healthz`) shows what the way there and back
costs. Resident memory is the server's, after all this.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when the libraries load
    os.environ[name] = "1"

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
from context import commit, cpu, take_one_core  # noqa: E402

from codling.bundle import default_model, load_bundle  # noqa: E402
from codling.complete.completer import language_of  # noqa: E402
from codling.corpus.clean import Dropped, clean  # noqa: E402

ASKED = {
    "next tokens, 5": {"kind": "token", "limit": 5},
    "whole lines, 5": {"kind": "line", "limit": 5},
    "the line that is shown": {"kind": "line", "limit": 1},
}
LIMITS_MS = {"next tokens, 5": (3, None), "whole lines, 5": (15, 40)}  # p50 and p95 that codling is meant to keep
MAX_RSS_MB = 300
WARM_UP = 20  # keystrokes that do not count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="bundle; may be given again, to compare the first with others")
    parser.add_argument("--project", type=Path, help="serve with this project's files")
    parser.add_argument("--file", type=Path, default=Path(argparse.__file__), help="file whose typing is replayed")
    parser.add_argument("--keystrokes", type=int, default=600)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    core = take_one_core()
    cleaned = clean(options.file.read_bytes(), language_of(str(options.file)) or "python")
    if isinstance(cleaned, Dropped):
        sys.exit(f"{options.file} cannot be typed: {cleaned.reason} {cleaned.detail}")
    text = cleaned.text
    start = text.find("\n", len(text) // 2) + 1
    if len(text) - start < options.keystrokes + WARM_UP:
        sys.exit(f"{options.file} is too short: it takes {2 * (options.keystrokes + WARM_UP):,} characters")
    # What stands behind the cursor is what comes after all that gets typed, as when somebody inserts it.
    following = text[text.find("\n", start + WARM_UP + options.keystrokes) :]
    names = options.model or [default_model(language_of(str(options.file)))]
    typists = [Typist(name, options.project, options.file) for name in names]
    try:
        for end in range(start, start + WARM_UP + options.keystrokes):
            for typist in typists:
                typist.type(text[:end], following, counts=end >= start + WARM_UP)
        rows = [row for typist in typists for row in typist.rows()]
    finally:
        for typist in typists:
            typist.close()
    report = {
        "command": " ".join(["python", "benchmarks/server_latency.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": f"{cpu()}, one core{'' if core is None else f' (number {core})'}, {platform.platform()}",
        "versions": {"python": platform.python_version(), "onnxruntime": onnxruntime.__version__},
        "file": f"{options.file.name}, {options.keystrokes:,} keystrokes from character {start:,}",
        "project": None if options.project is None else options.project.name,
        "seed": "none: nothing is drawn",
        "rows": rows,
        "ratios_p50": _ratios(rows, names[0]),
    }
    print(json.dumps(report, indent=1)) if options.json else _print(report)


class Typist:
    """One server, and what its answers cost."""

    def __init__(self, model: str, project: Path | None, file: Path) -> None:
        bundle = load_bundle(model)
        self.model, self.path = model, str(file.resolve())
        self.language = language_of(self.path) or bundle.card.languages[0]
        command = [sys.executable, "-m", "codling", "serve", "--port", "0", "--no-open", "--threads", "1"]
        command += ["--model", str(bundle.path), *(["--project", str(project)] if project else [])]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        address = urlsplit(self.process.stdout.readline().strip())
        if not address.hostname:
            sys.exit(f"the server did not start: {' '.join(command)}")
        self.connection = http.client.HTTPConnection(address.hostname, address.port or 80)
        self.round_trips: dict[str, list[float]] = {what: [] for what in (*ASKED, "no model asked")}
        self.computing: dict[str, list[float]] = {what: [] for what in ASKED}
        if project is not None:  # it is read in the background
            _wait_until_idle(self.process.pid)

    def type(self, prefix: str, suffix: str, *, counts: bool) -> None:
        """Ask everything once."""
        about = {"language": self.language, "path": self.path, "prefix": prefix, "suffix": suffix}
        for what, question in ASKED.items():
            ms, answer = self._ask("POST", "/api/complete", about | question)
            if counts:
                self.round_trips[what].append(ms)
                self.computing[what].append(answer["ms"])
        ms, _ = self._ask("GET", "/healthz", None)
        if counts:
            self.round_trips["no model asked"].append(ms)

    def _ask(self, method: str, path: str, message: dict[str, Any] | None) -> tuple[float, dict[str, Any]]:
        body = None if message is None else json.dumps(message)
        started = time.perf_counter()
        self.connection.request(method, path, body, {"content-type": "application/json"})
        response = self.connection.getresponse()
        data = response.read()
        ms = (time.perf_counter() - started) * 1_000
        if response.status != 200:
            sys.exit(f"{self.model}: {response.status} {data.decode()}")
        return ms, json.loads(data)

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for what, times in self.round_trips.items():
            own = self.computing.get(what)
            p50, p95 = (float(np.percentile(times, share)) for share in (50, 95))
            found.append(
                {
                    "model": self.model,
                    "what": what,
                    "p50_ms": p50,
                    "p95_ms": p95,
                    "n": len(times),
                    "model_p50_ms": float(np.percentile(own, 50)) if own else None,
                    "model_p95_ms": float(np.percentile(own, 95)) if own else None,
                }
            )
        return [*found, {"model": self.model, "what": "resident memory", "mb": _rss_mb(self.process.pid)}]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def _wait_until_idle(pid: int) -> None:
    """Wait until a process has hardly worked for a second; half a minute where the system does not say it in a file."""
    stat, tick = Path(f"/proc/{pid}/stat"), 0.01  # seconds in which Linux counts
    if not stat.exists():
        time.sleep(30)
        return
    worked, before = math.inf, 0.0
    while worked > 0.05:
        time.sleep(1)
        now = sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) * tick  # in user code and the kernel
        worked, before = now - before, now


def _rss_mb(pid: int) -> float | None:
    """Resident memory of a process; None where the system does not say it in a file."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1_024 for line in lines if line.startswith("VmRSS")), None)


def _ratios(rows: list[dict[str, Any]], first: str) -> list[dict[str, Any]]:
    """How many times longer each other model takes than the first."""
    base = {row["what"]: row["p50_ms"] for row in rows if row["model"] == first and "p50_ms" in row}
    return [
        {"model": row["model"], "what": row["what"], "ratio": row["p50_ms"] / base[row["what"]]}
        for row in rows
        if row["model"] != first and "p50_ms" in row
    ]


def _print(report: dict[str, Any]) -> None:
    for key in ("command", "commit", "machine", "file", "project", "seed"):
        print(f"{key}: {report[key]}")
    print("versions: " + ", ".join(f"{name} {version}" for name, version in report["versions"].items()))
    print(f"\n{'milliseconds':44} {'p50':>7} {'p95':>7}   {'of it the model':>18}   meant to be")
    for row in report["rows"]:
        if "mb" in row:
            size = "unknown" if row["mb"] is None else f"{row['mb']:.0f} MB"
            print(f"{row['model']:16} {row['what']:27} {size:>15}   {'':18}   <= {MAX_RSS_MB} MB")
            continue
        own = "" if row["model_p50_ms"] is None else f"{row['model_p50_ms']:.2f} / {row['model_p95_ms']:.2f}"
        meant = " / ".join("-" if limit is None else f"{limit}" for limit in LIMITS_MS.get(row["what"], ()))
        print(f"{row['model']:16} {row['what']:27} {row['p50_ms']:7.2f} {row['p95_ms']:7.2f}   {own:>18}   {meant}")
    for row in report["ratios_p50"]:
        print(f"{row['model']}, {row['what']}: {row['ratio']:.2f} x the first model's p50")


if __name__ == "__main__":
    main()
