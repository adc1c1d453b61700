"""Services that give credentials, and stores that take them, for test_credentials.py; all on loopback. Each is as strict as the documentation
of the real one: every header, the form, the order; what it would refuse is refused, and what no client of it would send is a failure that the
test asks for (`failures`)."""
import base64
import datetime
import hashlib
import hmac
import json
import re
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from object_stores import crc32c, ranged

ALWAYS = {"host", "accept", "user-agent"}  # that every request has
STS_XMLNS = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def header_names(request):
    names = [name.lower() for name in request.headers]
    assert len(names) == len(set(names)), f"a header twice: {names}"
    return set(names)


def only(request, **headers):
    """The request has these headers (underscores are hyphens) and no other. None: any value."""
    wanted = {name.replace("_", "-"): value for name, value in headers.items()}
    assert header_names(request) == ALWAYS | set(wanted), (sorted(header_names(request)), sorted(wanted))
    for name, value in wanted.items():
        assert value is None or request.headers[name] == value, (name, request.headers[name], value)


def form_of(request, body):
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded", request.headers["Content-Type"]
    pairs = urllib.parse.parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    assert len(pairs) == len(dict(pairs)), pairs
    return dict(pairs)


class Strict:
    """Calls route(request, body); what it asserts is kept in `failures` and answered with 400. `seen` holds (method, path)."""

    def __init__(self):
        self.failures, self.seen = [], []

    def __call__(self, request, body):
        self.seen.append((request.command, request.path.partition("?")[0]))
        try:
            return self.route(request, body)
        except Exception as e:
            self.failures.append(f"{request.command} {request.path}: {e!r}")
            return 400, {}, b"no client of this service asks so"


class Issuer:
    """An identity provider's key: signs tokens, and checks them as the services that trust it do."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()

    def token(self, audience, life=600):
        head = base64url(json.dumps({"alg": "RS256", "typ": "JWT", "kid": "issuer"}).encode())
        claims = base64url(json.dumps({"iss": "https://issuer.example", "sub": "system:serviceaccount:models:vigil", "aud": audience,
                                       "iat": int(time.time()), "exp": int(time.time()) + life}).encode())
        return f"{head}.{claims}.{base64url(self.key.sign(f'{head}.{claims}'.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def claims(self, token):
        """Of a token that this key signed. Raises for any other."""
        head, claims, signature = token.split(".")
        decode = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        self.key.public_key().verify(decode(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        assert json.loads(decode(head))["alg"] == "RS256"
        return json.loads(decode(claims))


# ---- AWS ----

def as_environment(keys):
    names = {"AccessKeyId": "AWS_ACCESS_KEY_ID", "SecretAccessKey": "AWS_SECRET_ACCESS_KEY", "Token": "AWS_SESSION_TOKEN"}
    return {names[k]: v for k, v in keys.items() if k in names}


class AwsKeys:
    """Keys that are in force: id -> (secret, token, end)."""

    def __init__(self):
        self.keys, self.given = {}, 0

    def give(self, life, permanent=False):
        self.given += 1
        n = f"{self.given:016d}"
        key, secret, token = ("AKIA" if permanent else "ASIA") + n, "Secret/+" + n, "" if permanent else "Session/+=" + n
        self.keys[key] = (secret, token, time.time() + life)
        return {"AccessKeyId": key, "SecretAccessKey": secret, "Token": token, "Expiration": utc(time.time() + life)}

    def refusal(self, request, body, service):
        """None when the request is signed (Signature Version 4) with keys in force, else (status, code)."""
        h = request.headers
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([\w;-]+), "
                             r"Signature=([0-9a-f]{64})", h.get("Authorization", ""))
        if found is None:
            return 403, "AccessDenied"
        key, date, region, for_service, names, signature = found.groups()
        at = datetime.datetime.strptime(h["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        assert abs(at.timestamp() - time.time()) < 300 and h["x-amz-date"][:8] == date and for_service == service and region == "eu-west-3"
        signed = names.split(";")
        assert signed == sorted(set(signed)) and "host" in signed and {n for n in header_names(request) if n.startswith("x-amz-")} <= set(signed)
        if key not in self.keys:
            return 403, "InvalidAccessKeyId"
        secret, token, end = self.keys[key]
        if h.get("x-amz-security-token", "") != token:
            return 400, "InvalidToken"
        digest = hashlib.sha256(body).hexdigest()
        if service == "s3":
            assert h["x-amz-content-sha256"] == digest
        path, _, query = request.path.partition("?")
        assert path == urllib.parse.quote(urllib.parse.unquote(path), safe="/-_.~"), path
        encode = lambda text: urllib.parse.quote(text, safe="-_.~")
        pairs = sorted((encode(k), encode(v)) for k, v in urllib.parse.parse_qsl(query, keep_blank_values=True))
        canonical = "\n".join([request.command, path, "&".join(f"{k}={v}" for k, v in pairs),
                               *[f"{n}:{' '.join(h[n].split())}" for n in signed], "", names, digest])
        scope = f"{date}/{region}/{service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{h['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        mac = ("AWS4" + secret).encode()
        for part in [date, region, service, "aws4_request", text]:
            mac = hmac.new(mac, part.encode(), hashlib.sha256).digest()
        if mac.hex() != signature:
            return 403, "SignatureDoesNotMatch"
        return (400, "ExpiredToken") if end < time.time() else None


class Bucket(Strict):
    """s3://models, path-style."""

    def __init__(self, keys):
        super().__init__()
        self.keys, self.objects, self.refused = keys, {}, []
        self.page, self.fault = 1000, None

    def route(self, request, body):
        refusal = self.keys.refusal(request, body, "s3")
        if refusal is not None:
            self.refused.append(refusal[1])
            return refusal[0], {}, f"<Error><Code>{refusal[1]}</Code><Message>The request was refused</Message></Error>".encode()
        assert body == b"" and request.command in ("GET", "HEAD")
        url = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        signature = {"authorization", "x-amz-date", "x-amz-content-sha256"} | ({"x-amz-security-token"} & header_names(request))
        extra = header_names(request) - ALWAYS - signature
        if url.path == "/models/":
            assert set(query) <= {"list-type", "prefix", "continuation-token"}, query
            assert request.command == "GET" and query.items() >= {"list-type": "2", "prefix": query["prefix"]}.items() and not extra, (query, extra)
            return self.listing(query["prefix"], int(query.get("continuation-token", 0)))
        assert not query and url.path.startswith("/models/"), request.path
        assert extra <= ({"if-match", "range", "x-amz-checksum-mode"} if request.command == "GET" else {"if-none-match"}), extra
        data = self.objects.get(urllib.parse.unquote(url.path.removeprefix("/models/")))
        if data is None:
            return 404, {}, b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
        return ranged(request, data, self.tag(data))

    @staticmethod
    def tag(data):
        return '"' + hashlib.md5(data).hexdigest() + '"'

    def listing(self, prefix, begin):
        """`fault` spoils the last page: "500", "cut" (ends in its middle), "untold" (goes on, and does not say where), "empty"."""
        names = sorted(k for k in self.objects if k.startswith(prefix))
        more = begin + self.page < len(names)
        fault = None if more else self.fault
        if fault == "500":
            return 500, {}, b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
        rows = "".join(f"<Contents><Key>{k}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{self.tag(self.objects[k])}</ETag>"
                       f"<Size>{len(self.objects[k])}</Size></Contents>" for k in names[begin:begin + self.page] if fault != "empty")
        token = f"<NextContinuationToken>{begin + self.page}</NextContinuationToken>" if more else ""
        text = ('<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>models</Name>'
                f"<IsTruncated>{'true' if more or fault == 'untold' else 'false'}</IsTruncated>{token}{rows}</ListBucketResult>").encode()
        return 200, {}, text[:len(text) // 2] if fault == "cut" else text


class Sts(Strict):
    """AssumeRole, signed, and AssumeRoleWithWebIdentity, which must not be. `roles`: what each role asks for beside keys."""

    def __init__(self, keys, issuer):
        super().__init__()
        self.keys, self.issuer, self.life, self.roles, self.sessions = keys, issuer, 3600, {}, []

    @staticmethod
    def refuse(status, code, message):
        return status, {}, (f"<ErrorResponse {STS_XMLNS}><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
                            "<RequestId>1</RequestId></ErrorResponse>").encode()

    def route(self, request, body):
        assert request.command == "POST" and request.path == "/"
        form = form_of(request, body)
        assert form.pop("Version") == "2011-06-15" and re.fullmatch(r"[\w+=,.@-]{2,64}", form["RoleSessionName"])
        action, role = form.pop("Action"), form["RoleArn"]
        plain = {"content_type": None, "content_length": str(len(body))}
        if action == "AssumeRoleWithWebIdentity":
            only(request, **plain)
            assert set(form) == {"RoleArn", "RoleSessionName", "WebIdentityToken"}, form
            try:
                claims = self.issuer.claims(form["WebIdentityToken"])
            except Exception:
                return self.refuse(400, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider")
            assert claims["aud"] == "sts.amazonaws.com"
            if claims["exp"] < time.time():
                return self.refuse(400, "ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time")
        else:
            assert action == "AssumeRole" and set(form) <= {"RoleArn", "RoleSessionName", "ExternalId", "DurationSeconds"}, (action, form)
            signed = {"x_amz_date": None, "authorization": None}
            if "x-amz-security-token" in request.headers:
                signed["x_amz_security_token"] = None
            only(request, **plain, **signed)
            refusal = self.keys.refusal(request, body, "sts")
            if refusal is not None:
                return self.refuse(403, refusal[1], "The request was refused")
        if any(form.get(name) != value for name, value in self.roles.get(role, {"ExternalId": "nobody knows this role"}).items()):
            return self.refuse(403, "AccessDenied", f"User is not authorized to perform: sts:{action} on resource: {role}")
        self.sessions.append((role, form["RoleSessionName"]))
        keys = self.keys.give(self.life)
        return 200, {}, (f"<{action}Response {STS_XMLNS}><{action}Result><AssumedRoleUser><Arn>{role}/x</Arn></AssumedRoleUser><Credentials>"
                         f"<AccessKeyId>{keys['AccessKeyId']}</AccessKeyId><SecretAccessKey>{keys['SecretAccessKey']}</SecretAccessKey>"
                         f"<SessionToken>{keys['Token']}</SessionToken><Expiration>{keys['Expiration']}</Expiration></Credentials>"
                         f"</{action}Result></{action}Response>").encode()


class Container(Strict):
    """The credentials endpoint of a container: GET of one path with one token."""

    def __init__(self, keys, path, token):
        super().__init__()
        self.keys, self.path, self.token, self.life = keys, path, token, 3600

    def route(self, request, body):
        assert request.command == "GET" and request.path == self.path and body == b"", request.path
        only(request, **({"authorization": None} if self.token else {}))
        if self.token and request.headers["Authorization"] != self.token:
            return 401, {}, json.dumps({"code": "InvalidAuthorizationToken", "message": "The token is not in force"}).encode()
        return 200, {}, json.dumps({"RoleArn": "arn:aws:iam::1:role/task", **self.keys.give(self.life)}).encode()


class Ec2Metadata(Strict):
    """IMDSv2 alone: a session's token by PUT, and every GET with it; nothing that came through a proxy."""

    def __init__(self, keys, role="vigil-models"):
        super().__init__()
        self.keys, self.role, self.life, self.sessions, self.down, self.code = keys, role, 3600, {}, False, "Success"

    def route(self, request, body):
        assert body == b""
        if "x-forwarded-for" in request.headers:
            return 403, {}, b"Forbidden"
        if self.down:
            return 503, {}, b"Service Unavailable"
        if request.path == "/latest/api/token":
            assert request.command == "PUT"
            only(request, content_length="0", x_aws_ec2_metadata_token_ttl_seconds=None)
            seconds = int(request.headers["x-aws-ec2-metadata-token-ttl-seconds"])
            assert 1 <= seconds <= 21600, seconds
            token = f"AQAE{len(self.sessions)}=="
            self.sessions[token] = time.time() + seconds
            return 200, {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": str(seconds)}, token.encode()
        assert request.command == "GET"
        if self.sessions.get(request.headers.get("x-aws-ec2-metadata-token"), 0) < time.time():
            return 401, {}, b"<html>401 - Unauthorized</html>"
        only(request, x_aws_ec2_metadata_token=None)
        folder = "/latest/meta-data/iam/security-credentials/"
        if request.path == folder and self.role:
            return 200, {}, self.role.encode()
        if request.path == folder + (self.role or "?"):
            if self.code != "Success":
                return 200, {}, json.dumps({"Code": self.code, "Message": "EC2 cannot assume the role"}).encode()
            return 200, {}, json.dumps({"Code": "Success", "LastUpdated": utc(time.time()), "Type": "AWS-HMAC", **self.keys.give(self.life)}).encode()
        return 404, {}, b"<html>404 - Not Found</html>"


# ---- Google ----

class GoogleTokens(Strict):
    """The token endpoint, the exchange of workload identity federation, impersonation and the metadata server, which give to `tokens`:
    token -> end, as GoogleBucket reads it."""

    def __init__(self, issuer, life=3600):
        super().__init__()
        self.issuer, self.life, self.tokens, self.federated, self.given, self.down = issuer, life, {}, set(), 0, False
        self.user = {"client_id": "id.apps.example", "client_secret": "s&cret", "refresh_token": "1//re=fresh+token"}
        self.audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x"

    def give(self, **more):
        self.given += 1
        self.tokens[f"ya29.{self.given}"] = time.time() + self.life
        return 200, {}, json.dumps({"access_token": f"ya29.{self.given}", "expires_in": self.life, "token_type": "Bearer", **more}).encode()

    def route(self, request, body):
        if request.path.startswith("/computeMetadata/"):
            return self.metadata(request, body)
        assert request.command == "POST"
        if request.path == "/impersonate:generateAccessToken":
            return self.impersonate(request, body)
        form = form_of(request, body)
        only(request, content_type=None, content_length=str(len(body)))
        if request.path == "/sts/v1/token":
            return self.exchange(form)
        assert request.path == "/token"
        if form.get("grant_type") == "refresh_token":
            if form != {"grant_type": "refresh_token", **self.user}:
                return 400, {}, json.dumps({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}).encode()
            return self.give(scope="https://www.googleapis.com/auth/cloud-platform")
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer" and set(form) == {"grant_type", "assertion"}, form
        try:
            claims = self.issuer.claims(form["assertion"])
        except Exception:
            return 400, {}, json.dumps({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}).encode()
        assert set(claims) == {"iss", "scope", "aud", "iat", "exp"} and claims["iss"] == "vigil@example.iam", claims
        assert claims["aud"].endswith("/token") and claims["scope"] == "https://www.googleapis.com/auth/devstorage.read_only", claims
        assert abs(claims["iat"] - time.time()) < 60 and claims["exp"] - claims["iat"] == 3600, claims
        return self.give()

    def exchange(self, form):
        subject = form.pop("subject_token")
        scope = form.pop("scope")
        assert form == {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": self.audience,
                        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
                        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, form
        try:
            claims = self.issuer.claims(subject)
        except Exception:
            return 400, {}, json.dumps({"error": "invalid_grant", "error_description": "The given token is invalid."}).encode()
        assert claims["aud"] == "google"
        if claims["exp"] < time.time():
            return 400, {}, json.dumps({"error": "invalid_grant", "error_description": "ID Token issued in the past."}).encode()
        answer = self.give(issued_token_type="urn:ietf:params:oauth:token-type:access_token")
        if scope == "https://www.googleapis.com/auth/cloud-platform":  # only for impersonation: the bucket takes none of these
            token = json.loads(answer[2])["access_token"]
            self.federated.add(token)
            del self.tokens[token]
        else:
            assert scope == "https://www.googleapis.com/auth/devstorage.read_only", scope
        return answer

    def impersonate(self, request, body):
        only(request, content_type="application/json", content_length=str(len(body)), authorization=None)
        assert request.headers["Authorization"].removeprefix("Bearer ") in self.federated, request.headers["Authorization"]
        assert json.loads(body) == {"scope": ["https://www.googleapis.com/auth/devstorage.read_only"], "lifetime": "3600s"}, body
        token = json.loads(self.give()[2])["access_token"]
        return 200, {}, json.dumps({"accessToken": token, "expireTime": utc(self.tokens[token])}).encode()

    def metadata(self, request, body):
        if request.headers.get("Metadata-Flavor") != "Google" or "x-forwarded-for" in request.headers:
            return 403, {}, b"Missing Metadata-Flavor:Google header"
        if self.down:
            return 503, {}, b"Service Unavailable"
        only(request, metadata_flavor="Google")
        assert request.command == "GET" and request.path == "/computeMetadata/v1/instance/service-accounts/default/token", request.path
        return self.give()


class GoogleBucket(Strict):
    """gs://bucket for bearers of `tokens`."""

    def __init__(self, tokens):
        super().__init__()
        self.tokens, self.objects = tokens, {}

    def route(self, request, body):
        bearer = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.tokens.get(bearer, 0) < time.time():
            return 401, {}, json.dumps({"error": {"code": 401, "message": "Invalid Credentials", "status": "UNAUTHENTICATED"}}).encode()
        assert request.command == "GET" and body == b"" and header_names(request) - ALWAYS <= {"authorization", "range"}
        url = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        assert url.path.startswith("/storage/v1/b/bucket/o"), url.path
        rest = url.path.removeprefix("/storage/v1/b/bucket/o")
        if not rest:
            fields = "nextPageToken,items(name,size,generation,updated,md5Hash,crc32c,contentEncoding)"
            assert query == {"prefix": query["prefix"], "fields": fields}, query
            return 200, {}, json.dumps({"items": [self.describe(n) for n in sorted(self.objects) if n.startswith(query["prefix"])]}).encode()
        assert rest[0] == "/" and "/" not in rest[1:], rest
        name = urllib.parse.unquote(rest[1:])
        if name not in self.objects or query.get("generation", "1") != self.describe(name)["generation"] and "alt" in query:
            return 404, {}, json.dumps({"error": {"code": 404, "message": "No such object"}}).encode()
        if query.get("alt") == "media":
            assert set(query) == {"alt", "generation"}, query
            return ranged(request, self.objects[name], '"g"')
        assert query == {"fields": "generation,updated"}, query
        return 200, {}, json.dumps(self.describe(name)).encode()

    def describe(self, name):
        data = self.objects[name]
        generation = str(int(hashlib.md5(data).hexdigest()[:12], 16))
        return {"name": name, "size": str(len(data)), "generation": generation, "updated": generation,
                "md5Hash": base64.b64encode(hashlib.md5(data).digest()).decode(), "crc32c": crc32c(data)}


# ---- Azure ----

class AzureTokens(Strict):
    """Entra ID's token endpoint, the machine's metadata service and an App Service's, which give to `tokens`."""

    def __init__(self, issuer, life=3600):
        super().__init__()
        self.issuer, self.life, self.tokens, self.given, self.down = issuer, life, {}, 0, False

    def give(self):
        self.given += 1
        self.tokens[f"eyJ.{self.given}"] = time.time() + self.life
        return f"eyJ.{self.given}"

    def route(self, request, body):
        url = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query)))
        if url.path == "/metadata/identity/oauth2/token":
            if request.headers.get("Metadata") != "true" or "x-forwarded-for" in request.headers:
                return 400, {}, json.dumps({"error": "invalid_request", "error_description": "Required metadata header not specified"}).encode()
            if self.down:
                return 503, {}, b"Service Unavailable"
            only(request, metadata="true")
            assert request.command == "GET" and query.pop("api-version") == "2018-02-01" and query.pop("resource") == "https://storage.azure.com/"
            if query not in ({}, {"client_id": "client-1"}):
                return 400, {}, json.dumps({"error": "invalid_request", "error_description": "Identity not found"}).encode()
            return 200, {}, json.dumps({"access_token": self.give(), "client_id": "c", "expires_in": str(self.life), "ext_expires_in": "1",
                                        "expires_on": str(int(time.time() + self.life)), "resource": "https://storage.azure.com/",
                                        "token_type": "Bearer"}).encode()
        if url.path == "/msi/token":
            if request.headers.get("X-IDENTITY-HEADER") != "the-header":
                return 401, {}, b""
            only(request, x_identity_header="the-header")
            assert request.command == "GET" and query == {"api-version": "2019-08-01", "resource": "https://storage.azure.com/"}, query
            # Only a time, no life.
            return 200, {}, json.dumps({"access_token": self.give(), "expires_on": str(int(time.time() + self.life)), "client_id": "c",
                                        "resource": "https://storage.azure.com/", "token_type": "Bearer"}).encode()
        assert request.command == "POST" and url.path == "/tenant-1/oauth2/v2.0/token" and not query, request.path
        only(request, content_type=None, content_length=str(len(body)))
        form = form_of(request, body)
        assert form.pop("grant_type") == "client_credentials" and form.pop("scope") == "https://storage.azure.com/.default"
        assert form.pop("client_id") == "client-1"
        if "client_secret" in form:
            if form != {"client_secret": "a+secret/&="}:
                return self.refuse(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        else:
            assert form.pop("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            assert set(form) == {"client_assertion"}, form
            try:
                claims = self.issuer.claims(form["client_assertion"])
            except Exception:
                return self.refuse(401, "invalid_client", "AADSTS700027: The certificate with identifier used to sign is not registered.")
            assert claims["aud"] == "api://AzureADTokenExchange"
            if claims["exp"] < time.time():
                return self.refuse(401, "invalid_client", "AADSTS700024: Client assertion is not within its valid time range.")
        return 200, {}, json.dumps({"token_type": "Bearer", "expires_in": self.life, "ext_expires_in": self.life,
                                    "access_token": self.give()}).encode()

    @staticmethod
    def refuse(status, code, words):
        return status, {}, json.dumps({"error": code, "error_description": words, "error_codes": [1]}).encode()


class AzureContainer(Strict):
    """The container `models` of the account `acct` for bearers of `tokens`."""

    def __init__(self, tokens):
        super().__init__()
        self.tokens, self.objects = tokens, {}

    def route(self, request, body):
        h = request.headers
        if self.tokens.get(h.get("Authorization", "").removeprefix("Bearer "), 0) < time.time():
            return 401, {"x-ms-error-code": "InvalidAuthenticationInfo"}, (
                b"<?xml version='1.0'?><Error><Code>InvalidAuthenticationInfo</Code><Message>Lifetime validation failed.</Message></Error>")
        assert h["x-ms-version"] >= "2017-11-09" and body == b"", "bearer tokens are taken since then"
        at = datetime.datetime.strptime(h["x-ms-date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.timezone.utc)
        assert abs(at.timestamp() - time.time()) < 300
        extra = header_names(request) - ALWAYS - {"authorization", "x-ms-version", "x-ms-date"}
        url = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/models":
            assert request.command == "GET" and not extra
            assert query == {"restype": "container", "comp": "list", "include": "metadata", "prefix": query["prefix"]}, query
            rows = "".join(f"<Blob><Name>{n}</Name><Properties><Last-Modified>x</Last-Modified><Etag>{self.tag(d)}</Etag>"
                           f"<Content-Length>{len(d)}</Content-Length></Properties></Blob>"
                           for n, d in sorted(self.objects.items()) if n.startswith(query["prefix"]))
            return 200, {}, f"<?xml version='1.0'?><EnumerationResults><Blobs>{rows}</Blobs><NextMarker/></EnumerationResults>".encode()
        assert not query and extra <= ({"if-match", "range"} if request.command == "GET" else {"if-none-match"}), (query, extra)
        data = self.objects.get(urllib.parse.unquote(url.path.removeprefix("/models/")))
        if data is None:
            return 404, {"x-ms-error-code": "BlobNotFound"}, b""
        return ranged(request, data, f'"{self.tag(data)}"')

    @staticmethod
    def tag(data):
        return "0x8" + hashlib.md5(data).hexdigest()[:14].upper()
