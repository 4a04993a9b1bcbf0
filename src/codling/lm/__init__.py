"""Language models: recurrent networks over tokens, their presets, and their way into a bundle. Needs PyTorch."""
