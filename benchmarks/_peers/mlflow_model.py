"""A booster as MLflow keeps it: `python mlflow_model.py BOOSTER FOLDER NAME...`, names of columns.

Runs in MLflow's own environment, which has nothing of ours.
"""

import sys


def main(booster: str, folder: str, names: list[str]) -> None:
    import mlflow.xgboost
    import xgboost

    model = xgboost.Booster(model_file=booster)
    model.feature_names = names  # MLflow asks a DataFrame of its callers
    mlflow.xgboost.save_model(model, folder, model_format="json")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
