"""SIGHUP on a real server: what can change does, what cannot is named, and a bad file changes nothing."""
import http.server
import json
import os
import signal
import threading

import pytest
from conftest import COLUMNS, Cards, kinds, serving, small_rows, start, train, wait_for, write_rows

EVENT = ["--clock", "event"]
RULE = {"name": "busy", "kind": "traffic", "metric": "rows", "threshold": 10, "window": "1h", "cooldown": "1s", "clears_needed": 1}
GOOD_ROW = {**dict.fromkeys(COLUMNS, 1.0), "amount": 500.0}


class Receiver:
    """A webhook's other end; keeps what it was sent."""

    def __init__(self):
        received = self.received = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.http = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/alerts"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def firing(self):
        return [p for p in self.received if p["status"] == "firing"]


@pytest.fixture
def receivers():
    pair = Receiver(), Receiver()
    yield pair
    for r in pair:
        r.http.shutdown()


def document(small, model=None, **sections):
    return {"models": [{"name": "fraud", "path": str(small.champion), **(model or {})}], "alerts": {"rules": []}, **sections}


def reload(server, content, told):
    """Writes the file, sends SIGHUP, waits for the line of the log that says `told`. Returns what was logged since."""
    path = server.state.parent / "vigil.yaml"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    before = len(server.log_text())
    os.kill(server.process.pid, signal.SIGHUP)
    wait_for(lambda: told in server.log_text()[before:], why=lambda: server.log_text()[before:])
    return server.log_text()[before:]


IN_FORCE, REFUSED, NOTHING = "in force", "configuration refused", "nothing to take over"


def status_of(server, row=GOOD_ROW, **query):
    return server.post("/api/v1/models/fraud/predict", {"rows": [row]}, params=query).status_code


def test_alert_rules_and_webhooks_change_while_it_runs(small, tmp_path, receivers):
    first, second = receivers
    base = document(small)
    base["alerts"]["webhooks"] = [first.url]
    with serving(tmp_path, {}, args=EVENT, config=json.dumps(base)) as s:
        cards = Cards(s)
        cards.hours(2)
        assert s.get("/api/v1/alerts").json()["alerts"] == []
        base["alerts"]["rules"] = [RULE]
        said = reload(s, base, IN_FORCE)
        assert "alerts.rules" in said and "webhooks" not in said
        assert "configuration.changed" in kinds(s, "")
        cards.hours(2)
        alert, = s.get("/api/v1/alerts").json()["alerts"]
        assert alert["rule"] == "busy" and alert["state"] == "firing"
        wait_for(first.firing)
        # Another receiver, and a rule that is gone: its alert ends, for nothing would ever end it else.
        base["alerts"] = {"rules": [{**RULE, "name": "busier"}], "webhooks": [second.url]}
        reload(s, base, IN_FORCE)
        wait_for(lambda: s.get("/api/v1/alerts?state=resolved").json()["alerts"], why=lambda: s.get("/api/v1/alerts").text)
        count = len(first.received)
        cards.hours(2)
        wait_for(second.firing)
        assert second.firing()[0]["alerts"][0]["labels"]["rules"] == "busier"
        assert len(first.received) == count, "the former receiver hears nothing more"
    # The same at a start: a rule that was dropped while the server was down leaves no alert behind.
    base["alerts"] = {"rules": []}
    with serving(tmp_path, {}, args=EVENT, config=json.dumps(base)) as s:
        Cards(s, cards.now).hours(1)
        assert s.get("/api/v1/alerts?state=firing").json()["alerts"] == []
        assert len(s.get("/api/v1/alerts?state=resolved").json()["alerts"]) == 2


def test_column_rules_hold_for_every_version_from_the_next_request(small, tmp_path):
    strict = {"columns": {"amount": {"maximum": 100}}}
    with serving(tmp_path, {}, config=json.dumps(document(small))) as s:
        assert s.post("/api/v1/models/fraud/versions", {"uri": str(small.better)}).status_code == 201
        assert status_of(s) == 200
        reload(s, document(small, strict), IN_FORCE)
        assert status_of(s) == 422 and status_of(s, version="2") == 422
        assert status_of(s, {**GOOD_ROW, "amount": 50}) == 200
        third = train(tmp_path, "third", [write_rows(small_rows(3000, 11), tmp_path / "third.parquet")], rounds=5)
        assert s.post("/api/v1/models/fraud/versions", {"uri": str(third)}).status_code == 201
        assert status_of(s, version="3") == 422, "a version registered later obeys them too"
        assert s.put("/api/v1/models/fraud/roles/champion", {"version": "2"}).status_code == 200
    with serving(tmp_path, {}, config=json.dumps(document(small, strict))) as s:
        assert status_of(s) == 422, "after a restart, another champion"
        reload(s, document(small, {"columns": {"amount": {"maximum": 1000}}}), IN_FORCE)
        assert status_of(s) == 200
    with serving(tmp_path, {}, config=json.dumps(document(small))) as s:
        assert status_of(s, {**GOOD_ROW, "amount": 1e6}) == 200, "rules that the file no longer has"


def test_retraining_changes_while_it_runs(small, tmp_path):
    trainer = ["/bin/sh", "-c", "echo not today; exit 10"]
    with serving(tmp_path, {}, args=EVENT, config=json.dumps(document(small))) as s:
        cards = Cards(s)
        cards.hours(2)
        retraining = {"enabled": True, "cron": "0 * * * *", "alert_kinds": [], "label_horizon": "1h", "rows_min": 100, "positives_min": 1,
                      "command": trainer}
        assert "models.fraud.retraining" in reload(s, document(small, {"retraining": retraining}), IN_FORCE)
        cards.hours(3)
        job = s.get("/api/v1/jobs").json()["jobs"][-1]
        assert job["trigger"] == "cron" and "not today" in job["message"], job


def test_what_needs_a_restart_is_named_each_time(small, tmp_path):
    with serving(tmp_path, {}, config=json.dumps(document(small))) as s:
        changed = document(small, server={"threads": 3}, monitoring={"rows_min": 77})
        changed["models"].append({"name": "other", "path": str(small.better)})
        for _ in range(2):
            said = reload(s, changed, NOTHING)
            for setting in ("server.threads", "monitoring.rows_min", "models.other"):
                assert setting in said, said
        assert s.get("/api/v1/models/other").status_code == 404
        assert "next start" not in reload(s, document(small), NOTHING)


@pytest.mark.parametrize("break_it, why", [
    (lambda d: "models: [", "vigil.yaml"),
    (lambda d: {**d, "servre": {}}, "server"),
    (lambda d: {**d, "server": {"host": "0.0.0.0"}}, "authentication"),
    (lambda d: {**d, "alerts": {"rules": [{**RULE, "threshold": 1, "anomaly_z": 3}]}}, "exactly one"),
    (lambda d: {**d, "models": [{**d["models"][0], "columns": {"amonut": {"maximum": 1}}}]}, 'did you mean \\"amount\\"'),
    (lambda d: {**d, "models": [{**d["models"][0], "retraining": {"cron": "* *"}}]}, "cron"),
    (lambda d: {"alerts": {}}, "no model")], ids=["yaml", "key", "exposure", "rule", "column", "cron", "no-model"])
def test_a_bad_file_changes_nothing(small, tmp_path, break_it, why):
    base = document(small, {"columns": {"amount": {"maximum": 100}}})
    with serving(tmp_path, {}, config=json.dumps(base)) as s:
        bad = break_it(base)
        if isinstance(bad, dict) and "models" in bad:  # a good change beside the bad one is not taken over either
            bad["models"][0].setdefault("columns", {}).setdefault("nb", {"maximum": 0})
        said = reload(s, bad, REFUSED)
        assert why in said or why.replace("\\", "") in said, said
        assert status_of(s) == 422 and status_of(s, {**GOOD_ROW, "amount": 50}) == 200
        assert s.get("/v2/health/ready").status_code == 200
        assert "configuration.changed" not in kinds(s, "")


def test_requests_go_on_through_reloads(small, tmp_path):
    "column rules swap back and forth under load: every answer is whole, none is lost"
    with serving(tmp_path, {}, config=json.dumps(document(small))) as s:
        stop, seen = threading.Event(), []

        def hammer():
            while not stop.is_set():
                seen.append(status_of(s))

        threads = [threading.Thread(target=hammer) for _ in range(3)]
        for t in threads:
            t.start()
        for i in range(10):
            reload(s, document(small, {"columns": {"amount": {"maximum": 100 if i % 2 == 0 else 1000}}}), IN_FORCE)
        stop.set()
        for t in threads:
            t.join()
        assert set(seen) == {200, 422} and len(seen) > 50, (set(seen), len(seen))
