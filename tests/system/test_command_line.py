#!/usr/bin/python3
"""The operator's command against a door that answers by the book, and without one."""
from wharftest import *


def wharf(place, *words, **more):
    return subprocess.run([BIN + "/wharf", "-c", place.config, *words], capture_output=True, text=True,
                          timeout=60, **more)


def rows(message, *items, **more):
    query = message["query"]
    return [{"rows": {"id": query["id"], "name": query["name"], "as_of": 7, "rows": list(items),
                      "next": None, **more}}]


def no_answer(message):
    return []


ORDERS = [{"order": f"O-{n}", "state": "picked", "customer": "Mø & Co\x1b[2J", "carrier": "NORTH", "lines": n,
           "ordered": 10, "picked": 10, "packed": 0, "shipped": 0, "short": 0, "held_reason": None}
          for n in range(1, 4)]


def paged_orders(message):
    """One order a page: all pages must be read."""
    if "query" not in message:
        return []
    at = message["query"].get("after", 0)
    return rows(message, ORDERS[at], next=at + 1 if at + 1 < len(ORDERS) else None)


def test_without_a_core_it_says_what_to_do():
    with Place() as place:
        for words in (["status"], ["orders"], ["cases"], ["devices"], ["audit"], ["backup", "x"], ["send", "-"]):
            done = wharf(place, *words, stdin=subprocess.DEVNULL)
            assert done.returncode == 1, words
            assert f"does not answer at {place.run}/door/ctl" in done.stderr, done.stderr
            assert "systemctl status wharfd" in done.stderr and done.stdout == ""


def test_a_core_that_is_stuck_is_not_waited_for_without_end():
    with Place() as place:
        FakeDoor(place, lambda message: None)
        done = wharf(place, "status")
        assert done.returncode == 1 and "does not answer" in done.stderr


def test_every_command_has_help_and_json_and_refuses_wrong_words():
    with Place() as place:
        listed = wharf(place, "help")
        plain = subprocess.run([BIN + "/wharf", "--help"], capture_output=True, text=True)
        commands = [line.split()[0] for line in plain.stdout.split("Commands:")[1].splitlines()
                    if line.startswith("  ")]
        assert {"status", "orders", "seal", "import", "replay", "proof", "run"} <= set(commands), commands
        for command in commands:
            shown = wharf(place, command, "--help")
            assert shown.returncode == 0 and "--json" in shown.stdout, command
            assert wharf(place, command, "--nonsense").returncode == 2
        assert wharf(place, "nonsense").returncode == 2
        assert wharf(place, "backup").returncode == 2
        assert wharf(place, "cases", "extra").returncode == 2
        assert listed.returncode == 2
        assert subprocess.run([BIN + "/wharf"], capture_output=True).returncode == 2


def test_all_pages_are_read_and_shown_as_a_table_or_as_JSON():
    with Place() as place:
        FakeDoor(place, paged_orders)
        table = wharf(place, "orders").stdout.splitlines()
        assert len(table) == 4 and table[0].startswith("ORDER  STATE"), table
        assert "\x1b" not in "".join(table) and "Mø & Co?[2J" in table[1], table
        assert len({line.index("NORTH") for line in table[1:]}) == 1
        assert json.loads(wharf(place, "orders", "--json").stdout) == ORDERS


def test_options_may_stand_behind_the_words():
    def one(message):
        if "query" not in message:
            return []
        assert message["query"]["args"] == {"order": "O-2"}
        return rows(message, {"order": "O-2", "lines": [{"line": 1, "item": "TEA"}]})
    with Place() as place:
        FakeDoor(place, one)
        assert json.loads(wharf(place, "orders", "O-2", "--json").stdout)["order"] == "O-2"
        assert "lines:\nline  item\n" in wharf(place, "orders", "O-2").stdout


def test_an_order_that_is_not_there_is_a_failure():
    with Place() as place:
        FakeDoor(place, lambda m: rows(m) if "query" in m else [])
        done = wharf(place, "orders", "O-9")
        assert done.returncode == 1 and "no such order" in done.stderr
        done = wharf(place, "orders")
        assert done.returncode == 0 and done.stdout == "no orders\n"


def test_a_refused_query_says_why():
    with Place() as place:
        FakeDoor(place, lambda m: [{"refused": {"id": m["query"]["id"], "why": "malformed",
                                                "say": "no query \"x\""}}] if "query" in m else [])
        done = wharf(place, "ask", "x")
        assert done.returncode == 1 and 'no query "x"' in done.stderr, done.stderr


def test_ask_gives_typed_arguments_and_one_page():
    with Place() as place:
        door = FakeDoor(place, lambda m: rows(m, {"a": 1}) if "query" in m else [])
        done = wharf(place, "ask", "stock", "place=A-01", "n:=5", "limit=3", "after:=9", "--json")
        assert json.loads(done.stdout) == [{"a": 1}]
        query = door.heard[-1]["query"]
        assert query["args"] == {"place": "A-01", "n": 5} and query["limit"] == 3 and query["after"] == 9
        assert wharf(place, "ask", "stock", "nonsense").returncode == 2


class Answers:
    """Refuses what says so, is busy once per command, hangs up once in the middle."""

    def __init__(self, hang_up_at=0):
        self.applied, self.answers, self.busy, self.hang_up_at = [], {}, set(), hang_up_at

    def __call__(self, message):
        command = message.get("command")
        if not command:
            return []
        args = command.get("args", {})
        if command["kind"] == "busy" and args["n"] not in self.busy:
            self.busy.add(args["n"])
            return [{"refused": {"id": command["id"], "why": "busy", "say": "try again"}}]
        if command["kind"] == "bad":
            return [{"refused": {"id": command["id"], "why": "unknown_kind", "say": "no kind \"bad\""}}]
        if command["id"] not in self.answers:
            self.applied.append(args.get("n"))
            self.answers[command["id"]] = {"outcome": {"id": command["id"], "ok": command["kind"] != "no",
                                                       "code": "done", "say": "not allowed", "seq": 1}}
        if self.hang_up_at and len(self.applied) == self.hang_up_at:
            self.hang_up_at = 0
            return None
        return [self.answers[command["id"]]]


def lines_of(*commands):
    return "".join(json.dumps(c) + "\n" for c in commands)


def test_send_applies_each_line_once_in_order_also_over_a_lost_door():
    with Place() as place:
        answers = Answers(hang_up_at=150)
        FakeDoor(place, answers)
        text = lines_of(*({"kind": "item_put", "args": {"n": n}} for n in range(500)))
        done = wharf(place, "send", place.write("commands", text))
        assert done.returncode == 0, done.stderr
        assert done.stdout == "500 commands: 500 done, 0 refused\n"
        assert answers.applied == list(range(500))


def test_send_names_the_line_of_each_refusal():
    with Place() as place:
        FakeDoor(place, Answers())
        text = lines_of({"kind": "ok"}, {"kind": "bad"}, {"command": {"kind": "no"}}) + "\n{broken\n[1]\n" + \
            lines_of({"kind": "busy", "args": {"n": 1}}).rstrip()
        done = wharf(place, "send", "-", input=text)
        assert done.returncode == 1
        said = sorted(done.stderr.splitlines())
        assert [line.split(":")[0] for line in said] == ["line 2", "line 3", "line 5", "line 6"], said
        assert done.stdout == "6 commands: 2 done, 4 refused\n", done.stdout
        done = wharf(place, "send", "-", "--json", input=text)
        answers = {a["line"]: a["ok"] for a in map(json.loads, done.stdout.splitlines())}
        assert answers == {1: True, 2: False, 3: False, 5: False, 6: False, 7: True}, answers


def test_send_answers_while_its_input_stays_open():
    with Place() as place:
        FakeDoor(place, Answers())
        process = place.start(BIN + "/wharf", "-c", place.config, "send", "-", "--json",
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        process.stdin.write('{"kind":"ok"}\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["ok"] is True
        process.stdin.close()
        assert process.wait(20) == 0


def test_a_line_longer_than_a_door_message_is_refused():
    with Place() as place:
        FakeDoor(place, Answers())
        done = wharf(place, "send", "-", input="x" * 100000)
        assert done.returncode == 1 and "longer than a message of the door" in done.stderr


FAKE_CORE = '''#!/bin/sh
echo "$@" >>"{path}/called"
cat "{path}/facts" 2>/dev/null
exit $(cat "{path}/code" 2>/dev/null || echo 0)
'''


def with_programs(place):
    """The command beside its fellows, which answer as the test wants."""
    for name in ("wharfd", "wharf-hq"):
        place.write("bin/" + name, FAKE_CORE.format(path=place.path), 0o755)
    return {**os.environ, "PATH": place.path + "/bin:" + os.environ["PATH"]}


def backup_door(place):
    def answer(message):
        backup = message.get("backup")
        if not backup:
            return []
        if backup["name"] == "full":
            return [{"backup": {"id": backup["id"], "name": "full", "error": "no space left"}}]
        place.write("state/backup/" + backup["name"], "copy")
        return [{"backup": {"id": backup["id"], "name": backup["name"], "done": d, "pages": p, "of": 2}}
                for d, p in ((False, 1), (True, 2))]
    return FakeDoor(place, answer)


def test_backup_waits_until_the_copy_is_there():
    with Place() as place:
        backup_door(place)
        done = wharf(place, "backup", "monday.db", "--json")
        assert json.loads(done.stdout)["path"] == place.state + "/backup/monday.db"
        assert os.path.exists(place.state + "/backup/monday.db")
        done = wharf(place, "backup", "full")
        assert done.returncode == 1 and "no space left" in done.stderr


def test_seal_waits_until_the_copy_is_hashed():
    def answer(message):
        seal = message.get("seal")
        if not seal:
            return []
        return [{"seal": {"id": seal["id"], "segment": 1, "done": False, "pages": 2, "of": 2}},
                {"seal": {"id": seal["id"], "segment": 1, "done": True, "file": "/s/000001.db", "state": "ab"}}]
    with Place() as place:
        FakeDoor(place, answer)
        assert json.loads(wharf(place, "seal", "--json").stdout) == {"segment": 1, "file": "/s/000001.db", "state": "ab"}
    with Place() as place:
        FakeDoor(place, lambda m: [{"seal": {"id": m["seal"]["id"], "segment": 1, "error": "no space"}}] if "seal" in m else [])
        done = wharf(place, "seal")
        assert done.returncode == 1 and "no space" in done.stderr


def test_audit_and_replay_prove_a_fresh_copy_and_keep_it_only_as_evidence():
    with Place() as place:
        env = with_programs(place)
        own = place.path + "/bin/wharf"
        subprocess.run(["cp", BIN + "/wharf", own], check=True)
        backup_door(place)

        def prove(*words):
            return subprocess.run([own, "-c", place.config, *words], capture_output=True, text=True, env=env,
                                  timeout=60)
        assert prove("audit").returncode == 0
        called = open(place.path + "/called").read()
        assert f"--audit {place.state}/backup/audit-" in called and called.rstrip().endswith("--json")
        assert os.listdir(place.state + "/backup") == []
        place.write("code", "3")
        place.write("facts", '{"ok":false,"judged":false,"reason":"engine 2 decided it"}')
        unjudged = prove("replay", "--segment", "4", "--from-empty")
        assert unjudged.returncode == 3 and unjudged.stdout.startswith("replay: not judged\n"), unjudged
        assert open(place.path + "/called").read().rstrip().endswith("--segment 4 --from-empty --json")
        assert os.listdir(place.state + "/backup") == []
        place.write("code", "1")
        place.write("facts", '{"ok":false,"findings":[{"say":"row 7 differs"}]}')
        failed = prove("replay")
        assert failed.returncode == 1 and "the copy is kept" in failed.stderr
        assert failed.stdout == "replay: FALSE\n\nfindings:\nsay\nrow 7 differs\n", failed.stdout
        assert [n.split("-")[0] for n in os.listdir(place.state + "/backup")] == ["replay"]
        place.write("code", "0")
        assert prove("replay", "/some/file").returncode == 0
        assert open(place.path + "/called").read().rstrip().endswith(f"--replay /some/file --segments {place.state}/segments --json")


def test_proof_reads_both_books_and_prints_one_line():
    with Place() as place:
        env = with_programs(place)
        own = place.path + "/bin/wharf"
        subprocess.run(["cp", BIN + "/wharf", own], check=True)
        event = '{"event":{"n":1,"id":"a","type":"t","hash":"h"}}\n'
        place.write("facts", event)
        labels = place.write("labels", "")

        def prove(*words):
            return subprocess.run([own, "-c", place.config, "proof", "--edge", "E", "--hq", "H", "--site", "S",
                                   "--labels", labels, *words], capture_output=True, text=True, env=env, timeout=60)
        done = prove()
        assert done.returncode == 0, done.stderr
        assert done.stdout == ("proof: orders=0 accounted=0 shipped=0 short=0 cancelled=0 held=0 made=1 hq=1 missing=0 "
                               "twice=0 order=kept labels=0 doubtful=0 diverted=0 default_lane=0\n")
        assert open(place.path + "/called").read().splitlines() == ["--facts E", "facts H S"]
        assert prove("--orders", "1").returncode == 1
        assert json.loads(prove("--json").stdout)["made"] == 1
        place.write("facts", event * 2)
        assert prove().returncode == 1
        place.write("facts", "nonsense\n")
        done = prove()
        assert done.returncode == 1 and "wharfd:1: not JSON" in done.stderr and done.stdout == "", done.stderr
        place.write("facts", event)
        place.write("code", "4")
        done = prove()
        assert done.returncode == 1 and "not complete" in done.stderr


def healthy(message):
    if "query" not in message:
        return []
    return rows(message, {"status": {"site": "T", "accepting": True, "disk": "ok"},
                          "devices": {"device": "pack1-scale", "state": "up", "reason": ""},
                          "link": {"state": "live", "up_head": 9, "up_acked": 7, "sscc_free": 500}
                          }[message["query"]["name"]])


FLOOR = "[core]\nwarn_free_mib = 1\nintake_free_mib = 1\n" \
        "[station p]\nkind = pack\n[scanner s]\nstation = p\nport = @run@/tty/s\n"


def test_check_is_true_on_a_good_box_and_names_what_is_wrong():
    with Place(FLOOR) as place:
        os.makedirs(place.state)
        FakeDoor(place, healthy)
        for kind in DOORS[:-1]:
            subprocess.run(["/usr/bin/python3", "-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
                            f"{place.run}/door/{kind}"], check=True)
        place.write("run/tty/s", "")
        done = wharf(place, "check")
        assert done.returncode == 0 and "0 warnings, 0 failed" in done.stdout, done.stdout + done.stderr
        assert "live, 2 events wait for HQ, 500 SSCCs free" in done.stdout
        os.unlink(place.run + "/tty/s")
        os.unlink(place.run + "/door/plc")
        said = json.loads(wharf(place, "check", "--json").stdout)
        bad = {c["check"]: c["say"] for c in said["checks"] if c["result"] == "failed"}
        assert said["ok"] is False and set(bad) == {"scanner s", "sockets"}, bad
        assert "is the cable in" in bad["scanner s"] and "door/plc is missing" in bad["sockets"]


def test_check_without_a_core_fails_and_still_checks_the_rest():
    with Place() as place:
        os.makedirs(place.state)
        done = wharf(place, "check", "--json")
        said = {c["check"]: c["result"] for c in json.loads(done.stdout)["checks"]}
        assert done.returncode == 1 and said["door"] == "failed" and said["configuration"] == "ok"


run_tests(globals())
