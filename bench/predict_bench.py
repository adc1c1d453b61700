"""`vigil predict` over files of millions of rows: rows a second, processor time, peak resident memory, and the disk that spills take.

    .deps/venv/bin/python bench/predict_bench.py [--rows 10000000] [--text-rows 3000000] [--folder DIR]

Makes its rows and its model once in DIR (build/predict_bench; 2.5 GB), the same ones each time: 15 columns of 32-bit floats, one cell in
fifty missing; 100 trees of depth 6. Every output is summed by pyarrow's readers, and the sums of all runs over the same rows must agree,
among them one by a plain walk of the trees. Exits 1 where they do not, or where a run takes 500 MB.
"""
import argparse
import contextlib
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = pathlib.Path(os.environ.get("VIGIL_BIN", ROOT / "build/bin/vigil"))
COLUMNS = [f"f{i}" for i in range(15)]
TREES, DEPTH, GROUP_ROWS, RESIDENT_MB_MAX = 100, 6, 1 << 18, 500


def model_text():
    """XGBoost's JSON of complete random trees: prediction = 0.5 + the sum of 100 leaves."""
    random, splits = np.random.default_rng(1), (1 << DEPTH) - 1
    nodes, zeros = 2 * splits + 1, [0] * (2 * splits + 1)
    trees = []
    for _ in range(TREES):
        values = np.concatenate([random.random(splits), random.uniform(-0.1, 0.1, splits + 1)]).astype(np.float32)
        trees.append({"left_children": [2 * i + 1 if i < splits else -1 for i in range(nodes)],
                      "right_children": [2 * i + 2 if i < splits else -1 for i in range(nodes)],
                      "split_indices": [int(random.integers(len(COLUMNS))) if i < splits else 0 for i in range(nodes)],
                      "split_conditions": [float(v) for v in values], "default_left": zeros, "split_type": zeros,
                      "sum_hessian": [float(1 << (DEPTH - (i + 1).bit_length() + 1)) for i in range(nodes)],
                      "tree_param": {"num_nodes": str(nodes), "num_feature": str(len(COLUMNS)), "size_leaf_vector": "1"}})
    booster = {"gbtree_model_param": {"num_trees": str(TREES), "num_parallel_tree": "1"}, "iteration_indptr": list(range(TREES + 1)),
               "tree_info": [0] * TREES, "trees": trees}
    shape = {"base_score": "0.5", "num_class": "0", "num_feature": str(len(COLUMNS)), "num_target": "1"}
    return json.dumps({"learner": {"attributes": {}, "feature_names": COLUMNS, "feature_types": ["float"] * len(COLUMNS),
                                   "gradient_booster": {"name": "gbtree", "model": booster}, "learner_model_param": shape,
                                   "objective": {"name": "reg:squarederror"}}, "version": [3, 2, 0]})


def groups(rows):
    """The first `rows` rows, in tables of up to GROUP_ROWS: the nth group is the same however many are asked for."""
    for begin in range(0, rows, GROUP_ROWS):
        n, random = min(GROUP_ROWS, rows - begin), np.random.default_rng([2, begin])
        values, missing = random.random((15, GROUP_ROWS), np.float32), random.random((15, GROUP_ROWS), np.float32) < 0.02
        yield pa.table({c: pa.array(values[i, :n], mask=missing[i, :n]) for i, c in enumerate(COLUMNS)})


class Writer:
    """Rows in a file of any of the three formats; it appears under its name when whole."""

    def __init__(self, path):
        self.path, self.partial = path, path.with_suffix(".partial")
        self.sink = None

    def write(self, table):
        if self.path.suffix == ".parquet":
            self.sink = self.sink or pq.ParquetWriter(self.partial, table.schema)
            self.sink.write_table(table)
            return
        first, self.sink = self.sink is None, self.sink or open(self.partial, "wb")
        if self.path.suffix == ".csv":
            pa.csv.write_csv(table, self.sink, pa.csv.WriteOptions(include_header=first))
            return
        columns = [[("" if v is None else f',"{c}":{v}') for v in table[c].to_pylist()] for c in COLUMNS]
        self.sink.write("".join("{%s}\n" % "".join(cells)[1:] for cells in zip(*columns)).encode())

    def close(self):
        self.sink.close()
        self.partial.rename(self.path)


def generate(folder, rows, text_rows):
    """The input files, made where they are not there yet. Returns {ending: (path, rows)}."""
    files = {e: (folder / f"rows_{n}.{e}", n) for e, n in [("parquet", rows), ("csv", text_rows), ("ndjson", text_rows)]}
    for path, n in files.values():
        if path.exists():
            continue
        print(f"making {path.name}", flush=True)
        writer = Writer(path)
        for table in groups(n):
            writer.write(table)
        writer.close()
    return files


def run(arguments, spill):
    """One `vigil predict`. Returns seconds, processor seconds, peak resident MB, peak MB of the spill folder."""
    spilled, resident, ended = [0], [0], threading.Event()
    begin = time.monotonic()
    process = subprocess.Popen([str(BINARY), "predict", *map(str, arguments)], env={**os.environ, "TMPDIR": spill}, stderr=subprocess.PIPE)

    def watch():  # rusage would count what this process had when it forked
        while not ended.wait(0.01):
            with contextlib.suppress(OSError):
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                resident[0] = max([resident[0], *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
                spilled[0] = max(spilled[0], sum(f.stat().st_size for f in pathlib.Path(spill).rglob("*")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    message = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - begin
    ended.set()
    watcher.join()
    if process.returncode != 0 or os.listdir(spill):
        sys.exit(f"predict exited with {process.returncode}, left {os.listdir(spill)}: {message}")
    return seconds, usage.ru_utime + usage.ru_stime, resident[0] / 1024, spilled[0] / 1e6


def total(path):
    """Rows and sum of the predictions, read piece by piece."""
    if path.suffix == ".parquet":
        pieces = pq.ParquetFile(path).iter_batches(columns=["prediction"])
    elif path.suffix == ".csv":
        pieces = pa.csv.open_csv(path, convert_options=pa.csv.ConvertOptions(include_columns=["prediction"]))
    else:
        pieces = pa.json.open_json(path)
    rows, parts = 0, []
    for piece in pieces:
        values = piece.column("prediction").to_numpy(zero_copy_only=False).astype(np.float32)
        rows, parts = rows + len(values), parts + [float(values.sum(dtype=np.float64))]
    return rows, math.fsum(parts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--text-rows", type=int, default=3_000_000)
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build/predict_bench")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    model = options.folder / "model.json"
    model.write_text(model_text())
    files = generate(options.folder, options.rows, options.text_rows)
    table = [("parquet", "parquet", []), ("csv", "csv", []), ("ndjson", "ndjson", []), ("csv", "parquet", ["--engine", "reference"]),
             ("csv", "csv", ["--contributions"]), ("csv", "parquet", ["--leaves"]), ("parquet", "parquet", ["--leaves"])]
    print(f"{'':40}{'rows':>12}{'rows/s':>12}{'rows/s a core':>15}{'peak MB':>9}{'spill MB':>10}", flush=True)
    sums, wrong = {}, []
    for source, target, flags in table:
        path, rows = files[source]
        output = options.folder / f"scores.{target}"
        name = f"{source} -> {target} {' '.join(flags)}"
        with tempfile.TemporaryDirectory(dir=options.folder) as spill:
            seconds, cpu, peak, spilled = run([model, "--input", path, "--output", output, *flags], spill)
        print(f"{name:40}{rows:12}{rows / seconds:12.0f}{rows / cpu:15.0f}{peak:9.0f}{spilled:10.0f}", flush=True)
        found, value = total(output)
        output.unlink()
        if found != rows or abs(sums.setdefault(rows, value) - value) > 1e-9 * rows:
            wrong.append(f"{name}: {found} rows, sum {value!r}, expected {rows} and {sums[rows]!r}")
        if peak > RESIDENT_MB_MAX:
            wrong.append(f"{name}: {peak:.0f} MB resident, over {RESIDENT_MB_MAX}")
    print("\n".join(wrong) or f"sums agree: {sums}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
