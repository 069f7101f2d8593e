// Set-up: what the station measures is asked a few times a second; a held button tells it again and again.

import { ask, connect } from "./live.js";
import { LivePicture } from "./picture.js";
import { markHit, panels } from "./setup-panels.js";
import { _, locale, told as inWords } from "./words.js";

const at = (id) => document.getElementById(id);
const all = (what) => [...document.querySelectorAll(what)];
const HOLD_MS = 200;
const picture = new LivePicture(at("picture"), at("no-picture"), at("age"));
let state = null;
let open = location.hash.slice(1);
let held = null;

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

function shown(value, { unit, digits, scale, yes, no }) {
  if (typeof value === "boolean") return value ? yes : no;
  if (typeof value !== "number") return value ?? "–";
  const number = (value * Number(scale)).toLocaleString(locale, { maximumFractionDigits: Number(digits), minimumFractionDigits: Number(digits) });
  return unit ? `${number} ${unit}` : number;
}

export function say(words) {
  setText(at("answer"), words ? inWords(words) : "");
}

/** Asks, and says a refusal at the top. Resolves to whether it was taken. */
export async function tell(path, body) {
  const { taken, refusal } = await ask(path, body);
  say(taken ? "" : refusal);
  await look();
  return taken;
}

/** One press at a step with what stands in its fields. */
export function measure(step, what, more = {}) {
  const body = { step, what, ...more };
  for (const field of all(`[data-panel="${step}"] [data-field]`)) {
    const isNumber = field.type === "number" || "number" in field.dataset;
    if (field.value !== "") body[field.dataset.field] = isNumber ? Number(field.value) : field.value;
  }
  return tell("/api/setup/measure", body);
}

function standing(step) {
  if (step.accepted === null) return { words: _("to do"), level: "calm" };
  if (step.stale.length) return { words: _("! check again"), level: "attention" };
  return { words: `✓ ${new Date(step.accepted.at_utc).toLocaleDateString(locale)}`, level: "calm" };
}

function showStep(step) {
  const panel = document.querySelector(`[data-panel="${step.step}"]`);
  const { words, level } = standing(step);
  const mark = document.querySelector(`[data-standing="${step.step}"]`);
  setText(mark, words);
  mark.dataset.level = level;
  panel.hidden = !state.on || open !== step.step;
  const figures = step.proof ?? step.accepted?.figures ?? {};
  for (const place of panel.querySelectorAll("[data-figure]")) setText(place, shown(figures[place.dataset.figure], place.dataset));
  setText(panel.querySelector("[data-said]"), inWords(step.said));
  const verdict = panel.querySelector("[data-verdict]");
  verdict.dataset.good = String(step.proof ? step.proof.good : true);
  setText(verdict, step.proof ? inWords(step.proof.sentence) : step.accepted ? _("Accepted by {by}, {when}.", { by: step.accepted.by, when: new Date(step.accepted.at_utc).toLocaleString(locale) }) : "");
  panel.querySelector("[data-accept]").disabled = !step.proof?.good;
  panel.querySelector("[data-undo]").disabled = step.accepted === null;
  showProgress(panel.querySelector("[data-progress]"), state.measuring === step.step);
  showHistory(panel, step.history);
}

function showProgress(bar, isMeasuring) {
  bar.hidden = !isMeasuring;
  if (!isMeasuring) return;
  bar.querySelector("progress").value = state.share;
  setText(bar.querySelector("p"), inWords(state.sentence));
}

function showHistory(panel, history) {
  const body = panel.querySelector("[data-history]");
  if (body.dataset.rows === String(history.length)) return;
  body.dataset.rows = history.length;
  body.replaceChildren(...history.toReversed().map(({ at_utc, by, deed, figures }) => {
    const row = document.createElement("tr");
    const places = [...panel.querySelectorAll("[data-figure]")].filter(({ dataset }) => dataset.figure in figures);
    const told = places.map((place) => `${place.previousElementSibling.textContent} ${shown(figures[place.dataset.figure], place.dataset)}`).join(" · ");
    for (const text of [new Date(at_utc).toLocaleString(locale), by, _(deed), told]) row.insertCell().textContent = text;
    return row;
  }));
}

function showLive(live) {
  setText(at("belt"), live === null ? "–" : live.belt_running || Math.abs(live.speed_mm_s) > 1 ? `${_("runs")}, ${Math.round(live.speed_mm_s)} mm/s` : _("stands still"));
  setText(at("tick"), live === null ? "–" : String(live.tick));
  setText(at("trouble"), live?.trouble ? inWords(live.trouble) : "");
  const meters = live?.meters;
  if (!meters || !at("sharp")) return;
  at("sharp").max = meters.sharpest * 1.1;
  at("sharp").value = meters.sharpness;
  at("sharp").low = at("sharp").high = meters.sharpest * 0.9;
  at("sharp").optimum = meters.sharpest;
  setText(at("sharp-now"), `${meters.sharpness.toFixed(1)} / ${meters.sharpest.toFixed(1)}`);
  at("bright").value = meters.level;
  setText(at("bright-now"), `${Math.round(meters.level)} / 255`);
}

function show() {
  at("setup").dataset.on = String(state.on);
  setText(at("now"), state.on ? _("Set-up is on: nothing is sorted.") : _("Set-up is off."));
  at("begin").hidden = state.on;
  at("leave").hidden = at("halt").hidden = !state.on;
  at("start").hidden = state.on;
  for (const button of all("[data-open]")) {
    button.disabled = !state.on;
    if (button.closest("#list")) button.toggleAttribute("aria-current", state.on && button.dataset.open === open);
  }
  state.steps.forEach(showStep);
  showLive(state.live);
  const step = state.steps.find(({ step: name }) => name === open);
  const over = at("over");
  const marks = state.on && step ? (panels[open]?.(step, state) ?? []) : [];
  const key = JSON.stringify(marks);
  if (over.dataset.key !== key) {
    over.dataset.key = key;
    over.replaceChildren(...marks.map(([name, attributes]) => {
      const mark = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [word, value] of Object.entries(attributes)) mark.setAttribute(word, value);
      return mark;
    }));
  }
}

let nextLook = 0;

async function look() {
  clearTimeout(nextLook);
  try {
    const answer = await fetch("/api/setup", { signal: AbortSignal.timeout(4000) });
    if (answer.ok) {
      state = await answer.json();
      if (!state.steps.some(({ step }) => step === open)) open = (state.steps.find(({ accepted }) => accepted === null) ?? state.steps[0]).step;
      show();
    } else say((await answer.json()).refusal);
  } catch {
    say("The station did not answer. Nobody knows whether it heard you. Use the emergency stop in danger.");
  }
  nextLook = setTimeout(look, state?.on ? 300 : 1500);
}

async function press(button) {
  if (held) return;
  const mine = { button };
  held = mine;
  button.setAttribute("aria-pressed", "true");
  if (!(await measure(button.dataset.step, button.dataset.measure))) return release();
  while (held === mine) {
    const { taken, refusal } = await ask("/api/setup/hold", { on: true });
    if (!taken) {
      say(refusal);
      release();
    }
    await new Promise((done) => setTimeout(done, HOLD_MS));
  }
}

function release() {
  if (!held) return;
  held.button.setAttribute("aria-pressed", "false");
  held = null;
  ask("/api/setup/hold", { on: false });
}

for (const button of all("[data-measure]")) {
  if (!("hold" in button.dataset)) {
    button.addEventListener("click", () => measure(button.dataset.step, button.dataset.measure));
    continue;
  }
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture(event.pointerId);
    press(button);
  });
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("keydown", (event) => {
    if ((event.key !== " " && event.key !== "Enter") || event.repeat) return;
    event.preventDefault();
    press(button);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "keyup", "blur"]) button.addEventListener(end, release);
}
document.addEventListener("visibilitychange", release);

for (const button of all("[data-open]")) {
  button.addEventListener("click", () => {
    open = button.dataset.open;
    history.replaceState(null, "", `#${open}`);
    show();
    document.querySelector(`[data-panel="${open}"] h2`)?.scrollIntoView({ block: "nearest" });
  });
}
for (const button of all("[data-hand]")) {
  button.addEventListener("click", () => {
    const panel = button.closest("[data-panel]");
    const field = (name, otherwise) => Number(panel.querySelector(`[data-field="${name}"]`)?.value || otherwise);
    const body = { hand: button.dataset.hand, mm: Number(button.dataset.mm) };
    if (body.hand === "lay_board") Object.assign(body, { mm: field("left_mm", 200), square_mm: field("square_mm", 45) });
    tell("/api/setup/hand", body);
  });
}
for (const button of all("[data-lay]")) {
  button.addEventListener("click", () => {
    const field = (name) => button.closest("[data-panel]").querySelector(`[data-field="${name}"]`).value;
    const body = { hand: "lay_pieces", label: button.dataset.lay || field("label"), number: Number(field("number")) };
    tell("/api/setup/hand", "layLane" in button.dataset ? { ...body, output: Number(field("output")) } : body);
  });
}
for (const button of all("[data-fire-bank]")) button.addEventListener("click", () => tell("/api/setup/measure", { step: "ejectors", what: "fire_bank", label: button.dataset.fireBank }));
for (const button of all("[data-fire]")) button.addEventListener("click", () => tell("/api/setup/measure", { step: "ejectors", what: "fire", output: Number(button.dataset.fire) }));
for (const button of all("[data-moved]")) button.addEventListener("click", () => tell("/api/setup/measure", { step: "ejectors", what: "confirm", yes: button.dataset.moved === "true" }));
at("mark")?.addEventListener("click", () => {
  const hits = all("#hit-list button").map((button) => button.getAttribute("aria-pressed") === "true");
  tell("/api/setup/measure", { step: "timing", what: "mark", hits });
});
at("look-fallen")?.addEventListener("click", async () => {
  const buttons = all("#hit-list button");
  const rest = picture.facts?.rest_outlet;
  const fallen = await (await fetch(`/api/setup/fallen?pieces=${buttons.length}`)).json();
  buttons.forEach((button, n) => markHit(button, fallen[n] !== undefined && fallen[n] !== rest));
});
for (const button of all("[data-accept]")) button.addEventListener("click", () => tell("/api/setup/accept", { step: button.dataset.accept }));
for (const button of all("[data-undo]")) button.addEventListener("click", () => tell("/api/setup/undo", { step: button.dataset.undo }));
at("begin").addEventListener("click", () => tell("/api/setup", { on: true }));
at("leave").addEventListener("click", () => tell("/api/setup", { on: false }));
at("halt").addEventListener("click", () => tell("/api/setup/stop", {}));

connect({
  told: (message) => {
    if (message.kind === "facts") picture.facts = { ...message, rest_title: message.rest_outlet };
  },
  linked: () => {},
  lost: () => release(),
  pictured: (buffer) => picture.show(buffer),
});
look();
