"""The files of a writer's bundle: graphs ready to run, and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codling.bundle import Bundle
from codling.errors import BundleError

if TYPE_CHECKING:
    import onnxruntime as ort

__all__ = ["bundle_text", "open_graph"]


def bundle_text(bundle: Bundle, name: str) -> str:
    """Raises:
    BundleError: the file is missing, or no text.
    """
    try:
        return bundle.file(name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BundleError(f"bundle {bundle.path}: {name} is damaged; get the bundle again") from None


def open_graph(bundle: Bundle, name: str, threads: int) -> ort.InferenceSession:
    """Args:
        name: of the file.
        threads: cores that one call may use.

    Raises:
        BundleError: the file is missing or damaged.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; warnings would go to the user's stderr
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # an idle server must cost no CPU
    graph = bundle.file(name).read_bytes()  # as bytes, so that it cannot name files outside the bundle
    try:
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen types, all of which mean this
        reason = str(error).splitlines()[0]
        raise BundleError(f"bundle {bundle.path}: ONNX Runtime refuses {name}: {reason}") from None
