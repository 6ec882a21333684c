#!/usr/bin/env python3
"""Deliberate faults in the transaction room: each must make a test of the room fail.

    mutations.py [--cc CC] [NAME...]

Works on a copy. Each fault is one text replaced by another, once; a text that is no longer there is
a failure too, so that the list follows the code."""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
TESTS = ("siphash", "keys", "index", "matching", "server", "client", "timers", "store", "model")
MODEL = ("model_run", "model_server", "model_client")

# name: (file, what stands there, what shall stand there)
FAULTS = {
    # Timers.
    "timer_f_too_short": ("txn.c", "txn->f_ns = 64 * config->t1_ns;",
                          "txn->f_ns = 63 * config->t1_ns;"),
    "timer_e_not_doubled": ("machine.h", "SEND_REQUEST | A(DOUBLE_E)", "SEND_REQUEST | A(START_E)"),
    "timer_e_doubles_in_proceeding": ("machine.h", "SEND_REQUEST | A(LEVEL_E)",
                                      "SEND_REQUEST | A(DOUBLE_E)"),
    "timer_e_runs_over_reliable": ("machine.h",
                                   "X(NEW, REQUEST, RELIABLE, ROW, TRYING, SEND_REQUEST |",
                                   "X(NEW, REQUEST, RELIABLE, ROW, TRYING, SEND_REQUEST | "
                                   "A(START_E) |"),
    "timer_p_too_early": ("txn.c", "level + 1 < txn->levels; level++)",
                          "level + 2 < txn->levels; level++)"),
    "timer_p_never": ("server.c", "if (!txn->server_hand)\n        txn->server_hand = slot;", ""),
    "timer_j_one_tick_early": ("room.h", "+ ((1ull << txn->tick_shift) - 1))", ")"),
    "timer_u_never_checked_by_answers": ("server.c",
                                         "||\n        txn->now_ns - slot->opened_ns >= txn->f_ns)\n"
                                         "        return NULL;", ")\n        return NULL;"),
    "e_before_f": ("client.c", "while (txn->f_queue.after->due_ns <= txn->now_ns)",
                   "while (txn->f_queue.after->due_ns < txn->now_ns)"),
    "expired_record_still_found": ("server.c",
                                   "if (record->m != m || zsip_store_expiry(txn, value, "
                                   "record->meta) <= txn->now_ns)", "if (record->m != m)"),
    # States.
    "early_100_over_udp": ("machine.h", "X(TRYING, TU_100, UNRELIABLE, IGNORE, TRYING, NONE,",
                           "X(TRYING, TU_100, UNRELIABLE, ROW, PROCEEDING, SEND_100,"),
    "copy_in_proceeding_dropped": ("machine.h", "X(PROCEEDING, REQUEST, ANY, ROW, PROCEEDING, "
                                   "SEND_100,", "X(PROCEEDING, REQUEST, ANY, IGNORE, PROCEEDING, "
                                   "COUNT,"),
    "undelivered_ends_it": ("machine.h", "X(PROCEEDING, ERROR, ANY, ROW, PROCEEDING, PASS_ERROR,",
                            "X(PROCEEDING, ERROR, ANY, ROW, TERMINATED, PASS_ERROR,"),
    "reliable_kept_for_timer_j": ("machine.h", "X(TRYING, TU_FINAL, RELIABLE, ROW, TERMINATED, "
                                  "SEND_FINAL | A(FREE),", "X(TRYING, TU_FINAL, RELIABLE, ROW, "
                                  "COMPLETED, SEND_FINAL | A(START_J),"),
    "final_response_keeps_the_slot": ("machine.h", "X(TRYING, FINAL, ANY, ROW, TERMINATED, "
                                      "PASS_RESPONSE | A(FREE),", "X(TRYING, FINAL, ANY, ROW, "
                                      "PROCEEDING, PASS_RESPONSE,"),
    "other_provisionals_let_through": ("server.c", "if (status != 100 && !final_status(status))",
                                       "if (status < 100 || status > 699)"),
    # Comparisons.
    "m_without_cseq": ("keys.c", "return request->cseq | (uint64_t)request->call_id.length << 32",
                       "return (uint64_t)request->call_id.length << 32"),
    "m_without_from_tag": ("keys.c", "    stage_copy(at, request->from_tag);\n", "    (void)at;\n"),
    "b_without_sent_by": ("keys.c", "    stage_fold(at, request->sent_by);\n", ""),
    "sent_by_not_folded": ("keys.c", "return word | ((from_a ^ past_z) & ~word & high) >> 2;",
                           "return word | ((from_a ^ from_a ^ past_z ^ past_z) & high) >> 2;"),
    "b_not_compared": ("server.c", "const bool same_b = candidate->b == key->b;",
                       "const bool same_b = candidate->b == candidate->b || key->b;"),
    "method_not_compared": ("server.c",
                            "if (same_m && same_b && candidate->method == key->method) {",
                            "if (same_m && same_b) {"),
    "method_name_not_compared": ("keys.c", "if (key->method == 0) {", "if (key->method == 200) {"),
    "merged_after_any_answer": ("server.c", "return status / 100 == 2;", "return status != 0;"),
    "merged_despite_to_tag": ("server.c", "if (survey.has_other && !key->to_tag_present) {",
                              "if (survey.has_other) {"),
    "cancel_ignores_branch": ("server.c", "if (same_b && (same_m || candidate->method == 0)) {",
                              "if (same_m || candidate->method == 0) {"),
    "nine_share_an_m": ("server.c", "if (shared < ZSIP_TXN_SHARED_MAX)",
                        "if (shared <= ZSIP_TXN_SHARED_MAX)"),
    "branch_believed_unread": ("client.c", "return memcmp(branch.data, expected, "
                               "ZSIP_TXN_BRANCH_BYTES) == 0;", "return true;"),
    "client_generation_not_compared": ("client.c", "&& slot->generation == client.generation", ""),
    "cseq_method_of_response_not_compared": ("client.c", "if (slot->method != method) {",
                                             "if (slot->method != method && 0) {"),
    "server_generation_not_compared": ("server.c", "slot->generation != server.generation ||", ""),
    # The store.
    "pending_reserves_nothing": ("server.c", "txn->reserved += !reliable;", ""),
    "ceiling_off_by_one": ("store.c", "+ needed > txn->records_max + own ||",
                           "+ needed > txn->records_max + own + 1 ||"),
    "log_room_not_checked": ("store.c", "if (bytes > txn->log_bytes_max - txn->log_bytes)",
                             "if (bytes > ZSIP_LOG_SEGMENT_BYTES)"),
    "log_never_emptied": ("store.c", "txn->log_bytes -= log_round((size_t)half->length);", ""),
    "split_takes_the_wrong_bit": ("index.c", "bit = (uint16_t)(half >> index->floor_bits);",
                                  "bit = (uint16_t)(2 * half >> index->floor_bits);"),
    "removal_leaves_a_gap": ("index.c", "    holder->value[at] = last->value[last_at];\n", ""),
    "overflow_not_given_back": ("index.c", "if (last_at == 0 && before) {",
                                "if (last_at == 0 && !before) {"),
    "released_bucket_believed_empty": ("index.c", "index->buckets[to].link = 0;", ";"),
    "index_never_shrinks": ("index.c", "index->bucket_count == index->bucket_floor)\n"
                            "        return false;", "index->bucket_count >= index->bucket_floor)\n"
                            "        return false;"),
    # SipHash.
    "one_round_missing": ("siphash.c", "static void mix(uint64_t v[4], uint64_t word)\n{\n"
                          "    uint64_t v0 = v[0], v1 = v[1], v2 = v[2], v3 = v[3] ^ word;\n"
                          "    ROUND(v0, v1, v2, v3);",
                          "static void mix(uint64_t v[4], uint64_t word)"
                          "\n{\n    uint64_t v0 = v[0], v1 = v[1], v2 = v[2], v3 = v[3] ^ word;"),
    "tag_under_the_index_secret": ("keys.c", "txn->lanes(txn->tag_secret, words, at, counts, t);",
                                   "txn->lanes(txn->index_secret, words, at, counts, t);"),
}


def run(command, folder, seconds=120):
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=seconds, check=False)


class Copy:
    """The room and its tests in a folder of their own; objects are made again as files change."""

    def __init__(self, folder, cc):
        self.folder = pathlib.Path(folder)
        self.cc = [cc, "-std=gnu11", "-O1", "-I.", "-Iinclude"]
        for name in ("txn", "tests/txn", "include", "core/base.c"):
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (TOP / name).is_dir():
                shutil.copytree(TOP / name, target)
            else:
                shutil.copy(TOP / name, target)
        self.room = [path.stem for path in sorted((self.folder / "txn").glob("*.c"))]

    def compile(self, source):
        name = source.replace("/", "-")
        done = run([*self.cc, "-c", source + ".c", "-o", name + ".o"], self.folder)
        if done.returncode:
            raise SystemExit(f"{source}.c does not compile:\n{done.stderr.decode()}")

    def compile_room(self, only=None):
        for stem in only or self.room:
            self.compile(f"txn/{stem}")

    def failing(self):
        """The first test program that fails, or None."""
        objects = [f"txn-{stem}.o" for stem in self.room] + ["core-base.o"]
        objects += [f"tests-txn-{name}.o" for name in MODEL]
        for test in TESTS:
            run([*self.cc, "-o", "t", f"tests-txn-{test}.o", *objects, "-lcriterion"], self.folder)
            try:
                if run(["./t", "-j1"], self.folder).returncode:
                    return test
            except subprocess.TimeoutExpired:
                return f"{test} (endless)"
        return None


def check(copy, name):
    file, before, after = FAULTS[name]
    path = copy.folder / "txn" / file
    text = path.read_text()
    if text.count(before) != 1:
        return f"FAILED   {name}: the text stands {text.count(before)} times in txn/{file}"
    path.write_text(text.replace(before, after))
    only = None if path.suffix == ".h" else [path.stem]
    try:
        copy.compile_room(only)
        found = copy.failing()
    finally:
        path.write_text(text)
    copy.compile_room(only)
    return f"caught   {name}: by {found}" if found else f"FAILED   {name}: nobody noticed"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", default="cc")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(folder, args.cc)
        copy.compile_room()
        for source in ("core/base", *(f"tests/txn/{name}" for name in (*TESTS, *MODEL))):
            copy.compile(source)
        found = copy.failing()
        if found:
            print(f"the code as it stands fails {found}")
            return 1
        failed = 0
        for name in args.names or FAULTS:
            line = check(copy, name)
            failed += line.startswith("FAILED")
            print(line, flush=True)
    print(f"{len(args.names or FAULTS) - failed} of {len(args.names or FAULTS)} faults caught")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
