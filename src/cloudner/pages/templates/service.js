"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const said = document.body.dataset;
  const text = $("text");
  let answered = null; // { text, model, entities } of the last answer
  let running = null;

  const kept = () => answered.entities.filter((e) => e.confidence === null || e.confidence * 100 >= Number($("threshold").value));
  const percent = (value) => (value === null ? "" : `${Math.round(value * 1000) / 10} %`);

  function tell(message, error) {
    $("status").textContent = message;
    $("status").classList.toggle("error", Boolean(error));
  }

  function element(name, content, className) {
    const made = document.createElement(name);
    made.textContent = content;
    if (className) made.className = className;
    return made;
  }

  function show() {
    const labels = [...new Set(answered.entities.map((e) => e.label))].sort();
    const colour = (label) => `c${labels.indexOf(label) % 8}`;
    const characters = Array.from(answered.text); // offsets count code points, strings of JavaScript UTF-16 units
    const entities = kept();
    // Entities may overlap: the text is cut where one begins or ends, and a part is inside the marks of all that hold it.
    const waiting = [...entities].sort((a, b) => a.start - b.start);
    const cuts = [...new Set([0, characters.length, ...entities.flatMap((e) => [e.start, e.end])])].sort((a, b) => a - b);
    let open = [];
    let next = 0;
    const parts = cuts.slice(0, -1).map((start, i) => {
      const end = cuts[i + 1];
      open = open.filter((e) => e.end > start);
      while (next < waiting.length && waiting[next].start === start) open.push(waiting[next++]);
      open.sort((a, b) => a.end - a.start - (b.end - b.start)); // the shortest is the innermost
      let part = document.createTextNode(characters.slice(start, end).join(""));
      for (const entity of open) {
        const mark = element("mark", "", colour(entity.label));
        mark.title = `${entity.label} ${percent(entity.confidence)}`;
        mark.append(part);
        if (entity.end === end) mark.append(element("small", `${entity.label} ${percent(entity.confidence)}`.trim()));
        part = mark;
      }
      return part;
    });
    $("result").replaceChildren(...parts);
    $("legend").replaceChildren(...labels.map((label) => element("span", `${label} ${entities.filter((e) => e.label === label).length}`, `key ${colour(label)}`)));
    $("rows").replaceChildren(...entities.map((entity) => {
      const row = document.createElement("tr");
      row.append(element("td", entity.text), element("td", entity.label), element("td", percent(entity.confidence)), element("td", `${entity.start}-${entity.end}`));
      return row;
    }));
    $("value").textContent = `${$("threshold").value} %`;
    $("found").hidden = false;
    tell(answered.entities.length ? said.count.replace("{kept}", entities.length).replace("{all}", answered.entities.length) : said.none);
  }

  async function ask() {
    if (running) running.abort();
    const mine = (running = new AbortController());
    const asked = text.value;
    if (!asked.trim()) return;
    tell(said.working);
    const headers = { "Content-Type": "application/json" };
    if ($("token").value) headers.Authorization = `Bearer ${$("token").value}`;
    try {
      const response = await fetch("v1/entities", { method: "POST", headers, signal: mine.signal, body: JSON.stringify({ text: asked, model: $("model").value }) });
      const body = await response.json();
      if (response.ok) {
        answered = { text: asked, model: body.model, entities: body.entities };
        show();
      } else if (response.status === 401) {
        $("token-label").hidden = false;
        $("token").focus();
        tell(said.token, true);
      } else if (response.status === 429) {
        tell(said.tooMany.replace("{seconds}", response.headers.get("Retry-After")), true);
      } else {
        tell(`${said.failed} ${body.error}`, true);
      }
    } catch (error) {
      if (error.name !== "AbortError") tell(`${said.failed} ${error.message}`, true);
    }
  }

  function download(name, kind, content) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type: kind }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // A spreadsheet would compute a cell that begins so.
  const cell = (value) => `"${String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&").replace(/"/g, '""')}"`;

  $("form").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  text.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(); });
  $("threshold").addEventListener("input", () => answered && show());
  $("json").addEventListener("click", () => download("entities.json", "application/json", JSON.stringify({ ...answered, entities: kept() }, null, 2)));
  $("csv").addEventListener("click", () => {
    const rows = kept().map((e) => [e.start, e.end, e.label, e.text, e.confidence].map(cell).join(","));
    download("entities.csv", "text/csv", `\ufeff${["start,end,label,text,confidence", ...rows].join("\r\n")}\r\n`);
  });
  $("language").addEventListener("click", () => sessionStorage.setItem("text", text.value));
  text.value = sessionStorage.getItem("text") ?? text.value;
  sessionStorage.removeItem("text");
})();
