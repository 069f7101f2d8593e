// The operator's page: shows what the station says and gives the operator's orders.

import { showAlarms } from "./alarms.js";
import { showBins } from "./bins.js";
import { holdable } from "./hold.js";
import { ask, connect } from "./live.js";
import { clock } from "./moments.js";
import { LivePicture } from "./picture.js";
import { ShotStrip } from "./shots.js";
import { showCounts, showFigures, showTruth } from "./tables.js";
import { _, fill, told as said } from "./words.js";

const at = (id) => document.getElementById(id);
const ORDER_WORDS = { start: _("Start"), pause: _("Pause"), stop: _("Stop"), reset: _("Reset") };
const strip = new ShotStrip(at("shots"), at("last-shots"));
const picture = new LivePicture(at("picture"), at("no-picture"), at("age"), strip);
let lastState = at("state").dataset.state;
let isLinked = false;

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set again, a reference is fetched again. */
function setSign(reference) {
  if (at("sign").getAttribute("href") !== reference) at("sign").setAttribute("href", reference);
}

function showState({ state, word, level, sentence }) {
  at("state").dataset.level = level;
  at("state").dataset.state = state;
  setSign(`/static/signs.svg#${state}`);
  setText(at("word"), said(word));
  setText(at("sentence"), said(sentence));
  at("reset").hidden = level !== "alarm";
  document.title = `${said(word)} · ${document.querySelector("h1").textContent}`;
}

function answer(words, level) {
  at("answer").dataset.level = level;
  setText(at("answer"), words);
}

function showStatus(status) {
  showState(status);
  showAlarms(status);
  at("hold").hidden = !status.must_hold;
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

const MET = _("{outlet}: to grade {target}, estimated {estimated} from confidence {threshold}");
const NOT_MET = _("{outlet}: to grade {target}, estimated {estimated} from confidence {threshold}, not reached");

function showGrades(grades) {
  const share = (value) => (value === null ? "–" : `${(100 * value).toFixed(1)} %`);
  const words = grades.map(({ outlet, target, threshold, estimated, met }) =>
    fill(met ? MET : NOT_MET, { outlet, target: share(target), estimated: share(estimated), threshold: threshold.toFixed(2) }));
  if (at("grades")) setText(at("grades"), words.join(" · "));
}

const VALVE_WORDS = { well: _("well"), slow: _("slow"), dead: _("dead") };

function showValves(valves) {
  const body = at("valves").tBodies[0];
  while (body.rows.length > valves.length) body.deleteRow(-1);
  valves.forEach(({ output, openings, response_ms, word }, n) => {
    const row = body.rows[n] ?? body.insertRow();
    const cells = [output, openings, response_ms === null ? "–" : `${response_ms} ms`, word ? VALVE_WORDS[word] : "–"];
    cells.forEach((text, c) => setText(row.cells[c] ?? row.insertCell(), String(text)));
  });
}

function takeFacts(facts) {
  if (facts.version !== document.body.dataset.version) location.reload();
  facts.rest_title = facts.outlets.find(({ name }) => name === facts.rest_outlet)?.title ?? facts.rest_outlet;
  picture.facts = facts;
  strip.facts = facts;
}

function told(message) {
  if (message.kind === "facts") takeFacts(message);
  if (message.kind === "status") showStatus(message);
  if (message.kind === "counts") {
    showCounts(message);
    showTruth(message.truth);
    showBins(message.bins);
  }
}

function linked() {
  isLinked = true;
  at("lost").hidden = true;
  document.body.classList.remove("is-lost");
  setText(at("link"), _("Connected"));
}

function lost() {
  if (isLinked) {
    const was = at("word").textContent.toLowerCase();
    const when = clock.format(new Date());
    showState({ state: "lost", word: _("No connection"), level: "alarm", sentence: _("Last known at {when}: {was}.", { when, was }) });
    at("reset").hidden = true;
  }
  isLinked = false;
  lastState = "lost";
  at("lost").hidden = false;
  document.body.classList.add("is-lost");
  setText(at("link"), _("No connection"));
}

async function give(button, held) {
  const order = button.dataset.order;
  const words = ORDER_WORDS[order];
  button.setAttribute("aria-busy", "true");
  const { taken, refusal } = await ask("/api/orders", held ? { order, held_ms: held } : { order });
  button.removeAttribute("aria-busy");
  if (taken) answer(_("{order}: taken.", { order: words }), "calm");
  else answer(_("{order} refused. {refusal}", { order: words, refusal: said(refusal) }), "attention");
}

for (const button of document.querySelectorAll("[data-order]:not(#start)")) button.addEventListener("click", () => give(button, 0));
holdable(at("start"), at("held"), {
  mustHold: () => !at("hold").hidden,
  act: (held) => give(at("start"), held),
  early: () => answer(_("After a fault Start has to be held for one second."), "attention"),
});

at("keep").addEventListener("click", async () => {
  const { taken, refusal } = await ask("/api/keep", {});
  if (taken) answer(_("The last minute and the next seconds are kept."), "calm");
  else answer(said(refusal), "attention");
});

for (const knob of document.querySelectorAll("[data-mishap]")) {
  knob.addEventListener("click", async () => {
    const on = knob.getAttribute("aria-pressed") !== "true";
    const { taken, refusal } = await ask("/api/mishaps", { mishap: knob.dataset.mishap, on });
    if (taken) knob.setAttribute("aria-pressed", String(on));
    else answer(said(refusal), "attention");
  });
}

at("change-recipe")?.addEventListener("click", async () => {
  const { taken, refusal } = await ask("/api/recipe", { recipe: at("recipe").value });
  if (taken) answer(_("Recipe {recipe}: taken, from the next piece on.", { recipe: at("recipe").value }), "calm");
  else answer(_("Recipe refused. {refusal}", { refusal: said(refusal) }), "attention");
});

connect({ told, linked, lost, pictured: (buffer) => picture.show(buffer) });
