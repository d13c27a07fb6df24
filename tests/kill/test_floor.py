#!/usr/bin/python3
"""kill -9 of each program of a running floor at random moments; afterwards every book is true.

WHARF_KILLS sets how many (default 40; 200 with WHARF_NIGHTLY=1), WHARF_SEED which ones. Each kill is written into
BUILD/kill/kills.log as it happens; after a failure the programs' log, the labels and the database are kept beside it."""
import random
import re
import shutil

from floor_rig import Floor
from wharftest import alive, json, os, sys, time, wait_for

NIGHTLY = os.environ.get("WHARF_NIGHTLY") == "1"
KILLS = int(os.environ.get("WHARF_KILLS") or (200 if NIGHTLY else 40))
SEED = int(os.environ.get("WHARF_SEED") or 0) or random.SystemRandom().randrange(1, 10 ** 6)
PACE_MS = 30
PAUSE_S = (0.1, 1.1)       # between two kills
AGAIN = 0.25               # of the kills are followed by another as soon as the program is back
AGAIN_S = 0.4
BACKLOG = 10               # orders on the floor at any time
VICTIMS = ["wharfd", "wharf-web", "wharf-sync", "wharf-bridge", "wharf-plc@conveyor1", "wharf-print", "hq", "cupsd"]


class Killer:
    """Takes every program once in each round, in another order each time, so that none is spared."""

    def __init__(self, floor, chance, path):
        self.floor = floor
        self.chance = chance
        self.log = open(path, "w", encoding="utf-8", buffering=1)
        self.began = time.monotonic()
        self.n = 0
        self.count = dict.fromkeys(VICTIMS, 0)
        self.bag = []

    def pick(self):
        if not self.bag:
            self.bag = self.chance.sample(VICTIMS, len(VICTIMS))
        return self.bag.pop()

    def kill(self, name):
        pid = self.floor.kill(name)
        self.n += 1
        self.count[name] += 1
        self.log.write(f"{self.n} {time.monotonic() - self.began:.3f} {name} {pid}\n")
        return pid

    def strike(self):
        name = self.pick()
        old = self.kill(name)
        if self.n == KILLS or self.chance.random() >= AGAIN:
            return
        wait_for(lambda: self.floor.pid(name) not in (0, old), 30, f"{name} started again")
        time.sleep(self.chance.uniform(0, AGAIN_S))
        self.kill(name)


def results_folder():
    path = os.path.join(os.environ.get("WHARF_BUILD", ".build/dev"), "kill")
    os.makedirs(path, exist_ok=True)
    return path


def work_and_kill(floor, killer, chance):
    """Kills come at their moments; whenever the floor runs out of work, HQ sends more."""
    while killer.n < KILLS:
        until = time.monotonic() + chance.uniform(*PAUSE_S)
        while time.monotonic() < until:
            now = floor.status()
            if now and floor.orders_sent - now["orders"] + now["moving"] < BACKLOG:
                floor.send_orders(5)
            time.sleep(min(0.2, max(0, until - time.monotonic())))
        killer.strike()


def check_deaths(floor, killer):
    """Nothing ended that was not killed: a kill of one program takes no other with it, and none stumbles over its own."""
    wanted = {(name, "signal=9"): n for name, n in killer.count.items() if n and name != "cupsd"}
    found = dict(floor.deaths())
    assert found == wanted, f"programs ended: {found}, killed were {wanted}"


def check_people(now):
    assert now["wrong_scans"] == now["wrong_refused"], "a wrong scan did not sound wrong"
    assert now["sent_twice"] == now["same_answer"], "a scan delivered twice was decided twice"
    assert now["wrong_lane"] == 0, "a carton lies in another lane than the book says"


def check_books(floor):
    floor.tool("wharf", "backup", "end.db")
    floor.tool("wharf-hq", "backup", floor.path + "/hq.db")
    proof = json.loads(floor.tool("wharf", "proof", "--json", "--edge", floor.state + "/backup/end.db", "--hq", floor.path + "/hq.db",
                                  "--labels", floor.path + "/labels.jsonl", "--orders", floor.orders_sent))
    print("proof:", proof, flush=True)
    assert proof["accounted"] == proof["orders"] == floor.orders_sent
    assert proof["missing"] == proof["twice"] == proof["doubtful"] == 0 and proof["order"] == "kept"
    floor.tool("wharf", "audit")
    floor.tool("wharf", "replay")


def keep(floor, folder):
    """What a person needs to find out why: log, labels and a copy of the database."""
    floor.run_tool("wharf", "backup", "failed.db")
    for path in (floor.log, floor.path + "/labels.jsonl", floor.state + "/backup/failed.db"):
        if os.path.exists(path):
            shutil.copy(path, folder)


def check_job_names(floor):
    """With the database's own series, so that no job of another is ever taken for one of these."""
    with open(floor.log, errors="replace") as f:
        names = re.findall(r" job=(wharf-\S+?):? ", f.read())
    assert names and all(re.fullmatch(r"wharf-[0-9a-f]{8}-\d+-\d+-\d+", name) for name in names), names


def main():
    folder = results_folder()
    print(f"seed {SEED}, {KILLS} kills; repeat with WHARF_SEED={SEED} WHARF_KILLS={KILLS}; moments in {folder}/kills.log", flush=True)
    chance = random.Random(SEED)
    with Floor(SEED, PACE_MS, 40 + 4 * KILLS) as floor:
        try:
            began = time.monotonic()
            killer = Killer(floor, chance, folder + "/kills.log")
            floor.send_orders(BACKLOG)
            work_and_kill(floor, killer, chance)
            took = time.monotonic() - began
            floor.release_held()
            floor.finish(180)
            print(f"{killer.n} kills in {took:.0f} s, the floor finished {floor.orders_sent} orders in {time.monotonic() - began:.0f} s:",
                  killer.count, flush=True)
            check_deaths(floor, killer)
            check_people(floor.status())
            check_books(floor)
            check_job_names(floor)
        except BaseException:
            keep(floor, folder)
            raise


main()
