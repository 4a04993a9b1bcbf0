"""Training programmer-interpreters until they are proved; needs PyTorch."""
