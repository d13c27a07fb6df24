#!/usr/bin/python3
"""The power goes while people work: every answer that was given is there afterwards, and the box opens by itself."""
import random

from lossy_rig import *
from wharfd_rig import wharfd
from wharftest import *

NIGHTLY = os.environ.get("WHARF_NIGHTLY") == "1"
SEED = int(os.environ.get("WHARF_SEED", "7"))
SECONDS = 600 if NIGHTLY else 12
PROOF_EVERY = 10
AGAIN_MAX = 20  # answers of earlier lives asked again after each cut


def cut_while_starting(core, seed, after):
    core.power_on()
    core.control(f"cut {seed} {after}")
    core.process = core.start(BIN + "/wharfd", "-c", core.config, stderr=subprocess.DEVNULL)
    wait_for(lambda: core.report()["off"] or core.process.poll() is not None or core.listens(), what="a start or a cut")
    if not core.report()["off"]:
        core.cut(seed)


def start_again(core, workers):
    core.power_on()
    core.begin()
    door = Door(core, boot="looker")
    assert door.welcome["accepting"], f"closed by a power cut: {door.welcome['reason']}"
    assert core.witnessed() <= door.seq(), "the witness is ahead of what it witnesses"
    door.close()
    for worker in workers:
        worker.connect(core)


def answers_lost(workers, chance):
    """Asks for the newest answers, and for some of the old ones."""
    lost = []
    for worker in workers:
        ids = list(worker.answers)
        lost += worker.ask_again(chance.sample(ids[:-AGAIN_MAX], min(AGAIN_MAX, max(0, len(ids) - AGAIN_MAX))))
        lost += worker.ask_again(ids[-AGAIN_MAX:])
    return lost


def prove(core):
    """A copy taken now audits true and replays to the same state."""
    door = Door(core, boot="proof")
    door.send({"backup": {"id": "b", "name": "copy.db"}})
    while not (answer := door.receive()["backup"])["done"]:
        assert "error" not in answer, answer
    door.close()
    for program in ("--audit", "--replay"):
        done = wharfd(program, core.state + "/backup/copy.db", "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["ok"], done


def floor(core):
    core.begin()
    pickers = [Picker(n) for n in (1, 2)]
    furnish(core, pickers)
    workers = [Importer(), Clerk(), *pickers]
    for worker in workers:
        worker.connect(core)
    return workers, pickers


def live(core, workers, chance, life):
    """A while of work, ended by a cut at a random operation; every fourth long enough for a witness."""
    if life % 4 == 3:
        core.control(f"cut {chance.getrandbits(31)} {chance.randrange(1, 6)} {chance.choice(['witness', 'witness.new', 'state'])}")
        limit = 2.5
    else:
        core.control(f"cut {chance.getrandbits(31)} {chance.randrange(1, 250)}")
        limit = 0.6
    end = time.monotonic() + limit
    work(workers, lambda: time.monotonic() > end or core.report()["off"])
    if not core.report()["off"]:
        core.cut(chance.getrandbits(31))
    core.kill()
    drain(workers)


def test_no_answer_is_lost_by_a_power_cut():
    chance = random.Random(SEED)
    end = time.monotonic() + SECONDS
    with LossyCore() as core:
        workers, pickers = floor(core)
        life = 0
        while time.monotonic() < end:
            core.control(f"strict {life % 2}")
            live(core, workers, chance, life)
            life += 1
            if life % 3 == 0:  # and again, before it is up
                cut_while_starting(core, chance.getrandbits(31), chance.randrange(1, 30))
            start_again(core, workers)
            lost = answers_lost(workers, chance)
            assert not lost, f"seed {SEED}, cut {life}: {lost[:3]}"
            if life % PROOF_EVERY == 0:
                prove(core)
        prove(core)
        assert sum(p.picked for p in pickers) > 10, "nobody picked anything"
        print(f"   {life} cuts, {sum(len(w.answers) for w in workers)} answers kept, "
              f"{sum(p.picked for p in pickers)} pieces picked")


def test_a_cut_at_any_operation_of_the_first_start_does_not_close_the_box():
    with LossyCore() as core:
        core.begin()
        last = core.report()["operations"]
        core.cut(0)
    cuts = 0
    for at in range(1, last + 1, 1 if NIGHTLY else 1 + last // 9):
        with LossyCore() as core:
            core.control(f"strict {cuts % 2}")
            core.control(f"cut {SEED + at} {at}")
            core.process = core.start(BIN + "/wharfd", "-c", core.config, stderr=subprocess.DEVNULL)
            wait_for(lambda: core.report()["off"], what=f"the cut at operation {at}")
            start_again(core, [])
            assert Door(core).command("tote_put", {"tote": "T1"})["ok"]
            core.kill()
        cuts += 1
    print(f"   {cuts} cuts among {last} operations")


def test_a_disk_that_lies_is_found_out_by_this_test():
    """The control: with syncs that do nothing answers are lost, and it is seen."""
    chance = random.Random(SEED)
    with LossyCore() as core:
        workers, _ = floor(core)
        core.control("lie 1")
        end = time.monotonic() + 0.7
        work(workers, lambda: time.monotonic() > end)
        answered = sum(len(worker.answers) for worker in workers)
        core.cut(chance.getrandbits(31))
        drain(workers)
        core.control("lie 0")
        try:
            start_again(core, workers)
            lost = len(answers_lost(workers, chance))
        except AssertionError as broken:
            lost = str(broken)
        assert lost, "nothing was lost: the disk of this test loses nothing"
        print(f"   of {answered} answers lost: {lost}")


run_tests(globals())
