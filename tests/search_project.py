"""A small project of real code in several languages, to be searched."""

from __future__ import annotations

import inspect
import json.decoder
import json.encoder
import shlex
import textwrap
from pathlib import Path

__all__ = ["EMOJI_LINE", "write_project"]

EMOJI_LINE = 'FISH = {"🐟🐠": "a cod 🐟 and a codling"}  # 🐟 codling'

_GO = """package wire

// Frame is one length-prefixed message.
type Frame struct {
\tSize uint32
\tBody []byte
}

// ReadFrame reads one length-prefixed frame from r.
func ReadFrame(r io.Reader) (*Frame, error) {
\tvar size uint32
\tif err := binary.Read(r, binary.BigEndian, &size); err != nil {
\t\treturn nil, err
\t}
\tbody := make([]byte, size)
\t_, err := io.ReadFull(r, body)
\treturn &Frame{size, body}, err
}
"""

_TYPESCRIPT = """/** Ask again after a failure, waiting twice as long each time. */
export async function retryWithBackoff<T>(ask: () => Promise<T>, attempts = 5): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt + 1 >= attempts) throw error;
      await new Promise((resume) => setTimeout(resume, 100 * 2 ** attempt));
    }
  }
}

export interface RetryOptions {
  attempts: number;
}
"""

_README = """# Messages

How frames are read, and what happens when the peer hangs up in the middle of one.
"""


def write_project(root: Path) -> Path:
    """Write the project's files below a new folder."""
    files = {
        "src/codec/decoder.py": inspect.getsource(json.decoder),
        "src/codec/encoder.py": inspect.getsource(json.encoder),
        "src/shell/shlex.py": inspect.getsource(shlex),
        "src/text/textwrap.py": inspect.getsource(textwrap),
        "src/text/fish.py": f'"""Words about fish."""\n\n{EMOJI_LINE}\n',
        "wire/frame.go": _GO,
        "web/retry.ts": _TYPESCRIPT,
        "README.md": _README,
        ".gitignore": "secret/\n",
        "secret/token.py": 'API_TOKEN = "do-not-show"\n',
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
