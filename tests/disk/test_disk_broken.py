#!/usr/bin/python3
"""A disk that answers with an error: wharfd ends without a word and comes back with what it said before."""
from lossy_rig import *
from wharfd_rig import wharfd
from wharftest import *

FAULTS = ["sync wharf.db-wal", "write wharf.db-wal", "sync /wharf.db", "write /wharf.db"]


def crew(core):
    workers = [Importer("import", 4), Clerk()]
    for worker in workers:
        worker.connect(core)
    return workers


def ends(core):
    """Its exit code and its last words."""
    wait_for(lambda: core.process.poll() is not None, what="the end of wharfd")
    return core.process.returncode, core.process.stderr.read().decode()


def prove(core, door):
    door.send({"backup": {"id": "b", "name": "copy.db"}})
    while not (answer := door.receive()["backup"])["done"]:
        assert "error" not in answer, answer
    for program in ("--audit", "--replay"):
        done = wharfd(program, core.state + "/backup/copy.db", "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["ok"], done


def test_a_failed_write_or_sync_ends_the_core_without_an_answer():
    with LossyCore() as core:
        core.begin()
        workers = crew(core)
        for n in range(8):
            operation, name = FAULTS[n % len(FAULTS)].split()
            end = time.monotonic() + 0.2
            assert work(workers, lambda: time.monotonic() > end)
            core.control(f"fail {operation} 1 EIO {name}")
            # A checkpoint comes every 1,000 frames of the log, so the last two may take a while.
            assert not work(workers, lambda: False), "it did not end"
            drain(workers)
            code, words = ends(core)
            assert code == 1 and "ending without an answer" in words and "I/O" in words, (code, words)
            # What the kernel dropped is lost with the power.
            if n % 3 == 2:
                core.control(f"cut {n}")
                core.power_on()
            core.begin()
            for worker in workers:
                worker.connect(core)
                assert not worker.ask_again(list(worker.answers)[-30:]), (operation, name)
        door = Door(core, boot="proof")
        assert not [w.boot for w in workers if w.ask_again(list(w.answers))]
        prove(core, door)


def test_a_read_that_fails_answers_nobody():
    """In a turn and between two turns: a core that has just started reads its pages from the disk."""
    for ask in ({"query": {"id": "q", "name": "audit", "limit": 20}},
                {"command": {"id": "reader:1", "kind": "order_put", "args": Clerk.order("R1")}}):
        with LossyCore() as core:
            core.begin()
            workers = crew(core)
            assert work(workers, lambda: len(workers[0].answers) > 200)
            settle(workers)
            assert core.end() == 0
            core.begin()
            door = Door(core, boot="reader")
            core.control("fail read -1 EIO wharf.db")
            try:
                door.send(ask)
                said = door.receive()
            except ConnectionError:
                said = b""
            assert said == b"", said
            code, words = ends(core)
            assert code == 1 and "ending without an answer" in words, (code, words)
            core.control("fail read 0 EIO")
            core.begin()
            answer = Door(core, boot="reader").ask(ask)
            assert "rows" in answer or answer.get("outcome", {}).get("ok"), answer
            for worker in workers:
                worker.connect(core)
                assert not worker.ask_again(list(worker.answers))


def test_a_supervisor_brings_it_back_when_the_disk_works_again():
    with LossyCore() as core:
        log = open(core.path + "/log", "w+", encoding="utf-8")
        core.process = core.start(BIN + "/wharf", "run", "-c", core.config, stderr=log, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        wait_for(core.listens, what="the door")
        door = Door(core)
        assert door.command("tote_put", {"tote": "T1"})["ok"]
        core.control("fail sync -1 EIO wharf.db-wal")
        door.send({"command": {"id": "me:2", "kind": "tote_put", "args": {"tote": "T2"}}})
        try:
            assert door.receive() == b"", "an answer without a sync"
        except ConnectionError:
            pass

        def tries():
            log.seek(0)
            return log.read().count("ended program=wharfd code=1")
        wait_for(lambda: tries() >= 2, what="a second try on the broken disk")
        core.control("fail sync 0 EIO")
        wait_for(core.listens, what="the door again")
        door = Door(core)
        assert door.command("tote_put", {"tote": "T1"}, n=1)["ok"] and door.command("tote_put", {"tote": "T2"}, n=2)["ok"]
        core.end()
        log.close()


run_tests(globals())
