"""A repository of models in a store: models that come and go while it is served and while it is not, listings that are not whole; the verbs
and the platforms' variables that take an address."""
import json
import shutil

import pytest
from conftest import COLUMNS, done, kinds, start, vigil, wait_for
from credential_services import AwsKeys, Bucket, as_environment
from object_stores import Google, http_server

ROW = {**dict.fromkeys(COLUMNS, 1.0), "amount": 500.0, "nb": 9.0}
ALONE = {"VIGIL_SOURCES_POLL": "100ms", "AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true", "HOME": "/nonexistent",
         "AWS_REGION": "eu-west-3", "VIGIL_SOURCES_ATTEMPTS_MAX": "2"}


@pytest.fixture
def bucket():
    keys = AwsKeys()
    store = Bucket(keys)
    with http_server(store) as url:
        store.env = {**ALONE, **as_environment(keys.give(3600)), "AWS_ENDPOINT_URL_S3": url}
        yield store
    assert not store.failures, store.failures


def models(server):
    return sorted(m["name"] for m in server.get("/api/v1/models").json()["models"])


def version(server, model):
    r = server.predict(model, ROW)
    return r.json()["version"] if r.status_code == 200 else r.status_code


def become(server, *names):
    wait_for(lambda: models(server) == list(names), why=lambda: f"{models(server)}\n{server.log_text()}")


@pytest.mark.parametrize("load", ["eager", "on_demand"])
def test_models_come_and_go(bucket, small, serve, load):
    champion, better = small.champion.read_bytes(), small.better.read_bytes()
    bucket.objects.update({"repo/a/1/model.json": champion, "repo/b/1/model.json": champion})
    server = serve({"all": "s3://models/repo"}, args=["--model-load", load], env=bucket.env)
    assert models(server) == ["a", "b"] and version(server, "a") == version(server, "b") == "1"
    bucket.objects.update({"repo/c/4/model.json": better, "repo/c/5/model.json": better, "repository/x/1/model.json": better})
    become(server, "a", "b", "c")
    assert version(server, "c") == "5"
    bucket.objects["repo/a/2/model.json"] = better
    wait_for(lambda: version(server, "a") == "2", why=server.log_text)
    for name in [n for n in bucket.objects if n.startswith("repo/b/")]:
        del bucket.objects[name]
    become(server, "a", "c")
    assert version(server, "b") == 404
    # The last one keeps its folder's name; it does not become the one that the command line names.
    for name in [n for n in bucket.objects if n.startswith("repo/c/")]:
        del bucket.objects[name]
    become(server, "a")
    assert version(server, "a") == "2" and "source.unreachable" not in kinds(server, "")


def test_a_second_model_beside_the_one_that_has_a_name(bucket, small, serve):
    bucket.objects["repo/a/1/model.json"] = small.champion.read_bytes()
    server = serve({"fraud": "s3://models/repo"}, env=bucket.env)
    assert models(server) == ["fraud"]
    bucket.objects["repo/b/1/model.json"] = small.better.read_bytes()
    become(server, "b", "fraud")
    assert version(server, "fraud") == version(server, "b") == "1"


def test_a_folder_of_files(bucket, small, serve):
    bucket.objects.update({"files/a.json": small.champion.read_bytes(), "files/b.json": small.champion.read_bytes()})
    server = serve({"files": "s3://models/files"}, env=bucket.env)
    assert models(server) == ["a", "b"]
    bucket.objects["files/a.json"] = small.better.read_bytes()
    wait_for(lambda: version(server, "a") == "2", why=server.log_text)
    bucket.objects["files/c.json"] = small.better.read_bytes()
    del bucket.objects["files/b.json"]
    become(server, "a", "c")


@pytest.mark.parametrize("fault", ["500", "cut", "untold", "empty"])
def test_a_listing_that_is_not_whole_withdraws_nothing(bucket, small, serve, fault):
    bucket.page = 2
    for name in "abc":
        bucket.objects[f"repo/{name}/1/model.json"] = small.champion.read_bytes()
    server = serve({"all": "s3://models/repo"}, env=bucket.env)
    assert models(server) == ["a", "b", "c"]
    if fault == "empty":
        bucket.page = 1000  # the only page: a bucket that was emptied, or an answer that is wrong
    bucket.fault = fault
    asked = len(bucket.seen)
    wait_for(lambda: len(bucket.seen) > asked + 12 and "source.unreachable" in kinds(server, ""), why=server.log_text)
    assert models(server) == ["a", "b", "c"] and version(server, "c") == "1"
    bucket.fault = None
    bucket.objects["repo/d/1/model.json"] = small.better.read_bytes()
    become(server, "a", "b", "c", "d")
    wait_for(lambda: "source.reachable" in kinds(server, ""), why=server.log_text)


def test_a_repository_that_cannot_be_understood_changes_nothing(bucket, small, serve):
    champion = small.champion.read_bytes()
    bucket.objects.update({"repo/a/1/model.json": champion, "repo/b/1/model.json": champion})
    server = serve({"all": "s3://models/repo", "other": small.champion}, env=bucket.env)
    del bucket.objects["repo/b/1/model.json"]
    bucket.objects["repo/other/1/model.json"] = champion  # a name that is taken
    wait_for(lambda: "two models are called other" in server.log_text(), why=server.log_text)
    assert models(server) == ["a", "b", "other"] and version(server, "b") == "1"
    assert "source.unreadable" in kinds(server, "")
    del bucket.objects["repo/other/1/model.json"]
    become(server, "a", "other")


def test_what_came_and_went_while_nobody_served(bucket, small, tmp_path):
    bucket.objects.update({"repo/a/1/model.json": small.champion.read_bytes(), "repo/b/1/model.json": small.champion.read_bytes()})
    first = start(tmp_path / "s", {"all": "s3://models/repo"}, env=bucket.env)
    assert models(first) == ["a", "b"] and first.stop() == 0
    del bucket.objects["repo/b/1/model.json"]
    bucket.objects["repo/c/1/model.json"] = small.better.read_bytes()
    again = start(tmp_path / "s", {"all": "s3://models/repo"}, env=bucket.env)
    try:
        assert models(again) == ["a", "c"], again.log_text()
    finally:
        assert again.stop() == 0
    bucket.fault = "500"
    away = start(tmp_path / "s", {"all": "s3://models/repo"}, env=bucket.env)
    try:
        assert models(away) == ["a", "c"] and "store not reached" in away.log_text()
    finally:
        assert away.stop() == 0


# ---- the platforms' variables ----

def test_vertex_names_a_folder_in_cloud_storage(small, serve, tmp_path):
    google = Google(tmp_path)
    google.put("artefacts/7/model.json", small.champion.read_bytes())
    google.put("artefacts/7/notes.txt.md", b"how it was trained")
    with http_server(google) as url:
        env = {**ALONE, "STORAGE_EMULATOR_HOST": url, "GOOGLE_APPLICATION_CREDENTIALS": str(google.credentials(url)),
               "AIP_PREDICT_ROUTE": "/predict", "AIP_HEALTH_ROUTE": "/health"}
        for address in ("gs://bucket/artefacts/7", "gs://bucket/artefacts/7/", "gs://bucket/artefacts/7/model.json"):
            server = serve({}, env={**env, "AIP_STORAGE_URI": address})
            assert len(models(server)) == 1 and server.get("/health").status_code == 200
            r = server.post("/predict", {"instances": [ROW, ROW]})
            assert r.status_code == 200 and len(r.json()["predictions"]) == 2, r.text
        assert not google.failures, google.failures
        r = vigil("serve", "--http-port", "0", "--grpc-port", "0", "--state-dir", tmp_path / "t", timeout=60,
                  env={**env, "AIP_STORAGE_URI": "gs://bucket/artefacts/8"})
        assert r.returncode == 4 and "gs://bucket/artefacts/8: nothing is there" in r.stderr, (r.returncode, r.stderr)


@pytest.mark.parametrize("layout", ["model.json", "1/model.json", "fraud.json"])
def test_azure_ml_and_sagemaker_folders(small, serve, tmp_path, layout):
    """A registered model's folder, with the model in it or below it (AZUREML_MODEL_DIR); SageMaker unpacks model.tar.gz so too."""
    place = tmp_path / "azureml-models/fraud/3" / layout
    place.parent.mkdir(parents=True)
    shutil.copy(small.champion, place)
    server = serve({}, env={**ALONE, "AZUREML_MODEL_DIR": str(tmp_path / "azureml-models/fraud/3")})
    assert len(models(server)) == 1
    r = server.post("/invocations", [[1.0, 500.0, 9.0]])
    assert server.predict(models(server)[0], ROW).status_code == 200, r.text


# ---- every verb that takes a model ----

def test_every_verb_takes_an_address(bucket, small, serve, tmp_path):
    bucket.objects.update({"c.json": small.champion.read_bytes(), "b.json": small.better.read_bytes(), "d/1/model.json": small.better.read_bytes()})
    env = bucket.env
    here, there = str(small.champion), "s3://models/c.json"

    def both(*args, model=there, **kwargs):
        """The verb's answer of the address and of the path."""
        found = []
        for place in (model, here):
            r = vigil(*[place if a is both else a for a in args], env=env, **kwargs)
            assert r.returncode in (0, 5), (args, r.returncode, r.stderr)
            found.append((r.returncode, r.stdout))
        return found
    there_, here_ = both("validate", both, "--against", "s3://models/b.json", "--data", small.rows, "--label", "is_fraud", "--json")
    there_, here_ = ((code, {k: v for k, v in json.loads(text).items() if k != "checks"}) for code, text in (there_, here_))  # some are timings
    assert there_ == here_ and here_[1]["rows"] == 8000
    there_, here_ = both("monitor", "--reference", small.reference, "--current", small.rows, "--label", "is_fraud", "--model", both, "--json")
    assert there_ == here_ and json.loads(here_[1])
    for place, name in ((there, "there"), (here, "here")):
        done("profile", small.rows, "--model", place, "--label", "is_fraud", "-o", tmp_path / name, env=env)
    assert (tmp_path / "there").read_text() == (tmp_path / "here").read_text()
    timed = json.loads(done("bench", "engine", "s3://models/d", "--json", env=env))
    assert timed["ns_per_row"], timed
    served = json.loads(done("bench", "serve", there, "--json", "--duration-ms", "200", env=env))
    assert served["model"] == there and served["connections"]["1"]["predict"], served
    server = serve({"fraud": here}, env=env)
    for _ in range(20):
        assert server.predict("fraud", ROW).status_code == 200
    state = server.state
    assert server.stop() == 0
    there_, here_ = both("replay", state, "--against", both, "--model", "fraud", "--json")
    assert there_ == here_ and json.loads(here_[1])["rows"] == 20
    for verb in (["inspect"], ["bench", "engine"]):
        r = vigil(*verb, "s3://models/absent.json", env=env)
        assert r.returncode == 4 and "s3://models/absent.json: nothing is there" in r.stderr, r.stderr
        r = vigil(*verb, "ftp://models/absent.json", env=env)
        assert r.returncode == 4 and "is not s3://, gs://, az:// or https://" in r.stderr, r.stderr
    r = vigil("validate", here, "--against", "s3://models/absent.json", "--data", small.rows, "--label", "is_fraud", env=env)
    assert r.returncode == 4 and "nothing is there" in r.stderr, r.stderr
