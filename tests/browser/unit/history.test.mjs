import assert from "node:assert/strict";
import { test } from "node:test";

import { extend, levels, rate, rates, SPAN } from "../../../src/ops/page/history.js";

const sample = (uptime_ms, counter, pid = 1) => ({ pid, uptime_ms, counter });
const counter = (status) => status.counter;
const all = (samples) => samples.reduce(extend, []);

test("a counter becomes a rate over the last five seconds", () => {
  const samples = all(Array.from({ length: 11 }, (_, at) => sample(1000 + at * 1000, at < 6 ? 0 : (at - 5) * 30)));
  assert.equal(rate(samples, counter), 30);
  assert.equal(rate(all([sample(1000, 0), sample(1500, 40)]), counter), 80);
});

test("a rate that cannot be told is none", () => {
  assert.equal(rate([sample(1000, 7)], counter), null, "one sample");
  assert.equal(rate([sample(1000, 7), sample(2000, 3)], counter), null, "a counter that shrank");
  assert.equal(rate([sample(1000, undefined), sample(2000, 3)], counter), null, "a pool that was not there");
});

test("another process has no past, and neither has one that began anew", () => {
  const samples = all([sample(1000, 1), sample(2000, 2)]);
  assert.equal(samples.length, 2);
  assert.deepEqual(extend(samples, sample(3000, 3, 2)).length, 1);
  assert.deepEqual(extend(samples, sample(500, 3)).length, 1);
});

test("no more than three minutes are remembered", () => {
  const samples = all(Array.from({ length: 400 }, (_, at) => sample(1000 + at * 1000, at)));
  assert.equal(samples.length, SPAN / 1000 + 1);
  const points = levels(samples, counter);
  assert.deepEqual([points[0].x, points.at(-1)], [0, { x: 1, y: 399 }]);
});

test("how a counter's growth went has a gap where it cannot be told", () => {
  const samples = all([sample(1000, 0), sample(2000, 10), sample(4000, 50), sample(5000, 5), sample(6000, 6)]);
  assert.deepEqual(
    rates(samples, counter).map(({ y }) => y),
    [10, 20, null, 1],
  );
});
