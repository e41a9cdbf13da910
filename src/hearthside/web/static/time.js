// What the time axis needs in the browser: the cursor of a day, the zoom, and reading cells and rows. It stores nothing.
"use strict";

(() => {
const MINUTE = 60000;
const down = () => matchMedia("(max-width: 820px)").matches; // on a phone, where weeks go down
const ZOOMABLE = ".daychart, .span-holder, .heat-maps, .actogram-card";

// ---- the cursor of a day or an hour -----------------------------------------------------------------------------------

let wish = 0; // timer of the minute that will be asked for

function minuteAt(chart, clientX) {
  const box = chart.querySelector(".plot").getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (clientX - box.left) / box.width));
  return Math.floor(share * (Number(chart.ariaValueMax) + 1));
}

/** The person's UTC offset at a time: it changes within a day where clocks are changed or the person travels. */
function offsetAt(chart, ms) {
  const runs = JSON.parse(chart.dataset.offsets || "[]").filter(([start]) => start <= ms);
  return runs.length ? runs[runs.length - 1][1] : Number(chart.dataset.offset);
}

function moveCursor(chart, minute, waitMs) {
  const last = Number(chart.ariaValueMax);
  minute = Math.min(last, Math.max(0, minute));
  const ms = Number(chart.dataset.start) + minute * MINUTE;
  const clock = new Date(ms + offsetAt(chart, ms) * MINUTE).toISOString().slice(11, 16);
  chart.style.setProperty("--at", `${(100 * minute) / (last + 1)}%`);
  chart.classList.add("has-cursor");
  chart.ariaValueNow = String(minute);
  chart.ariaValueText = clock;
  clearTimeout(wish);
  wish = setTimeout(() => {
    chart.dispatchEvent(new CustomEvent("minute", { bubbles: true, detail: ms }));
    keepMoment(chart, ms);
  }, waitMs);
}

/** Every link of the zoom leads to the minute under the cursor; a minute that is held stands in the address too. */
function keepMoment(chart, ms) {
  for (const link of document.querySelectorAll(".zoom-bar .zoom a")) {
    const url = new URL(link.href);
    url.searchParams.set("at", ms);
    link.href = url;
  }
  if (!chart.classList.contains("held")) return;
  const here = new URL(location.href);
  here.searchParams.set("at", ms);
  history.replaceState(history.state, "", here);
}

function chartOf(event) {
  const chart = event.target.closest?.(".daychart");
  return chart && event.target.closest(".plot, .row-of-day") ? chart : null;
}

document.addEventListener("pointermove", (event) => {
  const chart = event.pointerType === "mouse" ? chartOf(event) : null;
  if (chart && !chart.classList.contains("held")) moveCursor(chart, minuteAt(chart, event.clientX), 70);
});

document.addEventListener("click", (event) => {
  const chart = chartOf(event);
  if (!chart) return;
  const held = chart.classList.contains("held");
  const touch = event.pointerType && event.pointerType !== "mouse";
  chart.classList.toggle("held", touch || !held);
  // a mouse holds the minute it already shows; a finger has shown none yet
  const shown = Number(chart.ariaValueNow);
  moveCursor(chart, touch || !chart.classList.contains("has-cursor") ? minuteAt(chart, event.clientX) : shown, 0);
});

document.addEventListener("keydown", (event) => {
  const chart = event.target.closest?.(".daychart");
  if (!chart) return;
  const now = Number(chart.ariaValueNow);
  const step = event.shiftKey ? (chart.classList.contains("close-up") ? 10 : 60) : 1;
  const moves = {
    ArrowRight: now + step, ArrowUp: now + step, ArrowLeft: now - step, ArrowDown: now - step,
    PageUp: now + 60, PageDown: now - 60, Home: 0, End: Number(chart.ariaValueMax),
  };
  if (event.key === "Escape") chart.classList.remove("held");
  if (!(event.key in moves)) return;
  event.preventDefault();
  chart.classList.add("held");
  moveCursor(chart, moves[event.key], 90);
});

function beginAtWantedMinute() {
  const holder = document.querySelector(".chart-holder[data-at]");
  const chart = holder?.querySelector(".daychart");
  if (!chart || chart.dataset.begun) return;
  chart.dataset.begun = "yes";
  chart.classList.add("held");
  moveCursor(chart, Math.floor((Number(holder.dataset.at) - Number(chart.dataset.start)) / MINUTE), 150);
  if (down()) chart.scrollIntoView({ block: "start" }); // a phone shows the chart above what is known of the minute
}

// ---- what is known of the minute: on a phone a sheet of one line that opens ---------------------------------------------

function openSheet(sheet, open) {
  sheet.classList.toggle("sheet-open", open);
  sheet.querySelector(".sheet-more").ariaExpanded = String(open);
  sheet.querySelector(".slice").scrollTop = 0;
}

document.addEventListener("click", (event) => {
  const sheet = event.target.closest?.(".slice-panel");
  if (!sheet || !down()) return;
  const open = sheet.classList.contains("sheet-open");
  if (!open || event.target.closest(".sheet-more")) openSheet(sheet, !open);
});

document.addEventListener("keydown", (event) => {
  const sheet = event.key === "Escape" ? document.querySelector(".slice-panel.sheet-open") : null;
  if (sheet) openSheet(sheet, false);
});

// ---- the zoom: + and - keys, Ctrl and the wheel (a pinch on a touchpad), two fingers ------------------------------------

/** Nearer leads into the cell that is pointed at, where there is one; else it keeps the moment. */
function zoom(direction, at) {
  const cell = direction === "in" ? at?.closest?.("a.week-row, a.month-cell, a.heat-day") : null;
  (cell ?? document.querySelector(`.zoom-step[data-zoom=${direction}]`))?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select")) return;
  const direction = { "+": "in", "=": "in", "-": "out", "_": "out", "−": "out" }[event.key];
  if (direction) zoom(direction, document.activeElement);
});

let turned = 0; // how far the wheel was turned, in its own units
document.addEventListener("wheel", (event) => {
  if (!event.ctrlKey || !event.target.closest?.(ZOOMABLE)) return;
  event.preventDefault();
  turned = Math.sign(turned) === Math.sign(event.deltaY) ? turned + event.deltaY : event.deltaY;
  if (Math.abs(turned) < 50) return;
  zoom(turned < 0 ? "in" : "out", event.target);
  turned = 0;
}, { passive: false });

let pinch = null; // where two fingers began, and how far apart they were and are
const apart = (touches) => Math.hypot(touches[0].clientX - touches[1].clientX, touches[0].clientY - touches[1].clientY);
document.addEventListener("touchstart", (event) => {
  const inside = event.touches.length === 2 && event.target.closest?.(ZOOMABLE);
  pinch = inside ? { from: apart(event.touches), to: apart(event.touches), at: event.target } : null;
}, { passive: true });
document.addEventListener("touchmove", (event) => {
  if (pinch && event.touches.length === 2) pinch.to = apart(event.touches);
}, { passive: true });
document.addEventListener("touchend", () => {
  if (!pinch) return;
  const ratio = pinch.to / pinch.from;
  if (ratio > 1.3) zoom("in", pinch.at);
  if (ratio < 0.77) zoom("out", pinch.at);
  pinch = null;
});

// ---- a week: the place in a row that was clicked is the minute of the day that opens --------------------------------------

document.addEventListener("click", (event) => {
  const row = event.target.closest?.("a.week-row");
  const box = row?.querySelector(".plot").getBoundingClientRect();
  if (!row || !event.detail || event.clientX < box.left) return; // by keyboard it opens as it is
  const share = Math.min(0.9999, Math.max(0, (event.clientX - box.left) / box.width));
  const start = Number(row.dataset.start);
  const url = new URL(row.href);
  url.searchParams.set("at", start + Math.floor((share * (Number(row.dataset.end) - start)) / MINUTE) * MINUTE);
  row.href = url;
}, { capture: true });

// ---- a year: the figure of the day pointed at; arrow keys; a finger reads first and opens with the second tap ------------

function say(words) {
  const line = document.querySelector(".heat-read p");
  if (!line) return;
  line.textContent = words;
  line.className = "said";
}

document.addEventListener("pointerover", (event) => {
  const cell = event.pointerType === "mouse" ? event.target.closest?.(".heat .heat-day") : null;
  if (cell) say(cell.ariaLabel);
});

document.addEventListener("click", (event) => {
  const cell = event.target.closest?.(".heat .heat-day");
  if (!cell || event.pointerType === "mouse" || !event.detail || cell.classList.contains("pointed")) return;
  event.preventDefault();
  point(cell);
  say(`${cell.ariaLabel}. Tap again to open the day.`);
});

function point(cell) {
  document.querySelector(".heat-day.pointed")?.classList.remove("pointed");
  cell.classList.add("pointed");
}

document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.(".heat .heat-day");
  if (!cell) return;
  const week = down() ? { ArrowDown: 7, ArrowUp: -7 } : { ArrowRight: 7, ArrowLeft: -7 };
  const day = down() ? { ArrowRight: 1, ArrowLeft: -1 } : { ArrowDown: 1, ArrowUp: -1 };
  const step = { ...week, ...day, PageDown: 28, PageUp: -28 }[event.key];
  if (!step) return;
  event.preventDefault();
  const cells = [...cell.parentElement.querySelectorAll(".heat-day")];
  const next = cells[Math.min(cells.length - 1, Math.max(0, cells.indexOf(cell) + step))];
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  say(next.ariaLabel);
});

// ---- rhythms: the row pointed at, in the words of the table below ---------------------------------------------------------

function rowsOfTable() {
  return [...document.querySelectorAll(".rhythm-table tbody tr")].reverse(); // the table begins with the newest
}

function pointRow(plot, place) {
  const rows = rowsOfTable();
  place = Math.min(rows.length - 1, Math.max(0, place));
  plot.classList.add("has-row");
  plot.style.setProperty("--at-row", place);
  plot.ariaValueNow = String(place);
  plot.ariaValueText = rows[place].dataset.words;
  say(rows[place].dataset.words);
  return rows[place];
}

/** The right half of a row shows the day after it. */
function placeAt(plot, event) {
  const box = plot.getBoundingClientRect();
  const row = Math.floor(((event.clientY - box.top) / box.height) * (Number(plot.ariaValueMax) + 1));
  return row + (event.clientX > box.left + box.width / 2 ? 1 : 0);
}

function openRow(row) {
  row.querySelector("a").click();
}

document.addEventListener("pointermove", (event) => {
  const plot = event.pointerType === "mouse" ? event.target.closest?.(".actogram") : null;
  if (plot) pointRow(plot, placeAt(plot, event));
});

document.addEventListener("click", (event) => {
  const plot = event.target.closest?.(".actogram");
  if (!plot) return;
  const before = plot.classList.contains("has-row") ? plot.ariaValueNow : "";
  const row = pointRow(plot, placeAt(plot, event));
  if (event.pointerType === "mouse" || before === plot.ariaValueNow) openRow(row);
  else say(`${row.dataset.words}. Tap again to open the day.`);
});

document.addEventListener("keydown", (event) => {
  const plot = event.target.closest?.(".actogram");
  if (!plot) return;
  const now = Number(plot.ariaValueNow);
  const last = Number(plot.ariaValueMax);
  const moves = {
    ArrowDown: now + 1, ArrowRight: now + 1, ArrowUp: now - 1, ArrowLeft: now - 1,
    PageDown: now + 7, PageUp: now - 7, Home: 0, End: last,
  };
  if (event.key === "Enter") openRow(rowsOfTable()[now]);
  if (!(event.key in moves)) return;
  event.preventDefault();
  pointRow(plot, moves[event.key]);
});

// ---- the words in bars: as many as fit, and an ellipsis where that is not all --------------------------------------------

const WORDS = "text.bar-words";
const END_PX = 5; // between the words and the end of their bar
const LEAST = 3; // fewer letters than these say nothing
const HALF = /[\uD800-\uDBFF]$/; // the first half of a character that takes two
const wholeWords = new WeakMap(); // what a bar says where there is room
const fittedTo = new WeakMap(); // how wide it was when its words were last cut, px

/** How many letters from the first fit, measured in the whole words; all of them where they do. */
function lettersThatFit(label, words, room) {
  if (label.getComputedTextLength() <= room) return words.length;
  const dots = Math.min(room, parseFloat(getComputedStyle(label).fontSize)); // the ellipsis is at most an em wide
  let low = 0;
  for (let high = label.getNumberOfChars(); low < high;) {
    const middle = Math.ceil((low + high) / 2);
    if (label.getSubStringLength(0, middle) <= room - dots) low = middle;
    else high = middle - 1;
  }
  return low;
}

function fitLabels() {
  const changed = [...document.querySelectorAll(WORDS)]
    .map((label) => ({ label, width: label.ownerSVGElement.width.baseVal.value }))
    .filter(({ label, width }) => width && fittedTo.get(label) !== width);
  for (const { label } of changed) { // all are written before any is measured: one layout for the whole page
    if (!wholeWords.has(label)) wholeWords.set(label, label.textContent);
    label.textContent = wholeWords.get(label);
  }
  const counts = changed.map(({ label, width }) =>
    lettersThatFit(label, wholeWords.get(label), width - label.x.baseVal[0].value - END_PX));
  changed.forEach(({ label, width }, place) => {
    const words = wholeWords.get(label);
    const count = counts[place];
    fittedTo.set(label, width);
    if (count === words.length) return;
    const kept = words.slice(0, count).replace(HALF, "").trimEnd();
    label.textContent = kept.length < LEAST ? "" : `${kept}…`;
  });
}

let fitting = 0;
function fitSoon() {
  cancelAnimationFrame(fitting);
  fitting = requestAnimationFrame(fitLabels);
}
addEventListener("resize", fitSoon);
document.fonts.ready.then(fitSoon);

new MutationObserver(() => {
  beginAtWantedMinute();
  fitSoon();
}).observe(document, { childList: true, subtree: true });
})();
