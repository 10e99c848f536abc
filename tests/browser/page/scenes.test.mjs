// The page with scenes in place of a service: every state, in every form.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { accessible, close, drawn, eventually, fits, headline, launch, open } from "../browser.mjs";
import { scenes } from "../play/scenes.mjs";
import { play } from "../play/server.mjs";

let browser;
let server;
before(async () => {
  [browser, server] = await Promise.all([launch(), play()]);
});
after(async () => {
  server.close();
  server.closeAllConnections();
  await browser.close();
});

const HEADLINES = {
  calm: "All is well",
  single: "All is well",
  burst: "All is well",
  loaded: "Refusing",
  breaker: "The breaker of mail is open",
  failover: "The primary broker fails (nats)",
  critical: "Not ready for work",
  ending: "The service is ending",
};

/** What each looks like on a desk and on a phone, and one of them in every form. */
const FORMS = [
  [1440, "light"],
  [360, "dark"],
];
const ALL_FORMS = [1440, 768, 360].flatMap((width) => [
  [width, "light"],
  [width, "dark"],
]);

for (const scene of Object.keys(scenes)) {
  test(`${scene}: understood, accessible and fitting, light and dark, wide and narrow`, async () => {
    for (const [width, colorScheme] of scene === "breaker" ? ALL_FORMS : FORMS) {
      const page = await open(browser, `${server.url}?${scene}`, { viewport: { width, height: 800 }, colorScheme });
      await drawn(page);
      await eventually(
        "the headline",
        () => headline(page),
        (told) => told.startsWith(HEADLINES[scene]),
      );
      await page.locator("#journal summary").first().click();
      const what = `${scene}, ${colorScheme}, ${width} px`;
      await fits(page, what);
      await accessible(page, what);
      await close(page);
    }
  });
}

test("a service without a queue has no sections of one", async () => {
  const page = await open(browser, `${server.url}?single`);
  await drawn(page);
  for (const [id, seen] of [
    ["queues", false],
    ["broker", false],
    ["dead-letters", false],
    ["admission", true],
    ["journal", true],
  ]) {
    assert.equal(await page.locator(`#${id}`).isVisible(), seen, id);
  }
  await close(page);
});

test("what is wrong leads to its place", async () => {
  const page = await open(browser, `${server.url}?breaker`);
  await drawn(page);
  await page.getByRole("link", { name: "The breaker of mail is open" }).click();
  const row = page.locator("#queue-mail");
  assert.ok(await row.evaluate((element) => element.matches(":target")));
  await eventually(
    "in sight",
    () => row.boundingBox(),
    ({ y }) => y >= 0 && y < 900,
  );
  assert.match(await row.innerText(), /open/);
  await close(page);
});

test("a service that goes away is said to be away, its figures to be old; it is found again by itself", async () => {
  const page = await open(browser, `${server.url}?calm`);
  await drawn(page);
  assert.match(await page.locator(".contact").innerText(), /Live/);
  page.away = true;
  server.scene = "away";
  server.closeAllConnections();
  await eventually(
    "no contact",
    () => headline(page),
    (told) => told.startsWith("No contact since"),
  );
  assert.match(await page.locator(".contact").innerText(), /Stale since \d\d:\d\d:\d\d/);
  assert.match(await page.title(), /^No contact/);
  await accessible(page, "without contact");
  server.scene = "calm";
  await eventually(
    "contact again",
    () => headline(page),
    (told) => told === "All is well",
  );
  page.away = false;
  assert.match(await page.locator(".contact").innerText(), /Live/);
  await close(page);
});

test("another process under the same address begins anew", async () => {
  const page = await open(browser, `${server.url}?calm`);
  await drawn(page);
  page.away = true;
  server.scene = "single";
  server.closeAllConnections();
  await eventually(
    "the other one's pools",
    () => page.locator("#pools tbody tr").count(),
    (rows) => rows === 1,
  );
  assert.equal(await page.locator("#queues").isVisible(), false);
  await close(page);
});

test("names and faults are text, whatever they look like", async () => {
  const page = await open(browser, `${server.url}?failover`);
  const nasty = `<img src=x onerror="document.title='broken into'"><script>alert(1)</script>`;
  await page.route("**/events", (route) => {
    const status = scenes.failover(180);
    status.pools[0].name = nasty;
    status.kanban.queues[0].domain = nasty;
    status.kanban.failover.brokers[0].fault = nasty;
    status.kanban.failover.reason = nasty;
    const entry = { number: 1, ago_ms: 5, author: nasty, subject: nasty, rule: nasty, decision: nasty, inputs: nasty };
    const body = [
      ["status", status],
      ["journal", { entries: [entry] }],
    ]
      .map(([kind, told]) => `event: ${kind}\ndata: ${JSON.stringify(told)}\n\n`)
      .join("");
    return route.fulfill({ contentType: "text/event-stream", body });
  });
  await page.reload();
  await drawn(page);
  const shown = await page.locator("body").innerText();
  for (const part of ["#pools", "#queues", "#broker", "#journal"])
    assert.ok((await page.locator(part).innerText()).includes(nasty), part);
  assert.ok(shown.includes(nasty));
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.ok(!(await page.title()).includes("broken into"));
  await close(page);
});

test("the theme that was chosen is remembered", async () => {
  const page = await open(browser, `${server.url}?calm`, { colorScheme: "light" });
  await drawn(page);
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  const button = page.getByRole("button", { name: "Theme" });
  await button.click();
  await button.click();
  assert.equal(await button.innerText(), "Theme: dark");
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  await drawn(page);
  assert.deepEqual([await button.innerText(), await ground()], ["Theme: dark", dark]);
  await close(page);
});

test("the keyboard reaches everything that can be used, in the order it is seen", async () => {
  const page = await open(browser, `${server.url}?breaker`);
  await drawn(page);
  const usable = await page
    .locator("a[href], button, summary")
    .evaluateAll((all) => all.filter((one) => one.checkVisibility()).map((one) => one.textContent));
  const reached = [];
  for (let presses = 0; presses < usable.length; presses += 1) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => document.activeElement.textContent));
  }
  assert.deepEqual(reached, usable);
  await page.locator("#journal summary").first().focus();
  await page.keyboard.press("Enter");
  assert.ok(
    await page
      .locator("#journal details")
      .first()
      .evaluate((details) => details.open),
  );
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  const was = await focused();
  const age = () => page.locator("#journal time").first().innerText();
  const before = await age();
  await eventually("the next second", age, (now) => now !== before);
  assert.deepEqual(
    [
      await focused(),
      await page
        .locator("#journal details")
        .first()
        .evaluate((details) => details.open),
    ],
    [was, true],
    "what was unfolded and in focus stays",
  );
  await close(page);
});

test("a screen reader hears the headline once, not each second", async () => {
  const page = await open(browser, `${server.url}?breaker`);
  await drawn(page);
  await eventually(
    "said",
    () => page.locator("#announced").textContent(),
    (said) => said === "The breaker of mail is open",
  );
  const again = await page.evaluate(
    () =>
      new Promise((done) => {
        let times = 0;
        new MutationObserver(() => {
          times += 1;
        }).observe(document.getElementById("announced"), { childList: true, characterData: true, subtree: true });
        const figure = document.querySelector("#verdict .detail");
        let changes = 0;
        new MutationObserver(() => {
          changes += 1;
          if (changes >= 2) done(times);
        }).observe(figure, { childList: true, characterData: true, subtree: true });
      }),
  );
  assert.equal(again, 0);
  await close(page);
});
