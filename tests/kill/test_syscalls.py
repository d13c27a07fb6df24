#!/usr/bin/python3
"""wharfd dies at its Nth call of each kind, or the call fails, anywhere in start, a short play and the end; it is started
again, its peers send again what was not answered, and in the end everything is as if nothing had happened.

By default points are spread over all calls until the time is used up; WHARF_NIGHTLY=1 takes every single one."""
import collections
import concurrent.futures
import random
import re
import shutil

from wharftest import BIN, json, os, run_tests, skip, subprocess, sys, time, wait_for

sys.path.insert(0, os.path.join(os.environ.get("WHARF_SOURCE", os.getcwd()), "tests/system"))
from wharfd_rig import ASAN, Core, Door  # noqa: E402

NIGHTLY = os.environ.get("WHARF_NIGHTLY") == "1"
BUDGET_S = float(os.environ.get("WHARF_SECONDS") or 45)
SEED = int(os.environ.get("WHARF_SEED") or 0) or random.SystemRandom().randrange(1, 10 ** 6)
WORKERS = 2
CALLS = ["openat", "read", "write", "pwrite64", "pread64", "fdatasync", "fsync", "ftruncate", "fallocate", "rename", "unlink",
         "mkdir", "flock", "fcntl", "mmap", "munmap", "socket", "bind", "listen", "accept4", "recvmsg", "recvfrom", "sendmsg", "sendto", "epoll_wait",
         "epoll_ctl", "newfstatat", "close"]
# What may fail without anybody's fault. After a failed sync nothing more may be said.
FAILURES = [("fdatasync", "EIO"), ("fsync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("ftruncate", "EIO"), ("openat", "EMFILE"),
            ("sendmsg", "EPIPE"), ("sendto", "EPIPE"), ("sendmsg", "ECONNRESET"), ("sendto", "ECONNRESET"), ("recvmsg", "ECONNRESET"),
            ("accept4", "EMFILE"), ("mmap", "ENOMEM"), ("pread64", "EIO"), ("rename", "EIO"), ("flock", "EINTR")]
KEY = "ab" * 32
STRACE = ["strace", "-f", "-qqq"]


def play():
    """(peer, message) in order. Commands are sent again under the same id until they are answered."""
    n = collections.Counter()

    def command(peer, kind, args, **more):
        n[peer] += 1
        return peer, {"command": {"id": f"{peer}:{n[peer]}", "kind": kind, "args": args, **more}}

    def hand(kind, **args):
        heard = {"heard": f"web:{n['web']}"} if n["web"] else {}
        return command("web", kind, args, device="hh1", actor="s" * 20, **heard)

    yield command("ctl", "item_put", {"item": "TEA", "title": "Tea", "barcode": "4012345000016", "weight_g": 5})
    yield command("ctl", "location_put", {"location": "A1"})
    yield command("ctl", "tote_put", {"tote": "T1"})
    yield command("ctl", "stock_adjust", {"location": "A1", "item": "TEA", "qty": 9, "reason": "received"})
    yield command("ctl", "user_put", {"badge": "B1", "name": "Bo", "role": "picker", "salt": "00" * 16, "key": KEY})
    yield command("ctl", "order_put", {"order": "O1", "carrier": "NORTH", "lines": [{"line": 1, "item": "TEA", "qty": 2}]})
    yield command("sync", "sscc_lease", {"block": "b1", "prefix": "34012345", "first": 1, "count": 50, "epoch": 0, "reserve": False})
    ship_to = {"name": "N", "street": "S", "city": "C", "zip": "1", "country": "DE"}
    yield command("sync", "hq_down", {"n": 1, "type": "order", "body": {
        "order": "O2", "customer": "C", "customer_po": "P", "carrier": "NORTH", "service": "S", "allocation": "A", "ship_to": ship_to,
        "lines": [{"line": 1, "item": "TEA", "qty": 20}]}})
    yield "web", {"login": {"id": "in:1", "badge": "B1", "key": KEY, "device": "hh1", "session": "s" * 20}}
    yield hand("key", key="start")
    yield hand("scan", aim="", data="A1")
    yield hand("scan", aim="]E0", data="4012345000016")
    yield hand("scan", aim="]E0", data="4012345000016")
    yield hand("scan", aim="", data="T1")
    yield command("ctl", "order_cancel", {"order": "O2", "reason": "late"})
    yield command("ctl", "order_cancel", {"order": "nothing"})
    yield "ctl", {"backup": {"id": "b", "name": "play.db"}}


class Play:
    """The peers of one wharfd. It dies at most once; what was not answered is sent again to the next one."""

    def __init__(self, core, inject, *before):
        self.core = core
        self.before = before
        if inject:
            self.before = [*STRACE, "-o", core.path + "/trace", "-e", "trace=" + inject.split(":")[0], "-e", "inject=" + inject]
        self.doors = {}
        self.answers = {}
        self.starts = 0
        self.start()

    def start(self):
        argv = [*([] if self.starts else self.before), f"{BIN}/wharfd", "-c", self.core.config]
        self.starts += 1
        assert self.starts < 5, "it does not stay alive"
        self.doors = {}
        with open(self.core.path + "/log", "a") as log:
            self.process = self.core.start(*argv, env=ASAN, stdout=log, stderr=log)

    def door(self, peer):
        """A connection on which hello is said; starts wharfd again where it died."""
        def connect():
            if self.process.poll() is not None:
                self.start()
            try:
                return Door(self.core, peer, boot=peer)
            except (OSError, TypeError):
                return None
        if peer not in self.doors:
            self.doors[peer] = wait_for(connect, 30, f"the door for {peer}")
        return self.doors[peer]

    def ask(self, peer, message):
        """Its answer; over as many connections as it takes."""
        word, body = next(iter(message.items()))
        for _ in range(50):
            try:
                door = self.door(peer)
                door.send(message)
                while answer := door.receive():
                    found = next(iter(answer.values()))
                    if "refused" in answer and found.get("why") in ("disk_full", "busy"):
                        time.sleep(0.05)
                        break
                    if word == "backup" and "error" in found:
                        break
                    if found.get("id") == body["id"] and found.get("done", True):
                        return answer
            except OSError:
                pass
            if self.doors.pop(peer, None) and self.process.poll() is None:
                time.sleep(0.01)
        raise AssertionError(f"never answered: {message}")

    def run(self):
        for peer, message in play():
            answer = self.ask(peer, message)
            if "command" in message:
                assert "outcome" in answer, (message, answer)
                self.answers[message["command"]["id"]] = decided(answer)
        wait_for(lambda: self.query("orders"), what="orders")
        wait_for(lambda: all(row["state"] != "received" for row in self.query("orders")), what="allocation")

    def query(self, name):
        return self.ask("ctl", {"query": {"id": "q" + name, "name": name, "limit": 200}})["rows"]["rows"]

    def end(self):
        """SIGTERM to wharfd itself, also behind a tracer."""
        if self.process.poll() is None:
            for pid in (children(self.process.pid) or [self.process.pid]):
                os.kill(pid, 15)
            self.process.wait(20)


    def kill(self):
        """A tracer that dies lets what it traced live on."""
        for pid in children(self.process.pid):
            os.kill(pid, 9)
        self.process.kill()
        self.process.wait()


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    except FileNotFoundError:
        return []


def decided(answer):
    """The outcome as it was stored; the prompt beside it is as of now."""
    assert "outcome" in answer, f"answered before, and now: {answer}"
    return {key: value for key, value in answer["outcome"].items() if key != "prompt"}


def facts(play_):
    """What must be the same with and without a death: nothing that counts starts or tells the time."""
    wanted = {"orders": ("order", "state", "ordered", "picked", "short"), "stock": ("place", "item", "qty", "allocated"),
              "outbox": ("n", "type", "key"), "cases": ("kind", "state", "subject"), "cartons": ("carton", "state"),
              "labels": ("job", "state")}
    found = {name: [[row[key] for key in keys] for row in play_.query(name)] for name, keys in wanted.items()}
    found["answers"] = {key: {k: v for k, v in a.items() if k != "seq"} for key, a in play_.answers.items()}
    found["decided"] = sorted(row["id"] for row in play_.query("audit") if row["peer"] != "core")
    return found


def check_again(play_):
    """What was answered is kept, byte for byte, and each id was decided once."""
    for peer, message in play():
        if "command" in message:
            again = decided(play_.ask(peer, message))
            assert again == play_.answers[message["command"]["id"]], (again, play_.answers[message["command"]["id"]])
    ids = [row["id"] for row in play_.query("audit")]
    assert len(ids) == len(set(ids)), "an id was decided twice"


def check_copy(core):
    copy = core.state + "/backup/play.db"
    for proof in ("--audit", "--replay"):
        done = subprocess.run([f"{BIN}/wharfd", proof, copy], env=ASAN, capture_output=True, text=True)
        assert done.returncode == 0, (proof, done.stdout, done.stderr)


def run_once(inject):
    """Facts of one play, and whether wharfd died in it."""
    with Core() as core:
        play_ = None
        try:
            play_ = Play(core, inject)
            play_.run()
            play_.end()
            died = play_.starts > 1
            play_.doors = {}
            check_again(play_)
            found = facts(play_)
            play_.ask("ctl", {"backup": {"id": "b2", "name": "play.db"}})
            play_.end()
            check_copy(core)
            return found, died
        except Exception as e:
            if play_:
                play_.kill()
            with open(core.path + "/log") as f:
                raise AssertionError(f"inject={inject}: {e!r}\n{f.read()[-1500:]}") from e


def count_calls():
    """How often an undisturbed play makes each call."""
    with Core() as core:
        play_ = Play(core, None, *STRACE, "-o", core.path + "/trace")
        play_.run()
        play_.end()
        assert play_.starts == 1
        with open(core.path + "/trace", errors="replace") as f:
            return collections.Counter(re.findall(r"^\d+ +(\w+)\(", f.read(), re.M))


def points(chance):
    """Every (call, N) to die at and (call, error, N) to fail at; by default in a seeded order."""
    made = count_calls()
    deaths = [f"{call}:signal=KILL:when={n}" for call in CALLS for n in range(1, made[call] + 1)]
    failures = [f"{call}:error={error}:when={n}" for call, error in FAILURES for n in range(1, made[call] + 1)]
    print({call: made[call] for call in CALLS if made[call]}, f"{len(deaths)} deaths, {len(failures)} failures", flush=True)
    if not NIGHTLY:
        chance.shuffle(deaths)
        chance.shuffle(failures)
        # Rare calls first: each kind at least once before the many reads and writes of the same kind.
        for some in (deaths, failures):
            seen = collections.Counter()
            rank = {}
            for point in some:
                kind = point.rsplit(":", 1)[0]
                rank[point] = seen[kind]
                seen[kind] += 1
            some.sort(key=rank.get)
    return deaths, failures


def take_points(some, until, normal):
    """Plays at each point until the time is up. How many, and in how many wharfd died."""
    left = iter(some)
    failed, done, deaths = [], 0, 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        running = set()
        while not failed:
            while len(running) < WORKERS and (NIGHTLY or time.monotonic() < until) and (point := next(left, None)):
                running.add(pool.submit(one_point, point, normal))
            if not running:
                break
            ready, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in ready:
                try:
                    deaths += future.result()
                    done += 1
                except AssertionError as e:
                    failed.append(str(e))
    assert not failed, "\n".join(failed)
    return done, deaths


def one_point(point, normal):
    found, died = run_once(point)
    for name, value in normal.items():
        assert found[name] == value, f"inject={point}: {name} is {found[name]}, without it {value}"
    return died


def strace_works():
    return shutil.which("strace") and subprocess.run([*STRACE, "-o", "/dev/null", "-e", "inject=close:error=EIO:when=9", "true"],
                                                     capture_output=True).returncode == 0


def setup():
    if not strace_works():
        skip("strace is not installed or may not trace here")
    print(f"seed {SEED}; repeat with WHARF_SEED={SEED}; one point with WHARF_POINT=fdatasync:signal=KILL:when=3", flush=True)
    normal, died = run_once(None)
    assert not died
    return normal


NORMAL = setup()
DEATHS, FAILED = ([os.environ["WHARF_POINT"]], []) if os.environ.get("WHARF_POINT") else points(random.Random(SEED))


def test_a_death_at_any_call_changes_nothing_in_the_end():
    began = time.monotonic()
    done, deaths = take_points(DEATHS, began + BUDGET_S * 0.65, NORMAL)
    print(f"{done} of {len(DEATHS)} points, {deaths} deaths, {time.monotonic() - began:.0f} s")
    assert deaths >= done * 0.8 or len(DEATHS) == 1, "too many points were never reached"


def test_a_call_that_fails_is_survived_or_ends_without_a_word():
    began = time.monotonic()
    done, deaths = take_points(FAILED, began + BUDGET_S * 0.35, NORMAL)
    print(f"{done} of {len(FAILED)} points, {deaths} deaths, {time.monotonic() - began:.0f} s")


run_tests(globals())
