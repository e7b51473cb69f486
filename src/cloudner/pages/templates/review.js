"use strict";
(() => {
  const PAGE = 50;
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = data.rows;
  const byId = (id) => document.getElementById(id);
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // Kept in the browser where it lets a page from disk keep anything, under the digest of the rows.
  const key = "cloudner-review-" + data.digest;
  const kept = () => { try { return JSON.parse(localStorage.getItem(key)) || {}; } catch { return {}; } };
  const keep = () => {
    const answers = {};
    rows.forEach((row, i) => { if (row.decision) answers[i] = row.decision; });
    try { localStorage.setItem(key, JSON.stringify(answers)); } catch { /* not kept, that is all */ }
  };
  for (const [i, answer] of Object.entries(kept())) {
    if (rows[i] && (answer === "accept" || answer === "reject")) rows[i].decision = answer;
  }

  let found = [];
  let page = 0;
  const labelsOf = (row) => [row.label, row.suggested && row.suggested.label];
  const filter = () => {
    const kind = byId("kind").value;
    const label = byId("label").value;
    const open = byId("open").checked;
    found = rows.map((_, i) => i).filter((i) =>
      (!kind || rows[i].kind === kind) && (!label || labelsOf(rows[i]).includes(label)) && (!open || !rows[i].decision));
    page = 0;
    show();
  };

  const describe = (row) => {
    const what = make("span", "what");
    const add = (text, label) => { what.append(text); if (label) what.append(" ", make("em", "", label)); };
    const next = row.suggested;
    if (row.label === null) add(next ? row.suggested_text : row.text, next ? next.label : "");
    else if (!next) add(row.text, row.label);
    else {
      const same = row.text === row.suggested_text && row.start === next.start;
      add(row.text, same || row.label !== next.label ? row.label : "");
      what.append(" → ");
      add(same ? "" : row.suggested_text, next.label);
    }
    return what;
  };

  // The text once: cut where the annotation or the suggestion begins or ends, each named where it ends.
  const marked = (row) => {
    const text = row.before + row.text + row.after;
    const origin = row.start - [...row.before].length;
    const letters = [...text]; // places count characters, not halves of them
    const spans = [];
    if (row.label !== null) spans.push(["g", "gold", "now", row.start - origin, row.end - origin, row.label]);
    if (row.suggested) spans.push(["p", "model", "suggested", row.suggested.start - origin, row.suggested.end - origin, row.suggested.label]);
    const cuts = [...new Set([0, letters.length, ...spans.flatMap((s) => [s[3], s[4]])])].filter((at) => at >= 0 && at <= letters.length).sort((x, y) => x - y);
    const parts = [];
    cuts.slice(0, -1).forEach((from, i) => {
      const piece = letters.slice(from, cuts[i + 1]).join("");
      const over = spans.filter((s) => s[3] <= from && cuts[i + 1] <= s[4]);
      parts.push(over.length ? make("span", over.map((s) => s[0]).join(" "), piece) : piece);
      for (const s of spans) {
        if (s[4] !== cuts[i + 1]) continue;
        const tag = make("span", "tag " + s[1], s[2] + " ");
        tag.append(make("b", "", s[5]));
        parts.push(tag);
      }
    });
    return parts;
  };

  const paint = (item, row) => {
    item.classList.toggle("accept", row.decision === "accept");
    item.classList.toggle("reject", row.decision === "reject");
    for (const button of item.querySelectorAll(".answer")) {
      button.setAttribute("aria-pressed", String(button.dataset.answer === row.decision));
    }
  };
  const progress = () => {
    const done = rows.filter((row) => row.decision).length;
    byId("progress").textContent = done + " of " + rows.length + " decided";
  };
  const decide = (item, answer) => {
    const row = rows[item.dataset.row];
    row.decision = row.decision === answer ? "" : answer;
    paint(item, row);
    progress();
    keep();
  };

  const itemOf = (i) => {
    const row = rows[i];
    const item = make("li", "k-" + row.kind + " findings");
    item.dataset.row = i;
    item.tabIndex = 0;
    const head = make("div", "head");
    head.append(make("span", "badge", row.kind), describe(row));
    head.append(make("span", "meta", row.id + " · " + Math.min(99.9, 100 * row.probability).toFixed(1) + " % sure"));
    const context = make("p", "context");
    context.dir = "auto";
    context.append(...marked(row));
    item.append(head, context);
    if (row.others && row.others.length) {
      const beside = make("p", "meta", "also annotated here: ");
      row.others.forEach((other, n) => beside.append(n ? ", " : "", other.text + " ", make("em", "", other.label)));
      item.append(beside);
    }
    for (const [answer, name] of [["accept", "Accept"], ["reject", "Reject"]]) {
      const button = make("button", "answer", name);
      button.type = "button";
      button.dataset.answer = answer;
      button.addEventListener("click", () => decide(item, answer));
      item.append(button, " ");
    }
    paint(item, row);
    return item;
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    byId("rows").replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(itemOf));
    byId("page").textContent = "page " + (page + 1) + " of " + pages + ", " + found.length + " rows";
    byId("previous").disabled = page === 0;
    byId("next").disabled = page >= pages - 1;
    progress();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    const items = [...byId("rows").children];
    const here = items.indexOf(document.activeElement && document.activeElement.closest("li"));
    const go = (to) => { if (items[to]) items[to].focus(); };
    if (event.key === "j") go(here + 1);
    else if (event.key === "k") go(Math.max(0, here - 1));
    else if (here >= 0 && "aru".includes(event.key)) {
      const row = rows[items[here].dataset.row];
      const answer = { a: "accept", r: "reject", u: row.decision }[event.key];
      if (answer && (event.key === "u" || row.decision !== answer)) decide(items[here], answer);
      if (event.key !== "u") go(here + 1);
    }
  });
  byId("previous").addEventListener("click", () => { page -= 1; show(); });
  byId("next").addEventListener("click", () => { page += 1; show(); });
  for (const id of ["kind", "label", "open"]) byId(id).addEventListener("change", filter);
  byId("save").addEventListener("click", () => {
    const text = rows.map((row) => JSON.stringify(row) + "\n").join("");
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
    link.download = "decisions.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  filter();
})();
