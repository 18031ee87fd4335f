"""KServe's server with a model that does what KServe's own for XGBoost does, and no more.

`python -m benchmarks._peers.kserve_xgboost HTTP_PORT GRPC_PORT NAME BOOSTER`
"""

import sys
from pathlib import Path
from typing import Any


def main(http_port: int, grpc_port: int, name: str, booster: Path) -> None:
    # Reads the command line of whoever imports it: late, so that nobody else's is read.
    import kserve
    import xgboost
    from kserve.utils.utils import get_predict_input, get_predict_response

    class Boosted(kserve.Model):  # type: ignore[misc]
        """Probabilities of a booster, on one thread."""

        def load(self) -> bool:
            self._booster = xgboost.Booster({"nthread": 1}, model_file=str(booster))
            self.ready = True
            return True

        def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            del headers, response_headers
            rows = xgboost.DMatrix(get_predict_input(payload), nthread=1)
            return get_predict_response(payload, self._booster.predict(rows), self.name)

    model = Boosted(name)
    model.load()
    kserve.ModelServer(http_port=http_port, grpc_port=grpc_port).start([model])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
