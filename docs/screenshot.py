"""Take the README's picture of the site: `python docs/screenshot.py`. It needs Chromium, Playwright and Pillow.

The shipped profile and model answer one question; the picture is of what a visitor sees then.
"""

import os
import shutil
import sys
from pathlib import Path

from figures import FIGURES, QUESTION, ask, running

WIDTH, HEIGHT = 1280, 760


def take(out: Path) -> None:
    """Write the picture as WebP."""
    import io

    from PIL import Image
    from playwright.sync_api import sync_playwright

    own = os.environ.get("FISCHGPT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with running() as url, sync_playwright() as playwright:
        ask(url, "Where were the GPUs rented?")  # the first question of all also pays for what is loaded late
        browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1.5)
        page.goto(url)
        page.get_by_role("textbox").first.fill(QUESTION)
        page.keyboard.press("Enter")
        page.get_by_text("$208.74 in total").first.wait_for()
        page.wait_for_timeout(1500)
        shot = page.screenshot()
        browser.close()
    Image.open(io.BytesIO(shot)).save(out, "WEBP", quality=82, method=6)


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else FIGURES / "site.webp")
