"""`zsip load`: it counts right, keeps the rules, ends by itself, and says what happened."""
import collections
import os
import re
import signal
import tempfile
import threading
import time
import unittest

from common import (Case, FAILED, HOST, MISSED, OK, TAINTED, UNREACHED, USAGE, copies, first_copies,
                    header, peer, status, zsip)
import peers


def load(server, *options, **keywords):
    """Runs it; returns what ended, and its JSON."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "load.json")
        # A busy machine is no fault of what is tested; --lag-max again has the last word.
        ended = zsip("load", "--json", path, "--lag-max", "99s", *options,
                     f"udp:{HOST}:{server.port}", **keywords)
        return ended, peers.read_json(path)


def lasts(test, seconds, data):
    """As long as planned; longer by no more than it says itself that it was late."""
    test.assertGreater(data["arrival_s"], seconds - 0.02)
    test.assertLess(data["arrival_s"], seconds + 0.02 + data["send_lag"]["max_us"] / 1e6)


class Counts(Case):
    def check(self, data, sent, **classes):
        counters = data["counters"]
        self.assertEqual(sent, counters["sent"])
        ended = sum(counters[name] for name in counters
                    if re.match(r"answered_\dxx|timed_out|unreachable|pending", name))
        self.assertEqual(sent, ended)
        for name, count in classes.items():
            self.assertEqual(count, counters[name], name)
        self.assertEqual(sent, sum(second["sent"] for second in data["seconds"]))

    def test_closed_loop_by_count(self):
        with peers.serving("--max-age", 0) as server:
            ended, data = load(server, "--window", 8, "--count", 2000, "--t1", 9000)
        self.assertEqual(OK, ended.returncode, ended)
        self.check(data, 2000, answered_2xx=2000, answered_late=0)
        self.assertEqual(2000, data["latency"]["count"])
        self.assertLessEqual(data["latency"]["p50_us"], data["latency"]["max_us"])
        self.assertRegex(ended.stdout, r"sent +2,000\n")
        self.assertRegex(ended.stdout, r"latency from the send +p50 .* max ")

    def test_open_loop_sends_rate_times_duration(self):
        for workers in (1, 2, 3):
            with peers.serving() as server:
                ended, data = load(server, "--rate", 1000, "--duration", 1.5, "--workers", workers)
            self.assertEqual(OK, ended.returncode, ended)
            self.check(data, 1500, answered_2xx=1500, unsent=0)
            lasts(self, 1.5, data)
            self.assertEqual(1500, data["send_lag"]["count"])

    def test_latency_counts_from_the_plan(self):
        """A peer stops for half a second: the uncorrected figures hide it, the others don't."""
        def answer(message, number):
            if number == 100:
                time.sleep(0.5)
            return [peers.response_to(message)]
        with peer(answer) as server:
            ended, data = load(server, "--rate", 500, "--duration", 1, "--window", 1,
                               "--users", 10)
        # A machine that is slow besides may not catch up with the plan.
        self.assertEqual(TAINTED if data["counters"]["unsent"] > 0 else OK, ended.returncode, ended)
        self.assertLess(data["latency_from_send"]["p90_us"], 100000)
        self.assertGreater(data["latency"]["p90_us"], 300000)
        self.assertGreater(data["counters"]["waited_window"], 0)
        self.assertIn("held back", ended.stdout)

    def test_answers_by_class_and_exit_status(self):
        with peers.serving("--status", 503) as server:
            ended, data = load(server, "--count", 100)
        self.assertEqual(FAILED, ended.returncode, ended)
        self.check(data, 100, answered_5xx=100)
        self.assertIn("answered 5xx", ended.stdout)

    def test_what_needed_a_retransmission_is_told(self):
        seen = set()

        def answer(message, _):
            """Every second request is lost the first time."""
            name = header(message, "Call-ID")
            if int(name[-1], 16) % 2 and name not in seen:
                seen.add(name)
                return None
            return [peers.response_to(message)]
        with peer(answer) as server:
            ended, data = load(server, "--count", 100, "--window", 100, "--t1", 300)
        self.assertEqual(OK, ended.returncode, ended)
        counts = copies(server.messages)
        self.check(data, 100, answered_2xx=100, retransmissions=sum(counts.values()) - 100)
        # A peer that is late itself is sent more than it lost.
        self.assertGreaterEqual(data["counters"]["answered_late"], 50)
        self.assertLessEqual(data["counters"]["answered_late"],
                             sum(count > 1 for count in counts.values()))
        self.assertGreater(data["latency"]["max_us"], 290000)
        self.assertEqual(100, len(set(server.messages)), "a retransmission is the same bytes")

    def test_no_retransmit_sends_once(self):
        with peer(lambda message, number: number % 4 and [peers.response_to(message)]) as server:
            ended, data = load(server, "--count", 100, "--window", 100, "--no-retransmit",
                               "--t1", 60)
        self.assertEqual(UNREACHED, ended.returncode, ended)
        self.check(data, 100, timed_out=25, answered_2xx=75, retransmissions=0)
        self.assertEqual(100, len(server.messages))
        self.assertIn("--no-retransmit", ended.stdout)


class Plans(Case):
    """What arrives at a peer follows the plan; tests/load/plan.c checks the arithmetic."""

    def sent(self, *options):
        with peers.serving() as server:
            ended, data = load(server, *options)
        self.assertEqual(OK, ended.returncode, ended)
        return [second["sent"] for second in data["seconds"]], data

    def test_ramp_and_parts(self):
        seconds, data = self.sent("--rate", "100..300/1s,100/1s")
        self.assertEqual(300, sum(seconds))
        # Of the ramp; less by what was late when its second ended.
        late = 300 * data["send_lag"]["max_us"] / 1e6
        self.assertTrue(200 - late - 2 <= seconds[0] <= 202, (late, seconds))

    def test_steps(self):
        seconds, _ = self.sent("--step", "100..300+100/500ms")
        self.assertEqual(300, sum(seconds))

    def test_poisson_by_seed(self):
        def run(*options):
            return self.sent("--rate", 2000, "--duration", 0.5, "--poisson", *options)[1]
        first, same, other = (run("--seed", seed)["counters"]["sent"] for seed in (3, 3, 4))
        self.assertEqual(first, same)
        self.assertNotEqual(first, other)
        self.assertAlmostEqual(1000, first, delta=160)

    def test_warmup_is_not_counted(self):
        for workers in (1, 2):
            seconds, data = self.sent("--rate", 200, "--warmup", 0.5, "--duration", 1,
                                      "--workers", workers)
            self.assertEqual(200, data["counters"]["sent"])
            self.assertEqual(100, data["counters"]["warmup"])
            self.assertEqual(200, data["latency"]["count"])
            self.assertEqual(300, sum(seconds))
            self.assertTrue(data["seconds"][0]["warmup"])
            lasts(self, 1, data)

    def test_what_a_stall_delays_is_in_one_second_and_in_one_count(self):
        """The generator does not run while the warmup ends, and while the plan does."""
        for workers, at_s in ((1, 0.3), (2, 0.3), (2, 1.3)):
            with peers.serving() as server, tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "load.json")
                program = peers.Program(
                    peers.zsip(), "load", "--json", path, "--lag-max", "99s", "--rate", 200,
                    "--warmup", 0.5, "--duration", 1, "--workers", workers,
                    f"udp:{HOST}:{server.port}")
                time.sleep(at_s)
                program.process.send_signal(signal.SIGSTOP)
                time.sleep(0.4)
                program.process.send_signal(signal.SIGCONT)
                self.assertEqual(OK, program.wait(30), program)
                data = peers.read_json(path)
            counters = data["counters"]
            self.assertEqual((200, 100, 0), tuple(counters[name] for name in (
                "sent", "warmup", "unsent")))
            for warmup, count in ((True, 100), (False, 200)):
                self.assertEqual(count, sum(second["sent"] for second in data["seconds"]
                                            if second["warmup"] == warmup))

    def test_warmup_before_a_count(self):
        _, data = self.sent("--warmup", 0.2, "--count", 50, "--window", 1)
        self.assertEqual(50, data["counters"]["sent"])
        self.assertGreater(data["counters"]["warmup"], 0)

    def test_wrong_plans_are_refused(self):
        for options, *words in ((("--rate", "10k..20k"), "ramp", "character 9"),
                                (("--step", "10k"), "FROM..TO+BY/TIME"),
                                (("--rate", "10", "--step", "1..2+1/1s"), "one plan"),
                                (("--poisson",), "--rate")):
            self.assert_refused(zsip("load", *options, "udp:127.0.0.1:5060"), USAGE, *words)


class Verdicts(Case):
    """tests/load/verdict.c has them all; here: that they are measured and told."""

    def test_a_plan_beyond_the_generator(self):
        with peers.serving() as server:
            # So many that the server can't be the one who holds it back.
            ended, data = load(server, "--rate", "100M", "--duration", 0.3,
                               "--max-pending", 2000000)
        self.assertEqual(TAINTED, ended.returncode, ended)
        self.assertIn("THE GENERATOR WAS THE LIMIT: it fell behind", ended.stdout)
        self.assertGreater(data["counters"]["unsent"], 1000000)

    def test_a_generator_kept_from_its_core(self):
        with peers.serving() as server:
            program = peers.Program(peers.zsip(), "load", "--rate", 1000, "--duration", 4,
                                    f"udp:{HOST}:{server.port}")
            self.assertTrue(program.says(" 1 s  sent"), program)
            program.process.send_signal(signal.SIGSTOP)
            time.sleep(0.3)
            program.process.send_signal(signal.SIGCONT)
            self.assertEqual(TAINTED, program.wait(60), program.text)
        self.assertIn("was it kept from its core?", program.text)
        self.assertRegex(program.text, r"answered 2xx +4,000 ")

    def test_loss_on_the_way_and_retransmission_truth(self):
        """One request in ten is answered at its second send, one in twenty at its third. At which
        one zsip had the answer is told by the peer: not before the copy that was answered, and not
        after the last copy that came."""
        answered, seen = {}, collections.Counter()

        def answer(message, _):
            name = header(message, "Call-ID")
            number = int(name.split("-")[1], 16)
            seen[name] += 1
            wanted = 3 if number % 20 == 1 else 2 if number % 20 in (3, 5) else 1
            if seen[name] < wanted:
                return None
            answered.setdefault(name, seen[name])
            return [peers.response_to(message)]
        with peer(answer) as server:
            ended, data = load(server, "--rate", 1000, "--count", 200, "--t1", 300)
        self.assertEqual(OK, ended.returncode, ended)
        self.assertEqual([170, 20, 10], [list(answered.values()).count(n) for n in (1, 2, 3)])
        told = data["answered_by_sends"]
        self.assertEqual(200, sum(told))
        for sends in range(1, len(told) + 1):
            came = sum(count <= sends for count in copies(server.messages).values())
            can = sum(count <= sends for count in answered.values())
            self.assertTrue(came <= sum(told[:sends]) <= can, (sends, told, came, can))
        self.assertEqual(len(server.messages) - 200, data["counters"]["retransmissions"])
        for text, count in ((r"at the first send", told[0]), (r"after E1 \(300 ms\)", told[1]),
                            (r"after E2 \(900 ms\)", told[2])):
            self.assertRegex(ended.stdout, rf"answered {text} +{count} ")
        # Who answers late is to blame for it, and the peer may be late.
        fast = 4 * data["latency_from_send"]["p50_us"] <= 300000
        self.assertIn(f"the limit was the {'network' if fast else 'server'}", ended.stdout)

    def test_max_pending_bounds_and_is_told(self):
        with peers.serving("--delay", 100) as server:
            ended, data = load(server, "--rate", 1000, "--duration", 1, "--max-pending", 20)
        self.assertIn("--max-pending 20", ended.stdout)
        self.assertRegex(ended.stdout, r"^zsip.*\n(.* s  sent .*\n)*\n  THE PLAN WAS NOT KEPT: ")
        self.assertRegex(ended.stdout, r"the limit was the (server|generator)")
        self.assertEqual(TAINTED, ended.returncode)
        self.assertIn("--max-pending 20", data["verdict"]["held"])
        self.assertLessEqual(max(second["pending"] for second in data["seconds"]), 20)

    def test_waiting_for_uris_is_named(self):
        with peers.serving("--delay", 20) as server:
            ended, data = load(server, "--rate", 400, "--duration", 0.5, "--users", 2)
        self.assertIn("the limit was the target URIs: every one of the 2", ended.stdout)
        self.assertGreater(data["latency"]["p90_us"], 2 * data["latency_from_send"]["p90_us"])

    def test_duplicates_and_strays(self):
        def answer(message, _):
            good = peers.response_to(message)
            return [good, good, good.replace(b"branch=z9hG4bK", b"branch=z9hG4bKx")]
        with peer(answer) as server:
            # Nothing is sent again, however late this peer is: of each there are so many answers.
            ended, data = load(server, "--count", 50, "--window", 1, "--t1", 9000)
        self.assertEqual(OK, ended.returncode, ended)
        self.assertAlmostEqual(50, data["counters"]["responses_duplicate"], delta=1)
        self.assertAlmostEqual(50, data["counters"]["responses_stray"], delta=1)


class Objectives(Case):
    def test_met_and_missed(self):
        with peers.serving("--delay", 20) as server:
            met, data = load(server, "--slo", "p50<9s,loss<1%", "--count", 50)
            missed, gate = load(server, "--slo", "p50<1ms, loss<1%", "--count", 50)
        self.assertEqual(OK, met.returncode, met)
        self.assertEqual([True, True], [entry["met"] for entry in data["objectives"]])
        self.assertEqual(MISSED, missed.returncode, missed)
        self.assertEqual([False, True], [entry["met"] for entry in gate["objectives"]])
        self.assertRegex(missed.stdout, r"objective p50<1ms +MISSED +[\d.]+ m?s")
        self.assertGreater(gate["latency"]["p50_us"], 19000)
        self.assertRegex(missed.stdout, r"objective loss<1% +met")

    def test_objectives_decide_instead_of_the_answers(self):
        with peers.serving("--status", 503) as server:
            ended, _ = load(server, "--slo", "loss<1%", "--count", 20)
            errors, _ = load(server, "--slo", "errors<1%", "--count", 20)
        self.assertEqual(OK, ended.returncode, ended)
        self.assertEqual(MISSED, errors.returncode, errors)

    def test_a_wrong_objective_is_refused(self):
        self.assert_refused(zsip("load", "--slo", "p99<5", "udp:127.0.0.1:5060"), USAGE,
                            "character 5", "unit")
        self.assert_refused(zsip("load", "--find-max", "udp:127.0.0.1:5060"), USAGE, "--slo")

    def find(self, server, *options):
        return load(server, "--find-max", "--slo", "p50<100ms,loss<50%", "--duration", 0.3,
                    "--drain", 0, "--t1", 1000, "--precision", "20%", *options)

    def test_find_max(self):
        """A server that needs two milliseconds for each: 500 a second, less on a busy machine."""
        with peers.serving("--work-us", 2000, "--max-age", 0) as server:
            (ended, data), calm = peers.calmly(
                lambda: self.find(server, "--rate", 100, "--repeats", 2), times=2)
        self.assertEqual(OK, ended.returncode, ended)
        self.assertLess(data["maximum_per_s"], 1500)
        self.assertGreater(data["maximum_per_s"], 90 if calm else 0)
        self.assertLessEqual(data["lowest_per_s"], data["highest_per_s"])
        self.assertEqual(2, data["searches"])
        self.assertEqual(len(data["probes"]), len(re.findall(r"(?m)^probe ", ended.stdout)))
        self.assertRegex(ended.stdout, r"up to [\d,]+/s meet the objectives \(median of 2")
        self.assertIn("the limit was the server", ended.stdout)

    def test_find_max_at_least(self):
        """The generator is held to be late beyond what it can do at all."""
        with peers.serving() as server:
            ended, data = self.find(server, "--rate", "6M", "--lag-max", "1us", "--duration", 0.1,
                                    "--precision", "50%", "--no-retransmit", "--t1", 10)
        self.assertEqual(TAINTED, ended.returncode, ended)
        self.assertTrue(data["at_least"])
        self.assertRegex(ended.stdout, r"at least [\d,]+/s")

    def test_find_max_of_nothing(self):
        ended = zsip("load", "--find-max", "--slo", "loss<1%", "--duration", 0.05, "--drain", 0,
                     "--rate", 20, "--t1", 10, "--lag-max", "99s",
                     f"udp:{HOST}:{peers.free_port()}")
        self.assertEqual(UNREACHED, ended.returncode, ended)
        self.assertIn("nothing was ever answered", ended.stdout)

    def test_find_max_interrupted(self):
        with peers.serving() as server:
            program = peers.Program(peers.zsip(), "load", "--find-max", "--slo", "loss<1%",
                                    "--duration", 0.3, "--lag-max", "99s",
                                    f"udp:{HOST}:{server.port}")
            self.assertTrue(program.says("probe  1.* met"), program)
            self.assertEqual(OK, program.stop(signal.SIGINT), program)
        self.assertRegex(program.text, r"at least 1,000/s")
        self.assertIn("interrupted", program.text)
        self.assertEqual(1, program.text.count("probe  "), "it drains between probes")


class Rules(Case):
    def pending(self, *options):
        """Runs at a peer that answers late; returns how many were pending to one URI at most."""
        pending, most, lock = collections.Counter(), collections.Counter(), threading.Lock()
        seen = set()

        def late(server, message, source, uri):
            with lock:
                pending[uri] -= 1
            server.socket.sendto(peers.response_to(message), source)

        def answer(message, _):
            if message in seen:  # a copy, since this peer was late
                return
            seen.add(message)
            uri = message.split(b" ", 2)[1]
            with lock:
                pending[uri] += 1
                most[uri] = max(most[uri], pending[uri])
            server.queue.append((time.monotonic() + 0.005, message, uri))
        with peer(answer) as server:
            server.queue = collections.deque()
            over = threading.Event()

            def answers():
                while not over.is_set() or server.queue:
                    if server.queue and server.queue[0][0] <= time.monotonic():
                        _, message, uri = server.queue.popleft()
                        via = re.search(rb"UDP [\d.]+:(\d+)", message)
                        late(server, message, (HOST, int(via.group(1))), uri)
                    else:
                        time.sleep(0.001)
            thread = threading.Thread(target=answers)
            thread.start()
            ended, data = load(server, *options)
            over.set()
            thread.join()
        self.assertEqual(OK, ended.returncode, ended)
        return max(most.values()), len(most), ended, data

    def test_one_message_pending_to_each_uri(self):
        most, users, ended, data = self.pending("--window", 20, "--users", 5, "--count", 300)
        self.assertEqual((1, 5), (most, users))
        self.assertGreater(data["counters"]["waited_user"], 0)
        self.assertIn("--users 5", ended.stdout)

    def test_users_are_as_many_as_the_window(self):
        most, users, _, data = self.pending("--window", 20, "--count", 300)
        self.assertEqual((1, 20), (most, users))
        self.assertEqual(0, data["counters"]["waited_user"])

    def test_overlap_is_knowing(self):
        most, users, ended, _ = self.pending("--window", 20, "--users", 5, "--overlap",
                                             "--count", 300)
        self.assertGreater(most, 1)
        self.assertEqual(5, users)
        self.assertIn("--overlap", ended.stdout)

    def test_requests_are_what_the_options_say(self):
        with peer(status("200 OK")) as server:
            load(server, "--count", 3, "--body-bytes", 99)
            load(server, "--count", 1, "--method", "OPTIONS")
            load(server, "--count", 1, "--method", "REGISTER")
            zsip("load", "--count", 1, "--proxy", f"udp:{HOST}:{server.port}", "example.com")
        messages = first_copies(server.messages)
        message, options, register, routed = (messages[i] for i in (0, 3, 4, 5))
        self.assertEqual(99, len(message.split(b"\r\n\r\n", 1)[1]))
        self.assertEqual("99", header(message, "Content-Length"))
        self.assertEqual(3, len({header(m, "Call-ID") for m in messages[:3]}))
        self.assertTrue(options.startswith(b"OPTIONS sip:u00000000@"))
        self.assertIsNotNone(header(register, "Contact"))
        self.assertTrue(routed.startswith(b"MESSAGE sip:u00000000@example.com SIP/2.0"))
        self.assertEqual(f"<sip:{HOST}:{server.port};lr>", header(routed, "Route"))


class Ends(Case):
    def test_a_silent_peer(self):
        with peer(lambda message, number: None) as server:
            began = time.monotonic()
            ended, data = load(server, "--window", 50, "--duration", 1, "--t1", 20)
        self.assertEqual(UNREACHED, ended.returncode, ended)
        self.assertLess(time.monotonic() - began, 60)
        self.assertEqual(data["counters"]["sent"], data["counters"]["timed_out"])
        self.assertIn("never answered", ended.stdout)

    def test_a_silent_peer_by_count_ends_with_the_first_timeout(self):
        with peer(lambda message, number: None) as server:
            began = time.monotonic()
            ended, data = load(server, "--window", 10, "--count", 100000, "--t1", 20)
        self.assertEqual(UNREACHED, ended.returncode, ended)
        self.assertLess(time.monotonic() - began, 60)
        self.assertLess(data["counters"]["sent"], 100)

    def test_a_closed_port(self):
        ended = zsip("load", "--count", 20, "--window", 2, f"udp:{HOST}:{peers.free_port()}")
        self.assertEqual(UNREACHED, ended.returncode, ended)
        self.assertRegex(ended.stdout, r"unreachable +20 ")

    def test_int_drains_and_tells(self):
        with peer(status("200 OK")) as server:
            program = peers.Program(peers.zsip(), "load", "--lag-max", "9s", "--rate", 100,
                                    "--duration", 60, f"udp:{HOST}:{server.port}")
            self.assertTrue(server.waits_for(10))
            self.assertEqual(OK, program.stop(signal.SIGINT), program)
        self.assertRegex(program.text, r"answered 2xx +\d+  100.00 %")

    def test_a_second_int_stops_at_once(self):
        with peer(lambda message, number: None) as server:
            program = peers.Program(peers.zsip(), "load", f"udp:{HOST}:{server.port}")
            self.assertTrue(server.waits_for(1))
            program.process.send_signal(signal.SIGINT)
            self.assertTrue(program.says("once more to stop at once"), program)
            began = time.monotonic()
            self.assertEqual(UNREACHED, program.stop(signal.SIGINT), program)
            self.assertLess(time.monotonic() - began, 25)  # Timer F is 32 s
        self.assertIn("still pending at the end", program.text)

    def test_a_line_a_second_and_none_if_quiet(self):
        with peers.serving() as server:
            ended, data = load(server, "--rate", 50, "--duration", 2)
            quiet, _ = load(server, "--rate", 50, "--duration", 1, "--quiet")
        lines = re.findall(r"(?m)^ +\d+ s  sent ", ended.stdout)
        # The last answers may come after the last whole second.
        self.assertTrue(2 <= len(lines) == len(data["seconds"]), ended.stdout)
        self.assertNotRegex(quiet.stdout, r"(?m)^ +\d+ s  sent ")

    def test_json_on_standard_output_is_nothing_but_json(self):
        with peers.serving() as server:
            ended = zsip("load", "--json", "-", "--count", 10, f"udp:{HOST}:{server.port}")
        self.assertTrue(ended.stdout.startswith("{"), ended.stdout[:80])
        self.assertTrue(ended.stdout.rstrip().endswith("}"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
