#!/usr/bin/python3
"""wharf-web at a door that the test plays: what it says there, and what it tells a page whose session ended meanwhile."""
import http.client
import os
import select
import socket
import ssl
import sys
import json

sys.path.insert(0, os.path.join(os.environ["WHARF_SOURCE"], "tests/lib"))
from wharftest import BIN, Place, run_tests, skip, wait_for  # noqa: E402

WAIT_S = 15
COOKIE = {"Cookie": "wharf=" + "5a" * 32}
ADA = {"badge": "B1", "name": "Ada", "role": "supervisor", "device": "hh-1"}

if not os.access(f"{BIN}/wharf-web", os.X_OK):
    skip("wharf-web is not built here")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Played(Place):
    """wharf-web and, on the other side of its door, whatever the test says."""

    def __init__(self):
        self.port = free_port()
        super().__init__(f"[web]\nport = {self.port}\n")
        os.makedirs(self.run + "/door")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.run + "/door/web")
        self.listener.listen()
        self.web = self.start(f"{BIN}/wharf-web", "-c", self.config)
        self.greet()
        ca = self.state + "/tls/ca.pem"
        wait_for(lambda: os.path.exists(ca), what="the certificate")
        self.context = ssl.create_default_context(cafile=ca)

    def greet(self):
        self.door = self.listener.accept()[0]
        assert "hello" in self.heard()
        self.say({"welcome": {"version": 1, "core": "c", "site": "S", "acked": 0, "as_of": 1, "accepting": True}})
        topics = {self.heard()["subscribe"]["topic"] for _ in range(2)}
        assert topics == {"sessions", "status"}, topics
        for topic in topics:
            self.push(topic)

    def heard(self):
        """The next message of wharf-web."""
        assert select.select([self.door], [], [], WAIT_S)[0], "wharf-web says nothing"
        return json.loads(self.door.recv(70000))

    def says_nothing(self, seconds=0.3):
        return not select.select([self.door], [], [], seconds)[0]

    def say(self, message):
        self.door.send(json.dumps(message, separators=(",", ":")).encode())

    def push(self, topic, **more):
        self.say({"push": {"topic": topic, "as_of": 1, "accepting": True, "disk": "fine", "reason": "", **more}})

    def answer(self, query, *rows):
        self.say({"rows": {"id": query["id"], "name": query["name"], "as_of": 1, "rows": rows, "next": None}})

    def asked(self, name):
        query = self.heard()["query"]
        assert query["name"] == name, query
        return query

    def let_in(self, row=ADA):
        """Answers who it is."""
        self.answer(self.asked("session"), *[row] if row else [])

    def ask(self, path):
        """A request whose answer is read later."""
        c = http.client.HTTPSConnection("localhost", self.port, context=self.context, timeout=WAIT_S)
        c.request("GET", path, None, COOKIE)
        return c


def status(c):
    return c.getresponse().status


def test_a_session_is_asked_for_once_while_nothing_changes():
    with Played() as web:
        c = web.ask("/api/query/orders")
        web.let_in()
        web.answer(web.asked("orders"))
        assert status(c) == 200
        c = web.ask("/api/query/orders")
        web.answer(web.asked("orders"))
        assert status(c) == 200


def test_after_a_change_of_sessions_the_next_query_is_not_answered_from_memory():
    with Played() as web:
        c = web.ask("/api/me")
        web.let_in()
        assert status(c) == 200
        web.push("sessions")
        c = web.ask("/api/query/orders")
        web.let_in(None)
        assert status(c) == 401
        assert web.says_nothing()


def test_rows_that_come_after_the_sessions_end_are_not_given_to_its_page():
    with Played() as web:
        c = web.ask("/api/query/stock")
        web.let_in()
        query = web.asked("stock")
        web.push("sessions")
        web.answer(query, {"item": "secret"})
        web.let_in(None)
        assert status(c) == 401


def test_a_role_taken_away_while_a_query_is_on_its_way_is_seen():
    with Played() as web:
        c = web.ask("/api/query/audit")
        web.let_in()
        query = web.asked("audit")
        web.push("sessions")
        web.answer(query, {"seq": 1})
        web.let_in({**ADA, "role": "picker"})
        assert status(c) == 403


def test_somebody_elses_change_costs_a_question_and_the_page_gets_its_rows():
    with Played() as web:
        c = web.ask("/api/query/orders")
        web.let_in()
        query = web.asked("orders")
        web.push("sessions")
        web.answer(query)
        web.let_in()
        web.answer(web.asked("orders"))
        assert status(c) == 200


def test_after_a_lost_door_nobody_is_believed():
    with Played() as web:
        c = web.ask("/api/me")
        web.let_in()
        assert status(c) == 200
        web.door.close()
        web.greet()
        c = web.ask("/api/me")
        web.let_in(None)
        assert status(c) == 401


def open_stream(web, *topics):
    return web.ask("/api/events?" + "&".join("topic=" + t for t in topics))


def test_a_topic_is_given_up_when_its_last_page_closes():
    with Played() as web:
        first = open_stream(web, "orders")
        web.let_in()
        assert web.heard() == {"subscribe": {"topic": "orders"}}
        one = first.getresponse()
        second = open_stream(web, "orders")
        two = second.getresponse()
        one.close()
        first.close()
        for _ in range(3):
            web.push("orders")
            assert web.says_nothing()
        two.close()
        second.close()
        assert given_up(web) == {"unsubscribe": {"topic": "orders"}}
        open_stream(web, "orders")
        assert web.heard() == {"subscribe": {"topic": "orders"}}


def given_up(web):
    """A page that is gone is found out when something is sent to it: what wharf-web says at last."""
    def says():
        web.push("orders")
        return not web.says_nothing(0.05)
    wait_for(says, what="the end of the subscription")
    return web.heard()


def test_what_wharf_web_reads_itself_stays_when_its_last_page_closes():
    with Played() as web:
        c = open_stream(web, "status", "orders")
        web.let_in()
        assert web.heard() == {"subscribe": {"topic": "orders"}}
        c.getresponse().close()
        c.close()
        assert given_up(web) == {"unsubscribe": {"topic": "orders"}}
        assert web.says_nothing()




def test_a_stream_ends_with_its_session():
    with Played() as web:
        c = open_stream(web, "orders")
        web.let_in()
        assert web.heard() == {"subscribe": {"topic": "orders"}}
        response = c.getresponse()
        web.push("sessions")
        web.push("orders", as_of=99)
        query = web.asked("session")
        web.answer(query)
        seen = response.read()
        assert b"99" not in seen, seen


def test_a_stream_goes_on_when_somebody_else_signs_off():
    with Played() as web:
        c = open_stream(web, "orders")
        web.let_in()
        assert web.heard() == {"subscribe": {"topic": "orders"}}
        response = c.getresponse()
        web.push("sessions")
        web.let_in()
        web.push("orders", as_of=99)
        wait_for(lambda: b'"as_of":99' in response.readline() or None, what="the push")


if __name__ == "__main__":
    run_tests(globals())
