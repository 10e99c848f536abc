// The last three minutes of statuses, and what follows from two of them: counters become rates.

/** How far back it goes, in milliseconds. */
export const SPAN = 180_000;

/** What a rate that is shown as a figure is taken over, in milliseconds. */
const LATELY = 5_000;

/** The samples with one more. Another process, or one that began anew, has no past. */
export function extend(samples, status) {
  const last = samples.at(-1);
  const goesOn = last !== undefined && last.pid === status.pid && status.uptime_ms >= last.uptime_ms;
  const kept = goesOn ? samples.filter((sample) => status.uptime_ms - sample.uptime_ms <= SPAN) : [];
  return [...kept, status];
}

/** By how much a counter grew a second between two samples; null where that cannot be told. */
function between(before, after, read) {
  const [from, to] = [read(before), read(after)];
  const millis = after.uptime_ms - before.uptime_ms;
  if (!Number.isFinite(from) || !Number.isFinite(to) || millis <= 0 || to < from) return null;
  return ((to - from) * 1000) / millis;
}

/** By how much a counter grows a second, lately. */
export function rate(samples, read) {
  const last = samples.at(-1);
  const first = samples.find((sample) => last.uptime_ms - sample.uptime_ms <= LATELY);
  return first === last ? null : between(first, last, read);
}

const place = (sample, last) => 1 - (last.uptime_ms - sample.uptime_ms) / SPAN;

/** How a counter's growth went: points from 0, three minutes ago, to 1, now. */
export function rates(samples, read) {
  const last = samples.at(-1);
  return samples.slice(1).map((sample, at) => ({ x: place(sample, last), y: between(samples[at], sample, read) }));
}

/** How a figure went. */
export function levels(samples, read) {
  const last = samples.at(-1);
  return samples.map((sample) => ({ x: place(sample, last), y: read(sample) ?? null }));
}

/** The sum of an object's values. */
export function sum(counts) {
  return Object.values(counts ?? {}).reduce((total, count) => total + count, 0);
}

export const refused = (status) => sum(status.admission.refused);

/** Jobs that ended, however. */
export const ended = (status) => status.pools.reduce((total, pool) => total + sum(pool.jobs), 0);

/** Jobs that were let in: those that ended, and those that did not yet. */
export const accepted = (status) => ended(status) + status.pools.reduce((total, pool) => total + pool.in_flight, 0);

/** All that wants in, let in or not, a second. */
export function arriving(samples) {
  const parts = [rate(samples, accepted), rate(samples, refused)];
  return parts.includes(null) ? null : parts[0] + parts[1];
}

export const poolNamed = (status, name) => status.pools.find((pool) => pool.name === name);

/** Jobs that failed or panicked. */
export const failed = (pool) => (pool ? (pool.jobs.failed ?? 0) + (pool.jobs.panicked ?? 0) : undefined);

/** The pool whose slowest jobs are the slowest lately, of those that had any. */
export function slowest(status, part = "total") {
  const busy = status.pools.filter((pool) => pool.latency[part].count > 0);
  return busy.reduce(
    (worst, pool) => (worst && worst.latency[part].p99_us >= pool.latency[part].p99_us ? worst : pool),
    undefined,
  );
}

/** Items that could be pulled now, of all priorities; undefined where the broker cannot tell. */
export function ready(queue) {
  const known = queue?.ready.filter((depth) => depth !== null) ?? [];
  return known.length === 0 ? undefined : known.reduce((total, depth) => total + depth, 0);
}
