# SPDX-License-Identifier: MIT
"""scripts/fetch-deps: what goes wrong is one line, and leaves nothing."""
import contextlib
import http.server
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

from lib import ROOT, BUILD, check, contains, equal, folder, run_command, \
    skip, write

FETCH = os.path.join(ROOT, "scripts", "fetch-deps")
LUA = "lua5.4_5.4.9.orig.tar.gz"
DTC = "device-tree-compiler_1.7.2.orig.tar.xz"
NOWHERE = "http://127.0.0.1:9"


def archives():
    """The folder with the true archives; the build fetched them."""
    path = os.path.join(BUILD, "third_party", "archives")
    if not os.path.isfile(os.path.join(path, LUA)):
        path = os.environ.get("QUARRY_DEPS", "")
    if not os.path.isfile(os.path.join(path, LUA)):
        skip("no archives here to serve from")
    return path


def environment(deps=None, apt_base=NOWHERE):
    """No network but what a test opens: apt and the web end at a wall."""
    fake = folder()
    path = write(os.path.join(fake, "apt-get"),
                 "#!/bin/sh\necho '%s'\n" % apt_base)
    os.chmod(path, 0o755)
    env = {k: v for k, v in os.environ.items()
           if not k.lower().endswith("_proxy") and k != "QUARRY_DEPS"}
    env["PATH"] = fake + ":" + env["PATH"]
    env["https_proxy"] = NOWHERE
    if deps:
        env["QUARRY_DEPS"] = deps
    return env


def fetch(out, env, **keywords):
    return run_command([sys.executable, FETCH, out], env=env, **keywords)


def files_below(top):
    return sorted(os.path.relpath(os.path.join(d, f), top)
                  for d, _, names in os.walk(top) for f in names)


def one_line(result):
    lines = result.err.strip().splitlines()
    equal(len(lines), 1, "lines of the message")
    return lines[0]


@contextlib.contextmanager
def server(answer):
    """A web server on this machine; answer(handler) writes the reply."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        def log_message(self, *_):
            pass
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as s:
        s.daemon_threads = True
        threading.Thread(target=s.serve_forever, daemon=True).start()
        yield "http://127.0.0.1:%d" % s.server_address[1]
        s.shutdown()


def test_fetch_from_folder_and_again_without_it():
    out = folder()
    result = fetch(out, environment(deps=archives()))
    equal(result.status, 0, "status")
    check(os.path.isfile(os.path.join(out, "lua", "src", "lua.h")), "no lua.h")
    check(os.path.isfile(os.path.join(out, "libfdt", "libfdt.h")), "no libfdt")
    before = files_below(out)
    result = fetch(out, environment())
    equal(result.status, 0, "status of the second run, without any source")
    equal(files_below(out), before, "files")


def test_fetch_wrong_checksum_in_folder():
    deps, out = folder(), folder()
    write(os.path.join(deps, LUA), b"not what was pinned")
    shutil.copy(os.path.join(archives(), DTC), deps)
    result = fetch(out, environment(deps=deps))
    check(result.status != 0, "it succeeded")
    line = one_line(result)
    contains(line, "wrong checksum")
    contains(line, LUA)
    equal(files_below(out), [], "files left")


def test_fetch_folder_without_the_file():
    out = folder()
    result = fetch(out, environment(deps=folder()))
    check(result.status != 0, "it succeeded")
    contains(one_line(result), "no such file")
    equal(files_below(out), [], "files left")


def test_fetch_without_network():
    out = folder()
    result = fetch(out, environment())
    check(result.status != 0, "it succeeded")
    line = one_line(result)
    contains(line, "QUARRY_DEPS")
    check(re.search(r"\b[0-9a-f]{64}\b", line), "no checksum in the line")
    equal(files_below(out), [], "files left")


def test_fetch_mirror_with_wrong_bytes():
    if not os.path.exists("/usr/lib/apt/apt-helper"):
        skip("no apt here")

    def wrong(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "5")
        handler.end_headers()
        handler.wfile.write(b"wrong")
    out = folder()
    with server(wrong) as base:
        result = fetch(out, environment(apt_base=base))
    check(result.status != 0, "it succeeded")
    one_line(result)
    equal(files_below(out), [], "files left")


def test_fetch_from_mirror():
    if not os.path.exists("/usr/lib/apt/apt-helper"):
        skip("no apt here")
    where = archives()

    def right(handler):
        name = os.path.basename(handler.path)
        with open(os.path.join(where, name), "rb") as f:
            data = f.read()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)
    out = folder()
    with server(right) as base:
        equal(fetch(out, environment(apt_base=base)).status, 0, "status")
    check(os.path.isfile(os.path.join(out, "lua", "src", "lua.h")), "no lua.h")


def test_fetch_disk_full():
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    out = folder()
    result = fetch(out, environment(deps=archives()), preexec_fn=small_files)
    check(result.status != 0, "it succeeded")
    contains(one_line(result), "run make again")
    equal(files_below(out), [], "files left")


def test_fetch_damaged_cache_is_replaced():
    out = folder()
    cached = write(os.path.join(out, "archives", LUA), b"half an arch")
    equal(fetch(out, environment(deps=archives())).status, 0, "status")
    check(os.path.getsize(cached) > 100_000, "the damaged file is still there")


def interrupt(number):
    if not os.path.exists("/usr/lib/apt/apt-helper"):
        skip("no apt here")
    asked = threading.Event()

    def stall(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "373429")
        handler.end_headers()
        handler.wfile.write(b"x" * 1000)
        handler.wfile.flush()
        asked.set()
        done.wait(20)
    done = threading.Event()
    out = folder()
    with server(stall) as base:
        process = subprocess.Popen(
            [sys.executable, FETCH, out], stderr=subprocess.PIPE,
            env=environment(apt_base=base), start_new_session=True)
        try:
            check(asked.wait(20), "it never asked the mirror")
            process.send_signal(number)
            err = process.communicate(timeout=20)[1].decode()
        finally:
            done.set()
            process.kill()
    return out, process.returncode, err


def test_fetch_interrupted():
    out, status, err = interrupt(signal.SIGTERM)
    check(status != 0, "it succeeded")
    equal(len(err.strip().splitlines()), 1, "lines of the message")
    equal(files_below(out), [], "files left")


def test_fetch_killed_leaves_nothing_after_the_next_run():
    out, _, _ = interrupt(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while True:
        equal(fetch(out, environment(deps=archives())).status, 0, "status")
        left = [f for f in files_below(out) if ".part" in f or "FAILED" in f]
        if not left or time.monotonic() > deadline:
            break
    equal(left, [], "files left")
