// The library of models: what each can do in plain words, how it does here, and which one is used.

import { follow } from "./errand.js";
import { get, order, part, percent, table } from "./tool.js";
import { _, locale, told } from "./words.js";

const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat(locale);
let library = null;
let chosen = null;

const ACTS = { promoted: _("promoted"), returned: _("returned") };
const SPLITS = {
  val: _("Set aside while it was taught"),
  test: _("Kept for the test"),
  "held-out light": _("In other light"),
  "photographs val": _("Photographs of real pieces"),
  "photographs val without coins": _("Photographs of real pieces, no coins"),
  "own val": _("This plant's pictures, set aside"),
};
const ARMS = { "rendered only": _("Taught on rendered pieces alone, for comparison"), "real only": _("Taught on photographs alone, for comparison") };
const FAMILIES = {
  aluminium: _("Aluminium"),
  battery: _("Batteries"),
  cable: _("Cable"),
  copper: _("Copper"),
  "copper-alloy": _("Copper alloys"),
  "e-waste": _("Electronic waste"),
  ferrous: _("Iron and steel"),
  residue: _("Residue"),
  stainless: _("Stainless steel"),
  zinc: _("Zinc"),
};
const between = ({ low, high }) => (low === 0 && high === 1 ? "" : ` (${percent(low)} – ${percent(high)})`);

function uses(name) {
  const { running, running_shadow: beside, next, next_shadow: nextBeside } = library.use;
  const found = [];
  if (name === running) found.push(_("in use"));
  if (beside && name === beside) found.push(_("watched beside"));
  if (next !== null && next !== running && name === next) found.push(_("in use from the next start"));
  if (nextBeside && nextBeside !== beside && name === nextBeside) found.push(_("watched from the next start"));
  return found;
}

function pick({ name, kind, accuracy, refusal }) {
  const button = part("button", name);
  button.type = "button";
  button.dataset.name = name;
  const words = [...uses(name), refusal ? _("cannot be used") : kind, accuracy && _("{share} right", { share: percent(accuracy.value) })];
  button.append(part("small", words.filter(Boolean).join(" · ")));
  button.addEventListener("click", () => choose(name));
  return button;
}

function material(name) {
  return FAMILIES[name] ?? told(name);
}

function confusion(classes, rows) {
  const found = part("table", "", "confusion");
  const head = found.createTHead().insertRow();
  for (const title of [_("is \\ was called"), ...classes.map(material)]) head.append(Object.assign(part("th", title), { scope: "col" }));
  const body = found.createTBody();
  rows.forEach((row, n) => {
    if (row.every((count) => count === 0)) return;
    const line = body.insertRow();
    line.append(Object.assign(part("th", material(classes[n])), { scope: "row" }));
    row.forEach((count, m) => line.append(part("td", count || "·", n === m ? "right" : count ? "" : "none")));
  });
  const scroll = part("div", "", "scroll");
  scroll.tabIndex = 0;
  scroll.append(found);
  return scroll;
}

function more(title, inside, open = false) {
  const found = document.createElement("details");
  found.open = open;
  found.append(part("summary", title), inside);
  return found;
}

function splitTitle(name) {
  const [, arm, measured] = /^(.* only): (.*)$/.exec(name) ?? [null, null, name];
  const title = SPLITS[measured] ?? measured;
  return arm === null ? title : `${ARMS[arm] ?? arm} · ${title}`;
}

function split({ split: name, n, value, low, high, calibration_error: error, per_label: labels, classes, confusion: rows }, first) {
  const found = part("div");
  const values = { split: splitTitle(name), n: number.format(n), share: percent(value, 1), between: between({ low, high }), error: percent(error, 1) };
  found.append(part("p", _("{split}: right for {share}{between} of {n} pictures it had not seen; what it calls sure is off by {error}.", values)));
  const perClass = labels.map((each) => [material(each.title), percent(each.value), `${percent(each.low)} – ${percent(each.high)}`, `${each.n}`, `${each.objects}`]);
  found.append(more(_("Class by class"), table([_("Class"), `#${_("Right")}`, `#${_("95 % interval")}`, `#${_("Pictures")}`, `#${_("Objects")}`], perClass), first));
  if (rows.length > 0) found.append(more(_("What it takes for what"), confusion(classes, rows)));
  return found;
}

function showEvaluation(evaluation) {
  if (evaluation === null) {
    at("evaluation").replaceChildren(part("p", _("It was not measured on this plant's pictures yet."), "calm"));
    return;
  }
  const { begun_utc: begun, by, result } = evaluation;
  const [low, high] = result.accuracy_interval;
  const values = { when: new Date(begun).toLocaleString(locale), by, n: number.format(result.n), share: percent(result.accuracy, 1), between: between({ low, high }) };
  const rows = Object.entries(result.per_class).map(([name, each]) => [material(name), percent(each.recall), `${percent(each.recall_low)} – ${percent(each.recall_high)}`, percent(each.precision), `${each.n}`]);
  at("evaluation").replaceChildren(
    part("p", _("On this plant's pictures ({when}, {by}): right for {share}{between} of {n}.", values)),
    table([_("Class"), `#${_("Found")}`, `#${_("95 % interval")}`, `#${_("Right when named")}`, `#${_("Pictures")}`], rows),
    more(_("What it takes for what"), confusion(result.confusion.classes, result.confusion.counts)),
  );
}

function showCard(card) {
  at("card").hidden = false;
  at("name").textContent = card.name;
  at("id").textContent = [card.id, ...uses(card.name)].join(" · ");
  at("what").textContent = _("It knows {n} classes: {labels}. Licence: {licence}.", { n: card.labels.length, labels: card.labels.map(({ title }) => told(title)).join(", "), licence: card.licence });
  at("measured").replaceChildren(...card.measured.map((figures, n) => split(figures, n === 0)));
  at("golden").replaceChildren(...card.golden.map(({ title, probability }, n) => {
    const item = part("li");
    const image = Object.assign(new Image(), { src: `/api/models/${encodeURIComponent(card.name)}/golden/${n}`, alt: told(title), loading: "lazy" });
    item.append(image, part("p", `${told(title)} ${percent(probability, 1)}`));
    return item;
  }));
  at("notes").replaceChildren(...[...card.trained_on, ...card.notes].map((words) => part("li", words)));
}

async function choose(name) {
  chosen = name;
  for (const button of at("models").children) button.setAttribute("aria-pressed", String(button.dataset.name === name));
  at("answer").textContent = "";
  showActs();
  try {
    showCard(await get(`/api/models/${encodeURIComponent(name)}`));
    showEvaluation((await get(`/api/models/${encodeURIComponent(name)}/evaluation`)).evaluation);
  } catch (error) {
    at("card").hidden = true;
    at("answer").textContent = error.message;
  }
}

function showActs() {
  const { next, next_shadow: beside } = library.use;
  const isUsable = library.models.some(({ name, refusal }) => name === chosen && !refusal);
  const can = { promote: isUsable && chosen !== next, watch: isUsable && chosen !== next && chosen !== beside, unwatch: Boolean(beside), return: library.changes.length > 0 };
  for (const button of at("change").querySelectorAll("[name=act]")) button.disabled = !can[button.value];
}

function showDifferences(comparisons) {
  if (comparisons.length === 0) return;
  at("differences").replaceChildren(...comparisons.map(({ model, candidate, pieces, agreed, skipped, pairs }) => {
    const found = part("div");
    const values = { candidate, model, pieces: number.format(pieces), share: pieces ? percent(agreed / pieces, 1) : "–", skipped: number.format(skipped) };
    found.append(part("p", _("{candidate} beside {model}: {pieces} pieces, the same class for {share}; {skipped} passed over for lack of time.", values)));
    const different = pairs.filter((pair) => pair.label !== pair.candidate_label).slice(0, 15);
    const rows = different.map((pair) => [pair.label, pair.candidate_label, number.format(pair.pieces), percent(pair.confidence), percent(pair.candidate_confidence)]);
    found.append(table([_("The model says"), _("The watched one says"), `#${_("Pieces")}`, `#${_("How sure")}`, `#${_("How sure the watched one")}`], rows));
    return found;
  }));
}

function showChanges(changes, broken) {
  at("no-changes").hidden = changes.length > 0;
  at("changes").hidden = changes.length === 0;
  if (broken) Object.assign(at("no-changes"), { hidden: false, textContent: told(broken) });
  at("changes").tBodies[0].replaceChildren(...changes.map(({ at_utc: utc, by, act, from_id: from, to_id: to, why }) => {
    const row = document.createElement("tr");
    row.append(...[utc.replace("T", " ").slice(0, 19), by, ACTS[act] ?? act, from, to, why].map((text) => part("td", text)));
    return row;
  }));
}

async function load() {
  library = await get("/api/models");
  const { running, next } = library.use;
  at("using").textContent = next !== null && next !== running ? _("{running} is in use; from the next start on it is {next}.", { running, next }) : _("{running} is in use.", { running });
  at("models").replaceChildren(...library.models.map(pick));
  showDifferences(library.comparisons);
  showChanges(library.changes, library.changes_broken);
  await choose(chosen ?? running);
}

at("change").addEventListener("submit", async (event) => {
  event.preventDefault();
  const act = event.submitter.value;
  const why = new FormData(event.target).get("why");
  const [path, body] = {
    promote: [`/api/models/${encodeURIComponent(chosen)}/promote`, { why }],
    watch: ["/api/models/watch", { model: chosen, why }],
    unwatch: ["/api/models/watch", { model: null, why }],
    return: ["/api/models/return", { why }],
  }[act];
  at("answer").textContent = _("Checking everything. This takes some seconds.");
  try {
    await order(path, body);
    event.target.reset();
    await load();
    at("answer").textContent = _("Done. It takes effect at the next start.");
  } catch (error) {
    at("answer").textContent = error.message;
  }
});

at("check").addEventListener("click", async () => {
  at("errand").textContent = _("Checking. This takes some seconds.");
  try {
    at("errand").textContent = told((await order(`/api/models/${encodeURIComponent(chosen)}/check`, null)).told);
  } catch (error) {
    at("errand").textContent = error.message;
  }
});

at("evaluate").addEventListener("click", async () => {
  try {
    await order(`/api/models/${encodeURIComponent(chosen)}/evaluate`, null);
  } catch (error) {
    at("errand").textContent = error.message;
  }
});

load().catch((error) => { at("using").textContent = error.message; });
follow((work, subject) => { if (work === "evaluate" && subject === chosen) choose(chosen); });
