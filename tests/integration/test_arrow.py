"""Bodies in Arrow's stream format from the libraries that people write them with, and answers read by them."""
import io
import json

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from conftest import COLUMNS, small_rows

STREAM = "application/vnd.apache.arrow.stream"
PREDICT = "/api/v1/models/fraud/predict"


def features(n=200, seed=9):
    rows = small_rows(n, seed)
    return {c: rows[c] for c in COLUMNS}


def stream(table, chunk=None, **options):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=chunk)
    return sink.getvalue()


def post(server, body, accept=STREAM, query=""):
    r = server.post(PREDICT + query, data=body, headers={"Content-Type": STREAM, "Accept": accept})
    assert r.status_code == 200, r.text
    return r


def answer(response):
    assert response.headers["Content-Type"] == STREAM
    table = pa.ipc.open_stream(response.content).read_all()
    table.validate(full=True)
    return table


@pytest.fixture(scope="module")
def expected(server):
    columns = features()
    r = server.predict("fraud", {"columns": COLUMNS, "data": np.column_stack([columns[c] for c in COLUMNS]).astype(float).tolist()})
    return np.array(r.json()["predictions"], np.float32)


FORMS = {
    "floats": lambda t: stream(t),
    "batches": lambda t: stream(t, chunk=7),
    "zstd": lambda t: stream(t, compression="zstd"),
    "lz4": lambda t: stream(t, compression="lz4", chunk=50),
    "doubles": lambda t: stream(t.cast(pa.schema([(c, pa.float64()) for c in COLUMNS]))),
    "integers": lambda t: stream(t.set_column(2, "hour", t["hour"].cast(pa.uint8())).set_column(1, "nb", t["nb"].cast(pa.int16()))),
    "dictionary of numbers": lambda t: stream(t.set_column(1, "nb", t["nb"].dictionary_encode())),
    "other order": lambda t: stream(t.select(["hour", "amount", "nb"])),
    "polars": lambda t: polars_stream(pl.from_arrow(t)),
    "polars zstd": lambda t: polars_stream(pl.from_arrow(t), compression="zstd"),
    "polars lz4": lambda t: polars_stream(pl.from_arrow(t), compression="lz4"),
}


def polars_stream(frame, **options):
    sink = io.BytesIO()
    frame.write_ipc_stream(sink, **options)
    return sink.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_predictions_of_json(server, expected, form):
    table = answer(post(server, FORMS[form](pa.table(features()))))
    assert table.column_names == ["prediction_id", "prediction"] and table.schema.field("prediction").type == pa.float32()
    assert np.array_equal(table["prediction"].to_numpy(), expected)
    assert len(set(table["prediction_id"].to_pylist())) == len(expected)
    metadata = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
    assert metadata["model"] == "fraud" and metadata["version"] == "1" and json.loads(metadata["warnings"]) == []


def test_polars_and_pandas_read_the_answer(server, expected):
    content = post(server, stream(pa.table(features()))).content
    assert np.array_equal(pl.read_ipc_stream(io.BytesIO(content))["prediction"].to_numpy(), expected)
    assert np.array_equal(pa.ipc.open_stream(content).read_pandas()["prediction"].to_numpy(), expected)


def test_nulls_are_missing_values(server):
    columns = features(50)
    mask = np.arange(50) % 3 == 0
    table = pa.table({"amount": pa.array(columns["amount"], mask=mask), "nb": columns["nb"], "hour": columns["hour"]})
    rows = [{c: (None if c == "amount" and mask[i] else float(columns[c][i])) for c in COLUMNS} for i in range(50)]
    assert np.array_equal(answer(post(server, stream(table)))["prediction"].to_numpy(),
                          np.array(server.predict("fraud", {"rows": rows}).json()["predictions"], np.float32))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_ids_entities_and_times_are_logged(server, unit):
    n = 4
    table = pa.table({**features(n), "_id": [f"arrow-{unit}-{i}" for i in range(n)], "_entity": pa.array(["e0", None, "e2", "e0"]).dictionary_encode(),
                      "_time": pa.array([1_700_000_000 + i for i in range(n)], pa.timestamp("s")).cast(pa.timestamp(unit, "UTC"))})
    answer(post(server, stream(table)))
    labels = [{"id": f"arrow-{unit}-{i}", "label": 0} for i in range(n)]
    assert server.post("/api/v1/labels", {"labels": labels}).json() == {"accepted": n, "unmatched": 0, "duplicate": 0}


def test_lines_out(server, expected):
    r = post(server, stream(pa.table(features())), accept="application/x-ndjson")
    assert r.headers["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in r.text.splitlines()]
    assert np.array_equal(np.array([line["prediction"] for line in lines], np.float32), expected)
    assert {line["version"] for line in lines} == {"1"}


def test_refused_rows(server):
    table = pa.table({**features(3), "nb": ["2", "3", "4"]})
    r = server.post(PREDICT, data=stream(table), headers={"Content-Type": STREAM, "Accept": STREAM})
    assert r.status_code == 422 and [(e["row"], e["column"], e["value"]) for e in r.json()["errors"]] == [(0, "nb", "2"), (1, "nb", "3"), (2, "nb", "4")]
    partial = answer(post(server, stream(table), query="?partial=true"))
    assert partial["prediction"].null_count == 3 and json.loads(partial.schema.metadata[b"errors"])["error_count"] == 3


@pytest.mark.parametrize("column, says", [(pa.array([[1.0]] * 3), "is a list"), (pa.array(["1"] * 3, pa.string_view()), "string view"),
                                          (pa.array([0, 1, 2], pa.timestamp("us")), "timestamp"), (pa.array([1, 2, 3], pa.decimal128(9, 2)), "decimal")])
def test_types_that_are_not_read_are_named(server, column, says):
    r = server.post(PREDICT, data=stream(pa.table({**features(3), "nb": column})), headers={"Content-Type": STREAM})
    assert r.status_code == 400 and says in r.json()["detail"] and '"nb"' in r.json()["detail"], r.text


def test_a_body_that_unpacks_to_too_much(server):
    table = pa.table({**features(1 << 20), "padding": np.zeros(1 << 20), "more": np.zeros((1 << 20) * 1, np.float64)}).slice(0, 999_000)
    big = pa.table({**{c: table[c] for c in COLUMNS}, **{f"p{i}": np.zeros(999_000) for i in range(8)}})
    r = server.post(PREDICT, data=stream(big, compression="zstd"), headers={"Content-Type": STREAM})
    assert r.status_code == 413 and "compressed buffers" in r.json()["detail"], r.text


def test_hostile_bytes(server):
    """Changed at random: an answer or a named error, and the server stays."""
    whole, random = stream(pa.table({**features(3), "_id": pa.array(["a", "b", "a"]).dictionary_encode()}), compression="lz4"), np.random.default_rng(3)
    whole_plain = stream(pa.table({**features(3), "_id": pa.array(["a", "b", "a"]).dictionary_encode()}))
    for i in range(300):
        body = bytearray(whole_plain if i % 2 else whole)
        for at in random.integers(0, len(body), 1 + i % 4):
            body[at] = random.integers(0, 256)
        r = server.post(PREDICT, data=bytes(body), headers={"Content-Type": STREAM})
        assert r.status_code in (200, 400, 413, 422), r.text
        assert r.status_code == 200 or r.json()["detail"]
    assert server.predict("fraud", {"rows": [{"amount": 1, "nb": 2, "hour": 3}]}).status_code == 200
