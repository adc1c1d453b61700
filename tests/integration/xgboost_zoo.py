"""Small models of every kind that XGBoost writes, each as JSON and (from 1.6 on) UBJSON, with rows and what the library answers for them.

    python xgboost_zoo.py FOLDER      leaves NAME.json, NAME.ubj, NAME.rows.csv, NAME.prediction.csv, NAME.margin.csv, NAME.best.csv, NAME.contributions.csv

Runs with any XGBoost from 1.0 on, so that files of old versions can be made by an interpreter that has one.
"""
import pathlib
import sys
import warnings

import numpy as np
import pandas as pd
import xgboost as xgb

ROWS, TEST_ROWS, COLUMNS = 900, 250, 6
VERSION = tuple(int(part) for part in xgb.__version__.split(".")[:2])

OBJECTIVES = {
    "reg:squarederror": "y", "reg:squaredlogerror": "positive", "reg:pseudohubererror": "y", "reg:absoluteerror": "y", "reg:logistic": "probability",
    "reg:gamma": "positive", "reg:tweedie": "positive", "count:poisson": "count", "binary:logistic": "binary", "binary:logitraw": "binary",
    "binary:hinge": "binary", "rank:pairwise": "class", "rank:ndcg": "class", "rank:map": "binary", "survival:cox": "positive",
    "survival:aft": "positive", "multi:softprob": "class", "multi:softmax": "class",
}
# The first version that has it.
SINCE = {"reg:pseudohubererror": (1, 3), "reg:absoluteerror": (1, 7), "survival:aft": (1, 2), "reg:quantileerror": (2, 0), "reg:expectileerror": (3, 3)}


def numbers(rng, n):
    """Six columns; the last two are codes 0 to 3 and 0 to 29. A tenth of the cells is missing."""
    x = rng.normal(size=(n, COLUMNS)).astype(np.float32)
    x[:, 4], x[:, 5] = rng.integers(0, 4, n), rng.integers(0, 30, n)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x


def targets(rng, x):
    z = np.nan_to_num(x)
    y = z[:, 0] + np.sin(2 * z[:, 1]) + (z[:, 4] == 2) + np.cos(z[:, 5]) + rng.normal(size=len(x)) * 0.1
    positive = np.exp(y / 3)
    return {"y": y, "positive": positive, "count": np.floor(positive * 3), "binary": (y > 0.5).astype(float),
            "probability": 1 / (1 + np.exp(-y)), "class": np.clip(np.floor(y + 1), 0, 2), "two": np.stack([y, 3 - 2 * y + z[:, 1]], 1),
            "labels": np.stack([y > 0, z[:, 0] > 0.3], 1).astype(float), "constant": np.full((len(x), 2), 2.0)}


def parameters():
    """name → (parameters, target, rounds, categorical: the last two columns are categories)"""
    cases = {}
    for objective, target in OBJECTIVES.items():
        classes = {"num_class": 3} if objective.startswith("multi") else {}
        name = objective.replace(":", "_")
        cases[name] = ({"objective": objective, **classes}, target, 8, False)
        cases[name + "_base"] = ({"objective": objective, "base_score": 0.3, **classes}, target, 8, False)
    for sample in ("uniform", "weighted"):
        for normalize in ("tree", "forest"):
            dart = {"booster": "dart", "sample_type": sample, "normalize_type": normalize, "rate_drop": 0.4, "one_drop": int(sample == "uniform")}
            cases[f"dart_{sample}_{normalize}"] = ({**dart, "objective": "binary:logistic"}, "binary", 12, False)
            cases[f"dart_{sample}_{normalize}_classes"] = ({**dart, "objective": "multi:softprob", "num_class": 3}, "class", 6, False)
    cases["dart_skip_parallel"] = ({"booster": "dart", "skip_drop": 0.5, "rate_drop": 0.5, "num_parallel_tree": 2, "subsample": 0.5}, "y", 8, False)
    for updater in ("shotgun", "coord_descent"):
        for objective in ("reg:squarederror", "binary:logistic", "count:poisson", "multi:softprob", "multi:softmax"):
            classes = {"num_class": 3} if objective.startswith("multi") else {}
            linear = {"booster": "gblinear", "updater": updater, "objective": objective, "alpha": 0.01, **classes}
            cases[f"linear_{updater}_{objective.replace(':', '_')}"] = (linear, OBJECTIVES[objective], 6, False)
    cases |= {
        "parallel": ({"num_parallel_tree": 4, "subsample": 0.5, "objective": "binary:logistic"}, "binary", 5, False),
        "parallel_classes": ({"num_parallel_tree": 2, "subsample": 0.5, "objective": "multi:softprob", "num_class": 3}, "class", 4, False),
        "lossguide": ({"tree_method": "hist", "grow_policy": "lossguide", "max_leaves": 60, "max_depth": 0}, "y", 6, False),
        "exact": ({"tree_method": "exact", "max_depth": 10, "gamma": 0.5}, "y", 6, False),
        "approx": ({"tree_method": "approx", "max_depth": 8}, "y", 6, False),
        "stump_of_nothing": ({"gamma": 1e9}, "y", 3, False),
        "early_stopping": ({"objective": "binary:logistic", "eta": 1.0}, "binary", 60, False),
    }
    if VERSION >= (1, 6):
        for kind, most in (("onehot", 100), ("partition", 1)):
            hist = {"tree_method": "hist", "max_cat_to_onehot": most}
            cases[f"categories_{kind}"] = ({**hist, "objective": "binary:logistic", "max_depth": 7}, "binary", 10, True)
            cases[f"categories_{kind}_classes"] = ({**hist, "objective": "multi:softprob", "num_class": 3}, "class", 5, True)
            cases[f"categories_{kind}_dart"] = ({**hist, "booster": "dart", "rate_drop": 0.4}, "y", 8, True)
            cases[f"categories_{kind}_approx"] = ({**hist, "tree_method": "approx"}, "y", 5, True)
        cases["two_targets"] = ({"objective": "reg:squarederror"}, "two", 5, False)
        cases["two_labels"] = ({"objective": "binary:logistic"}, "labels", 5, False)
    if VERSION >= (2, 0):
        vector = {"multi_strategy": "multi_output_tree", "tree_method": "hist"}
        cases["vector"] = ({**vector, "objective": "reg:squarederror"}, "two", 6, False)
        cases["vector_labels"] = ({**vector, "objective": "binary:logistic"}, "labels", 6, False)
        cases["vector_classes"] = ({**vector, "objective": "multi:softprob", "num_class": 3}, "class", 6, False)
        cases["vector_parallel"] = ({**vector, "num_parallel_tree": 2, "subsample": 0.5}, "two", 4, False)
        cases["vector_constant"] = (vector, "constant", 2, False)
        cases["quantiles"] = ({"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}, "y", 6, False)
        cases["quantile"] = ({"objective": "reg:quantileerror", "quantile_alpha": 0.7}, "y", 6, False)
    if VERSION >= (3, 1):
        cases["quantiles_vector"] = ({**vector, "objective": "reg:quantileerror", "quantile_alpha": [0.2, 0.8]}, "y", 6, False)
        cases["base_scores"] = ({"objective": "reg:squarederror", "base_score": [0.5, -7]}, "two", 5, False)
        cases["base_scores_classes"] = ({"objective": "multi:softprob", "num_class": 3, "base_score": [0.2, 0.3, 0.5]}, "class", 5, False)
        cases["linear_base_scores"] = ({"booster": "gblinear", "objective": "multi:softprob", "num_class": 3, "base_score": [0.2, 0.3, 0.5]}, "class", 5, False)
    if VERSION >= (3, 3):
        cases["expectiles"] = ({"objective": "reg:expectileerror", "expectile_alpha": [0.1, 0.5, 0.9]}, "y", 6, False)
    return {name: case for name, case in cases.items() if SINCE.get(case[0].get("objective"), (1, 0)) <= VERSION}


def thresholds_of(booster, vector):
    """Every split condition, as text dumps say it; 2.x cannot dump vector leaves."""
    if VERSION < (3, 0) and vector:
        return np.array([0.0], np.float32)
    found = [float(line.split("<")[1].split("]")[0]) for tree in booster.get_dump() for line in tree.split("\n") if "<" in line]
    return np.array(found or [0.0], np.float32)


def test_rows(rng, booster, linear, categorical, vector):
    """Random rows, and rows at, just below and just above thresholds; everything missing, zero, tiny and huge; codes that training never saw."""
    x = numbers(rng, TEST_ROWS)
    if not linear:
        near = rng.choice(thresholds_of(booster, vector), x.shape)
        pick = rng.random(x.shape)
        x = np.where(pick < 0.1, near, x)
        x = np.where((pick >= 0.1) & (pick < 0.2), np.nextafter(near, np.float32(np.inf)), x)
        x = np.where((pick >= 0.2) & (pick < 0.3), np.nextafter(near, np.float32(-np.inf)), x)
    x[0], x[1], x[2], x[3], x[4] = np.nan, 0, 1e-42, 1e30, -1e30
    if categorical:
        codes = numbers(rng, TEST_ROWS)[:, 4:]
        if VERSION >= (2, 0):  # older ones read what they never saw otherwise than today's library reads their files
            codes[5:40] = rng.choice(np.array([-1, -0.5, 0.5, 2.9, 4, 29.5, 30, 31, 1000, 16777215, 16777216, 1e9, 3e38], np.float32), (35, 2))
        x[:, 4:] = codes
    return x.astype(np.float32)


def matrix(x, label, categorical, objective):
    kinds = {"feature_types": ["q", "q", "q", "q", "c", "c"], "enable_categorical": True} if categorical else {}
    if label is None:
        return xgb.DMatrix(x, missing=np.nan, **kinds)
    made = xgb.DMatrix(x, None if objective == "survival:aft" else label, missing=np.nan, **kinds)
    if objective == "survival:aft":
        made.set_float_info("label_lower_bound", label.astype(np.float32))
        made.set_float_info("label_upper_bound", (label * 1.5).astype(np.float32))
    if objective.startswith("rank:"):
        made.set_group([30] * (len(x) // 30))
    return made


def save(booster, folder, name):
    booster.save_model(str(folder / f"{name}.json"))
    if VERSION >= (1, 6):
        booster.save_model(str(folder / f"{name}.ubj"))


def write(folder, name, rows, booster, data):
    save(booster, folder, name)
    rows.to_csv(folder / f"{name}.rows.csv", index=False)
    everything = {} if VERSION < (1, 4) else {"iteration_range": (0, 0)}
    for output, margin in (("prediction", False), ("margin", True)):
        values = booster.predict(data, output_margin=margin, **everything)
        pd.DataFrame(values).to_csv(folder / f"{name}.{output}.csv", index=False, header=False, float_format="%.9g")
    if VERSION < (3, 0):
        return
    try:
        contributions = booster.predict(data, pred_contribs=True, **everything)
    except xgb.core.XGBoostError:  # vector leaves and a few others have none
        return
    pd.DataFrame(contributions.reshape(len(rows), -1)).to_csv(folder / f"{name}.contributions.csv", index=False, header=False, float_format="%.9g")


def write_frames(folder):
    """Models of data frames, which carry the frame's categories: texts, and integers that are not their own codes."""
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"day": rng.choice(["mon", "tue", "wed day", "x"], ROWS), "v": rng.normal(size=ROWS), "k": rng.choice([5, 7, 100], ROWS),
                          "w": rng.normal(size=ROWS)})
    y = frame.v + (frame.day == "mon") * 3 + (frame.k == 100) * 2
    train = frame.assign(day=pd.Categorical(frame.day, ["wed day", "mon", "x", "tue"]), k=pd.Categorical(frame.k, [7, 100, 5]))
    for name, most, columns in (("frame_onehot", 10, ["day", "v", "k", "w"]), ("frame_partition", 1, ["v", "day", "k"]), ("frame_numbers", 1, ["k", "v"])):
        booster = xgb.train({"max_cat_to_onehot": most, "tree_method": "hist"}, xgb.DMatrix(train[columns], y, enable_categorical=True), 8)
        rows, coded = frame[columns].head(TEST_ROWS).copy(), train[columns].head(TEST_ROWS).copy()
        rows["k"] = rows["k"].astype(float)
        for column in set(columns) & {"k"}:
            rows.loc[0:9, column] = 8.0
            coded.loc[0:9, column] = np.nan
        if "day" in columns:
            rows.loc[5:14, "day"] = "holiday"
            coded.loc[5:14, "day"] = np.nan
        write(folder, name, rows, booster, xgb.DMatrix(coded, enable_categorical=True))


def main(folder):
    warnings.filterwarnings("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    for name, (given, target, rounds, categorical) in parameters().items():
        rng = np.random.default_rng(5)
        x = numbers(rng, ROWS)
        label = targets(rng, x)[target]
        objective, linear = given.get("objective", ""), given.get("booster") == "gblinear"
        data = matrix(x, label, categorical, objective)
        stop = {"evals": [(matrix(x[:300], label[::-1][:300], False, objective), "eval")], "early_stopping_rounds": 2} if name == "early_stopping" else {}
        # gblinear's shotgun races between threads.
        booster = xgb.train({"max_depth": 4, "nthread": 1, "verbosity": 0, "seed": 1, **given}, data, rounds, verbose_eval=False, **stop)
        rows = test_rows(rng, booster, linear, categorical, "multi_strategy" in given)
        data = matrix(rows, None, categorical, "")
        write(folder, name, pd.DataFrame(rows, columns=[f"f{i}" for i in range(COLUMNS)]), booster, data)
        if stop and VERSION >= (1, 4):
            best = booster.predict(data, iteration_range=(0, booster.best_iteration + 1))
            pd.DataFrame(best).to_csv(folder / f"{name}.best.csv", index=False, header=False, float_format="%.9g")
    if VERSION >= (3, 1):
        write_frames(folder)
    if VERSION < (3, 1):
        booster.save_model(str(folder / "old.deprecated"))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
