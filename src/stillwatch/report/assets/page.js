"use strict";
/* The page's own script: sortable tables, a graph one can look into, a timeline one can read off. It never writes HTML:
   every text is set by textContent, and the content policy refuses anything else. */
(() => {
  const MEMBERSHIPS = ["core", "probable", "touched"];
  const MINUS = "\u2212";
  const number = new Intl.NumberFormat("en-US");
  const $ = (root, selector) => root.querySelector(selector);
  const $$ = (root, selector) => Array.from(root.querySelectorAll(selector));

  function element(name, text, kind) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }
  function plural(n, noun) { return number.format(n) + " " + noun + (n === 1 ? "" : "s"); }
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  function minute(seconds) {
    const t = new Date(seconds * 1000), two = n => String(n).padStart(2, "0");
    return t.getUTCDate() + " " + MONTHS[t.getUTCMonth()] + " " + t.getUTCFullYear() + ", " + two(t.getUTCHours()) + ":" + two(t.getUTCMinutes());
  }
  const years = document.body.dataset.years !== undefined;
  function moment(seconds) { return years ? minute(seconds) : minute(seconds).replace(/ \d+,/, ","); }
  function share(x) {
    if (x === 0 || x >= 0.0995) return Math.round(100 * x) + " %";
    return x < 0.001 ? "< 0.1 %" : (100 * x).toFixed(1).replace(/\.0$/, "") + " %";
  }
  const SHOW = {
    text: String,
    id: String,
    membership: code => MEMBERSHIPS[code],
    count: n => number.format(n),
    others: n => (n ? number.format(n) : "–"),
    lift: x => (x === null ? "–" : number.format(x)),
    share: share,
    bits: x => (x > 0 ? "+" : x < 0 ? MINUS : "") + Math.abs(x).toFixed(1),
    time: moment,
  };
  const CELL = {
    text: cell, id: cell, membership: code => MEMBERSHIPS[code], time: s => new Date(s * 1000).toISOString(),
  };
  /* A spreadsheet runs a text that starts like a formula; a quote makes it text again (OWASP, CSV injection). */
  function cell(text) { return /^[=+\-@\t\r]/.test(text) ? "'" + text : text; }
  function quoted(value) {
    const text = value === null ? "" : String(value);
    return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  }

  class Grid {
    constructor(root, data, name) {
      this.root = root; this.data = data; this.label = root.dataset.label; this.name = name;
      this.size = Number(root.dataset.page);
      this.head = $$(root, "thead th");
      this.columns = this.head.map(th => ({ key: th.dataset.key, type: th.dataset.type, num: th.classList.contains("num"), title: th.textContent }));
      this.n = data[this.columns[0].key].length;
      this.sorted = null; this.page = 0; this.only = null;
      this.order = Array.from({ length: this.n }, (_, i) => i);
      this.shown = this.order;
      this.prepareHead(); this.prepareTools(); this.preparePager();
      this.draw();
    }
    prepareHead() {
      this.head.forEach((th, i) => {
        const button = element("button", th.textContent, "sort");
        button.type = "button";
        button.addEventListener("click", () => this.sort(i));
        th.replaceChildren(button);
      });
    }
    prepareTools() {
      const tools = $(this.root, ".tools");
      tools.hidden = false;
      this.filter = $(tools, "[data-filter]");
      this.filter.addEventListener("input", () => this.select());
      this.membership = $(tools, "[data-membership]");
      if (this.membership) this.membership.addEventListener("change", () => this.select());
      $(tools, "[data-csv]").addEventListener("click", () => this.download());
      this.clear = $(tools, "[data-clear]");
      if (this.clear) this.clear.addEventListener("click", () => this.restrict(null, ""));
    }
    preparePager() {
      const pager = $(this.root, ".pager");
      pager.hidden = false;
      const button = (text, label, step) => {
        const made = element("button", text);
        made.type = "button";
        made.setAttribute("aria-label", label + " of " + this.label);
        made.addEventListener("click", () => { this.page = step(this.page); this.draw(); });
        pager.append(made);
        return made;
      };
      this.first = button("First", "First page", () => 0);
      this.back = button("Back", "Page back", p => p - 1);
      this.next = button("Next", "Next page", p => p + 1);
      this.last = button("Last", "Last page", () => this.pages() - 1);
      this.status = element("span");
      this.status.setAttribute("role", "status");
      pager.append(this.status);
    }
    pages() { return Math.max(1, Math.ceil(this.shown.length / this.size)); }
    sort(i) {
      const type = this.columns[i].type, text = type === "text" || type === "id";
      const down = this.sorted && this.sorted.i === i ? !this.sorted.down : !text && type !== "membership" && type !== "time";
      this.sorted = { i: i, down: down };
      const values = this.data[this.columns[i].key], sign = down ? -1 : 1;
      const less = text ? (a, b) => (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : 0) : (a, b) => (values[a] ?? -1) - (values[b] ?? -1);
      this.order.sort((a, b) => sign * less(a, b) || a - b);
      this.head.forEach((th, k) => {
        if (k === i) th.setAttribute("aria-sort", down ? "descending" : "ascending"); else th.removeAttribute("aria-sort");
      });
      this.select();
    }
    restrict(rows, why) {
      this.only = rows; this.why = why;
      if (this.clear) this.clear.hidden = rows === null;
      this.select();
    }
    select() {
      const wanted = this.filter.value.trim().toLowerCase();
      const texts = this.columns.filter(c => c.type === "text" || c.type === "id").map(c => this.data[c.key]);
      const tier = this.membership && this.membership.value !== "" ? Number(this.membership.value) : null;
      this.shown = this.order.filter(r =>
        (this.only === null || this.only.has(r)) &&
        (tier === null || this.data.membership[r] === tier) &&
        (wanted === "" || texts.some(t => t[r].toLowerCase().includes(wanted))));
      this.page = 0;
      this.draw();
    }
    draw() {
      this.page = Math.min(Math.max(this.page, 0), this.pages() - 1);
      const from = this.page * this.size, rows = this.shown.slice(from, from + this.size);
      $(this.root, "tbody").replaceChildren(...rows.map(r => this.row(r)));
      const all = this.shown.length === this.n ? "" : " (" + number.format(this.n) + " in all)";
      const which = this.only ? ", " + this.why : "";
      this.status.textContent = rows.length
        ? number.format(from + 1) + "–" + number.format(from + rows.length) + " of " + number.format(this.shown.length) + " " + this.label + all + which
        : "no " + this.label + " fit" + which;
      this.first.disabled = this.back.disabled = this.page === 0;
      this.next.disabled = this.last.disabled = this.page >= this.pages() - 1;
    }
    row(r) {
      const tr = element("tr");
      for (const c of this.columns) {
        const td = element("td", undefined, c.num ? "num" : c.type === "id" ? "mono" : "");
        const text = SHOW[c.type](this.data[c.key][r]);
        if (c.type === "id") td.append(element("bdi", text)); else td.textContent = text;
        tr.append(td);
      }
      return tr;
    }
    csv() {
      const lines = [this.columns.map(c => quoted(c.key)).join(",")];
      for (const r of this.shown) {
        lines.push(this.columns.map(c => { const v = this.data[c.key][r]; return quoted(v !== null && CELL[c.type] ? CELL[c.type](v) : v); }).join(","));
      }
      return lines.join("\r\n") + "\r\n";
    }
    download() {
      const link = element("a");
      link.href = URL.createObjectURL(new Blob(["\ufeff" + this.csv()], { type: "text/csv;charset=utf-8" }));
      link.download = this.name + ".csv";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }
  }

  class Graph {
    constructor(root, data, grid) {
      this.svg = $(root, "svg"); this.told = $(root, "[data-told]"); this.data = data; this.grid = grid;
      this.circles = $$(root, "circle[data-n]"); this.lit = $(root, ".lit");
      this.box = [0, 0, 960, 560]; this.here = -1;
      this.marksOf = data.nodes.map(() => []);
      data.lines.forEach(([node, mark]) => this.marksOf[node].push(mark));
      const tools = $(root, ".tools");
      tools.hidden = false;
      $$(tools, "[data-zoom]").forEach(b => b.addEventListener("click", () => this.zoom({ in: 0.7, out: 1 / 0.7, whole: 0 }[b.dataset.zoom])));
      this.listen();
    }
    listen() {
      const svg = this.svg;
      svg.addEventListener("pointerover", e => this.point(e.target));
      svg.addEventListener("pointerleave", () => this.rest());
      svg.addEventListener("click", e => { if (e.target.dataset.n !== undefined && !this.dragged) this.choose(Number(e.target.dataset.n)); });
      svg.addEventListener("wheel", e => { if (e.ctrlKey || e.metaKey) { e.preventDefault(); this.zoom(e.deltaY > 0 ? 1.15 : 0.87, this.at(e)); } }, { passive: false });
      svg.addEventListener("pointerdown", e => { this.grip = [e.clientX, e.clientY, ...this.box]; this.dragged = false; });
      window.addEventListener("pointerup", () => { this.grip = null; });
      svg.addEventListener("pointermove", e => this.drag(e));
      svg.addEventListener("keydown", e => this.key(e));
      svg.addEventListener("blur", () => this.rest());
    }
    scale() { return this.box[2] / this.svg.clientWidth; }
    at(e) {
      const r = this.svg.getBoundingClientRect();
      return [this.box[0] + (e.clientX - r.left) * this.scale(), this.box[1] + (e.clientY - r.top) * this.scale()];
    }
    drag(e) {
      if (!this.grip) return;
      const dx = e.clientX - this.grip[0], dy = e.clientY - this.grip[1];
      if (Math.abs(dx) + Math.abs(dy) > 4) this.dragged = true;
      this.look(this.grip[2] - dx * this.scale(), this.grip[3] - dy * this.scale(), this.box[2], this.box[3]);
    }
    zoom(factor, around) {
      if (!factor) return this.look(0, 0, 960, 560);
      const [x, y, w, h] = this.box, [cx, cy] = around || [x + w / 2, y + h / 2];
      const wide = Math.min(Math.max(w * factor, 90), 1400), f = wide / w;
      return this.look(cx - (cx - x) * f, cy - (cy - y) * f, wide, h * f);
    }
    look(...box) { this.box = box; this.svg.setAttribute("viewBox", box.map(v => v.toFixed(1)).join(" ")); }
    mark(m) {
      const hub = this.data.marks[m][3], l = this.data.links;
      return { kind: l.kind[hub], id: l.id[hub], n: l.n_accounts[hub], log: l.n_log_accounts[hub] };
    }
    point(target) {
      if (target.dataset.n !== undefined) this.show(Number(target.dataset.n));
      else if (target.dataset.m !== undefined) this.showMark(Number(target.dataset.m));
      else this.rest();
    }
    rest() {
      this.circles.forEach(c => c.classList.remove("here"));
      $$(this.svg, ".lit-hub").forEach(p => p.classList.remove("lit-hub"));
      this.lit.setAttribute("d", "");
    }
    show(n) {
      this.rest();
      const [x, y, , code, size, first] = this.data.nodes[n], marks = this.marksOf[n];
      this.circles[n].classList.add("here");
      this.lit.setAttribute("d", marks.map(m => "M" + x + " " + y + "L" + this.data.marks[m][0] + " " + this.data.marks[m][1]).join(""));
      const who = size === 1 ? this.data.accounts.account[first] : plural(size, "account");
      const ties = marks.map(m => this.mark(m)).map(m => m.kind + " " + m.id.slice(0, 8) + " with " + plural(m.n - 1, "other"));
      this.told.textContent = who + ", " + MEMBERSHIPS[code] + ": " + (ties.length ? ties.join("; ") : "tied to nothing that is drawn") + ".";
    }
    showMark(m) {
      this.rest();
      const hub = this.mark(m);
      $$(this.svg, '.lines [data-m="' + m + '"]').forEach(p => p.classList.add("lit-hub"));
      this.told.textContent = hub.kind + " " + hub.id + ": " + plural(hub.n, "account") + " of the campaign, of " + number.format(hub.log) + " in the log.";
    }
    choose(n) {
      const node = this.data.accounts.node, rows = new Set();
      node.forEach((at, row) => { if (at === n) rows.add(row); });
      this.grid.restrict(rows, "those of one circle");
      this.told.textContent = plural(rows.size, "account") + " of this circle in the table below.";
    }
    key(e) {
      const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[e.key];
      if (step) this.move(step);
      else if (e.key === "Enter" && this.here >= 0) this.choose(this.here);
      else if (e.key === "+" || e.key === "=") this.zoom(0.7, this.spot());
      else if (e.key === "-") this.zoom(1 / 0.7, this.spot());
      else if (e.key === "0") this.zoom(0);
      else return;
      e.preventDefault();
    }
    spot() { return this.here < 0 ? undefined : this.data.nodes[this.here].slice(0, 2); }
    move([dx, dy]) {
      if (this.here < 0) { this.here = 0; return this.show(0); }
      const [x, y] = this.spot();
      let best = -1, least = Infinity;
      this.data.nodes.forEach(([nx, ny], i) => {
        const along = (nx - x) * dx + (ny - y) * dy, across = Math.abs((nx - x) * dy) + Math.abs((ny - y) * dx);
        if (i !== this.here && along > 0 && along + 2.5 * across < least) { least = along + 2.5 * across; best = i; }
      });
      if (best >= 0) this.here = best;
      return this.show(this.here);
    }
  }

  class Timeline {
    constructor(root, time) {
      this.time = time; this.svg = $(root, ".timeline"); this.cursor = $(root, ".cursor");
      const reader = $(root, ".reader");
      this.slider = $(reader, "[data-slider]"); this.readout = $(reader, "[data-readout]");
      reader.hidden = false;
      this.slider.max = time.campaign.length - 1;
      this.slider.value = time.campaign.indexOf(Math.max(...time.campaign));
      this.slider.addEventListener("input", () => this.show(Number(this.slider.value)));
      this.svg.addEventListener("pointermove", e => this.follow(e));
      this.show(Number(this.slider.value));
    }
    follow(e) {
      const r = this.svg.getBoundingClientRect(), x = (e.clientX - r.left) / r.width * 960;
      const i = Math.floor((x - 150) / 800 * this.time.campaign.length);
      if (i >= 0 && i < this.time.campaign.length) { this.slider.value = i; this.show(i); }
    }
    show(i) {
      const x = 150 + 800 * (i + 0.5) / this.time.campaign.length, at = this.time.start + i * this.time.width;
      this.cursor.setAttribute("x1", x.toFixed(1));
      this.cursor.setAttribute("x2", x.toFixed(1));
      const text = "from " + minute(at) + " UTC: " + plural(this.time.campaign[i], "exchange") + " of the campaign, " + number.format(this.time.all[i]) + " in all";
      this.readout.textContent = text;
      this.slider.setAttribute("aria-valuetext", text);
    }
  }

  function open(hash) {
    const wanted = hash.length > 1 ? document.getElementById(hash.slice(1)) : null;
    if (!wanted) return;
    $$(wanted, "details.body").forEach(d => { d.open = true; });
    for (let up = wanted.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
    wanted.scrollIntoView();
  }

  for (const article of $$(document, "[data-campaign]")) {
    const data = JSON.parse($(article, 'script[type="application/json"]').textContent);
    const accounts = new Grid($(article, '[data-table="accounts"]'), data.accounts, "accounts-" + data.id);
    const links = $(article, '[data-table="links"]'), graph = $(article, "[data-graph]");
    if (links) new Grid(links, data.links, "shared-" + data.id);
    if (graph) new Graph(graph, data, accounts);
    new Timeline($(article, "[data-time]"), data.time);
  }
  window.addEventListener("hashchange", () => open(location.hash));
  window.addEventListener("beforeprint", () => $$(document, "details.body").forEach(d => { d.open = true; }));
  open(location.hash);
})();
