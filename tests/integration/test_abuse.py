"""A server under attack stays within its memory, answers its other clients, and never takes two requests for one. bench/run.sh abuse measures the
same attacks, longer and with more connections."""
import re
import socket
import threading
import time

import pytest
from abuse import ATTACKS, SMUGGLED, begin, multiplexed, resident_bytes
from conftest import serving

ATTACK_SECONDS = 1.5
GROWTH_BYTES_MAX = 64 << 20
BODY = {"rows": [{"amount": 12.5, "nb": 3, "hour": 7}]}


@pytest.fixture(scope="module")
def server(small, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("abuse"), {"fraud": small.champion}) as s:
        yield s


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_costs_bounded_memory_and_no_answer(server, name):
    before, peak, end = resident_bytes(server.process.pid), 0, time.monotonic() + ATTACK_SECONDS
    attacker = threading.Thread(target=ATTACKS[name], args=(server.port, lambda: time.monotonic() > end))
    attacker.start()
    answers = 0
    while time.monotonic() < end:
        assert server.predict("fraud", BODY).status_code == 200
        answers += 1
        peak = max(peak, resident_bytes(server.process.pid))
    attacker.join()
    assert server.process.poll() is None and answers > 10
    assert peak - before < GROWTH_BYTES_MAX, f"{(peak - before) >> 20} MB more"


@pytest.mark.parametrize("request_bytes", SMUGGLED, ids=range(len(SMUGGLED)))
def test_a_request_of_two_minds_is_refused_and_its_connection_ended(server, request_bytes):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        s.sendall(request_bytes)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := s.recv(65536):
            answer += piece
    statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert len(statuses) == 1 and statuses[0] in (b"400", b"413", b"501"), answer


def test_a_thousand_streams_on_one_connection(server):
    assert multiplexed(server.port, "/v2/health/ready", 1000) == 1000


def test_idle_connections_are_cheap(server):
    wanted, before, held = 500, resident_bytes(server.process.pid), []
    for _ in range(wanted):
        held.append(begin(server.port))
    while server.metric("vigil_connections_open") < wanted:
        time.sleep(0.02)
    each = (resident_bytes(server.process.pid) - before) / wanted
    for s in held:
        s.close()
    assert each < 19_000, f"{each:.0f} bytes a connection: 10,000 would take over 200 MB"
