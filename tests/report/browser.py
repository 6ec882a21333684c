"""A real Chromium without a screen, spoken to over a pipe in its own protocol: what a page asked
for, what it complained of, how it looks."""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_S = 60

# What of a page one can't see or come to: elements and words that reach beyond the window, or
# beyond a box that cuts them off. What scrolls within itself is none of it.
STICKS_OUT = r"""
(width => {
  const out = [], walker = document.createTreeWalker(document.body, 5);
  const around = (element) => {
    for (let up = element; up && up !== document.body; up = up.parentElement) {
      const how = getComputedStyle(up).overflowX;
      if (how === "auto" || how === "scroll") return null;
      if (how !== "visible") return up.getBoundingClientRect();
    }
    return { left: 0, right: width };
  };
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (parent.closest("script, svg, .warm")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = node.nodeType === 1 ? node.getBoundingClientRect() : range.getBoundingClientRect();
    const room = box.width && box.height ? around(parent) : null;
    if (room && (box.left < room.left - .5 || box.right > room.right + .5))
      out.push(`${parent.tagName}.${parent.className}>${node.nodeName} ${Math.round(box.left)} to `
        + `${Math.round(box.right)}: ${node.textContent.slice(0, 60)}`);
  }
  return out;
})(%d)
"""


class Browser:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.events, self.number, self.buffer = [], 0, b""
        to_read, self.to = os.pipe()
        self.of, to_write = os.pipe()

        def pipes():
            # Its ends of the pipes are 3 and 4, by name.
            ends = os.dup(to_read), os.dup(to_write)
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-extensions", "--disable-dev-shm-usage", "--hide-scrollbars",
             f"--user-data-dir={self.folder.name}", "--remote-debugging-pipe"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=pipes, close_fds=False, start_new_session=True)
        os.close(to_read)
        os.close(to_write)
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.to)
        os.close(self.of)
        self.folder.cleanup()

    def message(self):
        until = time.monotonic() + PATIENCE_S
        while b"\0" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.of], [], [], left)[0]:
                raise TimeoutError("the browser gave no answer")
            got = os.read(self.of, 1 << 20)
            if not got:
                raise EOFError("the browser is gone")
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(line)

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to, json.dumps(request).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def open(self, path, width=1200, height=1000, dark=False):
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media="", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=f"file://{path}")
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.message())

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def sticks_out(self, width):
        """What does not fit a window of this width; a page that fits returns nothing."""
        out = self.evaluate(STICKS_OUT % width)
        whole = self.evaluate("document.documentElement.scrollWidth")
        return out if whole == width else [f"the page is {whole} wide, not {width}", *out]

    def asked_for(self):
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        kinds = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled",
                 "Page.javascriptDialogOpening")
        return [event for event in self.events if event.get("method") in kinds]

    def picture(self, path, whole=True):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole,
                         **({"clip": self.whole()} if whole else {}))["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def whole(self):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
