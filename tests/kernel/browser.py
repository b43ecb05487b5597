"""Headless Chromium in a namespace: what a page is after its scripts have run, and a picture of it."""
import contextlib
import subprocess

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-extensions",
         "--no-first-run", "--disable-background-networking")
LIMIT_S = 120


def _run(ns, folder, *words):
    home = folder / "chromium"
    return ns.run("env", f"HOME={home}", "timeout", str(LIMIT_S), "chromium", *FLAGS, f"--user-data-dir={home}", *words).stdout


def dom(ns, folder, url, after_ms=0):
    """The document as HTML, once it is loaded and its timers of the next after_ms have run."""
    return _run(ns, folder, *([f"--virtual-time-budget={after_ms}"] if after_ms else []), "--dump-dom", url)


def picture(ns, folder, url, width=1200, height=900):
    """The path of a PNG."""
    path = folder / "page.png"
    _run(ns, folder, f"--window-size={width},{height}", f"--screenshot={path}", url)
    return path



@contextlib.contextmanager
def open_page(ns, folder, url):
    """A browser that shows the page for the length of a `with` block."""
    home = folder / "chromium"
    process = ns.popen("env", f"HOME={home}", "chromium", *FLAGS, f"--user-data-dir={home}", "--remote-debugging-port=9222", url,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(LIMIT_S)
