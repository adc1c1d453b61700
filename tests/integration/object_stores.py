"""Stores for test_sources.py, all on loopback and free ports: moto and azurite when they are set up, a strict Google Cloud Storage, a web
server, a service that gives credentials, and a proxy that cuts connections."""
import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import socket
import struct
import subprocess
import threading
import time
import urllib.parse

import pytest
import requests
from conftest import ROOT
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

STORES = pathlib.Path(os.environ.get("VIGIL_STORES", ROOT / ".deps/stores"))
CRC_TABLE = []
for i in range(256):
    for _ in range(8):
        i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
    CRC_TABLE.append(i)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return base64.b64encode(struct.pack(">I", crc ^ 0xFFFFFFFF)).decode()


@contextlib.contextmanager
def http_server(handle, address=("127.0.0.1", 0), tls=None):
    """handle(request, body) -> (status, headers, body); request is the BaseHTTPRequestHandler. tls: an ssl.SSLContext of a server."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, data = handle(self, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = answer

        def log_message(self, *args):
            pass

    http.server.ThreadingHTTPServer.allow_reuse_address = True
    server = http.server.ThreadingHTTPServer(address, Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http{'s' if tls else ''}://{address[0]}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def ranged(request, data, etag):
    """data as a careful web server answers: If-Match, If-None-Match, Range."""
    headers = {"ETag": etag}
    if request.headers.get("If-Match") not in (None, etag):
        return 412, headers, b""
    if request.headers.get("If-None-Match") == etag:
        return 304, headers, b""
    span = request.headers.get("Range")
    if not span:
        return 200, headers, data
    first, _, last = span.removeprefix("bytes=").partition("-")
    last = min(int(last or len(data) - 1), len(data) - 1)
    return 206, {**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"}, data[int(first):last + 1]


class Web:
    """Files by path, each with a strong ETag. `seen` holds (method, path, Range)."""

    def __init__(self):
        self.files, self.seen = {}, []

    def __call__(self, request, body):
        path = request.path.partition("?")[0]
        self.seen.append((request.command, path, request.headers.get("Range")))
        if path not in self.files:
            return 404, {}, b"no such file"
        data = self.files[path]
        return ranged(request, data, '"' + hashlib.sha256(data).hexdigest()[:16] + '"')


class CutProxy:
    """TCP to a port on this machine. The next `cuts` connections end after `after` bytes of answers."""

    def __init__(self, port):
        self.target, self.cuts, self.after, self.cut = port, 0, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                threading.Thread(target=self.pump, args=(client, server), daemon=True).start()
                threading.Thread(target=self.answers, args=(server, client), daemon=True).start()

    @staticmethod
    def pump(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)

    def answers(self, server, client):
        sent = 0
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if self.cuts > 0 and sent + len(data) > self.after:
                    client.sendall(data[:self.after - sent])
                    self.cuts, self.cut = self.cuts - 1, self.cut + 1
                    break
                client.sendall(data)
                sent += len(data)
        for end in (client, server):  # shut down first: the other thread still reads from it
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class S3:
    """moto, in a process of its own (s3_server.py)."""

    def __init__(self):
        python = STORES / "bin/python"
        if not python.exists():
            pytest.skip("moto is not set up: tools/setup/setup.sh test")
        self.process = subprocess.Popen([python, pathlib.Path(__file__).with_name("s3_server.py")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready = self.answer()
        self.port, self.role = ready["port"], ready["role"]
        self.env = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}", "AWS_ACCESS_KEY_ID": ready["id"],
                    "AWS_SECRET_ACCESS_KEY": ready["secret"], "AWS_REGION": "eu-central-1"}

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise AssertionError("moto ended")

    def do(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = self.answer()
        assert answer == {}, answer

    def put(self, key, path, **args):
        self.do(put=["models", key, str(path)], args=args)


class Azure:
    """azurite, in a process of its own, with a writer that signs as the documentation says."""
    ACCOUNT, KEY = "devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    def __init__(self):
        main = STORES / "node_modules/azurite/dist/src/blob/main.js"
        if not main.exists():
            pytest.skip("azurite is not set up: tools/setup/setup.sh test")
        node = ROOT / ".deps/node/bin/node"
        self.process = subprocess.Popen([node, main, "--blobPort", "0", "--inMemoryPersistence", "--silent", "--disableTelemetry"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = next(l for l in self.process.stdout if "successfully listens" in l)
        self.endpoint = line.split()[-1] + "/" + self.ACCOUNT
        self.env = {"AZURE_STORAGE_CONNECTION_STRING": f"AccountName={self.ACCOUNT};AccountKey={self.KEY};BlobEndpoint={self.endpoint}"}
        self.send("PUT", "/models", {"restype": "container"})

    def send(self, method, path, query=(), data=b"", headers=()):
        headers = {"x-ms-date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()), "x-ms-version": "2021-08-06", **dict(headers)}
        canonical = "".join(f"{k}:{v}\n" for k, v in sorted(headers.items()))
        resource = f"/{self.ACCOUNT}/{self.ACCOUNT}{path}" + "".join(f"\n{k}:{v}" for k, v in sorted(dict(query).items()))
        text = f"{method}\n\n\n{len(data) or ''}\n\n\n\n\n\n\n\n\n" + canonical + resource
        signature = base64.b64encode(hmac.new(base64.b64decode(self.KEY), text.encode(), hashlib.sha256).digest()).decode()
        r = requests.request(method, self.endpoint + path, params=dict(query), data=data, timeout=20,
                             headers={**headers, "Authorization": f"SharedKey {self.ACCOUNT}:{signature}"})
        assert r.status_code in (201, 202), (r.status_code, r.text)

    def put(self, name, data):
        self.send("PUT", f"/models/{urllib.parse.quote(name)}", data=data, headers={"x-ms-blob-type": "BlockBlob"})

    def sas(self, life=600):
        """A read-only token of the service for the container, as the documentation of service SAS says (version 2020-12-06)."""
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + life))
        text = "\n".join(["rl", "", end, f"/blob/{self.ACCOUNT}/models", "", "", "", "2020-12-06", "c", "", "", "", "", "", "", ""])
        signature = base64.b64encode(hmac.new(base64.b64decode(self.KEY), text.encode(), hashlib.sha256).digest()).decode()
        return urllib.parse.urlencode({"sv": "2020-12-06", "sr": "c", "sp": "rl", "se": end, "sig": signature})


class Google:
    """The JSON API as far as it is used, strictly: the token's signature, the bearer, the query, generations."""

    def __init__(self, folder):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.objects, self.tokens, self.given, self.page, self.life = {}, {}, 0, 2, 3600
        self.folder, self.failures = folder, []

    def put(self, name, data):
        generation = str(int(time.time() * 1e6))
        self.objects[name] = (generation, data)

    def credentials(self, url):
        pem = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        path = self.folder / "key.json"
        path.write_text(json.dumps({"type": "service_account", "client_email": "vigil@example.iam", "private_key_id": "k1", "private_key": pem,
                                    "token_uri": url + "/token"}))
        return path

    def token(self, request, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        header, claims, signature = form["assertion"].split(".")
        decode = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        self.key.public_key().verify(decode(signature), f"{header}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        assert json.loads(decode(header)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
        said = json.loads(decode(claims))
        assert said["iss"] == "vigil@example.iam" and said["aud"].endswith("/token") and 0 < said["exp"] - said["iat"] <= 3600, said
        assert abs(said["iat"] - time.time()) < 60 and said["scope"].endswith("devstorage.read_only"), said
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer", form
        self.given += 1
        self.tokens[f"token{self.given}"] = time.time() + self.life
        return 200, {}, json.dumps({"access_token": f"token{self.given}", "expires_in": self.life, "token_type": "Bearer"}).encode()

    def __call__(self, request, body):
        try:
            return self.route(request, body)
        except Exception as e:  # the test asks for them
            self.failures.append(repr(e))
            return 400, {}, repr(e).encode()

    def route(self, request, body):
        url = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/token":
            return self.token(request, body)
        bearer = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.tokens.get(bearer, 0) < time.time():
            return 401, {}, json.dumps({"error": {"code": 401, "message": "Invalid Credentials", "status": "UNAUTHENTICATED"}}).encode()
        assert url.path.startswith("/storage/v1/b/bucket/o"), url.path
        rest = url.path.removeprefix("/storage/v1/b/bucket/o")
        if rest:
            name = urllib.parse.unquote(rest[1:])
            assert "/" not in rest[1:], rest
            if name not in self.objects or query.get("generation", self.objects[name][0]) != self.objects[name][0]:
                return 404, {}, json.dumps({"error": {"code": 404, "message": "No such object"}}).encode()
            if query.get("alt") == "media":
                return ranged(request, self.objects[name][1], '"g"')
            return 200, {}, json.dumps(self.describe(name)).encode()
        names = sorted(n for n in self.objects if n.startswith(query["prefix"]))
        begin = int(query.get("pageToken", 0))
        answer = {"items": [self.describe(n) for n in names[begin:begin + self.page]]}
        if begin + self.page < len(names):
            answer["nextPageToken"] = str(begin + self.page)
        return 200, {}, json.dumps(answer).encode()

    def describe(self, name):
        generation, data = self.objects[name]
        return {"name": name, "size": str(len(data)), "generation": generation, "updated": generation,
                "md5Hash": base64.b64encode(hashlib.md5(data).digest()).decode(), "crc32c": crc32c(data)}
