"""The outside world: object store, promotions table, MLflow, notifications. Steps use it, and the shipping of decisions."""
