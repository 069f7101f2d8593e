// Batches: intake, closing, balance, papers, hand samples, and what waits for the programme.

import { ask } from "./live.js";
import { _, number, percent, told, when } from "./words.js";

const at = (id) => document.getElementById(id);
const read = async (path) => (await fetch(path)).json();
const outlet = (name) => at("sample").outlet.querySelector(`[value="${CSS.escape(name)}"]`)?.textContent ?? name;

function cells(row, texts) {
  for (const text of texts) row.insertCell().textContent = text;
  return row;
}

async function showBalance(cell, id) {
  cell.textContent = told((await read(`/api/batches/${encodeURIComponent(id)}/balance`)).sentence) || "–";
}

function batchRow(batch) {
  const row = cells(document.createElement("tr"), [batch.id, when(batch.opened_utc), when(batch.closed_utc), batch.material || "–", batch.weight_kg === null ? "–" : number(batch.weight_kg, 1)]);
  showBalance(row.insertCell(), batch.id);
  const links = at("languages").content.cloneNode(true);
  for (const link of links.querySelectorAll("a")) link.href = `/api/batches/${encodeURIComponent(batch.id)}/report?lang=${link.dataset.lang}`;
  row.insertCell().append(links);
  return row;
}

async function showBatches() {
  const { batches } = await read("/api/batches");
  const open = batches.find(({ closed_utc }) => closed_utc === null);
  at("now").textContent = open ? _("Open: {batch}, since {time}", { batch: open.id, time: when(open.opened_utc) }) : _("No batch is open.");
  at("close").disabled = !open;
  at("batches").tBodies[0].replaceChildren(...batches.map(batchRow));
}

function sampleRow(sample) {
  const { id, batch, taken_utc, by, n, purity } = sample;
  const words = purity === null ? "–" : _("{value} ({low} to {high})", { value: percent(purity.value), low: percent(purity.low), high: percent(purity.high) });
  const row = cells(document.createElement("tr"), [id, batch ?? "–", outlet(sample.outlet), when(taken_utc), by, n, words]);
  const back = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: _("Withdraw") });
  back.addEventListener("click", async () => {
    const { refusal } = await ask(`/api/samples/${id}/withdraw`, {});
    at("sample-answer").textContent = told(refusal);
    showSamples();
  });
  row.insertCell().append(back);
  return row;
}

async function showSamples() {
  const { samples } = await read("/api/samples");
  at("samples").tBodies[0].replaceChildren(...samples.map(sampleRow));
}

async function showOutbox() {
  const { waiting, held, channels } = await read("/api/outbox");
  const rows = _("Rows that wait for the programme's own acknowledgement: {n}.", { n: number(waiting) });
  at("outbox").textContent = held ? `${rows} ${_("Held:")} ${told(held)}` : rows;
  at("channels").replaceChildren(...(channels ?? []).map(({ name, sentence }) => Object.assign(document.createElement("li"), { textContent: `${_(name)}: ${told(sentence)}` })));
}

at("open").addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = Object.fromEntries(new FormData(event.target));
  const body = { ...said, weight_kg: said.weight_kg === "" ? null : Number(said.weight_kg) };
  const { taken, refusal } = await ask("/api/batches/open", body);
  at("answer").textContent = told(refusal);
  if (taken) event.target.reset();
  showBatches();
});

at("close").addEventListener("click", async () => {
  const { refusal } = await ask("/api/batches/close", {});
  at("answer").textContent = told(refusal);
  showBatches();
});

at("add-class").addEventListener("click", () => {
  const { value, selectedOptions } = at("class");
  if (at("counts").querySelector(`input[name="${CSS.escape(value)}"]`)) return;
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { name: value, type: "number", min: 0, step: 1, required: true, inputMode: "numeric" });
  label.append(selectedOptions[0].textContent, input);
  at("counts").append(label);
  input.focus();
});

at("sample").addEventListener("submit", async (event) => {
  event.preventDefault();
  const pieces = Object.fromEntries([...at("counts").querySelectorAll("input")].map(({ name, value }) => [name, Number(value)]));
  const { outlet, method } = Object.fromEntries(new FormData(event.target));
  const { taken, refusal } = await ask("/api/samples", { outlet, method, pieces });
  at("sample-answer").textContent = refusal ? told(refusal) : _("Written down.");
  if (taken) at("counts").replaceChildren();
  showSamples();
});

showBatches();
showSamples();
showOutbox();
setInterval(() => showOutbox().catch(() => {}), 5000); // what cannot be reached is told above every page
