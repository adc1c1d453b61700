"""/graphql of a running server, driven by the reference tools: graphql-http's audit, graphql-js, graphql-sse's client, GraphiQL in a browser."""
import json
import os
import pathlib
import subprocess
import threading
import time

import pytest
import requests
from conftest import COLUMNS, ROOT, Cards

TOOLS = ROOT / "tools/setup/graphql"
NODE = next((str(p) for p in (ROOT / ".deps/node/bin/node", pathlib.Path("/usr/bin/node")) if p.exists()), None)
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ROW = {"amount": 100.0, "nb": 3, "hour": 12}
PREDICT = "mutation($input: PredictInput!) { predict(input: $input) { model version predictionIds predictions warnings errorCount errors { row column rule } } }"


def node(script, *args, timeout=120):
    """Runs a tool; what it printed last, read as JSON."""
    return json.loads(start_node(script, *args).communicate(timeout=timeout)[0].strip().splitlines()[-1])


def start_node(script, *args):
    if NODE is None or not (TOOLS / "node_modules").exists():
        pytest.skip("GraphQL's reference tools are not installed: tools/setup/setup.sh test")
    return subprocess.Popen([NODE, str(TOOLS / script), *map(str, args)], cwd=TOOLS, stdout=subprocess.PIPE, text=True)


def ask(server, query, variables=None, status=200, **headers):
    r = requests.post(server.base + "/graphql", json={"query": query, "variables": variables}, timeout=60,
                      headers={"Accept": "application/graphql-response+json", **headers})
    assert r.status_code == status, (r.status_code, r.text)
    return r.json()


def data(server, query, variables=None):
    body = ask(server, query, variables)
    assert "errors" not in body, body
    return body["data"]


def failure(server, query, variables=None):
    return ask(server, query, variables)["errors"][0]


# ---- the specifications ----

def test_the_audit_of_graphql_http(server):
    "every MUST, every SHOULD and every MAY of the 61 checks"
    results = node("audit.mjs", server.base + "/graphql")
    assert len(results) >= 61
    bad = [f"{r['id']} {r['name']}: {r['reason']}" for r in results if r["status"] != "ok"]
    assert not bad, "\n".join(bad)


def test_the_schema_is_that_of_its_source(server):
    "graphql-js rebuilds the schema from introspection, finds nothing wrong, and prints what it prints of api/schema.graphql"
    seen = node("introspect.mjs", server.base + "/graphql")
    assert seen["errors"] == []
    assert seen["sdl"] == node("print.mjs", ROOT / "api/schema.graphql")


def test_forms_and_statuses(server):
    url = server.base + "/graphql"
    r = requests.get(url, params={"query": "{ __typename }"})
    assert r.json() == {"data": {"__typename": "Query"}} and r.headers["Content-Type"] == "application/json; charset=utf-8"
    assert r.headers["X-Request-Id"] and r.headers["Cache-Control"] == "no-store"
    r = requests.get(url, params={"query": 'mutation { unloadModel(model: "fraud") { name } }'})
    assert r.status_code == 405 and r.headers["Allow"] == "POST"
    assert data(server, '{ model(name: "fraud") { loaded } }')["model"]["loaded"]
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        r = requests.post(url, data=b'{"query":"{ __typename }"}', headers={"Content-Type": content_type})
        assert r.status_code == 415 and r.json()["errors"][0]["extensions"]["code"] == "unsupported_media_type"
    assert requests.post(url, json=[{"query": "{ __typename }"}]).status_code == 400
    assert requests.post(url, json={"query": "{ __typename }"}, headers={"Accept": "image/png"}).status_code == 406
    assert requests.delete(url).status_code == 405
    assert ask(server, "{ __typename }", **{"X-Request-Id": "mine"}) == {"data": {"__typename": "Query"}}
    assert "/graphql" in server.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize("document", ["{" * 100_000, "{" + " ".join(f"a{i}: __typename" for i in range(5000)) + "}",
                                      "{ __typename " + "@include(if: true) " * 5000 + "}",
                                      "{ models(first: 1000) { nodes { versions(first: 1000) { nodes { version } } } } }",
                                      "{ model(name: \"fraud\") " + "{ champion { model " * 30 + "{ name }" + " } }" * 30 + " }",
                                      " ".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(60))
                                      + " fragment F60 on Query { __typename } { ...F0 }"])
def test_documents_that_ask_for_too_much_are_refused_at_once(server, document):
    begin = time.monotonic()
    body = ask(server, document, status=400)
    assert body["errors"][0]["message"] and "data" not in body
    assert time.monotonic() - begin < 2


# ---- the graph against REST ----

def test_the_graph_tells_what_rest_tells(server):
    rest = server.get("/api/v1/models/fraud").json()
    version = server.get("/api/v1/models/fraud/versions/1").json()
    model = data(server, """{ model(name: "fraud") { name ready memoryBytes roles { role version epoch since by reason }
        signature { task columns { name datatype } inputs { name datatype shape } }
        champion { version uri digest format created engine { name reason } } traffic { epoch arms { version } } } }""")["model"]
    assert (model["name"], model["ready"], model["memoryBytes"]) == (rest["name"], rest["ready"], rest["memory_bytes"])
    assert model["roles"] == [{"role": "CHAMPION", **rest["roles"]["champion"]}]
    assert [c["name"] for c in model["signature"]["columns"]] == rest["signature"]["columns"] == COLUMNS
    assert model["signature"]["inputs"] == rest["signature"]["inputs"] and model["signature"]["task"] == rest["signature"]["task"].upper()
    for name in ("version", "uri", "digest", "format", "created"):
        assert model["champion"][name] == version[name]
    assert model["champion"]["engine"] == {k: version["engine"][k] for k in ("name", "reason")}
    status = data(server, "{ status { version clock log { records } net { connectionsOpen } predictions { rows } counters } }")["status"]
    assert status["version"] == server.get("/api/v1/status").json()["version"] and status["clock"] == "wall"
    events = data(server, "{ timeline(first: 3) { edges { cursor node { id sequence kind summary } } pageInfo { hasNextPage } } }")["timeline"]
    assert [e["node"]["sequence"] for e in events["edges"]] == [e["sequence"] for e in server.get("/api/v1/timeline?limit=3").json()["events"]]
    node_of = data(server, "query($id: ID!) { node(id: $id) { __typename id ... on TimelineEvent { summary } } }", {"id": events["edges"][0]["node"]["id"]})
    assert node_of["node"] == {"__typename": "TimelineEvent", "id": events["edges"][0]["node"]["id"], "summary": events["edges"][0]["node"]["summary"]}


def test_pages_meet(server):
    whole = data(server, "{ timeline(first: 1000) { nodes { sequence } } }")["timeline"]["nodes"]
    seen, after = [], None
    while True:
        page = data(server, "query($a: String) { timeline(first: 2, after: $a) { nodes { sequence } pageInfo { hasNextPage endCursor } } }", {"a": after})["timeline"]
        seen += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == whole and len(whole) >= 2
    assert failure(server, '{ models(after: "bm9uZQ") { totalCount } }')["extensions"] == {"code": "invalid", "path": "after"}


def test_predictions_are_those_of_rest(server):
    rest = server.predict("fraud", {"rows": [ROW, {**ROW, "amount": 500}]}).json()
    rows, requests_before = server.metric("vigil_predictions_total"), server.metric("vigil_requests_total", dialect="graphql")
    answer = data(server, PREDICT, {"input": {"model": "fraud", "rows": [ROW, {**ROW, "amount": 500}], "ids": ["g1", "g2"], "entities": ["e", "f"]}})["predict"]
    assert answer["predictions"] == rest["predictions"] and answer["version"] == rest["version"] and answer["errorCount"] == 0
    assert server.metric("vigil_predictions_total") == rows + 2
    assert server.metric("vigil_requests_total", dialect="graphql") == requests_before + 1
    counts = data(server, "mutation($l: [LabelInput!]!) { importLabels(labels: $l) { accepted unmatched duplicate } }",
                  {"l": [{"id": "g1", "label": 1}, {"predictionId": answer["predictionIds"][1], "label": 0}, {"id": "gone", "label": 1}]})["importLabels"]
    assert counts == {"accepted": 2, "unmatched": 1, "duplicate": 0}
    refused = failure(server, PREDICT, {"input": {"model": "fraud", "rows": [{**ROW, "amount": "many"}]}})
    assert refused["extensions"]["code"] == "schema_violation" and refused["extensions"]["errors"][0]["column"] == "amount"
    partial = data(server, PREDICT, {"input": {"model": "fraud", "rows": [{**ROW, "amount": "many"}, ROW], "partial": True}})["predict"]
    assert partial["predictions"] == [None, rest["predictions"][0]] and partial["errors"] == [{"row": 0, "column": "amount", "rule": "type"}]
    assert failure(server, PREDICT, {"input": {"model": "fruad", "rows": [ROW]}})["extensions"]["nearest"] == "fraud"
    assert data(server, '{ __typename model(name: "fraud") { version(version: "9") { version } } }')["model"]["version"] is None


def test_predictions_at_once(server):
    "many at a time are all answered, though each holds a worker while the loop scores"
    rest = server.predict("fraud", {"rows": [ROW]}).json()["predictions"]
    results = []

    def one():
        results.append(data(server, PREDICT, {"input": {"model": "fraud", "rows": [ROW]}})["predict"]["predictions"])
    threads = [threading.Thread(target=one) for _ in range(64)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert results == [rest] * 64


def test_versions_roles_and_rollouts(serve, small):
    server = serve({"fraud": small.champion})
    registered = data(server, "mutation($i: RegisterVersionInput!) { registerVersion(input: $i) { id version state } }",
                      {"i": {"model": "fraud", "uri": str(small.better)}})["registerVersion"]
    assert registered["version"] == "2"
    rollout = data(server, """mutation { createRollout(input: {model: "fraud", candidate: "2", steps: [{share: 0.5, durationMinS: 60, entitiesMin: 10}]})
        { id rolloutId state candidate steps { share durationMinS entitiesMin } model { name } } }""")["createRollout"]
    assert rollout["candidate"] == "2" and rollout["steps"] == [{"share": 0.5, "durationMinS": 60, "entitiesMin": 10}]
    change = 'mutation {{ {} (model: "fraud", rolloutId: "{}") {{ state paused }} }}'
    assert data(server, change.format("pauseRollout", rollout["rolloutId"]))["pauseRollout"]["paused"]
    assert not data(server, change.format("resumeRollout", rollout["rolloutId"]))["resumeRollout"]["paused"]
    data(server, change.format("abortRollout", rollout["rolloutId"]))
    listed = data(server, '{ model(name: "fraud") { rollouts { totalCount nodes { rolloutId } } } }')["model"]["rollouts"]
    assert listed == {"totalCount": 1, "nodes": [{"rolloutId": rollout["rolloutId"]}]}
    end = time.monotonic() + 20
    while data(server, "query($id: ID!) { node(id: $id) { ... on Rollout { ended } } }", {"id": rollout["id"]})["node"]["ended"] is None:
        assert time.monotonic() < end
        time.sleep(0.1)
    role = server.get("/api/v1/models/fraud").json()["roles"]["champion"]
    promote = "mutation($i: PromoteInput!) { promote(input: $i) { role version epoch assigned { version loaded } } }"
    stale = failure(server, promote, {"i": {"model": "fraud", "version": "2", "expectedEpoch": role["epoch"] + 9}})
    assert stale["extensions"]["code"] == "stale_epoch" and stale["path"] == ["promote"]
    promoted = data(server, promote, {"i": {"model": "fraud", "version": "2", "expectedEpoch": role["epoch"], "reason": "better"}})["promote"]
    assert promoted["version"] == "2" and promoted["assigned"] == {"version": "2", "loaded": True}
    back = data(server, 'mutation { rollback(input: {model: "fraud", reason: "no"}) { role version } }')["rollback"]
    assert back == {"role": "CHAMPION", "version": "1"}
    label = data(server, 'mutation { setLabel(input: {model: "fraud", label: "stable", version: "2"}) { label version epoch assigned { version } } }')["setLabel"]
    assert label["assigned"]["version"] == "2"
    assert data(server, '{ model(name: "fraud") { labels { label version epoch } } }')["model"]["labels"] == [{"label": "stable", "version": "2", "epoch": label["epoch"]}]
    scored = data(server, PREDICT, {"input": {"model": "fraud", "label": "stable", "rows": [ROW]}})["predict"]
    assert scored["version"] == "2"
    assert data(server, 'mutation { unloadModel(model: "fraud") { name loaded } }')["unloadModel"] == {"name": "fraud", "loaded": False}
    assert data(server, 'mutation { loadModel(model: "fraud") { name loaded } }')["loadModel"] == {"name": "fraud", "loaded": True}
    now = data(server, "{ status { now } }")["status"]["now"]
    served = data(server, 'query($t: Time!) { model(name: "fraud") { servedAt(time: $t) { roles { role version by } } } }', {"t": now})
    assert served["model"]["servedAt"]["roles"][0]["version"] == "1"


def test_monitoring_and_alerts(serve, small):
    server = serve({"fraud": small.champion}, args=["--clock", "event", "--reference", small.reference])
    cards = Cards(server)
    for _ in range(3):
        cards.hour()
    cards.wait()
    for kind in ("traffic", "quality", "drift"):
        rest = server.get(f"/api/v1/models/fraud/monitoring/{kind}?window=hour").json()["series"]
        graph = data(server, "query($k: MonitoringKind!) { model(name: \"fraud\") { monitoring(kind: $k, points: 10000) {"
                             " version metric column segment points { start end value n pValue baseline maturity significant } } } }", {"k": kind.upper()})
        for series in rest:
            for point in series["points"]:
                point["pValue"] = point.pop("p_value")
        assert graph["model"]["monitoring"] == rest and rest
    alerts = server.get("/api/v1/alerts").json()["alerts"]
    graph = data(server, "{ alerts(first: 1000) { totalCount nodes { alertId state severity model { name } } } }")["alerts"]
    assert [a["alertId"] for a in graph["nodes"]] == [a["id"] for a in alerts] and graph["totalCount"] == len(alerts)


# ---- subscriptions ----

def lines_of(process):
    return [line.strip() for line in process.communicate(timeout=60)[0].splitlines()]


def test_live_metrics_by_the_reference_client(server):
    query = 'subscription { metrics(model: "fraud", interval: 1) { model time seconds requests rows requestsPerSecond latencyMeanUs scoringMeanUs } }'
    process = start_node("subscribe.mjs", server.base + "/graphql", query, 2)
    assert process.stdout.readline().strip() == "open"
    time.sleep(0.3)
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        server.predict("fraud", {"rows": [ROW, ROW]})
        time.sleep(0.02)
    lines = [line.strip() for line in process.stdout]
    assert lines[-1] == "enough", lines
    second = json.loads(lines[1])["data"]["metrics"]
    assert second["requests"] > 5 and second["rows"] == 2 * second["requests"] and 0.4 < second["seconds"] < 10
    assert second["latencyMeanUs"] >= second["scoringMeanUs"] > 0


def test_events_arrive_and_a_stop_completes(serve, small):
    server = serve({"fraud": small.champion})
    process = start_node("subscribe.mjs", server.base + "/graphql", 'subscription { timeline(model: "fraud") { kind subject } }', 100)
    assert process.stdout.readline().strip() == "open"
    with requests.post(server.base + "/graphql", json={"query": 'subscription { rollouts(model: "fraud") { rolloutId paused } }'}, stream=True, timeout=60,
                       headers={"Accept": "text/event-stream"}) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        lines = stream.iter_lines(decode_unicode=True)
        assert next(lines) == ":"
        time.sleep(1.5)  # the other client listens by then
        server.post("/api/v1/models/fraud/versions", {"uri": str(small.better)})
        rollout = server.post("/api/v1/models/fraud/rollouts", {"candidate": "2"}).json()["id"]
        event = next(line for line in lines if line.startswith("data:"))
        assert json.loads(event[5:])["data"]["rollouts"] == {"rolloutId": rollout, "paused": False}
        time.sleep(1.5)
        assert server.stop() == 0
        assert [line for line in lines if line][-2:] == ["event: complete", "data:"]
    lines = lines_of(process)
    kinds = [json.loads(line)["data"]["timeline"]["kind"] for line in lines[:-1]]
    assert lines[-1] == "complete" and len(kinds) >= 2, lines


def test_a_stream_says_what_is_wrong(server):
    def events(query):
        r = requests.get(server.base + "/graphql", params={"query": query}, headers={"Accept": "text/event-stream"}, timeout=10)
        assert r.status_code == 200
        assert r.text.endswith("event: complete\ndata:\n\n")
        return json.loads(r.text.split("\n")[1].removeprefix("data: "))
    assert events("{ __typename }") == {"data": {"__typename": "Query"}}
    assert events("{ nope }")["errors"][0]["locations"]
    assert events('subscription { metrics(model: "fruad") { rows } }')["errors"][0]["extensions"]["nearest"] == "fraud"
    r = requests.post(server.base + "/graphql", json={"query": "subscription { timeline { kind } }"})
    assert r.status_code == 406 and "text/event-stream" in r.json()["errors"][0]["message"]


# ---- GraphiQL ----

def test_graphiql_in_a_browser(server):
    "shows the schema, runs a query, listens to a subscription, asks no other host, breaks no policy"
    page = server.get("/graphql", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    if page.status_code == 404:
        pytest.skip("this binary was built without GraphiQL (tools/setup/build_page.sh)")
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    browser = ROOT / "ui/node_modules/playwright-core"
    if NODE is None or not browser.exists() or not pathlib.Path(CHROMIUM).exists():
        pytest.skip("no browser: Chromium, and npm ci in ui/")
    r = subprocess.run([NODE, str(ROOT / "tests/integration/graphiql_test.mjs"), server.base], capture_output=True, text=True, timeout=180,
                       env={**os.environ, "CHROMIUM": CHROMIUM})
    assert r.returncode == 0, r.stdout + r.stderr
