"""Whom a source is read from: certificates that are refused and why, authorities of one's own, and where a redirect may lead."""
import contextlib
import datetime
import ipaddress
import ssl
import time

import pytest
from conftest import done, vigil
from credential_services import ALWAYS, AwsKeys, Bucket, as_environment, header_names
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from object_stores import http_server, ranged

ALONE = {"AWS_CA_BUNDLE": "", "AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true", "HOME": "/nonexistent",
         "AWS_REGION": "eu-west-3"}
LIFE = datetime.timedelta(days=2)


class Authority:
    """Gives certificates for servers on this machine."""

    def __init__(self, folder, name="Our own authority"):
        self.folder, self.count = folder, 0
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.name, self.key.public_key(), [], authority=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, subject, key, names, end=LIFE, authority=False, issuer=None, by=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or self.name).public_key(key)
                   .serial_number(x509.random_serial_number()).not_valid_before(now - 2 * LIFE).not_valid_after(now + end)
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(by or self.key, hashes.SHA256())

    def server(self, names, end=LIFE, self_signed=False):
        """A context with a new certificate for `names`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
        certificate = self.sign(subject, key.public_key(), names, end, issuer=subject if self_signed else None, by=key if self_signed else None)
        self.count += 1
        file = self.folder / f"server{self.count}.pem"
        file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) +
                         certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


HERE = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


class Site:
    """Answers with what `answer(request)` says, else with the model. `seen` holds (path, header names)."""

    def __init__(self, model):
        self.model, self.seen, self.answer = model, [], lambda request: None

    def __call__(self, request, body):
        self.seen.append((request.path, header_names(request)))
        return self.answer(request) or ranged(request, self.model, '"v1"')


def inspect(url, **env):
    return vigil("inspect", url, env={**ALONE, **env})


def test_a_certificate_that_is_not_the_hosts_is_refused_once(authority, small):
    site = Site(small.champion.read_bytes())
    cases = [(authority.server([x509.DNSName("other.example")]), str(authority.file), "no alternative certificate subject name matches"),
             (authority.server(HERE, end=-datetime.timedelta(minutes=1)), str(authority.file), "certificate has expired"),
             (authority.server(HERE, self_signed=True), str(authority.file), "self-signed certificate"),
             (authority.server(HERE), "", "unable to get local issuer certificate"),
             (authority.server(HERE), "/nonexistent/ca.pem", "/nonexistent/ca.pem")]
    for context, file, words in cases:
        with http_server(site, tls=context) as url:
            begin = time.monotonic()
            r = inspect(url + "/m.json?sig=hidden", SSL_CERT_FILE=file)
            assert r.returncode == 1 and words in r.stderr and f"{url}/m.json" in r.stderr, (r.returncode, words, r.stderr)
            assert "attempts" not in r.stderr and time.monotonic() - begin < 5, r.stderr
            assert "hidden" not in r.stderr
    assert not site.seen


def test_an_authority_of_ones_own(authority, small, tmp_path):
    site = Site(small.champion.read_bytes())
    context = authority.server(HERE)
    empty = Authority(tmp_path, "Another authority")
    with http_server(site, tls=context) as url:
        done("inspect", url + "/m.json", env={**ALONE, "SSL_CERT_FILE": authority.file})
        # The setting is heard before what the machine says.
        done("inspect", url + "/m.json", env={**ALONE, "SSL_CERT_FILE": empty.file, "VIGIL_SOURCES_CA_FILE": authority.file})
        r = inspect(url + "/m.json", AWS_CA_BUNDLE=str(authority.file))
        assert r.returncode == 1 and "unable to get local issuer certificate" in r.stderr, "AWS's is AWS's alone"
    keys = AwsKeys()
    bucket = Bucket(keys)
    bucket.objects["m.json"] = small.champion.read_bytes()
    with http_server(bucket, tls=context) as url:
        env = {**ALONE, **as_environment(keys.give(600)), "AWS_ENDPOINT_URL_S3": url, "AWS_CA_BUNDLE": authority.file, "SSL_CERT_FILE": empty.file}
        done("inspect", "s3://models/m.json", env=env)
        r = vigil("inspect", "s3://models/m.json", env={**env, "AWS_CA_BUNDLE": ""})
        assert r.returncode == 1 and "unable to get local issuer certificate" in r.stderr and "s3://models/m.json" in r.stderr, r.stderr
        assert not bucket.failures, bucket.failures


@contextlib.contextmanager
def two_sites(authority, model):
    first, second = Site(model), Site(model)
    context = authority.server(HERE)
    with http_server(first, tls=context) as here, http_server(second, ("localhost", 0), tls=context) as there:
        first.url, second.url = here, there
        yield first, second


def redirect(to, status=302):
    return lambda request: (status, {"Location": to}, b"elsewhere") if not request.path.startswith("/end") else None


def test_redirects_lead_to_https_alone_and_take_nothing_along(authority, small):
    env = {**ALONE, "SSL_CERT_FILE": authority.file, "VIGIL_SOURCES_ATTEMPTS_MAX": "2"}
    plain = Site(small.champion.read_bytes())
    with two_sites(authority, small.champion.read_bytes()) as (first, second), http_server(plain) as plain_url:
        for status in (301, 302, 303, 307, 308):
            first.answer = redirect("/end", status)
            done("inspect", first.url + "/begin?sig=hidden", env=env)
        assert not second.seen
        first.answer = redirect(second.url + "/m.json?theirs=1")
        first.seen.clear()
        done("inspect", first.url + "/begin?sig=hidden", env=env)
        assert all(path == "/begin?sig=hidden" for path, _ in first.seen) and second.seen
        for path, names in second.seen:
            assert path == "/m.json?theirs=1" and names <= ALWAYS | {"if-match", "if-none-match"}, (path, names)

        first.answer = redirect(plain_url + "/m.json")
        r = vigil("inspect", first.url + "/begin?sig=hidden", env=env)
        assert r.returncode != 0 and first.url in r.stderr and "redirect" in r.stderr and "https" in r.stderr and "hidden" not in r.stderr, r.stderr
        assert not plain.seen
        first.answer = redirect("file:///etc/passwd")
        r = vigil("inspect", first.url + "/begin", env=env)
        assert r.returncode != 0 and "redirect" in r.stderr, r.stderr

        def count_down(request):
            left = int(request.path[1:])
            return (302, {"Location": f"/{left - 1}"}, b"") if left > 0 else None
        first.answer = count_down
        done("inspect", first.url + "/5", env=env)
        first.seen.clear()
        r = vigil("inspect", first.url + "/6", env=env)
        assert r.returncode != 0 and "redirects" in r.stderr, r.stderr
        assert len(first.seen) == 6, "once, and no further than five redirects"
        # From http nowhere, not even on this machine.
        plain.answer = redirect(first.url + "/end")
        first.seen.clear()
        r = vigil("inspect", plain_url + "/m.json", env=env)
        assert r.returncode != 0 and "HTTP 302" in r.stderr and "redirects" in r.stderr and not first.seen, r.stderr


def test_a_store_or_a_service_of_credentials_is_never_left_for_another(authority, small):
    """What is signed or secret is for the host that was asked."""
    keys = AwsKeys()
    model = small.champion.read_bytes()
    with two_sites(authority, model) as (first, second):
        first.answer = redirect(second.url + "/models/m.json", 307)
        env = {**ALONE, "SSL_CERT_FILE": authority.file, "VIGIL_SOURCES_ATTEMPTS_MAX": "1"}
        r = vigil("inspect", "s3://models/m.json", env={**env, **as_environment(keys.give(600)), "AWS_ENDPOINT_URL_S3": first.url})
        assert r.returncode != 0 and "HTTP 307" in r.stderr, r.stderr
        r = vigil("inspect", "az://models/m.json", env={**env, "AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=x",
                                                        "AZURE_STORAGE_SERVICE_ENDPOINT": first.url})
        assert r.returncode != 0 and "HTTP 307" in r.stderr and "sig=" not in r.stderr, r.stderr
        r = vigil("inspect", "s3://models/m.json", env={**env, "AWS_CONTAINER_CREDENTIALS_FULL_URI": first.url + "/c",
                                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t", "AWS_ENDPOINT_URL_S3": first.url})
        assert r.returncode == 1 and "AWS_CONTAINER_CREDENTIALS_FULL_URI" in r.stderr and "HTTP 307" in r.stderr, r.stderr
        assert len(first.seen) == 3 and not second.seen
    # A secret in the address, over a connection that anybody may read.
    r = vigil("inspect", "az://models/m.json", env={**ALONE, "AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=x",
                                                    "AZURE_STORAGE_SERVICE_ENDPOINT": "http://192.0.2.1"})
    assert r.returncode == 4 and "is not https://" in r.stderr and "sig=" not in r.stderr, r.stderr
