"""CatBoost's predictor for makers_bench: python catboost_predict.py MODEL ROWS, then lines "margins FROM N" and "measure BATCH" on stdin."""
import sys
import time

import catboost
import numpy as np

COLUMNS, BLOCK_SECONDS = 30, 0.01


def main(model_path, rows_path):
    model = catboost.CatBoost().load_model(model_path)
    rows = np.fromfile(rows_path, np.float32).reshape(-1, COLUMNS)
    pools = {}

    def predict(pool):
        return model.predict(pool, prediction_type="RawFormulaVal", thread_count=1)

    for line in sys.stdin:
        what, *numbers = line.split()
        if what == "margins":
            start, n = map(int, numbers)
            print(*(repr(float(m)) for m in predict(catboost.Pool(rows[start:start + n]))), sep="\n", flush=True)
            continue
        batch = int(numbers[0])
        if batch not in pools:  # made and read once, outside of what is measured
            pools[batch] = [catboost.Pool(rows[i:i + batch]) for i in range(0, len(rows) - batch + 1, batch)][:64]
        scored, begin = 0, time.thread_time_ns()
        while time.thread_time_ns() - begin < BLOCK_SECONDS * 1e9:
            for pool in pools[batch]:
                predict(pool)
            scored += batch * len(pools[batch])
        print((time.thread_time_ns() - begin) / scored, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
