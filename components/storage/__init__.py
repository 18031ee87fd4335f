"""The outside world: object store, promotions table, MLflow, notifications. Steps alone use it."""
