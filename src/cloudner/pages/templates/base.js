"use strict";
(() => {
  // Theme: the system's until the reader chooses; a page opened from disk may have no storage.
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("cloudner-theme"); } catch { return null; } };
  if (stored()) root.dataset.theme = stored();
  byId("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("cloudner-theme", root.dataset.theme); } catch { /* not kept, that is all */ }
  });

  // Tables sort by a click on a column's name
  document.querySelectorAll("table.sortable").forEach((table) => {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      const button = document.createElement("button");
      button.textContent = cell.textContent;
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
          return column ? (Number.isNaN(amount) ? -1 : amount) : text; // a dash stands below every number
        };
        const rows = [...body.rows].sort((a, b) => {
          const x = value(a), y = value(b);
          return typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
        });
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  });

  // Values under the pointer in line charts
  const charts = byId("charts") ? JSON.parse(byId("charts").textContent) : {};
  document.querySelectorAll("[data-chart]").forEach((figure) => {
    const chart = charts[figure.dataset.chart];
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
  }), { rootMargin: "-12% 0px -78% 0px" });
  links.forEach((_, id) => { if (byId(id)) watcher.observe(byId(id)); });
})();
