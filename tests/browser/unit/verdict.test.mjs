import assert from "node:assert/strict";
import { test } from "node:test";

import { extend } from "../../../src/ops/page/history.js";
import { findings, levelOf } from "../../../src/ops/page/verdict.js";
import { scenes } from "../play/scenes.mjs";

/** The findings of a scene after half a minute, each changed by `change`. */
function found(scene, change = (status) => status) {
  const samples = Array.from({ length: 30 }, (_, second) => change(scenes[scene](150 + second), second)).reduce(extend, []);
  return findings(samples);
}

const titles = (found) => found.map(({ level, title }) => `${level}: ${title.replaceAll("\u00a0", " ")}`);

test("where nothing is wrong nothing is said", () => {
  for (const scene of ["calm", "single"]) assert.deepEqual(found(scene), []);
  assert.equal(levelOf([]), "good");
});

test("a burst that is answered is worth knowing, and nothing wrong", () => {
  assert.deepEqual(titles(found("burst")), ["note: A burst is being answered"]);
  assert.equal(levelOf(found("burst")), "good");
});

test("the worst comes first", () => {
  assert.deepEqual(titles(found("breaker")), [
    "bad: The breaker of mail is open",
    "watch: Pool mail is degraded",
    "watch: 17 dead letters wait",
  ]);
  const all = found("critical");
  assert.deepEqual(titles(all).slice(0, 3), [
    "bad: Not ready for work",
    "bad: Pool checkout is critical",
    "bad: Pool mail is critical",
  ]);
  assert.equal(levelOf(all), "bad");
});

test("each leads to its place", () => {
  const places = Object.fromEntries(found("breaker").map(({ title, place }) => [title, place]));
  assert.deepEqual(places, {
    "The breaker of mail is open": "queue-mail",
    "Pool mail is degraded": "pool-mail",
    "17 dead letters wait": "dead-letters",
  });
});

test("refusals of low priority alone are to be watched; those of everybody are bad", () => {
  const refusing = (reason) =>
    found("calm", (status, second) => ({
      ...status,
      admission: { ...status.admission, refused: { ...status.admission.refused, [reason]: second * 12 } },
    }));
  assert.deepEqual(titles(refusing("soft_limit")), ["watch: Refusing 12 /s"]);
  assert.deepEqual(titles(refusing("hard_limit")), ["bad: Refusing 12 /s"]);
  assert.match(refusing("hard_limit")[0].detail, /hard limit 12/);
});

test("refusals of long ago are no matter", () => {
  assert.deepEqual(
    found("calm", (status) => ({ ...status, admission: { ...status.admission, refused: { hard_limit: 4000 } } })),
    [],
  );
});

test("two brokers: which is active, and what is the matter with the other", () => {
  assert.deepEqual(titles(found("failover")).slice(0, 2), [
    "watch: The primary broker fails (nats)",
    "watch: Publishing goes to the fallback (amqp)",
  ]);
  const both = found("failover", (status) => {
    status.kanban.failover.brokers[1].fault = "connection reset";
    return status;
  });
  assert.equal(titles(both)[0], "bad: The broker published to fails (amqp)");
});

test("a broker that fails without another is bad", () => {
  const [first] = found("calm", (status) => ({ ...status, kanban: { ...status.kanban, fault: "disk full" } }));
  assert.deepEqual([first.level, first.title, first.detail], ["bad", "The broker fails (file)", "disk full"]);
});

test("a service that ends is not called broken", () => {
  assert.deepEqual(titles(found("ending")), ["watch: The service is ending"]);
});

test("pools with nothing to do are not uneven", () => {
  const uneven = (utilisation) =>
    found("calm", (status) => ({ ...status, balance: 0.2, pools: status.pools.map((pool) => ({ ...pool, utilisation })) }));
  assert.deepEqual([titles(uneven(0.01)), titles(uneven(0.7))], [[], ["watch: Load is uneven"]]);
});

test("items that wait for long, and those that are stalled, are named", () => {
  const waiting = found("calm", (status) => {
    Object.assign(status.kanban.queues[0], { oldest: status.at - 720_000, stalled: 2 });
    return status;
  });
  assert.deepEqual(titles(waiting), ["watch: Items of mail wait for long", "watch: 2 items of mail are stalled"]);
  assert.match(waiting[0].detail, /4 items ready, the oldest for 12\smin/);
});
