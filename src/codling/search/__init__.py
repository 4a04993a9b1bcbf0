"""Code search: a name, a definition or a description finds the code. Never imports torch."""
