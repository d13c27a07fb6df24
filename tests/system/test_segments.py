"""The journal's segments of a real wharfd: sealed by word, killed in the middle, replayed, changed, outlived."""
import glob
import random
import shutil
import sqlite3

from wharftest import json, os, run_tests, wait_for
from wharfd_rig import Core, Door, item, wharfd

KEPT_MARKS = 17
MARK_US = 20 * 3600 * 1000000


def fill(door, first, n):
    """So many items, fifty on their way at a time."""
    for at in range(first, first + n, 50):
        some = range(at, min(at + 50, first + n))
        for i in some:
            door.send({"command": {"id": f"fill:{i}", "kind": "item_put", "args": item(i)}})
        for i in some:
            assert door.receive()["outcome"]["id"] == f"fill:{i}"


def seal(door):
    door.send({"seal": {"id": "s"}})
    while True:
        answer = door.receive()
        assert "seal" in answer, answer
        if answer["seal"].get("done") or answer["seal"].get("error"):
            return answer["seal"]


def copy_of(core, door, name="copy.db"):
    door.send({"backup": {"id": "b", "name": name}})
    while not door.receive()["backup"]["done"]:
        pass
    return f"{core.state}/backup/{name}"


def looked_at(mode, path, *more):
    done = wharfd(f"--{mode}", path, "--json", *more)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def all_true(path):
    for mode in ("audit", "replay"):
        code, said = looked_at(mode, path)
        assert code == 0 and said["ok"], (mode, said)
    return said


def test_a_sealed_segment_and_the_open_one_are_replayed_each_by_itself():
    with Core() as core:
        core.begin()
        door = Door(core)
        fill(door, 1, 60)
        done = seal(door)
        assert done["file"] == f"{core.state}/segments/000001.db" and done["segment"] == 1, done
        fill(door, 61, 20)
        assert seal(door)["segment"] == 2
        fill(door, 81, 5)
        copy = copy_of(core, door)
        said = all_true(copy)
        assert said["from"].endswith("/000002.db") and said["segment"] == 3 and 5 <= said["rows"] <= 8, said
        rows = door.query("segments")
        assert [r["state_hash"] for r in rows][0] == done["state"] and rows[1]["first_seq"] == rows[0]["last_seq"] + 1
        for n, base in ((1, "empty"), (2, f"{core.state}/segments/000001.db")):
            code, said = looked_at("replay", copy, "--segment", str(n), "--segments", f"{core.state}/segments")
            assert code == 0 and said["state"] == rows[n - 1]["state_hash"] and said["from"] == base, said
        code, said = looked_at("replay", copy, "--from-empty")
        assert code == 0 and said["rows"] == door.seq() and said["from"] == "empty"
        assert looked_at("replay", copy, "--segment", "9")[0] == 3
        # Without the copies a replay has all rows still, and begins with nothing.
        assert looked_at("replay", copy, "--segments", core.path)[1]["from"] == "empty"
        events = [json.loads(r["bytes"]) for r in door.query("outbox", limit=200)]
        assert [e["data"]["segment"] for e in events if e["type"] == "wharf.journal.sealed"] == [1, 2]


def change(path, sql):
    base = sqlite3.connect(path)
    base.execute(sql)
    base.commit()
    base.close()


def test_a_changed_copy_of_a_segment_is_found():
    with Core() as core:
        core.begin()
        door = Door(core)
        fill(door, 1, 10)
        file = seal(door)["file"]
        copy = copy_of(core, door)
        all_true(copy)
        for sql, modes in (("UPDATE item SET title = 'other' WHERE item = 'I3'", ("audit", "replay")),
                           ("UPDATE journal SET outcome = outcome || ' ' WHERE seq = 4", ("audit",)),
                           ("DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)", ("audit",))):
            shutil.copy(file, core.path + "/kept")
            change(file, sql)
            for mode in modes:
                code, said = looked_at(mode, copy)
                assert code == 1 and any("sealed" in f for f in said["findings"]), (mode, sql, said)
            shutil.copy(core.path + "/kept", file)
        all_true(copy)
        for sql in ("UPDATE segment SET first_seq = first_seq + 1 WHERE segment = 2",
                    "UPDATE segment SET last_hash = zeroblob(32) WHERE segment = 1",
                    "DELETE FROM outbox WHERE n = (SELECT max(n) FROM outbox)"):
            shutil.copy(copy, core.state + "/backup/changed.db")
            change(core.state + "/backup/changed.db", sql)
            assert looked_at("audit", core.state + "/backup/changed.db")[0] == 1, sql


def test_another_engine_begins_with_a_segment_of_its_own_and_is_not_judged_by_this_one():
    with Core() as core:
        core.begin()
        door = Door(core)
        fill(door, 1, 30)
        core.end()
        change(core.state + "/wharf.db", "UPDATE segment SET engine = 77")
        core.begin()
        door = Door(core)
        kinds = [r["kind"] for r in door.query("audit", after="31")]
        assert kinds[:3] == ["segment_seal", "segment_sealed", "started"], kinds
        assert [r["engine"] for r in door.query("segments")] == [77, 1]
        fill(door, 31, 3)
        copy = copy_of(core, door)
        all_true(copy)
        for more in (("--segment", "1"), ("--from-empty",)):
            code, said = looked_at("replay", copy, *more)
            assert code == 3 and not said["judged"] and "another engine" in said["reason"], said


def stage_of(core):
    """How far a sealing was when its wharfd died, read from a copy so that nothing is repaired by looking."""
    if glob.glob(core.state + "/segments/*.new"):
        return "copying"
    for end in ("", "-wal"):
        shutil.copy(f"{core.state}/wharf.db{end}", f"{core.path}/dead.db{end}")
    base = sqlite3.connect(core.path + "/dead.db")
    waiting = base.execute("SELECT count(*) FROM segment WHERE last_seq > 0 AND state_hash IS NULL").fetchone()[0]
    base.close()
    return "unhashed" if waiting else "other"


def test_a_kill_at_any_moment_of_sealing_loses_nothing_and_it_begins_again():
    chance = random.Random(7)
    seen = set()
    with Core() as core:
        core.begin()
        fill(Door(core), 1, 2500)
        core.end()
        change_config(core, "backup_pages = 1\n")
        for turn in range(10):
            core.begin()
            door = Door(core)
            look, before = Door(core, boot="look"), len(door.query("segments"))
            door.send({"seal": {"id": "s"}})
            if turn % 2:
                for _ in range(100000):
                    if len(look.query("segments")) > before:
                        break
            else:
                door.receive()
                for _ in range(chance.randrange(4)):
                    door.receive()
            core.kill()
            seen.add(stage_of(core))
            core.begin()
            assert not glob.glob(core.state + "/segments/*.new"), "what was not finished belongs to nobody"
            door = Door(core)
            wait_for(lambda d=door: all(r["state_hash"] for r in d.query("segments") if r["last_seq"]), what="the hash after a kill")
            door.close()
            core.end()
        assert seen >= {"copying", "unhashed"}, seen
        core.begin()
        door = Door(core)
        assert "file" in seal(door)
        copy = copy_of(core, door)
        all_true(copy)
        for n in range(1, len(door.query("segments"))):
            assert looked_at("replay", copy, "--segment", str(n))[0] == 0, n


def change_config(core, more):
    with open(core.config) as f:
        text = f.read()
    core.write("wharf.conf", text.replace("[core]\n", "[core]\n" + more))


def pass_days(core, n):
    """Uptime lies in a file; a start finds it full and makes a mark. The wall clock has no part in it."""
    for _ in range(n):
        core.end()
        core.write("state/uptime", f"{MARK_US}\n")
        core.begin()


def settled(door):
    """No continuation is left: two looks see the same."""
    last = [0]

    def same():
        before, last[0] = last[0], door.seq()
        return before == last[0]
    wait_for(same, what="the chain of commands to end")


def acknowledge(core, safe):
    sync = Door(core, kind="sync", boot=f"sync{safe}")
    assert sync.command("hq_acked", {"cum": safe, "safe": safe, "hub_gen": "g", "hash": ""})["ok"]
    sync.close()


def test_rows_go_after_fourteen_days_when_hq_has_a_backup_and_what_stays_proves_true():
    with Core() as core:
        core.begin()
        door = Door(core)
        fill(door, 1, 700)
        seal(door)
        pass_days(core, KEPT_MARKS + 1)
        door = Door(core, boot="later")
        settled(door)
        assert door.ask({"command": {"id": "fill:5", "kind": "item_put", "args": item(5)}})["refused"]["why"] == "forgotten"
        assert door.query("segments")[0]["dropped"] == 0, "HQ has not witnessed it"
        last = door.query("segments")[0]["last_seq"]
        acknowledge(core, door.query("link")[0]["up_head"])
        wait_for(lambda: door.query("audit", limit=1)[0]["seq"] == last + 1, what="the sealed rows to go")
        settled(door)
        copy = copy_of(core, door)
        said = all_true(copy)
        assert said["from"].endswith("/000001.db"), said
        assert looked_at("replay", copy, "--segment", "1")[0] == 0, "its rows are in its own copy"
        assert looked_at("replay", copy, "--segments", core.path)[0] == 3, "without its copy nothing is judged"
        assert looked_at("audit", copy, "--segments", core.path)[0] == 0
        assert door.ask({"command": {"id": "fill:5", "kind": "item_put", "args": item(5)}})["refused"]["why"] == "forgotten"


def test_rows_whose_copy_is_gone_stay():
    with Core() as core:
        core.begin()
        door = Door(core)
        fill(door, 1, 5)
        file = seal(door)["file"]
        acknowledge(core, door.query("link")[0]["up_head"])
        os.rename(file, file + ".elsewhere")
        pass_days(core, KEPT_MARKS + 1)
        door = Door(core, boot="later")
        wait_for(lambda: [c for c in door.query("cases") if c["kind"] == "segment"], what="a case for the missing copy")
        assert door.query("audit", limit=1)[0]["seq"] == 1 and door.query("segments")[0]["dropped"] == 0
        os.rename(file + ".elsewhere", file)
        pass_days(core, 1)
        door = Door(core, boot="found")
        wait_for(lambda: door.query("segments")[0]["dropped"] == 1, what="the rows to go with the copy back")


def test_a_segment_is_sealed_by_itself_after_its_days_of_uptime():
    with Core() as core:
        core.write("wharf.conf", open(core.config).read() + "[journal]\nseal_days = 1\n")
        core.begin()
        fill(Door(core), 1, 5)
        pass_days(core, 1)
        assert len(Door(core).query("segments")) == 1
        pass_days(core, 1)
        door = Door(core, boot="later")
        wait_for(lambda: [r for r in door.query("segments") if r["state_hash"]], what="the seal of its own accord")
        all_true(copy_of(core, door))


def test_others_are_served_while_a_segment_is_copied_and_hashed():
    with Core() as core:
        change_config(core, "backup_pages = 1\n")
        core.begin()
        door, other = Door(core), Door(core, boot="other")
        fill(door, 1, 500)
        door.send({"seal": {"id": "s"}})
        served = 0
        while len(other.query("segments")) == 1:
            served += 1
        assert served >= 10, f"served {served} times while hundreds of pages were copied"


def test_one_seal_at_a_time_and_only_for_those_at_ctl():
    with Core() as core:
        change_config(core, "backup_pages = 1\n")
        core.begin()
        door = Door(core)
        fill(door, 1, 300)
        for i in range(40):
            door.send({"seal": {"id": f"s{i}"}})
        ends = {}
        while len(ends) < 40:
            answer = door.receive()
            body = answer.get("seal") or answer["refused"]
            if body.get("done") or body.get("why"):
                ends[body["id"]] = body.get("why", "sealed")
        assert ends["s0"] == "sealed" and "busy" in ends.values(), ends
        other = Door(core, boot="other")
        assert Door(core, kind="web", boot="w").ask({"seal": {"id": "x"}})["error"]["why"] == "malformed"
        assert other.ask({"seal": {"id": 5}})["error"]["why"] == "malformed"


run_tests(globals())
