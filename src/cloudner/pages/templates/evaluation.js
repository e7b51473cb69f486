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

  // Mistakes
  const PAGE = 25;
  const errors = data.errors;
  const haystack = errors.map((e) => [e.gt, e.pt, e.x, e.s, "#" + e.d].join("\n").toLowerCase());
  const state = { kinds: new Set(Object.keys(data.kinds)), label: "", order: "", text: "", document: null, page: 0 };
  const chips = [...document.querySelectorAll(".chip")];
  let found = [];

  const shows = (e, i) =>
    state.kinds.has(e.k) &&
    (state.document === null || e.d === state.document) &&
    (!state.label || e.gl === state.label || e.pl === state.label) &&
    (!state.text || haystack[i].includes(state.text));

  const describe = (e) => {
    const what = make("span", "what");
    const add = (text, label) => { what.append(text); if (label) what.append(" ", make("em", "", label)); };
    const same = e.gt === e.pt;
    if (e.k === "missed") add(e.gt, e.gl);
    else if (e.k === "spurious") add(e.pt, e.pl);
    else { add(e.gt, same || e.gl !== e.pl ? e.gl : ""); what.append(" → "); add(same ? "" : e.pt, e.pl); }
    return what;
  };

  const nameOf = (e) => e.s || "document " + (e.d + 1);
  const item = (e) => {
    const li = make("li", "k-" + e.k);
    li.dataset.kind = e.k;
    const head = make("div", "head");
    const badge = make("span", "badge", e.k);
    badge.title = data.kinds[e.k];
    const meta = make("span", "meta");
    const link = make("a", "", nameOf(e));
    link.href = "#document-" + (e.d + 1);
    link.title = "All mistakes in this document";
    meta.append(link);
    if (e.f) {
      const place = make("span", "", " · " + e.f);
      place.title = "the file, and the line or the number of the document in it";
      meta.append(place);
    }
    if (e.c !== null) meta.append(make("span", "", " · confidence\u00a0" + (100 * e.c).toFixed(1) + "\u00a0%"));
    head.append(badge, describe(e), meta);
    const text = make("p", "text");
    text.dir = "auto";
    text.innerHTML = e.h; // escaped when the page was made
    li.append(head, text);
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
    byId("f-document").hidden = state.document === null;
    if (state.document !== null) {
      const first = errors.find((e) => e.d === state.document);
      byId("f-document").textContent = (first ? nameOf(first) : "document " + (state.document + 1)) + " ✕";
    }
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
    leave();
    chips.forEach((chip) => chip.setAttribute("aria-pressed", "true"));
    for (const id of ["f-label", "f-order", "f-text"]) byId(id).value = "";
    filter();
  });
  // #document-12 shows the mistakes of one document
  const leave = () => {
    state.document = null;
    if (location.hash.startsWith("#document-")) history.replaceState(null, "", location.pathname + location.search);
  };
  const follow = () => {
    const at = /^#document-(\d+)$/.exec(location.hash);
    if (!at) return;
    Object.assign(state, { kinds: new Set(Object.keys(data.kinds)), label: "", text: "", document: at[1] - 1 });
    chips.forEach((chip) => chip.setAttribute("aria-pressed", "true"));
    for (const id of ["f-label", "f-text"]) byId(id).value = "";
    filter();
    byId("errors").scrollIntoView();
  };
  addEventListener("hashchange", follow);
  byId("f-document").addEventListener("click", () => { leave(); filter(); });
  const turn = (by) => { state.page += by; draw(); byId("count").scrollIntoView({ block: "center" }); };
  byId("prev").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  filter();
  follow();
})();
