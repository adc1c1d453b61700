"""The published document against the server: schemathesis makes requests from it, honest and not, and judges each answer by it."""
import json
import pathlib
import re
import subprocess
import sys

import pytest
import requests
from conftest import serving

CASES_MIN = 2000
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"


@pytest.mark.timeout(900)
def test_schemathesis(small, tmp_path):
    """Every operation: no 5xx, and no status, content type, header or body that the document does not know."""
    schemathesis = pathlib.Path(sys.executable).parent / "st"
    with serving(tmp_path / "server", {"fraud": small.champion}) as s:
        operations = sum(len(item) for item in requests.get(s.base + "/openapi.json", timeout=10).json()["paths"].values())
        # Names that are served, but not to the two operations that would take them out of service: of such a model 503 is the right answer.
        (tmp_path / "schemathesis.toml").write_text("""
[parameters]
"path.model" = "fraud"
"path.version" = "1"
[[operations]]
include-name = "POST /v2/repository/models/{model}/unload"
parameters = { "path.model" = "absent" }
[[operations]]
include-name = "DELETE /models/{model}"
parameters = { "path.model" = "absent" }
""")
        r = subprocess.run([str(schemathesis), "run", s.base + "/openapi.json", "--phases", "examples,coverage,fuzzing",
                            "--max-examples", str(-(-CASES_MIN // operations) + 10), "--workers", "1", "--checks", CHECKS, "--request-timeout", "10",
                            "--seed", "7", "--no-color", "--report", "junit", "--report-dir", str(tmp_path / "report")],
                           capture_output=True, text=True, timeout=840, cwd=tmp_path)
        assert r.returncode == 0, r.stdout[-12000:] + r.stderr[-2000:]
        cases = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) generated", r.stdout)]
        print(f"\n{operations} operations, {sum(cases)} cases")
        assert sum(cases) >= CASES_MIN, r.stdout[-3000:]
        assert s.get("/v2/health/ready").status_code == 200
        assert s.predict("fraud", {"rows": [{"amount": 1, "nb": 2, "hour": 3}]}).status_code == 200
