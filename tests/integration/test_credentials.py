"""Where the clouds' credentials come from: each way against a strict stand-in of the service that gives them and a store that takes nothing
else. What the machine itself would offer is switched off unless a test is about it."""
import contextlib
import json
import shutil
import subprocess
import sys
import time

import pytest
from conftest import BINARY, COLUMNS, ROOT, done, kinds, vigil, wait_for
from credential_services import (AwsKeys, AzureContainer, AzureTokens, Bucket, Container, Ec2Metadata, GoogleBucket, GoogleTokens, Issuer, Sts,
                                 as_environment)
from object_stores import S3, Azure, http_server

ROW = {**dict.fromkeys(COLUMNS, 1.0), "amount": 500.0, "nb": 9.0}
ALONE = {"VIGIL_SOURCES_POLL": "200ms", "AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true", "HOME": "/nonexistent",
         "AWS_REGION": "eu-west-3", "VIGIL_SOURCES_ATTEMPTS_MAX": "3"}
ROLE = "arn:aws:iam::123456789012:role/models"
URI = "s3://models/fraud/model.json"


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


class Aws:
    """A bucket and STS for one test. `env` is what a client needs beside its credentials."""

    def __init__(self, servers, model, issuer):
        self.keys = AwsKeys()
        self.bucket, self.sts = Bucket(self.keys), Sts(self.keys, issuer)
        self.bucket.objects["fraud/model.json"] = model
        self.servers = servers
        # A slash at the end, as people write it.
        self.env = {**ALONE, "AWS_ENDPOINT_URL_S3": self.serve(self.bucket), "AWS_ENDPOINT_URL_STS": self.serve(self.sts) + "/"}

    def serve(self, service):
        return self.servers.enter_context(http_server(service))

    def reads(self, **env):
        """The model is read, and nobody was asked anything that the real services would not take."""
        done("inspect", URI, env={**self.env, **env})
        self.clean()

    def refused(self, *words, code=1, **env):
        r = vigil("inspect", URI, env={**self.env, **env})
        assert r.returncode == code, (r.returncode, r.stderr)
        for word in words:
            assert word in r.stderr, (word, r.stderr)
        assert "Secret/" not in r.stderr and "Session/" not in r.stderr, r.stderr
        return r.stderr

    def clean(self, *services):
        for service in (self.bucket, self.sts, *services):
            assert not service.failures, service.failures


@pytest.fixture
def aws(small, issuer):
    with contextlib.ExitStack() as servers:
        yield Aws(servers, small.champion.read_bytes(), issuer)


def write(path, text):
    path.write_text(text)
    return str(path)


def profile_keys(keys):
    token = f"aws_session_token = {keys['Token']}\n" if keys["Token"] else ""
    return f"aws_access_key_id = {keys['AccessKeyId']}\naws_secret_access_key={keys['SecretAccessKey']}\n{token}"


# ---- AWS ----

def test_keys_of_the_environment(aws):
    aws.reads(**as_environment(aws.keys.give(600, permanent=True)))
    keys = aws.keys.give(600)
    aws.reads(**as_environment(keys))
    aws.refused("HTTP 400 InvalidToken", "AWS_ACCESS_KEY_ID of the environment", **as_environment({**keys, "Token": "other"}))
    aws.refused("HTTP 403 SignatureDoesNotMatch", **as_environment({**keys, "SecretAccessKey": "Secret/other"}))
    aws.refused("HTTP 400 ExpiredToken", "AWS_ACCESS_KEY_ID of the environment", **as_environment(aws.keys.give(-1)))
    aws.refused("HTTP 403 AccessDenied", "the request was anonymous")


def test_profiles_and_the_roles_they_assume(aws, tmp_path):
    base, other = aws.keys.give(600, permanent=True), aws.keys.give(600)
    credentials = write(tmp_path / "credentials", f"# mine\n[default]\n{profile_keys(other)}\n[base]\n{profile_keys(base)}")
    config = write(tmp_path / "config", f"""[profile base]
region = eu-west-3
[profile models]
role_arn = {ROLE}
source_profile = base
external_id = tenant/7
role_session_name = nightly
duration_seconds = 900
[profile chained]
role_arn = {ROLE}-2
source_profile = models
[profile from-environment]
role_arn = {ROLE}-2
credential_source = Environment
[profile circle]
role_arn = {ROLE}
source_profile = circle2
[profile circle2]
role_arn = {ROLE}
source_profile = circle
[profile nowhere]
role_arn = {ROLE}
source_profile = absent
[profile typed]
role_arn = {ROLE}
source_profile = base
mfa_serial = arn:aws:iam::1:mfa/me
[profile unknown-source]
role_arn = {ROLE}
credential_source = Cloud
[profile sso]
sso_session = work
""")
    files = {"AWS_SHARED_CREDENTIALS_FILE": credentials, "AWS_CONFIG_FILE": config}
    aws.sts.roles = {ROLE: {"ExternalId": "tenant/7", "DurationSeconds": "900"}, ROLE + "-2": {}}
    aws.reads(**files)
    assert not aws.sts.seen
    without_region = {k: v for k, v in aws.env.items() if k != "AWS_REGION"}
    done("inspect", URI, env={**without_region, **files, "AWS_PROFILE": "base"})
    aws.reads(**files, AWS_PROFILE="models")
    assert aws.sts.sessions == [(ROLE, "nightly")]
    aws.reads(**files, AWS_PROFILE="chained")
    assert aws.sts.sessions[1:] == [(ROLE, "nightly"), (ROLE + "-2", "vigil")]
    # Whole keys of the environment come before any profile, so such a profile is only asked where there are none.
    aws.refused("profile from-environment", "has no keys", **files, AWS_PROFILE="from-environment")
    aws.refused("roles lead in a circle", code=4, **files, AWS_PROFILE="circle")
    aws.refused("profile nowhere", "has no keys", **files, AWS_PROFILE="nowhere")
    aws.refused("mfa_serial", code=4, **files, AWS_PROFILE="typed")
    aws.refused("credential_source is 'Cloud'", code=4, **files, AWS_PROFILE="unknown-source")
    aws.refused("sso_session", "aws configure export-credentials", code=4, **files, AWS_PROFILE="sso")
    aws.refused("profile absent (AWS_PROFILE) has none", **files, AWS_PROFILE="absent")
    del aws.keys.keys[base["AccessKeyId"]]
    aws.refused(f"role {ROLE} of profile models", "HTTP 403 InvalidAccessKeyId", **files, AWS_PROFILE="models")
    aws.clean()


def test_a_role_assumed_in_moto(small, tmp_path):
    store = S3()
    try:
        store.put("fraud.json", small.champion)
        credentials = write(tmp_path / "credentials", f"[reader]\naws_access_key_id={store.env['AWS_ACCESS_KEY_ID']}\n"
                                                      f"aws_secret_access_key={store.env['AWS_SECRET_ACCESS_KEY']}\n")
        config = write(tmp_path / "config", f"[profile models]\nrole_arn={store.role}\nsource_profile=reader\n"
                                            f"[profile other]\nrole_arn={store.role}-absent\nsource_profile=reader\n")
        env = {**ALONE, "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": store.env["AWS_ENDPOINT_URL_S3"], "AWS_CONFIG_FILE": config,
               "AWS_SHARED_CREDENTIALS_FILE": credentials}
        done("inspect", "s3://models/fraud.json", env={**env, "AWS_PROFILE": "models"})
        wrong = write(tmp_path / "wrong", "[reader]\naws_access_key_id=AKIANOBODY\naws_secret_access_key=x\n")
        r = vigil("inspect", "s3://models/fraud.json", env={**env, "AWS_PROFILE": "models", "AWS_SHARED_CREDENTIALS_FILE": wrong})
        assert r.returncode == 1 and "HTTP 403 InvalidClientTokenId" in r.stderr and "profile models" in r.stderr, r.stderr
    finally:
        store.process.kill()
        store.process.wait()


def test_web_identity(aws, issuer, tmp_path):
    aws.sts.roles[ROLE] = {}
    token = write(tmp_path / "token", issuer.token("sts.amazonaws.com") + "\n")
    env = {"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": ROLE}
    aws.reads(**env, AWS_ROLE_SESSION_NAME="pod-1")
    assert aws.sts.sessions == [(ROLE, "pod-1")]
    config = write(tmp_path / "config", f"[profile pod]\nrole_arn = {ROLE}\nweb_identity_token_file = {token}\n")
    aws.reads(AWS_CONFIG_FILE=config, AWS_PROFILE="pod")
    aws.refused("HTTP 403 AccessDenied", "sts:AssumeRoleWithWebIdentity", AWS_WEB_IDENTITY_TOKEN_FILE=token, AWS_ROLE_ARN=ROLE + "-2")
    write(tmp_path / "token", issuer.token("sts.amazonaws.com", life=-5))
    aws.refused("HTTP 400 ExpiredTokenException", "AWS_WEB_IDENTITY_TOKEN_FILE", **env)
    write(tmp_path / "token", Issuer().token("sts.amazonaws.com"))
    said = aws.refused("HTTP 400 InvalidIdentityToken", **env)
    assert "eyJ" not in said
    aws.refused("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "absent"), AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "absent"), AWS_ROLE_ARN=ROLE)
    aws.clean()


def test_a_container(aws, tmp_path):
    container = Container(aws.keys, "/v1/credentials?id=7", "Bearer first")
    token = write(tmp_path / "token", "Bearer first\n")
    env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": aws.serve(container) + "/v1/credentials?id=7", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token}
    aws.reads(**env)
    container.token = "Bearer second"
    aws.refused("AWS_CONTAINER_CREDENTIALS_FULL_URI", "HTTP 401 InvalidAuthorizationToken", **env)
    container.token = None
    aws.reads(AWS_CONTAINER_CREDENTIALS_FULL_URI=env["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    aws.refused("neither https:// nor on this machine", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://192.0.2.1/v1")
    # A name that only begins as this machine does, and a token that would be two headers.
    aws.refused("neither https:// nor on this machine", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1.example.org/v1")
    write(tmp_path / "token", "a\r\nX: b")
    aws.refused("is not a header line", **env)
    aws.clean(container)


def test_the_metadata_service_of_a_machine(aws):
    machine = Ec2Metadata(aws.keys)
    env = {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.serve(machine) + "/"}
    aws.reads(**env, http_proxy="http://127.0.0.1:9", AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE="IPv6")
    folder = "/latest/meta-data/iam/security-credentials/"
    assert machine.seen == [("PUT", "/latest/api/token"), ("GET", folder), ("GET", folder + "vigil-models")]
    machine.code = "AssumeRoleUnauthorizedAccess"
    aws.refused("AssumeRoleUnauthorizedAccess: EC2 cannot assume the role", **env)
    machine.code, machine.role = "Success", None
    aws.refused("HTTP 403 AccessDenied", "the request was anonymous", **env)
    assert not machine.failures, machine.failures
    # There, but an answer does not get through (a hop limit of 1, seen from a container): not waited for long.
    with silent() as url:
        begin = time.monotonic()
        said = aws.refused("HTTP 403 AccessDenied", "latest/api/token: Operation timed out", **{**env, "AWS_EC2_METADATA_SERVICE_ENDPOINT": url})
        assert time.monotonic() - begin < 25, said
    aws.clean(machine)


@contextlib.contextmanager
def silent():
    """Takes connections and never answers."""
    import socket
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("way", ["machine", "container", "web identity"])
def test_credentials_are_looked_for_before_they_end(aws, issuer, tmp_path, serve, small, way):
    """Keys of six seconds: none that has ended is ever sent, and an outage shorter than their life is not seen."""
    if way == "machine":
        service = Ec2Metadata(aws.keys)
        env = {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.serve(service)}
    elif way == "container":
        service = Container(aws.keys, "/c", "t")
        env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": aws.serve(service) + "/c", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t"}
    else:
        service = aws.sts
        aws.sts.roles[ROLE] = {}
        env = {"AWS_WEB_IDENTITY_TOKEN_FILE": write(tmp_path / "token", issuer.token("sts.amazonaws.com")), "AWS_ROLE_ARN": ROLE}
    service.life = 6
    server = serve({"fraud": URI}, env={**aws.env, **env, "VIGIL_SOURCES_POLL": "100ms"})
    given = aws.keys.given
    wait_for(lambda: aws.keys.given >= given + 2, why=server.log_text)
    assert not aws.bucket.refused, aws.bucket.refused
    if way == "machine":
        service.life = 600  # of what is given from now on
        service.down = True
        time.sleep(0.5)
        service.down = False
    aws.bucket.objects["fraud/model.json"] = small.better.read_bytes()
    wait_for(lambda: server.predict("fraud", ROW).json()["version"] == "2", why=server.log_text)
    assert not aws.bucket.refused and "source.unreachable" not in kinds(server, ""), (aws.bucket.refused, server.log_text())
    aws.clean(service)


# ---- Google ----

class Gcp:
    def __init__(self, servers, model, issuer):
        self.given = GoogleTokens(issuer)
        self.bucket = GoogleBucket(self.given.tokens)
        self.bucket.objects["fraud/model.json"] = model
        self.url = servers.enter_context(http_server(self.given))
        self.env = {**ALONE, "STORAGE_EMULATOR_HOST": servers.enter_context(http_server(self.bucket))}

    def reads(self, **env):
        done("inspect", "gs://bucket/fraud/model.json", env={**self.env, **env})
        self.clean()

    def refused(self, *words, code=1, **env):
        r = vigil("inspect", "gs://bucket/fraud/model.json", env={**self.env, **env})
        assert r.returncode == code, (r.returncode, r.stderr)
        for word in words:
            assert word in r.stderr, (word, r.stderr)
        assert "eyJ" not in r.stderr and "ya29" not in r.stderr and "s&cret" not in r.stderr, r.stderr

    def clean(self):
        assert not self.given.failures and not self.bucket.failures, (self.given.failures, self.bucket.failures)


@pytest.fixture
def gcp(small, issuer):
    with contextlib.ExitStack() as servers:
        yield Gcp(servers, small.champion.read_bytes(), issuer)


def test_google_service_accounts_and_users(gcp, issuer, tmp_path):
    def file(document):
        return write(tmp_path / "key.json", json.dumps(document))
    account = {"type": "service_account", "client_email": "vigil@example.iam", "private_key_id": "issuer", "private_key": issuer.pem(),
               "token_uri": gcp.url + "/token"}
    gcp.reads(GOOGLE_APPLICATION_CREDENTIALS=file(account))
    gcp.refused("GOOGLE_APPLICATION_CREDENTIALS", "HTTP 400 invalid_grant: Invalid JWT Signature.",
                GOOGLE_APPLICATION_CREDENTIALS=file({**account, "private_key": Issuer().pem()}))
    gcp.refused("its private_key is no RSA key", GOOGLE_APPLICATION_CREDENTIALS=file({**account, "private_key": "-----BEGIN"}))
    gcp.refused("token_uri, http://192.0.2.1/token, is not https://",
                GOOGLE_APPLICATION_CREDENTIALS=file({**account, "token_uri": "http://192.0.2.1/token"}))
    user = {"type": "authorized_user", **gcp.given.user, "token_uri": gcp.url + "/token"}
    gcp.reads(GOOGLE_APPLICATION_CREDENTIALS=file(user))
    gcp.refused("HTTP 400 invalid_grant: Token has been expired or revoked.",
                GOOGLE_APPLICATION_CREDENTIALS=file({**user, "refresh_token": "old"}))
    gcp.refused("type 'gdch_service_account' is not read", code=4, GOOGLE_APPLICATION_CREDENTIALS=file({"type": "gdch_service_account"}))
    gcp.refused("absent.json", GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "absent.json"))
    gcp.clean()


@pytest.mark.parametrize("impersonate", [False, True])
def test_google_workload_identity_federation(gcp, issuer, tmp_path, impersonate):
    subject = tmp_path / "subject"
    account = {"type": "external_account", "audience": gcp.given.audience, "token_url": gcp.url + "/sts/v1/token",
               "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": {"file": str(subject)}}
    if impersonate:
        account["service_account_impersonation_url"] = gcp.url + "/impersonate:generateAccessToken"

    def env():
        return {"GOOGLE_APPLICATION_CREDENTIALS": write(tmp_path / "account.json", json.dumps(account))}
    subject.write_text(issuer.token("google") + "\n")
    gcp.reads(**env())
    assert len(gcp.given.federated) == int(impersonate)
    account["credential_source"]["format"] = {"type": "json", "subject_token_field_name": "id_token"}
    subject.write_text(json.dumps({"id_token": issuer.token("google")}))
    gcp.reads(**env())
    asked = []

    def provider(request, body):
        asked.append((request.headers["X-Mine"], request.path))
        return 200, {}, subject.read_bytes()
    with http_server(provider) as url:
        account["credential_source"] = {"url": url + "/token?a=1", "headers": {"X-Mine": "yes"}, "format": account["credential_source"]["format"]}
        gcp.reads(**env())
    assert asked == [("yes", "/token?a=1")]
    account["credential_source"] = {"file": str(subject)}
    subject.write_text(issuer.token("google", life=-5))
    gcp.refused("HTTP 400 invalid_grant: ID Token issued in the past.", "GOOGLE_APPLICATION_CREDENTIALS", **env())
    account["credential_source"] = {"environment_id": "aws1"}
    gcp.refused("credential_source has environment_id, which is not read", code=4, **env())
    account["credential_source"] = {"url": "http://192.0.2.1/token"}
    gcp.refused("credential_source's url, http://192.0.2.1/token, is not https://", **env())
    gcp.clean()


def test_google_metadata_server_and_renewal(gcp, serve, small, issuer):
    # An emulator's address means no credentials of the machine's, so the key file of `serve` is what its tokens come from here.
    machine = {"NO_GCE_CHECK": "", "GCE_METADATA_HOST": gcp.url.removeprefix("http://")}
    env = {k: v for k, v in gcp.env.items() if k != "STORAGE_EMULATOR_HOST"}
    env = {**env, **machine, "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": gcp.env["STORAGE_EMULATOR_HOST"], "http_proxy": "http://127.0.0.1:9"}
    done("inspect", "gs://bucket/fraud/model.json", env=env)
    assert gcp.given.given == 1
    gcp.given.life = 6
    server = serve({"fraud": "gs://bucket/fraud/model.json"}, env=env)
    given = gcp.given.given
    wait_for(lambda: gcp.given.given >= given + 2, why=server.log_text)
    gcp.given.life = 600
    gcp.given.down = True
    time.sleep(0.5)
    gcp.given.down = False
    gcp.bucket.objects["fraud/model.json"] = small.better.read_bytes()
    wait_for(lambda: server.predict("fraud", ROW).json()["version"] == "2", why=server.log_text)
    assert "source.unreachable" not in kinds(server, ""), server.log_text()
    gcp.clean()


# ---- Azure ----

class AzureCloud:
    def __init__(self, servers, model, issuer):
        self.given = AzureTokens(issuer)
        self.container = AzureContainer(self.given.tokens)
        self.container.objects["fraud/model.json"] = model
        self.url = servers.enter_context(http_server(self.given))
        self.env = {**ALONE, "AZURE_STORAGE_ACCOUNT": "acct", "AZURE_STORAGE_SERVICE_ENDPOINT": servers.enter_context(http_server(self.container)),
                    "AZURE_AUTHORITY_HOST": self.url + "/", "AZURE_POD_IDENTITY_AUTHORITY_HOST": self.url + "/"}

    def reads(self, **env):
        done("inspect", "az://models/fraud/model.json", env={**self.env, **env})
        self.clean()

    def refused(self, *words, **env):
        r = vigil("inspect", "az://models/fraud/model.json", env={**self.env, **env})
        assert r.returncode == 1, (r.returncode, r.stderr)
        for word in words:
            assert word in r.stderr, (word, r.stderr)
        assert "eyJ" not in r.stderr and "a+secret" not in r.stderr, r.stderr

    def clean(self):
        assert not self.given.failures and not self.container.failures, (self.given.failures, self.container.failures)


@pytest.fixture
def azure_cloud(small, issuer):
    with contextlib.ExitStack() as servers:
        yield AzureCloud(servers, small.champion.read_bytes(), issuer)


def test_azure_clients(azure_cloud, issuer, tmp_path):
    client = {"AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "client-1"}
    azure_cloud.reads(**client, AZURE_CLIENT_SECRET="a+secret/&=")
    azure_cloud.refused("AZURE_CLIENT_SECRET", "HTTP 401 invalid_client: AADSTS7000215", **client, AZURE_CLIENT_SECRET="a+secret")
    token = write(tmp_path / "token", issuer.token("api://AzureADTokenExchange"))
    azure_cloud.reads(**client, AZURE_FEDERATED_TOKEN_FILE=token)
    write(tmp_path / "token", issuer.token("api://AzureADTokenExchange", life=-5))
    azure_cloud.refused("AZURE_FEDERATED_TOKEN_FILE", "AADSTS700024", **client, AZURE_FEDERATED_TOKEN_FILE=token)
    azure_cloud.refused("AZURE_AUTHORITY_HOST, http://192.0.2.1, is not https://", **client, AZURE_FEDERATED_TOKEN_FILE=token,
                        AZURE_AUTHORITY_HOST="http://192.0.2.1")
    azure_cloud.clean()


def test_azure_managed_identities(azure_cloud):
    azure_cloud.reads(http_proxy="http://127.0.0.1:9")
    azure_cloud.reads(AZURE_CLIENT_ID="client-1")
    azure_cloud.refused("the managed identity", "HTTP 400 invalid_request: Identity not found", AZURE_CLIENT_ID="client-2")
    service = {"IDENTITY_ENDPOINT": azure_cloud.url + "/msi/token", "IDENTITY_HEADER": "the-header"}
    azure_cloud.reads(**service)
    azure_cloud.refused("the managed identity", "HTTP 401", **{**service, "IDENTITY_HEADER": "another"})
    azure_cloud.clean()


@pytest.mark.parametrize("service", ["machine", "app service", "federated"])
def test_azure_tokens_are_looked_for_before_they_end(azure_cloud, issuer, tmp_path, serve, small, service):
    env = {"machine": {}, "app service": {"IDENTITY_ENDPOINT": azure_cloud.url + "/msi/token", "IDENTITY_HEADER": "the-header"},
           "federated": {"AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "client-1",
                         "AZURE_FEDERATED_TOKEN_FILE": write(tmp_path / "token", issuer.token("api://AzureADTokenExchange"))}}[service]
    azure_cloud.given.life = 6
    server = serve({"fraud": "az://models/fraud/model.json"}, env={**azure_cloud.env, **env, "VIGIL_SOURCES_POLL": "100ms"})
    given = azure_cloud.given.given
    wait_for(lambda: azure_cloud.given.given >= given + 2, why=server.log_text)
    azure_cloud.container.objects["fraud/model.json"] = small.better.read_bytes()
    wait_for(lambda: server.predict("fraud", ROW).json()["version"] == "2", why=server.log_text)
    assert "source.unreachable" not in kinds(server, ""), server.log_text()
    azure_cloud.clean()


def test_azure_keys_and_signatures(small):
    azure = Azure()
    try:
        azure.put("a folder/fräud+1%.json", small.champion.read_bytes())
        uri = "az://models/a folder/fräud+1%.json"
        account = {**ALONE, "AZURE_STORAGE_ACCOUNT": azure.ACCOUNT, "AZURE_STORAGE_SERVICE_ENDPOINT": azure.endpoint}
        done("inspect", uri, env={**account, "AZURE_STORAGE_KEY": azure.KEY})
        signature = f"BlobEndpoint={azure.endpoint};SharedAccessSignature={azure.sas()}"
        done("inspect", f"az://{azure.ACCOUNT}/models/a folder/fräud+1%.json", env={**ALONE, "AZURE_STORAGE_CONNECTION_STRING": signature})
        done("inspect", uri, env={**ALONE, "AZURE_STORAGE_CONNECTION_STRING": f"AccountName={azure.ACCOUNT};{signature}"})
        done("inspect", uri, env={**ALONE, "AZURE_STORAGE_CONNECTION_STRING": azure.env["AZURE_STORAGE_CONNECTION_STRING"] + ";"})
        r = vigil("inspect", uri, env={**account, "AZURE_STORAGE_KEY": azure.KEY[:-6] + "AAAA=="})
        assert r.returncode == 1 and "HTTP 403 AuthorizationFailure" in r.stderr and "AZURE_STORAGE_KEY" in r.stderr, r.stderr
        r = vigil("inspect", uri, env={**account, "AZURE_STORAGE_KEY": "no base64!"})
        assert r.returncode != 0 and "AZURE_STORAGE_KEY is not base64" in r.stderr and "no base64!" not in r.stderr, r.stderr
        expired = azure.sas(life=-60)
        r = vigil("inspect", uri, env={**account, "AZURE_STORAGE_SAS_TOKEN": "?" + expired})
        assert r.returncode == 1 and "HTTP 403" in r.stderr and "sig=" not in r.stderr, r.stderr
    finally:
        azure.process.kill()
        azure.process.wait()


# ---- the addresses that only machines of a cloud have ----

def test_the_clouds_own_addresses(small, tmp_path):
    """169.254.169.254 and 169.254.170.2, on the loopback device of a network of the test's own."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode != 0:
        pytest.skip("no network namespace can be made here (unshare -rn)")
    script = ROOT / "tests/integration/link_local.py"
    r = subprocess.run(["unshare", "-rn", sys.executable, script, BINARY, small.champion], capture_output=True, text=True, timeout=120)
    if r.returncode == 77:
        pytest.skip(r.stdout)
    assert r.returncode == 0, r.stdout[-4000:] + r.stderr[-4000:]
