"""Matrix in, bundle out: search, fit, calibrate each declared family, choose, write bundles."""

import os

# Threads that spin while they wait make boosting many times slower where another program has a
# core too. Read when XGBoost loads its OpenMP, which is after this.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
