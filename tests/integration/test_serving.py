"""Models served and scored: every fixture of a served format within its tolerance, every other one refused by name."""
import csv
import io
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from conftest import COLUMNS, SHARED, done, serving, shared, small_rows, vigil, write_rows

SERVED = ["xgboost_categorical", "xgboost_dart", "xgboost_deep", "xgboost_early_stop", "xgboost_fraud", "xgboost_missing", "xgboost_multiclass", "xgboost_regression", "xgboost_v2"]
FILES = [f"{name}/model.{ending}" for name in SERVED for ending in ("json", "ubj")]
EXIT_BAD_MODEL = 4


class Fixture:
    """A shared model fixture: its rows (NaN: missing) and what its maker's library answers for them."""

    def __init__(self, name):
        folder = shared(f"fixtures/models/{name}")
        self.folder, self.meta = folder, json.loads((folder / "meta.json").read_text())
        with open(folder / "inputs.csv") as f:
            lines = list(csv.reader(f))
        self.columns = lines[0]
        self.rows = np.array([[float(c) if c else math.nan for c in line] for line in lines[1:]], np.float64)
        with open(folder / "expected.csv") as f:
            lines = list(csv.reader(f))
        self.expected = dict(zip(lines[0], np.array(lines[1:], np.float64).T))

    def check(self, name, got):
        """got: one number a row, for the expected column `name`."""
        tolerance = self.meta["tolerance"]
        limit = tolerance.get(name) or tolerance.get(name.split("_")[0]) or tolerance["*"]
        want = self.expected[name]
        np.testing.assert_allclose(np.asarray(got, np.float64), want, rtol=limit["rel"], atol=limit["abs"], err_msg=f"{self.folder.name} {name}")

    def check_predictions(self, got):
        """got: a number a row, or a list of k."""
        if "prediction" in self.expected:
            self.check("prediction", got)
        else:
            for k, column in enumerate(np.asarray(got, np.float64).T):
                self.check(f"prediction_{k}", column)

    def cells(self):
        return [[None if math.isnan(v) else v for v in row] for row in self.rows.tolist()]


@pytest.fixture(scope="module")
def fixtures():
    return {name: Fixture(name) for name in SERVED}


@pytest.fixture(scope="module")
def served(fixtures, tmp_path_factory):
    """One server of all eighteen files: xgboost_fraud_json, xgboost_fraud_ubj, ..."""
    models = {f.replace("/model.", "_"): SHARED / "fixtures/models" / f for f in FILES}
    with serving(tmp_path_factory.mktemp("served"), models) as s:
        yield s


def model_of(file):
    return file.replace("/model.", "_")


@pytest.mark.parametrize("file", FILES)
def test_our_api_in_every_form(served, fixtures, file):
    "rows, columns, CSV and NDJSON give the same answers, the maker's; whole batches and single rows alike"
    f, model = fixtures[file.split("/")[0]], model_of(file)
    rows = [{c: v for c, v in zip(f.columns, cells) if v is not None} for cells in f.cells()]
    url = f"/api/v1/models/{model}/predict"
    csv_text = ",".join(f.columns) + "\n" + "".join(",".join("" if v is None else repr(v) for v in cells) + "\n" for cells in f.cells())
    forms = {"rows": dict(json={"rows": rows}), "columns": dict(json={"columns": f.columns, "data": f.cells()}),
             "reversed columns": dict(json={"columns": f.columns[::-1], "data": [c[::-1] for c in f.cells()]}),
             "csv": dict(data=csv_text, headers={"Content-Type": "text/csv"}),
             "ndjson": dict(data="".join(json.dumps(r) + "\n" for r in rows), headers={"Content-Type": "application/x-ndjson"})}
    answers = {}
    for form, request in forms.items():
        r = served.post(url, **request)
        assert r.status_code == 200, (form, r.text)
        assert len(set(r.json()["prediction_ids"])) == len(rows)
        answers[form] = r.json()["predictions"]
        f.check_predictions(answers[form])
    assert all(a == answers["rows"] for a in answers.values())
    for i in (0, 45, len(rows) - 1):
        one = served.post(url, {"columns": f.columns, "data": [f.cells()[i]]}).json()
        assert one["predictions"] == [answers["rows"][i]], "one row alone scores as it does in a batch"


@pytest.mark.parametrize("file", FILES)
def test_open_inference_protocol(served, fixtures, file):
    "one FP32 tensor of the whole matrix; null is missing"
    f, model = fixtures[file.split("/")[0]], model_of(file)
    meta = served.get(f"/v2/models/{model}").json()
    assert meta["name"] == model and meta["inputs"] and meta["outputs"]
    body = {"id": "q1", "inputs": [{"name": meta["inputs"][0]["name"], "datatype": "FP32", "shape": list(f.rows.shape), "data": f.cells()}]}
    r = served.post(f"/v2/models/{model}/infer", body)
    assert r.status_code == 200, r.text
    assert r.json()["id"] == "q1" and r.json()["model_name"] == model
    output = r.json()["outputs"][0]
    f.check_predictions(np.array(output["data"], np.float64).reshape(output["shape"]))


@pytest.mark.parametrize("file", FILES)
def test_mlflow(served, fixtures, file):
    "dataframe_split; the model named by header since the server has many"
    f = fixtures[file.split("/")[0]]
    body = {"dataframe_split": {"columns": f.columns, "data": f.cells()}}
    r = served.post("/invocations", body, headers={"X-Vigil-Model": model_of(file)})
    assert r.status_code == 200, r.text
    f.check_predictions(r.json()["predictions"])


def test_routes_without_a_model_name_the_choices(served):
    "a server with many models cannot guess which one /invocations means"
    r = served.post("/invocations", {"instances": [{"amount": 1}]})
    assert r.status_code == 400 and "xgboost_fraud_json" in r.json()["message"]


def test_batches_of_every_size_agree(served, fixtures):
    "1 to 1000 rows in one request: the engines chosen by size give one answer"
    f = fixtures["xgboost_fraud"]
    want = served.predict("xgboost_fraud_json", {"columns": f.columns, "data": f.cells()}).json()["predictions"]
    for n in (1, 2, 7, 8, 9, 31, 64, 65, 255, 999, 1000):
        cells = [f.cells()[i % len(want)] for i in range(n)]
        got = served.predict("xgboost_fraud_json", {"columns": f.columns, "data": cells}).json()["predictions"]
        assert got == [want[i % len(want)] for i in range(n)], n


# ---- offline ----

def read_table(path):
    table = pyarrow.csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    return {name: table[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in table.column_names}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_predict_offline(fixtures, tmp_path, file, ending):
    "vigil predict --margin from and to CSV and Parquet"
    f = fixtures[file.split("/")[0]]
    source, out = f.folder / "inputs.csv", tmp_path / f"out.{ending}"
    if ending == "parquet":
        source = tmp_path / "in.parquet"
        pq.write_table(pa.table({c: pa.array(f.rows[:, i].astype(np.float32), from_pandas=True) for i, c in enumerate(f.columns)}), source)
    done("predict", SHARED / "fixtures/models" / file, "--input", source, "--output", out, "--margin")
    got = read_table(out)
    wanted = [name for name in f.expected if name.startswith(("prediction", "margin")) and name != "prediction_best"]
    assert list(got) == wanted
    for name in wanted:
        f.check(name, got[name])


@pytest.mark.parametrize("ending", ["json", "ubj"])
def test_predict_best_iteration(fixtures, tmp_path, ending):
    "--best-iteration stops at the early-stopping round; refused for a model that had none"
    f, out = fixtures["xgboost_early_stop"], tmp_path / "out.csv"
    done("predict", f.folder / f"model.{ending}", "--input", f.folder / "inputs.csv", "--output", out, "--best-iteration")
    f.check("prediction_best", read_table(out)["prediction"])
    other = fixtures["xgboost_fraud"].folder
    r = vigil("predict", other / f"model.{ending}", "--input", other / "inputs.csv", "--output", out, "--best-iteration")
    assert r.returncode == EXIT_BAD_MODEL and "early stopping" in r.stderr


def test_predict_writes_the_shortest_float(small, tmp_path):
    "scores are 32-bit floats and are written in the shortest form that reads back as that float"
    out = tmp_path / "out.csv"
    done("predict", small.champion, "--input", small.rows, "--output", out)
    texts = out.read_text().split()[1:]
    assert len(texts) == 8000
    assert max(len(t.lstrip("0.").replace(".", "")) for t in texts if "e" not in t) <= 9, "more digits than a float has"
    done("predict", small.champion, "--input", small.rows, "--output", tmp_path / "out.parquet")
    column = pq.read_table(tmp_path / "out.parquet")["prediction"]
    assert column.type == pa.float32()
    assert np.array_equal(np.array(texts, np.float32), column.to_numpy())


def test_offline_equals_served(small, server, tmp_path):
    "what vigil predict writes is, bit for bit, what the server answers"
    rows = small_rows(500, 11)
    source, out = write_rows(rows, tmp_path / "rows.parquet"), tmp_path / "out.parquet"
    done("predict", small.champion, "--input", source, "--output", out)
    body = {"columns": COLUMNS, "data": np.column_stack([rows[c] for c in COLUMNS]).astype(float).tolist()}
    got = server.predict("fraud", body).json()["predictions"]
    assert np.array_equal(np.array(got, np.float32), pq.read_table(out)["prediction"].to_numpy())


def test_inspect_tells_format_signature_and_engine(small):
    facts = json.loads(done("inspect", small.champion, "--json"))
    text = json.dumps(facts)
    assert all(word in text for word in ("xgboost", "engine", "amount", "nb", "hour"))


# ---- refusals ----

def bad_models():
    folder = SHARED / "fixtures/bad_models"
    return sorted(p.name for p in folder.iterdir() if p.suffix in (".json", ".ubj")) if folder.is_dir() else []


MAY_BE_SERVED = {"base_score_one.json", "invalid_utf8.json"}  # the fixtures' README: refuse, or serve without a crash


def refused(path, tmp_path, may_be_served=False):
    rows = tmp_path / "rows.csv"
    rows.write_text("a\n1\n")
    for r in (vigil("inspect", path, timeout=20), vigil("predict", path, "--input", rows, "--output", tmp_path / "out.csv", timeout=20)):
        assert r.returncode == EXIT_BAD_MODEL or (may_be_served and r.returncode == 0), (r.returncode, r.stdout, r.stderr)
        if r.returncode:
            assert path.name in r.stderr, r.stderr
            assert len(r.stderr) < 2000 and r.stderr.isprintable() or "\n" in r.stderr
    return r


@pytest.mark.parametrize("name", bad_models())
def test_malformed_models_are_refused(name, tmp_path):
    "exit 4 and a message that names the file, within seconds"
    refused(SHARED / "fixtures/bad_models" / name, tmp_path, name in MAY_BE_SERVED)


def test_bad_models_were_found():
    shared("fixtures/bad_models")
    assert len(bad_models()) >= 30


def test_own_malformed_models(small, tmp_path):
    "always run: truncated, empty and foreign files"
    text = small.champion.read_bytes()
    for name, content in {"cut.json": text[:len(text) // 2], "empty.json": b"", "empty.ubj": b"", "words.json": b'{"a": 1}', "junk.ubj": b"\x80\x04junk",
                          "model.onnx": b"\x08\x07", "model.txt": b"tree\nversion=v4\n"}.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, tmp_path)
    r = vigil("inspect", tmp_path / "nowhere.json")
    assert r.returncode == EXIT_BAD_MODEL and "nowhere.json" in r.stderr


def test_serve_refuses_a_bad_model(small, tmp_path):
    (tmp_path / "cut.json").write_bytes(small.champion.read_bytes()[:1000])
    r = vigil("serve", f"good={small.champion}", f"bad={tmp_path / 'cut.json'}", "--http-port", "0", "--grpc-port", "0", "--state-dir", tmp_path / "s",
              timeout=30)
    assert r.returncode == EXIT_BAD_MODEL and "cut.json" in r.stderr


USAGE = [(["nonsense"], "nonsense"), (["serve", "--no-such-flag"], "--no-such-flag"), (["predict"], "PATH"), (["validate", "x.json"], "--data"),
         (["serve", "--http-port", "many", "m.json"], "http"), (["log"], "ubcommand")]


@pytest.mark.parametrize("arguments, word", USAGE, ids=[" ".join(a) for a, _ in USAGE])
def test_usage_errors_exit_2(arguments, word, tmp_path):
    r = vigil(*arguments, cwd=tmp_path, timeout=20)
    assert r.returncode in (2, 3) if "--http-port" in arguments else r.returncode == 2, (r.returncode, r.stderr)
    assert word in r.stderr + r.stdout


def test_serve_without_a_model_exits_2(tmp_path):
    r = vigil("serve", cwd=tmp_path, timeout=20)
    assert r.returncode == 2 and "model" in r.stderr.lower()


def test_bad_configuration_exits_3(small, tmp_path):
    "an unknown key is named with file, line and the nearest key"
    config = tmp_path / "vigil.yaml"
    config.write_text("server:\n  http_prot: 1\n")
    r = vigil("serve", small.champion, "--config", config, timeout=20)
    assert r.returncode == 3
    assert "vigil.yaml" in r.stderr and "http_prot" in r.stderr and "http_port" in r.stderr and "2" in r.stderr
    config.write_text("server: [\n")
    assert vigil("serve", small.champion, "--config", config, timeout=20).returncode == 3
    r = vigil("serve", small.champion, "--log-sync", "sometimes", timeout=20)
    assert r.returncode in (2, 3) and "sometimes" in r.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_beyond_loopback_needs_authentication(small, tmp_path, host):
    "refusing beats guessing: exit 3 and how to turn authentication on"
    r = vigil("serve", small.champion, "--host", host, "--http-port", "0", "--state-dir", tmp_path / "s", timeout=20)
    assert r.returncode == 3 and "auth" in r.stderr.lower()


def test_every_verb_has_help_with_an_example():
    verbs = [line.split()[0] for line in done("--help").split("Subcommands:")[1].split("Example:")[0].splitlines() if line.strip()]
    assert {"serve", "predict", "train", "demo", "doctor"} <= set(verbs)
    for verb in verbs:
        text = done(verb, "--help")
        assert "vigil " + verb in text or "vigil completion" in text, verb


def test_doctor_finds_what_training_found(small):
    "training works in this suite, so doctor must say so"
    r = vigil("doctor", "--json")
    found = {f["name"]: f for f in json.loads(r.stdout)}
    assert found["libxgboost.so"]["ok"] and "XGBoost" in found["libxgboost.so"]["detail"] and r.returncode == 0
