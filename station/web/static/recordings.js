// Recordings: take one away, play it again, try other settings on it.

import { follow } from "./errand.js";
import { get, order, part, percent, table } from "./tool.js";
import { _, locale, told } from "./words.js";

const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const when = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
let recordings = [];
let now = {};
let chosen = null;

const path = (rest = "") => `/api/recordings/${encodeURIComponent(chosen)}${rest}`;
const megabytes = (bytes) => `${number.format(bytes / 1e6)} MB`;
const share = ({ value, low, high, n }) => (value === null ? "–" : `${percent(value, 1)} (${percent(low)} – ${percent(high)}), ${n}`);

function words({ name, bytes, begun_utc: begun, seconds, incident, why, being_written: isOpen }) {
  const kind = incident ? _("Incident") : _("Run");
  const length = seconds === null ? "" : _("{minutes} min", { minutes: number.format(seconds / 60) });
  return { title: `${kind} ${begun ? when.format(new Date(begun)) : name}`, small: [told(why), length, megabytes(bytes), isOpen ? _("is being written") : ""].filter(Boolean).join(" · ") };
}

function pick(recording) {
  const { title, small } = words(recording);
  const button = part("button", title);
  button.type = "button";
  button.dataset.name = recording.name;
  button.append(part("small", small));
  button.addEventListener("click", () => choose(recording.name));
  return button;
}

function showReplayed(kept) {
  if (kept === null) return at("replayed").replaceChildren();
  const { result, begun_utc: begun } = kept;
  const values = { when: when.format(new Date(begun)), steps: number.format(result.proved), seconds: number.format(result.recorded_s), n: number.format(result.differing) };
  const parts = [result.equal
    ? part("p", _("Played again on {when}: equal, {steps} steps, {seconds} s.", values))
    : part("p", _("Played again on {when}: {n} of {steps} steps differ.", values), "bad")];
  if (result.first) parts.push(part("p", _("First difference at step {step}, {seconds} s: {what}", result.first)));
  if (result.missing > 0) parts.push(part("p", _("{n} steps are missing in the file; what follows them proves nothing.", { n: result.missing })));
  const list = part("ul", "", "plain-list");
  list.append(...result.pieces.map((sentence) => part("li", sentence)));
  at("replayed").replaceChildren(...parts, list);
}

function showTried(kept) {
  if (kept === null) return at("tried").replaceChildren();
  const { result, begun_utc: begun } = kept;
  const against = result.against === "labels" ? _("against labels") : _("against what was decided then, which may be wrong itself");
  const rows = Object.keys(result.old.outlets).flatMap((name) => [
    [name, _("purity"), share(result.old.outlets[name].purity), share(result.new.outlets[name].purity)],
    [name, _("recovery"), share(result.old.outlets[name].recovery), share(result.new.outlets[name].recovery)],
  ]);
  rows.push(["", _("ejected"), `${result.old.ejected}`, `${result.new.ejected}`], ["", _("late"), `${result.old.late}`, `${result.new.late}`]);
  const otherwise = result.confusion.filter(({ old, new: fresh }) => old !== fresh);
  const list = part("ul", "", "plain-list");
  list.append(...otherwise.map(({ old, new: fresh, pieces }) => part("li", `${pieces}: ${old} → ${fresh}`)), ...result.moved.map((sentence) => part("li", sentence)));
  const changed = otherwise.reduce((sum, { pieces }) => sum + pieces, 0);
  const parts = [
    part("p", _("{changes}, tried on {when}, {against}: {n} of {pieces} pieces end otherwise.", { changes: result.changes.join(", "), when: when.format(new Date(begun)), against, n: changed, pieces: result.pieces })),
    table([_("Outlet"), _("Figure"), _("Then"), _("With the change")], rows),
    list,
  ];
  if (result.on_sheet > 0) {
    const sheet = Object.assign(new Image(), { src: path(`/sheet?of=${encodeURIComponent(begun)}`), className: "sheet", alt: _("The pieces that end otherwise") });
    parts.push(sheet);
  }
  at("tried").replaceChildren(...parts);
}

async function choose(name) {
  chosen = name;
  const recording = recordings.find((each) => each.name === name);
  for (const button of at("recordings").children) button.setAttribute("aria-pressed", String(button.dataset.name === name));
  const { title, small } = words(recording);
  at("chosen").textContent = title;
  at("about").textContent = `${small} · ${name}`;
  at("answer").textContent = "";
  at("replay").disabled = at("try").querySelector("button").disabled = false;
  Object.assign(at("download"), { href: path("/file"), hidden: false });
  await results();
}

async function results() {
  if (chosen === null) return;
  try {
    const found = await get(path());
    showReplayed(found.replay);
    showTried(found["what-if"]);
  } catch (error) {
    at("answer").textContent = error.message;
  }
}

function field(outlet, value) {
  const label = part("label", _("{outlet}, %", { outlet }));
  const input = Object.assign(document.createElement("input"), { type: "number", name: outlet, min: 1, max: 99, step: "any", value: +(100 * value).toFixed(2), required: true });
  label.append(input);
  return label;
}

async function load() {
  const found = await get("/api/recordings");
  ({ recordings, min_confidence: now } = found);
  at("news").textContent = found.news === null ? _("Nothing is being recorded.") : found.news.stopped ? told(found.news.stopped) : _("{size} are kept.", { size: megabytes(found.news.used_bytes) });
  if (recordings.length === 0) at("news").textContent += ` ${_("There is no recording yet.")}`;
  at("recordings").replaceChildren(...recordings.map(pick));
  at("thresholds").replaceChildren(...Object.entries(now).map(([outlet, value]) => field(outlet, value)));
  at("try").elements.model.append(...found.models.map((name) => Object.assign(part("option", name), { value: name })));
}

async function begin(rest, body) {
  at("answer").textContent = "";
  try {
    await order(path(rest), body);
  } catch (error) {
    at("answer").textContent = error.message;
  }
}

at("replay").addEventListener("click", () => begin("/replay", null));
at("try").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = new FormData(event.target);
  const wanted = Object.entries(now).map(([outlet, before]) => [outlet, Number(said.get(outlet)) / 100, before]);
  const min_confidence = Object.fromEntries(wanted.filter(([, value, before]) => Math.abs(value - before) > 1e-6).map(([outlet, value]) => [outlet, value]));
  begin("/what-if", { min_confidence, model: said.get("model") || null });
});

load().catch((error) => { at("news").textContent = error.message; });
follow(() => results());
