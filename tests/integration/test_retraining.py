"""Retraining on a real server: asked for by a person, a schedule or a trigger; by the built-in trainer or anybody's; well and badly ended."""
import datetime
import json
import shutil
import stat
import sys

import pytest
from conftest import Cards, kinds, serving, start, wait_for

EVENT = ["--clock", "event"]
ENDED = ("done", "not_ready", "failed", "refused")

# A trainer of somebody else's: what it does is told by files beside it. Each run appends its job to runs.ndjson.
TRAINER = '''#!{python}
import json, os, pathlib, shutil, sys, time
here = pathlib.Path(__file__).parent
job = json.load(open(os.environ["VIGIL_JOB"]))
with open(here / "runs.ndjson", "a") as runs:
    runs.write(json.dumps(job) + "\\n")
while (here / "hold").exists():
    time.sleep(0.02)
ends = json.load(open(here / "ends.json"))
end = ends[min(job["token"], len(ends)) - 1]
print("some output")
if end["exit"] != 0:
    print(end["words"])
    sys.exit(end["exit"])
if end.get("result", True):
    shutil.copy(here / end.get("model", "model.json"), "model.json")
    result = {{"job_id": job["id"], "token": job["token"], "status": "done", "artefact": "model.json", "metrics": {{"mine": 1}}}}
    json.dump(result, open("result.tmp", "w"))
    os.rename("result.tmp", "result.json")
'''


class Trainer:
    def __init__(self, folder, model):
        self.folder = folder
        folder.mkdir()
        self.path = folder / "trainer.py"
        self.path.write_text(TRAINER.format(python=sys.executable))
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)
        shutil.copy(model, folder / "model.json")
        self.ends({"exit": 0})

    def ends(self, *attempts):
        (self.folder / "ends.json").write_text(json.dumps(attempts))

    def hold(self):
        (self.folder / "hold").touch()

    def release(self):
        (self.folder / "hold").unlink()

    def runs(self):
        path = self.folder / "runs.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def config(champion, retraining=None, reference="", rules=None, **alerts):
    """vigil.yaml (JSON is YAML) of one model whose data suffice after a few hours and whose candidates wait for a person."""
    model = {"name": "fraud", "path": str(champion), "reference": str(reference),
             "retraining": {"window": "30d", "label_horizon": "1h", "holdout_share": 0.4, "rows_min": 500, "positives_min": 10,
                            "cooldown": "1h", "runs_per_day_max": 20, "rounds": 40, "params": {"max_depth": 4, "eta": 0.2, "nthread": 1},
                            **(retraining or {})},
             "gate": {"rows_min": 200, "positives_min": 10, "margin": 0.3, "improvement_min": -0.3, "calibration_error_max": 1, "latency_factor_max": 100},
             "rollout": {"automatic": False}}
    document = {"models": [model], "monitoring": {"label_horizon": "1d"}, "alerts": {"rules": rules or [], **alerts}}
    return json.dumps(document)


def jobs(server):
    "oldest first"
    return server.get("/api/v1/jobs?model=fraud").json()["jobs"][::-1]


def ask(server, reason="because"):
    r = server.post("/api/v1/models/fraud/retrain", {"reason": reason})
    assert r.status_code == 202, r.text
    return r.json()


def follow(server, job, until=ENDED):
    def state():
        now = server.get(f"/api/v1/jobs/{job['id']}").json()
        return now if now["state"] in until else None
    return wait_for(state, why=lambda: server.get("/api/v1/jobs").text + server.log_text()[-3000:])


# ---- schedule ----

def test_a_schedule_retrains_with_evidence(small, tmp_path):
    text = config(small.champion, {"enabled": True, "cron": "0 6 * * *", "alert_kinds": []})
    s = start(tmp_path, {}, args=EVENT, config=text)
    try:
        cards = Cards(s)  # begins at midnight
        cards.hours(6)
        assert jobs(s) == []
        cards.hours(2)
        job, = jobs(s)
        assert job["state"] == "done" and job["trigger"] == "cron" and "0 6 * * *" in job["reason"], json.dumps(job)
        assert job["as_of"].startswith("2026-03-01T06:0") and job["parent"] == "1" and job["attempts"] == 1
        folder = s.state / "jobs" / job["id"]
        result = json.loads((folder / "result.json").read_text())
        assert result["job_id"] == job["id"] and result["status"] == "done" and (folder / result["artefact"]).exists()
        version = s.get(f"/api/v1/models/fraud/versions/{job['candidate']}").json()
        assert version["state"] == "validated" and version["parent"] == "1" and version["trigger"] == "cron"
        gate = version["gate_report"] if isinstance(version["gate_report"], dict) else json.loads(version["gate_report"])
        assert gate["passed"] is True and gate["metric"] == "average_precision", gate
        assert result["metrics"], "the trainer's numbers are kept beside, and the gate has its own"
        events = kinds(s)
        order = [events.index(k) for k in ("job.started", "job.done", "rollout.waits")]
        assert order == sorted(order) and events.count("model.registered") == 2, events
        assert s.get("/api/v1/models/fraud").json()["roles"]["champion"]["version"] == "1", "nobody promoted it"

        # Missed while stopped: the latest runs once.
        assert s.stop() == 0
        s = start(tmp_path, {}, args=EVENT, config=text)
        cards.server = s
        cards.now += datetime.timedelta(days=3)
        cards.hours(3)
        assert [j["trigger"] for j in jobs(s)] == ["cron", "cron"]
    finally:
        s.stop()


def test_a_schedule_that_cannot_be_is_a_bad_configuration(small, tmp_path):
    with pytest.raises(AssertionError, match="(?s)exited with 3.*retraining.cron"):
        start(tmp_path, {}, config=config(small.champion, {"enabled": True, "cron": "0 99 * * *"}))


# ---- a person asks ----

def test_a_persons_request_from_202_to_a_gated_version(small, tmp_path):
    trainer = Trainer(tmp_path / "trainer", small.better)
    with serving(tmp_path, {}, args=EVENT, config=config(small.champion, {"command": [str(trainer.path)]})) as s:
        cards = Cards(s)
        cards.hours(6)
        trainer.hold()
        first = ask(s, "new merchants")
        assert first["state"] == "waiting" and first["trigger"] == "manual" and first["reason"] == "new merchants"
        follow(s, first, ("running",))
        second, third = ask(s), ask(s)
        assert second["id"] != first["id"], "the running one began before this was asked"
        assert third["id"] == second["id"], "one waiting is enough"
        assert s.get("/api/v1/status").json()["jobs_running"] == 1
        trainer.release()
        first, second = follow(s, first), follow(s, second)
        assert first["state"] == "done" and first["candidate"] == "2", first
        assert second["state"] == "done" and second["started"] >= first["ended"]
        run = trainer.runs()[0]
        assert run["features"] == ["amount", "nb", "hour"] and run["model"] == "fraud" and run["parent"] == "1"
        assert run["dataset"]["train_rows"] >= 500 and run["dataset"]["holdout_rows"] >= 200
        assert s.get("/api/v1/jobs?state=running").json()["jobs"] == []
        assert kinds(s).count("job.asked") == 2
        assert s.post("/api/v1/models/fruad/retrain").status_code == 404
        assert s.get("/api/v1/jobs/j999999").status_code == 404
        assert s.get("/api/v1/jobs?state=hungry").status_code in (400, 422)


def test_too_little_data_is_not_ready_and_no_failure(small, tmp_path):
    with serving(tmp_path, {}, args=EVENT, config=config(small.champion)) as s:
        Cards(s).hours(1)
        job = follow(s, ask(s))
        assert job["state"] == "not_ready" and "data not ready" in job["message"] and job["candidate"] in (None, ""), job
        assert "job.not_ready" in kinds(s)
        assert s.get("/api/v1/alerts").json()["alerts"] == []


@pytest.mark.parametrize("ends, state, attempts, words", [
    ([{"exit": 10, "words": "only Tuesday's rows"}], "not_ready", 1, "only Tuesday's rows"),
    ([{"exit": 20, "words": "no such feature store"}], "failed", 1, "no such feature store"),
    ([{"exit": 1, "words": "network down"}, {"exit": 0}], "done", 2, ""),
    ([{"exit": 1, "words": "network down"}], "failed", 2, "network down"),
    ([{"exit": 0, "result": False}], "failed", 1, "result.json"),
    ([{"exit": 0, "model": "trainer.py"}], "failed", 1, "model")], ids=["not-ready", "permanent", "passes", "stays", "no-result", "no-model"])
def test_how_a_trainer_may_end(small, tmp_path, ends, state, attempts, words):
    trainer = Trainer(tmp_path / "trainer", small.better)
    trainer.ends(*ends)
    with serving(tmp_path, {}, args=EVENT, config=config(small.champion, {"command": [str(trainer.path)], "attempts_max": 2})) as s:
        Cards(s).hours(6)
        job = follow(s, ask(s))
        assert job["state"] == state and job["attempts"] == attempts and words in job["message"], job
        assert [run["token"] for run in trainer.runs()] == list(range(1, attempts + 1))
        event = s.get("/api/v1/timeline?model=fraud").json()["events"]
        event = next(e for e in event if e["kind"] == f"job.{state}" and e["subject"] == job["id"])
        assert words in event["summary"]
        if state != "done":
            versions = s.get("/api/v1/models/fraud/versions").json()["versions"]
            assert [v["version"] for v in versions] == ["1"], "nothing was registered"
            assert s.get("/v2/models/fraud/ready").status_code == 200
            assert s.get("/api/v1/alerts").json()["alerts"] == []


def test_a_refused_candidate_is_kept_for_a_person_to_see(small, tmp_path):
    trainer = Trainer(tmp_path / "trainer", small.worse)
    with serving(tmp_path, {}, args=EVENT, config=config(small.champion, {"command": [str(trainer.path)]})) as s:
        Cards(s).hours(8)
        job = follow(s, ask(s))
        assert job["state"] == "refused" and job["candidate"] == "2", json.dumps(job)
        assert s.get("/api/v1/models/fraud/versions/2").json()["state"] == "rejected"
        assert s.post("/api/v1/models/fraud/rollouts", {"candidate": "2"}).status_code == 409
        assert "rollout.waits" not in kinds(s)


def test_a_job_cut_short_by_a_restart_runs_again(small, tmp_path):
    trainer = Trainer(tmp_path / "trainer", small.better)
    text = config(small.champion, {"command": [str(trainer.path)]})
    s = start(tmp_path, {}, args=EVENT, config=text)
    try:
        cards = Cards(s)
        cards.hours(6)
        trainer.hold()
        first = ask(s)
        follow(s, first, ("running",))
        wait_for(trainer.runs)
        waiting = ask(s)
        s.kill()
        trainer.release()
        s = start(tmp_path, {}, args=EVENT, config=text)
        cards.server = s
        cards.hours(1)
        first, waiting = follow(s, first), follow(s, waiting)
        assert first["state"] == "done" and first["attempts"] == 2, first
        assert waiting["state"] == "done" and waiting["attempts"] == 1, waiting
        assert "job.interrupted" in kinds(s)
    finally:
        s.stop()


# ---- triggers ----

DRIFT = {"name": "amounts", "kind": "drift", "metric": "psi", "threshold": 0.2, "n_min": 200, "column": "amount"}
PERFORMANCE = {"name": "precision", "kind": "performance", "metric": "average_precision", "comparison": "below", "threshold": 0.3, "n_min": 200}


def test_new_labels_ask(small, tmp_path):
    trainer = Trainer(tmp_path / "trainer", small.better)
    text = config(small.champion, {"enabled": True, "alert_kinds": [], "new_labels_min": 3500, "command": [str(trainer.path)]})
    with serving(tmp_path, {}, args=EVENT, config=text) as s:
        cards = Cards(s)
        cards.hours(5)
        assert jobs(s) == []
        cards.hours(2)
        job, = jobs(s)
        assert job["state"] == "done" and job["trigger"] == "labels" and "new labels" in job["reason"], json.dumps(job)


def test_labels_are_counted_across_a_restart(small, tmp_path):
    trainer = Trainer(tmp_path / "trainer", small.better)
    text = config(small.champion, {"enabled": True, "alert_kinds": [], "new_labels_min": 4000, "command": [str(trainer.path)]})
    s = start(tmp_path, {}, args=EVENT, config=text)
    try:
        cards = Cards(s)
        cards.hours(5)
        assert s.stop() == 0
        s = start(tmp_path, {}, args=EVENT, config=text)
        cards.server = s
        cards.hours(3)
        assert [j["trigger"] for j in jobs(s)] == ["labels"]
    finally:
        s.stop()


@pytest.mark.parametrize("kind, wanted", [("drift", True), ("performance", True), ("drift", False)], ids=["drift", "performance", "not-asked-for"])
def test_an_alert_asks_when_its_kind_is_wanted(small, tmp_path, kind, wanted):
    trainer = Trainer(tmp_path / "trainer", small.better)
    accepted = [kind] if wanted else ["concept"]
    text = config(small.champion, {"enabled": True, "alert_kinds": accepted, "command": [str(trainer.path)], "cooldown": "30d"},
                  small.reference, [DRIFT if kind == "drift" else PERFORMANCE])
    with serving(tmp_path, {}, args=EVENT, config=text) as s:
        cards = Cards(s)
        cards.hours(25, n=100)
        assert jobs(s) == [] and s.get("/api/v1/alerts").json()["alerts"] == []
        changed = {"amount_factor": 4.0} if kind == "drift" else {"labels": "shuffled"}
        cards.hours(72, n=100, **changed)
        alert, = s.get("/api/v1/alerts?model=fraud").json()["alerts"]
        assert alert["labels"]["kinds"] == kind and alert["state"] == "firing"
        if not wanted:
            assert jobs(s) == []
            return
        job, = jobs(s)
        assert job["trigger"] == f"alert/{alert['id']}" and job["state"] in ("done", "refused"), job
        events = kinds(s)
        assert events.index("alert.fired") < events.index("job.started")


def test_what_a_person_does_to_an_alert_is_in_its_models_timeline(small, tmp_path):
    with serving(tmp_path, {}, args=EVENT, config=config(small.champion, None, small.reference, [DRIFT])) as s:
        Cards(s).hours(26, n=100, amount_factor=4.0)
        alert, = s.get("/api/v1/alerts").json()["alerts"]
        assert s.post(f"/api/v1/alerts/{alert['id']}/ack", {"by": "ann"}).json()["acknowledged_by"] == "ann"
        assert s.post(f"/api/v1/alerts/{alert['id']}/silence", {"seconds": 3600, "by": "bob"}).status_code == 200
        events = {e["kind"]: e for e in s.get("/api/v1/timeline?model=fraud").json()["events"]}
        assert events["alert.acknowledged"]["by"] == "ann" and events["alert.silenced"]["by"] == "bob"
        assert events["alert.silenced"]["subject"] == alert["id"] and events["alert.silenced"]["model"] == "fraud"
        assert "alert.silenced" not in kinds(s, "churn")
