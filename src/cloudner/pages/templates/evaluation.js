"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // Theme: the system's until the reader chooses; a page opened from disk may have no storage.
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("cloudner-theme"); } catch { return null; } };
  if (stored()) root.dataset.theme = stored();
  byId("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("cloudner-theme", root.dataset.theme); } catch { /* not kept, that is all */ }
  });

  // Mistakes
  const PAGE = 25;
  const errors = data.errors;
  const haystack = errors.map((e) => [e.gt, e.pt, e.x, e.s, "#" + e.d].join("\n").toLowerCase());
  const state = { kinds: new Set(Object.keys(data.kinds)), label: "", order: "", text: "", page: 0 };
  const chips = [...document.querySelectorAll(".chip")];
  let found = [];

  const shows = (e, i) =>
    state.kinds.has(e.k) &&
    (!state.label || e.gl === state.label || e.pl === state.label) &&
    (!state.text || haystack[i].includes(state.text));

  const describe = (e) => {
    const what = make("span", "what");
    const add = (text, label) => { what.append(text + " "); what.append(make("em", "", label)); };
    if (e.k === "missed") add(e.gt, e.gl);
    else if (e.k === "spurious") add(e.pt, e.pl);
    else { add(e.gt, e.gl); what.append(" → "); add(e.pt, e.pl); }
    return what;
  };

  const row = (name, html) => {
    const line = make("div", "row");
    line.append(make("span", "", name));
    const text = make("div");
    text.dir = "auto";
    text.innerHTML = html; // escaped by displaCy when the page was made
    line.append(text);
    return line;
  };

  const item = (e) => {
    const li = make("li", "k-" + e.k);
    li.dataset.kind = e.k;
    const head = make("div", "head");
    const badge = make("span", "badge", e.k);
    badge.title = data.kinds[e.k];
    const where = (e.s || "document " + (e.d + 1)) + (e.c === null ? "" : " · confidence " + (100 * e.c).toFixed(1) + " %");
    head.append(badge, describe(e), make("span", "meta", where));
    li.append(head, row("gold", e.g), row("model", e.p));
    return li;
  };

  const draw = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    state.page = Math.min(state.page, pages - 1);
    const start = state.page * PAGE;
    byId("list").replaceChildren(...found.slice(start, start + PAGE).map((i) => item(errors[i])));
    byId("count").textContent = found.length
      ? `${(start + 1).toLocaleString("en")}–${Math.min(start + PAGE, found.length).toLocaleString("en")} of ${found.length.toLocaleString("en")}`
      : errors.length ? "Nothing fits these filters." : "No mistake at all.";
    byId("page").textContent = `page ${state.page + 1} of ${pages}`;
    byId("prev").disabled = state.page === 0;
    byId("next").disabled = state.page >= pages - 1;
  };

  const filter = () => {
    found = [];
    errors.forEach((e, i) => { if (shows(e, i)) found.push(i); });
    if (state.order) {
      // Mistakes without a confidence (missed entities) come last either way.
      const sign = state.order === "sure" ? -1 : 1;
      const rank = (i) => (errors[i].c === null ? Infinity : sign * errors[i].c);
      found.sort((a, b) => rank(a) - rank(b) || a - b);
    }
    state.page = 0;
    draw();
  };

  chips.forEach((chip) => chip.addEventListener("click", () => {
    const kind = chip.dataset.kind;
    const on = !state.kinds.has(kind);
    if (on) state.kinds.add(kind); else state.kinds.delete(kind);
    chip.setAttribute("aria-pressed", String(on));
    filter();
  }));
  byId("f-label").addEventListener("change", (event) => { state.label = event.target.value; filter(); });
  byId("f-order").addEventListener("change", (event) => { state.order = event.target.value; filter(); });
  let waiting;
  byId("f-text").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { state.text = event.target.value.trim().toLowerCase(); filter(); }, 120);
  });
  byId("f-reset").addEventListener("click", () => {
    Object.assign(state, { kinds: new Set(Object.keys(data.kinds)), label: "", order: "", text: "" });
    chips.forEach((chip) => chip.setAttribute("aria-pressed", "true"));
    for (const id of ["f-label", "f-order", "f-text"]) byId(id).value = "";
    filter();
  });
  const turn = (by) => { state.page += by; draw(); byId("count").scrollIntoView({ block: "center" }); };
  byId("prev").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  filter();

  // Tables sort by a click on a column's name
  document.querySelectorAll("table.sortable").forEach((table) => {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      const button = make("button", "", cell.textContent);
      button.type = "button";
      cell.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = cell.getAttribute("aria-sort") !== "descending";
        [...table.tHead.rows[0].cells].forEach((other) => other.removeAttribute("aria-sort"));
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = (tr) => {
          const bar = tr.cells[column].querySelector(".bar b");
          const text = bar ? bar.style.width : tr.cells[column].textContent;
          const amount = parseFloat(text.replace(/,/g, ""));
          return column && !Number.isNaN(amount) ? amount : text;
        };
        const rows = [...body.rows].sort((a, b) => {
          const x = value(a), y = value(b);
          return typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
        });
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  });

  // Values under the pointer in the training curves
  document.querySelectorAll("[data-chart]").forEach((figure) => {
    const chart = data.charts[figure.dataset.chart];
    const svg = figure.querySelector("svg");
    if (!chart || !svg) return;
    const [left, right, top, bottom] = chart.plot;
    const readout = figure.querySelector("output");
    const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
    cursor.setAttribute("class", "cursor");
    cursor.setAttribute("y1", top);
    cursor.setAttribute("y2", bottom);
    cursor.style.display = "none";
    svg.append(cursor);
    const last = () => {
      cursor.style.display = "none";
      const series = chart.series[0];
      readout.textContent = chart.series.length > 1 ? "" : series.text[series.text.length - 1] + (chart.unit ? " " + chart.unit : "");
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      const x = chart.x[0] + ((at - left) / (right - left)) * (chart.x[1] - chart.x[0]);
      const nearest = (points) => points.reduce((best, p, i) => (Math.abs(p[0] - x) < Math.abs(points[best][0] - x) ? i : best), 0);
      const step = chart.series[0].points[nearest(chart.series[0].points)][0];
      const place = left + ((step - chart.x[0]) / (chart.x[1] - chart.x[0])) * (right - left);
      cursor.setAttribute("x1", place);
      cursor.setAttribute("x2", place);
      cursor.style.display = "";
      const values = chart.series.map((s) => (chart.series.length > 1 ? s.name + " " : "") + s.text[nearest(s.points)]);
      readout.textContent = `${chart.xLabel} ${step.toLocaleString("en")}: ${values.join(", ")}`;
    });
    svg.addEventListener("pointerleave", last);
    last();
  });

  // Which section is being read
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const watcher = new IntersectionObserver((entries) => entries.forEach((entry) => {
    const link = links.get(entry.target.id);
    if (link && entry.isIntersecting) {
      links.forEach((other) => other.classList.remove("here"));
      link.classList.add("here");
    }
  }), { rootMargin: "-25% 0px -65% 0px" });
  links.forEach((_, id) => watcher.observe(byId(id)));
})();
