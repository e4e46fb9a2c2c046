// The live page. It asks once for what is known, then listens to one event stream.
// Everything shown is put in as text: a device's name is never markup.
"use strict";

const POINTS_KEPT = 600;
const OVERVIEW_EVERY_MS = 5000;
const LISTEN_AGAIN_MS = 3000;
const LEVELS = { // spec edge 11.2
  backlog: [1000, 10000],
  oldest: [3600, 86400],
  sync: [300, 3600],
};

const state = {
  token: "", tenant: "",
  devices: new Map(),   // "farm/barn/device" -> { farm, barn, device, metrics: Map, at }
  picked: null,         // { key, metric }
  points: [],
  chart: null,
};

const byId = (id) => document.getElementById(id);

function element(name, text, attributes = {}) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "never";
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

function level(value, [warn, bad]) {
  return value === null || value >= bad ? "bad" : value >= warn ? "warn" : "good";
}

// ## Asking

async function get(path, parameters = {}) {
  const query = new URLSearchParams({ tenantId: state.tenant, ...parameters });
  const answer = await fetch(`${path}?${query}`, {
    headers: { Authorization: `Bearer ${state.token}` },
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

// ## Sites

function edgeCard(edge) {
  const card = element("article", undefined, { class: "card" });
  const list = element("dl");
  const rows = [
    ["backlog", edge.backlog ?? 0, level(edge.backlog ?? 0, LEVELS.backlog)],
    ["oldest waiting", duration(edge.oldest_pending_age_seconds ?? 0),
      level(edge.oldest_pending_age_seconds ?? 0, LEVELS.oldest)],
    ["last sync", duration(edge.last_sync_age_seconds),
      level(edge.last_sync_age_seconds, LEVELS.sync)],
  ];
  card.append(element("h3", edge.edge_id), list);
  for (const [name, value, how] of rows)
    list.append(element("dt", name), element("dd", String(value), { "data-level": how }));
  return card;
}

async function showEdges() {
  const { edges } = await get("/api/v1/edge/overview");
  if (edges.length) byId("edges").replaceChildren(...edges.map(edgeCard));
}

// ## Barns and devices

function remember(reading) {
  const key = [reading.farm_id, reading.barn_id, reading.device_id].join("/");
  let device = state.devices.get(key);
  if (!device) {
    device = { key, farm: reading.farm_id, barn: reading.barn_id, name: reading.device_id,
               metrics: new Map(), at: 0 };
    state.devices.set(key, device);
  }
  const at = Date.parse(reading.occurred_at);
  const known = device.metrics.get(reading.metric);
  if (known && known.at > at) return device;   // late news is not news
  device.metrics.set(reading.metric, { value: reading.value, unit: reading.unit || "", at });
  device.at = Math.max(device.at, at);
  return device;
}

function deviceCard(device) {
  const pressed = state.picked?.key === device.key;
  const card = element("button", undefined,
    { class: "card device", "data-device": device.key, "aria-pressed": String(pressed) });
  const list = element("dl");
  card.append(element("h3", device.name), list);
  for (const [metric, { value, unit }] of [...device.metrics].sort()) {
    list.append(element("dt", metric, { "data-metric": metric }),
                element("dd", `${Number(value).toLocaleString()} ${unit}`, { "data-metric": metric }));
  }
  card.append(element("p", `${duration((Date.now() - device.at) / 1000)} ago`, { class: "age" }));
  card.addEventListener("click", (event) => {
    const row = event.target.closest("[data-metric]");
    pick(device.key, row ? row.dataset.metric : [...device.metrics.keys()].sort()[0]);
  });
  return card;
}

function showBarns() {
  const barns = new Map();
  for (const device of [...state.devices.values()].sort((a, b) => a.key.localeCompare(b.key))) {
    const name = `${device.farm} · ${device.barn}`;
    if (!barns.has(name)) barns.set(name, []);
    barns.get(name).push(device);
  }
  const sections = [...barns].map(([name, devices]) => {
    const section = element("section");
    const cards = element("div", undefined, { class: "cards" });
    cards.append(...devices.map(deviceCard));
    section.append(element("h3", name), cards);
    return section;
  });
  if (sections.length) byId("barns").replaceChildren(...sections);
}

// Redraw at most a few times a second, however fast readings come.
let drawing = false;
function redrawSoon() {
  if (drawing) return;
  drawing = true;
  setTimeout(() => { drawing = false; showBarns(); drawChart(); }, 250);
}

// ## The chart

async function pick(key, metric) {
  const device = state.devices.get(key);
  state.picked = { key, metric };
  byId("picked").textContent = `${device.name}, ${metric}`;
  const readings = await get("/api/v1/telemetry/readings",
    { farmId: device.farm, barnId: device.barn, deviceId: device.name, metric, limit: POINTS_KEPT });
  state.points = readings.reverse().map((r) => [new Date(r.occurredAt), Number(r.value)]);
  drawChart();
  showBarns();
}

function addPoint(device, reading) {
  const { picked, points } = state;
  if (!picked || picked.key !== device.key || picked.metric !== reading.metric) return;
  const at = new Date(reading.occurred_at);
  if (points.length && points[points.length - 1][0] >= at) return;
  points.push([at, Number(reading.value)]);
  if (points.length > POINTS_KEPT) points.shift();
}

function drawChart() {
  if (!state.picked || !state.points.length) return;
  byId("chart").dataset.points = String(state.points.length);
  if (state.chart) {
    state.chart.updateOptions({ file: state.points, labels: ["time", state.picked.metric] });
    return;
  }
  state.chart = new Dygraph(byId("chart"), state.points, {
    labels: ["time", state.picked.metric], legend: "always", strokeWidth: 2,
    color: "#1e7d43", gridLineColor: "rgba(128,128,128,.25)",
  });
}

// ## Listening

function setLink(how, text) {
  byId("link").dataset.state = how;
  byId("link").textContent = text;
}

function listen() {
  const query = new URLSearchParams({ tenantId: state.tenant, access_token: state.token });
  const stream = new EventSource(`/api/v1/telemetry/stream?${query}`);
  stream.addEventListener("open", () => setLink("live", "live"));
  stream.addEventListener("error", () => {
    setLink("down", "connection lost, trying again");
    // A browser gives up for good when it is answered with an error.
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, LISTEN_AGAIN_MS);
  });
  stream.addEventListener("readings", (event) => {
    for (const reading of JSON.parse(event.data)) addPoint(remember(reading), reading);
    if (!state.picked && state.devices.size) pickFirst();
    redrawSoon();
  });
}

function pickFirst() {
  const [device] = [...state.devices.values()].sort((a, b) => a.key.localeCompare(b.key));
  if (device) pick(device.key, [...device.metrics.keys()].sort()[0]);
}

// ## Beginning

// The token comes in the part of the address that never leaves the browser.
async function credentials() {
  const given = new URLSearchParams(location.hash.slice(1));
  state.token = given.get("token") || sessionStorage.getItem("token") || "";
  state.tenant = given.get("tenant") || sessionStorage.getItem("tenant") || "";
  if (!state.token || !state.tenant) {
    const dialog = byId("ask");
    dialog.showModal();
    await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
    state.token = byId("ask-token").value;
    state.tenant = byId("ask-tenant").value;
  }
  sessionStorage.setItem("token", state.token);
  sessionStorage.setItem("tenant", state.tenant);
  history.replaceState(null, "", "/");
}

async function begin() {
  await credentials();
  byId("tenant").textContent = state.tenant;
  try {
    const { data } = await get("/api/v1/telemetry/latest");
    for (const sensor of data.sensors)
      for (const metric of sensor.metrics)
        remember({ farm_id: sensor.farm_id, barn_id: sensor.barn_id, device_id: sensor.device_id,
                   metric: metric.metric_type, value: metric.value, unit: metric.unit,
                   occurred_at: metric.timestamp });
    showBarns();
    pickFirst();
    await showEdges();
  } catch (error) {
    setLink("down", String(error.message));
    sessionStorage.removeItem("token");
  }
  listen();
  setInterval(() => showEdges().catch(() => {}), OVERVIEW_EVERY_MS);
  setInterval(showBarns, OVERVIEW_EVERY_MS);   // ages grow also when nothing comes
}

begin();
