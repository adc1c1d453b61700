"""What a process that was killed (kill -9) had not finished is removed by the next one to start, and what a live one is writing never is."""
import os
import pathlib
import signal
import subprocess
import time

import pytest
from conftest import BINARY, COLUMNS, serving, vigil

ROWS = ",".join(COLUMNS) + "\n" + "1,2,3\n" * 200_000


class Writer:
    """A `vigil predict` that has read some rows and waits for more."""

    def __init__(self, model, folder, output, env):
        fifo = folder / f"in{time.monotonic_ns()}.csv"
        os.mkfifo(fifo)
        self.process = subprocess.Popen([str(BINARY), "predict", str(model), "--input", str(fifo), "--output", str(output)], env=env,
                                        stderr=subprocess.PIPE, text=True)
        self.feed = open(fifo, "w")
        self.feed.write(ROWS)
        self.feed.flush()
        fifo.unlink()
        self.folder = output.parent
        end = time.monotonic() + 60
        while not self.unfinished():
            assert time.monotonic() < end and self.process.poll() is None, os.listdir(self.folder)
            time.sleep(0.02)

    def unfinished(self):
        return [p.name for p in self.folder.iterdir() if f".p{self.process.pid}-" in p.name]

    def tag(self):
        """p4321-START-PLACE: how a process marks what is its own."""
        return next(part for part in self.unfinished()[0].split(".") if part.startswith(f"p{self.process.pid}-"))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.feed.close()

    def finish(self):
        self.feed.close()
        assert self.process.wait(60) == 0, self.process.stderr.read()


@pytest.fixture
def places(tmp_path):
    """Where outputs go, where temporary things go, and the environment that says so."""
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    out.mkdir()
    temporary.mkdir()
    return out, temporary, {**os.environ, "TMPDIR": str(temporary)}


def test_the_next_predict_clears_what_a_killed_one_left(small, places, tmp_path):
    out, temporary, env = places
    killed = Writer(small.champion, tmp_path, out / "scores.csv", env)
    alive = Writer(small.champion, tmp_path, out / "scores.csv", env)
    # Rows that spill: DuckDB makes such a folder once they do not fit into its memory.
    spilled = [temporary / f"vigil-tables.{w.tag()}.0" for w in (killed, alive)]
    for folder in spilled:
        folder.mkdir()
        (folder / "block.tmp").write_bytes(b"x" * 4096)
    foreign = temporary / "vigil-tables.p1-1-0123456789abcdef.0"  # of another container: nobody here knows whether it lives
    foreign.mkdir()
    killed.kill()
    assert killed.unfinished(), "a process that is killed removes nothing"

    few = tmp_path / "few.csv"
    few.write_text(",".join(COLUMNS) + "\n1,2,3\n")
    r = vigil("predict", small.champion, "--input", few, "--output", out / "scores.csv", env={"TMPDIR": str(temporary)})
    assert r.returncode == 0, r.stderr
    assert killed.unfinished() == [] and not spilled[0].exists()
    assert alive.unfinished() and spilled[1].exists() and foreign.exists(), "a live process's, and what cannot be told"
    assert (out / "scores.csv").read_text().count("\n") == 2
    alive.finish()
    assert (out / "scores.csv").read_text().count("\n") == ROWS.count("\n")
    assert sorted(os.listdir(out)) == ["scores.csv"]


def test_a_server_clears_what_a_killed_one_left(small, places, tmp_path):
    out, temporary, env = places
    writer = Writer(small.champion, tmp_path, out / "scores.csv", env)
    place = writer.tag().rsplit("-", 1)[1]
    writer.finish()
    with serving(tmp_path / "first", {"fraud": small.champion}, env={"TMPDIR": str(temporary)}) as first:
        started = pathlib.Path(f"/proc/{first.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
        left = temporary / f"vigil-tables.p{first.process.pid}-{started}-{place}.0"
        left.mkdir()
        with serving(tmp_path / "second", {"fraud": small.champion}, env={"TMPDIR": str(temporary)}):
            assert left.exists(), "its server lives"
        first.kill()
        with serving(tmp_path / "first", {"fraud": small.champion}, env={"TMPDIR": str(temporary)}):
            assert not left.exists()
