"""LightGBM and CatBoost models of every kind, trained here and now, scored by `vigil predict` and by their own libraries."""
import csv

import numpy as np
import pytest
from conftest import done, vigil

EXIT_BAD_MODEL = 4


def read_columns(path, name):
    """The output columns `name` or `name_0`, ... as [n] or [n, k]."""
    with open(path) as f:
        lines = list(csv.reader(f))
    at = [i for i, column in enumerate(lines[0]) if column == name or (column.startswith(name + "_") and column[len(name) + 1:].isdigit())]
    values = np.array([[float(line[i]) for i in at] for line in lines[1:]])
    return values[:, 0] if len(at) == 1 else values


def read_contributions(path):
    """Every contribution column, as [n, columns + 1], of several margins side by side."""
    with open(path) as f:
        lines = list(csv.reader(f))
    at = [i for i, column in enumerate(lines[0]) if column.startswith("contribution_")]
    return np.array([[float(line[i]) for i in at] for line in lines[1:]])


def check(case, folder):
    rows, out = folder / "rows.csv", folder / "out.csv"
    case.rows.to_csv(rows, index=False)
    contributions = [] if case.contributions is None else ["--contributions"]
    done("predict", case.model, "--input", rows, "--output", out, "--margin", *contributions)
    for name, want in (("margin", case.margins), ("prediction", case.predictions)):
        got = read_columns(out, name)
        assert got.shape == want.shape, f"{case.name} {name}"
        if case.exact:
            np.testing.assert_array_equal(got, want, err_msg=f"{case.name} {name}")
        else:
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12, err_msg=f"{case.name} {name}")
    if case.contributions is not None:
        # CatBoost tells the mean's shares, not the variance's.
        shares = read_contributions(out)[:, :case.contributions.shape[1]] if "Uncertainty" in case.name else read_contributions(out)
        np.testing.assert_allclose(shares, case.contributions, rtol=1e-11, atol=1e-11, err_msg=f"{case.name} contributions")
    return case


def test_lightgbm_of_every_kind_bit_for_bit(tmp_path):
    pytest.importorskip("lightgbm", reason="lightgbm is not installed beside the tests")
    from model_zoo import lightgbm_cases
    cases = [check(case, tmp_path) for case in lightgbm_cases(tmp_path)]
    assert len(cases) >= 40
    assert sum(case.contributions is not None for case in cases) >= 37


def test_catboost_of_every_kind_in_both_forms(tmp_path):
    pytest.importorskip("catboost", reason="catboost is not installed beside the tests")
    from model_zoo import catboost_cases
    cases = [check(case, tmp_path) for case in catboost_cases(tmp_path)]
    assert len(cases) >= 60
    assert sum(case.contributions is not None for case in cases) >= 50


def test_catboost_target_statistics_are_refused_by_name(tmp_path):
    pytest.importorskip("catboost", reason="catboost is not installed beside the tests")
    from model_zoo import catboost_statistics
    for path, said in catboost_statistics(tmp_path):
        result = vigil("inspect", path)
        assert result.returncode == EXIT_BAD_MODEL
        assert said in result.stderr and path.name in result.stderr
