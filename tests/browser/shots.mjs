// Pictures of every scene in every form, to be looked at: `node shots.mjs [scene …]` writes shots/SCENE-THEME-WIDTH.png.

import { mkdirSync } from "node:fs";

import { chromium } from "playwright-core";

import { play } from "./play/server.mjs";
import { scenes } from "./play/scenes.mjs";
import { CHROMIUM } from "./chromium.mjs";

/** A service that went away. */
const LOST = "lost";

const wanted = process.argv.slice(2);
mkdirSync("shots", { recursive: true });
const server = await play();
const browser = await chromium.launch(CHROMIUM);
for (const scene of wanted.length > 0 ? wanted : [...Object.keys(scenes), LOST]) {
  for (const [width, colorScheme] of [
    [1440, "light"],
    [1440, "dark"],
    [768, "light"],
    [360, "dark"],
  ]) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on("console", (message) => console.log(scene, width, message.type(), message.text()));
    page.on("pageerror", (error) => console.log(scene, width, error.message));
    await page.goto(`${server.url}?${scene === LOST ? "calm" : scene}`);
    await page.waitForSelector(".figures:not([hidden])");
    if (scene === LOST) {
      server.scene = "away";
      server.closeAllConnections();
      await page.waitForSelector("[data-level=lost]");
    }
    await page.screenshot({ path: `shots/${scene}-${colorScheme}-${width}.png`, fullPage: true });
    await page.close();
  }
}
await browser.close();
server.close();
server.closeAllConnections();
