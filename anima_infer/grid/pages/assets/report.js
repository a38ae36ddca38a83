"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const find = (selector) => document.querySelector(selector);
const state = {page: [], hiddenRows: new Set(), hiddenColumns: new Set(), marked: null, open: null, mode: "one", focus: [0, 0], gain: 1, knob: 50};

function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// --- cells and places -------------------------------------------------------------------------------------------------

const at = new Map(data.cells.map((cell) => [cell.i.join(), cell]));
const places = (cell, role) => data.layout[role].map((axis) => cell.i[axis]);
const label = (axis, index) => data.axes[axis].labels[index];
const clipped = (text, most = 160) => (text.length > most ? `${text.slice(0, most)}…` : text);
const words = (cell) => cell.i.map((index, axis) => `${data.axes[axis].name}: ${label(axis, index)}`).join(", ");
const order = (a, b) => a.map((value, index) => value - b[index]).find((difference) => difference) || 0;

function distinct(cells, role) {
  const seen = new Map(cells.map((cell) => [places(cell, role).join(), places(cell, role)]));
  return [...seen.values()].sort(order);
}

function baseline(cell) {
  // the image that differs in one value alone, of the innermost axis that is not at its baseline
  const inner = [...data.layout.columns].reverse().concat([...data.layout.rows].reverse(), data.layout.pages);
  for (const axis of inner) {
    const {kind, baseline: index} = data.axes[axis];
    const other = kind === "seed" || cell.i[axis] === index ? null : at.get(cell.i.with(axis, index).join());
    if (other && imageData(other)) return other;
  }
  return cell;
}

function cellAt(row, column) {
  const index = new Array(data.axes.length);
  const put = (role, place) => data.layout[role].forEach((axis, depth) => { index[axis] = place[depth]; });
  put("rows", row); put("columns", column); put("pages", state.page);
  return at.get(index.join());
}

const fits = (cell, wanted) => !wanted.length || wanted.every((word) =>
  [data.texts[cell.p], data.texts[cell.n], words(cell), Object.values(cell.s).join(" ")].some((text) => text.toLowerCase().includes(word)));

// --- images come when they are near ---------------------------------------------------------------------------------

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const image = entry.target;
    if (entry.isIntersecting) image.src = image.dataset.src;
    else if (image.src) image.removeAttribute("src");
  }
}, {rootMargin: "600px"});

const imageData = (cell) => data.images[cell.k];
const isSmall = (cell) => imageData(cell) && Math.max(imageData(cell).w, imageData(cell).h) <= 256;

// --- the table --------------------------------------------------------------------------------------------------------

function draw() {
  near.disconnect();
  const inPage = data.cells.filter((cell) => places(cell, "pages").join() === state.page.join());
  const rows = distinct(inPage, "rows").filter((row) => !state.hiddenRows.has(row.join()));
  const columns = distinct(inPage, "columns").filter((column) => !state.hiddenColumns.has(column.join()));
  const table = make("table", {role: "grid", ariaLabel: data.name});
  table.append(head(rows, columns), body(rows, columns));
  find("#table").replaceChildren(table);
  find("#unhide").hidden = !state.hiddenRows.size && !state.hiddenColumns.size;
  settle(table);
  filter();
}

function head(rows, columns) {
  const top = make("thead");
  const across = data.layout.columns, down = data.layout.rows;
  const levels = Math.max(1, across.length);
  for (let level = 0; level < levels; level++) {
    const line = make("tr");
    const named = across[level] === undefined ? "" : `${clipped(data.axes[across[level]].name)} →`;
    if (level === levels - 1) corner(line, down, named);
    else line.append(make("th", {className: "corner", colSpan: down.length || 1}, make("div", {className: "across"}, named)));
    let column = 0;
    while (column < columns.length) {
      let span = 1;
      const same = (other) => columns[other].slice(0, level + 1).join() === columns[column].slice(0, level + 1).join();
      while (level < across.length - 1 && column + span < columns.length && same(column + span)) span++;
      const axis = across[level];
      const cell = make("th", {scope: "col", colSpan: span});
      if (axis !== undefined) {
        cell.append(clipped(label(axis, columns[column][level])));
        cell.title = clipped(`${data.axes[axis].name}: ${label(axis, columns[column][level])}`, 2000);
        if (level === levels - 1) cell.append(hider(columns[column], "column"));
      }
      line.append(cell);
      column += span;
    }
    top.append(line);
  }
  return top;
}

function corner(line, down, named) {
  const cells = (down.length ? down : [null]).map((axis) => make("th", {className: "corner", scope: "col"}, axis === null ? "" : `${clipped(data.axes[axis].name)} ↓`));
  cells[cells.length - 1].prepend(make("div", {className: "across"}, named));
  line.append(...cells);
}

function hider(place, kind) {
  const hidden = kind === "row" ? state.hiddenRows : state.hiddenColumns;
  return make("button", {className: "hide", type: "button", ariaLabel: `Hide this ${kind}`, tabIndex: -1,
    on: {click: () => { hidden.add(place.join()); draw(); }}}, "✕");
}

function body(rows, columns) {
  const part = make("tbody");
  const down = data.layout.rows;
  rows.forEach((row, y) => {
    const line = make("tr");
    down.forEach((axis, level) => {
      const start = (other) => rows[other].slice(0, level + 1).join();
      if (level < down.length - 1 && y && start(y) === start(y - 1)) return;
      let span = 1;
      while (level < down.length - 1 && y + span < rows.length && start(y + span) === start(y)) span++;
      const cell = make("th", {scope: "row", rowSpan: span, title: clipped(`${data.axes[axis].name}: ${label(axis, row[level])}`, 2000)}, clipped(label(axis, row[level])));
      cell.dataset.level = level;
      if (level === down.length - 1) cell.append(hider(row, "row"));
      line.append(cell);
    });
    if (!down.length) line.append(make("th", {scope: "row"}));
    columns.forEach((column, x) => line.append(make("td", {}, button(cellAt(row, column), x, y, row, column))));
    part.append(line);
  });
  return part;
}

function button(cell, x, y, row, column) {
  const box = make("button", {className: "cell", type: "button", tabIndex: -1});
  Object.assign(box.dataset, {x, y, row: row.join(), column: column.join()});
  if (!cell) {
    box.append(make("span", {className: "note"}, "left out"));
    box.ariaLabel = "left out";
    return box;
  }
  box.dataset.at = cell.i.join();
  box.ariaLabel = clipped(words(cell), 1000) + (cell.e ? `, failed: ${cell.e}` : imageData(cell) ? "" : ", not rendered yet");
  if (imageData(cell)) {
    const image = make("img", {alt: "", width: imageData(cell).w, height: imageData(cell).h});
    image.dataset.src = imageData(cell).thumb || imageData(cell).full;
    box.classList.toggle("small", isSmall(cell));
    box.append(image);
    near.observe(image);
  } else {
    box.append(make("span", {className: cell.e ? "note bad" : "note"}, cell.e ? `failed: ${cell.e.slice(0, 300)}` : "not rendered yet"));
  }
  if (state.marked === box.dataset.at) box.classList.add("marked");
  heat(box, cell);
  return box;
}

function settle(table) {
  // sticky offsets: a header row stands below the one above it, a header column beside the one before it
  let top = 0;
  for (const line of table.tHead.rows) {
    for (const cell of line.cells) cell.style.top = `${top}px`;
    top += line.getBoundingClientRect().height;
  }
  const corners = [...table.tHead.querySelectorAll("tr:last-child .corner")];
  const lefts = corners.map((cell, index) => corners.slice(0, index).reduce((sum, other) => sum + other.getBoundingClientRect().width, 0));
  if (innerWidth > 740) {
    corners.forEach((cell, index) => { cell.style.left = `${lefts[index]}px`; });
    for (const cell of table.tBodies[0].querySelectorAll("th")) cell.style.left = `${lefts[cell.dataset.level] || 0}px`;
  }
  const first = table.querySelector(`.cell[data-x="${state.focus[0]}"][data-y="${state.focus[1]}"]`) || table.querySelector(".cell");
  if (first) first.tabIndex = 0;
}

function filter() {
  const wanted = find("#query").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0, all = 0;
  for (const box of document.querySelectorAll(".cell[data-at]")) {
    const off = !fits(at.get(box.dataset.at), wanted);
    box.classList.toggle("off", off);
    shown += !off; all++;
  }
  find("#status").textContent = wanted.length ? `${shown} of ${all} images match` : "";
}

// --- measures ---------------------------------------------------------------------------------------------------------

function range(name) {
  const values = data.cells.map((cell) => cell.m[name]).filter((value) => value !== undefined);
  return [Math.min(...values), Math.max(...values)];
}

function heat(box, cell) {
  const name = find("#measure").value;
  if (!name || cell.m[name] === undefined) return;
  const [low, high] = range(name);
  const share = high > low ? (cell.m[name] - low) / (high - low) : 0;
  const warm = name.startsWith("ssim") ? 1 - share : share;
  const shade = make("span", {className: "heat"});
  shade.style.background = `hsl(${240 - 240 * warm} 90% 50% / .42)`;
  box.append(shade, make("span", {className: "figure"}, figure(cell.m[name])));
}

const figure = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 1 ? value.toFixed(2) : value.toFixed(3));

function effects() {
  if (!data.effects.length) return;
  find("#effects").hidden = false;
  const names = Object.keys(data.effects[0].changes);
  const top = make("tr", {}, ...["axis", "value", "pairs", "RMSE", "SSIM", ...names].map((name) => make("th", {scope: "col", title: data.measures[name.toLowerCase()] || ""}, name)));
  const lines = data.effects.map((e) => make("tr", {}, ...[e.axis, e.label, e.pairs, figure(e.rmse), figure(e.ssim),
    ...names.map((name) => (e.changes[name] > 0 ? "+" : "") + figure(e.changes[name] ?? 0))].map((text) => make("td", {}, String(text)))));
  find("#effects .wide").append(make("table", {className: "plain"}, make("thead", {}, top), make("tbody", {}, ...lines)));
}

function results() {
  if (!data.results.length) return;
  find("#results").hidden = false;
  for (const axis of data.results) {
    const table = make("table", {className: "plain"}, make("caption", {}, `${axis.axis}: ${axis.votes} votes of ${axis.voters.length} ${axis.voters.length === 1 ? "voter" : "voters"}`));
    table.append(make("thead", {}, make("tr", {}, ...["value", "against", "won", "lost", "tied", "win rate", "95 % interval", "p"].map((name) => make("th", {scope: "col"}, name)))));
    const part = make("tbody");
    for (const pair of axis.pairs) {
      const track = make("span", {className: "track", role: "img", ariaLabel: `${figure(pair.low)} to ${figure(pair.high)}`}, make("u"));
      const bar = make("i"), mark = make("b");
      bar.style.left = `${pair.low * 100}%`; bar.style.right = `${100 - pair.high * 100}%`;
      mark.style.left = `${pair.rate * 100}%`;
      track.append(bar, mark);
      const cells = [pair.first, pair.second, pair.won, pair.lost, pair.tied, `${(pair.rate * 100).toFixed(0)} %`].map((text) => make("td", {}, String(text)));
      part.append(make("tr", {}, ...cells, make("td", {}, `${(pair.low * 100).toFixed(0)}–${(pair.high * 100).toFixed(0)} % `, track), make("td", {}, pair.p < 0.001 ? "<0.001" : pair.p.toFixed(3))));
    }
    table.append(part);
    find("#results .wide").append(table, make("p", {}, axis.summary));
  }
}

// --- one image, two images ----------------------------------------------------------------------------------------

const viewer = find("#viewer");

function open(cell) {
  state.open = cell;
  if (!viewer.open) viewer.showModal();
  const other = find("#other");
  const chosen = state.marked ?? baseline(cell)?.i.join();
  const choices = data.cells.filter((one) => imageData(one) && one !== cell && (one.i.filter((v, a) => v !== cell.i[a]).length === 1 || one.i.join() === chosen));
  other.replaceChildren(...choices.map((one) => make("option", {value: one.i.join()}, differing(one, cell))));
  if (choices.some((one) => one.i.join() === chosen)) other.value = chosen;
  show();
}

function differing(cell, from) {
  const parts = cell.i.map((index, axis) => (index === from.i[axis] ? "" : `${clipped(data.axes[axis].name)}: ${clipped(label(axis, index))}`)).filter(Boolean);
  return (cell.i.join() === state.marked ? "marked, " : "") + parts.join(", ");
}

function show() {
  const cell = state.open, other = at.get(find("#other").value);
  find("#where").textContent = clipped(words(cell), 600);
  for (const choice of document.querySelectorAll("[data-mode]")) {
    choice.setAttribute("aria-pressed", String(choice.dataset.mode === state.mode));
    choice.disabled = choice.dataset.mode !== "one" && (!other || !imageData(cell));
  }
  find("#stage").replaceChildren(...stage(cell, state.mode === "one" ? null : other));
  facts(cell, other ?? baseline(cell));
}

const image = (cell) => make("img", {src: imageData(cell).full, alt: clipped(words(cell), 1000), className: isSmall(cell) ? "small" : ""});

function stage(cell, other) {
  if (!imageData(cell)) return [make("p", {className: "note"}, cell.e ? `failed: ${cell.e}` : "not rendered yet")];
  if (!other) return [make("figure", {}, make("div", {className: "frame"}, image(cell)))];
  if (state.mode === "side") {
    return [other, cell].map((shown) => make("figure", {}, make("div", {className: "frame"}, image(shown)), make("figcaption", {}, shown === cell ? differing(cell, other) || "this one" : differing(other, cell))));
  }
  return [state.mode === "slider" ? slider(cell, other) : difference(cell, other)];
}

function slider(cell, other) {
  const front = image(other), edge = make("span", {className: "edge"});
  const knob = make("input", {type: "range", className: "knob", min: 0, max: 100, step: .5, value: state.knob, ariaLabel: "Position of the slider between both images"});
  const frame = make("div", {className: "frame"}, image(cell), front, edge, knob);
  const move = () => {
    state.knob = Number(knob.value);
    front.style.clipPath = `inset(0 ${100 - state.knob}% 0 0)`;
    edge.style.left = `${state.knob}%`;
  };
  knob.addEventListener("input", move);
  frame.addEventListener("pointermove", (event) => {
    if (event.target === knob) return;
    const box = frame.getBoundingClientRect();
    knob.value = (100 * (event.clientX - box.left)) / box.width;
    move();
  });
  move();
  return make("figure", {}, frame, make("figcaption", {}, `left: ${differing(other, cell)} · right: ${differing(cell, other)}`));
}

function difference(cell, other) {
  const frame = make("div", {className: "frame difference"}, image(cell), image(other));
  const gain = make("input", {type: "range", min: 1, max: 16, step: 1, value: state.gain, ariaLabel: "Brighten the difference"});
  const out = make("output");
  const move = () => { state.gain = Number(gain.value); frame.style.filter = `brightness(${state.gain})`; out.textContent = `${state.gain}×`; };
  gain.addEventListener("input", move);
  move();
  return make("figure", {}, frame, make("label", {className: "gain"}, "brighten ", gain, out), make("figcaption", {}, `difference from ${differing(other, cell)}`));
}

// --- facts and differences --------------------------------------------------------------------------------------------

function facts(cell, other) {
  const heads = (text) => make("h3", {}, text);
  const settings = make("dl");
  for (const name of new Set([...Object.keys(cell.s), ...Object.keys(other?.s ?? {})])) {
    const mine = cell.s[name] ?? "—", theirs = other ? other.s[name] ?? "—" : mine;
    settings.append(make("dt", {}, name), make("dd", {className: mine === theirs ? "" : "changed"}, mine === theirs ? mine : `${mine} (compared: ${theirs})`));
  }
  if (cell.t !== null && cell.t !== undefined) settings.append(make("dt", {}, "seconds"), make("dd", {}, figure(cell.t)));
  if (imageData(cell)) settings.append(make("dt", {}, "file"), make("dd", {}, imageData(cell).file));
  const measures = make("dl");
  for (const [name, value] of Object.entries(cell.m)) measures.append(make("dt", {}, name), make("dd", {}, figure(value)));
  const compared = other && other !== cell;
  const heading = compared ? `Prompt, compared with ${differing(other, cell) || "the baseline"}` : "Prompt";
  find("#facts").replaceChildren(heads(heading), diffed(other ? data.texts[other.p] : data.texts[cell.p], data.texts[cell.p]),
    ...(data.texts[cell.n] || (other && data.texts[other.n]) ? [heads("Negative prompt"), diffed(other ? data.texts[other.n] : data.texts[cell.n], data.texts[cell.n])] : []),
    heads("Settings"), settings, ...(measures.children.length ? [heads("Measures"), measures] : []));
}

function diffed(before, after) {
  const box = make("div", {className: "text", tabIndex: 0});
  for (const [kind, text] of diff(before, after)) box.append(kind ? make(kind, {}, text) : text);
  return box;
}

function diff(before, after) {
  // longest common subsequence of words; marks and spaces stand alone
  const split = (text) => text.match(/[\p{L}\p{N}@_.'-]+|\s+|\S/gu) ?? [];
  const a = split(before), b = split(after);
  let start = 0, end = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const x = a.slice(start, a.length - end), y = b.slice(start, b.length - end);
  const made = [["", a.slice(0, start).join("")]];
  if (x.length * y.length > 4e6) made.push(["del", x.join("")], ["ins", y.join("")]);
  else made.push(...middle(x, y));
  made.push(["", a.slice(a.length - end).join("")]);
  return made.filter(([, text]) => text);
}

function middle(x, y) {
  const width = y.length + 1;
  const length = new Uint32Array((x.length + 1) * width);
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) {
      length[i * width + j] = x[i] === y[j] ? length[(i + 1) * width + j + 1] + 1 : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  const made = [];
  const put = (kind, text) => { if (made.length && made[made.length - 1][0] === kind) made[made.length - 1][1] += text; else made.push([kind, text]); };
  let i = 0, j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) { put("", x[i++]); j++; }
    else if (i < x.length && (j >= y.length || length[(i + 1) * width + j] >= length[i * width + j + 1])) put("del", x[i++]);
    else put("ins", y[j++]);
  }
  return made;
}

// --- keys and controls ------------------------------------------------------------------------------------------------

function step(from, dx, dy) {
  const box = document.querySelector(`.cell[data-x="${Number(from.dataset.x) + dx}"][data-y="${Number(from.dataset.y) + dy}"]`);
  if (!box) return from;
  from.tabIndex = -1;
  box.tabIndex = 0;
  state.focus = [Number(box.dataset.x), Number(box.dataset.y)];
  box.focus({preventScroll: viewer.open});
  return box;
}

const MOVES = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

function mark(box) {
  const before = state.marked;
  state.marked = before === box.dataset.at ? null : box.dataset.at;
  for (const other of document.querySelectorAll(".cell[data-at]")) other.classList.toggle("marked", other.dataset.at === state.marked);
  find("#status").textContent = state.marked ? "marked; open another image to compare" : "mark removed";
}

find("#table").addEventListener("click", (event) => {
  const box = event.target.closest(".cell[data-at]");
  if (!box) return;
  const before = document.querySelector('.cell[tabindex="0"]');
  if (before) before.tabIndex = -1;
  box.tabIndex = 0;
  state.focus = [Number(box.dataset.x), Number(box.dataset.y)];
  if (event.shiftKey) mark(box); else open(at.get(box.dataset.at));
});

find("#table").addEventListener("keydown", (event) => {
  const box = event.target.closest(".cell");
  if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
  if (MOVES[event.key]) step(box, ...MOVES[event.key]);
  else if (event.key === "m" && box.dataset.at) mark(box);
  else if (event.key === "x" || event.key === "X") {
    (event.shiftKey ? state.hiddenColumns : state.hiddenRows).add(event.shiftKey ? box.dataset.column : box.dataset.row);
    draw();
    document.querySelector('.cell[tabindex="0"]')?.focus();
  } else return;
  event.preventDefault();
});

viewer.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const modes = {1: "one", 2: "side", 3: "slider", 4: "difference"};
  if (MOVES[event.key]) {
    const box = document.querySelector('.cell[tabindex="0"]');
    const next = box && step(box, ...MOVES[event.key]);
    if (next?.dataset.at) { open(at.get(next.dataset.at)); find("#close").focus(); }
  } else if (modes[event.key]) { state.mode = modes[event.key]; show(); }
  else return;
  event.preventDefault();
});
viewer.addEventListener("close", () => document.querySelector('.cell[tabindex="0"]')?.focus());
find("#close").addEventListener("click", () => viewer.close());
find("#other").addEventListener("change", () => { if (state.mode === "one") state.mode = "side"; show(); });
for (const choice of document.querySelectorAll("[data-mode]")) choice.addEventListener("click", () => { state.mode = choice.dataset.mode; show(); });
find("#query").addEventListener("input", filter);
find("#measure").addEventListener("change", draw);
find("#unhide").addEventListener("click", () => { state.hiddenRows.clear(); state.hiddenColumns.clear(); draw(); });
find("#size").addEventListener("input", () => { document.documentElement.style.setProperty("--cell", `${find("#size").value}px`); settle(find("#table table")); });
find("#theme").addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
});

function start() {
  document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  find("#title").textContent = data.name;
  find("#about").textContent = data.about;
  const done = data.cells.filter(imageData).length, failed = data.cells.filter((cell) => cell.e).length;
  const seconds = new Map(data.cells.map((cell) => [cell.k, cell.t ?? 0]));
  const total = [...seconds.values()].reduce((sum, value) => sum + value, 0);
  find("#summary").textContent = `${done} of ${data.cells.length} images${failed ? `, ${failed} failed` : ""}, ${total.toFixed(1)} s of rendering`;
  for (const [name, text] of Object.entries(data.shared)) find("#shared").append(make("div", {}, make("dt", {}, name), make("dd", {}, text)));
  const across = distinct(data.cells, "columns").length;
  const natural = Math.max(...Object.values(data.images).map((one) => Math.max(one.w, one.h)), 64);
  const wide = Math.floor((innerWidth - (innerWidth > 740 ? 260 : 110)) / Math.max(1, across));
  find("#size").value = Math.max(72, Math.min(wide, natural < 160 ? 160 : 256));
  document.documentElement.style.setProperty("--cell", `${find("#size").value}px`);
  for (const name of [...new Set(data.cells.flatMap((cell) => Object.keys(cell.m)))]) {
    find("#measure").append(make("option", {value: name, title: data.measures[name.split(" ")[0]] ?? ""}, name));
  }
  state.page = distinct(data.cells, "pages")[0];
  const pages = distinct(data.cells, "pages");
  data.layout.pages.forEach((axis, depth) => {
    const choose = make("select", {}, ...[...new Set(pages.map((page) => page[depth]))].map((index) => make("option", {value: index}, clipped(label(axis, index), 80))));
    choose.addEventListener("change", () => {
      const wanted = state.page.with(depth, Number(choose.value));
      state.page = pages.find((page) => page.join() === wanted.join()) ?? pages.find((page) => page[depth] === wanted[depth]);
      document.querySelectorAll("#pages select").forEach((other, place) => { other.value = state.page[place]; });
      draw();
    });
    find("#pages").append(make("label", {}, `${clipped(data.axes[axis].name, 60)} `, choose));
  });
  effects();
  results();
  draw();
}

start();
