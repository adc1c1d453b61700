"""A hundred swaps under load: nobody fails, no answer is of two versions, and the server's memory stays what it was."""
import json
import pathlib
import statistics
import threading

from conftest import serving

SWAPS, VERSIONS, TREES, DEPTH, FEATURES = 100, 3, 100, 6, 5
ROWS = {"columns": [f"f{i}" for i in range(FEATURES)], "data": [[(r + i) / 20 for i in range(FEATURES)] for r in range(8)]}


def model(version):
    """An XGBoost model that predicts about 1000 times its version: an answer's rows tell which version scored them."""
    splits = (1 << DEPTH) - 1
    nodes, zeros = 2 * splits + 1, [0] * (2 * splits + 1)
    trees = [{"left_children": [2 * i + 1 if i < splits else -1 for i in range(nodes)],
              "right_children": [2 * i + 2 if i < splits else -1 for i in range(nodes)],
              "split_indices": [(i * 7 + t) % FEATURES if i < splits else 0 for i in range(nodes)],
              "split_conditions": [(i * 37 + t * 11 + version) % 100 / 100 if i < splits else (i + t) % 7 / 1000 for i in range(nodes)],
              "default_left": zeros, "split_type": zeros,
              "tree_param": {"num_nodes": str(nodes), "num_feature": str(FEATURES), "size_leaf_vector": "1"}} for t in range(TREES)]
    booster = {"gbtree_model_param": {"num_trees": str(TREES), "num_parallel_tree": "1"}, "iteration_indptr": list(range(TREES + 1)),
               "tree_info": [0] * TREES, "trees": trees}
    shape = {"base_score": str(1000 * version), "num_class": "0", "num_feature": str(FEATURES), "num_target": "1"}
    return json.dumps({"learner": {"attributes": {}, "feature_names": [], "feature_types": [],
                                   "gradient_booster": {"name": "gbtree", "model": booster}, "learner_model_param": shape,
                                   "objective": {"name": "reg:squarederror"}}, "version": [3, 2, 0]})


def anonymous_mb(server):
    """What the server itself allocated. Mapped files (its log's index among them) are the machine's to drop."""
    rollup = pathlib.Path(f"/proc/{server.process.pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Anonymous:")) / 1024


def test_a_hundred_swaps_under_load(tmp_path):
    for version in range(1, VERSIONS + 1):
        folder = tmp_path / "fraud" / str(version)
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(model(version))
    config = json.dumps({"models": [{"name": "fraud", "path": str(tmp_path / "fraud"), "versions": "all"}]})
    with serving(tmp_path / "run", {}, config=config) as server:
        wrong, seen, stop = [], set(), threading.Event()

        def ask():
            while not stop.wait(0.002):
                r = server.predict("fraud", ROWS)
                version = r.json().get("version") if r.status_code == 200 else None
                if version is None or any(abs(p - 1000 * int(version)) > 400 for p in r.json()["predictions"]):
                    wrong.append(r.text)
                    return
                seen.add(version)

        thread = threading.Thread(target=ask)
        thread.start()
        memory = []
        try:
            for i in range(SWAPS):
                r = server.put("/api/v1/models/fraud/roles/champion", {"version": str(i % VERSIONS + 1)})
                assert r.status_code == 200, r.text
                memory.append(anonymous_mb(server))
        finally:
            stop.set()
            thread.join()
        assert not wrong, wrong[0]
        assert seen == {"1", "2", "3"}
        first, last = statistics.median(memory[2:12]), statistics.median(memory[-10:])
        assert last < 1.25 * first + 2, f"{first:.1f} MB at the first ten swaps, {last:.1f} MB at the last ten: {memory}"
