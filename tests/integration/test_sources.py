"""Models in stores: read whole, checked, watched, stood in for when the store is away. Every store is on this machine."""
import hashlib
import json
import threading
import time

import pytest
import requests
from conftest import COLUMNS, done, kinds, vigil, wait_for
from object_stores import S3, Azure, CutProxy, Google, Web, http_server

ROW = {**dict.fromkeys(COLUMNS, 1.0), "amount": 500.0, "nb": 9.0}
QUICK = {"VIGIL_SOURCES_POLL": "200ms", "AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true", "HOME": "/nonexistent"}


@pytest.fixture(scope="module")
def s3():
    store = S3()
    yield store
    store.process.kill()
    store.process.wait()


@pytest.fixture
def web():
    files = Web()
    with http_server(files) as url:
        files.url, files.port = url, int(url.rpartition(":")[2])
        yield files


def version(server):
    r = server.predict("fraud", ROW)
    assert r.status_code == 200, r.text
    return r.json()["version"]


def becomes(server, wanted):
    wait_for(lambda: version(server) == wanted, why=server.log_text)


def snapshots(server):
    return sorted(p.name for p in (server.state / "models").iterdir() if not p.name.startswith("."))


def test_a_file_in_s3_is_inspected_scored_served_and_swapped_under_load(s3, small, serve, tmp_path):
    s3.put("fraud.json", small.champion)
    uri = "s3://models/fraud.json"
    env = {**QUICK, **s3.env}
    about = json.loads(done("inspect", uri, "--json", env=env))
    assert about["digest"] == hashlib.sha256(small.champion.read_bytes()).hexdigest()
    done("predict", uri, "--input", small.rows, "--output", tmp_path / "there.csv", env=env)
    done("predict", small.champion, "--input", small.rows, "--output", tmp_path / "here.csv")
    assert (tmp_path / "there.csv").read_text() == (tmp_path / "here.csv").read_text()

    server = serve({"fraud": uri}, env=env)
    assert version(server) == "1"
    stop, wrong, count = threading.Event(), [], [0]

    def load():
        session = requests.Session()
        while not stop.is_set():
            r = session.post(f"{server.base}/api/v1/models/fraud/predict", json=ROW, timeout=30)
            count[0] += 1
            if r.status_code != 200:
                wrong.append(r.text)
    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    s3.put("fraud.json", small.better)
    becomes(server, "2")
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong and count[0] > 20, (count, wrong[:1])
    posted = server.post("/api/v1/models/fraud/versions", {"uri": uri})
    assert posted.status_code == 201 and posted.json()["version"] == "2", posted.text
    assert len(snapshots(server)) == 2, "the former champion's stays for a rollback"


def test_what_is_refused_says_why_and_never_the_secret(s3, small):
    s3.put("plain.json", small.champion)
    env = {**QUICK, **s3.env}
    wrong = {**env, "AWS_SECRET_ACCESS_KEY": "very-secret-and-wrong"}
    r = vigil("inspect", "s3://models/plain.json", env=wrong)
    assert r.returncode == 1 and "HTTP 403 SignatureDoesNotMatch" in r.stderr and "AWS_ACCESS_KEY_ID of the environment" in r.stderr, r.stderr
    assert "very-secret" not in r.stderr
    digest = hashlib.sha256(small.champion.read_bytes()).hexdigest()
    done("inspect", f"s3://models/plain.json#sha256={digest}", env=env)
    r = vigil("inspect", f"s3://models/plain.json#sha256={'0' * 64}", env=env)
    assert r.returncode == 4 and f"has SHA-256 {digest}, not {'0' * 64}" in r.stderr, r.stderr
    r = vigil("inspect", "s3://models/absent.json", env=env)
    assert r.returncode == 4 and "nothing is there" in r.stderr, r.stderr
    r = vigil("inspect", "s3://nowhere/absent.json", env=env)
    assert r.returncode == 4 and "NoSuchBucket" in r.stderr, r.stderr
    r = vigil("inspect", "http://store.example/model.json", env=env)
    assert r.returncode == 4 and "sources.plain_http" in r.stderr, r.stderr


def test_a_transfer_is_taken_up_where_it_broke(s3, small, web):
    s3.put("cut.json", small.better)
    size = small.better.stat().st_size
    proxy = CutProxy(s3.port)
    env = {**QUICK, **s3.env, "AWS_ENDPOINT_URL_S3": proxy.url, "VIGIL_SOURCES_ATTEMPTS_MAX": "2"}
    proxy.cuts, proxy.after = 6, size // 3
    about = json.loads(done("inspect", "s3://models/cut.json", "--json", env=env))
    assert about["digest"] == hashlib.sha256(small.better.read_bytes()).hexdigest()
    assert proxy.cut >= 2, "more cuts than attempts: what gets further does not count"

    web.files["/better.json"] = small.better.read_bytes()
    proxy = CutProxy(web.port)
    proxy.cuts, proxy.after = 2, size // 3
    done("inspect", proxy.url + "/better.json", env=QUICK)
    asked = [span for method, _, span in web.seen if method == "GET"]
    assert proxy.cut == 2 and asked[0] is None and len(asked) == 3, asked
    starts = [int(span.removeprefix("bytes=").rstrip("-")) for span in asked[1:]]
    assert 0 < starts[0] < starts[1] < size, asked


def test_numbered_versions_in_s3_read_only_what_is_new(s3, small, serve):
    s3.put("repo/1/model.json", small.champion)
    server = serve({"fraud": "s3://models/repo"}, env={**QUICK, **s3.env})
    assert version(server) == "1"
    s3.put("repo/2/model.json", small.better)
    becomes(server, "2")
    files = list((server.state / "models").glob("*/repo/1/model.json"))
    assert {f.stat().st_ino for f in files} == {files[0].stat().st_ino}, "one file, linked"


def test_an_upload_is_loaded_whole_or_not_at_all(web, small, serve):
    web.files["/m.json"] = small.champion.read_bytes()
    server = serve({"fraud": web.url + "/m.json"}, env=QUICK)
    data, grown = small.better.read_bytes(), threading.Event()

    def upload():  # grows between any two looks
        for i in range(1, 12):
            web.files["/m.json"] = data[:len(data) * i // 12]
            time.sleep(0.15)
        web.files["/m.json"] = data
        grown.set()
    thread = threading.Thread(target=upload)
    thread.start()
    while not grown.is_set():
        assert version(server) == "1"
    becomes(server, "2")
    thread.join()
    assert "model.load_failed" not in kinds(server), server.log_text()


def test_the_last_snapshot_serves_when_the_store_is_away_at_a_restart(small, serve, tmp_path):
    files = Web()
    files.files["/m.json"] = small.champion.read_bytes()
    from conftest import start
    with http_server(files) as url:
        first = start(tmp_path / "s", {"fraud": url + "/m.json"}, env=QUICK)
        before = first.predict("fraud", ROW).json()["predictions"]
        assert first.stop() == 0
    again = start(tmp_path / "s", {"fraud": url + "/m.json"}, env=QUICK)
    try:
        assert again.predict("fraud", ROW).json()["predictions"] == before
        assert "store not reached, serving what was fetched last" in again.log_text()
        assert "source.unreachable" in kinds(again)
    finally:
        again.stop()
    # A source that was never fetched has nothing to stand in for it.
    r = vigil("serve", f"other={url}/other.json", "--http-port", "0", "--grpc-port", "0", "--state-dir", tmp_path / "t", timeout=60,
              env={**QUICK, "VIGIL_SOURCES_ATTEMPTS_MAX": "2"})
    assert r.returncode == 1 and "attempts" in r.stderr, (r.returncode, r.stderr)


def test_credentials_are_renewed_and_what_cannot_be_leaves_the_old_version(s3, small, serve):
    s3.put("renew.json", small.champion)
    keys = {"AccessKeyId": s3.env["AWS_ACCESS_KEY_ID"], "SecretAccessKey": s3.env["AWS_SECRET_ACCESS_KEY"]}
    state = {"asked": 0, "keys": keys}

    def container(request, body):
        assert request.headers["Authorization"] == "let me in"
        state["asked"] += 1
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        return 200, {}, json.dumps({**state["keys"], "Expiration": end}).encode()

    env = {**QUICK, **s3.env, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "let me in"}
    del env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
    with http_server(container) as url:
        server = serve({"fraud": "s3://models/renew.json"}, env={**env, "AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/role"})
        wait_for(lambda: state["asked"] >= 3, why=server.log_text)
        assert "source.unreachable" not in kinds(server, "")
        state["keys"] = {"AccessKeyId": keys["AccessKeyId"], "SecretAccessKey": "no-longer-valid"}
        wait_for(lambda: "source cannot be read" in server.log_text(), why=server.log_text)
        said = server.log_text()
        assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in said and "HTTP 403" in said and "no-longer-valid" not in said, said
        assert version(server) == "1"
        state["keys"] = keys
        s3.put("renew.json", small.better)
        becomes(server, "2")


def test_google_cloud_storage(small, serve, tmp_path):
    google = Google(tmp_path)
    google.life = 3
    for name in ["repo/1/model.json", "repo2/1/model.json", "repo/1/"]:
        google.put(name, small.champion.read_bytes() if name.endswith("json") else b"")
    with http_server(google) as url:
        env = {**QUICK, "STORAGE_EMULATOR_HOST": url, "GOOGLE_APPLICATION_CREDENTIALS": str(google.credentials(url))}
        server = serve({"fraud": "gs://bucket/repo"}, env=env)
        assert version(server) == "1"
        google.put("repo/2/model.json", small.better.read_bytes())
        becomes(server, "2")
        wait_for(lambda: google.given >= 2)
        google.tokens.clear()  # revoked before their end: asked for again
        given = google.given
        wait_for(lambda: google.given > given)
        assert not google.failures, google.failures
        assert "source.unreachable" not in kinds(server, "")
        r = vigil("inspect", "gs://bucket/repo", env={**env, "GOOGLE_APPLICATION_CREDENTIALS": ""})
        assert r.returncode == 1 and "HTTP 401 UNAUTHENTICATED: Invalid Credentials" in r.stderr, r.stderr


def test_azure_blobs(small, serve):
    azure = Azure()
    try:
        azure.put("repo/1/model.json", small.champion.read_bytes())
        azure.put("repo2/model.json", small.worse.read_bytes())
        env = {**QUICK, **azure.env}
        server = serve({"fraud": "az://models/repo"}, env=env)
        assert version(server) == "1"
        azure.put("repo/2/model.json", small.better.read_bytes())
        becomes(server, "2")
        sas = azure.sas()
        with_sas = {**QUICK, "AZURE_STORAGE_ACCOUNT": azure.ACCOUNT, "AZURE_STORAGE_SERVICE_ENDPOINT": azure.endpoint, "AZURE_STORAGE_SAS_TOKEN": sas}
        done("inspect", f"az://{azure.ACCOUNT}/models/repo2/model.json", env=with_sas)
        r = vigil("inspect", "az://models/repo2/model.json", env={**with_sas, "AZURE_STORAGE_SAS_TOKEN": sas.replace("sp=rl", "sp=rlw")})
        assert r.returncode == 1 and "HTTP 403" in r.stderr and "AZURE_STORAGE_SAS_TOKEN" in r.stderr, r.stderr
        assert "sig=" not in r.stderr
    finally:
        azure.process.kill()
        azure.process.wait()
