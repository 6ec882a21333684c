"""`zsip load` on bad days: peers that talk nonsense, answer late, flood; a clock that jumps; an end
in the middle. It counts right, its memory stays flat, and it ends.

Silence, refusal, answers given twice and strays are in test_load.py, broken files in
test_requests.py, connections that are reset in the suite of TCP.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from common import Case, HOST, MISSED, OK, TAINTED, UNREACHED, USAGE, peer, status, zsip
import peers
from test_load import lasts, load

# CLOCK_REALTIME that runs back by an hour, then forward by a day, call by call.
JUMPS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    static unsigned long calls;
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, out);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        out->tv_sec += (long)(++calls % 3) * 43200 - 3600;
    return result;
}
"""


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


class BadDays(Case):
    def test_garbage_beside_the_answers(self):
        def answer(message, number):
            noise = [b"\x00\xff" * 50, b"SIP/2.0 200 OK\r\n", os.urandom(200), b"", b"\r\n\r\n",
                     message[:60], peers.response_to(message)[:-40]]
            return [noise[number % len(noise)], peers.response_to(message)]
        with peer(answer) as server:
            ended, data = load(server, "--window", 8, "--count", 500)
        self.assertEqual(OK, ended.returncode, ended)
        self.assertEqual(500, data["counters"]["answered_2xx"])

    def test_nothing_but_garbage(self):
        with peer(lambda message, number: [os.urandom(300)]) as server:
            ended, data = load(server, "--window", 8, "--count", 20, "--t1", 20)
        self.assertEqual(UNREACHED, ended.returncode, ended)
        self.assertEqual(data["counters"]["sent"], data["counters"]["timed_out"])

    def test_answers_after_the_end(self):
        """Timer F is 1.3 s: an answer that comes a second later is told as such."""
        timers = []

        def answer(message, number):
            if number == 1:
                timers.append(threading.Timer(2.3, self.late, (message,)))
                timers[0].start()
            return [peers.response_to(message)] if b"0001\r\n" in message else None
        with peer(answer) as self.server:
            ended, data = load(self.server, "--rate", 1, "--count", 5, "--t1", 20)
            timers[0].join()
        self.assertEqual(UNREACHED, ended.returncode, ended)
        self.assertEqual(4, data["counters"]["timed_out"])
        self.assertEqual(1, data["counters"]["responses_duplicate"])

    def late(self, message):
        port = re.search(rb"Via: SIP/2.0/UDP [\d.]+:(\d+)", message).group(1)
        self.server.socket.sendto(peers.response_to(message), (HOST, int(port)))

    def test_a_flood_of_strangers_and_memory(self):
        """While it works, others send it requests and nonsense as fast as they can."""
        over = threading.Event()
        targets = []

        def flood():
            noise = [peers.request("OPTIONS"), os.urandom(500), peers.request()]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                while not over.is_set():
                    for message in noise:
                        if targets:
                            out.sendto(message, targets[0])

        def answer(message, _):
            if not targets:
                port = re.search(rb"Via: SIP/2.0/UDP [\d.]+:(\d+)", message).group(1)
                targets.append((HOST, int(port)))
            return [peers.response_to(message)]
        thread = threading.Thread(target=flood)
        thread.start()
        try:
            with peer(answer) as server:
                program = peers.Program(peers.zsip(), "load", "--rate", 300, "--duration", 4,
                                        "--lag-max", "99s", f"udp:{HOST}:{server.port}")
                self.assertTrue(server.waits_for(300))
                before = resident_kb(program.pid)
                time.sleep(1.6)
                self.assertLess(resident_kb(program.pid), before + 4000)
                # What its socket could not hold it says itself.
                self.assertIn(program.wait(90), (OK, TAINTED), program)
        finally:
            over.set()
            thread.join()
        self.assertRegex(program.text, r"answered 2xx +1,200 +100.00 %")

    def test_memory_is_flat_at_a_silent_peer(self):
        with peer(lambda message, number: None) as server:
            program = peers.Program(peers.zsip(), "load", "--rate", 2000, "--duration", 4, "--t1",
                                    20, "--max-pending", 500, "--lag-max", "99s",
                                    f"udp:{HOST}:{server.port}")
            self.assertTrue(server.waits_for(4500))  # of seven copies each
            before = resident_kb(program.pid)
            time.sleep(1.2)
            self.assertLess(resident_kb(program.pid), before + 4000)
            self.assertEqual(UNREACHED, program.wait(60), program)

    @unittest.skipUnless(shutil.which("cc"), "no compiler")
    def test_a_clock_that_jumps(self):
        with tempfile.TemporaryDirectory() as folder:
            source, shim = os.path.join(folder, "jumps.c"), os.path.join(folder, "jumps.so")
            with open(source, "w", encoding="utf-8") as file:
                file.write(JUMPS)
            subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
            with peers.serving() as server:
                ended, data = load(server, "--rate", 500, "--duration", 1,
                                   env={**os.environ, "LD_PRELOAD": shim})
        self.assertEqual(OK, ended.returncode, ended)
        self.assertEqual(500, data["counters"]["answered_2xx"])
        lasts(self, 1, data)
        self.assertLess(data["latency"]["max_us"], 60000000)

    def test_an_end_in_the_middle_tells_what_happened(self):
        with peer(status("503 Service Unavailable")) as server:
            program = peers.Program(peers.zsip(), "load", "--rate", 200, "--duration", 60,
                                    "--lag-max", "99s", "--slo", "errors<1%",
                                    f"udp:{HOST}:{server.port}")
            self.assertTrue(server.waits_for(100))
            self.assertEqual(MISSED, program.stop(signal.SIGINT), program)
        self.assertRegex(program.text, r"errors<1% +MISSED +100 %")

    def test_term_ends_it_at_once_with_results(self):
        """Whatever it does: sends, drains, registers, waits for its moment."""
        with tempfile.TemporaryDirectory() as folder, \
                peer(lambda message, number: None) as server:
            for i, options in enumerate((
                    ("--rate", 50, "--duration", 60), ("--rate", 50, "--duration", 0.1),
                    ("--register", 500, "--duration", 60), ("--window", 9, "--workers", 2),
                    ("--start-at", f"{time.time() + 60:.0f}"))):
                came, file = len(server.messages), os.path.join(folder, str(i))
                program = peers.Program(peers.zsip(), "load", "--lag-max", "9s", "--json", file,
                                        *map(str, options), f"udp:{HOST}:{server.port}")
                self.until(lambda: len(server.messages) > came + 3 or "--start-at" in options)
                time.sleep(0.3)
                self.assertEqual(UNREACHED, program.stop(signal.SIGTERM, seconds=20), program)
                self.assertIn("the limit was", program.text)
                with open(file, encoding="utf-8") as text:
                    self.assertEqual(2, json.load(text)["exit_status"])

    def test_int_in_a_drain_ends_it(self):
        with peer(lambda message, number: None) as server:
            program = peers.Program(peers.zsip(), "load", "--lag-max", "9s", "--rate", 50,
                                    "--duration", 0.1, f"udp:{HOST}:{server.port}")
            self.until(lambda: len(server.messages) > 5)  # some of them twice
            self.assertEqual(UNREACHED, program.stop(signal.SIGINT, seconds=20), program)

    def until(self, what):
        for _ in range(1000):
            if what():
                return
            time.sleep(0.02)
        self.fail("it never came to that")

    def test_start_at(self):
        with peers.serving() as server:
            moment = time.time() + 4
            ended, data = load(server, "--count", 10, "--start-at", f"{moment:.3f}")
        self.assertEqual(OK, ended.returncode, ended)
        late_s = data["started_utc_us"] / 1e6 - moment
        self.assertTrue(-0.01 < late_s < 1, late_s)
        for text, word in (("yesterday", "not a moment"), ("2001-01-01T00:00:00Z", "has passed"),
                           ("2999-01-01T00:00:00Z", "more than a day")):
            self.assert_refused(zsip("load", "--start-at", text, "udp:127.0.0.1:5060"), USAGE, word)

    def test_int_before_the_start(self):
        with peers.serving() as server:
            program = peers.Program(peers.zsip(), "load", "--start-at", f"{time.time() + 60:.0f}",
                                    f"udp:{HOST}:{server.port}")
            self.assertTrue(program.says("zsip load: "), program)
            self.assertEqual(UNREACHED, program.stop(signal.SIGINT, seconds=40), program)


if __name__ == "__main__":
    unittest.main(verbosity=2)
