"""Search for hyper-parameters: Optuna over any field of a configuration, stoppable at any moment. Knows no model."""
