// The site's page. It asks every few seconds how things are, and shows it as text: nothing
// that a device or a server said is ever markup.
"use strict";

const EVERY_MS = 2000;
const DEAD_SHOWN = 50;
const LEVELS = { // spec edge 10.5, 11.2: from here on a warning, from there on bad
  backlog: [1000, 5000],
  dead: [1, 50],
  oldest: [3600, 86400],
  failures: [6, 11],
  used: [70, 90],
};

const byId = (id) => document.getElementById(id);
let token = new URLSearchParams(location.hash.slice(1)).get("token") || "";

function element(name, text, attributes = {}) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

const level = (value, [warn, bad]) => (value >= bad ? "bad" : value >= warn ? "warn" : "good");

function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;

// ## Asking

async function ask(path, body) {
  const answer = await fetch(path, {
    method: body ? "POST" : "GET",
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  if (answer.status === 401 && !byId("ask").open) byId("ask").showModal();
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

// ## Showing

function figures(id, rows) {
  byId(id).replaceChildren(...rows.map(([name, text, how]) => {
    const box = element("div");
    box.append(element("dt", name), element("dd", text, { "data-level": how, "data-name": name }));
    return box;
  }));
}

function showSync(sync) {
  if (!sync) {
    figures("sync", [["forwarder", "does not answer", "bad"]]);
    return;
  }
  const oldest = sync.oldest_pending_age_seconds;
  const success = sync.last_success_at;
  figures("sync", [
    ["backlog", String(sync.pending_count), level(sync.pending_count, LEVELS.backlog)],
    ["oldest waiting", oldest === null ? "nothing waits" : duration(oldest),
      level(oldest ?? 0, LEVELS.oldest)],
    ["dead letters", String(sync.dlq_count), level(sync.dlq_count, LEVELS.dead)],
    ["last success", success ? `${duration((Date.now() - Date.parse(success)) / 1000)} ago` : "never",
      level(sync.consecutive_failures ?? 0, LEVELS.failures)],
  ]);
}

function used(free, total) {
  if (free === null || !total) return ["unknown", "warn"];
  return [`${gigabytes(free)} of ${gigabytes(total)} free`, level(100 * (1 - free / total), LEVELS.used)];
}

function showMachine(m) {
  figures("machine", [
    ["disk", ...used(m.disk_free_bytes, m.disk_total_bytes)],
    ["memory", ...used(m.memory_free_bytes, m.memory_total_bytes)],
    ["load", [m.cpu_load_1m, m.cpu_load_5m, m.cpu_load_15m]
      .map((load) => (load === null ? "?" : load.toFixed(2))).join("  "), "good"],
  ]);
}

function showServices(services) {
  byId("services").replaceChildren(...services.map((service) => {
    const how = !service.health_ok ? "bad" : service.ready_ok ? "good" : "warn";
    const words = { good: "up", warn: "not ready", bad: "down" };
    const card = element("article", undefined,
      { class: "card", "data-level": how, "data-service": service.name });
    card.append(element("h3", service.name),
      element("p", `${words[how]}, ${service.latency_ms} ms`));
    return card;
  }));
}

function showDead(letters) {
  const rows = letters.map((letter) => {
    const row = element("tr");
    for (const cell of [letter.id, letter.event_type, letter.tenant_id, letter.failed_at,
      letter.last_error_message ?? letter.dlq_reason]) row.append(element("td", cell ?? ""));
    return row;
  });
  byId("dead").tBodies[0].replaceChildren(...rows);
  byId("dead").hidden = byId("redrive").hidden = rows.length === 0;
  byId("dead-note").textContent = rows.length ? "" : "none";
}

// ## The round

async function look() {
  const overall = byId("overall");
  try {
    const status = await ask("/api/v1/ops/edge/status");
    const how = { OK: "good", WARN: "warn", DEGRADED: "bad" }[status.overall];
    overall.textContent = status.overall;
    overall.dataset.level = how;
    showSync(status.sync_state);
    showMachine(status.resources);
    showServices(status.services);
    if (!status.sync_state || status.sync_state.dlq_count === 0) showDead([]);
    else showDead((await ask(`/api/v1/sync/dlq?limit=${DEAD_SHOWN}`)).entries);
  } catch (error) {
    overall.textContent = `no answer (${error.message})`;
    overall.dataset.level = "bad";
  }
}

async function redrive() {
  byId("redrive").disabled = true;
  try {
    await ask("/api/v1/ops/edge/redrive",
      { allDlq: true, by: "ops page", reason: "redriven from the site's page" });
  } catch (error) {
    byId("dead-note").textContent = `not redriven: ${error.message}`;
  }
  byId("redrive").disabled = false;
  await look();
}

async function lookForEver() {
  for (;;) {
    await look();
    await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
  }
}

byId("redrive").addEventListener("click", redrive);
byId("ask").addEventListener("close", () => { token = byId("ask-token").value; look(); });
lookForEver();
