"""Every shared model fixture through `vigil inspect`, `vigil predict` and HTTP: its maker's numbers; and every malformed file refused."""
import csv
import json
import math

import pytest
from conftest import COLUMNS, SHARED, serving, shared, vigil

EXIT_DONE, EXIT_BAD_MODEL = 0, 4
MODELS = SHARED / "fixtures/models"
FILES = ("model.json", "model.ubj", "model.txt", "model.cbm", "model.onnx", "model", "saved_model", "repository")
# Fixtures whose formats this build may not know yet, or whose library may be absent; every other one must be served.
MAY_BE_REFUSED = ("mlflow", "tensorflow", "triton")
# Malformed models that may be served if made safe (the fixtures' README).
MAY_BE_SERVED = {"base_score_one.json", "invalid_utf8.json"}


def model_files():
    return [f"{folder.name}/{file}" for folder in sorted(MODELS.glob("*")) for file in FILES if (folder / file).exists()]


def bad_models():
    folder = SHARED / "fixtures/bad_models"
    return [p.name for p in sorted(folder.glob("*")) if p.name != "README.md"]


def read(path):
    with open(path, newline="") as f:
        lines = list(csv.reader(f))
    return lines[0], lines[1:]


class Fixture:
    def __init__(self, name):
        self.name, self.folder = name, MODELS / name
        self.meta = json.loads((self.folder / "meta.json").read_text())
        self.columns, self.cells = read(self.folder / "inputs.csv")
        header, rows = read(self.folder / "expected.csv")
        self.expected = {c: [float(row[i]) for row in rows] for i, c in enumerate(header)}
        # Over HTTP a row with an infinity is refused, unless a schema says otherwise.
        self.infinite = [i for i, row in enumerate(self.cells) if {"inf", "-inf"} & set(row)]
        self.texts = {c for i in self.meta.get("inputs", []) if isinstance(i, dict) and i.get("dtype") == "string"
                      for c in i.get("columns", [i["name"]])}

    def tolerance(self, column):
        limits = self.meta["tolerance"]
        found = limits.get(column) or limits.get(column.split("_")[0]) or limits.get("*") or limits["prediction"]
        return found["abs"], found["rel"]

    def check(self, column, got, want=None, limits=None):
        want = self.expected[column] if want is None else want
        absolute, relative = limits or self.tolerance(column)
        assert len(got) == len(want), f"{self.name} {column}: {len(got)} rows"
        for row, (g, w) in enumerate(zip(map(float, got), want)):
            same = g == w or (math.isnan(g) and math.isnan(w)) or abs(g - w) <= absolute + relative * abs(w)
            assert same, f"{self.name} {column}, row {row}: {g!r} for {w!r}"

    def rows(self):
        "As JSON: a missing number is null, an empty text stays one."
        def cell(column, text):
            return text if column in self.texts else None if text == "" else float(text)
        return [[cell(c, t) for c, t in zip(self.columns, row)] for row in self.cells]


def finite(f):
    "The fixture without its rows of infinities: what HTTP takes."
    f.cells = [row for i, row in enumerate(f.cells) if i not in f.infinite]
    f.expected = {c: [v for i, v in enumerate(column) if i not in f.infinite] for c, column in f.expected.items()}
    return f


# A matrix beside a text column has no column names in a SavedModel, so the model calls them numbers_0, numbers_1, ...
NAMED_OTHERWISE = {"tensorflow_strings"}


def told(file):
    "What `vigil inspect` says of a fixture's file; the test ends here when this build does not serve it."
    path = shared(f"fixtures/models/{file}")
    r = vigil("inspect", path, "--json")
    name = file.split("/")[0]
    if r.returncode != EXIT_DONE and name.startswith(MAY_BE_REFUSED):
        assert r.returncode in (1, EXIT_BAD_MODEL) and r.stderr.strip(), r.stderr
        pytest.skip(f"{file} is not served by this build: {r.stderr.strip()[-200:]}")
    assert r.returncode == EXIT_DONE, f"{file} must be served: {r.stderr}"
    if name in NAMED_OTHERWISE:
        pytest.skip(f"{file} is inspected only: its rows name the columns of a tensor otherwise than the model's signature does")
    return json.loads(r.stdout)


def predict(file, out, *flags):
    f = Fixture(file.split("/")[0])
    r = vigil("predict", MODELS / file, "--input", f.folder / "inputs.csv", "--output", out, *flags)
    assert r.returncode == EXIT_DONE, r.stderr
    header, rows = read(out)
    return f, {c: [row[i] for row in rows] for i, c in enumerate(header)}


@pytest.mark.skipif(not MODELS.exists(), reason="the shared fixtures are not beside the repository (VIGIL_SHARED names them)")
def test_no_family_of_fixtures_is_lacking():
    names = {f.split("/")[0] for f in model_files()}
    assert names == {p.name for p in MODELS.iterdir()}, "a fixture without a file that is known here"
    for family in ("xgboost_", "lightgbm_", "catboost_", "sklearn_", "mlp", "onnx_"):
        assert any(n.startswith(family) for n in names), family


@pytest.mark.parametrize("file", model_files())
def test_inspect_tells_the_engine_and_why(file):
    model = told(file)
    assert model["engine"] and model["engine_reason"] and model["format"] and len(model["digest"]) == 64
    assert model["signature"]["inputs"] and model["signature"]["outputs"]


@pytest.mark.parametrize("file", model_files())
def test_predict_gives_the_makers_numbers(file, tmp_path):
    told(file)
    has_margin = any(c == "margin" or c.startswith("margin_") for c in Fixture(file.split("/")[0]).expected)
    f, got = predict(file, tmp_path / "out.csv", *(["--margin"] if has_margin else []))
    wanted = [c for c in f.expected if c != "prediction_best"]
    assert list(got) == wanted
    for column in wanted:
        f.check(column, got[column])
    if "prediction_best" in f.expected:
        _, best = predict(file, tmp_path / "best.csv", "--best-iteration")
        f.check("prediction_best", best["prediction"])


@pytest.mark.parametrize("file", [f for f in model_files() if (MODELS / f.split("/")[0] / "contributions.csv").exists()])
def test_contributions_and_leaves_are_the_makers(file, tmp_path):
    f, got = predict(file, tmp_path / "out.csv", "--contributions", "--leaves", "--margin")
    features, shares = read(f.folder / "contributions.csv")
    trees, leaves = read(f.folder / "leaves.csv")
    assert list(got) == ["prediction", "margin"] + [f"contribution_{c}" for c in features] + [f"leaf_{t}" for t in range(len(trees))]
    # The makers add up in the precision of their margins, XGBoost in float32.
    limits = (1e-10, 1e-10) if f.meta["library"] == "lightgbm" else (2e-5, 2e-5)
    for i, column in enumerate(features):
        f.check(column, got[f"contribution_{column}"], [float(row[i]) for row in shares], limits)
    for t in range(len(trees)):
        assert [int(v) for v in got[f"leaf_{t}"]] == [int(float(row[t])) for row in leaves], f"tree {t}"
    sums = [sum(float(got[f"contribution_{c}"][r]) for c in features) for r in range(len(shares))]
    f.check("margin", sums, limits=limits)


def test_contributions_of_several_margins_are_numbered(tmp_path):
    shared("fixtures/models/xgboost_multiclass")
    f, got = predict("xgboost_multiclass/model.json", tmp_path / "out.csv", "--contributions", "--margin")
    for k in range(4):
        names = [f"contribution_{k}_{c}" for c in [*f.columns, "bias"]]
        sums = [sum(float(got[n][r]) for n in names) for r in range(len(f.cells))]
        f.check(f"margin_{k}", sums, limits=(2e-5, 2e-5))


@pytest.mark.parametrize("flag", ["--contributions", "--leaves", "--margin"])
@pytest.mark.parametrize("name", ["mlp", "onnx_xgboost"])
def test_a_model_without_them_says_so_by_name(name, flag, tmp_path):
    path = shared(f"fixtures/models/{name}/model.onnx")
    r = vigil("predict", path, "--input", path.parent / "inputs.csv", "--output", tmp_path / "out.csv", flag)
    assert r.returncode != EXIT_DONE and flag.strip("-") in r.stderr and "ONNX" in r.stderr, r.stderr
    assert not (tmp_path / "out.csv").exists()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    "One server of every file that this build serves."
    models = {f.replace("/", "-").replace(".", "-"): MODELS / f for f in model_files() if vigil("inspect", MODELS / f).returncode == EXIT_DONE}
    if not models:
        pytest.skip("the shared fixtures are not beside the repository (VIGIL_SHARED names them)")
    with serving(tmp_path_factory.mktemp("served"), models) as s:
        yield s


def elements(tensor, rows):
    "name → column of an Open Inference Protocol output, named as `vigil predict` names them"
    data = tensor["data"]
    width = len(data) // rows
    return {tensor["name"] if width == 1 else f"{tensor['name']}_{k}": data[k::width] for k in range(width)}


def number(value):
    return math.nan if value is None else float(value)


def input_tensors(f, signature):
    "The request's tensors by the model's own metadata: one matrix, or a tensor a column."
    rows, inputs, at = f.rows(), [], 0
    names = signature["columns"] if signature["columns_are_named"] else f.columns
    for spec in signature["inputs"]:
        width = spec["shape"][1] if len(spec["shape"]) > 1 and spec["shape"][1] > 0 else len(names) - at if len(signature["inputs"]) == 1 else 1
        columns = [f.columns.index(c) for c in names[at:at + width]]
        at += width
        data = [row[c] for row in rows for c in columns]
        if spec["datatype"].startswith("INT"):
            data = [int(v) for v in data]
        inputs.append({"name": spec["name"], "datatype": spec["datatype"], "shape": [len(rows), *([width] if len(spec["shape"]) > 1 else [])],
                       "data": data})
    return inputs


def text(body):
    "JSON has no word for infinity, but numbers that large."
    return json.dumps(body).replace("Infinity", "1e999")


def check_http(f, got):
    for column, want in f.expected.items():
        if column.startswith("margin") or column == "prediction_best":
            continue
        # JSON has no words for numbers that are not finite: null.
        f.check(column, [number(v) for v in got[column]], [w if math.isfinite(w) else math.nan for w in want])


@pytest.mark.parametrize("file", model_files())
def test_open_inference_protocol(file, served):
    signature = told(file)["signature"]
    f, model = Fixture(file.split("/")[0]), file.replace("/", "-").replace(".", "-")
    url = f"/v2/models/{model}/infer"
    if f.infinite:
        r = served.post(url, data=text({"inputs": input_tensors(f, signature)}))
        assert r.status_code == 400 and f"row {f.infinite[0]}," in r.text and "infinity" in r.text, r.text
    f = finite(f)
    r = served.post(url, {"inputs": input_tensors(f, signature)})
    assert r.status_code == 200, r.text
    got = {}
    for tensor in r.json()["outputs"]:
        keys = tensor.get("parameters", {}).get("keys")
        columns = elements(tensor, len(f.cells))
        got.update({f"{tensor['name']}[{k}]": v for k, v in zip(json.loads(keys), columns.values())} if keys else columns)
    check_http(f, got)
    wide = [o for o in signature["outputs"] if o["datatype"] == "FP64"]
    assert bool(wide) == f.name.startswith(("lightgbm", "catboost")), "makers that sum doubles answer doubles"


def flat(name, value):
    "One row's output of our API as the columns of `vigil predict`."
    if isinstance(value, dict):
        return [(f"{name}[{k}]", v) for k, v in value.items()]
    return [(f"{name}_{k}", v) for k, v in enumerate(value)] if isinstance(value, list) else [(name, value)]


@pytest.mark.parametrize("file", model_files())
def test_our_api(file, served):
    signature = told(file)["signature"]
    names = [o["name"] for o in signature["outputs"]]
    f, model = Fixture(file.split("/")[0]), file.replace("/", "-").replace(".", "-")
    def body():
        return {"rows": [dict(zip(f.columns, row)) for row in f.rows()] if signature["columns_are_named"] else f.rows()}  # lists: by position
    if f.infinite:
        r = served.post(f"/api/v1/models/{model}/predict", data=text(body()), headers={"Content-Type": "application/json"})
        assert r.status_code == 422 and [e["row"] for e in r.json()["errors"]] == f.infinite, r.text
    f = finite(f)
    r = served.predict(model, body())
    assert r.status_code == 200, r.text
    got = {}
    for answer in r.json()["predictions"]:
        outputs = answer if isinstance(answer, dict) and len(names) > 1 else {names[0]: answer}
        for name, value in [cell for output in outputs.items() for cell in flat(*output)]:
            got.setdefault(name, []).append(value)
    check_http(f, got)


@pytest.mark.parametrize("name", bad_models())
def test_malformed_models_are_refused_by_name(name):
    path = shared(f"fixtures/bad_models/{name}")
    r = vigil("inspect", path, timeout=60)
    if name in MAY_BE_SERVED and r.returncode == EXIT_DONE:
        return
    assert r.returncode == EXIT_BAD_MODEL, f"exit {r.returncode}: {r.stderr[-500:]}"
    assert name in r.stderr, r.stderr[-500:]


def test_a_restart_serves_by_the_engine_that_was_measured(small, tmp_path):
    def reason_and_answer():
        with serving(tmp_path, {"fraud": small.champion}) as server:
            version = server.get("/api/v1/models/fraud/versions").json()["versions"][0]
            answer = server.predict("fraud", {"rows": [dict.fromkeys(COLUMNS, 1.0)]})
            assert answer.status_code == 200
            return version["engine"]["reason"], answer.json()["predictions"]

    first, answer = reason_and_answer()
    assert first.startswith("the fastest measured: ")
    times = first.removeprefix("the fastest measured: ").split(" (")[0].split(";")[0]
    assert reason_and_answer() == (f"the fastest when it was first measured on this machine: {times}", answer)
    records = tmp_path / "state" / "engines"
    records.write_bytes(records.read_bytes()[:-5])
    damaged, same = reason_and_answer()
    assert "measured again: the record of former measurements is damaged" in damaged
    assert same == answer
    assert "first measured on this machine" in reason_and_answer()[0]
