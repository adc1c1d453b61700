"""Small models of every kind that LightGBM and CatBoost write, each with rows and what its own library answers for them.

Run alone it leaves them in a folder, to look at:   python model_zoo.py FOLDER
"""
import dataclasses
import pathlib
import sys
import warnings

import numpy as np
import pandas as pd

ROWS, TEST_ROWS = 1500, 300
LONG = "a category of more than sixty-four characters, which CatBoost hashes by another path"


@dataclasses.dataclass
class Case:
    name: str
    model: pathlib.Path
    rows: pd.DataFrame         # as `vigil predict` reads them; NaN: missing
    predictions: np.ndarray    # [n] or [n, k]
    margins: np.ndarray
    exact: bool                # the library's own bits are expected, but for contributions
    contributions: np.ndarray | None = None  # [n, columns + 1], of several margins side by side; None: the library has none for this model


def numbers(rng, n):
    """Six columns: missing cells, zeros, and in the fourth whole numbers that can be categories."""
    x = rng.normal(size=(n, 6))
    x[:, 3] = rng.integers(0, 40, n)
    x[rng.random((n, 6)) < 0.1] = np.nan
    x[rng.random((n, 6)) < 0.1] = 0
    return x


def beside_thresholds(rng, x, thresholds):
    """Rows whose values lie at, just below and just above what splits ask for, and far out."""
    odd = x.copy()
    pick = rng.random(odd.shape)
    near = rng.choice(thresholds, odd.shape)
    odd = np.where(pick < 0.2, near, odd)
    odd = np.where((pick >= 0.2) & (pick < 0.3), np.nextafter(near, np.inf), odd)
    odd = np.where((pick >= 0.3) & (pick < 0.4), np.nextafter(near, -np.inf), odd)
    odd[0], odd[1], odd[2], odd[3] = np.nan, 0, 1e300, -1e300
    odd[4, :], odd[5, :] = 1e-36, -1e-36
    odd[6:20, 3] = rng.choice([-0.5, -1, 2.7, 39, 40, 1e9, 2.0**31, 2.0**40, -0.0, 63.999], 14)
    return odd


def lightgbm_parameters():
    """name → (parameters, target, rounds, categorical columns)"""
    cases = {}
    for objective in ("regression", "regression_l1", "huber", "fair", "quantile", "mape"):
        cases[objective] = (dict(objective=objective), "y", 8, None)
        cases[objective + "_sqrt"] = (dict(objective=objective, reg_sqrt=True), "y", 8, None)
    for objective in ("poisson", "gamma", "tweedie"):
        cases[objective] = (dict(objective=objective), "positive", 8, None)
    cases |= {
        "binary": (dict(objective="binary"), "binary", 8, None),
        "binary_sigmoid": (dict(objective="binary", sigmoid=2.5), "binary", 8, None),
        "cross_entropy": (dict(objective="cross_entropy"), "probability", 8, None),
        "cross_entropy_lambda": (dict(objective="cross_entropy_lambda"), "probability", 8, None),
        "multiclass": (dict(objective="multiclass", num_class=4), "class", 8, None),
        "multiclassova": (dict(objective="multiclassova", num_class=4, sigmoid=1.7), "class", 8, None),
        "dart": (dict(objective="binary", boosting="dart", drop_rate=0.3), "binary", 15, None),
        "goss": (dict(objective="binary", data_sample_strategy="goss"), "binary", 8, None),
        "forest": (dict(objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6), "binary", 7, None),
        "forest_regression": (dict(objective="regression", boosting="rf", bagging_freq=1, bagging_fraction=0.6), "y", 7, None),
        "forest_multiclass": (dict(objective="multiclass", num_class=4, boosting="rf", bagging_freq=1, bagging_fraction=0.6), "class", 7, None),
        "categorical": (dict(objective="binary"), "binary", 8, [3]),
        "categorical_onehot": (dict(objective="binary", max_cat_to_onehot=50), "binary", 8, [3]),
        "categorical_multiclass": (dict(objective="multiclass", num_class=4), "class", 8, [3]),
        "zero_as_missing": (dict(objective="binary", zero_as_missing=True), "binary", 8, None),
        "no_missing": (dict(objective="binary", use_missing=False), "binary", 8, None),
        "linear": (dict(objective="regression", linear_tree=True, linear_lambda=0.1), "y", 8, None),
        "linear_categorical": (dict(objective="regression", linear_tree=True), "y", 8, [3]),
        "linear_multiclass": (dict(objective="multiclass", num_class=4, linear_tree=True), "class", 8, None),
        "constant": (dict(objective="regression"), "constant", 3, None),
        "lambdarank": (dict(objective="lambdarank"), "class", 8, None),
        "rank_xendcg": (dict(objective="rank_xendcg"), "class", 8, None),
        "custom": (dict(objective="none"), "y", 8, None),
        "deep": (dict(objective="regression", num_leaves=255, min_data_in_leaf=1), "y", 5, None),
    }
    return cases


def targets(x):
    y = np.nan_to_num(x[:, 0]) + 2 * np.nan_to_num(x[:, 1]) + np.sin(np.nan_to_num(x[:, 3]))
    return {"y": y, "positive": np.exp(y / 3), "binary": (y > 0).astype(float), "probability": 1 / (1 + np.exp(-y)),
            "class": np.clip(np.floor(y + 2), 0, 3), "constant": np.full(len(y), 3.0)}


def lightgbm_cases(folder):
    import lightgbm as lgb
    warnings.filterwarnings("ignore")
    rng = np.random.default_rng(5)
    x, test = numbers(rng, ROWS), numbers(rng, TEST_ROWS)
    by_name = targets(x)
    names = [f"c{i}" for i in range(6)]
    for name, (parameters, target, rounds, categorical) in lightgbm_parameters().items():
        base = dict(verbose=-1, num_threads=1, num_leaves=15, min_data_in_leaf=5, seed=1, deterministic=True)
        data = lgb.Dataset(np.abs(x) if categorical else x, by_name[target], feature_name=names, categorical_feature=categorical or "auto",
                           group=[30] * (ROWS // 30) if target == "class" and "rank" in name else None, params={"verbose": -1})
        if name == "custom":
            parameters = dict(objective=lambda margins, d: (margins - d.get_label(), np.ones_like(margins)))
        model = lgb.train({**base, **parameters}, data, rounds)
        path = folder / f"lightgbm_{name}.txt"
        model.save_model(path)
        thresholds = [float(t) for line in path.read_text().splitlines() if line.startswith("threshold=") for t in line[10:].split()]
        rows = np.vstack([test, beside_thresholds(rng, test, np.array(thresholds or [0.0]))])
        # Linear leaves have none, here and there.
        contributions = None if "linear_tree" in parameters else model.predict(rows, pred_contrib=True)
        yield Case(path.stem, path, pd.DataFrame(rows, columns=names), model.predict(rows), model.predict(rows, raw_score=True), True, contributions)
    yield from lightgbm_frames(folder, rng)


def lightgbm_frames(folder, rng):
    """Categories of the training frame: texts, and numbers that are not their own codes."""
    import lightgbm as lgb
    frame = pd.DataFrame({"s": rng.choice(["mon", "tue", "wed"], ROWS), "v": rng.normal(size=ROWS), "k": rng.choice([5, 7, 100], ROWS)})
    y = frame.v + (frame.s == "mon") * 3 + (frame.k == 100) * 2
    train = frame.astype({"s": "category", "k": "category"})
    model = lgb.train(dict(objective="regression", verbose=-1, num_threads=1, num_leaves=7, min_data_per_group=1, cat_smooth=1), lgb.Dataset(train, y), 10)
    path = folder / "lightgbm_frame.txt"
    model.save_model(path)
    rows = frame.head(TEST_ROWS).copy()
    rows["s"] = rows["s"].astype(object)
    rows["k"] = rows["k"].astype(float)
    rows.loc[0:9, "s"] = "holiday"
    rows.loc[5:14, "k"] = 8.0
    rows.loc[15:19, "k"] = np.nan
    coded = rows.assign(s=pd.Categorical(rows.s, train.s.cat.categories), k=pd.Categorical(rows.k, [5, 7, 100]))
    yield Case(path.stem, path, rows, model.predict(coded), model.predict(coded, raw_score=True), True, model.predict(coded, pred_contrib=True))


def catboost_parameters(x, frame):
    """name → (parameters, rows, target, categorical columns)"""
    t = targets(x)
    texts = 2 * (frame.s == "red") + 1.5 * (frame.i == 3) + t["y"]
    cases = {name.split(":")[0]: (dict(loss_function=name), x, t["positive"], None)
             for name in ("RMSE", "MAE", "Quantile", "LogCosh", "MAPE", "Poisson", "Tweedie:variance_power=1.5", "Huber:delta=1",
                          "Expectile:alpha=0.3", "Lq:q=3", "LogLinQuantile", "RMSEWithUncertainty")}
    cases |= {
        "Logloss": (dict(loss_function="Logloss"), x, t["binary"], None),
        "CrossEntropy": (dict(loss_function="CrossEntropy"), x, t["probability"], None),
        "Focal": (dict(loss_function="Focal:focal_alpha=0.5;focal_gamma=2"), x, t["binary"], None),
        "MultiClass": (dict(loss_function="MultiClass"), x, t["class"].astype(int), None),
        "MultiClassOneVsAll": (dict(loss_function="MultiClassOneVsAll"), x, t["class"].astype(int), None),
        "MultiRMSE": (dict(loss_function="MultiRMSE"), x, np.stack([t["y"], t["positive"]], 1), None),
        "MultiLogloss": (dict(loss_function="MultiLogloss"), x, np.stack([t["binary"], 1 - t["binary"]], 1).astype(int), None),
        "MultiQuantile": (dict(loss_function="MultiQuantile:alpha=0.2,0.5,0.8"), x, t["y"], None),
        "nan_max": (dict(loss_function="RMSE", nan_mode="Max"), x, t["y"], None),
        "nan_forbidden": (dict(loss_function="RMSE", nan_mode="Forbidden"), np.nan_to_num(x), t["y"], None),
        "ignored": (dict(loss_function="RMSE", ignored_features=[0, 4]), x, t["y"], None),
        "onehot": (dict(loss_function="RMSE", one_hot_max_size=20), frame, texts, ["s", "i"]),
        "onehot_multiclass": (dict(loss_function="MultiClass", one_hot_max_size=20), frame, t["class"].astype(int), ["s", "i"]),
    }
    for policy in ("Depthwise", "Lossguide"):
        cases[policy] = (dict(loss_function="Logloss", grow_policy=policy), x, t["binary"], None)
        cases[policy + "_multiclass"] = (dict(loss_function="MultiClass", grow_policy=policy), x, t["class"].astype(int), None)
        cases[policy + "_onehot"] = (dict(loss_function="RMSE", grow_policy=policy, one_hot_max_size=20), frame, texts, ["s", "i"])
    return cases


CATBOOST_PROBABILITIES = ("Logloss", "CrossEntropy", "Focal", "MultiClass", "MultiClassOneVsAll", "MultiLogloss")


def catboost_prediction(model, pool, loss, margins):
    """What CatBoost's classifier and regressor answer by default: probabilities, an exponent, mean and variance, or the margin."""
    if loss in CATBOOST_PROBABILITIES:
        p = model.predict(pool, prediction_type="Probability")
        return p[:, 1] if margins.ndim == 1 else p
    if loss in ("Poisson", "Tweedie"):
        return model.predict(pool, prediction_type="Exponent")
    return model.predict(pool, prediction_type="RMSEWithUncertainty") if loss == "RMSEWithUncertainty" else margins


def catboost_contributions(model, pool, margins):
    """CatBoost's own where they add up to its margins, which they do not for all trees grown by leaf and one-hot splits of trees grown by level.
    Of an uncertainty they are the mean's alone."""
    shares = model.get_feature_importance(pool, type="ShapValues", thread_count=1)
    explained = margins[:, :shares.shape[1]] if shares.ndim == 3 else margins
    return shares.reshape(len(shares), -1) if np.allclose(shares.sum(axis=-1), explained, rtol=1e-9, atol=1e-9) else None


def catboost_cases(folder):
    import catboost as cb
    rng = np.random.default_rng(6)
    x = numbers(rng, ROWS).astype(np.float32).astype(np.float64)
    frame = pd.DataFrame({"a": x[:, 0], "s": rng.choice(["red", "green", "", LONG], ROWS), "b": x[:, 1], "i": rng.integers(-2, 6, ROWS)})
    for name, (parameters, rows, target, categorical) in catboost_parameters(x, frame).items():
        base = dict(iterations=8, depth=4, verbose=0, allow_writing_files=False, random_seed=1, thread_count=1)
        model = cb.CatBoost({**base, **parameters}).fit(rows, target, cat_features=categorical)
        test = pd.DataFrame(rows).head(TEST_ROWS).copy()
        if categorical:
            test.loc[0:9, "s"] = "unseen"
            test.loc[5:14, "i"] = 77
        elif name != "nan_forbidden":
            borders = np.array([b for borders in model._get_borders().values() for b in borders] or [0.0], np.float32)
            test.iloc[100:200] = beside_thresholds(rng, test.iloc[100:200].to_numpy(), borders.astype(np.float64))
            test.iloc[200:250] = np.nextafter(rng.choice(borders, (50, 6)), np.float32(rng.choice([-9, 9]))).astype(np.float64)
        pool = cb.Pool(test, cat_features=categorical)
        margins = model.predict(pool, prediction_type="RawFormulaVal")
        predictions = catboost_prediction(model, pool, parameters["loss_function"].split(":")[0], margins)
        contributions = catboost_contributions(model, pool, margins)
        for form in ("cbm", "json"):
            path = folder / f"catboost_{name}.{form}"
            model.save_model(path, format=form, pool=cb.Pool(rows, target, cat_features=categorical) if categorical else None)
            yield Case(path.name, path, test.rename(columns=str), predictions, margins, False, contributions)


def catboost_statistics(folder):
    """Models that need what Vigil does not compute: (path, what the refusal names)."""
    import catboost as cb
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"a": rng.normal(size=ROWS), "s": rng.choice(list("abcdefgh"), ROWS)})
    model = cb.CatBoost(dict(iterations=4, verbose=0, allow_writing_files=False, loss_function="RMSE", one_hot_max_size=2, thread_count=1))
    pool = cb.Pool(frame, frame.a + (frame.s == "a"), cat_features=["s"])
    model.fit(pool)
    for form in ("cbm", "json"):
        path = folder / f"statistics.{form}"
        model.save_model(path, format=form, pool=pool)
        yield path, "target statistics"


if __name__ == "__main__":
    target_folder = pathlib.Path(sys.argv[1])
    target_folder.mkdir(parents=True, exist_ok=True)
    for case in [*lightgbm_cases(target_folder), *catboost_cases(target_folder)]:
        case.rows.to_csv(target_folder / f"{case.name}.csv", index=False)
        print(case.name, case.predictions.shape)
