"""Trains the models that makers_bench compares, and compiles them as their makers and the compilers people use would:

    python prepare.py FOLDER      leaves a model, its compiled forms and rows.f32 ([4096][30] floats) in FOLDER; what is there is kept

Data: 30 numbers and a rare label, like card frauds: amounts with long tails, counts, hours, missing cells in four columns.
"""
import os
import pathlib
import subprocess
import sys

import numpy as np

COLUMNS, TRAIN, ROWS, TREES, CLASSES = 30, 30_000, 4096, 500, 5
CATEGORIES = {10: 6, 11: 24, 12: 60, 13: 120}  # column → how many, of the model with categories
WRAP = pathlib.Path(__file__).with_name("catboost_wrap.cc")


def numbers(rng, n):
    x = rng.normal(size=(n, COLUMNS))
    x[:, :6] = np.exp(x[:, :6])           # amounts
    x[:, 6:10] = rng.poisson(4, (n, 4))   # counts
    for column, categories in CATEGORIES.items():
        x[:, column] = rng.integers(0, categories, n)
    x[:, 14:18][rng.random((n, 4)) < 0.05] = np.nan
    return x.astype(np.float32)


def score(rng, x):
    z = np.nan_to_num(x)
    s = sum(np.sin(z[:, f] * (1 + f / 7)) * (1 if f % 3 == 0 else 0.4) for f in range(COLUMNS) if f not in CATEGORIES)
    return s + (z[:, 11] % 5 == 2) + np.cos(z[:, 12]) + rng.normal(size=len(x))


def shared_library(target, *sources, flags=()):
    subprocess.run(["g++", "-O3", "-shared", "-fPIC", *flags, "-o", str(target), *map(str, sources)], check=True)


def tl2cgen_library(folder, name, model):
    """Compiled once by gcc -O3 in several files, as `tl2cgen.export_lib` does it."""
    import tl2cgen
    tl2cgen.export_lib(model, toolchain="gcc", libpath=str(folder / f"{name}.tl2cgen.so"), params={"parallel_comp": 16},
                       nthread=os.cpu_count(), options=["-O3"])


def xgboost_models(folder, x, s, rng):
    import treelite
    import xgboost as xgb
    fraud = (s > np.quantile(s, 0.97)).astype(int)
    base = dict(max_depth=6, eta=0.1, tree_method="hist", nthread=1, seed=1, min_child_weight=0.1)
    classes = np.digitize(s, np.quantile(s, np.arange(1, CLASSES) / CLASSES))
    kinds = ["c" if f in CATEGORIES else "q" for f in range(COLUMNS)]
    cases = {
        "xgboost_500x6": (dict(objective="binary:logistic"), fraud, TREES, None),
        "xgboost_multiclass": (dict(objective="multi:softprob", num_class=CLASSES), classes, TREES // CLASSES, None),
        "xgboost_categorical": (dict(objective="binary:logistic", max_cat_to_onehot=4), fraud, TREES, kinds),
        "xgboost_deep": (dict(objective="reg:squarederror", max_depth=10, max_bin=1024, min_child_weight=4), s, 200, None),
    }
    for name, (given, label, rounds, types) in cases.items():
        path = folder / f"{name}.json"
        if not path.exists():
            data = xgb.DMatrix(x, label, feature_types=types, enable_categorical=types is not None)
            xgb.train({**base, **given}, data, rounds).save_model(path)
        if name == "xgboost_500x6" and not (folder / f"{name}.tl2cgen.so").exists():
            tl2cgen_library(folder, name, treelite.frontend.load_xgboost_model(str(path)))


def lightgbm_models(folder, x, s):
    import lightgbm as lgb
    import lleaves
    import treelite
    library = folder / "lib_lightgbm.so"
    library.unlink(missing_ok=True)
    library.symlink_to(pathlib.Path(lgb.__file__).parent / "lib" / "lib_lightgbm.so")
    path = folder / "lightgbm_500x31.txt"
    if not path.exists():
        fraud = (s > np.quantile(s, 0.9)).astype(int)
        given = dict(objective="binary", num_leaves=31, learning_rate=0.05, num_threads=1, verbose=-1, seed=1, min_data_in_leaf=5)
        lgb.train(given, lgb.Dataset(x.astype(np.float64), fraud), TREES).save_model(path)
    if not (folder / "lightgbm_500x31.tl2cgen.so").exists():
        tl2cgen_library(folder, "lightgbm_500x31", treelite.frontend.load_lightgbm_model(str(path)))
    # As it comes, and with its documented flags for single rows: one block, the small code model.
    for form, flags in (("lleaves", {}), ("lleaves1", dict(fblocksize=TREES, fcodemodel="small"))):
        if (folder / f"lightgbm_500x31.{form}.so").exists():
            continue
        compiled = folder / f"lightgbm_500x31.{form}.o"
        compiled.unlink(missing_ok=True)
        lleaves.Model(model_file=str(path)).compile(cache=str(compiled), raw_score=True, **flags)
        shared_library(folder / f"lightgbm_500x31.{form}.so", compiled)


def catboost_models(folder, x, s):
    import catboost as cb
    path = folder / "catboost_500x6.cbm"
    if not path.exists():
        fraud = (s > np.quantile(s, 0.97)).astype(int)
        model = cb.CatBoostClassifier(iterations=TREES, depth=6, learning_rate=0.1, verbose=0, allow_writing_files=False, random_seed=1,
                                      thread_count=1)
        model.fit(x, fraud).save_model(str(path))
        model.save_model(str(folder / "catboost_500x6.cpp"), format="cpp")
    if not (folder / "catboost_500x6.cpp.so").exists():
        shared_library(folder / "catboost_500x6.cpp.so", WRAP, flags=(f'-DEXPORTED="{(folder / "catboost_500x6.cpp").resolve()}"',))


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    x = numbers(rng, TRAIN)
    s = score(rng, x)
    numbers(rng, ROWS).tofile(folder / "rows.f32")
    for step, arguments in ((xgboost_models, (x, s, rng)), (lightgbm_models, (x, s)), (catboost_models, (x, s))):
        step(folder, *arguments)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
