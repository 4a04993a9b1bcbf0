"""Training the encoder of codling.search.encoder: pairs, a teacher, the network. Needs PyTorch."""
