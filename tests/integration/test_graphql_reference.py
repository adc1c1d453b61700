"""The GraphQL core against npm graphql: what is accepted, every error with its places, and results, over written and generated documents."""
import json
import os
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/integration/graphql"
PROBE = pathlib.Path(os.environ.get("VIGIL_GRAPHQL_PROBE", ROOT / "build/bin/graphql_probe"))
PACKAGE = pathlib.Path(os.environ.get("VIGIL_GRAPHQL_NPM", ROOT / "tools/setup/graphql"))
NODE = ROOT / ".deps/node/bin/node"
SDL = (HERE / "schema.graphql").read_text()
DOCUMENTS = (HERE / "documents.txt").read_text().splitlines()
DOG = {"__typename": "Dog", "id": 1, "name": "Rex", "barks": True, "nick": None, "friends": []}
CAT = {"__typename": "Cat", "id": "c", "name": "Tom", "meows": 1.5, "lives": [1, 2], "friends": [None], "color": "PINK"}
ROOT_VALUE = {"dog": {**DOG, "friends": [DOG, CAT, None, {"__typename": "Fish"}, {}]}, "cat": {**CAT, "color": "RED", "meows": 9}, "pet": CAT,
              "pets": [DOG, CAT], "node": DOG, "nodes": [DOG, {"id": 2}, CAT], "named": {"__typename": "Query"}, "text": 1.5, "num": True,
              "pick": {"a": 1}, "must": 3e10, "list": [[1, None], 5, [2.0]], "nn": [1, None], "bool": 0, "time": {"at": [1, "x"]}, "color": "GREEN",
              "set": 7, "add": DOG, "tick": 4, "loop": {"text": False, "dog": None, "cat": None, "nn": [3], "color": 3, "loop": {"dog": DOG}}}


def ask(command, requests):
    lines = "".join(json.dumps(r) + "\n" for r in requests)
    out = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=300).stdout.splitlines()
    assert len(out) == len(requests)
    return [json.loads(line) for line in out]


def strip(answer):
    for error in answer.get("errors", []):
        error.pop("extensions", None)
    return answer


@pytest.fixture(scope="module")
def compare():
    if not PROBE.exists():
        pytest.skip(f"{PROBE} is not built")
    if not (PACKAGE / "node_modules/graphql").exists():
        pytest.skip("npm graphql is not installed: tools/setup/setup.sh test")

    def run(requests):
        requests = [{"sdl": SDL, "limits": False, **r} for r in requests]
        ours = ask([PROBE], requests)
        theirs = ask([NODE, HERE / "reference.mjs", str(PACKAGE) + "/"], requests)
        bad = []
        for request, a, b in zip(requests, ours, theirs):
            if "thrown" not in b and strip(a) != b:
                bad.append(f"{request['query']}\n  variables {request.get('variables')}\n  ours   {json.dumps(a)}\n  theirs {json.dumps(b)}")
        assert not bad, f"{len(bad)} of {len(requests)} differ:\n" + "\n".join(bad[:10])
        return ours

    return run


VARIABLES = [{}, {"a": 3, "b": True, "c": [1], "d": {"min": 2}}, {"f": {"min": "x", "colr": 1, "and": [{"color": "RED"}, 3]}, "p": {"id": 1, "name": None},
             "m": {"b": 3}, "c": "GREN", "a": "x", "b": None}, {"p": {}, "m": [1], "c": 3, "f": {"min": None, "at": {"x": [1, {"y": {"z": 1}}]}}}]


def test_written_documents(compare):
    "hand-written documents, valid and not, with several sets of variables"
    compare([{"query": d, "root": ROOT_VALUE, "variables": v} for d in DOCUMENTS for v in VARIABLES])


def test_introspection(compare):
    "the whole schema, but for descriptions of what every schema has"
    of = "kind name " + "ofType { kind name " * 5 + "}" * 5
    value = f"name description type {{ {of} }} defaultValue isDeprecated deprecationReason"
    compare([{"query": f"""{{ __schema {{ description queryType {{ name }} mutationType {{ name }} subscriptionType {{ name }}
      directives {{ name isRepeatable locations args(includeDeprecated: true) {{ name defaultValue type {{ {of} }} }} }}
      types {{ kind name specifiedByURL isOneOf interfaces {{ name }} possibleTypes {{ name }}
        enumValues(includeDeprecated: true) {{ name isDeprecated deprecationReason }}
        inputFields(includeDeprecated: true) {{ name defaultValue type {{ {of} }} }}
        fields(includeDeprecated: true) {{ name isDeprecated deprecationReason type {{ {of} }}
          args(includeDeprecated: true) {{ name defaultValue type {{ {of} }} }} }} }} }} }}"""},
             {"query": '{ __type(name: "Dog") { description fields { description } } __type2: __type(name: "Nope") { name } }'},
             {"query": f'{{ __type(name: "Filter") {{ inputFields {{ {value} }} }} }}'}])


class Writer:
    """Writes documents that mostly fit the schema, with mistakes here and there."""
    FIELDS = {"Query": "dog cat pet pets node nodes named text num pick must loop list nn bool time color".split(),
              "Dog": "id name barks friends nick".split(), "Cat": "id name meows lives friends color".split(), "Node": ["id"],
              "Named": "id name".split(), "Pet": []}
    TYPES = {"dog": "Dog", "cat": "Cat", "pet": "Pet", "pets": "Pet", "node": "Node", "nodes": "Node", "named": "Named", "loop": "Query", "friends": "Pet"}
    ARGS = {"pets": ["filter", "first"], "node": ["id"], "text": ["a", "b", "c"], "num": ["f", "i", "t"], "pick": ["by"], "must": ["m"],
            "name": ["upper"], "friends": ["first"]}
    VALUES = {"filter": ["{color: RED}", "{min: 3, tags: \"x\"}", "$d", "{and: [{min: 1}, $d]}", "RED"], "first": ["1", "$a", "null", "-1", "2.5"],
              "id": ["3", '"x"', "$i", "true"], "a": ['"s"', "$s", '"""b"""', "1"], "b": ["[1, 2]", "3", "[$a]", "[null]", "[[1]]"], "c": ["{}", "$d", "null"],
              "f": ["1", "2.5", "$a", '"x"'], "i": ["4", "$a", "4000000000"], "t": ["{a: [1, $a]}", "3", "$s", "ENUM"], "by": ["{id: 1}", "{name: $s}", "{id: 1, name: \"\"}"],
              "m": ["{a: 1}", "{a: $a}", "{b: [[1]]}", "{a: 1, b: 3, z: 1}"], "upper": ["true", "$b", "1"]}

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.fragments = {}

    def chance(self, p):
        return self.r.random() < p

    def directives(self):
        if self.chance(0.9):
            return ""
        return " " + self.r.choice(["@skip(if: true)", "@include(if: $b)", "@include(if: false)", "@skip(if: $b)", "@note(must: 1)", "@nope(a: $a)", "@skip", "@include(if: 1)"])

    def field(self, parent, depth):
        names = self.FIELDS.get(parent) or ["__typename"]
        name = self.r.choice(names) if self.chance(0.93) else self.r.choice(["__typename", "nam", "idd", "barks", "x"])
        alias = self.r.choice(["a", "b", "name", "id"]) + ": " if self.chance(0.12) else ""
        args = [f"{k}: {self.r.choice(self.VALUES[k])}" for k in self.ARGS.get(name, []) if self.chance(0.5)]
        if self.chance(0.03):
            args.append("firs: 1")
        kind = self.TYPES.get(name)
        body = self.set(kind, depth - 1) if kind and self.chance(0.97) else ""
        return f"{alias}{name}{'(' + ', '.join(args) + ')' if args else ''}{self.directives()}{body}"

    def set(self, parent, depth):
        items = []
        for _ in range(self.r.randint(1, 3)):
            roll = self.r.random()
            if depth <= 0:
                items.append("__typename" if parent in ("Pet", "Query") else "id")
            elif roll < 0.7 and self.FIELDS.get(parent):
                items.append(self.field(parent, depth))
            elif roll < 0.85:
                other = self.r.choice(["Dog", "Cat", "Node", "Named", "Pet", parent]) if parent != "Query" or self.chance(0.1) else "Query"
                items.append(f"... on {other}{self.directives()}{self.set(other, depth - 1)}")
            else:
                name = self.r.choice("ABCDE")
                self.fragments.setdefault(name, None)
                items.append(f"...{name}{self.directives()}")
        return " { " + self.r.choice([" ", "\n"]).join(items) + " }"

    def document(self):
        variables = [v for v in ["$a: Int", "$b: Boolean = true", "$d: Filter", "$i: ID!", "$s: String", "$a: Float", "$b: Boolean!"] if self.chance(0.5)]
        text = f"query{' Q' if self.chance(0.5) else ''}{'(' + ', '.join(variables) + ')' if variables else ''}{self.set('Query', 4)}"
        while any(v is None for v in self.fragments.values()):
            name = next(n for n, v in self.fragments.items() if v is None)
            on = self.r.choice(["Query", "Dog", "Cat", "Pet", "Node", "Named"])
            self.fragments[name] = ""
            if self.chance(0.97):
                self.fragments[name] = f"\nfragment {name} on {on}{self.set(on, 2)}"
        text += "".join(self.fragments.values())
        if self.chance(0.05):
            at = self.r.randrange(len(text))
            text = text[:at] + self.r.choice(["{", "}", "é", "$", "\"", "(", ":", "...", "#", "@", "0", "\t"]) + text[at + self.r.randint(0, 2):]
        return text


class CarefulWriter(Writer):
    """Writes documents that are valid, so that what execution makes of them is compared."""
    FIT = {"filter": ["{color: RED}", '{min: 3, tags: "x"}', "$d", "{and: [{min: 1}, $d]}", "null"], "first": ["1", "$a", "null", "-1"],
           "id": ["3", '"x"', "$i"], "a": ['"s"', "$s", '"""b"""', "null"], "b": ["[1, 2]", "3", "[$a]", "[null, $a]", "null"], "c": ["{}", "$d", "{tags: []}"],
           "f": ["1", "2.5", "$f", "1e-9"], "i": ["4", "$a"], "t": ["{a: [1, $a]}", "3", "$s", "ENUM", '["x", {y: null}]'], "by": ["{id: 1}", "{id: $i}", "null"],
           "m": ["{a: 1}", "{a: 2, b: [[1], 2]}", "{a: 1, b: 3}"], "upper": ["true", "$b"]}
    TYPE = {"$a": "Int", "$b": "Boolean! = true", "$d": "Filter", "$i": "ID!", "$s": "String = \"def\"", "$f": "Float"}
    WITHIN = {"Pet": ["Dog", "Cat", "Node", "Named"], "Node": ["Dog", "Cat", "Named", "Pet"], "Named": ["Dog", "Cat", "Node"], "Dog": ["Dog", "Node", "Named", "Pet"],
              "Cat": ["Cat", "Node", "Named", "Pet"], "Query": ["Query"]}

    def __init__(self, seed):
        super().__init__(seed)
        self.used, self.aliases = set(), 0

    def value(self, text):
        self.used.update(v for v in self.TYPE if v in text)
        return text

    def directives(self):
        if self.chance(0.85):
            return ""
        return " " + self.value(self.r.choice(["@skip(if: true)", "@include(if: $b)", "@include(if: false)", "@skip(if: $b)", "@skip(if: false)"]))

    def field(self, parent, depth):
        name = self.r.choice(self.FIELDS[parent] + ["__typename"])
        args = [f"{k}: {self.value(self.r.choice(self.FIT[k]))}" for k in self.ARGS.get(name, []) if name == "node" or self.chance(0.5)]
        if name in ("dog", "cat", "loop") and self.chance(0.4):
            alias = ""  # merged with its like
        else:
            self.aliases += 1
            alias = f"f{self.aliases}: "
        kind = self.TYPES.get(name)
        return f"{alias}{name}{'(' + ', '.join(args) + ')' if args else ''}{self.directives()}{self.set(kind, depth - 1) if kind else ''}"

    def set(self, parent, depth):
        items = []
        for _ in range(self.r.randint(1, 4)):
            roll = self.r.random()
            if depth <= 0:
                items.append("__typename")
            elif roll < 0.7 and self.FIELDS[parent]:
                items.append(self.field(parent, depth))
            elif roll < 0.85:
                other = self.r.choice(self.WITHIN[parent])
                items.append(f"... {'on ' + other if other != parent or self.chance(0.5) else ''}{self.directives()}{self.set(other, depth - 1)}")
            else:
                other = self.r.choice(self.WITHIN[parent])
                name = f"F{other}{depth}"
                if name not in self.fragments:
                    self.fragments[name] = f"\nfragment {name} on {other}{self.set(other, depth - 1)}"
                items.append(f"...{name}{self.directives()}")
        return " { " + " ".join(items) + " }"

    def document(self):
        body = self.set("Query", self.r.randint(2, 5))
        variables = ", ".join(f"{v}: {self.TYPE[v]}" for v in sorted(self.used))
        return f"query{'(' + variables + ')' if variables else ''}{body}" + "".join(self.fragments.values())


def test_generated_valid_documents(compare):
    "valid documents by a seeded writer: what execution makes of them"
    seed, count = int(os.environ.get("VIGIL_GRAPHQL_SEED", "1")), int(os.environ.get("VIGIL_GRAPHQL_COUNT", "1000"))
    sets = [{"a": 1, "b": True, "d": {"min": 5}, "i": "k", "s": "t", "f": 2}, {"i": 7, "b": False, "s": None}, {"i": 1.0, "a": None, "d": None}]
    answers = compare([{"query": CarefulWriter(seed * 1_000_000 + n).document(), "root": ROOT_VALUE, "variables": sets[n % 3]} for n in range(count)])
    assert sum("data" in a for a in answers) > 0.8 * count


def test_generated_documents(compare):
    "documents by a seeded writer, most with mistakes: the same errors at the same places"
    seed, count = int(os.environ.get("VIGIL_GRAPHQL_SEED", "1")), int(os.environ.get("VIGIL_GRAPHQL_COUNT", "2000"))
    compare([{"query": Writer(seed * 1_000_000 + n).document(), "root": ROOT_VALUE,
              "variables": {"a": 1, "b": n % 2 == 0, "d": {"min": 5}, "i": "k", "s": "t"} if n % 3 else {"i": 1, "b": n % 2 == 0}} for n in range(count)])
