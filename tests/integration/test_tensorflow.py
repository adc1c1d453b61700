"""TensorFlow SavedModels through a real server. What runs a model skips where TensorFlow is absent (`make tensorflow`, or VIGIL_TENSORFLOW_DIR)."""
import csv
import json
import math
import os
import pathlib
import signal
import subprocess
import time

import pytest

from conftest import BINARY, ROOT, shared, vigil

DIR = pathlib.Path(os.environ.get("VIGIL_TENSORFLOW_DIR", ROOT / ".deps/tensorflow"))
needs_tensorflow = pytest.mark.skipif(
    not any(DIR.glob("**/libtensorflow*.so.2")), reason=f"TensorFlow is absent from {DIR}: `make tensorflow` installs it")


def workers(server):
    out = subprocess.run(["pgrep", "-P", str(server.process.pid), "-f", "vigil-tensorflow-worker"], capture_output=True, text=True)
    return [int(pid) for pid in out.stdout.split()]


def mlp_rows():
    with open(shared("fixtures/models/tensorflow_mlp/inputs.csv")) as f:
        return [[float(v) if v else None for v in row] for row in list(csv.reader(f))[1:]]


def post_rows(server, rows):
    return server.predict("mlp", {"columns": [f"f{c}" for c in range(15)], "data": rows})


@needs_tensorflow
def test_served_numbers_are_the_librarys(serve):
    server = serve({"mlp": shared("fixtures/models/tensorflow_mlp/saved_model")})
    with open(shared("fixtures/models/tensorflow_mlp/expected.csv")) as f:
        expected = [float(row[0]) for row in list(csv.reader(f))[1:]]
    r = post_rows(server, mlp_rows())
    assert r.status_code == 200, r.text
    for got, want in zip(r.json()["predictions"], expected, strict=True):
        if math.isnan(want):
            assert got is None
        else:
            assert got == pytest.approx(want, abs=1e-5, rel=1e-4)


@needs_tensorflow
def test_a_killed_worker_is_started_again(serve):
    server = serve({"mlp": shared("fixtures/models/tensorflow_mlp/saved_model")})
    rows = mlp_rows()[:1]
    before = post_rows(server, rows).json()["predictions"]
    (worker,) = workers(server)
    os.kill(worker, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while (r := post_rows(server, rows)).status_code != 200:
        assert r.status_code == 503 and time.monotonic() < deadline, r.text
        time.sleep(0.1)
    assert r.json()["predictions"] == before
    (again,) = workers(server)
    assert again != worker


@needs_tensorflow
def test_no_worker_outlives_its_server(serve):
    server = serve({"mlp": shared("fixtures/models/tensorflow_mlp/saved_model")})
    (worker,) = workers(server)
    server.process.kill()
    server.process.wait()
    deadline = time.monotonic() + 20
    while pathlib.Path(f"/proc/{worker}/cmdline").exists() and pathlib.Path(f"/proc/{worker}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "the worker is still there"
        time.sleep(0.1)


@needs_tensorflow
def test_inspect_lists_the_signatures():
    path = shared("fixtures/models/tensorflow_mlp/saved_model")
    r = vigil("inspect", path, "--signature", "serve", "--json")
    assert r.returncode == 0, r.stderr
    answer = json.loads(r.stdout)
    assert answer["format"] == "tensorflow-savedmodel" and answer["facts"]["signatures"] == "serve, serving_default"
    r = vigil("inspect", path, "--signature", "nothing")
    assert r.returncode == 4 and "serving_default" in r.stderr


def test_without_tensorflow_the_command_is_named(tmp_path):
    r = vigil("inspect", shared("fixtures/models/tensorflow_mlp/saved_model"), env={"VIGIL_TENSORFLOW_DIR": str(tmp_path)})
    assert r.returncode == 1 and "make tensorflow" in r.stderr, r.stderr


@pytest.mark.parametrize("name,place", [("garbage", "saved_model.pb"), ("no_variables", "variables/variables.index")])
def test_broken_models_are_refused(name, place, tmp_path):
    r = vigil("inspect", shared(f"fixtures/bad_models/saved_model_{name}"), env={"VIGIL_TENSORFLOW_DIR": str(tmp_path)})
    assert r.returncode == 4 and place in r.stderr, r.stderr


def test_the_worker_is_only_started_by_vigil():
    r = subprocess.run([str(BINARY.parent / "vigil-tensorflow-worker")], capture_output=True, text=True, timeout=20)
    assert r.returncode == 2 and "started by Vigil" in r.stderr
