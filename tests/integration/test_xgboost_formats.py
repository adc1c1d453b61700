"""XGBoost models of every kind, trained here and now, scored by `vigil predict` and by XGBoost itself.

VIGIL_XGBOOST_PYTHONS   more interpreters to train with, joined by ':', each with an XGBoost of its own (1.0 to 3.x) and pandas: files of old
                        versions are read as well as new ones
"""
import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from conftest import done, vigil
from test_model_formats import EXIT_BAD_MODEL, read_columns, read_contributions

ZOO = pathlib.Path(__file__).with_name("xgboost_zoo.py")
PYTHONS = [sys.executable, *filter(None, os.environ.get("VIGIL_XGBOOST_PYTHONS", "").split(":"))]


@pytest.fixture(scope="module", params=PYTHONS, ids=lambda python: pathlib.Path(python).name)
def zoo(request, tmp_path_factory):
    if request.param == sys.executable and importlib.util.find_spec("xgboost") is None:
        pytest.skip("xgboost is not installed beside the tests")
    folder = tmp_path_factory.mktemp("xgboost")
    made = subprocess.run([request.param, str(ZOO), str(folder)], capture_output=True, text=True, timeout=1200)
    assert made.returncode == 0, made.stderr[-3000:]
    return folder


def expected(path):
    values = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64)
    return values[:, 0] if values.shape[1] == 1 else values


def differences(model, name, tmp_path):
    """What `vigil predict` answers otherwise than XGBoost: margins may not differ in one bit, predictions by what exp() and log() allow. XGBoost
    1.x added a row's leaves, and DART's, in another order than today's, and what it added up last may differ."""
    folder, out, found = model.parent, tmp_path / "out.csv", []
    shares = folder / f"{name}.contributions.csv"
    done("predict", model, "--input", folder / f"{name}.rows.csv", "--output", out, "--margin", *(["--contributions"] if shares.exists() else []))
    margin, prediction = (expected(folder / f"{name}.{output}.csv") for output in ("margin", "prediction"))
    got_margin, got_prediction = read_columns(out, "margin"), read_columns(out, "prediction")
    ulps = 1e-6 if b'"version":[1,' in model.with_suffix(".json").read_bytes()[-40:] else 0
    if got_margin.shape != margin.shape or not np.allclose(got_margin.astype(np.float32), margin.astype(np.float32), rtol=ulps, atol=ulps):
        found.append(f"{model.name}: margins {got_margin.shape} {margin.shape} {np.max(np.abs(got_margin - margin)) if got_margin.shape == margin.shape else ''}")
    if got_prediction.shape != prediction.shape or not np.allclose(got_prediction, prediction, rtol=2e-6 + ulps, atol=1e-9 + ulps):
        found.append(f"{model.name}: predictions {got_prediction.shape} {prediction.shape}")
    if shares.exists():
        got, want = read_contributions(out), np.loadtxt(shares, delimiter=",", ndmin=2)
        if got.shape != want.shape or not np.allclose(got, want, rtol=1e-4, atol=1e-5 * max(1, np.max(np.abs(want)))):
            found.append(f"{model.name}: contributions {got.shape} {want.shape} {np.max(np.abs(got - want)) if got.shape == want.shape else ''}")
    best = folder / f"{name}.best.csv"
    if best.exists():
        done("predict", model, "--input", folder / f"{name}.rows.csv", "--output", out, "--best-iteration")
        if not np.allclose(read_columns(out, "prediction"), expected(best), rtol=2e-6 + ulps, atol=1e-9 + ulps):
            found.append(f"{model.name}: predictions of the best iteration")
    return found


def test_every_kind_of_model_in_every_form(zoo, tmp_path):
    names = sorted(path.name.removesuffix(".rows.csv") for path in zoo.glob("*.rows.csv"))
    assert len(names) >= 50
    models = [(zoo / f"{name}.{form}", name) for name in names for form in ("json", "ubj")]
    shares = len(list(zoo.glob("*.contributions.csv")))
    assert shares == 0 or shares >= len(names) - 8  # none of vector leaves; asked of 3.x only
    found = [difference for model, name in models if model.exists() for difference in differences(model, name, tmp_path)]
    assert not found, "\n".join(found)


def test_the_old_binary_format_is_refused_with_how_to_convert(zoo):
    old = zoo / "old.deprecated"
    if not old.exists():
        pytest.skip("this XGBoost does not write its old format any more")
    result = vigil("inspect", old)
    assert result.returncode == EXIT_BAD_MODEL
    assert "old binary format" in result.stderr and "save_model" in result.stderr and old.name in result.stderr
