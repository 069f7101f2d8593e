// The settings page: write, read what is wrong, see what changes, apply; every earlier version can be brought back.

import { ask } from "./live.js";
import { _, complained, locale, told } from "./words.js";

const at = (id) => document.getElementById(id);
const CHECK_AFTER_MS = 400;
const APPLY_MS = 300_000;
const text = at("text");
const apply = at("apply").querySelector("button");
const when = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
let files = [];
let chosen = null;
let faulty = new Set();
let timer = 0;
let asked = 0;

async function get(path) {
  const answer = await fetch(path, { cache: "no-store" });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.refusal);
  return found;
}

async function post(path, body) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(APPLY_MS) });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.refusal);
  return found;
}

const isChanged = () => chosen !== null && text.value !== chosen.text;

function showNumbers() {
  const count = text.value.split("\n").length;
  const lines = Array.from({ length: count }, (_line, n) => {
    const number = document.createElement(faulty.has(n + 1) ? "b" : "span");
    number.textContent = faulty.has(n + 1) ? `! ${n + 1}` : `${n + 1}${n + 1 === count || faulty.has(n + 2) ? "" : "\n"}`;
    return number;
  });
  at("numbers").replaceChildren(...lines);
  at("numbers").scrollTop = text.scrollTop;
}

/** Puts the caret where the fault is and scrolls there. */
function goTo(line, column) {
  const lines = text.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  text.focus();
  text.setSelectionRange(start + column - 1, start + (lines[line - 1]?.length ?? 0));
  text.scrollTop = Math.max(0, (line - 5) * (text.scrollHeight / lines.length));
}

function faultItem({ file, here, line, column, said }) {
  const item = Object.assign(document.createElement("li"), { translate: false });
  const sentence = complained(said);
  if (here && line !== null) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.textContent = [_("Line {line}, column {column}", { line, column }), sentence].join(": ");
    button.addEventListener("click", () => goTo(line, column));
    item.append(button);
  } else {
    const words = document.createElement("p");
    words.textContent = [here ? "" : file, sentence].filter(Boolean).join(": ");
    item.append(words);
  }
  return item;
}

function showDiff(diff) {
  at("same").hidden = diff !== "";
  at("diff").hidden = diff === "";
  at("diff").replaceChildren(...diff.split("\n").filter(Boolean).map((line) => {
    const kind = /^\+(?!\+\+)/.test(line) ? "ins" : /^-(?!--)/.test(line) ? "del" : "span";
    const part = document.createElement(kind);
    part.textContent = kind === "span" ? `${line}\n` : line;
    return part;
  }));
}

function showVerdict(faults) {
  faulty = new Set(faults.filter(({ here, line }) => here && line !== null).map(({ line }) => line));
  text.setAttribute("aria-invalid", String(faults.length > 0));
  at("verdict").textContent = faults.length > 0 ? _("{n} errors. Press one to go there.", { n: faults.length }) : _("No errors.");
  at("faults").replaceChildren(...faults.map(faultItem));
  apply.disabled = faults.length > 0 || !isChanged();
  at("discard").disabled = !isChanged();
  showNumbers();
}

async function check() {
  const turn = ++asked;
  const body = { file: chosen.name, text: text.value };
  try {
    const { faults, diff } = await post("/api/settings/check", body);
    if (turn !== asked) return;
    showVerdict(faults);
    showDiff(diff);
  } catch (error) {
    at("verdict").textContent = told(error.message);
  }
}

function checkSoon() {
  clearTimeout(timer);
  apply.disabled = true;
  showNumbers();
  timer = setTimeout(check, CHECK_AFTER_MS);
}

async function showBackups() {
  const { backups } = await get(`/api/settings/backups?file=${encodeURIComponent(chosen.name)}`);
  at("no-backups").hidden = backups.length > 0;
  at("backups").replaceChildren(...backups.map(({ id, at_utc: utc, bytes }) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.textContent = _("As it was until {when} ({bytes} bytes): bring it into the editor", { when: when.format(new Date(utc)), bytes });
    button.addEventListener("click", async () => {
      const found = await get(`/api/settings/backup?file=${encodeURIComponent(chosen.name)}&id=${encodeURIComponent(id)}`);
      text.value = found.text;
      at("answer").textContent = "";
      await check();
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

function showKeys() {
  const wanted = at("look-for").value.trim().toLowerCase();
  for (const key of at("keys").children) {
    key.hidden = key.dataset.title !== chosen.title || !key.textContent.toLowerCase().includes(wanted);
  }
}

async function choose(name) {
  chosen = files.find((file) => file.name === name) ?? files[0];
  for (const button of at("files").children) button.setAttribute("aria-pressed", String(button.dataset.name === chosen.name));
  text.value = chosen.text;
  text.disabled = false;
  text.scrollTop = 0;
  showKeys();
  await Promise.all([check(), showBackups()]);
}

function fileButton({ name, title, is_newer: isNewer }) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  button.dataset.name = name;
  button.textContent = told(title);
  const small = Object.assign(document.createElement("small"), { translate: isNewer });
  small.textContent = isNewer ? _("{name}, changed since the start", { name }) : name;
  button.append(small);
  button.addEventListener("click", () => {
    if (isChanged() && !confirm(_("Discard your changes?"))) return;
    at("answer").textContent = "";
    choose(name);
  });
  return button;
}

async function load(name) {
  ({ files } = await get("/api/settings"));
  at("files").replaceChildren(...files.map(fileButton));
  at("newer").hidden = !files.some(({ is_newer: isNewer }) => isNewer);
  await choose(name);
}

/** Away, and there again: whatever it starts with shows on the first page. */
async function waitForStart() {
  for (let wasAway = false; ; ) {
    await new Promise((done) => setTimeout(done, 500));
    try {
      const { ok } = await fetch("/livez", { cache: "no-store", signal: AbortSignal.timeout(1000) });
      if (ok && wasAway) return location.assign("/");
    } catch {
      wasAway = true;
    }
  }
}

text.addEventListener("input", checkSoon);
text.addEventListener("scroll", () => { at("numbers").scrollTop = text.scrollTop; });
at("look-for").addEventListener("input", showKeys);
at("discard").addEventListener("click", () => choose(chosen.name));
addEventListener("beforeunload", (event) => { if (isChanged()) event.preventDefault(); });

at("apply").addEventListener("submit", async (event) => {
  event.preventDefault();
  apply.disabled = true;
  at("answer").textContent = _("Checking everything, the model too. This takes some seconds.");
  const body = { file: chosen.name, text: text.value, sha256: chosen.sha256, why: new FormData(event.target).get("why") };
  try {
    await post("/api/settings/apply", body);
    event.target.reset();
    await load(chosen.name);
    at("answer").textContent = _("Applied. It takes effect at the next start; the file as it was is kept as a backup.");
  } catch (error) {
    at("answer").textContent = told(error.message);
    apply.disabled = false;
  }
});

at("restart").addEventListener("click", async () => {
  const { taken, refusal } = await ask("/api/restart", {});
  at("answer").textContent = taken ? _("The station is starting again.") : told(refusal);
  if (taken) waitForStart();
});

load().catch((error) => { at("verdict").textContent = told(error.message); });
