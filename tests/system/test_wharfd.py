"""wharfd itself, killed, traced, copied and talked nonsense to."""
import hashlib
import re
import select
import shutil
import socket
import sqlite3
import struct

import strace
from wharftest import BIN, json, os, run_tests, signal, subprocess, time, wait_for
from wharfd_rig import ASAN, Core, Door, item, wharfd

SOURCE = os.environ.get("WHARF_SOURCE", os.getcwd())


def pump(door, messages, enough):
    """Sends as the door takes them and reads; the answers as bytes by id, until `enough` came or it hung up."""
    answers, waiting = {}, list(messages)
    door.socket.setblocking(False)
    while len(answers) < enough:
        readable, writable, _ = select.select([door.socket], [door.socket] if waiting else [], [], 20)
        assert readable or writable, "the door stands still"
        if readable:
            data = door.socket.recv(70000)
            if not data:
                break
            answers[json.loads(data)["outcome"]["id"]] = data
        if writable and waiting:
            try:
                door.socket.send(json.dumps(waiting[0]).encode())
                waiting.pop(0)
            except BlockingIOError:
                pass
    return answers


def stream(n):
    return [{"command": {"id": f"gun:{i}", "kind": "item_put", "args": item(i)}} for i in range(1, n + 1)]


def test_an_answer_received_before_a_kill_is_the_same_after_it():
    with Core() as core:
        received = {}
        for enough in (1, 37, 250):
            core.begin()
            received.update(pump(Door(core), stream(300), len(received) + enough))
            core.kill()
        core.begin()
        door = Door(core)
        again = pump(door, stream(300), 300)
        assert len(again) == 300
        assert len(received) >= 250
        for key, data in received.items():
            assert again[key] == data, key
        door.socket.setblocking(True)
        # Each was decided once, whoever heard of it.
        kinds = [row["id"] for row in rows_of(door, "audit") if row["kind"] == "item_put"]
        assert sorted(kinds) == sorted(f"gun:{i}" for i in range(1, 301))


def rows_of(door, name):
    rows, after = [], ""
    while after is not None:
        answer = door.ask({"query": {"id": "q", "name": name, "after": after, "limit": 50}})
        if answer.get("refused", {}).get("why") == "too_long":
            continue  # 5 ms are short on a busy machine with sanitizers
        rows += answer["rows"]["rows"]
        after = answer["rows"]["next"]
    return rows


def test_a_kill_in_the_first_moment_does_not_close_the_box():
    with Core() as core:
        for _ in range(5):
            core.begin()
            core.kill()
        core.begin()
        assert Door(core).welcome["accepting"], "closed by nothing but a kill"


def test_nonsense_is_refused_with_a_reason_and_leaves_no_row():
    cut = "x" + "ö" * 40
    with Core() as core:
        core.begin()
        door = Door(core)
        before = door.seq()
        for said, why in [
                (b"hello", "malformed"), (b"[1]", "malformed"), (b"{}", "malformed"), (b"{\"command\":1}", "malformed"),
                (b"\xff\xfe", "malformed"), (b"\0\0\0", "malformed"), (b"[" * 30000, "malformed"),
                ({"command": {}, "ping": {}}, "malformed"), ({"sing": {}}, "malformed"), ({"subscribe": {"topic": 5}}, "malformed"),
                ({"subscribe": {"topic": "outbox"}}, "malformed"), ({"command": {"kind": "item_put"}}, "malformed"),
                (b'{"ping":{"n":1},"ping":{"n":2}}', "malformed"), ({"subscribe": {"topic": "a\0b"}}, "malformed"), (b"{" + b" " * 65536, "malformed")]:
            answer = door.ask(said)
            assert answer["error"]["why"] == why and answer["error"]["say"], (said, answer)
        for body, why in [
                ({"id": "me:1", "kind": "no_such"}, "unknown_kind"), ({"id": "me:1", "kind": "print_taken"}, "not_allowed"),
                ({"id": "me:0", "kind": "item_put"}, "malformed"), ({"id": "me", "kind": "item_put"}, "malformed"),
                ({"id": "core:1", "kind": "item_put"}, "malformed"), ({"id": "me:1", "kind": 7}, "malformed"),
                ({"id": "me:1", "kind": "item_put", "args": []}, "malformed"),
                ({"id": "me:1", "kind": "item_put", "extra": 1}, "malformed"),
                ({"id": "me:1", "kind": "item_put", "args": {**item(1), "weight_g": "5"}}, "malformed"),
                ({"id": "me:1", "kind": "item_put", "args": {**item(1), "weight_g": 5.5}}, "malformed"),
                ({"id": "me:1", "kind": "item_put", "args": {**item(1), cut: 5}}, "malformed"),
                ({"id": "me:1", "kind": "item_put", "device": "a/b", "args": item(1)}, "malformed")]:
            answer = door.ask({"command": body})
            assert answer.get("refused", {}).get("why") == why and answer["refused"]["say"], (body, answer)
        assert door.ask({"query": {"id": "q", "name": "passwords"}})["refused"]["why"] == "malformed"
        assert door.ask({"query": {"id": "q", "name": "status", "limit": 201}})["refused"]["why"] == "malformed"
        stranger = Door(core, hello=False)
        assert stranger.ask({"ping": {"n": 1}})["error"]["say"] == "say hello first"
        assert stranger.ask({"hello": {"peer": "plc", "version": 1, "boot": "x"}})["error"]["why"] == "not_allowed"
        assert door.seq() == before
        assert door.command("item_put", item(1), n=1)["ok"], "the id was free all the time"


def test_a_peer_that_does_not_read_is_closed_and_the_others_are_served():
    with Core() as core:
        core.begin()
        deaf, other = Door(core), Door(core, boot="other")
        deaf.socket.setblocking(False)
        began = time.monotonic()
        while True:  # until neither socket nor wharfd takes more
            try:
                deaf.socket.send(b'{"ping":{"n":1}}')
            except BlockingIOError:
                if not select.select([], [deaf.socket], [], 0.5)[1]:
                    break
        poll = select.poll()
        poll.register(deaf.socket, 0)
        while not poll.poll(0):
            assert other.ask({"ping": {"n": 2}})["pong"]["n"] == 2
            assert time.monotonic() - began < 60, "it was never closed"
            time.sleep(0.05)
        assert time.monotonic() - began > 9, "closed before its ten seconds"
        assert other.command("item_put", item(1))["ok"]


def test_no_answer_leaves_before_its_transaction_is_on_disk():
    if not strace.works():
        print("strace does not work here: left out")
        return
    with Core() as core:
        path = core.path + "/trace"
        core.begin(*strace.words(path))
        door = Door(core)
        seqs = [door.command("item_put", item(i))["seq"] for i in range(1, 21)]
        pump(Door(core, boot="gun"), stream(100), 100)
        with open(path, encoding="latin-1") as f:
            os.kill(int(re.match(r"\d+", f.read()).group()), signal.SIGTERM)
        core.process.wait()
        check_trace(path, seqs)


def check_trace(path, seqs):
    """Each outcome of a peer that waits for it has a sync of its own before it."""
    calls = list(strace.read(path))
    disk = strace.Disk(calls)
    assert len(strace.check_answers(calls, disk)) == len(seqs) + 100
    assert len({disk.seqs[str(seq)] for seq in seqs}) == len(seqs), "answers that waited for each other share a sync"


def test_without_its_witness_the_box_is_closed():
    with Core() as core:
        core.begin()
        door = Door(core)
        door.command("item_put", item(1))
        wait_for(lambda: core.witnessed() >= door.seq(), what="the witness")
        core.end()
        os.unlink(core.state + "/witness")
        core.begin()
        door = Door(core)
        assert not door.welcome["accepting"] and "witness" in door.welcome["reason"]
        assert door.command("item_put", item(2), n=2)["why"] == "closed"
        assert door.query("status")[0]["accepting"] is False


def test_a_database_older_than_its_witness_is_closed():
    with Core() as core:
        core.begin()
        door = Door(core)
        door.command("item_put", item(1))
        wait_for(lambda: core.witnessed() >= door.seq(), what="the witness")
        core.end()
        shutil.copy(core.state + "/wharf.db", core.path + "/old.db")
        core.begin()
        door = Door(core)
        door.command("item_put", item(2), n=2)
        wait_for(lambda: core.witnessed() >= door.seq(), what="the witness")
        core.end()
        shutil.copy(core.path + "/old.db", core.state + "/wharf.db")
        core.begin()
        assert "restored" in Door(core).welcome["reason"]


def test_two_cores_never_work_in_one_folder():
    with Core() as core:
        core.begin()
        second = subprocess.run([f"{BIN}/wharfd", "-c", core.config], env=ASAN, capture_output=True, text=True, timeout=30)
        assert second.returncode != 0 and "another wharfd" in second.stderr, second
        assert Door(core).command("item_put", item(1))["ok"]


def test_a_command_at_work_in_two_deaths_is_not_tried_again():
    with Core() as core:
        os.makedirs(core.run)
        with open(core.run + "/poison", "wb") as f:
            f.write(struct.pack("96s96sI", b"me:2", b"me:2", 1))
        core.begin()
        door = Door(core)
        assert door.command("item_put", item(1))["ok"]
        refused = door.command("item_put", item(2))
        assert refused["ok"] is False and refused["code"] == "refused", refused
        assert door.command("item_put", item(3))["ok"]


def backup(core, door):
    door.send({"backup": {"id": "b", "name": "copy.db"}})
    while not (answer := door.receive()["backup"])["done"]:
        assert "error" not in answer, answer
    return core.state + "/backup/copy.db"


def day_of_work(core):
    """An order comes, waits and is cancelled; some stock moves."""
    door = Door(core)
    door.command("item_put", item(1))
    door.command("location_put", {"location": "A1"})
    door.command("stock_adjust", {"location": "A1", "item": "I1", "qty": 5, "reason": "received"})
    for order in ("O1", "O2"):
        door.command("order_put", {"order": order, "carrier": "NORTH", "lines": [{"line": 1, "item": "I1", "qty": 2}]})
    door.command("order_cancel", {"order": "O2"})
    door.command("order_cancel", {"order": "O3"})
    return door


def test_a_copy_can_be_audited_replayed_and_asked_for_facts():
    with Core() as core:
        core.begin()
        door = day_of_work(core)
        wait_for(lambda: door.query("status")[0]["orders"] == {"allocated": 1, "cancelled": 1}, what="allocation")
        copy = backup(core, door)
        core.kill()
        before = hashlib.sha256(open(copy, "rb").read()).hexdigest()
        audit, replay = wharfd("--audit", copy, "--json"), wharfd("--replay", copy, "--json")
        assert audit.returncode == 0 and json.loads(audit.stdout)["ok"], audit
        assert replay.returncode == 0 and json.loads(replay.stdout)["rows"] > 7, replay
        facts = [json.loads(line) for line in wharfd("--facts", copy).stdout.splitlines()]
        assert {f["order"]["order"]: f["order"]["bucket"] for f in facts if "order" in f} == {"O1": "open", "O2": "cancelled"}
        events = [f["event"] for f in facts if "event" in f]
        assert [e["n"] for e in events] == list(range(1, len(events) + 1))
        assert hashlib.sha256(open(copy, "rb").read()).hexdigest() == before, "the copy was written to"


def deadline_after(core, seq, deadline_ms):
    """A run of wharfd in which the PLC has so much time; what it asked for then."""
    core.configure("[station induct1]\nkind = induct\n[lane default]\nnumber = 9\nplc = conveyor1\nrole = default\n"
                   f"[plc conveyor1]\nstation = induct1\ndeadline_ms = {deadline_ms}\n")
    core.begin()
    plc = Door(core, "plc", boot=f"plc-{seq}")
    request = {"seq": seq, "tracking": 7000 + seq, "point": 1, "read": 1, "code": ""}
    assert plc.command("divert_request", request, device="conveyor1")["ok"]


def test_a_replay_uses_the_settings_of_its_time():
    with Core() as core:
        deadline_after(core, 1, 250)
        core.end()
        deadline_after(core, 2, 900)
        copy = backup(core, Door(core))
        core.kill()
        replay = wharfd("--replay", copy, "--json")
        assert replay.returncode == 0, replay.stdout


def tampered(copy, sql):
    database = sqlite3.connect(copy)
    database.execute(sql)
    database.commit()
    database.close()


def test_a_copy_somebody_changed_is_found_out():
    with Core() as core:
        core.begin()
        copy = backup(core, day_of_work(core))
        core.kill()
        for sql, program in [
                ("UPDATE stock SET qty = qty + 1", "--audit"), ("UPDATE stock SET qty = qty + 1", "--replay"),
                ("UPDATE journal SET outcome = replace(outcome, 'cancelled', 'canceled')", "--audit"),
                ("DELETE FROM journal WHERE seq = 3", "--audit"), ("DELETE FROM outbox WHERE n = 2", "--audit"),
                ("UPDATE outbox SET bytes = bytes || ' '", "--audit"), ("UPDATE orders SET state = 'shipped'", "--replay")]:
            changed = core.path + "/changed.db"
            shutil.copy(copy, changed)
            tampered(changed, sql)
            answer = wharfd(program, changed, "--json")
            assert answer.returncode == 1 and not json.loads(answer.stdout)["ok"], (sql, answer)


def test_wrong_pins_make_the_door_wait_and_no_secret_is_kept():
    right, wrong = "ab" * 32, "cd" * 32
    with Core() as core:
        core.begin()
        ctl, web = Door(core), Door(core, "web")
        ctl.command("user_put", {"badge": "B1", "name": "Bo", "role": "picker", "salt": "00" * 16, "key": right})

        def login(n, key):
            return web.ask({"login": {"id": f"l:{n}", "badge": "B1", "key": key, "device": "hh-1", "session": "s" * 20}})
        assert login(0, right)["outcome"]["ok"]
        for n in range(1, 6):
            assert login(n, wrong)["outcome"]["code"] == "wrong_pin"
        assert login(6, right)["refused"]["why"] == "busy"
        assert web.query("salt", args={"badge": "nobody"}) == web.query("salt", args={"badge": "nobody"})
        core.end()
        for name in os.listdir(core.state):
            if name.startswith("wharf.db"):
                data = open(f"{core.state}/{name}", "rb").read()
                assert right.encode() not in data and bytes.fromhex(right) not in data, name


def json_blocks():
    text = open(SOURCE + "/docs/door.md", encoding="utf-8").read()
    return [block.strip() for block in re.findall(r"```json\n(.*?)```", text, re.S)]


def test_every_example_of_the_manual_is_a_message():
    for block in json_blocks():
        decoder = json.JSONDecoder()
        while block:
            message, used = decoder.raw_decode(block)
            assert isinstance(message, dict) and len(message) == 1, message
            block = block[used:].lstrip()


def test_the_manuals_first_lines_can_be_typed_with_socat():
    if not shutil.which("socat"):
        print("socat is not here: left out")
        return
    with Core() as core:
        core.begin()
        terminal = core.start("socat", "-", f"UNIX-CONNECT:{core.run}/door/ctl,type=5", stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, bufsize=0)
        words = []
        for line in json_blocks()[0].splitlines():
            terminal.stdin.write(line.encode() + b"\n")
            words.append(next(iter(json.loads(terminal.stdout.readline()))))
        assert words == ["welcome", "rows", "outcome", "rows", "push", "pong"], words


run_tests(globals())
