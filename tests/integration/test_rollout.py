"""A new version's way to the champion's place: the gate, the canary, and changes of role under load."""
import datetime
import json
import threading
import time

import numpy as np
import pytest
import requests
from conftest import COLUMNS, Cards, serving, small_rows, vigil

PREDICT = "/api/v1/models/fraud/predict"
EXIT_REFUSED = 5


# ---- the gate ----

def validate(candidate, champion, rows, *more):
    r = vigil("validate", candidate, "--against", champion, "--data", rows, "--label", "is_fraud", "--json", *more)
    return r.returncode, json.loads(r.stdout)


def test_gate_refuses_a_planted_worse_candidate(small):
    code, report = validate(small.worse, small.champion, small.rows)
    assert code == EXIT_REFUSED
    assert "average_precision" in json.dumps(report)
    r = vigil("validate", small.worse, "--against", small.champion, "--data", small.rows, "--label", "is_fraud")
    assert r.returncode == EXIT_REFUSED and "refused" in (r.stdout + r.stderr).lower()


def test_gate_lets_a_better_candidate_through(small):
    assert validate(small.better, small.champion, small.rows)[0] == 0


def test_gate_refuses_what_cannot_be_judged(small, tmp_path):
    "too few rows to tell is refused, not passed"
    from conftest import write_rows
    few = write_rows(small_rows(40, 5), tmp_path / "few.parquet")
    assert validate(small.better, small.champion, few)[0] == EXIT_REFUSED


# ---- the canary ----

def rollout_of(server, candidate, hours_max, steps, **options):
    r = server.post("/api/v1/models/fraud/versions", {"uri": str(candidate)})
    assert r.status_code == 201, r.text
    cards = Cards(server, datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc))
    cards.hour()
    r = server.post("/api/v1/models/fraud/rollouts", {"candidate": r.json()["version"], "steps": steps, **options})
    assert r.status_code == 201, r.text
    path = f"/api/v1/models/fraud/rollouts/{r.json()['id']}"
    for _ in range(hours_max):
        cards.hour()
        cards.wait()
        rollout = server.get(path).json()
        if rollout["state"] in ("rolled_back", "promoted", "failed"):
            return rollout, cards
    return rollout, cards


STEPS = [{"share": 0.5, "duration_min_s": 7200, "entities_min": 500}]


def test_canary_rolls_a_worse_candidate_back(small, tmp_path):
    "the gate bypassed: registered and rolled out by hand; the canary sees the harm on matured labels and puts the champion back"
    with serving(tmp_path, {"fraud": small.champion}, args=["--clock", "event"]) as s:
        rollout, cards = rollout_of(s, small.worse, 48, STEPS)
        assert rollout["state"] == "rolled_back", rollout
        assert rollout["evidence"]["low"] > 0, "the whole interval says harm"
        model = s.get("/api/v1/models/fraud").json()
        assert model["roles"]["champion"]["version"] == "1" and model["traffic"]["arms"] == []
        body = {"rows": [dict.fromkeys(COLUMNS, 1.0)] * 200, "entities": [f"e{i}" for i in range(200)]}
        assert s.predict("fraud", body).json()["version"] == "1"
        assert s.metric("vigil_predictions_total", model="fraud", version="2") > 500
        events = [e["kind"] for e in s.get("/api/v1/timeline?model=fraud&limit=200").json()["events"]]
        assert any("rolled_back" in kind for kind in events), events


def test_canary_promotes_a_better_candidate(small, tmp_path):
    with serving(tmp_path, {"fraud": small.champion}, args=["--clock", "event"]) as s:
        rollout, cards = rollout_of(s, small.better, 60, STEPS, harm_margin=0.02)
        assert rollout["state"] == "promoted", json.dumps(rollout)
        assert s.get("/api/v1/models/fraud").json()["roles"]["champion"]["version"] == "2"


def test_a_rollout_can_be_paused_resumed_and_aborted(small, tmp_path):
    with serving(tmp_path, {"fraud": small.champion}, args=["--clock", "event"]) as s:
        assert s.post("/api/v1/models/fraud/versions", {"uri": str(small.better)}).status_code == 201
        r = s.post("/api/v1/models/fraud/rollouts", {"candidate": "2", "steps": STEPS})
        assert r.status_code == 201, r.text
        path = f"/api/v1/models/fraud/rollouts/{r.json()['id']}"
        assert s.post("/api/v1/models/fraud/rollouts", {"candidate": "2"}).status_code == 409, "one at a time"
        assert s.post(path + "/pause").json()["paused"] is True
        assert s.post(path + "/resume").json()["paused"] is False
        assert s.post(path + "/abort").status_code == 200
        end = time.monotonic() + 10
        while s.get(path).json()["state"] != "rolled_back" and time.monotonic() < end:
            time.sleep(0.05)
        assert s.get(path).json()["state"] == "rolled_back"
        assert s.get("/api/v1/models/fraud").json()["traffic"]["arms"] == []


def test_a_champion_moved_by_hand_ends_the_rollout(small, tmp_path):
    "the rollout's plan is gone with the champion that it was against: it must neither hold up the next one nor retraining"
    roles = "/api/v1/models/fraud/roles/champion"
    with serving(tmp_path, {"fraud": small.champion}) as s:
        for candidate in (small.better, small.worse):
            assert s.post("/api/v1/models/fraud/versions", {"uri": str(candidate)}).status_code == 201

        def begin():
            r = s.post("/api/v1/models/fraud/rollouts", {"candidate": "2", "steps": STEPS})
            assert r.status_code == 201, r.text
            return f"/api/v1/models/fraud/rollouts/{r.json()['id']}"

        def ended(path):
            end = time.monotonic() + 10
            while (rollout := s.get(path).json())["state"] not in ("failed", "promoted"):
                assert time.monotonic() < end, rollout
                time.sleep(0.05)
            assert "champion" in rollout["reason"]
            assert s.get("/api/v1/models/fraud").json()["roles"].get("challenger", {}).get("version", "") == ""
            return rollout["state"]

        path = begin()
        assert s.put(roles, {"version": "3"}).status_code == 200
        assert ended(path) == "failed"
        assert s.put(roles, {"version": "1"}).status_code == 200
        path = begin()
        assert s.put(roles, {"version": "2"}).status_code == 200
        assert ended(path) == "promoted"
        assert s.post("/api/v1/models/fraud/rollback").status_code == 200
        path = begin()
        assert s.put(roles, {"version": "3"}).status_code == 200
        assert s.put(roles, {"version": "1"}).status_code == 200
        begin()  # at once, before the control loop looked
        assert s.get(path).json()["state"] == "failed"
        assert [e["kind"] for e in s.get("/api/v1/timeline?model=fraud&limit=100").json()["events"]].count("rollout.failed") == 2


# ---- roles under load ----

def test_rollback_under_load_fails_no_request(small, tmp_path):
    "100 changes of champion while clients hammer: every answer is 200 and wholly of the version that it names"
    rows = small_rows(50, 77)
    body = {"columns": COLUMNS, "data": np.column_stack([rows[c] for c in COLUMNS]).astype(float).tolist()}
    with serving(tmp_path, {"fraud": small.champion}) as s:
        assert s.post("/api/v1/models/fraud/versions", {"uri": str(small.better)}).status_code == 201
        want = {v: s.post(f"{PREDICT}?version={v}", body).json()["predictions"] for v in ("1", "2")}
        assert not any(a == b for a, b in zip(want["1"], want["2"]))
        stop, wrong, answered = threading.Event(), [], [{"1": 0, "2": 0} for _ in range(6)]

        def hammer(count):
            session = requests.Session()
            while not stop.is_set():
                r = session.post(s.base + PREDICT, json=body, timeout=30)
                if r.status_code != 200 or r.json()["predictions"] != want[r.json()["version"]]:
                    wrong.append(r.text[:500])
                    return
                count[r.json()["version"]] += 1

        threads = [threading.Thread(target=hammer, args=(c,)) for c in answered]
        for t in threads:
            t.start()
        session, epoch = requests.Session(), s.get("/api/v1/models/fraud").json()["roles"]["champion"]["epoch"]
        for i in range(50):
            r = session.put(s.base + "/api/v1/models/fraud/roles/champion", json={"version": "2", "expected_epoch": epoch}, timeout=30)
            assert r.status_code == 200 and r.json()["epoch"] == epoch + 1, r.text
            r = session.post(s.base + "/api/v1/models/fraud/rollback", json={"reason": f"drill {i}"}, timeout=30)
            assert r.status_code == 200 and r.json()["version"] == "1", r.text
            epoch = r.json()["epoch"]
        stop.set()
        for t in threads:
            t.join()
        assert wrong == []
        total = {v: sum(c[v] for c in answered) for v in ("1", "2")}
        print(f"\n100 changes of champion under {sum(total.values())} requests: {total}")
        assert min(total.values()) > 20, total


def test_a_race_for_a_role_has_one_winner(small, tmp_path):
    "20 clients with the same expected_epoch: one wins, the others are told that they are stale"
    with serving(tmp_path, {"fraud": small.champion}) as s:
        assert s.post("/api/v1/models/fraud/versions", {"uri": str(small.better)}).status_code == 201
        codes, barrier = [], threading.Barrier(20)

        def ask():
            barrier.wait()
            codes.append(s.put("/api/v1/models/fraud/roles/champion", {"version": "2", "expected_epoch": 1}).status_code)

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(codes) == [200] + [409] * 19
