"""How good are completions? Lexical tokens, whole lines, keystrokes; `codling eval` and the benchmarks ask."""
