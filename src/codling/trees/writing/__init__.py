"""Writing programs from descriptions, as trees: words, steps and lexicon for all (no PyTorch), the network, its
training and its graphs for those who train."""
