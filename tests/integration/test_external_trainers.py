"""Retraining by trainers that are not ours, on rows with a column of texts: XGBoost, LightGBM and CatBoost in Python, from the log and its labels
to a version that passed the gate and answers as its maker does. Each is skipped where its library is absent."""
import datetime
import json
import stat
import sys

import numpy as np
import pytest
from conftest import kinds, serving, wait_for

pd = pytest.importorskip("pandas")

CHANNELS = ["web", "mobile", "pos", "atm"]
FEATURES = ["amount", "channel", "nb"]

# Fits `frame`, whose column `channel` holds texts, and saves the model. Used by the trainers, and by the test for the first champion.
FIT = {
    "xgboost": '''
import xgboost
FILE = "model.json"
def coded(frame):
    return frame.assign(channel=pandas.Categorical(frame["channel"], CHANNELS))
def fit(frame, y, rounds, path):
    data = xgboost.DMatrix(coded(frame), y, enable_categorical=True)
    params = {"objective": "binary:logistic", "max_depth": 4, "eta": 0.3, "nthread": 1, "max_cat_to_onehot": 1}
    xgboost.train(params, data, rounds).save_model(path)
def score(path, frame):
    return xgboost.Booster(model_file=path).predict(xgboost.DMatrix(coded(frame), enable_categorical=True))
''',
    "lightgbm": '''
import lightgbm
FILE = "model.txt"
def coded(frame):
    return frame.assign(channel=pandas.Categorical(frame["channel"], CHANNELS))
def fit(frame, y, rounds, path):
    params = {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1, "min_data_per_group": 1, "cat_smooth": 1}
    lightgbm.train(params, lightgbm.Dataset(coded(frame), y), rounds).save_model(path)
def score(path, frame):
    return lightgbm.Booster(model_file=path).predict(coded(frame))
''',
    "catboost": '''
import catboost
FILE = "model.cbm"
def fit(frame, y, rounds, path):
    model = catboost.CatBoostClassifier(iterations=rounds, depth=4, learning_rate=0.3, thread_count=1, verbose=0, one_hot_max_size=10,
                                        cat_features=["channel"], allow_writing_files=False)
    model.fit(frame, y)
    model.save_model(path)
def score(path, frame):
    return catboost.CatBoostClassifier().load_model(path).predict_proba(frame)[:, 1]
''',
}

TRAINER = '''#!{python}
import json, os, sys
import pandas
CHANNELS = {channels!r}
{fit}
job = json.load(open(os.environ["VIGIL_JOB"]))
rows = pandas.read_parquet(job["dataset"]["train"])
frame = rows[job["features"]]
assert frame["channel"].map(type).eq(str).all(), frame.dtypes
for column in ("amount", "nb"):
    frame = frame.assign(**{{column: frame[column].astype("float32")}})
fit(frame, rows[job["label"]].astype(int), job["rounds"], FILE)
result = {{"job_id": job["id"], "token": job["token"], "status": "done", "artefact": FILE, "metrics": {{"rows": len(rows)}}}}
json.dump(result, open("result.tmp", "w"))
os.rename("result.tmp", "result.json")
'''


def payments(n, seed):
    """Fraud by amount, and far more so over the web: the texts matter."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"amount": rng.gamma(2.0, 40.0, n).astype(np.float32), "channel": rng.choice(CHANNELS, n),
                          "nb": rng.poisson(4, n).astype(np.float32)})
    risk = 1 / (1 + np.exp(-(0.02 * (frame.amount - 150) + 3.0 * (frame.channel == "web") + 0.3 * (frame.nb - 6))))
    return frame, (rng.random(n) < risk).astype(int)


def functions(library):
    names = {"CHANNELS": CHANNELS, "pandas": pd}
    exec(FIT[library], names)
    return names


def config(champion, trainer):
    model = {"name": "fraud", "path": str(champion),
             "retraining": {"window": "30d", "label_horizon": "1h", "holdout_share": 0.4, "rows_min": 500, "positives_min": 10, "rounds": 40,
                            "command": [str(trainer)]},
             "gate": {"rows_min": 200, "positives_min": 10, "improvement_min": 0, "calibration_error_max": 1, "latency_factor_max": 100},
             "rollout": {"automatic": False}}
    return json.dumps({"models": [model], "monitoring": {"label_horizon": "1d"}, "alerts": {"rules": []}})


def send(server, hours, n=500):
    now = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
    for hour in range(hours):
        frame, y = payments(n, 100 + hour)
        ids = [f"h{hour}-{i}" for i in range(n)]
        times = [(now + datetime.timedelta(seconds=3600 * i / n)).strftime("%Y-%m-%dT%H:%M:%SZ") for i in range(n)]
        r = server.predict("fraud", {"columns": FEATURES, "data": json.loads(frame[FEATURES].to_json(orient="values")), "ids": ids, "entities": ids,
                                     "times": times})
        assert r.status_code == 200, r.text
        now += datetime.timedelta(hours=1)
        observed = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        r = server.post("/api/v1/labels", {"labels": [{"id": i, "label": int(v), "observed_at": observed} for i, v in zip(ids, y)]})
        assert r.json()["accepted"] == n, r.text
    end = (now - datetime.timedelta(minutes=10)).timestamp()
    wait_for(lambda: server.metric("vigil_control_time_seconds") >= end, why=lambda: server.get("/api/v1/status").text)


@pytest.mark.parametrize("library,champion_library", [("xgboost", "xgboost"), ("lightgbm", "lightgbm"), ("catboost", "catboost"), ("lightgbm", "xgboost")])
def test_a_trainer_in_python_learns_from_texts(library, champion_library, tmp_path):
    for needed in {library, champion_library}:
        pytest.importorskip(needed)
    first, last = functions(champion_library), functions(library)
    champion = tmp_path / f"first-{first['FILE']}"
    frame, y = payments(1500, 1)
    first["fit"](frame[FEATURES], np.random.default_rng(1).permutation(y), 2, str(champion))  # there is everything left to learn
    trainer = tmp_path / "trainer.py"
    trainer.write_text(TRAINER.format(python=sys.executable, channels=CHANNELS, fit=FIT[library]))
    trainer.chmod(trainer.stat().st_mode | stat.S_IXUSR)

    with serving(tmp_path / "server", {}, args=["--clock", "event"], config=config(champion, trainer)) as s:
        send(s, 6)
        job = s.post("/api/v1/models/fraud/retrain", {"reason": "texts"}).json()
        folder = s.state / "jobs" / job["id"]

        def ended():
            now = s.get(f"/api/v1/jobs/{job['id']}").json()
            return now if now["state"] in ("done", "not_ready", "failed", "refused") else None
        job = wait_for(ended, seconds=120, why=lambda: s.get("/api/v1/jobs").text + s.log_text()[-3000:])
        assert job["state"] == "done", json.dumps(job) + ((folder / "trainer.log").read_text() if (folder / "trainer.log").exists() else "")
        given = json.loads((folder / "job.json").read_text())
        assert sorted(given["features"]) == sorted(FEATURES)
        version = s.get(f"/api/v1/models/fraud/versions/{job['candidate']}").json()
        assert version["state"] == "validated" and version["parent"] == "1" and version["format"].startswith(library), version
        gate = version["gate_report"] if isinstance(version["gate_report"], dict) else json.loads(version["gate_report"])
        assert gate["passed"] is True, gate
        assert json.loads((folder / "result.json").read_text())["metrics"]["rows"] >= 500
        assert {"job.started", "job.done", "model.registered"} <= set(kinds(s))

        # What it serves then is what its maker's library answers, texts and all.
        assert s.put("/api/v1/models/fraud/roles/champion", {"version": job["candidate"], "expected_epoch": 1}).status_code == 200
        frame, _ = payments(200, 7)
        got = s.predict("fraud", {"columns": FEATURES, "data": json.loads(frame[FEATURES].to_json(orient="values"))}).json()
        assert got["version"] == job["candidate"]
        want = last["score"](str(folder / last["FILE"]), frame[given["features"]])
        assert np.allclose(got["predictions"], want, rtol=1e-5, atol=1e-6)
        assert np.mean(np.array(got["predictions"])[frame.channel == "web"]) > 2 * np.mean(np.array(got["predictions"])[frame.channel == "pos"])
