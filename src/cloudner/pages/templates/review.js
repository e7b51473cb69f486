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
    const what = make("span");
    if (row.label !== null) what.append(make("span", "was", row.text + " " + row.label));
    else what.append(make("span", "was", "no annotation"));
    what.append(" → ");
    if (row.suggested) what.append(make("span", "new", row.suggested_text + " " + row.suggested.label));
    else what.append(make("span", "new", "no annotation"));
    return what;
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
    const item = make("li");
    item.dataset.row = i;
    item.tabIndex = 0;
    const head = make("div", "head");
    head.append(make("span", "kind", row.kind), describe(row));
    head.append(make("small", "", row.id + " · " + (100 * row.probability).toFixed(1) + " %"));
    const context = make("p", "context");
    context.dir = "auto";
    context.append(row.before, make("mark", "", row.text), row.after);
    item.append(head, context);
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
