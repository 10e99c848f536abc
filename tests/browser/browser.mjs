// What the tests of the page share: a browser, a page that tells of everything that is amiss, and patience with a deadline.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

import { CHROMIUM } from "./chromium.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const launch = () => chromium.launch(CHROMIUM);

/**
 * Opens the page in a context of its own. `amiss` collects what must not be: errors, violations of the policy, requests to elsewhere.
 * That nobody answers is no error of the page, and `away` is to be set while that is so.
 */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const amiss = [];
  page.away = false;
  page.amiss = amiss;
  page.on("pageerror", (error) => amiss.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const unanswered = page.away && message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !unanswered) amiss.push(`${message.type()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith("data:") && new URL(request.url()).origin !== new URL(url).origin)
      amiss.push(`request: ${request.url()}`);
  });
  await page.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => globalThis.violations.push(event.violatedDirective));
  });
  await page.goto(url);
  return page;
}

/** Closes the page, of which nothing may have been amiss. */
export async function close(page) {
  assert.deepEqual(await page.evaluate(() => globalThis.violations), [], "violations of the policy");
  assert.deepEqual(page.amiss, [], "errors, warnings, requests to elsewhere");
  await page.context().close();
}

/** Waits until `holds` of what `read` gives, and gives it; fails with the last of it. */
export async function eventually(what, read, holds, within = 15_000) {
  const deadline = Date.now() + within;
  for (;;) {
    const last = await read();
    if (holds(last)) return last;
    assert.ok(Date.now() < deadline, `not within ${within} ms: ${what}; last: ${JSON.stringify(last)}`);
    await new Promise((again) => setTimeout(again, 50));
  }
}

export const headline = (page) => page.locator("h1").innerText();

export const drawn = (page) => page.locator("#pools tbody tr").first().waitFor();

/** That axe-core finds nothing to object to. */
export async function accessible(page, what) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const told = violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes
        .map((node) => `${node.html} ${node.any[0]?.message ?? ""}`)
        .slice(0, 3)
        .join(" | ")}`,
  );
  assert.deepEqual(told, [], `axe-core, ${what}`);
}

/** That nothing is wider than the window. */
export async function fits(page, what) {
  const [needed, given] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(needed <= given, `${what}: ${needed} px in a window of ${given}`);
}
