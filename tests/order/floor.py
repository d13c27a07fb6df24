"""A whole floor of real programs: core, pages, bridge, PLC, printer, link, HQ, and the virtual hardware and people."""
import shutil
import socket

from wharftest import *

SOURCE = os.environ.get("WHARF_SOURCE", os.getcwd())
DEMO = SOURCE + "/src/sim/floor/demo.jsonl"
CUPSD = SOURCE + "/tests/lib/cupsd.sh"
SITE = "DEMO"
PATIENCE_S = 60
# Programs that are traced or killed have no end at which leaks could be looked for.
CALM = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}

CONF = """[paths]
state = {state}
run = {run}
[site]
name = DEMO
[core]
ballast_mib = 0
warn_free_mib = 3
intake_free_mib = 2
closed_free_mib = 1
[web]
port = {web}
[hq]
address = tcp://127.0.0.1:{hub}
server_key = {state}/keys/hq.pub
key = {state}/keys/site.key
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
"""
PORTS = ["web", "hub", "cups", "plc", "printer"]
PEERS = ["wharf-web", "wharf-sync", "wharf-bridge", "wharf-print", "wharf-plc conveyor1"]


def free_ports():
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    ports = {name: holder.getsockname()[1] for name, holder in zip(PORTS, holders)}
    for holder in holders:
        holder.close()
    return ports


class Floor(Place):
    """`proxied`: wharfd listens in a folder of its own, and somebody stands between it and its peers."""

    def __init__(self, proxied=False, seed=1):
        super().__init__()
        self.seed = seed
        self.ports = free_ports()
        self.core_run = self.path + "/core" if proxied else self.run
        self.labels = self.path + "/labels.jsonl"
        self.logs = open(self.path + "/log", "w", encoding="utf-8")
        self.config = self.conf("wharf.conf", self.run)
        self.core_config = self.conf("core.conf", self.core_run)
        self.sent = 0

    def conf(self, name, run):
        return self.write(name, CONF.format(path=self.path, state=self.state, run=run, **self.ports))

    def __exit__(self, *why):
        subprocess.run([CUPSD, "stop", self.path + "/cups"], check=False)
        if why[0]:
            sys.stdout.write("".join(open(self.path + "/log", encoding="utf-8").readlines()[-25:]))
        super().__exit__(*why)
        self.logs.close()

    def begin(self):
        """Everything runs, the floor is filled and the people have signed on."""
        self.begin_cups()
        for folder in ("state/keys", "hq/keys", "hq/sites", "run", "core"):
            os.makedirs(f"{self.path}/{folder}", mode=0o700, exist_ok=True)
        self.hq("keys")
        shutil.copy(self.path + "/hq/keys/hq.pub", self.state + "/keys/hq.pub")
        self.begin_programs()
        self.wharf("send", DEMO)
        self.program("wharf-hq")
        self.exchange_keys()
        self.program("wharf-sim", "-f", DEMO, "-s", str(self.seed), "-l", self.labels, "--printer-port",
                     str(self.ports["printer"]), "--pickers", "1", "--pace", "10")
        wait_for(self.status, PATIENCE_S, "the virtual floor")
        return self

    def begin_cups(self):
        folder, port = self.path + "/cups", str(self.ports["cups"])
        os.chmod(self.path, 0o711)
        started = subprocess.run([CUPSD, "start", folder, port], capture_output=True, text=True, check=False)
        if started.returncode == 77:
            skip(started.stdout.strip().removeprefix("skipped: "))
        assert started.returncode == 0, started.stderr
        uri = f"socket://127.0.0.1:{self.ports['printer']}/?waiteof=false&contimeout=10"
        subprocess.run([CUPSD, "queue", folder, port, "pack1-labels", uri], check=True)

    def program(self, name, *words, config=None):
        return self.start(f"{BIN}/{name}", "-c", config or self.config, *words, env=CALM, stdout=self.logs,
                          stderr=self.logs)

    def begin_programs(self):
        self.program("wharfd", config=self.core_config)
        wait_for(lambda: self.try_wharf("status"), PATIENCE_S, "wharfd at its door")
        for words in PEERS:
            self.program(*words.split())

    def exchange_keys(self):
        key = self.state + "/keys/site.pub"
        wait_for(lambda: os.path.exists(key) and os.path.getsize(key), PATIENCE_S, "the site's key")
        shutil.copy(key, f"{self.path}/hq/sites/{SITE}.pub")

    def run_own(self, program, *words, config=None):
        return subprocess.run([f"{BIN}/{program}", *words[:1], "-c", config or self.config, *words[1:]], env=CALM,
                              capture_output=True, text=True, check=False)

    def try_wharf(self, *words):
        done = self.run_own("wharf", *words, config=self.core_config)
        return done.stdout if done.returncode == 0 else None

    def wharf(self, *words):
        done = self.run_own("wharf", *words, config=self.core_config)
        assert done.returncode == 0, done
        return done.stdout

    def ask_hq(self, *words):
        return subprocess.run([f"{BIN}/wharf-hq", "-c", self.config, *words], env=CALM, capture_output=True, text=True,
                              check=False)

    def hq(self, *words):
        done = self.ask_hq(*words)
        assert done.returncode == 0, done
        return done.stdout

    def hq_knows_the_site(self):
        """False as well while HQ, which is started beside the floor, does not answer yet."""
        done = self.ask_hq("status")
        return done.returncode == 0 and SITE in done.stdout

    def sim(self, *words):
        return self.run_own("wharf-sim", *words)

    def status(self):
        """What the people and the hardware count; None while nobody answers."""
        done = self.sim("status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def send_order(self, item="TEA-500", qty=1):
        self.sent += 1
        order = f"SO-{self.sent:06d}"
        wait_for(self.hq_knows_the_site, PATIENCE_S, "the site at HQ")
        self.hq("send", SITE, "order", self.write("order.jsonl", json.dumps(
            {"order": order, "customer": "Linde", "customer_po": "PO-1", "carrier": "NORTH", "service": "STANDARD",
             "ship_to": {"name": "Linde", "street": "Quay Street 1", "city": "Hamburg", "zip": "20457", "country": "DE"},
             "lines": [{"line": 1, "item": item, "qty": qty}]}) + "\n"))
        return order

    def until(self, condition, what, seconds=PATIENCE_S):
        def holds():
            now = self.status()
            return now if now and condition(now) else None
        return wait_for(holds, seconds, what)

    def prove(self):
        """Books of both sides and the labels, read back from copies."""
        self.wharf("backup", "end.db")
        self.hq("backup", self.path + "/hq-end.db")
        done = subprocess.run([f"{BIN}/wharf", "proof", "-c", self.core_config, "--edge", self.state + "/backup/end.db",
                               "--hq", self.path + "/hq-end.db", "--site", SITE, "--labels", self.labels, "--orders",
                               str(self.sent)], env=CALM, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
        return done.stdout
