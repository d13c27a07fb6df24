"""A whole floor, as a person at a terminal would run it: `wharf run` with hub and virtual warehouse, and a private CUPS."""
import collections
import random
import re
import shutil
import socket
import tempfile

from wharftest import BIN, Place, alive, json, os, signal, skip, subprocess, wait_for

SOURCE = os.environ.get("WHARF_SOURCE", os.getcwd())
CUPSD = SOURCE + "/tests/lib/cupsd.sh"
SITE = "DEMO"
QUEUE = "pack1-labels"
CONFIG = """
[site]
name = {site}
[web]
port = {web}
[hq]
address = tcp://127.0.0.1:{wan}
server_key = {path}/state/keys/hq.pub
key = {path}/state/keys/site.key
ping_ms = 500
[hub]
address = tcp://127.0.0.1:{hub}
store = {path}/hq/hq.db
key = {path}/hq/keys/hq.key
sites = {path}/hq/sites
[cups]
server = 127.0.0.1:{cups}
[plc conveyor1]
port = {plc}
[program hq]
command = wharf-hq -c {path}/wharf.conf
[program sim]
command = wharf-sim -c {path}/wharf.conf -s {seed} --pace {pace} -l {path}/labels.jsonl --printer-port {printer} --wan {wan}:{hub}
"""


def free_ports(n):
    """Distinct TCP ports nobody listens on just now."""
    listeners = [socket.socket() for _ in range(n)]
    for s in listeners:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in listeners]
    for s in listeners:
        s.close()
    return ports


class Cups:
    """A print service that can be killed and comes back with its queue and its jobs."""

    def __init__(self, port, printer_port):
        self.port = port
        # Its backends run as another user, who must be able to look into the folder.
        self.path = tempfile.mkdtemp(prefix="wharf-cups.")
        self.start()
        subprocess.run([CUPSD, "queue", self.path, str(port), QUEUE,
                        f"socket://127.0.0.1:{printer_port}/?waiteof=false&contimeout=10"], check=True)

    def start(self):
        done = subprocess.run([CUPSD, "start", self.path, str(self.port)], capture_output=True, text=True)
        if done.returncode == 77:
            skip(done.stdout.strip())
        assert done.returncode == 0, done.stderr

    def pid(self):
        with open(self.path + "/pid") as f:
            return int(f.read())

    def stop(self):
        subprocess.run([CUPSD, "stop", self.path], check=False)
        shutil.rmtree(self.path, ignore_errors=True)


class Floor(Place):
    def __init__(self, seed, pace_ms, orders_max):
        names = ("web", "hub", "wan", "plc", "printer", "cups")
        ports = dict(zip(names, free_ports(len(names))))
        super().__init__()
        os.makedirs(self.path + "/hq/sites")
        os.makedirs(self.path + "/hq/keys", 0o700)
        os.makedirs(self.path + "/state/keys", 0o700)
        with open(self.config, "a", encoding="utf-8") as f:
            f.write(CONFIG.format(site=SITE, path=self.path, seed=seed, pace=pace_ms, **ports))
        self.floor = SOURCE + "/src/sim/floor/demo.jsonl"  # where the virtual warehouse looks by itself, too
        self.chance = random.Random(seed)
        self.log = self.path + "/log"
        self.orders_sent = 0
        self.held = []
        self.supervisor = None
        self.cups = Cups(ports["cups"], ports["printer"])
        try:
            self.make_orders(orders_max, seed)
            self.open()
        except BaseException:
            self.__exit__()
            raise

    def make_orders(self, n, seed):
        os.makedirs(self.path + "/messages")
        self.tool("wharf-sim", "orders", "--orders", n, "--seed", seed, "-f", self.floor, self.path + "/messages")
        with open(self.path + "/messages/order.jsonl", encoding="utf-8") as f:
            self.orders = f.read().splitlines()

    def __exit__(self, *more):
        if self.supervisor:
            self.supervisor.terminate()
            try:
                self.supervisor.wait(20)
            except subprocess.TimeoutExpired:
                self.supervisor.kill()
        self.cups.stop()
        super().__exit__(*more)

    def run_tool(self, program, *words, text=None):
        """A command of ours, to its end. `wharf` and `wharf-hq` take the configuration behind their first word or before."""
        at = 1 if program == "wharf" else 0
        argv = [*map(str, words[:at]), "-c", self.config, *map(str, words[at:])]
        return subprocess.run([f"{BIN}/{program}", *argv], input=text, capture_output=True, text=True, timeout=120)

    def tool(self, program, *words, text=None):
        """Its output; it must succeed."""
        done = self.run_tool(program, *words, text=text)
        assert done.returncode == 0, (done.args, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    def works(self, program, *words):
        return self.run_tool(program, *words).returncode == 0

    def open(self):
        self.tool("wharf-hq", "keys")
        shutil.copy(self.path + "/hq/keys/hq.pub", self.state + "/keys/hq.pub")
        self.supervisor = self.start(f"{BIN}/wharf", "run", "-c", self.config, cwd=SOURCE, stderr=open(self.log, "w"),
                                     stdout=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.state + "/keys/site.pub"), 60, "the site's key")
        shutil.copy(self.state + "/keys/site.pub", f"{self.path}/hq/sites/{SITE}.pub")
        wait_for(self.status, 60, "the virtual warehouse")
        wait_for(lambda: self.works("wharf-hq", "status"), 60, "the hub")
        self.tool("wharf", "send", self.floor)

    def status(self):
        """What the virtual warehouse counts; None while it does not answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(10)
            try:
                s.connect(self.run + "/sim.sock")
                s.send(b'{"status":{}}')
                return json.loads(s.recv(70000))["status"]
            except OSError:
                return None

    # --- work

    def send(self, kind, objects):
        """From HQ. Not while it is down: who sends must know what was taken."""
        wait_for(lambda: self.works("wharf-hq", "status"), 60, "the hub")
        self.tool("wharf-hq", "send", SITE, kind, "-", text="".join(o if o.endswith("\n") else o + "\n" for o in objects))

    def send_orders(self, n):
        """The next n orders; one of ten is cancelled on its way, another held and released later."""
        batch = self.orders[self.orders_sent:self.orders_sent + n]
        assert len(batch) == n, "too few orders were made"
        self.orders_sent += n
        self.send("order", batch)
        for order in (json.loads(line)["order"] for line in batch):
            odd = self.chance.random()
            if odd < 0.1:
                self.send("order.cancel", [json.dumps({"order": order, "reason": "customer changed his mind"})])
            elif odd < 0.2:
                self.send("order.hold", [json.dumps({"order": order, "reason": "credit check"})])
                self.held.append(order)

    def release_held(self):
        self.send("order.release", [json.dumps({"order": order, "reason": "credit is good"}) for order in self.held])
        self.held = []

    def until(self, what, seconds, condition):
        """Waits until the condition is true of the counts; the floor must go on meanwhile."""
        def seen():
            assert self.supervisor.poll() is None, "wharf run ended"
            now = self.status()
            return now if now and condition(now) else None
        try:
            return wait_for(seen, seconds, what)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.status()}") from None

    def finish(self, seconds):
        """Every order to its end, the lorries leave, HQ hears of it."""
        self.until("the floor is empty", seconds, lambda s: s["orders"] >= self.orders_sent and
                   s["moving"] == s["on_conveyor"] == s["by_hand"] == 0)
        self.tool("wharf-sim", "close-loads")
        self.until("HQ has everything", 90, lambda s: s["staged_orders"] == s["moving"] == s["hq_behind"] == 0)

    # --- programs

    def pid(self, name):
        """Of a program that runs; 0 while it does not."""
        if name == "cupsd":
            pid = self.cups.pid()
        else:
            try:
                with open(f"{self.run}/pids/{name}") as f:
                    pid = int(f.read())
            except (FileNotFoundError, ValueError):
                return 0
        return pid if alive(pid) else 0

    def kill(self, name):
        pid = wait_for(lambda: self.pid(name), 30, f"{name} running")
        os.kill(pid, signal.SIGKILL)
        if name == "cupsd":
            wait_for(lambda: not alive(pid), what="cupsd gone")
            self.cups.start()
        return pid

    def deaths(self):
        """How each program under `wharf run` ended so far: Counter of (name, how)."""
        found = collections.Counter()
        with open(self.log, errors="replace") as f:
            for line in f:
                m = re.search(r"ended(?: by a signal)? program=(\S+) ((?:signal|code)=\d+)", line)
                if m:
                    found[m.group(1), m.group(2)] += 1
        return found
