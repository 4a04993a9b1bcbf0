"""The one training loop: batches, schedule, checkpoint and resume, progress, curves. Knows no model. Needs PyTorch."""
