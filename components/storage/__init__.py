"""The outside world: object store, promotions, MLflow, notifications. Steps and shipping use it."""
