// What the walk over all pages asks each of them. Evaluated in the page; the rules of axe-core are beside it.

({
  /** True once the page knows who is asking and has not been answered anything for a moment. */
  settled: () => {
    const last = Math.max(0, ...performance.getEntriesByType("resource").map((entry) => entry.responseEnd));
    return document.readyState === "complete" && document.getElementById("who")?.textContent.trim() !== "" && performance.now() - last > 250;
  },

  /** Bytes of the page and all it fetched. */
  weight: () => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((sum, entry) => sum + entry.encodedBodySize, 0),

  /** All words that people could read here, but those that are names or codes (translate="no"). */
  words: () => {
    const found = [document.title.split(" · ")[0]];
    const ATTRIBUTES = ["aria-label", "alt", "title", "placeholder"];
    const visit = (root) => {
      for (const node of root.childNodes) {
        if (node.nodeType === Node.TEXT_NODE) found.push(node.data.trim());
        if (node.nodeType !== Node.ELEMENT_NODE || node.translate === false || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(node.tagName)) continue;
        found.push(...ATTRIBUTES.map((name) => node.getAttribute(name)?.trim() ?? ""));
        visit(node.content ?? node);
      }
    };
    visit(document.body);
    return found.filter((text) => text !== "");
  },

  /** With or without the look of no connection; false where the page has none. */
  lose: (isLost) => {
    const notice = document.getElementById("lost");
    if (notice) notice.hidden = !isLost;
    document.body.classList.toggle("is-lost", notice !== null && isLost);
    return notice !== null;
  },

  open: () => document.querySelectorAll("details").forEach((details) => { details.open = true; }),

  /** Elements that stick out of the window to the right; empty when nobody has to scroll sideways. */
  overflow: () => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > width + 1).map((element) => `${element.tagName}#${element.id}.${element.className}`).slice(0, 5);
  },

  /** The colours of a look, by name. */
  colours: (look) => {
    document.documentElement.dataset.look = look;
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(["ground", "card", "well", "line", "ink", "soft", "button", "button-line", "stop", "stop-ink", "alarm", "attention", "simulated", "focus"].map((name) => [name, style.getPropertyValue(`--${name}`)]));
  },

  /** Violations of the rules in this look. */
  judge: async ([look, rules]) => {
    document.documentElement.dataset.look = look;
    const options = { resultTypes: ["violations"], ...(rules ? { runOnly: rules } : {}) };
    const { violations } = await axe.run(document, options);
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${look}: ${id} ${target.join(" ")} ${failureSummary.replace(/\s+/g, " ")}`));
  },
})
