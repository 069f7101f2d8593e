// The operator's page: shows what the station says and gives the operator's orders.

import { ask, connect } from "./live.js";
import { LivePicture } from "./picture.js";
import { showCounts, showFaults, showFigures, showTruth } from "./tables.js";

const at = (id) => document.getElementById(id);
const ORDER_WORDS = { start: "Start", pause: "Pause", stop: "Stop", reset: "Reset" };
const picture = new LivePicture(at("picture"), at("no-picture"), at("age"));
let lastState = at("state").dataset.state;
let isLinked = false;

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showState({ state, word, level, sentence }) {
  at("state").dataset.level = level;
  at("state").dataset.state = state;
  at("sign").setAttribute("href", `/static/signs.svg#${state}`);
  setText(at("word"), word);
  setText(at("sentence"), sentence);
  at("reset").hidden = level !== "alarm";
  document.title = `${word} · ${document.querySelector("h1").textContent}`;
}

function answer(words, level) {
  at("answer").dataset.level = level;
  setText(at("answer"), words);
}

function showStatus(status) {
  showState(status);
  showFaults(status.faults, status.level);
  showFigures(status);
  at("keep").hidden = !status.recording;
  if (status.recipe) setText(at("recipe-now"), status.recipe);
  showGrades(status.grades);
  showValves(status.valves);
  for (const knob of document.querySelectorAll("[data-mishap]")) {
    knob.setAttribute("aria-pressed", String(status.mishaps.includes(knob.dataset.mishap)));
  }
  if (status.state !== lastState) answer("", "calm");
  lastState = status.state;
}

function showGrades(grades) {
  const share = (value) => (value === null ? "–" : `${(100 * value).toFixed(1)} %`);
  const words = grades.map(({ outlet, target, threshold, estimated, met }) =>
    `${outlet}: to grade ${share(target)}, estimated ${share(estimated)} from confidence ${threshold.toFixed(2)}${met ? "" : ", not reached"}`);
  if (at("grades")) setText(at("grades"), words.join(" · "));
}

function showValves(valves) {
  const body = at("valves").tBodies[0];
  while (body.rows.length > valves.length) body.deleteRow(-1);
  valves.forEach(({ output, openings, response_ms, word }, n) => {
    const row = body.rows[n] ?? body.insertRow();
    const cells = [output, openings, response_ms === null ? "–" : `${response_ms} ms`, word || "–"];
    cells.forEach((text, c) => setText(row.cells[c] ?? row.insertCell(), String(text)));
  });
}

function takeFacts(facts) {
  if (facts.version !== document.body.dataset.version) location.reload();
  facts.rest_title = facts.outlets.find(({ name }) => name === facts.rest_outlet)?.title ?? facts.rest_outlet;
  picture.facts = facts;
}

function told(message) {
  if (message.kind === "facts") takeFacts(message);
  if (message.kind === "status") showStatus(message);
  if (message.kind === "counts") {
    showCounts(message);
    showTruth(message.truth);
  }
}

function linked() {
  isLinked = true;
  at("lost").hidden = true;
  document.body.classList.remove("is-lost");
  setText(at("link"), "Connected");
}

function lost() {
  if (isLinked) {
    const was = at("word").textContent.toLowerCase();
    const when = new Date().toLocaleTimeString("en-GB");
    showState({ state: "lost", word: "No connection", level: "alarm", sentence: `Last known at ${when}: ${was}.` });
    at("reset").hidden = true;
  }
  isLinked = false;
  lastState = "lost";
  at("lost").hidden = false;
  document.body.classList.add("is-lost");
  setText(at("link"), "No connection");
}

for (const button of document.querySelectorAll("[data-order]")) {
  button.addEventListener("click", async () => {
    const order = button.dataset.order;
    button.setAttribute("aria-busy", "true");
    const { taken, refusal } = await ask("/api/orders", { order });
    button.removeAttribute("aria-busy");
    if (taken) answer(`${ORDER_WORDS[order]}: taken.`, "calm");
    else answer(`${ORDER_WORDS[order]} refused. ${refusal}`, "attention");
  });
}

at("keep").addEventListener("click", async () => {
  const { taken, refusal } = await ask("/api/keep", {});
  if (taken) answer("The last minute and the next seconds are kept.", "calm");
  else answer(refusal, "attention");
});

for (const knob of document.querySelectorAll("[data-mishap]")) {
  knob.addEventListener("click", async () => {
    const on = knob.getAttribute("aria-pressed") !== "true";
    const { taken, refusal } = await ask("/api/mishaps", { mishap: knob.dataset.mishap, on });
    if (taken) knob.setAttribute("aria-pressed", String(on));
    else answer(refusal, "attention");
  });
}

at("change-recipe")?.addEventListener("click", async () => {
  const { taken, refusal } = await ask("/api/recipe", { recipe: at("recipe").value });
  if (taken) answer(`Recipe ${at("recipe").value}: taken, from the next piece on.`, "calm");
  else answer(`Recipe refused. ${refusal}`, "attention");
});

connect({ told, linked, lost, pictured: (buffer) => picture.show(buffer) });
