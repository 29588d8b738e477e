# SPDX-License-Identifier: MIT
"""A headless Chromium for tests of pages: opened, asked, printed.

Theory of operation

The browser is told what to do over two pipes (--remote-debugging-pipe: its
descriptors 3 and 4), one JSON object a message, each ended by a zero byte. No
port, no socket, no package beyond Python's own. What the browser reports
meanwhile (exceptions, refusals, requests) is kept in `events`.

That a page asks the network for nothing is seen in two ways: every request
that the browser knows of is an event, and the browser's only way out is a
proxy of ours, on the loopback, that answers nobody and counts who comes.
"""
import base64
import fcntl
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time

from lib import PATIENCE_S, Failed, folder

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
OPTIONS = ["--headless", "--disable-gpu", "--in-process-gpu",
           "--no-first-run", "--mute-audio",
           "--disable-dev-shm-usage", "--disable-background-networking",
           "--disable-component-update", "--disable-default-apps",
           "--disable-extensions", "--disable-sync", "--hide-scrollbars",
           # Only pages of ours are opened, and root has no sandbox.
           "--no-sandbox",
           "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
           "--remote-debugging-pipe"]
# The browser wants its pipes at 3 and 4, where Popen may have its own.
LAUNCH = ("import os, sys\n"
          "os.dup2(int(sys.argv[1]), 3)\n"
          "os.dup2(int(sys.argv[2]), 4)\n"
          "os.execvp(sys.argv[3], sys.argv[3:])\n")
A4 = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True,
      "preferCSSPageSize": True}


def program():
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    raise Failed("no browser: scripts/setup test installs one")


class Proxy:
    """Counts connections, and answers none."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.count = 0
        self.came = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            self.came.set()
            connection.close()

    def close(self):
        self.socket.close()


def high_pipe():
    """A pipe whose ends are out of the way of 3 and 4."""
    ends = os.pipe()
    out = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return out


class Browser:
    def __init__(self, width=1280, height=900):
        self.proxy = Proxy()
        self.events = []
        self.number = 0
        self.rest = b""
        theirs, self.writer = high_pipe()
        self.reader, answers = high_pipe()
        options = OPTIONS + ["--proxy-server=127.0.0.1:%d" % self.proxy.port,
                             "--proxy-bypass-list=<-loopback>",
                             "--user-data-dir=" + folder(),
                             "--window-size=%d,%d" % (width, height)]
        self.log = open(os.path.join(folder(), "browser.log"), "wb")
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(theirs), str(answers),
             program()] + options + ["about:blank"],
            pass_fds=(theirs, answers), stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)
        os.close(theirs)
        os.close(answers)
        targets = self.call("Target.getTargets", top=True)["targetInfos"]
        page = [t for t in targets if t["type"] == "page"][0]
        self.session = self.call("Target.attachToTarget", top=True,
                                 targetId=page["targetId"],
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.writer)
        os.close(self.reader)
        self.log.close()
        self.proxy.close()

    # ---- Messages ----

    def message(self, deadline):
        while b"\0" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.reader], [], [], left)[0]:
                raise Failed("the browser did not answer")
            data = os.read(self.reader, 1 << 20)
            if not data:
                with open(self.log.name, errors="replace") as f:
                    raise Failed("the browser ended: " + f.read()[-2000:])
            self.rest += data
        text, _, self.rest = self.rest.partition(b"\0")
        return json.loads(text)

    def call(self, method, top=False, **params):
        """One command; its result."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        if not top:
            command["sessionId"] = self.session
        data = json.dumps(command).encode() + b"\0"
        while data:
            data = data[os.write(self.writer, data):]
        deadline = time.monotonic() + PATIENCE_S
        while True:
            got = self.message(deadline)
            if got.get("id") == self.number:
                if "error" in got:
                    raise Failed("%s: %s" % (method, got["error"]))
                return got["result"]
            self.events.append(got)

    def wait(self, event):
        """The first event of that name since the last open()."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for got in self.events:
                if got.get("method") == event:
                    return got
            self.events.append(self.message(deadline))

    def named(self, *names):
        """What was reported under these names, as text."""
        return [json.dumps(e["params"])[:400] for e in self.events
                if e.get("method") in names]

    # ---- What tests do ----

    def open(self, path):
        """Load a file, to its load event."""
        self.events = []
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        self.wait("Page.loadEventFired")

    def value(self, expression):
        """What the expression of JavaScript is, by value."""
        got = self.call("Runtime.evaluate", expression=expression,
                        returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise Failed("%s: %s" % (expression[:200], got["result"].get(
                "description", got["exceptionDetails"]["text"])))
        return got["result"].get("value")

    def until(self, condition):
        """Wait for the condition: charts follow events some frames later."""
        self.value("""new Promise((done) => {
          const look = () => (%s) ? done() : requestAnimationFrame(look);
          look();
        })""" % condition)

    def dark(self, on=True):
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme",
             "value": "dark" if on else "light"}])

    def resize(self, width, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=False)

    def key(self, key, code=None, text=None):
        more = {"text": text} if text else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key,
                      code=code or key, windowsVirtualKeyCode={
                          "Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40,
                          "ArrowUp": 38}.get(key, 0), **more)
            more = {}

    def picture(self, path):
        """For a person who wants to see what a test saw."""
        got = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        with open(path, "wb") as f:
            f.write(base64.b64decode(got["data"]))

    def pdf(self):
        got = self.call("Page.printToPDF", **A4)
        return base64.b64decode(got["data"])
