// What is wrong, in words, the worst first: the five seconds at three in the morning.

import { count, counted, perSecond, share, span, text, words } from "./format.js";
import { arriving, failed, poolNamed, rate, ready, refused, sum } from "./history.js";

/** Levels, the worst first. A `note` is worth knowing and nothing wrong. */
const LEVELS = ["bad", "watch", "note"];

/** An item that waits so long is worth a look, in milliseconds. */
const LONG_WAIT = 300_000;

/** The share of failing jobs that is worth a look before health calls a pool degraded. */
const FAILING = 0.05;

/** Refusals that say "later" to some, as they were configured to: the others keep their room. */
const MILD = new Set(["soft_limit", "sub_limit", "too_large"]);

const finding = (level, place, key, title, detail = "") => ({ level, place, key, title, detail });
const list = (parts) => parts.filter(Boolean).join("; ");

/** What there is to be said about the last of these samples. `key` stays the same while the matter does. */
export function findings(samples) {
  const status = samples.at(-1);
  const found = [
    ...readiness(status),
    ...status.pools.flatMap((pool) => ofPool(samples, pool)),
    ...ofAdmission(samples, status),
    ...ofBurst(status.burst),
    ...ofBalance(status),
    ...(status.kanban ? ofQueues(samples, status) : []),
  ];
  return found.sort((one, other) => LEVELS.indexOf(one.level) - LEVELS.indexOf(other.level));
}

/** The worst level there is; `good` where nothing is wrong. */
export function levelOf(found) {
  const worst = found[0]?.level ?? "note";
  return worst === "note" ? "good" : worst;
}

function readiness({ state, readiness: { ok, reasons } }) {
  if (state === "ending")
    return [finding("watch", "masthead", "ending", "The service is ending", "it takes no new work, and finishes what it has")];
  return ok ? [] : [finding("bad", "masthead", "unready", "Not ready for work", (reasons ?? []).join("; "))];
}

function ofPool(samples, pool) {
  const place = `pool-${pool.name}`;
  const part = failingShare(samples, pool.name);
  const failing = part > 0 ? `${text(share(part))} of its jobs fail` : "";
  const found = [];
  if (pool.health !== "healthy") {
    const level = pool.health === "critical" ? "bad" : "watch";
    found.push(
      finding(
        level,
        place,
        `${place}-${pool.health}`,
        `Pool ${pool.name} is ${words(pool.health)}`,
        list([failing, pool.queued > 0 && `${counted(pool.queued, "job")} queued`]),
      ),
    );
  } else if (part >= FAILING) {
    found.push(finding("watch", place, `${place}-failing`, `Jobs of pool ${pool.name} fail`, failing));
  }
  if (pool.lost_workers > 0) {
    found.push(
      finding(
        "watch",
        place,
        `${place}-lost`,
        `Pool ${pool.name} has lost ${counted(pool.lost_workers, "worker")}`,
        pool.lost_workers === 1 ? "its job does not end" : "their jobs do not end",
      ),
    );
  }
  return found;
}

function failingShare(samples, name) {
  const all = rate(samples, (status) => sum(poolNamed(status, name)?.jobs));
  return all > 0 ? (rate(samples, (status) => failed(poolNamed(status, name))) ?? 0) / all : 0;
}

function ofAdmission(samples, { state, admission }) {
  const total = rate(samples, refused);
  if (total > 0 && state !== "ending") {
    const reasons = Object.keys(admission.refused).map((reason) => [
      reason,
      rate(samples, (status) => status.admission.refused[reason]),
    ]);
    const now = reasons.filter(([, often]) => often > 0).sort((one, other) => other[1] - one[1]);
    const level = now.every(([reason]) => MILD.has(reason)) ? "watch" : "bad";
    const parts = now.map(([reason, often]) => `${words(reason)} ${text(perSecond(often))}`).join(", ");
    const detail = `of ${text(perSecond(arriving(samples)))} that arrive: ${parts}`;
    return [finding(level, "admission", `refusing-${level}`, `Refusing ${text(perSecond(total))}`, detail)];
  }
  if (admission.in_flight >= admission.effective) {
    return [
      finding(
        "watch",
        "admission",
        "full",
        "Admission is full",
        `${count(admission.in_flight)} of ${count(admission.hard)} in flight`,
      ),
    ];
  }
  return [];
}

const BURSTS = { surging: "A burst is being answered", returning: "A burst has passed: surge workers go back" };

function ofBurst(burst) {
  if (!(burst.phase in BURSTS)) return [];
  const times = burst.ratio > 0 ? `${burst.ratio.toFixed(1)} times the usual load` : "";
  const lent = burst.extra_workers > 0 ? `${counted(burst.extra_workers, "more worker")} for each pool` : "";
  const left = burst.lease_left_ms === undefined ? "" : `for another ${span(burst.lease_left_ms)}`;
  return [
    finding("note", "burst", `burst-${burst.phase}`, BURSTS[burst.phase], list([times, [lent, left].filter(Boolean).join(" ")])),
  ];
}

function ofBalance({ balance, pools }) {
  // Among pools that have nothing to do, it says nothing.
  if (pools.length < 2 || balance >= 0.5 || !pools.some((pool) => pool.utilisation >= 0.5)) return [];
  return [
    finding(
      "watch",
      "pools",
      "balance",
      "Load is uneven",
      `balance ${balance.toFixed(2)}, where 1 is even and below 0.5 is poor`,
    ),
  ];
}

function ofQueues(samples, { at, kanban }) {
  return [
    ...ofBroker(kanban),
    ...kanban.queues.flatMap((queue) => ofQueue(queue, at)),
    ...ofLetters(samples, at, kanban),
    ...ofStrays(kanban),
  ];
}

function ofBroker({ broker, fault, failover }) {
  if (!failover) return fault === undefined ? [] : [finding("bad", "broker", "broker", `The broker fails (${broker})`, fault)];
  const active = failover.brokers.find((one) => one.active);
  const away = failover.state !== "primary";
  const found = [];
  if (active?.fault !== undefined)
    found.push(finding("bad", "broker", "broker", `The broker published to fails (${active.name})`, active.fault));
  for (const other of failover.brokers.filter((one) => !one.active && one.fault !== undefined)) {
    found.push(finding("watch", "broker", `broker-${other.role}`, `The ${other.role} broker fails (${other.name})`, other.fault));
  }
  if (away)
    found.push(finding("watch", "broker", "fallback", `Publishing goes to the fallback (${active?.name})`, failover.reason));
  return found;
}

const TROUBLES = {
  open: ["bad", "is open", "its handler fails, and nothing is pulled"],
  half_open: ["watch", "tries one item", "its handler failed before"],
  ramp: ["watch", "lets items through again", "a few at once, since its handler failed before"],
};

function ofQueue(queue, at) {
  const place = `queue-${queue.domain}`;
  const age = queue.oldest === undefined ? 0 : at - queue.oldest;
  const waiting =
    ready(queue) > 0 ? `${counted(ready(queue), "item")} ready${age > 0 ? `, the oldest for ${span(age)}` : ""}` : "";
  const found = [];
  if (queue.breaker in TROUBLES) {
    const [level, does, why] = TROUBLES[queue.breaker];
    found.push(
      finding(level, place, `${place}-${queue.breaker}`, `The breaker of ${queue.domain} ${does}`, list([why, waiting])),
    );
  } else if (age >= LONG_WAIT) {
    found.push(finding("watch", place, `${place}-old`, `Items of ${queue.domain} wait for long`, waiting));
  }
  if (queue.stalled > 0)
    found.push(
      finding(
        "watch",
        place,
        `${place}-stalled`,
        `${counted(queue.stalled, "item")} of ${queue.domain} ${queue.stalled === 1 ? "is" : "are"} stalled`,
        "they run for too long",
      ),
    );
  return found;
}

function ofLetters(samples, at, { dead_letters: letters, oldest_dead_letter: oldest }) {
  if (!(letters > 0)) return [];
  const dying = rate(samples, (status) => status.kanban?.counts.dead_lettered);
  const age = oldest === undefined ? "" : `the oldest died ${span(at - oldest)} ago`;
  const title = letters === 1 ? "1 dead letter waits" : `${count(letters)} dead letters wait`;
  return [
    finding("watch", "dead-letters", "dead-letters", title, list([dying > 0 ? `${text(perSecond(dying))} more` : "", age])),
  ];
}

function ofStrays({ strays }) {
  const items = (strays ?? []).reduce((total, stray) => total + stray.items, 0);
  if (items === 0) return [];
  const domains = [...new Set(strays.map((stray) => stray.domain))].join(", ");
  return [finding("watch", "dead-letters", "strays", `Nobody seems to consume ${counted(items, "item")}`, `of ${domains}`)];
}
