"""Versions of one model made by different libraries: canary, shadow, A/B test and the gate across them."""
import csv
import json

import pytest
from conftest import done, serving, shared, vigil, wait_for

PEOPLE = [f"person-{i}" for i in range(200)]
EXACT = 0.1  # a float rounds it up: a model of doubles goes left of the threshold, one that got the float goes right

# A LightGBM model of one tree as its maker writes it: columns in another order than the champion's, a threshold that tells doubles from floats.
LIGHTGBM = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx={last}
objective=binary sigmoid:1
feature_names={names}
feature_infos={infos}
tree_sizes=100

Tree=0
num_leaves=3
num_cat=0
split_feature={amount} {nb}
split_gain=3 2
threshold=0.1 6
decision_type=2 2
left_child=-1 -2
right_child=1 -3
leaf_value=-3 -1 2
leaf_count=4 3 2
internal_count=9 5
is_linear=0
shrinkage=1


end of trees

feature_importances:
amount=1

parameters:
[boosting: gbdt]
end of parameters

pandas_categorical:null
"""
SIGMOID = {-3: 0.04742587317756678, -1: 0.2689414213699951, 2: 0.8807970779778823}


def lightgbm(path, names=("nb", "hour", "amount")):
    path.write_text(LIGHTGBM.format(last=len(names) - 1, names=" ".join(names), infos=" ".join(["[0:100]"] * len(names)),
                                    amount=names.index("amount"), nb=names.index("nb")))
    return path


def expected(row):
    return SIGMOID[-3 if row["amount"] <= EXACT else -1 if row["nb"] <= 6 else 2]


def register(server, path, model="fraud"):
    r = server.post(f"/api/v1/models/{model}/versions", {"uri": str(path)})
    assert r.status_code == 201, r.text
    return r.json()["version"]


def begin(server, **options):
    r = server.post("/api/v1/models/fraud/rollouts", {"candidate": "2", **options})
    assert r.status_code == 201, r.text
    return r.json()


def rows(n=len(PEOPLE)):
    return [{"amount": EXACT if i % 3 == 0 else float(i), "nb": float(i % 12), "hour": float(i % 24)} for i in range(n)]


@pytest.mark.parametrize("ab", [False, True], ids=["canary", "a/b"])
def test_a_lightgbm_candidate_beside_an_xgboost_champion(small, tmp_path, ab):
    with serving(tmp_path, {"fraud": small.champion}, args=["--log-sync", "always"]) as s:
        register(s, lightgbm(tmp_path / "candidate.txt"))
        begin(s, ab_test=ab, steps=[{"share": 0.5, "duration_min_s": 86400}])
        asked = rows()
        answer = s.predict("fraud", {"rows": asked, "entities": PEOPLE, "ids": [f"tx-{i}" for i in range(len(asked))]}).json()
        assert 60 < answer["versions"].count("2") < 140
        alone = {v: s.predict("fraud", {"rows": asked}, params={"version": v}).json()["predictions"] for v in ("1", "2")}
        assert alone["2"] == [pytest.approx(expected(r), abs=1e-15) for r in asked]
        for i, (version, got) in enumerate(zip(answer["versions"], answer["predictions"])):
            assert got == pytest.approx(alone[version][i], rel=1e-7), "each arm's own number, in the champion's type"
        for one in (asked[0], asked[1]):  # one row: the fixed-schema parser, one arm
            for person in PEOPLE[:12]:
                r = s.predict("fraud", {"rows": [one], "entities": [person]}).json()
                want = expected(one) if r["version"] == "2" else None
                assert want is None or r["predictions"] == [pytest.approx(want, rel=1e-7)]
        timeline = s.get("/api/v1/timeline?model=fraud&limit=20").text
        assert "version 2 takes nb as FP64 instead of FP32" in timeline and "taken as the same score" in timeline


def test_a_lightgbm_shadow(small, tmp_path):
    with serving(tmp_path, {"fraud": small.champion}, args=["--log-sync", "always"]) as s:
        register(s, lightgbm(tmp_path / "candidate.txt"))
        assert s.put("/api/v1/models/fraud/roles/shadow", {"version": "2"}).status_code == 200
        asked = rows(60)
        live = s.predict("fraud", {"rows": asked}).json()["predictions"]
        assert live == s.predict("fraud", {"rows": asked}, params={"version": "1"}).json()["predictions"], "callers see the champion only"
        wait_for(lambda: s.metric("vigil_shadow_rows_total") >= 60, why=s.log_text)
        assert s.metric("vigil_shadow_rows_skipped_total") == 0
        def all_logged():  # the last batch of records may still be on its way
            tail = done("log", "tail", "--shadows", "-n", "200", "--json", "--state-dir", s.state)
            found = [record for record in map(json.loads, tail.splitlines()) if record["arm"] == "shadow"]
            return found if len(found) == 60 else None
        logged = wait_for(all_logged, seconds=20)
        assert {record["version"] for record in logged} == {"2"}
        assert sum(record["outputs"][0] for record in logged) == pytest.approx(sum(map(expected, asked)), rel=1e-6)


def test_what_cannot_stand_beside_the_champion_is_named(small, tmp_path):
    with serving(tmp_path, {"fraud": small.champion}) as s:
        register(s, lightgbm(tmp_path / "other.txt", ("nb", "hours", "amount")))
        for r in (s.put("/api/v1/models/fraud/roles/shadow", {"version": "2"}),
                  s.post("/api/v1/models/fraud/rollouts", {"candidate": "2", "ab_test": True, "steps": [{"share": 0.5, "duration_min_s": 60}]})):
            assert r.status_code >= 400 and "hours" in r.text and "did you mean" in r.text and "hour" in r.text, r.text


def test_the_gate_compares_libraries_on_the_same_rows(small, tmp_path):
    candidate = lightgbm(tmp_path / "candidate.txt")
    r = vigil("validate", candidate, "--against", small.champion, "--data", small.rows, "--label", "is_fraud", "--json")
    assert r.returncode in (0, 5), r.stderr
    report = json.loads(r.stdout)
    checks = {c["name"]: c for c in report["checks"]}
    assert checks["signature"]["passed"] and "as FP64 instead of FP32" in checks["signature"]["detail"]
    assert checks["parity"]["passed"] and "metric" in checks
    back = vigil("validate", small.better, "--against", candidate, "--data", small.rows, "--label", "is_fraud", "--json")
    assert back.returncode == 0, back.stdout + back.stderr
    turned = json.loads(back.stdout)
    assert turned["champion"] == pytest.approx(report["candidate"], abs=1e-12), "the same model on the same rows"


PAIRS = [("xgboost_fraud/model.json", "lightgbm_fraud/model.txt"), ("xgboost_fraud/model.json", "catboost_fraud/model.cbm"),
         ("xgboost_fraud/model.json", "onnx_xgboost/model.onnx"), ("xgboost_fraud/model.json", "onnx_lightgbm/model.onnx"),
         ("lightgbm_fraud/model.txt", "xgboost_fraud/model.json")]


@pytest.mark.parametrize("champion, candidate", PAIRS, ids=lambda p: p.split("/")[0])
def test_fixtures_of_other_libraries(tmp_path, champion, candidate):
    champion, candidate = shared(f"fixtures/models/{champion}"), shared(f"fixtures/models/{candidate}")
    with open(champion.parent / "inputs.csv", newline="") as f:
        header, *cells = csv.reader(f)
    asked = [{c: None if v == "" else float(v) for c, v in zip(header, row)} for row in cells if all(v == "" or abs(float(v)) < 3e38 for v in row)]
    people = PEOPLE[:len(asked)]
    with serving(tmp_path, {"fraud": champion}) as s:
        register(s, candidate)
        r = s.post("/api/v1/models/fraud/rollouts", {"candidate": "2", "ab_test": True, "steps": [{"share": 0.5, "duration_min_s": 86400}]})
        assert r.status_code == 201, r.text
        answer = s.predict("fraud", {"rows": asked, "entities": people}).json()
        assert {"1", "2"} == set(answer["versions"])

        def score(p):  # of an answer of several outputs: the positive class's
            return p if not isinstance(p, dict) else next(v[1] if isinstance(v, list) else v for k, v in p.items() if k != "label")
        for version in ("1", "2"):
            reply = s.predict("fraud", {"rows": [list(row.values()) for row in asked]}, params={"version": version})  # some name no columns
            assert reply.status_code == 200, reply.text
            alone = reply.json()["predictions"]
            for i, v in enumerate(answer["versions"]):
                if v == version:
                    assert answer["predictions"][i] == pytest.approx(score(alone[i]), rel=2e-7, abs=1e-12), (i, version)
