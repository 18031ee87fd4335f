"""Matrix in, bundle out: search, fit, calibrate each declared family, choose, write bundles."""

import os

#: What a bundle's bytes depend on, beside our own code.
LIBRARIES = (
    "imbalanced-learn", "numpy", "onnx", "onnxmltools", "onnxruntime", "optuna", "scikit-learn",
    "scipy", "skl2onnx", "xgboost-cpu",
)  # fmt: skip

# Threads that spin while they wait make boosting many times slower where another program has a
# core too. Read when XGBoost loads its OpenMP, which is after this.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
