"""From an editor's context to the suggestions worth showing.

Importing this room is cheap; NumPy and ONNX Runtime are loaded by the first Completer.
"""

from codling.complete.completer import Completer

__all__ = ["Completer"]
