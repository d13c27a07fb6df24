#!/usr/bin/python3
"""wharf-web as a client sees it: the real programs, hostile and ordinary requests."""
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.environ["WHARF_BIN"]
SOURCE = os.environ["WHARF_SOURCE"]
WAIT_S = 15

for program in ("wharfd", "wharf-web", "wharf"):
    if not os.access(os.path.join(BIN, program), os.X_OK):
        print(f"skipped: {program} is not built here")
        sys.exit(77)


def until(what, test):
    end = time.monotonic() + WAIT_S
    while True:
        try:
            value = test()
            if value:
                return value
        except (OSError, http.client.HTTPException):
            pass
        if time.monotonic() > end:
            raise AssertionError("not in time: " + what)
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.bytes = response.read()

    def json(self):
        return json.loads(self.bytes)


class Floor:
    """The programs in a folder of their own."""

    def __init__(self):
        self.work = tempfile.mkdtemp(prefix="wharf-test.")
        self.port = free_port()
        self.config = os.path.join(self.work, "wharf.conf")
        with open(self.config, "w") as f:
            f.write(f"[paths]\nstate = {self.work}/state\nrun = {self.work}/run\n[web]\nport = {self.port}\n")
        self.log = open(os.path.join(self.work, "log"), "w")
        self.children = {}
        self.start("wharfd")
        self.start("wharf-web", "-v")
        until("the certificate", lambda: os.path.exists(self.ca()))
        self.context = ssl.create_default_context(cafile=self.ca())
        until("the pages", lambda: self.get("/api/places").status == 200)
        floor = os.path.join(SOURCE, "src/sim/floor/demo.jsonl")
        until("the door", lambda: os.path.exists(os.path.join(self.work, "run/door/ctl")))
        subprocess.run([os.path.join(BIN, "wharf"), "send", "-c", self.config, floor], check=True,
                       stdout=subprocess.DEVNULL)

    def ca(self):
        return os.path.join(self.work, "state/tls/ca.pem")

    def start(self, program, *options):
        self.children[program] = subprocess.Popen([os.path.join(BIN, program), "-c", self.config, *options],
                                                  stderr=self.log)

    def kill(self, program):
        self.children[program].kill()
        self.children[program].wait()

    def end(self, program):
        self.children[program].terminate()
        return self.children[program].wait(WAIT_S)

    def close(self):
        for program in self.children:
            self.kill(program)
        self.log.close()
        shutil.rmtree(self.work)

    def connect(self):
        return http.client.HTTPSConnection("localhost", self.port, context=self.context, timeout=WAIT_S)

    def raw(self):
        s = socket.create_connection(("localhost", self.port), timeout=WAIT_S)
        return self.context.wrap_socket(s, server_hostname="localhost")

    def request(self, method, path, body=None, headers=None):
        c = self.connect()
        try:
            c.request(method, path, body, headers or {})
            return Answer(c.getresponse())
        finally:
            c.close()

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def post(self, path, body, headers=None):
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.request("POST", path, text, {"Content-Type": "application/json", **(headers or {})})


class Person:
    def __init__(self, floor, badge, pin, device):
        self.floor = floor
        r = floor.post("/api/login", {"badge": badge, "pin": pin, "device": device})
        self.answer = r.json()
        self.set_cookie = r.headers["Set-Cookie"]
        self.headers = {"Cookie": (self.set_cookie or "").split(";")[0], "X-Wharf": self.answer.get("csrf", "")}

    def get(self, path):
        return self.floor.get(path, self.headers)

    def command(self, **command):
        return self.floor.post("/api/command", command, self.headers)


class Web(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.floor = Floor()
        # wharf-web may still be on its way to the door: then it says 503, and a person tries again.
        until("the supervisor's session", lambda: cls.sign_on("super1", "7777", "desk"))

    @classmethod
    def sign_on(cls, badge, pin, device):
        cls.super = Person(cls.floor, badge, pin, device)
        return cls.super.answer.get("ok")

    @classmethod
    def tearDownClass(cls):
        # With a stream and an idle connection open; a sanitizer would turn a leak into another code.
        stream, _ = cls.stream(cls, cls.super, ["link"])
        idle = cls.floor.raw()
        code = cls.floor.end("wharf-web")
        stream.close()
        idle.close()
        cls.floor.close()
        assert code == 0, f"wharf-web ended with {code}"

    def test_a_login_makes_a_session_that_only_the_browser_keeps(self):
        p = Person(self.floor, "picker1", "1111", "hh-1")
        self.assertEqual((p.answer["ok"], p.answer["role"], p.answer["device"]), (True, "picker", "hh-1"))
        for word in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/"):
            self.assertIn(word, p.set_cookie)
        self.assertEqual(p.get("/api/me").json()["csrf"], p.answer["csrf"])
        self.assertEqual(p.get("/api/prompt").json()["push"]["place"], "hh-1")

    def test_a_wrong_pin_is_refused_and_no_secret_is_in_log_or_journal(self):
        r = self.floor.post("/api/login", {"badge": "packer1", "pin": "48151623", "device": "pack1"})
        self.assertEqual((r.status, r.json()["ok"]), (403, False))
        p = Person(self.floor, "packer1", "5555", "pack1")
        token = p.headers["Cookie"].split("=")[1]
        for folder, _, names in os.walk(self.floor.work):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        text = f.read()
                    self.assertNotIn(b"48151623", text, path)
                    self.assertNotIn(token.encode(), text, path)

    def test_without_a_session_nothing_is_told(self):
        for path in ("/api/me", "/api/prompt", "/api/query/orders", "/api/events?topic=link"):
            self.assertEqual(self.floor.get(path).status, 401, path)
            self.assertEqual(self.floor.get(path, {"Cookie": "wharf=" + "0" * 64}).status, 401, path)
        self.assertEqual(self.floor.post("/api/command", {}).status, 401)

    def test_a_command_without_the_csrf_value_is_refused(self):
        command = {"id": "csrf-1:1", "kind": "lane_set", "args": {"lane": "north", "state": "full"}}
        for headers in ({}, {"X-Wharf": ""}, {"X-Wharf": "0" * 32}):
            r = self.floor.post("/api/command", command, {"Cookie": self.super.headers["Cookie"], **headers})
            self.assertEqual((r.status, r.json()["refused"]["why"]), (403, "not_allowed"))
        self.assertEqual(self.lane("north")["state"], "open")

    def lane(self, name):
        rows = self.super.get("/api/query/lanes").json()["rows"]["rows"]
        return next(r for r in rows if r["lane"] == name)

    def test_a_command_is_decided_once_however_often_it_is_sent(self):
        command = {"id": "twice-1:1", "kind": "lane_set", "args": {"lane": "south", "state": "full"}}
        first = self.super.command(**command)
        self.assertEqual((first.status, first.json()["outcome"]["ok"]), (200, True))
        self.assertEqual(self.super.command(**command).json()["outcome"]["seq"], first.json()["outcome"]["seq"])
        command["args"]["state"] = "open"
        r = self.super.command(**command)
        self.assertEqual((r.status, r.json()["refused"]["why"]), (409, "id_reused"))
        self.assertEqual(self.lane("south")["state"], "full")

    def test_what_makes_no_sense_is_refused_with_a_reason(self):
        for body, words in ((b"", ""), (b"{", "not JSON"), (b"[]", "object"),
                            (b'{"id":"x:1","kind":"scan","actor":"me"}', "actor"),
                            (b'{"id":"x:1","kind":"no_such_kind"}', "")):
            r = self.floor.post("/api/command", body, self.super.headers)
            self.assertIn(r.status, (400, 409))
            self.assertIn(words, r.json()["refused"]["say"])

    def test_limits_of_size_hold(self):
        headers = {"Content-Type": "application/json", **self.super.headers}
        r = self.floor.request("POST", "/api/command", b"x" * 8193, headers)
        self.assertEqual(r.status, 413)
        chunked = (b"%x\r\n" % 1000 + b"x" * 1000 + b"\r\n" for _ in range(9))
        c = self.floor.connect()
        c.putrequest("POST", "/api/command")
        for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
            c.putheader(name, value)
        c.endheaders()
        for chunk in chunked:
            c.send(chunk)
        c.send(b"0\r\n\r\n")
        self.assertEqual(c.getresponse().status, 413)
        self.assertEqual(self.floor.get("/", {"X-Long": "x" * 9000}).status, 431)
        self.assertIn(self.floor.get("/" + "x" * 9000).status, (404, 414))
        c.close()

    def test_methods_types_and_paths_are_told_apart(self):
        self.assertEqual(self.floor.get("/api/command").status, 405)
        self.assertEqual(self.floor.post("/api/places", {}).status, 405)
        self.assertEqual(self.floor.get("/no/such/page").status, 404)
        self.assertEqual(self.floor.get("/../main.c").status, 404)
        self.assertEqual(self.floor.get("/%2e%2e/main.c").status, 404)
        self.assertEqual(self.floor.request("POST", "/api/login", "{}", {"Content-Type": "text/plain"}).status, 415)
        self.assertEqual(self.floor.request("HEAD", "/h").status, 200)

    def test_queries_are_paged_and_some_are_nobodys_business(self):
        first = self.super.get("/api/query/stock?limit=2").json()["rows"]
        self.assertEqual(len(first["rows"]), 2)
        second = self.super.get("/api/query/lanes?limit=1&after=" + self.super.get("/api/query/lanes?limit=1")
                                .json()["rows"]["next"]).json()["rows"]
        self.assertNotEqual(second["rows"][0]["lane"], "default")
        for name in ("salt", "session", "", "../me", "nothing"):
            self.assertEqual(self.super.get("/api/query/" + name).status, 403, name)
        self.assertEqual(self.super.get("/api/query/orders?limit=0").status, 400)
        self.assertEqual(self.super.get("/api/query/orders?limit=x").status, 400)
        self.assertEqual(self.super.get("/api/query/audit?limit=1").status, 200)
        p = Person(self.floor, "picker2", "2222", "hh-2")
        self.assertEqual(p.get("/api/query/audit").status, 403)
        self.assertEqual(p.get("/api/query/orders").status, 200)

    def test_pages_forbid_foreign_code_and_are_sent_once(self):
        r = self.floor.get("/h")
        self.assertIn("default-src 'self'", r.headers["Content-Security-Policy"])
        self.assertEqual(r.headers["X-Frame-Options"], "DENY")
        self.assertEqual(r.headers["X-Content-Type-Options"], "nosniff")
        self.assertIn("max-age", r.headers["Strict-Transport-Security"])
        self.assertNotIn(b"<style", r.bytes)
        self.assertNotIn(b"onclick", r.bytes)
        again = self.floor.get("/h", {"If-None-Match": r.headers["ETag"]})
        self.assertEqual((again.status, again.bytes), (304, b""))
        self.assertEqual(self.super.get("/api/me").headers["Cache-Control"], "no-store")

    def stream(self, person, topics):
        c = self.floor.connect()
        c.request("GET", "/api/events?" + "&".join("topic=" + t for t in topics), None, person.headers)
        return c, c.getresponse()

    def test_a_stream_tells_what_changed(self):
        c, r = self.stream(self.super, ["devices", "orders"])
        self.assertEqual(r.headers["Content-Type"], "text/event-stream")
        seen = []
        while len(seen) < 2:
            line = r.readline()
            if line.startswith(b"data: ") and b"topic" in line:
                seen.append(json.loads(line[6:])["topic"])
        self.assertEqual(sorted(seen), ["devices", "orders"])
        self.super.command(id="stream-1:1", kind="order_hold", args={"order": "none", "reason": "x"})
        order = json.dumps({"kind": "order_put", "args": {"order": "SSE-1", "customer": "C", "customer_po": "P",
                            "carrier": "NORTH", "service": "s", "ship_to": {"name": "n", "street": "s",
                            "city": "c", "zip": "1", "country": "DE"},
                            "lines": [{"line": 1, "item": "TEA-500", "qty": 1}]}})
        subprocess.run([os.path.join(BIN, "wharf"), "send", "-c", self.floor.config, "-"], check=True,
                       input=order.encode(), stdout=subprocess.DEVNULL)
        while True:
            line = r.readline()
            if line.startswith(b"data: "):
                self.assertEqual(json.loads(line[6:])["topic"], "orders")
                break
        c.close()

    def test_a_stream_is_for_allowed_topics_and_four_at_a_time(self):
        p = Person(self.floor, "picker3", "3333", "hh-3")
        for topic in ("outbox", "prompt/pack1", "orders/conveyor1", "x"):
            c, r = self.stream(p, [topic])
            self.assertEqual(r.status, 403, topic)
            c.close()
        open_ones = [self.stream(p, ["link"]) for _ in range(4)]
        self.assertEqual([r.status for _, r in open_ones], [200] * 4)
        c, r = self.stream(p, ["link"])
        self.assertEqual(r.status, 429)
        c.close()
        for c, r in open_ones:
            r.close()
            c.close()

    def test_two_requests_in_one_packet_get_two_answers(self):
        s = self.floor.raw()
        request = b"GET /api/places HTTP/1.1\r\nHost: localhost\r\n\r\n"
        s.sendall(request + request)
        got = b""
        while got.count(b"HTTP/1.1 200") < 2 or got.count(b'"stations"') < 2:
            got += s.recv(65536)
        s.sendall(request)
        self.assertIn(b"200 OK", s.recv(65536))
        s.close()

    def test_a_tls_session_is_resumed_with_a_ticket(self):
        context = ssl.create_default_context(cafile=self.floor.ca())
        session = None
        for turn in range(2):
            raw = socket.create_connection(("localhost", self.floor.port), timeout=WAIT_S)
            s = context.wrap_socket(raw, server_hostname="localhost", session=session)
            self.assertEqual(s.version(), "TLSv1.3")
            self.assertEqual(s.session_reused, turn == 1)
            s.sendall(b"GET /api/places HTTP/1.1\r\nHost: localhost\r\n\r\n")
            s.recv(65536)
            session = s.session
            s.close()

    def test_a_body_that_trickles_is_cut_off(self):
        s = self.floor.raw()
        s.sendall(b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 50\r\n\r\n{")
        begun = time.monotonic()
        try:
            while time.monotonic() < begun + WAIT_S:
                s.sendall(b" ")
                s.settimeout(0.5)
                try:
                    if not s.recv(100):
                        break
                except TimeoutError:
                    pass
        except (OSError, ssl.SSLError):
            pass
        self.assertLess(time.monotonic() - begun, WAIT_S)
        s.close()

    def test_while_the_core_is_away_nothing_is_taken_and_afterwards_the_session_is_still_good(self):
        p = Person(self.floor, "picker4", "4444", "hh-4")
        c, r = self.stream(p, ["link"])
        self.floor.kill("wharfd")
        while r.readline() != b'data: {"up":false}\n':
            pass
        answer = p.command(id="away-1:1", kind="key", args={"key": "start"})
        self.assertEqual((answer.status, answer.json()["refused"]["id"]), (503, "away-1:1"))
        self.assertEqual(self.floor.post("/api/login", {"badge": "picker4", "pin": "4444", "device": "hh-4"}).status, 503)
        self.floor.start("wharfd")
        while r.readline() != b'data: {"up":true}\n':
            pass
        c.close()
        self.assertEqual(p.command(id="away-1:1", kind="key", args={"key": "start"}).status, 200)
        # The login that was not possible left no PIN behind: a sanitizer would turn a leak into another code.
        self.assertEqual(self.floor.end("wharf-web"), 0)
        self.floor.start("wharf-web", "-v")
        until("the pages", lambda: self.floor.get("/api/places").status == 200)
        self.assertEqual(until("the session", lambda: p.get("/api/me").status == 200 and p.get("/api/me").json())["badge"],
                         "picker4")

    def test_a_request_with_more_parameters_than_fit_leaves_nothing_behind(self):
        for n in (150, 1000, 3000):
            s = self.floor.raw()
            s.sendall(b"GET /?" + b"&" * n + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            s.settimeout(1)
            try:
                s.recv(4096)
            except (OSError, ssl.SSLError):
                pass
            s.close()
        # A sanitizer would turn a leak into another code.
        self.assertEqual(self.floor.end("wharf-web"), 0)
        self.floor.start("wharf-web", "-v")
        until("the pages", lambda: self.floor.get("/api/places").status == 200)

    def test_a_logout_ends_the_session(self):
        p = Person(self.floor, "guest1", "1234", "hh-9")
        if not p.answer["ok"]:
            p = Person(self.floor, "loader1", "6666", "hh-9")
        r = p.command(id="out-1:1", kind="logout")
        self.assertEqual(r.status, 200)
        self.assertIn("Max-Age=0", r.headers["Set-Cookie"])
        self.assertEqual(p.get("/api/me").status, 401)

    def test_a_session_replaced_elsewhere_gets_no_answer_from_the_next_request_on(self):
        first = Person(self.floor, "loader1", "6666", "hh-21")
        self.assertEqual(first.get("/api/query/orders").status, 200)
        c, r = self.stream(first, ["orders"])
        second = Person(self.floor, "loader1", "6666", "hh-22")
        self.assertEqual(first.get("/api/query/orders").status, 401)
        self.assertEqual(first.get("/api/me").status, 401)
        r.read()  # its stream ends by itself
        c.close()
        self.assertEqual(second.get("/api/query/orders").status, 200)
        packer = Person(self.floor, "packer1", "5555", "hh-22")  # another person at the same device
        self.assertTrue(packer.answer["ok"])
        self.assertEqual(second.get("/api/query/orders").status, 401)

    def user(self, badge, role):
        """Gives the person of the demo's floor this role, by the command line."""
        with open(os.path.join(SOURCE, "src/sim/floor/demo.jsonl")) as f:
            line = next(json.loads(line) for line in f if f'"badge":"{badge}"' in line)
        line["args"]["role"] = role
        subprocess.run([os.path.join(BIN, "wharf"), "send", "-c", self.floor.config, "-"], check=True,
                       input=json.dumps(line).encode(), stdout=subprocess.DEVNULL)

    def test_a_role_taken_away_is_seen_by_the_next_request(self):
        p = Person(self.floor, "guest2", "9999", "hh-23")
        self.assertTrue(p.answer["ok"], p.answer)
        self.assertEqual(p.get("/api/query/audit").status, 200)
        self.user("guest2", "picker")
        self.assertEqual(p.get("/api/query/audit").status, 403)
        self.user("guest2", "supervisor")
        self.assertEqual(p.get("/api/query/audit").status, 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
