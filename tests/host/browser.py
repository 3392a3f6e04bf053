#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Opens pages in a headless Chromium, wide as on a desk and narrow as on a phone, and tells what is
wrong, a line for each: a page wider than the window, text or a picture beyond its edge, a picture
that is not there, a message in the console.

Debian's Python, for Debian's Selenium.

Usage: browser.py FILE.html...    see scripts/browser.sh
With LKMPG_SCREENSHOTS=DIR it leaves a picture of each page there.
"""

import os
import pathlib
import shutil
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

WIDTHS = {"desk": 1280, "phone": 390}

# What sticks out of the window, though nothing around it scrolls; and pictures without a size.
LOOK = """
    const found = [], wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > wide)
        found.push('is ' + document.documentElement.scrollWidth + ' wide');
    const scrolls = e => e && (/auto|scroll/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    for (const e of document.querySelectorAll('main *')) {
        const box = e.getBoundingClientRect();
        if (box.right > wide + 1 && !scrolls(e))
            found.push('beyond the edge: ' + e.tagName + ' ' + e.textContent.trim().slice(0, 40));
    }
    for (const e of document.querySelectorAll('main img, main svg.picture')) {
        const box = e.getBoundingClientRect();
        if (box.width < 100 || box.height < 100 || e.complete === false || e.naturalWidth === 0)
            found.push('a picture without a size: ' + (e.src || e.getAttribute('aria-label')));
        for (const t of e.querySelectorAll('text')) {
            const inner = t.getBoundingClientRect();
            if (inner.left < box.left - 1 || inner.right > box.right + 1 || inner.bottom > box.bottom + 1)
                found.push('text beyond its picture: ' + t.textContent);
        }
    }
    return found;
"""


def main():
    options = webdriver.ChromeOptions()
    for argument in ["headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "force-color-profile=srgb"]:
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Debian's, where Selenium of Debian 13 would look for one that downloads them.
    options.binary_location = shutil.which("chromium")
    service = Service(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    faults = []
    for screen, width in WIDTHS.items():
        # Emulated, for a window has a least width.
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": screen == "phone"}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        for path in map(pathlib.Path, sys.argv[1:]):
            driver.get(path.resolve().as_uri())
            faults += [f"{path.name}, {screen}: {fault}" for fault in driver.execute_script(LOOK)]
            faults += [f"{path.name}, {screen}: console: {line['message']}" for line in driver.get_log("browser")]
            if folder := os.environ.get("LKMPG_SCREENSHOTS"):
                driver.save_screenshot(f"{folder}/{path.stem}-{screen}.png")
    driver.quit()
    print(*faults, sep="\n", end="\n" if faults else "")
    sys.exit(bool(faults))


main()
