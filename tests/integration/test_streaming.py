"""`vigil predict` streams: its peak memory does not grow with the file, in any format, with all that it can write beside a prediction."""
import os
import pathlib
import signal
import subprocess
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from conftest import BINARY, COLUMNS, small_rows, vigil

ROWS = 400_000
RESIDENT_MB_MAX = 300


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """{ending: file} of the same rows."""
    folder = tmp_path_factory.mktemp("rows")
    columns = small_rows(ROWS, 5)
    table = pa.table({c: columns[c] for c in COLUMNS})
    pq.write_table(table, folder / "rows.parquet")
    pa.csv.write_csv(table, folder / "rows.csv")
    cells = zip(*(columns[c].tolist() for c in COLUMNS))
    (folder / "rows.ndjson").write_text("".join('{"amount":%r,"nb":%r,"hour":%r}\n' % row for row in cells))
    return {e: folder / f"rows.{e}" for e in ("parquet", "csv", "ndjson")}


def predict(tmp_path, *arguments):
    """Runs `vigil predict`. Returns its peak resident memory in MB (VmHWM, the last seen before its end)."""
    process = subprocess.Popen([str(BINARY), "predict", *map(str, arguments)], stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "TMPDIR": str(tmp_path)})
    peak = 0
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
        time.sleep(0.005)
    message = process.communicate()[1]
    assert process.returncode == 0, message
    return peak / 1024


@pytest.mark.skipif("asan" in str(BINARY) or "tsan" in str(BINARY), reason="a sanitizer's memory is its own")
@pytest.mark.parametrize("ending, beside", [("parquet", []), ("csv", []), ("ndjson", []), ("parquet", ["--contributions", "--leaves"])],
                         ids=["parquet", "csv", "ndjson", "parquet-all"])
def test_memory_does_not_grow_with_the_file(small, rows, tmp_path, ending, beside):
    output = tmp_path / f"out.{ending}"
    peak = predict(tmp_path, small.champion, "--input", rows[ending], "--output", output, *beside)
    assert 20 < peak < RESIDENT_MB_MAX, f"{peak:.0f} MB"
    assert os.listdir(tmp_path) == [output.name], "no spill is left behind"
    if ending == "parquet":
        scores = pq.read_table(output)["prediction"].to_numpy()
        assert len(scores) == ROWS and np.all((scores > 0) & (scores < 1))
    else:
        with open(output, "rb") as lines:
            assert sum(1 for _ in lines) == ROWS + (ending == "csv")


@pytest.mark.parametrize("ending, told", [("csv", "line"), ("ndjson", "object")])
def test_a_line_without_end_is_refused(small, tmp_path, ending, told):
    text = b"amount,nb,hour\n" if ending == "csv" else b'{"amount":"'
    path = tmp_path / f"long.{ending}"
    with open(path, "wb") as out:
        out.write(text)
        for _ in range(100):
            out.write(b"1" * 1_000_000)
    r = vigil("predict", small.champion, "--input", path, "--output", tmp_path / f"out.{ending}", env={"TMPDIR": str(tmp_path)})
    assert r.returncode == 4 and path.name in r.stderr and told in r.stderr.lower(), r.stderr[-500:]
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_text_reads_as_parquet_does(small, rows, tmp_path, ending):
    parquet, text = tmp_path / "a.parquet", tmp_path / "b.parquet"
    predict(tmp_path, small.champion, "--input", rows["parquet"], "--output", parquet)
    predict(tmp_path, small.champion, "--input", rows[ending], "--output", text)
    assert pq.read_table(parquet).equals(pq.read_table(text))


@pytest.mark.parametrize("ending", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(small, tmp_path, number, ending):
    """The rows come through a pipe that is never closed, so that the signal finds the run in the middle of its work."""
    pipe, folder = tmp_path / "rows.csv", tmp_path / "out"
    os.mkfifo(pipe)
    folder.mkdir()
    process = subprocess.Popen([str(BINARY), "predict", str(small.champion), "--input", str(pipe), "--output", str(folder / f"out.{ending}")],
                               stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folder)},
                               preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))  # this run may itself be in the background
    with open(pipe, "wb") as out:
        out.write(b"amount,nb,hour\n" + b"1.5,2,3\n" * 200_000)
        out.flush()
        if ending != "parquet":  # that file is made at the end
            deadline = time.monotonic() + 30
            while not os.listdir(folder) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert [name for name in os.listdir(folder) if name.endswith(".tmp")], "the output is under way, under another name"
        process.send_signal(number)
        message = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number, message
    assert number.name in message and "nothing was written" in message
    assert os.listdir(folder) == []


def test_a_run_that_fails_late_leaves_nothing(small, tmp_path):
    path, folder = tmp_path / "rows.csv", tmp_path / "out"
    folder.mkdir()
    path.write_bytes(b"amount,nb,hour\n" + b"1.5,2,3\n" * 200_000 + b"1,2\n")
    for ending in ("csv", "parquet"):
        r = vigil("predict", small.champion, "--input", path, "--output", folder / f"out.{ending}", env={"TMPDIR": str(folder)})
        assert r.returncode == 4 and "line 200002: has 2 cells, the header has 3" in r.stderr, r.stderr[-500:]
        assert os.listdir(folder) == []
