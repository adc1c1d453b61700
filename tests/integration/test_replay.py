"""Two months of card transactions through a real server over HTTP, labels a week late: every row logged, every label joined, and an
alert only where something is wrong."""
import collections
import datetime
import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import requests
from conftest import done, serving, shared, train

FEATURES = ["amount", "during_weekend", "during_night", *(f"customer_{what}_{days}d" for what in ("nb_tx", "avg_amount") for days in (1, 7, 30)),
            *(f"terminal_{what}_{days}d" for what in ("nb_tx", "risk") for days in (1, 7, 30))]
BATCH = 1000
LABEL_DELAY_US = 7 * 86_400_000_000
MONTHS = {m: f"data/fraud/tx-2018-{m}.parquet" for m in ("04", "05", "06", "07")}


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    """A model of April and May with its reference profile beside it."""
    rows = [shared(MONTHS["04"]), shared(MONTHS["05"])]
    return train(tmp_path_factory.mktemp("champion"), "champion", rows, rounds=60, label="is_fraud", features=FEATURES, max_depth=5, nthread=2)


def transactions(months):
    return pa.concat_tables([pq.read_table(shared(MONTHS[m])) for m in months])


def csv_bytes(table):
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(quoting_style="needed"))
    return sink.getvalue().to_pybytes()


def rfc3339(times):
    """Timestamps as whole-second text."""
    return pc.strftime(pc.cast(times, pa.timestamp("s")), format="%Y-%m-%dT%H:%M:%SZ")


def requests_of(table):
    """The stream as what is sent, in order: ("rows", body) of at most BATCH transactions, ("labels", body) once a day for those whose
    week has passed, and at the end the labels still owed."""
    ids = pc.cast(table["tx_id"], pa.string())
    stamps = table["tx_time"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    features = pa.table({"_id": ids, "_entity": pc.cast(table["customer_id"], pa.string()), "_time": rfc3339(pc.cast(table["tx_time"], pa.timestamp("us"))),
                         **{f: table[f] for f in FEATURES}})
    labels = pa.table({"id": ids, "label": table["is_fraud"], "observed_at": rfc3339(pa.array(stamps + LABEL_DELAY_US).cast(pa.timestamp("us")))})
    released, day = 0, stamps[0] // 86_400_000_000
    for begin in range(0, table.num_rows, BATCH):
        yield "rows", csv_bytes(features.slice(begin, BATCH))
        now = stamps[min(begin + BATCH, table.num_rows) - 1]
        if now // 86_400_000_000 != day:
            day = now // 86_400_000_000
            due = int(np.searchsorted(stamps, now - LABEL_DELAY_US, side="right"))
            if due > released:
                yield "labels", csv_bytes(labels.slice(released, due - released))
                released = due
    yield "labels", csv_bytes(labels.slice(released))


def replay(server, stream):
    """Sends the stream on one connection, in order. Returns rows a second of the predictions and labels a second."""
    session, rows, labels = requests.Session(), [0, 0.0], [0, 0.0]
    for kind, body in stream:
        path, count = ("/api/v1/models/fraud/predict", rows) if kind == "rows" else ("/api/v1/labels", labels)
        start = time.perf_counter()
        r = session.post(server.base + path, data=body, headers={"Content-Type": "text/csv"}, timeout=60)
        count[1] += time.perf_counter() - start
        assert r.status_code == 200, r.text[:500]
        n = body.count(b"\n") - 1
        count[0] += n
        if kind == "labels":
            assert r.json() == {"accepted": n, "unmatched": 0, "duplicate": 0}
        else:
            assert r.text.count(",", r.text.index('"predictions":[')) >= n
    return rows[0] / rows[1], labels[0] / labels[1]


def control_has_caught_up(server, until):
    """Waits until every window before `until` (a datetime) was judged."""
    end = time.monotonic() + 120
    while server.metric("vigil_control_time_seconds") < until.timestamp():
        assert time.monotonic() < end, server.get("/api/v1/status").text
        time.sleep(0.1)


def alerts_of(server):
    return server.get("/api/v1/alerts?limit=1000").json()["alerts"]


def test_two_quiet_months_at_speed(champion, tmp_path):
    """June and July in batches of 1000: every row in the log once, every label joined, nothing dropped uncounted, no alert."""
    table = transactions(["06", "07"])
    stream = list(requests_of(table))
    with serving(tmp_path, {"fraud": champion}, args=["--clock", "event", "--reference", champion.with_name("champion-reference.json")]) as s:
        began = time.perf_counter()
        rows_per_second, labels_per_second = replay(s, stream)
        wall = time.perf_counter() - began
        print(f"\nreplay: {table.num_rows} rows in batches of {BATCH}: {rows_per_second:,.0f} rows/s through the whole path on one connection, "
              f"{labels_per_second:,.0f} labels/s, {wall:.1f} s in all")
        control_has_caught_up(s, datetime.datetime(2018, 7, 31, tzinfo=datetime.timezone.utc))
        assert s.metric("vigil_predictions_total", model="fraud") == table.num_rows
        assert s.metric("vigil_log_records_total") == table.num_rows
        assert s.metric("vigil_log_dropped_total") == 0 and s.metric("vigil_refused_rows_total") == 0
        assert [a["annotations"] for a in alerts_of(s)] == []
        query = "window=day&metric=rows&from=2018-06-01T00:00:00Z&to=2018-07-31T00:00:00Z&limit=1000"
        (series,) = s.get(f"/api/v1/models/fraud/monitoring/traffic?{query}").json()["series"]
        days = collections.Counter(day.as_py() for day in pc.cast(table["tx_time"], pa.date32()))
        assert {p["start"][:10]: p["value"] for p in series["points"]} == {str(d): n for d, n in days.items() if d != datetime.date(2018, 7, 31)}
    sql = ("select count(*) as n, count(distinct id) as ids, count(distinct prediction_id) as prediction_ids, count(label) as labelled, "
           "sum(label) as frauds, count(distinct entity) as entities, min(label_time - time) as soonest, max(label_time - time) as latest "
           "from predictions where status = 'ok'")
    logged = json.loads(done("log", "query", sql, "--state-dir", s.state))
    assert logged["n"] == logged["ids"] == logged["prediction_ids"] == logged["labelled"] == table.num_rows, logged
    assert logged["frauds"] == pc.sum(table["is_fraud"]).as_py() and logged["entities"] == len(pc.unique(table["customer_id"]))
    done("log", "verify", "--state-dir", s.state)


def test_one_injected_drift_is_one_grouped_alert(champion, tmp_path):
    """Two quiet weeks, then amounts arrive in cents: one alert, on the day after, that names the column; none before."""
    table = transactions(["06"])
    stamps = table["tx_time"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    broken = datetime.datetime(2018, 6, 15, tzinfo=datetime.timezone.utc)
    end = datetime.datetime(2018, 6, 22, tzinfo=datetime.timezone.utc)
    table = table.slice(0, int(np.searchsorted(stamps, end.timestamp() * 1e6)))
    stamps = stamps[:table.num_rows]
    amount = table["amount"].to_numpy() * np.where(stamps >= broken.timestamp() * 1e6, 100, 1).astype(np.float32)
    table = table.set_column(table.column_names.index("amount"), "amount", pa.array(amount, pa.float32()))
    with serving(tmp_path, {"fraud": champion}, args=["--clock", "event", "--reference", champion.with_name("champion-reference.json")]) as s:
        replay(s, requests_of(table))
        control_has_caught_up(s, datetime.datetime(2018, 6, 21, 12, tzinfo=datetime.timezone.utc))
        alerts = alerts_of(s)
        assert len(alerts) == 1, json.dumps(alerts, indent=1)
        fired = datetime.datetime.fromisoformat(alerts[0]["fired"].replace("Z", "+00:00"))
        assert broken <= fired <= broken + datetime.timedelta(days=2), alerts[0]
        assert "amount" in json.dumps(alerts[0])
        assert s.metric("vigil_alerts_firing") == 1
        kinds = collections.Counter(e["kind"] for e in s.get("/api/v1/timeline?model=fraud&limit=100").json()["events"])
        assert sum(n for kind, n in kinds.items() if kind == "alert.fired") == 1, kinds
