"""Run by test_credentials.py in a network of its own: the clouds' metadata services at the addresses and ports that they have there, and what
a program finds that was told nothing else.   usage: link_local.py VIGIL MODEL"""
import contextlib
import os
import pathlib
import subprocess
import sys

from credential_services import AwsKeys, AzureContainer, AzureTokens, Bucket, Container, Ec2Metadata, GoogleBucket, GoogleTokens, Issuer
from object_stores import http_server

binary, model = sys.argv[1], pathlib.Path(sys.argv[2]).read_bytes()
for command in (["ip", "link", "set", "lo", "up"], *(["ip", "addr", "add", f"169.254.{a}/32", "dev", "lo"] for a in ("169.254", "170.2"))):
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as e:
        print(f"no addresses can be given to a network of the test's own: {e}")
        sys.exit(77)
# A proxy that is told to take everything is not asked for them.
BASE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_REGION": "eu-west-3", "http_proxy": "http://127.0.0.1:9", "NO_COLOR": "1"}


def reads(uri, **env):
    r = subprocess.run([binary, "inspect", uri], capture_output=True, text=True, timeout=60, env={**BASE, **env})
    assert r.returncode == 0, (uri, env, r.stderr)


def at(address, service):
    servers.enter_context(http_server(service, (address, 80)))
    return service


with contextlib.ExitStack() as servers:
    keys, issuer = AwsKeys(), Issuer()
    bucket = Bucket(keys)
    bucket.objects["m.json"] = model
    s3 = {"AWS_ENDPOINT_URL_S3": servers.enter_context(http_server(bucket))}
    task = at("169.254.170.2", Container(keys, "/v2/credentials/7f", "Basic x"))
    reads("s3://models/m.json", **s3, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2/credentials/7f", AWS_CONTAINER_AUTHORIZATION_TOKEN="Basic x")
    with contextlib.ExitStack() as servers_of_ec2:
        machine = Ec2Metadata(keys)
        servers_of_ec2.enter_context(http_server(machine, ("169.254.169.254", 80)))
        reads("s3://models/m.json", **s3)
    with contextlib.ExitStack() as servers_of_gce:
        tokens = GoogleTokens(issuer)
        google = GoogleBucket(tokens.tokens)
        google.objects["m.json"] = model
        servers_of_gce.enter_context(http_server(tokens, ("169.254.169.254", 80)))
        reads("gs://bucket/m.json", CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=servers_of_gce.enter_context(http_server(google)))
    entra = at("169.254.169.254", AzureTokens(issuer))
    blobs = AzureContainer(entra.tokens)
    blobs.objects["m.json"] = model
    reads("az://models/m.json", AZURE_STORAGE_ACCOUNT="acct", AZURE_STORAGE_SERVICE_ENDPOINT=servers.enter_context(http_server(blobs)))
    for service in (bucket, task, machine, tokens, google, entra, blobs):
        assert service.seen and not service.failures, service.failures
