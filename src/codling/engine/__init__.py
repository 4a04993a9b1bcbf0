"""Runs bundles with ONNX Runtime: torch-free."""

from codling.engine.model import Model, State, load_model, pick_rows, stack_states

__all__ = ["Model", "State", "load_model", "pick_rows", "stack_states"]
